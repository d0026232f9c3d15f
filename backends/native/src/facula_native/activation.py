"""Activations and their gradients, choice and dropout: one pass over float32, by loops of our own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from facula.autograd.halves import with_halves
from facula.backends.array.elementwise import powers_base
from facula.dtypes import B8, F32
from facula_native import units
from facula_native.elementwise import own, threaded
from facula_native.halves import looped
from facula_native.rows import takes_small

Kernel = Callable[..., Any]
#: What an element costs, in additions.
LIGHT, HEAVY = 1, 8


def loop(name: str, chars: str, work: int) -> Any:
    """The ufunc of a loop of sources/elementwise.c."""
    return own("elementwise", name, chars, work)


def _takes(x: Any) -> bool:
    return x.dtype is F32 and x.size >= units.SMALL


def _one(name: str, work: int = HEAVY) -> Callable[[Any, Kernel], Kernel]:
    """The wrapper of an op of one tensor."""

    def make(backend: Any, below: Kernel) -> Kernel:
        def kernel(input: Any) -> Any:
            ufunc = takes_small(input) and loop(name, "ff", work)
            return np.asarray(ufunc(input)) if ufunc else below(input)

        with_halves(backend, name, partial(looped, name, work))
        return kernel

    return make


def _two(name: str, work: int = HEAVY) -> Callable[[Any, Kernel], Kernel]:
    """The wrapper of a gradient: of what comes from above, and the input or the output."""

    def make(backend: Any, below: Kernel) -> Kernel:
        def kernel(g: Any, other: Any) -> Any:
            fits = takes_small(g) and other.dtype is F32
            ufunc = fits and loop(name, "fff", work)
            return np.asarray(ufunc(g, other)) if ufunc else below(g, other)

        with_halves(backend, name, partial(looped, name, work))
        return kernel

    return make


def relu(backend: Any, below: Kernel) -> Kernel:
    with_halves(backend, "relu", partial(looped, "relu", LIGHT))
    return below


_WAYS = {"none": "gelu", "tanh": "gelu_tanh"}


def gelu(backend: Any, below: Kernel) -> Kernel:
    def kernel(input: Any, approximate: str = "none") -> Any:
        ufunc = (
            takes_small(input) and approximate in _WAYS and loop(_WAYS[approximate], "ff", HEAVY)
        )
        return np.asarray(ufunc(input)) if ufunc else below(input, approximate)

    def halves(input: Any, approximate: str = "none") -> Any:
        way = _WAYS.get(approximate)
        return NotImplemented if way is None else looped(way, HEAVY, input)

    with_halves(backend, "gelu", halves)
    return kernel


def gelu_gradient(backend: Any, below: Kernel) -> Kernel:
    def kernel(g: Any, input: Any, approximate: str) -> Any:
        fits = takes_small(g) and input.dtype is F32
        ufunc = fits and loop(f"{_WAYS[approximate]}_gradient", "fff", HEAVY)
        return np.asarray(ufunc(g, input)) if ufunc else below(g, input, approximate)

    def halves(g: Any, input: Any, approximate: str) -> Any:
        return looped(f"{_WAYS[approximate]}_gradient", HEAVY, g, input)

    with_halves(backend, "gelu_gradient", halves)
    return kernel


def logistic_nll(backend: Any, below: Kernel) -> Kernel:
    def kernel(input: Any, target: Any, pos_weight: Any = None) -> Any:
        fits = pos_weight is None and _takes(input) and target.dtype is F32
        ufunc = fits and loop("logistic_nll", "fff", HEAVY)
        return np.asarray(ufunc(input, target)) if ufunc else below(input, target, pos_weight)

    return kernel


def select_where(backend: Any, below: Kernel) -> Kernel:
    def kernel(condition: Any, input: Any, other: Any) -> Any:
        if (
            condition.size >= units.SMALL
            and condition.dtype is B8
            and F32 is _shared_dtype(input, other)
        ):
            ufunc = loop("where", "?fff", LIGHT)
            if ufunc is not None:
                return np.asarray(ufunc(condition, input, other))
        return below(condition, input, other)

    return kernel


def _shared_dtype(a: Any, b: Any) -> Any:
    """The dtype of both, one of which may be a number; None where they differ."""
    first, second = getattr(a, "dtype", None), getattr(b, "dtype", None)
    if first is None or second is None:
        number = a if first is None else b
        return (first or second) if isinstance(number, (int, float)) else None
    return first if first is second else None


def drop(backend: Any, below: Kernel) -> Kernel:
    def kernel(input: Any, keep: Any, scale: float) -> Any:
        ufunc = _takes(input) and keep.dtype is B8 and loop("drop", "f?ff", LIGHT)
        return np.asarray(ufunc(input, keep, scale)) if ufunc else below(input, keep, scale)

    return kernel


#: Powers that a few cheap loops give, each rounded once or twice, as PyTorch takes them.
_ROOTS_AND_PRODUCTS: dict[float, Callable[[Any, Any], Any]] = {
    0.5: lambda xp, x: xp.sqrt(x),
    -0.5: lambda xp, x: xp.div(np.ones((), x.dtype), xp.sqrt(x)),
    2.0: lambda xp, x: xp.mul(x, x),
    3.0: lambda xp, x: xp.mul(xp.mul(x, x), x),
    -1.0: lambda xp, x: xp.div(np.ones((), x.dtype), x),
}


def pow(backend: Any, below: Kernel) -> Kernel:
    def kernel(input: Any, exponent: Any) -> Any:
        if (
            input.__class__ is not np.ndarray
            or not _takes(input)
            or getattr(exponent, "dtype", F32) is not F32
        ):
            return below(input, exponent)
        if exponent.__class__ is float and exponent in _ROOTS_AND_PRODUCTS:
            return np.asarray(_ROOTS_AND_PRODUCTS[exponent](backend, input))
        if exponent.__class__ is np.ndarray:
            input = powers_base(np, input, exponent)
        return np.asarray(threaded(np.power)(input, exponent))

    return kernel


WRAPPERS: dict[str, Callable[[Any, Kernel], Kernel]] = {
    "erf": _one("erf"),
    "relu": relu,
    "sigmoid": _one("sigmoid"),
    "silu": _one("silu"),
    "gelu": gelu,
    "silu_gradient": _two("silu_gradient"),
    "gelu_gradient": gelu_gradient,
    "tanh_gradient": _two("tanh_gradient", LIGHT),
    "sigmoid_gradient": _two("sigmoid_gradient", LIGHT),
    "rectify_gradient": _two("rectify_gradient", LIGHT),
    "logistic_nll": logistic_nll,
    "select_where": select_where,
    "drop": drop,
    "pow": pow,
}
