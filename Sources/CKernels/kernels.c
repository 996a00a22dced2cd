#include "CKernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// A multiply-add expression compiles to one fused operation if the processor supports it.
#pragma STDC FP_CONTRACT ON

/// The operands of a transposed product; see `rk_multiply_transposed`.
typedef struct {
    const float *a, *b;
    float *c;
    ptrdiff_t a_stride, b_stride, c_stride, depth;
    int accumulates;
} rk_outer;

#define TARGET
#define LANES 4
#define NAME(x) x##_generic
#define TILES X(3, 4) X(1, 4) X(4, 2) X(1, 2) X(8, 1) X(4, 1) X(1, 1)
#define PANELS 1
#define MOST_ROWS 8
#define OUTER_TILES X(4, 2) X(1, 2) X(4, 1) X(1, 1)
#define OUTER_VECTORS 2
#include "instruction_set.h"

#if defined(__x86_64__)

// 6 × 16: 12 of the 16 registers hold sums. 8 × 8 are as many sums as the processor has multiply-adds in flight.
#define TARGET __attribute__((target("avx2,fma")))
#define LANES 8
#define NAME(x) x##_avx2
#define TILES X(6, 2) X(4, 2) X(1, 2) X(8, 1) X(4, 1) X(1, 1)
#define PANELS 1
#define MOST_ROWS 12
#define OUTER_TILES X(6, 2) X(4, 2) X(1, 2) X(6, 1) X(4, 1) X(1, 1)
#define OUTER_VECTORS 2
#include "instruction_set.h"

// 8 × 48, 12 × 32 and 24 × 16: 24 of the 32 registers hold sums.
#define TARGET __attribute__((target("avx512f")))
#define LANES 16
#define NAME(x) x##_avx512
#define TILES X(8, 3) X(4, 3) X(1, 3) X(12, 2) X(4, 2) X(1, 2) X(24, 1) X(12, 1) X(4, 1) X(1, 1)
#define PANELS 3
#define MOST_ROWS 24
#define OUTER_TILES X(8, 3) X(4, 3) X(1, 3) X(12, 2) X(4, 2) X(1, 2) X(24, 1) X(12, 1) X(4, 1) X(1, 1)
#define OUTER_VECTORS 3
#include "instruction_set.h"

#elif defined(__aarch64__)

// 6 × 16, 8 × 8 and 12 × 4: up to 24 of the 32 registers hold sums, enough to keep four units busy for the four cycles of a
// multiply-add. Rows that six do not divide have tiles of their own, because a single row waits for its sums.
#define TARGET
#define LANES 4
#define NAME(x) x##_neon
#define NEON
#define TILES                                                       \
    X(6, 4) X(5, 4) X(4, 4) X(3, 4) X(2, 4) X(1, 4)                 \
    X(8, 2) X(4, 2) X(2, 2) X(1, 2)                                 \
    X(12, 1) X(8, 1) X(4, 1) X(1, 1)
#define PANELS 1
#define MOST_ROWS 12
#define OUTER_TILES                                                 \
    X(8, 3) X(4, 3) X(2, 3) X(1, 3)                                 \
    X(12, 2) X(4, 2) X(1, 2)                                        \
    X(12, 1) X(4, 1) X(1, 1)
#define OUTER_VECTORS 3
#include "instruction_set.h"

#endif

int rk_is_supported(rk_variant variant)
{
#if defined(__x86_64__)
    switch (variant) {
    case RK_GENERIC:
        return 1;
    case RK_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case RK_AVX512:
        return __builtin_cpu_supports("avx512f");
    case RK_NEON:
        return 0;
    }
    return 0;
#else
    return variant == RK_GENERIC || variant == RK_NEON;
#endif
}

#if defined(__x86_64__)
#define DISPATCH(variant, function, ...)                                  \
    switch (variant) {                                                    \
    case RK_AVX512: function##_avx512(__VA_ARGS__); return;               \
    case RK_AVX2: function##_avx2(__VA_ARGS__); return;                   \
    case RK_GENERIC: case RK_NEON: break;                                 \
    }                                                                     \
    function##_generic(__VA_ARGS__)
#elif defined(__aarch64__)
#define DISPATCH(variant, function, ...)                  \
    if (variant == RK_NEON) function##_neon(__VA_ARGS__); \
    else function##_generic(__VA_ARGS__)
