/* A pool of threads with a barrier. What kernels on the CPU share: whoever has work for threads calls `run`. */
#define _GNU_SOURCE /* for sched_getcpu and affinities; this text comes first */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MOST_THREADS 255 /* as Python's threads.py knows */
#define SOON 1000   /* spins after which a thread should have begun */
#define SPINS 20000 /* half a millisecond to one, as long as processors pause: Python between two calls of a small program takes less */
#if defined(__x86_64__)
#define RELAX __builtin_ia32_pause()
#else
#define RELAX
#endif

typedef void (*body_t)(void *context, int thread);

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    atomic_int generation; /* the number of the run, and in the low 8 bits how many threads it has */
    atomic_int running, sleeping;
    atomic_int arrived, phase;
    body_t body;
    void *context;
    atomic_int threads;
    int made;
    int first[MOST_THREADS];       /* the generation that each thread must not take for news */
    pthread_t ids[MOST_THREADS];
    atomic_int core[MOST_THREADS];    /* where each thread ran last */
    atomic_int offered[MOST_THREADS]; /* the generation whose work waits for the thread; 0 once it was taken, or taken back */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER, .made = 1};
static pthread_mutex_t one_run = PTHREAD_MUTEX_INITIALIZER;

/* What a thread is at, of which threads that wait may take pieces. Who counts `left` down has that piece; the thread itself goes on
   only when all helpers have left, so neither what comes next nor what is written depends on who did what. */
typedef void (*piece_t)(const void *job, long piece);
static struct {
    _Alignas(64) atomic_long left;
    atomic_int helpers;
    piece_t piece;
    const void *job;
    long pieces;
} works[MOST_THREADS];
static _Thread_local int place = -1; /* of this thread in the run, or in its last one */

/* A fork has the memory of the pool, but none of its threads. */
static void begin_anew(void)
{
    memset(works, 0, sizeof works);
    pool.made = 1;
    atomic_store(&pool.generation, 0);
    atomic_store(&pool.sleeping, 0);
    pthread_mutex_init(&pool.lock, 0);
    pthread_mutex_init(&one_run, 0);
    pthread_cond_init(&pool.wake, 0);
}

__attribute__((constructor)) static void follow_forks(void) { pthread_atfork(0, 0, begin_anew); }

/* Some schedulers leave a thread that waits on its caller's core, though another is free, for many milliseconds: the
   caller sends it to any of the others. */
#ifdef __linux__
#define CORE sched_getcpu()
static void send_away(int threads)
{
    int here = CORE;
    for (int t = 1; t < threads && here >= 0; ++t) {
        cpu_set_t cores;
        if (atomic_load(&pool.core[t]) != here || sched_getaffinity(0, sizeof cores, &cores)) continue;
        CPU_CLR(here, &cores);
        if (CPU_COUNT(&cores)) pthread_setaffinity_np(pool.ids[t], sizeof cores, &cores);
        atomic_store(&pool.core[t], -1);
    }
}
#else
#define CORE (-1)
static void send_away(int threads) { }
#endif

/* One turn of waiting for the others. */
static void wait_a_little(int spins)
{
    RELAX;
    if (spins % SOON == SOON - 1 && !place) send_away(pool.threads);
    if (spins > SPINS) sched_yield();
}

static int take_pieces(int of)
{
    int some = 0;
    for (long left; (left = atomic_fetch_sub(&works[of].left, 1)) > 0; some = 1) works[of].piece(works[of].job, works[of].pieces - left);
    return some;
}

/* Takes pieces of others; whether there were any. */
static int help(void)
{
    int some = 0, threads = atomic_load_explicit(&pool.threads, memory_order_relaxed);
    for (int t = 0; t < threads && place < threads; ++t) {
        if (t == place || atomic_load_explicit(&works[t].left, memory_order_relaxed) < 1) continue;
        atomic_fetch_add(&works[t].helpers, 1);
        some |= take_pieces(t);
        atomic_fetch_sub(&works[t].helpers, 1);
    }
    return some;
}

/* Does pieces 0 .. pieces - 1 of a job, which do not depend on each other, with those threads of the run that have nothing else to do. */
void in_pieces(piece_t piece, const void *job, long pieces)
{
    if (place < 0 || pieces < 2) {
        for (long i = 0; i < pieces; ++i) piece(job, i);
        return;
    }
    works[place].piece = piece;
    works[place].job = job;
    works[place].pieces = pieces;
    atomic_store(&works[place].left, pieces);
    take_pieces(place);
    for (int spins = 0; atomic_load(&works[place].helpers); ++spins) wait_a_little(spins);
}

