"""Pooling over windows, and its gradients: a work-group for each plane.

On CPU-type devices the one work-item of a group walks through the plane; on GPUs its work-items share
the positions, and what is summed is gathered, so that no two write to one place.
"""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

import numpy as np

from facula.ops.pool import sizes_of
from facula_opencl.kernels.tile import REALS

Array = Any
Ints = tuple[int, ...]
I64 = np.dtype(np.int64)
#: Work-items of a group on a GPU.
ITEMS = 64

ARGUMENTS = """\
    int D, int H, int W, int out_z, int out_y, int out_x, int kernel_z, int kernel_y, int kernel_x,
    int stride_z, int stride_y, int stride_x, int padding_z, int padding_y, int padding_x,
    int dilation_z, int dilation_y, int dilation_x"""
LETTERS = "iii" * 6

#: Positions of a plane of `sizes`: one work-item takes them in order, or many take turns.
WALK = {
    True: "for (int z = 0; z < {0}; ++z) for (int y = 0; y < {1}; ++y) for (int x = 0; x < {2}; ++x) {{",
    False: """\
for (int at = get_local_id(0); at < {0} * {1} * {2}; at += get_local_size(0)) {{
    const int z = at / ({1} * {2}), y = at / {2} % {1}, x = at % {2};""",
}

#: Visits the elements of the window at result position (z, y, x), in order; `p` is where each is.
WINDOW = """\
    const int from_z = z * stride_z - padding_z, from_y = y * stride_y - padding_y;
    const int from_x = x * stride_x - padding_x;
    for (int a = 0; a < kernel_z; ++a) {
      const int iz = from_z + a * dilation_z;
      if (iz < 0 || iz >= D) continue;
      for (int b = 0; b < kernel_y; ++b) {
        const int iy = from_y + b * dilation_y;
        if (iy < 0 || iy >= H) continue;
        for (int c = 0; c < kernel_x; ++c) {
          const int ix = from_x + c * dilation_x;
          if (ix < 0 || ix >= W) continue;
          const int p = (iz * H + iy) * W + ix;
          VISIT
        }
      }
    }
"""

#: Finds the first of the largest elements of the window at (z, y, x); a NaN is larger than any number.
LARGEST = "    REAL best = -INFINITY; int place = -1;\n" + WINDOW.replace(
    "VISIT",
    "const REAL value = X[p]; if (place < 0 || value > best || (value != value && best == best)) "
    "{ best = value; place = p; }",
)

#: Visits the windows `q` that see input position (z, y, x).
SEEN_BY = """\
    for (int a = 0; a < kernel_z; ++a) {
      const int wz = z + padding_z - a * dilation_z;
      if (wz < 0 || wz % stride_z || wz / stride_z >= out_z) continue;
      for (int b = 0; b < kernel_y; ++b) {
        const int wy = y + padding_y - b * dilation_y;
        if (wy < 0 || wy % stride_y || wy / stride_y >= out_y) continue;
        for (int c = 0; c < kernel_x; ++c) {
          const int wx = x + padding_x - c * dilation_x;
          if (wx < 0 || wx % stride_x || wx / stride_x >= out_x) continue;
          const int q_z = wz / stride_z, q_y = wy / stride_y, q_x = wx / stride_x;
          const int q = (q_z * out_y + q_y) * out_x + q_x;
          VISIT
        }
      }
    }
"""

COUNT = """\
static inline int extent(int at, int stride, int padding, int window, int size, int with_padding) {
  const int start = at * stride - padding, stop = min(start + window, size + padding);
  return with_padding ? stop - start : min(stop, size) - max(start, 0);
}
#define COUNT(z, y, x) (divisor ? divisor : extent(z, stride_z, padding_z, kernel_z, D, with_padding) \\
    * extent(y, stride_y, padding_y, kernel_y, H, with_padding) \\
    * extent(x, stride_x, padding_x, kernel_x, W, with_padding))
"""

#: One work-item: each window's gradient is added where its maximum is.
SCATTER_LARGEST = """\
  for (int i = 0; i < D * H * W; ++i) out[i] = 0;
  WALK_OUT
LARGEST
    out[place] += g[(z * out_y + y) * out_x + x];
  }
"""

