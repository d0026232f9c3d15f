/* Recurrent layers in float32, all their steps at once: LSTM, GRU and plain ones, forward and back.

The weights of the state are packed once, for all steps. A step goes through tiles: some rows of the batch and the units of one or
two vectors, all gates of these; what follows the product is done while the tile is in the cache. Rows of the batch do not need each
other, so if there are enough of them they are blocks, more than threads: whoever is free takes the one that is the furthest behind
through some steps. Nobody waits, and a slower core does less. Else, or where the weights are more than a thread's cache,
the threads share the units, and wait for each other once a step. */
#include <stdatomic.h>

enum { LSTM, GRU, TANH, RELU };
static const int GATES[] = {4, 3, 1, 1}; /* sums that a unit's product has */
#define MOST_GATES 4
#define WIDE 2              /* vectors of units in a tile */
#define ENOUGH_ROWS 4       /* of a block, so that it computes more than it loads */
#define STEPS 3             /* that a thread takes a block through */
#define MOST_BLOCKS 96
#define CACHED (3 * 1 << 19) /* bytes of weights that stay in a thread's cache */

typedef struct {
    void *part; /* `recurrence_part`, which programs call without its name */
    i64 kind, back, length, batch, hidden, reverse;
} recurrence_t;

/* Arrays are (steps, batch, sums or units), states (batch, units); 0 where there is none. */
typedef struct {
    const f32 *sums, *state, *cell, *weights, *bias;
    const u8 *mask; /* (steps, batch): whether the state changes */
    f32 *output, *gates, *cells, *workspace;
} forward_t;

/* `g_state` and `g_cell` are the gradients of the last state, `to_state` and `to_cell` get those of the first; `to_sums` gets the gradient
   of the input's sums, `to_products` for a GRU that of the state's sums. `states` are an LSTM's cells, a GRU's states before, a
   plain layer's outputs. */
typedef struct {
    const f32 *g_output, *g_state, *g_cell, *gates, *states, *cell, *weights;
    const u8 *mask;
    f32 *to_sums, *to_products, *to_state, *to_cell, *workspace;
} back_t;

/* How far each block of rows is: the next of its steps, or what is no step (-1 - that) while a thread has it. */
typedef struct { atomic_int next[MOST_BLOCKS]; } progress_t;

typedef struct {
    const recurrence_t *r;
    void *slots;
    i64 gates, depth, vectors; /* sums of a unit, length of a product's sums, vectors of units */
    f32 *panels, *states;      /* weights, and states as columns, apart for each thread */
    progress_t *progress;
    int threads, blocks;       /* of rows; 0 where threads share the units */
    atomic_int next;
} layer_t;

/* Where a tile's row is: at `time`, `row` of the batch, `n` units from `unit` on; `row_of_all` counts the rows of all times. */
typedef struct { i64 row, row_of_all, unit, n, hidden; int seen; } place_t;

/* `count` runs of neighbouring units, `apart` from each other. */
typedef struct { f32 *at; i64 apart; int count, is_written; } runs_t;

#define MOST_RUNS 7
#define EACH_LANE _Pragma("GCC ivdep") for (int l = 0; l < lanes; ++l)

/* tanh(x) as a ratio, in which no e^x is, so that several share one division: to 3e-7 of its value up to 8, from where on it is 1 - 2e-7. */
INLINE f32 tanh_ratio(f32 x, f32 *below)
{
    f32 y = x > 8.0f ? 8.0f : x;
    y = y < -8.0f ? -8.0f : y;
    f32 u = y * y;
    f32 p = 9.90232493e-06f + u * (-1.47748174e-08f + u * 2.36916662e-11f);
    *below = 1.0f + u * (0.463150162f + u * (0.024038757f + u * 0.000237564065f)); /* at most 200 */
    return y * (1.0f + u * (0.129816944f + u * (0.00298849153f + u * p)));
}

INLINE f32 tanh_of(f32 x)
{
    f32 below, above = tanh_ratio(x, &below);
    return above / below;
}

/* The sigmoid, of what the tanh of half its argument is. */
INLINE f32 from_tanh(f32 t) { return 0.5f + 0.5f * t; }

/* ---- what follows a step's product `x`, whose gates are `by` apart, for `lanes` units */

