/* Dot-product attention in float32, and its gradient, by heads and blocks of queries: the scores of some queries lie in memory of
their thread until they are used, so the table of weights, queries by keys, is never made.

Products are tiles in registers. Keys are packed once a head, in panels of COLUMNS keys; queries and scores lie in rows STEP apart, chunks of
KEYS columns, from where tiles take them as factors, rows or columns, without packing: STEP is known when this is compiled. */
#include <math.h>
#include <stdatomic.h>

#define KEYS 128              /* of a chunk, or features */
#define STEP (KEYS + LANES)   /* no power of two: rows would lie on each other in the cache */
#define QUERIES 128           /* of a part of the work */
#define LINES 48              /* queries of a block of the gradient: what lies between its products is as large as the first cache */
#define FEW 4                 /* queries, fewer than which read keys too seldom to pack them */
#define FAR 1024              /* keys, more than which are not in the first caches: more queries read them at a time */
#define LOWEST -87.0f         /* e^x is 0 below: a weight of 1e-38 */

typedef struct { i64 outer, inner, row, column; } layout_t; /* steps in elements, 0 along dimensions of one */

/* Heads are counted by two dimensions, of which `inner` is the size of the second. */
typedef struct {
    void *part; /* `attention_part` or its gradient's, which programs call without their names */
    i64 heads, inner, queries, keys, width, value_width, mask_is_bool, is_causal;
    f64 scale;
    i64 mask_from; /* the first of the mask, in elements */
    layout_t query, key, value, mask, output, g, to_query, to_key, to_value; /* columns of those that are written are 1 apart */
} attention_t;

/* `logsumexp`, `to_logsumexp` (one for each query) and `weights` (queries, keys) have no gaps. 0: there is none, or it is not wanted. */
typedef struct {
    const f32 *query, *key, *value;
    const void *mask;
    f32 *output, *logsumexp, *weights;
} forward_t;

typedef struct {
    const f32 *query, *key, *value;
    const void *mask;
    const f32 *g, *to_logsumexp, *output, *logsumexp;
    f32 *to_query, *to_key, *to_value;
} back_t;

int (*gemm)(long m, long n, long depth, const f32 *a, long ai, long ak, const f32 *b, long bk, long bj, f32 *c, long ci); /* set when the unit is loaded */

#define EACH_LANE _Pragma("GCC ivdep") for (int l = 0; l < LANES; ++l)
#define LEAST(a, b) ((a) < (b) ? (a) : (b))
#define WHOLE(n, of) (((n) + (of) - 1) / (of) * (of))

typedef int bits __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

static i64 place(const attention_t *c, const layout_t *x, i64 head) { return head / c->inner * x->outer + head % c->inner * x->inner; }

/* Memory of the thread, for n floats from a cache line on; 0: there is none. */
static f32 *room(i64 n)
{
    static _Thread_local void *memory;
    static _Thread_local i64 size;
    if (n > size) {
        free(memory);
        size = posix_memalign(&memory, 64, n * sizeof(f32)) ? 0 : n;
        if (!size) memory = 0;
    }
    return memory;
}

/* The next n floats, in whole cache lines. */
static f32 *taken(f32 **from, i64 n)
{
    f32 *found = *from;
    *from += WHOLE(n, 16);
    return found;
}

/* ---- factors and products */

#define IN_ROWS(n)                                                                    \
    case n:                                                                           \
        if (vecs > 1) tile(n, 2, depth, a, STEP, 1, b, next, LANES, c, ldc, adds);    \
        else tile(n, 1, depth, a, STEP, 1, b, next, LANES, c, ldc, adds);             \
        break;
#define IN_COLUMNS(n) case n: tile(n, 2, depth, a, 1, STEP, b, next, LANES, c, ldc, adds); break;

/* Rows of a chunk by a matrix, of which `vecs` vectors. */
static __attribute__((noinline)) void rows_tile(int rows, int vecs, long depth, const f32 *a, const f32 *b, long next, f32 *c, long ldc, int adds)
{
    switch (rows) { EACH_HEIGHT(IN_ROWS) }
}

/* Columns of a chunk by a matrix. */
static __attribute__((noinline)) void columns_tile(int rows, long depth, const f32 *a, const f32 *b, long next, f32 *c, long ldc, int adds)
{
    switch (rows) { EACH_HEIGHT(IN_COLUMNS) }
}

