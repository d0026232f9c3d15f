/* A pool of threads with a barrier. What kernels on the CPU share: whoever has work for threads calls `run`. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_THREADS 64
#define SPINS 20000 /* some 40 us of waiting before a thread gives its core away */
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
    int threads, made;
    int first[MOST_THREADS]; /* the generation that each thread must not take for news */
    pid_t owner;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
static pthread_mutex_t one_run = PTHREAD_MUTEX_INITIALIZER;

static void *work(void *argument)
{
    int thread = (int)(intptr_t)argument, seen = pool.first[thread];
    for (;;) {
        int spins = 0;
        while (atomic_load_explicit(&pool.generation, memory_order_acquire) == seen) {
            RELAX;
            if (++spins < SPINS) continue;
            pthread_mutex_lock(&pool.lock);
            atomic_fetch_add(&pool.sleeping, 1);
            while (atomic_load(&pool.generation) == seen) pthread_cond_wait(&pool.wake, &pool.lock);
            atomic_fetch_sub(&pool.sleeping, 1);
            pthread_mutex_unlock(&pool.lock);
        }
        seen = atomic_load(&pool.generation);
        if (thread < (seen & 255)) {
            pool.body(pool.context, thread);
            atomic_fetch_sub_explicit(&pool.running, 1, memory_order_release);
        }
    }
    return 0;
}

static void make_threads(int threads)
{
    if (pool.owner != getpid()) { /* a fork has the memory of the pool, but none of its threads */
        pool.owner = getpid();
        pool.made = 1;
        atomic_store(&pool.generation, 0);
        atomic_store(&pool.sleeping, 0);
        pthread_mutex_init(&pool.lock, 0);
        pthread_cond_init(&pool.wake, 0);
    }
    for (; pool.made < threads; ++pool.made) {
        pthread_t id;
        pool.first[pool.made] = atomic_load(&pool.generation);
        if (pthread_create(&id, 0, work, (void *)(intptr_t)pool.made)) break;
        pthread_detach(id);
    }
}

/* Calls body(context, 0 .. threads - 1), each in a thread of its own; returns how many threads there were. */
int run(body_t body, void *context, int threads)
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
    atomic_store(&pool.generation, ((atomic_load(&pool.generation) + 256) & 0x7fffff00) | threads);
    if (atomic_load(&pool.sleeping)) {
        pthread_mutex_lock(&pool.lock);
        pthread_cond_broadcast(&pool.wake);
        pthread_mutex_unlock(&pool.lock);
    }
    body(context, 0);
    for (int spins = 0; atomic_load_explicit(&pool.running, memory_order_acquire); ++spins) {
        RELAX;
        if (spins > SPINS) sched_yield();
    }
    pthread_mutex_unlock(&one_run);
    return threads;
}

/* Waits for all threads of the run. */
void barrier(void)
{
    int phase = atomic_load_explicit(&pool.phase, memory_order_acquire);
    if (atomic_fetch_add_explicit(&pool.arrived, 1, memory_order_acq_rel) == pool.threads - 1) {
        atomic_store_explicit(&pool.arrived, 0, memory_order_relaxed);
        atomic_store_explicit(&pool.phase, phase + 1, memory_order_release);
        return;
    }
    for (int spins = 0; atomic_load_explicit(&pool.phase, memory_order_acquire) == phase; ++spins) {
        RELAX;
        if (spins > SPINS) sched_yield();
    }
}
