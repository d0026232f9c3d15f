"""Sequences of numbers and what is computed from them, by the ops: `range`, `vander`, `gradient`, `unravel_index`."""

from __future__ import annotations

import builtins
from typing import Any

from facula._tensor import Tensor


def range(start: Any, end: Any = None, step: Any = 1, **options: Any) -> Tensor:
    """Numbers from `start` to `end`, both included, as the deprecated function of PyTorch; use `arange`."""
    import facula

    first, last = (0, start) if end is None else (start, end)
    if step == 0 or (last - first) / step < 0:
        raise RuntimeError(f"range: bounds {first} to {last} are inconsistent with step {step}")
    count = int((last - first) / step) + 1
    options.setdefault("dtype", facula.get_default_dtype())
    made: Tensor = facula.arange(count, **options) * step + first
    return made


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers of each element of a vector, as the columns of a matrix; descending unless told otherwise."""
    import facula

    if x.dim() != 1:
        raise RuntimeError(f"x must be a one-dimensional tensor, got shape {list(x.shape)}")
    columns = x.shape[0] if N is None else N
    if columns < 0:
        raise RuntimeError(f"N must be non-negative, got {N}")
    powers = [x**k for k in builtins.range(columns)]
    made = facula.stack(powers, 1) if powers else x.new_zeros((x.shape[0], 0))
    made = made if made.is_floating_point() or made.is_complex() else made.long()
    return made if increasing else made.flip(1)


def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """The coordinates, one tensor per dimension of `shape`, of flat indices into it; int64."""
    import facula

    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(s < 0 for s in sizes):
        raise ValueError(f"'shape' cannot have negative values, but got {sizes}")
    if indices.is_floating_point() or indices.is_complex() or indices.dtype is facula.bool:
        raise ValueError(f"expected 'indices' to be an integer tensor, but got {indices.dtype}")
    indices, found = indices.long(), []  # smaller dtypes may not hold a size
    for size in reversed(sizes):
        found.append(indices % size)
        indices = facula.div(indices, size, rounding_mode="floor")
    return tuple(reversed(found))


def gradient(
    input: Tensor, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1
) -> tuple[Tensor, ...]:
    """Slopes of samples along each of `dim`: second-order central differences, `edge_order` 1 or 2 at the ends.

    `spacing` is a number for all dimensions, a list of one per dimension, or of tensors of coordinates.
    Fornberg 1988, "Generation of finite difference formulas on arbitrarily spaced grids".
    """

    dims = (
        [dim] if isinstance(dim, int) else list(builtins.range(input.dim()) if dim is None else dim)
    )
    steps = list(spacing) if isinstance(spacing, (tuple, list)) else [spacing] * len(dims)
    if len(steps) != len(dims):
        raise RuntimeError(f"gradient: got {len(steps)} spacings for {len(dims)} dimensions")
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    return tuple(_slope(input, s, d, edge_order) for s, d in zip(steps, dims))


def _slope(x: Tensor, spacing: Any, dim: int, edge_order: int) -> Tensor:
    import facula

    n = x.shape[dim]
    if n <= edge_order:
        raise RuntimeError(
            f"torch.gradient expected each dimension size to be at least edge_order+1, dimension {dim} has {n}"
        )
    if not (x.is_floating_point() or x.is_complex()):
        x = x.to(facula.get_default_dtype())
    x = x.movedim(dim, -1)
    at = (
        spacing
        if isinstance(spacing, Tensor) and spacing.dim()
        else facula.arange(n, dtype=x.dtype, device=x.device) * spacing
    )
    h = (at[1:] - at[:-1]).to(x.dtype)
    slopes = (x[..., 1:] - x[..., :-1]) / h
    left, right = h[:-1], h[1:]
    inner = (slopes[..., :-1] * right + slopes[..., 1:] * left) / (left + right)
    first, last = slopes[..., :1], slopes[..., -1:]
    if edge_order == 2:
        first = first + (slopes[..., :1] - slopes[..., 1:2]) * (h[0] / (h[0] + h[1]))
        last = last + (slopes[..., -1:] - slopes[..., -2:-1]) * (h[-1] / (h[-1] + h[-2]))
    return facula.cat([first, inner, last], -1).movedim(-1, dim)