static void *work(void *argument)
{
    int thread = (int)(intptr_t)argument, seen = pool.first[thread];
    place = thread;
    for (;;) {
        int spins = 0;
        while (atomic_load_explicit(&pool.generation, memory_order_acquire) == seen) {
            if (help()) spins = 0;
            RELAX;
            if (++spins < SPINS) continue;
            pthread_mutex_lock(&pool.lock);
            atomic_fetch_add(&pool.sleeping, 1);
            while (atomic_load(&pool.generation) == seen) pthread_cond_wait(&pool.wake, &pool.lock);
            atomic_fetch_sub(&pool.sleeping, 1);
            pthread_mutex_unlock(&pool.lock);
        }
        seen = atomic_load(&pool.generation);
        int generation = seen;
        atomic_store(&pool.core[thread], CORE);
        if (atomic_compare_exchange_strong(&pool.offered[thread], &generation, 0)) {
            pool.body(pool.context, thread);
            atomic_fetch_sub_explicit(&pool.running, 1, memory_order_release);
        }
    }
    return 0;
}

/* Signals are for the threads of the program, but for those that a thread's own fault raises. */
static void leave_signals_to_others(sigset_t *before)
{
    sigset_t all;
    sigfillset(&all);
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    for (unsigned i = 0; i < sizeof faults / sizeof *faults; ++i) sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_BLOCK, &all, before);
}

static void make_threads(int threads)
{
    if (pool.made >= threads) return;
    sigset_t before;
    leave_signals_to_others(&before); /* which new threads take over */
    for (; pool.made < threads; ++pool.made) {
        pool.first[pool.made] = atomic_load(&pool.generation);
        if (pthread_create(&pool.ids[pool.made], 0, work, (void *)(intptr_t)pool.made)) break;
        pthread_detach(pool.ids[pool.made]);
    }
    pthread_sigmask(SIG_SETMASK, &before, 0);
}

/* Takes the work back from threads that have not begun it: another program may have their cores for long. */
static void take_back(int threads, int offered)
{
    int late = 0;
    for (int t = 1; t < threads; ++t) {
        int generation = offered;
        if (atomic_compare_exchange_strong(&pool.offered[t], &generation, 0)) {
            atomic_fetch_sub(&pool.running, 1);
            late = 1;
        }
    }
    if (late) send_away(threads);
}

static int run_in(body_t body, void *context, int threads, int all)
{
    if (threads > MOST_THREADS) threads = MOST_THREADS;
    if (threads <= 1) { body(context, 0); return 1; }
    pthread_mutex_lock(&one_run);
    make_threads(threads);
    if (pool.made < threads) { pthread_mutex_unlock(&one_run); return 0; }
    pool.body = body;
    pool.context = context;
    pool.threads = threads;
    atomic_store(&pool.arrived, 0);
    atomic_store(&pool.running, threads - 1);
    int generation = ((atomic_load(&pool.generation) + 256) & 0x7fffff00) | threads;
    for (int t = 1; t < threads; ++t) atomic_store(&pool.offered[t], generation);
    atomic_store(&pool.generation, generation);
    if (atomic_load(&pool.sleeping)) {
        pthread_mutex_lock(&pool.lock);
        pthread_cond_broadcast(&pool.wake);
        pthread_mutex_unlock(&pool.lock);
    }
    place = 0;
    body(context, 0);
    if (!all) take_back(threads, generation);
    for (int spins = 0; atomic_load_explicit(&pool.running, memory_order_acquire); ++spins)
        if (!help()) wait_a_little(spins);
    place = -1;
    pthread_mutex_unlock(&one_run);
    return threads;
}

/* Calls body(context, 0 .. threads - 1), each in a thread of its own; returns how many threads there were. */
int run(body_t body, void *context, int threads) { return run_in(body, context, threads, 1); }

/* The same for a body that may be called for fewer: what it does in all is done when thread 0 has returned, and the others too. */
int run_some(body_t body, void *context, int threads) { return run_in(body, context, threads, 0); }

/* Waits for all threads of the run. */
void barrier(void)
{
    int phase = atomic_load_explicit(&pool.phase, memory_order_acquire);
    if (atomic_fetch_add_explicit(&pool.arrived, 1, memory_order_acq_rel) == pool.threads - 1) {
        atomic_store_explicit(&pool.arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&pool.phase, phase + 1, memory_order_release);
        return;
    }
    for (int spins = 0; atomic_load_explicit(&pool.phase, memory_order_acquire) == phase; ++spins)
        if (!help()) wait_a_little(spins);
}