/* The most rows of a tile for n of them, so that all tiles are about as high. */
static i64 height(i64 n) { i64 tiles = (n + ROWS - 1) / ROWS; return (n + tiles - 1) / tiles; }

/* n rows (width) as panels of COLUMNS of them: [depth][COLUMNS] each. */
static void to_panels(i64 n, i64 width, const f32 *from, i64 row, i64 column, f32 *to)
{
    for (i64 j = 0; j < n; j += COLUMNS, to += COLUMNS * width)
        for (i64 x = 0; x < COLUMNS; x += LANES) {
            i64 some = n - j - x < 0 ? 0 : LEAST(n - j - x, LANES);
            const f32 *at = from + (j + x) * row;
            if (column == 1) pack_lines(width, some, at, row, to + x, COLUMNS);
            else
                for (i64 k = 0; k < width; ++k)
                    for (i64 l = 0; l < LANES; ++l) to[k * COLUMNS + x + l] = l < some ? at[l * row + k * column] : 0;
        }
}

/* n rows, `next` apart, of whole tiles' width, the rest of which is 0. */
static void to_rows(i64 n, i64 width, const f32 *restrict from, i64 row, i64 column, f32 scale, f32 *restrict to, i64 next)
{
    i64 whole = column == 1 ? width / LANES * LANES : 0;
    for (i64 k = 0; k < whole; k += LANES)
        for (i64 i = 0; i < n; ++i) *(vec *)(to + i * next + k) = *(const vec *)(from + i * row + k) * scale;
    for (i64 i = 0; whole < WHOLE(width, COLUMNS) && i < n; ++i)
        for (i64 k = whole; k < WHOLE(width, COLUMNS); ++k) to[i * next + k] = k < width ? from[i * row + k * column] * scale : 0;
}

/* n rows in chunks of KEYS features, of `lines` rows each. */
static void to_chunks(i64 n, i64 width, const f32 *from, i64 row, i64 column, f32 scale, f32 *to, i64 lines)
{
    for (i64 k = 0; k < width; k += KEYS, to += lines * STEP) to_rows(n, LEAST(KEYS, width - k), from + k * column, row, column, scale, to, STEP);
}

/* Floats of chunks of `lines` rows. */
static i64 chunks(i64 lines, i64 width) { return (width + KEYS - 1) / KEYS * lines * STEP; }

/* to (n, STEP), up to whole vectors = rows of chunks (lines, width) by panels of `keys`. */
static void scores_of(i64 n, i64 keys, i64 width, const f32 *rows, i64 lines, const f32 *panels, f32 *to)
{
    for (i64 j = 0; j < keys; j += COLUMNS, panels += COLUMNS * width)
        for (i64 k = 0; k < width; k += KEYS)
            rows_tile((int)n, keys - j > LANES ? 2 : 1, LEAST(KEYS, width - k), rows + k / KEYS * lines * STEP, panels + k * COLUMNS, COLUMNS, to + j, STEP, k > 0);
}

/* Rows of whole tiles' width as rows of `width`. */
static void from_rows(i64 n, i64 width, const f32 *restrict rows, f32 scale, f32 *restrict to, i64 row)
{
    i64 whole = width / LANES * LANES, wide = WHOLE(width, COLUMNS);
    for (i64 k = 0; k < whole; k += LANES)
        for (i64 i = 0; i < n; ++i) *(vec *)(to + i * row + k) = *(const vec *)(rows + i * wide + k) * scale;
    for (i64 i = 0; whole < width && i < n; ++i)
        for (i64 k = whole; k < width; ++k) to[i * row + k] = rows[i * wide + k] * scale;
}

/* Brings near where rows from .. from + n of a result will be written: stores wait for memory that is far. Inline, as GCC drops calls of
   what has no effect that it sees. */
INLINE void fetch(const attention_t *c, const f32 *to, const layout_t *x, i64 width, i64 head, i64 from, i64 n)
{
    to += place(c, x, head) + from * x->row;
    for (i64 i = 0; i < n; ++i, to += x->row)
        for (i64 k = 0; k < width; k += 16) __builtin_prefetch(to + k);
}

/* ---- scores and weights */