INLINE void lstm(const runs_t *o, const f32 *x, i64 by, const int lanes)
{
    const f32 *sums = o[0].at, *before = o[1].at;
    f32 *gates = o[2].at, *cell = o[3].at, *out = o[4].at;
    i64 s = o[0].apart, t = o[2].apart;
    EACH_LANE {
        f32 i_below, f_below, g_below, o_below;
        f32 i = tanh_ratio(0.5f * (sums[l] + x[l]), &i_below), f = tanh_ratio(0.5f * (sums[s + l] + x[by + l]), &f_below);
        f32 g = tanh_ratio(sums[2 * s + l] + x[2 * by + l], &g_below), o = tanh_ratio(0.5f * (sums[3 * s + l] + x[3 * by + l]), &o_below);
        f32 first = i_below * f_below, second = g_below * o_below, one = 1.0f / (first * second);
        first *= one; /* one by the second two */
        second *= one;
        i = from_tanh(i * f_below * second); f = from_tanh(f * i_below * second);
        g = g * o_below * first; o = from_tanh(o * g_below * first);
        f32 c = f * before[l] + i * g;
        gates[l] = i; gates[t + l] = f; gates[2 * t + l] = g; gates[3 * t + l] = o;
        cell[l] = c;
        out[l] = o * tanh_of(c);
    }
}

INLINE void gru(const runs_t *o, const f32 *x, i64 by, const int lanes)
{
    const f32 *sums = o[0].at, *before = o[1].at, *bias = o[2].at;
    f32 *gates = o[3].at, *out = o[4].at;
    i64 s = o[0].apart, t = o[3].apart, u = o[2].apart;
    EACH_LANE {
        f32 r_below, z_below, r = tanh_ratio(0.5f * (sums[l] + (x[l] + bias[l])), &r_below);
        f32 z = tanh_ratio(0.5f * (sums[s + l] + (x[by + l] + bias[u + l])), &z_below), one = 1.0f / (r_below * z_below);
        r = from_tanh(r * z_below * one);
        z = from_tanh(z * r_below * one);
        f32 of_state = x[2 * by + l] + bias[2 * u + l], n = tanh_of(sums[2 * s + l] + r * of_state);
        gates[l] = r; gates[t + l] = z; gates[2 * t + l] = n; gates[3 * t + l] = of_state;
        out[l] = n + z * (before[l] - n);
    }
}

INLINE void plain_tanh(const runs_t *o, const f32 *x, i64 by, const int lanes)
{
    const f32 *sums = o[0].at;
    f32 *out = o[1].at;
    EACH_LANE out[l] = tanh_of(sums[l] + x[l]);
}

INLINE void plain_relu(const runs_t *o, const f32 *x, i64 by, const int lanes)
{
    const f32 *sums = o[0].at;
    f32 *out = o[1].at;
    EACH_LANE { f32 sum = sums[l] + x[l]; out[l] = sum < 0.0f ? 0.0f : sum; }
}

/* ---- the same backwards: `to_state` holds what of the state's gradient came by no product, and gets what goes by none */

/* The gradient of the step's output. */
#define GRADIENT f32 g = x[l] + to_state[l] + g_output[l]

INLINE void lstm_back(const runs_t *o, const f32 *x, i64 by, const int lanes)
{
    const f32 *gates = o[0].at, *cell = o[1].at, *before = o[2].at, *g_output = o[6].at;
    f32 *sums = o[3].at, *to_state = o[4].at, *to_cell = o[5].at;
    i64 s = o[0].apart, t = o[3].apart;
    EACH_LANE {
        GRADIENT;
        f32 i = gates[l], f = gates[s + l], c = gates[2 * s + l], o = gates[3 * s + l], tanh = tanh_of(cell[l]);
        f32 by_cell = to_cell[l] + g * o * (1.0f - tanh * tanh);
        sums[l] = by_cell * c * (i * (1.0f - i));
        sums[t + l] = by_cell * before[l] * (f * (1.0f - f));
        sums[2 * t + l] = by_cell * i * (1.0f - c * c);
        sums[3 * t + l] = g * tanh * (o * (1.0f - o));
        to_cell[l] = by_cell * f;
        to_state[l] = 0.0f;
    }
}

INLINE void gru_back(const runs_t *o, const f32 *x, i64 by, const int lanes)
{
    const f32 *gates = o[0].at, *before = o[1].at, *g_output = o[5].at;
    f32 *sums = o[2].at, *products = o[3].at, *to_state = o[4].at;
    i64 s = o[0].apart, t = o[2].apart;
    EACH_LANE {
        GRADIENT;
        f32 r = gates[l], z = gates[s + l], n = gates[2 * s + l], of_state = gates[3 * s + l];
        f32 by_n = g * (1.0f - z) * (1.0f - n * n), by_r = by_n * of_state * (r * (1.0f - r));
        f32 by_z = g * (before[l] - n) * (z * (1.0f - z));
        sums[l] = by_r; sums[t + l] = by_z; sums[2 * t + l] = by_n;
        products[l] = by_r; products[t + l] = by_z; products[2 * t + l] = by_n * r;
        to_state[l] = g * z;
    }
}

