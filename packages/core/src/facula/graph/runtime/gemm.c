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

/* One tile of `rows` x COLUMNS: a in columns of `rows` neighbours, b in rows of COLUMNS, `next` apart. */
INLINE void tile(const int rows, long depth, const float *a, const float *b, long next, float *c, long ldc, int adds)
{
    vec left[ROWS], right[ROWS];
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) left[r] = right[r] = (vec){0};
    for (long k = 0; k < depth; ++k, a += rows, b += next) {
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

static __attribute__((noinline)) void full_tile(long depth, const float *a, const float *b, long next, float *c, long ldc, int adds)
{
    tile(ROWS, depth, a, b, next, c, ldc, adds);
}

#define LOW(n) case n: tile(n, depth, a, b, next, c, ldc, adds); break;
static __attribute__((noinline)) void low_tile(int rows, long depth, const float *a, const float *b, long next, float *c, long ldc, int adds)
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

/* to[k * COLUMNS + x] = from[x * next + k] for k < depth, x < n; columns from n on get 0. */
static void pack_columns(long depth, long n, const float *from, long next, float *to)
{
    long k = 0;
#if TURNS
    for (; k + LANES <= depth; k += LANES)
        for (long x0 = 0; x0 < COLUMNS; x0 += LANES) {
            lanes x[LANES];
#pragma GCC unroll 16
            for (int i = 0; i < LANES; ++i) x[i] = x0 + i < n ? (lanes)*(const vec *)(from + (x0 + i) * next + k) : (lanes){0};
            turn(x);
#pragma GCC unroll 16
            for (int i = 0; i < LANES; ++i) *(vec *)(to + (k + i) * COLUMNS + x0) = x[i];
        }
#endif
    for (; k < depth; ++k)
        for (long x = 0; x < COLUMNS; ++x) to[k * COLUMNS + x] = x < n ? from[x * next + k] : 0;
}

static void pack_b(long depth, long columns, const float *b, long step, long next, float *to)
{
    for (long j = 0; j < columns; j += COLUMNS) {
        long n = columns - j < COLUMNS ? columns - j : COLUMNS;
        const float *from = b + j * next;
        if (n == COLUMNS && next == 1)
            for (long k = 0; k < depth; ++k) memcpy(to + k * COLUMNS, from + k * step, 4 * COLUMNS);
        else if (step == 1) /* columns lie in memory */
            pack_columns(depth, n, from, next, to);
        else
            for (long k = 0; k < depth; ++k)
                for (long x = 0; x < COLUMNS; ++x) to[k * COLUMNS + x] = x < n ? from[k * step + x * next] : 0;
        to += depth * COLUMNS;
    }
}

/* to[k * n + r] = from[r * next + k] for r < n <= LANES; writes up to LANES - n floats past the end. */
static void pack_rows(long depth, long n, const float *from, long next, float *to)
{
    long k = 0;
#if TURNS
    for (; k + LANES <= depth; k += LANES) {
        lanes x[LANES];
#pragma GCC unroll 16
        for (int i = 0; i < LANES; ++i) x[i] = i < n ? (lanes)*(const vec *)(from + i * next + k) : (lanes){0};
        turn(x);
#pragma GCC unroll 16
        for (int i = 0; i < LANES; ++i) *(vec *)(to + (k + i) * n) = x[i]; /* the next one overwrites what is too much */
    }
#endif
    for (; k < depth; ++k)
        for (long r = 0; r < n; ++r) to[k * n + r] = from[r * next + k];
}

static void pack_a(long rows, long depth, const float *a, long next, long step, float *to)
{
    for (long i = 0; i < rows; i += ROWS) {
        long n = rows - i < ROWS ? rows - i : ROWS;
        const float *from = a + i * next;
        if (n == ROWS && next == 1)
            for (long k = 0; k < depth; ++k)
                for (int r = 0; r < ROWS; ++r) to[k * ROWS + r] = from[k * step + r];
        else if (step == 1)
            pack_rows(depth, n, from, next, to);
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
    if (!packs.a && posix_memalign((void **)&packs.a, 64, 4 * (HEIGHT * DEPTH + LANES))) return 0;
    if (packs.room < b_floats) {
        free(packs.b);
        packs.room = 0;
        if (posix_memalign((void **)&packs.b, 64, 4 * b_floats)) { packs.b = 0; return 0; }
        packs.room = b_floats;
    }
    return 1;
}

#define WIDTH 1024 /* columns of b that are packed at a time: 1 MiB */
#define FEW 4      /* rows for which columns of b in memory are multiplied where they lie */

INLINE float total(vec x)
{
    float part[LANES];
    memcpy(part, &x, sizeof part);
    for (int half = LANES / 2; half; half /= 2)
        for (int i = 0; i < half; ++i) part[i] += part[i + half];
    return part[0];
}

/* `rows` x `wide` products of neighbours along k. */
INLINE void dots(const int rows, const int wide, long depth, const float *a, long ai, const float *b, long bj, float *c, long ci)
{
    vec sums[FEW][FEW];
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
        for (int x = 0; x < wide; ++x) sums[r][x] = (vec){0};
    long k = 0;
    for (; k + LANES <= depth; k += LANES) {
        vec right[FEW];
#pragma GCC unroll 4
        for (int x = 0; x < wide; ++x) right[x] = *(const vec *)(b + x * bj + k);
#pragma GCC unroll 4
        for (int r = 0; r < rows; ++r) {
            vec left = *(const vec *)(a + r * ai + k);
#pragma GCC unroll 4
            for (int x = 0; x < wide; ++x) sums[r][x] += left * right[x];
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
        for (int x = 0; x < wide; ++x) {
            float sum = total(sums[r][x]);
            for (long i = k; i < depth; ++i) sum += a[r * ai + i] * b[x * bj + i];
            c[r * ci + x] = sum;
        }
}

INLINE void dot_rows(const int rows, long n, long depth, const float *a, long ai, const float *b, long bj, float *c, long ci)
{
    long j = 0;
    for (; j + FEW <= n; j += FEW) dots(rows, FEW, depth, a, ai, b + j * bj, bj, c + j, ci);
    for (; j < n; ++j) dots(rows, 1, depth, a, ai, b + j * bj, bj, c + j, ci);
}

static void few_rows(long m, long n, long depth, const float *a, long ai, const float *b, long bj, float *c, long ci)
{
    switch (m) {
        case 1: dot_rows(1, n, depth, a, ai, b, bj, c, ci); break;
        case 2: dot_rows(2, n, depth, a, ai, b, bj, c, ci); break;
        case 3: dot_rows(3, n, depth, a, ai, b, bj, c, ci); break;
        case 4: dot_rows(4, n, depth, a, ai, b, bj, c, ci); break;
    }
}

typedef struct { long m, n, depth; const float *a; long ai, ak; const float *b; long bk, bj; float *c; long ci; } product;

/* The part of a product in columns j0.. and depths k0.. */
static void block(const product *p, long j0, long columns, long k0, long deep)
{
    float edge[ROWS * COLUMNS];
    const float *b = p->b + k0 * p->bk + j0 * p->bj;
    long whole = columns / COLUMNS * COLUMNS;
    int as_is = p->bj == 1 && p->m <= 2 * ROWS; /* few read it: not worth a copy */
    if (as_is) pack_b(deep, columns - whole, b + whole * p->bj, p->bk, p->bj, packs.b + whole * deep);
    else pack_b(deep, columns, b, p->bk, p->bj, packs.b);
    for (long i0 = 0; i0 < p->m; i0 += HEIGHT) {
        long high = p->m - i0 < HEIGHT ? p->m - i0 : HEIGHT;
        pack_a(high, deep, p->a + i0 * p->ai + k0 * p->ak, p->ai, p->ak, packs.a);
        for (long j = 0; j < columns; j += COLUMNS) {
            long wide = columns - j < COLUMNS ? columns - j : COLUMNS;
            int direct = as_is && wide == COLUMNS;
            const float *pb = direct ? b + j : packs.b + j * deep;
            long next = direct ? p->bk : COLUMNS;
            for (long i = 0; i < high; i += ROWS) {
                long rows = high - i < ROWS ? high - i : ROWS;
                const float *pa = packs.a + i * deep;
                float *to = p->c + (i0 + i) * p->ci + j0 + j;
                int part = wide < COLUMNS, adds = k0 > 0 && !part;
                float *into = part ? edge : to;
                long apart = part ? COLUMNS : p->ci;
                if (rows == ROWS) full_tile(deep, pa, pb, next, into, apart, adds);
                else low_tile(rows, deep, pa, pb, next, into, apart, adds);
                if (part)
                    for (long r = 0; r < rows; ++r)
                        for (long x = 0; x < wide; ++x)
                            to[r * p->ci + x] = edge[r * COLUMNS + x] + (k0 > 0 ? to[r * p->ci + x] : 0);
            }
        }
    }
}

int gemm(long m, long n, long depth, const float *a, long ai, long ak, const float *b, long bk, long bj, float *c, long ci)
{
    if (!depth) {
        for (long i = 0; i < m; ++i)
            for (long j = 0; j < n; ++j) c[i * ci + j] = 0;
        return 1;
    }
    if (m <= FEW && ak == 1 && bk == 1) {
        few_rows(m, n, depth, a, ai, b, bj, c, ci);
        return 1;
    }
    long width = n < WIDTH ? (n + COLUMNS - 1) / COLUMNS * COLUMNS : WIDTH;
    if (!reserve(width * (depth < DEPTH ? depth : DEPTH))) return 0;
    product p = {m, n, depth, a, ai, ak, b, bk, bj, c, ci};
    for (long j0 = 0; j0 < n; j0 += WIDTH)
        for (long k0 = 0; k0 < depth; k0 += DEPTH)
            block(&p, j0, n - j0 < WIDTH ? n - j0 : WIDTH, k0, depth - k0 < DEPTH ? depth - k0 : DEPTH);
    return 1;
}