static i64 seen_by(const attention_t *c, i64 last_query) { return c->is_causal && last_query < c->keys ? last_query : c->keys; }

/* Scores of `query` and keys `from` .. `from + n`: masked; -inf where it may not look, and up to whole vectors. */
static void limit(const attention_t *c, const void *mask, i64 head, i64 query, i64 from, i64 n, f32 *s)
{
    i64 visible = seen_by(c, query + 1) - from, by = c->mask.column;
    visible = visible < 0 ? 0 : LEAST(visible, n);
    i64 start = c->mask_from + place(c, &c->mask, head) + query * c->mask.row + from * by;
    if (mask && c->mask_is_bool) {
        const char *bits = (const char *)mask + start;
        if (by == 1) for (i64 i = 0; i < visible; ++i) s[i] = bits[i] ? s[i] : -INFINITY;
        else for (i64 i = 0; i < visible; ++i) s[i] = bits[i * by] ? s[i] : -INFINITY;
    } else if (mask) {
        const f32 *more = (const f32 *)mask + start;
        if (by == 1) for (i64 i = 0; i < visible; ++i) s[i] += more[i];
        else for (i64 i = 0; i < visible; ++i) s[i] += more[i * by];
    }
    for (i64 i = visible; i < WHOLE(n, LANES); ++i) s[i] = -INFINITY;
}

/* The same for the rows of `queries` queries. */
static void limit_all(const attention_t *c, const void *mask, i64 head, i64 query, i64 queries, i64 from, i64 n, f32 *s)
{
    if (!mask && seen_by(c, query + 1) - from >= WHOLE(n, LANES)) return;
    for (i64 i = 0; i < queries; ++i) limit(c, mask, head, query + i, from, n, s + i * STEP);
}

/* e^x for x that are not above 0, but for rounding. */
INLINE f32 weight(f32 x)
{
    f32 e = exp_middle_f32(x < LOWEST ? LOWEST : x);
    return x < LOWEST ? 0.0f : e;
}

INLINE vec larger(vec a, vec b)
{
    bits is = (bits)(a > b);
    return (vec)(((bits)a & is) | ((bits)b & ~is));
}

INLINE vec sum(vec a, vec b) { return a + b; }

/* to[i] = all of x[i] folded into one. x is used up. */
#if TURNS
#define JOIN(fold, h)                                                                                     \
    _Pragma("GCC unroll 16")                                                                              \
    for (int i = 0; i < LANES; i += 2 * (h)) {                                                            \
        lanes low = x[i], high = x[i + (h)];                                                              \
        x[i] = fold(__builtin_shufflevector(low, high, LIST(FROM_LOW, h)), __builtin_shufflevector(low, high, LIST(FROM_HIGH, h))); \
    }
#if LANES == 16
#define JOINS(fold) JOIN(fold, 1) JOIN(fold, 2) JOIN(fold, 4) JOIN(fold, 8)
#elif LANES == 8
#define JOINS(fold) JOIN(fold, 1) JOIN(fold, 2) JOIN(fold, 4)
#else
#define JOINS(fold) JOIN(fold, 1) JOIN(fold, 2)
#endif
#define FOLDED(fold, x, to)                                                                               \
    do {                                                                                                  \
        JOINS(fold)                                                                                       \
        *(vec *)(to) = x[0];                                                                              \
    } while (0)
#else
#define FOLDED(fold, x, to)                                                                               \
    for (int i = 0; i < LANES; ++i) {                                                                     \
        vec all = x[i];                                                                                   \
        for (int l = 1; l < LANES; ++l) all = fold(all, (vec){0} + x[i][l]);                              \
        (to)[i] = all[0];                                                                                 \
    }
#endif

/* The largest of each of n rows of scores, whole vectors, and of `most`. */
static void most_of(i64 n, i64 keys, const f32 *s, f32 *most)
{
    vec x[LANES];
    for (i64 r = 0; r < LANES; ++r) x[r] = (vec){0} - INFINITY;
    for (i64 r = 0; r < n; ++r, s += STEP)
        for (i64 i = 0; i < keys; i += LANES) x[r] = larger(*(const vec *)(s + i), x[r]);
    f32 found[LANES];
    FOLDED(larger, x, found);
    *(vec *)most = larger(*(const vec *)found, *(const vec *)most);
}

