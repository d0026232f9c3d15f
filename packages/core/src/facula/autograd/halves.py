"""float16 and bfloat16: an op on them computes in float32 and rounds once, by a cast there and back or by a kernel of its own.

The kernels under a backend's `halves` are given them as they are, and round: products, for which some CPUs have instructions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from facula.dtypes import F32, HALF, bfloat16, float16
from facula.ops._op import OPS, Op

#: Ops whose rules make each gradient by one op, so that its rounding is the gradient's.
_ONE_EACH = frozenset((
    "matmul", "linear", "convolution", "convolution_weight_grad", "relu", "gelu", "silu", "sigmoid",
))  # fmt: skip
#: Composed ops whose body checks its arguments and makes one product, which rounds.
ONE_PRODUCT = frozenset((
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "mm", "bmm", "mv",
))  # fmt: skip


def rules_take_halves(backend: Any, op: Op, half: Any) -> bool:
    """Whether the rules of `op` are to be run on `Halves`, not on float32: no CPU has products of float16."""
    return half == bfloat16.dtype and op.name in _ONE_EACH and op.name in backend.halves


def half_kernel(backend: Any, op: Op) -> Callable[..., Any]:
    """The kernel of `op` for arguments some of which are halves; a float32 result is still to be rounded."""
    found = backend.halves.get(op.name) or widening(backend, op.name)
    return _powers(backend, found) if op.name == "pow" else found


def with_halves(backend: Any, name: str, kernel: Callable[..., Any]) -> None:
    """Gives a backend a kernel for halves, which answers NotImplemented to what it does not do."""
    otherwise = widening(backend, name)

    def call(*args: Any) -> Any:
        result = kernel(*args)
        return otherwise(*args) if result is NotImplemented else result

    backend.halves[name] = call


def widening(backend: Any, name: str) -> Callable[..., Any]:
    """The kernel of that name on float32 in place of halves."""

    def call(*args: Any, **named: Any) -> Any:
        return getattr(backend, name)(*[single(backend, a) for a in args], **named)

    return call


def _powers(xp: Any, power: Callable[..., Any]) -> Callable[..., Any]:
    """`power`, in which -inf and -0.0 have C's pow where float16 is raised to the number 0.5 or -0.5.

    All other floats take a root there, as in PyTorch: nan and -0.0 to 0.5, nan and -inf to -0.5.
    """

    def call(input: Any, exponent: Any) -> Any:
        is_root = exponent.__class__ is float and abs(exponent) == 0.5
        if is_root and input.dtype == float16.dtype:
            x = single(xp, input)
            input = xp.add(xp.select_where(xp.gt(x, -math.inf), x, xp.abs(x)), 0.0)
        return power(input, exponent)

    return call


def single(xp: Any, x: Any) -> Any:
    """An array, or a tuple of arrays, with float32 in place of halves; anything else as it is."""
    if isinstance(x, tuple):
        return tuple(single(xp, y) for y in x)
    return xp.cast(x, F32) if _is_half(x) else x


def _is_half(x: Any) -> bool:
    """Whether it is an array of halves, not a dtype, which has `shape` or `dtype` too."""
    return getattr(x, "dtype", None) in HALF and hasattr(x, "shape")


class Halves:
    """A backend for rules that are products: each op takes halves and gives them."""

    def __init__(self, backend: Any):
        self.backend = backend

    def __getattr__(self, name: str) -> Any:
        op = OPS.get(name)
        found = getattr(self.backend, name)
        if op is not None and op.arithmetic:
            found = partial(self._run, op)
        setattr(self, name, found)
        return found

    def by_rows(self, function: Any, shape: Any, columns: Any, options: Any = ()) -> Any:
        return function(self, *columns, *options)

    def _run(self, op: Op, *args: Any, **named: Any) -> Any:
        half = next((x.dtype for x in args if _is_half(x)), None)
        result = half_kernel(self.backend, op)(*args, **named)
        return result if half is None or result.dtype is not F32 else self.backend.cast(result, half)  # fmt: skip
