/* Rows of tables by number, and their gradient: rows added up by number. Each row of a table is one thread's, so the sums do not depend
   on how many there are. */

#define GRAIN 8192 /* elements that are worth a thread */
#define WIDE 64    /* columns at a time */
#define DEEP 64    /* rows that are added in float32; what these give is added in float64 */

typedef struct { const char *table; const i64 *at; char *out; i64 rows, bytes; atomic_int is_bad; } take_t;

static void take(void *context, i64 from, i64 to)
{
    take_t *c = context;
    for (i64 k = from; k < to; ++k) {
        i64 row = c->at[k];
        if (row < 0 || row >= c->rows) { c->is_bad = 1; return; }
        memcpy(c->out + k * c->bytes, c->table + row * c->bytes, c->bytes);
    }
}

/* Rows of any dtype, of so many bytes. 0 where there is no such row. */
int table_rows(i64 table, i64 at, i64 out, i64 count, i64 rows, i64 bytes)
{
    take_t c = {.table = DATA(table), .at = DATA(at), .out = DATA(out), .rows = rows, .bytes = bytes};
    in_parts(take, &c, count, 1 + 4 * GRAIN / (bytes + 1), 1);
    return !c.is_bad;
}

/* `order`: the numbers of rows of `g`, by the row of the table that they belong to, `starts` where those of each begin. */
typedef struct { const f32 *g; f32 *out; i64 *starts, *order; i64 rows, n; int by_frequency; } sums_t;

/* Of a row that is used often: the digits of many numbers of one sign are kept. */
static void add_many(const sums_t *c, const i64 *order, i64 count, f32 *out)
{
    for (i64 left = 0; left < c->n; left += WIDE) {
        i64 wide = left + WIDE < c->n ? WIDE : c->n - left;
        f64 total[WIDE] = {0};
        for (i64 first = 0; first < count; first += DEEP) {
            i64 last = first + DEEP < count ? first + DEEP : count;
            f32 part[WIDE] = {0};
            for (i64 k = first; k < last; ++k) {
                const f32 *g = c->g + order[k] * c->n + left;
                for (i64 i = 0; i < wide; ++i) part[i] += g[i];
            }
            for (i64 i = 0; i < wide; ++i) total[i] += part[i];
        }
        for (i64 i = 0; i < wide; ++i) out[left + i] = (f32)total[i];
    }
}

static void add_row(const sums_t *c, i64 row)
{
    const i64 *order = c->order + c->starts[row];
    i64 count = c->starts[row + 1] - c->starts[row], n = c->n;
    f32 *out = c->out + row * n;
    if (count > DEEP) add_many(c, order, count, out);
    else if (count) memcpy(out, c->g + order[0] * n, n * sizeof(f32));
    else memset(out, 0, n * sizeof(f32));
    for (i64 k = 1; k < count && count <= DEEP; ++k) {
        const f32 *g = c->g + order[k] * n;
        _Pragma("GCC ivdep") for (i64 i = 0; i < n; ++i) out[i] += g[i];
    }
    if (c->by_frequency && count > 1)
        for (i64 i = 0; i < n; ++i) out[i] /= (f32)count;
}

/* Work: rows of the table and of the gradient, so that a row that is used often counts for more; a row's begins at row + starts[row]. */
static void add_rows(void *context, i64 from, i64 to)
{
    sums_t *c = context;
    i64 low = 0, high = c->rows;
    while (low < high) {
        i64 middle = (low + high) / 2;
        if (middle + c->starts[middle] < from) low = middle + 1;
        else high = middle;
    }
    for (; low < c->rows && low + c->starts[low] < to; ++low) add_row(c, low);
}

/* Brings rows of equal number together, in their order, but for those of `padding`. 0 where there is no such row. */
static int sorted(sums_t *c, const i64 *at, i64 count, i64 padding)
{
    i64 *next = c->starts + 1; /* of each row: how many, then where the next goes, which ends as where the next row begins */
    memset(c->starts, 0, (c->rows + 2) * sizeof(i64));
    for (i64 k = 0; k < count; ++k) {
        if (at[k] < 0 || at[k] >= c->rows) return 0;
        if (at[k] != padding) ++next[at[k] + 1];
    }
    for (i64 row = 1; row <= c->rows; ++row) next[row] += next[row - 1];
    for (i64 k = 0; k < count; ++k)
        if (at[k] != padding) c->order[next[at[k]]++] = k;
    return 1;
}

/* `g` (count, n) added up into `out` (rows, n). 0 where there is no such row, or for want of memory. */
int table_gradient(i64 g, i64 at, i64 out, i64 count, i64 rows, i64 n, i64 padding, i64 by_frequency)
{
    i64 *memory = malloc((rows + 2 + count) * sizeof(i64));
    sums_t c = {.g = DATA(g), .out = DATA(out), .starts = memory, .order = memory + rows + 2, .rows = rows, .n = n,
                .by_frequency = (int)by_frequency};
    int fits = memory && sorted(&c, DATA(at), count, padding);
    if (fits) in_parts(add_rows, &c, rows + count, 1 + GRAIN / (n + 1), 1);
    free(memory);
    return fits;
}
