/* oneDNN's C API (version 3) without its headers: found in a shared library at run time, run in the pool's own threads.

The library's OpenMP must never make a team of threads of its own, or two pools would fight for the cores: one thread of
ours runs one primitive that was made for one thread. So whoever calls it does so between `enter` and `leave`. */
#include <dlfcn.h>

typedef struct { int major, minor, patch; } dnnl_version_t;

#define DNNL_FUNCTIONS(X) \
    X(const dnnl_version_t *, dnnl_version, (void)) \
    X(int, dnnl_sgemm, (char, char, int64_t, int64_t, int64_t, float, const float *, int64_t, const float *, int64_t, float, float *, int64_t)) \
    X(int, omp_get_max_threads, (void)) \
    X(void, omp_set_num_threads, (int))

#define DECLARE(result, name, arguments) static result (*name) arguments;
DNNL_FUNCTIONS(DECLARE)

int onednn_is_open;

/* Opens the library. Returns 0, or 1 where it or a function of it cannot be found or its version is another. */
int onednn_open(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) return 1;
#define FIND(result, name, arguments) if (!(name = (result (*) arguments)dlsym(library, #name))) return 1;
    DNNL_FUNCTIONS(FIND)
    onednn_is_open = dnnl_version()->major == 3;
    return !onednn_is_open;
}

static inline int enter(void)
{
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

/* `gemm` by oneDNN where the strides are those of matrices, else the built-in, which is faster for a single row too. */
int onednn_gemm(long m, long n, long depth, const float *a, long ai, long ak, const float *b, long bk, long bj, float *c, long ci)
{
    int64_t lda, ldb, ldc = ci;
    char of_a = layout(m, depth, ai, ak, &lda), of_b = layout(depth, n, bk, bj, &ldb);
    if (!onednn_is_open || !of_a || !of_b || ldc < n || m < 2 || n < 1 || depth < 1) return gemm(m, n, depth, a, ai, ak, b, bk, bj, c, ci);
    int before = enter();
    int failed = dnnl_sgemm(of_a, of_b, m, n, depth, 1, a, lda, b, ldb, 0, c, ldc);
    leave(before);
    return !failed;
}
