/* Convolutions of float32, channels last, as products whose one factor is never made: a tile reads its rows where the windows lie.

A piece of work copies what its windows see into a slab in the second cache, with zeros around it, unless it lies so already. There
each place and each element of the kernel is a distance, and a row of the unfolded image is short runs of memory: the channels that an
element of the kernel sees. A convolution, its gradient by the input and its gradient by the weight are sums of products along such
runs: of channels with weights, or of places with the result's gradient. The number of threads changes no bits: no sum is cut by it.

An axis has cells. A cell is a place of the result; by the input it is as many as the stride, which differ in the elements of the
kernel that meet them (their phase). `step` is how far cells see from each other, `reach` how much one sees. */

#define AXES 3
enum { CONV_FORWARD, CONV_BY_INPUT, CONV_BY_WEIGHT };
enum { CONV_INPUT, CONV_WEIGHTS, CONV_BIAS, CONV_OUTPUT, CONV_WORKSPACE }; /* slots, as in convolution.py */

#define SLAB (96 << 10)    /* floats of a piece's slab */
#define PLACES 2048        /* at most, of a piece */
#define SUMMED 224         /* places whose gradient lies in the first cache, by the weight */
#define DEEP 256           /* of a block of sums: its weights lie in the first cache */
#define PIECES_EACH 4      /* of a thread: who is late leaves some to others */
#define ENOUGH_WORK (1 << 19) /* multiplications of a piece */
#define MOST_CHUNKS 16     /* sums of weights' gradients that are added up at the end */
#define CHUNKS_FLOATS (1 << 18)

typedef struct { int64_t size, made, kernel, stride, padding, dilation, first, cells, step, apart, reach, block; } axis_t;

typedef struct {
    void *part; /* `convolution_rows_part`, or by the weight `convolution_part`, which programs call without their names */
    int64_t kind, n, groups, read, make; /* channels of a group that sums run along, and of which sums are made */
    axis_t axes[AXES];
    int64_t samples, blocks, splits, chunks, pixel, taps, each; /* each: channels of a piece where results are vectors of channels, else 0 */
    int64_t pieces[2];
    atomic_int taken[2];
} convolution_t;

typedef struct { int64_t low[AXES], high[AXES], first, last; } span; /* cells and samples of a piece */
typedef struct { const float *at; int64_t steps[AXES], sample; } slab_t;
typedef struct { long x, length, b; } run_of; /* where rows and the other factor begin, from their pointers */

static int64_t pieces_in(int64_t length, int64_t most) { return (length + most - 1) / most; }

static int64_t panels_of(const convolution_t *c) { return pieces_in(c->make, COLUMNS); }

/* ---- tiles */

/* What a tile is of: rows `at` from x, `step` between neighbours along a run, `next` between those of b; results at c + to[r]. */
typedef struct { const run_of *runs; long count, step, next; const float *x, *b, *bias; float *c; int adds; } tile_of;

INLINE void store_tile(const int rows, const int vecs, const tile_of *of, const long *to, vec *left, vec *right)
{
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
        float *c = of->c + to[r];
        if (of->adds) {
            left[r] += *(vec *)c;
            if (vecs > 1) right[r] += *(vec *)(c + LANES);
        }
        if (of->bias) {
            left[r] += *(const vec *)of->bias;
            if (vecs > 1) right[r] += *(const vec *)(of->bias + LANES);
        }
        *(vec *)c = left[r];
        if (vecs > 1) *(vec *)(c + LANES) = right[r];
    }
}

INLINE void lines_tile(const int rows, const int vecs, const int together, const tile_of *of, const long *at, const long *to)
{
    vec left[ROWS], right[ROWS];
    const long step = together > 1 ? 1 : of->step, next = together > 1 ? COLUMNS : of->next;
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) left[r] = right[r] = (vec){0};
    for (const run_of *run = of->runs, *end = run + of->count; run < end; ++run) {
        const float *line[ROWS], *b = of->b + run->b;
#pragma GCC unroll 16
        for (int r = 0; r < rows; ++r) line[r] = of->x + at[r] + run->x;
        long k = run->length;
#define ALONG(some)                                                                    \
        _Pragma("GCC unroll 4") for (int s = 0; s < some; ++s, b += next) {            \
            vec x = *(const vec *)b, y = vecs > 1 ? *(const vec *)(b + LANES) : x;     \
            _Pragma("GCC unroll 16") for (int r = 0; r < rows; ++r) {                  \
                left[r] += line[r][s] * x;                                             \
                if (vecs > 1) right[r] += line[r][s] * y;                              \
            }                                                                          \
        }                                                                              \
        _Pragma("GCC unroll 16") for (int r = 0; r < rows; ++r) line[r] += some * step;
        if (together > 1)
            for (; k >= together; k -= together) { ALONG(together) }
        for (; k > 0; --k) { ALONG(1) }
    }
    store_tile(rows, vecs, of, to, left, right);
}

/* Rows that are neighbours: one pointer for all. */
INLINE void neighbours_tile(const int rows, const int vecs, const tile_of *of, const long *at, const long *to)
{
    vec left[ROWS], right[ROWS];
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) left[r] = right[r] = (vec){0};
    for (const run_of *run = of->runs, *end = run + of->count; run < end; ++run) {
        const float *line = of->x + at[0] + run->x, *b = of->b + run->b;
#pragma GCC unroll 2
        for (long k = 0; k < run->length; ++k, line += of->step, b += of->next) {
            vec x = *(const vec *)b, y = vecs > 1 ? *(const vec *)(b + LANES) : x;
            const float *again = line;
            OTHER(again);
#pragma GCC unroll 16
            for (int r = 0; r < rows; ++r) {
                left[r] += line[r] * x;
                if (vecs > 1) right[r] += (r % 2 ? line : again)[r] * y;
            }
        }
    }
    store_tile(rows, vecs, of, to, left, right);
}

#define TILES(name, call)                                                                                                   \
    static __attribute__((noinline)) void name(int rows, int vecs, const tile_of *of, const long *at, const long *to)       \
    {                                                                                                                       \
        switch (rows) { EACH_HEIGHT(call) }                                                                                 \
    }
