// Depthwise convolutions, compiled once per instruction set. Needs vectors_template.h.
//
// Channels are processed one vector at a time. If their number is not a multiple of LANES, the last vector starts
// earlier and recomputes some channels. Each channel is an independent chain, so it gets the same bits.

// Windows whose sums are held in registers, largest first: enough to hide the latency of a multiply-add.
#define WINDOW_TILES X(8) X(4) X(1)
#define MOST_WINDOWS 8
// The same for taps, in the gradient of the weights.
#define TAP_TILES X(9) X(7) X(3) X(1)
#define MOST_TAPS 9

/// `room` channels starting at `channel`, for `windows` outputs. All are constants after inlining, except `room` in a
/// partial vector.
INLINE void NAME(depthwise_tile)(const int windows, const rk_windows *w, const float *weights, float *output,
                                 const rk_epilogue *e, ptrdiff_t window, ptrdiff_t channel, const int is_whole,
                                 ptrdiff_t room)
{
    const ptrdiff_t step = w->step, channels = w->channels;
    const ptrdiff_t first = window * step + channel;
    NAME(vector) sums[MOST_WINDOWS];
#pragma clang loop unroll(full)
    for (int r = 0; r < windows; r++)
        sums[r] = 0.0f;
    weights += channel;
    for (ptrdiff_t t = 0; t < w->tap_count; t++) {
        const float *x = w->taps[t] + first;
        const NAME(vector) weight = is_whole ? NAME(load)(weights) : NAME(load_part)(weights, room);
#pragma clang loop unroll(full)
        for (int r = 0; r < windows; r++)
            sums[r] = (is_whole ? NAME(load)(x + r * step) : NAME(load_part)(x + r * step, room)) * weight + sums[r];
        weights += channels;
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < windows; r++) {
        const ptrdiff_t place = (window + r) * channels + channel;
        NAME(vector) value = sums[r];
        if (is_whole) {
            if (e->bias) value += NAME(load)(e->bias + channel);
            if (e->residual) value += NAME(load)(e->residual + place);
            NAME(store)(output + place, NAME(activate)(value, e->activation, e->slope));
        } else {
            if (e->bias) value += NAME(load_part)(e->bias + channel, room);
            if (e->residual) value += NAME(load_part)(e->residual + place, room);
            NAME(store_part)(output + place, NAME(activate)(value, e->activation, e->slope), room);
        }
    }
}

/// All channels of `windows` outputs, so that a pixel's channels are read while they are in the cache.
INLINE void NAME(depthwise_windows)(const int windows, const rk_windows *w, const float *weights, float *output,
                                    const rk_epilogue *e, ptrdiff_t window)
{
    const ptrdiff_t channels = w->channels;
    if (channels < LANES) {
        NAME(depthwise_tile)(windows, w, weights, output, e, window, 0, 0, channels);
        return;
    }
    ptrdiff_t channel = 0;
    for (; channel + LANES <= channels; channel += LANES)
        NAME(depthwise_tile)(windows, w, weights, output, e, window, channel, 1, LANES);
    if (channel < channels)
        NAME(depthwise_tile)(windows, w, weights, output, e, window, channels - LANES, 1, LANES);
}

static TARGET void NAME(depthwise)(const rk_windows *w, const float *weights, float *output, const rk_epilogue *e)
{
    ptrdiff_t window = 0;
#define X(windows)                                              \
    for (; window + windows <= w->count; window += windows)     \
        NAME(depthwise_windows)(windows, w, weights, output, e, window);
    WINDOW_TILES
#undef X
}

// MARK: Gradients

