/* Products of bfloat16 matrices with float32 sums: by oneDNN on the CPUs that have instructions for them, else as float32. */

typedef int (*gemm_bf16_t)(char, char, int64_t, int64_t, int64_t, float, const uint16_t *, int64_t, const uint16_t *, int64_t, float, float *, int64_t);
static gemm_bf16_t onednn_bf16; /* of no public header, so not every build of the library may have it */

/* Whether there are instructions for products of bfloat16; tests set it to 0. */
int bfloat16_is_native;

#define AVX512_BF16 0xe7 /* what dnnl_get_effective_cpu_isa says of AVX-512 with them; more is more bits */

static void find_bfloat16(void *library)
{
    int (*isa)(void) = (int (*)(void))dlsym(library, "dnnl_get_effective_cpu_isa");
    onednn_bf16 = (gemm_bf16_t)dlsym(library, "dnnl_gemm_bf16bf16f32");
    bfloat16_is_native = onednn_is_open && onednn_bf16 && isa && (isa() & AVX512_BF16) == AVX512_BF16;
}

static inline float widened(uint16_t half)
{
    union { uint32_t bits; float value; } u = {(uint32_t)half << 16};
    return u.value;
}

/* A matrix as float32, its rows or its columns in order as they are now: how far apart its rows and columns are then. */
static void widen(long rows, long columns, const uint16_t *from, long down, long across, float *to, long *new_down, long *new_across)
{
    int by_columns = across != 1 && down == 1;
    long lines = by_columns ? columns : rows, each = by_columns ? rows : columns;
    long apart = by_columns ? across : down, step = by_columns ? down : across;
    for (long i = 0; i < lines; ++i, from += apart, to += each)
        if (step == 1)
            for (long j = 0; j < each; ++j) to[j] = widened(from[j]);
        else
            for (long j = 0; j < each; ++j) to[j] = widened(from[j * step]);
    *new_down = by_columns ? 1 : columns;
    *new_across = by_columns ? rows : 1;
}

#define TALL 256 /* rows of a and columns of b that are widened at a time */
#define DEEP 2048

/* A tile of at most TALL x TALL, as sums over at most DEEP at a time. */
static int widened_tile(long m, long n, long depth, const uint16_t *a, long ai, long ak, const uint16_t *b, long bk, long bj, float *c, long ci)
{
    float *wide_a = scratchpad(4 * TALL * (2 * DEEP + TALL)), *wide_b = wide_a + TALL * DEEP, *more = wide_b + TALL * DEEP;
    if (!wide_a) return 0;
    for (long k = 0; k < depth; k += DEEP) {
        long deep = depth - k < DEEP ? depth - k : DEEP, di, dk, ek, ej;
        widen(m, deep, a + k * ak, ai, ak, wide_a, &di, &dk);
        widen(deep, n, b + k * bk, bk, bj, wide_b, &ek, &ej);
        if (!onednn_gemm(m, n, deep, wide_a, di, dk, wide_b, ek, ej, k ? more : c, k ? n : ci)) return 0;
        for (long i = 0; k && i < m; ++i)
            for (long j = 0; j < n; ++j) c[i * ci + j] += more[i * n + j];
    }
    return 1;
}

/* `gemm_then` of bfloat16: c is float32. */
int gemm_bf16_then(long m, long n, long depth, const uint16_t *a, long ai, long ak, const uint16_t *b, long bk, long bj, float *c, long ci, const epilogue *then)
{
    int64_t lda, ldb;
    char of_a = layout(m, depth, ai, ak, &lda), of_b = layout(depth, n, bk, bj, &ldb);
    if (bfloat16_is_native && of_a && of_b && ci >= n && m > 0 && n > 0 && depth > 0) {
        int before = enter();
        int failed = onednn_bf16(of_a, of_b, m, n, depth, 1, a, lda, b, ldb, 0, c, ci);
        leave(before);
        if (!failed) finish(then, 0, 0, m, n);
        return !failed;
    }
    if (!depth) return gemm_then(m, n, 0, 0, 0, 0, 0, 0, 0, c, ci, then);
    for (long i = 0; i < m; i += TALL)
        for (long j = 0; j < n; j += TALL)
            if (!widened_tile(m - i < TALL ? m - i : TALL, n - j < TALL ? n - j : TALL, depth, a + i * ai, ai, ak, b + j * bj, bk, bj, c + i * ci + j, ci)) return 0;
    finish(then, 0, 0, m, n);
    return 1;
}

int gemm_bf16(long m, long n, long depth, const uint16_t *a, long ai, long ak, const uint16_t *b, long bk, long bj, float *c, long ci)
{
    return gemm_bf16_then(m, n, depth, a, ai, ak, b, bk, bj, c, ci, 0);
}
