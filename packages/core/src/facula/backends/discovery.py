"""Which plug-ins are installed: found through entry points and pluggy, once, at the first use of a device."""

from __future__ import annotations

import importlib
import os
import threading
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pluggy

from facula.backends import spec
from facula.backends.base import CONTRACT_VERSION, OLDEST_CONTRACT
from facula.backends.entry_points import EntryPoint, entry_points
from facula.backends.spec import DeviceSpec, KernelSpec

BUILT_IN = (
    DeviceSpec(
        "meta",
        "facula.backends.meta:MetaBackend",
        CONTRACT_VERSION,
        description="shapes and dtypes only",
        accelerator=False,
    ),
    DeviceSpec(
        "toy",
        "facula.backends.toy:ToyBackend",
        CONTRACT_VERSION,
        description="pure Python over bytearrays",
        accelerator=False,
    ),
    DeviceSpec(
        "c",
        "facula.testing.c_device:CBackend",
        CONTRACT_VERSION,
        description="printed C, compiled with cc: to test and debug kernels",
        accelerator=False,
    ),
)


@dataclass
class Plugins:
    """All that was found: devices, kernel providers, modules of ops, domain packages, compilers.

    `sources` says which distribution a device type came from, `broken` what is wrong with a plug-in.
    """

    manager: pluggy.PluginManager
    devices: dict[str, DeviceSpec] = field(default_factory=dict)
    kernels: list[tuple[KernelSpec, str]] = field(default_factory=list)
    ops: list[tuple[str, str]] = field(default_factory=list)
    domains: dict[str, str] = field(default_factory=dict)
    compilers: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)


_found: Plugins | None = None
_lock = threading.RLock()


def plugins() -> Plugins:
    """The plug-ins of this process, looked for at the first call."""
    global _found
    if _found is None:
        with _lock:
            if _found is None:
                _found = _find()
    return _found


def _find() -> Plugins:
    manager = pluggy.PluginManager("facula")
    manager.add_hookspecs(spec)
    found = Plugins(manager)
    for d in BUILT_IN:
        found.devices[d.type], found.sources[d.type] = d, "facula-core"
    problems = {}
    for entry in entry_points("facula"):
        try:
            _add(found, entry, entry.source)
        except Exception as error:  # whatever is wrong with a plug-in, facula goes on without it
            problems[entry.source] = describe(error)
    found.kernels.sort(key=lambda k: (k[0].order, k[1]))
    for source, problem in problems.items():
        report_broken(source, problem, found)
    return found


def _add(found: Plugins, entry: EntryPoint, source: str) -> None:
    """Takes up one plug-in as a whole, or nothing of it."""
    module = importlib.import_module(entry.value)
    name = found.manager.register(module, name=f"{source}: {entry.name}")
    try:
        found.manager.check_pending()
        others = [p for p in found.manager.get_plugins() if p is not module]
        offers = {hook: _ask(found.manager, hook, others) for hook in _HOOKS}
        _check(found, offers)
    except BaseException:
        found.manager.unregister(name=name)
        raise
    for d in offers["devices"]:
        found.devices[d.type], found.sources[d.type] = d, source
    found.kernels += [(k, source) for k in offers["kernels"]]
    found.ops += [(path, source) for path in offers["ops"]]
    found.domains |= dict(offers["domains"])
    found.compilers |= dict(offers["compilers"])


_HOOKS = ("devices", "kernels", "ops", "domains", "compilers")


def _ask(manager: pluggy.PluginManager, hook: str, others: list[Any]) -> list[Any]:
    answers = manager.subset_hook_caller(hook, others)()
    return [x for part in answers for x in (part.items() if isinstance(part, dict) else part)]


def _check(found: Plugins, offers: dict[str, list[Any]]) -> None:
    for hook, kind in (("devices", DeviceSpec), ("kernels", KernelSpec)):
        for item in offers[hook]:
            if not isinstance(item, kind):
                raise TypeError(
                    f"its hook '{hook}' returned {item!r}, expected a list of {kind.__name__}"
                )
            _check_contract(item.contract)
    for d in offers["devices"]:
        if d.type in found.devices:
            raise ValueError(
                f"device type '{d.type}' is already provided by {found.sources[d.type]}"
            )


def _check_contract(contract: Any) -> None:
    if type(contract) is not int:
        raise ValueError(
            f"its contract is {contract!r}, expected an integer: {CONTRACT_VERSION} in this facula-core"
        )
    if contract > CONTRACT_VERSION:
        raise ValueError(
            f"it was written for contract {contract}, this facula-core has {CONTRACT_VERSION}; "
            f"upgrade with: pip install -U facula-core"
        )
    if contract < OLDEST_CONTRACT:
        raise ValueError(
            f"it was written for contract {contract}, this facula-core needs {OLDEST_CONTRACT} or later; "
            f"install a newer version of it"
        )


def describe(error: BaseException) -> str:
    """An exception as one line. Ours need no class name, those of a plug-in's code say where it was."""
    text = " ".join(str(error).split())
    if isinstance(error, ValueError) and text:
        return text
    named = f"{type(error).__name__}: {text}".rstrip(": ")
    told = isinstance(error, (ImportError, SyntaxError)) or hasattr(error, "remedy")
    return named if told else named + _place(error)


def _place(error: BaseException) -> str:
    """' (file, line n)' of the innermost frame that an exception passed."""
    *_, last = traceback.extract_tb(error.__traceback__) or [None]
    return f" ({os.path.basename(last.filename)}, line {last.lineno})" if last else ""


def report_broken(source: str, problem: str, found: Plugins | None = None) -> None:
    """Notes that a plug-in is broken, and says so, once."""
    found = plugins() if found is None else found
    if source not in found.broken:
        found.broken[source] = problem
        warnings.warn(
            f"facula plug-in '{source}' is broken and was left out: {problem}", stacklevel=2
        )


def resolve(path: str) -> Any:
    """What 'module:name' names. Raises ImportError where there is no such thing."""
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except AttributeError as error:
        raise ImportError(f"'{path}' names nothing: {error}") from error


def guarded(make: Callable[..., Any], source: str) -> Callable[..., Any]:
    """`make`, or None from then on where it raises: its plug-in is reported as broken."""

    def call(*args: Any) -> Any:
        if source in plugins().broken:
            return None
        try:
            return make(*args)
        except Exception as error:
            return report_broken(source, describe(error))

    return call


_ops_loaded = False


def load_ops() -> None:
    """Imports facula's ops and the modules by which plug-ins register theirs; once."""
    global _ops_loaded
    importlib.import_module("facula.ops")
    if not _ops_loaded:
        _ops_loaded = True
        for path, source in plugins().ops:
            guarded(importlib.import_module, source)(path)


def domain_modules() -> dict[str, str]:
    """Names under `facula` that domain packages provide, and their modules."""
    return plugins().domains
