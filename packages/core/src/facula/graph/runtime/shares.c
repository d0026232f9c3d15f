/* Threads' parts of a program, as fast as each has shown to be. */

/* Of one thread; the one after the last has a cut only. `Compiled` lays it out. */
typedef struct {
    int64_t cut, low, high; /* in grains: where the thread's part begins, and how far that may move */
    uint64_t spent;         /* time on parts in grains, in the last run */
    int64_t votes;          /* of runs, for a higher cut or against it */
    int64_t apart[3];       /* others' lie in other cache lines */
} share_t;

#define ENOUGH 0.75 /* of a grain, by which a run must find a cut to be wrong */
#define VOTES 4     /* more of one kind than of the other, which move it: another program may have had a core for a moment */

/* Moves each cut by one grain at most. */
static void balance(share_t *shares, int threads)
{
    double speed = 0, reached = 0;
    for (int t = 0; t < threads; ++t) {
        if (!shares[t].spent) return; /* nothing is in grains, or there is no clock */
        speed += (double)(shares[t + 1].cut - shares[t].cut) / shares[t].spent;
    }
    for (int t = 1; t < threads; ++t) {
        share_t *s = shares + t;
        reached += (double)(s->cut - s[-1].cut) / s[-1].spent;
        double wrong = reached / speed * shares[threads].cut - s->cut;
        int vote = (wrong > ENOUGH) - (wrong < -ENOUGH), against = (s->votes > 0) - (s->votes < 0);
        s->votes += vote ? vote : -against;
        if (s->votes > -VOTES && s->votes < VOTES) continue;
        if (vote > 0 ? s->cut < s->high : s->cut > s->low) s->cut += vote;
        s->votes = 0;
    }
}

/* What a program's context begins with, and what is noted where there are fewer threads than its parts. */
typedef struct { share_t *shares; void *memory; const void *keys; int64_t *flag; } head_t;
#define TOO_FEW_THREADS 4

/* `run` for a program: adapts its threads' shares, and notes in its flag if it was not run. */
int run_program(body_t program, head_t *context, int threads)
{
    int ran = run(program, context, threads);
    if (ran) balance(context->shares, threads);
    else context->flag[0] = TOO_FEW_THREADS;
    return ran;
}
