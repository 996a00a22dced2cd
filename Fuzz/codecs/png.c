// The PNG reader on any bytes; what it decodes is written and read again.
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "CImageCodecs.h"

enum { MOST_PIXELS = 1 << 20 };

static void *decoded(const uint8_t *bytes, size_t count, RestorePixelFormat *format) {
    char message[RESTORE_CODEC_MESSAGE_SIZE];
    RestorePNGReader *reader;
    if (restore_png_open(bytes, count, &reader, format, message) != RESTORE_CODEC_OK) { return NULL; }
    void *pixels = NULL;
    if ((uint64_t)format->width * format->height <= MOST_PIXELS) {
        const size_t size = (size_t)format->width * format->height * format->channels * (format->bits_per_sample / 8);
        pixels = malloc(size);
        if (restore_png_decode(reader, pixels, size, message) != RESTORE_CODEC_OK) {
            free(pixels);
            pixels = NULL;
        }
    }
    restore_png_close(reader);
    return pixels;
}

static uint32_t number(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

// Gives every chunk its checksum: no change of a byte would get past it.
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

static int check(const uint8_t *bytes, size_t count) {
    RestorePixelFormat format, again;
    char message[RESTORE_CODEC_MESSAGE_SIZE];
    uint8_t *pixels = decoded(bytes, count, &format);
    if (pixels == NULL) { return 0; }
    RestorePNGWriter *writer;
    uint32_t strips;
    RestoreBytes output = {0};
    if (restore_png_writer_open(pixels, format, RESTORE_PNG_COMPRESSION_AUTOMATIC, &writer, &strips, message)) { abort(); }
    for (uint32_t index = 0; index < strips; index++) { restore_png_write_strip(writer, index); }
    if (restore_png_writer_finish(writer, &output, message) != RESTORE_CODEC_OK) { abort(); }
    restore_png_writer_close(writer);
    uint8_t *copy = decoded(output.bytes, output.count, &again);
    const size_t size = (size_t)format.width * format.height * format.channels * (format.bits_per_sample / 8);
    if (copy == NULL || memcmp(&format, &again, sizeof format) != 0 || memcmp(pixels, copy, size) != 0) { abort(); }
    restore_bytes_free(&output);
    free(copy);
    free(pixels);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    check(bytes, count);
    uint8_t *whole = with_checksums(bytes, count);
    check(whole, count);
    free(whole);
    return 0;
}
