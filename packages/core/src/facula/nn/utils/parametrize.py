"""Parameters computed from others: `module.weight` becomes the output of modules (parametrizations).

The module gets a class of its own whose property computes the tensor; the parameters that it is
computed from are at `module.parametrizations.NAME.original`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import facula
from facula._tensor import Parameter, Tensor
from facula.nn.container import ModuleDict, ModuleList
from facula.nn.module import Module

__all__ = [
    "ParametrizationList", "cached", "is_parametrized", "register_parametrization", "remove_parametrizations",
    "transfer_parametrizations_and_params", "type_before_parametrizations",
]  # fmt: skip

_caching = 0
_cache: dict[tuple[int, str], Any] = {}


@contextmanager
def cached() -> Iterator[None]:
    """Inside, each parametrized tensor is computed once."""
    global _caching
    _caching += 1
    try:
        yield
    finally:
        _caching -= 1
        if not _caching:
            _cache.clear()


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, in order, with the original parameters."""

    def __init__(self, modules: Any, original: Tensor, unsafe: bool = False) -> None:
        super().__init__(modules)
        self.unsafe = unsafe
        new: Any = original
        with facula.no_grad():
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    new = module.right_inverse(new)
        self.is_tensor = isinstance(new, Tensor)
        values = [new] if self.is_tensor else list(new)
        self.ntensors = len(values)
        for i, value in enumerate(values):
            self._store("original" if self.is_tensor else f"original{i}", value, original)
        if not unsafe:
            self._check(original)

    def _store(self, name: str, value: Any, original: Any) -> None:
        if self.is_tensor and isinstance(original, Parameter):
            # The parameter stays the same object, so that optimizers that hold it go on.
            if value is not original:
                original.data = value.detach()
            self.register_parameter(name, original)
        elif isinstance(original, Parameter):
            self.register_parameter(
                name,
                Parameter(value.detach(), original.requires_grad and value.is_floating_point()),
            )
        else:
            self.register_buffer(name, value)

    def _check(self, original: Any) -> None:
        with facula.no_grad():
            result = self()
        if not isinstance(result, Tensor):
            raise ValueError(
                f"A parametrization must return a tensor. Got {type(result).__name__}."
            )
        if result.dtype is not original.dtype or result.shape != original.shape:
            raise ValueError(
                "Registering a parametrization may not change the shape or dtype of the tensor, unless `unsafe` flag is "
                f"enabled.\nunparametrized shape: {original.shape}, {original.dtype}\n"
                f"parametrized shape: {result.shape}, {result.dtype}"
            )

    def originals(self) -> list[Any]:
        """The tensors that the parametrized one is computed from."""
        return (
            [self.original]
            if self.is_tensor
            else [getattr(self, f"original{i}") for i in range(self.ntensors)]
        )

    def right_inverse(self, value: Any) -> None:
        """Sets the originals so that the parametrized tensor becomes `value`."""
        with facula.no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse."
                    )
                value = module.right_inverse(value)
            for original, new in zip(self.originals(), [value] if self.is_tensor else value):
                original.data = new.detach()

    def forward(self) -> Any:
        first, *rest = self
        x = first(*self.originals())
        for module in rest:
            x = module(x)
        return x


def _inject_class(module: Any) -> None:
    """Gives the module a subclass of its class, to which properties can be added."""
    cls: Any = type(module)

    def reduce(self: Any, protocol: Any) -> Any:
        raise RuntimeError(
            "Serialization of parametrized modules is only supported through state_dict()."
        )

    def deepcopy(self: Any, memo: dict[int, Any]) -> Any:
        import copy

        new = memo[id(self)] = object.__new__(type(self))
        new.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return new

    module.__class__ = type(
        f"Parametrized{cls.__name__}", (cls,), {"__reduce_ex__": reduce, "__deepcopy__": deepcopy}
    )
    module.parametrizations = ModuleDict()


def _inject_property(module: Any, name: str) -> None:
    def get(self: Any) -> Any:
        if not _caching:
            return self.parametrizations[name]()
        key = (id(self), name)
        if key not in _cache:
            _cache[key] = self.parametrizations[name]()
        return _cache[key]

    def set_(self: Any, value: Any) -> None:
        self.parametrizations[name].right_inverse(value)

    setattr(type(module), name, _Computed(get, set_))


class _Computed(property):
    """A property that `Module.__setattr__` leaves alone."""


def register_parametrization(
    module: Any, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Any:
    """Makes `module.tensor_name` the output of `parametrization`; several are applied in order."""
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            value = getattr(module, tensor_name)
            result = parametrization(value)
            if (
                not isinstance(result, Tensor)
                or result.shape != value.shape
                or result.dtype is not value.dtype
            ):
                raise ValueError(
                    "Registering a parametrization may not change the shape or dtype of the tensor, unless the `unsafe` "
                    f"flag is enabled (tensor {tensor_name})"
                )
        chain = module.parametrizations[tensor_name]
        if hasattr(parametrization, "right_inverse"):
            with facula.no_grad():
                current = module.parametrizations[tensor_name]()
            chain.append(parametrization)
            chain.right_inverse(current)
        else:
            chain.append(parametrization)
        return module
    if tensor_name not in module._parameters and tensor_name not in module._buffers:
        raise ValueError(
            f"module {module!r} does not have a parameter, a buffer, or a parametrized element with name '{tensor_name}'"
        )
    chain = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe=unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        _inject_class(module)
    _inject_property(module, tensor_name)
    module.parametrizations[tensor_name] = chain
    return module


def is_parametrized(module: Any, tensor_name: str | None = None) -> bool:
    """Whether the module (or that tensor of it) is parametrized."""
    chains = module._modules.get("parametrizations")
    if not isinstance(chains, ModuleDict):
        return False
    return len(chains) > 0 if tensor_name is None else tensor_name in chains


def remove_parametrizations(module: Any, tensor_name: str, leave_parametrized: bool = True) -> Any:
    """Undoes `register_parametrization`, keeping the computed value or else the original."""
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    chain = module.parametrizations[tensor_name]
    original = chain.originals()[0]
    if leave_parametrized:
        with facula.no_grad():
            value = getattr(module, tensor_name)
        if chain.is_tensor and isinstance(original, Parameter):
            original.data = value.detach()
        else:
            original = Parameter(value.detach()) if isinstance(original, Parameter) else value
    elif not chain.is_tensor:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    if isinstance(original, Parameter):
        module.register_parameter(tensor_name, original)
    else:
        module.register_buffer(tensor_name, original)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Any) -> type:
    """The class that the module had before it was parametrized."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Any, to_module: Any, tensor_name: str | None = None
) -> Any:
    """Gives `to_module` copies of the parametrizations of `from_module`."""
    import copy

    if not is_parametrized(from_module):
        return to_module
    for name in list(from_module.parametrizations) if tensor_name is None else [tensor_name]:
        for parametrization in from_module.parametrizations[name]:
            register_parametrization(to_module, name, copy.deepcopy(parametrization), unsafe=True)
        for ours, theirs in zip(
            to_module.parametrizations[name].originals(),
            from_module.parametrizations[name].originals(),
        ):
            with facula.no_grad():
                ours.copy_(theirs)
    return to_module
