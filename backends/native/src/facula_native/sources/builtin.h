/* Kernels as builtins of Python: what a call gives is looked at, and results are made, in C. CPython's functions are declared here,
   so that none of its headers is needed. `self` is the kernel in Python, to which all goes that the builtin does not do. */

typedef struct object { i64 holders; struct object *type; } object;
typedef struct { const char *name; void *function; int flags; const char *text; } method;
enum { FASTCALL = 0x80 };

extern object *PyObject_Vectorcall(object *, object *const *, size_t, object *), *PyTuple_New(i64), *PyTuple_GetItem(object *, i64);
extern int PyTuple_SetItem(object *, i64, object *);
extern i64 PyTuple_Size(object *);
extern long long PyLong_AsLongLongAndOverflow(object *, int *);
extern f64 PyFloat_AsDouble(object *);
extern void Py_IncRef(object *), Py_DecRef(object *), *PyEval_SaveThread(void), PyEval_RestoreThread(void *);
extern object *PyErr_Occurred(void);
extern object PyFloat_Type, PyTuple_Type, PyLong_Type, _Py_NoneStruct;
#define NONE (&_Py_NoneStruct)

#define BUILTINS

/* Set when the unit is loaded: the class of arrays, the dtype float32, NumPy's function for new arrays, `units.SMALL`. */
struct { object *ndarray, *f32; object *(*empty)(int, const i64 *, object *, int); i64 small; } python;

enum { MOST_DIMS = 8, WORTH_THE_LOCK = 50000 };

/* The array, if it is one of float32 and has elements and at most MOST_DIMS dimensions, else 0. */
static const array_t *floats(object *x)
{
    if (x->type != python.ndarray) return 0;
    const array_t *a = ARRAY(x);
    if (a->dtype != python.f32 || a->nd > MOST_DIMS) return 0;
    for (int d = 0; d < a->nd; ++d)
        if (!a->dims[d]) return 0;
    return a;
}

/* Whether it lies in memory without gaps, row by row. */
static int is_dense(const array_t *a)
{
    i64 step = sizeof(f32);
    for (int d = a->nd - 1; d >= 0; step *= a->dims[d--])
        if (a->dims[d] != 1 && a->strides[d] != step) return 0;
    return 1;
}

/* Whether `x` is None, or a vector of `n` float32 without gaps, whose elements `data` is then. */
static int is_vector(object *x, i64 n, const f32 **data)
{
    const array_t *a = x == NONE ? 0 : floats(x);
    *data = a ? a->data : 0;
    return x == NONE || (a && a->nd == 1 && a->dims[0] == n && is_dense(a));
}

/* Whether `x` is a tuple of the one number `n`. */
static int is_only(object *x, i64 n)
{
    if (x->type != &PyTuple_Type || PyTuple_Size(x) != 1) return 0;
    object *number = PyTuple_GetItem(x, 0);
    int too_large;
    return number->type == &PyLong_Type && PyLong_AsLongLongAndOverflow(number, &too_large) == n && !too_large;
}

static i64 rows_of(const array_t *a)
{
    i64 rows = 1;
    for (int d = 0; d < a->nd - 1; ++d) rows *= a->dims[d];
    return rows;
}

/* A new array of the shape of `a`, but for its last dimension; 0 with an exception. */
static object *like(const array_t *a, i64 last)
{
    i64 dims[MOST_DIMS];
    memcpy(dims, a->dims, a->nd * sizeof *dims);
    dims[a->nd - 1] = last;
    Py_IncRef(python.f32); /* `empty` takes it over */
    return python.empty(a->nd, dims, python.f32, 0);
}

/* Gives the interpreter to other threads while `work` is done, where that takes longer. */
static void *unlock(i64 work) { return work > WORTH_THE_LOCK ? PyEval_SaveThread() : 0; }
static void lock(void *thread) { if (thread) PyEval_RestoreThread(thread); }
