"""Layer and root-mean-square norms of rows, with the gradient of layer norm, in one reading each.

A gradient by weight or bias is a sum over rows: each work-group adds up its own rows' parts while it has them in cache,
and a second kernel adds those up.
"""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

from facula.ops.norm import check_normalized
from facula_opencl.kernels.rows import ITEMS, LANES, Array, groups, header, takes, where, whole

#: Work-groups that add up rows.
PARTS = {True: 8, False: 256}

SOURCE = """
ROW_KERNEL void normalise(__global const float *input, long input_at, __global const float *weight, long weight_at,
    __global const float *bias, long bias_at, __global float *out, __global float *means, __global float *scales,
    int has_weight, int has_bias, int has_mean, int rows, int each, int n, float eps, SHARES) {
  SCRATCH
  weight += weight_at;
  bias += bias_at;
  const int begin = GROUP * each;
  for (int row = begin; row < min(begin + each, rows); ++row) {
    __global const float *x = input + input_at + (long)row * n;
    __global float *y = out + (long)row * n;
    V sums = (V)(0.0f);
    float mean = 0.0f;
    if (has_mean) {
      EACH(i, n) sums += get(x + i, n - i, 0.0f);
      mean = total(sums) / n;
    }
    sums = (V)(0.0f);
    EACH(i, n) {
      const V d = get(x + i, n - i, mean) - mean;
      sums += d * d;
    }
    const float scale = 1.0f / sqrt(total(sums) / n + eps);
    EACH(i, n) {
      V d = (get(x + i, n - i, mean) - mean) * scale;
      if (has_weight) d *= get(weight + i, n - i, 0.0f);
      if (has_bias) d += get(bias + i, n - i, 0.0f);
      put(d, y + i, n - i);
    }
    if (IS_FIRST) {
      if (has_mean) means[row] = mean;
      scales[row] = scale;
    }
  }
}

ROW_KERNEL void gradient(__global const float *g, long g_at, __global const float *input, long input_at,
    __global const float *means, long mean_at, __global const float *scales, long scale_at,
    __global const float *weight, long weight_at, __global float *out, __global float *parts,
    int has_weight, int has_mean, int rows, int each, int n) {
  SCRATCH
  weight += weight_at;
  __global float *to_weight = parts + (long)get_group_id(0) * 2 * n, *to_bias = to_weight + n;
  EACH(i, n) {
    put((V)(0.0f), to_weight + i, n - i);
    put((V)(0.0f), to_bias + i, n - i);
  }
  const int begin = get_group_id(0) * each;
  for (int row = begin; row < min(begin + each, rows); ++row) {
    __global const float *x = input + input_at + (long)row * n;
    __global const float *dy = g + g_at + (long)row * n;
    __global float *y = out + (long)row * n;
    const float mean = has_mean ? means[mean_at + row] : 0.0f, scale = scales[scale_at + row];
    V sums = (V)(0.0f), dots = (V)(0.0f);
    EACH(i, n) {
      const V d = get(dy + i, n - i, 0.0f), normal = (get(x + i, n - i, mean) - mean) * scale;
      const V scaled = has_weight ? d * get(weight + i, n - i, 0.0f) : d;
      sums += scaled;
      dots += scaled * normal;
      put(get(to_weight + i, n - i, 0.0f) + d * normal, to_weight + i, n - i);
      put(get(to_bias + i, n - i, 0.0f) + d, to_bias + i, n - i);
    }
    const float level = has_mean ? total(sums) / n : 0.0f, slope = total(dots) / n;
    EACH(i, n) {
      const V d = get(dy + i, n - i, 0.0f), normal = (get(x + i, n - i, mean) - mean) * scale;
      const V scaled = has_weight ? d * get(weight + i, n - i, 0.0f) : d;
      put((scaled - level - normal * slope) * scale, y + i, n - i);
    }
  }
}

// Sums over `count` rows of 2 n elements: of the first half into one array, of the second into another.
__kernel void add_up(__global const float *parts, __global float *to_weight, __global float *to_bias, int count, int n) {
  const int i = get_global_id(0) * LANES;
  if (i >= n) return;
  V first = (V)(0.0f), second = (V)(0.0f);
  for (int row = 0; row < count; ++row) {
    first += get(parts + (long)row * 2 * n + i, n - i, 0.0f);
    second += get(parts + (long)row * 2 * n + n + i, n - i, 0.0f);
  }
  put(first, to_weight + i, n - i);
  put(second, to_bias + i, n - i);
}
"""


