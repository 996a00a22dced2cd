// The JPEG reader on any bytes; what it decodes is written again.
#include <stdlib.h>

#include "CImageCodecs.h"

enum { MOST_PIXELS = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    char message[RESTORE_CODEC_MESSAGE_SIZE];
    RestoreJPEGReader *reader;
    RestorePixelFormat format;
    if (restore_jpeg_open(bytes, count, &reader, &format, message) != RESTORE_CODEC_OK) { return 0; }
    if ((uint64_t)format.width * format.height <= MOST_PIXELS) {
        const size_t size = (size_t)format.width * format.height * format.channels;
        uint8_t *pixels = malloc(size);
        if (restore_jpeg_decode(reader, pixels, size, message) == RESTORE_CODEC_OK) {
            RestoreBytes output = {0};
            if (restore_jpeg_encode(pixels, format, 90, bytes[0] & 1, &output, message) != RESTORE_CODEC_OK) { abort(); }
            restore_bytes_free(&output);
        }
        free(pixels);
    }
    restore_jpeg_close(reader);
    return 0;
}