/* n rows of scores become weights, e^(s - most), and `totals` theirs more. */
static void weights_of(i64 n, i64 keys, f32 *s, const f32 *most, f32 *totals)
{
    vec x[LANES] = {0};
    for (i64 i = 0; i < keys; i += LANES, s += LANES) /* all rows at a time: their exponentials do not wait for each other */
        for (i64 r = 0; r < n; ++r) {
            f32 *to = s + r * STEP;
            EACH_LANE to[l] = weight(to[l] - most[r]);
            x[r] += *(const vec *)to;
        }
    f32 found[LANES];
    FOLDED(sum, x, found);
    *(vec *)totals += *(const vec *)found;
}

/* n rows of scores become weights, and `d`, gradients by those, gradients by scores. */
static void slopes_of(i64 n, i64 keys, f32 *w, f32 *d, const f32 *logsumexp, const f32 *levels)
{
    for (i64 i = 0; i < keys; i += LANES, w += LANES, d += LANES)
        for (i64 r = 0; r < n; ++r) {
            f32 *weights = w + r * STEP, *slopes = d + r * STEP;
            EACH_LANE { weights[l] = weight(weights[l] - logsumexp[r]); slopes[l] = (slopes[l] - levels[r]) * weights[l]; }
        }
}

/* ---- forward */

/* Memory that a thread needs, and what lies in it. */
typedef struct { f32 *panels, *values, *rows, *scores; i64 lines; } forward_room_t;

static int forward_room(const attention_t *c, forward_room_t *r)
{
    i64 keys = WHOLE(c->keys, COLUMNS);
    r->lines = c->keys > FAR ? 4 * ROWS : ROWS;
    i64 all = keys * (c->width + WHOLE(c->value_width, COLUMNS)) + chunks(r->lines, c->width) + chunks(r->lines, c->keys) + 5 * 16;
    f32 *memory = room(all);
    if (!memory) return 0;
    r->panels = taken(&memory, keys * c->width);
    r->values = taken(&memory, keys * WHOLE(c->value_width, COLUMNS));
    r->rows = taken(&memory, chunks(r->lines, c->width));
    r->scores = taken(&memory, chunks(r->lines, c->keys));
    return 1;
}

