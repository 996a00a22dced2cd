// The matrix products, compiled once per instruction set. Needs vectors_template.h. The including file also defines
//   TILES                        the shapes of register tiles of C, as X(rows, vectors), tallest first for each width
//   PANELS, MOST_ROWS            panels (of RK_PANEL columns) of the widest tile, rows of the tallest
//   OUTER_TILES, OUTER_VECTORS   the same for the transposed product; at most MOST_ROWS rows

#define VECTORS (RK_PANEL / LANES)

/// Stores one row of a tile of C through the epilogue: `count` vectors, starting at column `column`.
INLINE void NAME(store_row)(const rk_product *p, const NAME(vector) *sums, const int count, ptrdiff_t row,
                            ptrdiff_t column)
{
    const rk_epilogue *e = &p->epilogue;
#pragma clang loop unroll(full)
    for (int v = 0; v < count; v++) {
        const ptrdiff_t first = column + v * LANES;
        const ptrdiff_t room = p->columns - first;
        float *place = p->c + row * p->c_stride + first;
        NAME(vector) value = sums[v];
        if (room >= LANES) {
            if (e->bias) value += NAME(load)(e->bias + first);
            if (e->residual) value += NAME(load)(e->residual + row * e->residual_stride + first);
            NAME(store)(place, NAME(activate)(value, e->activation, e->slope));
        } else if (room > 0) {
            if (e->bias) value += NAME(load_part)(e->bias + first, room);
            if (e->residual) value += NAME(load_part)(e->residual + row * e->residual_stride + first, room);
            NAME(store_part)(place, NAME(activate)(value, e->activation, e->slope), room);
        }
    }
}

/// A tile of C: `rows` × `vectors` vectors. Both are compile-time constants after inlining, so the sums stay in
/// registers.
INLINE void NAME(tile)(const int rows, const int vectors, const rk_product *p, ptrdiff_t row, ptrdiff_t column)
{
    NAME(vector) sums[MOST_ROWS][PANELS * VECTORS];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++)
            sums[r][v] = 0.0f;

    const float *b = p->b + column / RK_PANEL * p->panel_stride + column % RK_PANEL;
    const ptrdiff_t panel_stride = p->panel_stride, a_stride = p->a_stride;
    for (ptrdiff_t s = 0; s < p->segments; s++) {
        const float *a = p->a + row * a_stride + s * p->segment_stride;
        ptrdiff_t done = 0;
#if defined(NEON)
        // Where registers are left, they hold LANES values of each row: fewer loads and addresses, of which narrow tiles
        // have many.
        for (; rows * vectors + rows + vectors <= 30 && done + LANES <= p->segment_depth; done += LANES) {
            NAME(vector) left[MOST_ROWS];
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++) left[r] = NAME(load)(a + r * a_stride + done);
#pragma clang loop unroll(full)
            for (int l = 0; l < LANES; l++) {
#pragma clang loop unroll(full)
                for (int v = 0; v < vectors; v++) {
                    const NAME(vector) right =
                        NAME(load)(b + (v / VECTORS) * panel_stride + (v % VECTORS) * LANES);
#pragma clang loop unroll(full)
                    for (int r = 0; r < rows; r++) sums[r][v] = left[r][l] * right + sums[r][v];
                }
                b += RK_PANEL;
            }
        }
#endif
        for (ptrdiff_t k = done; k < p->segment_depth; k++) {
            NAME(vector) right[PANELS * VECTORS];
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++)
                right[v] = NAME(load)(b + (v / VECTORS) * panel_stride + (v % VECTORS) * LANES);
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++) {
                const NAME(vector) left = FACTOR(a[r * a_stride + k]);
#pragma clang loop unroll(full)
                for (int v = 0; v < vectors; v++)
                    sums[r][v] = left * right[v] + sums[r][v];
            }
            b += RK_PANEL;
        }
    }
    const rk_epilogue *e = &p->epilogue;
    // The products of Winograd convolution are short: the tests of the epilogue would cost them a tenth.
    if (!e->bias && !e->residual && e->activation == RK_IDENTITY && p->columns - column >= vectors * LANES) {
        float *c = p->c + row * p->c_stride + column;
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++) NAME(store)(c + r * p->c_stride + v * LANES, sums[r][v]);
        return;
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
        NAME(store_row)(p, sums[r], vectors, row + r, column);
}

