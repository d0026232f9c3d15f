"""Softmax, its logarithm and their gradients along the last dimension; each row is read while it is in cache."""

from __future__ import annotations

from functools import cache
from typing import Any

from facula_opencl.kernels.rows import Array, groups, header, operands, takes

_ROWS = """
ROW_KERNEL void {name}({arguments}__global float *out, int rows, int each, int n, SHARES) {{
  SCRATCH
  const int begin = GROUP * each;
  for (int row = begin; row < min(begin + each, rows); ++row) {{
    const long at = (long)row * n;
    __global float *y = out + at;
{body}
  }}
}}
"""
_FORWARD = """\
    __global const float *x = input + input_offset + at;
    V peaks = (V)(-INFINITY);
    EACH(i, n) peaks = larger(get(x + i, n - i, -INFINITY), peaks);
    const float peak = largest(peaks);
    V sums = (V)(0.0f);
"""
_BACKWARD = """\
    __global const float *dy = g + g_offset + at;
    __global const float *r = result + result_offset + at;
    V sums = (V)(0.0f);
"""
BODIES = {
    "softmax": _FORWARD + """\
    EACH(i, n) {
      const V e = EXP(get(x + i, n - i, -INFINITY) - peak);
      sums += e;
      put(e, y + i, n - i);
    }
    const float scale = 1.0f / total(sums);
    EACH(i, n) put(get(y + i, n - i, 0.0f) * scale, y + i, n - i);
""",
    "log_softmax": _FORWARD + """\
    EACH(i, n) sums += EXP(get(x + i, n - i, -INFINITY) - peak);
    const float shift = LOG((V)(total(sums)))FIRST;
    EACH(i, n) put((get(x + i, n - i, 0.0f) - peak) - shift, y + i, n - i);
""",
    "softmax_gradient": _BACKWARD + """\
    EACH(i, n) sums += get(dy + i, n - i, 0.0f) * get(r + i, n - i, 0.0f);
    const float sum = total(sums);
    EACH(i, n) put((get(dy + i, n - i, 0.0f) - sum) * get(r + i, n - i, 0.0f), y + i, n - i);
""",
    "log_softmax_gradient": _BACKWARD + """\
    EACH(i, n) sums += get(dy + i, n - i, 0.0f);
    const float sum = total(sums);
    EACH(i, n) put(get(dy + i, n - i, 0.0f) - EXP(get(r + i, n - i, 0.0f)) * sum, y + i, n - i);
""",
}  # fmt: skip


@cache
def source(is_cpu: bool) -> str:
    texts = [header(is_cpu, "exp", "log")]
    for name, body in BODIES.items():
        names = ("g", "result") if name.endswith("gradient") else ("input",)
        arguments = "".join(f"__global const float *{x}, long {x}_offset, " for x in names)
        body = body.replace("FIRST", ".s0" if is_cpu else "")
        texts.append(_ROWS.format(name=name, arguments=arguments, body=body))
    return "".join(texts)


def _along_rows(xp: Any, name: str, arrays: tuple[Array, ...], dim: int) -> Any:
    first = arrays[0]
    if not takes(*arrays) or not first.shape or dim not in (-1, len(first.shape) - 1):
        return NotImplemented
    n = first.shape[-1]
    global_size, local_size, each = groups(xp, first.size // n, n)
    out = xp.empty(first.shape, first.dtype)
    launch = xp.function(source(xp.is_cpu), name, "Pl" * len(arrays) + "PiiiP")
    buffers, rows = operands(xp, *arrays), first.size // n
    launch(global_size, local_size, *buffers, out.buffer, rows, each, n, xp.shares)
    return out


def softmax(xp: Any, input: Array, dim: int) -> Any:
    return _along_rows(xp, "softmax", (input,), dim)


def log_softmax(xp: Any, input: Array, dim: int) -> Any:
    return _along_rows(xp, "log_softmax", (input,), dim)


def softmax_gradient(xp: Any, g: Array, out: Array, dim: int) -> Any:
    return _along_rows(xp, "softmax_gradient", (g, out), dim)


def log_softmax_gradient(xp: Any, g: Array, out: Array, dim: int) -> Any:
    return _along_rows(xp, "log_softmax_gradient", (g, out), dim)


LEAVES = {
    "softmax": softmax,
    "log_softmax": log_softmax,
    "softmax_gradient": softmax_gradient,
    "log_softmax_gradient": log_softmax_gradient,
}
