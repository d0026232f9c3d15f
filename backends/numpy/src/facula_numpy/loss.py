"""Losses over classes: picks by index in place of comparisons with every class, and range checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from facula import threads
from facula.errors import OutOfBoundsError
from facula_numpy.activation import PIECE


def _rows(x: Any) -> Any:
    """(N, C, *) as (N * prod(*), C), contiguous."""
    if x.ndim > 2:
        x = np.moveaxis(x, 1, -1)
    return np.ascontiguousarray(x).reshape(-1, x.shape[-1])


def _back(rows: Any, shape: Any) -> Any:
    """The inverse of `_rows` for an array of that shape (N, C, *)."""
    if len(shape) <= 2:  # all of it is no view: a leaf may keep it as it is
        return rows if rows.shape == shape else rows.reshape(shape)
    return np.ascontiguousarray(np.moveaxis(rows.reshape(shape[0], *shape[2:], shape[1]), -1, 1))


def _picked(target: Any, classes: int, weight: Any, ignore_index: int, dtype: Any) -> Any:
    """(class numbers fit to index with, their weights: 0 where ignored, None where all are 1), both flat.

    Raises IndexError for a number out of range that is not `ignore_index`.
    """
    at = target.reshape(-1)
    if not at.size:
        return at, None if weight is None else weight[at]
    low, high = at.min(), at.max()
    if weight is None and low >= 0 and high < classes and not low <= ignore_index <= high:
        return at, None
    ignored = at == ignore_index
    if low < 0 or high >= classes:
        at = np.where(ignored, 0, at)
        bad = at[(at < 0) | (at >= classes)]
        if bad.size:
            raise OutOfBoundsError(
                f"Target {int(bad[0])} is out of bounds: there are {classes} classes (0 to {classes - 1})"
            )
    scale = np.ones(at.shape, dtype) if weight is None else weight[at]
    scale[ignored] = 0
    return at, scale


def _reduced(loss: Any, scale: Any, reduction: str, shape: Any) -> Any:
    if reduction == "none":
        return loss.reshape(shape)
    total = loss.sum()
    if reduction == "mean":
        total = total / (loss.dtype.type(loss.size) if scale is None else scale.sum())
    return np.asarray(total)


def class_nll(input: Any, target: Any, weight: Any, ignore_index: int, reduction: str) -> Any:
    rows = _rows(input)
    at, scale = _picked(target, rows.shape[1], weight, ignore_index, input.dtype)
    loss = rows[np.arange(len(rows)), at] if len(rows) else np.zeros(0, input.dtype)
    loss = -loss if scale is None else np.where(scale == 0, input.dtype.type(0), -loss * scale)
    return _reduced(loss, scale, reduction, target.shape)


def _unit(g: Any, scale: Any, count: int, reduction: str) -> Any:
    if reduction == "mean":
        return g / (g.dtype.type(count) if scale is None else scale.sum())
    return g.reshape(-1) if g.ndim else g


def class_nll_gradient(
    g: Any, target: Any, weight: Any, classes: int, ignore_index: int, reduction: str
) -> Any:
    at, scale = _picked(target, classes, weight, ignore_index, g.dtype)
    out = np.zeros((at.size, classes), g.dtype)
    unit = _unit(np.asarray(g), scale, at.size, reduction)
    out[np.arange(at.size), at] = -unit if scale is None else -scale * unit
    return _back(out, (target.shape[0], classes, *target.shape[1:]))


#: From so many scores on a second thread pays.
THREADED = 1 << 18


def _in_pieces(work: Callable[[int, int], None], n: int, classes: int) -> None:
    """Calls `work(start, end)` for pieces of the rows that stay in the cache, on several threads where it pays."""
    step = max(1, PIECE // max(classes, 1))
    if n <= step:
        return work(0, n) if n else None

    def part(first: int, last: int) -> None:
        for start in range(first, last, step):
            work(start, min(start + step, last))

    if n * classes >= THREADED and threads.get_num_threads() > 1:
        threads.in_parts(part, n, step)
    else:
        part(0, n)
    return None


def class_cross_entropy(
    input: Any, target: Any, weight: Any, ignore_index: int, reduction: str, label_smoothing: float
) -> Any:
    rows = _rows(input)
    n, classes = rows.shape
    at, scale = _picked(target, classes, weight, ignore_index, input.dtype)
    # Numbers of a row stay two, its peak and the rest: added, large ones would lose the digits of the loss.
    peaks, log_sums, dots = np.empty((3, n), input.dtype)
    weights = np.ones(classes, input.dtype) if weight is None else weight

    def work(start: int, end: int) -> None:
        piece, sums = rows[start:end], log_sums[start:end]
        piece.max(1, out=peaks[start:end])
        e = piece - peaks[start:end, None]
        if label_smoothing:
            np.matmul(e, weights, out=dots[start:end])
        np.exp(e, out=e)
        e.sum(1, out=sums)
        np.log(sums, out=sums)

    if classes:
        _in_pieces(work, n, classes)
    loss = log_sums - (rows[np.arange(n), at] - peaks)
    if scale is not None:
        loss *= scale
    if label_smoothing:
        loss *= 1 - label_smoothing
        loss += (log_sums * weights.sum() - dots) * (label_smoothing / classes)
    if scale is not None:
        loss[target.reshape(-1) == ignore_index] = 0
    shape = (input.shape[0], 1, *input.shape[2:])
    total = _reduced(loss, scale, reduction, target.shape)
    return total, peaks.reshape(shape), log_sums.reshape(shape)


def class_cross_entropy_gradient(
    g: Any,
    input: Any,
    target: Any,
    weight: Any,
    peak: Any,
    log_sum: Any,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Any:
    rows = _rows(input)
    n, classes = rows.shape
    at, scale = _picked(target, classes, weight, ignore_index, input.dtype)
    unit = _unit(np.asarray(g), scale, n, reduction)
    own = np.broadcast_to(unit, (n,)) if scale is None else scale * unit
    if label_smoothing:
        own = own * (1 - label_smoothing)
    total, smooth = own, None
    if label_smoothing:
        smooth = np.where(target.reshape(-1) == ignore_index, 0, np.broadcast_to(unit, (n,)))
        smooth = (smooth * (label_smoothing / classes)).astype(input.dtype)
        weights = np.ones(classes, input.dtype) if weight is None else weight
        total = own + smooth * weights.sum()
    out, factors = np.empty_like(rows), total[:, None]
    peaks, log_sums = peak.reshape(-1, 1), log_sum.reshape(-1, 1)

    def work(start: int, end: int) -> None:
        piece = out[start:end]
        np.subtract(rows[start:end], peaks[start:end], out=piece)
        piece -= log_sums[start:end]
        np.exp(piece, out=piece)
        piece *= factors[start:end]
        if smooth is not None:
            piece -= smooth[start:end, None] * weights

    _in_pieces(work, n, classes)
    out[np.arange(n), at] -= own
    return _back(out, input.shape)


KERNELS = {
    "class_nll": class_nll,
    "class_nll_gradient": class_nll_gradient,
    "class_cross_entropy": class_cross_entropy,
    "class_cross_entropy_gradient": class_cross_entropy_gradient,
}
