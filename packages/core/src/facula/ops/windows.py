"""Sliding windows: what convolution, pooling and `im2col` share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from facula.ops._op import Namespace, Tensor, op
from facula.ops.shape import slice as slice_op


def tuple_of(value: Any, n: int, op_name: str, argument: str) -> tuple[int, ...]:
    """An int, or a sequence of 1 or `n` ints, as `n` ints. Raises RuntimeError otherwise."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if len(values) not in (1, n):
        raise RuntimeError(
            f"{op_name}: expected {argument} to be a single integer value or a list of {n} values to match the "
            f"{n} spatial dimension{'s' if n > 1 else ''}, but got {argument}={list(values)}"
        )
    if not all(hasattr(v, "__index__") for v in values):
        raise TypeError(
            f"{op_name}: {argument} must be an int or a tuple of ints, but got {value!r}"
        )
    values = tuple(v.__index__() for v in values)
    return values * n if len(values) == 1 else values


def hashable(value: Any) -> Any:
    """A list as a tuple: options are looked up in caches."""
    return tuple(value) if isinstance(value, list) else value


def span(kernel: int, dilation: int) -> int:
    """How many elements a window reaches over."""
    return (kernel - 1) * dilation + 1


def windows(
    xp: Namespace, x: Any, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Any:
    """A view (..., *out, *kernel) of `x` (..., *spatial): every window of its last dimensions."""
    n = len(kernel)
    first = len(x.shape) - n
    for i, (k, s, d) in enumerate(zip(kernel, stride, dilation)):
        x = xp.unfold(x, first + i, span(k, d), s)
        if d > 1:
            last = len(x.shape) - 1
            x = xp.slice(x, last, 0, x.shape[last], d)
    return x


@op(method=False)
def fold_windows(
    xp: Namespace, input: Tensor, size: Any, kernel: Any, stride: Any, dilation: Any
) -> Tensor:
    """The adjoint of `windows`: sums `input` (..., *out, *kernel) into a tensor (..., *size).

    Element o of `out` under kernel element k goes to o * stride + k * dilation.
    """
    n = len(kernel)
    lead = len(input.shape) - 2 * n
    shape = (*input.shape[:lead], *size)
    total = xp.full(shape, 0, input.dtype)
    for offset in _offsets(kernel):
        part = input
        for k in reversed(offset):
            part = xp.select(part, len(part.shape) - 1, k)
        part_of = []
        for i, (k, s, d) in enumerate(zip(offset, stride, dilation)):
            count = input.shape[lead + i]
            stop = k * d + (count - 1) * s + 1 if count else k * d
            part_of.append((slice_op, (lead + i, k * d, stop, s)))
        total = total + xp.write_view(xp.full(shape, 0, input.dtype), part, tuple(part_of))
    return total


def _offsets(kernel: Sequence[int]) -> list[tuple[int, ...]]:
    out: list[tuple[int, ...]] = [()]
    for k in kernel:
        out = [(*o, i) for o in out for i in range(k)]
    return out


fold_windows.vjp(
    input=lambda xp, g, kernel, stride, dilation: windows(xp, g, kernel, stride, dilation)
)