#define ALONG_CHANNELS(n) case n: if (vecs > 1) lines_tile(n, 2, 4, of, at, to); else lines_tile(n, 1, 4, of, at, to); break;
#define ALONG_PLACES(n) case n: if (vecs > 1) lines_tile(n, 2, 1, of, at, to); else lines_tile(n, 1, 1, of, at, to); break;
#define OF_NEIGHBOURS(n) case n: if (vecs > 1) neighbours_tile(n, 2, of, at, to); else neighbours_tile(n, 1, of, at, to); break;
TILES(channels_tile, ALONG_CHANNELS)
TILES(places_tile, ALONG_PLACES)
TILES(neighbours_rows, OF_NEIGHBOURS)

/* ---- geometry */

static int64_t lowest(const axis_t *a, int kind, int64_t cell)
{
    return kind == CONV_BY_INPUT ? cell - (a->reach - 1) : cell * a->stride - a->padding;
}

/* How far the elements of the kernel lie from the first that a cell of this phase sees; -1: it does not see it. */
static int64_t tap_at(const axis_t *a, int kind, int64_t tap, int64_t phase)
{
    int64_t at = tap * a->dilation;
    if (kind != CONV_BY_INPUT) return at;
    return (at - phase) % a->stride || at < phase ? -1 : a->reach - 1 - (at - phase) / a->stride;
}

/* Where the result of a cell and phase lies; -1 if there is none. */
static int64_t made_at(const axis_t *a, int kind, int64_t cell, int64_t phase)
{
    int64_t at = kind == CONV_BY_INPUT ? cell * a->stride + phase - a->padding : cell;
    return at < a->made ? at : -1;
}

static int64_t seen(const axis_t *a, int64_t cells) { return (cells - 1) * a->step + a->reach; }

static int64_t slab_floats(const convolution_t *c)
{
    int64_t floats = c->samples * c->pixel;
    for (int i = 0; i < AXES; ++i) floats *= seen(c->axes + i, c->axes[i].block);
    return floats;
}

static int64_t block_cells(const convolution_t *c)
{
    return c->samples * c->axes[0].block * c->axes[1].block * c->axes[2].block;
}

static int64_t blocks_of(const convolution_t *c)
{
    int64_t blocks = pieces_in(c->n, c->samples);
    for (int i = 0; i < AXES; ++i) blocks *= pieces_in(c->axes[i].cells, c->axes[i].block);
    return blocks;
}

static span span_of(const convolution_t *c, int64_t block)
{
    span s;
    for (int i = AXES - 1; i >= 0; --i) {
        const axis_t *a = c->axes + i;
        int64_t many = pieces_in(a->cells, a->block), low = block % many * a->block;
        s.low[i] = low;
        s.high[i] = low + a->block < a->cells ? low + a->block : a->cells;
        block /= many;
    }
    s.first = block * c->samples;
    s.last = s.first + c->samples < c->n ? s.first + c->samples : c->n;
    return s;
}

static int64_t phases_of(const convolution_t *c) { return c->axes[0].apart * c->axes[1].apart * c->axes[2].apart; }

/* What a thread works in. */
typedef struct { float *slab; long *at, *to; run_of *runs; } scratch_t;

static int64_t runs_of(const convolution_t *c)
{
    int64_t along = c->kind == CONV_BY_WEIGHT ? block_cells(c) + c->taps : c->taps * (pieces_in(c->read, DEEP) + 1);
    return along + 1;
}

static scratch_t scratch_of(const convolution_t *c)
{
    scratch_t s;
    int64_t cells = block_cells(c), rows = c->kind == CONV_BY_WEIGHT ? c->taps * c->read : 0, floats = slab_floats(c);
    int64_t more = c->kind == CONV_BY_WEIGHT ? cells * COLUMNS : 0;
    floats = (floats + more + 2 * LANES + 15) / 16 * 16;
    s.slab = packed_rows(floats + 2 * (2 * (cells + rows) + ROWS) + 6 * runs_of(c) + 16);
    s.at = (long *)(s.slab + floats);
    s.to = s.at + cells + rows;
    s.runs = (run_of *)(s.to + cells + rows);
    return s;
}

/* ---- slabs */

/* How often a channel lies in the slab: once for each result of its group where these are vectors of channels. */
static int64_t repeats(const convolution_t *c) { return c->each ? c->make : 1; }

/* `many` pixels of a slab; of the channels from `channel` on where results are vectors of channels. */
static void copy_pixels(const convolution_t *c, int64_t channel, float *to, const float *from, int64_t many)
{
    int64_t channels = c->groups * c->read, wide = channels * repeats(c) - channel;
    if (wide > c->pixel) wide = c->pixel;
    if (wide == channels && c->pixel == channels && repeats(c) == 1) {
        memcpy(to, from, 4 * many * channels);
        return;
    }
    for (int64_t i = 0; i < many; ++i, to += c->pixel, from += channels) {
        if (repeats(c) == 1) memcpy(to, from + channel, 4 * wide);
        else
            for (int64_t x = 0; x < wide; ++x) to[x] = from[(channel + x) / c->make];
        if (c->each) memset(to + wide, 0, 4 * (c->pixel - wide));
    }
}

