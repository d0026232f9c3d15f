"""Devices by name: their backends, loaded at first use, and the default device."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Callable
from typing import Any

from facula._device import device as Device
from facula.backends.base import Backend
from facula.backends.discovery import (
    Plugins,
    describe,
    domain_modules,
    guarded,
    load_ops,
    plugins,
    report_broken,
    resolve,
)  # fmt: skip
from facula.backends.runtime import DeviceRuntime, runtime_of
from facula.backends.spec import DeviceSpec
from facula.ops._op import subscribe

__all__ = [
    "backend_for", "count", "default_backend", "domain_modules", "get_default_device", "load_runtime", "plugins",
    "enter_device", "leave_device", "set_default_device",
]  # fmt: skip

#: What to install for device types that no installed plug-in provides. Nobody else's device has these names.
INSTALL = {
    "cpu": "pip install facula-numpy (from a checkout: pip install -e backends/numpy)",
    "cuda": "pip install facula[cuda] (from a checkout: pip install -e 'backends/cupy[cuda13]')",
    "opencl": "pip install facula[opencl] (from a checkout: pip install -e backends/opencl)",
}

_lock = threading.RLock()
_backends: dict[Device, Backend] = {}
#: Called with each backend that is loaded from now on.
on_load: list[Callable[[Backend], None]] = []


def loaded() -> list[Backend]:
    """The backends of all devices that were used so far."""
    with _lock:
        return list(dict.fromkeys(_backends.values()))


def backend_for(name: Any) -> Backend:
    """The backend of a device (a `device`, a string, or the number of an accelerator).

    Raises RuntimeError where no plug-in provides it, where the machine has none, or where it cannot be
    loaded; the message says what to install.
    """
    backend = _backends.get(name) if name.__class__ is Device else None
    if backend is not None:
        return backend
    return _load(Device(name))


def _load(device: Device) -> Backend:
    with _lock:
        found = plugins()
        device_spec = found.devices.get(device.type)
        if device_spec is None:
            raise RuntimeError(_unknown(device, found))
        if device.type == "cpu" and device.index not in (None, 0):
            raise RuntimeError(f"device '{device}' does not exist: there is one cpu")
        number = count(device.type)
        index = _current(device_spec) if device.index is None else device.index
        if index >= number:
            hint = f". Remedy: {device_spec.install}" if number == 0 and device_spec.install else ""
            raise RuntimeError(
                f"device '{device}' does not exist: this machine has {number} of type '{device.type}'{hint}"
            )
        canonical = Device(device.type, index) if device_spec.count else Device(device.type)
        backend = _backends.get(canonical)
        if backend is None:
            backend = _backends[canonical] = _make(device_spec, canonical, found)
        if device.index is not None or number == 1 or not device_spec.runtime:
            # else the device that a name without a number means may change
            _backends[device] = backend
        return backend


def _current(device_spec: DeviceSpec) -> int:
    return runtime_of(device_spec.type).current_device() if device_spec.runtime else 0


def load_runtime(device: Device) -> DeviceRuntime:
    """Makes the runtime of a type of device; `runtime_of` keeps it."""
    found = plugins()
    device_spec = found.devices.get(device.type)
    if device_spec is None:
        raise RuntimeError(_unknown(device, found))
    if not device_spec.runtime:
        return DeviceRuntime()
    made = _or_explain(device_spec, f"device '{device}'", lambda: resolve(device_spec.runtime)())
    if not isinstance(made, DeviceRuntime):
        raise RuntimeError(
            f"device '{device}': {device_spec.runtime} made a {type(made).__name__}, "
            f"not a facula.backends.DeviceRuntime; tell the authors of {found.sources[device.type]}"
        )
    return made


def count(type: str) -> int:
    """How many devices of a type this machine has. Raises RuntimeError where that cannot be found out."""
    device_spec = plugins().devices.get(type)
    if device_spec is None:
        return 0
    if not device_spec.count:
        return 1
    return int(_or_explain(device_spec, f"device '{type}'", lambda: resolve(device_spec.count)()))


def _make(device_spec: DeviceSpec, device: Device, found: Plugins) -> Backend:
    def make() -> Any:
        made = resolve(device_spec.backend)(device)
        if isinstance(made, Backend):
            made.check()
        return made

    backend = _or_explain(device_spec, f"device '{device}'", make)
    if not isinstance(backend, Backend):
        raise RuntimeError(
            f"device '{device}' cannot be loaded: {device_spec.backend} made a {type(backend).__name__}, "
            f"not a facula.backends.Backend; tell the authors of {found.sources[device.type]}"
        )
    for_it = [(k, s) for k, s in found.kernels if k.type == device.type]
    backend.providers = [p for p in (_provider(k, s) for k, s in for_it) if p]
    for kernel_spec, source in reversed(for_it):
        if kernel_spec.inplace:
            backend.add_inplace(_inplace(kernel_spec, source, backend))
    backend.refuse_missing_dtypes()
    load_ops()
    subscribe(backend.bind)
    for listener in on_load:
        listener(backend)
    return backend


def _or_explain(device_spec: DeviceSpec, what: str, make: Callable[[], Any]) -> Any:
    """`make()`, with whatever a driver raises turned into a RuntimeError that names the remedy."""
    try:
        return make()
    except Exception as error:
        install = device_spec.install or INSTALL.get(device_spec.type, "")
        install = getattr(error, "remedy", install)
        hint = f" Remedy: {install}" if install else ""
        raise RuntimeError(f"{what} cannot be loaded: {describe(error)}.{hint}") from error


def _provider(kernel_spec: Any, source: str) -> Any:
    try:
        provider: Any = guarded(resolve(kernel_spec.kernels), source)
    except Exception as error:
        return report_broken(source, describe(error))
    provider.__name__ = kernel_spec.name or source
    provider.wraps = kernel_spec.wraps
    return provider


def _inplace(kernel_spec: Any, source: str, backend: Backend) -> dict[str, Callable[..., Any]]:
    make = guarded(lambda: resolve(kernel_spec.inplace)(backend), source)
    return make() or {}


def _unknown(device: Device, found: Plugins) -> str:
    known = ", ".join(sorted(found.devices))
    text = f"no plug-in provides device '{device}'; there are: {known}."
    close = difflib.get_close_matches(device.type, {*found.devices, *INSTALL}, 1, 0.75)
    if device.type in INSTALL:
        text += f" Install it with: {INSTALL[device.type]}"
    elif close:
        text += f" Did you mean '{close[0]}'?"
    elif not found.broken:
        text += " Install the package that provides it; `facula info` lists what is there"
    for source, problem in found.broken.items():
        text += f" Broken plug-in '{source}': {problem}."
    return text


class _Default(threading.local):
    device: Any = None

    def __init__(self) -> None:
        #: What the default was before each `with device(...)` that this thread is in.
        self.before: list[Any] = []


_default = _Default()
_CPU = Device("cpu")


def default_backend() -> Backend:
    """Where tensors go for which no device is named."""
    return backend_for(_default.device or _CPU)


def chosen_device() -> Any:
    """The default device that this thread has chosen; None where it has chosen none."""
    return _default.device


def get_default_device() -> Device:
    """The device of new tensors that are told no other."""
    return _default.device or _CPU


def enter_device(device: Any) -> None:
    """Makes `device` this thread's default until the matching `leave_device`."""
    _default.before.append(_default.device)
    _default.device = device


def leave_device() -> None:
    """Gives this thread the default device back that it had before `enter_device`."""
    _default.device = _default.before.pop()


def set_default_device(device: Any) -> None:
    """Makes new tensors of this thread go to `device`. Raises RuntimeError where there is no such device."""
    _default.device = None if device is None else backend_for(device).device
