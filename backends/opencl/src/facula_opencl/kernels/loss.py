"""Cross entropy with class numbers: each row of scores is read twice, and no table of ones is made."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from facula_opencl.kernels.rows import ITEMS, Array, groups, header, operands, takes

_WHOLE = np.dtype(np.int64)

SOURCE = """
// A row's peak, the logsumexp of its scores less that, and its loss; a number out of range is noted in the flag.
ROW_KERNEL void rows_loss(__global const float *input, long input_at, __global const long *target, long target_at,
    __global float *peaks, __global float *sums, __global float *losses, __global long *flag, int rows, int each, int n, long ignored) {
  SCRATCH
  const int begin = get_group_id(0) * each;
  for (int row = begin; row < min(begin + each, rows); ++row) {
    __global const float *x = input + input_at + (long)row * n;
    V highest = (V)(-INFINITY), parts = (V)(0.0f);
    EACH(i, n) highest = larger(get(x + i, n - i, -INFINITY), highest);
    const float peak = largest(highest);
    EACH(i, n) parts += EXP(get(x + i, n - i, -INFINITY) - peak);
    const float sum = LOG((V)(total(parts)))FIRST;
    if (IS_FIRST) {
      const long at = target[target_at + row];
      const int outside = at != ignored && (at < 0 || at >= n);
      if (outside) {
        flag[0] = 1;
        flag[1] = at;
        flag[2] = n;
      }
      peaks[row] = peak;
      sums[row] = sum;
      losses[row] = at == ignored || outside ? 0.0f : sum - (x[at] - peak);
    }
  }
}

// The sum of all losses, or their mean over the rows that are not ignored.
ROW_KERNEL void together(__global const float *losses, __global const long *target, long target_at, __global float *out,
    int rows, int is_mean, long ignored) {
  SCRATCH
  V parts = (V)(0.0f);
  EACH(i, rows) parts += get(losses + i, rows - i, 0.0f);
  const float sum = total(parts);
  int count = 0;
  for (int i = 0; i < rows; ++i) count += target[target_at + i] != ignored;
  if (IS_FIRST) out[0] = is_mean ? sum / count : sum;
}

ROW_KERNEL void gradient(__global const float *g, long g_at, __global const float *input, long input_at,
    __global const long *target, long target_at, __global const float *peaks, long peaks_at,
    __global const float *sums, long sums_at, __global float *out,
    int rows, int each, int n, int reduction, long ignored) {
  const int begin = get_group_id(0) * each;
  int count = reduction == 1 ? 0 : 1;
  if (reduction == 1)
    for (int i = 0; i < rows; ++i) count += target[target_at + i] != ignored;
  for (int row = begin; row < min(begin + each, rows); ++row) {
    __global const float *x = input + input_at + (long)row * n;
    __global float *y = out + (long)row * n;
    const long at = target[target_at + row];
    const float unit = at == ignored ? 0.0f : g[g_at + (reduction == 0 ? row : 0)] / count;
    const float peak = peaks[peaks_at + row], sum = sums[sums_at + row];
    EACH(i, n) {
      V p = EXP(get(x + i, n - i, -INFINITY) - peak - sum) * unit;
      PICK
      put(p, y + i, n - i);
    }
  }
}
"""
#: Takes `unit` off the wanted class.
_PICK = {
    True: "if (at >= i && at < i + LANES) { float part[LANES]; vstore16(p, 0, part); part[at - i] -= unit; p = vload16(0, part); }",
    False: "if (i == at) p -= unit;",
}  # fmt: skip
REDUCTIONS = ("none", "mean", "sum")


@cache
def source(is_cpu: bool) -> str:
    text = SOURCE.replace("PICK", _PICK[is_cpu]).replace("FIRST;", ".s0;" if is_cpu else ";")
    return header(is_cpu, "exp", "log") + text


def _is_plain(input: Array, target: Array, weight: Any, label_smoothing: float) -> bool:
    return (
        weight is None and not label_smoothing and len(input.shape) == 2
        and target.dtype is _WHOLE and target.shape == input.shape[:1] and takes(input)
    )  # fmt: skip


def class_cross_entropy(
    xp: Any, input: Array, target: Array, weight: Any, ignore_index: int, reduction: str, label_smoothing: float
) -> Any:  # fmt: skip
    if not _is_plain(input, target, weight, label_smoothing):
        return NotImplemented
    rows, n = input.shape
    peaks, sums, losses = (
        xp.empty(shape, input.dtype) for shape in ((rows, 1), (rows, 1), (rows,))
    )
    global_size, local_size, each = groups(xp, rows, n)
    xp._flag_is_used = True
    launch = xp.function(source(xp.is_cpu), "rows_loss", "PlPlPPPPiiil")
    launch(
        global_size, local_size, *operands(xp, input, target), peaks.buffer, sums.buffer, losses.buffer, xp.flag,
        rows, each, n, ignore_index,
    )  # fmt: skip
    if reduction == "none":
        return losses, peaks, sums
    out, items = xp.empty((), input.dtype), 1 if xp.is_cpu else ITEMS
    launch = xp.function(source(xp.is_cpu), "together", "PPlPiil")
    at = operands(xp, target)
    launch((items,), (items,), losses.buffer, *at, out.buffer, rows, reduction == "mean", ignore_index)  # fmt: skip
    return out, peaks, sums


def class_cross_entropy_gradient(
    xp: Any, g: Array, input: Array, target: Array, weight: Any, peak: Array, log_sum: Array, ignore_index: int,
    reduction: str, label_smoothing: float,
) -> Any:  # fmt: skip
    if not _is_plain(input, target, weight, label_smoothing) or not takes(g, peak, log_sum):
        return NotImplemented
    rows, n = input.shape
    out = xp.empty(input.shape, input.dtype)
    global_size, local_size, each = groups(xp, rows, n)
    launch = xp.function(source(xp.is_cpu), "gradient", "PlPlPlPlPlPiiiil")
    launch(
        global_size, local_size, *operands(xp, g, input, target, peak, log_sum), out.buffer, rows,
        each, n, REDUCTIONS.index(reduction), ignore_index,
    )  # fmt: skip
    return out


LEAVES = {
    "class_cross_entropy": class_cross_entropy,
    "class_cross_entropy_gradient": class_cross_entropy_gradient,
}
