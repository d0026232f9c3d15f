"""Which dtype an operation computes in: PyTorch's rules, owned by the recorder alone.

Tensors with dimensions outrank 0-d tensors, which outrank Python scalars; a lower rank changes the
result only where it is of a higher category (bool < integer < floating point < complex).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from facula.dtypes import (
    BOOL,
    COMPLEX,
    FLOAT,
    FROM_NUMPY,
    HALF,
    INTEGER,
    as_dtype,
    bool_,
    complex64,
    complex128,
    dtype,
    float16,
    float32,
    float64,
    get_default_dtype,
    int16,
    int64,
)  # fmt: skip

_FLOATS = {float16: 1, float32: 2, float64: 3}


@cache
def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest dtype that both convert to, as `torch.promote_types`."""
    a, b = as_dtype(type1), as_dtype(type2)
    if a is b:
        return a
    if a.category > b.category:
        a, b = b, a
    if a.category == BOOL or (a.category == INTEGER and b.category > INTEGER):
        return b
    if b.category == INTEGER:
        return _promote_integers(a, b)
    if b.category == FLOAT:
        if a.dtype in HALF and b.dtype in HALF:
            return float32
        return a if a.itemsize > b.itemsize else b
    if a.category == COMPLEX:
        return complex128
    return complex128 if a is float64 or b is complex128 else complex64


def _promote_integers(a: dtype, b: dtype) -> dtype:
    if a.is_signed == b.is_signed:
        return a if a.itemsize > b.itemsize else b
    unsigned, signed = (b, a) if a.is_signed else (a, b)
    if unsigned.itemsize < signed.itemsize:
        return signed
    if unsigned.itemsize == 1:
        return int16
    raise RuntimeError(
        f"{a} and {b} have no common dtype (PyTorch promotes no uint16, uint32 or uint64 with "
        f"a signed integer of the same or smaller size); convert one of them with .to(dtype)"
    )


def scalar_dtype(value: Any) -> dtype:
    """The dtype that a Python scalar stands for when no tensor says otherwise."""
    kind = value.__class__
    if kind is bool:
        return bool_
    if kind is int:
        return int64
    if kind is float:
        return get_default_dtype()
    if kind is complex:
        return get_default_dtype().to_complex()
    return as_dtype(np.result_type(value))


def result_dtype(tensors: list[Any], scalars: list[Any]) -> dtype:
    """The dtype of an operation over `tensors` (things with `.ndim` and a NumPy `.dtype`) and scalars."""
    ranks: list[dtype | None] = [None, None, None]
    for t in tensors:
        _merge(ranks, 0 if t.ndim else 1, FROM_NUMPY[t.dtype])
    for s in scalars:
        _merge(ranks, 2, scalar_dtype(s))
    dims, zero_dim, scalar = ranks
    return _combine(_combine(dims, zero_dim), scalar) or get_default_dtype()


def _merge(ranks: list[dtype | None], rank: int, d: dtype) -> None:
    old = ranks[rank]
    ranks[rank] = d if old is None else promote_types(old, d)


def _combine(strong: dtype | None, weak: dtype | None) -> dtype | None:
    if strong is None or weak is None:
        return strong or weak
    if weak.category <= strong.category:
        return strong
    if weak.category == COMPLEX and strong.category == FLOAT:
        return strong.to_complex() if strong.dtype not in HALF else complex64
    return promote_types(strong, weak)


def to_float(d: dtype) -> dtype:
    """`d`, or the default dtype where `d` is an integer or bool."""
    return d if d.category >= FLOAT else get_default_dtype()


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether PyTorch lets an in-place operation store a `from_` result in a `to` tensor."""
    a, b = as_dtype(from_), as_dtype(to)
    if a.category == INTEGER and b.category == INTEGER:
        return True
    return a.category <= b.category
