/* OpenBLAS without its headers: found in a shared library at run time, run in the pool's own threads.

It must have one thread, so that each thread of ours does its own part. That number is the library's, so it has to be a library that
nobody else in the process has loaded, such as NumPy. */
#include <limits.h>
#include <stdio.h>

#define BLAS_ROWS 101 /* of cblas.h: a matrix lies in rows */
#define BLAS_PLAIN 111
#define BLAS_TURNED 112

static void (*openblas_sgemm)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
static int (*openblas_get_num_threads)(void);
static void (*openblas_set_num_threads)(int);
static char *(*openblas_get_config)(void);

/* Whether all products go to it that it can take, not only those that it makes faster. */
int openblas_takes_all;

/* Opens the library as if there were one core: it starts a thread for each other one when it is loaded. */
static void *open_for_one_thread(const char *path)
{
#ifdef __linux__
    cpu_set_t before, one;
    int is_known = !pthread_getaffinity_np(pthread_self(), sizeof before, &before), core = 0;
    while (is_known && core < CPU_SETSIZE - 1 && !CPU_ISSET(core, &before)) ++core;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    if (is_known) pthread_setaffinity_np(pthread_self(), sizeof one, &one);
#endif
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
#ifdef __linux__
    if (is_known) pthread_setaffinity_np(pthread_self(), sizeof before, &before);
#endif
    return library;
}

/* A function that wheels of SciPy's makers call scipy_NAME. */
static void *openblas_function(void *library, const char *name)
{
    char text[64];
    snprintf(text, sizeof text, "scipy_%s", name);
    void *found = dlsym(library, text);
    return found ? found : dlsym(library, name);
}

/* Returns 0, or the number of what is wrong (openblas.py has the words). */
int openblas_open(const char *path)
{
    if (openblas_sgemm) return 0;
    if (dlopen(path, RTLD_LAZY | RTLD_NOLOAD)) return 2;
    void *library = open_for_one_thread(path);
    if (!library) return 1;
    *(void **)&openblas_get_num_threads = openblas_function(library, "openblas_get_num_threads");
    *(void **)&openblas_set_num_threads = openblas_function(library, "openblas_set_num_threads");
    *(void **)&openblas_get_config = openblas_function(library, "openblas_get_config");
    void *sgemm = openblas_function(library, "cblas_sgemm");
    if (!openblas_get_num_threads || !openblas_set_num_threads || !openblas_get_config || !sgemm || strstr(openblas_get_config(), "USE64BITINT")) {
        dlclose(library);
        return 3;
    }
    openblas_set_num_threads(1);
    *(void **)&openblas_sgemm = sgemm;
    return 0;
}

/* Its version and the kernels that it chose, in words; "" where none is open. */
const char *openblas_words(void) { return openblas_sgemm ? openblas_get_config() : ""; }

/* Whether OpenBLAS is faster than the built-in for some products here: with AVX, but not with AVX-512, nor with less. */
#if defined(__AVX__) && LANES < 16
const int openblas_is_worth_having = 1;
#else
const int openblas_is_worth_having = 0;
#endif

/* Whether it is for this one (docs/design/onednn.md has the figures). */
static int openblas_is_faster(long m, long n, long depth, long bk)
{
#if LANES == 8
    return depth >= 128 && m >= (bk == 1 ? 128 : 48); /* with fewer rows packing a b that lies in columns is the work */
#elif defined(__AVX__)
    return m >= 24 && n >= 24; /* the built-in's vectors are half as wide as they could be */
#else
    return 0;
#endif
}

/* `gemm` by OpenBLAS, where it is faster or takes all, else the built-in. */
int openblas_gemm_then(long m, long n, long depth, const float *a, long ai, long ak, const float *b, long bk, long bj, float *c, long ci, const epilogue *then)
{
    int64_t lda, ldb;
    char of_a = layout(m, depth, ai, ak, &lda), of_b = layout(depth, n, bk, bj, &ldb);
    int is_blas = openblas_sgemm && of_a && of_b && ci >= n && m > 0 && n > 0 && depth > 0 && m <= INT_MAX && depth <= INT_MAX && lda <= INT_MAX && ldb <= INT_MAX && ci <= INT_MAX;
    if (!is_blas || !(openblas_takes_all || openblas_is_faster(m, n, depth, bk))) return gemm_then(m, n, depth, a, ai, ak, b, bk, bj, c, ci, then);
    if (openblas_get_num_threads() != 1) openblas_set_num_threads(1); /* threadpoolctl finds it, too */
    openblas_sgemm(BLAS_ROWS, of_a == 'T' ? BLAS_TURNED : BLAS_PLAIN, of_b == 'T' ? BLAS_TURNED : BLAS_PLAIN, m, n, depth, 1, a, lda, b, ldb, 0, c, ci);
    finish(then, 0, 0, m, n);
    return 1;
}

int openblas_gemm(long m, long n, long depth, const float *a, long ai, long ak, const float *b, long bk, long bj, float *c, long ci)
{
    return openblas_gemm_then(m, n, depth, a, ai, ak, b, bk, bj, c, ci, 0);
}
