// Shared by both codecs. Not for Swift: the public header is include/CImageCodecs.h.
#ifndef RESTORE_CODEC_H
#define RESTORE_CODEC_H

#include "CImageCodecs.h"

/// Copies `text` to `message`, truncated to RESTORE_CODEC_MESSAGE_SIZE.
void restore_set_message(char *message, const char *text);

/// Problems that a reader noticed without failing, each once. A damaged file can produce one for every block: the first
/// ones are sufficient.
enum { RESTORE_CODEC_MOST_WARNINGS = 8 };
typedef struct {
    uint32_t count;
    char texts[RESTORE_CODEC_MOST_WARNINGS][RESTORE_CODEC_MESSAGE_SIZE];
} RestoreWarnings;

void restore_add_warning(RestoreWarnings *warnings, const char *text);

/// NULL if there are not that many.
const char *restore_warning(const RestoreWarnings *warnings, uint32_t index);

/// Appends to `output`, growing it by doubling. Returns 0 if out of memory.
int restore_bytes_append(RestoreBytes *output, const uint8_t *bytes, size_t count);

/// The bytes of one row of `format`, or 0 if the format is not one that the public header describes or the image size
/// does not fit in size_t.
size_t restore_row_size(RestorePixelFormat format);

#endif
