/* Batch norm and group norm. Batch norm: (n, channels, size) with size neighbours, or size 1: then channels are neighbours
   (a matrix, or channels-last images). Sums of blocks in LANES accumulators, blocks in float64, so the digits are kept. */

#include "lanes.h"
#define GRAIN 8192 /* elements that are worth a thread */

typedef struct {
    const f32 *x, *g, *mean, *var, *w, *b;
    f32 *out, *mean_out, *var_out, *to_weight, *to_bias;
    i64 n, channels, size, pieces;
    f64 *sums, *products; /* by piece of rows and channel */
    const f32 *factor, *summand, *by_x;
    f32 eps;
} norm_t;

/* ---- sums by channel: of x, of (x - mean)^2, or of g and g (x - mean) */

enum { MEANS, SQUARES, GRADIENTS };

/* Adds what a channel's neighbours give to `sum` and `product`. */
FN void neighbours(const int what, const f32 *x, const f32 *g, f32 mean, i64 size, f64 *sum, f64 *product)
{
    for (i64 from = 0; from < size; from += 2048) {
        i64 to = from + 2048 < size ? from + 2048 : size;
        f32 lane[LANES] = {0}, other[LANES] = {0};
        if (what == MEANS) OVER(from, to, lane[l] += x[i]);
        if (what == SQUARES) OVER(from, to, f32 d = x[i] - mean; lane[l] += d * d);
        if (what == GRADIENTS) OVER(from, to, lane[l] += g[i]; other[l] += g[i] * (x[i] - mean));
        *sum += lanes_sum(lane);
        if (what == GRADIENTS) *product += lanes_sum(other);
    }
}

/* Work: a piece of a few channels, all samples; or, where channels are neighbours, a piece of rows. */
#define ROWS 64

