// The pixels of a PNG file, strip by strip. https://www.w3.org/TR/png-3/
//
// Strips are compressed independently and joined into one stream, as pigz (https://zlib.net/pigz) does with blocks of a
// file. deflate searches up to 32 KiB back for repetitions; each strip gets the preceding filtered bytes as history, so
// hardly anything is lost at the boundaries. These bytes are filtered again for this purpose, which is cheaper than
// keeping the entire filtered image in memory.
#include "PNGStrips.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "Codec.h"
#include "PNGDeflate.h"
#include "PNGFilters.h"

enum {
    // Approximate number of filtered bytes per strip: 2 megapixels of color give 24 strips, enough for many threads,
    // and starting a strip costs little compared with compressing it.
    STRIP_SIZE = 256 << 10,
    LARGEST_PIXEL = 8,
};

// The bytes of a row in the file: the filter's number, followed by the samples.
static size_t filtered_row_size(RestorePixelFormat format) { return restore_row_size(format) + 1; }

RestorePNGCut restore_png_cut(RestorePixelFormat format) {
    const size_t row_size = filtered_row_size(format);
    const size_t rows = row_size < STRIP_SIZE ? STRIP_SIZE / row_size : 1;
    const uint32_t rows_of_strip = rows < format.height ? (uint32_t)rows : format.height;
    return (RestorePNGCut){
        .count = (format.height - 1) / rows_of_strip + 1,
        .rows = rows_of_strip,
    };
}

// Rows as required by the filters: preceded by a pixel of zeros, with 16-bit samples in the file's byte order.
typedef struct {
    uint8_t *memory;
    uint8_t *row;
    uint8_t *above;
} RowPair;

static int row_pair_make(RowPair *pair, size_t row_size) {
    if (row_size > SIZE_MAX / 2 - LARGEST_PIXEL) { return 0; }
    const size_t padded_size = row_size + LARGEST_PIXEL;
    pair->memory = calloc(2, padded_size);
    if (pair->memory == NULL) { return 0; }
    pair->row = pair->memory + LARGEST_PIXEL;
    pair->above = pair->row + padded_size;
    return 1;
}

static void copy_row(uint8_t *target, const uint8_t *pixels, uint32_t y, RestorePixelFormat format) {
    const size_t row_size = restore_row_size(format);
    const uint8_t *source = pixels + (size_t)y * row_size;
    if (format.bits_per_sample == 8) {
        memcpy(target, source, row_size);
        return;
    }
    const uint16_t *samples = (const uint16_t *)source;
    for (size_t i = 0; i < row_size / 2; i++) {
        target[2 * i] = (uint8_t)(samples[i] >> 8);
        target[2 * i + 1] = (uint8_t)samples[i];
    }
}

// Writes the filtered rows from `first` up to, but not including, `end`. Returns 0 if out of memory.
static int filter_rows(const uint8_t *pixels, RestorePixelFormat format, uint32_t first, uint32_t end,
                       uint8_t *filtered) {
    const size_t row_size = restore_row_size(format);
    const size_t pixel_size = row_size / format.width;
    RowPair rows;
    if (!row_pair_make(&rows, row_size)) { return 0; }
    if (first > 0) { copy_row(rows.above, pixels, first - 1, format); }
    for (uint32_t y = first; y < end; y++) {
        copy_row(rows.row, pixels, y, format);
        restore_png_filter_row(rows.row, rows.above, row_size, pixel_size, filtered);
        filtered += row_size + 1;
        uint8_t *const last = rows.row;
        rows.row = rows.above;
        rows.above = last;
    }
    free(rows.memory);
    return 1;
}

// The filtered rows that end at row `first` of the image and cover at least deflate's window, if there are that many.
// Must be freed; NULL if out of memory.
static uint8_t *make_history(const uint8_t *pixels, RestorePixelFormat format, uint32_t first, size_t *size) {
    const size_t row_size = filtered_row_size(format);
    const size_t wanted = (RESTORE_DEFLATE_WINDOW - 1) / row_size + 1;
    const uint32_t rows = wanted < first ? (uint32_t)wanted : first;
    *size = rows * row_size;
    uint8_t *history = malloc(*size);
    if (history != NULL && !filter_rows(pixels, format, first - rows, first, history)) {
        free(history);
        return NULL;
    }
    return history;
}

// Releases the excess from growing by doubling: all strips are in memory at the same time.
static void fit(RestoreBytes *stream) {
    uint8_t *const fitted = realloc(stream->bytes, stream->count);
    if (fitted == NULL) { return; }
    stream->bytes = fitted;
    stream->capacity = stream->count;
}

void restore_png_make_strip(const uint8_t *pixels, RestorePixelFormat format, int compression, uint32_t index,
                            RestorePNGStrip *strip) {
    const RestorePNGCut cut = restore_png_cut(format);
    const int is_last = index == cut.count - 1;
    const uint32_t first = index * cut.rows;
    const uint32_t end = is_last ? format.height : first + cut.rows;
    *strip = (RestorePNGStrip){.code = RESTORE_CODEC_NO_MEMORY};
    // No overflow: a strip consists of a single row, or is small.
    const size_t size = (end - first) * filtered_row_size(format);
    size_t history_size = 0;
    uint8_t *const history = first == 0 ? NULL : make_history(pixels, format, first, &history_size);
    uint8_t *const filtered = malloc(size);
    // Each of these can only fail for lack of memory.
    if ((first == 0 || history != NULL) && filtered != NULL && filter_rows(pixels, format, first, end, filtered)) {
        const RestoreDeflatePiece piece = {history, history_size, filtered, size, is_last};
        strip->adler = (uint32_t)adler32_z(1, filtered, size);
        strip->filtered_size = size;
        if (restore_png_deflate(piece, compression, &strip->stream)) { strip->code = RESTORE_CODEC_OK; }
    }
    free(filtered);
    free(history);
    if (strip->code == RESTORE_CODEC_OK) { fit(&strip->stream); }
}