/* What the windows of a span see, in `memory` or where it is. */
static slab_t slab_for(const convolution_t *c, const span *s, int64_t channel, const float *x, float *memory)
{
    int64_t channels = c->groups * c->read, low[AXES], many[AXES], from[AXES], to[AXES], pixel = c->pixel;
    int inside = c->each ? channels % LANES == 0 && repeats(c) == 1 : pixel == channels;
    for (int i = 0; i < AXES; ++i) {
        const axis_t *a = c->axes + i;
        low[i] = lowest(a, c->kind, a->first + s->low[i]);
        many[i] = seen(a, s->high[i] - s->low[i]);
        from[i] = low[i] > 0 ? low[i] : 0;
        to[i] = low[i] + many[i] < a->size ? low[i] + many[i] : a->size;
        inside &= from[i] == low[i] && to[i] == low[i] + many[i];
    }
    const int64_t *lines = many;
    int64_t sizes[AXES] = {c->axes[0].size, c->axes[1].size, c->axes[2].size}, image = channels * sizes[0] * sizes[1] * sizes[2];
    x += s->first * image;
    if (inside) lines = sizes, pixel = channels;
    slab_t slab = {memory, {lines[1] * lines[2] * pixel, lines[2] * pixel, pixel}, lines[0] * lines[1] * lines[2] * pixel};
    if (inside) {
        slab.at = x + channel + low[0] * slab.steps[0] + low[1] * slab.steps[1] + low[2] * slab.steps[2];
        return slab;
    }
    int64_t line = many[2] * c->pixel, width = to[2] - from[2];
    for (int64_t n = s->first; n < s->last; ++n, x += image)
        for (int64_t d = low[0]; d < low[0] + many[0]; ++d)
            for (int64_t h = low[1]; h < low[1] + many[1]; ++h, memory += line) {
                if (d < from[0] || d >= to[0] || h < from[1] || h >= to[1] || width <= 0) {
                    memset(memory, 0, 4 * line);
                    continue;
                }
                float *end = memory + (to[2] - low[2]) * c->pixel, *begin = memory + (from[2] - low[2]) * c->pixel;
                memset(memory, 0, 4 * (begin - memory));
                copy_pixels(c, channel, begin, x + ((d * sizes[1] + h) * sizes[2] + from[2]) * channels, width);
                memset(end, 0, 4 * (memory + line - end));
            }
    return slab;
}

/* Distances in a slab, and of results, of the places of a phase; how many there are. */
static long places_of(const convolution_t *c, const span *s, const slab_t *slab, int64_t phase, long *at, long *to)
{
    int64_t p[AXES], channels = c->groups * c->make;
    const axis_t *a = c->axes;
    for (int i = AXES - 1; i >= 0; --i) p[i] = phase % a[i].apart, phase /= a[i].apart;
    long count = 0;
    for (int64_t n = s->first; n < s->last; ++n)
        for (int64_t d = s->low[0]; d < s->high[0]; ++d) {
            int64_t made_d = made_at(a, c->kind, a->first + d, p[0]);
            for (int64_t h = s->low[1]; h < s->high[1] && made_d >= 0; ++h) {
                int64_t made_h = made_at(a + 1, c->kind, a[1].first + h, p[1]);
                if (made_h < 0) continue;
                const int64_t in = (n - s->first) * slab->sample + (d - s->low[0]) * a[0].step * slab->steps[0] + (h - s->low[1]) * a[1].step * slab->steps[1];
                const int64_t line = ((n * a[0].made + made_d) * a[1].made + made_h) * a[2].made;
                for (int64_t w = s->low[2]; w < s->high[2]; ++w) {
                    int64_t made_w = made_at(a + 2, c->kind, a[2].first + w, p[2]);
                    if (made_w < 0) continue;
                    at[count] = in + (w - s->low[2]) * a[2].step * slab->steps[2];
                    to[count++] = (line + made_w) * channels;
                }
            }
        }
    return count;
}

/* Runs of what a cell of a phase sees, in the order of the kernel's elements, none longer than DEEP. */
static long runs_along_channels(const convolution_t *c, const slab_t *slab, int64_t phase, run_of *runs)
{
    int64_t p[AXES], t[AXES];
    const axis_t *a = c->axes;
    for (int i = AXES - 1; i >= 0; --i) p[i] = phase % a[i].apart, phase /= a[i].apart;
    long count = 0, tap = 0;
    for (t[0] = 0; t[0] < a[0].kernel; ++t[0])
        for (t[1] = 0; t[1] < a[1].kernel; ++t[1])
            for (t[2] = 0; t[2] < a[2].kernel; ++t[2], ++tap) {
                int64_t x = 0, is_seen = 1;
                for (int i = 0; i < AXES; ++i) {
                    int64_t at = tap_at(a + i, c->kind, t[i], p[i]);
                    is_seen &= at >= 0;
                    x += at * slab->steps[i];
                }
                if (!is_seen) continue;
                run_of *last = runs + count - 1;
                int64_t b = tap * c->read;
                if (count && last->x + last->length == x && last->b + last->length * COLUMNS == b * COLUMNS && last->length + c->read <= DEEP) {
                    last->length += c->read;
                    continue;
                }
                for (int64_t done = 0, length; done < c->read; done += length) {
                    length = c->read - done < DEEP ? c->read - done : DEEP;
                    runs[count++] = (run_of){x + done, length, (b + done) * COLUMNS};
                }
            }
    return count;
}

/* ---- weights in panels of COLUMNS results: for each element of the kernel, for each channel that is read, a row */

#define AT_ONCE 32 /* rows that are packed at a time */

static void pack_panel(const convolution_t *c, int64_t piece, const float *w, float *to)
{
    int64_t group = piece / panels_of(c), j = piece % panels_of(c) * COLUMNS, wide = c->make - j < COLUMNS ? c->make - j : COLUMNS;
    int64_t deep = c->taps * c->read, channel = 0, tap = 0;
    float rows[AT_ONCE * COLUMNS];
    w += (group * c->make + j) * deep;
    to += piece * deep * COLUMNS;
    for (int64_t i = 0; i < deep; i += AT_ONCE) {
        int64_t some = deep - i < AT_ONCE ? deep - i : AT_ONCE;
        pack_b(some, wide, w + i, 1, deep, rows);
        for (int64_t k = 0; k < some; ++k) {
            memcpy(to + (tap * c->read + channel) * COLUMNS, rows + k * COLUMNS, 4 * COLUMNS);
            if (++tap == c->taps) tap = 0, ++channel;
        }
    }
}

