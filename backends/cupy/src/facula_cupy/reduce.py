"""Reductions by CuPy's array methods, which add in trees and propagate NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from facula.backends.array.index import dense
from facula.backends.array.reduce import axes


def _axis(input: Any, dim: Any) -> Any:
    return axes(dim) if input.ndim else None


def sum(input: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    return _whole("sum", input, dim, keepdim, dtype)


def prod(input: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    return _whole("prod", input, dim, keepdim, dtype)


def _whole(name: str, input: Any, dim: Any, keepdim: bool, dtype: Any) -> Any:
    if dtype is None and input.dtype.kind in "iub":
        dtype = np.dtype(np.int64)
    reduced = getattr(input, name)(axis=_axis(input, dim), dtype=dtype, keepdims=keepdim)
    return dense(reduced)


def _method(name: str) -> Callable[..., Any]:
    def kernel(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        return dense(getattr(input, name)(axis=_axis(input, dim), keepdims=keepdim))

    return kernel


def _position(name: str) -> Callable[..., Any]:
    def kernel(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        axis = dim if input.ndim else None
        if (
            axis is None
        ):  # CuPy takes the first of equals row by row only where the order is row-major
            input = dense(input)
        return dense(getattr(input, name)(axis=axis, keepdims=keepdim))

    return kernel


def kernels() -> dict[str, Callable[..., Any]]:
    """The kernels by op name."""
    return {
        "sum": sum, "prod": prod, "amax": _method("max"), "amin": _method("min"), "any": _method("any"),
        "all": _method("all"), "argmax": _position("argmax"), "argmin": _position("argmin"),
    }  # fmt: skip
