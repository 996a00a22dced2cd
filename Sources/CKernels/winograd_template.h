// The transforms of Winograd convolution, compiled once per instruction set. Needs vectors_template.h.
//
// One-dimensional transforms work on whole vectors, one channel per lane, and are applied to columns, then to rows.
// Sums shared by several results are computed once; `docs/operators/winograd.md` lists the matrices.

typedef NAME(vector) NAME(v);

// MARK: F(4, 3), points 0, 1, −1, ½, −2, ∞

INLINE void NAME(input6)(const NAME(v) d[6], NAME(v) t[6])
{
    const NAME(v) e = d[4] - d[2], f = d[3] - d[1];
    const NAME(v) u = e + 1.5f * d[3], w = f + 1.5f * d[2];
    t[0] = ((d[0] - d[2]) + e) + 1.5f * f;
    t[1] = u + w;
    t[2] = u - w;
    t[3] = e + 2.0f * f;
    t[4] = e - 0.5f * f;
    t[5] = ((d[5] - d[3]) - f) + 1.5f * e;
}

INLINE void NAME(output6)(const NAME(v) m[6], NAME(v) y[4])
{
    const NAME(v) s = m[1] + m[2], d = m[1] - m[2];
    y[0] = (m[0] + s) + (m[3] + m[4]);
    y[1] = (d + 0.5f * m[3]) - 2.0f * m[4];
    y[2] = (s + 0.25f * m[3]) + 4.0f * m[4];
    y[3] = ((d + m[5]) + 0.125f * m[3]) - 8.0f * m[4];
}

INLINE void NAME(output_gradient6)(const NAME(v) g[4], NAME(v) z[6])
{
    const NAME(v) even = g[0] + g[2], odd = g[1] + g[3];
    z[0] = g[0];
    z[1] = even + odd;
    z[2] = even - odd;
    z[3] = (g[0] + 0.25f * g[2]) + (0.5f * g[1] + 0.125f * g[3]);
    z[4] = (g[0] + 4.0f * g[2]) - (2.0f * g[1] + 8.0f * g[3]);
    z[5] = g[3];
}

// MARK: F(2, 3), points 0, 1, −1, ∞

INLINE void NAME(input4)(const NAME(v) d[4], NAME(v) t[4])
{
    t[0] = d[0] - d[2];
    t[1] = d[1] + d[2];
    t[2] = d[2] - d[1];
    t[3] = d[3] - d[1];
}

INLINE void NAME(output4)(const NAME(v) m[4], NAME(v) y[2])
{
    y[0] = m[0] + (m[1] + m[2]);
    y[1] = (m[1] - m[2]) + m[3];
}

INLINE void NAME(output_gradient4)(const NAME(v) g[2], NAME(v) z[4])
{
    z[0] = g[0];
    z[1] = g[0] + g[1];
    z[2] = g[0] - g[1];
    z[3] = g[1];
}

// MARK: Tiles

// The pixels of the next tile are requested while one is computed. They come from rows that are far apart, which the
// processor does not foresee; waiting for them took half of the transforms' time. A request beyond the memory is ignored.

/// Requests `rows` rows of `m` pixels, of which a call is responsible for LANES channels' share, starting at share `c`.
INLINE void NAME(prefetch)(const int m, const float *pixels, ptrdiff_t row_stride, const int rows, ptrdiff_t c)
{
#pragma clang loop unroll(full)
    for (int y = 0; y < rows; y++)
#pragma clang loop unroll(full)
        for (int line = 0; line < m * LANES; line += 16)
            __builtin_prefetch(pixels + y * row_stride + m * c + line);
}

INLINE void NAME(input)(const int m, const NAME(v) *d, NAME(v) *t)
{
    if (m == 4) NAME(input6)(d, t);
    else NAME(input4)(d, t);
}

INLINE void NAME(output)(const int m, const NAME(v) *d, NAME(v) *t)
{
    if (m == 4) NAME(output6)(d, t);
    else NAME(output4)(d, t);
}

INLINE void NAME(output_gradient)(const int m, const NAME(v) *d, NAME(v) *t)
{
    if (m == 4) NAME(output_gradient6)(d, t);
    else NAME(output_gradient4)(d, t);
}