/* By the input: what AT_ONCE channels of the result's gradient are multiplied by, in all panels of their group. */
static void pack_channels(const convolution_t *c, int64_t piece, const float *w, float *to)
{
    int64_t pieces = pieces_in(c->read, AT_ONCE), group = piece / pieces, first = piece % pieces * AT_ONCE, last = first + AT_ONCE;
    const float *end = w + c->groups * c->read * c->make * c->taps;
    int64_t whole = pieces_in(c->taps, LANES) * LANES; /* elements of the kernel, as vectors have them */
    float rows[AT_ONCE * LANES];
    to += group * panels_of(c) * c->taps * c->read * COLUMNS;
    for (int64_t i = first; i < last && i < c->read; ++i)
        for (int64_t j = 0; j < panels_of(c) * COLUMNS; j += LANES) {
            const float *from = w + ((group * c->read + i) * c->make + j) * c->taps;
            float *row = to + (j / COLUMNS * c->taps * c->read + i) * COLUMNS + j % COLUMNS;
            int64_t wide = c->make - j < LANES ? c->make - j : LANES, apart = c->read * COLUMNS;
            if (wide == LANES && whole <= AT_ONCE && from + (LANES - 1) * c->taps + whole <= end) {
                pack_lines(whole, LANES, from, c->taps, rows, LANES);
                for (int64_t tap = 0; tap < c->taps; ++tap) memcpy(row + tap * apart, rows + tap * LANES, 4 * LANES);
            } else
                for (int64_t tap = 0; tap < c->taps; ++tap)
                    for (int64_t x = 0; x < LANES; ++x) row[tap * apart + x] = x < wide ? from[x * c->taps + tap] : 0;
        }
}

/* ---- pieces */

typedef void (*tiles_t)(int rows, int vecs, const tile_of *of, const long *at, const long *to);

/* A few floats, without a call. */
static inline void copy_few(float *to, const float *from, long count)
{
    for (; count >= 4; count -= 4, to += 4, from += 4) memcpy(to, from, 16);
    for (; count > 0; --count) *to++ = *from++;
}

/* All rows by one panel, `wide` of it. */
static void all_rows(tiles_t tiles, tile_of of, long rows, const long *at, const long *to, int64_t wide)
{
    float edge[ROWS * COLUMNS], *c = of.c;
    long each = share(rows, ROWS), places[ROWS];
    int vecs = wide > LANES ? 2 : 1, is_part = wide % LANES;
    for (int r = 0; r < ROWS; ++r) places[r] = r * COLUMNS;
    for (long i = 0; i < rows; i += each) {
        long some = rows - i < each ? rows - i : each;
        if (!is_part) {
            tiles(some, vecs, &of, at + i, to + i);
            continue;
        }
        for (long r = 0; r < some && of.adds; ++r) copy_few(edge + r * COLUMNS, c + to[i + r], wide);
        of.c = edge;
        tiles(some, vecs, &of, at + i, places);
        for (long r = 0; r < some; ++r) copy_few(c + to[i + r], edge + r * COLUMNS, wide);
    }
}

/* A phase of a span by one panel. */
static void phase_by_panel(const convolution_t *c, const run_of *runs, long count, tile_of of, long places, const long *at, const long *to, int64_t wide)
{
    float zeros[COLUMNS] = {0}, bias[COLUMNS] = {0};
    if (of.bias) memcpy(bias, of.bias, 4 * wide);
    of.adds = 0;
    if (!count) { /* nothing is seen */
        of.bias = of.bias ? bias : zeros;
        of.count = 0;
        all_rows(channels_tile, of, places, at, to, wide);
        return;
    }
    const float *last = of.bias ? bias : 0;
    for (long i = 0, some; i < count; i += some) {
        long deep = 0;
        for (some = 0; i + some < count && (!some || deep + runs[i + some].length <= DEEP); ++some) deep += runs[i + some].length;
        of.runs = runs + i;
        of.count = some;
        of.adds = i > 0;
        of.bias = i + some == count ? last : 0;
        all_rows(channels_tile, of, places, at, to, wide);
    }
}

/* ---- few results of a group, many channels: sums in vectors, as `dots` */

#define FEW_MADE 4

static int is_of_few(const convolution_t *c) { return c->kind != CONV_BY_WEIGHT && c->make <= FEW_MADE && c->read >= LANES; }

/* Weights of a group: for each result, each element of the kernel, the channels that are read. */
static void pack_few(const convolution_t *c, int64_t group, const float *w, float *to)
{
    int64_t deep = c->taps * c->read, by_input = c->kind == CONV_BY_INPUT;
    int64_t of_made = by_input ? c->taps : deep, of_read = by_input ? c->make * c->taps : c->taps;
    w += group * c->make * deep;
    to += group * panels_of(c) * deep * COLUMNS;
    for (int64_t o = 0; o < c->make; ++o)
        for (int64_t i = 0; i < c->read; ++i)
            for (int64_t tap = 0; tap < c->taps; ++tap) to[o * deep + tap * c->read + i] = w[o * of_made + i * of_read + tap];
}

INLINE void few_tile(const int places, const int made, const tile_of *of, long deep, const long *at, const long *to)
{
    vec sums[DOTS];
    float rest[DOTS] = {0}, found[DOTS];
#pragma GCC unroll 16
    for (int i = 0; i < DOTS; ++i) sums[i] = (vec){0};
    for (const run_of *run = of->runs, *end = run + of->count; run < end; ++run) {
        const float *x = of->x + run->x, *w = of->b + run->b / COLUMNS;
        long k = 0;
        for (; k + LANES <= run->length; k += LANES)
#pragma GCC unroll 4
            for (int o = 0; o < made; ++o) {
                vec y = *(const vec *)(w + o * deep + k);
#pragma GCC unroll 8
                for (int p = 0; p < places; ++p) sums[p * made + o] += *(const vec *)(x + at[p] + k) * y;
            }
        for (; k < run->length; ++k)
            for (int o = 0; o < made; ++o)
                for (int p = 0; p < places; ++p) rest[p * made + o] += x[at[p] + k] * w[o * deep + k];
    }
#pragma GCC unroll 4
    for (int i = 0; i < DOTS; i += LANES) totals(sums + i, found + i);
    for (int p = 0; p < places; ++p)
        for (int o = 0; o < made; ++o) of->c[to[p] + o] = found[p * made + o] + rest[p * made + o] + (of->bias ? of->bias[o] : 0);
}

