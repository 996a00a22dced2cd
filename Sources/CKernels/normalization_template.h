// Normalization over the channels of single pixels, compiled once per instruction set. Needs vectors_template.h.
//
// Sums run over RK_PANEL lanes for every vector width, lane by lane and then by halves, so the bits depend only on the
// number of channels. A remainder that does not fill RK_PANEL lanes is read together with the channels before it, and
// the lanes already counted are set to zero.

#define VECTORS (RK_PANEL / LANES)

typedef struct {
    NAME(vector) part[VECTORS];
} NAME(lanes);

#define EACH_PART                       \
    _Pragma("clang loop unroll(full)")  \
    for (int v = 0; v < VECTORS; v++)

INLINE NAME(lanes) NAME(load_lanes)(const float *place)
{
    NAME(lanes) x;
    EACH_PART x.part[v] = NAME(load)(place + v * LANES);
    return x;
}

INLINE void NAME(store_lanes)(float *place, NAME(lanes) x)
{
    EACH_PART NAME(store)(place + v * LANES, x.part[v]);
}

INLINE float NAME(sum_lanes)(NAME(lanes) x)
{
    float lanes[RK_PANEL];
    NAME(store_lanes)(lanes, x);
#pragma clang loop unroll(full)
    for (int width = RK_PANEL / 2; width > 0; width /= 2)
#pragma clang loop unroll(full)
        for (int i = 0; i < width; i++)
            lanes[i] += lanes[i + width];
    return lanes[0];
}

/// The channels of a pixel.
typedef struct {
    ptrdiff_t count;
    /// The channels that fill whole lanes, and the first lane of the remainder.
    ptrdiff_t whole, tail;
    /// All bits set in the lanes of the remainder, none in those before them.
    NAME(lanes) rest;
} NAME(channels);

INLINE NAME(channels) NAME(channels_of)(ptrdiff_t count)
{
    NAME(channels) c = {count, count / RK_PANEL * RK_PANEL, count < RK_PANEL ? 0 : count - RK_PANEL, {{0}}};
    int bits[RK_PANEL];
    for (ptrdiff_t lane = 0; lane < RK_PANEL; lane++)
        bits[lane] = c.tail + lane >= c.whole && c.tail + lane < count ? -1 : 0;
    __builtin_memcpy(&c.rest, bits, sizeof bits);
    return c;
}

INLINE NAME(lanes) NAME(load_tail)(const NAME(channels) *c, const float *x)
{
    if (c->count >= RK_PANEL) return NAME(load_lanes)(x + c->tail);
    float lanes[RK_PANEL] = {0};
    __builtin_memcpy(lanes, x, (size_t)c->count * sizeof(float));
    return NAME(load_lanes)(lanes);
}

INLINE void NAME(store_tail)(const NAME(channels) *c, float *y, NAME(lanes) value)
{
    if (c->count >= RK_PANEL) {
        NAME(store_lanes)(y + c->tail, value);
        return;
    }
    float lanes[RK_PANEL];
    NAME(store_lanes)(lanes, value);
    __builtin_memcpy(y, lanes, (size_t)c->count * sizeof(float));
}

INLINE NAME(vector) NAME(masked)(NAME(vector) x, NAME(vector) bits)
{
    return (NAME(vector))((NAME(mask))x & (NAME(mask))bits);
}

/// The mean is `center + shift`: the mean in single precision, plus the mean of the deviations from it. Values far from
/// zero lose no precision if they are first centered.
typedef struct {
    float center, shift, scale;
} NAME(statistics);

INLINE NAME(statistics) NAME(pixel_statistics)(const NAME(channels) *c, const float *x, float epsilon)
{
    const int has_tail = c->whole < c->count;
    NAME(lanes) sums = {{0}}, deviations = {{0}}, squares = {{0}}, tail = {{0}};
    for (ptrdiff_t i = 0; i < c->whole; i += RK_PANEL) {
        const NAME(lanes) value = NAME(load_lanes)(x + i);
        EACH_PART sums.part[v] += value.part[v];
    }
    if (has_tail) {
        tail = NAME(load_tail)(c, x);
        EACH_PART sums.part[v] += NAME(masked)(tail.part[v], c->rest.part[v]);
    }
    const float count = (float)c->count;
    const float center = NAME(sum_lanes)(sums) / count;
    for (ptrdiff_t i = 0; i < c->whole; i += RK_PANEL) {
        const NAME(lanes) value = NAME(load_lanes)(x + i);
        EACH_PART {
            const NAME(vector) d = value.part[v] - center;
            deviations.part[v] += d;
            squares.part[v] = d * d + squares.part[v];
        }
    }
    if (has_tail) EACH_PART {
        const NAME(vector) d = NAME(masked)(tail.part[v] - center, c->rest.part[v]);
        deviations.part[v] += d;
        squares.part[v] = d * d + squares.part[v];
    }
    const float shift = NAME(sum_lanes)(deviations) / count;
    const float variance = NAME(sum_lanes)(squares) / count - shift * shift;
    // Rounding may make it negative. NaN is not clamped and propagates.
    const NAME(statistics) s = {center, shift, 1.0f / __builtin_sqrtf((variance < 0 ? 0 : variance) + epsilon)};
    return s;
}

INLINE NAME(lanes) NAME(normalized)(const NAME(statistics) *s, NAME(lanes) x)
{
    EACH_PART x.part[v] = (x.part[v] - s->center - s->shift) * s->scale;
    return x;
}

INLINE NAME(lanes) NAME(scaled)(NAME(lanes) x, NAME(lanes) weight, NAME(lanes) bias)
{
    EACH_PART x.part[v] = x.part[v] * weight.part[v] + bias.part[v];
    return x;
}