#define SUMS(name, what)                                                                                               \
    static void name##_planes(void *context, i64 from, i64 to)                                                         \
    {                                                                                                                  \
        norm_t *c = context;                                                                                           \
        for (i64 k = from; k < to; ++k) {                                                                              \
            f64 sum = 0, product = 0;                                                                                  \
            f32 mean = what == MEANS ? 0.0f : c->mean[k];                                                              \
            for (i64 s = 0; s < c->n; ++s) {                                                                           \
                i64 at = (s * c->channels + k) * c->size;                                                              \
                neighbours(what, c->x + at, c->g + at, mean, c->size, &sum, &product);                                 \
            }                                                                                                          \
            c->sums[k] = sum;                                                                                          \
            if (what == GRADIENTS) c->products[k] = product;                                                           \
        }                                                                                                              \
    }                                                                                                                  \
    static void name##_rows(void *context, i64 from, i64 to)                                                           \
    {                                                                                                                  \
        norm_t *c = context;                                                                                           \
        i64 channels = c->channels;                                                                                    \
        for (i64 piece = from; piece < to; ++piece) {                                                                  \
            i64 last = (piece + 1) * ROWS < c->n ? (piece + 1) * ROWS : c->n;                                          \
            for (i64 left = 0; left < channels; left += LANES) {                                                       \
                i64 wide = left + LANES < channels ? LANES : channels - left;                                          \
                f32 lane[LANES] = {0}, other[LANES] = {0};                                                             \
                for (i64 r = piece * ROWS; r < last; ++r) {                                                            \
                    const f32 *x = c->x + r * channels + left, *g = c->g + r * channels + left;                        \
                    for (i64 l = 0; l < wide; ++l) {                                                                   \
                        f32 d = x[l] - (what == MEANS ? 0.0f : c->mean[left + l]);                                     \
                        lane[l] += what == MEANS ? d : what == SQUARES ? d * d : g[l];                                 \
                        if (what == GRADIENTS) other[l] += g[l] * d;                                                   \
                    }                                                                                                  \
                }                                                                                                      \
                for (i64 l = 0; l < wide; ++l) {                                                                       \
                    c->sums[piece * channels + left + l] = lane[l];                                                    \
                    if (what == GRADIENTS) c->products[piece * channels + left + l] = other[l];                        \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void name(norm_t *c)                                                                                        \
    {                                                                                                                  \
        if (c->size > 1) in_parts(name##_planes, c, c->channels, 1 + GRAIN / (c->n * c->size + 1), 1);                 \
        else {                                                                                                         \
            in_parts(name##_rows, c, c->pieces, 1 + GRAIN / (ROWS * c->channels + 1), 1);                              \
            for (i64 piece = 1; piece < c->pieces; ++piece)                                                            \
                for (i64 k = 0; k < c->channels; ++k) {                                                                \
                    c->sums[k] += c->sums[piece * c->channels + k];                                                    \
                    if (what == GRADIENTS) c->products[k] += c->products[piece * c->channels + k];                     \
                }                                                                                                      \
        }                                                                                                              \
    }

SUMS(means, MEANS)
SUMS(squares, SQUARES)
SUMS(gradients, GRADIENTS)

/* out = x * factor + summand by channel; with g: g * factor + x * by_x + summand */
static void affine_planes(void *context, i64 from, i64 to)
{
    norm_t *c = context;
    for (i64 at = from; at < to; ++at) {
        i64 k = at % c->channels;
        const f32 *x = c->x + at * c->size, *g = c->g ? c->g + at * c->size : 0;
        f32 *out = c->out + at * c->size, a = c->factor[k], b = c->summand[k];
        if (g) {
            f32 s = c->by_x[k], mean = c->mean[k];
            _Pragma("GCC ivdep") for (i64 i = 0; i < c->size; ++i) out[i] = g[i] * a + (x[i] - mean) * s + b;
        } else {
            f32 mean = c->mean[k];
            _Pragma("GCC ivdep") for (i64 i = 0; i < c->size; ++i) out[i] = (x[i] - mean) * a + b;
        }
    }
}

static void affine_rows(void *context, i64 from, i64 to)
{
    norm_t *c = context;
    i64 n = c->channels;
    const f32 *a = c->factor, *b = c->summand, *s = c->by_x, *mean = c->mean;
    for (i64 r = from; r < to; ++r) {
        const f32 *x = c->x + r * n, *g = c->g + r * n;
        f32 *out = c->out + r * n;
        if (c->g) _Pragma("GCC ivdep") for (i64 i = 0; i < n; ++i) out[i] = g[i] * a[i] + (x[i] - mean[i]) * s[i] + b[i];
        else _Pragma("GCC ivdep") for (i64 i = 0; i < n; ++i) out[i] = (x[i] - mean[i]) * a[i] + b[i];
    }
}

static void affine(norm_t *c)
{
    if (c->size > 1) in_parts(affine_planes, c, c->n * c->channels, 1 + GRAIN / (c->size + 1), 1);
    else in_parts(affine_rows, c, c->n, 1 + GRAIN / (c->channels + 1), 1);
}

static void *by_channel(norm_t *c)
{
    c->pieces = c->size > 1 ? 1 : (c->n + ROWS - 1) / ROWS;
    i64 table = c->pieces * c->channels;
    f64 *memory = malloc(2 * table * sizeof(f64) + 3 * c->channels * sizeof(f32));
    c->sums = memory;
    c->products = memory + table;
    c->factor = (f32 *)(memory + 2 * table);
    c->summand = c->factor + c->channels;
    c->by_x = c->summand + c->channels;
    return memory;
}

void batch_norm_train(i64 x, i64 w, i64 b, i64 out, i64 mean, i64 var, i64 n, i64 channels, i64 size, f64 eps)
{
    norm_t c = {.x = DATA(x), .out = DATA(out), .n = n, .channels = channels, .size = size};
    f32 *weight = DATA(w), *bias = DATA(b), *mean_out = DATA(mean), *var_out = DATA(var);
    void *memory = by_channel(&c);
    f32 *factor = (f32 *)c.factor, *summand = (f32 *)c.summand;
    f64 count = (f64)n * size;
    c.g = c.x; /* not read */
    means(&c);
    for (i64 k = 0; k < channels; ++k) mean_out[k] = (f32)(c.sums[k] / count);
    c.mean = mean_out;
    squares(&c);
    for (i64 k = 0; k < channels; ++k) {
        var_out[k] = (f32)(c.sums[k] / count);
        factor[k] = 1.0f / sqrtf(var_out[k] + (f32)eps) * (weight ? weight[k] : 1.0f);
        summand[k] = bias ? bias[k] : 0.0f;
    }
    c.g = 0;
    affine(&c);
    free(memory);
}

void batch_norm_eval(i64 x, i64 mean, i64 var, i64 w, i64 b, i64 out, i64 n, i64 channels, i64 size, f64 eps)
{
    norm_t c = {.x = DATA(x), .mean = DATA(mean), .out = DATA(out), .n = n, .channels = channels, .size = size};
    f32 *weight = DATA(w), *bias = DATA(b), *variance = DATA(var);
    void *memory = by_channel(&c);
    f32 *factor = (f32 *)c.factor, *summand = (f32 *)c.summand;
    for (i64 k = 0; k < channels; ++k) {
        factor[k] = 1.0f / sqrtf(variance[k] + (f32)eps) * (weight ? weight[k] : 1.0f);
        summand[k] = bias ? bias[k] : 0.0f;
    }
    affine(&c);
    free(memory);
}

void batch_norm_gradient(i64 g, i64 x, i64 mean, i64 var, i64 w, i64 out, i64 to_weight, i64 to_bias, i64 n, i64 channels, i64 size, f64 eps)
{
    norm_t c = {.g = DATA(g), .x = DATA(x), .mean = DATA(mean), .out = DATA(out), .n = n, .channels = channels, .size = size};
    f32 *weight = DATA(w), *variance = DATA(var), *weight_out = DATA(to_weight), *bias_out = DATA(to_bias);
    void *memory = by_channel(&c);
    f32 *factor = (f32 *)c.factor, *summand = (f32 *)c.summand, *by_x = (f32 *)c.by_x;
    f64 count = (f64)n * size;
    gradients(&c);
    for (i64 k = 0; k < channels; ++k) {
        f32 rstd = 1.0f / sqrtf(variance[k] + (f32)eps), scale = rstd * (weight ? weight[k] : 1.0f);
        f64 by_weight = c.products[k] * rstd;
        weight_out[k] = (f32)by_weight;
        bias_out[k] = (f32)c.sums[k];
        factor[k] = scale;
        by_x[k] = (f32)(-scale * (by_weight * rstd / count));
        summand[k] = (f32)(-scale * (c.sums[k] / count));
    }
    affine(&c);
    free(memory);
}

void channel_sums(i64 g, i64 x, i64 mean, i64 sums, i64 products, i64 n, i64 channels, i64 size)
{
    norm_t c = {.g = DATA(g), .x = DATA(x), .mean = DATA(mean), .n = n, .channels = channels, .size = size};
    f32 *sum = DATA(sums), *product = DATA(products);
    void *memory = by_channel(&c);
    gradients(&c);
    for (i64 k = 0; k < channels; ++k) {
        sum[k] = (f32)c.sums[k];
        product[k] = (f32)c.products[k];
    }
    free(memory);
}

/* ---- group norm: (samples * groups) rows of `width` channels of `size` neighbours */

typedef struct {
    const f32 *x, *g, *w, *b, *mean, *rstd;
    f32 *out, *mean_out, *rstd_out;
    f64 *sums, *products; /* of the gradient, by sample and channel */
    i64 groups, width, size;
    f32 eps;
} group_t;

static void group_norm_rows(void *context, i64 from, i64 to)
{
    group_t *c = context;
    i64 n = c->width * c->size;
    for (i64 r = from; r < to; ++r) {
        f64 sum = 0, square = 0, none = 0;
        const f32 *x = c->x + r * n;
        neighbours(MEANS, x, x, 0, n, &sum, &none);
        f32 mean = (f32)(sum / n);
        neighbours(SQUARES, x, x, mean, n, &square, &none);
        f32 rstd = 1.0f / sqrtf((f32)(square / n) + c->eps);
        c->mean_out[r] = mean;
        c->rstd_out[r] = rstd;
        for (i64 k = 0; k < c->width; ++k, x += c->size) {
            i64 channel = r % c->groups * c->width + k;
            f32 a = rstd * (c->w ? c->w[channel] : 1.0f), b = c->b ? c->b[channel] : 0.0f;
            f32 *out = c->out + (r * c->width + k) * c->size;
            _Pragma("GCC ivdep") for (i64 i = 0; i < c->size; ++i) out[i] = (x[i] - mean) * a + b;
        }
    }
}

static void group_norm_gradient_rows(void *context, i64 from, i64 to)
{
    group_t *c = context;
    i64 n = c->width * c->size;
    for (i64 r = from; r < to; ++r) {
        f32 mean = c->mean[r], rstd = c->rstd[r];
        f64 shift = 0, slope = 0;
        for (i64 k = 0; k < c->width; ++k) {
            i64 at = r * c->width + k, channel = r % c->groups * c->width + k;
            f64 sum = 0, product = 0, w = c->w ? c->w[channel] : 1.0;
            neighbours(GRADIENTS, c->x + at * c->size, c->g + at * c->size, mean, c->size, &sum, &product);
            c->sums[at] = sum;
            c->products[at] = product * rstd;
            shift += sum * w;
            slope += product * w;
        }
        f32 minus = (f32)(shift * rstd / n), by_x = (f32)(slope * rstd * rstd * rstd / n);
        for (i64 k = 0; k < c->width; ++k) {
            i64 at = (r * c->width + k) * c->size, channel = r % c->groups * c->width + k;
            const f32 *x = c->x + at, *g = c->g + at;
            f32 *out = c->out + at, a = rstd * (c->w ? c->w[channel] : 1.0f);
            _Pragma("GCC ivdep") for (i64 i = 0; i < c->size; ++i) out[i] = g[i] * a - ((x[i] - mean) * by_x + minus);
        }
    }
}

void group_norm(i64 x, i64 w, i64 b, i64 out, i64 mean, i64 rstd, i64 samples, i64 groups, i64 width, i64 size, f64 eps)
{
    group_t c = {.x = DATA(x), .w = DATA(w), .b = DATA(b), .out = DATA(out), .mean_out = DATA(mean), .rstd_out = DATA(rstd),
                 .groups = groups, .width = width, .size = size, .eps = (f32)eps};
    in_parts(group_norm_rows, &c, samples * groups, 1 + GRAIN / (width * size + 1), 1);
}

void group_norm_gradient(i64 g, i64 x, i64 mean, i64 rstd, i64 w, i64 out, i64 to_weight, i64 to_bias, i64 samples, i64 groups, i64 width, i64 size)
{
    i64 channels = groups * width;
    f64 *memory = malloc(2 * samples * channels * sizeof(f64));
    f32 *weight_out = DATA(to_weight), *bias_out = DATA(to_bias);
    group_t c = {.g = DATA(g), .x = DATA(x), .mean = DATA(mean), .rstd = DATA(rstd), .w = DATA(w), .out = DATA(out),
                 .sums = memory, .products = memory + samples * channels, .groups = groups, .width = width, .size = size};
    in_parts(group_norm_gradient_rows, &c, samples * groups, 1 + GRAIN / (width * size + 1), 1);
    for (i64 k = 0; k < channels; ++k) {
        f64 sum = 0, product = 0;
        for (i64 s = 0; s < samples; ++s) { sum += c.sums[s * channels + k]; product += c.products[s * channels + k]; }
        weight_out[k] = (f32)product;
        bias_out[k] = (f32)sum;
    }
    free(memory);
}
