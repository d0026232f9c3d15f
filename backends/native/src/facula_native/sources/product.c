/* Products of float32 matrices on all threads, by the product that generated programs use: each thread does rows or columns. */

#include "gemm.h"
#include "builtin.h"

typedef struct {
    const f32 *a, *b, *bias;
    f32 *c;
    i64 m, n, depth, ai, ak, bk, bj;
    i64 inner, a_outer, a_inner, b_outer, b_inner; /* of batches: how many share an outer one, and steps between them */
    atomic_int failed;
} product_t;

enum { FEW = 4, WORTH = 8 }; /* as in product.py */

static void block(product_t *p, i64 top, i64 left, i64 rows, i64 columns)
{
    f32 *c = p->c + top * p->n + left;
    if (!gemm(rows, columns, p->depth, p->a + top * p->ai, p->ai, p->ak, p->b + left * p->bj, p->bk, p->bj, c, p->n)) p->failed = 1;
    const f32 *bias = p->bias ? p->bias + left : 0;
    for (i64 r = 0; bias && r < rows; ++r, c += p->n)
        _Pragma("GCC ivdep") for (i64 i = 0; i < columns; ++i) c[i] += bias[i];
}

static void some_rows(void *context, i64 from, i64 to) { product_t *p = context; block(p, from, 0, to - from, p->n); }
static void some_columns(void *context, i64 from, i64 to) { product_t *p = context; block(p, 0, from, p->m, to - from); }

static void some_batches(void *context, i64 from, i64 to)
{
    product_t *p = context;
    for (i64 k = from; k < to; ++k) {
        const f32 *a = p->a + k / p->inner * p->a_outer + k % p->inner * p->a_inner;
        const f32 *b = p->b + k / p->inner * p->b_outer + k % p->inner * p->b_inner;
        if (!gemm(p->m, p->n, p->depth, a, p->ai, p->ak, b, p->bk, p->bj, p->c + k * p->m * p->n, p->n)) p->failed = 1;
    }
}

/* One product, shared out by rows or columns. */
static void matrices(product_t *p)
{
    i64 along = p->m >= p->n ? p->m : p->n, few = p->m < p->n ? p->m : p->n, work = p->m * p->n * p->depth;
    i64 grain = 1 + (few > FEW ? 100000 : 25000) * along / (work + 1); /* of few rows, reading the other matrix is the work */
    i64 two_each = (along + 2 * pool_threads - 1) / (2 * pool_threads); /* each packs what it reads: not too many */
    in_parts(along == p->m ? some_rows : some_columns, p, along, grain, (two_each + 11) / 12 * 12);
}

static i64 step_of(const array_t *a, int from_end) { return a->nd < from_end ? 0 : a->strides[a->nd - from_end] / 4; }
static i64 size_of(const array_t *a, int from_end) { return a->nd < from_end ? 1 : a->dims[a->nd - from_end]; }

/* out = a b (+ bias along the rows); matrices, or batches of them in up to two equal dimensions before. 0: it failed for want of memory. */
int product(i64 a_array, i64 b_array, i64 bias, i64 out)
{
    const array_t *a = ARRAY(a_array), *b = ARRAY(b_array);
    product_t p = {.a = a->data, .b = b->data, .bias = DATA(bias), .c = DATA(out), .m = size_of(a, 2), .n = size_of(b, 1), .depth = size_of(a, 1),
                   .ai = step_of(a, 2), .ak = step_of(a, 1), .bk = step_of(b, 2), .bj = step_of(b, 1), .inner = size_of(a, 3),
                   .a_outer = step_of(a, 4), .a_inner = step_of(a, 3), .b_outer = step_of(b, 4), .b_inner = step_of(b, 3)};
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
        product_t p = {.a = x->data, .b = w->data, .m = rows_of(x), .n = w->dims[0], .depth = w->dims[1], .ai = w->dims[1], .ak = 1,
                       .bk = w->strides[1] / 4, .bj = w->strides[0] / 4};
        i64 work = p.m * p.n * p.depth;
        int fits = (p.m <= FEW || work >= python.small * WORTH) && !(w->strides[0] % 4 || w->strides[1] % 4);
        if (fits && is_vector(given[2], p.n, &p.bias)) {
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