#else
#define DISPATCH(variant, function, ...) \
    (void)variant;                       \
    function##_generic(__VA_ARGS__)
#endif

void rk_multiply(rk_variant variant, const rk_product *product)
{
    DISPATCH(variant, multiply, product);
}

void rk_multiply_transposed(rk_variant variant, const float *a, ptrdiff_t a_stride, const float *b, ptrdiff_t b_stride,
                            float *c, ptrdiff_t c_stride, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth,
                            int accumulates)
{
    const rk_outer product = {a, b, c, a_stride, b_stride, c_stride, depth, accumulates};
    DISPATCH(variant, multiply_transposed, &product, rows, columns);
}

void rk_winograd_input(rk_variant variant, int m, const float *const *rows, ptrdiff_t channels, ptrdiff_t tiles,
                       float *v, ptrdiff_t point_stride, ptrdiff_t tile_stride)
{
    DISPATCH(variant, winograd_input, m, rows, channels, tiles, v, point_stride, tile_stride);
}

void rk_winograd_output(rk_variant variant, int m, const float *products, ptrdiff_t point_stride,
                        ptrdiff_t tile_stride, ptrdiff_t channels, ptrdiff_t tiles, float *y, ptrdiff_t row_stride,
                        ptrdiff_t top, ptrdiff_t height, ptrdiff_t width, const rk_epilogue *epilogue)
{
    DISPATCH(variant, winograd_output, m, products, point_stride, tile_stride, channels, tiles, y, row_stride, top,
             height, width, epilogue);
}

void rk_winograd_output_gradient(rk_variant variant, int m, const float *gradient, ptrdiff_t row_stride,
                                 ptrdiff_t height, ptrdiff_t width, ptrdiff_t channels, ptrdiff_t tiles, float *z,
                                 ptrdiff_t point_stride, ptrdiff_t tile_stride)
{
    DISPATCH(variant, winograd_output_gradient, m, gradient, row_stride, height, width, channels, tiles, z,
             point_stride, tile_stride);
}

void rk_winograd_weights(rk_variant variant, int m, const rk_filters *filters, ptrdiff_t panel, float *u)
{
    DISPATCH(variant, winograd_weights, m, filters, panel, u);
}

void rk_winograd_weight_gradient(rk_variant variant, int m, const rk_filters *filters, ptrdiff_t input,
                                 const float *products, float *gradient)
{
    DISPATCH(variant, winograd_weight_gradient, m, filters, input, products, gradient);
}

/// The variant with the widest vectors that this few channels can fill.
static rk_variant variant_for_channels(rk_variant variant, ptrdiff_t channels)
{
    if (variant == RK_AVX512 && channels < 16) variant = RK_AVX2;
    if (variant == RK_AVX2 && channels < 8) variant = RK_GENERIC;
    return variant;
}

void rk_depthwise(rk_variant variant, const rk_windows *windows, const float *weights, float *output,
                  const rk_epilogue *epilogue)
{
    const rk_variant chosen = variant_for_channels(variant, windows->channels);
    DISPATCH(chosen, depthwise, windows, weights, output, epilogue);
}

void rk_depthwise_weight_gradient(rk_variant variant, const rk_windows *windows, const float *gradient, float *sums)
{
    const rk_variant chosen = variant_for_channels(variant, windows->channels);
    DISPATCH(chosen, depthwise_weight_gradient, windows, gradient, sums);
}

void rk_depthwise_scatter(rk_variant variant, const float *gradient, const float *weights, float *picture,
                          ptrdiff_t step, ptrdiff_t channels, ptrdiff_t count)
{
    const rk_variant chosen = variant_for_channels(variant, channels);
    DISPATCH(chosen, depthwise_scatter, gradient, weights, picture, step, channels, count);
}

void rk_normalize(rk_variant variant, const rk_normalization *normalization, const float *x, float *y,
                  ptrdiff_t pixels)
{
    DISPATCH(variant, normalize, normalization, x, y, pixels);
}

void rk_normalize_gradient(rk_variant variant, const rk_normalization *normalization, const float *x,
                           const float *gradient, float *weight_sums, float *bias_sums, float *x_gradient,
                           ptrdiff_t pixels)
{
    DISPATCH(variant, normalize_gradient, normalization, x, gradient, weight_sums, bias_sums, x_gradient, pixels);
}