INLINE void tanh_back(const runs_t *o, const f32 *x, i64 by, const int lanes)
{
    const f32 *out = o[0].at, *g_output = o[3].at;
    f32 *sums = o[1].at, *to_state = o[2].at;
    EACH_LANE { GRADIENT; sums[l] = g * (1.0f - out[l] * out[l]); to_state[l] = 0.0f; }
}

INLINE void relu_back(const runs_t *o, const f32 *x, i64 by, const int lanes)
{
    const f32 *out = o[0].at, *g_output = o[3].at;
    f32 *sums = o[1].at, *to_state = o[2].at;
    EACH_LANE { GRADIENT; sums[l] = out[l] <= 0.0f ? 0.0f : g; to_state[l] = 0.0f; }
}

/* Calls `cell` on `n` units: on whole vectors or half of one, else on copies with room for such. */
INLINE void on_units(void (*cell)(const runs_t *, const f32 *, i64, int), const runs_t *runs, int count, i64 n, const f32 *x, i64 by)
{
    switch (n) {
        case WIDE * LANES: cell(runs, x, by, WIDE * LANES); return;
        case LANES: cell(runs, x, by, LANES); return;
        case LANES / 2: cell(runs, x, by, LANES / 2); return;
    }
    f32 room[MOST_RUNS][MOST_GATES * WIDE * LANES] = {0};
    runs_t copies[MOST_RUNS];
    for (int k = 0; k < count; ++k) {
        copies[k] = (runs_t){room[k], WIDE * LANES, runs[k].count, runs[k].is_written};
        for (int c = 0; c < runs[k].count; ++c) memcpy(room[k] + c * WIDE * LANES, runs[k].at + c * runs[k].apart, 4 * n);
    }
    if (n > LANES) cell(copies, x, by, WIDE * LANES);
    else cell(copies, x, by, LANES);
    for (int k = 0; k < count; ++k)
        for (int c = 0; runs[k].is_written && c < runs[k].count; ++c) memcpy(runs[k].at + c * runs[k].apart, room[k] + c * WIDE * LANES, 4 * n);
}

/* ---- steps */

/* The time that a step is about. */
static i64 time_of(const recurrence_t *r, i64 step) { return !r->reverse == !r->back ? step : r->length - 1 - step; }

#define READ(name, gates) {(f32 *)s->name + p->row_of_all * (gates) * h + p->unit, h, gates, 0}
#define WRITTEN(name, gates) {s->name + p->row_of_all * (gates) * h + p->unit, h, gates, 1}
#define CALL(cell, ...)                                                                       \
    do {                                                                                      \
        const runs_t runs_[] = {__VA_ARGS__};                                                 \
        on_units(cell, runs_, sizeof runs_ / sizeof *runs_, p->n, x, by);                     \
    } while (0)

static void forward_row(const layer_t *l, i64 step, const place_t *p, const f32 *x, i64 by)
{
    const forward_t *s = l->slots;
    i64 h = p->hidden, at = p->row * h + p->unit, last = step ? time_of(l->r, step - 1) * l->r->batch * h : 0;
    f32 *before = (f32 *)(step ? s->output + last : s->state) + at, *cell = (f32 *)(step ? s->cells + last : s->cell) + at;
    runs_t state = {before, h, 1, 0};
    switch (l->r->kind) {
        case LSTM: CALL(lstm, READ(sums, 4), {cell, h, 1, 0}, WRITTEN(gates, 4), WRITTEN(cells, 1), WRITTEN(output, 1)); break;
        case GRU:
            CALL(gru, READ(sums, 3), state, {(f32 *)s->bias + p->unit, h, 3, 0}, WRITTEN(gates, 4), WRITTEN(output, 1));
            break;
        case TANH: CALL(plain_tanh, READ(sums, 1), WRITTEN(output, 1)); break;
        default: CALL(plain_relu, READ(sums, 1), WRITTEN(output, 1));
    }
    if (p->seen) return;
    memcpy(s->output + p->row_of_all * h + p->unit, before, 4 * p->n);
    if (l->r->kind == LSTM) memcpy(s->cells + p->row_of_all * h + p->unit, cell, 4 * p->n);
}