/// `count` channels of one tile, starting at `c`; LANES of them if `is_whole`.
INLINE void NAME(input_tile)(const int m, const float *const *rows, ptrdiff_t first, ptrdiff_t channels, float *v,
                             ptrdiff_t point_stride, const int is_whole, ptrdiff_t count)
{
    const int n = m + 2;
    NAME(v) columns[6][6];
#pragma clang loop unroll(full)
    for (int x = 0; x < n; x++) {
        NAME(v) d[6], t[6];
#pragma clang loop unroll(full)
        for (int y = 0; y < n; y++) {
            const float *place = rows[y] + first + x * channels;
            d[y] = is_whole ? NAME(load)(place) : NAME(load_part)(place, count);
        }
        NAME(input)(m, d, t);
#pragma clang loop unroll(full)
        for (int y = 0; y < n; y++) columns[y][x] = t[y];
    }
#pragma clang loop unroll(full)
    for (int y = 0; y < n; y++) {
        NAME(v) t[6];
        NAME(input)(m, columns[y], t);
#pragma clang loop unroll(full)
        for (int x = 0; x < n; x++) NAME(store)(v + (y * n + x) * point_stride, t[x]);
    }
}

INLINE void NAME(input_tiles)(const int m, const float *const *rows, ptrdiff_t channels, ptrdiff_t tiles, float *v,
                              ptrdiff_t point_stride, ptrdiff_t tile_stride)
{
    for (ptrdiff_t tile = 0; tile < tiles; tile++) {
        const ptrdiff_t first = tile * m * channels;
        float *place = v + tile * tile_stride;
        if (channels < LANES) {
            NAME(input_tile)(m, rows, first, channels, place, point_stride, 0, channels);
            continue;
        }
        ptrdiff_t c = 0;
        for (; c + LANES <= channels; c += LANES) {
#pragma clang loop unroll(full)
            for (int y = 0; y < m + 2; y++) NAME(prefetch)(m, rows[y] + first + (m + 2) * channels, 0, 1, c);
            NAME(input_tile)(m, rows, first + c, channels, place + c, point_stride, 1, LANES);
        }
        // The remainder is computed by a vector that ends with the last channel, so some channels are computed twice.
        if (c < channels) {
            c = channels - LANES;
            NAME(input_tile)(m, rows, first + c, channels, place + c, point_stride, 1, LANES);
        }
    }
}

/// The outputs of LANES channels of one tile.
INLINE void NAME(output_tile)(const int m, const float *products, ptrdiff_t point_stride, NAME(v) y[4][4])
{
    const int n = m + 2;
    NAME(v) columns[4][6];
#pragma clang loop unroll(full)
    for (int x = 0; x < n; x++) {
        NAME(v) d[6], t[4];
#pragma clang loop unroll(full)
        for (int i = 0; i < n; i++) d[i] = NAME(load)(products + (i * n + x) * point_stride);
        NAME(output)(m, d, t);
#pragma clang loop unroll(full)
        for (int i = 0; i < m; i++) columns[i][x] = t[i];
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < m; i++) NAME(output)(m, columns[i], y[i]);
}

/// Stores rows `top` ..< `height`, `width` pixels each, of a tile, `count` channels each.
INLINE void NAME(store_tile)(const int m, NAME(v) values[4][4], float *y, ptrdiff_t row_stride, ptrdiff_t channels,
                             ptrdiff_t top, ptrdiff_t height, ptrdiff_t width, const rk_epilogue *e,
                             const float *bias, const float *residual, const int is_whole, ptrdiff_t count)
{
    NAME(v) offset = 0.0f;
    if (bias) offset = is_whole ? NAME(load)(bias) : NAME(load_part)(bias, count);
#pragma clang loop unroll(full)
    for (int i = 0; i < m; i++) {
        if (i < top) continue;
        if (i >= height) break;
#pragma clang loop unroll(full)
        for (int x = 0; x < m; x++) {
            if (x >= width) break;
            NAME(v) value = values[i][x];
            if (bias) value += offset;
            if (residual) {
                const float *place = residual + i * e->residual_stride + x * channels;
                value += is_whole ? NAME(load)(place) : NAME(load_part)(place, count);
            }
            value = NAME(activate)(value, e->activation, e->slope);
            float *place = y + i * row_stride + x * channels;
            if (is_whole) NAME(store)(place, value);
            else NAME(store_part)(place, value, count);
        }
    }
}

