"""The older forms of weight and spectral normalisation: forward pre-hooks with parameters beside.

A weight `w` becomes `w_g` and `w_v` (weight_norm), or `w_orig` with buffers `w_u` and `w_v`
(spectral_norm). New programs use `facula.nn.utils.parametrizations`.
"""

from __future__ import annotations

from typing import Any

import facula
from facula._tensor import Parameter
from facula.nn import functional as F

__all__ = ["remove_spectral_norm", "remove_weight_norm", "spectral_norm", "weight_norm"]


def _norm_except(v: Any, dim: int | None) -> Any:
    if dim is None or dim == -1:
        return (v * v).sum().sqrt()
    dims = [d for d in range(v.ndim) if d != dim]
    return (v * v).sum(dims, keepdim=True).sqrt() if dims else v.abs()


class WeightNorm:
    """The hook that computes `name` from `name_g` and `name_v` before each forward."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, dim

    def compute_weight(self, module: Any) -> Any:
        g, v = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return v * (g / _norm_except(v, self.dim))

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


class SpectralNorm:
    """The hook that divides `name_orig` by its largest singular value before each forward."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        self.name, self.n_power_iterations, self.dim, self.eps = name, n_power_iterations, dim, eps

    def reshape_weight_to_matrix(self, weight: Any) -> Any:
        if self.dim:
            weight = weight.permute(self.dim, *[d for d in range(weight.ndim) if d != self.dim])
        return weight.reshape(weight.shape[0], -1)

    def compute_weight(self, module: Any, do_power_iteration: bool) -> Any:
        weight = getattr(module, self.name + "_orig")
        u, v = getattr(module, self.name + "_u"), getattr(module, self.name + "_v")
        matrix = self.reshape_weight_to_matrix(weight)
        if do_power_iteration:
            with facula.no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(F.normalize(matrix.t().mv(u), dim=0, eps=self.eps))
                    u.copy_(F.normalize(matrix.mv(v), dim=0, eps=self.eps))
                u, v = u.clone(), v.clone()
        return weight / u.dot(matrix.mv(v))

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, do_power_iteration=module.training))


def _check_once(module: Any, kind: Any, name: str) -> None:
    for hook in module._own("_forward_pre_hooks").values():
        if isinstance(hook, kind) and hook.name == name:
            raise RuntimeError(
                f"Cannot register two {kind.__name__} hooks on the same parameter {name}"
            )


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Splits a weight into length and direction (Salimans and Kingma 2016); returns the module."""
    _check_once(module, WeightNorm, name)
    hook = WeightNorm(name, dim)
    weight = getattr(module, name)
    del module._parameters[name]
    module.register_parameter(name + "_g", Parameter(_norm_except(weight.detach(), dim)))
    module.register_parameter(name + "_v", Parameter(weight.detach()))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def spectral_norm(
    module: Any,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Any:
    """Divides a weight by its largest singular value (Miyato et al. 2018); returns the module."""
    if n_power_iterations <= 0:
        raise ValueError(
            f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
        )
    _check_once(module, SpectralNorm, name)
    if dim is None:
        dim = (
            1
            if type(module).__name__ in ("ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d")
            else 0
        )
    hook = SpectralNorm(name, n_power_iterations, dim, eps)
    weight = getattr(module, name)
    matrix = hook.reshape_weight_to_matrix(weight.detach())
    del module._parameters[name]
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.detach())
    for suffix, size in zip(("_u", "_v"), matrix.shape):
        module.register_buffer(
            name + suffix, F.normalize(matrix.new_empty(size).normal_(0, 1), dim=0, eps=eps)
        )
    module.register_forward_pre_hook(hook)
    return module


def _remove(module: Any, kind: Any, name: str) -> Any:
    for key, hook in list(module._forward_pre_hooks.items()):
        if isinstance(hook, kind) and hook.name == name:
            del module._forward_pre_hooks[key]
            return hook
    raise ValueError(f"{kind.__name__} of '{name}' not found in {module}")


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Makes the weight an ordinary parameter of the value it has."""
    hook = _remove(module, WeightNorm, name)
    weight = hook.compute_weight(module).detach()
    for suffix in ("_g", "_v"):
        del module._parameters[name + suffix]
    delattr(module, name)
    module.register_parameter(name, Parameter(weight))
    return module


def remove_spectral_norm(module: Any, name: str = "weight") -> Any:
    """Makes the weight an ordinary parameter of the value it has."""
    hook = _remove(module, SpectralNorm, name)
    with facula.no_grad():
        weight = hook.compute_weight(module, do_power_iteration=False)
    delattr(module, name)
    del module._parameters[name + "_orig"]
    for suffix in ("_u", "_v"):
        delattr(module, name + suffix)
    module.register_parameter(name, Parameter(weight.detach()))
    return module
