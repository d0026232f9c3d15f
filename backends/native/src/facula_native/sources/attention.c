/* Attention of NumPy arrays on the pool's threads, by what compiled programs have for theirs. */

#include "facula/graph/runtime/tile.c"
#include "facula/graph/runtime/attention.c"

static layout_t layout_of(i64 object, i64 itemsize)
{
    layout_t x = {0};
    if (!object) return x;
    const array_t *a = ARRAY(object);
    i64 *steps[] = {&x.column, &x.row, &x.inner, &x.outer};
    for (int i = 0; i < a->nd; ++i)
        if (a->dims[a->nd - 1 - i] > 1) *steps[i] = a->strides[a->nd - 1 - i] / itemsize;
    return x;
}

static i64 size_of(i64 object, int from_end)
{
    const array_t *a = ARRAY(object);
    return a->nd < from_end ? 1 : a->dims[a->nd - from_end];
}

static attention_t of(i64 query, i64 key, i64 value, i64 mask, i64 output, i64 mask_is_bool, i64 is_causal, f64 scale)
{
    attention_t c = {.query = layout_of(query, 4), .key = layout_of(key, 4), .value = layout_of(value, 4), .output = layout_of(output, 4),
                     .mask = layout_of(mask, mask_is_bool ? 1 : 4), .mask_is_bool = mask_is_bool, .is_causal = is_causal, .scale = scale,
                     .inner = size_of(query, 3), .heads = size_of(query, 3) * size_of(query, 4), .queries = size_of(query, 2),
                     .keys = size_of(key, 2), .width = size_of(query, 1), .value_width = size_of(value, 1)};
    return c;
}

typedef struct { attention_t shape; forward_t forward; back_t back; atomic_int failed; } call_t;

static void some_forward(void *context, i64 first, i64 last)
{
    call_t *call = context;
    if (!attention_forward(&call->shape, &call->forward, first, last)) call->failed = 1;
}

static void some_back(void *context, i64 first, i64 last)
{
    call_t *call = context;
    if (!attention_back(&call->shape, &call->back, first, last)) call->failed = 1;
}

/* Parts that are worth a thread. */
static i64 grain(const attention_t *c, i64 queries) { return 1 + 200000 / (queries * c->keys * (c->width + c->value_width + 16)); }

/* ---- what Python calls: 0 for want of memory */

/* `weights` and `logsumexp` may be 0. */
int attention(i64 query, i64 key, i64 value, i64 mask, i64 out, i64 logsumexp, i64 weights, i64 mask_is_bool, i64 is_causal, f64 scale)
{
    call_t call = {.shape = of(query, key, value, mask, out, mask_is_bool, is_causal, scale),
                   .forward = {DATA(query), DATA(key), DATA(value), DATA(mask), DATA(out), DATA(logsumexp), DATA(weights)}};
    const attention_t *c = &call.shape;
    in_parts(some_forward, &call, c->heads * parts_of_head(c), grain(c, LEAST(c->queries, QUERIES)), 1);
    return !call.failed;
}

/* `to_logsumexp`, and results that nobody wants, may be 0. */
int attention_gradient(i64 g, i64 to_logsumexp, i64 query, i64 key, i64 value, i64 mask, i64 output, i64 logsumexp, i64 to_query, i64 to_key,
                       i64 to_value, i64 mask_is_bool, i64 is_causal, f64 scale)
{
    call_t call = {.shape = of(query, key, value, mask, output, mask_is_bool, is_causal, scale),
                   .back = {DATA(query), DATA(key), DATA(value), DATA(mask), DATA(g), DATA(to_logsumexp), DATA(output), DATA(logsumexp),
                            DATA(to_query), DATA(to_key), DATA(to_value)}};
    attention_t *c = &call.shape;
    c->g = layout_of(g, 4), c->to_query = layout_of(to_query, 4), c->to_key = layout_of(to_key, 4), c->to_value = layout_of(to_value, 4);
    in_parts(some_back, &call, c->heads, grain(c, c->queries), 1);
    return !call.failed;
}
