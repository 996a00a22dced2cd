// The transforms of Winograd convolution against their matrices (`docs/operators/winograd.md`) in double precision. Their
// factors are small multiples of powers of two, so with small integers the results must be exact, except for those of
// filters, where thirds and fifteenths occur.
#include "checks.h"

#include <math.h>
#include <string.h>

static const double input_matrix4[6][6] = {{1, -1.5, -2, 1.5, 1, 0}, {0, -1, 0.5, 2.5, 1, 0}, {0, 1, -2.5, 0.5, 1, 0},
                                           {0, -2, -1, 2, 1, 0},     {0, 0.5, -1, -0.5, 1, 0}, {0, 1, -1.5, -2, 1.5, 1}};
static const double output_matrix4[6][6] = {
    {1, 1, 1, 1, 1, 0}, {0, 1, -1, 0.5, -2, 0}, {0, 1, 1, 0.25, 4, 0}, {0, 1, -1, 0.125, -8, 1}};
static const double filter_matrix4[6][6] = {{1, 0, 0},
                                            {1 / 3.0, 1 / 3.0, 1 / 3.0},
                                            {-1 / 3.0, 1 / 3.0, -1 / 3.0},
                                            {-16 / 15.0, -8 / 15.0, -4 / 15.0},
                                            {1 / 15.0, -2 / 15.0, 4 / 15.0},
                                            {0, 0, 1}};
static const double input_matrix2[6][6] = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, -1, 0, 1}};
static const double output_matrix2[6][6] = {{1, 1, 1, 0}, {0, 1, -1, 1}};
static const double filter_matrix2[6][6] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};

static const ptrdiff_t channel_counts[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 24, 33, 64};

/// One channel of a tile.
typedef struct {
    double at[6][6];
} tile;

/// X t Xᵀ with X of `rows` × `columns`, or its transpose of as many rows and columns.
static tile transformed(const double matrix[6][6], int rows, int columns, int is_transposed, const tile *t)
{
    tile left = {{{0}}}, result = {{{0}}};
#define ELEMENT(i, j) (is_transposed ? matrix[j][i] : matrix[i][j])
    for (int i = 0; i < rows; i++)
        for (int x = 0; x < columns; x++)
            for (int k = 0; k < columns; k++) left.at[i][x] += ELEMENT(i, k) * t->at[k][x];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < rows; j++)
            for (int k = 0; k < columns; k++) result.at[i][j] += left.at[i][k] * ELEMENT(j, k);
#undef ELEMENT
    return result;
}

/// Where the points of `tiles` tiles are.
typedef struct {
    int n;
    ptrdiff_t tile_stride, point_stride;
    size_t count;
} points;

static points points_of(int m, ptrdiff_t channels, ptrdiff_t tiles)
{
    points p = {m + 2, panels(channels) * RK_PANEL, 0, 0};
    p.point_stride = tiles * p.tile_stride + RK_PANEL;
    p.count = (size_t)((p.n * p.n - 1) * p.point_stride + tiles * p.tile_stride);
    return p;
}

static tile tile_of(const points *p, const float *floats, ptrdiff_t index, ptrdiff_t channel)
{
    tile t = {{{0}}};
    for (int point = 0; point < p->n * p->n; point++)
        t.at[point / p->n][point % p->n] = (double)floats[point * p->point_stride + index * p->tile_stride + channel];
    return t;
}

/// The points of the channels that exist, tile by tile: those beyond them are not defined.
static void record_points(const variant *v, const points *p, const float *floats, ptrdiff_t channels, ptrdiff_t tiles)
{
    float *kept = guarded((size_t)(p->n * p->n * tiles * channels)), *next = kept;
    for (int point = 0; point < p->n * p->n; point++)
        for (ptrdiff_t t = 0; t < tiles; t++, next += channels)
            memcpy(next, floats + point * p->point_stride + t * p->tile_stride, (size_t)channels * sizeof(float));
    record(v, kept, (size_t)(next - kept));
}

static float *values_of(int is_exact, size_t count)
{
    return is_exact ? random_integers(count) : random_floats(count);
}

/// Errors allowed of values of size 1 that are not integers. An element is at most 25 times as large.
#define TRANSFORM_ERROR 1e-5

// MARK: Inputs

