// PNG decoding over libpng. https://www.w3.org/TR/png-3/
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "Codec.h"

// Everything that must survive a longjmp lives here, on the heap, where no compiler keeps it in a register.
struct RestorePNGReader {
    png_structp png;
    png_infop info;
    jmp_buf on_error;
    const uint8_t *bytes;
    size_t count;
    size_t offset;
    RestorePixelFormat format;
    int has_palette;
    int is_used;
    int code;
    char message[RESTORE_CODEC_MESSAGE_SIZE];
};

static void fail(png_structp png, png_const_charp text) {
    RestorePNGReader *reader = png_get_error_ptr(png);
    // libpng has no error codes; this is how it says that an allocation failed.
    reader->code = strcmp(text, "Out of memory") == 0 ? RESTORE_CODEC_NO_MEMORY : RESTORE_CODEC_DAMAGED;
    restore_set_message(reader->message, text);
    longjmp(reader->on_error, 1);
}

static void ignore_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void read_bytes(png_structp png, png_bytep target, size_t count) {
    RestorePNGReader *reader = png_get_io_ptr(png);
    if (count > reader->count - reader->offset) { png_error(png, "the file ends too early"); }
    memcpy(target, reader->bytes + reader->offset, count);
    reader->offset += count;
}

static void limit_resources(png_structp png) {
    // The caller limits the pixels before the first row is asked for; libpng's own limit of a million pixels a
    // side would refuse panoramas.
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_cache_max(png, 1000);
    png_set_chunk_malloc_max(png, 8000000);
    // Transparency (tRNS) is an ancillary chunk by its name: passing over a damaged one would alter the picture.
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
}

// Told from the chunks before the pixels: asking libpng, by png_read_update_info, would make it take memory for two
// rows of whatever width the file claims.
static RestorePixelFormat expanded_format(png_const_structp png, png_const_infop info) {
    const int color_type = png_get_color_type(png, info);
    const int has_alpha = (color_type & PNG_COLOR_MASK_ALPHA) || png_get_valid(png, info, PNG_INFO_tRNS);
    return (RestorePixelFormat){
        .width = png_get_image_width(png, info),
        .height = png_get_image_height(png, info),
        .channels = ((color_type & PNG_COLOR_MASK_COLOR) ? 3 : 1) + (has_alpha ? 1 : 0),
        .bits_per_sample = png_get_bit_depth(png, info) == 16 ? 16 : 8,
    };
}

static int read_header(RestorePNGReader *reader) {
    if (setjmp(reader->on_error)) { return reader->code; }
    png_set_read_fn(reader->png, reader, read_bytes);
    limit_resources(reader->png);
    png_read_info(reader->png, reader->info);
    reader->has_palette = png_get_color_type(reader->png, reader->info) == PNG_COLOR_TYPE_PALETTE;
    reader->format = expanded_format(reader->png, reader->info);
    if (restore_row_size(reader->format) == 0) {
        png_error(reader->png, "the header gives an impossible size");
    }
    return RESTORE_CODEC_OK;
}

int restore_png_open(const uint8_t *bytes, size_t count, RestorePNGReader **result, RestorePixelFormat *format,
                     char *message) {
    *result = NULL;
    RestorePNGReader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        restore_set_message(message, "out of memory");
        return RESTORE_CODEC_NO_MEMORY;
    }
    reader->bytes = bytes;
    reader->count = count;
    // Creating reports failure by NULL and calls the error function under libpng's own setjmp only.
    reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    if (reader->png != NULL) {
        png_set_error_fn(reader->png, reader, fail, ignore_warning);
        reader->info = png_create_info_struct(reader->png);
    }
    int code = RESTORE_CODEC_NO_MEMORY;
    restore_set_message(reader->message, "out of memory");
    if (reader->info != NULL) { code = read_header(reader); }
    if (code != RESTORE_CODEC_OK) {
        restore_set_message(message, reader->message);
        restore_png_close(reader);
        return code;
    }
    *format = reader->format;
    *result = reader;
    return RESTORE_CODEC_OK;
}

// Replaces the indices that fill the end of `pixels` by colours, in place: a colour never reaches an index that
// is still to be read. libpng can do this too, but takes an index beyond the palette for black.
static void expand_palette(RestorePNGReader *reader, uint8_t *pixels, const uint8_t *indices) {
    png_colorp palette = NULL;
    png_bytep alpha = NULL;
    int color_count = 0, alpha_count = 0;
    png_get_PLTE(reader->png, reader->info, &palette, &color_count);
    if (reader->format.channels == 4) { png_get_tRNS(reader->png, reader->info, &alpha, &alpha_count, NULL); }
    size_t count = (size_t)reader->format.width * reader->format.height;
    for (size_t position = 0; position < count; position++) {
        const int index = indices[position];
        if (index >= color_count) { png_error(reader->png, "a pixel has no color in the palette"); }
        *pixels++ = palette[index].red;
        *pixels++ = palette[index].green;
        *pixels++ = palette[index].blue;
        if (alpha != NULL) { *pixels++ = index < alpha_count ? alpha[index] : 255; }
    }
}

// Returns the number of passes over the rows.
static int start_rows(RestorePNGReader *reader, size_t row_size) {
    if (reader->has_palette) {
        png_set_packing(reader->png);  // one index a byte
    } else {
        png_set_expand(reader->png);
    }
    const uint16_t one = 1;
    if (*(const uint8_t *)&one == 1) { png_set_swap(reader->png); }  // samples are big-endian in the file
    const int passes = png_set_interlace_handling(reader->png);
    png_read_update_info(reader->png, reader->info);
    if (row_size != png_get_rowbytes(reader->png, reader->info)) {
        png_error(reader->png, "rows of an unexpected size");
    }
    return passes;
}

static int read_rows(RestorePNGReader *reader, uint8_t *pixels) {
    const RestorePixelFormat format = reader->format;
    const size_t size = restore_row_size(format) * format.height;
    const size_t row_size = reader->has_palette ? format.width : restore_row_size(format);
    uint8_t *const rows = reader->has_palette ? pixels + (size - row_size * format.height) : pixels;
    if (setjmp(reader->on_error)) { return reader->code; }
    const int passes = start_rows(reader, row_size);
    for (int pass = 0; pass < passes; pass++) {
        for (uint32_t y = 0; y < format.height; y++) { png_read_row(reader->png, rows + y * row_size, NULL); }
    }
    png_read_end(reader->png, NULL);
    if (reader->has_palette) { expand_palette(reader, pixels, rows); }
    return RESTORE_CODEC_OK;
}

int restore_png_decode(RestorePNGReader *reader, void *pixels, size_t size, char *message) {
    if (reader->is_used || size != restore_row_size(reader->format) * reader->format.height) {
        restore_set_message(message, "the reader was used before, or the buffer has the wrong size");
        return RESTORE_CODEC_UNSUPPORTED;
    }
    reader->is_used = 1;
    int code = read_rows(reader, pixels);
    if (code != RESTORE_CODEC_OK) { restore_set_message(message, reader->message); }
    return code;
}

void restore_png_close(RestorePNGReader *reader) {
    if (reader == NULL) { return; }
    png_destroy_read_struct(&reader->png, &reader->info, NULL);
    free(reader);
}
