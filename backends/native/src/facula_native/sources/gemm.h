/* Products of float32 matrices by one thread, as `gemm_name` of core says; c[i, j] = sum of a[i, k] * b[k, j], 0 for want of memory. */
typedef int (*gemm_t)(long m, long n, long depth, const f32 *a, long ai, long ak, const f32 *b, long bk, long bj, f32 *c, long ci);
gemm_t gemm; /* set when the unit is loaded */
/* The same of bfloat16 matrices, as their 16 bits. */
typedef int (*gemm_bf16_t)(long m, long n, long depth, const u16 *a, long ai, long ak, const u16 *b, long bk, long bj, f32 *c, long ci);
gemm_bf16_t gemm_bf16;
