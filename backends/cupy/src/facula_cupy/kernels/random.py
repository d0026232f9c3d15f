"""Uniform and normal numbers in one kernel: Philox 4x64-10 and core's polynomials, the CPU's bits.

A thread makes the numbers of one block of four words (`facula/random.py` defines them). The compiler is told not to
contract a * b + c, and to round division and roots correctly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from facula.dtypes import F32, F64
from facula.ops import random as definition
from facula.ops._op import OPS
from facula.random import MULTIPLIERS, WEYL
from facula_cupy.kernels.text import SUFFIX
from facula_cupy.launch import THREADS, blocks


def _horner(coefficients: tuple[float, ...], suffix: str) -> str:
    text = f"{coefficients[-1]!r}{suffix}"
    for c in coefficients[-2::-1]:
        text = f"({text} * s + {c!r}{suffix})"
    return text


def _normal(t: str) -> str:
    """The inverse of the normal distribution function (`ops/random.py`), of `unit` in [0, 1)."""
    double = t == "double"
    bits, roots = (53, definition.ROOTS_64) if double else (24, definition.ROOTS_32)
    shift = definition.SHIFT_64 if double else definition.SHIFT_32
    numerator = definition.NUMERATOR_64 if double else definition.NUMERATOR_32
    denominator = definition.DENOMINATOR_64 if double else definition.DENOMINATOR_32
    f = "" if double else "f"
    root = "s = sqrt(s); " * roots
    return f"""
static __device__ {t} normal_{t}({t} unit)
{{
    {t} w = unit * 2.0{f} - {1 - 2.0**-bits!r}{f};
    {t} s = (1.0{f} - w) * (1.0{f} + w);
    {root}
    s = s - {shift!r}{f};
    return {_horner(numerator, f)} / {_horner(denominator, f)} * w;
}}
"""


PHILOX = f"""
typedef unsigned long long word;
struct Block {{ word w[4]; }};
// Block number `at` of key (seed, 0): ten rounds of two products of 64 bits.
static __device__ Block philox(word seed, word low, word high, word at)
{{
    word c0 = low + at, c1 = high + (c0 < low), c2 = 0, c3 = 0, k0 = seed, k1 = 0;
    for (int round = 0; round < 10; ++round) {{
        word first = __umul64hi({MULTIPLIERS[0]}ull, c0), second = __umul64hi({MULTIPLIERS[1]}ull, c2);
        word left = {MULTIPLIERS[0]}ull * c0, right = {MULTIPLIERS[1]}ull * c2;
        c0 = second ^ c1 ^ k0; c1 = right; c2 = first ^ c3 ^ k1; c3 = left;
        k0 += {WEYL[0]}ull; k1 += {WEYL[1]}ull;
    }}
    Block out = {{{{c0, c1, c2, c3}}}};
    return out;
}}
"""

_KERNEL = """
extern "C" __global__ void draw_T(T *out, long long count, word seed, word low, word high, int normal)
{
    for (long long b = (long long)blockIdx.x * blockDim.x + threadIdx.x; b * PER < count;
         b += (long long)gridDim.x * blockDim.x) {
        Block made = philox(seed, low, high, b + 1);
        for (int k = 0; k < PER && b * PER + k < count; ++k) {
            T unit = UNIT;
            out[b * PER + k] = normal ? normal_T(unit) : unit;
        }
    }
}
"""
_HALVES = "(float)((unsigned)(made.w[k / 2] >> (k % 2 * 32)) >> 8) * 0x1p-24f"
_WORDS = "(double)(made.w[k] >> 11) * 0x1p-53"

SOURCE = PHILOX + "".join(
    _normal(t) + _KERNEL.replace("UNIT", unit).replace("PER", per).replace("_T", f"_{t}").replace("T ", f"{t} ")
    for t, per, unit in (("float", "8", _HALVES), ("double", "4", _WORDS))
)  # fmt: skip


def kernels(backend: Any) -> dict[str, Callable[..., Any]]:
    """The kernels by op name."""

    def drawn(name: str, normal: int) -> Callable[..., Any]:
        def kernel(key: Any, size: Any, dtype: Any) -> Any:
            if dtype is not F32 and dtype is not F64:
                return OPS[name].body(backend, key, size, dtype)  # type: ignore[misc]
            out = backend.library.empty(tuple(size), dtype)
            count = math.prod(size)
            if count:
                launch = backend.function(SOURCE, f"draw_{SUFFIX[dtype]}", "PlLLLi")
                low, high = key.offset & (2**64 - 1), key.offset >> 64
                per_block = 4 if dtype is F64 else 8
                grid = blocks(-(-count // per_block))
                launch(grid, THREADS, out, count, key.seed, low, high, normal)
            return out

        return kernel

    return {"rand": drawn("rand", 0), "randn": drawn("randn", 1)}


def inplace(backend: Any) -> dict[str, Callable[..., Any]]:
    """None."""
    return {}
