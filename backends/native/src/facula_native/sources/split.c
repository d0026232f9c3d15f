/* A NumPy loop run in parts: elements that do not depend on each other, so the values are those of the loop itself. */

typedef void (*loop_t)(char **args, const i64 *dims, const i64 *steps, void *data);

typedef struct {
    loop_t loop;
    void *data;
    i64 operands, inputs; /* of the loop, and how many of these are inputs */
    i64 least;            /* so many elements are worth another thread */
} split_t;

typedef struct { const split_t *split; char **args; const i64 *steps; } call_t;

static void span(const char *at, i64 n, i64 step, const char **low, const char **high)
{
    const char *last = at + (n - 1) * step;
    *low = step < 0 ? last : at;
    *high = (step < 0 ? at : last) + 16; /* no element is larger */
}

/* Whether a part could read what another writes: an output that lies over an input other than in step with it. */
static int depends(const split_t *s, char **args, i64 n, const i64 *steps)
{
    for (i64 out = s->inputs; out < s->operands; ++out) {
        const char *low, *high, *from, *to;
        if (steps[out] == 0) return 1; /* a reduction */
        span(args[out], n, steps[out], &low, &high);
        for (i64 in = 0; in < s->inputs; ++in) {
            if (args[in] == args[out] && steps[in] == steps[out]) continue;
            span(args[in], n, steps[in], &from, &to);
            if (from < high && low < to) return 1;
        }
    }
    return 0;
}

static void part(void *context, i64 from, i64 to)
{
    call_t *c = context;
    char *args[8];
    i64 count = to - from;
    for (i64 k = 0; k < c->split->operands; ++k) args[k] = c->args[k] + from * c->steps[k];
    c->split->loop(args, &count, c->steps, c->split->data);
}

void split(char **args, const i64 *dims, const i64 *steps, void *data)
{
    const split_t *s = data;
    call_t call = {s, args, steps};
    if (dims[0] < 2 * s->least || depends(s, args, dims[0], steps)) s->loop(args, dims, steps, s->data);
    else in_parts(part, &call, dims[0], s->least, 64);
}

#include "builtin.h"

#ifdef BUILTINS
/* Calls of these ufuncs on two arrays without gaps, of which one is broadcast along some dimensions: NumPy would call the loop row by
   row on one thread. All else goes to NumPy's own call. */

typedef object *(*call_of_ufunc)(object *, object *const *, size_t, object *);
struct { object *f64, *b8; call_of_ufunc numpys; } broadcast; /* set when the first ufunc is made */

/* PyUFuncObject of NumPy, as `Struct` of ufuncs.py. */
typedef struct { int ins, outs, operands, identity; loop_t *loops; split_t **splits; int count, reserved; const char *name, *types; } ufunc_t;

enum { F32 = 11, F64 = 12, LONG = 128, TOGETHER = 1024 }; /* NumPy's numbers of dtypes; rows that are not copied; elements of a call else */

typedef struct {
    const split_t *split;
    const char *in[2];
    char *out;
    int nd;
    i64 dims[MOST_DIMS], steps[2][MOST_DIMS], item, out_item, rows, blocks; /* rows of a block, and blocks of the last but one dimension */
} wide_t;

/* The steps of an operand through the dimensions of the result; 0 where it does not fit. */
static int spread(const array_t *a, wide_t *w, i64 *steps)
{
    for (int d = 0; d < w->nd; ++d) {
        int own = d - (w->nd - a->nd);
        i64 n = own < 0 ? 1 : a->dims[own];
        if (n != 1 && n != w->dims[d]) return 0;
        steps[d] = n == 1 ? 0 : a->strides[own];
    }
    return 1;
}

/* Dimensions that all operands go through as one become one; those of one place go. */
static void merge(wide_t *w)
{
    int last = -1;
    for (int d = 0; d < w->nd; ++d) {
        i64 n = w->dims[d];
        if (n == 1) continue;
        int together = last >= 0;
        for (int k = 0; k < 2; ++k) together = together && w->steps[k][last] == w->steps[k][d] * n;
        if (!together) w->dims[++last] = n;
        else w->dims[last] *= n;
        for (int k = 0; k < 2; ++k) w->steps[k][last] = w->steps[k][d];
    }
    w->nd = last + 1;
}

#define FILL(type)                                                                                                     \
    for (i64 r = 0; r < rows; ++r) {                                                                                   \
        const type *x = (const type *)(from + r * down);                                                               \
        type *to = (type *)buffer + r * n;                                                                             \
        if (along) for (i64 i = 0; i < n; ++i) to[i] = x[i];                                                           \
        else for (i64 i = 0; i < n; ++i) to[i] = x[0];                                                                 \
    }

/* Short rows one after another in memory: where they lie, or a copy. */
static const char *neighbours(const wide_t *w, int k, const char *from, i64 rows, char *buffer)
{
    i64 n = w->dims[w->nd - 1], along = w->steps[k][w->nd - 1], down = w->steps[k][w->nd - 2];
    if (along == w->item && down == n * w->item) return from;
    if (w->item == 4) FILL(u32)
    else FILL(u64)
    return buffer;
}

