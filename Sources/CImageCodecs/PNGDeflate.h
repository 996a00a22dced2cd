// Not for Swift: the public header is include/CImageCodecs.h.
#ifndef RESTORE_PNG_DEFLATE_H
#define RESTORE_PNG_DEFLATE_H

#include "CImageCodecs.h"

/// How far deflate looks back for repetitions.
enum { RESTORE_DEFLATE_WINDOW = 32 << 10 };

/// Bytes that deflate compresses as a piece of a longer stream.
typedef struct {
    const uint8_t *history;  // what comes before the piece; the last RESTORE_DEFLATE_WINDOW bytes count
    size_t history_size;
    const uint8_t *bytes;
    size_t size;
    int is_last;  // of the stream; other pieces end at a whole byte
} RestoreDeflatePiece;

/// Compresses filtered rows to the end of `output`. `compression` is zlib's level or RESTORE_PNG_COMPRESSION_AUTOMATIC.
/// Returns 0 where memory is short.
int restore_png_deflate(RestoreDeflatePiece piece, int compression, RestoreBytes *output);

#endif
