"""Sources of convolution for CPU-type devices: products of register tiles with packed windows.

The forward kernel packs the windows of a panel of result positions (all samples in a row), one kernel
element a line, in local memory, and multiplies weights by it. The weight's gradient multiplies input
elements, read where they are through a table of positions, by a packed panel of the result's gradient.
"""

from __future__ import annotations

from functools import cache

from facula_opencl.kernels.tile import Tile

CORRELATE_LETTERS = "PlPlPlPl" + "iiii" + "iii" * 6 + "lllll" + "llllll"

CORRELATE_ARGUMENTS = """\
    __global const REAL *X, long x_offset, __global const REAL *weight, long weight_offset,
    __global REAL *out, long out_offset, __global const REAL *bias, long bias_offset,
    int M, int samples, int channels, int groups, int D, int H, int W,
    int kernel_z, int kernel_y, int kernel_x, int dilation_z, int dilation_y, int dilation_x,
    int stride_z, int stride_y, int stride_x, int start_z, int start_y, int start_x,
    int out_z, int out_y, int out_x, long to_n, long to_c, long to_z, long to_y, long to_x,
    long weight_group, long weight_row, long weight_c, long weight_z, long weight_y, long weight_x"""


def _typedefs(tile: Tile, run: int) -> str:
    """Vectors of `run` elements, masks of their lanes, and the lanes' numbers."""
    integer = "int" if tile.real == "float" else "long"
    return f"""\
typedef {tile.real}{run} PART;
typedef {integer}{run} MASK;
#define NUMBERS ((MASK)({", ".join(map(str, range(run)))}))
#define PART_LOAD vload{run}
#define PART_STORE vstore{run}
"""


#: The lines of a panel, one kernel element after the other: where it sees what is worked out once for all channels.
SINGLE_PACK = """\
    for (int tap = 0; tap < taps; ++tap) {
      int k = (tap - k0 % taps + taps) % taps;
      if (k >= depth) continue;
      const int z = tap / (kernel_y * kernel_x), y = tap / kernel_x % kernel_y, x = tap % kernel_x;
      const int dz = z * dilation_z, dy = y * dilation_y, dx = x * dilation_x, c = (k0 + k) / taps;
      for (int l = 0; l < COLUMNS; ++l) {
        const int inside = (uint)(in_z[l] + dz) < (uint)D & (uint)(in_y[l] + dy) < (uint)H
                         & (uint)(in_x[l] + dx) < (uint)W;
        at[l] = inside ? from[l] + (dz * H + dy) * W + dx : -1;
      }
      int shift = c * plane, step = c * weight_c + z * weight_z + y * weight_y + x * weight_x;
      for (; k < depth; k += taps, shift += plane, step += weight_c) {
        element[k] = step;
        for (int l = 0; l < COLUMNS; ++l) {
          const REAL value = X[max(at[l], 0) + shift];
          packed[k * COLUMNS + l] = at[l] < 0 ? 0 : value;
        }
      }
    }
"""

