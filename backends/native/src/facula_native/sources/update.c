/* Optimizers: all parameters in one call, each element read and written once. */

#define PIECE 8192 /* elements that are one piece of work */

/* Parameters one after another, cut into pieces: work `at` is a piece of the parameter whose range of pieces holds it. */
typedef struct {
    i64 count;                  /* of parameters */
    const i64 *sizes, *pieces;  /* elements; number of pieces before each parameter */
    f32 *const *param, *const *grad, *const *first, *const *second, *const *most;
    const f32 *rates, *epsilons; /* by parameter; of Adam: the corrections of both averages are in them */
    f32 lr, decay, beta1, beta2, dampening, sign, kept, shrink, eps;
    int decays, decoupled, nesterov, is_first, has_buffer, is_centered;
} update_t;

/* The parameter of a piece, and its elements' range. */
static i64 find(const update_t *u, i64 at, i64 *from, i64 *to)
{
    i64 low = 0, high = u->count;
    while (high - low > 1) {
        i64 middle = (low + high) / 2;
        if (u->pieces[middle] <= at) low = middle; /* of those without elements too the last: it is the one with pieces */
        else high = middle;
    }
    *from = (at - u->pieces[low]) * PIECE;
    *to = *from + PIECE < u->sizes[low] ? *from + PIECE : u->sizes[low];
    return low;
}

static void sgd_pieces(void *context, i64 start, i64 end)
{
    update_t *u = context;
    f32 lr = u->lr, decay = u->decays ? u->decay : 0.0f, sign = u->sign;
    for (i64 at = start; at < end; ++at) {
        i64 from, to, k = find(u, at, &from, &to);
        f32 *p = u->param[k];
        const f32 *g = u->grad[k];
        if (u->decays)
            _Pragma("GCC ivdep") for (i64 i = from; i < to; ++i) p[i] -= (sign * g[i] + decay * p[i]) * lr;
        else
            _Pragma("GCC ivdep") for (i64 i = from; i < to; ++i) p[i] -= sign * g[i] * lr;
    }
}

static void momentum_pieces(void *context, i64 start, i64 end)
{
    update_t *u = context;
    f32 lr = u->lr, decay = u->decay, momentum = u->beta1, part = u->is_first ? 1.0f : 1.0f - u->dampening, sign = u->sign;
    f32 kept = u->is_first ? 0.0f : momentum;
    int decays = u->decays, nesterov = u->nesterov, is_first = u->is_first;
    for (i64 at = start; at < end; ++at) {
        i64 from, to, k = find(u, at, &from, &to);
        f32 *p = u->param[k], *m = u->first[k];
        const f32 *gradient = u->grad[k];
        _Pragma("GCC ivdep") for (i64 i = from; i < to; ++i) {
            f32 g = sign * gradient[i] + (decays ? decay * p[i] : 0.0f);
            f32 before = is_first ? 0.0f : m[i] * kept;
            f32 buffer = before + g * part;
            m[i] = buffer;
            p[i] -= (nesterov ? g + momentum * buffer : buffer) * lr;
        }
    }
}

static void adam_pieces(void *context, i64 start, i64 end)
{
    update_t *u = context;
    f32 beta1 = u->beta1, beta2 = u->beta2, rest1 = u->dampening, rest2 = u->kept, sign = u->sign;
    f32 shrink = u->shrink, decay = u->decays && !u->decoupled ? u->decay : 0.0f;
    for (i64 at = start; at < end; ++at) {
        i64 from, to, k = find(u, at, &from, &to);
        f32 *p = u->param[k], *m = u->first[k], *v = u->second[k], *most = u->most ? u->most[k] : 0;
        const f32 *gradient = u->grad[k];
        f32 rate = u->rates[k], eps = u->epsilons[k];
#define MOMENTS                                                                                                        \
    f32 x = p[i] * shrink, g = sign * gradient[i] + (decay != 0.0f ? decay * x : 0.0f);                                \
    f32 first = m[i] * beta1 + g * rest1, second = v[i] * beta2 + g * g * rest2;                                       \
    m[i] = first;                                                                                                      \
    v[i] = second;
        if (most)
            _Pragma("GCC ivdep") for (i64 i = from; i < to; ++i) {
                MOMENTS
                f32 largest = second > most[i] || second != second ? second : most[i];
                most[i] = largest;
                p[i] = x - first / (sqrtf(largest) + eps) * rate;
            }
        else
            _Pragma("GCC ivdep") for (i64 i = from; i < to; ++i) {
                MOMENTS
                p[i] = x - first / (sqrtf(second) + eps) * rate;
            }
    }
}

