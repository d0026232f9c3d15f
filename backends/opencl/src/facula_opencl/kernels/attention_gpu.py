"""Attention on GPUs: a work-group of 16 x 16 items takes a block of 32 or 16 queries, and keys as many at a time.

What a block needs lies in local memory: rows of queries, keys, values, the weights of the block. The forward pass and the
gradient by queries go over keys for a block of queries, the gradient by keys and values over queries for a block of keys: the
weights are made once more, but nothing is added to by two groups, so results do not vary. No GPU has run them yet.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from facula_opencl.kernels.attention_cpu import MASK
from facula_opencl.kernels.rows import header, whole

Array = Any
SINGLE = np.dtype(np.float32)
#: Work-items along each side of a group.
ITEMS = 16

COMMON = """
#define GROUP __kernel __attribute__((reqd_work_group_size(ITEMS, ITEMS, 1)))
#define WAIT barrier(CLK_LOCAL_MEM_FENCE)

// `count` rows of `width` elements, zeros up to SIDE rows.
static inline void load_rows(__global const float *x, __local float *to, int width, int count, int item) {
  for (int i = item; i < SIDE * width; i += ITEMS * ITEMS)
    to[i / width * (width + 1) + i % width] = i < count * width ? x[i] : 0;
}

// The product of row `r` of one block and row `c` of another.
static inline float dot_of(__local const float *a, int r, __local const float *b, int c, int width) {
  float sum = 0;
  a += r * (width + 1);
  b += c * (width + 1);
  for (int k = 0; k < width; ++k) sum = a[k] * b[k] + sum;
  return sum;
}

static inline float hidden(float s, __global const char *m, int kind, long at) {
  if (kind == 1) return m[at] ? s : -INFINITY;
  return kind == 2 ? s + ((__global const float *)m)[at] : s;
}
"""

START = """
  const int x = get_local_id(0), y = get_local_id(1), item = y * ITEMS + x, head = get_group_id(1);
  query += query_at + (long)head * rows * E;
  key += key_at + (long)head * columns * E;
  value += value_at + (long)head * columns * EV;
  mask += (m_at + head / m_inner * m_outer_step + head % m_inner * m_inner_step) * (m_kind == 2 ? 4 : 1);
"""

#: A score of row r and column c of the blocks at `first` and `c0`, -inf beyond the table.
SCORE = """
      float s = -INFINITY;
      if (r < count && c < width && (!is_causal || c0 + c <= first + r))
        s = hidden(dot_of(queries, r, keys, c, E) * scale, mask, m_kind, (first + r) * m_row + (c0 + c) * m_column);
