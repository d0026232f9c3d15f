"""Kernels that write into their arguments: arithmetic without a copy.

A kernel of a method may return NotImplemented for operands that NumPy would cast otherwise than
PyTorch; the tensor then takes the general way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def _fits(target: Any, other: Any) -> bool:
    """Whether `target op= other` is plain: one floating dtype, and a shape that broadcasts to the target's."""
    if target.dtype not in _FLOATS:
        return False
    if other.__class__ is np.ndarray:
        return other.dtype is target.dtype and (
            other.shape == target.shape or _broadcasts(other.shape, target.shape)
        )
    return other.__class__ is float or other.__class__ is int


def _broadcasts(shape: Any, to: Any) -> bool:
    lead = len(to) - len(shape)
    return lead >= 0 and all(n == 1 or n == m for n, m in zip(shape, to[lead:]))


def binary(ufunc: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(target: Any, other: Any, **options: Any) -> Any:
        if options or not _fits(target, other):
            return NotImplemented
        return ufunc(target, other, out=target)

    return kernel


def scaled(ufunc: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(target: Any, other: Any, alpha: Any = 1, **options: Any) -> Any:
        if options or not _fits(target, other) or not isinstance(alpha, (int, float)):
            return NotImplemented
        return ufunc(target, other if alpha == 1 else other * alpha, out=target)

    return kernel


def index_copy_(target: Any, dim: Any, index: Any, source: Any) -> Any:
    """Slices written where they belong, without a copy of what they are written into."""
    if dim.__class__ is not int or not 0 <= dim < target.ndim or index.ndim != 1 or not index.size:
        return NotImplemented
    shape = target.shape
    expected = (*shape[:dim], index.size, *shape[dim + 1 :])
    if source.dtype is not target.dtype or source.shape != expected or index.dtype != np.int64:
        return NotImplemented
    if index.size == 1:  # a cache takes a row
        at = index.item()
        if not 0 <= at < shape[dim]:
            return NotImplemented
        target[(slice(None),) * dim + (slice(at, at + 1),)] = source
        return target
    if index.min() < 0 or index.max() >= shape[dim] or np.may_share_memory(source, target):
        return NotImplemented
    target[(slice(None),) * dim + (index,)] = source
    return target


KERNELS: dict[str, Callable[..., Any]] = {
    "add_": scaled(np.add), "sub_": scaled(np.subtract), "mul_": binary(np.multiply), "div_": binary(np.true_divide),
    "index_copy_": index_copy_,
}  # fmt: skip
