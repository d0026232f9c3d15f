/* What all units share: the one pool of threads, and work split into parts for it. */

typedef void (*body_t)(void *context, int thread);
typedef void (*part_t)(void *context, i64 from, i64 to);

int (*pool_run)(body_t body, void *context, int threads); /* set when the unit is loaded */
int pool_threads = 1;                                     /* what facula.set_num_threads says */

typedef struct { part_t part; void *context; i64 count, step; int threads; } parts_t;

static void one_part(void *context, int thread)
{
    parts_t *p = context;
    i64 from = thread * p->step, to = from + p->step;
    if (from < p->count) p->part(p->context, from, to < p->count ? to : p->count);
}

/* Calls part(context, from, to) for parts of 0 .. count - 1, one a thread, each of at least `grain`; inner ends are multiples of `multiple`. */
static void in_parts(part_t part, void *context, i64 count, i64 grain, i64 multiple)
{
    i64 threads = grain > 0 ? count / grain : count;
    if (threads > pool_threads) threads = pool_threads;
    if (threads > 1) {
        parts_t p = {part, context, count, 0, (int)threads};
        p.step = ((count + threads - 1) / threads + multiple - 1) / multiple * multiple;
        if (pool_run(one_part, &p, (int)threads)) return;
    }
    if (count > 0) part(context, 0, count); /* one thread is enough, or no more could be made */
}
