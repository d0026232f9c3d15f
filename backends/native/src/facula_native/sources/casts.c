/* Loops for NumPy's ufuncs that give each element another dtype. */

#define CAST(name, from, to, value)                                                                                    \
    void name##_loop(char **args, const i64 *dims, const i64 *steps, void *data)                                       \
    {                                                                                                                  \
        i64 n = dims[0];                                                                                               \
        if (steps[0] == sizeof(from) && steps[1] == sizeof(to)) {                                                      \
            const from *x = (const from *)args[0];                                                                     \
            to *out = (to *)args[1];                                                                                   \
            _Pragma("GCC ivdep") for (i64 i = 0; i < n; ++i) out[i] = (to)value(x[i]);                                 \
        } else                                                                                                         \
            for (i64 i = 0; i < n; ++i) *(to *)(args[1] + i * steps[1]) = (to)value(*(const from *)(args[0] + i * steps[0])); \
    }

#define SAME(x) (x)
#define TRUTH(x) ((x) != 0) /* also of bytes that are neither 0 nor 1, which views of other dtypes have */
CAST(float32_float64, f32, f64, SAME)
CAST(float64_float32, f64, f32, SAME)
CAST(int64_float32, i64, f32, SAME)
CAST(int64_float64, i64, f64, SAME)
CAST(int32_float32, i32, f32, SAME)
CAST(uint8_float32, u8, f32, SAME)
CAST(bool_float32, u8, f32, TRUTH)