/// All rows of C for the vectors starting at `column`, using the shapes of TILES with this number of vectors.
INLINE void NAME(column_of_tiles)(const int vectors, const rk_product *p, ptrdiff_t column)
{
    ptrdiff_t row = 0;
    // The next panel is requested while this one is multiplied: weights often come from beyond L2, and panels are too
    // short for the processor to notice in time that they are read in order.
    const char *next = (const char *)(p->b + (column / RK_PANEL + (vectors + VECTORS - 1) / VECTORS) * p->panel_stride);
    const ptrdiff_t bytes = p->segments * p->segment_depth * RK_PANEL * (ptrdiff_t)sizeof(float);
    const ptrdiff_t share = (bytes * 6 / p->rows + 63) / 64 * 64;
    ptrdiff_t requested = 0;
    // Eight rows are two tiles of four rather than one of six and two single rows, which would wait for their sums.
#define X(tile_rows, tile_vectors)                                                                   \
    if (tile_vectors == vectors)                                                                     \
        for (; row + tile_rows <= p->rows && (tile_rows != 6 || p->rows - row != 8); row += tile_rows) { \
            for (const ptrdiff_t end = requested + share < bytes ? requested + share : bytes; requested < end; \
                 requested += 64)                                                                    \
                __builtin_prefetch(next + requested, 0, 2);                                          \
            NAME(tile)(tile_rows, tile_vectors, p, row, column);                                     \
        }
    TILES
#undef X
}

static TARGET void NAME(multiply)(const rk_product *p)
{
    // Vectors that have a column of C. The rest of the last panel is not computed.
    ptrdiff_t vectors = (p->columns + LANES - 1) / LANES;
    ptrdiff_t column = 0;
#if PANELS >= 3
    // Three panels make the best use of the loads, unless they would leave a single one over.
    for (; vectors >= 3 * VECTORS && vectors != 4 * VECTORS; vectors -= 3 * VECTORS, column += 3 * RK_PANEL)
        NAME(column_of_tiles)(3 * VECTORS, p, column);
#endif
#if PANELS >= 2
    for (; vectors >= 2 * VECTORS; vectors -= 2 * VECTORS, column += 2 * RK_PANEL)
        NAME(column_of_tiles)(2 * VECTORS, p, column);
#endif
    for (; vectors >= VECTORS; vectors -= VECTORS, column += RK_PANEL)
        NAME(column_of_tiles)(VECTORS, p, column);
#if VECTORS >= 4
    for (; vectors >= 2; vectors -= 2, column += 2 * LANES) NAME(column_of_tiles)(2, p, column);
#endif
#if VECTORS >= 2
    if (vectors > 0) NAME(column_of_tiles)(1, p, column);
#endif
}

// MARK: Transposed

/// A tile of C = Aᵀ B: `rows` × `vectors` vectors at `a`, `b`, `c`; the last vector has `room` columns.
INLINE void NAME(outer_tile)(const int rows, const int vectors, const rk_outer *p, ptrdiff_t row,
                             ptrdiff_t column, const int is_whole, ptrdiff_t room)
{
    NAME(vector) sums[MOST_ROWS][OUTER_VECTORS];
    const float *a = p->a + row, *b = p->b + column;
    float *c = p->c + row * p->c_stride + column;
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
            const float *place = c + r * p->c_stride + v * LANES;
            if (!p->accumulates) sums[r][v] = 0.0f;
            else if (is_whole) sums[r][v] = NAME(load)(place);
            else sums[r][v] = NAME(load_part)(place, room);
        }
    for (ptrdiff_t k = 0; k < p->depth; k++) {
        NAME(vector) right[OUTER_VECTORS];
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++)
            right[v] = is_whole ? NAME(load)(b + v * LANES) : NAME(load_part)(b, room);
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            const NAME(vector) left = FACTOR(a[r]);
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++)
                sums[r][v] = left * right[v] + sums[r][v];
        }
        a += p->a_stride;
        b += p->b_stride;
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
            float *place = c + r * p->c_stride + v * LANES;
            if (is_whole) NAME(store)(place, sums[r][v]);
            else NAME(store_part)(place, sums[r][v], room);
        }
}

/// All rows of C for the vectors starting at `column`, using the shapes of OUTER_TILES with this number of vectors.
INLINE void NAME(outer_columns)(const int vectors, const rk_outer *p, ptrdiff_t rows, ptrdiff_t column,
                                const int is_whole, ptrdiff_t room)
{
    ptrdiff_t row = 0;
#define X(tile_rows, tile_vectors)                             \
    if (tile_vectors == vectors)                               \
        for (; row + tile_rows <= rows; row += tile_rows)      \
            NAME(outer_tile)(tile_rows, tile_vectors, p, row, column, is_whole, room);
    OUTER_TILES
#undef X
}

static TARGET void NAME(multiply_transposed)(const rk_outer *p, ptrdiff_t rows, ptrdiff_t columns)
{
    ptrdiff_t vectors = columns / LANES;
    ptrdiff_t column = 0;
#if OUTER_VECTORS >= 3
    for (; vectors >= 3 && vectors != 4; vectors -= 3, column += 3 * LANES)
        NAME(outer_columns)(3, p, rows, column, 1, LANES);
#endif
    for (; vectors >= 2; vectors -= 2, column += 2 * LANES)
        NAME(outer_columns)(2, p, rows, column, 1, LANES);
    for (; vectors >= 1; vectors -= 1, column += LANES)
        NAME(outer_columns)(1, p, rows, column, 1, LANES);
    if (column < columns) NAME(outer_columns)(1, p, rows, column, 0, columns - column);
}

#undef VECTORS
