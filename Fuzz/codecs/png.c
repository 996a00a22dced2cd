// The PNG reader on arbitrary bytes, strict and tolerant; decoded images are written, with the file's chunks, and read
// again.
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "CImageCodecs.h"

enum { MOST_PIXELS = 1 << 16, MOST_WARNINGS = 1000 };

static size_t size_of(RestorePixelFormat format) {
    return (size_t)format.width * format.height * format.channels * (format.bits_per_sample / 8);
}

// Checks that each line is terminated, and that the list ends.
static void read_warnings(const RestorePNGReader *reader) {
    uint32_t count = 0;
    for (const char *line; (line = restore_png_warning(reader, count)) != NULL; count++) {
        if (strlen(line) >= RESTORE_CODEC_MESSAGE_SIZE || count > MOST_WARNINGS) { abort(); }
    }
}

static void *decoded(const uint8_t *bytes, size_t count, int tolerant, RestorePixelFormat *format) {
    char message[RESTORE_CODEC_MESSAGE_SIZE];
    RestorePNGReader *reader;
    if (restore_png_open(bytes, count, tolerant, &reader, format, message) != RESTORE_CODEC_OK) { return NULL; }
    void *pixels = NULL;
    if ((uint64_t)format->width * format->height <= MOST_PIXELS) {
        const size_t size = size_of(*format);
        pixels = malloc(size);
        if (restore_png_decode(reader, pixels, size, message) != RESTORE_CODEC_OK) {
            free(pixels);
            pixels = NULL;
        }
        read_warnings(reader);
    }
    restore_png_close(reader);
    return pixels;
}

static uint32_t number(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

// Corrects the checksum of every chunk, which no mutation would get past.
static uint8_t *with_checksums(const uint8_t *bytes, size_t count) {
    uint8_t *copy = malloc(count + 1);
    memcpy(copy, bytes, count);
    for (size_t place = 8; count >= 12 && place <= count - 12;) {
        const size_t length = number(copy + place);
        if (length > count - place - 12) { break; }
        const uint32_t sum = (uint32_t)crc32(0, copy + place + 4, (uInt)length + 4);
        for (int i = 0; i < 4; i++) { copy[place + 8 + length + i] = (uint8_t)(sum >> (24 - 8 * i)); }
        place += length + 12;
    }
    return copy;
}

// The file's chunks with certain names, in the form accepted by the writer.
static uint8_t *metadata_chunks(const uint8_t *bytes, size_t count, size_t *size) {
    uint8_t *chunks = malloc(count + 1);
    *size = 0;
    for (size_t place = 8; count >= 12 && place <= count - 12;) {
        const size_t length = number(bytes + place);
        if (length > count - place - 12) { break; }
        const uint8_t *name = bytes + place + 4;
        if (memcmp(name, "tEXt", 4) == 0 || memcmp(name, "eXIf", 4) == 0 || memcmp(name, "iCCP", 4) == 0) {
            memcpy(chunks + *size, bytes + place, length + 8);
            *size += length + 8;
        }
        place += length + 12;
    }
    return chunks;
}

static RestoreBytes written(const void *pixels, RestorePixelFormat format, const uint8_t *chunks, size_t size) {
    char message[RESTORE_CODEC_MESSAGE_SIZE];
    RestorePNGWriter *writer;
    uint32_t strips;
    RestoreBytes output = {0};
    if (restore_png_writer_open(pixels, format, RESTORE_PNG_COMPRESSION_AUTOMATIC, &writer, &strips, message)) { abort(); }
    for (uint32_t index = 0; index < strips; index++) { restore_png_write_strip(writer, index); }
    if (restore_png_writer_finish(writer, chunks, size, &output, message) != RESTORE_CODEC_OK) { abort(); }
    restore_png_writer_close(writer);
    return output;
}

// The decoded image must be the same again, from a file that a strict reader accepts.
static void write_and_read(const uint8_t *bytes, size_t count, const void *pixels, RestorePixelFormat format) {
    size_t size;
    uint8_t *chunks = metadata_chunks(bytes, count, &size);
    RestoreBytes output = written(pixels, format, chunks, size);
    RestorePixelFormat again;
    uint8_t *copy = decoded(output.bytes, output.count, 0, &again);
    if (copy == NULL || memcmp(&format, &again, sizeof format) != 0) { abort(); }
    if (memcmp(pixels, copy, size_of(format)) != 0) { abort(); }
    free(copy);
    restore_bytes_free(&output);
    // A list that is truncated anywhere is rejected or accepted, and never read beyond its end.
    if (size > 0) {
        uint8_t *cut = malloc(size - 1);
        memcpy(cut, chunks, size - 1);
        char message[RESTORE_CODEC_MESSAGE_SIZE];
        RestorePNGWriter *writer;
        uint32_t strips;
        if (restore_png_writer_open(pixels, format, 0, &writer, &strips, message)) { abort(); }
        for (uint32_t index = 0; index < strips; index++) { restore_png_write_strip(writer, index); }
        restore_png_writer_finish(writer, cut, size - 1, &output, message);
        restore_png_writer_close(writer);
        restore_bytes_free(&output);
        free(cut);
    }
    free(chunks);
}

// A tolerant reader accepts everything that a strict one does, with the same result.
static void check(const uint8_t *bytes, size_t count) {
    RestorePixelFormat format, tolerant_format;
    uint8_t *pixels = decoded(bytes, count, 0, &format);
    uint8_t *tolerant = decoded(bytes, count, 1, &tolerant_format);
    if (pixels != NULL) {
        if (tolerant == NULL || memcmp(&format, &tolerant_format, sizeof format) != 0) { abort(); }
        if (memcmp(pixels, tolerant, size_of(format)) != 0) { abort(); }
    }
    if (tolerant != NULL) { write_and_read(bytes, count, tolerant, tolerant_format); }
    free(tolerant);
    free(pixels);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    check(bytes, count);
    uint8_t *whole = with_checksums(bytes, count);
    check(whole, count);
    free(whole);
    return 0;
}
