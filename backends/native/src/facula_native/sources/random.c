/* Random numbers from the words of Philox that `facula.random` defines; steps are rounded one by one, so the bits are NumPy's. */

#define GRAIN 4096 /* numbers that are worth a thread */
#define PIECE 512  /* numbers at a time: they stay in the first cache; a multiple of the 8 that a block has */

typedef struct {
    f32 *out;
    i64 count;
    u64 seed, low, high;
    const f32 *coefficients; /* of normal numbers: the shift, then those of the numerator and of the denominator, highest first */
    i64 terms, roots;
} draw_t;

/* The numbers of some blocks, uniform in [0, 1): the upper 24 bits of half a word. `at` and `count` are multiples of 8. */
FN void uniform(const draw_t *d, i64 at, i64 count, f32 *out)
{
    u64 words[PIECE / 2];
    for (i64 k = 0; k < count / 8; ++k) {
        u64 before = (u64)(at / 8 + k), low = d->low + before + 1;
        philox(d->seed, low, d->high + (low <= before), words + 4 * k);
    }
    const u64 *w = words;
    _Pragma("GCC ivdep") for (i64 i = 0; i < count / 2; ++i) {
        u64 word = w[i];
        out[2 * i] = (f32)((i32)((u32)word >> 8)) * 0x1p-24f;
        out[2 * i + 1] = (f32)((i32)(word >> 40)) * 0x1p-24f;
    }
}

FN void polynomial(const f32 *s, const f32 *coefficients, i64 terms, f32 *out)
{
    f32 first = coefficients[0], second = coefficients[1];
    _Pragma("GCC ivdep") for (i64 i = 0; i < PIECE; ++i) out[i] = s[i] * first + second;
    for (i64 k = 2; k < terms; ++k) {
        f32 c = coefficients[k];
        _Pragma("GCC ivdep") for (i64 i = 0; i < PIECE; ++i) out[i] = out[i] * s[i] + c;
    }
}

/* Uniform numbers turned into normal ones, as `facula.ops.random.randn` says. */
FN void normal(const draw_t *d, f32 *unit)
{
    f32 s[PIECE], top[PIECE], bottom[PIECE], shift = d->coefficients[0];
    for (i64 i = 0; i < PIECE; ++i) {
        f32 w = unit[i] * 2.0f - (1.0f - 0x1p-24f);
        unit[i] = w;
        s[i] = (1.0f - w) * (1.0f + w);
    }
    for (i64 k = 0; k < d->roots; ++k)
        for (i64 i = 0; i < PIECE; ++i) s[i] = sqrtf(s[i]);
    for (i64 i = 0; i < PIECE; ++i) s[i] -= shift;
    polynomial(s, d->coefficients + 1, d->terms, top);
    polynomial(s, d->coefficients + 1 + d->terms, d->terms, bottom);
    for (i64 i = 0; i < PIECE; ++i) unit[i] *= top[i] / bottom[i];
}

static void pieces(void *context, i64 from, i64 to)
{
    draw_t *d = context;
    for (i64 piece = from; piece < to; ++piece) {
        f32 numbers[PIECE] = {0};
        i64 at = piece * PIECE, count = at + PIECE < d->count ? PIECE : d->count - at;
        uniform(d, at, (count + 7) / 8 * 8, numbers);
        if (d->coefficients) normal(d, numbers);
        memcpy(d->out + at, numbers, count * sizeof(f32));
    }
}

/* `coefficients` is 0 for uniform numbers, an array (1 + 2 * terms,) for normal ones. */
int draw(i64 out, i64 coefficients, i64 count, i64 seed, i64 low, i64 high, i64 terms, i64 roots)
{
    draw_t d = {.out = DATA(out), .count = count, .seed = (u64)seed, .low = (u64)low, .high = (u64)high, .coefficients = DATA(coefficients),
                .terms = terms, .roots = roots};
    in_parts(pieces, &d, (count + PIECE - 1) / PIECE, GRAIN / PIECE, 1);
    return 1;
}