#define FEW_OF(made, most)                                                                          \
    case made:                                                                                      \
        for (; places >= most; places -= most, at += most, to += most) few_tile(most, made, of, deep, at, to); \
        for (; places > 0; --places, ++at, ++to) few_tile(1, made, of, deep, at, to);               \
        break;
static void few_of_places(const convolution_t *c, const tile_of *of, long places, const long *at, const long *to)
{
    long deep = c->taps * c->read;
    switch (c->make) { FEW_OF(1, 8) FEW_OF(2, 8) FEW_OF(3, 4) FEW_OF(4, 4) }
}

/* Tells of places that are done, in columns left .. left + wide of the result: by rows that follow each other. */
static void finish_places(const convolution_t *c, const epilogue *then, long places, const long *to, int64_t left, int64_t wide)
{
    int64_t channels = c->groups * c->make;
    for (long i = 0, some; then && i < places; i += some) {
        for (some = 1; i + some < places && to[i + some] == to[i] + some * channels; ++some) { }
        finish(then, to[i] / channels, left, some, wide);
    }
}

static int convolve(const convolution_t *c, int64_t piece, void **slots, const epilogue *then)
{
    scratch_t s = scratch_of(c);
    if (!s.slab) return 1;
    int64_t split = piece % c->splits, all = c->groups * panels_of(c), from = all * split / c->splits, to = all * (split + 1) / c->splits;
    span cells = span_of(c, piece / c->splits);
    slab_t slab = slab_for(c, &cells, 0, slots[CONV_INPUT], s.slab);
    const float *bias = slots[CONV_BIAS];
    for (int64_t phase = 0; phase < phases_of(c); ++phase) {
        long places = places_of(c, &cells, &slab, phase, s.at, s.to), count = runs_along_channels(c, &slab, phase, s.runs);
        for (int64_t n = from; n < to && places; ++n) {
            int64_t group = n / panels_of(c), j = n % panels_of(c) * COLUMNS, wide = c->make - j < COLUMNS ? c->make - j : COLUMNS;
            tile_of of = {.x = slab.at + group * c->read, .b = (const float *)slots[CONV_WORKSPACE] + n * c->taps * c->read * COLUMNS,
                          .bias = bias ? bias + group * c->make + j : 0, .c = (float *)slots[CONV_OUTPUT] + group * c->make + j, .runs = s.runs, .count = count};
            if (is_of_few(c)) few_of_places(c, &of, places, s.at, s.to);
            else phase_by_panel(c, s.runs, count, of, places, s.at, s.to, wide);
            finish_places(c, then, places, s.to, group * c->make + j, wide);
        }
    }
    return 0;
}

/* ---- by the weight */

#define FEW_READ (2 * ROWS) /* rows, with which a gradient is read as it lies: it is not worth a copy */

/* Runs of places at the same distance from each other, which is `step`; their gradients are `next` apart. */
static long runs_along_places(const long *at, const long *to, long places, long step, long next, int is_copied, run_of *runs)
{
    long count = 0;
    for (long i = 0; i < places; ++i) {
        run_of *last = runs + count - 1;
        if (count && at[i] == last->x + last->length * step && (is_copied || to[i] == to[i - 1] + next)) ++last->length;
        else runs[count++] = (run_of){at[i], 1, is_copied ? i * next : to[i]};
    }
    return count;
}

static void weights_of_block(const convolution_t *c, const span *cells, scratch_t s, int64_t from, int64_t to, int adds, void **slots, float *sums)
{
    slab_t slab = slab_for(c, cells, 0, slots[CONV_INPUT], s.slab);
    int64_t rows = c->taps * c->read, many = block_cells(c);
    float *g = s.slab + slab_floats(c) + 2 * LANES;
    long places = places_of(c, cells, &slab, 0, s.at, s.to), step = c->axes[2].step * slab.steps[2], next = c->groups * c->make;
    if (cells->high[2] - cells->low[2] == 1) step = c->axes[1].step * slab.steps[1];
    int is_copied = rows > FEW_READ || c->make % COLUMNS;
    if (is_copied) next = c->make > LANES ? COLUMNS : LANES;
    long count = runs_along_places(s.at, s.to, places, step, next, is_copied, s.runs), *at = s.at + many, *to_rows = s.to + many;
    int64_t row = 0;
    for (int64_t d = 0; d < c->axes[0].kernel; ++d)
        for (int64_t h = 0; h < c->axes[1].kernel; ++h)
            for (int64_t w = 0; w < c->axes[2].kernel; ++w)
                for (int64_t i = 0; i < c->read; ++i, ++row) {
                    at[row] = d * c->axes[0].dilation * slab.steps[0] + h * c->axes[1].dilation * slab.steps[1] + w * c->axes[2].dilation * slab.steps[2] + i;
                    to_rows[row] = row * COLUMNS;
                }
    for (int64_t n = from; n < to; ++n) {
        int64_t group = n / panels_of(c), j = n % panels_of(c) * COLUMNS, wide = c->make - j < COLUMNS ? c->make - j : COLUMNS;
        const float *grad = (const float *)slots[CONV_OUTPUT] + group * c->make + j;
        if (is_copied && wide < next) memset(g, 0, 4 * places * next);
        for (long i = 0; i < places && is_copied; ++i) {
            if (wide == COLUMNS) memcpy(g + i * COLUMNS, grad + s.to[i], 4 * COLUMNS); /* without a call */
            else copy_few(g + i * next, grad + s.to[i], wide);
        }
        tile_of of = {.runs = s.runs, .count = count, .step = step, .next = next, .x = slab.at + group * c->read, .b = is_copied ? g : grad,
                      .c = sums + n * rows * COLUMNS, .adds = adds};
        int vecs = wide > LANES ? 2 : 1;
        for (int64_t i = 0; i < rows;) { /* rows that are neighbours, in tiles of about the same size */
            int64_t end = i + 1;
            while (end < rows && at[end] == at[end - 1] + 1) ++end;
            int64_t length = end - i, each = share(length, ROWS);
            if (each * 2 <= ROWS) { /* too few */
                each = share(rows - i, ROWS);
                places_tile(each, vecs, &of, at + i, to_rows + i);
                i += each;
                continue;
            }
            for (; i < end; i += each) neighbours_rows(end - i < each ? end - i : each, vecs, &of, at + i, to_rows + i);
            i = end;
        }
    }
}

