"""`facula.device`: the name of a device, such as 'cpu' or 'cuda:0'."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

_Function = TypeVar("_Function", bound=Callable[..., Any])


class device:
    """A device's type and index, as `torch.device`.

    `device('cuda:1')`, `device('cuda', 1)`, `device(1)` for the accelerator of that number. As a context
    manager or a decorator it makes new tensors go there. Raises RuntimeError for a string that is no device
    name. Naming a device does not load it.
    """

    __slots__ = ("type", "index")

    type: str
    index: int | None

    def __new__(cls, type: Any = None, index: int | None = None, *, device: Any = None) -> device:
        type = device if type is None else type
        if isinstance(type, cls):
            return type
        if type.__class__ is int:
            type, index = _accelerator(), type
        if not isinstance(type, str):
            raise TypeError(
                f"a device is named by a string such as 'cpu' or 'cuda:0', got {type!r}"
            )
        match = _NAME.fullmatch(type)
        if not match or (match[2] is not None and index is not None):
            raise RuntimeError(
                f"Invalid device string: '{type}'; a device is 'TYPE' or 'TYPE:INDEX', as in 'cuda:0'"
            )
        if index is not None and index < 0:
            raise RuntimeError(f"Device index must not be negative, got {index}")
        self = object.__new__(cls)
        self.type = match[1]
        self.index = int(match[2]) if match[2] is not None else index
        return self

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return (
            f"device(type='{self.type}'"
            + ("" if self.index is None else f", index={self.index}")
            + ")"
        )

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __reduce__(self) -> Any:
        return (device, (str(self),))

    def __enter__(self) -> device:
        from facula.backends.registry import enter_device

        enter_device(self)
        return self

    def __exit__(self, *exc: Any) -> None:
        from facula.backends.registry import leave_device

        leave_device()

    def __call__(self, function: _Function) -> _Function:
        @wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return cast("_Function", wrapped)


_NAME = re.compile(r"([a-z_][a-z0-9_]*)(?::(0|[1-9]\d*))?", re.ASCII)


def _accelerator() -> str:
    from facula.backends.accelerators import accelerator_type

    found = accelerator_type()
    if found is None:
        raise RuntimeError(
            "Cannot access accelerator device when none is available: a device given as a number is an accelerator's; "
            "name the device, as in 'cpu'"
        )
    return found


def cuda_device(name: Any) -> device:
    """The CUDA device that a method `cuda(name)` means: None, a number, or a name."""
    found = device("cuda", name) if name is None or name.__class__ is int else device(name)
    if found.type != "cuda":
        raise RuntimeError(
            f"Invalid device, must be cuda device, got '{found}'; use .to('{found}')"
        )
    return found