static void rmsprop_pieces(void *context, i64 start, i64 end)
{
    update_t *u = context;
    f32 lr = u->lr, alpha = u->beta1, rest = u->dampening, momentum = u->beta2, eps = u->eps, sign = u->sign;
    f32 decay = u->decays ? u->decay : 0.0f;
    for (i64 at = start; at < end; ++at) {
        i64 from, to, k = find(u, at, &from, &to);
        f32 *p = u->param[k], *square = u->first[k];
        f32 *buffer = u->has_buffer ? u->second[k] : 0, *mean = u->is_centered ? (buffer ? u->most : u->second)[k] : 0;
        const f32 *gradient = u->grad[k];
#define SQUARE                                                                                                         \
    f32 g = sign * gradient[i] + (decay != 0.0f ? decay * p[i] : 0.0f), variance = square[i] * alpha + g * g * rest;   \
    square[i] = variance;
#define CENTER                                                                                                         \
    f32 average = mean[i] + (g - mean[i]) * rest;                                                                      \
    mean[i] = average;                                                                                                 \
    variance -= average * average;
#define MOVE(step) p[i] -= (step) * lr;
#define PUSHED (buffer[i] = buffer[i] * momentum + g / (sqrtf(variance) + eps))
#define EACH_ONE(...) _Pragma("GCC ivdep") for (i64 i = from; i < to; ++i) { __VA_ARGS__ }
        if (buffer && mean) EACH_ONE(SQUARE CENTER MOVE(PUSHED))
        else if (buffer) EACH_ONE(SQUARE MOVE(PUSHED))
        else if (mean) EACH_ONE(SQUARE CENTER MOVE(g / (sqrtf(variance) + eps)))
        else EACH_ONE(SQUARE MOVE(g / (sqrtf(variance) + eps)))
    }
}

static void adagrad_pieces(void *context, i64 start, i64 end)
{
    update_t *u = context;
    f32 eps = u->eps, sign = u->sign, decay = u->decays ? u->decay : 0.0f;
    for (i64 at = start; at < end; ++at) {
        i64 from, to, k = find(u, at, &from, &to);
        f32 *p = u->param[k], *sum = u->first[k], rate = u->rates[k];
        const f32 *gradient = u->grad[k];
        EACH_ONE(f32 g = sign * gradient[i] + (decay != 0.0f ? decay * p[i] : 0.0f), total = sum[i] + g * g; sum[i] = total;
             p[i] -= g / (sqrtf(total) + eps) * rate;)
    }
}

/* The number of elements of an array, -1 where it has gaps. */
static i64 size_of(i64 object)
{
    const array_t *a = ARRAY(object);
    i64 size = 1, next = 4, gaps = 0;
    for (int d = a->nd - 1; d >= 0; --d) {
        if (a->dims[d] != 1 && a->strides[d] != next) gaps = 1;
        next *= a->dims[d];
        size *= a->dims[d];
    }
    return gaps && size ? -1 : size;
}