static void blocks(void *context, i64 first, i64 last)
{
    const wide_t *w = context;
    i64 n = w->dims[w->nd - 1], height = w->dims[w->nd - 2];
    u64 buffers[2][TOGETHER + LONG];
    for (i64 unit = first; unit < last; ++unit) {
        i64 outer = unit / w->blocks, row = unit % w->blocks * w->rows, rows = height - row < w->rows ? height - row : w->rows;
        const char *in[2];
        char *out = w->out + (outer * height + row) * n * w->out_item;
        for (int k = 0; k < 2; ++k) {
            in[k] = w->in[k] + row * w->steps[k][w->nd - 2];
            i64 rest = outer;
            for (int d = w->nd - 3; d >= 0; rest /= w->dims[d--]) in[k] += rest % w->dims[d] * w->steps[k][d];
        }
        if (n >= LONG) {
            i64 steps[3] = {w->steps[0][w->nd - 1], w->steps[1][w->nd - 1], w->out_item};
            for (i64 r = 0; r < rows; ++r) {
                char *args[3] = {(char *)in[0] + r * w->steps[0][w->nd - 2], (char *)in[1] + r * w->steps[1][w->nd - 2], out + r * n * w->out_item};
                w->split->loop(args, &n, steps, w->split->data);
            }
        } else {
            i64 count = rows * n, steps[3] = {w->item, w->item, w->out_item};
            char *args[3] = {(char *)neighbours(w, 0, in[0], rows, (char *)buffers[0]), (char *)neighbours(w, 1, in[1], rows, (char *)buffers[1]), out};
            w->split->loop(args, &count, steps, w->split->data);
        }
    }
}

/* An array without gaps, of float32 or float64. */
static const array_t *plain(object *x)
{
    if (x->type != python.ndarray) return 0;
    const array_t *a = ARRAY(x);
    if ((a->dtype != python.f32 && a->dtype != broadcast.f64) || !a->nd || a->nd > MOST_DIMS) return 0;
    i64 step = a->dtype == python.f32 ? 4 : 8;
    for (int d = a->nd - 1; d >= 0; step *= a->dims[d--])
        if (!a->dims[d] || (a->dims[d] != 1 && a->strides[d] != step)) return 0;
    return a;
}

static int same_shape(const array_t *a, const array_t *b)
{
    return a->nd == b->nd && !memcmp(a->dims, b->dims, a->nd * sizeof *a->dims);
}

/* The loop for the dtype of both operands, and the dtype of its result; 0 where there is none. */
static const split_t *loop_for(const ufunc_t *u, int number, object **dtype)
{
    for (int k = 0; k < u->count; ++k) {
        const char *types = u->types + 3 * k;
        if (types[0] != number || types[1] != number) continue;
        *dtype = types[2] == F32 ? python.f32 : types[2] == F64 ? broadcast.f64 : types[2] == 0 ? broadcast.b8 : 0;
        return *dtype ? u->splits[k] : 0;
    }
    return 0;
}

/* A new array; 0 without an exception where this is not for us. */
static object *broadcasted(object *self, const array_t *a, const array_t *b)
{
    const ufunc_t *u = (const ufunc_t *)((char *)self + HEAD);
    wide_t w = {.nd = a->nd > b->nd ? a->nd : b->nd, .in = {a->data, b->data}, .item = a->dtype == python.f32 ? 4 : 8};
    i64 dims[MOST_DIMS], count = 1;
    int nd = w.nd;
    for (int d = 0; d < nd; ++d) {
        i64 n = d < nd - a->nd ? 1 : a->dims[d - (nd - a->nd)], m = d < nd - b->nd ? 1 : b->dims[d - (nd - b->nd)];
        w.dims[d] = dims[d] = n == 1 ? m : n;
        count *= dims[d];
    }
    object *dtype;
    if (count < python.small || !(w.split = loop_for(u, w.item == 4 ? F32 : F64, &dtype))) return 0;
    if (!spread(a, &w, w.steps[0]) || !spread(b, &w, w.steps[1])) return 0;
    merge(&w);
    if (w.nd < 2) return 0;
    Py_IncRef(dtype); /* `empty` takes it over */
    object *result = python.empty(nd, dims, dtype, 0);
    if (!result) return 0;
    i64 n = w.dims[w.nd - 1], height = w.dims[w.nd - 2];
    w.out = DATA(result);
    w.out_item = dtype == broadcast.b8 ? 1 : w.item;
    w.rows = n >= TOGETHER ? 1 : TOGETHER / n;
    w.blocks = (height + w.rows - 1) / w.rows;
    i64 units = count / (n * height) * w.blocks;
    void *thread = unlock(count);
    in_parts(blocks, &w, units, 1 + w.split->least * units / count, 1);
    lock(thread);
    return result;
}

object *call_broadcasting(object *self, object *const *args, size_t given, object *names)
{
    if ((given & ~((size_t)1 << 63)) == 2 && !names) {
        const array_t *a = plain(args[0]), *b = a ? plain(args[1]) : 0;
        if (b && a->dtype == b->dtype && !same_shape(a, b)) {
            object *result = broadcasted(self, a, b);
            if (result || PyErr_Occurred()) return result;
        }
    }
    return broadcast.numpys(self, args, given, names);
}
#endif