static int convolve_by_weight(const convolution_t *c, int64_t piece, void **slots)
{
    scratch_t s = scratch_of(c);
    if (!s.slab) return 1;
    int64_t split = piece % c->splits, chunk = piece / c->splits, all = c->groups * panels_of(c);
    int64_t from = all * split / c->splits, to = all * (split + 1) / c->splits;
    int64_t first = c->blocks * chunk / c->chunks, last = c->blocks * (chunk + 1) / c->chunks;
    float *sums = (float *)slots[CONV_WORKSPACE] + chunk * all * c->taps * c->read * COLUMNS;
    for (int64_t block = first; block < last; ++block) {
        span cells = span_of(c, block);
        weights_of_block(c, &cells, s, from, to, block > first, slots, sums);
    }
    return 0;
}

/* A panel of the gradient: its chunks added up, in PyTorch's order. */
static void unpack_panel(const convolution_t *c, int64_t piece, const float *sums, float *to)
{
    int64_t all = c->groups * panels_of(c), deep = c->taps * c->read, chunk = all * deep * COLUMNS;
    int64_t group = piece / panels_of(c), j = piece % panels_of(c) * COLUMNS, wide = c->make - j < COLUMNS ? c->make - j : COLUMNS;
    float rows[LANES * COLUMNS];
    sums += piece * deep * COLUMNS;
    to += (group * c->make + j) * deep;
    int64_t channel = 0, tap = 0;
    for (int64_t i = 0; i < deep; i += LANES) {
        int64_t some = deep - i < LANES ? deep - i : LANES;
        for (int64_t k = 0; k < some; ++k) {
            const float *from = sums + (tap * c->read + channel) * COLUMNS;
            float *row = rows + k * COLUMNS;
            memcpy(row, from, 4 * COLUMNS);
            for (int64_t n = 1; n < c->chunks; ++n)
                for (int x = 0; x < COLUMNS; ++x) row[x] += from[n * chunk + x];
            if (++tap == c->taps) tap = 0, ++channel;
        }
        if (some == LANES) pack_lines(wide, LANES, rows, COLUMNS, to + i, deep);
        else
            for (int64_t o = 0; o < wide; ++o)
                for (int64_t k = 0; k < some; ++k) to[o * deep + i + k] = rows[k * COLUMNS + o];
    }
}

/* ---- groups of one channel: results are vectors of channels, of which a piece does `each`; nothing is summed over channels */

#define SEEN_TOGETHER 8 /* places, by a vector of weights that is read once */
#define MOST_REPEATS 4  /* results of a group, with more of which panels are better */

static int64_t lanes_of(const convolution_t *c) { return pieces_in(c->groups * c->make, LANES) * LANES; }

static void pack_by_channels(const convolution_t *c, const float *w, float *to)
{
    int64_t lanes = lanes_of(c), channels = c->groups * c->make;
    for (int64_t tap = 0; tap < c->taps; ++tap)
        for (int64_t i = 0; i < lanes; ++i) to[tap * lanes + i] = i < channels ? w[i * c->taps + tap] : 0;
}

INLINE void channels_of_places(const int places, const run_of *runs, long count, const float *x, const long *at, const float *w, vec *sums)
{
    vec sum[SEEN_TOGETHER];
#pragma GCC unroll 8
    for (int p = 0; p < places; ++p) sum[p] = (vec){0};
    for (const run_of *run = runs, *end = runs + count; run < end; ++run) {
        const float *from = x + run->x;
        vec b = *(const vec *)(w + run->b);
#pragma GCC unroll 8
        for (int p = 0; p < places; ++p) sum[p] += *(const vec *)(from + at[p]) * b;
    }
#pragma GCC unroll 8
    for (int p = 0; p < places; ++p) sums[p] = sum[p];
}

static int convolve_channels(const convolution_t *c, int64_t piece, void **slots, const epilogue *then)
{
    scratch_t s = scratch_of(c);
    if (!s.slab) return 1;
    int64_t channels = c->groups * c->make, first = piece % c->splits * c->each, lanes = lanes_of(c);
    int64_t last = first + c->each < channels ? first + c->each : channels;
    span cells = span_of(c, piece / c->splits);
    slab_t slab = slab_for(c, &cells, first, slots[CONV_INPUT], s.slab);
    const float *w = slots[CONV_WORKSPACE], *bias = slots[CONV_BIAS];
    float *out = slots[CONV_OUTPUT];
    for (int64_t phase = 0; phase < phases_of(c); ++phase) {
        long places = places_of(c, &cells, &slab, phase, s.at, s.to), count = runs_along_channels(c, &slab, phase, s.runs);
        for (long i = 0; i < count; ++i) s.runs[i].b = s.runs[i].b / COLUMNS * lanes;
        for (long p = 0, some; p < places; p += some)
            for (int64_t at = first; at < last; at += LANES) {
                vec sums[SEEN_TOGETHER];
                int64_t wide = last - at < LANES ? last - at : LANES;
                const float *x = slab.at + at - first;
                some = places - p < SEEN_TOGETHER ? 1 : SEEN_TOGETHER;
                if (some > 1) channels_of_places(SEEN_TOGETHER, s.runs, count, x, s.at + p, w + at, sums);
                else channels_of_places(1, s.runs, count, x, s.at + p, w + at, sums);
                for (long i = 0; i < some; ++i) {
                    float *sum = (float *)(sums + i);
                    for (int64_t k = 0; bias && k < wide; ++k) sum[k] += bias[at + k];
                    if (wide == LANES) *(vec *)(out + s.to[p + i] + at) = sums[i];
                    else memcpy(out + s.to[p + i] + at, sum, 4 * wide);
                }
            }
        finish_places(c, then, places, s.to, first, last - first);
    }
    return 0;
}

