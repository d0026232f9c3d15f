"""Fractional max-pooling: windows at random places (B. Graham, 2014, arXiv:1412.6071)."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from facula.ops._op import Namespace, Tensor, op
from facula.ops.adaptive_pool import adaptive_max_rule
from facula.ops.pool import check_input, draw_spaced, flat_planes
from facula.ops.windows import tuple_of
from facula.testing.samples import call


def _fractional(
    xp: Namespace, n: int, input: Any, kernel_size: Any, output_size: Any, output_ratio: Any, return_indices: bool,
    samples: Any,
) -> Any:  # fmt: skip
    name = f"fractional_max_pool{n}d"
    kernel = tuple_of(kernel_size, n, name, "kernel_size")
    if (output_size is None) == (output_ratio is None):
        raise ValueError(f"{name}: exactly one of output_size and output_ratio must be given")
    check_input(name, n, input)
    plane = tuple(input.shape[-n:])
    if output_size is None:
        ratios = output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * n
        output_size = tuple(int(s * r) for s, r in zip(plane, ratios))
    out = tuple_of(output_size, n, name, "output_size")
    if any(o < 1 or o + k - 1 > s - (n == 3) for o, k, s in zip(out, kernel, plane)):
        raise RuntimeError(
            f"{name}: output_size {out} and kernel_size {kernel} need more than the input's plane {plane}: a size plus "
            f"the kernel's minus 1 must not exceed it (for 3D input, be less)"
        )
    both = xp.fractional_max_pool(input, samples, kernel, out)
    return tuple(both) if return_indices else both[0]


def _places(n: int, input: Any) -> Any:
    """The random numbers that decide where windows go: (N, C, n)."""
    from facula import rand  # which itself needs the ops

    lead = tuple(input.shape[:2]) if len(input.shape) == n + 2 else (1, input.shape[0])
    return rand(*lead, n, dtype=input.dtype, device=input.device)


@op(method=False, arithmetic=False, outputs=("values", "indices"))
def fractional_max_pool(
    xp: Namespace, input: Tensor, samples: Tensor, kernel: Any, size: Any
) -> Tensor:
    """Maximum over windows whose places `samples` (N, C, n) in [0, 1) decide, and where it was found.

    Graham, "Fractional max-pooling" (2014), in PyTorch's pseudorandom form.
    """
    n = len(kernel)
    lead, plane = input.shape[: len(input.shape) - n], tuple(input.shape[len(input.shape) - n :])
    index = None
    for i, (s, o, k) in enumerate(zip(plane, size, kernel)):
        # PyTorch's 2-D form takes the samples x first, its 3-D form depth first.
        draw = xp.select(samples, 2, n - 1 - i if n == 2 else i)
        start = _random_starts(xp, xp.reshape(draw, (*lead, 1)), s, o, k)
        at = xp.unsqueeze(start, len(lead) + 1) + xp.asarray(np.arange(k))
        if index is None:
            index = at
            continue
        rows, columns = index.shape[len(lead) :], at.shape[len(lead) :]
        wide = xp.reshape(index * s, (*lead, rows[0], 1, rows[1], 1)) + xp.reshape(
            at, (*lead, 1, columns[0], 1, columns[1])
        )
        index = xp.reshape(wide, (*lead, rows[0] * columns[0], rows[1] * columns[1]))
    every = xp.reshape(index, (*lead, prod(size) * prod(kernel)))
    x = xp.reshape(
        xp.gather(flat_planes(xp, input, n), len(lead), every), (*lead, prod(size), prod(kernel))
    )
    at = xp.argmax(x, len(lead) + 1, True)
    where = xp.reshape(xp.gather(index, len(lead) + 1, at), (*lead, *size))
    return xp.plane_take(input, where, plane), where


def _random_starts(xp: Namespace, draw: Any, size: int, out: int, kernel: int) -> Any:
    """First positions (*lead, out) of windows, the last one flush with the end."""
    long = np.dtype(np.int64)
    if out == 1:
        return xp.cast(draw * 0.0, long) + (size - kernel)
    alpha = (size - kernel) / (out - 1)
    steps = xp.cast(xp.asarray(np.arange(out - 1)), draw.dtype)
    start = xp.cast((steps + draw) * alpha, long) - xp.cast(draw * alpha, long)
    last = xp.cast(draw * 0.0, long) + (size - kernel)
    return xp.join((start, last), len(start.shape) - 1)


fractional_max_pool.vjp(input=adaptive_max_rule)


@op(method=False, arithmetic=False, random=True)
def fractional_max_pool2d(
    xp: Namespace, input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
    return_indices: bool = False, _random_samples: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Maximum over windows at random places of `input` (N, C, H, W) or (C, H, W), as many as `output_size`."""
    args = kernel_size, output_size, output_ratio, return_indices, _random_samples
    return _fractional(xp, 2, input, *args)


@fractional_max_pool2d.public
def fractional_max_pool2d(
    input: Any, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Any = None,
) -> Any:  # fmt: skip
    samples = _places(2, input) if _random_samples is None else _random_samples
    return _fractional2d.call(
        input, kernel_size, output_size, output_ratio, return_indices, samples
    )


_fractional2d = fractional_max_pool2d


@op(method=False, arithmetic=False, random=True)
def fractional_max_pool3d(
    xp: Namespace, input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
    return_indices: bool = False, _random_samples: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Maximum over windows at random places of `input` (N, C, D, H, W), as many as `output_size`."""
    args = kernel_size, output_size, output_ratio, return_indices, _random_samples
    return _fractional(xp, 3, input, *args)


@fractional_max_pool3d.public
def fractional_max_pool3d(
    input: Any, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Any = None,
) -> Any:  # fmt: skip
    samples = _places(3, input) if _random_samples is None else _random_samples
    return _fractional3d.call(
        input, kernel_size, output_size, output_ratio, return_indices, samples
    )


_fractional3d = fractional_max_pool3d


@fractional_max_pool.sample
def fractional_max_pool(make: Any) -> Any:
    yield call(draw_spaced(make, 1, 2, 5, 4), make.of([[[0.3, 0.8], [0.1, 0.6]]]), (2, 2), (3, 2))


@fractional_max_pool2d.sample
def fractional_max_pool2d(make: Any) -> Any:
    samples = make.of([[[0.3, 0.8], [0.1, 0.6]]])
    yield call(
        draw_spaced(make, 1, 2, 5, 4), 2, (3, 2), return_indices=True, _random_samples=samples
    )
    yield call(draw_spaced(make, 1, 2, 5, 4), 2, output_ratio=(0.5, 0.5), _random_samples=samples)


@fractional_max_pool3d.sample
def fractional_max_pool3d(make: Any) -> Any:
    yield call(draw_spaced(make, 1, 1, 4, 4, 5), 2, 2, _random_samples=make.of([[[0.3, 0.8, 0.5]]]))
