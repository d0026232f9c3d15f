/* Products of float32 matrices on blocks in the caches: c[i, j] = sum of a[i, k] * b[k, j]; strides in elements; c has neighbours
   along j. */

#define DEPTH 208 /* of a block: a panel of b takes COLUMNS * DEPTH * 4 bytes, 26 KiB, and leaves room for a tile's rows in the first cache */
#define HEIGHT (ROWS * 60) /* rows of a that are packed at a time: 585 KiB in the second cache */
#define TOGETHER 8 /* tiles whose rows are packed together where these are neighbours, so that lines are read whole */
#define WORTH_HELP (1 << 16) /* multiplications of a piece: a microsecond */

static void pack_b(long depth, long columns, const float *b, long step, long next, float *to)
{
    for (long j = 0; j < columns; j += COLUMNS) {
        long n = columns - j < COLUMNS ? columns - j : COLUMNS;
        const float *from = b + j * next;
        if (n == COLUMNS && next == 1)
            for (long k = 0; k < depth; ++k) memcpy(to + k * COLUMNS, from + k * step, 4 * COLUMNS);
        else if (step == 1) /* columns lie in memory */
            for (long x = 0; x < COLUMNS; x += LANES) pack_lines(depth, n - x, from + x * next, next, to + x, COLUMNS);
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
        if (n == ROWS && next == 1) {
            long tiles = (rows - i) / ROWS < TOGETHER ? (rows - i) / ROWS : TOGETHER, others = (tiles - 1) * ROWS;
            for (long k = 0; k < depth; ++k)
                for (long t = 0; t < tiles; ++t) memcpy(to + (t * depth + k) * ROWS, from + k * step + t * ROWS, 4 * ROWS);
            i += others;
            to += others * depth;
        } else if (step == 1)
            pack_lines(depth, n, from, next, to, n);
        else
            for (long r = 0; r < n; ++r)
                for (long k = 0; k < depth; ++k) to[k * n + r] = from[r * next + k * step];
        to += n * depth;
    }
}

static __thread struct { float *rows; long room; } packs;

static float *packed_rows(long floats)
{
    if (packs.room < floats) {
        free(packs.rows);
        packs.room = 0;
        if (posix_memalign((void **)&packs.rows, 64, 4 * floats)) return packs.rows = 0;
        packs.room = floats;
    }
    return packs.rows;
}

/* ---- products of neighbours along k on both sides: sums in vectors, nothing is packed */

#define DOTS 16 /* sums at a time: rows times columns */

/* to[i] = the sum of all of x[i]. */
INLINE void totals(vec *x, float *to)
{
#if TURNS
#define JOIN(h)                                                                                           \
    for (int i = 0; i < LANES; i += 2 * (h)) {                                                            \
        lanes low = x[i], high = x[i + (h)];                                                              \
        x[i] = __builtin_shufflevector(low, high, LIST(FROM_LOW, h)) + __builtin_shufflevector(low, high, LIST(FROM_HIGH, h)); \
    }
#pragma GCC unroll 16
    JOIN(1)
#pragma GCC unroll 16
    JOIN(2)
#if LANES > 4
#pragma GCC unroll 16
    JOIN(4)
#endif
#if LANES > 8
    JOIN(8)
#endif
    *(vec *)to = x[0];
#else
    for (int i = 0; i < LANES; ++i) {
        float part[LANES];
        memcpy(part, x + i, sizeof part);
        for (int half = LANES / 2; half; half /= 2)
            for (int l = 0; l < half; ++l) part[l] += part[l + half];
        to[i] = part[0];
    }
#endif
}

