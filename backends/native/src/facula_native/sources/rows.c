/* Rows of neighbours: softmax, layer norm and RMS norm. A row is read from memory once or twice; what is needed again lies in
   the cache. */

#include "lanes.h"
#include "builtin.h"
#define GRAIN 4096 /* elements that are worth a thread */

typedef struct { const f32 *x, *g, *mean, *rstd, *w, *b; f32 *out, *mean_out, *rstd_out, *to_weight, *to_bias; i64 n; f32 eps; } rows_t;

static void softmax_rows(void *context, i64 from, i64 to)
{
    rows_t *c = context;
    i64 n = c->n;
    for (i64 r = from; r < to; ++r) {
        const f32 *x = c->x + r * n;
        f32 *out = c->out + r * n, most = row_max(x, n);
        SUM(total, n, out[i] = exp_f32(x[i] - most))
        f32 scale = (f32)(1.0 / total);
        OVER(0, n, out[i] *= scale);
    }
}

static void softmax_gradient_rows(void *context, i64 from, i64 to)
{
    rows_t *c = context;
    i64 n = c->n;
    for (i64 r = from; r < to; ++r) {
        const f32 *g = c->g + r * n, *y = c->x + r * n;
        f32 *out = c->out + r * n;
        SUM(total, n, g[i] * y[i])
        f32 dot = (f32)total;
        OVER(0, n, out[i] = y[i] * (g[i] - dot));
    }
}

static void log_softmax_rows(void *context, i64 from, i64 to)
{
    rows_t *c = context;
    i64 n = c->n;
    for (i64 r = from; r < to; ++r) {
        const f32 *x = c->x + r * n;
        f32 *out = c->out + r * n, most = row_max(x, n);
        SUM(total, n, exp_f32(x[i] - most))
        f32 shift = log_f32((f32)total);
        OVER(0, n, out[i] = (x[i] - most) - shift);
    }
}

static void log_softmax_gradient_rows(void *context, i64 from, i64 to)
{
    rows_t *c = context;
    i64 n = c->n;
    for (i64 r = from; r < to; ++r) {
        const f32 *g = c->g + r * n, *y = c->x + r * n;
        f32 *out = c->out + r * n;
        SUM(total, n, g[i])
        f32 sum = (f32)total;
        OVER(0, n, out[i] = g[i] - exp_f32(y[i]) * sum);
    }
}

static void layer_norm_rows(void *context, i64 from, i64 to)
{
    rows_t *c = context;
    i64 n = c->n;
    for (i64 r = from; r < to; ++r) {
        const f32 *x = c->x + r * n, *w = c->w, *b = c->b;
        f32 *out = c->out + r * n;
        SUM(total, n, x[i])
        f32 mean = (f32)(total / n);
        SUM(squares, n, (x[i] - mean) * (x[i] - mean))
        f32 rstd = 1.0f / sqrtf((f32)(squares / n) + c->eps);
        if (w && b) OVER(0, n, out[i] = (x[i] - mean) * rstd * w[i] + b[i]);
        else if (w) OVER(0, n, out[i] = (x[i] - mean) * rstd * w[i]);
        else if (b) OVER(0, n, out[i] = (x[i] - mean) * rstd + b[i]);
        else OVER(0, n, out[i] = (x[i] - mean) * rstd);
        c->mean_out[r] = mean;
        c->rstd_out[r] = rstd;
    }
}

/* Rows in groups of ROWS_A_SUM: their sums by column are added to a table of the group's own, so that the result does not
   depend on the threads. */
#define ROWS_A_SUM 64

