// Not for Swift: the public header is include/CImageCodecs.h.
#ifndef RESTORE_PNG_DEFLATE_H
#define RESTORE_PNG_DEFLATE_H

#include "CImageCodecs.h"

/// How far back deflate searches for repetitions.
enum { RESTORE_DEFLATE_WINDOW = 32 << 10 };

/// Bytes that deflate compresses as a piece of a longer stream.
typedef struct {
    const uint8_t *history;  // the bytes preceding the piece; the last RESTORE_DEFLATE_WINDOW are used
    size_t history_size;
    const uint8_t *bytes;
    size_t size;
    int is_last;  // of the stream; other pieces end at a byte boundary
} RestoreDeflatePiece;

/// Compresses filtered rows and appends them to `output`. `compression` is zlib's level or
/// RESTORE_PNG_COMPRESSION_AUTOMATIC. Returns 0 if out of memory.
int restore_png_deflate(RestoreDeflatePiece piece, int compression, RestoreBytes *output);

#endif
