"""What a type of device offers beside arrays: which device is current, streams, events, memory.

A plug-in names it in its `DeviceSpec` (`runtime="my_package.runtime:MyRuntime"`); one instance is made
at the first question. `facula.cuda` asks the runtime of the device type 'cuda', and knows nothing else
of it, so any package may stand behind it. Everything here has a default: the one of a device that runs
one thing after another and counts no memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any, Protocol

from facula._device import device as Device


class EventHandle(Protocol):
    """A moment on a stream."""

    @property
    def done(self) -> bool:
        """Whether all that was asked for before it has ended; true before the first `record`."""

    def record(self, stream: Any) -> None:
        """Sets the moment: after all that was asked of the stream up to now."""

    def synchronize(self) -> None:
        """Waits, on the host, for the moment."""


class StreamHandle(Protocol):
    """A queue of work on one device."""

    ptr: int
    "What the driver calls it, for other libraries."

    @property
    def done(self) -> bool:
        """Whether the queue is empty."""

    def synchronize(self) -> None:
        """Waits, on the host, until the queue is empty."""

    def wait_event(self, event: Any) -> None:
        """Work that is queued from now on waits for the event; the host does not."""


class _Nothing:
    """Stream and event of a device that runs one thing after another."""

    ptr = 0
    done = True

    def record(self, stream: Any) -> None:
        self.time = perf_counter()

    def synchronize(self) -> None:
        """Nothing is pending."""

    def wait_event(self, event: Any) -> None:
        """It has happened."""


class DeviceRuntime:
    """Base of runtimes. `index` counts devices of this type from 0."""

    def __init__(self) -> None:
        self._stream = _Nothing()

    # ---- devices

    def current_device(self) -> int:
        """The device that the type's name without an index means in this thread."""
        return 0

    def set_device(self, index: int) -> None:
        """Makes a device the current one of this thread."""
        if index != 0:
            raise RuntimeError(
                f"{type(self).__name__} has one device, number {index} was asked for"
            )

    def synchronize(self, index: int) -> None:
        """Waits until a device has done all it was asked to."""

    def properties(self, index: int) -> Mapping[str, Any]:
        """At least `name` and `total_memory` (bytes), `major` and `minor` (of the architecture)."""
        raise NotImplementedError(f"{type(self).__name__} does not describe its devices")

    # ---- streams and events

    def new_stream(self, index: int, priority: int) -> StreamHandle:
        """A further queue; of lower `priority` number is served first."""
        return self._stream

    def default_stream(self, index: int) -> StreamHandle:
        """The queue that is current where none was chosen."""
        return self._stream

    def current_stream(self, index: int) -> StreamHandle:
        """The queue that this thread's work goes to."""
        return self._stream

    def set_stream(self, index: int, stream: Any) -> None:
        """Chooses the queue of this thread's further work."""

    def new_event(self, index: int, timing: bool, blocking: bool) -> EventHandle:
        """A moment to be recorded; `blocking`: the host sleeps while it waits."""
        return _Nothing()

    def elapsed(self, start: Any, end: Any) -> float:
        """Milliseconds between two events that have happened."""
        return float(end.time - start.time) * 1e3

    # ---- memory, in bytes

    def memory_info(self, index: int) -> tuple[int, int]:
        """(free, total) of the whole device, other programs included."""
        raise NotImplementedError(f"{type(self).__name__} does not count memory")

    def memory_statistics(self, index: int) -> Mapping[str, int]:
        """`allocated` (in tensors), `reserved` (held by the pool), `peak_allocated`, `peak_reserved`."""
        return {"allocated": 0, "reserved": 0, "peak_allocated": 0, "peak_reserved": 0}

    def reset_peak(self, index: int) -> None:
        """Makes the peaks what is in use now."""

    def release_memory(self, index: int) -> None:
        """Gives memory that the pool holds unused back to the driver."""

    def limit_memory(self, index: int, fraction: float) -> None:
        """Makes allocations beyond this part of the device's memory fail as out of memory."""
        raise NotImplementedError(f"{type(self).__name__} has no memory limit")


_runtimes: dict[str, DeviceRuntime] = {}


def runtime_of(device_type: str) -> DeviceRuntime:
    """The runtime of a type of device; the default one where its plug-in names none.

    Raises RuntimeError where no plug-in provides the type, or where the runtime cannot be loaded.
    """
    found = _runtimes.get(device_type)
    if found is None:
        from facula.backends.registry import load_runtime

        found = _runtimes[device_type] = load_runtime(Device(device_type))
    return found
