#include "Codec.h"

#include <stdlib.h>
#include <string.h>

void restore_set_message(char *message, const char *text) {
    size_t length = strlen(text);
    if (length >= RESTORE_CODEC_MESSAGE_SIZE) { length = RESTORE_CODEC_MESSAGE_SIZE - 1; }
    memcpy(message, text, length);
    message[length] = '\0';
}

void restore_add_warning(RestoreWarnings *warnings, const char *text) {
    char cut[RESTORE_CODEC_MESSAGE_SIZE];
    restore_set_message(cut, text);
    for (uint32_t index = 0; index < warnings->count; index++) {
        if (strcmp(warnings->texts[index], cut) == 0) { return; }
    }
    if (warnings->count == RESTORE_CODEC_MOST_WARNINGS) { return; }
    memcpy(warnings->texts[warnings->count++], cut, sizeof cut);
}

const char *restore_warning(const RestoreWarnings *warnings, uint32_t index) {
    return index < warnings->count ? warnings->texts[index] : NULL;
}

int restore_bytes_append(RestoreBytes *output, const uint8_t *bytes, size_t count) {
    if (count == 0) { return 1; }
    if (count > output->capacity - output->count) {
        if (count > SIZE_MAX / 2 - output->count) { return 0; }
        size_t capacity = output->capacity < 65536 ? 65536 : output->capacity;
        while (capacity < output->count + count) {
            if (capacity > SIZE_MAX / 2) { return 0; }
            capacity *= 2;
        }
        uint8_t *grown = realloc(output->bytes, capacity);
        if (grown == NULL) { return 0; }
        output->bytes = grown;
        output->capacity = capacity;
    }
    memcpy(output->bytes + output->count, bytes, count);
    output->count += count;
    return 1;
}

void restore_bytes_free(RestoreBytes *bytes) {
    free(bytes->bytes);
    bytes->bytes = NULL;
    bytes->count = 0;
    bytes->capacity = 0;
}

size_t restore_row_size(RestorePixelFormat format) {
    if (format.width == 0 || format.height == 0 || format.channels < 1 || format.channels > 4) { return 0; }
    if (format.bits_per_sample != 8 && format.bits_per_sample != 16) { return 0; }
    size_t pixel_size = format.channels * (format.bits_per_sample / 8);
    if (format.width > SIZE_MAX / pixel_size) { return 0; }
    size_t row_size = format.width * pixel_size;
    return format.height > SIZE_MAX / row_size ? 0 : row_size;
}
