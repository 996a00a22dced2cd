#include "CKernels.h"

// A product and a sum in one expression are one fused operation where the processor has it.
#pragma STDC FP_CONTRACT ON

#define TARGET
#define LANES 4
#define ROWS 3
#define PANELS 1
#define NAME(x) x##_generic
#include "gemm_template.h"

#if defined(__x86_64__)

// 6 × 16: 12 of the 16 registers hold sums.
#define TARGET __attribute__((target("avx2,fma")))
#define LANES 8
#define ROWS 6
#define PANELS 1
#define NAME(x) x##_avx2
#include "gemm_template.h"

// 12 × 32: 24 of the 32 registers hold sums.
#define TARGET __attribute__((target("avx512f")))
#define LANES 16
#define ROWS 12
#define PANELS 2
#define NAME(x) x##_avx512
#include "gemm_template.h"

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
    }
    return 0;
#else
    return variant == RK_GENERIC;
#endif
}

void rk_gemm(rk_variant variant, const float *a, ptrdiff_t lda, const float *b, float *c, ptrdiff_t ldc,
             ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth)
{
#if defined(__x86_64__)
    switch (variant) {
    case RK_AVX512:
        gemm_avx512(a, lda, b, c, ldc, rows, columns, depth);
        return;
    case RK_AVX2:
        gemm_avx2(a, lda, b, c, ldc, rows, columns, depth);
        return;
    case RK_GENERIC:
        break;
    }
#endif
    gemm_generic(a, lda, b, c, ldc, rows, columns, depth);
}
