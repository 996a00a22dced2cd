// Not for Swift: the public header is include/CImageCodecs.h.
#ifndef RESTORE_PNG_STRIPS_H
#define RESTORE_PNG_STRIPS_H

#include "CImageCodecs.h"

/// How a picture is cut into strips of whole rows: by the picture alone, so that the file is the same whatever the
/// number of threads.
typedef struct {
    uint32_t count;
    uint32_t rows;  // of each strip but the last, which may have fewer
} RestorePNGCut;

/// - `format`: one that restore_row_size accepts.
RestorePNGCut restore_png_cut(RestorePixelFormat format);

/// A strip, filtered and compressed.
typedef struct {
    RestoreBytes stream;     // deflate blocks that end at a whole byte; the last strip's end the stream
    uint32_t adler;          // Adler-32 of the filtered bytes, from adler32's initial 1
    uint64_t filtered_size;  // how many bytes that were
    int code;                // RESTORE_CODEC_OK or what went wrong
} RestorePNGStrip;

/// Filters and compresses strip `index` of the picture. Strips may be made in any order and at the same time: each sees
/// only `pixels`. To be freed by restore_bytes_free(&strip->stream), whatever the code.
void restore_png_make_strip(const uint8_t *pixels, RestorePixelFormat format, int compression, uint32_t index,
                            RestorePNGStrip *strip);

#endif
