#ifndef RESTORE_CKERNELS_H
#define RESTORE_CKERNELS_H

#include <stddef.h>

/// The instruction sets a kernel is compiled for. All are in every build for their processor; which one runs is chosen
/// at run time.
typedef enum {
    RK_GENERIC = 0,
    RK_AVX2 = 1,
    RK_AVX512 = 2,
} rk_variant;

/// Non-zero where this processor can run `variant`.
int rk_is_supported(rk_variant variant);

/// Columns of a panel of a packed matrix.
#define RK_PANEL 16

/// C (rows × columns, row stride `ldc`) = A (rows × depth, row stride `lda`) · B.
///
/// `b` is packed: panels of RK_PANEL columns one after the other, each `depth` rows of RK_PANEL floats, the last panel
/// filled up with anything finite. Every element of C is one chain of fused multiply-adds over the depth, in order: its
/// bits depend on its row of A and its column of B and on nothing else, not on `rows`, its place, or the variant
/// (RK_GENERIC on processors without fused multiply-add rounds twice a step).
void rk_gemm(rk_variant variant, const float *a, ptrdiff_t lda, const float *b, float *c, ptrdiff_t ldc,
             ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth);

#endif
