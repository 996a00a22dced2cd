// The pixels of a PNG file, strip by strip. https://www.w3.org/TR/png-3/
//
// Strips are compressed independently and joined to one stream, as pigz (https://zlib.net/pigz) does with blocks of a file.
// deflate looks back up to 32 KiB for repetitions; a strip gets the filtered bytes that come before it to look back at, so
// hardly anything is lost at the joints. These bytes are filtered once more for it, which is cheaper than keeping the whole
// filtered picture in memory.
#include "PNGStrips.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "Codec.h"
#include "PNGDeflate.h"
#include "PNGFilters.h"

enum {
    // Filtered bytes in a strip, about: 2 megapixels of color give 24 strips, enough for many threads, and starting a
    // strip costs little beside compressing it.
    STRIP_SIZE = 256 << 10,
    LARGEST_PIXEL = 8,
};

// A row's bytes in the file: samples, and before them the filter's number.
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

// Rows as the filters want them: after a pixel of zeros, 16-bit samples in the file's byte order.
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

// Writes the filtered rows `first` to `end`, without it. Returns 0 where memory is short.
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

// The filtered rows that end at row `first` of the picture and hold at least what deflate looks back at, if there are as many.
// To be freed; NULL where memory is short.
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

// Gives back what growing by doubling took too much: all strips are in memory at the same time.
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
    // No overflow: a strip has one row, or is small.
    const size_t size = (end - first) * filtered_row_size(format);
    size_t history_size = 0;
    uint8_t *const history = first == 0 ? NULL : make_history(pixels, format, first, &history_size);
    uint8_t *const filtered = malloc(size);
    // Nothing but a lack of memory makes any of this fail.
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