/* `rows` x `wide` of them, `rows` x `most` <= DOTS. */
INLINE void dots(const int rows, const int most, const int wide, long depth, const float *a, long ai, const float *b, long bj, float *c, long ci)
{
    vec sums[DOTS];
    float found[DOTS];
#pragma GCC unroll 16
    for (int i = 0; i < DOTS; ++i) sums[i] = (vec){0};
    long k = 0;
    for (; k + LANES <= depth; k += LANES) {
        vec left[4];
#pragma GCC unroll 4
        for (int r = 0; r < rows; ++r) left[r] = *(const vec *)(a + r * ai + k);
#pragma GCC unroll 16
        for (int x = 0; x < wide; ++x) {
            vec right = *(const vec *)(b + x * bj + k);
#pragma GCC unroll 4
            for (int r = 0; r < rows; ++r) sums[r * most + x] += left[r] * right;
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < DOTS; i += LANES) totals(sums + i, found + i);
    for (int r = 0; r < rows; ++r)
        for (int x = 0; x < wide; ++x) {
            float sum = found[r * most + x];
            for (long i = k; i < depth; ++i) sum += a[r * ai + i] * b[x * bj + i];
            c[r * ci + x] = sum;
        }
}

#define DOT_ROWS(rows, most)                                                                                     \
    static __attribute__((noinline)) void dot_rows_##rows(long n, long depth, const float *a, long ai, const float *b, long bj, float *c, long ci) \
    {                                                                                                            \
        long j = 0;                                                                                              \
        for (; j + most <= n; j += most) dots(rows, most, most, depth, a, ai, b + j * bj, bj, c + j, ci);       \
        for (; j + 4 <= n && most > 4; j += 4) dots(rows, most, 4, depth, a, ai, b + j * bj, bj, c + j, ci);     \
        for (; j < n; ++j) dots(rows, most, 1, depth, a, ai, b + j * bj, bj, c + j, ci);                         \
    }
DOT_ROWS(1, 16)
DOT_ROWS(2, 4)
DOT_ROWS(3, 4)
DOT_ROWS(4, 4)

static void dot_products(long m, long n, long depth, const float *a, long ai, const float *b, long bj, float *c, long ci)
{
    for (; m >= 4; m -= 4, a += 4 * ai, c += 4 * ci) dot_rows_4(n, depth, a, ai, b, bj, c, ci);
    switch (m) {
        case 1: dot_rows_1(n, depth, a, ai, b, bj, c, ci); break;
        case 2: dot_rows_2(n, depth, a, ai, b, bj, c, ci); break;
        case 3: dot_rows_3(n, depth, a, ai, b, bj, c, ci); break;
    }
}

/* Where packing b takes longer than it saves: few rows, or few columns, as their tiles are mostly empty. */
static int are_dots(long m, long n, long depth, long ak, long bk)
{
    return ak == 1 && bk == 1 && (m <= ROWS || n <= COLUMNS / 2) && (m <= 4 || depth >= 2 * LANES);
}

/* Of a length in pieces of about the same size, at most `most`: none is so short that packing for it does not pay. */
static long share(long length, long most)
{
    long pieces = (length + most - 1) / most;
    return (length + pieces - 1) / pieces;
}

/* What is done to each part of c once its sums are whole, while the caches have it: the first thing in a job that knows the rest. */
typedef struct { void (*run)(const void *job, long top, long left, long rows, long columns); } epilogue;

typedef struct { long m, n, depth; const float *a; long ai, ak; const float *b; long bk, bj; float *c; long ci; const epilogue *then; } product;

static void finish(const epilogue *then, long top, long left, long rows, long columns)
{
    if (then) then->run(then, top, left, rows, columns);
}

/* ---- products of few rows by a b that lies in columns, as layers have them: the product turned over, so that the larger factor is
   read as it lies; packed are only the few rows */

#define FEW COLUMNS             /* rows; with more of them packing b costs little */
#define SHORT 64                /* sums, fewer than which take as long to turn over */
#define LONGEST 4096            /* sum: 512 KiB of packed rows */
#define GROUP (3 * LANES)       /* columns of c that are turned over together, a multiple of ROWS */

/* ROWS lines and two vectors of rows, several steps at a time: a pointer for each line, as an address with an index costs an instruction. */
#define STEPS 4
INLINE void steps(const int some, const float **line, const float *rows, vec *left, vec *right)
{
#pragma GCC unroll 4
    for (int s = 0; s < some; ++s) {
        vec x = *(const vec *)(rows + s * COLUMNS), y = *(const vec *)(rows + s * COLUMNS + LANES);
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; ++r) {
            left[r] += line[r][s] * x;
            right[r] += line[r][s] * y;
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r) line[r] += some;
}

static __attribute__((noinline)) void whole_columns_tile(long depth, const float *b, long bj, const float *rows, float *to)
{
    const float *line[ROWS];
    vec left[ROWS], right[ROWS];
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r) line[r] = b + r * bj, left[r] = right[r] = (vec){0};
    long k = 0;
    for (; k + STEPS <= depth; k += STEPS) steps(STEPS, line, rows + k * COLUMNS, left, right);
    for (; k < depth; ++k) steps(1, line, rows + k * COLUMNS, left, right);
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r) {
        *(vec *)(to + r * COLUMNS) = left[r];
        *(vec *)(to + r * COLUMNS + LANES) = right[r];
    }
}