static void check_inputs(int m, ptrdiff_t channels, ptrdiff_t tiles, int is_exact)
{
    start_case("inputs of F(%d, 3), %td channels, %td tiles%s", m, channels, tiles, is_exact ? ", integers" : "");
    const points p = points_of(m, channels, tiles);
    const float *rows[6];
    for (int y = 0; y < p.n; y++) rows[y] = values_of(is_exact, (size_t)((tiles * m + 2) * channels));
    const size_t before = mark();
    for (size_t v = 0; v < variant_count; v++) {
        start_variant(variants + v);
        float *found = guarded(p.count);
        rk_winograd_input(variants[v].identifier, m, rows, channels, tiles, found, p.point_stride, p.tile_stride);
        for (ptrdiff_t t = 0; t < tiles; t++)
            for (ptrdiff_t c = 0; c < channels; c++) {
                tile d = {{{0}}};
                for (int y = 0; y < p.n; y++)
                    for (int x = 0; x < p.n; x++) d.at[y][x] = (double)rows[y][(t * m + x) * channels + c];
                const tile expected = transformed(m == 4 ? input_matrix4 : input_matrix2, p.n, p.n, 0, &d);
                const tile result = tile_of(&p, found, t, c);
                for (int i = 0; i < p.n * p.n; i++)
                    is_close((float)result.at[i / p.n][i % p.n], expected.at[i / p.n][i % p.n],
                             is_exact ? 0 : TRANSFORM_ERROR, "point", i);
            }
        record_points(variants + v, &p, found, channels, tiles);
        release(before);
    }
}

void test_winograd_inputs(void)
{
    for (int m = 2; m <= 4; m += 2)
        for (size_t c = 0; c < COUNT(channel_counts); c++)
            for (ptrdiff_t tiles = 1; tiles <= 4; tiles++)
                for (int is_exact = 0; is_exact < 2; is_exact++)
                    check_inputs(m, channel_counts[c], tiles, is_exact);
}

// MARK: Outputs

typedef struct {
    int m;
    ptrdiff_t channels, tiles, top, height, width;
} area;

/// Which pixel of the area a place in its memory belongs to; −1 for the gap after a row.
static ptrdiff_t pixel_of(const area *a, ptrdiff_t place, ptrdiff_t row_stride)
{
    return place % row_stride < a->width * a->channels ? place % row_stride / a->channels : -1;
}

static void check_output_pixels(const area *a, const points *p, const float *products, const float *y,
                                ptrdiff_t row_stride, const rk_epilogue *e, double error)
{
    for (ptrdiff_t place = 0; place < (a->height - a->top - 1) * row_stride + a->width * a->channels; place++) {
        const ptrdiff_t row = a->top + place / row_stride, pixel = pixel_of(a, place, row_stride);
        const ptrdiff_t c = place % row_stride % a->channels;
        if (pixel < 0) {
            if (!is_untouched(y[place])) fail("row %td is written beyond its end", row);
            continue;
        }
        const tile products_of_tile = tile_of(p, products, pixel / a->m, c);
        const tile values = transformed(a->m == 4 ? output_matrix4 : output_matrix2, a->m, p->n, 0, &products_of_tile);
        // A rounded value may lie on the other side of zero, which the activation changes by less than the error.
        double expected = values.at[row][pixel % a->m];
        if (e->bias) expected += (double)e->bias[c];
        if (e->residual) expected += (double)e->residual[row * e->residual_stride + pixel * a->channels + c];
        if (e->activation != RK_IDENTITY && expected < 0)
            expected *= e->activation == RK_RELU ? 0.0 : (double)e->slope;
        is_close(y[place], expected, error, "value", place);
    }
}

static void check_outputs(area a, int kind, int is_exact)
{
    start_case("outputs of F(%d, 3), %td channels, %td tiles, rows %td to %td, %td pixels, epilogue %d%s", a.m, a.channels,
               a.tiles, a.top, a.height, a.width, kind, is_exact ? ", integers" : "");
    const points p = points_of(a.m, a.channels, a.tiles);
    const float *products = values_of(is_exact, p.count);
    const ptrdiff_t line = a.width * a.channels, row_stride = line + 7;
    rk_epilogue e = epilogue_of(is_exact ? 0 : kind, 1, a.channels, 0);
    // Rows that are not stored have no residual.
    if (e.residual) {
        e.residual_stride = line + 5;
        e.residual = random_floats((size_t)((a.height - a.top - 1) * e.residual_stride + line));
        e.residual -= a.top * e.residual_stride;
    }
    const size_t before = mark(), count = (size_t)((a.height - a.top - 1) * row_stride + line);
    for (size_t v = 0; v < variant_count; v++) {
        start_variant(variants + v);
        float *y = guarded(count);
        rk_winograd_output(variants[v].identifier, a.m, products, p.point_stride, p.tile_stride, a.channels, a.tiles,
                           y - a.top * row_stride, row_stride, a.top, a.height, a.width, &e);
        check_output_pixels(&a, &p, products, y, row_stride, &e, is_exact ? 0 : 4 * TRANSFORM_ERROR);
        record(variants + v, y, count);
        release(before);
    }
}

