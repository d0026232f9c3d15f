"""Events put together by name, and the lists of events and of averages that a profile gives."""

from __future__ import annotations

from typing import Any

from facula.profiler.events import Event, Kernel

#: What adds up over events.
SUMS = (
    "count", "cpu_time_total", "self_cpu_time_total", "device_time_total", "self_device_time_total", "cpu_memory_usage",
    "self_cpu_memory_usage", "device_memory_usage", "self_device_memory_usage", "copies", "copied_bytes", "host_fallbacks", "flops",
)  # fmt: skip


class Average:
    """Events of one name (and, as asked for, input shapes and callers), added up; PyTorch's names and units."""

    count: int
    cpu_time_total: float
    self_cpu_time_total: float
    device_time_total: float
    self_device_time_total: float
    cpu_memory_usage: int
    self_cpu_memory_usage: int
    device_memory_usage: int
    self_device_memory_usage: int
    copies: int
    copied_bytes: int
    host_fallbacks: int
    flops: int

    def __init__(self, key: str):
        self.key = key
        self.input_shapes: list[Any] = []
        self.stack: list[str] = []
        self.is_user_annotation = False
        for name in SUMS:
            setattr(self, name, 0)

    def add(self, other: Event | Average) -> Average:
        """Adds an event, or another average."""
        for name in SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    def add_kernel(self, kernel: Kernel) -> None:
        """Adds a kernel: time on the device alone."""
        self.count += 1
        self.device_time_total += kernel.duration
        self.self_device_time_total += kernel.duration

    @property
    def cpu_time(self) -> float:
        """Mean time on the host, in microseconds."""
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def device_time(self) -> float:
        """Mean time on the device, in microseconds."""
        return self.device_time_total / self.count if self.count else 0.0

    def __repr__(self) -> str:
        return (
            f"<average of {self.count} '{self.key}': cpu_time={self.cpu_time:.3f}us "
            f"self_cpu_time_total={self.self_cpu_time_total:.3f}us>"
        )


class EventList(list[Any]):
    """Events, or averages of events, with the ways to show them."""

    def __init__(self, events: Any, recording: Any):
        super().__init__(events)
        self.recording = recording

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds on the host in all."""
        return float(sum(e.self_cpu_time_total for e in self))

    def key_averages(
        self,
        group_by_input_shape: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:
        """One average for each name; with `group_by_input_shape` and `group_by_stack_n` (callers) apart by these too."""
        averages: dict[Any, Average] = {}
        inside: dict[int, set[Any]] = {}
        for event in self:
            stack = list(event.stack[:group_by_stack_n])
            key = (
                event.key,
                event.is_user_annotation,
                str(event.input_shapes) if group_by_input_shape else "",
                tuple(stack),
            )
            found = averages.get(key)
            if found is None:
                found = averages[key] = Average(event.key)
                found.input_shapes = list(event.input_shapes) if group_by_input_shape else []
                found.stack, found.is_user_annotation = stack, event.is_user_annotation
            found.add(event)
            _leave_out_nested(found, event, key, inside)
        kernels: dict[str, Average] = {}
        for kernel in self.recording.kernels:
            kernels.setdefault(kernel.name, Average(kernel.name)).add_kernel(kernel)
        return EventList([*averages.values(), *kernels.values()], self.recording)

    def total_average(self) -> Average:
        """All together."""
        total = Average("Total")
        for event in self:
            total.add(event)
        return total

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int = 75,
        max_name_column_width: int = 55,
        max_shapes_column_width: int = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
        time_unit: str | None = None,
    ) -> str:
        """A table for people, with PyTorch's columns; `sort_by` names one, such as 'self_cpu_time_total'."""
        from facula.profiler.table import table

        widths = (max_name_column_width, max_shapes_column_width, max_src_column_width)
        return table(self, sort_by, row_limit, widths, header, top_level_events_only, time_unit)

    def export_chrome_trace(self, path: Any) -> None:
        """See `profile.export_chrome_trace`."""
        from facula.profiler.trace import write_trace

        write_trace(self.recording, path)

    def export_stacks(self, path: Any, metric: str = "self_cpu_time_total") -> None:
        """See `profile.export_stacks`."""
        from facula.profiler.trace import write_stacks

        write_stacks(self.recording, path, metric)

    def __str__(self) -> str:
        return self.table()


def _leave_out_nested(
    average: Average, event: Event, key: Any, inside: dict[int, set[Any]]
) -> None:
    """A total counts a moment once: not again what lies in an event of the same key."""
    parent = event.cpu_parent
    around = inside.get(id(parent), set()) if parent is not None else set()
    if key in around:
        for name in SUMS:
            if name not in ("count", "flops") and not name.startswith("self_"):
                setattr(average, name, getattr(average, name) - getattr(event, name))
    inside[id(event)] = around | {key}
