// Vectors of one instruction set. The including file defines
//   TARGET   function attribute that enables the instruction set
//   LANES    floats per vector register
//   NAME(x)  appends the instruction set's suffix to x

typedef float NAME(vector) __attribute__((ext_vector_type(LANES)));
typedef float NAME(unaligned) __attribute__((ext_vector_type(LANES), aligned(4)));
typedef int NAME(mask) __attribute__((ext_vector_type(LANES)));

#define INLINE static inline __attribute__((always_inline)) TARGET

INLINE NAME(vector) NAME(load)(const float *place)
{
    return *(const NAME(unaligned) *)place;
}

INLINE void NAME(store)(float *place, NAME(vector) value)
{
    *(NAME(unaligned) *)place = value;
}

// A value that a row of vectors is multiplied by.
#if defined(NEON)
// The processor multiplies by a lane of a register. The compiler would rather load the value into all lanes, which on most
// cores occupies a unit that could multiply, so it is kept from seeing that the value was loaded.
#define FACTOR(value) NAME(factor)(value)
INLINE float NAME(factor)(float value)
{
    __asm__("" : "+w"(value));
    return value;
}
#else
#define FACTOR(value) (value)
#endif

#if LANES == 8
/// All bits set in the first `count` lanes.
INLINE __m256i NAME(first_lanes)(ptrdiff_t count)
{
    static const int bits[2 * LANES] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(bits + LANES - count));
}
#endif

/// The first `count` floats; the remaining lanes are zero. Never reads beyond `count`.
INLINE NAME(vector) NAME(load_part)(const float *place, ptrdiff_t count)
{
#if LANES == 16
    return (NAME(vector))_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), place);
#elif LANES == 8
    return (NAME(vector))_mm256_maskload_ps(place, NAME(first_lanes)(count));
#elif defined(NEON)
    // A copy of unknown length would be a call, around which no vector stays in its register.
    NAME(vector) lanes = 0.0f;
    if (count > 0) lanes[0] = place[0];
    if (count > 1) lanes[1] = place[1];
    if (count > 2) lanes[2] = place[2];
    return lanes;
#else
    float lanes[LANES] = {0};
    __builtin_memcpy(lanes, place, (size_t)count * sizeof(float));
    return NAME(load)(lanes);
#endif
}

INLINE void NAME(store_part)(float *place, NAME(vector) value, ptrdiff_t count)
{
#if LANES == 16
    _mm512_mask_storeu_ps(place, (__mmask16)((1u << count) - 1), (__m512)value);
#elif LANES == 8
    _mm256_maskstore_ps(place, NAME(first_lanes)(count), (__m256)value);
#elif defined(NEON)
    if (count > 0) place[0] = value[0];
    if (count > 1) place[1] = value[1];
    if (count > 2) place[2] = value[2];
#else
    // Goes through memory, not lane by lane: otherwise the compiler keeps every vector that might be stored this way in
    // memory.
    float lanes[LANES];
    NAME(store)(lanes, value);
    __builtin_memcpy(place, lanes, (size_t)count * sizeof(float));
#endif
}

INLINE NAME(vector) NAME(activate)(NAME(vector) x, rk_activation activation, float slope)
{
    if (activation == RK_IDENTITY) return x;
    // Comparisons with NaN are false, so NaN propagates.
    const NAME(mask) negative = x < 0.0f;
    if (activation == RK_RELU) return (NAME(vector))(~negative & (NAME(mask))x);
    const NAME(vector) scaled = x * slope;
    return (NAME(vector))((negative & (NAME(mask))scaled) | (~negative & (NAME(mask))x));
}
