/* Reading, adding and writing at indices along the middle dimension of (lead, n, tail). A thread has some of the lead and of the tail, and all
   indices in their order: so equal ones add up, or the last of them stays, as one after another, on any number of threads. */

#define GRAIN 16384 /* elements that are worth a thread */
#define WIDE 256    /* neighbours of the tail at a time */

typedef struct {
    const void *in;
    void *out;
    const i64 *at;
    i64 n, count, tail, chunks; /* of the dimension, of indices along it, of neighbours, and of pieces of these */
    atomic_int is_bad; /* an index is negative or too large: it is looked at where it is used, as another thread may change it meanwhile */
} places_t;

/* `index`: where the index of an element is found. */
#define LOOP(name, type, index, statement)                                                                             \
    static void name##_##type(void *context, i64 first, i64 last)                                                      \
    {                                                                                                                  \
        places_t *p = context;                                                                                         \
        i64 n = p->n, count = p->count, tail = p->tail;                                                                \
        const type *in = p->in;                                                                                        \
        type *out = p->out;                                                                                            \
        int is_bad = 0;                                                                                                \
        for (i64 unit = first; unit < last; ++unit) {                                                                  \
            i64 lead = unit / p->chunks, low = unit % p->chunks * WIDE;                                                \
            i64 high = tail - low < WIDE ? tail : low + WIDE;                                                          \
            for (i64 j = 0; j < count; ++j) {                                                                          \
                i64 row = (lead * count + j) * tail, base = lead * n;                                                  \
                _Pragma("GCC ivdep") for (i64 t = low; t < high; ++t) {                                                \
                    i64 here = row + t, k = p->at[index];                                                              \
                    int fits = (u64)k < (u64)n;                                                                        \
                    i64 there = (base + (fits ? k : 0)) * tail + t;                                                    \
                    is_bad |= !fits;                                                                                   \
                    statement;                                                                                         \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
        if (is_bad) p->is_bad = 1;                                                                                     \
    }
#define LOOPS(type)                                                                                                    \
    LOOP(gather, type, here, out[here] = in[there])                                                                    \
    LOOP(scatter_sum, type, here, out[there] += in[here])                                                              \
    LOOP(scatter_assign, type, here, out[there] = in[here])                                                            \
    LOOP(index_add, type, j, out[there] += in[here])                                                                   \
    LOOP(index_copy, type, j, out[there] = in[here])
LOOPS(f32)
LOOPS(f64)
LOOPS(i64)

/* Whole slices: each is read where it is needed. Work: (lead, indices). */
#define SLICES(type)                                                                                                   \
    static void index_select_##type(void *context, i64 first, i64 last)                                                \
    {                                                                                                                  \
        places_t *p = context;                                                                                         \
        i64 tail = p->tail;                                                                                            \
        const type *in = p->in;                                                                                        \
        type *out = p->out;                                                                                            \
        i64 lead = first / p->count, j = first % p->count;                                                             \
        for (i64 row = first; row < last; ++row, ++j) {                                                                \
            if (j == p->count) ++lead, j = 0;                                                                          \
            i64 k = p->at[j];                                                                                          \
            if ((u64)k >= (u64)p->n) { p->is_bad = 1; return; }                                                        \
            const type *from = in + (lead * p->n + k) * tail;                                                          \
            if (tail < 8) for (i64 t = 0; t < tail; ++t) out[row * tail + t] = from[t];                                \
            else memcpy(out + row * tail, from, tail * sizeof *out);                                                   \
        }                                                                                                              \
    }
SLICES(f32)
SLICES(f64)
SLICES(i64)

/* 0 where an index is negative or too large: what was written then is of no use. `kind`: 0 for float32, 1 for float64, 2 for int64. */
#define CALL(name, units)                                                                                              \
    int name(i64 in, i64 at, i64 out, i64 kind, i64 lead, i64 n, i64 count, i64 tail)                                  \
    {                                                                                                                  \
        static const part_t loops[] = {name##_f32, name##_f64, name##_i64};                                            \
        places_t p = {DATA(in), DATA(out), DATA(at), n, count, tail, (tail + WIDE - 1) / WIDE, 0};                     \
        if (!n) return 0;                                                                                              \
        in_parts(loops[kind], &p, units, 1 + GRAIN / (lead * count * tail / units + 1), 1);                            \
        return !p.is_bad;                                                                                              \
    }
CALL(gather, lead * p.chunks)
CALL(scatter_sum, lead * p.chunks)
CALL(scatter_assign, lead * p.chunks)
CALL(index_select, lead * count)
CALL(index_add, lead * p.chunks)
CALL(index_copy, lead * p.chunks)