/* Queries from .. from + n of a head, n of at most `lines`. */
static void attend(const attention_t *c, const forward_t *s, const forward_room_t *r, const f32 *values, i64 next, i64 head, i64 from, i64 n)
{
    i64 seen = seen_by(c, from + n), high = height(n), row = head * c->queries + from, wide = c->value_width;
    const f32 *query = s->query + place(c, &c->query, head) + from * c->query.row, *key = s->key + place(c, &c->key, head);
    if (c->queries >= FEW) to_chunks(n, c->width, query, c->query.row, c->query.column, (f32)c->scale, r->rows, r->lines);
    else to_rows(n, c->width, query, c->query.row, c->query.column, (f32)c->scale, r->rows, WHOLE(c->width, COLUMNS));
    fetch(c, s->output, &c->output, wide, head, from, n);
    f32 most[4 * ROWS + LANES], totals[4 * ROWS + LANES], factor[4 * ROWS + LANES];
    for (i64 i = 0; i < n + LANES; ++i) most[i] = -INFINITY, totals[i] = 0;
    for (i64 k = 0; k < seen; k += KEYS) {
        i64 keys = LEAST(KEYS, seen - k);
        f32 *scores = r->scores + k / KEYS * r->lines * STEP;
        for (i64 i = 0; c->queries >= FEW && i < n; i += high)
            scores_of(LEAST(high, n - i), keys, c->width, r->rows + i * STEP, r->lines, r->panels + k * c->width, scores + i * STEP);
        if (c->queries < FEW) gemm(n, keys, c->width, r->rows, WHOLE(c->width, COLUMNS), 1, key + k * c->key.row, c->key.column, c->key.row, scores, STEP);
        limit_all(c, s->mask, head, from, n, k, keys, scores);
        for (i64 i = 0; i < n; i += high) most_of(LEAST(high, n - i), WHOLE(keys, LANES), scores + i * STEP, most + i);
    }
    for (i64 i = 0; i < n; ++i) most[i] = most[i] == -INFINITY ? 0 : most[i]; /* it sees nothing, unless there is NaN */
    for (i64 k = 0; k < seen; k += KEYS)
        for (i64 i = 0; i < n; i += high)
            weights_of(LEAST(high, n - i), WHOLE(LEAST(KEYS, seen - k), LANES), r->scores + (k / KEYS * r->lines + i) * STEP, most + i, totals + i);
    for (i64 i = 0; i < n; ++i) factor[i] = totals[i] == 0 ? 1 : 1 / totals[i];
    for (i64 i = 0; s->logsumexp && i < n; ++i) {
        f32 found = most[i] + log_f32(totals[i]);
        s->logsumexp[row + i] = totals[i] == 0 ? INFINITY : found;
    }
    for (i64 i = 0; s->weights && i < n; ++i) {
        f32 *to = s->weights + (row + i) * c->keys;
        for (i64 k = 0; k < seen; ++k) to[k] = r->scores[(k / KEYS * r->lines + i) * STEP + k % KEYS] * factor[i];
        for (i64 k = seen; k < c->keys; ++k) to[k] = 0;
    }
    for (i64 i = 0; i < n; i += high)
        for (i64 e = 0; e < wide; e += COLUMNS) {
            f32 sums[ROWS * COLUMNS], *to = s->output + place(c, &c->output, head) + (from + i) * c->output.row + e;
            i64 rows = LEAST(high, n - i), columns = LEAST(COLUMNS, wide - e);
            for (i64 k = 0; k < seen; k += KEYS)
                rows_tile((int)rows, 2, LEAST(KEYS, seen - k), r->scores + (k / KEYS * r->lines + i) * STEP, values + k * next + e, next, sums, COLUMNS, k > 0);
            for (i64 x = 0; x < rows; ++x, to += c->output.row)
                if (columns == COLUMNS) for (int l = 0; l < COLUMNS; ++l) to[l] = sums[x * COLUMNS + l] * factor[i + x];
                else for (i64 l = 0; l < columns; ++l) to[l] = sums[x * COLUMNS + l] * factor[i + x];
        }
}

static i64 parts_of_head(const attention_t *c) { return (c->queries + QUERIES - 1) / QUERIES; }

/* Parts `first` .. `last` of all heads' QUERIES at a time; 0 for want of memory. */
static int attention_forward(const attention_t *c, const forward_t *s, i64 first, i64 last)
{
    forward_room_t r;
    i64 parts = parts_of_head(c), packed = -1, is_plain = c->queries < FEW && c->value.column == 1 && c->value_width % COLUMNS == 0;
    if (first < last && !forward_room(c, &r)) return 0;
    for (i64 part = first; part < last; ++part) {
        i64 head = part / parts, from = part % parts * QUERIES, to = LEAST(from + QUERIES, c->queries);
        const f32 *key = s->key + place(c, &c->key, head), *value = s->value + place(c, &c->value, head);
        if (head != packed && c->queries >= FEW) to_panels(c->keys, c->width, key, c->key.row, c->key.column, r.panels);
        if (head != packed && !is_plain) to_rows(c->keys, c->value_width, value, c->value.row, c->value.column, 1, r.values, WHOLE(c->value_width, COLUMNS));
        packed = head;
        const f32 *values = is_plain ? value : r.values;
        i64 next = is_plain ? c->value.row : WHOLE(c->value_width, COLUMNS), lines = r.lines == ROWS ? height(to - from) : r.lines;
        for (i64 i = from; i < to; i += lines) attend(c, s, &r, values, next, head, i, LEAST(lines, to - i));
    }
    return 1;
}

/* ---- gradient */

typedef struct {
    f32 *key_panels, *value_panels, *keys, *to_key, *to_value; /* of a head */
    f32 *queries, *g, *weights, *slopes, *to_query;            /* of a block */
} back_room_t;