#: The same with vectors, and one channel after the other, while its lines are in the cache. Parts of a vector
#: at the border are masked; what would read beyond either end of memory goes element by element.
VECTOR_PACK = """\
    int c = taps ? k0 / taps : 0, z = 0, y = 0, x = 0;
    if (taps) z = k0 % taps / (kernel_y * kernel_x), y = k0 / kernel_x % kernel_y, x = k0 % kernel_x;
    for (int k = 0; k < depth; ++k) {
      const int dz = z * dilation_z, dy = y * dilation_y, dx = x * dilation_x;
      const int shift = c * plane + (dz * H + dy) * W + dx;
      element[k] = c * weight_c + z * weight_z + y * weight_y + x * weight_x;
      for (int l = 0; l < COLUMNS; l += RUN) {
        const int x = in_x[l] + dx, at = from[l] + shift;
        PART value = (PART)(0);
        if ((uint)(in_z[l] + dz) < (uint)D && (uint)(in_y[l] + dy) < (uint)H) {
          if (stride_x <= 2 && at >= 0 && at + stride_x * RUN <= total) {
            if (stride_x == 1) value = PART_LOAD(0, X + at);
            else value = (PART)(PART_LOAD(0, X + at).even, PART_LOAD(1, X + at).even);
            if (x < 0 || x + stride_x * (RUN - 1) >= W) {
              const MASK lanes = NUMBERS * stride_x + x;
              value = select((PART)(0), value, (lanes >= 0) & (lanes < W));
            }
          } else {
            REAL part[RUN];
            for (int i = 0; i < RUN; ++i)
              part[i] = (uint)(x + i * stride_x) < (uint)W ? X[at + i * stride_x] : 0;
            value = PART_LOAD(0, part);
          }
        }
        PART_STORE(value, 0, packed + k * COLUMNS + l);
      }
      if (++x == kernel_x) {
        x = 0;
        if (++y == kernel_y) { y = 0; if (++z == kernel_z) { z = 0; ++c; } }
      }
    }
"""


@cache
def correlate_source(tile: Tile, run: int, with_bias: bool) -> str:
    """`run`: how many neighbouring positions always lie in one row; 1 if nothing is known."""
    first = (
        "(VECTOR)(bias[bias_offset + group * M + min(i + @R, M - 1)])"
        if with_bias
        else "(VECTOR)(0)"
    )
    load = tile.each(
        f"VECTOR x@R_@V = !k0 ? {first} : whole[@V] ? LOAD(0, out@R + to[@V * LANES])"
        " : gather(out@R, to + @V * LANES);"
    )
    stores = [
        f"if (i + {r} < last) {{\n"
        + "\n".join(
            f"if (whole[{v}]) STORE(x{r}_{v}, 0, out{r} + to[{v} * LANES]); "
            f"else scatter(x{r}_{v}, out{r}, to + {v} * LANES);"
            for v in range(tile.vectors)
        )
        + "\n}"
        for r in range(tile.rows)
    ]
    pointers = tile.each_row(
        "__global const REAL *row@R = weight + min(i + @R, M - 1) * weight_row;\n"
        "__global REAL *out@R = out + min(i + @R, M - 1) * to_c;"
    )
    return f"""{tile.header}
#define RUN {run}
{_typedefs(tile, run) if run > 1 else ""}
#define OUTSIDE (1 << 29)

static inline VECTOR gather(__global const REAL *p, __local const int *at) {{
  REAL part[LANES];
  for (int i = 0; i < LANES; ++i) part[i] = at[i] < 0 ? 0 : p[at[i]];
  return LOAD(0, part);
}}

static inline void scatter(VECTOR x, __global REAL *p, __local const int *at) {{
  REAL part[LANES];
  STORE(x, 0, part);
  for (int i = 0; i < LANES; ++i)
    if (at[i] >= 0) p[at[i]] = part[i];
}}

__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void correlate(
{CORRELATE_ARGUMENTS}, int group_rows) {{
  __local VECTOR panel[DEPTH * VECTORS];
  __local REAL *packed = (__local REAL *)panel;
  __local int element[DEPTH], in_z[COLUMNS], in_y[COLUMNS], in_x[COLUMNS], from[COLUMNS], to[COLUMNS];
  __local int at[COLUMNS];
  const int group = get_group_id(2), j = get_group_id(0) * COLUMNS;
  const int first = get_group_id(1) * group_rows, last = min(first + group_rows, M);
  const int taps = kernel_z * kernel_y * kernel_x, K = channels * taps;
  const int plane = D * H * W, total = samples * groups * channels * plane;
  X += x_offset;
  weight += weight_offset + group * weight_group;
  out += out_offset + group * M * to_c;
  {{ // where each position of the panel reads and writes
    const int out_plane = out_z * out_y * out_x;
    int n = j / out_plane, rest = j % out_plane;
    int z = rest / (out_y * out_x), y = rest / out_x % out_y, x = rest % out_x;
    for (int l = 0; l < COLUMNS; ++l) {{
      const int valid = n < samples;
      in_z[l] = valid ? z * stride_z + start_z : OUTSIDE;
      in_y[l] = y * stride_y + start_y;
      in_x[l] = x * stride_x + start_x;
      from[l] = valid ? (((n * groups + group) * channels * D + in_z[l]) * H + in_y[l]) * W + in_x[l] : 0;
      to[l] = valid ? n * to_n + z * to_z + y * to_y + x * to_x : -1;
      if (++x == out_x) {{ x = 0; if (++y == out_y) {{ y = 0; if (++z == out_z) {{ z = 0; ++n; }} }} }}
    }}
  }}
  int whole[VECTORS];
  for (int v = 0; v < VECTORS; ++v)
    whole[v] = to[v * LANES + LANES - 1] >= 0 && to[v * LANES + LANES - 1] - to[v * LANES] == LANES - 1;
  int k0 = 0;
  do {{
    const int depth = min(DEPTH, K - k0);
{SINGLE_PACK if run == 1 else VECTOR_PACK}
    for (int i = first; i < last; i += ROWS) {{
{pointers}
{load}
{tile.sum("row@R[element[k]]")}
{chr(10).join(stores)}
    }}
    k0 += DEPTH;
  }} while (k0 < K);
}}
"""


