// Depthwise convolutions: the chains of fused multiply-adds that the header promises, bit for bit.
#include "checks.h"

#include <math.h>
#include <string.h>

static const ptrdiff_t channel_counts[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 24, 31, 33, 48};
static const ptrdiff_t window_counts[] = {1, 2, 3, 4, 5, 8, 9, 13, 31, 32, 33, 70};
static const ptrdiff_t tap_counts[] = {9, 1, 25, 3, 7, 11};

#define MOST_TAPS 25

/// Each tap's pixels have memory of their own.
typedef struct {
    rk_windows windows;
    const float *taps[MOST_TAPS];
} setup;

static void set_up(setup *s, ptrdiff_t channels, ptrdiff_t count, ptrdiff_t taps, ptrdiff_t pixel_step)
{
    for (ptrdiff_t t = 0; t < taps; t++)
        s->taps[t] = random_floats((size_t)(((count - 1) * pixel_step + 1) * channels));
    const rk_windows windows = {s->taps, taps, pixel_step * channels, channels, count};
    s->windows = windows;
}

static void check_forward(ptrdiff_t channels, ptrdiff_t count, ptrdiff_t taps, ptrdiff_t pixel_step, int kind)
{
    start_case("depthwise, %td channels, %td windows %td apart, %td taps, epilogue %d", channels, count, pixel_step, taps,
               kind);
    setup s;
    set_up(&s, channels, count, taps, pixel_step);
    const float *weights = random_floats((size_t)(taps * channels));
    const rk_epilogue epilogue = epilogue_of(kind, count, channels, channels);
    const size_t before = mark(), total = (size_t)(count * channels);
    for (size_t v = 0; v < variant_count; v++) {
        start_variant(variants + v);
        float *output = guarded(total);
        rk_depthwise(variants[v].identifier, &s.windows, weights, output, &epilogue);
        for (ptrdiff_t place = 0; place < count * channels; place++) {
            const ptrdiff_t window = place / channels, c = place % channels;
            float chain = 0.0f;
            double sum = 0.0, size = 0.0;
            for (ptrdiff_t t = 0; t < taps; t++) {
                const float x = s.taps[t][window * s.windows.step + c], weight = weights[t * channels + c];
                chain = fmaf(x, weight, chain);
                sum += (double)x * (double)weight;
                size += fabs((double)x * (double)weight);
            }
            is_same(output[place], finished(&epilogue, chain, window, c), "output", place);
            if (kind == 0) is_close(output[place], sum, (double)taps * ROUNDING * size, "output", place);
        }
        record(variants + v, output, total);
        release(before);
    }
}

void test_depthwise(void)
{
    int next = 0;
    for (size_t c = 0; c < COUNT(channel_counts); c++)
        for (size_t w = 0; w < COUNT(window_counts); w++, next++)
            check_forward(channel_counts[c], window_counts[w], tap_counts[next % 6], 1 + next % 2, next % EPILOGUES);
}

// MARK: Gradients

/// Partial sums of 32 windows, added to what is there.
static float weight_sum(const setup *s, const float *gradient, float sum, ptrdiff_t tap, ptrdiff_t c)
{
    for (ptrdiff_t first = 0; first < s->windows.count; first += 32) {
        float part = 0.0f;
        for (ptrdiff_t i = first; i < first + 32 && i < s->windows.count; i++)
            part = fmaf(s->taps[tap][i * s->windows.step + c], gradient[i * s->windows.channels + c], part);
        sum += part;
    }
    return sum;
}

static void check_weight_gradient(ptrdiff_t channels, ptrdiff_t count, ptrdiff_t taps, ptrdiff_t pixel_step)
{
    start_case("depthwise gradient of weights, %td channels, %td windows %td apart, %td taps", channels, count,
               pixel_step, taps);
    setup s;
    set_up(&s, channels, count, taps, pixel_step);
    const float *gradient = random_floats((size_t)(count * channels));
    const float *old = random_floats((size_t)(taps * channels));
    const size_t before = mark(), total = (size_t)(taps * channels);
    for (size_t v = 0; v < variant_count; v++) {
        start_variant(variants + v);
        float *sums = guarded(total);
        memcpy(sums, old, total * sizeof(float));
        rk_depthwise_weight_gradient(variants[v].identifier, &s.windows, gradient, sums);
        for (ptrdiff_t place = 0; place < taps * channels; place++) {
            const ptrdiff_t tap = place / channels, c = place % channels;
            is_same(sums[place], weight_sum(&s, gradient, old[place], tap, c), "sum", place);
        }
        record(variants + v, sums, total);
        release(before);
    }
}

static void check_scatter(ptrdiff_t channels, ptrdiff_t count, ptrdiff_t pixel_step)
{
    start_case("depthwise scatter, %td channels, %td windows %td apart", channels, count, pixel_step);
    const ptrdiff_t step = pixel_step * channels;
    const float *gradient = random_floats((size_t)(count * channels)), *weights = random_floats((size_t)channels);
    const size_t total = (size_t)((count - 1) * step + channels);
    const float *old = random_floats(total);
    const size_t before = mark();
    for (size_t v = 0; v < variant_count; v++) {
        start_variant(variants + v);
        float *picture = guarded(total);
        memcpy(picture, old, total * sizeof(float));
        rk_depthwise_scatter(variants[v].identifier, gradient, weights, picture, step, channels, count);
        for (ptrdiff_t place = 0; place < (ptrdiff_t)total; place++) {
            const ptrdiff_t window = place / step, c = place % step;
            const float expected =
                c < channels ? fmaf(gradient[window * channels + c], weights[c], old[place]) : old[place];
            is_same(picture[place], expected, "pixel", place);
        }
        record(variants + v, picture, total);
        release(before);
    }
}

void test_depthwise_gradients(void)
{
    int next = 0;
    for (size_t c = 0; c < COUNT(channel_counts); c++)
        for (size_t w = 0; w < COUNT(window_counts); w++, next++) {
            check_weight_gradient(channel_counts[c], window_counts[w], tap_counts[next % 6], 1 + next % 2);
            check_scatter(channel_counts[c], window_counts[w], 1 + next % 2);
        }
}
