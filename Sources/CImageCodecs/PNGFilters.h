// Not for Swift: the public header is include/CImageCodecs.h.
#ifndef RESTORE_PNG_FILTERS_H
#define RESTORE_PNG_FILTERS_H

#include <stddef.h>
#include <stdint.h>

/// Filters one row using the filter with the smallest sum of absolute differences.
///
/// `row` and `above` (zeros for the first row) are `count` bytes in the file's byte order, each preceded by
/// `pixel_size` zeros. `filtered` receives `count + 1` bytes: the filter's number and the differences.
void restore_png_filter_row(const uint8_t *row, const uint8_t *above, size_t count, size_t pixel_size,
                            uint8_t *filtered);

#endif