INLINE void NAME(output_tiles)(const int m, const float *products, ptrdiff_t point_stride, ptrdiff_t tile_stride,
                               ptrdiff_t channels, ptrdiff_t tiles, float *y, ptrdiff_t row_stride, ptrdiff_t top,
                               ptrdiff_t height, ptrdiff_t width, const rk_epilogue *e)
{
    for (ptrdiff_t tile = 0; tile < tiles; tile++) {
        const float *place = products + tile * tile_stride;
        const ptrdiff_t first = tile * m * channels;
        const ptrdiff_t room = width - tile * m < m ? width - tile * m : m;
        NAME(v) values[4][4];
        const int is_part = channels < LANES;
        // The last vector ends with the last channel, so some channels are stored twice, with the same values.
        for (ptrdiff_t next = 0; next < channels; next += LANES) {
            const ptrdiff_t c = is_part || next + LANES <= channels ? next : channels - LANES;
            const float *bias = e->bias ? e->bias + c : NULL;
            const float *residual = e->residual ? e->residual + first + c : NULL;
            NAME(prefetch)(m, y + first + m * channels, row_stride, m, c);
            if (e->residual) NAME(prefetch)(m, e->residual + first + m * channels, e->residual_stride, m, c);
            NAME(output_tile)(m, place + c, point_stride, values);
            if (is_part)
                NAME(store_tile)(m, values, y + first + c, row_stride, channels, top, height, room, e, bias, residual,
                                 0, channels);
            else if (top == 0 && height == m && room == m)
                NAME(store_tile)(m, values, y + first + c, row_stride, channels, 0, m, m, e, bias, residual, 1, LANES);
            else
                NAME(store_tile)(m, values, y + first + c, row_stride, channels, top, height, room, e, bias, residual,
                                 1, LANES);
        }
    }
}

/// `count` channels of one tile of gradients; LANES of them if `is_whole`.
INLINE void NAME(gradient_tile)(const int m, const float *g, ptrdiff_t row_stride, ptrdiff_t channels,
                                ptrdiff_t height, ptrdiff_t width, float *z, ptrdiff_t point_stride,
                                const int is_whole, ptrdiff_t count)
{
    const int n = m + 2;
    NAME(v) columns[6][4];
#pragma clang loop unroll(full)
    for (int x = 0; x < m; x++) {
        NAME(v) d[4], t[6];
#pragma clang loop unroll(full)
        for (int i = 0; i < m; i++) {
            const float *place = g + i * row_stride + x * channels;
            d[i] = 0.0f;
            if (i < height && x < width) d[i] = is_whole ? NAME(load)(place) : NAME(load_part)(place, count);
        }
        NAME(output_gradient)(m, d, t);
#pragma clang loop unroll(full)
        for (int i = 0; i < n; i++) columns[i][x] = t[i];
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < n; i++) {
        NAME(v) t[6];
        NAME(output_gradient)(m, columns[i], t);
#pragma clang loop unroll(full)
        for (int x = 0; x < n; x++) NAME(store)(z + (i * n + x) * point_stride, t[x]);
    }
}

INLINE void NAME(gradient_tiles)(const int m, const float *g, ptrdiff_t row_stride, ptrdiff_t height,
                                 ptrdiff_t width, ptrdiff_t channels, ptrdiff_t tiles, float *z,
                                 ptrdiff_t point_stride, ptrdiff_t tile_stride)
{
    for (ptrdiff_t tile = 0; tile < tiles; tile++) {
        const float *place = g + tile * m * channels;
        float *points = z + tile * tile_stride;
        const ptrdiff_t room = width - tile * m < m ? width - tile * m : m;
        const int is_part = channels < LANES;
        for (ptrdiff_t next = 0; next < channels; next += LANES) {
            const ptrdiff_t c = is_part || next + LANES <= channels ? next : channels - LANES;
            NAME(prefetch)(m, place + m * channels, row_stride, m, c);
            if (is_part)
                NAME(gradient_tile)(m, place, row_stride, channels, height, room, points, point_stride, 0, channels);
            else if (height == m && room == m)
                NAME(gradient_tile)(m, place + c, row_stride, channels, m, m, points + c, point_stride, 1, LANES);
            else
                NAME(gradient_tile)(m, place + c, row_stride, channels, height, room, points + c, point_stride, 1,
                                    LANES);
        }
    }
}