static int back_room(const attention_t *c, back_room_t *r)
{
    i64 keys = WHOLE(c->keys, COLUMNS), wide = WHOLE(c->width, COLUMNS), value_wide = WHOLE(c->value_width, COLUMNS);
    f32 *memory = room(keys * (c->width + c->value_width + 2 * wide + value_wide) + chunks(LINES, c->width) + chunks(LINES, c->value_width) + LINES * (2 * STEP + wide) + 10 * 16);
    if (!memory) return 0;
    r->key_panels = taken(&memory, keys * c->width);
    r->value_panels = taken(&memory, keys * c->value_width);
    r->keys = taken(&memory, keys * wide);
    r->to_key = taken(&memory, keys * wide);
    r->to_value = taken(&memory, keys * value_wide);
    r->queries = taken(&memory, chunks(LINES, c->width));
    r->g = taken(&memory, chunks(LINES, c->value_width));
    r->weights = taken(&memory, LINES * STEP);
    r->slopes = taken(&memory, LINES * STEP);
    r->to_query = taken(&memory, LINES * wide);
    return 1;
}

/* What is taken from the gradient by each weight of a query before it is that by the score; `g` has chunks of LINES rows. */
static void levels_of(const attention_t *c, const back_t *s, i64 head, i64 from, i64 n, const f32 *g, f32 *levels)
{
    i64 row = c->output.row, column = c->output.column, width = c->value_width, whole = column == 1 ? width / LANES * LANES : 0;
    const f32 *out = s->output + place(c, &c->output, head) + from * row;
    for (i64 i = 0; i < n; i += LANES) {
        vec x[LANES] = {0};
        for (i64 r = 0; r < LANES && i + r < n; ++r, out += row, g += STEP) {
            for (i64 k = 0; k < whole; k += LANES) x[r] += *(const vec *)(g + k / KEYS * LINES * STEP + k % KEYS) * *(const vec *)(out + k);
            for (i64 k = whole; k < width; ++k) x[r][k % LANES] += g[k / KEYS * LINES * STEP + k % KEYS] * out[k * column];
        }
        FOLDED(sum, x, levels + i);
    }
    for (i64 i = 0; s->to_logsumexp && i < n; ++i) levels[i] -= s->to_logsumexp[head * c->queries + from + i];
}

/* Weights and slopes of keys `k` .. `k + keys` for n queries of a tile, the first of which is `i` of the block that begins with query `from`. */
static void tile_slopes(const attention_t *c, const back_t *s, const back_room_t *r, i64 head, i64 from, i64 i, i64 n, i64 k, i64 keys, const f32 *levels)
{
    f32 *w = r->weights + i * STEP, *d = r->slopes + i * STEP;
    i64 whole = WHOLE(keys, LANES);
    scores_of(n, keys, c->width, r->queries + i * STEP, LINES, r->key_panels + k * c->width, w);
    scores_of(n, keys, c->value_width, r->g + i * STEP, LINES, r->value_panels + k * c->value_width, d);
    limit_all(c, s->mask, head, from + i, n, k, keys, w);
    slopes_of(n, whole, w, d, s->logsumexp + head * c->queries + from + i, levels + i);
    for (i64 x = 0; c->is_causal && x < n; ++x) *(vec *)(w + x * STEP + whole) = *(vec *)(d + x * STEP + whole) = (vec){0}; /* tiles of columns read on */
}

/* to (keys, of whole tiles' width) += columns of a block's queries `first` .. n, `keys` of them, by the chunks of `rows` (LINES, width). */
static void add_columns(i64 keys, i64 first, i64 n, const f32 *columns, i64 width, const f32 *rows, f32 *to)
{
    i64 wide = WHOLE(width, COLUMNS);
    for (i64 e = 0; e < wide; e += COLUMNS)
        columns_tile((int)keys, n - first, columns + first * STEP, rows + (e / KEYS * LINES + first) * STEP + e % KEYS, STEP, to + e, wide, 1);
}

/* The same for a head's gradients. */
INLINE void fetch_back(const attention_t *c, const back_t *s, i64 head, i64 from, i64 n)
{
    if (s->to_query) fetch(c, s->to_query, &c->to_query, c->width, head, from, n);
    if (s->to_key) fetch(c, s->to_key, &c->to_key, c->width, head, from, LEAST(n, c->keys - from));
    if (s->to_value) fetch(c, s->to_value, &c->to_value, c->value_width, head, from, LEAST(n, c->keys - from));
}

