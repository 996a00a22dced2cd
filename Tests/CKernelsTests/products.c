// The matrix products: every element is the chain of fused multiply-adds that the header promises, bit for bit, and close
// to the product in double precision.
#include "checks.h"

#include <math.h>
#include <string.h>

// MARK: Packed

typedef struct {
    ptrdiff_t rows, columns, segments, segment_depth;
    int epilogue;
} shape;

/// The operands in guarded memory, with distances between rows, segments and panels where that is possible.
static rk_product product_of(shape s)
{
    rk_product p = {0};
    p.rows = s.rows;
    p.columns = s.columns;
    p.segments = s.segments;
    p.segment_depth = s.segment_depth;
    p.segment_stride = s.segment_depth + 2;
    p.a_stride = (s.segments - 1) * p.segment_stride + s.segment_depth + 3;
    p.panel_stride = s.segments * s.segment_depth * RK_PANEL + 5;
    p.c_stride = s.columns + 3;
    p.a = random_floats((size_t)((s.rows - 1) * p.a_stride + p.a_stride - 3));
    p.b = random_floats((size_t)(panels(s.columns) * p.panel_stride - 5));
    p.epilogue = epilogue_of(s.epilogue, s.rows, s.columns, s.columns + 1);
    return p;
}

static void check_element(const rk_product *p, const float *c, ptrdiff_t row, ptrdiff_t column)
{
    const float *b = p->b + column / RK_PANEL * p->panel_stride + column % RK_PANEL;
    float chain = 0.0f;
    double sum = 0.0, size = 0.0;
    for (ptrdiff_t s = 0; s < p->segments; s++) {
        const float *a = p->a + row * p->a_stride + s * p->segment_stride;
        for (ptrdiff_t k = 0; k < p->segment_depth; k++, b += RK_PANEL) {
            chain = fmaf(a[k], *b, chain);
            sum += (double)a[k] * (double)*b;
            size += fabs((double)a[k] * (double)*b);
        }
    }
    const ptrdiff_t place = row * p->c_stride + column;
    is_same(c[place], finished(&p->epilogue, chain, row, column), "C", place);
    if (p->epilogue.bias || p->epilogue.residual) return;
    const double steps = (double)(p->segments * p->segment_depth);
    if (p->epilogue.activation == RK_IDENTITY) is_close(c[place], sum, steps * ROUNDING * size, "C", place);
}

static void check_product(shape s)
{
    start_case("product %td×%td×%td, %td segments, epilogue %d", s.rows, s.segment_depth, s.columns, s.segments,
               s.epilogue);
    rk_product p = product_of(s);
    const size_t before = mark(), count = (size_t)((s.rows - 1) * p.c_stride + s.columns);
    for (size_t v = 0; v < variant_count; v++) {
        start_variant(variants + v);
        p.c = guarded(count);
        rk_multiply(variants[v].identifier, &p);
        for (ptrdiff_t row = 0; row < s.rows; row++) {
            for (ptrdiff_t column = 0; column < s.columns; column++) check_element(&p, p.c, row, column);
            for (ptrdiff_t gap = s.columns; row + 1 < s.rows && gap < p.c_stride; gap++)
                if (!is_untouched(p.c[row * p.c_stride + gap])) fail("row %td is written beyond its end", row);
        }
        record(variants + v, p.c, count);
        release(before);
    }
}

/// Activations pass on what is no number, and only that.
static void check_not_a_number(int epilogue)
{
    start_case("product with NaN, epilogue %d", epilogue);
    const shape s = {7, 21, 1, 9, epilogue};
    rk_product p = product_of(s);
    // Row 3 of A.
    ((float *)p.a)[3 * p.a_stride + 4] = NAN;
    const size_t before = mark();
    for (size_t v = 0; v < variant_count; v++) {
        start_variant(variants + v);
        p.c = guarded((size_t)((s.rows - 1) * p.c_stride + s.columns));
        rk_multiply(variants[v].identifier, &p);
        for (ptrdiff_t row = 0; row < s.rows; row++)
            for (ptrdiff_t column = 0; column < s.columns; column++) {
                const float value = p.c[row * p.c_stride + column];
                if (isnan(value) != (row == 3) || is_untouched(value)) fail("row %td has %g", row, (double)value);
            }
        release(before);
    }
}

