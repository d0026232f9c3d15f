"""Normalisation in pieces that stay in the processor's cache; sums as products with ones, by the BLAS."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from facula.ops.norm import check_normalized
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
    lead = (*input.shape[: input.ndim - len(shape)], *[1] * len(shape))
    return out.reshape(input.shape), mean.reshape(lead), rstd.reshape(lead)


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


KERNELS = {
    "native_layer_norm": native_layer_norm,
    "layer_norm_gradient": layer_norm_gradient,
    "batch_norm_train": batch_norm_train,
    "batch_norm_gradient": batch_norm_gradient,
}
