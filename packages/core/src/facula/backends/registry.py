"""Which devices there are: plug-ins found through pluggy, and their backends loaded at first use."""

from __future__ import annotations

import importlib
import threading
import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import entry_points
from typing import Any

import pluggy

from facula.backends import spec
from facula.backends.base import CONTRACT_VERSION, Backend
from facula.backends.spec import DeviceSpec, KernelSpec
from facula._device import device as Device
from facula.ops._op import subscribe

#: What to install for device types that no installed plug-in provides.
INSTALL = {
    "cpu": "pip install facula-numpy",
    "cuda": "pip install facula[cuda]",
    "opencl": "pip install facula[opencl]",
}
BUILT_IN = (
    DeviceSpec("meta", "facula.backends.meta:MetaBackend", CONTRACT_VERSION, description="shapes and dtypes only"),
    DeviceSpec("toy", "facula.backends.toy:ToyBackend", CONTRACT_VERSION, description="pure Python over bytearrays"),
)


@dataclass
class Plugins:
    """All that was found: device types, kernel providers, and what is broken and why."""

    manager: pluggy.PluginManager
    devices: dict[str, DeviceSpec] = field(default_factory=dict)
    kernels: list[KernelSpec] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)  # device type -> distribution
    broken: dict[str, str] = field(default_factory=dict)  # plug-in -> what is wrong


@lru_cache(maxsize=1)
def plugins() -> Plugins:
    """Finds the plug-ins, once per process, at the first use of a device."""
    manager = pluggy.PluginManager("facula")
    manager.add_hookspecs(spec)
    found = Plugins(manager)
    for d in BUILT_IN:
        found.devices[d.type], found.sources[d.type] = d, "facula-core"
    for entry in sorted(entry_points(group="facula"), key=lambda e: e.name):
        source = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
        try:
            module = entry.load()
            manager.register(module, name=entry.name)
            _collect(found, manager, module, source)
        except Exception as error:
            _report(found, source, f"{type(error).__name__}: {error}")
    found.kernels.sort(key=lambda k: k.order)
    return found


def _collect(found: Plugins, manager: pluggy.PluginManager, module: Any, source: str) -> None:
    others = [p for p in manager.get_plugins() if p is not module]
    for device_spec in _hook(manager, "devices", others):
        if _is_compatible(found, device_spec, source):
            found.devices[device_spec.type], found.sources[device_spec.type] = device_spec, source
    found.kernels += [k for k in _hook(manager, "kernels", others) if _is_compatible(found, k, source)]


def _hook(manager: pluggy.PluginManager, name: str, others: list[Any]) -> list[Any]:
    return [x for part in manager.subset_hook_caller(name, others)() for x in part]


def _is_compatible(found: Plugins, item: Any, source: str) -> bool:
    if item.contract <= CONTRACT_VERSION:
        return True
    _report(
        found, source,
        f"it was written for contract {item.contract}, this facula-core has {CONTRACT_VERSION}; "
        f"upgrade with: pip install -U facula-core",
    )  # fmt: skip
    return False


def _report(found: Plugins, source: str, problem: str) -> None:
    found.broken[source] = problem
    warnings.warn(f"facula plug-in '{source}' is broken and was left out: {problem}", stacklevel=2)


_lock = threading.RLock()
_backends: dict[Device, Backend] = {}


def backend_for(name: Any) -> Backend:
    """The backend of a device (a `device`, a string, or an index of the default accelerator)."""
    backend = _backends.get(name) if name.__class__ is Device else None
    if backend is not None:
        return backend
    return _load(Device(name) if not isinstance(name, int) else Device("cuda", name))


def _load(device: Device) -> Backend:
    with _lock:
        found = plugins()
        device_spec = found.devices.get(device.type)
        if device_spec is None:
            raise RuntimeError(_unknown(device, found))
        if device.type == "cpu" and device.index not in (None, 0):
            raise RuntimeError(f"device '{device}' does not exist: there is one cpu")
        count = _resolve(device_spec.count)() if device_spec.count else 1
        index = device.index or 0
        if index >= count:
            raise RuntimeError(f"device '{device}' does not exist: this machine has {count} of type '{device.type}'")
        many = bool(device_spec.count)
        canonical = Device(device.type, index) if many else Device(device.type)
        backend = _backends.get(canonical)
        if backend is None:
            backend = _backends[canonical] = _make(device_spec, canonical, found)
        _backends[device] = backend
        return backend


def _make(device_spec: DeviceSpec, device: Device, found: Plugins) -> Backend:
    try:
        backend: Backend = _resolve(device_spec.backend)(device)
    except ImportError as error:
        hint = f"; {device_spec.install}" if device_spec.install else ""
        raise RuntimeError(f"device '{device}' cannot be loaded: {error}{hint}") from error
    backend.providers = [_resolve(k.kernels) for k in found.kernels if k.type == device.type]
    importlib.import_module("facula.ops")
    subscribe(backend.bind)
    return backend


def _resolve(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def _unknown(device: Device, found: Plugins) -> str:
    known = ", ".join(sorted(found.devices))
    text = f"no plug-in provides device '{device}'; there are: {known}."
    if device.type in INSTALL:
        text += f" Install it with: {INSTALL[device.type]}"
    for source, problem in found.broken.items():
        text += f" Broken plug-in '{source}': {problem}."
    return text


class _Default(threading.local):
    device: Any = None


_default = _Default()
_CPU = Device("cpu")


def default_backend() -> Backend:
    """Where tensors go for which no device is named."""
    return backend_for(_default.device or _CPU)


def get_default_device() -> Device:
    return _default.device or _CPU


def swap_default_device(device: Any) -> Any:
    """Sets this thread's default device and returns the one before."""
    before, _default.device = _default.device, device
    return before


def set_default_device(device: Any) -> None:
    """Makes new tensors of this thread go to `device`. Raises RuntimeError where there is no such device."""
    swap_default_device(None if device is None else backend_for(device).device)


@lru_cache(maxsize=1)
def domain_modules() -> dict[str, str]:
    """Names under `facula` that domain packages provide."""
    return {name: path for part in plugins().manager.hook.domains() for name, path in part.items()}
