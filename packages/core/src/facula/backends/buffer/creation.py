"""Arrays from nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from facula.backends.buffer.array import BufferArray
from facula.backends.buffer.elementwise import copy_into, map_into
from facula.dtypes import F64, I64


def full(xp: Any, size: Any, fill_value: Any, dtype: Any) -> BufferArray:
    out = xp.empty(size, dtype)
    copy_into(xp, out, fill_value)
    return out  # type: ignore[no-any-return]


def sequence(xp: Any, start: Any, step: Any, count: int, dtype: Any) -> BufferArray:
    out = xp.empty((count,), dtype)
    is_integer = isinstance(start, int) and isinstance(step, int)
    map_into(xp, out, "a + b * index", (start, step), I64 if is_integer else F64)
    return out  # type: ignore[no-any-return]


def cast(xp: Any, input: BufferArray, dtype: Any) -> BufferArray:
    out = xp.empty(input.shape, np.dtype(dtype))
    copy_into(xp, out, input)
    return out  # type: ignore[no-any-return]


def empty(xp: Any, size: Any, dtype: Any) -> BufferArray:
    return type(xp).empty(xp, size, dtype)  # type: ignore[no-any-return]


LEAVES = {
    "full": full, "sequence": sequence, "cast": cast, "empty": empty, "clone": lambda xp, input: xp.copy(input),
}  # fmt: skip
