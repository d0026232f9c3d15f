"""Pruning: weights multiplied by masks of zeros and ones, kept as `name_orig` and `name_mask`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import facula

__all__ = [
    "BasePruningMethod", "CustomFromMask", "Identity", "L1Unstructured", "LnStructured", "PruningContainer",
    "RandomStructured", "RandomUnstructured", "custom_from_mask", "global_unstructured", "identity", "is_pruned",
    "l1_unstructured", "ln_structured", "random_structured", "random_unstructured", "remove",
]  # fmt: skip


class BasePruningMethod(ABC):
    """A way to choose what to prune: `compute_mask`. It is a forward pre-hook of the module."""

    PRUNING_TYPE: str = "unstructured"
    _tensor_name: str

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask of `t`, zero at least where `default_mask` is."""

    def apply_mask(self, module: Any) -> Any:
        """The original tensor times its mask."""
        mask, original = (getattr(module, self._tensor_name + end) for end in ("_mask", "_orig"))
        return mask.to(original.dtype) * original

    @classmethod
    def apply(
        cls, module: Any, name: str, *args: Any, importance_scores: Any = None, **kwargs: Any
    ) -> Any:
        """Adds this pruning to the tensor `name` of the module, on top of those it has."""
        method: Any = cls(*args, **kwargs)
        method._tensor_name = name
        for key, hook in list(module._own("_forward_pre_hooks").items()):
            if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
                del module._forward_pre_hooks[key]
                method = _joined(hook, method, name)
                break
        fresh = not isinstance(method, PruningContainer)
        original = getattr(module, name if fresh else name + "_orig")
        scores = getattr(module, name) if importance_scores is None else importance_scores
        if scores.shape != original.shape:
            raise AssertionError(
                f"importance_scores should have the same shape as parameter {name} of {module}"
            )
        if fresh:
            module.register_parameter(name + "_orig", original)
            del module._parameters[name]
            default = facula.ones_like(original)
        else:
            default = getattr(module, name + "_mask").detach().clone()
        mask = method.compute_mask(scores.detach(), default)
        module.register_buffer(name + "_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(self, t: Any, default_mask: Any = None, importance_scores: Any = None) -> Any:
        """A pruned copy of a tensor."""
        scores = t if importance_scores is None else importance_scores
        default = facula.ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, default)

    def remove(self, module: Any) -> None:
        """Makes the pruned tensor the parameter."""
        name = self._tensor_name
        weight = self.apply_mask(module)
        if hasattr(module, name):
            delattr(module, name)
        original = module._parameters.pop(name + "_orig")
        original.data = weight.detach()
        del module._buffers[name + "_mask"]
        module.register_parameter(name, original)


def _joined(first: BasePruningMethod, second: BasePruningMethod, name: str) -> PruningContainer:
    if isinstance(first, PruningContainer):
        first.add_pruning_method(second)
        return first
    container = PruningContainer(first)
    container._tensor_name = name
    container.add_pruning_method(second)
    return container