static TARGET void NAME(normalize)(const rk_normalization *n, const float *x, float *y, ptrdiff_t pixels)
{
    const NAME(channels) c = NAME(channels_of)(n->channels);
    const int has_tail = c.whole < c.count;
    NAME(lanes) tail_weight = {{0}}, tail_bias = {{0}}, tail = {{0}};
    if (has_tail) {
        tail_weight = NAME(load_tail)(&c, n->weight);
        tail_bias = NAME(load_tail)(&c, n->bias);
    }
    for (ptrdiff_t pixel = 0; pixel < pixels; pixel++, x += c.count, y += c.count) {
        const NAME(statistics) s = NAME(pixel_statistics)(&c, x, n->epsilon);
        // Read before its lanes are overwritten if the output replaces the input.
        if (has_tail)
            tail = NAME(scaled)(NAME(normalized)(&s, NAME(load_tail)(&c, x)), tail_weight, tail_bias);
        for (ptrdiff_t i = 0; i < c.whole; i += RK_PANEL)
            NAME(store_lanes)(y + i, NAME(scaled)(NAME(normalized)(&s, NAME(load_lanes)(x + i)),
                                                  NAME(load_lanes)(n->weight + i), NAME(load_lanes)(n->bias + i)));
        if (has_tail) NAME(store_tail)(&c, y, tail);
    }
}

// MARK: Gradients

/// One pixel's contribution to the sums. Returns the means of h = gradient · weight and of h · normalized x.
INLINE void NAME(normalize_sums)(const NAME(channels) *c, const rk_normalization *n, const NAME(statistics) *s,
                                 const float *x, const float *gradient, float *weight_sums, float *bias_sums,
                                 float *mean, float *mean_product)
{
    NAME(lanes) sums = {{0}}, products = {{0}};
    for (ptrdiff_t i = 0; i < c->whole; i += RK_PANEL) {
        const NAME(lanes) value = NAME(normalized)(s, NAME(load_lanes)(x + i));
        const NAME(lanes) g = NAME(load_lanes)(gradient + i), w = NAME(load_lanes)(n->weight + i);
        NAME(lanes) ws = NAME(load_lanes)(weight_sums + i), bs = NAME(load_lanes)(bias_sums + i);
        EACH_PART {
            ws.part[v] = g.part[v] * value.part[v] + ws.part[v];
            bs.part[v] += g.part[v];
            const NAME(vector) h = g.part[v] * w.part[v];
            sums.part[v] += h;
            products.part[v] = h * value.part[v] + products.part[v];
        }
        NAME(store_lanes)(weight_sums + i, ws);
        NAME(store_lanes)(bias_sums + i, bs);
    }
    if (c->whole < c->count) {
        const NAME(lanes) value = NAME(normalized)(s, NAME(load_tail)(c, x));
        const NAME(lanes) g = NAME(load_tail)(c, gradient), w = NAME(load_tail)(c, n->weight);
        NAME(lanes) ws = NAME(load_tail)(c, weight_sums), bs = NAME(load_tail)(c, bias_sums);
        EACH_PART {
            const NAME(vector) h = NAME(masked)(g.part[v] * w.part[v], c->rest.part[v]);
            ws.part[v] += NAME(masked)(g.part[v] * value.part[v], c->rest.part[v]);
            bs.part[v] += NAME(masked)(g.part[v], c->rest.part[v]);
            sums.part[v] += h;
            products.part[v] += NAME(masked)(h * value.part[v], c->rest.part[v]);
        }
        NAME(store_tail)(c, weight_sums, ws);
        NAME(store_tail)(c, bias_sums, bs);
    }
    *mean = NAME(sum_lanes)(sums) / (float)c->count;
    *mean_product = NAME(sum_lanes)(products) / (float)c->count;
}

/// scale · (h − mean(h) − normalized x · mean(h · normalized x))
INLINE NAME(lanes) NAME(normalize_back)(const NAME(statistics) *s, NAME(lanes) x, NAME(lanes) g, NAME(lanes) w,
                                        float mean, float mean_product)
{
    x = NAME(normalized)(s, x);
    EACH_PART x.part[v] = (g.part[v] * w.part[v] - mean - x.part[v] * mean_product) * s->scale;
    return x;
}

static TARGET void NAME(normalize_gradient)(const rk_normalization *n, const float *x, const float *gradient,
                                            float *weight_sums, float *bias_sums, float *x_gradient,
                                            ptrdiff_t pixels)
{
    const NAME(channels) c = NAME(channels_of)(n->channels);
    for (ptrdiff_t pixel = 0; pixel < pixels; pixel++, x += c.count, gradient += c.count) {
        const NAME(statistics) s = NAME(pixel_statistics)(&c, x, n->epsilon);
        float mean, mean_product;
        NAME(normalize_sums)(&c, n, &s, x, gradient, weight_sums, bias_sums, &mean, &mean_product);
        if (!x_gradient) continue;
        for (ptrdiff_t i = 0; i < c.whole; i += RK_PANEL)
            NAME(store_lanes)(x_gradient + i,
                              NAME(normalize_back)(&s, NAME(load_lanes)(x + i), NAME(load_lanes)(gradient + i),
                                                   NAME(load_lanes)(n->weight + i), mean, mean_product));
        if (c.whole < c.count)
            NAME(store_tail)(&c, x_gradient,
                             NAME(normalize_back)(&s, NAME(load_tail)(&c, x), NAME(load_tail)(&c, gradient),
                                                  NAME(load_tail)(&c, n->weight), mean, mean_product));
        x_gradient += c.count;
    }
}

#undef EACH_PART
#undef VECTORS
