/* Passes over neighbours in vectors. Sums are of blocks in LANES accumulators, and blocks are added in float64: they keep
   float32's digits. */

#define LANES 32
#define BLOCK 2048
#define EACH_LANE for (int l = 0; l < LANES; ++l)
/* The statements for `i` in blocks of LANES, then for the rest in lane 0 .. */
#define OVER(from, to, ...)                                                                                            \
    do {                                                                                                               \
        i64 i_ = (from);                                                                                               \
        for (; i_ + LANES <= (to); i_ += LANES) EACH_LANE { i64 i = i_ + l; __VA_ARGS__; }                             \
        for (int l = 0; i_ + l < (to); ++l) { i64 i = i_ + l; __VA_ARGS__; }                                           \
    } while (0)

FN f32 lanes_sum(f32 *a)
{
    for (int half = LANES / 2; half; half /= 2)
        for (int l = 0; l < half; ++l) a[l] += a[l + half];
    return a[0];
}

/* The sum of `value`, which may depend on i, over a row of n. */
#define SUM(total, n, value)                                                                                           \
    f64 total = 0;                                                                                                     \
    for (i64 from_ = 0; from_ < (n); from_ += BLOCK) {                                                                 \
        i64 to_ = from_ + BLOCK < (n) ? from_ + BLOCK : (n);                                                           \
        f32 lane[LANES] = {0};                                                                                         \
        OVER(from_, to_, lane[l] += (value));                                                                          \
        total += lanes_sum(lane);                                                                                      \
    }

FN f32 row_max(const f32 *x, i64 n)
{
    f32 lane[LANES], most;
    EACH_LANE lane[l] = -INFINITY;
    OVER(0, n, lane[l] = x[i] > lane[l] ? x[i] : lane[l]);
    most = lane[0];
    for (int l = 1; l < LANES; ++l) most = lane[l] > most ? lane[l] : most;
    return most;
}

