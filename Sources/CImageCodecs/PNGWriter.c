// PNG encoding over libpng. https://www.w3.org/TR/png-3/
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "Codec.h"

// On the heap, where no compiler keeps it in a register across setjmp.
typedef struct {
    png_structp png;
    png_infop info;
    jmp_buf on_error;
    RestoreBytes *output;
    int code;
    char message[RESTORE_CODEC_MESSAGE_SIZE];
} Writer;

static void fail(png_structp png, png_const_charp text) {
    Writer *writer = png_get_error_ptr(png);
    writer->code = strcmp(text, "Out of memory") == 0 ? RESTORE_CODEC_NO_MEMORY : RESTORE_CODEC_UNSUPPORTED;
    restore_set_message(writer->message, text);
    longjmp(writer->on_error, 1);
}

static void ignore_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void write_bytes(png_structp png, png_bytep bytes, size_t count) {
    Writer *writer = png_get_io_ptr(png);
    if (!restore_bytes_append(writer->output, bytes, count)) { png_error(png, "Out of memory"); }
}

static void flush_nothing(png_structp png) { (void)png; }

static int color_type(uint32_t channels) {
    switch (channels) {
        case 1: return PNG_COLOR_TYPE_GRAY;
        case 2: return PNG_COLOR_TYPE_GRAY_ALPHA;
        case 3: return PNG_COLOR_TYPE_RGB;
        default: return PNG_COLOR_TYPE_RGB_ALPHA;
    }
}

static int write_rows(Writer *writer, const uint8_t *pixels, RestorePixelFormat format, int compression) {
    if (setjmp(writer->on_error)) { return writer->code; }
    png_set_write_fn(writer->png, writer, write_bytes, flush_nothing);
    png_set_user_limits(writer->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_IHDR(writer->png, writer->info, format.width, format.height, (int)format.bits_per_sample,
                 color_type(format.channels), PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(writer->png, compression);
    png_write_info(writer->png, writer->info);
    const uint16_t one = 1;
    if (format.bits_per_sample == 16 && *(const uint8_t *)&one == 1) { png_set_swap(writer->png); }
    size_t row_size = restore_row_size(format);
    for (uint32_t y = 0; y < format.height; y++) { png_write_row(writer->png, pixels + y * row_size); }
    png_write_end(writer->png, NULL);
    return RESTORE_CODEC_OK;
}

int restore_png_encode(const void *pixels, RestorePixelFormat format, int compression, RestoreBytes *output,
                       char *message) {
    if (restore_row_size(format) == 0 || compression < 0 || compression > 9) {
        restore_set_message(message, "no such pixel format or compression level");
        return RESTORE_CODEC_UNSUPPORTED;
    }
    int code = RESTORE_CODEC_NO_MEMORY;
    restore_set_message(message, "out of memory");
    Writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) { return code; }
    writer->output = output;
    writer->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    if (writer->png != NULL) {
        png_set_error_fn(writer->png, writer, fail, ignore_warning);
        writer->info = png_create_info_struct(writer->png);
    }
    if (writer->info != NULL) {
        code = write_rows(writer, pixels, format, compression);
        if (code != RESTORE_CODEC_OK) { restore_set_message(message, writer->message); }
    }
    png_destroy_write_struct(&writer->png, &writer->info);
    free(writer);
    return code;
}