/* A step that the mask leaves out: its sums have no gradient, the state has that of the state after. */
static void back_unseen(const layer_t *l, const place_t *p, const f32 *x, const f32 *g_output)
{
    const back_t *s = l->slots;
    i64 h = p->hidden;
    for (i64 k = 0; k < l->gates; ++k) {
        memset(s->to_sums + (p->row_of_all * l->gates + k) * h + p->unit, 0, 4 * p->n);
        if (s->to_products) memset(s->to_products + (p->row_of_all * l->gates + k) * h + p->unit, 0, 4 * p->n);
    }
    f32 *to_state = s->to_state + p->row * h + p->unit;
    for (i64 u = 0; u < p->n; ++u) to_state[u] += x[u] + g_output[u];
}

static void back_row(const layer_t *l, i64 step, const place_t *p, const f32 *x, i64 by)
{
    static const f32 none[WIDE * LANES];
    const back_t *s = l->slots;
    i64 h = p->hidden, at = p->row * h + p->unit;
    runs_t to_state = {s->to_state + at, h, 1, 1}, g_output = {(f32 *)none, 0, 1, 0};
    if (s->g_output) g_output.at = (f32 *)s->g_output + p->row_of_all * h + p->unit;
    if (!p->seen) {
        back_unseen(l, p, x, g_output.at);
        return;
    }
    switch (l->r->kind) {
        case LSTM: {
            i64 last = step + 1 < l->r->length ? time_of(l->r, step + 1) * l->r->batch * h : 0;
            runs_t before = {(f32 *)(step + 1 < l->r->length ? s->states + last : s->cell) + at, h, 1, 0};
            CALL(lstm_back, READ(gates, 4), READ(states, 1), before, WRITTEN(to_sums, 4), to_state, {s->to_cell + at, h, 1, 1}, g_output);
            break;
        }
        case GRU: CALL(gru_back, READ(gates, 4), READ(states, 1), WRITTEN(to_sums, 3), WRITTEN(to_products, 3), to_state, g_output); break;
        case TANH: CALL(tanh_back, READ(states, 1), WRITTEN(to_sums, 1), to_state, g_output); break;
        default: CALL(relu_back, READ(states, 1), WRITTEN(to_sums, 1), to_state, g_output);
    }
}

/* What the product of a step multiplies: rows of `depth`, or 0 where there is none. */
static const f32 *multiplied(const layer_t *l, i64 step)
{
    const recurrence_t *r = l->r;
    if (!r->back) {
        const forward_t *s = l->slots;
        return step ? s->output + time_of(r, step - 1) * r->batch * r->hidden : s->state;
    }
    const back_t *s = l->slots;
    return step ? (r->kind == GRU ? s->to_products : s->to_sums) + time_of(r, step - 1) * r->batch * l->depth : 0;
}

/* The product is all that is left to be done after the last step back. */
static void add_to_state(const layer_t *l, const place_t *p, const f32 *x)
{
    f32 *to_state = ((back_t *)l->slots)->to_state + p->row * p->hidden + p->unit;
    for (i64 u = 0; u < p->n; ++u) to_state[u] += x[u];
}

/* Of a unit, that a product makes. */
static i64 sums_of(const layer_t *l) { return l->r->back ? 1 : l->gates; }

static void do_step(const layer_t *l, i64 step, i64 top, i64 bottom, i64 left, i64 right, f32 *states)
{
    const recurrence_t *r = l->r;
    i64 high = (bottom - top + ROWS - 1) / ROWS, is_over = step == r->length, time = is_over ? 0 : time_of(r, step);
    i64 sums = sums_of(l);
    const f32 *rows = multiplied(l, step);
    const u8 *mask = r->back ? ((back_t *)l->slots)->mask : ((forward_t *)l->slots)->mask;
    f32 x[ROWS * WIDE * MOST_GATES * LANES];
    high = (bottom - top + high - 1) / high;
    for (i64 i = top; rows && i < bottom; i += high) {
        i64 n = bottom - i < high ? bottom - i : high;
        pack_lines(l->depth, n, rows + i * l->depth, l->depth, states + (i - top) * l->depth, n);
    }
    for (i64 v = left; v < right; v += WIDE) {
        i64 wide = right - v < WIDE ? right - v : WIDE, count = wide * sums, size = l->depth * LANES;
        for (i64 i = top; i < bottom; i += high) {
            i64 n = bottom - i < high ? bottom - i : high;
            for (i64 c = 0; rows && c < count; c += 2)
                any_tile((int)n, count - c > 1 ? 2 : 1, l->depth, states + (i - top) * l->depth, l->panels + (v * sums + c) * size, LANES, size, x + c * LANES, count * LANES, 0);
            if (!rows) memset(x, 0, sizeof x);
            for (i64 k = 0; k < n; ++k) {
                i64 unit = v * LANES, all = time * r->batch + i + k, left_over = r->hidden - unit, by = wide * LANES;
                place_t p = {i + k, all, unit, left_over < by ? left_over : by, r->hidden, !mask || mask[all]};
                const f32 *product = x + k * sums * by;
                if (is_over) add_to_state(l, &p, product);
                else if (r->back) back_row(l, step, &p, product, by);
                else forward_row(l, step, &p, product, by);
            }
        }
    }
}