WEIGHT_GRAD_LETTERS = "PlPlPPP" + "iiiiii" + "iii"


@cache
def weight_grad_source(tile: Tile) -> str:
    """Rows are elements of the weight for one output channel, columns output channels.

    `rows` and `positions` say where in a padded sample a row's first element is, and how much further
    each result position's is. Work-groups share the sum: group (panel, block of rows, group and part).
    """
    load = tile.each("VECTOR x@R_@V = k0 == begin ? (VECTOR)(0) : LOAD(@V, out@R);")
    store = "\n".join(
        f"if (i + {r} < last) {{ "
        + " ".join(f"STORE(x{r}_{v}, {v}, out{r});" for v in range(tile.vectors))
        + " }"
        for r in range(tile.rows)
    )
    pointers = tile.each_row(
        "__global const REAL *row@R = X + rows[min(i + @R, R - 1)];\n"
        "__global REAL *out@R = out + (long)min(i + @R, R - 1) * pitch;"
    )
    return f"""{tile.header}
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void weight_grad(
    __global const REAL *X, long x_offset, __global const REAL *grad, long grad_offset,
    __global const int *rows, __global const int *positions, __global REAL *out,
    int R, int O, int groups, int samples, int plane, int sample_size,
    int pitch, int group_rows, int part_size) {{
  __local VECTOR panel[DEPTH * VECTORS];
  __local REAL *packed = (__local REAL *)panel;
  __local int at[DEPTH];
  const int group = get_group_id(2) % groups, part = get_group_id(2) / groups;
  const int j = get_group_id(0) * COLUMNS, width = min(COLUMNS, O - j);
  const int first = get_group_id(1) * group_rows, last = min(first + group_rows, R);
  const int begin = part * part_size, end = min(begin + part_size, samples * plane);
  X += x_offset + (long)group * (sample_size / groups);
  grad += grad_offset;
  out += (long)get_group_id(2) * R * pitch + j;
  for (int i = 0; i < DEPTH * VECTORS; ++i) panel[i] = (VECTOR)(0);
  for (int k0 = begin; k0 < end; k0 += DEPTH) {{
    const int depth = min(DEPTH, end - k0);
    for (int k = 0; k < depth;) {{ // the positions of one sample at a time
      const int n = (k0 + k) / plane, p = (k0 + k) % plane, count = min(plane - p, depth - k);
      for (int i = 0; i < count; ++i) at[k + i] = n * sample_size + positions[p + i];
      for (int c = 0; c < width; ++c) {{
        __global const REAL *g = grad + ((long)(n * groups + group) * O + j + c) * plane + p;
        for (int i = 0; i < count; ++i) packed[(k + i) * COLUMNS + c] = g[i];
      }}
      k += count;
    }}
    for (int i = first; i < last; i += ROWS) {{
{pointers}
{load}
{tile.sum("row@R[at[k]]")}
{store}
    }}
  }}
}}
"""


