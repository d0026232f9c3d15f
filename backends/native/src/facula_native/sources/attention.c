/* Attention by heads and blocks of queries. The scores of a block lie in memory of its thread: the table of all is never made,
   unless the caller wants it. */

#include "lanes.h"
#include "gemm.h"

#define CELLS (1 << 15)  /* scores of a block: 128 KiB, which stay in the cache */
#define FEWEST_QUERIES 8 /* of a block, however many keys there are */
#define MOST_QUERIES 256

/* Matrices of all heads, which are counted by two dimensions; steps in elements, 0 along dimensions of one: masks are repeated. */
typedef struct { const char *at; i64 outer, inner, row, column; } table_t;

typedef struct {
    table_t query, key, value, mask, g;
    i64 heads, inner, queries, keys, width, value_width, lines; /* lines: queries of a block */
    f32 *out, *logsumexp, *weights, *to_query, *to_key, *to_value;
    const f32 *level; /* of the gradient: what is taken from that by a weight, for each query */
    int mask_is_bool, is_causal;
    f32 scale;
    atomic_int failed;
} attention_t;

static table_t table_of(i64 object, i64 itemsize)
{
    table_t t = {0};
    if (!object) return t;
    const array_t *a = ARRAY(object);
    i64 *steps[] = {&t.column, &t.row, &t.inner, &t.outer};
    for (int i = 0; i < a->nd; ++i)
        if (a->dims[a->nd - 1 - i] > 1) *steps[i] = a->strides[a->nd - 1 - i] / itemsize;
    t.at = a->data;
    return t;
}

static i64 size_of(i64 object, int from_end)
{
    const array_t *a = ARRAY(object);
    return a->nd < from_end ? 1 : a->dims[a->nd - from_end];
}

static i64 place(const attention_t *c, const table_t *t, i64 head) { return head / c->inner * t->outer + head % c->inner * t->inner; }
static const f32 *floats(const attention_t *c, const table_t *t, i64 head) { return (const f32 *)t->at + place(c, t, head); }

/* Memory of the thread, for n floats; 0: there is none. */
static f32 *room(i64 n)
{
    static _Thread_local f32 *memory;
    static _Thread_local i64 size;
    if (n > size) {
        free(memory);
        memory = malloc(n * sizeof(f32));
        size = memory ? n : 0;
    }
    return memory;
}

static i64 seen_by(const attention_t *c, i64 last_query) { return c->is_causal && last_query < c->keys ? last_query : c->keys; }

/* Scores (to - from, seen) of some queries of a head: scaled, masked, -inf where a query may not look. */
static int scores_of(const attention_t *c, i64 head, i64 from, i64 to, i64 seen, f32 *scores, i64 step)
{
    const table_t *q = &c->query, *k = &c->key, *m = &c->mask;
    f32 scale = c->scale;
    if (!gemm(to - from, seen, c->width, floats(c, q, head) + from * q->row, q->row, q->column, floats(c, k, head), k->column, k->row, scores, step)) return 0;
    for (i64 r = from; r < to; ++r) {
        f32 *s = scores + (r - from) * step;
        i64 visible = seen_by(c, r + 1), by = m->column, start = m->at ? place(c, m, head) + r * m->row : 0;
        if (visible > seen) visible = seen;
        if (m->at && c->mask_is_bool) {
            const char *bits = m->at + start;
            if (by == 1) for (i64 i = 0; i < visible; ++i) s[i] = bits[i] ? s[i] * scale : -INFINITY;
            else for (i64 i = 0; i < visible; ++i) s[i] = bits[i * by] ? s[i] * scale : -INFINITY;
        } else if (m->at) {
            const f32 *more = (const f32 *)m->at + start;
            if (by == 1) for (i64 i = 0; i < visible; ++i) s[i] = s[i] * scale + more[i];
            else for (i64 i = 0; i < visible; ++i) s[i] = s[i] * scale + more[i * by];
        } else
            for (i64 i = 0; i < visible; ++i) s[i] *= scale;
        for (i64 i = visible; i < seen; ++i) s[i] = -INFINITY;
    }
    return 1;
}

static void forward(void *context, i64 first, i64 last)
{
    attention_t *c = context;
    i64 blocks = (c->queries + c->lines - 1) / c->lines, wide = c->value_width;
    for (i64 k = first; k < last; ++k) {
        i64 head = k / blocks, from = k % blocks * c->lines, to = from + c->lines < c->queries ? from + c->lines : c->queries;
        i64 seen = seen_by(c, to), step = c->weights ? c->keys : seen, row = head * c->queries + from;
        f32 *scores = c->weights ? c->weights + row * c->keys : room((to - from) * seen), *out = c->out + row * wide;
        if (!scores || !scores_of(c, head, from, to, seen, scores, step)) { c->failed = 1; return; }
        f32 factor[to - from];
        for (i64 r = 0; r < to - from; ++r) {
            f32 *s = scores + r * step, most = row_max(s, seen);
            if (most == -INFINITY) most = 0; /* it sees nothing, unless there is NaN */
            SUM(total, seen, s[i] = exp_f32(s[i] - most))
            if (c->logsumexp) c->logsumexp[row + r] = total == 0 ? INFINITY : most + log_f32((f32)total);
            factor[r] = total == 0 ? 1 : (f32)(1 / total);
            if (!c->weights) continue;
            OVER(0, seen, s[i] *= factor[r]);
            factor[r] = 1;
            for (i64 i = seen; i < c->keys; ++i) s[i] = 0;
        }
        const table_t *v = &c->value;
        if (!gemm(to - from, wide, seen, scores, step, 1, floats(c, v, head), v->row, v->column, out, wide)) c->failed = 1;
        for (i64 r = 0; r < to - from; ++r, out += wide)
            if (factor[r] != 1) OVER(0, wide, out[i] *= factor[r]);
    }
}

