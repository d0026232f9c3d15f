"""The older names of the profiler, as `torch.autograd.profiler`."""

from __future__ import annotations

from typing import Any, Self

from facula.profiler import profile as _profile, record_function
from facula.profiler.averages import Average, EventList

__all__ = ["profile", "record_function"]


class profile:
    """As `facula.profiler.profile`, without steps; `enabled=False` does nothing at all."""

    def __init__(
        self,
        enabled: bool = True,
        *,
        use_cuda: bool = False,
        use_device: str | None = None,
        record_shapes: bool = False,
        with_flops: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_modules: bool = False,
        use_kineto: bool = True,
        use_cpu: bool = True,
        **options: Any,
    ):
        self.enabled = enabled
        self._inner = _profile(
            record_shapes=record_shapes,
            profile_memory=profile_memory,
            with_stack=with_stack,
            with_flops=with_flops,
            with_modules=with_modules,
        )

    def __enter__(self) -> Self:
        if self.enabled:
            self._inner.start()
        return self

    def __exit__(self, *exc: Any) -> None:
        if self.enabled:
            self._inner.stop()

    @property
    def function_events(self) -> EventList:
        """All events. Raises RuntimeError where nothing was profiled."""
        return self._inner.events()

    def key_averages(
        self, group_by_input_shape: bool = False, group_by_stack_n: int = 0
    ) -> EventList:
        """Events added up by name."""
        return self._inner.key_averages(group_by_input_shape, group_by_stack_n)

    def table(self, **options: Any) -> str:
        """A table of all events; options as those of `EventList.table`."""
        return self.function_events.table(**options)

    def total_average(self) -> Average:
        """All events added up."""
        return self.function_events.total_average()

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds on the host in all."""
        return self.function_events.self_cpu_time_total

    def export_chrome_trace(self, path: Any) -> None:
        """See `facula.profiler.profile`."""
        self._inner.export_chrome_trace(path)

    def export_stacks(self, path: Any, metric: str = "self_cpu_time_total") -> None:
        """See `facula.profiler.profile`."""
        self._inner.export_stacks(path, metric)

    def __str__(self) -> str:
        return self.table() if self.enabled else ""
