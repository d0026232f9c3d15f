"""What a profile is made of: events with a beginning and an end, one within another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple


class TimeRange(NamedTuple):
    """Beginning and end in microseconds, from the beginning of the profile."""

    start: float
    end: float

    def elapsed_us(self) -> float:
        """The time between them."""
        return self.end - self.start


class Kernel(NamedTuple):
    """One kernel (or copy) on a device: its name, and its times in nanoseconds on the host's clock."""

    name: str
    device: str
    start: int
    end: int
    event: Event | None  # in which it was launched

    @property
    def duration(self) -> float:
        """Microseconds."""
        return (self.end - self.start) / 1000


class Event:
    """One call: of an operation, of its gradient, of a `record_function` block, or one copy between devices.

    Times are in microseconds, memory in bytes. `self_...` leaves out what happened in events within this
    one. The names are those of PyTorch's `FunctionEvent`.
    """

    # Most events need little of what follows: defaults of the class keep the making of one cheap.
    cpu_children: Sequence[Event] = ()
    input_shapes: Sequence[Any] = ()
    stack: Sequence[str] = ()
    kernels: Sequence[Kernel] = ()
    self_copies: Mapping[str, tuple[int, int]] = MappingProxyType({})  # kind: number, bytes
    self_cpu_memory_usage = self_device_memory_usage = self_host_fallbacks = 0
    flops = 0  # floating-point operations of its own, not those of events within it
    module_hierarchy = ""  # the module in whose call it lies (or its op lay), as 'Net.encoder.0'
    sequence_nr = -1  # of the tape's node: the same for an op and its gradient
    count = 1
    start: int
    end: int

    def __init__(self, name: str, kind: str, parent: Event | None, recording: Any):
        self.name, self.kind, self.cpu_parent, self.recording = name, kind, parent, recording
        if parent is not None:
            if parent.cpu_children:
                parent.cpu_children.append(self)  # type: ignore[attr-defined]
            else:
                parent.cpu_children = [self]

    def add_kernel(self, kernel: Kernel) -> None:
        """Notes a kernel that it launched."""
        self.kernels = [*self.kernels, kernel]

    def count_flops(self, flops: int) -> None:
        """Notes its floating-point operations, unless they were counted for events within it."""
        if flops and not any(e.flops for child in self.cpu_children for e in child.walk()):
            self.flops = flops

    def add_copy(self, kind: str, nbytes: int) -> None:
        """Notes a copy that it made."""
        n, before = self.self_copies.get(kind, (0, 0))
        self.self_copies = {**self.self_copies, kind: (n + 1, before + nbytes)}

    @property
    def thread(self) -> int:
        """The operating system's number of the thread."""
        return int(self.recording.thread)

    @property
    def key(self) -> str:
        """What `key_averages` puts events together by."""
        return self.name

    @property
    def is_user_annotation(self) -> bool:
        """Whether it is a `record_function` block or a step."""
        return self.kind == "user_annotation"

    @property
    def time_range(self) -> TimeRange:
        """When it happened."""
        origin = self.recording.start
        return TimeRange((self.start - origin) / 1000, (self.end - origin) / 1000)

    @property
    def cpu_time_total(self) -> float:
        """Time on the host, from its beginning to its end."""
        return (self.end - self.start) / 1000

    cpu_time = cpu_time_total

    @property
    def self_cpu_time_total(self) -> float:
        """The same without the events within it."""
        return self.cpu_time_total - sum(c.cpu_time_total for c in self.cpu_children)

    @property
    def self_device_time_total(self) -> float:
        """Time of the kernels that it launched itself."""
        return sum(k.duration for k in self.kernels)

    @property
    def device_time_total(self) -> float:
        """The same with those of the events within it."""
        return self.self_device_time_total + sum(c.device_time_total for c in self.cpu_children)

    device_time = device_time_total

    @property
    def cpu_memory_usage(self) -> int:
        """Bytes allocated on the host, less those freed."""
        return self.self_cpu_memory_usage + sum(c.cpu_memory_usage for c in self.cpu_children)

    @property
    def device_memory_usage(self) -> int:
        """The same on other devices."""
        return self.self_device_memory_usage + sum(c.device_memory_usage for c in self.cpu_children)

    @property
    def copies(self) -> int:
        """How many copies between devices it made."""
        own = sum(n for n, _ in self.self_copies.values())
        return own + sum(c.copies for c in self.cpu_children)

    @property
    def copied_bytes(self) -> int:
        """The bytes of these."""
        own = sum(n for _, n in self.self_copies.values())
        return own + sum(c.copied_bytes for c in self.cpu_children)

    @property
    def host_fallbacks(self) -> int:
        """How many operations ran on the host because their device has no kernel for them."""
        return self.self_host_fallbacks + sum(c.host_fallbacks for c in self.cpu_children)

    def walk(self) -> Iterator[Event]:
        """This event and all within it, in the order in which they began."""
        yield self
        for child in self.cpu_children:
            yield from child.walk()

    def __repr__(self) -> str:
        return f"<{self.kind} '{self.name}', {self.cpu_time_total:.1f} us>"
