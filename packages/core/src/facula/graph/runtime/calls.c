/* Calls of compiled programs, as builtins of Python: is all as it was at capture; and the run.

   What a builtin looks at stands in tables of 64-bit words, most of them addresses of objects (`calls.py` makes them). Its
   `self` is a tuple of the tables and of all objects that they name, so that none of these is freed while it may be looked
   at. CPython's functions are declared here, so that none of its headers is needed. What is read of the memory of tensors
   and arrays itself stands where `layout` says. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef int64_t word;
typedef struct object { uint32_t holders, more; struct object *type; } object;
typedef struct { const char *name; void *function; int flags; const char *text; } method;
enum { NOARGS = 0x4, FASTCALL = 0x80 };
enum { MOST = 64 }; /* arguments of a call */

extern char *PyBytes_AsString(object *);
extern long long PyLong_AsLongLong(object *);
extern object *PyLong_FromLongLong(long long), *PyList_New(word), *PyObject_CallFunctionObjArgs(object *, ...);
extern object *PyBool_FromLong(long), *PyErr_Occurred(void), *PyTuple_New(word);
extern object *PyTuple_GetItem(object *, word), *PyList_GetItem(object *, word), *PyDict_GetItemWithError(object *, object *);
extern object *PyObject_GetIter(object *), *PyIter_Next(object *), *PyCell_Get(object *);
extern object *PyObject_GetAttr(object *, object *), *PyObject_Call(object *, object *, object *);
extern word PyObject_Size(object *), PyDict_Size(object *), PyList_Size(object *), PyTuple_Size(object *);
extern int PyDict_Next(object *, word *, object **, object **), PyObject_IsTrue(object *), PyErr_ExceptionMatches(object *);
extern int PyTuple_SetItem(object *, word, object *), PyList_SetItem(object *, word, object *);
extern int PyDict_SetItem(object *, object *, object *);
extern void Py_IncRef(object *), Py_DecRef(object *), PyErr_Clear(void), PyEval_RestoreThread(void *);
extern void PyErr_Fetch(object **, object **, object **), PyErr_Restore(object *, object *, object *);
extern void *PyEval_SaveThread(void);
extern object *PyExc_Exception;
extern object PyFloat_Type, PyLong_Type, PyBool_Type, _Py_NoneStruct, _Py_TrueStruct, _Py_FalseStruct;

#define OBJECT(w) ((object *)(w))
static object *held(object *x) { Py_IncRef(x); return x; }
static const word *table(object *self, int which) { return (const word *)PyBytes_AsString(PyTuple_GetItem(self, which)); }

/* ---- places, and what was there. Each function takes the words of one place, and returns those of the next; 0 where
   something else is there now. */

static const word *same_dict(const word *at) /* dict, n, n times key and value */
{
    object *dict = OBJECT(at[0]), *key, *value;
    word n = at[1], place = 0;
    if (PyDict_Size(dict) != n) return 0;
    for (at += 2; n; --n, at += 2)
        if (!PyDict_Next(dict, &place, &key, &value) || key != OBJECT(at[0]) || value != OBJECT(at[1])) return 0;
    return at;
}

static const word *same_list(const word *at) /* list, n, n items */
{
    object *list = OBJECT(at[0]);
    word n = at[1];
    if (PyList_Size(list) != n) return 0;
    for (word i = 0; i < n; ++i)
        if (PyList_GetItem(list, i) != OBJECT(at[2 + i])) return 0;
    return at + 2 + n;
}

static const word *same_items(const word *at) /* what is called, with which tuple, for what is iterated over; n, n items */
{
    object *iterable = PyObject_Call(OBJECT(at[0]), OBJECT(at[1]), 0), *item;
    object *iterator = iterable ? PyObject_GetIter(iterable) : 0;
    if (iterable) Py_DecRef(iterable);
    if (!iterator) return 0;
    word n = at[2], i = 0, same = 1;
    for (at += 3; same && (item = PyIter_Next(iterator)); ++i) {
        same = i < n && item == OBJECT(at[i]);
        Py_DecRef(item);
    }
    Py_DecRef(iterator);
    return same && i == n && !PyErr_Occurred() ? at + n : 0;
}

