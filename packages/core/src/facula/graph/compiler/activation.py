"""GELU and its gradient of float32 as one function each of the library, cheaper than erf and the exponential that they are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from facula.backends.buffer.elementwise import map_into
from facula.dtypes import F32


def kernel(xp: Any, op: Any) -> Callable[..., Any] | None:
    """The kernel of an op for a device that takes notes; None where it has none."""
    make = {"gelu": _gelu, "gelu_gradient": _gelu_gradient}.get(op.name)
    return None if make is None else make(xp, op)


def _gelu(xp: Any, op: Any) -> Callable[..., Any]:
    def run(input: Any, approximate: str = "none") -> Any:
        if approximate != "none" or input.dtype is not F32:
            return op.body(xp, input, approximate)
        return _map(xp, "gelu(a)", input)

    return run


def _gelu_gradient(xp: Any, op: Any) -> Callable[..., Any]:
    def run(g: Any, input: Any, approximate: str) -> Any:
        if approximate != "none" or input.dtype is not F32 or g.dtype is not F32:
            return op.body(xp, g, input, approximate)
        return _map(xp, "a * gelu_slope(b)", g, input)

    return run


def _map(xp: Any, expression: str, *inputs: Any) -> Any:
    """A new array of the expression, that lies as the last input does."""
    out = xp.empty_as(inputs[-1])
    map_into(xp, out, expression, inputs, F32)
    return out
