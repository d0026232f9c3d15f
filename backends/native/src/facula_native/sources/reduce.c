/* Sums, maxima and minima of (outer, n, inner) over n. What is added or compared does not depend on the number of threads: work is cut
   at fixed places, and what the pieces give is added in float64. */

#define LANES 64
#define ROW_PIECE 65536 /* elements of a row that are one piece of work */
#define ROWS 256        /* rows of columns that are one */
#define WIDE 2048       /* and columns */
#define GRAIN 8192

typedef struct { const f32 *x; f32 *out, *table; i64 outer, n, inner, pieces, tiles; } reduce_t;

#define ADD(a, b) ((a) + (b))
#define MAX(a, b) ((b) > (a) || (b) != (b) ? (b) : (a))
#define MIN(a, b) ((b) < (a) || (b) != (b) ? (b) : (a))

#define EACH_LANE for (int l = 0; l < LANES; ++l)
/* In parts of 2048: a lane adds 32 numbers, then parts are added in `total_t`. */
#define REDUCE(name, COMBINE, first, total_t)                                                                          \
    static f32 name##_of(const f32 *x, i64 n)                                                                          \
    {                                                                                                                  \
        total_t total = first;                                                                                         \
        for (i64 from = 0; from < n; from += 2048) {                                                                   \
            i64 to = from + 2048 < n ? from + 2048 : n, i = from;                                                      \
            f32 lane[LANES];                                                                                           \
            EACH_LANE lane[l] = first;                                                                                 \
            for (; i + LANES <= to; i += LANES) EACH_LANE lane[l] = COMBINE(lane[l], x[i + l]);                        \
            for (int l = 0; i + l < to; ++l) lane[l] = COMBINE(lane[l], x[i + l]);                                     \
            for (int half = LANES / 2; half; half /= 2)                                                                \
                for (int l = 0; l < half; ++l) lane[l] = COMBINE(lane[l], lane[l + half]);                             \
            total = COMBINE(total, (total_t)lane[0]);                                                                  \
        }                                                                                                              \
        return (f32)total;                                                                                             \
    }                                                                                                                  \
    static void name##_rows(void *context, i64 from, i64 to)                                                           \
    {                                                                                                                  \
        reduce_t *c = context;                                                                                         \
        for (i64 at = from; at < to; ++at) {                                                                           \
            i64 row = at / c->pieces, start = at % c->pieces * ROW_PIECE;                                              \
            i64 count = c->pieces == 1 || start + ROW_PIECE > c->n ? c->n - start : ROW_PIECE;                         \
            c->table[at] = name##_of(c->x + row * c->n + start, count);                                                \
        }                                                                                                              \
    }                                                                                                                  \
    static void name##_columns(void *context, i64 from, i64 to)                                                        \
    {                                                                                                                  \
        reduce_t *c = context;                                                                                         \
        for (i64 at = from; at < to; ++at) {                                                                           \
            i64 tile = at % c->tiles, piece = at / c->tiles % c->pieces, o = at / c->tiles / c->pieces;                \
            i64 inner = c->inner, left = tile * WIDE, wide = left + WIDE < inner ? WIDE : inner - left;                \
            i64 top = piece * ROWS, rows = top + ROWS < c->n ? ROWS : c->n - top, r = 0;                               \
            const f32 *x = c->x + (o * c->n + top) * inner + left;                                                     \
            f32 *sums = c->table + (o * c->pieces + piece) * inner + left;                                             \
            for (i64 i = 0; i < wide; ++i) sums[i] = first;                                                            \
            for (; r + 8 <= rows; r += 8, x += 8 * inner)                                                              \
                _Pragma("GCC ivdep") for (i64 i = 0; i < wide; ++i) {                                                  \
                    const f32 *p = x + i;                                                                              \
                    f32 a = COMBINE(p[0], p[inner]), b = COMBINE(p[2 * inner], p[3 * inner]);                          \
                    f32 d = COMBINE(p[4 * inner], p[5 * inner]), e = COMBINE(p[6 * inner], p[7 * inner]);              \
                    f32 ab = COMBINE(a, b), de = COMBINE(d, e), all = COMBINE(ab, de);                                 \
                    sums[i] = COMBINE(sums[i], all);                                                                   \
                }                                                                                                      \
            for (; r < rows; ++r, x += inner)                                                                          \
                _Pragma("GCC ivdep") for (i64 i = 0; i < wide; ++i) sums[i] = COMBINE(sums[i], x[i]);                  \
        }                                                                                                              \
    }                                                                                                                  \
    /* The table (outer, pieces, inner) over its pieces. */                                                            \
    static void name##_pieces(reduce_t *c)                                                                             \
    {                                                                                                                  \
        for (i64 o = 0; o < c->outer; ++o)                                                                             \
            for (i64 left = 0; left < c->inner; left += 256) {                                                         \
                i64 wide = left + 256 < c->inner ? 256 : c->inner - left;                                              \
                const f32 *row = c->table + o * c->pieces * c->inner + left;                                           \
                total_t total[256];                                                                                    \
                for (i64 i = 0; i < wide; ++i) total[i] = first;                                                       \
                for (i64 k = 0; k < c->pieces; ++k, row += c->inner)                                                   \
                    for (i64 i = 0; i < wide; ++i) total[i] = COMBINE(total[i], (total_t)row[i]);                      \
                for (i64 i = 0; i < wide; ++i) c->out[o * c->inner + left + i] = (f32)total[i];                        \
            }                                                                                                          \
    }                                                                                                                  \
    void name(i64 x, i64 out, i64 outer, i64 n, i64 inner)                                                             \
    {                                                                                                                  \
        reduce_t c = {.x = DATA(x), .out = DATA(out), .outer = outer, .n = n, .inner = inner};                         \
        i64 piece = inner == 1 ? (n >= 2 * ROW_PIECE ? ROW_PIECE : n) : ROWS;                                          \
        c.pieces = (n + piece - 1) / piece;                                                                            \
        c.tiles = (inner + WIDE - 1) / WIDE;                                                                           \
        c.table = c.pieces == 1 ? c.out : malloc(outer * c.pieces * inner * sizeof(f32));                              \
        i64 work = outer * c.pieces * c.tiles, elements = outer * n * inner / work;                                    \
        in_parts(inner == 1 ? name##_rows : name##_columns, &c, work, 1 + GRAIN / (elements + 1), 1);                  \
        if (c.pieces > 1) { name##_pieces(&c); free(c.table); }                                                        \
    }

REDUCE(sum, ADD, 0.0f, f64)
REDUCE(amax, MAX, -INFINITY, f32)
REDUCE(amin, MIN, INFINITY, f32)

/* ---- the first place of the largest or smallest; NaN is larger and smaller than all numbers */

typedef struct { const f32 *x; f32 *best; i64 *at; i64 outer, n, inner, piece, pieces, tiles; } places_t;

#define TILE 64 /* columns side by side */
#define IS_MORE(a, b) (((a) > (b)) | (((a) != (a)) & ((b) == (b))))
#define IS_LESS(a, b) (((a) < (b)) | (((a) != (a)) & ((b) == (b))))

#define PLACES(name, IS_BETTER, last)                                                                                  \
    static void name##_rows(void *context, i64 from, i64 to)                                                           \
    {                                                                                                                  \
        places_t *c = context;                                                                                         \
        for (i64 k = from; k < to; ++k) {                                                                              \
            i64 start = k % c->pieces * c->piece, n = start + c->piece < c->n ? c->piece : c->n - start, i = 0;        \
            const f32 *x = c->x + k / c->pieces * c->n + start;                                                        \
            f32 best[LANES];                                                                                           \
            i32 at[LANES], first = 0;                                                                                  \
            EACH_LANE { best[l] = last; at[l] = l; }                                                                   \
            for (; i + LANES <= n; i += LANES)                                                                         \
                EACH_LANE {                                                                                            \
                    i32 takes = IS_BETTER(x[i + l], best[l]);                                                          \
                    best[l] = takes ? x[i + l] : best[l];                                                              \
                    at[l] = takes ? (i32)i + l : at[l];                                                                \
                }                                                                                                      \
            for (int l = 0; i + l < n; ++l)                                                                            \
                if (IS_BETTER(x[i + l], best[l])) { best[l] = x[i + l]; at[l] = (i32)i + l; }                          \
            for (int l = 1; l < LANES && l < n; ++l)                                                                   \
                if (IS_BETTER(best[l], best[first]) || (!IS_BETTER(best[first], best[l]) && at[l] < at[first])) first = l; \
            c->best[k] = best[first];                                                                                  \
            c->at[k] = start + at[first];                                                                              \
        }                                                                                                              \
    }                                                                                                                  \
    static void name##_columns(void *context, i64 from, i64 to)                                                        \
    {                                                                                                                  \
        places_t *c = context;                                                                                         \
        for (i64 k = from; k < to; ++k) {                                                                              \
            i64 left = k % c->tiles * TILE, wide = left + TILE < c->inner ? TILE : c->inner - left;                    \
            i64 row = k / c->tiles, top = row % c->pieces * c->piece;                                                  \
            i64 rows = top + c->piece < c->n ? c->piece : c->n - top;                                                  \
            const f32 *x = c->x + (row / c->pieces * c->n + top) * c->inner + left;                                    \
            f32 best[TILE];                                                                                            \
            i32 at[TILE] = {0};                                                                                        \
            for (i64 i = 0; i < wide; ++i) best[i] = last;                                                             \
            for (i64 r = 0; r < rows; ++r, x += c->inner)                                                              \
                for (i64 i = 0; i < wide; ++i) {                                                                       \
                    i32 takes = IS_BETTER(x[i], best[i]);                                                              \
                    best[i] = takes ? x[i] : best[i];                                                                  \
                    at[i] = takes ? (i32)r : at[i];                                                                    \
                }                                                                                                      \
            for (i64 i = 0; i < wide; ++i) {                                                                           \
                c->best[row * c->inner + left + i] = best[i];                                                          \
                c->at[row * c->inner + left + i] = top + at[i];                                                        \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    /* 0 for want of memory. */                                                                                        \
    int name(i64 x, i64 out, i64 outer, i64 n, i64 inner)                                                              \
    {                                                                                                                  \
        places_t c = {.x = DATA(x), .outer = outer, .n = n, .inner = inner, .piece = inner == 1 ? ROW_PIECE : ROWS};   \
        i64 *found = DATA(out);                                                                                        \
        c.pieces = (n + c.piece - 1) / c.piece;                                                                        \
        c.tiles = inner == 1 ? 1 : (inner + TILE - 1) / TILE;                                                          \
        i64 size = outer * c.pieces * inner, work = outer * c.pieces * c.tiles;                                        \
        c.at = malloc(size * (sizeof(i64) + sizeof(f32)));                                                             \
        if (!c.at) return 0;                                                                                           \
        c.best = (f32 *)(c.at + size);                                                                                 \
        in_parts(inner == 1 ? name##_rows : name##_columns, &c, work, 1 + GRAIN / (outer * n * inner / work + 1), 1);  \
        for (i64 o = 0; o < outer; ++o)                                                                                \
            for (i64 i = 0; i < inner; ++i) {                                                                          \
                i64 first = o * c.pieces * inner + i, k = first;                                                       \
                for (i64 piece = 1; piece < c.pieces; ++piece)                                                         \
                    if (IS_BETTER(c.best[first + piece * inner], c.best[k])) k = first + piece * inner;                \
                found[o * inner + i] = c.at[k];                                                                        \
            }                                                                                                          \
        free(c.at);                                                                                                    \
        return 1;                                                                                                      \
    }

PLACES(argmax, IS_MORE, -INFINITY)
PLACES(argmin, IS_LESS, INFINITY)
