#ifndef RESTORE_CKERNELS_H
#define RESTORE_CKERNELS_H

#include <stddef.h>

/// The instruction sets that kernels are compiled for. A build contains all of those for its architecture; one is
/// selected at run time.
typedef enum {
    RK_GENERIC = 0,
    RK_AVX2 = 1,
    RK_AVX512 = 2,
    RK_NEON = 3,
} rk_variant;

/// Number of processors available to this process (respects its affinity mask); at least 1.
int rk_available_processors(void);

/// Names the calling thread for debuggers and `top -H`. The system keeps at most 15 bytes; longer names are truncated.
void rk_name_thread(const char *name);

/// dlopen (RTLD_NOW, RTLD_LOCAL) while the calling thread, and no other, may use only one of its processors: a library that
/// starts a thread for each processor then starts none. Loads it as usual where the system does not allow that.
void *rk_load_library_on_one_processor(const char *name);

/// Tells the processor that the caller is in a spin loop. On ARM, `yield` takes no time on most cores; `isb` waits about as
/// long as a pause does elsewhere.
static inline void rk_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

/// Non-zero if this processor supports `variant`.
int rk_is_supported(rk_variant variant);

/// Activations that a kernel can apply to what it stores. All propagate NaN.
typedef enum {
    RK_IDENTITY = 0,
    /// max(x, 0)
    RK_RELU = 1,
    /// x where x > 0, else slope · x
    RK_LEAKY_RELU = 2,
} rk_activation;

/// What is applied to a value as it is stored: activation(value + bias + residual).
typedef struct {
    /// One value per column (channel), or NULL.
    const float *bias;
    /// A matrix or picture with the same rows as the output, or NULL. Never the output itself.
    const float *residual;
    /// Distance in floats from one row (of a matrix) or row of pixels (of a picture) of `residual` to the next.
    ptrdiff_t residual_stride;
    rk_activation activation;
    float slope;
} rk_epilogue;

// MARK: Matrix products

/// Columns in a panel of a packed matrix.
#define RK_PANEL 16

/// C (rows × columns) = epilogue(A · B).
///
/// A row of A consists of `segments` pieces of `segment_depth` floats, `segment_stride` floats apart; rows are
/// `a_stride` floats apart. The rows of a convolution's column matrix can thus be read directly from the picture, with
/// one segment per kernel row. A plain matrix has one segment.
///
/// B is packed in panels of RK_PANEL columns, `panel_stride` floats apart. Each has `segments · segment_depth` rows of
/// RK_PANEL floats; the last panel is padded with arbitrary finite values.
///
/// Every element of C is one chain of fused multiply-adds over the depth, in order. Its bits depend only on its row of
/// A and its column of B, not on `rows`, its position, or the variant (RK_GENERIC on processors without fused
/// multiply-add rounds twice per step).
typedef struct {
    const float *a;
    ptrdiff_t a_stride;
    ptrdiff_t segments;
    ptrdiff_t segment_stride;
    ptrdiff_t segment_depth;
    const float *b;
    ptrdiff_t panel_stride;
    float *c;
    ptrdiff_t c_stride;
    ptrdiff_t rows;
    ptrdiff_t columns;
    rk_epilogue epilogue;
} rk_product;

void rk_multiply(rk_variant variant, const rk_product *product);

/// C (rows × columns, `c_stride`) = Aᵀ · B, or C + Aᵀ · B if `accumulates`, with A stored as depth × rows (`a_stride`)
/// and B as depth × columns (`b_stride`), neither packed. Every element is one chain of fused multiply-adds over the
/// depth, in order, starting from the old value of C if `accumulates`.
void rk_multiply_transposed(rk_variant variant, const float *a, ptrdiff_t a_stride, const float *b, ptrdiff_t b_stride,
                            float *c, ptrdiff_t c_stride, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth,
                            int accumulates);

// MARK: Winograd transforms
//
// F(m×m, 3×3) of Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016: a tile of m × m outputs
// is computed from (m + 2)² inputs with (m + 2)² products instead of 9 m². m is 4, with the points 0, ±1, ½, −2, ∞, or
// 2, with 0, ±1, ∞. The matrices are in `docs/operators/winograd.md`.
//
// A transformed tile has (m + 2)² *points*, each a row of channels; point p of tile t is at
// `p · point_stride + t · tile_stride`. Both strides leave room for a multiple of RK_PANEL channels.

/// Inputs of `tiles` adjacent tiles: V = Bᵀ d B.
///
/// - rows: the m + 2 rows of pixels that the tiles read, each at its first pixel; pixels are `channels` floats, tiles
///   are m pixels apart.
/// - If there are fewer than RK_PANEL channels, nothing beyond them is read.
void rk_winograd_input(rk_variant variant, int m, const float *const *rows, ptrdiff_t channels, ptrdiff_t tiles,
                       float *v, ptrdiff_t point_stride, ptrdiff_t tile_stride);

