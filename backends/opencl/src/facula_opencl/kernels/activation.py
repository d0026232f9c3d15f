"""Elementwise functions of contiguous float32, whole formulas in one pass: 16 elements at a time on CPU-type devices."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from facula_opencl.kernels.rows import ITEMS, PIECE, Array, header, operands, takes

#: Name: an expression in x, or in g (what comes back) and x.
PLAIN = {name: f"{name.upper()}(x)" for name in ("exp", "expm1", "log", "log1p", "tanh", "erf", "erfc")}  # fmt: skip
_CUBIC = "0.797884561f * x * (1.0f + 0.044715f * x * x)"
FORMULAS = PLAIN | {
    "sigmoid": "1.0f / (1.0f + EXP(-x))",
    "silu": "x / (1.0f + EXP(-x))",
    "gelu_none": "GELU(x)",
    "gelu_tanh": f"0.5f * x * (1.0f + TANH({_CUBIC}))",
}
GRADIENTS = {
    "silu_gradient": "const V s = 1.0f / (1.0f + EXP(-x)); result = g * s * (1.0f + x * (1.0f - s));",
    "gelu_none_gradient": "result = g * GELU_SLOPE(x);",
    "gelu_tanh_gradient": f"""\
const V t = TANH({_CUBIC});
    result = g * 0.5f * (1.0f + t + x * (1.0f - t * t) * 0.797884561f * (1.0f + 0.134145f * x * x));""",
}
_KERNEL = """
ROW_KERNEL void map_{name}({arguments}__global float *out, int size, SHARES) {{
  const int begin = GROUP * PIECE, n = min(PIECE, size - begin);
  out += begin;
{pointers}  EACH(i, n) {{
{loads}    V result;
    {statement}
    put(result, out + i, n - i);
  }}
}}
"""


@cache
def source(is_cpu: bool) -> str:
    functions = ("exp", "expm1", "log", "log1p", "tanh", "erf", "erfc", "gelu", "gelu_slope")
    texts = [header(is_cpu, *functions), f"#define PIECE {PIECE}\n"]
    texts += [_kernel(name, ("x",), f"result = {text};") for name, text in FORMULAS.items()]
    texts += [_kernel(name, ("g", "x"), text) for name, text in GRADIENTS.items()]
    return "".join(texts)


def _kernel(name: str, inputs: tuple[str, ...], statement: str) -> str:
    return _KERNEL.format(
        name=name,
        arguments="".join(f"__global const float *in_{x}, long {x}_at, " for x in inputs),
        pointers="".join(f"  in_{x} += {x}_at + begin;\n" for x in inputs),
        loads="".join(f"    const V {x} = get(in_{x} + i, n - i, 1.0f);\n" for x in inputs),
        statement=statement,
    )


def run(xp: Any, name: str, *arrays: Array) -> Any:
    """A kernel above, or NotImplemented for other dtypes, layouts and what is small."""
    first = arrays[0]
    if not takes(*arrays) or any(x.shape != first.shape for x in arrays):
        return NotImplemented
    out = xp.empty(first.shape, first.dtype)
    items = 1 if xp.is_cpu else ITEMS
    launch = xp.function(source(xp.is_cpu), f"map_{name}", "Pl" * len(arrays) + "PiP")
    groups = -(-first.size // PIECE)
    buffers = operands(xp, *arrays)
    launch((groups * items,), (items,), *buffers, out.buffer, first.size, xp.shares)
    return out


def gelu(xp: Any, input: Array, approximate: str = "none") -> Any:
    return run(xp, f"gelu_{approximate}", input) if approximate in ("none", "tanh") else NotImplemented  # fmt: skip


def gelu_gradient(xp: Any, g: Array, input: Array, approximate: str) -> Any:
    return run(xp, f"gelu_{approximate}_gradient", g, input)


def silu_gradient(xp: Any, g: Array, input: Array) -> Any:
    return run(xp, "silu_gradient", g, input)


def _of_one(name: str) -> Callable[..., Any]:
    def kernel(xp: Any, input: Any) -> Any:
        return run(xp, name, input) if isinstance(input, xp.Array) else NotImplemented

    return kernel


LEAVES = {name: _of_one(name) for name in (*PLAIN, "sigmoid", "silu")} | {
    "gelu": gelu,
    "gelu_gradient": gelu_gradient,
    "silu_gradient": silu_gradient,
}
