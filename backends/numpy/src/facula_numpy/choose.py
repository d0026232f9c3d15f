"""Elementwise choice by bit masks: on random masks `np.where` mispredicts a branch per element."""

from __future__ import annotations

from typing import Any

import numpy as np

#: The integers with the bits of each dtype that this pays for.
INTEGERS = {
    np.dtype(np.float32): np.dtype(np.int32),
    np.dtype(np.float64): np.dtype(np.int64),
    np.dtype(np.int32): np.dtype(np.int32),
    np.dtype(np.int64): np.dtype(np.int64),
}
#: Below this many elements the three passes cost more calls than they save.
SMALL = 2048


def _bits(x: Any, dtype: Any, integer: Any) -> Any:
    return np.asarray(x, dtype).view(integer)


def select_where(condition: Any, input: Any, other: Any) -> Any:
    """`input` where `condition`, else `other`."""
    dtype = getattr(input, "dtype", None) or getattr(other, "dtype", None)
    integer = INTEGERS.get(dtype)
    if condition.size < SMALL or integer is None or condition.dtype.kind != "b":
        out = np.where(condition, input, other)
        return (
            out if out.dtype is dtype else out.astype(dtype)
        )  # a number would make bfloat16 float64
    mask = condition.astype(integer)
    np.negative(mask, out=mask)
    a, b = _bits(input, dtype, integer), _bits(other, dtype, integer)
    if not b.shape and b == 0 and mask.shape == np.broadcast_shapes(mask.shape, a.shape):
        mask &= a
        return mask.view(dtype)
    out = np.asarray(a ^ b)
    if out.shape == mask.shape or (
        out.ndim and mask.shape == np.broadcast_shapes(mask.shape, out.shape)
    ):
        mask &= out
        mask ^= b
        return mask.view(dtype)
    out = out & mask
    out ^= b
    return out.view(dtype)


KERNELS = {"select_where": select_where}