class PruningContainer(BasePruningMethod):
    """Several prunings of one tensor, each of what the ones before left."""

    def __init__(self, *args: Any) -> None:
        self._pruning_methods: tuple[Any, ...] = args

    def add_pruning_method(self, method: Any) -> None:
        """Adds a pruning; TypeError if it is none, ValueError for another tensor's."""
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if method._tensor_name != self._tensor_name:
            raise ValueError(
                f"Can only add pruning methods acting on the parameter named '{self._tensor_name}', "
                f"found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Any:
        return iter(self._pruning_methods)

    def __getitem__(self, index: int) -> Any:
        return self._pruning_methods[index]

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        method = self._pruning_methods[-1]
        if method.PRUNING_TYPE == "unstructured":
            kept = (default_mask == 1).flatten().nonzero().squeeze(1)
            part = method.compute_mask(t.flatten()[kept], default_mask.flatten()[kept])
            mask = default_mask.flatten().clone()
            mask[kept] = part.to(mask.dtype)
            return mask.reshape(default_mask.shape)
        if method.PRUNING_TYPE == "global":
            return method.compute_mask(t, default_mask)
        dim = method.dim % t.ndim
        kept = default_mask.movedim(dim, 0).flatten(1).sum(1).nonzero().squeeze(1)
        part = method.compute_mask(t.index_select(dim, kept), default_mask.index_select(dim, kept))
        return default_mask.index_copy(dim, kept, part.to(default_mask.dtype))


class Identity(BasePruningMethod):
    """Prunes nothing."""

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        return default_mask


def _count(amount: Any, size: int) -> int:
    """How many of `size` units `amount`, a number or a fraction, stands for."""
    if isinstance(amount, int):
        if amount < 0:
            raise ValueError(f"amount={amount} should be a positive integer")
        if amount > size:
            raise ValueError(
                f"amount={amount} should be smaller than the number of parameters to prune={size}"
            )
        return int(amount)
    if isinstance(amount, str) or not isinstance(amount, float):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if not 0.0 <= amount <= 1.0:
        raise ValueError(f"amount={amount} should be a float in [0, 1]")
    return round(amount * size)


class _ByAmount(BasePruningMethod):
    """A pruning of a number or fraction of units."""

    def __init__(self, amount: Any) -> None:
        _count(amount, amount if isinstance(amount, int) and amount > 0 else 0)
        self.amount = amount


class RandomUnstructured(_ByAmount):
    """Prunes single elements at random."""

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        return _without_lowest(
            facula.rand(t.shape, device=t.device), default_mask, _count(self.amount, t.numel())
        )


class L1Unstructured(_ByAmount):
    """Prunes the elements of least magnitude."""

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        return _without_lowest(t.abs(), default_mask, _count(self.amount, t.numel()))


def _without_lowest(scores: Any, default_mask: Any, n: int) -> Any:
    mask = default_mask.flatten().clone()
    if n:
        mask[scores.flatten().argsort()[:n]] = 0
    return mask.reshape(default_mask.shape)


class _Structured(_ByAmount):
    """A pruning of whole slices along `dim`."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: Any, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def _slices(self, t: Any) -> Any:
        if t.ndim <= 1:
            raise ValueError(
                f"Structured pruning can only be applied to multidimensional tensors, found {t.ndim} dimensions"
            )
        return t.movedim(self.dim, 0).flatten(1)

    def _scores(self, slices: Any) -> Any:
        raise NotImplementedError

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        slices = self._slices(t)
        order = self._scores(slices).argsort()[: _count(self.amount, slices.shape[0])]
        return (
            default_mask.index_fill(self.dim, order, 0) if order.numel() else default_mask.clone()
        )


class RandomStructured(_Structured):
    """Prunes slices at random."""

    def _scores(self, slices: Any) -> Any:
        return facula.rand(slices.shape[0], device=slices.device)


class LnStructured(_Structured):
    """Prunes the slices of least n-norm."""

    def __init__(self, amount: Any, n: Any, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def _scores(self, slices: Any) -> Any:
        return facula.linalg.vector_norm(slices, float(self.n), 1)


class CustomFromMask(BasePruningMethod):
    """Prunes where a given mask is zero."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Any) -> None:
        self.mask = mask

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        return default_mask * self.mask.to(default_mask.dtype)


def identity(module: Any, name: str) -> Any:
    """Adds a pruning of nothing; returns the module, as all these do."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Any, name: str, amount: Any) -> Any:
    """Prunes `amount` elements (a number, or a fraction) at random."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Any, name: str, amount: Any, importance_scores: Any = None) -> Any:
    """Prunes the `amount` elements of least magnitude."""
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: Any, name: str, amount: Any, dim: int) -> Any:
    """Prunes `amount` slices along `dim` at random."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Any, name: str, amount: Any, n: Any, dim: int, importance_scores: Any = None
) -> Any:
    """Prunes the `amount` slices along `dim` of least n-norm."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Any, name: str, mask: Any) -> Any:
    """Prunes where `mask` is zero."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Any, str]],
    pruning_method: Any,
    importance_scores: Any = None,
    **kwargs: Any,
) -> None:
    """Prunes elements of several tensors, (module, name) each, chosen among all of them."""
    parameters, given = list(parameters), importance_scores or {}
    scores = [given.get((m, n), getattr(m, n)).detach().flatten() for m, n in parameters]
    masks = [getattr(m, n + "_mask", facula.ones_like(getattr(m, n))) for m, n in parameters]
    container = PruningContainer()
    container._tensor_name = "temp"
    method = pruning_method(**kwargs)
    method._tensor_name = "temp"
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            f'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method {pruning_method} of type {method.PRUNING_TYPE}'
        )
    container.add_pruning_method(method)
    final = container.compute_mask(facula.cat(scores), facula.cat([m.flatten() for m in masks]))
    for (module, name), mask, part in zip(
        parameters, masks, final.split([m.numel() for m in masks])
    ):
        custom_from_mask(module, name, part.reshape(mask.shape))


def remove(module: Any, name: str) -> Any:
    """Makes the pruned tensor the parameter and forgets the mask; ValueError if it was not pruned."""
    for key, hook in list(module._own("_forward_pre_hooks").items()):
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(
        f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
    )


def is_pruned(module: Any) -> bool:
    """Whether any module here or below is pruned."""
    return any(
        isinstance(h, BasePruningMethod)
        for m in module.modules()
        for h in m._own("_forward_pre_hooks").values()
    )
