"""Attention on CPU-type devices: a work-group of one item takes blocks of 48 queries by 128 keys.

Products are the register tile of tile.py. Its vectors come from packed copies: `rows` (each row padded to whole vectors) and
`panels` (64 rows turned over, one line a feature). A block of scores lies in scratch that stays in cache; the maximum of a row and
the sum of its exponentials are corrected from block to block (Milakov and Gimelshein, "Online normalizer calculation for softmax",
2018). In the gradient a group has blocks of one head's queries and sums of its own by key and value, added up at the end.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from facula_opencl.kernels.rows import header, whole
from facula_opencl.kernels.tile import Tile, has_wide_registers, tile_of

Array = Any
SINGLE = np.dtype(np.float32)
#: Queries and keys of a block, keys of a panel.
ROWS, COLUMNS, PANEL = 48, 128, 64
#: Rows that a work-group packs; groups that share a gradient, and that a forward pass has at most.
PACKED, SHARERS, GROUPS = 64, 16, 64

PACK = """
// Rows of `width` elements times `factor`, each padded with zeros to `padded`.
GROUP void pack_rows(__global const float *x, long x_at, __global float *out, int rows, int width, int padded, int inner,
    long x_outer, long x_inner, long x_row, long x_step, float factor) {
  const int head = get_group_id(1), first = get_group_id(0) * PACKED;
  x += x_at + head / inner * x_outer + head % inner * x_inner;
  out += (long)head * rows * padded;
  for (int r = first; r < min(first + PACKED, rows); ++r) {
    __global const float *from = x + r * x_row;
    __global float *to = out + (long)r * padded;
    if (x_step == 1)
      for (int i = 0; i < width; ++i) to[i] = from[i] * factor;
    else
      for (int i = 0; i < width; ++i) to[i] = from[i * x_step] * factor;
    for (int i = width; i < padded; ++i) to[i] = 0;
  }
}

// Panels of PANEL rows turned over: `width` lines of PANEL elements, zeros beyond the last row.
GROUP void pack_panels(__global const float *x, long x_at, __global float *out, int rows, int width, int panels, int inner,
    long x_outer, long x_inner, long x_row, long x_step) {
  const int head = get_group_id(1), panel = get_group_id(0), count = min(PANEL, rows - panel * PANEL);
  x += x_at + head / inner * x_outer + head % inner * x_inner + (long)panel * PANEL * x_row;
  out += ((long)head * panels + panel) * width * PANEL;
  if (count < PANEL)
    for (int i = 0; i < width * PANEL; ++i) out[i] = 0;
  for (int i = 0; i < width; i += 4)
    for (int r = 0; r < count; ++r)
      for (int j = i; j < min(i + 4, width); ++j) out[j * PANEL + r] = x[r * x_row + j * x_step];
}
"""

#: Arguments that say what the mask is: see attention.py.
MASK = """__global const char *mask, long m_at, int m_kind, int m_inner, long m_outer_step, long m_inner_step, long m_row, long m_column"""

#: The scores of row `r` at columns `i` to `i + 15` of a block, -inf where they are hidden.
SCORES = """
static inline V hidden(V s, int i, int limit, __global const char *m, int kind, long step) {
  const int16 at = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) + i;
  if (kind) {
    float part[LANES];
    const int n = min(LANES, limit - i);
    if (kind == 1)
      for (int j = 0; j < LANES; ++j) part[j] = j < n && m[(i + j) * step] ? 0.0f : -INFINITY;
    else
      for (int j = 0; j < LANES; ++j) part[j] = j < n ? ((__global const float *)m)[(i + j) * step] : -INFINITY;
    const V more = vload16(0, part);
    s = kind == 1 ? select(s, more, more < 0) : s + more;
  }
  return i + LANES > limit ? select(s, (V)(-INFINITY), at >= limit) : s;
}
"""

START = """
  const int blocks = (rows + ROWS - 1) / ROWS, panels = (columns + PANEL - 1) / PANEL;
  scratch += (long)get_group_id(0) * SCRATCH_SIZE;
  __global float *scores = scratch;
  mask += m_at * (m_kind == 2 ? 4 : 1);
"""

BLOCK = """
    const int first = block * ROWS, count = min(ROWS, rows - first);
    const int seen = is_causal ? min(first + count, columns) : columns;
    __global const float *q = query + ((long)head * rows + first) * E_PADDED;
    __global const char *m = mask + (head / m_inner * m_outer_step + head % m_inner * m_inner_step + first * m_row)
        * (m_kind == 2 ? 4 : 1);
