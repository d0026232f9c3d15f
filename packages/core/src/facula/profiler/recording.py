"""One recording: the events of one thread while a profiler runs, and what devices tell of themselves."""

from __future__ import annotations

import sys
import threading
import time
import weakref
from typing import Any

from facula.graph.errors import is_ours
from facula.profiler.events import Event, Kernel

clock = time.perf_counter_ns


class Pending:
    """A kernel whose times its device will tell at the end."""

    __slots__ = ("backend", "event", "handle", "name", "queued")

    def __init__(self, name: str, backend: Any, handle: Any, event: Event | None):
        self.name, self.backend, self.handle, self.event = name, backend, handle, event
        self.queued = clock()


class Recording:
    """Events as a forest: `open` are those that have begun and not ended, outermost first."""

    def __init__(
        self, shapes: bool, memory: bool, stack: bool, flops: bool = False, modules: bool = False
    ):
        self.shapes, self.memory, self.stack = shapes, memory, stack
        self.flops, self.modules = flops, modules
        self.module = ""  # the path of the one that is being called
        #: By the number of the tape's node: the event of the op that made it.
        self.makers: dict[int, Event] = {}
        self.roots: list[Event] = []
        self.open: list[Event] = []
        self.kernels: list[Kernel] = []
        self.pending: list[Pending] = []
        self.fallbacks: dict[str, int] = {}
        self.copies: dict[str, tuple[int, int]] = {}
        self.allocations: list[tuple[int, str, int, int]] = []  # when, where, bytes, total then
        self.totals: dict[str, int] = {}
        self.thread = threading.get_native_id()
        self.is_over = False
        self.start = self.end = clock()
        self._live: dict[int, Any] = {}

    # ---- events

    def begin(self, name: str, kind: str, inputs: Any = ()) -> Event:
        opened = self.open
        parent = opened[-1] if opened else None
        event = Event(name, kind, parent, self)
        if self.module:
            event.module_hierarchy = self.module
        if parent is None:
            self.roots.append(event)
        if self.shapes:
            event.input_shapes = [shape_of(x) for x in inputs]
        if self.stack:
            event.stack = user_stack()
        opened.append(event)
        event.start = event.end = clock()
        return event

    def finish(self, event: Event) -> None:
        """Ends an event, and those within it that an exception left open."""
        now = clock()
        opened = self.open
        if opened and opened[-1] is event:
            event.end = now
            opened.pop()
        elif event in opened:
            for left in opened[opened.index(event) :]:
                left.end = now
            del opened[opened.index(event) :]

    def close(self) -> None:
        """Ends the recording: what is open ends, and devices are asked for the times of their kernels."""
        self.end = clock()
        self.is_over = True
        for event in self.open:
            event.end = self.end
        self.open.clear()
        self._live.clear()
        self._ask_devices()

    @property
    def current(self) -> Event | None:
        return self.open[-1] if self.open else None

    # ---- what devices tell

    def kernel(self, name: str, backend: Any, start: int, end: int) -> None:
        """A kernel whose times are known."""
        self._add(Kernel(name, str(backend.device), start, end, self.current))

    def _add(self, kernel: Kernel) -> None:
        self.kernels.append(kernel)
        if kernel.event is not None:
            kernel.event.add_kernel(kernel)

    def _ask_devices(self) -> None:
        by_backend: dict[Any, list[Pending]] = {}
        for p in self.pending:
            by_backend.setdefault(p.backend, []).append(p)
        self.pending = []
        for backend, waiting in by_backend.items():
            backend.synchronize()
            self._add_later(backend, waiting, backend.kernel_times([p.handle for p in waiting]))

    def _add_later(self, backend: Any, waiting: list[Pending], times: Any) -> None:
        """Kernels whose device told its times; one shift for all takes its clock to the host's.

        We noted the moment just after each was enqueued, so the least difference is the nearest.
        """
        told = [(p, t) for p, t in zip(waiting, times) if t is not None]
        shift = min((p.queued - t[0] for p, t in told if t[0] is not None), default=0)
        for p, (queued, start, end) in told:
            by = 0 if queued is None else shift
            kernel = Kernel(p.name, str(backend.device), int(start + by), int(end + by), p.event)
            self._add(kernel)

    def copied(self, kind: str, nbytes: int) -> None:
        n, before = self.copies.get(kind, (0, 0))
        self.copies[kind] = (n + 1, before + nbytes)
        if self.current is not None:
            self.current.add_copy(kind, nbytes)

    def fallback(self, op_name: str, backend: Any) -> None:
        key = f"{op_name} on {backend.device}"
        self.fallbacks[key] = self.fallbacks.get(key, 0) + 1
        if self.current is not None:
            self.current.self_host_fallbacks += 1

    # ---- memory

    def allocated(self, device: str, nbytes: int, event: Event | None = None) -> None:
        """`nbytes` more (or, where negative, less) on a device; counted for the event that is open."""
        if self.is_over or not self.memory:
            return
        event = event or self.current
        if event is not None:
            if device == "cpu":
                event.self_cpu_memory_usage += nbytes
            else:
                event.self_device_memory_usage += nbytes
        self.totals[device] = self.totals.get(device, 0) + nbytes
        self.allocations.append((clock(), device, nbytes, self.totals[device]))

    def follow(self, memory: Any, device: str, nbytes: int, event: Event | None = None) -> None:
        """Counts memory as allocated, and as freed when nothing refers to `memory` any more."""
        key = id(memory)
        if key in self._live:
            return
        me = weakref.ref(self)

        def freed(_: Any) -> None:
            recording = me()
            if recording is not None and recording._live.pop(key, None) is not None:
                recording.allocated(device, -nbytes)

        try:
            self._live[key] = weakref.ref(memory, freed)
        except TypeError:  # its type has no weak references: the freeing is not seen
            pass
        self.allocated(device, nbytes, event)


def shape_of(x: Any) -> Any:
    """The shape of a tensor, a list of them for a list, [] for anything else."""
    if isinstance(x, (tuple, list)):
        return [shape_of(y) for y in x]
    array = getattr(x, "_array", None)
    return list(array.shape) if array is not None else []


def user_stack() -> list[str]:
    """The callers outside Facula, innermost first, as 'file(line): function'."""
    frame, out = sys._getframe(1), []
    while frame is not None:
        code = frame.f_code
        if not is_ours(code.co_filename):
            out.append(f"{code.co_filename}({frame.f_lineno}): {code.co_name}")
        frame = frame.f_back  # type: ignore[assignment]
    return out
