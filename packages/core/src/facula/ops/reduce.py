"""Reductions over dimensions."""

from __future__ import annotations

from typing import Any

from facula.ops._op import Namespace, Tensor, leaf, op
from facula.ops.dims import reduced_shape
from facula.ops.rules import reduced, sum_dtype


@leaf(shape=reduced, dtype=sum_dtype)
def sum(xp: Namespace, input: Tensor, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """Sum over `dim` (an int, several, or None for all)."""


def spread(xp: Namespace, g: Any, shape: Any, dim: Any, keepdim: bool) -> Any:
    """The gradient of a reduction, brought back to the shape of its input."""
    if not keepdim:
        g = xp.reshape(g, reduced_shape(shape, dim, True))
    return xp.expand(g, shape)


sum.vjp(input=lambda xp, g, input_shape, input_dtype, dim, keepdim: _spread_sum(xp, g, input_shape, input_dtype, dim, keepdim))


def _spread_sum(xp: Namespace, g: Any, shape: Any, dtype: Any, dim: Any, keepdim: bool) -> Any:
    return spread(xp, g if g.dtype == dtype else xp.cast(g, dtype), shape, dim, keepdim)


@leaf(shape=reduced)
def amax(xp: Namespace, input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """Largest element along `dim`; NaN where there is one. Equal ones share the gradient."""


def _extremum(xp: Namespace, g: Any, input: Any, out: Any, dim: Any, keepdim: bool) -> Any:
    at = xp.cast(xp.eq(input, spread(xp, out, input.shape, dim, keepdim)), g.dtype)
    return spread(xp, g, input.shape, dim, keepdim) * at / xp.sum(at, dim, True)


amax.vjp(input=_extremum)


@op(promote="float")
def mean(xp: Namespace, input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Arithmetic mean over `dim`."""
    out = xp.sum(input, dim, keepdim)
    count = 1
    for n in input.shape:
        count *= n
    rest = 1
    for n in out.shape:
        rest *= n
    return out / (count / rest if rest else 0.0)