void test_winograd_outputs(void)
{
    int next = 0;
    for (int m = 2; m <= 4; m += 2)
        for (size_t c = 0; c < COUNT(channel_counts); c++)
            for (ptrdiff_t top = 0; top < m; top++)
                for (ptrdiff_t height = top + 1; height <= m; height++, next++) {
                    const ptrdiff_t tiles = 1 + next % 3;
                    const area a = {m, channel_counts[c], tiles, top, height, tiles * m - next % m};
                    check_outputs(a, next % EPILOGUES, next / 5 % 2);
                    const area whole = {m, channel_counts[c], tiles, 0, m, tiles * m};
                    if (top == 0) check_outputs(whole, (int)height % EPILOGUES, height == m);
                }
}

// MARK: Gradients of outputs

static void check_output_gradients(area a, int is_exact)
{
    start_case("gradients of outputs of F(%d, 3), %td channels, %td tiles, %td rows, %td pixels%s", a.m, a.channels,
               a.tiles, a.height, a.width, is_exact ? ", integers" : "");
    const points p = points_of(a.m, a.channels, a.tiles);
    const ptrdiff_t row_stride = a.width * a.channels + 7;
    const float *gradient = values_of(is_exact, (size_t)((a.height - 1) * row_stride + a.width * a.channels));
    const size_t before = mark();
    for (size_t v = 0; v < variant_count; v++) {
        start_variant(variants + v);
        float *z = guarded(p.count);
        rk_winograd_output_gradient(variants[v].identifier, a.m, gradient, row_stride, a.height, a.width, a.channels,
                                    a.tiles, z, p.point_stride, p.tile_stride);
        for (ptrdiff_t t = 0; t < a.tiles; t++)
            for (ptrdiff_t c = 0; c < a.channels; c++) {
                tile g = {{{0}}};
                for (int y = 0; y < a.m && y < a.height; y++)
                    for (int x = 0; x < a.m && t * a.m + x < a.width; x++)
                        g.at[y][x] = (double)gradient[y * row_stride + (t * a.m + x) * a.channels + c];
                const tile expected = transformed(a.m == 4 ? output_matrix4 : output_matrix2, p.n, a.m, 1, &g);
                const tile result = tile_of(&p, z, t, c);
                for (int i = 0; i < p.n * p.n; i++)
                    is_close((float)result.at[i / p.n][i % p.n], expected.at[i / p.n][i % p.n],
                             is_exact ? 0 : 4 * TRANSFORM_ERROR, "point", i);
            }
        record_points(variants + v, &p, z, a.channels, a.tiles);
        release(before);
    }
}

void test_winograd_output_gradients(void)
{
    int next = 0;
    for (int m = 2; m <= 4; m += 2)
        for (size_t c = 0; c < COUNT(channel_counts); c++)
            for (ptrdiff_t height = 1; height <= m; height++)
                for (ptrdiff_t missing = 0; missing < m; missing++, next++) {
                    const ptrdiff_t tiles = 1 + next % 3;
                    const area a = {m, channel_counts[c], tiles, 0, height, tiles * m - missing};
                    check_output_gradients(a, next % 2);
                }
}

// MARK: Filters

typedef struct {
    int m, is_turned, inputs_first;
    ptrdiff_t inputs, outputs;
} layer;

static rk_filters filters_of(layer l, ptrdiff_t point_stride)
{
    rk_filters f = {0};
    f.weights = random_floats((size_t)(l.inputs * l.outputs * 9));
    f.inputs = l.inputs;
    f.outputs = l.outputs;
    f.input_stride = l.inputs_first ? l.outputs * 9 : 9;
    f.output_stride = l.inputs_first ? 9 : l.inputs * 9;
    f.is_turned = l.is_turned;
    f.point_stride = point_stride;
    return f;
}

