#include <math.h>
#ifdef __FP_FAST_FMAF
#define FUSED(a, b, c) __builtin_fmaf(a, b, c)
#else
#define FUSED(a, b, c) ((a) * (b) + (c))
#endif
static inline __attribute__((always_inline)) float float_of_bits(unsigned int bits) { union { unsigned int bits; float value; } u; u.bits = bits; return u.value; }
static inline __attribute__((always_inline)) unsigned int bits_of_float(float value) { union { unsigned int bits; float value; } u; u.value = value; return u.bits; }
static inline __attribute__((always_inline)) long long maximum_i64(long long a, long long b) {
    return a > b ? a : b;
}

KERNEL void reduce_71a60b5056(GLOBAL i64 *out,
    GLOBAL const i64 *in_a,
    i64 out_at,
    i64 in_a_at,
    i32 n0,
    i32 m0,
    i32 m1,
    i32 in_a_t0,
    i32 in_a_t1)
{
    out += out_at;
    in_a += in_a_at;
    EACH(i32, i0, 0, n0) {
        GLOBAL const i64 *row = in_a + (i0);
        i64 part = row[0];
        int first = 1;
        for (i32 j1 = 0; j1 < m1; ++j1) {
        for (i32 j0 = 0; j0 < m0; ++j0) {
            part = first ? part : maximum_i64(part, row[j0 * in_a_t0 + j1 * in_a_t1]);
            first = 0;
        }
        }
        out[i0] = part;
    }
}
