/* Loops of our own for NumPy's ufuncs, over float32: what NumPy lacks, or would do in several passes. */

#include "halves.h"

#define IN(k, i) (*(const f32 *)(args[k] + (i) * steps[k]))
#define SINGLE_LOOP(name, operands, value)                                                                             \
    void name(char **args, const i64 *dims, const i64 *steps, void *data)                                              \
    {                                                                                                                  \
        i64 n = dims[0], together = 1;                                                                                 \
        for (int k = 0; k < operands; ++k) together &= steps[k] == 4;                                                  \
        if (together) {                                                                                                \
            const f32 *x = (const f32 *)args[0], *y = (const f32 *)args[operands - 2];                                 \
            f32 *out = (f32 *)args[operands - 1];                                                                      \
            _Pragma("GCC ivdep") for (i64 i = 0; i < n; ++i) { f32 a = x[i], b = y[i]; out[i] = value; }               \
        } else                                                                                                         \
            for (i64 i = 0; i < n; ++i) {                                                                              \
                f32 a = IN(0, i), b = IN(operands - 2, i);                                                             \
                *(f32 *)(args[operands - 1] + i * steps[operands - 1]) = value;                                        \
            }                                                                                                          \
    }

/* NAME for float32, half_NAME for bfloat16. */
#define LOOP(name, operands, value) SINGLE_LOOP(name, operands, value) HALF_LOOP(half_##name, operands, value)

FN f32 sigmoid(f32 x) { return 1.0f / (1.0f + exp_f32(-x)); }

/* tanh(sqrt(2 / pi) (x + 0.044715 x^3)) */
FN f32 gelu_inner(f32 x) { return tanh_f32(x * (0.79788456f + 0.79788456f * 0.044715f * (x * x))); }

FN f32 silu_slope(f32 x)
{
    f32 s = sigmoid(x);
    return s * (1.0f + x * (1.0f - s));
}

FN f32 gelu_tanh_slope(f32 x)
{
    f32 t = gelu_inner(x);
    f32 inner = 0.79788456f + 3.0f * 0.79788456f * 0.044715f * (x * x);
    return 0.5f * (1.0f + t) + 0.5f * x * ((1.0f - t * t) * inner);
}

/* Of a score and a target in [0, 1]. */
FN f32 logistic_nll(f32 score, f32 target)
{
    f32 softplus = log1p_f32(exp_f32(-fabsf(score))) + (score < 0.0f ? -score : 0.0f);
    return (1.0f - target) * score + softplus;
}

LOOP(erf_loop, 2, erf_f32(a))
LOOP(sigmoid_loop, 2, sigmoid(a))
LOOP(silu_loop, 2, a * sigmoid(a))
LOOP(gelu_loop, 2, gelu_f32(a))
LOOP(gelu_tanh_loop, 2, 0.5f * a * (1.0f + gelu_inner(a)))
LOOP(logistic_nll_loop, 3, logistic_nll(a, b))
LOOP(silu_gradient_loop, 3, a * silu_slope(b))
LOOP(gelu_gradient_loop, 3, a * gelu_slope_f32(b))
LOOP(gelu_tanh_gradient_loop, 3, a * gelu_tanh_slope(b))
LOOP(tanh_gradient_loop, 3, a * (1.0f - b * b))
LOOP(sigmoid_gradient_loop, 3, a * (b * (1.0f - b)))
/* max(a, 0); NaN stays. */
HALF_LOOP(half_relu_loop, 2, a < 0.0f ? 0.0f : a)
/* a where the output b is positive or NaN. */
LOOP(rectify_gradient_loop, 3, b <= 0.0f ? 0.0f : a)

/* A choice by bytes that are 0 or 1. */
void where_loop(char **args, const i64 *dims, const i64 *steps, void *data)
{
    i64 n = dims[0], together = steps[0] == 1 && steps[3] == 4;
    const u8 *c = (const u8 *)args[0];
    const f32 *a = (const f32 *)args[1], *b = (const f32 *)args[2];
    f32 *out = (f32 *)args[3];
#define CHOICE(yes, no)                                                                                                \
    if (together && steps[1] == 4 * yes && steps[2] == 4 * no) {                                                       \
        _Pragma("GCC ivdep") for (i64 i = 0; i < n; ++i) { f32 x = a[i * yes], y = b[i * no]; out[i] = c[i] ? x : y; } \
        return;                                                                                                        \
    }
    CHOICE(1, 1)
    CHOICE(1, 0)
    CHOICE(0, 1)
    CHOICE(0, 0)
    for (i64 i = 0; i < n; ++i)
        *(f32 *)(args[3] + i * steps[3]) = *(const u8 *)(args[0] + i * steps[0]) ? IN(1, i) : IN(2, i);
}

/* a * scale where kept, else 0. */
void drop_loop(char **args, const i64 *dims, const i64 *steps, void *data)
{
    i64 n = dims[0];
    const f32 *a = (const f32 *)args[0];
    const u8 *keep = (const u8 *)args[1];
    f32 *out = (f32 *)args[3];
    if (steps[0] == 4 && steps[1] == 1 && steps[2] == 0 && steps[3] == 4) {
        f32 scale = IN(2, 0);
        _Pragma("GCC ivdep") for (i64 i = 0; i < n; ++i) { f32 x = a[i] * scale; out[i] = keep[i] ? x : 0.0f; }
    } else
        for (i64 i = 0; i < n; ++i)
            *(f32 *)(args[3] + i * steps[3]) = *(const u8 *)(args[1] + i * steps[1]) ? IN(0, i) * IN(2, i) : 0.0f;
}
