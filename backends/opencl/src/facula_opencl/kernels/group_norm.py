"""Group norm and its gradient: a work-group does a group of channels of one sample, which it reads while it is in cache.

With s and t the sums of dy and dy * x over a channel's plane, the gradient by weight is the sum over samples of
(t - mean * s) / deviation, that by bias the sum of s, and that by x takes no more than their weighted sums over a group.
"""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

from facula.ops.norm import check_groups
from facula_opencl.kernels.rows import ITEMS, Array, header, operands, takes, where, whole

SOURCE = """
ROW_KERNEL void normalise(__global const float *input, long input_at, __global const float *weight, long weight_at,
    __global const float *bias, long bias_at, __global float *out, __global float *means, __global float *scales,
    int has_weight, int has_bias, int groups, int each, int plane, float eps, SHARES) {
  SCRATCH
  const int row = GROUP, n = each * plane, first = row % groups * each;
  __global const float *x = input + input_at + (long)row * n;
  __global float *y = out + (long)row * n;
  V sums = (V)(0.0f);
  EACH(i, n) sums += get(x + i, n - i, 0.0f);
  const float mean = total(sums) / n;
  sums = (V)(0.0f);
  EACH(i, n) {
    const V d = get(x + i, n - i, mean) - mean;
    sums += d * d;
  }
  const float scale = 1.0f / sqrt(total(sums) / n + eps);
  for (int c = 0; c < each; ++c, x += plane, y += plane) {
    const float by = has_weight ? scale * weight[weight_at + first + c] : scale;
    const float more = has_bias ? bias[bias_at + first + c] : 0.0f;
    EACH(i, plane) put((get(x + i, plane - i, 0.0f) - mean) * by + more, y + i, plane - i);
  }
  if (IS_FIRST) {
    means[row] = mean;
    scales[row] = scale;
  }
}

// `parts` has, per sample and channel, what it adds to the gradients by weight and by bias.
ROW_KERNEL void gradient(__global const float *g, long g_at, __global const float *input, long input_at,
    __global const float *means, long mean_at, __global const float *scales, long scale_at,
    __global const float *weight, long weight_at, __global float *out, __global float *parts,
    int has_weight, int groups, int each, int plane, SHARES) {
  SCRATCH
  const int row = GROUP, n = each * plane, first = row % groups * each;
  const float mean = means[mean_at + row], scale = scales[scale_at + row];
  __global const float *x = input + input_at + (long)row * n, *dy = g + g_at + (long)row * n;
  __global float *y = out + (long)row * n;
  float level = 0.0f, slope = 0.0f;
  for (int c = 0; c < each; ++c) {
    __global const float *xs = x + (long)c * plane, *ds = dy + (long)c * plane;
    V sums = (V)(0.0f), dots = (V)(0.0f);
    EACH(i, plane) {
      const V d = get(ds + i, plane - i, 0.0f);
      sums += d;
      dots += d * ((get(xs + i, plane - i, mean) - mean) * scale);
    }
    const float sum = total(sums), dot = total(dots), by = has_weight ? weight[weight_at + first + c] : 1.0f;
    level += by * sum;
    slope += by * dot;
    if (IS_FIRST) {
      parts[2 * (row * each + c)] = dot;
      parts[2 * (row * each + c) + 1] = sum;
    }
  }
  level /= n;
  slope /= n;
  for (int c = 0; c < each; ++c, x += plane, dy += plane, y += plane) {
    const float by = has_weight ? weight[weight_at + first + c] : 1.0f;
    EACH(i, plane) {
      const V normal = (get(x + i, plane - i, mean) - mean) * scale;
      put((get(dy + i, plane - i, 0.0f) * by - level - normal * slope) * scale, y + i, plane - i);
    }
  }
}

__kernel void add_up(__global const float *parts, __global float *to_weight, __global float *to_bias, int samples, int channels) {
  const int c = get_global_id(0);
  if (c >= channels) return;
  float first = 0.0f, second = 0.0f;
  for (int k = c; k < samples * channels; k += channels) {
    first += parts[2 * k];
    second += parts[2 * k + 1];
  }
  to_weight[c] = first;
  to_bias[c] = second;
}
"""


@cache
def source(is_cpu: bool) -> str:
    return header(is_cpu) + SOURCE


def group_norm_fused(
    xp: Any, input: Array, weight: Any, bias: Any, num_groups: int, eps: float
) -> Any:
    check_groups(input, num_groups, weight, bias)
    if not takes(input, weight, bias):
        return NotImplemented
    x, lead, items = whole(xp, input), (input.shape[0], num_groups, 1), 1 if xp.is_cpu else ITEMS
    out, mean, rstd = (xp.empty(s, x.dtype) for s in (x.shape, lead, lead))
    launch = xp.function(source(xp.is_cpu), "normalise", "PlPlPlPPPiiiiifP")
    launch(
        (prod(lead) * items,), (items,), x.buffer, x.offset, *where(xp, weight, x), *where(xp, bias, x), out.buffer,
        mean.buffer, rstd.buffer, weight is not None, bias is not None, num_groups, x.shape[1] // num_groups,
        prod(x.shape[2:]), eps, xp.shares,
    )  # fmt: skip
    return out, mean, rstd


def group_norm_gradient(
    xp: Any, g: Array, input: Array, mean: Array, rstd: Array, weight: Any
) -> Any:
    if not takes(g, input, mean, rstd, weight) or g.shape != input.shape:
        return NotImplemented
    x, items = whole(xp, input), 1 if xp.is_cpu else ITEMS
    (samples, channels), groups = x.shape[:2], mean.shape[1]
    out, *sums = (xp.empty(s, x.dtype) for s in (x.shape, (channels,), (channels,)))
    parts = xp.alloc(samples * channels * 8)
    launch = xp.function(source(xp.is_cpu), "gradient", "PlPlPlPlPlPPiiiiP")
    launch(
        (samples * groups * items,), (items,), *operands(xp, g, x, mean, rstd), *where(xp, weight, x), out.buffer, parts,
        weight is not None, groups, channels // groups, prod(x.shape[2:]), xp.shares,
    )  # fmt: skip
    launch = xp.function(source(xp.is_cpu), "add_up", "PPPii")
    size = -(-channels // items) * items
    launch((size,), (items,), parts, sums[0].buffer, sums[1].buffer, samples, channels)
    return out, *sums


LEAVES = {"group_norm_fused": group_norm_fused, "group_norm_gradient": group_norm_gradient}
