"""Batch normalisation and its gradient: a work-group reads one channel two or three times, from its cache.

On CPU-type devices a group is one work-item with vectors; on GPUs it is a tree of work-items.
"""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

from facula_opencl.kernels.tile import REALS

Array = Any
#: Work-items of a group on a GPU.
ITEMS = 256

CPU_HEADER = """\
#pragma OPENCL FP_CONTRACT ON
typedef REAL_NAME REAL;
typedef REAL_NAMEWIDTH VECTOR;
#define LANES WIDTH
#define LOAD vloadWIDTH
#define STORE vstoreWIDTH
#define GROUP_SIZE 1
#define IS_FIRST 1

static inline REAL total(VECTOR x, REAL rest, __local REAL *scratch) {
  REAL part[LANES];
  STORE(x, 0, part);
  REAL sum = rest;
  for (int i = 0; i < LANES; ++i) sum += part[i];
  return sum;
}
"""

GPU_HEADER = """\
#pragma OPENCL FP_CONTRACT ON
typedef REAL_NAME REAL;
typedef REAL_NAME VECTOR;
#define LANES 1
#define LOAD(i, p) (*(p))
#define STORE(x, i, p) (*(p) = (x))
#define GROUP_SIZE ITEMS
#define IS_FIRST (get_local_id(0) == 0)

static inline REAL total(VECTOR x, REAL rest, __local REAL *scratch) {
  const int item = get_local_id(0);
  scratch[item] = x + rest;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int half_ = GROUP_SIZE / 2; half_; half_ /= 2) {
    if (item < half_) scratch[item] += scratch[item + half_];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const REAL sum = scratch[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  return sum;
}
"""

#: Runs `statements` for all elements of a channel, with `i` the place of a vector, then of a single element.
LOOPS = {
    True: """\
  for (int n = 0; n < samples; ++n) {{
    const long begin = (n * channels + c) * plane;
    long i = begin;
    for (; i + LANES <= begin + plane; i += LANES) {{ {vector} }}
    for (; i < begin + plane; ++i) {{ {single} }}
  }}
""",
    False: """\
  for (long at = get_local_id(0); at < samples * plane; at += GROUP_SIZE) {{
    const long i = (at / plane * channels + c) * plane + at % plane;
    {vector}
  }}
""",
}


def _loop(is_cpu: bool, text: str) -> str:
    """`text` over a channel: `T(p)` loads from p + i, `P(x, 0, p)` stores, @ begins names of its kind."""
    vector = text.replace("T(", "LOAD(0, i + ").replace("P(", "STORE(").replace("@", "v_")
    single = text.replace("T(", "*(i + ").replace("P(", "PUT(").replace("@", "s_")
    return LOOPS[is_cpu].format(vector=vector, single=single)


@cache
def source(real: str, lanes: int, is_cpu: bool) -> str:
    header = CPU_HEADER.replace("WIDTH", str(lanes)) if is_cpu else GPU_HEADER
    header = header.replace("REAL_NAME", real).replace("ITEMS", str(ITEMS))

    def loop(text: str) -> str:
        return _loop(is_cpu, text)

    return f"""{header}
#define PUT(x, zero, p) (*(p) = (x))

__kernel __attribute__((reqd_work_group_size(GROUP_SIZE, 1, 1)))
void train(__global const REAL *input, long input_offset, __global const REAL *weight, long weight_offset,
    __global const REAL *bias, long bias_offset, __global REAL *out, __global REAL *means,
    __global REAL *variances, int has_weight, int has_bias, int samples, int channels_, int plane_, REAL eps) {{
  __local REAL scratch[GROUP_SIZE];
  const long c = get_group_id(0), channels = channels_, plane = plane_;
  const REAL count = (REAL)samples * plane;
  input += input_offset;
  VECTOR v_sum = (VECTOR)(0);
  REAL s_sum = 0;
{loop("@sum += T(input);")}
  const REAL mean = total(v_sum, s_sum, scratch) / count;
  v_sum = (VECTOR)(0), s_sum = 0;
{loop("const VAR_@ d = T(input) - mean; @sum += d * d;")}
  const REAL variance = total(v_sum, s_sum, scratch) / count;
  const REAL scale = (has_weight ? weight[weight_offset + c] : 1) / sqrt(variance + eps);
  const REAL shift = has_bias ? bias[bias_offset + c] : 0;
{loop("P((T(input) - mean) * scale + shift, 0, out + i);")}
  if (IS_FIRST) {{ means[c] = mean; variances[c] = variance; }}
}}

__kernel __attribute__((reqd_work_group_size(GROUP_SIZE, 1, 1)))
void gradient(__global const REAL *g, long g_offset, __global const REAL *input, long input_offset,
    __global const REAL *means, long mean_offset, __global const REAL *variances, long variance_offset,
    __global const REAL *weight, long weight_offset, __global REAL *out, __global REAL *to_weight,
    __global REAL *to_bias, int has_weight, int samples, int channels_, int plane_, REAL eps) {{
  __local REAL scratch[GROUP_SIZE];
  const long c = get_group_id(0), channels = channels_, plane = plane_;
  const REAL count = (REAL)samples * plane;
  const REAL mean = means[mean_offset + c], rstd = 1 / sqrt(variances[variance_offset + c] + eps);
  g += g_offset;
  input += input_offset;
  VECTOR v_sum = (VECTOR)(0), v_dot = (VECTOR)(0);
  REAL s_sum = 0, s_dot = 0;
{loop("const VAR_@ d = T(g); @sum += d; @dot += d * (T(input) - mean);")}
  const REAL sum = total(v_sum, s_sum, scratch), dot = total(v_dot, s_dot, scratch) * rstd;
  const REAL slope = rstd * dot / count, level = sum / count;
  const REAL scale = has_weight ? rstd * weight[weight_offset + c] : rstd;
{loop("P((T(g) - (T(input) - mean) * slope - level) * scale, 0, out + i);")}
  if (IS_FIRST) {{ to_weight[c] = dot; to_bias[c] = sum; }}
}}

__kernel __attribute__((reqd_work_group_size(GROUP_SIZE, 1, 1)))
void evaluate(__global const REAL *input, long input_offset,
    __global const REAL *means, long mean_offset, __global const REAL *variances, long variance_offset,
    __global const REAL *weight, long weight_offset, __global const REAL *bias, long bias_offset,
    __global REAL *out, int has_weight, int has_bias, int samples, int channels_, int plane_, REAL eps) {{
  const long c = get_group_id(0), channels = channels_, plane = plane_;
  const REAL mean = means[mean_offset + c];
  const REAL scale = (has_weight ? weight[weight_offset + c] : 1) / sqrt(variances[variance_offset + c] + eps);
  const REAL shift = (has_bias ? bias[bias_offset + c] : 0) - mean * scale;
  input += input_offset;
{loop("P(T(input) * scale + shift, 0, out + i);")}
}}
""".replace("VAR_v_", "VECTOR").replace("VAR_s_", "REAL")


