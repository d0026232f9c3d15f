"""Covariance and correlation."""

from __future__ import annotations

from typing import Any

from facula._tensor import Tensor


def _rows(input: Tensor, name: str) -> Tensor:
    import facula

    if input.dim() > 2:
        raise RuntimeError(
            f"{name}(): expected input to have two or fewer dimensions but got an input with {input.dim()} dimensions"
        )
    if input.dtype is facula.bool:
        raise RuntimeError(f"{name}(): bool dtype is not supported for input")
    rows = input if input.dim() == 2 else input.reshape(1, -1)
    return (
        rows
        if rows.is_floating_point() or rows.is_complex()
        else rows.to(facula.get_default_dtype())
    )


def cov(
    input: Tensor,
    *,
    correction: int = 1,
    fweights: Tensor | None = None,
    aweights: Tensor | None = None,
) -> Tensor:
    """Covariance matrix of variables in rows and observations in columns.

    `fweights` counts how often each observation was made (integers), `aweights` weighs it; the sum is divided
    by the number of observations less `correction`. Raises RuntimeError for weights of another length.
    """
    x = _rows(input, "cov")
    n = x.shape[1]
    for name, w in (("fweights", fweights), ("aweights", aweights)):
        if w is not None and tuple(w.shape) != (n,):
            raise RuntimeError(
                f"cov(): expected {name} to have shape ({n},), one per observation, but got {tuple(w.shape)}"
            )
    weights: Any = (
        aweights if fweights is None else fweights if aweights is None else fweights * aweights
    )
    total: Any = n if weights is None else weights.sum()
    mean = (x if weights is None else x * weights).sum(1, keepdim=True) / total
    norm = total - correction
    if aweights is not None:
        norm = total - correction * (weights * aweights).sum() / total
    centred = x - mean
    other = centred if weights is None else centred * weights
    norm = norm.clamp(min=0) if isinstance(norm, Tensor) else max(norm, 0)
    result: Tensor = (other @ centred.mH / norm).squeeze()
    return result


def corrcoef(input: Tensor) -> Tensor:
    """Correlation coefficients (Pearson) of variables in rows and observations in columns."""
    c = cov(_rows(input, "corrcoef"))
    if c.dim() == 0:
        return c / c
    spread = c.diagonal().real.sqrt()
    result: Tensor = c / spread[:, None] / spread[None, :]
    return result if result.is_complex() else result.clamp(-1, 1)