"""

OPERANDS = """__global const float *query, long query_at, __global const float *key, long key_at,
    __global const float *value, long value_at"""

FORWARD = """
GROUP void attend(OPERANDS, __global float *output, __global float *logsumexp, MASK, int rows, int columns, int is_causal,
    float scale) {
  __local float queries[SIDE * (E + 1)], keys[SIDE * (E + 1)], values[SIDE * (EV + 1)], weights[SIDE * (SIDE + 1)];
  __local float peaks[SIDE], totals[SIDE], changes[SIDE];
START
  const int first = get_group_id(0) * SIDE, count = min(SIDE, rows - first);
  const int seen = is_causal ? min(first + count, columns) : columns;
  load_rows(query + (long)first * E, queries, E, count, item);
  if (item < SIDE) {
    peaks[item] = -INFINITY;
    totals[item] = 0;
  }
  float sums[EACH][EV_EACH];
  for (int i = 0; i < EACH; ++i)
    for (int j = 0; j < EV_EACH; ++j) sums[i][j] = 0;
  for (int c0 = 0; c0 < seen; c0 += SIDE) {
    const int width = min(SIDE, seen - c0);
    load_rows(key + (long)c0 * E, keys, E, width, item);
    load_rows(value + (long)c0 * EV, values, EV, width, item);
    WAIT;
    for (int i = 0; i < EACH; ++i)
      for (int j = 0; j < EACH; ++j) {
        const int r = y + i * ITEMS, c = x + j * ITEMS;
SCORE
        weights[r * (SIDE + 1) + c] = s;
      }
    WAIT;
    if (item < SIDE) {
      float peak = peaks[item];
      for (int c = 0; c < width; ++c) peak = larger(weights[item * (SIDE + 1) + c], peak);
      changes[item] = EXP(peaks[item] - (peak == -INFINITY ? 0 : peak));
      peaks[item] = peak;
    }
    WAIT;
    for (int i = 0; i < EACH; ++i)
      for (int j = 0; j < EACH; ++j) {
        const int r = y + i * ITEMS, at = r * (SIDE + 1) + x + j * ITEMS;
        weights[at] = EXP(weights[at] - (peaks[r] == -INFINITY ? 0 : peaks[r]));
      }
    WAIT;
    if (item < SIDE) {
      float total = 0;
      for (int c = 0; c < width; ++c) total += weights[item * (SIDE + 1) + c];
      totals[item] = totals[item] * changes[item] + total;
    }
    for (int i = 0; i < EACH; ++i)
      for (int j = 0; j < EV_EACH; ++j) {
        const int r = y + i * ITEMS, f = x + j * ITEMS;
        float sum = sums[i][j] * changes[r];
        if (f < EV)
          for (int c = 0; c < width; ++c) sum = weights[r * (SIDE + 1) + c] * values[c * (EV + 1) + f] + sum;
        sums[i][j] = sum;
      }
    WAIT;
  }
  for (int i = 0; i < EACH; ++i) {
    const int r = y + i * ITEMS;
    if (r < count)
      for (int j = 0; j < EV_EACH; ++j) {
        const int f = x + j * ITEMS;
        if (f < EV) output[((long)head * rows + first + r) * EV + f] = sums[i][j] / (totals[r] == 0 ? 1 : totals[r]);
      }
  }
  if (item < count)
    logsumexp[(long)head * rows + first + item] = totals[item] == 0 ? INFINITY : peaks[item] + LOG(totals[item]);
}
"""

#: The weight of row r and column c, and the gradient by its score.
WEIGHT = (
    SCORE
    + """
      const float weight = EXP(s - shifts[r]);
      const float slope = weight * (dot_of(grads, r, values, c, EV) - levels[r]);
"""
)

LOCALS = """
  __local float queries[SIDE * (E + 1)], keys[SIDE * (E + 1)], values[SIDE * (EV + 1)], grads[SIDE * (EV + 1)];
  __local float slopes[SIDE * (SIDE + 1)], shifts[SIDE], levels[SIDE];
"""

START_BACK = (
    START
    + """
  g += g_at + (long)head * rows * EV;
  level += level_at + (long)head * rows;
  logsumexp += logsumexp_at + (long)head * rows;
"""
)

LOAD_QUERIES = """
    load_rows(query + (long)first * E, queries, E, count, item);
    load_rows(g + (long)first * EV, grads, EV, count, item);
    if (item < SIDE) {
      shifts[item] = item < count ? logsumexp[first + item] : INFINITY;
      levels[item] = item < count ? level[first + item] : 0;
    }