static const word *same_cell(const word *at) /* cell, content or 0 */
{
    object *content = PyCell_Get(OBJECT(at[0]));
    if (content) Py_DecRef(content); /* one that is the same is held by the table */
    return content == OBJECT(at[1]) ? at + 2 : 0;
}

static const word *same_key(const word *at) /* dict, key, value or 0 */
{
    object *value = PyDict_GetItemWithError(OBJECT(at[0]), OBJECT(at[1]));
    return value == OBJECT(at[2]) && (value || !PyErr_Occurred()) ? at + 3 : 0;
}

static const word *same_attribute(const word *at) /* object, name, value */
{
    object *value = PyObject_GetAttr(OBJECT(at[0]), OBJECT(at[1]));
    if (value) Py_DecRef(value);
    return value == OBJECT(at[2]) ? at + 3 : 0;
}

static const word *same_result(const word *at) /* what is called, with which tuple, result */
{
    object *result = PyObject_Call(OBJECT(at[0]), OBJECT(at[1]), 0);
    if (result) Py_DecRef(result);
    return result == OBJECT(at[2]) ? at + 3 : 0;
}

static const word *same_truth(const word *at) /* dict, key, whether the number there is another one than 0 */
{
    object *number = PyDict_GetItemWithError(OBJECT(at[0]), OBJECT(at[1]));
    if (!number || (number->type != &PyFloat_Type && number->type != &PyLong_Type && number->type != &PyBool_Type)) return 0;
    return PyObject_IsTrue(number) == at[2] ? at + 3 : 0;
}

static const word *same_size(const word *at) /* container, length */
{
    return PyObject_Size(OBJECT(at[0])) == at[1] ? at + 2 : 0;
}

static const word *same_word(const word *at) /* where in an object's memory, what is there */
{
    return *(const word *)at[0] == at[1] ? at + 2 : 0;
}

/* In the order of `Kind` in calls.py. */
static const word *(*const kinds[])(const word *) = {
    same_dict, same_list, same_items, same_cell, same_key, same_attribute, same_result, same_truth, same_size, same_word,
};

/* 1 where all places of a table hold what they held, 0 where not, -1 with an exception that is the user's. */
static int all_same(const word *at)
{
    while (*at >= 0) {
        at = kinds[*at](at + 1);
        if (at) continue;
        if (!PyErr_Occurred()) return 0;
        if (!PyErr_ExceptionMatches(PyExc_Exception)) return -1; /* an interrupt */
        PyErr_Clear();
        return 0;
    }
    return 1;
}

static object *answer(int found) { return found < 0 ? 0 : PyBool_FromLong(found); }

/* Whether the places of the table hold what they held. */
static object *same(object *self, object *none) { return answer(all_same(table(self, 0))); }
method same_method = {"same", same, NOARGS, 0};

/* ---- tensors: the arguments of a call, and those that a program holds */

typedef struct { object head; char *data; int ndim; word *sizes, *strides; object *base, *dtype; int flags; } array;
enum { WRITEABLE = 0x400 };

/* Offsets of a tensor's slots and of a view's base; the classes of plain tensors and arrays; `object.__new__`. */
static struct { word array, backend, node, tracked, view, cell, base; object *tensor, *ndarray, *make; } layout;
void set_layout(const void *given) { memcpy(&layout, given, sizeof layout); }

#define SLOT(x, name) (*(object **)((char *)(x) + layout.name))
#define NONE (&_Py_NoneStruct)

/* Whether a tensor requires grad: 0, 1, or -1 where that takes longer to find out. */
static int is_tracked(object *t)
{
    object *view = SLOT(t, view), *tracked = SLOT(t, tracked);
    if (view != NONE) return view && SLOT(SLOT(view, base), tracked) == &_Py_FalseStruct ? 0 : -1;
    return tracked == &_Py_TrueStruct ? 1 : tracked == &_Py_FalseStruct ? 0 : -1;
}

typedef struct { int n; object *tensors[MOST]; array *arrays[MOST]; word bytes[MOST]; } arguments;