#: Many: they find the maxima of some windows, then each gathers for its own input elements.
GATHER_LARGEST = """\
  __local int places[PLACES];
  const int count = out_z * out_y * out_x;
  for (int i = get_local_id(0); i < D * H * W; i += get_local_size(0)) out[i] = 0;
  for (int begin = 0; begin < count; begin += PLACES) {
    const int end = min(begin + PLACES, count);
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
    for (int w = begin + get_local_id(0); w < end; w += get_local_size(0)) {
      const int z = w / (out_y * out_x), y = w / out_x % out_y, x = w % out_x;
LARGEST
      places[w - begin] = place;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    WALK_IN
      const int own = (z * H + y) * W + x;
      REAL sum = out[own];
SEEN_BY
      out[own] = sum;
    }
  }
""".replace(
    "SEEN_BY",
    SEEN_BY.replace("VISIT", "if (q >= begin && q < end && places[q - begin] == own) sum += g[q];"),
)


@cache
def source(real: str, is_cpu: bool) -> str:
    walk_out = WALK[is_cpu].format("out_z", "out_y", "out_x")
    walk_in = WALK[is_cpu].format("D", "H", "W")
    largest_gradient = (
        (SCATTER_LARGEST if is_cpu else GATHER_LARGEST)
        .replace("LARGEST", LARGEST)
        .replace("WALK_OUT", walk_out)
        .replace("WALK_IN", walk_in)
    )
    add = WINDOW.replace("VISIT", "sum += X[p];")
    add_seen = SEEN_BY.replace("VISIT", "sum += g[q] / COUNT(q_z, q_y, q_x);")
    group = f"__kernel __attribute__((reqd_work_group_size({1 if is_cpu else ITEMS}, 1, 1)))"
    return f"""\
typedef {real} REAL;
#define PLACES 1024
{COUNT}
{group}
void largest(__global const REAL *X, long offset, __global REAL *out, __global long *places, int with_places,
{ARGUMENTS}) {{
  const long plane = get_group_id(0);
  X += offset + plane * D * H * W;
  {walk_out}
{LARGEST}
    const long to = ((plane * out_z + z) * out_y + y) * out_x + x;
    out[to] = best;
    if (with_places) places[to] = place;
  }}
}}

{group}
void largest_gradient(__global const REAL *g, long g_offset, __global const REAL *X, long offset,
    __global REAL *out,
{ARGUMENTS}) {{
  const long plane = get_group_id(0);
  X += offset + plane * D * H * W;
  out += plane * D * H * W;
  g += g_offset + plane * out_z * out_y * out_x;
{largest_gradient}
}}

{group}
void mean(__global const REAL *X, long offset, __global REAL *out, int with_padding, int divisor,
{ARGUMENTS}) {{
  const long plane = get_group_id(0);
  X += offset + plane * D * H * W;
  {walk_out}
    REAL sum = 0;
{add}
    out[((plane * out_z + z) * out_y + y) * out_x + x] = sum / COUNT(z, y, x);
  }}
}}

{group}
void mean_gradient(__global const REAL *g, long offset, __global REAL *out, int with_padding, int divisor,
{ARGUMENTS}) {{
  const long plane = get_group_id(0);
  g += offset + plane * out_z * out_y * out_x;
  {walk_in}
    REAL sum = 0;
{add_seen}
    out[((plane * D + z) * H + y) * W + x] = sum;
  }}
}}
"""


# ---- the ops


def _three(sizes: Any, fill: int) -> Ints:
    return (fill,) * (3 - len(sizes)) + tuple(sizes)


def _launch(xp: Any, name: str, letters: str, like: Array, planes: int, *arguments: Any) -> None:
    launch = xp.function(source(REALS[like.dtype][0], xp.is_cpu), name, letters + LETTERS)
    items = 1 if xp.is_cpu else ITEMS
    launch((planes * items,), (items,), *arguments)


