"""Which device type is the machine's accelerator, and the module of `facula` that is about a device type."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from facula._device import device as Device
from facula.backends.discovery import plugins


def accelerator_type() -> str | None:
    """'cuda' where there is one, else the first type of device that a plug-in offers as an accelerator."""
    from facula.backends.registry import count

    specs = plugins().devices
    offered = [t for t, spec in specs.items() if spec.accelerator]
    for device_type in sorted(offered, key=lambda t: t != "cuda"):
        try:
            if count(device_type):
                return device_type
        except RuntimeError:  # its driver is missing: as if there were none
            continue
    return None


def get_device_module(device: Any = None) -> ModuleType:
    """The module about a device's type, such as `facula.cuda`; of the accelerator (else the CPU) where None.

    Raises RuntimeError for a type that has none.
    """
    name = (accelerator_type() or "cpu") if device is None else Device(device).type
    if name not in _MODULES:
        raise RuntimeError(
            f"Device '{name}' does not have a corresponding module registered as 'facula.{name}'."
        )
    return importlib.import_module(f"facula.{name}")


#: Device types that have a module of their own.
_MODULES = frozenset(("cpu", "cuda"))