/* The first of the tensors that is `t`. */
static word first_like(const arguments *found, object *t)
{
    word i = 0;
    while (i < found->n && found->tensors[i] != t) ++i;
    return i;
}

/* As bits, which of the arrays have memory in common with `bytes` from `data` on. */
static word over(const arguments *found, const char *data, word bytes)
{
    word all = 0;
    for (word i = 0; bytes && i < found->n; ++i) {
        const char *other = found->arrays[i]->data;
        if (found->bytes[i] && data < other + found->bytes[i] && other < data + bytes) all |= (word)1 << i;
    }
    return all;
}

/* The tensor itself where only that one will do, else 0; backend, dtype, whether it is tracked, the first argument that
   is this tensor, those before it over the same memory; bytes; dimensions, sizes, strides. */
static const word *tensor_fits(const word *at, object *t, arguments *found)
{
    if (at[0] ? t != OBJECT(at[0]) : t->type != layout.tensor) return 0;
    array *a = (array *)SLOT(t, array);
    if (!a || a->head.type != layout.ndarray || SLOT(t, backend) != OBJECT(at[1]) || a->dtype != OBJECT(at[2])) return 0;
    word bytes = at[6], n = at[7];
    if (is_tracked(t) != at[3] || first_like(found, t) != at[4] || over(found, a->data, bytes) != at[5]) return 0;
    if (a->ndim != n || memcmp(a->sizes, at + 8, 8 * n) || memcmp(a->strides, at + 8 + n, 8 * n)) return 0;
    found->tensors[found->n] = t;
    found->bytes[found->n] = bytes;
    found->arrays[found->n++] = a;
    return at + 8 + 2 * n;
}

/* How many are positional, how many not, the names of these; for each 0 and a tensor's words, or the object that it must be. */
static const word *arguments_fit(const word *at, object *args, object *named, arguments *found)
{
    object *given[MOST], *name;
    word positional = at[0], all = at[0] + at[1], place = 0;
    found->n = 0;
    if (PyTuple_Size(args) != positional || PyDict_Size(named) != at[1]) return 0;
    at += 2;
    for (word i = 0; i < positional; ++i) given[i] = PyTuple_GetItem(args, i);
    for (word i = positional; i < all; ++i)
        if (!PyDict_Next(named, &place, &name, &given[i]) || name != OBJECT(*at++)) return 0;
    for (word i = 0; i < all && at; ++i) {
        object *only = OBJECT(*at++);
        if (!only) at = tensor_fits(at, given[i], found);
        else if (given[i] != only) return 0;
    }
    return at;
}

/* How many tensors the program holds; for each the tensor, its array, whether it is tracked. */
static const word *held_fit(const word *at)
{
    word n = *at++;
    for (; n; --n, at += 3) {
        object *t = OBJECT(at[0]);
        if (SLOT(t, array) != OBJECT(at[1]) || SLOT(t, node) != NONE || SLOT(t, view) != NONE || is_tracked(t) != at[2]) return 0;
    }
    return at;
}

/* ---- the run */

typedef struct {
    char **pointers;
    void (*run)(void (*entry)(void *, int), void *context, int threads);
    void (*entry)(void *, int);
    void *context;
    const word *flag;
    object *empty, *fail; /* numpy.empty; what raises the error that the flag tells of */
    word threads, is_short, inputs, outputs;
} program;

/* An array of a list of two that nobody else holds any more, else a new one. */
static object *memory(object *empty, object *form, object *kept)
{
    for (word i = 0; kept && i < 2; ++i) {
        object *old = PyList_GetItem(kept, i);
        if (old && old != NONE && old->holders == 1) return held(old);
    }
    object *made = PyObject_Call(empty, form, 0), *younger;
    if (!made || !kept || !(younger = PyList_GetItem(kept, 1))) return made;
    PyList_SetItem(kept, 0, held(younger));
    PyList_SetItem(kept, 1, held(made));
    return made;
}

/* Puts addresses under the program's slots, and returns a tuple of its outputs; 0 where one is in memory that is only read. Words of an input: slot, array or 0 for that
   of an argument, which one. Words of an output: the same, but with -1 for new memory; what `empty` is given; what is kept. */
