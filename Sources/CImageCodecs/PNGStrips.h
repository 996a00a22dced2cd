// Not for Swift: the public header is include/CImageCodecs.h.
#ifndef RESTORE_PNG_STRIPS_H
#define RESTORE_PNG_STRIPS_H

#include "CImageCodecs.h"

/// How an image is divided into strips of whole rows: depending only on the image, so that the file is the same for any
/// number of threads.
typedef struct {
    uint32_t count;
    uint32_t rows;  // of each strip except the last, which may have fewer
} RestorePNGCut;

/// - `format`: must be accepted by restore_row_size.
RestorePNGCut restore_png_cut(RestorePixelFormat format);

/// A strip, filtered and compressed.
typedef struct {
    RestoreBytes stream;     // deflate blocks that end at a byte boundary; the last strip's end the stream
    uint32_t adler;          // Adler-32 of the filtered bytes, from adler32's initial 1
    uint64_t filtered_size;  // the number of these bytes
    int code;                // RESTORE_CODEC_OK or an error code
} RestorePNGStrip;

/// Filters and compresses strip `index` of the image. Strips may be made in any order and concurrently: each uses only
/// `pixels`. Must be freed with restore_bytes_free(&strip->stream), whatever the code.
void restore_png_make_strip(const uint8_t *pixels, RestorePixelFormat format, int compression, uint32_t index,
                            RestorePNGStrip *strip);

#endif
