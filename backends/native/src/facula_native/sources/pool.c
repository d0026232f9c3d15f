/* Max pooling of (N, H, W, C), channels last, and its gradient: to the first place of each window that has the maximum. */

#define GRAIN 16384 /* elements that are worth a thread */
#define WIDE 64     /* channels at a time */

typedef struct {
    const f32 *x, *g, *best;
    f32 *out;
    i64 channels, size[2], outs[2], kernel[2], stride[2], padding[2], dilation[2];
} pool_t;

/* The elements of a window along dimension d that lie in the input: kernel elements `low` to `high`. */
FN void inside(const pool_t *p, int d, i64 at, i64 *first, i64 *low, i64 *high)
{
    *first = at * p->stride[d] - p->padding[d];
    *low = *first < 0 ? (-*first + p->dilation[d] - 1) / p->dilation[d] : 0;
    i64 room = p->size[d] - *first;
    *high = room <= 0 ? 0 : (room + p->dilation[d] - 1) / p->dilation[d];
    if (*high > p->kernel[d]) *high = p->kernel[d];
}

static void max_rows(void *context, i64 from, i64 to)
{
    pool_t *p = context;
    i64 C = p->channels;
    for (i64 row = from; row < to; ++row) {
        const f32 *x = p->x + row / p->outs[0] * p->size[0] * p->size[1] * C;
        i64 y0, y1, y2, x0, x1, x2;
        inside(p, 0, row % p->outs[0], &y0, &y1, &y2);
        for (i64 at = 0; at < p->outs[1]; ++at) {
            f32 *out = p->out + (row * p->outs[1] + at) * C;
            inside(p, 1, at, &x0, &x1, &x2);
            for (i64 c = 0; c < C; ++c) out[c] = -INFINITY;
            for (i64 i = y1; i < y2; ++i)
                for (i64 j = x1; j < x2; ++j) {
                    const f32 *v = x + ((y0 + i * p->dilation[0]) * p->size[1] + x0 + j * p->dilation[1]) * C;
                    for (i64 c = 0; c < C; ++c) out[c] = v[c] > out[c] || v[c] != v[c] ? v[c] : out[c];
                }
        }
    }
}

static void gradient_of_samples(void *context, i64 from, i64 to)
{
    pool_t *p = context;
    i64 C = p->channels, plane = p->size[0] * p->size[1] * C;
    for (i64 n = from; n < to; ++n) {
        const f32 *x = p->x + n * plane;
        f32 *out = p->out + n * plane;
        for (i64 i = 0; i < plane; ++i) out[i] = 0;
        for (i64 row = 0; row < p->outs[0]; ++row)
            for (i64 at = 0; at < p->outs[1]; ++at) {
                i64 y0, y1, y2, x0, x1, x2, place = ((n * p->outs[0] + row) * p->outs[1] + at) * C;
                inside(p, 0, row, &y0, &y1, &y2);
                inside(p, 1, at, &x0, &x1, &x2);
                for (i64 tile = 0; tile < C; tile += WIDE) {
                    i64 wide = C - tile < WIDE ? C - tile : WIDE;
                    const f32 *best = p->best + place + tile, *g = p->g + place + tile;
                    i32 left[WIDE];
                    for (i64 c = 0; c < wide; ++c) left[c] = 1;
                    for (i64 i = y1; i < y2; ++i)
                        for (i64 j = x1; j < x2; ++j) {
                            i64 there = ((y0 + i * p->dilation[0]) * p->size[1] + x0 + j * p->dilation[1]) * C + tile;
                            const f32 *v = x + there;
                            f32 *to_v = out + there;
                            for (i64 c = 0; c < wide; ++c) {
                                i32 hit = left[c] & ((v[c] == best[c]) | ((v[c] != v[c]) & (best[c] != best[c])));
                                to_v[c] += hit ? g[c] : 0;
                                left[c] &= !hit;
                            }
                        }
                }
            }
    }
}

/* `sizes`: n, channels, then pairs: size, outs, kernel, stride, padding, dilation. */
static pool_t pool_of(const i64 *sizes)
{
    pool_t p = {.channels = sizes[1]};
    i64 *pairs[] = {p.size, p.outs, p.kernel, p.stride, p.padding, p.dilation};
    for (int k = 0; k < 6; ++k)
        for (int d = 0; d < 2; ++d) pairs[k][d] = sizes[2 + 2 * k + d];
    return p;
}

void max_pool(i64 x, i64 out, i64 sizes)
{
    const i64 *s = DATA(sizes);
    pool_t p = pool_of(s);
    p.x = DATA(x);
    p.out = DATA(out);
    in_parts(max_rows, &p, s[0] * p.outs[0], 1 + GRAIN / (p.outs[1] * p.channels * p.kernel[0] * p.kernel[1] + 1), 1);
}

void max_pool_gradient(i64 g, i64 x, i64 best, i64 out, i64 sizes)
{
    const i64 *s = DATA(sizes);
    pool_t p = pool_of(s);
    p.g = DATA(g);
    p.x = DATA(x);
    p.best = DATA(best);
    p.out = DATA(out);
    in_parts(gradient_of_samples, &p, s[0], 1, 1);
}
