"""Normalisation in pieces that stay in the processor's cache; sums as products with ones, by the BLAS."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from facula.ops.norm import check_groups, check_normalized
from facula_numpy.activation import PIECE


def _layer(input: Any, count: int) -> Any:
    """(rows of normalised elements, their number, rows in a piece)."""
    n = prod(input.shape[input.ndim - count :])
    rows = np.ascontiguousarray(input).reshape(prod(input.shape[: input.ndim - count]), n)
    return rows, n, max(1, PIECE // max(n, 1))


def _flat(x: Any) -> Any:
    return None if x is None else x.reshape(-1)


def native_layer_norm(input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: float) -> Any:
    shape = check_normalized("layer_norm", input, normalized_shape, weight, bias)
    rows, n, step = _layer(input, len(shape))
    lead = (*input.shape[: input.ndim - len(shape)], *[1] * len(shape))
    if 0 < len(rows) <= step and n:
        out, mean, rstd = _layer_piece(rows, n, _flat(weight), _flat(bias), eps)
        return out.reshape(input.shape), mean.reshape(lead), rstd.reshape(lead)
    out = np.empty_like(rows)
    mean, rstd = np.empty((len(rows), 1), input.dtype), np.empty((len(rows), 1), input.dtype)
    ones, w, b = np.ones(n, input.dtype), _flat(weight), _flat(bias)
    for start in range(0, len(rows), step):
        at = slice(start, start + step)
        x, y = rows[at], out[at]
        mean[at, 0] = x @ ones
        mean[at] /= n
        np.subtract(x, mean[at], out=y)
        rstd[at, 0] = np.vecdot(y, y)
        scale = rstd[at]
        scale /= n
        scale += eps
        np.sqrt(scale, out=scale)
        np.divide(1, scale, out=scale)
        y *= scale
        if w is not None:
            y *= w
        if b is not None:
            y += b
    return out.reshape(input.shape), mean.reshape(lead), rstd.reshape(lead)


def _layer_piece(x: Any, n: int, weight: Any, bias: Any, eps: float) -> Any:
    """The same for rows that are one piece, with as few calls as there are."""
    mean = np.add.reduce(x, 1, keepdims=True)
    mean /= n
    out = x - mean
    rstd = np.vecdot(out, out)
    rstd /= n
    rstd += eps
    np.sqrt(rstd, out=rstd)
    np.divide(1, rstd, out=rstd)
    out *= rstd[:, None]
    if weight is not None:
        out *= weight
    if bias is not None:
        out += bias
    return out, mean, rstd


def layer_norm_gradient(g: Any, input: Any, mean: Any, rstd: Any, weight: Any, count: int) -> Any:
    rows, n, step = _layer(input, count)
    grads, out = np.ascontiguousarray(g).reshape(rows.shape), np.empty_like(rows)
    mean, rstd, w = mean.reshape(-1, 1), rstd.reshape(-1, 1), _flat(weight)
    by_row = np.ones(n, input.dtype) if w is None else w
    to_weight, to_bias = np.zeros(n, input.dtype), np.zeros(n, input.dtype)
    for start in range(0, len(rows), step):
        at = slice(start, start + step)
        piece, y, scale = grads[at], out[at], rstd[at]
        centred = rows[at] - mean[at]
        np.multiply(piece, centred, out=y)
        to_bias += np.ones(len(piece), input.dtype) @ piece
        to_weight += scale[:, 0] @ y
        centred *= (y @ by_row)[:, None] * (scale * scale / n)
        by_mean = (piece @ by_row)[:, None] / n
        scaled = piece if w is None else np.multiply(piece, w, out=y)
        np.subtract(scaled, centred, out=y)
        y -= by_mean
        y *= scale
    shape = input.shape[input.ndim - count :]
    return out.reshape(input.shape), to_weight.reshape(shape), to_bias.reshape(shape)


def _groups(input: Any, groups: int) -> Any:
    """(rows of groups, channels in a group, rows in a piece)."""
    n, channels = input.shape[:2]
    size = prod(input.shape[1:]) // groups
    rows = np.ascontiguousarray(input).reshape(n * groups, size)
    return rows, channels // groups, max(1, PIECE // max(size, 1))


def _per_row(x: Any, samples: int, groups: int) -> Any:
    """A vector of channels as (samples * groups, channels in a group)."""
    return np.tile(x.reshape(groups, x.size // groups), (samples, 1))


def group_norm_fused(input: Any, weight: Any, bias: Any, num_groups: int, eps: float) -> Any:
    check_groups(input, num_groups, weight, bias)
    rows, width, step = _groups(input, num_groups)
    (count, size), samples = rows.shape, input.shape[0]
    out = np.empty_like(rows)
    mean, rstd = np.empty((count, 1), input.dtype), np.empty((count, 1), input.dtype)
    ones = np.ones(size, input.dtype)
    w = None if weight is None else _per_row(weight, samples, num_groups)
    b = None if bias is None else _per_row(bias, samples, num_groups)[..., None]
    for start in range(0, count, step):
        at = slice(start, start + step)
        y, scale = out[at], rstd[at]
        mean[at, 0] = rows[at] @ ones
        mean[at] /= size
        np.subtract(rows[at], mean[at], out=y)
        scale[:, 0] = np.vecdot(y, y)
        scale /= size
        scale += eps
        np.sqrt(scale, out=scale)
        np.divide(1, scale, out=scale)
        if w is None:
            y *= scale
        channels = y.reshape(len(y), width, size // max(width, 1))
        if w is not None:
            channels *= (w[at] * scale)[..., None]
        if b is not None:
            channels += b[at]
    shape = (samples, num_groups, 1)
    return out.reshape(input.shape), mean.reshape(shape), rstd.reshape(shape)


def group_norm_gradient(g: Any, input: Any, mean: Any, rstd: Any, weight: Any) -> Any:
    groups = mean.shape[1]
    rows, width, step = _groups(input, groups)
    (count, size), samples = rows.shape, input.shape[0]
    grads, out = np.ascontiguousarray(g).reshape(rows.shape), np.empty_like(rows)
    mean, rstd = mean.reshape(-1, 1), rstd.reshape(-1, 1)
    # Sums over the positions of each channel of each sample: all other sums are made of these.
    sums, products = np.zeros((count, width), g.dtype), np.zeros((count, width), g.dtype)
    w = np.ones((count, width), g.dtype) if weight is None else _per_row(weight, samples, groups)
    ones = np.ones(size // max(width, 1), g.dtype)
    for start in range(0, count if size else 0, step):
        at = slice(start, start + step)
        piece, y, scale = grads[at], out[at], rstd[at]
        centred = rows[at] - mean[at]
        np.multiply(piece, centred, out=y)
        shape = (len(y), width, size // max(width, 1))
        sums[at] = piece.reshape(shape) @ ones
        products[at] = y.reshape(shape) @ ones
        slope = np.vecdot(products[at], w[at])[:, None] * (scale * scale * scale / size)
        shift = np.vecdot(sums[at], w[at])[:, None] * (scale / size)
        np.multiply(piece.reshape(shape), (w[at] * scale)[..., None], out=y.reshape(shape))
        centred *= slope
        centred += shift
        y -= centred
    if size:  # no statistics of nothing
        products *= rstd
    to_weight, to_bias = (x.reshape(samples, groups * width).sum(0) for x in (products, sums))
    return out.reshape(input.shape), to_weight, to_bias


def _channel_sums(x: Any, y: Any = None) -> Any:
    """Sums over all but dimension 1 of (N, C, S), of `x` or of `x * y`."""
    if x.shape[2] == 1:
        flat = x[..., 0]
        return (
            np.ones(len(flat), x.dtype) @ flat
            if y is None
            else np.einsum("nc,nc->c", flat, y[..., 0])
        )
    if y is None:
        return (x @ np.ones(x.shape[2], x.dtype)).sum(0)
    return np.vecdot(x, y).sum(0)


def _channel_rows(x: Any) -> Any:
    """(N, C, *) as (N, C, S), contiguous."""
    return np.ascontiguousarray(x).reshape(x.shape[0], x.shape[1], prod(x.shape[2:]))


def batch_norm_train(input: Any, weight: Any, bias: Any, eps: float) -> Any:
    x = _channel_rows(input)
    n = x.shape[0] * x.shape[2]
    mean = _channel_sums(x) / n
    out = x - mean[:, None]
    var = _channel_sums(out, out) / n
    scale = 1 / np.sqrt(var + eps)
    out *= (scale if weight is None else scale * weight)[:, None]
    if bias is not None:
        out += bias[:, None]
    return out.reshape(input.shape), mean, var


def batch_norm_gradient(g: Any, input: Any, mean: Any, var: Any, weight: Any, eps: float) -> Any:
    x, grads = _channel_rows(input), _channel_rows(g)
    n = x.shape[0] * x.shape[2]
    rstd = 1 / np.sqrt(var + eps)
    out = x - mean[:, None]
    to_bias = _channel_sums(grads)
    to_weight = _channel_sums(grads, out) * rstd
    out *= (-rstd * to_weight / n)[:, None]
    out += grads
    out -= (to_bias / n)[:, None]
    out *= (rstd if weight is None else rstd * weight)[:, None]
    return out.reshape(input.shape), to_weight, to_bias


def channel_sums(g: Any, input: Any, mean: Any) -> Any:
    grads = _channel_rows(g)
    return _channel_sums(grads), _channel_sums(grads, _channel_rows(input) - mean[:, None])


KERNELS = {
    "native_layer_norm": native_layer_norm,
    "layer_norm_gradient": layer_norm_gradient,
    "group_norm_fused": group_norm_fused,
    "group_norm_gradient": group_norm_gradient,
    "batch_norm_train": batch_norm_train,
    "batch_norm_gradient": batch_norm_gradient,
    "channel_sums": channel_sums,
}
