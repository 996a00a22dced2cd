// The matrix product, once for every instruction set. The including file defines
//   TARGET   function attribute that turns the instruction set on
//   LANES    floats of a vector register
//   ROWS     rows of the largest tile of C that is held in registers
//   PANELS   panels (of RK_PANEL columns) of that tile
//   NAME(x)  gives x its suffix

#define VECTORS (RK_PANEL / LANES)

typedef float NAME(vector) __attribute__((ext_vector_type(LANES)));
typedef float NAME(unaligned) __attribute__((ext_vector_type(LANES), aligned(4)));

/// A tile of C: `tile_rows` × `tile_panels` panels. Both are constants after inlining, so the sums stay in registers.
static inline __attribute__((always_inline)) TARGET void NAME(tile)(
    const int tile_rows, const int tile_panels, const float *a, ptrdiff_t lda, const float *b, float *c,
    ptrdiff_t ldc, ptrdiff_t columns, ptrdiff_t depth)
{
    const int vectors = tile_panels * VECTORS;
    NAME(vector) sums[ROWS][PANELS * VECTORS];
#pragma clang loop unroll(full)
    for (int r = 0; r < tile_rows; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++)
            sums[r][v] = 0.0f;

    for (ptrdiff_t k = 0; k < depth; k++) {
        NAME(vector) right[PANELS * VECTORS];
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++)
            right[v] = *(const NAME(unaligned) *)(b + (v / VECTORS) * depth * RK_PANEL + k * RK_PANEL
                                                  + (v % VECTORS) * LANES);
#pragma clang loop unroll(full)
        for (int r = 0; r < tile_rows; r++) {
            const NAME(vector) left = a[r * lda + k];
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++)
                sums[r][v] = left * right[v] + sums[r][v];
        }
    }

#pragma clang loop unroll(full)
    for (int r = 0; r < tile_rows; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
            float *place = c + r * ldc + v * LANES;
            const ptrdiff_t room = columns - v * LANES;
            if (room >= LANES) {
                *(NAME(unaligned) *)place = sums[r][v];
            } else if (room > 0) {
                float lanes[LANES];
                *(NAME(unaligned) *)lanes = sums[r][v];
                __builtin_memcpy(place, lanes, (size_t)room * sizeof(float));
            }
        }
}

/// All rows of C for one group of panels.
static inline __attribute__((always_inline)) TARGET void NAME(panels)(
    const int tile_panels, const float *a, ptrdiff_t lda, const float *b, float *c, ptrdiff_t ldc, ptrdiff_t rows,
    ptrdiff_t columns, ptrdiff_t depth)
{
    ptrdiff_t row = 0;
    for (; row + ROWS <= rows; row += ROWS)
        NAME(tile)(ROWS, tile_panels, a + row * lda, lda, b, c + row * ldc, ldc, columns, depth);
    for (; row + 4 <= rows && ROWS > 4; row += 4)
        NAME(tile)(4 < ROWS ? 4 : ROWS, tile_panels, a + row * lda, lda, b, c + row * ldc, ldc, columns, depth);
    for (; row < rows; row++)
        NAME(tile)(1, tile_panels, a + row * lda, lda, b, c + row * ldc, ldc, columns, depth);
}

static TARGET void NAME(gemm)(const float *a, ptrdiff_t lda, const float *b, float *c, ptrdiff_t ldc, ptrdiff_t rows,
                              ptrdiff_t columns, ptrdiff_t depth)
{
    ptrdiff_t column = 0;
    for (; column + (PANELS - 1) * RK_PANEL < columns; column += PANELS * RK_PANEL)
        NAME(panels)(PANELS, a, lda, b + column * depth, c + column, ldc, rows, columns - column, depth);
    for (; column < columns; column += RK_PANEL)
        NAME(panels)(1, a, lda, b + column * depth, c + column, ldc, rows, columns - column, depth);
}

#undef VECTORS
#undef TARGET
#undef LANES
#undef ROWS
#undef PANELS
#undef NAME
