"""Dimensions, shapes and strides: the arithmetic that op definitions and shape rules share."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any


def wrap_dim(dim: int, ndim: int) -> int:
    """`dim` counted from the front; a 0-d tensor is taken to have one dimension, as in PyTorch."""
    n = max(ndim, 1)
    if not -n <= dim < n:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})"
        )
    return dim % n


def wrap_dims(dim: Any, ndim: int) -> tuple[int, ...]:
    """All of `dim` (None: every dimension; an int; a sequence), counted from the front, no repeats."""
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        return tuple(range(ndim))
    if isinstance(dim, int):
        return (wrap_dim(dim, ndim),) if ndim else _checked_scalar(dim)
    dims = tuple(wrap_dim(int(d), ndim) for d in dim)
    if len(set(dims)) != len(dims):
        raise RuntimeError(f"dim appears multiple times in the list of dims {list(dim)}")
    return dims if ndim else ()


def _checked_scalar(dim: int) -> tuple[int, ...]:
    wrap_dim(dim, 0)
    return ()


def row_major(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides, in elements, of a contiguous array."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def broadcast_shapes(*shapes: Sequence[int]) -> tuple[int, ...]:
    """The shape that all broadcast to. Raises RuntimeError naming the sizes that do not fit."""
    ndim = max(map(len, shapes), default=0)
    out = [1] * ndim
    for shape in shapes:
        for i, n in enumerate(shape, ndim - len(shape)):
            if n != 1 and out[i] not in (1, n):
                raise RuntimeError(
                    f"shapes {' and '.join(str(tuple(s)) for s in shapes)} cannot be broadcast together: "
                    f"sizes {out[i]} and {n} at dimension {i} differ and neither is 1"
                )
            if n != 1:
                out[i] = n
    return tuple(out)


def as_size(size: Any) -> tuple[int, ...]:
    """Varargs of a shape (`2, 3` or `(2, 3)`) as one tuple of ints."""
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = size[0]
    return tuple(map(int, size))


def infer_size(size: Sequence[int], numel: int, given: Sequence[int]) -> tuple[int, ...]:
    """`size` with its -1 worked out. Raises RuntimeError where the elements don't fit."""
    if min(size, default=0) >= 0 and prod(size) == numel:
        return tuple(size)
    known = 1
    for n in size:
        if n < -1:
            raise RuntimeError(f"invalid shape dimension {n} in {list(size)}")
        known *= n if n != -1 else 1
    holes = list(size).count(-1)
    if holes > 1:
        raise RuntimeError(f"only one dimension can be inferred, shape {list(size)} has {holes}")
    if holes and known == 0:
        raise RuntimeError(
            f"cannot reshape tensor of {numel} elements into shape {list(size)}: -1 can be any size"
        )
    if numel != known and not (holes and known and numel % known == 0):
        raise RuntimeError(
            f"shape '{list(size)}' is invalid for input of size {numel} (input shape {tuple(given)})"
        )
    return tuple(numel // known if n == -1 else n for n in size)


def view_strides(
    shape: Sequence[int], strides: Sequence[int], size: Sequence[int]
) -> tuple[int, ...] | None:
    """Strides of a reshape that needs no copy, or None: the one place where this is decided."""
    if 0 in shape:
        return row_major(size)
    blocks: list[
        list[int]
    ] = []  # runs of dimensions that memory order joins: [elements, last stride]
    for n, s in zip(shape, strides):
        if n == 1:
            continue
        if blocks and blocks[-1][1] == n * s:
            blocks[-1] = [blocks[-1][0] * n, s]
        else:
            blocks.append([n, s])
    out: list[int] = []
    for n in reversed(size):
        if n == 1:
            out.append(out[-1] if out else 1)
            continue
        if not blocks or blocks[-1][0] % n:
            return None
        left, step = blocks[-1]
        out.append(step)
        blocks[-1] = [left // n, step * n]
        if blocks[-1][0] == 1:
            blocks.pop()
    return tuple(reversed(out))


def reduced_shape(shape: Sequence[int], dim: Any, keepdim: bool) -> tuple[int, ...]:
    dims = wrap_dims(dim, len(shape))
    return tuple(1 if i in dims else n for i, n in enumerate(shape) if keepdim or i not in dims)