"""

FORWARD = """
GROUP void attend(__global const float *query, __global const float *key_panels, __global const float *value,
    __global float *output, __global float *logsumexp, __global float *scratch, MASK,
    int heads, int rows, int columns, int is_causal) {
START
  __global float *sums = scratch + ROWS * COLUMNS;
  for (int job = get_group_id(0); job < heads * blocks; job += get_num_groups(0)) {
    const int head = job / blocks, block = blocks - 1 - job % blocks;
BLOCK
    float peaks[ROWS], totals[ROWS];
    for (int r = 0; r < count; ++r) {
      peaks[r] = -INFINITY;
      totals[r] = 0;
    }
    for (int c0 = 0; c0 < seen; c0 += COLUMNS) {
      const int width = min(COLUMNS, seen - c0);
      for (int p = 0; p < width; p += P_STEP)
        by_panel(q, E_PADDED, 1, key_panels + ((long)head * panels + (c0 + p) / PANEL) * E * PANEL + p % PANEL, PANEL,
            scores + p, COLUMNS, count, E, 1);
      for (int r = 0; r < count; ++r) {
        __global float *s = scores + r * COLUMNS;
        __global const char *mr = m + (r * m_row + c0 * m_column) * (m_kind == 2 ? 4 : 1);
        const int limit = is_causal ? min(width, first + r + 1 - c0) : width;
        V largest16 = (V)(peaks[r]), total16 = (V)(0.0f);
        for (int i = 0; i < width; i += LANES) {
          V x = vload16(0, s + i);
          if (m_kind || i + LANES > limit) {
            x = hidden(x, i, limit, mr, m_kind, m_column);
            vstore16(x, 0, s + i);
          }
          largest16 = larger(x, largest16);
        }
        const float peak = largest_of(largest16), shift = peak == -INFINITY ? 0 : peak;
        const float change = EXP((V)(peaks[r] - shift)).s0;
        for (int i = 0; i < width; i += LANES) {
          const V e = EXP(vload16(0, s + i) - shift);
          vstore16(e, 0, s + i);
          total16 += e;
        }
        peaks[r] = peak;
        totals[r] = totals[r] * change + sum_of(total16);
        if (c0 && change != 1)
          for (int i = 0; i < V_PADDED; i += LANES)
            vstore16(vload16(0, sums + r * V_PADDED + i) * change, 0, sums + r * V_PADDED + i);
      }
      for (int i = 0; i < V_PADDED; i += V_STEP)
        by_value(scores, COLUMNS, 1, value + ((long)head * columns + c0) * V_PADDED + i, V_PADDED, sums + i, V_PADDED,
            count, width, !c0);
    }
    for (int r = 0; r < count; ++r) {
      const int is_empty = totals[r] == 0;
      const float scale = is_empty ? 1 : 1 / totals[r];
      __global float *out = output + ((long)head * rows + first + r) * EV;
      for (int i = 0; i < EV; i += LANES) put(vload16(0, sums + r * V_PADDED + i) * scale, out + i, EV - i);
      logsumexp[(long)head * rows + first + r] = is_empty ? INFINITY : peaks[r] + LOG((V)(totals[r])).s0;
    }
  }
}
"""

BACKWARD = """
GROUP void go_back(__global const float *g, __global const float *query, __global const float *key,
    __global const float *key_panels, __global const float *value_panels, __global const float *level, long level_at,
    __global const float *logsumexp, long logsumexp_at, __global float *to_query, __global float *to_key,
    __global float *to_value, __global float *scratch, MASK, int heads, int rows, int columns, int is_causal,
    int sharers, float scale) {
START
  __global float *slopes = scratch + ROWS * COLUMNS, *sums = slopes + ROWS * COLUMNS;
  const int head = get_group_id(0) % heads, part = get_group_id(0) / heads;
  to_key += (long)get_group_id(0) * columns * E_PADDED;
  to_value += (long)get_group_id(0) * columns * V_PADDED;
  for (long i = 0; i < (long)columns * E_PADDED; i += LANES) vstore16((V)(0.0f), 0, to_key + i);
  for (long i = 0; i < (long)columns * V_PADDED; i += LANES) vstore16((V)(0.0f), 0, to_value + i);
  level += level_at + (long)head * rows;
  logsumexp += logsumexp_at + (long)head * rows;
  for (int block = part; block < blocks; block += sharers) {
BLOCK
    __global const float *dy = g + ((long)head * rows + first) * V_PADDED;
    for (int c0 = 0; c0 < seen; c0 += COLUMNS) {
      const int width = min(COLUMNS, seen - c0);
      for (int p = 0; p < width; p += P_STEP) {
        const long panel = (long)head * panels + (c0 + p) / PANEL;
        by_panel(q, E_PADDED, 1, key_panels + panel * E * PANEL + p % PANEL, PANEL, scores + p, COLUMNS, count, E, 1);
        by_panel(dy, V_PADDED, 1, value_panels + panel * EV * PANEL + p % PANEL, PANEL, slopes + p, COLUMNS, count, EV, 1);
      }
      for (int r = 0; r < count; ++r) {
        __global float *s = scores + r * COLUMNS, *d = slopes + r * COLUMNS;
        __global const char *mr = m + (r * m_row + c0 * m_column) * (m_kind == 2 ? 4 : 1);
        const int limit = is_causal ? min(width, first + r + 1 - c0) : width;
        const float shift = logsumexp[first + r], mean = level[first + r];
        for (int i = 0; i < width; i += LANES) {
          V x = vload16(0, s + i);
          if (m_kind || i + LANES > limit) x = hidden(x, i, limit, mr, m_kind, m_column);
          x = EXP(x - shift);
          vstore16(x, 0, s + i);
          vstore16(x * (vload16(0, d + i) - mean), 0, d + i);
        }
      }
      for (int i = 0; i < V_PADDED; i += V_STEP)
        by_value(scores, 1, COLUMNS, dy + i, V_PADDED, to_value + (long)c0 * V_PADDED + i, V_PADDED, width, count, 0);
      for (int i = 0; i < E_PADDED; i += E_STEP) {
        by_feature(slopes, 1, COLUMNS, q + i, E_PADDED, to_key + (long)c0 * E_PADDED + i, E_PADDED, width, count, 0);
        by_feature(slopes, COLUMNS, 1, key + ((long)head * columns + c0) * E_PADDED + i, E_PADDED, sums + i, E_PADDED,
            count, width, !c0);
      }
    }
    for (int r = 0; r < count; ++r) {
      __global float *out = to_query + ((long)head * rows + first + r) * E;
      for (int i = 0; i < E; i += LANES) put(vload16(0, sums + r * E_PADDED + i) * scale, out + i, E - i);
    }
  }
}
"""


def _product(name: str, tile: Tile) -> str:
    """C (m x the tile's columns) = or += A (m x depth, any strides) times B, whose rows are contiguous."""
    pointers = tile.each_row(
        "__global const float *row@R = A + min(i + @R, m - 1) * a_row; __global float *c@R = C + min(i + @R, m - 1) * c_row;"
    )
    load = tile.each("VECTOR x@R_@V = is_first ? (VECTOR)(0.0f) : vload16(@V, c@R);")
    store = tile.each("if (i + @R < m) vstore16(x@R_@V, @V, c@R);")
    return f"""
static void {name}(__global const float *A, int a_row, int a_step, __global const float *B, int b_step, __global float *C,
    int c_row, int m, int depth, int is_first) {{
  for (int i = 0; i < m; i += {tile.rows}) {{
{pointers}
{load}
{tile.sum("row@R[k * a_step]", "vload16(@V, B + k * b_step)")}
{store}
  }}
}}
"""


def _padded(width: int) -> int:
    return -(-width // 16) * 16


def _tile(xp: Any, width: int) -> Tile:
    """The tile for products whose results have `width` columns, a multiple of 16."""
    if not has_wide_registers(xp):
        return tile_of(xp, SINGLE, 6, 1)
    vectors = 4 if width % 64 == 0 else 2 if width % 32 == 0 else 1
    return tile_of(xp, SINGLE, 6 if vectors == 4 else 12, vectors)


@cache
def source(xp: Any, e: int, ev: int) -> str:
    """All kernels for queries of `e` and values of `ev` features."""
    tiles = [_tile(xp, n) for n in (PANEL, _padded(e), _padded(ev))]
    names = "by_panel", "by_feature", "by_value"
    defines = {
        "ROWS": ROWS, "COLUMNS": COLUMNS, "PANEL": PANEL, "PACKED": PACKED, "E": e, "EV": ev, "E_PADDED": _padded(e),
        "V_PADDED": _padded(ev), "P_STEP": tiles[0].columns, "E_STEP": tiles[1].columns, "V_STEP": tiles[2].columns, "SCRATCH_SIZE": _scratch(e, ev),
    }  # fmt: skip
    text = header(True, "exp", "log") + "typedef V VECTOR;\n"
    text += "#define GROUP __kernel __attribute__((reqd_work_group_size(1, 1, 1)))\n"
    text += "".join(f"#define {name} {value}\n" for name, value in defines.items())
    text += PACK + SCORES + "".join(_product(*each) for each in zip(names, tiles))
    for kernel in (FORWARD, BACKWARD):
        for word, part in (("START", START), ("BLOCK", BLOCK), ("MASK", MASK)):
            kernel = kernel.replace(f"\n{word}\n", part).replace(f" {word},", f" {part},")
        text += kernel
    return text


def _scratch(e: int, ev: int) -> int:
    """Floats of scratch that a group has: two blocks of the table and sums of a block of queries."""
    return ROWS * (2 * COLUMNS + max(_padded(e), _padded(ev)))


def _packed(
    xp: Any, table: Any, x: Array, e: int, ev: int, panels: bool, factor: float = 1.0
) -> Any:
    """A buffer with `x`, broadcast to all heads, as padded rows or as panels."""
    rows, width = x.shape[-2:]
    x, inner, strides = table.heads_of(xp, x)
    if panels:
        count = -(-rows // PANEL)
        out = xp.alloc(table.batch * count * width * PANEL * 4)
        launch = xp.function(source(xp, e, ev), "pack_panels", "PlPiiii" + "llll")
        sizes = rows, width, count, inner, *strides
        launch((count, table.batch), (1, 1), x.buffer, x.offset, out, *sizes)
        return out
    padded = _padded(width)
    out = xp.alloc(table.batch * rows * padded * 4)
    launch = xp.function(source(xp, e, ev), "pack_rows", "PlPiiii" + "llll" + "f")
    groups = -(-rows // PACKED), table.batch
    launch(groups, (1, 1), x.buffer, x.offset, out, rows, width, padded, inner, *strides, factor)
    return out


def forward(xp: Any, table: Any, query: Array, key: Array, value: Array, scale: float) -> Any:
    e, ev = query.shape[-1], value.shape[-1]
    output = xp.empty((*table.lead, table.rows, ev), SINGLE)
    logsumexp = xp.empty((*table.lead, table.rows, 1), SINGLE)
    groups = min(GROUPS, table.batch * -(-table.rows // ROWS))
    launch = xp.function(source(xp, e, ev), "attend", "PPPPPP" + "Pliillll" + "iiii")
    launch(
        (groups,), (1,), _packed(xp, table, query, e, ev, False, scale), _packed(xp, table, key, e, ev, True),
        _packed(xp, table, value, e, ev, False), output.buffer, logsumexp.buffer, xp.alloc(groups * _scratch(e, ev) * 4),
        *table.mask, *table.sizes,
    )  # fmt: skip
    return output, logsumexp


def gradient(
    xp: Any, table: Any, g: Array, query: Array, key: Array, value: Array, level: Array, logsumexp: Array, scale: float
) -> Any:  # fmt: skip
    e, ev = query.shape[-1], value.shape[-1]
    sharers = max(1, min(-(-SHARERS // table.batch), -(-table.rows // ROWS)))
    to_query = xp.empty((*table.lead, table.rows, e), SINGLE)
    shape = sharers, *table.lead, table.columns
    to_key, to_value = (xp.empty((*shape, _padded(n)), SINGLE) for n in (e, ev))
    level, logsumexp = (whole(xp, x) for x in (level, logsumexp))
    groups = sharers * table.batch
    launch = xp.function(source(xp, e, ev), "go_back", "PPPPPPlPlPPPP" + "Pliillll" + "iiiiif")
    launch(
        (groups,), (1,), _packed(xp, table, g, e, ev, False), _packed(xp, table, query, e, ev, False, scale),
        _packed(xp, table, key, e, ev, False), _packed(xp, table, key, e, ev, True), _packed(xp, table, value, e, ev, True),
        level.buffer, level.offset, logsumexp.buffer, logsumexp.offset, to_query.buffer, to_key.buffer, to_value.buffer,
        xp.alloc(groups * _scratch(e, ev) * 4), *table.mask, *table.sizes, sharers, scale,
    )  # fmt: skip
    return to_query, _whole(xp, to_key, e), _whole(xp, to_value, ev)


def _whole(xp: Any, parts: Array, width: int) -> Array:
    """The sum of what groups had, without the padding."""
    total = xp.sum(parts, 0) if parts.shape[0] > 1 else xp.reshape(parts, parts.shape[1:])
    last = len(total.shape) - 1
    return total if total.shape[last] == width else xp.slice(total, last, 0, width, 1)