@cache
def source(is_cpu: bool) -> str:
    return header(is_cpu) + SOURCE


def _normalised(xp: Any, input: Array, n: int, weight: Any, bias: Any, eps: float, mean: bool, lead: Any) -> Any:  # fmt: skip
    x = whole(xp, input)
    out = xp.empty(x.shape, x.dtype)
    scales = xp.empty(lead, x.dtype)
    means = xp.empty(lead, x.dtype) if mean else scales
    rows = x.size // n
    global_size, local_size, each = groups(xp, rows, n)
    launch = xp.function(source(xp.is_cpu), "normalise", "PlPlPlPPPiiiiiifP")
    launch(
        global_size, local_size, x.buffer, x.offset, *where(xp, weight, x), *where(xp, bias, x), out.buffer, means.buffer,
        scales.buffer, weight is not None, bias is not None, mean, rows, each, n, eps,
        xp.shares,
    )  # fmt: skip
    return out, means, scales


def native_layer_norm(
    xp: Any, input: Array, normalized_shape: Any, weight: Any, bias: Any, eps: float
) -> Any:
    shape = check_normalized("layer_norm", input, normalized_shape, weight, bias)
    if not takes(input, weight, bias):
        return NotImplemented
    lead = (*input.shape[: len(input.shape) - len(shape)], *[1] * len(shape))
    return _normalised(xp, input, prod(shape), weight, bias, eps, True, lead)


def rms_norm_fused(xp: Any, input: Array, weight: Any, count: int, eps: float) -> Any:
    if not takes(input, weight):
        return NotImplemented
    lead, shape = input.shape[: len(input.shape) - count], input.shape[len(input.shape) - count :]
    if weight is not None and tuple(weight.shape) != tuple(shape):
        return NotImplemented
    lead = (*lead, *[1] * count)
    out, _, scales = _normalised(xp, input, prod(shape), weight, None, eps, False, lead)
    return out, scales


def layer_norm_gradient(
    xp: Any, g: Array, input: Array, mean: Array, rstd: Array, weight: Any, count: int
) -> Any:
    if not takes(g, input, mean, rstd, weight) or g.shape != input.shape:
        return NotImplemented
    return _gradients(xp, g, input, mean, rstd, weight, count)


def rms_norm_gradient(
    xp: Any, g: Array, input: Array, weight: Array | None, rrms: Array, count: int
) -> Any:
    if not takes(g, input, rrms, weight) or g.shape != input.shape:
        return NotImplemented
    return _gradients(xp, g, input, None, rrms, weight, count)[:2]


def _gradients(
    xp: Any, g: Array, input: Array, mean: Array | None, rstd: Array, weight: Array | None, count: int
) -> Any:  # fmt: skip
    """By input, weight and bias; without a mean those of RMS norm."""
    shape = input.shape[len(input.shape) - count :]
    n, x = prod(shape), whole(xp, input)
    rows = x.size // n
    parts = min(rows, PARTS[xp.is_cpu])
    each = -(-rows // parts)
    parts = -(-rows // each)
    out, to_weight, to_bias = (xp.empty(s, x.dtype) for s in (x.shape, shape, shape))
    scratch, items = xp.alloc(parts * 2 * n * 4), 1 if xp.is_cpu else ITEMS
    launch = xp.function(source(xp.is_cpu), "gradient", "PlPlPlPlPlPPiiiii")
    launch(
        (parts * items,), (items,), *where(xp, g, x), x.buffer, x.offset, *where(xp, mean, x), *where(xp, rstd, x),
        *where(xp, weight, x), out.buffer, scratch, weight is not None, mean is not None, rows, each, n,
    )  # fmt: skip
    launch = xp.function(source(xp.is_cpu), "add_up", "PPPii")
    columns = -(-n // LANES) if xp.is_cpu else -(-n // ITEMS) * ITEMS
    launch((columns,), (items,), scratch, to_weight.buffer, to_bias.buffer, parts, n)
    return out, to_weight, to_bias


LEAVES = {
    "native_layer_norm": native_layer_norm,
    "layer_norm_gradient": layer_norm_gradient,
    "rms_norm_fused": rms_norm_fused,
    "rms_norm_gradient": rms_norm_gradient,
}
