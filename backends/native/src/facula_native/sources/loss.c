/* Cross entropy of scores (n, classes, size) with class numbers (n, size), and its gradient: by rows where a sample's scores are
   neighbours (size 1), else by tiles of places side by side. Scores are read from memory once; what is needed again lies in the cache. */

#include "lanes.h"
#define GRAIN 4096 /* elements that are worth a thread */
#define WIDE 64    /* places side by side */
#define DEEP 64    /* classes whose exponentials are added in float32 */

typedef struct {
    const f32 *x, *w, *g;
    const i64 *target;
    f32 *loss, *peaks, *sums, *out; /* of each place: its highest score, and the logsumexp of scores less that */
    i64 classes, size, ignored;
    f32 all, own, spread; /* sum of the classes' weights; parts of the loss of the target and, by class, of all */
    f32 unit;             /* the gradient of each loss, where g has not one for each */
    int is_smooth;
} loss_t;

enum { NONE, MEAN, SUM_OF_ALL };

FN f32 weight_of(const loss_t *c, i64 target) { return target == c->ignored ? 0.0f : c->w ? c->w[target] : 1.0f; }

/* The sum of the targets' weights; 0 where a class does not exist. */
static int weights_of(const loss_t *c, i64 count, f64 *total)
{
    *total = 0;
    for (i64 k = 0; k < count; ++k) {
        i64 target = c->target[k];
        if (target != c->ignored && (target < 0 || target >= c->classes)) return 0;
        *total += weight_of(c, target);
    }
    return 1;
}

static void smooth(loss_t *c, f64 smoothing)
{
    f64 all = 0;
    for (i64 k = 0; k < c->classes; ++k) all += c->w ? c->w[k] : 1.0f;
    c->all = (f32)all;
    c->own = (f32)(1 - smoothing);
    c->spread = (f32)(smoothing / c->classes);
    c->is_smooth = smoothing != 0;
}

/* `sum`, `score` and `dot` are of scores less their peak: with it, large ones would lose the digits of the loss.
   `dot`: the product of scores and weights of all classes, where there is smoothing. */
FN f32 loss_of(const loss_t *c, i64 target, f32 sum, f32 score, f32 dot)
{
    f32 loss = (sum - score) * weight_of(c, target) * c->own;
    return c->is_smooth ? loss + (sum * c->all - dot) * c->spread : loss;
}

static void rows_forward(void *context, i64 from, i64 to)
{
    loss_t *c = context;
    i64 n = c->classes;
    for (i64 r = from; r < to; ++r) {
        const f32 *x = c->x + r * n, most = row_max(x, n);
        SUM(total, n, exp_f32(x[i] - most))
        f32 sum = log_f32((f32)total), dot = 0;
        if (c->is_smooth) {
            const f32 *w = c->w;
            SUM(weighted, n, w ? (x[i] - most) * w[i] : x[i] - most)
            dot = (f32)weighted;
        }
        i64 target = c->target[r];
        c->peaks[r] = most;
        c->sums[r] = sum;
        c->loss[r] = target == c->ignored ? 0.0f : loss_of(c, target, sum, x[target] - most, dot);
    }
}

static void rows_gradient(void *context, i64 from, i64 to)
{
    loss_t *c = context;
    i64 n = c->classes;
    const f32 *w = c->w;
    for (i64 r = from; r < to; ++r) {
        const f32 *x = c->x + r * n, peak = c->peaks[r], sum = c->sums[r];
        f32 *out = c->out + r * n, unit = c->g ? c->g[r] : c->unit;
        i64 target = c->target[r];
        int is_ignored = target == c->ignored;
        f32 own = is_ignored ? 0.0f : weight_of(c, target) * unit * c->own, each = is_ignored ? 0.0f : unit * c->spread;
        if (c->is_smooth) {
            f32 total = own + each * c->all;
            if (w) OVER(0, n, out[i] = exp_f32(x[i] - peak - sum) * total - each * w[i]);
            else OVER(0, n, out[i] = exp_f32(x[i] - peak - sum) * total - each);
        } else OVER(0, n, out[i] = exp_f32(x[i] - peak - sum) * own);
        if (!is_ignored) out[target] -= own;
    }
}

