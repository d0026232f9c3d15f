/* A NumPy loop run in parts: elements that do not depend on each other, so the values are those of the loop itself. */

typedef void (*loop_t)(char **args, const i64 *dims, const i64 *steps, void *data);

typedef struct {
    loop_t loop;
    void *data;
    i64 operands, inputs; /* of the loop, and how many of these are inputs */
    i64 least;            /* so many elements are worth another thread */
} split_t;

typedef struct { const split_t *split; char **args; const i64 *steps; } call_t;

static void span(const char *at, i64 n, i64 step, const char **low, const char **high)
{
    const char *last = at + (n - 1) * step;
    *low = step < 0 ? last : at;
    *high = (step < 0 ? at : last) + 16; /* no element is larger */
}

/* Whether a part could read what another writes: an output that lies over an input other than in step with it. */
static int depends(const split_t *s, char **args, i64 n, const i64 *steps)
{
    for (i64 out = s->inputs; out < s->operands; ++out) {
        const char *low, *high, *from, *to;
        if (steps[out] == 0) return 1; /* a reduction */
        span(args[out], n, steps[out], &low, &high);
        for (i64 in = 0; in < s->inputs; ++in) {
            if (args[in] == args[out] && steps[in] == steps[out]) continue;
            span(args[in], n, steps[in], &from, &to);
            if (from < high && low < to) return 1;
        }
    }
    return 0;
}

static void part(void *context, i64 from, i64 to)
{
    call_t *c = context;
    char *args[8];
    i64 count = to - from;
    for (i64 k = 0; k < c->split->operands; ++k) args[k] = c->args[k] + from * c->steps[k];
    c->split->loop(args, &count, c->steps, c->split->data);
}

void split(char **args, const i64 *dims, const i64 *steps, void *data)
{
    const split_t *s = data;
    call_t call = {s, args, steps};
    if (dims[0] < 2 * s->least || depends(s, args, dims[0], steps)) s->loop(args, dims, steps, s->data);
    else in_parts(part, &call, dims[0], s->least, 64);
}
