"""Parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import facula
from facula._tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Any:
    """All parameters flattened into one vector; differentiable. TypeError for several devices."""
    parameters = list(parameters)
    _check_device(parameters)
    return facula.cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Replaces the values of the parameters by consecutive parts of `vec`."""
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected facula.Tensor, but got: {type(vec).__name__}")
    parameters = list(parameters)
    _check_device(parameters)
    start = 0
    for p in parameters:
        p.data = vec[start : start + p.numel()].reshape(p.shape).detach()
        start += p.numel()


def _check_device(parameters: list[Any]) -> None:
    if len({p.device for p in parameters}) > 1:
        raise TypeError(
            "Found two parameters on different devices, this is currently not supported."
        )
