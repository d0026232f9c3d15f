"""How a profiler listens to devices: copies, kernels, memory and calls on the host, while one runs.

`Backend.profile` is None but while a profiler runs, when it is a `Log`. For raw devices the functions that
every kernel and copy goes through are wrapped on the instance, so nothing is left of it afterwards.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from facula.backends import registry
from facula.profiler.recording import Pending, Recording, clock


class _Active(threading.local):
    recording: Recording | None = None


#: The recording of this thread, where one is under way.
active = _Active()


class Log:
    """What a device may tell a running profiler; `docs/design/profiler.md` says when."""

    def __init__(self, backend: Any):
        self.backend = backend
        self.device = str(backend.device)

    def kernel(self, name: str, handle: Any, within: Any = None) -> None:
        """A kernel was enqueued; `kernel_times` of the backend will be asked for the times of `handle`.

        `within`: what `now` gave when it was asked for, for a kernel that is enqueued later than that.
        """
        recording = active.recording
        if recording is not None:
            event = within if within is not None else recording.current
            recording.pending.append(Pending(name, self.backend, handle, event))

    def now(self) -> Any:
        """The operation that runs at this moment in this thread; None for none."""
        return None if active.recording is None else active.recording.current

    def copied(self, kind: str, nbytes: int) -> None:
        """Bytes were copied: 'HtoD' from the host to the device, 'DtoH' back, 'DtoD' from device to device."""
        if active.recording is not None:
            active.recording.copied(f"{kind} {self.device}", nbytes)

    def allocated(self, nbytes: int) -> None:
        """Memory of the device was taken."""
        if active.recording is not None:
            active.recording.allocated(self.device, nbytes)

    def freed(self, nbytes: int) -> None:
        """Memory of the device was given back."""
        if active.recording is not None:
            active.recording.allocated(self.device, -nbytes)

    def fallback(self, op_name: str) -> None:
        """An operation runs on the host."""
        if active.recording is not None:
            active.recording.fallback(op_name, self.backend)


_lock = threading.RLock()
_listeners = 0


def listen() -> None:
    """Makes all devices tell, those too that are loaded from now on; ended by as many `unlisten`."""
    global _listeners
    with _lock:
        _listeners += 1
        if _listeners == 1:
            registry.on_load.append(_attach)
            for backend in registry.loaded():
                _attach(backend)


def unlisten() -> None:
    """Ends one `listen`."""
    global _listeners
    with _lock:
        _listeners -= 1
        if _listeners == 0:
            registry.on_load.remove(_attach)
            for backend in registry.loaded():
                _detach(backend)


_WRAPPED = "_profiled_functions"


def _attach(backend: Any) -> None:
    from facula.backends.buffer import BufferBackend

    if _WRAPPED in backend.__dict__:
        return
    backend.profile = log = Log(backend)
    wrappers: dict[str, Callable[..., Any]] = {}
    if isinstance(backend, BufferBackend):
        own = type(backend)  # one that copies by itself goes past copy_in and copy_out
        wrappers["alloc"] = _alloc
        wrappers |= (
            {"copy_in": _copy_in} if own.asarray is BufferBackend.asarray else {"asarray": _asarray}
        )
        wrappers |= (
            {"copy_out": _copy_out}
            if own.to_numpy is BufferBackend.to_numpy
            else {"to_numpy": _to_numpy}
        )
        if not hasattr(backend, "kernel_times"):
            wrappers["launch"] = _launch
    elif backend.device.type != "cpu" and backend.has_values:
        wrappers = {"asarray": _asarray, "to_numpy": _to_numpy}
    # Some backends have such functions of their own, as attributes of the instance.
    backend.__dict__[_WRAPPED] = {name: backend.__dict__.get(name) for name in wrappers}
    for name, wrap in wrappers.items():
        setattr(backend, name, wrap(getattr(backend, name), log))


def _detach(backend: Any) -> None:
    for name, own in backend.__dict__.pop(_WRAPPED, {}).items():
        if own is None:
            backend.__dict__.pop(name, None)
        else:
            setattr(backend, name, own)
    backend.profile = None


def _timed(run: Callable[..., Any], args: Any, kind: str, nbytes: int) -> Any:
    """A copy as an event of its own."""
    recording = active.recording
    if recording is None:
        return run(*args)
    event = recording.begin(f"Memcpy {kind}", "gpu_memcpy")
    try:
        return run(*args)
    finally:
        recording.copied(kind, nbytes)
        recording.finish(event)


def _copy_in(original: Callable[..., Any], log: Log) -> Callable[..., Any]:
    def copy_in(buffer: Any, data: Any) -> Any:
        kind = f"HtoD {log.device}"
        return _timed(original, (buffer, data), kind, memoryview(data).nbytes)

    return copy_in


def _copy_out(original: Callable[..., Any], log: Log) -> Callable[..., Any]:
    def copy_out(buffer: Any, *args: Any) -> Any:
        recording = active.recording
        if recording is None:
            return original(buffer, *args)
        event = recording.begin(f"Memcpy DtoH {log.device}", "gpu_memcpy")
        try:
            data = original(buffer, *args)
            recording.copied(f"DtoH {log.device}", memoryview(data).nbytes)
            return data
        finally:
            recording.finish(event)

    return copy_out


def _alloc(original: Callable[..., Any], log: Log) -> Callable[..., Any]:
    def alloc(nbytes: int) -> Any:
        buffer = original(nbytes)
        recording = active.recording
        if recording is not None and recording.memory:
            recording.follow(buffer, log.device, nbytes)
        return buffer

    return alloc


def _launch(original: Callable[..., Any], log: Log) -> Callable[..., Any]:
    def launch(kernel: Any, *arguments: Any) -> None:
        recording = active.recording
        start = clock()
        original(kernel, *arguments)
        if recording is not None:
            recording.kernel(kernel_name(kernel), log.backend, start, clock())

    return launch


def _asarray(original: Callable[..., Any], log: Log) -> Callable[..., Any]:
    def asarray(array: Any) -> Any:
        if isinstance(array, log.backend.Array):
            return original(array)
        kind = f"HtoD {log.device}"
        return _timed(original, (array,), kind, getattr(array, "nbytes", 0))

    return asarray


def _to_numpy(original: Callable[..., Any], log: Log) -> Callable[..., Any]:
    def to_numpy(array: Any) -> Any:
        kind = f"DtoH {log.device}"
        return _timed(original, (array,), kind, getattr(array, "nbytes", 0))

    return to_numpy


def kernel_name(kernel: Any) -> str:
    """A kernel's description in a few words: 'map a + b float32', 'matmul float32'."""
    parts = [type(kernel).__name__.lower()]
    for field in ("expression", "combine", "better", "dtype"):
        value = getattr(kernel, field, None)
        if value is not None:
            text = str(value)
            parts.append(text if len(text) <= 60 else text[:57] + "...")
    return " ".join(parts)