static void layer_norm_gradient_groups(void *context, i64 from, i64 to)
{
    rows_t *c = context;
    i64 n = c->n, rows = *(i64 *)c->b; /* the number of all rows */
    for (i64 group = from; group < to; ++group) {
        f32 *to_weight = c->to_weight + group * n, *to_bias = c->to_bias + group * n;
        i64 last = (group + 1) * ROWS_A_SUM < rows ? (group + 1) * ROWS_A_SUM : rows;
        memset(to_weight, 0, n * sizeof(f32));
        memset(to_bias, 0, n * sizeof(f32));
        for (i64 r = group * ROWS_A_SUM; r < last; ++r) {
            const f32 *x = c->x + r * n, *g = c->g + r * n, *w = c->w;
            f32 *out = c->out + r * n, mean = c->mean[r], rstd = c->rstd[r];
            f64 by_mean = 0, by_scale = 0;
            for (i64 start = 0; start < n; start += BLOCK) {
                i64 end = start + BLOCK < n ? start + BLOCK : n;
                f32 lane[LANES] = {0}, other[LANES] = {0};
#define TERMS(scaled)                                                                                                  \
    OVER(start, end, f32 normal = (x[i] - mean) * rstd; f32 s = scaled; lane[l] += s; other[l] += s * normal;          \
         to_weight[i] += g[i] * normal; to_bias[i] += g[i])
                if (w) TERMS(g[i] * w[i]);
                else TERMS(g[i]);
                by_mean += lanes_sum(lane);
                by_scale += lanes_sum(other);
            }
            f32 shift = (f32)(by_mean / n), slope = (f32)(by_scale / n);
#define RESULT(scaled) OVER(0, n, out[i] = rstd * ((scaled - shift) - (x[i] - mean) * rstd * slope))
            if (w) RESULT(g[i] * w[i]);
            else RESULT(g[i]);
        }
    }
}

static void rms_norm_rows(void *context, i64 from, i64 to)
{
    rows_t *c = context;
    i64 n = c->n;
    for (i64 r = from; r < to; ++r) {
        const f32 *x = c->x + r * n, *w = c->w;
        f32 *out = c->out + r * n;
        SUM(squares, n, x[i] * x[i])
        f32 rrms = 1.0f / sqrtf((f32)(squares / n) + c->eps);
        if (w) OVER(0, n, out[i] = x[i] * rrms * w[i]);
        else OVER(0, n, out[i] = x[i] * rrms);
        c->rstd_out[r] = rrms;
    }
}

static void rms_norm_gradient_groups(void *context, i64 from, i64 to)
{
    rows_t *c = context;
    i64 n = c->n, rows = *(i64 *)c->b;
    for (i64 group = from; group < to; ++group) {
        f32 *to_weight = c->to_weight + group * n;
        i64 last = (group + 1) * ROWS_A_SUM < rows ? (group + 1) * ROWS_A_SUM : rows;
        memset(to_weight, 0, n * sizeof(f32));
        for (i64 r = group * ROWS_A_SUM; r < last; ++r) {
            const f32 *x = c->x + r * n, *g = c->g + r * n, *w = c->w;
            f32 *out = c->out + r * n, rrms = c->rstd[r];
            SUM(total, n, (w ? g[i] * w[i] : g[i]) * x[i])
            f32 slope = (f32)(total * rrms / n);
            OVER(0, n, f32 normal = x[i] * rrms; to_weight[i] += g[i] * normal;
                 out[i] = rrms * ((w ? g[i] * w[i] : g[i]) - normal * slope));
        }
    }
}

/* ---- what Python calls: arrays by their objects, 0 for None */

