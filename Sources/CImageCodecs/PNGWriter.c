// PNG encoding: the pixels by PNGStrips.c, everything around them by libpng. https://www.w3.org/TR/png-3/
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "Codec.h"
#include "PNGStrips.h"

struct RestorePNGWriter {
    const uint8_t *pixels;
    RestorePixelFormat format;
    int compression;
    uint32_t strip_count;
    RestorePNGStrip strips[];
};

int restore_png_writer_open(const void *pixels, RestorePixelFormat format, int compression, RestorePNGWriter **result,
                            uint32_t *strip_count, char *message) {
    *result = NULL;
    *strip_count = 0;
    if (restore_row_size(format) == 0 || compression < RESTORE_PNG_COMPRESSION_AUTOMATIC || compression > 9) {
        restore_set_message(message, "no such pixel format or compression level");
        return RESTORE_CODEC_UNSUPPORTED;
    }
    const uint32_t count = restore_png_cut(format).count;
    RestorePNGWriter *writer = calloc(1, sizeof *writer + count * sizeof writer->strips[0]);
    if (writer == NULL) {
        restore_set_message(message, "out of memory");
        return RESTORE_CODEC_NO_MEMORY;
    }
    writer->pixels = pixels;
    writer->format = format;
    writer->compression = compression;
    writer->strip_count = count;
    // A strip that was never requested is an error, not an empty strip.
    for (uint32_t index = 0; index < count; index++) { writer->strips[index].code = RESTORE_CODEC_UNSUPPORTED; }
    *result = writer;
    *strip_count = count;
    return RESTORE_CODEC_OK;
}

void restore_png_write_strip(RestorePNGWriter *writer, uint32_t index) {
    restore_png_make_strip(writer->pixels, writer->format, writer->compression, index, &writer->strips[index]);
}

void restore_png_writer_close(RestorePNGWriter *writer) {
    if (writer == NULL) { return; }
    for (uint32_t index = 0; index < writer->strip_count; index++) {
        restore_bytes_free(&writer->strips[index].stream);
    }
    free(writer);
}

// MARK: The file

// On the heap, where no compiler keeps it in a register across setjmp.
typedef struct {
    png_structp png;
    png_infop info;
    jmp_buf on_error;
    RestoreBytes *output;
    int code;
    char message[RESTORE_CODEC_MESSAGE_SIZE];
} FileWriter;

static void fail(png_structp png, png_const_charp text) {
    FileWriter *file = png_get_error_ptr(png);
    file->code = strcmp(text, "Out of memory") == 0 ? RESTORE_CODEC_NO_MEMORY : RESTORE_CODEC_UNSUPPORTED;
    restore_set_message(file->message, text);
    longjmp(file->on_error, 1);
}

