/* Loops over bfloat16, as its 16 bits: each element is computed in float32 and rounded once, to nearest even. */

#define HALF(k, i) load_bf16(*(const u16 *)(args[k] + (i) * steps[k]))
#define HALF_LOOP(name, operands, value)                                                                               \
    void name(char **args, const i64 *dims, const i64 *steps, void *data)                                              \
    {                                                                                                                  \
        i64 n = dims[0], together = 1;                                                                                 \
        for (int k = 0; k < operands; ++k) together &= steps[k] == 2;                                                  \
        if (together) {                                                                                                \
            const u16 *x = (const u16 *)args[0], *y = (const u16 *)args[operands - 2];                                 \
            u16 *out = (u16 *)args[operands - 1];                                                                      \
            _Pragma("GCC ivdep") for (i64 i = 0; i < n; ++i) {                                                         \
                f32 a = load_bf16(x[i]), b = load_bf16(y[i]);                                                          \
                out[i] = store_bf16(value);                                                                            \
            }                                                                                                          \
        } else                                                                                                         \
            for (i64 i = 0; i < n; ++i) {                                                                              \
                f32 a = HALF(0, i), b = HALF(operands - 2, i);                                                         \
                *(u16 *)(args[operands - 1] + i * steps[operands - 1]) = store_bf16(value);                            \
            }                                                                                                          \
    }

void narrow_loop(char **args, const i64 *dims, const i64 *steps, void *data)
{
    i64 n = dims[0];
    const f32 *x = (const f32 *)args[0];
    u16 *out = (u16 *)args[1];
    if (steps[0] == 4 && steps[1] == 2)
        _Pragma("GCC ivdep") for (i64 i = 0; i < n; ++i) out[i] = store_bf16(x[i]);
    else
        for (i64 i = 0; i < n; ++i) *(u16 *)(args[1] + i * steps[1]) = store_bf16(*(const f32 *)(args[0] + i * steps[0]));
}

void widen_loop(char **args, const i64 *dims, const i64 *steps, void *data)
{
    i64 n = dims[0];
    const u16 *x = (const u16 *)args[0];
    f32 *out = (f32 *)args[1];
    if (steps[0] == 2 && steps[1] == 4)
        _Pragma("GCC ivdep") for (i64 i = 0; i < n; ++i) out[i] = load_bf16(x[i]);
    else
        for (i64 i = 0; i < n; ++i) *(f32 *)(args[1] + i * steps[1]) = HALF(0, i);
}
