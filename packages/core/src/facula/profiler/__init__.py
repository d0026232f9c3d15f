"""Where the time goes: a profiler with the names of `torch.profiler`."""

from facula.profiler.averages import Average, EventList
from facula.profiler.events import Event, Kernel
from facula.profiler.profile import (
    ProfilerActivity,
    profile,
    record_function,
    supported_activities,
    tensorboard_trace_handler,
)
from facula.profiler.schedule import ProfilerAction, schedule

__all__ = [
    "Average", "Event", "EventList", "Kernel", "ProfilerAction", "ProfilerActivity", "profile", "record_function",
    "schedule", "supported_activities", "tensorboard_trace_handler",
]  # fmt: skip


def kineto_available() -> bool:
    """True: traces can be written."""
    return True