def _launch(xp: Any, name: str, letters: str, like: Array, *arguments: Any) -> None:
    real, lanes = REALS[like.dtype]
    letters += "iiif" if real == "float" else "iiid"
    launch = xp.function(source(real, lanes, xp.is_cpu), name, letters)
    items = 1 if xp.is_cpu else ITEMS
    samples, channels, plane = like.shape[0], like.shape[1], prod(like.shape[2:])
    *arguments, eps = arguments
    launch((channels * items,), (items,), *arguments, samples, channels, plane, eps)


def _takes(input: Array, *others: Array | None) -> bool:
    """Whether all have one dtype that these kernels know, and there is something to normalise."""
    if input.dtype not in REALS or not input.size or input.size >= 1 << 31:
        return False
    channels = input.shape[1:2]
    return all(
        x is None or (x.dtype is input.dtype and (x.shape == channels or x.shape == input.shape))
        for x in others
    )


def _whole(xp: Any, x: Array) -> Array:
    return x if x.is_contiguous else xp.copy(x)


def _where(xp: Any, x: Array | None, otherwise: Array) -> tuple[Any, int]:
    """Buffer and offset of an operand; one that is absent is given another's, which is not read."""
    x = otherwise if x is None else _whole(xp, x)
    return x.buffer, x.offset


def batch_norm_train(
    xp: Any, input: Array, weight: Array | None, bias: Array | None, eps: float
) -> Any:
    if not _takes(input, weight, bias):
        return NotImplemented
    x, channels = _whole(xp, input), input.shape[1:2]
    out, mean, var = (xp.empty(s, x.dtype) for s in (x.shape, channels, channels))
    _launch(
        xp, "train", "PlPlPlPPPii", x, x.buffer, x.offset, *_where(xp, weight, x), *_where(xp, bias, x),
        out.buffer, mean.buffer, var.buffer, weight is not None, bias is not None, eps,
    )  # fmt: skip
    return out, mean, var


def batch_norm_gradient(
    xp: Any, g: Array, input: Array, mean: Array, var: Array, weight: Array | None, eps: float
) -> Any:
    if not _takes(input, g, mean, var, weight):
        return NotImplemented
    x, channels = _whole(xp, input), input.shape[1:2]
    out, to_weight, to_bias = (xp.empty(s, x.dtype) for s in (x.shape, channels, channels))
    _launch(
        xp, "gradient", "PlPlPlPlPlPPPi", x, *_where(xp, g, x), x.buffer, x.offset, *_where(xp, mean, x),
        *_where(xp, var, x), *_where(xp, weight, x), out.buffer, to_weight.buffer, to_bias.buffer,
        weight is not None, eps,
    )  # fmt: skip
    return out, to_weight, to_bias


def batch_norm_eval(
    xp: Any, input: Array, mean: Array, var: Array, weight: Array | None, bias: Array | None, eps: float
) -> Any:  # fmt: skip
    if not _takes(input, mean, var, weight, bias):
        return NotImplemented
    x = _whole(xp, input)
    out = xp.empty(x.shape, x.dtype)
    _launch(
        xp, "evaluate", "PlPlPlPlPlPii", x, x.buffer, x.offset, *_where(xp, mean, x), *_where(xp, var, x),
        *_where(xp, weight, x), *_where(xp, bias, x), out.buffer, weight is not None, bias is not None, eps,
    )  # fmt: skip
    return out


LEAVES = {
    "batch_norm_train": batch_norm_train,
    "batch_norm_gradient": batch_norm_gradient,
    "batch_norm_eval": batch_norm_eval,
}
