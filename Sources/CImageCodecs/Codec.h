// What both codecs share. Not for Swift: the public header is include/CImageCodecs.h.
#ifndef RESTORE_CODEC_H
#define RESTORE_CODEC_H

#include "CImageCodecs.h"

/// Copies `text` to `message`, cut to RESTORE_CODEC_MESSAGE_SIZE.
void restore_set_message(char *message, const char *text);

/// What a reader noticed and is no failure, each once. A damaged file can give one for every block: the first ones tell
/// what there is to tell.
enum { RESTORE_CODEC_MOST_WARNINGS = 8 };
typedef struct {
    uint32_t count;
    char texts[RESTORE_CODEC_MOST_WARNINGS][RESTORE_CODEC_MESSAGE_SIZE];
} RestoreWarnings;

void restore_add_warning(RestoreWarnings *warnings, const char *text);

/// NULL where there are not so many.
const char *restore_warning(const RestoreWarnings *warnings, uint32_t index);

/// Appends to `output`, growing it by doubling. Returns 0 where memory is short.
int restore_bytes_append(RestoreBytes *output, const uint8_t *bytes, size_t count);

/// The bytes of one row of `format`, or 0 where the format is none of those the public header describes or the
/// picture's size does not fit size_t.
size_t restore_row_size(RestorePixelFormat format);

#endif
