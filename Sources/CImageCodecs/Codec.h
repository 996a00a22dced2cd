// What both codecs share. Not for Swift: the public header is include/CImageCodecs.h.
#ifndef RESTORE_CODEC_H
#define RESTORE_CODEC_H

#include "CImageCodecs.h"

/// Copies `text` to `message`, cut to RESTORE_CODEC_MESSAGE_SIZE.
void restore_set_message(char *message, const char *text);

/// Appends to `output`, growing it by doubling. Returns 0 where memory is short.
int restore_bytes_append(RestoreBytes *output, const uint8_t *bytes, size_t count);

/// The bytes of one row of `format`, or 0 where the format is none of those the public header describes or the
/// picture's size does not fit size_t.
size_t restore_row_size(RestorePixelFormat format);

#endif
