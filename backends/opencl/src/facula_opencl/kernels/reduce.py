"""Sums, products, largest and smallest of contiguous float32: long rows in pieces, columns in blocks of rows.

Pieces and blocks have fixed sizes and are combined in fixed order by a second launch, so a result depends neither on
the number of threads nor on their haste. A sum adds up pieces in several vectors, those as a tree: its error grows
about as that of pairwise summation.
"""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from facula.ops.dims import reduced_shape, wrap_dims
from facula_opencl.kernels.rows import ITEMS, SINGLE, Array, header, takes

#: Name: how two are combined, and what changes nothing. NaN is larger and smaller than all numbers.
FOLDS = {
    "sum": ("((a) + (b))", "0.0f"),
    "prod": ("((a) * (b))", "1.0f"),
    "amax": ("select(b, a, ((a) > (b)) | ((a) != (a)))", "-INFINITY"),
    "amin": ("select(b, a, ((a) < (b)) | ((a) != (a)))", "INFINITY"),
}
#: Elements of a piece of a long row, and rows that are shorter go together up to so many elements.
LENGTH, TOGETHER = 1 << 15, 1 << 14
#: Rows and columns of a block.
ROWS, WIDTH = 128, 1024
#: Shorter rows, and fewer columns, are left to core's kernels.
SHORTEST = 32

_JOINED = {
    True: """
static inline float joined_{name}(V x) {{
  float part[LANES];
  vstore16(x, 0, part);
  for (int width = LANES / 2; width; width /= 2)
    for (int l = 0; l < width; ++l) {{
      const float a = part[l], b = part[l + width];
      part[l] = {fold};
    }}
  return part[0];
}}
#define JOINED_{name}(x) joined_{name}(x)
""",
    False: """
static inline float joined_{name}(float x, __local float *scratch) {{
  const int item = get_local_id(0);
  scratch[item] = x;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int width = ITEMS / 2; width; width /= 2) {{
    if (item < width) {{
      const float a = scratch[item], b = scratch[item + width];
      scratch[item] = {fold};
    }}
    barrier(CLK_LOCAL_MEM_FENCE);
  }}
  x = scratch[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  return x;
}}
#define JOINED_{name}(x) joined_{name}(x, scratch)
""",
}
_KERNELS = """
static inline V fold_{name}(V a, V b) {{ return {fold}; }}

// Pieces of rows: `parts` of `length` elements each row of n, `each` of them a work-group.
ROW_KERNEL void {name}_rows(__global const float *input, long input_at, __global float *out, int pieces, int each,
    int parts, int length, int n, SHARES) {{
  SCRATCH
  const int begin = GROUP * each;
  for (int piece = begin; piece < min(begin + each, pieces); ++piece) {{
    const int start = piece % parts * length, count = min(length, n - start);
    __global const float *x = input + input_at + (long)(piece / parts) * n + start;
    V whole = (V)({neutral});
    for (int block = 0; block < count; block += BLOCK) {{
      const int end = min(block + BLOCK, count);
      V one = (V)({neutral}), two = one, three = one, four = one;
      int i = block + FIRST_ITEM;
      for (; i + 3 * STEP + LANES <= end; i += 4 * STEP) {{
        one = fold_{name}(one, get(x + i, LANES, {neutral}));
        two = fold_{name}(two, get(x + i + STEP, LANES, {neutral}));
        three = fold_{name}(three, get(x + i + 2 * STEP, LANES, {neutral}));
        four = fold_{name}(four, get(x + i + 3 * STEP, LANES, {neutral}));
      }}
      for (; i < end; i += STEP) one = fold_{name}(one, get(x + i, end - i, {neutral}));
      whole = fold_{name}(whole, fold_{name}(fold_{name}(one, two), fold_{name}(three, four)));
    }}
    const float result = JOINED_{name}(whole);
    if (IS_FIRST) out[piece] = result;
  }}
}}

// Blocks of at most ROWS of n rows and WIDTH of `inner` columns, for each of the matrices that follow each other.
ROW_KERNEL void {name}_columns(__global const float *input, long input_at, __global float *out, int n, int inner,
    int parts, int across, SHARES) {{
  const int group = GROUP, block = group / across, first = group % across * WIDTH, start = block % parts * ROWS;
  const int width = min(WIDTH, inner - first), rows = min(ROWS, n - start);
  __global const float *x = input + input_at + ((long)(block / parts) * n + start) * inner + first;
  __global float *y = out + (long)block * inner + first;
  for (int row = 0; row < rows; row += 8, x += (long)8 * inner) {{
    const int more = min(8, rows - row);
    EACH(i, width) {{
      const int left = width - i;
      V total = get(x + i, left, 0.0f);
      if (more == 8) {{
        const V two = get(x + i + inner, left, 0.0f), three = get(x + i + 2 * inner, left, 0.0f);
        const V four = get(x + i + 3 * inner, left, 0.0f), five = get(x + i + 4 * inner, left, 0.0f);
        const V six = get(x + i + 5 * inner, left, 0.0f), seven = get(x + i + 6 * inner, left, 0.0f);
        const V eight = get(x + i + 7 * inner, left, 0.0f);
        total = fold_{name}(fold_{name}(total, two), fold_{name}(three, four));
        total = fold_{name}(total, fold_{name}(fold_{name}(five, six), fold_{name}(seven, eight)));
      }} else {{
        for (int k = 1; k < more; ++k) total = fold_{name}(total, get(x + i + k * inner, left, 0.0f));
      }}
      if (row) total = fold_{name}(get(y + i, left, 0.0f), total);
      put(total, y + i, left);
    }}
  }}
}}
"""


