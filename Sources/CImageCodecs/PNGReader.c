// PNG decoding over libpng. https://www.w3.org/TR/png-3/
#include <inttypes.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "Codec.h"

// Maximum number of compressed bytes after those of the last row.
enum { MOST_AFTER_ROWS = 64 << 10 };

// Number of compressed bytes that a tolerant reader takes at a time.
enum { TOLERANT_PIECE = 32 };

// Everything that must survive a longjmp lives here, on the heap, where no compiler keeps it in a register.
struct RestorePNGReader {
    png_structp png;
    png_infop info;
    jmp_buf on_error;
    const uint8_t *bytes;
    size_t count;
    size_t offset;
    RestorePixelFormat format;
    uint64_t rows_read;  // over all passes
    int pass_count;
    size_t end_limit;    // limit on what reading the last row may take from the file; 0 elsewhere
    int has_palette;
    int is_tolerant;
    int ignores_sum;  // the checksum of the compressed pixels (RFC 1950, Adler-32)
    int is_used;
    RestoreWarnings warnings;
    int code;
    char message[RESTORE_CODEC_MESSAGE_SIZE];
};

static void fail(png_structp png, png_const_charp text) {
    RestorePNGReader *reader = png_get_error_ptr(png);
    // libpng has no error codes; this message is its only sign that an allocation failed.
    reader->code = RESTORE_CODEC_DAMAGED;
    if (strcmp(text, "Out of memory") == 0) { reader->code = RESTORE_CODEC_NO_MEMORY; }
    if (strstr(text, "unhandled critical chunk") != NULL) { reader->code = RESTORE_CODEC_UNSUPPORTED; }
    restore_set_message(reader->message, text);
    longjmp(reader->on_error, 1);
}

// Whether a message is about a chunk that does not affect the samples: those are read elsewhere, and problems with them
// are reported there.
static int is_about_metadata(const char *text) {
    static const char names[][5] = {"acTL", "bKGD", "cHRM", "cICP", "cLLI", "eXIf", "fcTL", "fdAT",
                                    "gAMA", "hIST", "iCCP", "iTXt", "mDCV", "oFFs", "pCAL", "pHYs",
                                    "sBIT", "sCAL", "sPLT", "sRGB", "sTER", "tEXt", "tIME", "zTXt"};
    for (size_t index = 0; index < sizeof names / sizeof names[0]; index++) {
        if (strncmp(text, names[index], 4) == 0) { return 1; }
    }
    return 0;
}

// Chunks whose bytes are damaged are errors: by its name, transparency (tRNS) is an ancillary chunk, but skipping one
// would change the image, and an unknown chunk with a wrong checksum may be a tRNS whose name is damaged. A tRNS that is
// intact but breaks the rules is treated as by libpng, and thus by nearly every viewer: the image looks as it always has.
static void handle_warning(png_structp png, png_const_charp text) {
    RestorePNGReader *reader = png_get_error_ptr(png);
    if (is_about_metadata(text)) { return; }
    if (strstr(text, "CRC error") != NULL && !reader->is_tolerant) { png_error(png, text); }
    static const char transparency[] = "tRNS: ";
    if (strncmp(text, transparency, sizeof transparency - 1) == 0) {
        char line[RESTORE_CODEC_MESSAGE_SIZE];
        snprintf(line, sizeof line, "a transparency chunk (tRNS) is ignored: %s", text + sizeof transparency - 1);
        restore_add_warning(&reader->warnings, line);
    } else {
        restore_add_warning(&reader->warnings, text);
    }
}

static void read_bytes(png_structp png, png_bytep target, size_t count) {
    RestorePNGReader *reader = png_get_io_ptr(png);
    if (count > reader->count - reader->offset) { png_error(png, "the file ends too early"); }
    if (reader->end_limit > 0 && reader->offset + count > reader->end_limit) {
        png_error(png, "it contains far more data than its rows");
    }
    memcpy(target, reader->bytes + reader->offset, count);
    reader->offset += count;
}

static void limit_resources(png_structp png) {
    // The caller limits the pixels before requesting the first row; libpng's own limit of a million pixels per side
    // would reject panoramas.
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    // Only IHDR, PLTE, tRNS, IDAT and IEND are handled: the others are metadata, which restore reads itself, and libpng
    // skips them without allocating memory. No limit is therefore needed here; it would reject the image because of a
    // large animation frame.
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_chunk_cache_max(png, 1000);
    png_set_chunk_malloc_max(png, 0);
}

// Determined from the chunks before the pixels: asking libpng with png_read_update_info would make it allocate two rows
// of whatever width the file claims.
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

// libpng accepts unknown chunks before IHDR, which other programs reject (PNG 3rd edition, 5.6).
static void require_header_first(RestorePNGReader *reader) {
    const size_t place_of_name = 8 + 4;
    if (memcmp(reader->bytes + place_of_name, "IHDR", 4) == 0) { return; }
    static const char text[] = "the first chunk is not IHDR";
    if (!reader->is_tolerant) { png_error(reader->png, text); }
    restore_add_warning(&reader->warnings, text);
}

