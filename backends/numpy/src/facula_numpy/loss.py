"""Losses over classes: picks by index in place of comparisons with every class, and range checks."""

from __future__ import annotations

from typing import Any

import numpy as np

from facula_numpy.activation import PIECE


def _rows(x: Any) -> Any:
    """(N, C, *) as (N * prod(*), C), contiguous."""
    if x.ndim > 2:
        x = np.moveaxis(x, 1, -1)
    return np.ascontiguousarray(x).reshape(-1, x.shape[-1])


def _back(rows: Any, shape: Any) -> Any:
    """The inverse of `_rows` for an array of that shape (N, C, *)."""
    if len(shape) <= 2:
        return rows.reshape(shape)
    return np.ascontiguousarray(np.moveaxis(rows.reshape(shape[0], *shape[2:], shape[1]), -1, 1))


def _picked(target: Any, classes: int, weight: Any, ignore_index: int, dtype: Any) -> Any:
    """(class numbers fit to index with, their weights: 0 where ignored), both flat.

    Raises IndexError for a number out of range that is not `ignore_index`.
    """
    at = target.reshape(-1)
    ignored = at == ignore_index
    if at.size:
        low, high = at.min(), at.max()
        if low < 0 or high >= classes:
            at = np.where(ignored, 0, at)
            bad = at[(at < 0) | (at >= classes)]
            if bad.size:
                raise IndexError(
                    f"Target {int(bad[0])} is out of bounds: there are {classes} classes (0 to {classes - 1})"
                )
    scale = np.ones(at.shape, dtype) if weight is None else weight[at]
    scale[ignored] = 0
    return at, scale


def _reduced(loss: Any, scale: Any, reduction: str, shape: Any) -> Any:
    if reduction == "none":
        return loss.reshape(shape)
    return np.asarray(loss.sum() / scale.sum() if reduction == "mean" else loss.sum())


def class_nll(input: Any, target: Any, weight: Any, ignore_index: int, reduction: str) -> Any:
    rows = _rows(input)
    at, scale = _picked(target, rows.shape[1], weight, ignore_index, input.dtype)
    loss = rows[np.arange(len(rows)), at] if len(rows) else np.zeros(0, input.dtype)
    loss = np.where(scale == 0, input.dtype.type(0), -loss * scale)
    return _reduced(loss, scale, reduction, target.shape)


def _unit(g: Any, scale: Any, reduction: str) -> Any:
    return g / scale.sum() if reduction == "mean" else g.reshape(-1) if g.ndim else g


def class_nll_gradient(
    g: Any, target: Any, weight: Any, classes: int, ignore_index: int, reduction: str
) -> Any:
    at, scale = _picked(target, classes, weight, ignore_index, g.dtype)
    out = np.zeros((at.size, classes), g.dtype)
    out[np.arange(at.size), at] = -scale * _unit(np.asarray(g), scale, reduction)
    return _back(out, (target.shape[0], classes, *target.shape[1:]))


def class_cross_entropy(
    input: Any, target: Any, weight: Any, ignore_index: int, reduction: str, label_smoothing: float
) -> Any:
    rows = _rows(input)
    n, classes = rows.shape
    at, scale = _picked(target, classes, weight, ignore_index, input.dtype)
    logsumexp = np.empty((n, 1), input.dtype)
    step = max(1, PIECE // max(classes, 1))
    for start in range(0, n if classes else 0, step):
        piece = rows[start : start + step]
        peak = piece.max(1, keepdims=True)
        e = piece - peak
        np.exp(e, out=e)
        logsumexp[start : start + step] = np.log(e.sum(1, keepdims=True)) + peak
    each = logsumexp[:, 0]
    loss = (each - rows[np.arange(n), at]) * scale
    if label_smoothing:
        loss *= 1 - label_smoothing
        weights = np.ones(classes, input.dtype) if weight is None else weight
        loss += (each * weights.sum() - rows @ weights) * (label_smoothing / classes)
    loss[target.reshape(-1) == ignore_index] = 0
    shape = (input.shape[0], 1, *input.shape[2:])
    return _reduced(loss, scale, reduction, target.shape), logsumexp.reshape(shape)


def class_cross_entropy_gradient(
    g: Any,
    input: Any,
    target: Any,
    weight: Any,
    logsumexp: Any,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Any:
    rows = _rows(input)
    n, classes = rows.shape
    at, scale = _picked(target, classes, weight, ignore_index, input.dtype)
    unit = _unit(np.asarray(g), scale, reduction)
    own = scale * unit * (1 - label_smoothing)
    total, smooth = own, None
    if label_smoothing:
        smooth = np.where(target.reshape(-1) == ignore_index, 0, np.broadcast_to(unit, (n,)))
        smooth = (smooth * (label_smoothing / classes)).astype(input.dtype)
        weights = np.ones(classes, input.dtype) if weight is None else weight
        total = own + smooth * weights.sum()
    out = np.empty_like(rows)
    sums, step = logsumexp.reshape(-1, 1), max(1, PIECE // max(classes, 1))
    for start in range(0, n, step):
        end = start + step
        piece = out[start:end]
        np.subtract(rows[start:end], sums[start:end], out=piece)
        np.exp(piece, out=piece)
        piece *= total[start:end, None]
        if smooth is not None:
            piece -= smooth[start:end, None] * weights
    out[np.arange(n), at] -= own
    return _back(out, input.shape)


KERNELS = {
    "class_nll": class_nll,
    "class_nll_gradient": class_nll_gradient,
    "class_cross_entropy": class_cross_entropy,
    "class_cross_entropy_gradient": class_cross_entropy_gradient,
}
