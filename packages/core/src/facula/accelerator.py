"""The machine's accelerator, whatever its type, as `torch.accelerator`: for programs that run on any.

>>> device = facula.accelerator.current_accelerator() or facula.device("cpu")
"""

from __future__ import annotations

import threading
from typing import Any

from facula._device import device as Device
from facula.backends.accelerators import accelerator_type
from facula.backends.registry import backend_for, count

__all__ = [
    "current_accelerator", "current_device_idx", "current_device_index", "device_count", "device_index",
    "is_available", "set_device_idx", "set_device_index", "synchronize",
]  # fmt: skip


class _Current(threading.local):
    index = 0


_current = _Current()


def is_available() -> bool:
    """Whether a plug-in offers an accelerator and the machine has one."""
    return accelerator_type() is not None


def device_count() -> int:
    """How many devices of the accelerator's type there are; 0 without one."""
    found = accelerator_type()
    return 0 if found is None else count(found)


def current_accelerator(check_available: bool = False) -> Device | None:
    """The accelerator's type, as a device without a number; None without one."""
    found = accelerator_type()
    return None if found is None else Device(found)


def current_device_index() -> int:
    """The number of the device that this thread chose, 0 at first. Raises RuntimeError without an accelerator."""
    _type()
    return _current.index


def set_device_index(device: Any, /) -> None:
    """Chooses the device, by number or name, that this thread's calls here are about when they name none.

    New tensors go where `facula.set_default_device` says, as ever.
    """
    _current.index = _named(device).index or 0


def synchronize(device: Any = None, /) -> None:
    """Waits until a device (this thread's chosen one where None) has done all that it was asked to."""
    backend_for(_named(_current.index if device is None else device)).synchronize()


class device_index:
    """Within a `with` block: `set_device_index`; None changes nothing."""

    def __init__(self, device: int | None, /):
        self.index = device

    def __enter__(self) -> None:
        self.before = _current.index
        if self.index is not None:
            set_device_index(self.index)

    def __exit__(self, *exc: object) -> None:
        _current.index = self.before


def _type() -> str:
    found = accelerator_type()
    if found is None:
        raise RuntimeError("Cannot access accelerator device when none is available.")
    return found


def _named(device: Any) -> Device:
    """The accelerator of a name or number. Raises RuntimeError where there is no such one."""
    wanted = Device(_type(), device) if device.__class__ is int else Device(device)
    if wanted.type != _type():
        raise RuntimeError(
            f"{wanted} doesn't match the current accelerator {_type()}; name a device of that type"
        )
    backend_for(wanted)
    return wanted


current_device_idx, set_device_idx = current_device_index, set_device_index