static int read_header(RestorePNGReader *reader) {
    if (setjmp(reader->on_error)) { return reader->code; }
    png_set_read_fn(reader->png, reader, read_bytes);
    limit_resources(reader->png);
    // See handle_warning for the treatment of ancillary chunks.
    png_set_crc_action(reader->png, reader->is_tolerant ? PNG_CRC_WARN_USE : PNG_CRC_ERROR_QUIT, PNG_CRC_WARN_DISCARD);
    // Data that libpng has requested and not received completely is lost.
    if (reader->is_tolerant) { png_set_compression_buffer_size(reader->png, TOLERANT_PIECE); }
    if (reader->ignores_sum) { png_set_option(reader->png, PNG_IGNORE_ADLER32, PNG_OPTION_ON); }
    png_read_info(reader->png, reader->info);
    require_header_first(reader);
    reader->has_palette = png_get_color_type(reader->png, reader->info) == PNG_COLOR_TYPE_PALETTE;
    reader->format = expanded_format(reader->png, reader->info);
    if (restore_row_size(reader->format) == 0) {
        png_error(reader->png, "the header gives an impossible size");
    }
    return RESTORE_CODEC_OK;
}

static int begin(RestorePNGReader *reader) {
    reader->offset = 0;
    reader->rows_read = 0;
    reader->end_limit = 0;
    restore_set_message(reader->message, "out of memory");
    // Creation reports failure by returning NULL, and calls the error function only under libpng's own setjmp.
    reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    if (reader->png == NULL) { return RESTORE_CODEC_NO_MEMORY; }
    png_set_error_fn(reader->png, reader, fail, handle_warning);
    reader->info = png_create_info_struct(reader->png);
    return reader->info == NULL ? RESTORE_CODEC_NO_MEMORY : read_header(reader);
}

int restore_png_open(const uint8_t *bytes, size_t count, int tolerant, RestorePNGReader **result,
                     RestorePixelFormat *format, char *message) {
    *result = NULL;
    RestorePNGReader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        restore_set_message(message, "out of memory");
        return RESTORE_CODEC_NO_MEMORY;
    }
    reader->bytes = bytes;
    reader->count = count;
    reader->is_tolerant = tolerant;
    const int code = begin(reader);
    if (code != RESTORE_CODEC_OK) {
        restore_set_message(message, reader->message);
        restore_png_close(reader);
        return code;
    }
    *format = reader->format;
    *result = reader;
    return RESTORE_CODEC_OK;
}

// The number of rows with any content, from the top.
static uint32_t filled_rows(const RestorePNGReader *reader) {
    const uint32_t height = reader->format.height;
    return reader->rows_read < height ? (uint32_t)reader->rows_read : height;
}

// Replaces the indices, which fill the end of `pixels`, by colors, in place: the colors never reach an index that has
// not been read yet. An index beyond the palette is black, as in libpng and nearly every viewer. libpng can do this too,
// but reports it only for some files.
static void expand_palette(RestorePNGReader *reader, uint8_t *pixels, const uint8_t *indices) {
    png_colorp palette = NULL;
    png_bytep alpha = NULL;
    int color_count = 0, alpha_count = 0;
    png_get_PLTE(reader->png, reader->info, &palette, &color_count);
    if (reader->format.channels == 4) { png_get_tRNS(reader->png, reader->info, &alpha, &alpha_count, NULL); }
    static const png_color black = {0, 0, 0};
    int lacks_color = 0;
    size_t count = (size_t)reader->format.width * filled_rows(reader);
    for (size_t position = 0; position < count; position++) {
        const int index = indices[position];
        lacks_color |= index >= color_count;
        const png_color color = index < color_count ? palette[index] : black;
        *pixels++ = color.red;
        *pixels++ = color.green;
        *pixels++ = color.blue;
        if (reader->format.channels == 4) { *pixels++ = index < alpha_count ? alpha[index] : 255; }
    }
    if (lacks_color) {
        restore_add_warning(&reader->warnings, "pixels without a color in the palette are black, as in viewers");
    }
}

