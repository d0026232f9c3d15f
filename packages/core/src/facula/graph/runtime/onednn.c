/* oneDNN's C API (version 3) without its headers: found in a shared library at run time, run in the pool's own threads.

The library's OpenMP must never make a team of threads of its own, or two pools would fight for the cores: one thread of
ours runs one primitive that was made for one thread. So whoever calls it does so between `enter` and `leave`. */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct { int major, minor, patch; } dnnl_version_t;

#define DNNL_FUNCTIONS(X) \
    X(const dnnl_version_t *, dnnl_version, (void)) \
    X(int, dnnl_sgemm, (char, char, int64_t, int64_t, int64_t, float, const float *, int64_t, const float *, int64_t, float, float *, int64_t)) \
    X(int, dnnl_primitive_execute, (const void *, void *, int, const void *)) \
    X(int, dnnl_memory_set_data_handle, (void *, void *)) \
    X(int, omp_get_max_threads, (void)) \
    X(void, omp_set_num_threads, (int))

#define DECLARE(result, name, arguments) static result (*name) arguments;
DNNL_FUNCTIONS(DECLARE)

int onednn_is_open;
static void find_bfloat16(void *library);

#define KEPT_BYTES (1 << 20)

/* glibc gives the end of its heap back when twice as much is free there as the largest block was that it had mapped and freed. With
   packs joined again that was in each step of small networks, which fetched 170 to 250 pages anew. So it gets such a block. */
static void keep_pages(void)
{
    void *volatile block = malloc(KEPT_BYTES); /* volatile, lest the compiler leaves it out */
    free(block);
}

/* Opens the library. Returns 0, or 1 where it or a function of it cannot be found or its version is another. */
int onednn_open(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) return 1;
#define FIND(result, name, arguments) if (!(name = (result (*) arguments)dlsym(library, #name))) return 1;
    DNNL_FUNCTIONS(FIND)
    onednn_is_open = dnnl_version()->major == 3;
    keep_pages();
    find_bfloat16(library);
    return !onednn_is_open;
}

#define SMALL_SIZES 64 /* of freed pieces that glibc keeps for each thread: 24, 40, ... 1032 bytes */
#define SMALL_PIECES 7 /* that it keeps of each size */

/* Fills what glibc keeps of small freed pieces for the calling thread, at its first, second, fourth ... call, as others take of them.

dnnl_sgemm takes memory for its packs at multiples of 128 or 4096 bytes, of which glibc cuts off what is left before and behind. While
it has room for such a small piece it keeps it, and does not join it with the pack when that is freed: the next one does not fit there. */
static void fill_small_pieces(void)
{
#ifdef __GLIBC__
    static __thread unsigned calls;
    unsigned call = ++calls;
    if (call & (call - 1)) return;
    void *volatile pieces[SMALL_PIECES * SMALL_SIZES]; /* as above */
    for (int i = 0; i < SMALL_PIECES * SMALL_SIZES; ++i) pieces[i] = malloc(24 + 16 * (i % SMALL_SIZES));
    for (int i = 0; i < SMALL_PIECES * SMALL_SIZES; ++i) free(pieces[i]);
#endif
}

/* Products of oneDNN hold addresses of matrices in the register of the stack: what a signal puts on the stack would be written into
   those. So a thread that calls oneDNN has a stack of its own for signals, as Python's handlers want it, with a page below it that
   cannot be written. All of the 64 signals may be on it at once, each with vectors and tiles, 11 KB. */
#define SIGNAL_STACK (1 << 20)
static __thread int has_signal_stack;
static pthread_key_t signal_stacks;

static void drop_signal_stack(void *memory)
{
    stack_t found, none = {.ss_flags = SS_DISABLE};
    if (!sigaltstack(0, &found) && found.ss_sp == (char *)memory + sysconf(_SC_PAGESIZE)) sigaltstack(&none, 0);
    munmap(memory, SIGNAL_STACK);
}

__attribute__((constructor)) static void drop_signal_stacks_with_threads(void) { pthread_key_create(&signal_stacks, drop_signal_stack); }

