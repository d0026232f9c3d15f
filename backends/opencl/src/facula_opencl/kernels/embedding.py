"""Rows of a float32 table by number, and their gradient: each work-group adds up its own rows of the table, in order.

So no two write the same element, nothing is atomic, and the bits are the same each time.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from facula_opencl.kernels.rows import ITEMS, PIECE, Array, header, operands, takes

_WHOLE = np.dtype(np.int64)
#: Work-groups among which the rows of a table are shared for the gradient, on CPU-type devices and on others.
OWNERS = {True: 64, False: 512}

SOURCE = """
// A number that is no row is noted in the flag, and its row left as it is.
ROW_KERNEL void pick(__global const float *table, long table_at, __global const long *numbers, long numbers_at,
    __global float *out, __global long *flag, int count, int each, int rows, int n, SHARES) {
  const int begin = GROUP * each;
  for (int k = begin; k < min(begin + each, count); ++k) {
    const long row = numbers[numbers_at + k];
    if (row < 0 || row >= rows) {
      if (IS_FIRST) {
        flag[0] = 1;
        flag[1] = row;
        flag[2] = rows;
      }
      continue;
    }
    __global const float *x = table + table_at + row * n;
    __global float *y = out + (long)k * n;
    EACH(i, n) put(get(x + i, n - i, 0.0f), y + i, n - i);
  }
}

ROW_KERNEL void add_rows(__global const float *g, long g_at, __global const long *numbers, long numbers_at,
    __global float *out, int count, int each, int rows, int n, long padding, SHARES) {
  const int begin = GROUP * each, end = min(begin + each, rows);
  for (int row = begin; row < end; ++row) {
    __global float *y = out + (long)row * n;
    EACH(i, n) put((V)(0.0f), y + i, n - i);
  }
  for (int k = 0; k < count; ++k) {
    const long row = numbers[numbers_at + k];
    if (row < begin || row >= end || row == padding) continue;
    __global const float *x = g + g_at + (long)k * n;
    __global float *y = out + row * n;
    EACH(i, n) put(get(y + i, n - i, 0.0f) + get(x + i, n - i, 0.0f), y + i, n - i);
  }
}
"""


@cache
def source(is_cpu: bool) -> str:
    return header(is_cpu) + SOURCE


def _launch(xp: Any, name: str, letters: str, groups: int, *arguments: Any) -> None:
    items = 1 if xp.is_cpu else ITEMS
    xp.function(source(xp.is_cpu), name, letters)(
        (groups * items,), (items,), *arguments, xp.shares
    )


def table_rows(xp: Any, weight: Array, indices: Array, padding: int, by_frequency: bool) -> Any:
    if not takes(weight) or indices.dtype is not _WHOLE or not 0 < indices.size < 1 << 31:
        return NotImplemented
    rows, n = weight.shape
    out = xp.empty((*indices.shape, n), weight.dtype)
    if not takes(out):
        return NotImplemented
    each = max(1, PIECE // n)
    xp._flag_is_used = True
    buffers = *operands(xp, weight, indices), out.buffer, xp.flag
    groups = -(-indices.size // each)
    _launch(xp, "pick", "PlPlPPiiiiP", groups, *buffers, indices.size, each, rows, n)
    return out


def table_gradient(
    xp: Any, g: Array, indices: Array, rows: int, padding: int, by_frequency: bool
) -> Any:
    n = g.shape[-1]
    if by_frequency or not takes(g) or indices.dtype is not _WHOLE or not 0 < rows * n < 1 << 31:
        return NotImplemented
    out = xp.empty((rows, n), g.dtype)
    each = -(-rows // min(rows, OWNERS[xp.is_cpu]))
    buffers = *operands(xp, g, indices), out.buffer
    sizes = indices.size, each, rows, n, padding
    _launch(xp, "add_rows", "PlPlPiiiilP", -(-rows // each), *buffers, *sizes)
    return out


LEAVES = {"table_rows": table_rows, "table_gradient": table_gradient}