static object *lay_out(const program *p, array **arrays)
{
    const word *at = (const word *)(p + 1);
    for (word i = 0; i < p->inputs; ++i, at += 3) p->pointers[at[0]] = (at[1] ? (array *)at[1] : arrays[at[2]])->data;
    object *outputs = PyTuple_New(p->outputs);
    for (word i = 0; outputs && i < p->outputs; ++i, at += 5) {
        object *out = at[1] ? OBJECT(at[1]) : at[2] >= 0 ? &arrays[at[2]]->head : 0;
        if (out && ((array *)out)->flags & WRITEABLE) Py_IncRef(out);
        else if (!out && (out = memory(p->empty, OBJECT(at[3]), OBJECT(at[4])))) p->pointers[at[0]] = ((array *)out)->data;
        else { Py_DecRef(outputs); return 0; }
        PyTuple_SetItem(outputs, i, out);
    }
    return outputs;
}

static object *run_laid_out(const program *p, object *outputs)
{
    if (p->is_short) p->entry(p->context, 0);
    else {
        void *thread = PyEval_SaveThread();
        p->run(p->entry, p->context, p->threads);
        PyEval_RestoreThread(thread);
    }
    if (!*p->flag) return outputs;
    Py_DecRef(outputs);
    return PyObject_CallFunctionObjArgs(p->fail, NULL); /* 0: it raises */
}

/* A tuple of outputs; 0 where something raises, or the tensors have changed since they were looked at. */
static object *run_program(const program *p, const word *checks, object *args, object *named)
{
    arguments found;
    const word *at = arguments_fit(checks, args, named, &found);
    if (!at || !held_fit(at)) return 0;
    for (int i = 0; i < found.n; ++i) Py_IncRef(&found.arrays[i]->head); /* other threads may exchange them meanwhile */
    object *outputs = lay_out(p, found.arrays);
    if (outputs) outputs = run_laid_out(p, outputs);
    for (int i = 0; i < found.n; ++i) Py_DecRef(&found.arrays[i]->head);
    return outputs;
}

/* ---- the whole call */

typedef struct {
    object *acquire, *release; /* the program's lock */
    object *acquire_all, *release_all; /* the lock of all captures */
    object *prepare, *finish, *rebuild; /* 0 where nothing need be prepared, C can finish, the result is one tensor */
    object *missed, *grad; /* what is returned where the program does not serve; "_grad" */
    word writes, dropped, grads, results;
} delivery;
enum { WRITE = 4 }; /* words of a tensor that is written */

/* Calls a function for what it does; also where an error is on its way. Returns whether it did not raise. */
static int done(object *function)
{
    object *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    object *result = PyObject_CallFunctionObjArgs(function, NULL);
    if (result) PyErr_Restore(type, value, trace);
    else { Py_DecRef(type); Py_DecRef(value); Py_DecRef(trace); } /* its error takes the place of the one before */
    Py_DecRef(result);
    return result != 0;
}

/* A tensor for output `at[1]`, of backend `at[0]`. */
static object *new_tensor(const word *at, object *outputs)
{
    object *t = PyObject_CallFunctionObjArgs(layout.make, layout.tensor, NULL);
    if (!t) return 0;
    SLOT(t, array) = held(PyTuple_GetItem(outputs, at[1]));
    SLOT(t, backend) = held(OBJECT(at[0]));
    SLOT(t, node) = held(NONE);
    SLOT(t, view) = held(NONE);
    SLOT(t, cell) = held(NONE);
    SLOT(t, tracked) = held(&_Py_FalseStruct);
    return t;
}

/* Counts one more write to the memory of a tensor. */
static int count_write(object *t)
{
    object *cell = SLOT(t, cell), *before = cell == NONE ? 0 : PyList_GetItem(cell, 0);
    object *number = PyLong_FromLongLong(before ? PyLong_AsLongLong(before) + 1 : 1);
    if (number && cell == NONE && (cell = PyList_New(1))) {
        SLOT(t, cell) = cell;
        Py_DecRef(NONE);
    }
    return number && cell && !PyList_SetItem(cell, 0, number);
}