static void add(f32 *to, const f32 *x, i64 n, f32 scale) { OVER(0, n, to[i] += x[i] * scale); }

/* Whole heads: sums over queries are those of one thread. */
static void backward(void *context, i64 first, i64 last)
{
    attention_t *c = context;
    const table_t *q = &c->query, *k = &c->key, *v = &c->value, *g = &c->g;
    i64 most = c->keys * (c->width > c->value_width ? c->width : c->value_width);
    for (i64 head = first; head < last; ++head) {
        f32 *scores = room(2 * c->lines * c->keys + most), *slopes = scores + c->lines * c->keys, *sums = slopes + c->lines * c->keys;
        if (!scores) { c->failed = 1; return; }
        f32 *to_key = c->to_key ? c->to_key + head * c->keys * c->width : 0;
        f32 *to_value = c->to_value ? c->to_value + head * c->keys * c->value_width : 0;
        if (to_key) memset(to_key, 0, c->keys * c->width * sizeof(f32));
        if (to_value) memset(to_value, 0, c->keys * c->value_width * sizeof(f32));
        for (i64 from = 0; from < c->queries; from += c->lines) {
            i64 to = from + c->lines < c->queries ? from + c->lines : c->queries, n = to - from, seen = seen_by(c, to), row = head * c->queries + from;
            const f32 *gs = floats(c, g, head) + from * g->row, *qs = floats(c, q, head) + from * q->row;
            int fine = scores_of(c, head, from, to, seen, scores, seen);
            fine &= gemm(n, seen, c->value_width, gs, g->row, g->column, floats(c, v, head), v->column, v->row, slopes, seen);
            for (i64 r = 0; r < n; ++r) {
                f32 *s = scores + r * seen, *d = slopes + r * seen, sum = c->logsumexp[row + r], level = c->level[row + r];
                OVER(0, seen, s[i] = exp_f32(s[i] - sum); d[i] = (d[i] - level) * s[i]);
            }
            if (to_value) {
                fine &= gemm(seen, c->value_width, n, scores, 1, seen, gs, g->row, g->column, sums, c->value_width);
                add(to_value, sums, seen * c->value_width, 1);
            }
            if (to_key) {
                fine &= gemm(seen, c->width, n, slopes, 1, seen, qs, q->row, q->column, sums, c->width);
                add(to_key, sums, seen * c->width, c->scale);
            }
            if (c->to_query) {
                f32 *out = c->to_query + row * c->width;
                fine &= gemm(n, c->width, seen, slopes, seen, 1, floats(c, k, head), k->row, k->column, out, c->width);
                OVER(0, n * c->width, out[i] *= c->scale);
            }
            if (!fine) c->failed = 1;
        }
    }
}

static attention_t of(i64 query, i64 key, i64 value, i64 mask, i64 mask_is_bool, i64 is_causal, f64 scale)
{
    attention_t c = {.query = table_of(query, 4), .key = table_of(key, 4), .value = table_of(value, 4), .mask = table_of(mask, mask_is_bool ? 1 : 4),
                     .inner = size_of(query, 3), .heads = size_of(query, 3) * size_of(query, 4), .queries = size_of(query, 2), .keys = size_of(key, 2),
                     .width = size_of(query, 1), .value_width = size_of(value, 1), .mask_is_bool = (int)mask_is_bool, .is_causal = (int)is_causal, .scale = (f32)scale};
    i64 lines = CELLS / c.keys;
    lines = lines < FEWEST_QUERIES ? FEWEST_QUERIES : lines > MOST_QUERIES ? MOST_QUERIES : lines;
    c.lines = lines < c.queries ? lines : c.queries;
    return c;
}

/* ---- what Python calls: 0 for want of memory */

/* `weights`, or else `logsumexp`, may be 0. */
int attention(i64 query, i64 key, i64 value, i64 mask, i64 out, i64 logsumexp, i64 weights, i64 mask_is_bool, i64 is_causal, f64 scale)
{
    attention_t c = of(query, key, value, mask, mask_is_bool, is_causal, scale);
    c.out = DATA(out), c.logsumexp = DATA(logsumexp), c.weights = DATA(weights);
    i64 blocks = (c.queries + c.lines - 1) / c.lines, work = c.lines * c.keys * (c.width + c.value_width + 16);
    in_parts(forward, &c, c.heads * blocks, 1 + 200000 / work, 1);
    return !c.failed;
}

/* Results may be 0 that nobody wants. */
int attention_gradient(i64 g, i64 query, i64 key, i64 value, i64 mask, i64 level, i64 logsumexp, i64 to_query, i64 to_key, i64 to_value,
                       i64 mask_is_bool, i64 is_causal, f64 scale)
{
    attention_t c = of(query, key, value, mask, mask_is_bool, is_causal, scale);
    c.g = table_of(g, 4), c.level = DATA(level), c.logsumexp = DATA(logsumexp);
    c.to_query = DATA(to_query), c.to_key = DATA(to_key), c.to_value = DATA(to_value);
    in_parts(backward, &c, c.heads, 1 + 200000 / (c.queries * c.keys * (c.width + c.value_width + 16)), 1);
    return !c.failed;
}