#define AS_IT_LIES(n)                                                                                    \
    case n:                                                                                              \
        if (vecs > 1) tile(n, 2, depth, b, bj, 1, rows, COLUMNS, LANES, to, COLUMNS, 0);                 \
        else tile(n, 1, depth, b, bj, 1, rows, COLUMNS, LANES, to, COLUMNS, 0);                          \
        break;
static void columns_tile(int n, int vecs, long depth, const float *b, long bj, const float *rows, float *to)
{
    if (n == ROWS && vecs > 1) whole_columns_tile(depth, b, bj, rows, to);
    else
        switch (n) { EACH_HEIGHT(AS_IT_LIES) }
}

static int are_few(long m, long n, long depth, long ak, long bk)
{
    long padded = (m + LANES - 1) / LANES * LANES;
    return ak == 1 && bk == 1 && m <= FEW && m < n && SHORT <= depth && depth <= LONGEST && 7 * padded <= 8 * m;
}

typedef struct { const product *p; const float *rows; } few;

/* The n-th GROUP of columns. */
static void columns_of_few(const void *job, long n)
{
    const product *p = ((const few *)job)->p;
    const float *rows = ((const few *)job)->rows, *b = p->b + n * GROUP * p->bj;
    float turned[GROUP * COLUMNS];
    long j = n * GROUP;
    long wide = p->n - j < GROUP ? p->n - j : GROUP;
    for (long x = 0; x < wide; x += ROWS)
        columns_tile(wide - x < ROWS ? wide - x : ROWS, p->m > LANES ? 2 : 1, p->depth, b + x * p->bj, p->bj, rows, turned + x * COLUMNS);
    for (long x = 0; x < wide; x += LANES) {
        const float *from = turned + x * COLUMNS;
        float *to = p->c + j + x;
        if (wide - x >= LANES) pack_lines(p->m, LANES, from, COLUMNS, to, p->ci);
        else
            for (long r = 0; r < p->m; ++r)
                for (long i = 0; i < wide - x; ++i) to[r * p->ci + i] = from[i * COLUMNS + r];
    }
    finish(p->then, 0, j, p->m, wide);
}

/* The part of a product in `high` rows from i0 on and `deep` depths from k0 on, whose rows are packed. */
typedef struct { const product *p; long i0, high, k0, deep; const float *rows; } block;

/* Has lines of c be fetched that will be written: those of the next tile, as they come from far while this one is made. */
INLINE void ask_for_tile(const float *c, long ci, long rows)
{
    for (long r = 0; r < rows && r < ROWS; ++r) {
        __builtin_prefetch(c + r * ci, 1);
        __builtin_prefetch(c + r * ci + LANES, 1);
    }
}