// Returns the number of passes over the rows.
static int start_rows(RestorePNGReader *reader, size_t row_size) {
    if (reader->has_palette) {
        png_set_packing(reader->png);  // one index per byte
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

static void read_row(RestorePNGReader *reader, uint8_t *row) {
    // A later pass of a damaged file may be missing: blocks of the earlier passes take its place.
    png_read_row(reader->png, reader->is_tolerant ? NULL : row, reader->is_tolerant ? row : NULL);
    reader->rows_read++;
}

// libpng inflates everything after the last row only to discard it: a megabyte takes seconds.
static void read_last_row(RestorePNGReader *reader, uint8_t *row, size_t row_size) {
    reader->end_limit = reader->offset + row_size + row_size / 8 + MOST_AFTER_ROWS;
    read_row(reader, row);
    reader->end_limit = 0;
}

static int read_rows(RestorePNGReader *reader, uint8_t *rows, size_t row_size) {
    if (setjmp(reader->on_error)) { return reader->code; }
    const int passes = reader->pass_count = start_rows(reader, row_size);
    const uint32_t last = reader->format.height - 1;
    for (int pass = 0; pass < passes; pass++) {
        for (uint32_t y = 0; y < last; y++) { read_row(reader, rows + y * row_size); }
        uint8_t *const row = rows + last * row_size;
        if (pass < passes - 1) {
            read_row(reader, row);
        } else {
            read_last_row(reader, row, row_size);
        }
    }
    png_read_end(reader->png, NULL);
    return RESTORE_CODEC_OK;
}

static int finish_palette(RestorePNGReader *reader, uint8_t *pixels, const uint8_t *indices, size_t size) {
    if (setjmp(reader->on_error)) { return reader->code; }
    expand_palette(reader, pixels, indices);
    // The remaining bytes are indices of rows that have moved up.
    const size_t filled = restore_row_size(reader->format) * filled_rows(reader);
    memset(pixels + filled, 0, size - filled);
    return RESTORE_CODEC_OK;
}

// Over all passes; 0 before the first row.
static uint64_t total_rows(const RestorePNGReader *reader) {
    return (uint64_t)reader->format.height * (uint64_t)reader->pass_count;
}

// libpng unpacks the last row before it looks for the end of the compressed data. If that fails, the row is there
// although reading it has not returned: libpng has moved on to the row, or to the pass, after the last one.
static int has_last_row(const RestorePNGReader *reader) {
    if (png_get_interlace_type(reader->png, reader->info) != PNG_INTERLACE_NONE) {
        return png_get_current_pass_number(reader->png) >= PNG_INTERLACE_ADAM7_PASSES;
    }
    return png_get_current_row_number(reader->png) >= reader->format.height;
}

static void warn_of_damage(RestorePNGReader *reader) {
    char text[RESTORE_CODEC_MESSAGE_SIZE + 64];
    snprintf(text, sizeof text, "%s; %" PRIu32 " of %" PRIu32 " rows are there", reader->message, filled_rows(reader),
             reader->format.height);
    restore_add_warning(&reader->warnings, text);
}

// zlib compares the checksum of the pixels as soon as the last one is unpacked, and libpng then drops the last row: the
// file is read again without it.
static int read_without_sum(RestorePNGReader *reader, uint8_t *rows, size_t row_size) {
    char sum_message[RESTORE_CODEC_MESSAGE_SIZE];
    memcpy(sum_message, reader->message, sizeof sum_message);
    png_destroy_read_struct(&reader->png, &reader->info, NULL);
    reader->ignores_sum = 1;
    int code = begin(reader);
    if (code == RESTORE_CODEC_OK) { code = read_rows(reader, rows, row_size); }
    if (code == RESTORE_CODEC_OK) {
        restore_set_message(reader->message, sum_message);
        warn_of_damage(reader);
    }
    return code;
}

static int read_tolerantly(RestorePNGReader *reader, uint8_t *rows, size_t row_size) {
    int code = read_rows(reader, rows, row_size);
    if (code == RESTORE_CODEC_DAMAGED && strstr(reader->message, "incorrect data check") != NULL) {
        code = read_without_sum(reader, rows, row_size);
    }
    if (code != RESTORE_CODEC_DAMAGED) { return code; }
    if (reader->rows_read + 1 == total_rows(reader) && has_last_row(reader)) { reader->rows_read++; }
    if (reader->rows_read == 0) { return code; }
    warn_of_damage(reader);
    return RESTORE_CODEC_OK;
}

int restore_png_decode(RestorePNGReader *reader, void *pixels, size_t size, char *message) {
    const RestorePixelFormat format = reader->format;
    if (reader->is_used || size != restore_row_size(format) * format.height) {
        restore_set_message(message, "the reader was used before, or the buffer has the wrong size");
        return RESTORE_CODEC_UNSUPPORTED;
    }
    reader->is_used = 1;
    const size_t row_size = reader->has_palette ? format.width : restore_row_size(format);
    uint8_t *const rows = (uint8_t *)pixels + (size - row_size * format.height);
    if (reader->is_tolerant) { memset(pixels, 0, size); }
    int code = reader->is_tolerant ? read_tolerantly(reader, rows, row_size) : read_rows(reader, rows, row_size);
    if (code == RESTORE_CODEC_OK && reader->has_palette) { code = finish_palette(reader, pixels, rows, size); }
    if (code != RESTORE_CODEC_OK) { restore_set_message(message, reader->message); }
    return code;
}

const char *restore_png_warning(const RestorePNGReader *reader, uint32_t index) {
    return restore_warning(&reader->warnings, index);
}

void restore_png_close(RestorePNGReader *reader) {
    if (reader == NULL) { return; }
    png_destroy_read_struct(&reader->png, &reader->info, NULL);
    free(reader);
}