PAD_LETTERS = "PlP" + "iii" * 3


@cache
def pad_source(real: str) -> str:
    """A work-group copies one plane."""
    return f"""\
typedef {real} REAL;
__kernel void pad(__global const REAL *X, long x_offset, __global REAL *out, int D, int H, int W,
    int out_d, int out_h, int out_w, int before_z, int before_y, int before_x) {{
  const long plane = get_group_id(0);
  X += x_offset + plane * D * H * W;
  out += plane * out_d * out_h * out_w;
  for (int z = 0; z < out_d; ++z)
    for (int y = 0; y < out_h; ++y, out += out_w) {{
      const int from_z = z - before_z, from_y = y - before_y;
      if (from_z < 0 || from_z >= D || from_y < 0 || from_y >= H) {{
        for (int x = 0; x < out_w; ++x) out[x] = 0;
        continue;
      }}
      __global const REAL *row = X + (from_z * H + from_y) * W;
      for (int x = 0; x < before_x; ++x) out[x] = 0;
      for (int x = 0; x < W; ++x) out[before_x + x] = row[x];
      for (int x = before_x + W; x < out_w; ++x) out[x] = 0;
    }}
}}
"""


ADD_PARTS_LETTERS = "PP" + "iiiiii"


@cache
def add_parts_source(tile: Tile) -> str:
    """Sums parts (parts, groups, rows, pitch) into (groups * m, rows).

    Work-groups (vector of columns, some rows, group); the vector's lanes go to rows of the result.
    """
    return f"""{tile.header}
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void add_parts(__global const REAL *parts, __global REAL *out, int rows, int m, int pitch, int groups, int count,
    int each) {{
  const int column = get_group_id(0) * LANES, width = min(LANES, m - column);
  const int first = get_group_id(1) * each, last = min(first + each, rows);
  const long group = get_group_id(2), size = (long)groups * rows * pitch;
  parts += group * rows * pitch + column;
  out += (group * m + column) * rows;
  for (int r = first; r < last; ++r) {{
    VECTOR sum = LOAD(0, parts + (long)r * pitch);
    for (int i = 1; i < count; ++i) sum += LOAD(0, parts + i * size + (long)r * pitch);
    store_part(sum, out + r, rows, width);
  }}
}}
"""


SWAP_LETTERS = "PlP" + "iiiii" + "llllll"


@cache
def swap_source(real: str) -> str:
    """Weights in the order in which `correlate` reads them; a work-group makes 16 rows of a group.

    Their own order would make each panel step far through memory, and wait, for every element.
    """
    return f"""\
typedef {real} REAL;
__kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void swap(__global const REAL *weight, long offset, __global REAL *out,
    int m, int channels, int kernel_z, int kernel_y, int kernel_x,
    long at_group, long at_row, long at_c, long at_z, long at_y, long at_x) {{
  const int first = get_group_id(0) * 16, last = min(first + 16, m);
  const int taps = kernel_z * kernel_y * kernel_x;
  const long group = get_group_id(1);
  weight += offset + group * at_group;
  out += group * m * channels * taps;
  for (int c = 0; c < channels; ++c)
    for (int r = first; r < last; ++r) {{
      __global REAL *to = out + ((long)r * channels + c) * taps;
      for (int z = 0; z < kernel_z; ++z)
        for (int y = 0; y < kernel_y; ++y) {{
          __global const REAL *from = weight + r * at_row + c * at_c + z * at_z + y * at_y;
          for (int x = 0; x < kernel_x; ++x) *to++ = from[x * at_x];
        }}
    }}
}}
"""
