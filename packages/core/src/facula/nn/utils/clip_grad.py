"""Gradients limited in norm or in value."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import facula
from facula._tensor import Tensor

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "get_total_norm",
]


def _as_list(parameters: Tensor | Iterable[Tensor]) -> list[Any]:
    return [parameters] if isinstance(parameters, Tensor) else list(parameters)


def get_total_norm(
    tensors: Any,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Any:
    """The norm of all tensors taken as one vector; RuntimeError if it must be finite and is not."""
    tensors, p = _as_list(tensors), float(norm_type)
    if not tensors:
        return facula.tensor(0.0)
    device = tensors[0].device
    norms = facula.stack([_norm(t.detach(), p).to(device) for t in tensors])
    total = _norm(norms, p)
    if error_if_nonfinite and not math.isfinite(total.item()):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it cannot be clipped. "
            "To disable this error and scale the gradients by the non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return total


def _norm(x: Any, p: float) -> Any:
    if p == 2:
        return (x * x).sum().sqrt()
    if p == math.inf:
        return x.abs().max()
    if p == -math.inf:
        return x.abs().min()
    if p == 0:
        return (x != 0).sum().to(x.dtype)
    return (x.abs() ** p).sum() ** (1.0 / p)


def clip_grads_with_norm_(
    parameters: Any, max_norm: float, total_norm: Any, foreach: bool | None = None
) -> None:
    """Scales the gradients so that a total norm of `total_norm` becomes at most `max_norm`."""
    scale = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
    with facula.no_grad():
        for p in _as_list(parameters):
            if p.grad is not None:
                p.grad.detach().mul_(scale.to(p.grad.device))


def clip_grad_norm_(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Any:  # fmt: skip
    """Scales all gradients, in place, so that their norm as one vector is at most `max_norm`.

    Returns the norm that they had.
    """
    parameters = _as_list(parameters)
    grads = [p.grad for p in parameters if p.grad is not None]
    with facula.no_grad():
        total = get_total_norm(grads, norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total)
    return total


clip_grad_norm = clip_grad_norm_


def clip_grad_value_(parameters: Any, clip_value: float, foreach: bool | None = None) -> None:
    """Clamps all gradients, in place, to [-clip_value, clip_value]."""
    limit = float(clip_value)
    with facula.no_grad():
        for p in _as_list(parameters):
            if p.grad is not None:
                p.grad.clamp_(min=-limit, max=limit)
