/* Products of float32 matrices on blocks in the caches. They may fuse a * b + c: they are only sums of products. */
#include <stdlib.h>
#include <string.h>

/* ---- matrix products: c[i, j] = sum of a[i, k] * b[k, j]; strides in elements; c has neighbours along j */

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
#define DEPTH 256  /* of a block: a panel of b takes COLUMNS * DEPTH * 4 bytes, 32 KiB */
#define HEIGHT (ROWS * 16)

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
#define INLINE static inline __attribute__((always_inline))

/* One tile of `rows` x COLUMNS: a in columns of `rows` neighbours, b in rows of COLUMNS. */
INLINE void tile(const int rows, long depth, const float *a, const float *b, float *c, long ldc, int adds)
{
    vec left[ROWS], right[ROWS];
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) left[r] = right[r] = (vec){0};
    for (long k = 0; k < depth; ++k, a += rows, b += COLUMNS) {
        vec b0 = *(const vec *)b, b1 = *(const vec *)(b + LANES);
#pragma GCC unroll 16
        for (int r = 0; r < rows; ++r) {
            left[r] += a[r] * b0;
            right[r] += a[r] * b1;
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
        float *to = c + r * ldc;
        if (adds) { left[r] += *(vec *)to; right[r] += *(vec *)(to + LANES); }
        *(vec *)to = left[r];
        *(vec *)(to + LANES) = right[r];
    }
}

static __attribute__((noinline)) void full_tile(long depth, const float *a, const float *b, float *c, long ldc, int adds)
{
    tile(ROWS, depth, a, b, c, ldc, adds);
}

#define LOW(n) case n: tile(n, depth, a, b, c, ldc, adds); break;
static __attribute__((noinline)) void low_tile(int rows, long depth, const float *a, const float *b, float *c, long ldc, int adds)
{
    switch (rows) {
        LOW(1) LOW(2) LOW(3)
#if ROWS > 4
        LOW(4) LOW(5)
#endif
#if ROWS > 6
        LOW(6) LOW(7) LOW(8) LOW(9) LOW(10) LOW(11)
#endif
    }
}

static void pack_b(long depth, long columns, const float *b, long step, long next, float *to)
{
    for (long j = 0; j < columns; j += COLUMNS) {
        long n = columns - j < COLUMNS ? columns - j : COLUMNS;
        const float *from = b + j * next;
        if (n == COLUMNS && next == 1)
            for (long k = 0; k < depth; ++k) memcpy(to + k * COLUMNS, from + k * step, 4 * COLUMNS);
        else if (n == COLUMNS && step == 1) /* columns lie in memory: read them so */
            for (long x = 0; x < COLUMNS; ++x)
                for (long k = 0; k < depth; ++k) to[k * COLUMNS + x] = from[x * next + k];
        else
            for (long k = 0; k < depth; ++k)
                for (long x = 0; x < COLUMNS; ++x) to[k * COLUMNS + x] = x < n ? from[k * step + x * next] : 0;
        to += depth * COLUMNS;
    }
}

static void pack_a(long rows, long depth, const float *a, long next, long step, float *to)
{
    for (long i = 0; i < rows; i += ROWS) {
        long n = rows - i < ROWS ? rows - i : ROWS;
        const float *from = a + i * next;
        if (n == ROWS && next == 1)
            for (long k = 0; k < depth; ++k)
                for (int r = 0; r < ROWS; ++r) to[k * ROWS + r] = from[k * step + r];
        else
            for (long r = 0; r < n; ++r)
                for (long k = 0; k < depth; ++k) to[k * n + r] = from[r * next + k * step];
        to += n * depth;
    }
}

typedef struct { float *a, *b; long room; } Packs;
static __thread Packs packs;

static int reserve(long b_floats)
{
    if (!packs.a && posix_memalign((void **)&packs.a, 64, 4 * HEIGHT * DEPTH)) return 0;
    if (packs.room < b_floats) {
        free(packs.b);
        packs.room = 0;
        if (posix_memalign((void **)&packs.b, 64, 4 * b_floats)) { packs.b = 0; return 0; }
        packs.room = b_floats;
    }
    return 1;
}

#define WIDTH 1024 /* columns of b that are packed at a time: 1 MiB */

int gemm(long m, long n, long depth, const float *a, long ai, long ak, const float *b, long bk, long bj, float *c, long ci)
{
    long width = n < WIDTH ? (n + COLUMNS - 1) / COLUMNS * COLUMNS : WIDTH;
    if (!reserve(width * (depth < DEPTH ? depth : DEPTH))) return 0;
    float edge[ROWS * COLUMNS];
    for (long j0 = 0; j0 < n; j0 += WIDTH)
        for (long k0 = 0; k0 < depth; k0 += DEPTH) {
            long columns = n - j0 < WIDTH ? n - j0 : WIDTH, deep = depth - k0 < DEPTH ? depth - k0 : DEPTH;
            pack_b(deep, columns, b + k0 * bk + j0 * bj, bk, bj, packs.b);
            for (long i0 = 0; i0 < m; i0 += HEIGHT) {
                long high = m - i0 < HEIGHT ? m - i0 : HEIGHT;
                pack_a(high, deep, a + i0 * ai + k0 * ak, ai, ak, packs.a);
                for (long j = 0; j < columns; j += COLUMNS)
                    for (long i = 0; i < high; i += ROWS) {
                        long rows = high - i < ROWS ? high - i : ROWS, wide = columns - j < COLUMNS ? columns - j : COLUMNS;
                        const float *pa = packs.a + i * deep, *pb = packs.b + j * deep;
                        float *to = c + (i0 + i) * ci + j0 + j;
                        if (wide == COLUMNS && rows == ROWS) full_tile(deep, pa, pb, to, ci, k0 > 0);
                        else if (wide == COLUMNS) low_tile(rows, deep, pa, pb, to, ci, k0 > 0);
                        else {
                            if (rows == ROWS) full_tile(deep, pa, pb, edge, COLUMNS, 0);
                            else low_tile(rows, deep, pa, pb, edge, COLUMNS, 0);
                            for (long r = 0; r < rows; ++r)
                                for (long x = 0; x < wide; ++x)
                                    to[r * ci + x] = edge[r * COLUMNS + x] + (k0 > 0 ? to[r * ci + x] : 0);
                        }
                    }
            }
        }
    return 1;
}
