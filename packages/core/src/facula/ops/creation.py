"""Tensors from nothing, and changes of dtype or device."""

from __future__ import annotations

from typing import Any

import numpy as np

from facula.dtypes import category
from facula.ops._op import Namespace, Tensor, leaf, op
from facula.ops.rules import same


@leaf(creation=True, shape=lambda size, fill_value, dtype: size, dtype=lambda size, fill_value, dtype: dtype)
def full(xp: Namespace, size: Any, fill_value: Any, dtype: Any) -> Tensor:
    """A tensor of shape `size` filled with `fill_value`."""


@leaf(creation=True, shape=lambda start, step, count, dtype: (count,), dtype=lambda start, step, count, dtype: dtype)
def sequence(xp: Namespace, start: Any, step: Any, count: int, dtype: Any) -> Tensor:
    """`start + i * step` for i from 0 to `count - 1`."""


@leaf(shape=same, dtype=lambda input, dtype: dtype, arithmetic=False, holomorphic=False, method=False)
def cast(xp: Namespace, input: Tensor, dtype: Any) -> Tensor:
    """`input` in another dtype (a NumPy dtype). Complex to real drops the imaginary part."""


def _cast_rule(xp: Any, g: Any, input_dtype: Any) -> Any:
    return xp.cast(g, input_dtype)


cast.vjp(input=_cast_rule)


@leaf(shape=same, arithmetic=False)
def clone(xp: Namespace, input: Tensor) -> Tensor:
    """A copy with memory of its own."""


clone.vjp(input=lambda xp, g: g)


@op(arithmetic=False, method=False)
def to_backend(xp: Namespace, input: Tensor, backend: Any) -> Tensor:
    """`input` copied to another device's backend."""
    return backend.asarray(np.asarray(xp.to_numpy(input)))


def floating(dtype: Any) -> bool:
    return category(dtype) >= 2