/* Words: for each tensor that was written its array, which output is to be copied there (-1 where it was updated itself), bytes;
   for each gradient the `__dict__` of its tensor, backend, which output. */
static int write_down(const delivery *d, object *outputs)
{
    const word *at = (const word *)(d + 1);
    for (word i = 0; i < d->writes; ++i, at += WRITE) {
        /* the array that was looked at before the run: another thread may have given the tensor a smaller one meanwhile */
        if (at[2] >= 0) memcpy(((array *)at[1])->data, ((array *)PyTuple_GetItem(outputs, at[2]))->data, at[3]);
        if (!count_write(OBJECT(at[0]))) return 0;
    }
    at += d->dropped;
    for (word i = 0; i < d->grads; ++i, at += 3) {
        object *grad = new_tensor(at + 1, outputs);
        if (!grad) return 0;
        int wrong = PyDict_SetItem(OBJECT(at[0]), d->grad, grad);
        Py_DecRef(grad);
        if (wrong) return 0;
    }
    return 1;
}

/* What the function returns. Words of each result: backend, which output; or 0, what it always is. */
static object *result_of(const delivery *d, const word *at, object *outputs)
{
    if (!d->rebuild) return at[0] ? new_tensor(at, outputs) : held(OBJECT(at[1]));
    object *results = PyList_New(d->results), *leaves = 0, *built = 0;
    for (word i = 0; results && i < d->results; ++i, at += 2) {
        object *leaf = at[0] ? new_tensor(at, outputs) : held(OBJECT(at[1]));
        if (!leaf) { Py_DecRef(results); return 0; }
        PyList_SetItem(results, i, leaf);
    }
    if (results && (leaves = PyObject_GetIter(results))) built = PyObject_CallFunctionObjArgs(d->rebuild, leaves, NULL);
    if (leaves) Py_DecRef(leaves);
    if (results) Py_DecRef(results);
    return built;
}

static object *deliver(const delivery *d, object *outputs)
{
    if (d->writes + d->grads) {
        if (!done(d->acquire_all)) return 0;
        int right = write_down(d, outputs);
        if (!done(d->release_all) || !right) return 0;
    }
    return result_of(d, (const word *)(d + 1) + WRITE * d->writes + d->dropped + 3 * d->grads, outputs);
}

/* Lets go of the gradients that the run will replace, so that their memory can take the new ones. */
static int drop(const delivery *d)
{
    const word *at = (const word *)(d + 1) + WRITE * d->writes;
    for (word i = 0; i < d->dropped; ++i, ++at)
        if (PyDict_SetItem(OBJECT(*at), d->grad, NONE)) return 0;
    return 1;
}

/* call(args, kwargs, same): what the function does, if these, the thread's settings, the tensors that the program holds, and
   what `same` (the builtin above, or None) looks at are as they were; else `missed`. Tables: arguments and tensors, settings,
   program, delivery. */
static object *call(object *self, object *const *given, word count)
{
    const word *checks = table(self, 0);
    const delivery *d = (const delivery *)table(self, 3);
    arguments found;
    const word *at = arguments_fit(checks, given[0], given[1], &found);
    if (!at || !held_fit(at) || given[2] == NONE) return held(d->missed);
    int all = all_same(table(self, 1));
    if (all > 0) {
        object *answered = PyObject_CallFunctionObjArgs(given[2], NULL);
        if (!answered) return 0;
        all = answered == &_Py_TrueStruct;
        Py_DecRef(answered);
    }
    if (all <= 0) return all < 0 ? 0 : held(d->missed);
    if (!done(d->acquire)) return 0;
    object *outputs = 0;
    if ((!d->prepare || done(d->prepare)) && drop(d))
        outputs = run_program((const program *)table(self, 2), checks, given[0], given[1]);
    if (!done(d->release) || !outputs) {
        Py_DecRef(outputs);
        return PyErr_Occurred() ? 0 : held(d->missed);
    }
    object *result = d->finish ? PyObject_CallFunctionObjArgs(d->finish, outputs, given[0], given[1], NULL) : deliver(d, outputs);
    Py_DecRef(outputs);
    return result;
}
method call_method = {"call", call, FASTCALL, 0};
