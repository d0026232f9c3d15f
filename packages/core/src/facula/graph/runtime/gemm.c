/* Products of float32 matrices on blocks in the caches: c[i, j] = sum of a[i, k] * b[k, j]; strides in elements; c has neighbours
   along j. */

#define DEPTH 256  /* of a block: a panel of b takes COLUMNS * DEPTH * 4 bytes, 32 KiB */
#define HEIGHT (ROWS * 16)

static void pack_b(long depth, long columns, const float *b, long step, long next, float *to)
{
    for (long j = 0; j < columns; j += COLUMNS) {
        long n = columns - j < COLUMNS ? columns - j : COLUMNS;
        const float *from = b + j * next;
        if (n == COLUMNS && next == 1)
            for (long k = 0; k < depth; ++k) memcpy(to + k * COLUMNS, from + k * step, 4 * COLUMNS);
        else if (step == 1) /* columns lie in memory */
            for (long x = 0; x < COLUMNS; x += LANES) pack_lanes(depth, n - x, from + x * next, next, to + x, COLUMNS);
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
                any_tile(rows, wide > LANES ? 2 : 1, deep, pa, pb, next, LANES, into, apart, adds);
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