/* `objects`: lists of `count` arrays one after another: parameters, gradients, then states. 0 where one has gaps: nothing was done. */
static int update(part_t part, update_t *u, const i64 *objects, i64 count, i64 lists)
{
    f32 **memory = malloc(count * lists * sizeof(f32 *));
    i64 *pieces = malloc(2 * count * sizeof(i64)), *sizes = pieces + count, all = 0, fits = 1;
    for (i64 k = 0; k < count * lists && fits; ++k) {
        i64 size = size_of(objects[k]);
        memory[k] = DATA(objects[k]);
        if (k >= count) { fits = size == sizes[k % count]; continue; }
        fits = size >= 0;
        pieces[k] = all;
        sizes[k] = size;
        all += (size + PIECE - 1) / PIECE;
    }
    u->count = count;
    u->sizes = sizes;
    u->pieces = pieces;
    u->param = memory;
    u->grad = memory + count;
    u->first = memory + 2 * count;
    u->second = memory + 3 * count;
    u->most = lists > 4 ? memory + 4 * count : 0;
    if (fits) in_parts(part, u, all, 2, 1);
    free(memory);
    free(pieces);
    return (int)fits;
}

int sgd(i64 objects, i64 count, i64 decays, f64 lr, f64 decay, f64 sign)
{
    update_t u = {.lr = (f32)lr, .decay = (f32)decay, .decays = (int)decays, .sign = (f32)sign};
    return update(sgd_pieces, &u, (const i64 *)objects, count, 2);
}

int momentum(i64 objects, i64 count, i64 decays, i64 nesterov, i64 is_first, f64 lr, f64 decay, f64 sign, f64 momentum,
              f64 dampening)
{
    update_t u = {.lr = (f32)lr, .decay = (f32)decay, .decays = (int)decays, .sign = (f32)sign, .nesterov = (int)nesterov,
                  .is_first = (int)is_first, .beta1 = (f32)momentum, .dampening = (f32)dampening};
    return update(momentum_pieces, &u, (const i64 *)objects, count, 3);
}

/* `rates`, `epsilons`: float32, by parameter (see update_t). */
int adam(i64 objects, i64 rates, i64 epsilons, i64 count, i64 lists, i64 decays, i64 decoupled, f64 lr, f64 decay, f64 sign,
          f64 beta1, f64 beta2)
{
    update_t u = {.lr = (f32)lr, .decay = (f32)decay, .decays = (int)decays, .sign = (f32)sign, .decoupled = (int)decoupled,
                  .beta1 = (f32)beta1, .beta2 = (f32)beta2, .dampening = (f32)(1 - beta1), .kept = (f32)(1 - beta2),
                  .shrink = (f32)(decays && decoupled ? 1 - lr * decay : 1), .rates = (f32 *)rates, .epsilons = (f32 *)epsilons};
    return update(adam_pieces, &u, (const i64 *)objects, count, lists);
}

/* The states are averages of squares, then the momentum's buffers and averages of gradients, where there are any. */
int rmsprop(i64 objects, i64 count, i64 lists, i64 decays, i64 has_buffer, i64 is_centered, f64 lr, f64 decay, f64 sign, f64 alpha, f64 eps,
            f64 momentum)
{
    update_t u = {.lr = (f32)lr, .decay = (f32)decay, .decays = (int)decays, .sign = (f32)sign, .beta1 = (f32)alpha, .beta2 = (f32)momentum,
                  .dampening = (f32)(1 - alpha), .eps = (f32)eps, .has_buffer = (int)has_buffer, .is_centered = (int)is_centered};
    return update(rmsprop_pieces, &u, (const i64 *)objects, count, lists);
}

/* `rates`: float32, by parameter. */
int adagrad(i64 objects, i64 rates, i64 count, i64 decays, f64 decay, f64 sign, f64 eps)
{
    update_t u = {.decay = (f32)decay, .decays = (int)decays, .sign = (f32)sign, .eps = (f32)eps, .rates = (f32 *)rates};
    return update(adagrad_pieces, &u, (const i64 *)objects, count, 3);
}
