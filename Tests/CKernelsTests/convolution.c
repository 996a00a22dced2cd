// Whole convolutions by Winograd's algorithm, from pixels to pixels, against the definition in double precision.
#include "checks.h"

#include <math.h>

typedef struct {
    int m;
    ptrdiff_t inputs, outputs, tiles, width;
} layer;

static void convolve(const variant *v, const layer *l, const float *const *rows, const rk_filters *f, float *u, float *y,
                      const rk_epilogue *e)
{
    const ptrdiff_t n = l->m + 2, in = panels(l->inputs) * RK_PANEL, out = panels(l->outputs) * RK_PANEL;
    float *inputs = guarded((size_t)(n * n * l->tiles * in)), *products = guarded((size_t)(n * n * l->tiles * out));
    for (ptrdiff_t panel = 0; panel < panels(l->outputs); panel++)
        rk_winograd_weights(v->identifier, l->m, f, panel, u + panel * l->inputs * RK_PANEL);
    rk_winograd_input(v->identifier, l->m, rows, l->inputs, l->tiles, inputs, l->tiles * in, in);
    for (ptrdiff_t point = 0; point < n * n; point++) {
        rk_product p = {0};
        p.a = inputs + point * l->tiles * in;
        p.a_stride = in;
        p.segments = 1;
        p.segment_depth = l->inputs;
        p.b = u + point * f->point_stride;
        p.panel_stride = l->inputs * RK_PANEL;
        p.c = products + point * l->tiles * out;
        p.c_stride = out;
        p.rows = l->tiles;
        p.columns = l->outputs;
        rk_multiply(v->identifier, &p);
    }
    rk_winograd_output(v->identifier, l->m, products, l->tiles * out, out, l->outputs, l->tiles, y,
                       l->width * l->outputs, 0, l->m, l->width, e);
}

static double expected_value(const layer *l, const float *const *rows, const rk_filters *f, ptrdiff_t row,
                             ptrdiff_t pixel, ptrdiff_t output)
{
    double sum = 0;
    for (ptrdiff_t i = 0; i < l->inputs; i++)
        for (ptrdiff_t tap = 0; tap < 9; tap++)
            sum += (double)f->weights[i * f->input_stride + output * f->output_stride + tap]
                * (double)rows[row + tap / 3][(pixel + tap % 3) * l->inputs + i];
    return sum;
}

static void check_convolution(layer l)
{
    start_case("convolution by F(%d, 3), %td → %td, %td tiles, %td pixels", l.m, l.inputs, l.outputs, l.tiles, l.width);
    const float *rows[6];
    for (int y = 0; y < l.m + 2; y++) rows[y] = random_floats((size_t)((l.tiles * l.m + 2) * l.inputs));
    const rk_filters f = {random_floats((size_t)(l.inputs * l.outputs * 9)), l.inputs, l.outputs, 9, l.inputs * 9, 0,
                          panels(l.outputs) * l.inputs * RK_PANEL};
    const rk_epilogue e = epilogue_of(0, 1, 1, 0);
    const size_t before = mark(), count = (size_t)(l.m * l.width * l.outputs);
    for (size_t v = 0; v < variant_count; v++) {
        start_variant(variants + v);
        float *y = guarded(count), *u = guarded((size_t)((l.m + 2) * (l.m + 2) * f.point_stride));
        convolve(variants + v, &l, rows, &f, u, y, &e);
        double error = 0, size = 0;
        for (ptrdiff_t place = 0; place < (ptrdiff_t)count; place++) {
            const ptrdiff_t row = place / (l.width * l.outputs), pixel = place / l.outputs % l.width;
            const double expected = expected_value(&l, rows, &f, row, pixel, place % l.outputs);
            error += ((double)y[place] - expected) * ((double)y[place] - expected);
            size += expected * expected;
        }
        // Twice what docs/operators/winograd.md gives for 64 channels.
        if (!(sqrt(error / size) < 2.2e-6)) fail("relative error %g", sqrt(error / size));
        record(variants + v, y, count);
        release(before);
    }
}

void test_winograd_convolutions(void)
{
    for (int m = 2; m <= 4; m += 2) {
        const layer layers[] = {{m, 3, 64, 5, 5 * m - 1}, {m, 64, 64, 7, 7 * m}, {m, 64, 3, 6, 6 * m - 1},
                                {m, 5, 17, 3, 3 * m},     {m, 13, 7, 1, m - 1},  {m, 1, 1, 2, 2 * m}};
        for (size_t i = 0; i < COUNT(layers); i++) check_convolution(layers[i]);
    }
}