static TARGET void NAME(winograd_input)(int m, const float *const *rows, ptrdiff_t channels, ptrdiff_t tiles, float *v,
                                        ptrdiff_t point_stride, ptrdiff_t tile_stride)
{
    if (m == 4) NAME(input_tiles)(4, rows, channels, tiles, v, point_stride, tile_stride);
    else NAME(input_tiles)(2, rows, channels, tiles, v, point_stride, tile_stride);
}

static TARGET void NAME(winograd_output)(int m, const float *products, ptrdiff_t point_stride, ptrdiff_t tile_stride,
                                         ptrdiff_t channels, ptrdiff_t tiles, float *y, ptrdiff_t row_stride,
                                         ptrdiff_t top, ptrdiff_t height, ptrdiff_t width, const rk_epilogue *e)
{
    if (m == 4)
        NAME(output_tiles)(4, products, point_stride, tile_stride, channels, tiles, y, row_stride, top, height, width,
                           e);
    else
        NAME(output_tiles)(2, products, point_stride, tile_stride, channels, tiles, y, row_stride, top, height, width,
                           e);
}

static TARGET void NAME(winograd_output_gradient)(int m, const float *g, ptrdiff_t row_stride, ptrdiff_t height,
                                                  ptrdiff_t width, ptrdiff_t channels, ptrdiff_t tiles, float *z,
                                                  ptrdiff_t point_stride, ptrdiff_t tile_stride)
{
    if (m == 4) NAME(gradient_tiles)(4, g, row_stride, height, width, channels, tiles, z, point_stride, tile_stride);
    else NAME(gradient_tiles)(2, g, row_stride, height, width, channels, tiles, z, point_stride, tile_stride);
}

// MARK: Weights

/// G g: a filter's three values transformed to the points.
INLINE void NAME(weights)(const int m, const NAME(v) g[3], NAME(v) u[6])
{
    if (m == 4) {
        const NAME(v) even = (g[0] + g[2]) * (1.0f / 3.0f), odd = g[1] * (1.0f / 3.0f);
        u[0] = g[0];
        u[1] = even + odd;
        u[2] = odd - even;
        u[3] = (g[0] + 0.5f * g[1] + 0.25f * g[2]) * (-16.0f / 15.0f);
        u[4] = (g[0] - 2.0f * g[1] + 4.0f * g[2]) * (1.0f / 15.0f);
        u[5] = g[2];
    } else {
        const NAME(v) even = (g[0] + g[2]) * 0.5f, odd = g[1] * 0.5f;
        u[0] = g[0];
        u[1] = even + odd;
        u[2] = even - odd;
        u[3] = g[2];
    }
}

/// Gᵀ u: the transpose of `weights`.
INLINE void NAME(weight_gradient)(const int m, const NAME(v) u[6], NAME(v) g[3])
{
    if (m == 4) {
        const NAME(v) even = (u[1] - u[2]) * (1.0f / 3.0f), odd = (u[1] + u[2]) * (1.0f / 3.0f);
        const NAME(v) half = u[3] * (-16.0f / 15.0f), minus_two = u[4] * (1.0f / 15.0f);
        g[0] = (u[0] + even) + (half + minus_two);
        g[1] = odd + (0.5f * half - 2.0f * minus_two);
        g[2] = (u[5] + even) + (0.25f * half + 4.0f * minus_two);
    } else {
        const NAME(v) even = (u[1] + u[2]) * 0.5f, odd = (u[1] - u[2]) * 0.5f;
        g[0] = u[0] + even;
        g[1] = odd;
        g[2] = u[3] + even;
    }
}