static void fill(const layer_t *l, f32 *to, const f32 *from, i64 top, i64 bottom, i64 left, i64 right)
{
    i64 h = l->r->hidden, first = left * LANES, end = right * LANES < h ? right * LANES : h;
    for (i64 i = top; i < bottom && first < end; ++i)
        if (from) memcpy(to + i * h + first, from + i * h + first, 4 * (end - first));
        else memset(to + i * h + first, 0, 4 * (end - first));
}

/* ---- threads */

void (*pool_barrier)(void); /* these are set when the unit is loaded */
int (*pool_run)(void (*body)(void *, int), void *context, int threads);
int (*pool_run_some)(void (*body)(void *, int), void *context, int threads);

/* The weights of a vector's gate. Both vectors of a tile are beside each other, gate by gate. */
static f32 *panel_of(const layer_t *l, i64 vector, i64 gate)
{
    i64 first = vector / WIDE * WIDE, wide = l->vectors - first < WIDE ? l->vectors - first : WIDE;
    return l->panels + (first * sums_of(l) + gate * wide + vector - first) * l->depth * LANES;
}

static void pack(const layer_t *l, i64 vector)
{
    const recurrence_t *r = l->r;
    i64 h = r->hidden, unit = vector * LANES, n = h - unit < LANES ? h - unit : LANES;
    const f32 *w = r->back ? ((back_t *)l->slots)->weights : ((forward_t *)l->slots)->weights;
    if (!r->back) {
        for (i64 g = 0; g < l->gates; ++g)
            pack_lines(h, n, w + (g * h + unit) * h, h, panel_of(l, vector, g), LANES);
        return;
    }
    f32 *to = panel_of(l, vector, 0);
    for (i64 k = 0; k < l->depth; ++k) {
        if (n == LANES) memcpy(to + k * LANES, w + k * h + unit, 4 * LANES);
        else for (i64 x = 0; x < LANES; ++x) to[k * LANES + x] = x < n ? w[k * h + unit + x] : 0;
    }
}

static i64 states_size(const layer_t *l) { return (l->r->batch * l->depth + 2 * LANES) / LANES * LANES; }

/* Blocks of rows for so many threads: half as many again, if these have rows enough. */
static int blocks_of(const layer_t *l)
{
    i64 batch = l->r->batch, bytes = 4 * l->gates * l->r->hidden * l->r->hidden;
    int threads = l->threads, more = threads + threads / 2;
    if (threads == 1) return 1;
    if (l->vectors > WIDE * (threads - 1) && (batch < ENOUGH_ROWS * threads || bytes > CACHED)) return 0;
    if (batch < ENOUGH_ROWS * more) more = threads;
    return more < MOST_BLOCKS ? more : MOST_BLOCKS;
}

static layer_t layer_of(const recurrence_t *r, void **slots, int threads)
{
    layer_t l = {.r = r, .slots = slots, .gates = GATES[r->kind], .vectors = (r->hidden + LANES - 1) / LANES, .threads = threads};
    l.depth = r->back ? l.gates * r->hidden : r->hidden;
    l.blocks = blocks_of(&l);
    if (slots) {
        uintptr_t workspace = (uintptr_t)(r->back ? ((back_t *)slots)->workspace : ((forward_t *)slots)->workspace);
        l.progress = (progress_t *)((workspace + 63) / 64 * 64);
        l.panels = (f32 *)(l.progress + 1);
        l.states = l.panels + l.vectors * l.gates * r->hidden * LANES;
    }
    return l;
}

