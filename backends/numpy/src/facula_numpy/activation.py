"""Activations without temporaries, in pieces that stay in the processor's cache."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from facula_numpy.choose import INTEGERS, SMALL
from facula_numpy.error_function import erf_into

#: Elements in a piece: with its temporaries it fits a 1 MB second-level cache.
PIECE = 1 << 15
SINGLE = np.dtype(np.float32)


def in_pieces(function: Callable[..., None]) -> Callable[..., Any]:
    """Runs `function(out, *arrays, *options)` on pieces of equal, contiguous arrays.

    The first argument tells the shape; arrays of another shape or order are taken whole.
    """

    def kernel(first: Any, *rest: Any) -> Any:
        out = np.empty_like(first)
        if not rest and first.size <= PIECE:
            function(out, first)
            return out
        arrays = [first, *(x for x in rest if isinstance(x, np.ndarray))]
        options = rest[len(arrays) - 1 :]
        if first.size <= PIECE or not all(
            x.flags.c_contiguous and x.shape == first.shape for x in arrays
        ):
            function(out, *arrays, *options)
            return out
        flat, target = [x.reshape(-1) for x in arrays], out.reshape(-1)
        for start in range(0, first.size, PIECE):
            end = start + PIECE
            function(target[start:end], *[x[start:end] for x in flat], *options)
        return out

    return kernel


def _sigmoid(out: Any, x: Any) -> None:
    np.negative(x, out=out)
    np.exp(out, out=out)
    out += 1
    np.divide(1, out, out=out)


def _silu(out: Any, x: Any) -> None:
    _sigmoid(out, x)
    out *= x


def _silu_gradient(out: Any, g: Any, x: Any) -> None:
    s = np.empty_like(x)
    _sigmoid(s, x)
    np.subtract(1, s, out=out)
    out *= x
    out += 1
    out *= s
    out *= g


def _cubic(out: Any, x: Any, square: float) -> None:
    """`sqrt(2 / pi) * (1 + square * x**2)`"""
    np.multiply(x, x, out=out)
    out *= square * math.sqrt(2 / math.pi)
    out += math.sqrt(2 / math.pi)


def _gelu_tanh(out: Any, x: Any) -> None:
    _cubic(out, x, 0.044715)
    out *= x
    np.tanh(out, out=out)
    out += 1
    out *= x
    out *= 0.5


def _gelu_tanh_gradient(out: Any, g: Any, x: Any) -> None:
    t, slope = np.empty_like(x), np.empty_like(x)
    _cubic(t, x, 0.044715)
    t *= x
    np.tanh(t, out=t)
    _cubic(slope, x, 3 * 0.044715)
    slope *= x
    np.multiply(t, t, out=out)
    np.subtract(1, out, out=out)
    out *= slope
    out += t
    out += 1
    out *= 0.5
    out *= g


def gelu_kernels(erf: Callable[..., Any]) -> dict[str, dict[str, Callable[..., Any]]]:
    """GELU and its gradient; `erf` serves the dtypes other than float32."""

    def cdf_twice(out: Any, x: Any) -> None:
        """`1 + erf(x / sqrt(2))`"""
        x = x * math.sqrt(0.5)
        if out.dtype is SINGLE:
            erf_into(out, x)
        else:
            out[...] = erf(x)
        out += 1

    def exact(out: Any, x: Any) -> None:
        cdf_twice(out, x)
        out *= x
        out *= 0.5

    def exact_gradient(out: Any, g: Any, x: Any) -> None:
        density = np.multiply(x, x, out=np.empty_like(x))
        density *= -0.5
        np.exp(density, out=density)
        density *= x
        density *= math.sqrt(2 / math.pi)
        cdf_twice(out, x)
        out += density
        out *= 0.5
        out *= g

    ways = {"none": in_pieces(exact), "tanh": in_pieces(_gelu_tanh)}
    gradients = {"none": in_pieces(exact_gradient), "tanh": in_pieces(_gelu_tanh_gradient)}
    return {"forward": ways, "backward": gradients}


def rectify_gradient(g: Any, out: Any) -> Any:
    """`g` where `out` is positive (or NaN), else 0, by bit masks."""
    integer = INTEGERS.get(g.dtype)
    if integer is None or g.size < SMALL:
        return np.where(np.less_equal(out, 0), g.dtype.type(0), g)
    mask = np.less_equal(out, 0).astype(integer)
    mask -= 1
    mask &= g.view(integer)
    return mask.view(g.dtype)


# ---- softmax


def _rows(x: Any) -> Any:
    """A contiguous array as rows of its last dimension, and how many of them make a piece."""
    rows = np.ascontiguousarray(x).reshape(-1, x.shape[-1])
    return rows, max(1, PIECE // max(x.shape[-1], 1))


def _by_rows(function: Callable[..., None], general: Callable[..., Any]) -> Callable[..., Any]:
    """`function(out, *arrays)` on pieces of rows where `dim` is the last, else `general(*arrays, dim)`."""

    def kernel(first: Any, *rest: Any) -> Any:
        *others, dim = rest
        if not first.ndim or dim not in (-1, first.ndim - 1) or not first.size:
            return general(first, *rest)
        out = np.empty(first.shape, first.dtype)
        target = out.reshape(-1, first.shape[-1])
        rows, step = _rows(first)
        arrays = [rows, *(_rows(x)[0] for x in others)]
        for start in range(0, len(rows), step):
            function(target[start : start + step], *[x[start : start + step] for x in arrays])
        return out

    return kernel


def _sums(x: Any) -> Any:
    """Sums of rows, as a column, by the BLAS: a third of the time of `x.sum(-1)`."""
    return np.matmul(x, np.ones((x.shape[1], 1), x.dtype))


def _softmax(out: Any, x: Any) -> None:
    np.subtract(x, x.max(-1, keepdims=True), out=out)
    np.exp(out, out=out)
    out /= _sums(out)


def _softmax_general(x: Any, dim: int) -> Any:
    if not x.size:
        return x.copy()
    e = np.asarray(np.subtract(x, x.max(dim if x.ndim else None, keepdims=True)))
    np.exp(e, out=e)
    e /= e.sum(dim if x.ndim else None, keepdims=True)
    return e


def _softmax_gradient(result: Any, g: Any, out: Any) -> None:
    np.subtract(g, np.vecdot(g, out)[..., None], out=result)
    result *= out


def _softmax_gradient_general(g: Any, out: Any, dim: int) -> Any:
    result = np.asarray(g * out)
    total = result.sum(dim if g.ndim else None, keepdims=True)
    np.subtract(g, total, out=result)
    result *= out
    return result


def _log_softmax(out: Any, x: Any) -> None:
    np.subtract(x, x.max(-1, keepdims=True), out=out)
    out -= np.log(_sums(np.exp(out)))


def _log_softmax_general(x: Any, dim: int) -> Any:
    if not x.size:
        return x.copy()
    out = np.asarray(np.subtract(x, x.max(dim if x.ndim else None, keepdims=True)))
    out -= np.log(np.exp(out).sum(dim if x.ndim else None, keepdims=True))
    return out


def _log_softmax_gradient(result: Any, g: Any, out: Any) -> None:
    np.exp(out, out=result)
    result *= _sums(g)
    np.subtract(g, result, out=result)


def _log_softmax_gradient_general(g: Any, out: Any, dim: int) -> Any:
    return np.asarray(g - np.exp(out) * g.sum(dim if g.ndim else None, keepdims=True))


def kernels(backend: Any, general_erf: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """`general_erf` serves the dtypes other than float32."""
    ways = gelu_kernels(general_erf)
    single_erf = in_pieces(erf_into)

    def erf(input: Any) -> Any:
        return single_erf(input) if input.dtype is SINGLE else general_erf(input)

    def gelu(input: Any, approximate: str = "none") -> Any:
        if approximate not in ways["forward"]:
            raise RuntimeError(
                f"approximate argument must be either none or tanh, got {approximate!r}"
            )
        if input.dtype.kind != "f":
            raise RuntimeError(
                f"gelu: not implemented for {input.dtype}; it needs a floating-point input"
            )
        return ways["forward"][approximate](input)

    def gelu_gradient(g: Any, input: Any, approximate: str) -> Any:
        return ways["backward"][approximate](g, input)

    def floating(name: str, kernel: Callable[..., Any]) -> Callable[..., Any]:
        def checked(input: Any, dim: int) -> Any:
            if input.dtype.kind not in "fcV":
                raise RuntimeError(
                    f"{name}: not implemented for {input.dtype}; it needs a floating-point input"
                )
            return kernel(input, dim)

        return checked

    return {
        "erf": erf,
        "sigmoid": in_pieces(_sigmoid),
        "silu": _checked_silu(in_pieces(_silu)),
        "silu_gradient": in_pieces(_silu_gradient),
        "gelu": gelu,
        "gelu_gradient": gelu_gradient,
        "rectify_gradient": rectify_gradient,
        "softmax": floating("softmax", _by_rows(_softmax, _softmax_general)),
        "softmax_gradient": _by_rows(_softmax_gradient, _softmax_gradient_general),
        "log_softmax": floating("log_softmax", _by_rows(_log_softmax, _log_softmax_general)),
        "log_softmax_gradient": _by_rows(_log_softmax_gradient, _log_softmax_gradient_general),
    }


def _checked_silu(kernel: Callable[..., Any]) -> Callable[..., Any]:
    def silu(input: Any) -> Any:
        if input.dtype.kind not in "fc":
            raise RuntimeError(
                f"silu: not implemented for {input.dtype}; it needs a floating-point input"
            )
        return kernel(input)

    return silu