INLINE void NAME(weight_panel)(const int m, const rk_filters *f, ptrdiff_t input, ptrdiff_t output, float *u)
{
    const int n = m + 2;
    const ptrdiff_t room = f->outputs - output;
    for (int lane = 0; lane < RK_PANEL; lane += LANES) {
        const ptrdiff_t count = room - lane < LANES ? room - lane : LANES;
        NAME(v) g[3][3], columns[6][3];
        // All taps of a filter are contiguous. Vectors are loaded after all have been written, because a load stalls on
        // an overlapping store.
        float lanes[9][LANES] = {{0}};
        const float *place = f->weights + input * f->input_stride + (output + lane) * f->output_stride;
        for (ptrdiff_t l = 0; l < count; l++, place += f->output_stride)
#pragma clang loop unroll(full)
            for (int tap = 0; tap < 9; tap++) lanes[tap][l] = place[tap];
#pragma clang loop unroll(full)
        for (int tap = 0; tap < 9; tap++)
            g[tap / 3][tap % 3] = NAME(load)(lanes[f->is_turned ? 8 - tap : tap]);
#pragma clang loop unroll(full)
        for (int x = 0; x < 3; x++) {
            const NAME(v) d[3] = {g[0][x], g[1][x], g[2][x]};
            NAME(v) t[6];
            NAME(weights)(m, d, t);
#pragma clang loop unroll(full)
            for (int i = 0; i < n; i++) columns[i][x] = t[i];
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < n; i++) {
            NAME(v) t[6];
            NAME(weights)(m, columns[i], t);
#pragma clang loop unroll(full)
            for (int x = 0; x < n; x++) NAME(store)(u + (i * n + x) * f->point_stride + lane, t[x]);
        }
    }
}

static TARGET void NAME(winograd_weights)(int m, const rk_filters *f, ptrdiff_t panel, float *u)
{
    for (ptrdiff_t input = 0; input < f->inputs; input++) {
        if (m == 4) NAME(weight_panel)(4, f, input, panel * RK_PANEL, u + input * RK_PANEL);
        else NAME(weight_panel)(2, f, input, panel * RK_PANEL, u + input * RK_PANEL);
    }
}

INLINE void NAME(gradient_lanes)(const int m, const rk_filters *f, ptrdiff_t input, ptrdiff_t output,
                                 const float *products, float *gradient)
{
    const int n = m + 2;
    const ptrdiff_t room = f->outputs - output, count = room < LANES ? room : LANES;
    NAME(v) columns[3][6];
#pragma clang loop unroll(full)
    for (int x = 0; x < n; x++) {
        NAME(v) d[6], t[3];
#pragma clang loop unroll(full)
        for (int i = 0; i < n; i++) d[i] = NAME(load)(products + (i * n + x) * f->point_stride);
        NAME(weight_gradient)(m, d, t);
#pragma clang loop unroll(full)
        for (int i = 0; i < 3; i++) columns[i][x] = t[i];
    }
    float lanes[9][LANES];
#pragma clang loop unroll(full)
    for (int i = 0; i < 3; i++) {
        NAME(v) t[3];
        NAME(weight_gradient)(m, columns[i], t);
#pragma clang loop unroll(full)
        for (int x = 0; x < 3; x++) NAME(store)(lanes[i * 3 + x], t[x]);
    }
    float *place = gradient + input * f->input_stride + output * f->output_stride;
    for (ptrdiff_t l = 0; l < count; l++, place += f->output_stride)
#pragma clang loop unroll(full)
        for (int tap = 0; tap < 9; tap++) place[tap] += lanes[tap][l];
}

static TARGET void NAME(winograd_weight_gradient)(int m, const rk_filters *f, ptrdiff_t input, const float *products,
                                                  float *gradient)
{
    for (ptrdiff_t output = 0; output < f->outputs; output += LANES) {
        if (m == 4) NAME(gradient_lanes)(4, f, input, output, products + output, gradient);
        else NAME(gradient_lanes)(2, f, input, output, products + output, gradient);
    }
}
