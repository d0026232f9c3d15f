/* Memory of large arrays, kept for the next ones when it is freed: the system gives out fresh memory page by page, which takes
   longer than most kernels that fill it. This is a handler of NumPy's (NEP 49): an array frees its memory by the one that it came from. */
#include <malloc.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#define LEAST (256 << 10) /* smaller blocks are malloc's affair */
#define KEPT 64           /* blocks */
#define CUT 4             /* a kept block of up to so many times the size is cut down to it */
#define GREAT (32 << 20)  /* a new block of this size, as for a compiled program's temporaries, has as many kept bytes given back first */
#define HUGE_PAGE (2 << 20)

i64 memory_limit = 256 << 20; /* bytes that are kept */

typedef struct { void *at; size_t size; u64 age; } block_t;

static struct { pthread_mutex_t lock; block_t blocks[KEPT]; size_t bytes; u64 age; } kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The kept block that fits best, of equal ones the last, taken out; 0 where none does. What is much too large is cut: its rest goes
   back, and the memory of what was freed before, as while a model was made, does for what comes now. */
static void *take(size_t size)
{
    block_t best = {0}, *place = 0;
    pthread_mutex_lock(&kept.lock);
    for (int k = 0; k < KEPT; ++k) {
        block_t *b = &kept.blocks[k];
        if (b->at && b->size >= size && b->size / CUT <= size && (!place || b->size < place->size || (b->size == place->size && b->age > place->age))) place = b;
    }
    if (place) {
        best = *place;
        kept.bytes -= best.size;
        place->at = 0;
    }
    pthread_mutex_unlock(&kept.lock);
    if (best.size <= size + size / 4) return best.at;
    void *cut = realloc(best.at, size);
    return cut ? cut : best.at;
}

static void drop(block_t *b)
{
    kept.bytes -= b->size;
    free(b->at);
    b->at = 0;
}

static block_t *oldest(void)
{
    block_t *found = 0;
    for (int k = 0; k < KEPT; ++k)
        if (kept.blocks[k].at && (!found || kept.blocks[k].age < found->age)) found = &kept.blocks[k];
    return found;
}

static void make_way(size_t size)
{
    pthread_mutex_lock(&kept.lock);
    size_t rest = kept.bytes > size ? kept.bytes - size : 0;
    while (kept.bytes > rest) drop(oldest());
    pthread_mutex_unlock(&kept.lock);
}

/* Keeps a block in place of the oldest ones. */
static void keep(void *at, size_t size)
{
    pthread_mutex_lock(&kept.lock);
    for (;;) {
        block_t *room = 0;
        for (int k = 0; k < KEPT; ++k)
            if (!kept.blocks[k].at) room = &kept.blocks[k];
        if (room && kept.bytes + size <= (size_t)memory_limit) {
            *room = (block_t){at, size, ++kept.age};
            kept.bytes += size;
            break;
        }
        drop(oldest());
    }
    pthread_mutex_unlock(&kept.lock);
}

typedef struct {
    void *context, *(*malloc)(void *, size_t), *(*calloc)(void *, size_t, size_t), *(*realloc)(void *, void *, size_t);
    void (*free)(void *, void *, size_t);
} allocator_t; /* PyDataMemAllocator of numpy/ndarraytypes.h */

allocator_t *below; /* NumPy's own, which small blocks are left to: set when the handler is put in */

static void *get(void *context, size_t size)
{
    void *found;
    if (size < LEAST) return below->malloc(below->context, size);
    if ((found = take(size))) return found;
    if (size < 2 * HUGE_PAGE) return malloc(size);
    if (size >= GREAT) make_way(size);
    if (posix_memalign(&found, HUGE_PAGE, size)) return 0;
    madvise(found, size, MADV_HUGEPAGE);
    return found;
}

static void *get_zeros(void *context, size_t count, size_t size)
{
    size_t bytes;
    void *found;
    if (__builtin_mul_overflow(count, size, &bytes)) return 0;
    if (bytes < LEAST) return below->calloc(below->context, count, size);
    found = take(bytes);
    return found ? memset(found, 0, bytes) : calloc(count, size);
}

static void *get_other(void *context, void *at, size_t size) { return below->realloc(below->context, at, size); }

/* What malloc says of the size is believed: an array may have been given other dimensions. */
static void give_back(void *context, void *at, size_t size)
{
    size_t whole = size < LEAST || !at ? 0 : malloc_usable_size(at);
    if (whole >= LEAST && whole <= (size_t)memory_limit) keep(at, whole);
    else if (whole) free(at);
    else below->free(below->context, at, size);
}

static void begin_anew(void) { pthread_mutex_init(&kept.lock, 0); }
__attribute__((constructor)) static void follow_forks(void) { pthread_atfork(0, 0, begin_anew); }

struct { char name[127]; u8 version; allocator_t allocator; } memory_handler = { /* PyDataMem_Handler */
    "facula-native", 1, {0, get, get_zeros, get_other, give_back}};

i64 memory_kept(void) { return (i64)kept.bytes; }

void memory_release(void)
{
    pthread_mutex_lock(&kept.lock);
    for (int k = 0; k < KEPT; ++k)
        if (kept.blocks[k].at) drop(&kept.blocks[k]);
    pthread_mutex_unlock(&kept.lock);
}