@cache
def source(is_cpu: bool) -> str:
    first = "0" if is_cpu else "(int)get_local_id(0)"
    sizes = {"STEP": "(LANES * ITEMS)", "BLOCK": "(STEP * 64)", "FIRST_ITEM": first, "ROWS": ROWS, "WIDTH": WIDTH}  # fmt: skip
    texts = [header(is_cpu), *(f"#define {name} {value}\n" for name, value in sizes.items())]
    for name, (fold, neutral) in FOLDS.items():
        for text in (_JOINED[is_cpu], _KERNELS):
            texts.append(text.format(name=name, fold=fold, neutral=neutral))
    return "".join(texts)


class Place(NamedTuple):
    """Where numbers lie: a buffer and an offset in elements."""

    buffer: Any
    offset: int = 0


def _runs(shape: Any, dims: Any) -> list[tuple[int, bool]]:
    """Neighbouring dimensions that are alike reduced or kept, as (size, is reduced)."""
    runs: list[tuple[int, bool]] = []
    for d, n in enumerate(shape):
        if n == 1:
            continue
        reduced = d in dims
        if runs and runs[-1][1] == reduced:
            runs[-1] = runs[-1][0] * n, reduced
        else:
            runs.append((n, reduced))
    return runs


def _fits(runs: list[tuple[int, bool]]) -> bool:
    """Whether rows and columns are long enough, and something is reduced at all."""
    if not any(reduced for _, reduced in runs):
        return False
    inner = 1
    for n, reduced in reversed(runs):
        if reduced and (n if inner == 1 else inner) < SHORTEST:
            return False
        inner *= 1 if reduced else n
    return True


def fold(xp: Any, name: str, input: Array, dim: Any, keepdim: bool) -> Any:
    """A reduction of `FOLDS`, or NotImplemented for other dtypes and layouts and what is small."""
    if not takes(input) or not input.is_contiguous:
        return NotImplemented
    runs = _runs(input.shape, wrap_dims(dim, len(input.shape)))
    if not _fits(runs):
        return NotImplemented
    out = xp.empty(reduced_shape(input.shape, dim, keepdim), input.dtype)
    place = Place(input.buffer, input.offset)
    while any(reduced for _, reduced in runs):
        at = max(i for i, (_, reduced) in enumerate(runs) if reduced)
        outer, n, inner = prod(s for s, _ in runs[:at]), runs[at][0], prod(s for s, _ in runs[at + 1 :])  # fmt: skip
        kept = [(s, r) for i, (s, r) in enumerate(runs) if i != at]
        is_last = not any(reduced for _, reduced in kept)
        target = out.buffer if is_last else xp.alloc(outer * inner * 4)
        _reduce(xp, name, place, outer, n, inner, target)
        place = Place(target)
        runs = kept
    return out


def _reduce(xp: Any, name: str, source_: Place, outer: int, n: int, inner: int, out: Any) -> None:
    """(outer, n, inner) folded to (outer, inner), in as many launches as it takes."""
    parts = _parts(n, inner)
    target = out if parts == 1 else xp.alloc(outer * parts * inner * 4)
    launch = _rows if inner == 1 else _columns
    launch(xp, name, source_, outer, n, inner, parts, target)
    if parts > 1:
        _reduce(xp, name, Place(target), outer, parts, inner, out)


def _parts(n: int, inner: int) -> int:
    if inner == 1:
        return 1 if n < 2 * LENGTH else -(-n // LENGTH)
    return -(-n // ROWS)


def _rows(xp: Any, name: str, at: Place, outer: int, n: int, inner: int, parts: int, out: Any) -> None:  # fmt: skip
    items = 1 if xp.is_cpu else ITEMS
    pieces, length = outer * parts, n if parts == 1 else LENGTH
    each = max(1, TOGETHER // length) if xp.is_cpu else 1
    launch = xp.function(source(xp.is_cpu), f"{name}_rows", "PlPiiiiiP")
    size = -(-pieces // each) * items
    launch((size,), (items,), *at, out, pieces, each, parts, length, n, xp.shares)


def _columns(xp: Any, name: str, at: Place, outer: int, n: int, inner: int, parts: int, out: Any) -> None:  # fmt: skip
    items, across = 1 if xp.is_cpu else ITEMS, -(-inner // WIDTH)
    launch = xp.function(source(xp.is_cpu), f"{name}_columns", "PlPiiiiP")
    launch((outer * parts * across * items,), (items,), *at, out, n, inner, parts, across, xp.shares)  # fmt: skip


def _is_single(dtype: Any) -> bool:
    return dtype is None or np.dtype(dtype) == SINGLE


def sum(xp: Any, input: Array, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    return fold(xp, "sum", input, dim, keepdim) if _is_single(dtype) else NotImplemented


def product(
    xp: Any, input: Array, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Any:
    return fold(xp, "prod", input, dim, keepdim) if _is_single(dtype) else NotImplemented


def amax(xp: Any, input: Array, dim: Any = (), keepdim: bool = False) -> Any:
    return fold(xp, "amax", input, dim, keepdim)


def amin(xp: Any, input: Array, dim: Any = (), keepdim: bool = False) -> Any:
    return fold(xp, "amin", input, dim, keepdim)


LEAVES = {"sum": sum, "prod": product, "amax": amax, "amin": amin}