/* Of some elements of the kernel, which see x at `taps`; g in vectors without gaps. */
INLINE void channels_by_weight(const int some, long places, const float *x, const long *at, const long *taps, const float *g, float *sums, long apart, int adds)
{
    vec sum[ROWS];
    const float *line[ROWS];
#pragma GCC unroll 16
    for (int i = 0; i < some; ++i) sum[i] = (vec){0}, line[i] = x + taps[i];
    for (long p = 0; p < places; ++p, g += LANES) {
        vec y = *(const vec *)g;
#pragma GCC unroll 16
        for (int i = 0; i < some; ++i) sum[i] += *(const vec *)(line[i] + at[p]) * y;
    }
#pragma GCC unroll 16
    for (int i = 0; i < some; ++i) {
        if (adds) sum[i] += *(vec *)(sums + i * apart);
        *(vec *)(sums + i * apart) = sum[i];
    }
}
#define OF_SOME_TAPS(n) case n: channels_by_weight(n, places, x, at, taps, g, sums, apart, adds); break;
static __attribute__((noinline)) void taps_by_weight(int some, long places, const float *x, const long *at, const long *taps, const float *g, float *sums, long apart, int adds)
{
    switch (some) { EACH_HEIGHT(OF_SOME_TAPS) }
}

static int channels_of_chunk(const convolution_t *c, int64_t piece, void **slots)
{
    scratch_t s = scratch_of(c);
    if (!s.slab) return 1;
    int64_t channels = c->groups * c->make, first = piece % c->splits * c->each, chunk = piece / c->splits, lanes = lanes_of(c);
    int64_t last = first + c->each < channels ? first + c->each : channels, begin = c->blocks * chunk / c->chunks, end = c->blocks * (chunk + 1) / c->chunks;
    float *g = s.slab + slab_floats(c) + 2 * LANES, *sums = (float *)slots[CONV_WORKSPACE] + chunk * c->taps * lanes;
    const float *grad = slots[CONV_OUTPUT];
    for (int64_t block = begin; block < end; ++block) {
        span cells = span_of(c, block);
        slab_t slab = slab_for(c, &cells, first, slots[CONV_INPUT], s.slab);
        long places = places_of(c, &cells, &slab, 0, s.at, s.to), *taps = s.at + block_cells(c);
        runs_along_channels(c, &slab, 0, s.runs);
        for (int64_t tap = 0; tap < c->taps; ++tap) taps[tap] = s.runs[tap].x;
        for (int64_t at = first; at < last; at += LANES) {
            int64_t wide = last - at < LANES ? last - at : LANES, each = share(c->taps, ROWS);
            for (long p = 0; p < places; ++p) {
                if (wide == LANES) *(vec *)(g + p * LANES) = *(const vec *)(grad + s.to[p] + at);
                else
                    for (int64_t k = 0; k < LANES; ++k) g[p * LANES + k] = k < wide ? grad[s.to[p] + at + k] : 0;
            }
            for (int64_t tap = 0; tap < c->taps; tap += each)
                taps_by_weight(c->taps - tap < each ? c->taps - tap : each, places, slab.at + at - first, s.at, taps + tap, g, sums + tap * lanes + at, lanes, block > begin);
        }
    }
    return 0;
}

static void unpack_channels(const convolution_t *c, const float *sums, float *to)
{
    int64_t lanes = lanes_of(c), channels = c->groups * c->make;
    for (int64_t tap = 0; tap < c->taps; ++tap)
        for (int64_t i = 0; i < channels; ++i) {
            const float *from = sums + tap * lanes + i;
            float sum = *from;
            for (int64_t n = 1; n < c->chunks; ++n) sum += from[n * c->taps * lanes];
            to[i * c->taps + tap] = sum;
        }
}

/* ---- plans */

/* Makes the axes of a plan, of which `made`, `size`, `kernel`, `stride`, `padding` and `dilation` are given. */
static void settle_axis(axis_t *a, int kind)
{
    int by_input = kind == CONV_BY_INPUT;
    int64_t far = (a->kernel - 1) * a->dilation;
    a->step = by_input ? 1 : a->stride;
    a->apart = by_input ? a->stride : 1;
    a->first = by_input ? a->padding / a->stride : 0;
    a->cells = by_input ? (a->made + a->padding - 1) / a->stride + 1 - a->first : a->made;
    a->reach = (by_input ? far / a->stride : far) + 1;
    a->block = a->cells;
}

static int shrink(convolution_t *c)
{
    for (int i = 0; i < AXES; ++i)
        if (c->axes[i].block > 1) {
            int64_t pieces = pieces_in(c->axes[i].cells, c->axes[i].block) + 1;
            while (pieces_in(c->axes[i].cells, pieces) >= c->axes[i].block) ++pieces;
            c->axes[i].block = pieces_in(c->axes[i].cells, pieces);
            return 1;
        }
    return 0;
}

static int is_too_large(const convolution_t *c, int64_t most) { return slab_floats(c) > SLAB || block_cells(c) > most; }

/* As many samples in a block as fit, up to `most`. */
static void join_samples(convolution_t *c, int64_t places, int64_t most)
{
    if (blocks_of(c) != c->n) return;
    int64_t room = SLAB / slab_floats(c), few = places / block_cells(c);
    c->samples = room < few ? room : few;
    if (c->samples > most) c->samples = most;
    if (c->samples < 1) c->samples = 1;
}

/* How many chunks sums of so many floats are made in: it must not depend on threads. */
static int64_t chunks_of(const convolution_t *c, int64_t floats)
{
    int64_t chunks = CHUNKS_FLOATS / floats;
    if (chunks > MOST_CHUNKS) chunks = MOST_CHUNKS;
    if (chunks > c->blocks) chunks = c->blocks;
    return chunks < 1 ? 1 : chunks;
}

/* In how many parts each of `base` pieces is done, so that there are enough, each worth it. */
static int64_t splits_of(int64_t base, int64_t wanted, int64_t work, int64_t most)
{
    int64_t splits = pieces_in(wanted, base), worth = work / base / ENOUGH_WORK;
    if (splits > most) splits = most;
    if (splits > worth) splits = worth;
    return splits < 1 ? 1 : splits;
}