/* Queries from .. from + n of a head, n of at most LINES. */
static void attend_back(const attention_t *c, const back_t *s, const back_room_t *r, i64 head, i64 from, i64 n)
{
    i64 seen = seen_by(c, from + n), high = height(n), wide = WHOLE(c->width, COLUMNS), value_wide = WHOLE(c->value_width, COLUMNS);
    to_chunks(n, c->width, s->query + place(c, &c->query, head) + from * c->query.row, c->query.row, c->query.column, (f32)c->scale, r->queries, LINES);
    to_chunks(n, c->value_width, s->g + place(c, &c->g, head) + from * c->g.row, c->g.row, c->g.column, 1, r->g, LINES);
    f32 levels[LINES + LANES];
    levels_of(c, s, head, from, n, r->g, levels);
    for (i64 k = 0; k < seen; k += KEYS) {
        i64 keys = LEAST(KEYS, seen - k), key_high = height(keys);
        for (i64 i = 0; i < n; i += high) {
            i64 rows = LEAST(high, n - i), some = LEAST(keys, seen_by(c, from + i + rows) - k);
            if (some <= 0) continue;
            if (!k) fetch_back(c, s, head, from + i, rows);
            tile_slopes(c, s, r, head, from, i, rows, k, some, levels);
            for (i64 e = 0; s->to_query && e < wide; e += COLUMNS)
                rows_tile((int)rows, 2, some, r->slopes + i * STEP, r->keys + k * wide + e, wide, r->to_query + i * wide + e, wide, k > 0);
        }
        for (i64 j = 0; j < keys; j += key_high) {
            i64 some = LEAST(key_high, keys - j), first = c->is_causal && k + j > from ? k + j - from : 0; /* query that sees them */
            if (first >= n) break;
            if (s->to_key) add_columns(some, first, n, r->slopes + j, c->width, r->queries, r->to_key + (k + j) * wide);
            if (s->to_value) add_columns(some, first, n, r->weights + j, c->value_width, r->g, r->to_value + (k + j) * value_wide);
        }
    }
    if (s->to_query) from_rows(n, c->width, r->to_query, (f32)c->scale, s->to_query + place(c, &c->to_query, head) + from * c->to_query.row, c->to_query.row);
}

/* Whole heads: sums over queries are those of one thread. 0 for want of memory. */
static int attention_back(const attention_t *c, const back_t *s, i64 first, i64 last)
{
    back_room_t r;
    if (first < last && !back_room(c, &r)) return 0;
    for (i64 head = first; head < last; ++head) {
        const f32 *key = s->key + place(c, &c->key, head), *value = s->value + place(c, &c->value, head);
        to_panels(c->keys, c->width, key, c->key.row, c->key.column, r.key_panels);
        to_panels(c->keys, c->value_width, value, c->value.row, c->value.column, r.value_panels);
        if (s->to_query) to_rows(c->keys, c->width, key, c->key.row, c->key.column, 1, r.keys, WHOLE(c->width, COLUMNS));
        memset(r.to_key, 0, c->keys * WHOLE(c->width, COLUMNS) * sizeof(f32));
        memset(r.to_value, 0, c->keys * WHOLE(c->value_width, COLUMNS) * sizeof(f32));
        for (i64 from = 0; from < c->queries; from += LINES) attend_back(c, s, &r, head, from, LEAST(LINES, c->queries - from));
        if (s->to_key) from_rows(c->keys, c->width, r.to_key, 1, s->to_key + place(c, &c->to_key, head), c->to_key.row);
        if (s->to_value) from_rows(c->keys, c->value_width, r.to_value, 1, s->to_value + place(c, &c->to_value, head), c->to_value.row);
    }
    return 1;
}

/* ---- in a program whose threads all call it: this thread's part, from `begin` to `end` of `whole`. Ends without waiting for the others. */

static i64 cut(i64 n, i64 at, i64 whole) { return (2 * n * at + whole) / (2 * whole); }

int attention_part(const attention_t *c, void **slots, i64 begin, i64 end, i64 whole)
{
    i64 parts = c->heads * parts_of_head(c);
    return !attention_forward(c, (const forward_t *)slots, cut(parts, begin, whole), cut(parts, end, whole));
}

int attention_back_part(const attention_t *c, void **slots, i64 begin, i64 end, i64 whole)
{
    return !attention_back(c, (const back_t *)slots, cut(c->heads, begin, whole), cut(c->heads, end, whole));
}