static void ignore_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void write_bytes(png_structp png, png_bytep bytes, size_t count) {
    FileWriter *file = png_get_io_ptr(png);
    if (!restore_bytes_append(file->output, bytes, count)) { png_error(png, "Out of memory"); }
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

// The two bytes that begin a zlib stream (RFC 1950): deflate with a window of 32 KiB, and a hint about the compression
// level.
static void zlib_header(int compression, uint8_t header[2]) {
    const int level = compression == RESTORE_PNG_COMPRESSION_AUTOMATIC ? 6 : compression;
    const unsigned effort = level < 2 ? 0 : level < 6 ? 1 : level == 6 ? 2 : 3;
    const unsigned bits = 0x7800 | effort << 6;
    const unsigned checked = bits + 31 - bits % 31;
    header[0] = (uint8_t)(checked >> 8);
    header[1] = (uint8_t)checked;
}

static void zlib_trailer(const RestorePNGWriter *writer, uint8_t trailer[4]) {
    uLong adler = adler32(0, NULL, 0);
    for (uint32_t index = 0; index < writer->strip_count; index++) {
        const RestorePNGStrip *strip = &writer->strips[index];
        adler = adler32_combine(adler, strip->adler, (z_off_t)strip->filtered_size);
    }
    for (int i = 0; i < 4; i++) { trailer[i] = (uint8_t)(adler >> (24 - 8 * i)); }
}

// Writes an IDAT chunk consisting of `head`, a strip's stream and `tail`. Streams that are too long for one chunk are
// divided.
static void write_data_chunk(png_structp png, const uint8_t *head, size_t head_size, const RestoreBytes *stream,
                             const uint8_t *tail, size_t tail_size) {
    static const png_byte name[5] = "IDAT";
    const size_t most = 1 << 30;
    size_t done = 0;
    do {
        const size_t rest = stream->count - done;
        const size_t piece = rest < most ? rest : most;
        const size_t before = done == 0 ? head_size : 0, after = piece == rest ? tail_size : 0;
        png_write_chunk_start(png, name, (png_uint_32)(before + piece + after));
        if (before > 0) { png_write_chunk_data(png, head, before); }
        png_write_chunk_data(png, stream->bytes + done, piece);
        if (after > 0) { png_write_chunk_data(png, tail, after); }
        png_write_chunk_end(png);
        done += piece;
    } while (done < stream->count);
}

static void write_data(png_structp png, RestorePNGWriter *writer) {
    uint8_t header[2], trailer[4];
    zlib_header(writer->compression, header);
    zlib_trailer(writer, trailer);
    for (uint32_t index = 0; index < writer->strip_count; index++) {
        const int is_last = index == writer->strip_count - 1;
        RestoreBytes *stream = &writer->strips[index].stream;
        write_data_chunk(png, header, index == 0 ? sizeof header : 0, stream, trailer, is_last ? sizeof trailer : 0);
        // Not needed any more while the file grows.
        restore_bytes_free(stream);
    }
}

static uint32_t big_endian_32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

// Writes chunks up to an empty IDAT, which marks the position of the pixels, or to the end. Returns the number of bytes
// of the list consumed.
static size_t write_chunks(png_structp png, const uint8_t *chunks, size_t size) {
    size_t place = 0;
    int are_pixels = 0;
    while (place < size && !are_pixels) {
        const size_t rest = size - place;
        const size_t length = rest < 8 ? SIZE_MAX : big_endian_32(chunks + place);
        if (length > PNG_UINT_31_MAX || length > rest - 8) { png_error(png, "a chunk extends beyond its list"); }
        const uint8_t *name = chunks + place + 4;
        are_pixels = length == 0 && memcmp(name, "IDAT", 4) == 0;
        if (!are_pixels) { png_write_chunk(png, name, name + 4, length); }
        place += 8 + length;
    }
    return place;
}

static int write_file(FileWriter *file, RestorePNGWriter *writer, const uint8_t *chunks, size_t chunks_size) {
    const RestorePixelFormat format = writer->format;
    if (setjmp(file->on_error)) { return file->code; }
    png_set_write_fn(file->png, file, write_bytes, flush_nothing);
    png_set_user_limits(file->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_IHDR(file->png, file->info, format.width, format.height, (int)format.bits_per_sample,
                 color_type(format.channels), PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(file->png, file->info);
    const size_t before = write_chunks(file->png, chunks, chunks_size);
    write_data(file->png, writer);
    if (before < chunks_size) { write_chunks(file->png, chunks + before, chunks_size - before); }
    // png_write_end would complain about missing rows, which it has not seen.
    static const png_byte end[5] = "IEND";
    png_write_chunk(file->png, end, NULL, 0);
    return RESTORE_CODEC_OK;
}

static int first_failure(const RestorePNGWriter *writer) {
    for (uint32_t index = 0; index < writer->strip_count; index++) {
        if (writer->strips[index].code != RESTORE_CODEC_OK) { return writer->strips[index].code; }
    }
    return RESTORE_CODEC_OK;
}

int restore_png_writer_finish(RestorePNGWriter *writer, const uint8_t *chunks, size_t chunks_size,
                              RestoreBytes *output, char *message) {
    int code = first_failure(writer);
    if (code != RESTORE_CODEC_OK) {
        restore_set_message(message, code == RESTORE_CODEC_NO_MEMORY ? "out of memory" : "a strip was not written");
        return code;
    }
    code = RESTORE_CODEC_NO_MEMORY;
    restore_set_message(message, "out of memory");
    FileWriter *file = calloc(1, sizeof *file);
    if (file == NULL) { return code; }
    file->output = output;
    file->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    if (file->png != NULL) {
        png_set_error_fn(file->png, file, fail, ignore_warning);
        file->info = png_create_info_struct(file->png);
    }
    if (file->info != NULL) {
        code = write_file(file, writer, chunks, chunks_size);
        if (code != RESTORE_CODEC_OK) { restore_set_message(message, file->message); }
    }
    png_destroy_write_struct(&file->png, &file->info);
    free(file);
    return code;
}
