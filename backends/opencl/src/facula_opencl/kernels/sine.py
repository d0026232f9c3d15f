"""Sine and cosine of contiguous float32 on CPU-type devices: quarters of a turn are taken off in float64.

For |x| up to 32,768 that is exact enough with pi / 2 in two parts (33 bits and the rest); vectors with a larger
element go through core's function, which knows 2 / pi to 288 bits, lane by lane.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from facula_opencl.kernels.rows import PIECE, Array, header, operands, takes

_WORDS = f"""
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#define PIECE {PIECE}
#define ROUNDER 6755399441055744.0
"""
_KERNEL = """
ROW_KERNEL void map_{name}(__global const float *input, long input_at, __global float *out, int size, SHARES) {{
  const int begin = GROUP * PIECE, n = min(PIECE, size - begin);
  __global const float *from = input + input_at + begin;
  out += begin;
  EACH(i, n) {{
    const V x = get(from + i, n - i, 0.0f);
    V result;
    if (any(fabs(x) > 32768.0f)) {{
      result = {slow}(x);
    }} else {{
      const double16 wide = convert_double16(x), turns = (wide * 0.6366197723675814 + ROUNDER) - ROUNDER;
      const double16 left = (wide - turns * 1.5707963267341256) - turns * 6.077100506506192e-11;
      const V near = convert_float16(left), lost = convert_float16(left - convert_double16(near));
      const int16 quarter = convert_int16(turns);
      const V s = SIN_NEAR(near, lost), c = COS_NEAR(near, lost);
      result = {pick};
      result = as_float16(as_int16(result) ^ (({sign} & 2) << 30));
      {zero}
    }}
    put(result, out + i, n - i);
  }}
}}
"""
_PARTS = {
    "sin": {"slow": "SIN", "pick": "(quarter & 1) != 0 ? c : s", "sign": "quarter", "zero": "result = x == 0.0f ? x : result;"},
    "cos": {"slow": "COS", "pick": "(quarter & 1) != 0 ? s : c", "sign": "(quarter + 1)", "zero": ""},
}  # fmt: skip


@cache
def source() -> str:
    kernels = [_KERNEL.format(name=name, **parts) for name, parts in _PARTS.items()]
    return header(True, "sin", "cos", "sin_near", "cos_near") + _WORDS + "".join(kernels)


def _kernel(name: str) -> Callable[..., Any]:
    def run(xp: Any, input: Array) -> Any:
        if not (isinstance(input, xp.Array) and takes(input)) or not _suits(xp):
            return NotImplemented
        out = xp.empty(input.shape, input.dtype)
        launch = xp.function(source(), f"map_{name}", "PlPiP")
        groups = -(-input.size // PIECE)
        launch((groups,), (1,), *operands(xp, input), out.buffer, input.size, xp.shares)
        return out

    return run


def _suits(xp: Any) -> bool:
    return xp.is_cpu and "float64" in xp.dtypes


LEAVES = {name: _kernel(name) for name in _PARTS}