static int64_t settle_channels(convolution_t *c, int threads)
{
    int by_weight = c->kind == CONV_BY_WEIGHT;
    int64_t lanes = lanes_of(c), vectors = lanes / LANES, wanted = PIECES_EACH * threads, work = c->taps * block_cells(c) * c->n * lanes;
    c->each = c->pixel = lanes;
    while (is_too_large(c, PLACES) && c->pixel > 4 * LANES) c->each = c->pixel = pieces_in(pieces_in(c->pixel, LANES), 2) * LANES;
    while (is_too_large(c, PLACES) && shrink(c)) { }
    join_samples(c, PLACES, by_weight ? c->n : c->n / wanted);
    c->blocks = blocks_of(c);
    c->chunks = by_weight ? chunks_of(c, c->taps * lanes) : 1;
    int64_t base = by_weight ? c->chunks : c->blocks, parts = pieces_in(lanes, c->each);
    int64_t splits = threads > 1 ? splits_of(base, wanted, work, vectors) : 1;
    c->each = c->pixel = pieces_in(vectors, splits > parts ? splits : parts) * LANES;
    c->splits = pieces_in(lanes, c->each);
    c->pieces[!by_weight] = base * c->splits;
    c->pieces[by_weight] = 1;
    return c->taps * lanes * c->chunks;
}

static int64_t settle_panels(convolution_t *c, int threads)
{
    int by_weight = c->kind == CONV_BY_WEIGHT;
    int64_t most = by_weight && c->taps * c->read > FEW_READ ? SUMMED : PLACES, channels = c->groups * c->read, panels = c->groups * panels_of(c);
    int64_t wanted = PIECES_EACH * threads, weights = panels * c->taps * c->read * COLUMNS, work = c->n * block_cells(c) * c->taps * channels * c->make;
    c->pixel = channels % 64 ? channels : channels + 16; /* or lines of neighbours would be in few sets of the first cache */
    while (is_too_large(c, most) && shrink(c)) { }
    join_samples(c, most, by_weight ? c->n : c->n / wanted);
    c->blocks = blocks_of(c);
    c->chunks = by_weight ? chunks_of(c, weights) : 1;
    int64_t base = by_weight ? c->chunks : c->blocks;
    c->splits = threads > 1 && base < wanted ? splits_of(base, wanted, work, panels) : 1;
    c->pieces[!by_weight] = base * c->splits;
    c->pieces[by_weight] = c->kind == CONV_BY_INPUT && !is_of_few(c) ? c->groups * pieces_in(c->read, AT_ONCE) : panels;
    return weights * c->chunks;
}

/* Lays out the work of a plan for so many threads; returns how many floats the workspace has. */
int64_t convolution_settle(convolution_t *c, int threads)
{
    c->taps = c->samples = 1;
    for (int i = 0; i < AXES; ++i) {
        settle_axis(c->axes + i, c->kind);
        c->taps *= c->axes[i].kernel;
    }
    int by_channels = c->read == 1 && c->groups > 1 && c->make <= (c->kind == CONV_BY_INPUT ? 1 : MOST_REPEATS);
    return by_channels ? settle_channels(c, threads) : settle_panels(c, threads);
}

static int do_convolution_piece(const convolution_t *c, int phase, int64_t piece, void **slots, const epilogue *then)
{
    float *workspace = slots[CONV_WORKSPACE], *weights = slots[CONV_WEIGHTS];
    if (c->kind == CONV_BY_WEIGHT) {
        if (!phase) return c->each ? channels_of_chunk(c, piece, slots) : convolve_by_weight(c, piece, slots);
        if (c->each) unpack_channels(c, workspace, weights);
        else unpack_panel(c, piece, workspace, weights);
        return 0;
    }
    if (phase) return c->each ? convolve_channels(c, piece, slots, then) : convolve(c, piece, slots, then);
    if (c->each) pack_by_channels(c, weights, workspace);
    else if (is_of_few(c)) pack_few(c, piece, weights, workspace);
    else if (c->kind == CONV_BY_INPUT) pack_channels(c, piece, weights, workspace);
    else pack_panel(c, piece, weights, workspace);
    return 0;
}

/* As `onednn_rows_part`. */
int convolution_rows_part(convolution_t *c, void **slots, int thread, int threads, const epilogue *then)
{
    int failed = 0, piece;
    (void)thread;
    for (int phase = 0; phase < 2; ++phase) {
        if (phase && threads > 1) barrier();
        while ((piece = atomic_fetch_add(c->taken + phase, 1)) < c->pieces[phase]) failed |= do_convolution_piece(c, phase, piece, slots, then);
        if (piece == c->pieces[phase] + threads - 1) atomic_store(c->taken + phase, 0); /* the last one to find nothing more */
    }
    return failed;
}

int convolution_part(convolution_t *c, void **slots, int thread, int threads) { return convolution_rows_part(c, slots, thread, threads, 0); }

typedef struct { const convolution_t *c; void **slots; int phase; atomic_int next, failed; } conv_run_t;

static void take_conv_pieces(void *context, int thread)
{
    conv_run_t *r = context;
    int piece;
    (void)thread;
    while ((piece = atomic_fetch_add(&r->next, 1)) < r->c->pieces[r->phase])
        if (do_convolution_piece(r->c, r->phase, piece, r->slots, 0)) atomic_store(&r->failed, 1);
}

/* Does all of a plan with up to `threads` threads. Returns 0, or 1 for want of memory. */
int convolution_run(const convolution_t *c, void **slots, int threads)
{
    conv_run_t r = {.c = c, .slots = slots};
    for (r.phase = 0; r.phase < 2; ++r.phase) {
        int wanted = c->pieces[r.phase] < threads ? c->pieces[r.phase] : threads;
        atomic_store(&r.next, 0);
        if (!run_some(take_conv_pieces, &r, wanted)) take_conv_pieces(&r, 0);
    }
    return atomic_load(&r.failed);
}
