"""`Parameter`, `Buffer`, and their forms without a shape yet, for the Lazy layers."""

from __future__ import annotations

from typing import Any

import facula
from facula._tensor import Parameter, Tensor

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "is_lazy"]


class Buffer(Tensor):
    """A tensor that a Module registers as its buffer when it is assigned to an attribute."""

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Any:
        data = facula.empty(0) if data is None else data
        new = data.detach().requires_grad_(data.requires_grad).as_subclass(cls)
        new.persistent = persistent
        return new

    persistent: bool = True


class _Uninitialized:
    """What tensors without a shape share: they can be placed and materialised, and nothing else."""

    __slots__ = ()

    def materialize(self: Any, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Gives the tensor its shape; its values are not set. From then on it is an ordinary one."""
        made = facula.empty(tuple(shape), device=device or self.device, dtype=dtype or self.dtype)
        self.data = made
        self.__class__ = self.initialized

    def to_place(self: Any, device: Any, dtype: Any) -> Any:
        """The same without a shape, on another device or of another dtype."""
        return facula.empty(0, device=device or self.device, dtype=dtype or self.dtype)

    @property
    def shape(self) -> Any:
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
            "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. Call "
            "`forward` to initialize the parameters before accessing their attributes."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
        new = memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype)
        return new

    def __reduce_ex__(self: Any, protocol: Any) -> Any:
        return (type(self), (self.requires_grad, self.device, self.dtype))


class UninitializedParameter(_Uninitialized, Parameter):
    """A parameter whose shape is not known before the first forward."""

    initialized = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Any:
        return Parameter.__new__(cls, facula.empty(0, device=device, dtype=dtype), requires_grad)


class UninitializedBuffer(_Uninitialized, Tensor):
    """A buffer whose shape is not known before the first forward."""

    initialized = Tensor

    def __new__(cls, requires_grad: bool = False, device: Any = None, dtype: Any = None) -> Any:
        new = facula.empty(0, device=device, dtype=dtype).as_subclass(cls)
        new.requires_grad = requires_grad
        return new


def is_uninitialized(value: Any) -> bool:
    """Whether a parameter or buffer still waits for its shape."""
    return isinstance(value, _Uninitialized)


is_lazy = is_uninitialized
