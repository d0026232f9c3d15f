"""Devices and how they are plugged in; see `facula.backends.spec` for the contract."""

from facula.backends.base import CONTRACT_VERSION, Backend
from facula.backends.registry import backend_for, get_default_device, plugins, set_default_device
from facula.backends.runtime import DeviceRuntime, runtime_of
from facula.backends.spec import DeviceSpec, KernelSpec, hookimpl


def report(device: str = "cpu") -> None:
    """Prints what a device runs itself: leaves, own kernels, composed bodies, host fallbacks, dtypes."""
    from facula.backends.readiness import readiness

    print(readiness(device))


__all__ = [
    "CONTRACT_VERSION", "Backend", "DeviceRuntime", "DeviceSpec", "KernelSpec", "backend_for", "get_default_device", "hookimpl",
    "plugins", "report", "runtime_of", "set_default_device",
]  # fmt: skip


def __getattr__(name: str) -> object:
    from facula.backends.flags import LIBRARIES

    if name not in LIBRARIES:
        raise AttributeError(f"module 'facula.backends' has no attribute {name!r}")
    return LIBRARIES[name]
