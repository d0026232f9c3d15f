"""Padding. Pads are given from the last dimension backwards, as (left, right, top, bottom, ...)."""

from __future__ import annotations

from typing import Any

from facula.ops._op import Namespace, Tensor, op
from facula.ops.shape import slice as slice_op
from facula.testing.samples import call

_MODES = ("constant", "reflect", "replicate", "circular")


def _by_dim(pad: Any, ndim: int) -> list[tuple[int, int, int]]:
    """(dimension, before, after) for each padded dimension."""
    return [(ndim - 1 - i, pad[2 * i], pad[2 * i + 1]) for i in range(len(pad) // 2)]


def cropped(xp: Namespace, x: Any, pad: Any) -> Any:
    """A view of `x` without what negative pads cut off."""
    for dim, before, after in _by_dim(pad, len(x.shape)):
        if before < 0 or after < 0:
            x = xp.slice(x, dim, max(-before, 0), x.shape[dim] + min(after, 0), 1)
    return x


def check_pad(input: Any, pad: Any) -> None:
    ndim = len(input.shape)
    if len(pad) % 2:
        raise RuntimeError(
            f"pad: padding length must be divisible by 2, but got {len(pad)} values: {list(pad)}"
        )
    if len(pad) > 2 * ndim:
        raise RuntimeError(
            f"pad: padding length should be less than or equal to two times the input dimension, but got "
            f"{len(pad)} values for an input of {ndim} dimensions (shape {tuple(input.shape)})"
        )
    for dim, before, after in _by_dim(pad, ndim):
        n = input.shape[dim]
        if n + before + after < 0 or n + min(before, 0) + min(after, 0) < 0:
            raise RuntimeError(
                f"pad: the input size {n} of dimension {dim}, plus negative padding {before} and {after}, resulted in "
                f"a negative output size, which is invalid"
            )


@op(arithmetic=False, method=False)
def constant_pad_nd(xp: Namespace, input: Tensor, pad: Any, value: Any = 0) -> Tensor:
    """`input` with `value` around it; `pad` counts from the last dimension, negative pads crop.

    Raises RuntimeError for an odd number of pads, more than two a dimension, or a negative result size.
    """
    check_pad(input, pad)
    x = cropped(xp, input, pad)
    if all(n <= 0 for n in pad):
        return xp.clone(x)
    shape, chain = list(x.shape), []
    for dim, before, after in _by_dim(pad, len(shape)):
        start = max(before, 0)
        chain.append((slice_op, (dim, start, start + shape[dim], 1)))
        shape[dim] += start + max(after, 0)
    return xp.write_view(xp.full(tuple(shape), value, input.dtype), x, tuple(chain))


constant_pad_nd.vjp(input=lambda xp, g, pad: xp.constant_pad_nd(g, tuple(-n for n in pad), 0))


@constant_pad_nd.public
def constant_pad_nd(input: Any, pad: Any, value: Any = 0) -> Any:
    return constant_pad_nd.call(input, tuple(pad), value)


@constant_pad_nd.sample
def constant_pad_nd(make: Any) -> Any:
    yield call(make(2, 3), (1, 2))
    yield call(make(2, 3, 2), (1, 0, 0, 2), 1.5)
    yield call(make(4, 5), (-1, 2, 1, -2))
    yield call(make(0, 3), (1, 1))


@op(arithmetic=False, method=False)
def pad(
    xp: Namespace, input: Tensor, pad: Any, mode: str = "constant", value: Any = None
) -> Tensor:
    """`input` with its last dimensions extended: by `value`, or by what it holds itself.

    `mode`: 'constant'; 'reflect' mirrors without repeating the edge; 'replicate' repeats the edge;
    'circular' goes round. All but 'constant' pad the last 1 to 3 dimensions of a tensor that has one
    (channels) or two (batch, channels) more. Negative pads crop.
    """
    if mode == "constant":
        return xp.constant_pad_nd(input, pad, 0 if value is None else value)
    _check_mode(input, pad, mode, value)
    x = cropped(xp, input, pad) if mode == "circular" else input
    for dim, before, after in _by_dim(pad, len(input.shape)):
        if before > 0 or after > 0:
            x = _EXTEND[mode](xp, x, dim, max(before, 0), max(after, 0))
    if mode != "circular":  # the others see what is cut off as well
        x = cropped(xp, x, pad)
    return xp.clone(x) if all(n <= 0 for n in pad) else xp.contiguous(x)


@pad.public
def pad(input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    return _pad.call(input, tuple(int(n) for n in pad), mode, value)


_pad = pad


def _check_mode(input: Any, pad: Any, mode: str, value: Any) -> None:
    if mode not in _MODES:
        raise NotImplementedError(
            f"pad: unrecognised padding mode {mode!r}; it is one of {', '.join(_MODES)}"
        )
    if value not in (None, 0):
        raise ValueError(
            f"pad: padding mode {mode!r} doesn't take in value argument, but got value={value}"
        )
    check_pad(input, pad)
    ndim, n = len(input.shape), len(pad) // 2
    if n not in (1, 2, 3) or ndim not in (n + 1, n + 2):
        raise NotImplementedError(
            f"pad: mode {mode!r} pads the last 1, 2 or 3 dimensions of a tensor with one or two more dimensions; "
            f"got {len(pad)} pads for input shape {tuple(input.shape)}"
        )
    for dim, before, after in _by_dim(pad, ndim):
        _check_reach(input.shape, dim, before, after, mode)


def _check_reach(shape: Any, dim: int, before: int, after: int, mode: str) -> None:
    n = shape[dim]
    if 0 in shape[1:]:
        raise RuntimeError(
            f"pad: mode {mode!r} needs non-zero sizes in all but the batch dimension, got {tuple(shape)}"
        )
    most = {"reflect": n - 1, "circular": n}.get(mode)
    if most is not None and max(before, after) > most:
        raise RuntimeError(
            f"pad: mode {mode!r} can take at most {most} elements from dimension {dim} of size {n}, but the padding is "
            f"({before}, {after}); input shape {tuple(shape)}"
        )
    if n + before + after < 1:
        raise RuntimeError(
            f"pad: dimension {dim} of size {n} with padding ({before}, {after}) would be empty"
        )


def _replicate(xp: Namespace, x: Any, dim: int, before: int, after: int) -> Any:
    n = x.shape[dim]

    def edge(at: int, count: int) -> Any:
        size = (*x.shape[:dim], count, *x.shape[dim + 1 :])
        return xp.expand(xp.slice(x, dim, at, at + 1, 1), size)

    return _between(xp, edge(0, before), x, edge(n - 1, after), dim)


def _reflect(xp: Namespace, x: Any, dim: int, before: int, after: int) -> Any:
    n = x.shape[dim]
    left = xp.flip(xp.slice(x, dim, 1, before + 1, 1), (dim,))
    right = xp.flip(xp.slice(x, dim, n - 1 - after, n - 1, 1), (dim,))
    return _between(xp, left, x, right, dim)


def _circular(xp: Namespace, x: Any, dim: int, before: int, after: int) -> Any:
    n = x.shape[dim]
    left, right = xp.slice(x, dim, n - before, n, 1), xp.slice(x, dim, 0, after, 1)
    return _between(xp, left, x, right, dim)


def _between(xp: Namespace, left: Any, x: Any, right: Any, dim: int) -> Any:
    return xp.join(tuple(part for part in (left, x, right) if part.shape[dim]), dim)


_EXTEND = {"reflect": _reflect, "replicate": _replicate, "circular": _circular}


@pad.sample
def pad(make: Any) -> Any:
    yield call(make(2, 3), (1, 2), "constant", 0.5)
    for mode in _MODES[1:]:
        yield call(make(2, 5), (2, 1), mode)
        yield call(make(1, 2, 3, 4), (1, 2, 0, 1), mode=mode)
        yield call(make(1, 3, 4), (-1, 2), mode=mode)
    yield call(make(1, 2, 2, 3), (2, 0, 1, 1, 0, 1), "replicate")