/* The n-th panel of columns. It is packed just before it is used and stays in the first cache. */
static void panel(const void *job, long n)
{
    const block *of = job;
    const product *p = of->p;
    float packed[COLUMNS * DEPTH] __attribute__((aligned(64))), edge[ROWS * COLUMNS];
    long j = n * COLUMNS, wide = p->n - j < COLUMNS ? p->n - j : COLUMNS, next = COLUMNS;
    const float *b = p->b + of->k0 * p->bk + j * p->bj;
    int part = wide < COLUMNS;
    if (p->bj == 1 && p->m <= 2 * ROWS && !part) next = p->bk; /* few read it: not worth a copy */
    else {
        pack_b(of->deep, wide, b, p->bk, p->bj, packed);
        b = packed;
    }
    for (long i = 0; i < of->high; i += ROWS) {
        long rows = of->high - i < ROWS ? of->high - i : ROWS;
        float *to = p->c + (of->i0 + i) * p->ci + j;
        ask_for_tile(to + ROWS * p->ci, p->ci, of->high - i - ROWS);
        any_tile(rows, wide > LANES ? 2 : 1, of->deep, of->rows + i * of->deep, b, next, LANES, part ? edge : to, part ? COLUMNS : p->ci, of->k0 > 0 && !part);
        for (long r = 0; part && r < rows; ++r)
            for (long x = 0; x < wide; ++x) to[r * p->ci + x] = edge[r * COLUMNS + x] + (of->k0 > 0 ? to[r * p->ci + x] : 0);
        if (of->k0 + of->deep == p->depth) finish(p->then, of->i0 + i, j, rows, wide);
    }
}

/* Pieces for all threads that have time, if each is worth the asking. */
static void for_all(piece_t piece, const void *job, long pieces, long work)
{
    if (work >= WORTH_HELP) in_pieces(piece, job, pieces);
    else
        for (long n = 0; n < pieces; ++n) piece(job, n);
}

/* Returns 0 where there is no memory to pack in. */
int gemm_then(long m, long n, long depth, const float *a, long ai, long ak, const float *b, long bk, long bj, float *c, long ci, const epilogue *then)
{
    if (!m || !n) return 1; /* a thread's part may be empty */
    if (!depth) {
        for (long i = 0; i < m; ++i)
            for (long j = 0; j < n; ++j) c[i * ci + j] = 0;
        finish(then, 0, 0, m, n);
        return 1;
    }
    if (are_dots(m, n, depth, ak, bk)) {
        dot_products(m, n, depth, a, ai, b, bj, c, ci);
        finish(then, 0, 0, m, n);
        return 1;
    }
    product p = {m, n, depth, a, ai, ak, b, bk, bj, c, ci, then};
    if (are_few(m, n, depth, ak, bk)) {
        float *rows = packed_rows(COLUMNS * depth);
        if (!rows) return 0;
        pack_b(depth, m, a, 1, ai, rows);
        for_all(columns_of_few, &(few){&p, rows}, (n + GROUP - 1) / GROUP, m * depth * GROUP);
        return 1;
    }
    long deep = share(depth, DEPTH), high = (share(m, HEIGHT) + ROWS - 1) / ROWS * ROWS;
    float *rows = packed_rows(high * deep + LANES);
    if (!rows) return 0;
    for (long i0 = 0; i0 < m; i0 += high)
        for (long k0 = 0; k0 < depth; k0 += deep) {
            block part = {&p, i0, m - i0 < high ? m - i0 : high, k0, depth - k0 < deep ? depth - k0 : deep, rows};
            pack_a(part.high, part.deep, a + i0 * ai + k0 * ak, ai, ak, rows);
            for_all(panel, &part, (n + COLUMNS - 1) / COLUMNS, part.high * part.deep * COLUMNS);
        }
    return 1;
}

int gemm(long m, long n, long depth, const float *a, long ai, long ak, const float *b, long bk, long bj, float *c, long ci)
{
    return gemm_then(m, n, depth, a, ai, ak, b, bk, bj, c, ci, 0);
}