/// Adds the contributions of `count` windows to `room` channels of `taps` sums, starting at `channel`. The vectors that
/// are read begin `before` channels earlier.
INLINE void NAME(depthwise_gradient_tile)(const int taps, const rk_windows *w, const float *gradient, float *sums,
                                          ptrdiff_t tap, ptrdiff_t window, ptrdiff_t count, ptrdiff_t channel,
                                          ptrdiff_t before, const int is_whole, ptrdiff_t room)
{
    const ptrdiff_t step = w->step, channels = w->channels;
    const ptrdiff_t first = channel - before;
    NAME(vector) tile[MOST_TAPS];
    const float *x[MOST_TAPS];
#pragma clang loop unroll(full)
    for (int t = 0; t < taps; t++) {
        tile[t] = 0.0f;
        x[t] = w->taps[tap + t] + window * step + first;
    }
    const float *g = gradient + window * channels + first;
    for (ptrdiff_t i = 0; i < count; i++) {
        const NAME(vector) value = is_whole ? NAME(load)(g + i * channels) : NAME(load_part)(g + i * channels, room);
#pragma clang loop unroll(full)
        for (int t = 0; t < taps; t++)
            tile[t] = (is_whole ? NAME(load)(x[t] + i * step) : NAME(load_part)(x[t] + i * step, room)) * value
                + tile[t];
    }
#pragma clang loop unroll(full)
    for (int t = 0; t < taps; t++) {
        float *place = sums + (tap + t) * channels + channel;
        if (is_whole && before == 0) {
            NAME(store)(place, NAME(load)(place) + tile[t]);
        } else {
            float lanes[LANES];
            NAME(store)(lanes, tile[t]);
            for (ptrdiff_t c = 0; c < room; c++)
                place[c] += lanes[before + c];
        }
    }
}

INLINE void NAME(depthwise_gradient_taps)(const int taps, const rk_windows *w, const float *gradient, float *sums,
                                          ptrdiff_t tap, ptrdiff_t window, ptrdiff_t count)
{
    const ptrdiff_t channels = w->channels;
    if (channels < LANES) {
        NAME(depthwise_gradient_tile)(taps, w, gradient, sums, tap, window, count, 0, 0, 0, channels);
        return;
    }
    ptrdiff_t channel = 0;
    for (; channel + LANES <= channels; channel += LANES)
        NAME(depthwise_gradient_tile)(taps, w, gradient, sums, tap, window, count, channel, 0, 1, LANES);
    if (channel < channels)
        NAME(depthwise_gradient_tile)(taps, w, gradient, sums, tap, window, count, channel,
                                      LANES - (channels - channel), 1, channels - channel);
}

static TARGET void NAME(depthwise_weight_gradient)(const rk_windows *w, const float *gradient, float *sums)
{
    // Few enough windows for their pixels to stay in the cache from one group of taps to the next, and for long sums to
    // be built from shorter ones.
    const ptrdiff_t piece = 32;
    for (ptrdiff_t window = 0; window < w->count; window += piece) {
        const ptrdiff_t count = w->count - window < piece ? w->count - window : piece;
        ptrdiff_t tap = 0;
#define X(taps)                                             \
    for (; tap + taps <= w->tap_count; tap += taps)         \
        NAME(depthwise_gradient_taps)(taps, w, gradient, sums, tap, window, count);
        TAP_TILES
#undef X
    }
}

static TARGET void NAME(depthwise_scatter)(const float *gradient, const float *weights, float *picture,
                                           ptrdiff_t step, ptrdiff_t channels, ptrdiff_t count)
{
    for (ptrdiff_t i = 0; i < count; i++) {
        const float *g = gradient + i * channels;
        float *x = picture + i * step;
        ptrdiff_t channel = 0;
        for (; channel + LANES <= channels; channel += LANES)
            NAME(store)(x + channel,
                        NAME(load)(g + channel) * NAME(load)(weights + channel) + NAME(load)(x + channel));
        for (; channel < channels; channel++)
            x[channel] = g[channel] * weights[channel] + x[channel];
    }
}

#undef WINDOW_TILES
#undef MOST_WINDOWS
#undef TAP_TILES
#undef MOST_TAPS