/// Outputs of `tiles` adjacent tiles: y = epilogue(Aᵀ M A).
///
/// - y: where the tiles' first pixel is, or would be if row 0 is not stored; rows of pixels are `row_stride` floats
///   apart.
/// - top, height, width: rows `top` ..< `height` of the tiles and their first `width` columns are stored; at most
///   m × tiles · m pixels.
void rk_winograd_output(rk_variant variant, int m, const float *products, ptrdiff_t point_stride,
                        ptrdiff_t tile_stride, ptrdiff_t channels, ptrdiff_t tiles, float *y, ptrdiff_t row_stride,
                        ptrdiff_t top, ptrdiff_t height, ptrdiff_t width, const rk_epilogue *epilogue);

/// The transpose of `rk_winograd_output`, for gradients of the weights: Z = A g Aᵀ for `tiles` tiles of output
/// gradients; pixels beyond `height` and `width` count as zero.
void rk_winograd_output_gradient(rk_variant variant, int m, const float *gradient, ptrdiff_t row_stride,
                                 ptrdiff_t height, ptrdiff_t width, ptrdiff_t channels, ptrdiff_t tiles, float *z,
                                 ptrdiff_t point_stride, ptrdiff_t tile_stride);

/// 3×3 filters and where their transforms are stored.
typedef struct {
    const float *weights;
    /// Input and output channels of the convolution.
    ptrdiff_t inputs, outputs;
    /// Distance in floats between the filters of consecutive input (output) channels; the nine taps are contiguous.
    ptrdiff_t input_stride, output_stride;
    /// Whether filters are rotated by 180°, as for the gradient of the input.
    int is_turned;
    ptrdiff_t point_stride;
} rk_filters;

/// U = G g Gᵀ for the RK_PANEL outputs of panel `panel`, packed for `rk_multiply`: the value of point p and input i is
/// at `u + p · point_stride + i · RK_PANEL`. Outputs beyond the last are set to zero.
void rk_winograd_weights(rk_variant variant, int m, const rk_filters *filters, ptrdiff_t panel, float *u);

/// Adds the gradient of the filters of input channel `input`, Gᵀ U G, to `gradient`, which has the strides of `filters`
/// (whose `weights` are not read). The products of point p are at `products + p · point_stride`, one per output, with
/// room for a multiple of RK_PANEL.
void rk_winograd_weight_gradient(rk_variant variant, int m, const rk_filters *filters, ptrdiff_t input,
                                 const float *products, float *gradient);

// MARK: Depthwise convolutions
//
// Every output channel depends on one input channel. Pixels are channels-last; the weights of a tap are a row of
// channels. Every value is one chain of fused multiply-adds, in the order documented below, so its bits depend on
// neither its position nor the variant (RK_GENERIC on processors without fused multiply-add rounds twice per step, and
// so do all variants for fewer than 8 channels).

/// Adjacent windows.
typedef struct {
    /// For each tap, the pixel it covers in the first window.
    const float *const *taps;
    ptrdiff_t tap_count;
    /// Distance in floats between the pixels of adjacent windows.
    ptrdiff_t step;
    ptrdiff_t channels;
    ptrdiff_t count;
} rk_windows;

/// output (windows × channels) = epilogue(Σ over taps in order: weights · pixel). The rows of the residual are
/// `channels` floats apart.
void rk_depthwise(rk_variant variant, const rk_windows *windows, const float *weights, float *output,
                  const rk_epilogue *epilogue);

/// Adds Σ over windows of `gradient` (windows × channels) · pixel to `sums` (taps × channels), in partial sums of 32
/// windows.
void rk_depthwise_weight_gradient(rk_variant variant, const rk_windows *windows, const float *gradient, float *sums);

/// Adds `gradient` (windows × channels) · `weights`, for a single tap, to the pixels that the tap covers: the first at
/// `picture`, the others `step` floats apart.
void rk_depthwise_scatter(rk_variant variant, const float *gradient, const float *weights, float *picture,
                          ptrdiff_t step, ptrdiff_t channels, ptrdiff_t count);

// MARK: Normalization over the channels of a pixel
//
// Sums run over RK_PANEL lanes in every variant and then by halves, so the bits do not depend on the variant (except
// for RK_GENERIC on processors without fused multiply-add, which rounds twice per step).

typedef struct {
    /// At least 1.
    ptrdiff_t channels;
    /// Added to the variance.
    float epsilon;
    /// One value per channel each.
    const float *weight, *bias;
} rk_normalization;

/// y = (x − mean) / √(variance + ε) · weight + bias, pixel by pixel; y may be x.
void rk_normalize(rk_variant variant, const rk_normalization *normalization, const float *x, float *y,
                  ptrdiff_t pixels);

/// Adds the pixels' contributions to the gradients of weight and bias to two rows of channels, and writes the gradient
/// of x unless `x_gradient` is NULL. It overlaps neither x nor `gradient`; the bias is not read.
void rk_normalize_gradient(rk_variant variant, const rk_normalization *normalization, const float *x,
                           const float *gradient, float *weight_sums, float *bias_sums, float *x_gradient,
                           ptrdiff_t pixels);

#endif
