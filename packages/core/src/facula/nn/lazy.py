"""Layers that learn the size of their input from the first one they see."""

from __future__ import annotations

from itertools import chain
from typing import Any

from facula.nn.module import Module
from facula.nn.parameter import is_uninitialized


class LazyModuleMixin(Module):
    """Makes a layer lazy: before its first forward, `initialize_parameters(*args)` gives shapes.

    A layer that has its shapes is from then on of the class `cls_to_become`.
    """

    cls_to_become: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._initialize_hook = self.register_forward_pre_hook(_initialize, with_kwargs=True)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Gives the parameters their shapes, from the arguments of the first forward."""
        raise NotImplementedError(
            f"initialize_parameters is not implemented for {type(self).__name__}"
        )

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer still waits for its shape."""
        return any(
            is_uninitialized(p) for p in chain(self._parameters.values(), self._buffers.values())
        )

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        for name, value in chain(self._parameters.items(), self._persistent_buffers()):
            if value is not None:
                keep = keep_vars or is_uninitialized(value)
                destination[prefix + name] = value if keep else value.detach()

    def _take(self, name: str, key: str, param: Any, value: Any, assign: bool) -> str | None:
        if is_uninitialized(value):
            return None
        return super()._take(name, key, param, value, assign)


def _initialize(module: Any, args: Any, kwargs: Any) -> None:
    module.initialize_parameters(*args, **kwargs)
    if module.has_uninitialized_params():
        raise RuntimeError(f"module {module._get_name()} has not been fully initialized")
    module._initialize_hook.remove()
    module._forward_pre_hooks_with_kwargs.discard(module._initialize_hook.id)
    del module._initialize_hook
    if module.cls_to_become is not None:
        module.__class__ = module.cls_to_become