def _numbers(
    size: Ints, out: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> Ints:
    each = (size, 1), (out, 1), (kernel, 1), (stride, 1), (padding, 0), (dilation, 1)
    return tuple(n for sizes, fill in each for n in _three(sizes, fill))


def _takes(x: Array, *options: Any) -> bool:
    """Whether the kernels know the dtype, and may count in 32 bits."""
    return (
        x.dtype in REALS
        and 0 < x.size < 1 << 31
        and len(options[0]) <= 3
        and max(n for option in options for n in option) < 1 << 30
    )


def _whole(xp: Any, x: Array) -> Array:
    return x if x.is_contiguous else xp.copy(x)


def _split(x: Array, n: int) -> tuple[Ints, Ints]:
    """The leading dimensions and the `n` spatial ones."""
    return x.shape[: len(x.shape) - n], x.shape[len(x.shape) - n :]


def _largest(xp: Any, input: Array, options: Any, ceil_mode: bool, with_places: bool) -> Any:
    lead, size = _split(input, len(options[0]))
    out = sizes_of(input.shape, *options, ceil_mode)
    values = xp.empty((*lead, *out), input.dtype)
    places = xp.empty((*lead, *out), I64) if with_places else values
    if values.size:
        x = _whole(xp, input)
        _launch(
            xp, "largest", "PlPPi", x, prod(lead), x.buffer, x.offset, values.buffer, places.buffer, with_places,
            *_numbers(size, out, *options),
        )  # fmt: skip
    return (values, places) if with_places else values


def max_pool_with_indices(
    xp: Any, input: Array, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool
) -> Any:  # fmt: skip
    options = kernel, stride, padding, dilation
    if not _takes(input, *options):
        return NotImplemented
    return _largest(xp, input, options, ceil_mode, True)


def max_pool(
    xp: Any, input: Array, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool
) -> Any:  # fmt: skip
    options = kernel, stride, padding, dilation
    if not _takes(input, *options):
        return NotImplemented
    return _largest(xp, input, options, ceil_mode, False)


def max_pool_grad(
    xp: Any, grad: Array, input: Array, out: Array, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints,
    ceil_mode: bool,
) -> Array:  # fmt: skip
    options = kernel, stride, padding, dilation
    if not _takes(input, *options) or grad.dtype is not input.dtype or not grad.size:
        return NotImplemented
    lead, size = _split(input, len(kernel))
    x, g = _whole(xp, input), _whole(xp, grad)
    result = xp.empty(input.shape, input.dtype)
    _launch(
        xp, "largest_gradient", "PlPlP", x, prod(lead), g.buffer, g.offset, x.buffer, x.offset, result.buffer,
        *_numbers(size, g.shape[len(lead) :], *options),
    )  # fmt: skip
    return result


def avg_pool(
    xp: Any, input: Array, kernel: Ints, stride: Ints, padding: Ints, ceil_mode: bool, count_include_pad: bool,
    divisor_override: int | None,
) -> Array:  # fmt: skip
    options = kernel, stride, padding, (1,) * len(kernel)
    if not _takes(input, *options):
        return NotImplemented
    lead, size = _split(input, len(kernel))
    out = sizes_of(input.shape, *options, ceil_mode)
    result = xp.empty((*lead, *out), input.dtype)
    if result.size:
        x, flags = _whole(xp, input), (count_include_pad, divisor_override or 0)
        _launch(
            xp, "mean", "PlPii", x, prod(lead), x.buffer, x.offset, result.buffer, *flags,
            *_numbers(size, out, *options),
        )  # fmt: skip
    return result


def avg_pool_grad(
    xp: Any, grad: Array, size: Ints, kernel: Ints, stride: Ints, padding: Ints, ceil_mode: bool,
    count_include_pad: bool, divisor_override: int | None,
) -> Array:  # fmt: skip
    options = kernel, stride, padding, (1,) * len(kernel)
    if not _takes(grad, *options):
        return NotImplemented
    lead, out = _split(grad, len(kernel))
    result = xp.empty((*lead, *size), grad.dtype)
    if result.size:
        g, flags = _whole(xp, grad), (count_include_pad, divisor_override or 0)
        _launch(
            xp, "mean_gradient", "PlPii", g, prod(lead), g.buffer, g.offset, result.buffer, *flags,
            *_numbers(size, out, *options),
        )  # fmt: skip
    return result


LEAVES = {
    "max_pool": max_pool,
    "max_pool_with_indices": max_pool_with_indices,
    "max_pool_grad": max_pool_grad,
    "avg_pool": avg_pool,
    "avg_pool_grad": avg_pool_grad,
}
