// Normalization over channels against its definition in double precision.
#include "checks.h"

#include <math.h>
#include <string.h>

#define PIXELS 5

/// A pixel's values as they are normalized, and the factor of their gradients.
typedef struct {
    double normalized[128], scale;
} pixel;

static pixel pixel_of(const rk_normalization *n, const float *x)
{
    pixel p = {{0}, 0};
    double mean = 0, variance = 0;
    for (ptrdiff_t c = 0; c < n->channels; c++) mean += (double)x[c] / (double)n->channels;
    for (ptrdiff_t c = 0; c < n->channels; c++)
        variance += ((double)x[c] - mean) * ((double)x[c] - mean) / (double)n->channels;
    p.scale = 1 / sqrt(variance + (double)n->epsilon);
    for (ptrdiff_t c = 0; c < n->channels; c++) p.normalized[c] = ((double)x[c] - mean) * p.scale;
    return p;
}

typedef struct {
    rk_normalization normalization;
    float *x;
    const float *gradient;
} setup;

/// Values far from zero compared with how they vary, as after an activation.
static setup set_up(ptrdiff_t channels)
{
    setup s;
    s.x = random_floats((size_t)(PIXELS * channels));
    for (ptrdiff_t i = 0; i < PIXELS * channels; i++) s.x[i] += 4.0f;
    s.gradient = random_floats((size_t)(PIXELS * channels));
    const rk_normalization n = {channels, 1e-3f, random_floats((size_t)channels), random_floats((size_t)channels)};
    s.normalization = n;
    return s;
}

static void check_forward(ptrdiff_t channels)
{
    start_case("normalization, %td channels", channels);
    const setup s = set_up(channels);
    const rk_normalization *n = &s.normalization;
    const size_t before = mark(), count = (size_t)(PIXELS * channels);
    for (size_t v = 0; v < variant_count; v++) {
        start_variant(variants + v);
        float *y = guarded(count), *in_place = guarded(count);
        rk_normalize(variants[v].identifier, n, s.x, y, PIXELS);
        memcpy(in_place, s.x, count * sizeof(float));
        rk_normalize(variants[v].identifier, n, in_place, in_place, PIXELS);
        for (ptrdiff_t place = 0; place < PIXELS * channels; place++) {
            const ptrdiff_t c = place % channels;
            const pixel p = pixel_of(n, s.x + place - c);
            is_close(y[place], p.normalized[c] * (double)n->weight[c] + (double)n->bias[c], 1e-5, "value", place);
            is_same(in_place[place], y[place], "value in place", place);
        }
        record(variants + v, y, count);
        release(before);
    }
}

// MARK: Gradients

typedef struct {
    double x[PIXELS * 128], weight[128], bias[128];
} gradients;

static void expected_gradients(const setup *s, gradients *g)
{
    const rk_normalization *n = &s->normalization;
    memset(g, 0, sizeof *g);
    for (ptrdiff_t i = 0; i < PIXELS; i++) {
        const float *gradient = s->gradient + i * n->channels;
        const pixel p = pixel_of(n, s->x + i * n->channels);
        double mean = 0, product = 0;
        for (ptrdiff_t c = 0; c < n->channels; c++) {
            const double h = (double)gradient[c] * (double)n->weight[c];
            mean += h / (double)n->channels;
            product += h * p.normalized[c] / (double)n->channels;
            g->weight[c] += (double)gradient[c] * p.normalized[c];
            g->bias[c] += (double)gradient[c];
        }
        for (ptrdiff_t c = 0; c < n->channels; c++)
            g->x[i * n->channels + c] =
                p.scale * ((double)gradient[c] * (double)n->weight[c] - mean - p.normalized[c] * product);
    }
}

/// Gradients added to ones.
static void check_gradients(ptrdiff_t channels, int has_input)
{
    start_case("gradients of normalization, %td channels%s", channels, has_input ? "" : ", parameters alone");
    const setup s = set_up(channels);
    static gradients expected;
    expected_gradients(&s, &expected);
    const size_t before = mark(), count = (size_t)channels, total = (size_t)(PIXELS * channels);
    for (size_t v = 0; v < variant_count; v++) {
        start_variant(variants + v);
        float *weight = guarded(count), *bias = guarded(count), *x = guarded(total);
        for (size_t c = 0; c < count; c++) weight[c] = bias[c] = 1.0f;
        rk_normalize_gradient(variants[v].identifier, &s.normalization, s.x, s.gradient, weight, bias,
                              has_input ? x : NULL, PIXELS);
        for (ptrdiff_t c = 0; c < channels; c++) {
            is_close(weight[c], 1 + expected.weight[c], 2e-5, "gradient of weight", c);
            is_close(bias[c], 1 + expected.bias[c], 2e-6, "gradient of bias", c);
        }
        for (ptrdiff_t i = 0; has_input && i < PIXELS * channels; i++) is_close(x[i], expected.x[i], 4e-5, "gradient", i);
        float *all = guarded(total + 2 * count);
        memcpy(all, weight, count * sizeof(float));
        memcpy(all + count, bias, count * sizeof(float));
        if (has_input) memcpy(all + 2 * count, x, total * sizeof(float));
        record(variants + v, all, (has_input ? total : 0) + 2 * count);
        release(before);
    }
}

void test_normalization(void)
{
    for (ptrdiff_t channels = 1; channels <= 34; channels++) {
        check_forward(channels);
        check_gradients(channels, 1);
        check_gradients(channels, 0);
    }
    check_forward(100);
    check_gradients(100, 1);
}
