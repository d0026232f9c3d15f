/* Products of float32 or bfloat16 matrices on all threads, by the products that generated programs use: each thread does rows
   or columns. Sums are float32, and rounded once where the result is bfloat16. */

#include "gemm.h"
#include "builtin.h"

typedef struct {
    const void *a, *b, *bias;
    void *c;
    i64 itemsize;
    i64 m, n, depth, ai, ak, bk, bj;
    i64 inner, a_outer, a_inner, b_outer, b_inner; /* of batches: how many share an outer one, and steps between them */
    atomic_int failed;
} product_t;

enum { FEW = 4, WORTH = 8 }; /* as in product.py */
#define LONG 512 /* a piece packs what it reads: shorter ones would pack as much for less */

static _Thread_local struct { f32 *sums; i64 room; } tile;

static f32 *room_for(i64 count)
{
    if (tile.room < count) {
        free(tile.sums);
        tile.sums = malloc(4 * count);
        tile.room = tile.sums ? count : 0;
    }
    return tile.sums;
}

/* `rows` x `columns` of the product at c, its column `column` first. Returns 0 where it failed. */
static int singles(const product_t *p, const f32 *a, const f32 *b, f32 *c, i64 rows, i64 columns, i64 column)
{
    if (!gemm(rows, columns, p->depth, a, p->ai, p->ak, b, p->bk, p->bj, c, p->n)) return 0;
    const f32 *bias = p->bias ? (const f32 *)p->bias + column : 0;
    for (i64 r = 0; bias && r < rows; ++r, c += p->n)
        _Pragma("GCC ivdep") for (i64 i = 0; i < columns; ++i) c[i] += bias[i];
    return 1;
}

static int halves(const product_t *p, const u16 *a, const u16 *b, u16 *c, i64 rows, i64 columns, i64 column)
{
    f32 *sums = room_for(rows * columns);
    if (!sums || !gemm_bf16(rows, columns, p->depth, a, p->ai, p->ak, b, p->bk, p->bj, sums, columns)) return 0;
    const u16 *bias = p->bias ? (const u16 *)p->bias + column : 0;
    for (i64 r = 0; r < rows; ++r, c += p->n, sums += columns)
        if (bias)
            _Pragma("GCC ivdep") for (i64 i = 0; i < columns; ++i) c[i] = store_bf16(sums[i] + load_bf16(bias[i]));
        else
            _Pragma("GCC ivdep") for (i64 i = 0; i < columns; ++i) c[i] = store_bf16(sums[i]);
    return 1;
}

static void block(product_t *p, i64 a, i64 b, i64 c, i64 rows, i64 columns, i64 column)
{
    int done = p->itemsize == 2 ? halves(p, (const u16 *)p->a + a, (const u16 *)p->b + b, (u16 *)p->c + c, rows, columns, column)
                                : singles(p, (const f32 *)p->a + a, (const f32 *)p->b + b, (f32 *)p->c + c, rows, columns, column);
    if (!done) p->failed = 1;
}

static void some_rows(void *context, i64 from, i64 to)
{
    product_t *p = context;
    block(p, from * p->ai, 0, from * p->n, to - from, p->n, 0);
}

static void some_columns(void *context, i64 from, i64 to)
{
    product_t *p = context;
    block(p, 0, from * p->bj, from, p->m, to - from, from);
}

static void some_batches(void *context, i64 from, i64 to)
{
    product_t *p = context;
    for (i64 k = from; k < to; ++k) {
        i64 a = k / p->inner * p->a_outer + k % p->inner * p->a_inner, b = k / p->inner * p->b_outer + k % p->inner * p->b_inner;
        block(p, a, b, k * p->m * p->n, p->m, p->n, 0);
    }
}

/* One product, shared out by rows or columns. */
static void matrices(product_t *p)
{
    i64 along = p->m >= p->n ? p->m : p->n, few = p->m < p->n ? p->m : p->n, work = p->m * p->n * p->depth;
    i64 grain = 1 + (few > FEW ? 100000 : 25000) * along / (work + 1); /* of few rows, reading the other matrix is the work */
    i64 pieces = (along < 2 * LONG * pool_threads ? 1 : 2) * pool_threads, step = (along + pieces - 1) / pieces;
    in_parts(along == p->m ? some_rows : some_columns, p, along, grain, (step + 11) / 12 * 12);
}

static i64 step_of(const array_t *a, int from_end, i64 itemsize) { return a->nd < from_end ? 0 : a->strides[a->nd - from_end] / itemsize; }
static i64 size_of(const array_t *a, int from_end) { return a->nd < from_end ? 1 : a->dims[a->nd - from_end]; }

/* out = a b (+ bias along the rows), of elements of `size` bytes, 4 for float32 and 2 for bfloat16; matrices, or batches of them
   in up to two equal dimensions before. 0: it failed for want of memory. */
int product(i64 a_array, i64 b_array, i64 bias, i64 out, i64 size)
{
    const array_t *a = ARRAY(a_array), *b = ARRAY(b_array);
    product_t p = {.a = a->data, .b = b->data, .bias = DATA(bias), .c = DATA(out), .itemsize = size,
                   .m = size_of(a, 2), .n = size_of(b, 1), .depth = size_of(a, 1), .inner = size_of(a, 3),
                   .ai = step_of(a, 2, size), .ak = step_of(a, 1, size), .bk = step_of(b, 2, size), .bj = step_of(b, 1, size),
                   .a_outer = step_of(a, 4, size), .a_inner = step_of(a, 3, size), .b_outer = step_of(b, 4, size), .b_inner = step_of(b, 3, size)};
    i64 batches = size_of(a, 3) * size_of(a, 4), work = p.m * p.n * p.depth;
    if (batches > 1) in_parts(some_batches, &p, batches, 1 + 100000 / (work + 1), 1);
    else matrices(&p);
    return !p.failed;
}

#ifdef BUILTINS
/* linear(input, weight, bias): the input without gaps, and of few rows or large. */
static object *linear(object *self, object *const *given, i64 count)
{
    const array_t *x = count == 3 ? floats(given[0]) : 0, *w = x ? floats(given[1]) : 0;
    object *made;
    if (w && x->nd >= 2 && w->nd == 2 && x->dims[x->nd - 1] == w->dims[1] && is_dense(x)) {
        product_t p = {.a = x->data, .b = w->data, .itemsize = 4, .m = rows_of(x), .n = w->dims[0], .depth = w->dims[1], .ai = w->dims[1], .ak = 1,
                       .bk = w->strides[1] / 4, .bj = w->strides[0] / 4};
        i64 work = p.m * p.n * p.depth;
        int fits = (p.m <= FEW || work >= python.small * WORTH) && !(w->strides[0] % 4 || w->strides[1] % 4);
        if (fits && is_vector(given[2], p.n, (const f32 **)&p.bias)) {
            if (!(made = like(x, p.n))) return 0;
            p.c = DATA(made);
            void *thread = unlock(work);
            matrices(&p);
            lock(thread);
            if (!p.failed) return made;
            Py_DecRef(made);
        }
    }
    return PyObject_Vectorcall(self, given, count, 0);
}
method linear_method = {"linear", linear, FASTCALL, 0};
#endif
