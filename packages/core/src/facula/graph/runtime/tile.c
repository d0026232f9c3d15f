/* Tiles of products of float32 matrices, in registers, and the order in which they read memory. They may fuse a * b + c: they are
   only sums of products. */
#include <stdlib.h>
#include <string.h>

#if defined(__AVX512F__)
#define LANES 16
#define ROWS 12
#elif defined(__AVX2__)
#define LANES 8
#define ROWS 6
#else
#define LANES 4
#define ROWS 4
#endif
#define COLUMNS (2 * LANES)

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
#define INLINE static inline __attribute__((always_inline))

/* Has the compiler take a pointer for another one. */
#if defined(__AVX512F__)
#define OTHER(pointer) __asm__("" : "+r"(pointer))
#else
#define OTHER(pointer)
#endif

/* One tile of `rows` x `vecs` vectors, at most ROWS x 2: a's rows and columns are `ar` and `ak` apart; b in rows `next` apart of vectors `apart`.

   While another program uses the core's other thread, the instructions that are left count, not what the multipliers could do. AVX-512
   multiplies by a number in memory in one instruction, so what a broadcast into a register serves is loaded twice instead in half of the rows (in all
   of them loads would be too many), where its address is known without an index. */
INLINE void tile(const int rows, const int vecs, long depth, const float *a, const long ar, const long ak, const float *b, long next, long apart, float *c, long ldc, int adds)
{
    vec left[ROWS], right[ROWS];
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) left[r] = right[r] = (vec){0};
#pragma GCC unroll 2
    for (long k = 0; k < depth; ++k, a += ak, b += next) {
        vec b0 = *(const vec *)b, b1 = vecs > 1 ? *(const vec *)(b + apart) : b0;
        const float *again = a;
        if (__builtin_constant_p(ar)) OTHER(again);
#pragma GCC unroll 16
        for (int r = 0; r < rows; ++r) {
            left[r] += a[r * ar] * b0;
            if (vecs > 1) right[r] += (r % 2 ? a : again)[r * ar] * b1;
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
        float *to = c + r * ldc;
        if (adds) left[r] += *(vec *)to;
        *(vec *)to = left[r];
        if (vecs < 2) continue;
        if (adds) right[r] += *(vec *)(to + LANES);
        *(vec *)(to + LANES) = right[r];
    }
}

#if ROWS == 12
#define EACH_HEIGHT(CASE) CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
#elif ROWS == 6
#define EACH_HEIGHT(CASE) CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
#else
#define EACH_HEIGHT(CASE) CASE(1) CASE(2) CASE(3) CASE(4)
#endif

#define PACKED(n)                                                                     \
    case n:                                                                           \
        if (vecs > 1) tile(n, 2, depth, a, 1, n, b, next, apart, c, ldc, adds);       \
        else tile(n, 1, depth, a, 1, n, b, next, apart, c, ldc, adds);                \
        break;
/* A tile of a in columns of `rows` neighbours. */
static __attribute__((noinline)) void any_tile(int rows, int vecs, long depth, const float *a, const float *b, long next, long apart, float *c, long ldc, int adds)
{
    switch (rows) { EACH_HEIGHT(PACKED) }
}

/* Blocks of LANES x LANES turned over in registers: round h exchanges what differs in bit h of row and lane. */
#if defined(__clang__) || __GNUC__ >= 12
typedef float lanes __attribute__((vector_size(4 * LANES)));
#define FROM_LOW(l, h) ((l) & (h) ? LANES + (l) - (h) : (l))
#define FROM_HIGH(l, h) ((l) & (h) ? LANES + (l) : (l) + (h))
#define LIST4(F, l, h) F(l, h), F(l + 1, h), F(l + 2, h), F(l + 3, h)
#if LANES == 16
#define LIST(F, h) LIST4(F, 0, h), LIST4(F, 4, h), LIST4(F, 8, h), LIST4(F, 12, h)
#elif LANES == 8
#define LIST(F, h) LIST4(F, 0, h), LIST4(F, 4, h)
#else
#define LIST(F, h) LIST4(F, 0, h)
#endif
#define ROUND(h)                                                                       \
    for (int i = 0; i < LANES; ++i)                                                    \
        if (!(i & (h))) {                                                              \
            lanes low = x[i], high = x[i | (h)];                                       \
            x[i] = __builtin_shufflevector(low, high, LIST(FROM_LOW, h));              \
            x[i | (h)] = __builtin_shufflevector(low, high, LIST(FROM_HIGH, h));       \
        }
INLINE void turn(lanes *x)
{
#pragma GCC unroll 16
    ROUND(1)
#pragma GCC unroll 16
    ROUND(2)
#if LANES > 4
#pragma GCC unroll 16
    ROUND(4)
#endif
#if LANES > 8
#pragma GCC unroll 16
    ROUND(8)
#endif
}
#define TURNS 1
#else
#define TURNS 0
#endif

/* to[k * apart + x] = from[x * next + k] for k < depth, x < n <= LANES; what lies behind, up to LANES, gets 0 or belongs to the next
   k (apart < LANES): then up to LANES - n floats past the end are written. */
static void pack_lines(long depth, long n, const float *from, long next, float *to, long apart)
{
    long k = 0;
#if TURNS
    for (; k + LANES <= depth; k += LANES) {
        lanes x[LANES];
#pragma GCC unroll 16
        for (int i = 0; i < LANES; ++i) x[i] = i < n ? (lanes)*(const vec *)(from + i * next + k) : (lanes){0};
        turn(x);
#pragma GCC unroll 16
        for (int i = 0; i < LANES; ++i) *(vec *)(to + (k + i) * apart) = x[i];
    }
#endif
    for (; k < depth; ++k)
        for (long x = 0; x < LANES && x < apart; ++x) to[k * apart + x] = x < n ? from[x * next + k] : 0;
}