"""

GRADIENTS = """__global const float *g, long g_at, OPERANDS, __global const float *level, long level_at,
    __global const float *logsumexp, long logsumexp_at"""

BACKWARD = """
GROUP void by_query(GRADIENTS, __global float *to_query, MASK, int rows, int columns, int is_causal, float scale) {
LOCALS
START_BACK
  const int first = get_group_id(0) * SIDE, count = min(SIDE, rows - first);
  const int seen = is_causal ? min(first + count, columns) : columns;
LOAD_QUERIES
  float sums[EACH][E_EACH];
  for (int i = 0; i < EACH; ++i)
    for (int j = 0; j < E_EACH; ++j) sums[i][j] = 0;
  for (int c0 = 0; c0 < seen; c0 += SIDE) {
    const int width = min(SIDE, seen - c0);
    load_rows(key + (long)c0 * E, keys, E, width, item);
    load_rows(value + (long)c0 * EV, values, EV, width, item);
    WAIT;
    for (int i = 0; i < EACH; ++i)
      for (int j = 0; j < EACH; ++j) {
        const int r = y + i * ITEMS, c = x + j * ITEMS;
WEIGHT
        slopes[r * (SIDE + 1) + c] = slope;
      }
    WAIT;
    for (int i = 0; i < EACH; ++i)
      for (int j = 0; j < E_EACH; ++j) {
        const int r = y + i * ITEMS, f = x + j * ITEMS;
        if (f < E)
          for (int c = 0; c < width; ++c)
            sums[i][j] = slopes[r * (SIDE + 1) + c] * keys[c * (E + 1) + f] + sums[i][j];
      }
    WAIT;
  }
  for (int i = 0; i < EACH; ++i)
    for (int j = 0; j < E_EACH; ++j) {
      const int r = y + i * ITEMS, f = x + j * ITEMS;
      if (r < count && f < E) to_query[((long)head * rows + first + r) * E + f] = sums[i][j] * scale;
    }
}

