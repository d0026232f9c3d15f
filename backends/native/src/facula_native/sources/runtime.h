/* What all units share: the one pool of threads, and work split into parts for it. */

#include <stdatomic.h>
#include <stdlib.h>

/* A NumPy array, given by its address (0 for None): the first fields of PyArrayObject (numpy/ndarraytypes.h); strides in bytes. */
typedef struct { void *data; int nd; const i64 *dims, *strides; void *base, *dtype; } array_t;
#define ARRAY(object) ((const array_t *)((char *)(object) + HEAD))
#define DATA(object) ((object) ? ARRAY(object)->data : 0)

typedef void (*body_t)(void *context, int thread);
typedef void (*part_t)(void *context, i64 from, i64 to);

int (*pool_run_some)(body_t body, void *context, int threads); /* set when the unit is loaded */
int pool_threads = 1;                                     /* what facula.set_num_threads says */

#define PIECES 4 /* a thread's share: so that others can take over from one whose core is busy with another program */
#define MOST_PIECES 256

typedef struct {
    part_t part;
    void *context;
    i64 count, step;
    int threads, pieces;
    atomic_char taken[MOST_PIECES];
} parts_t;

/* The pieces of one thread, then what others have not begun. */
static void pieces_of(void *context, int thread)
{
    parts_t *p = context;
    int first = p->pieces * thread / p->threads;
    for (int k = 0; k < p->pieces; ++k) {
        int piece = (first + k) % p->pieces;
        if (atomic_exchange_explicit(&p->taken[piece], 1, memory_order_relaxed)) continue;
        i64 from = piece * p->step, to = from + p->step;
        p->part(p->context, from, to < p->count ? to : p->count);
    }
}

/* Calls part(context, from, to) for parts of 0 .. count - 1 on all threads, each of at least `grain`; inner ends are multiples of `multiple`. */
static void in_parts(part_t part, void *context, i64 count, i64 grain, i64 multiple)
{
    i64 threads = pool_threads, pieces = grain > 0 ? count / grain : count;
    if (threads > pieces) threads = pieces;
    if (threads > 1) {
        if (pieces > PIECES * threads) pieces = PIECES * threads;
        if (pieces > MOST_PIECES) pieces = MOST_PIECES;
        parts_t p = {.part = part, .context = context, .count = count, .threads = (int)threads};
        p.step = ((count + pieces - 1) / pieces + multiple - 1) / multiple * multiple;
        p.pieces = (int)((count + p.step - 1) / p.step);
        if (pool_run_some(pieces_of, &p, (int)threads)) return;
    }
    if (count > 0) part(context, 0, count); /* one thread is enough, or no more could be made */
}