/* A tile: places left .. left + wide - 1 of one sample, class k of which lies at k * size. */
#define TILES                                                                                                          \
    i64 size = c->size, tiles = (size + WIDE - 1) / WIDE;                                                              \
    for (i64 at = from; at < to; ++at) {                                                                               \
        i64 left = at % tiles * WIDE, wide = left + WIDE < size ? WIDE : size - left;                                  \
        i64 place = at / tiles * size + left, start = at / tiles * c->classes * size + left;
#define EACH_PLACE _Pragma("GCC ivdep") for (i64 i = 0; i < wide; ++i)

static void tiles_forward(void *context, i64 from, i64 to)
{
    loss_t *c = context;
    TILES
        const f32 *x = c->x + start;
        const i64 *target = c->target + place;
        f32 most[WIDE], sum[WIDE], dot[WIDE] = {0};
        f64 total[WIDE] = {0};
        EACH_PLACE most[i] = -INFINITY;
        for (i64 k = 0; k < c->classes; ++k)
            EACH_PLACE most[i] = x[k * size + i] > most[i] ? x[k * size + i] : most[i];
        for (i64 first = 0; first < c->classes; first += DEEP) {
            i64 last = first + DEEP < c->classes ? first + DEEP : c->classes;
            f32 part[WIDE] = {0};
            for (i64 k = first; k < last; ++k) EACH_PLACE part[i] += exp_f32(x[k * size + i] - most[i]);
            EACH_PLACE total[i] += part[i];
        }
        for (i64 k = 0; c->is_smooth && k < c->classes; ++k) {
            f32 w = c->w ? c->w[k] : 1.0f;
            EACH_PLACE dot[i] += (x[k * size + i] - most[i]) * w;
        }
        EACH_PLACE sum[i] = log_f32((f32)total[i]);
        for (i64 i = 0; i < wide; ++i) {
            c->peaks[place + i] = most[i];
            c->sums[place + i] = sum[i];
            f32 score = target[i] == c->ignored ? 0.0f : x[target[i] * size + i] - most[i];
            c->loss[place + i] = target[i] == c->ignored ? 0.0f : loss_of(c, target[i], sum[i], score, dot[i]);
        }
    }
}

static void tiles_gradient(void *context, i64 from, i64 to)
{
    loss_t *c = context;
    TILES
        const f32 *x = c->x + start, *peak = c->peaks + place, *sum = c->sums + place;
        f32 *out = c->out + start, own[WIDE], each[WIDE], total[WIDE];
        const i64 *target = c->target + place;
        for (i64 i = 0; i < wide; ++i) {
            int is_ignored = target[i] == c->ignored;
            f32 unit = c->g ? c->g[place + i] : c->unit;
            own[i] = is_ignored ? 0.0f : weight_of(c, target[i]) * unit * c->own;
            each[i] = is_ignored || !c->is_smooth ? 0.0f : unit * c->spread;
            total[i] = own[i] + each[i] * c->all;
        }
        for (i64 k = 0; k < c->classes; ++k) {
            const f32 *row = x + k * size;
            f32 *to_row = out + k * size, w = c->w ? c->w[k] : 1.0f;
            if (c->is_smooth) EACH_PLACE to_row[i] = exp_f32(row[i] - peak[i] - sum[i]) * total[i] - each[i] * w;
            else EACH_PLACE to_row[i] = exp_f32(row[i] - peak[i] - sum[i]) * total[i];
        }
        for (i64 i = 0; i < wide; ++i)
            if (target[i] != c->ignored) out[target[i] * size + i] -= own[i];
    }
}

static void in_tiles(part_t rows, part_t tiles, loss_t *c, i64 n)
{
    if (c->size == 1) in_parts(rows, c, n, 1 + GRAIN / (c->classes + 1), 1);
    else in_parts(tiles, c, n * ((c->size + WIDE - 1) / WIDE), 1 + GRAIN / (c->classes * WIDE), 1);
}

/* `total` is the reduced loss, `loss` has each. 0 where a class does not exist. */
int cross_entropy(i64 x, i64 target, i64 w, i64 loss, i64 peaks, i64 sums, i64 total, i64 n, i64 classes, i64 size, i64 ignored,
                  i64 reduction, f64 smoothing)
{
    loss_t c = {.x = DATA(x), .target = DATA(target), .w = DATA(w), .loss = DATA(loss), .peaks = DATA(peaks), .sums = DATA(sums),
                .classes = classes, .size = size, .ignored = ignored};
    f64 weights;
    if (!weights_of(&c, n * size, &weights)) return 0;
    smooth(&c, smoothing);
    in_tiles(rows_forward, tiles_forward, &c, n);
    if (reduction == NONE) return 1;
    SUM(all, n * size, c.loss[i])
    *(f32 *)DATA(total) = (f32)all / (reduction == MEAN ? (f32)weights : 1.0f);
    return 1;
}

/* `g` is one number, or with NONE one for each target. */
int cross_entropy_gradient(i64 g, i64 x, i64 target, i64 w, i64 peaks, i64 sums, i64 out, i64 n, i64 classes, i64 size, i64 ignored,
                           i64 reduction, f64 smoothing)
{
    loss_t c = {.x = DATA(x), .target = DATA(target), .w = DATA(w), .peaks = DATA(peaks), .sums = DATA(sums), .out = DATA(out),
                .classes = classes, .size = size, .ignored = ignored};
    f64 weights;
    if (!weights_of(&c, n * size, &weights)) return 0;
    smooth(&c, smoothing);
    if (reduction == NONE) c.g = DATA(g);
    else c.unit = *(f32 *)DATA(g) / (reduction == MEAN ? (f32)weights : 1.0f);
    in_tiles(rows_gradient, tiles_gradient, &c, n);
    return 1;
}