static void check_filter(const layer *l, const rk_filters *f, const float *u, ptrdiff_t input, ptrdiff_t output)
{
    const int n = l->m + 2;
    tile g = {{{0}}}, expected = {{{0}}};
    const float *taps = f->weights + input * f->input_stride + output * f->output_stride;
    for (int tap = 0; tap < 9 && output < l->outputs; tap++)
        g.at[tap / 3][tap % 3] = (double)taps[l->is_turned ? 8 - tap : tap];
    expected = transformed(l->m == 4 ? filter_matrix4 : filter_matrix2, n, 3, 0, &g);
    for (int i = 0; i < n * n; i++) {
        const ptrdiff_t row = output / RK_PANEL * l->inputs + input;
        is_close(u[i * f->point_stride + row * RK_PANEL + output % RK_PANEL], expected.at[i / n][i % n],
                 output < l->outputs ? 1e-6 : 0, "point", i);
    }
}

static void check_filters(layer l)
{
    start_case("filters of F(%d, 3), %td → %td%s%s", l.m, l.inputs, l.outputs, l.is_turned ? ", turned" : "",
               l.inputs_first ? ", inputs first" : "");
    const ptrdiff_t size = panels(l.outputs) * l.inputs * RK_PANEL, n = l.m + 2;
    const rk_filters f = filters_of(l, size + 3);
    const size_t before = mark(), count = (size_t)((n * n - 1) * f.point_stride + size);
    for (size_t v = 0; v < variant_count; v++) {
        start_variant(variants + v);
        float *u = guarded(count);
        for (ptrdiff_t panel = 0; panel < panels(l.outputs); panel++)
            rk_winograd_weights(variants[v].identifier, l.m, &f, panel, u + panel * l.inputs * RK_PANEL);
        for (ptrdiff_t input = 0; input < l.inputs; input++)
            for (ptrdiff_t output = 0; output < panels(l.outputs) * RK_PANEL; output++)
                check_filter(&l, &f, u, input, output);
        record(variants + v, u, count);
        release(before);
    }
}

static void check_filter_gradients(layer l)
{
    start_case("gradients of filters of F(%d, 3), %td → %td%s", l.m, l.inputs, l.outputs,
               l.inputs_first ? ", inputs first" : "");
    const ptrdiff_t n = l.m + 2, room = panels(l.outputs) * RK_PANEL;
    const rk_filters f = filters_of(l, room + RK_PANEL);
    const float *products[8];
    for (ptrdiff_t input = 0; input < l.inputs; input++)
        products[input] = random_floats((size_t)((n * n - 1) * f.point_stride + room));
    const size_t before = mark(), count = (size_t)(l.inputs * l.outputs * 9);
    for (size_t v = 0; v < variant_count; v++) {
        start_variant(variants + v);
        float *gradient = guarded(count);
        memcpy(gradient, f.weights, count * sizeof(float));
        for (ptrdiff_t input = 0; input < l.inputs; input++)
            rk_winograd_weight_gradient(variants[v].identifier, l.m, &f, input, products[input], gradient);
        for (ptrdiff_t place = 0; place < l.inputs * l.outputs; place++) {
            const ptrdiff_t input = place / l.outputs, output = place % l.outputs;
            const ptrdiff_t first = input * f.input_stride + output * f.output_stride;
            tile u = {{{0}}};
            for (ptrdiff_t i = 0; i < n * n; i++)
                u.at[i / n][i % n] = (double)products[input][i * f.point_stride + output];
            const tile g = transformed(l.m == 4 ? filter_matrix4 : filter_matrix2, 3, (int)n, 1, &u);
            for (int tap = 0; tap < 9; tap++)
                is_close(gradient[first + tap], (double)f.weights[first + tap] + g.at[tap / 3][tap % 3], 4e-6, "tap",
                         first + tap);
        }
        record(variants + v, gradient, count);
        release(before);
    }
}

void test_winograd_filters(void)
{
    static const ptrdiff_t outputs[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 15, 16, 17, 21, 33, 48, 64};
    int next = 0;
    for (int m = 2; m <= 4; m += 2)
        for (size_t o = 0; o < COUNT(outputs); o++)
            for (ptrdiff_t inputs = 1; inputs <= 5; inputs += 2, next++) {
                const layer l = {m, next % 2, next / 2 % 2, inputs, outputs[o]};
                check_filters(l);
                check_filter_gradients(l);
            }
}
