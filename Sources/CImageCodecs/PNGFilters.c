// The five filters of PNG (https://www.w3.org/TR/png-3/, section 9) and the choice among them.
//
// Each filter replaces a byte by its difference, modulo 256, from a prediction based on its neighbors: a is the byte of
// the pixel to the left, b above, c above and to the left. Rows are preceded by a whole pixel of zeros, so that no loop
// has to test for the beginning of a row and the compiler can vectorize all of them.
#include "PNGFilters.h"

// Sums are accumulated in 32 bits within blocks, which vectorizes, and added in 64 bits, which no row overflows.
enum { BLOCK = 4096 };

static inline uint8_t guess_none(uint8_t a, uint8_t b, uint8_t c) {
    (void)a, (void)b, (void)c;
    return 0;
}

static inline uint8_t guess_left(uint8_t a, uint8_t b, uint8_t c) {
    (void)b, (void)c;
    return a;
}

static inline uint8_t guess_above(uint8_t a, uint8_t b, uint8_t c) {
    (void)a, (void)c;
    return b;
}

static inline uint8_t guess_average(uint8_t a, uint8_t b, uint8_t c) {
    (void)c;
    return (uint8_t)((a + b) >> 1);
}

// Paeth: the neighbor closest to a + b − c, with ties resolved in the order a, b, c.
static inline uint8_t guess_paeth(uint8_t a, uint8_t b, uint8_t c) {
    const int16_t from_a = (int16_t)(b - c);
    const int16_t from_b = (int16_t)(a - c);
    const int16_t from_c = (int16_t)(from_a + from_b);
    const int16_t distance_a = from_a < 0 ? -from_a : from_a;
    const int16_t distance_b = from_b < 0 ? -from_b : from_b;
    const int16_t distance_c = from_c < 0 ? -from_c : from_c;
    const uint8_t b_or_c = distance_b <= distance_c ? b : c;
    // Both comparisons are evaluated, to keep the loop free of branches.
    const int a_is_nearest = (distance_a <= distance_b) & (distance_a <= distance_c);
    return a_is_nearest ? a : b_or_c;
}

// The absolute value of a difference read as a signed number: libpng, too, uses it to predict the cost of a byte after
// deflate.
static inline uint8_t magnitude(uint8_t difference) {
    const uint8_t negated = (uint8_t)-difference;
    return difference < negated ? difference : negated;
}

#define DEFINE_FILTER(name)                                                                                        \
    static uint64_t cost_##name(const uint8_t *row, const uint8_t *above, size_t count, size_t pixel_size) {       \
        uint64_t cost = 0;                                                                                         \
        for (size_t start = 0; start < count; start += BLOCK) {                                                    \
            const size_t end = count - start < BLOCK ? count : start + BLOCK;                                      \
            uint32_t sum = 0;                                                                                      \
            for (size_t i = start; i < end; i++) {                                                                 \
                const uint8_t a = (row - pixel_size)[i], b = above[i], c = (above - pixel_size)[i];                \
                sum += magnitude((uint8_t)(row[i] - guess_##name(a, b, c)));                                       \
            }                                                                                                      \
            cost += sum;                                                                                           \
        }                                                                                                          \
        return cost;                                                                                               \
    }                                                                                                              \
    static void apply_##name(const uint8_t *restrict row, const uint8_t *restrict above, size_t count,             \
                             size_t pixel_size, uint8_t *restrict filtered) {                                      \
        for (size_t i = 0; i < count; i++) {                                                                       \
            const uint8_t a = (row - pixel_size)[i], b = above[i], c = (above - pixel_size)[i];                    \
            filtered[i] = (uint8_t)(row[i] - guess_##name(a, b, c));                                               \
        }                                                                                                          \
    }

DEFINE_FILTER(none)
DEFINE_FILTER(left)
DEFINE_FILTER(above)
DEFINE_FILTER(average)
DEFINE_FILTER(paeth)

void restore_png_filter_row(const uint8_t *row, const uint8_t *above, size_t count, size_t pixel_size,
                            uint8_t *filtered) {
    // In the order of their numbers in the file; the first one wins ties.
    const uint64_t costs[5] = {
        cost_none(row, above, count, pixel_size),    cost_left(row, above, count, pixel_size),
        cost_above(row, above, count, pixel_size),   cost_average(row, above, count, pixel_size),
        cost_paeth(row, above, count, pixel_size),
    };
    uint8_t best = 0;
    for (uint8_t filter = 1; filter < 5; filter++) {
        if (costs[filter] < costs[best]) { best = filter; }
    }
    *filtered++ = best;
    switch (best) {
        case 0: apply_none(row, above, count, pixel_size, filtered); break;
        case 1: apply_left(row, above, count, pixel_size, filtered); break;
        case 2: apply_above(row, above, count, pixel_size, filtered); break;
        case 3: apply_average(row, above, count, pixel_size, filtered); break;
        default: apply_paeth(row, above, count, pixel_size, filtered); break;
    }
}
