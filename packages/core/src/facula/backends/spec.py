"""The plug-in contract: all hooks that a package may implement, in one place.

A package names its entry module under the entry-point group `facula`; that module implements hooks with
`facula.backends.hookimpl`. The module must import no driver: `devices` returns *where* the backend is,
and it is imported at the first use of the device.

    # my_package/plugin.py                      pyproject.toml:
    from facula.backends import DeviceSpec, hookimpl      [project.entry-points.facula]
                                                          mine = "my_package.plugin"
    @hookimpl
    def devices():
        return [DeviceSpec("mine", "my_package.backend:MyBackend", contract=1)]
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pluggy

hookspec = pluggy.HookspecMarker("facula")
hookimpl = pluggy.HookimplMarker("facula")


@dataclass(frozen=True)
class DeviceSpec:
    """A type of device that a plug-in provides.

    `type`: its name in `facula.device`; `backend`: 'module:Class', a `Backend` called with the device;
    `contract`: the CONTRACT_VERSION that it was written for; `count`: 'module:function' that returns the
    number of devices (1 where not given); `install`: what to do where it cannot be loaded; `accelerator`:
    whether programs that ask for the machine's accelerator should get it; `runtime`: 'module:Class' of a
    `DeviceRuntime`, which answers questions about streams, memory and the like.

    What `backend`, `count` and `runtime` raise is shown to the user, with `install` as the remedy
    unless the exception has a `remedy` of its own.
    """

    type: str
    backend: str
    contract: int
    count: str = ""
    description: str = ""
    install: str = ""
    accelerator: bool = True
    runtime: str = ""


@dataclass(frozen=True)
class KernelSpec:
    """Faster kernels for a device type that is there already.

    `kernels`: 'module:function', called as `function(op, backend)` once per op; it returns a kernel or
    None. A kernel may return NotImplemented for a dtype, size or layout, and the next one is asked.
    Providers of lower `order` are asked first.

    Asking costs some 0.2 µs a call. With `wraps` the provider does it itself: `function(op, backend, below)`
    gets the kernel that would run without it, and what it returns (`below`, where it has nothing to add) takes its place.

    `inplace`: 'module:function', called once as `function(backend)`: a table of kernels that write into their arguments,
    by name ('add_', 'sgd_update'); each may return NotImplemented, and what the device has is asked next.
    """

    type: str
    kernels: str
    contract: int
    order: int = 50
    name: str = field(default="")
    wraps: bool = False
    inplace: str = ""


@hookspec
def devices() -> list[DeviceSpec]:  # type: ignore[empty-body]
    """Types of device that this package provides."""


@hookspec
def kernels() -> list[KernelSpec]:  # type: ignore[empty-body]
    """Kernels that this package adds to devices that others provide."""


@hookspec
def ops() -> list[str]:  # type: ignore[empty-body]
    """Modules whose import registers further ops."""


@hookspec
def domains() -> dict[str, str]:  # type: ignore[empty-body]
    """Domain packages: the name under `facula` and the module, as {'vision': 'facula_vision'}."""


@hookspec
def compilers() -> dict[str, str]:  # type: ignore[empty-body]
    """Compilers for `facula.compile(backend=NAME)`: NAME and 'module:function'."""