/* Bytes of memory that a layer needs besides its arrays. */
i64 recurrence_workspace(const recurrence_t *r, int threads)
{
    layer_t l = layer_of(r, 0, threads);
    return 64 + sizeof(progress_t) + 4 * (l.vectors * l.gates * r->hidden * LANES + threads * states_size(&l));
}

static void begin_back(const layer_t *l, i64 top, i64 bottom, i64 left, i64 right)
{
    const back_t *s = l->slots;
    fill(l, s->to_state, s->g_state, top, bottom, left, right);
    if (s->to_cell) fill(l, s->to_cell, s->g_cell, top, bottom, left, right);
}

/* The steps that there are: back, one more for the product with the first state's weights. */
static i64 steps_of(const layer_t *l) { return l->r->length + (l->r->back ? 1 : 0); }

/* A thread's units, through all steps. */
static void do_units(const layer_t *l, int thread)
{
    i64 tiles = (l->vectors + WIDE - 1) / WIDE, left = tiles * thread / l->threads * WIDE, right = tiles * (thread + 1) / l->threads * WIDE;
    if (right > l->vectors) right = l->vectors;
    if (l->r->back) begin_back(l, 0, l->r->batch, left, right);
    for (i64 step = 0; step < steps_of(l); ++step) {
        do_step(l, step, 0, l->r->batch, left, right, l->states + thread * states_size(l));
        pool_barrier();
    }
}

static void begin_blocks(const layer_t *l)
{
    for (int i = 0; i < l->blocks; ++i) atomic_store_explicit(&l->progress->next[i], 0, memory_order_relaxed);
}

/* Takes the block that is the furthest behind of those that nobody has, a thread's own if that is not far ahead: its rows are in its
   cache. -1 if there is none. */
static int take_block(const layer_t *l, int thread, int *step)
{
    int own = l->threads > 1 ? thread * (l->blocks - 1) / (l->threads - 1) : 0;
    for (;;) {
        int found = -1, last = (int)steps_of(l), least = last;
        for (int i = 0; i < l->blocks; ++i) {
            int next = atomic_load_explicit(&l->progress->next[i], memory_order_relaxed), ahead = i == own ? STEPS : 0;
            if (next >= 0 && next < last && next - ahead < least) { found = i; *step = next; least = next - ahead; }
        }
        int next = *step;
        if (found < 0 || atomic_compare_exchange_strong(&l->progress->next[found], &next, -1 - next)) return found;
    }
}

/* Takes blocks of rows through steps until each is done or another thread's. */
static void do_blocks(const layer_t *l, int thread)
{
    i64 batch = l->r->batch, last = steps_of(l);
    for (int step, i; (i = take_block(l, thread, &step)) >= 0;) {
        i64 top = batch * i / l->blocks, bottom = batch * (i + 1) / l->blocks, end = step + STEPS < last ? step + STEPS : last;
        if (l->r->back && !step) begin_back(l, top, bottom, 0, l->vectors);
        for (; step < end && top < bottom; ++step)
            do_step(l, step, top, bottom, 0, l->vectors, l->states + thread * states_size(l));
        atomic_store_explicit(&l->progress->next[i], (int)end, memory_order_release);
    }
}

/* In a program whose threads all call it: this thread's part. Ends without waiting for the others. */
int recurrence_part(const recurrence_t *r, void **slots, int thread, int threads)
{
    layer_t l = layer_of(r, slots, threads);
    if (!thread) begin_blocks(&l);
    for (i64 v = thread; v < l.vectors; v += threads) pack(&l, v);
    if (threads > 1) pool_barrier();
    if (l.blocks) do_blocks(&l, thread);
    else do_units(&l, thread);
    return 0;
}

static void pack_all(void *context, int thread)
{
    layer_t *l = context;
    for (int v; (v = atomic_fetch_add(&l->next, 1)) < l->vectors;) pack(l, v);
}

static void some_blocks(void *context, int thread) { do_blocks(context, thread); }

static void shared(void *context, int thread) { do_units(context, thread); }

/* Does all of a layer with up to `threads` threads. */
int recurrence_run(const recurrence_t *r, void **slots, int threads)
{
    layer_t l = layer_of(r, slots, threads);
    if (!pool_run_some(pack_all, &l, threads)) pack_all(&l, 0);
    if (!l.blocks && pool_run(shared, &l, threads)) return 0;
    if (!l.blocks) l = layer_of(r, slots, 1);
    begin_blocks(&l);
    if (!pool_run_some(some_blocks, &l, threads)) some_blocks(&l, 0);
    return 0;
}