#define ROWS(name)                                                                                                     \
    void name(i64 x, i64 out, i64 rows, i64 n)                                                                         \
    {                                                                                                                  \
        rows_t c = {.x = DATA(x), .out = DATA(out), .n = n};                                                           \
        in_parts(name##_rows, &c, rows, 1 + GRAIN / (n + 1), 1);                                                       \
    }
#define ROWS_GRADIENT(name)                                                                                            \
    void name(i64 g, i64 y, i64 out, i64 rows, i64 n)                                                                  \
    {                                                                                                                  \
        rows_t c = {.g = DATA(g), .x = DATA(y), .out = DATA(out), .n = n};                                             \
        in_parts(name##_rows, &c, rows, 1 + GRAIN / (n + 1), 1);                                                       \
    }


ROWS(softmax)
ROWS(log_softmax)
ROWS_GRADIENT(softmax_gradient)
ROWS_GRADIENT(log_softmax_gradient)

void layer_norm(i64 x, i64 w, i64 b, i64 out, i64 mean, i64 rstd, i64 rows, i64 n, f64 eps)
{
    rows_t c = {.x = DATA(x), .w = DATA(w), .b = DATA(b), .out = DATA(out), .mean_out = DATA(mean), .rstd_out = DATA(rstd), .n = n, .eps = (f32)eps};
    in_parts(layer_norm_rows, &c, rows, 1 + GRAIN / (n + 1), 1);
}

#ifdef BUILTINS
/* native_layer_norm(input, normalized_shape, weight, bias, eps): over the last dimension of an input without gaps. */
static object *native_layer_norm(object *self, object *const *given, i64 count)
{
    const array_t *x = count == 5 ? floats(given[0]) : 0;
    rows_t c = {.n = x && x->nd ? x->dims[x->nd - 1] : 0};
    int fits = c.n && is_only(given[1], c.n) && is_dense(x) && given[4]->type == &PyFloat_Type;
    if (!fits || !is_vector(given[2], c.n, &c.w) || !is_vector(given[3], c.n, &c.b)) return PyObject_Vectorcall(self, given, count, 0);
    object *made[3], *all = PyTuple_New(3);
    for (int i = 0; all && i < 3; ++i) {
        if (!(made[i] = like(x, i ? 1 : c.n))) { Py_DecRef(all); return 0; }
        PyTuple_SetItem(all, i, made[i]);
    }
    if (!all) return 0;
    c.x = x->data, c.out = DATA(made[0]), c.mean_out = DATA(made[1]), c.rstd_out = DATA(made[2]), c.eps = (f32)PyFloat_AsDouble(given[4]);
    i64 rows = rows_of(x);
    void *thread = unlock(rows * c.n);
    in_parts(layer_norm_rows, &c, rows, 1 + GRAIN / (c.n + 1), 1);
    lock(thread);
    return all;
}
method native_layer_norm_method = {"native_layer_norm", native_layer_norm, FASTCALL, 0};
#endif

void rms_norm(i64 x, i64 w, i64 out, i64 rrms, i64 rows, i64 n, f64 eps)
{
    rows_t c = {.x = DATA(x), .w = DATA(w), .out = DATA(out), .rstd_out = DATA(rrms), .n = n, .eps = (f32)eps};
    in_parts(rms_norm_rows, &c, rows, 1 + GRAIN / (n + 1), 1);
}

i64 groups_of_rows(i64 rows) { return (rows + ROWS_A_SUM - 1) / ROWS_A_SUM; }

/* The tables of the groups as one row: the sum by columns. */
typedef struct { f32 *table; i64 groups, n; } tables_t;

static void add_columns(void *context, i64 from, i64 to)
{
    tables_t *t = context;
    for (i64 start = from; start < to; start += LANES) {
        i64 wide = start + LANES < to ? LANES : to - start;
        f64 sums[LANES] = {0};
        for (i64 group = 0; group < t->groups; ++group)
            for (i64 i = 0; i < wide; ++i) sums[i] += t->table[group * t->n + start + i];
        for (i64 i = 0; i < wide; ++i) t->table[start + i] = (f32)sums[i];
    }
}

static void add_tables(f32 *table, i64 groups, i64 n)
{
    tables_t t = {table, groups, n};
    if (groups > 1) in_parts(add_columns, &t, n, 1 + GRAIN / groups, LANES);
}

/* to_weight and to_bias are tables of groups_of_rows(rows) rows, the first of which is the result. */
void layer_norm_gradient(i64 g, i64 x, i64 mean, i64 rstd, i64 w, i64 out, i64 to_weight, i64 to_bias, i64 rows, i64 n)
{
    rows_t c = {.g = DATA(g), .x = DATA(x), .mean = DATA(mean), .rstd = DATA(rstd), .w = DATA(w), .out = DATA(out),
                .to_weight = DATA(to_weight), .to_bias = DATA(to_bias), .n = n, .b = (const f32 *)&rows};
    i64 groups = groups_of_rows(rows);
    in_parts(layer_norm_gradient_groups, &c, groups, 1 + GRAIN / (n * ROWS_A_SUM + 1), 1);
    add_tables(c.to_weight, groups, n);
    add_tables(c.to_bias, groups, n);
}

void rms_norm_gradient(i64 g, i64 x, i64 rrms, i64 w, i64 out, i64 to_weight, i64 rows, i64 n)
{
    rows_t c = {.g = DATA(g), .x = DATA(x), .rstd = DATA(rrms), .w = DATA(w), .out = DATA(out), .to_weight = DATA(to_weight),
                .n = n, .b = (const f32 *)&rows};
    i64 groups = groups_of_rows(rows);
    in_parts(rms_norm_gradient_groups, &c, groups, 1 + GRAIN / (n * ROWS_A_SUM + 1), 1);
    add_tables(c.to_weight, groups, n);
}