GROUP void by_key_and_value(GRADIENTS, __global float *to_key, __global float *to_value, MASK, int rows, int columns,
    int is_causal, float scale) {
LOCALS
  __local float weights[SIDE * (SIDE + 1)];
START_BACK
  const int c0 = get_group_id(0) * SIDE, width = min(SIDE, columns - c0);
  load_rows(key + (long)c0 * E, keys, E, width, item);
  load_rows(value + (long)c0 * EV, values, EV, width, item);
  float by_key[EACH][E_EACH], by_value[EACH][EV_EACH];
  for (int i = 0; i < EACH; ++i) {
    for (int j = 0; j < E_EACH; ++j) by_key[i][j] = 0;
    for (int j = 0; j < EV_EACH; ++j) by_value[i][j] = 0;
  }
  for (int first = is_causal ? c0 : 0; first < rows; first += SIDE) {
    const int count = min(SIDE, rows - first);
LOAD_QUERIES
    WAIT;
    for (int i = 0; i < EACH; ++i)
      for (int j = 0; j < EACH; ++j) {
        const int r = y + i * ITEMS, c = x + j * ITEMS;
WEIGHT
        weights[r * (SIDE + 1) + c] = weight;
        slopes[r * (SIDE + 1) + c] = slope;
      }
    WAIT;
    for (int i = 0; i < EACH; ++i) {
      const int c = y + i * ITEMS;
      for (int j = 0; j < E_EACH; ++j) {
        const int f = x + j * ITEMS;
        if (f < E)
          for (int r = 0; r < count; ++r)
            by_key[i][j] = slopes[r * (SIDE + 1) + c] * queries[r * (E + 1) + f] + by_key[i][j];
      }
      for (int j = 0; j < EV_EACH; ++j) {
        const int f = x + j * ITEMS;
        if (f < EV)
          for (int r = 0; r < count; ++r)
            by_value[i][j] = weights[r * (SIDE + 1) + c] * grads[r * (EV + 1) + f] + by_value[i][j];
      }
    }
    WAIT;
  }
  for (int i = 0; i < EACH; ++i) {
    const int c = y + i * ITEMS;
    for (int j = 0; j < E_EACH; ++j) {
      const int f = x + j * ITEMS;
      if (c < width && f < E) to_key[((long)head * columns + c0 + c) * E + f] = by_key[i][j] * scale;
    }
    for (int j = 0; j < EV_EACH; ++j) {
      const int f = x + j * ITEMS;
      if (c < width && f < EV) to_value[((long)head * columns + c0 + c) * EV + f] = by_value[i][j];
    }
  }
}
"""


def side_for(xp: Any, query: Array, value: Array) -> int:
    """Rows and columns of a block, as many as local memory has room for; 0 where it has none for 16."""
    e, ev = query.shape[-1], value.shape[-1]
    if max(e, ev) > 256:
        return 0
    for side in (32, 16):
        floats = side * (2 * (e + 1) + 2 * (ev + 1) + 2 * (side + 1) + 4)
        if floats * 4 <= int(xp.cl_device.local_mem_size):
            return side
    return 0


@cache
def source(side: int, e: int, ev: int) -> str:
    """All kernels for blocks of `side` queries of `e` features and values of `ev`."""
    defines = {
        "SIDE": side, "EACH": side // ITEMS, "E": e, "EV": ev, "E_EACH": -(-e // ITEMS), "EV_EACH": -(-ev // ITEMS),
    }  # fmt: skip
    text = header(False, "exp", "log") + f"#undef ITEMS\n#define ITEMS {ITEMS}\n"
    text += "".join(f"#define {name} {value}\n" for name, value in defines.items()) + COMMON
    words = {
        "START_BACK": START_BACK, "START": START, "LOCALS": LOCALS, "LOAD_QUERIES": LOAD_QUERIES, "WEIGHT": WEIGHT,
        "SCORE": SCORE,
    }  # fmt: skip
    for kernel in (FORWARD, BACKWARD):
        for word, part in words.items():
            kernel = kernel.replace(f"\n{word}\n", part)
        for word, part in (("GRADIENTS", GRADIENTS), ("OPERANDS", OPERANDS), ("MASK", MASK)):
            kernel = kernel.replace(f"{word},", f"{part},")
        text += kernel
    return text


def _heads(xp: Any, table: Any, *arrays: Array) -> list[Any]:
    """Buffer and offset of each array (..., m, n), broadcast to all heads and contiguous."""
    wholes = [whole(xp, xp.expand(x, (*table.lead, *x.shape[-2:]))) for x in arrays]
    return [part for x in wholes for part in (x.buffer, x.offset)]


def _launch(xp: Any, table: Any, shapes: tuple[int, ...], name: str, letters: str, length: int, *arguments: Any) -> None:  # fmt: skip
    """Launches a kernel over blocks of `length` rows of all heads."""
    side = shapes[0]
    launch = xp.function(source(*shapes), name, letters + "Pliillll" + "iiif")
    size = -(-length // side) * ITEMS, table.batch * ITEMS
    launch(size, (ITEMS, ITEMS), *arguments)


def forward(xp: Any, table: Any, query: Array, key: Array, value: Array, scale: float) -> Any:
    shapes = side_for(xp, query, value), query.shape[-1], value.shape[-1]
    output = xp.empty((*table.lead, table.rows, shapes[2]), SINGLE)
    logsumexp = xp.empty((*table.lead, table.rows, 1), SINGLE)
    _launch(
        xp, table, shapes, "attend", "PlPlPlPP", table.rows, *_heads(xp, table, query, key, value), output.buffer,
        logsumexp.buffer, *table.mask, *table.sizes[1:], scale,
    )  # fmt: skip
    return output, logsumexp


def gradient(
    xp: Any, table: Any, g: Array, query: Array, key: Array, value: Array, level: Array, logsumexp: Array, scale: float
) -> Any:  # fmt: skip
    shapes = side_for(xp, query, value), query.shape[-1], value.shape[-1]
    operands = _heads(xp, table, g, query, key, value, level, logsumexp)
    rest = *table.mask, *table.sizes[1:], scale
    to_query, to_key, to_value = (
        xp.empty((*table.lead, *size), SINGLE)
        for size in ((table.rows, shapes[1]), (table.columns, shapes[1]), (table.columns, shapes[2]))
    )  # fmt: skip
    letters = "PlPlPlPlPlPl"
    arguments = *operands, to_query.buffer, *rest
    _launch(xp, table, shapes, "by_query", letters + "P", table.rows, *arguments)
    arguments = *operands, to_key.buffer, to_value.buffer, *rest
    _launch(xp, table, shapes, "by_key_and_value", letters + "PP", table.columns, *arguments)
    return to_query, to_key, to_value
