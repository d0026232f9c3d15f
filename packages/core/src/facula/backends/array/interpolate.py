"""Resampling along one dimension: one gather for each tap."""

from __future__ import annotations

from typing import Any

from facula.ops.interpolate import taps, transposed_taps


def kernels(m: Any) -> dict[str, Any]:
    def gathered(x: Any, dim: int, index: Any, weight: Any) -> Any:
        n = x.shape[dim]
        if (index == n).any():  # a zero to read, so that nothing is multiplied by zero
            zero = m.zeros((*x.shape[:dim], 1, *x.shape[dim + 1 :]), x.dtype)
            x = m.concatenate([x, zero], dim)
        index, weight = m.asarray(index), m.asarray(weight).astype(x.dtype)
        rest = (1,) * (x.ndim - 1 - dim)
        total = x.take(index[:, 0], dim)
        if index.shape[1] == 1 and (weight == 1).all():
            return total
        total *= weight[:, 0].reshape(-1, *rest)
        for t in range(1, index.shape[1]):
            term = x.take(index[:, t], dim)
            term *= weight[:, t].reshape(-1, *rest)
            total += term
        return total

    def resample(
        input: Any, dim: int, size: int, mode: str, scale: Any, align_corners: bool
    ) -> Any:
        return gathered(input, dim, *taps(input.shape[dim], size, mode, scale, align_corners))

    def resample_grad(
        grad: Any, dim: int, size: int, mode: str, scale: Any, align_corners: bool
    ) -> Any:
        return gathered(
            grad, dim, *transposed_taps(size, grad.shape[dim], mode, scale, align_corners)
        )

    return {"resample": resample, "resample_grad": resample_grad}