static void make_signal_stack(void)
{
    long page = sysconf(_SC_PAGESIZE);
    stack_t found;
    has_signal_stack = 1;
    if (sigaltstack(0, &found) || !(found.ss_flags & SS_DISABLE)) return; /* somebody else made one */
    char *memory = mmap(0, SIGNAL_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    mprotect(memory, page, PROT_NONE);
    found = (stack_t){.ss_sp = memory + page, .ss_size = SIGNAL_STACK - page};
    sigaltstack(&found, 0);
    pthread_setspecific(signal_stacks, memory);
}

static inline int enter(void)
{
    fill_small_pieces();
    if (!has_signal_stack) make_signal_stack();
    int before = omp_get_max_threads();
    if (before != 1) omp_set_num_threads(1);
    return before;
}

static inline void leave(int before)
{
    if (before != 1) omp_set_num_threads(before);
}

/* How BLAS knows a matrix: 'N' for rows, 'T' for columns that lie in memory, and how far they are apart; 0 for neither. */
static char layout(long rows, long columns, long down, long across, int64_t *apart)
{
    if ((across == 1 || columns == 1) && (down >= columns || rows == 1)) {
        *apart = rows == 1 ? columns : down;
        return 'N';
    }
    if ((down == 1 || rows == 1) && (across >= rows || columns == 1)) {
        *apart = columns == 1 ? rows : across;
        return 'T';
    }
    return 0;
}

#define SHARED (1L << 25) /* multiplications, from which on threads should help each other, which oneDNN's products do not let them */

/* `gemm` by oneDNN where rows are multiplied by a b that lies in columns, as layers do, else the built-in: it is faster with a turned a, with
   a b that lies in rows while a neighbour uses the core's other thread, and where b need not be packed. */
int onednn_gemm_then(long m, long n, long depth, const float *a, long ai, long ak, const float *b, long bk, long bj, float *c, long ci, const epilogue *then)
{
    int64_t lda, ldb, ldc = ci;
    char of_a = layout(m, depth, ai, ak, &lda), of_b = layout(depth, n, bk, bj, &ldb);
    int is_layers = of_a == 'N' && of_b == 'T' && ldc >= n && m > 1 && n > 0 && depth > 0;
    if (!onednn_is_open || !is_layers || (double)m * n * depth >= SHARED || are_dots(m, n, depth, ak, bk) || are_few(m, n, depth, ak, bk))
        return gemm_then(m, n, depth, a, ai, ak, b, bk, bj, c, ci, then);
    int before = enter();
    int failed = dnnl_sgemm(of_a, of_b, m, n, depth, 1, a, lda, b, ldb, 0, c, ldc);
    leave(before);
    if (!failed) finish(then, 0, 0, m, n);
    return !failed;
}

int onednn_gemm(long m, long n, long depth, const float *a, long ai, long ak, const float *b, long bk, long bj, float *c, long ci)
{
    return onednn_gemm_then(m, n, depth, a, ai, ak, b, bk, bj, c, ci, 0);
}

/* ---- plans: primitives that have been made for the parts of one operation, with the memory that each works on

A plan has phases, a phase has steps, which do not depend on each other. A step runs a primitive of oneDNN, or adds up
partial results. Memory is named by slots: pointers that the caller passes, and a distance in bytes from them. */

#define MOST_ARGUMENTS 8
#define SCRATCHPAD -1 /* the slot of memory that each thread has of its own; the distance is its size */

typedef struct { int argument; void *memory; } argument_t; /* dnnl_exec_arg_t */

typedef struct {
    void *primitive; /* 0: floats low .. high of slot 0 become the sum of `count` pieces of slot 1, `offsets[2]` bytes apart */
    int count;
    argument_t arguments[MOST_ARGUMENTS];
    int slots[MOST_ARGUMENTS];
    int64_t offsets[MOST_ARGUMENTS];
    int64_t low, high;
    int64_t columns; /* of a primitive that makes rows low .. high of a matrix of so many columns; else 0 */
} step_t;

typedef struct {
    void *part; /* `onednn_part` or, if rows are made, `onednn_rows_part`, which programs call without their names */
    void *stream;
    int phases;
    const int *ends; /* of each phase: the number of the first step after it */
    step_t *steps;
    atomic_int *taken; /* of each phase: how many steps threads of a program have taken */
    pthread_mutex_t lock; /* the primitives' memory objects are set before each run */
} plan_t;

static __thread struct { void *memory; int64_t size; } pad;

static void *scratchpad(int64_t size)
{
    if (pad.size < size) {
        free(pad.memory);
        pad.size = 0;
        if (posix_memalign(&pad.memory, 64, size)) return pad.memory = 0;
        pad.size = size;
    }
    return pad.memory;
}

static void add_up(const step_t *step, char **slots)
{
    float *to = (float *)(slots[step->slots[0]] + step->offsets[0]);
    const char *from = slots[step->slots[1]] + step->offsets[1];
    for (int64_t at = step->low; at < step->high; at += 1024) { /* in the cache */
        int64_t n = step->high - at < 1024 ? step->high - at : 1024;
        memmove(to + at, (const float *)from + at, 4 * n);
        for (int k = 1; k < step->count; ++k) {
            const float *piece = (const float *)(from + k * step->offsets[2]);
            for (int64_t i = at; i < at + n; ++i) to[i] += piece[i];
        }
    }
}

/* Returns 0, or oneDNN's status. */
static int do_step(step_t *step, void *stream, char **slots)
{
    if (!step->primitive) {
        add_up(step, slots);
        return 0;
    }
    for (int i = 0; i < step->count; ++i) {
        int slot = step->slots[i];
        int64_t offset = step->offsets[i];
        char *at = slot == SCRATCHPAD ? scratchpad(offset) : slots[slot] + offset;
        if (slot == SCRATCHPAD && offset && !at) return 1;
        dnnl_memory_set_data_handle(step->arguments[i].memory, at);
    }
    return dnnl_primitive_execute(step->primitive, stream, step->count, step->arguments);
}

/* In a program whose threads all call it: steps as this thread comes to them. Ends without waiting for the others, but it must not
   be called again for the same plan before all have ended. `then` is told of the rows that a step has made. */
int onednn_rows_part(plan_t *plan, void **slots, int thread, int threads, const epilogue *then)
{
    int before = enter(), failed = 0;
    (void)thread;
    for (int phase = 0, first = 0; phase < plan->phases; first = plan->ends[phase++]) {
        int steps = plan->ends[phase] - first, step;
        if (phase && threads > 1) barrier();
        while ((step = atomic_fetch_add(plan->taken + phase, 1)) < steps) {
            step_t *s = plan->steps + first + step;
            failed |= do_step(s, plan->stream, (char **)slots);
            if (s->columns) finish(then, s->low, 0, s->high - s->low, s->columns);
        }
        if (step == steps + threads - 1) atomic_store(plan->taken + phase, 0); /* the last one to find nothing more */
    }
    leave(before);
    return failed;
}

int onednn_part(plan_t *plan, void **slots, int thread, int threads) { return onednn_rows_part(plan, slots, thread, threads, 0); }

typedef struct { plan_t *plan; char **slots; int end; atomic_int next, failed; } phase_t;

static void do_phase(void *context, int thread)
{
    phase_t *p = context;
    int before = enter(), step;
    (void)thread;
    while ((step = atomic_fetch_add(&p->next, 1)) < p->end)
        if (do_step(p->plan->steps + step, p->plan->stream, p->slots)) atomic_store(&p->failed, 1);
    leave(before);
}

/* Does all of a plan with up to `threads` threads. Returns 0, or 1 where a step failed. */
int onednn_run(plan_t *plan, void **slots, int threads)
{
    phase_t p = {.plan = plan, .slots = (char **)slots};
    pthread_mutex_lock(&plan->lock);
    for (int phase = 0; phase < plan->phases; ++phase) {
        int first = phase ? plan->ends[phase - 1] : 0, steps = plan->ends[phase] - first;
        atomic_store(&p.next, first);
        p.end = plan->ends[phase];
        int wanted = steps < threads ? steps : threads;
        if (!run_some(do_phase, &p, wanted)) do_phase(&p, 0);
    }
    pthread_mutex_unlock(&plan->lock);
    return atomic_load(&p.failed);
}