void test_products(void)
{
    static const ptrdiff_t columns[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 20, 24, 28, 31, 33, 48,
                                        52, 64, 67};
    static const ptrdiff_t rows[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 23, 25, 30};
    static const ptrdiff_t depths[] = {1, 2, 3, 4, 5, 8, 11, 27};
    int next = 0;
    for (size_t c = 0; c < COUNT(columns); c++)
        for (size_t r = 0; r < COUNT(rows); r++)
            for (size_t d = 0; d < COUNT(depths); d++, next++) {
                const shape s = {rows[r], columns[c], 1 + next % 3 / 2 * 2, depths[d], next % EPILOGUES};
                check_product(s);
            }
    const shape layers[] = {{48, 64, 1, 64, 0}, {32, 64, 3, 9, 2}, {24, 64, 3, 192, 2}, {19, 3, 3, 192, 1}};
    for (size_t i = 0; i < COUNT(layers); i++) check_product(layers[i]);
    for (int epilogue = 0; epilogue < EPILOGUES; epilogue++) check_not_a_number(epilogue);
}

// MARK: Transposed

typedef struct {
    const float *a, *b, *old;
    ptrdiff_t rows, columns, depth, a_stride, b_stride, c_stride;
} outer;

static void check_outer_element(const outer *p, const float *c, ptrdiff_t row, ptrdiff_t column)
{
    const ptrdiff_t place = row * p->c_stride + column;
    float chain = p->old ? p->old[place] : 0.0f;
    double sum = (double)chain, size = fabs(sum);
    for (ptrdiff_t k = 0; k < p->depth; k++) {
        const float a = p->a[k * p->a_stride + row], b = p->b[k * p->b_stride + column];
        chain = fmaf(a, b, chain);
        sum += (double)a * (double)b;
        size += fabs((double)a * (double)b);
    }
    is_same(c[place], chain, "C", place);
    is_close(c[place], sum, (double)p->depth * ROUNDING * size, "C", place);
}

static void check_outer(ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth, int accumulates)
{
    start_case("transposed product %td×%td×%td%s", rows, depth, columns, accumulates ? ", onto the old values" : "");
    outer p = {NULL, NULL, NULL, rows, columns, depth, rows + 2, columns + 1, columns + 3};
    const size_t count = (size_t)((rows - 1) * p.c_stride + columns);
    p.a = random_floats((size_t)((depth - 1) * p.a_stride + rows));
    p.b = random_floats((size_t)((depth - 1) * p.b_stride + columns));
    p.old = accumulates ? random_floats(count) : NULL;
    const size_t before = mark();
    for (size_t v = 0; v < variant_count; v++) {
        start_variant(variants + v);
        float *c = guarded(count);
        if (accumulates) memcpy(c, p.old, count * sizeof(float));
        rk_multiply_transposed(variants[v].identifier, p.a, p.a_stride, p.b, p.b_stride, c, p.c_stride, rows, columns,
                               depth, accumulates);
        for (ptrdiff_t row = 0; row < rows; row++) {
            for (ptrdiff_t column = 0; column < columns; column++) check_outer_element(&p, c, row, column);
            for (ptrdiff_t gap = row * p.c_stride + columns; row + 1 < rows && gap < (row + 1) * p.c_stride; gap++)
                if (accumulates ? c[gap] != p.old[gap] : !is_untouched(c[gap]))
                    fail("row %td is written beyond its end", row);
        }
        record(variants + v, c, count);
        release(before);
    }
}

void test_transposed_products(void)
{
    static const ptrdiff_t sides[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 21, 27, 33, 48};
    static const ptrdiff_t depths[] = {1, 2, 5, 19};
    int next = 0;
    for (size_t r = 0; r < COUNT(sides); r++)
        for (size_t c = 0; c < COUNT(sides); c++)
            for (size_t d = 0; d < COUNT(depths); d++) check_outer(sides[r], sides[c], depths[d], next++ % 2);
    check_outer(64, 64, 100, 1);
    check_outer(27, 64, 100, 0);
}
