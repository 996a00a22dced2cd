// What the tests of the C kernels share. They need neither Swift nor a test framework, so that they can be built for
// another architecture and run in an emulator; `scripts/test-arm.sh` does that.
#ifndef CHECKS_H
#define CHECKS_H

#include <stddef.h>
#include <stdint.h>

#include "CKernels.h"

#if defined(__x86_64__) && !defined(__FMA__)
#error "Compile with -mfma: only fused multiply-adds give the same bits everywhere."
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// MARK: Cases

/// Tests of one kernel for all its shapes. Called once for each edge (see `guarded`).
void test_products(void);
void test_transposed_products(void);
void test_winograd_inputs(void);
void test_winograd_outputs(void);
void test_winograd_output_gradients(void);
void test_winograd_filters(void);
void test_winograd_convolutions(void);
void test_depthwise(void);
void test_depthwise_gradients(void);
void test_normalization(void);

typedef struct {
    rk_variant identifier;
    const char *name;
} variant;

/// The variants that this processor supports, the generic one first.
extern variant variants[];
extern size_t variant_count;

/// Names the case that runs from here on, as by printf, releases all memory of the previous one and starts the random
/// sequence anew.
void start_case(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// Names the variant that runs from here on, for messages.
void start_variant(const variant *v);

/// Reports a failure of the current case.
void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// The results of the case must be the same bits for every variant and every edge, and on every processor. `v` is the
/// variant that gave them. Prints their hash once.
void record(const variant *v, const float *results, size_t count);

// MARK: Memory

/// Not a number that no kernel computes: what must not be written keeps it.
extern const uint32_t untouched_bits;

/// Memory next to a page that no one may read or write: directly after it or directly before it, depending on the edge
/// that is being tested. Filled with what `is_untouched` recognizes. Valid until the next case or `release`.
float *guarded(size_t count);

/// The number of buffers in use, and frees all that were allocated after there were `count`.
size_t mark(void);
void release(size_t count);

int is_untouched(float value);

// MARK: Values

/// Guarded and filled with random numbers from −1 to 1.
float *random_floats(size_t count);

/// Guarded and filled with random integers from −8 to 8, so that sums of them times small fractions of powers of two are
/// exact.
float *random_integers(size_t count);

/// Whether `found` is within `tolerance` of `expected`; reports where it is not. NaN is only close to NaN.
int is_close(float found, double expected, double tolerance, const char *what, ptrdiff_t place);

/// Whether both have the same bits; reports where they have not.
int is_same(float found, float expected, const char *what, ptrdiff_t place);

/// What an epilogue makes of `value`, which is at `row` and `column`.
float finished(const rk_epilogue *epilogue, float value, ptrdiff_t row, ptrdiff_t column);

/// An epilogue of one of EPILOGUES kinds, for `rows` rows of `columns` values; kind 0 has nothing to do.
#define EPILOGUES 5
rk_epilogue epilogue_of(int kind, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t residual_stride);

static inline ptrdiff_t panels(ptrdiff_t columns)
{
    return (columns + RK_PANEL - 1) / RK_PANEL;
}

/// Half the distance from 1 to the next float: the largest relative error of a rounded result.
#define ROUNDING 0x1p-24

#endif
