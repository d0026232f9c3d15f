"""`profile` and `record_function`: what programs use."""

from __future__ import annotations

import os
import socket
import time
import warnings
from collections.abc import Callable, Iterable
from enum import Enum
from functools import wraps
from typing import Any, Self, TypeVar, cast

from facula.autograd.mode import Mode, state
from facula.profiler.averages import EventList
from facula.profiler.devices import active, listen, unlisten
from facula.profiler.events import Event
from facula.profiler.modules import ModuleCalls
from facula.profiler.recording import Recording
from facula.profiler.schedule import ProfilerAction
from facula.profiler.watch import Watch

_Function = TypeVar("_Function", bound=Callable[..., Any])


class ProfilerActivity(Enum):
    """What may be profiled. Facula notes the CPU always, and all devices; the names are accepted."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3
    HPU = 4
    PrivateUse1 = 5


def supported_activities() -> set[ProfilerActivity]:
    """All."""
    return set(ProfilerActivity)


_RECORDS = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)


class profile:
    """Profiles the operations of this thread within a `with` block, as `torch.profiler.profile`.

    Times on the host, and of kernels on devices that tell them, are noted for every operation, every
    gradient and every `record_function` block; so are copies between devices and operations that ran on the host for
    want of a kernel. `record_shapes` keeps the shapes of inputs, `profile_memory` bytes allocated and freed,
    `with_stack` the callers, `with_flops` floating-point operations, `with_modules` the layers. Results are the same as without it. With a `schedule` call `step()` after each
    step; `on_trace_ready(profile)` is called at the end of each round.

    Raises RuntimeError where another one is under way in this thread.

    >>> with facula.profiler.profile(record_shapes=True) as prof:
    ...     facula.ones(3).sum()
    tensor(3.)
    >>> print(prof.key_averages().table(sort_by="self_cpu_time_total", row_limit=10))  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        activities: Iterable[Any] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[..., Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: Any = None,
        execution_trace_observer: Any = None,
        acc_events: bool = False,
        use_cuda: bool | None = None,
        custom_trace_id_callback: Callable[[], str] | None = None,
    ):
        self.schedule = schedule or (lambda step: ProfilerAction.RECORD)
        self.has_steps = schedule is not None
        self.on_trace_ready = on_trace_ready
        self.record_shapes, self.profile_memory = record_shapes, profile_memory
        self.with_stack, self.acc_events = with_stack, acc_events
        self.with_flops, self.with_modules = with_flops, with_modules
        self._modules: ModuleCalls | None = None
        self.step_num = 0
        self.current_action = ProfilerAction.NONE
        self._recording: Recording | None = None
        self._earlier: list[Event] = []
        self._watch: Watch | None = None
        self._step_event: Event | None = None

    # ---- beginning and end

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: Any) -> None:
        self.stop()

    def start(self) -> None:
        """What `with` does at its beginning."""
        self._change_to(self.schedule(self.step_num))
        self._begin_step()

    def stop(self) -> None:
        """What `with` does at its end."""
        self._end_step()
        self._change_to(None)

    def step(self) -> None:
        """Says that the program's next step begins."""
        self._end_step()
        self.step_num += 1
        self._change_to(self.schedule(self.step_num))
        self._begin_step()

    def _change_to(self, action: ProfilerAction | None) -> None:
        before = self.current_action
        self.current_action = action or ProfilerAction.NONE
        is_saved = before is ProfilerAction.RECORD_AND_SAVE or (
            action is None and before is ProfilerAction.RECORD
        )
        if before in _RECORDS and (is_saved or action not in _RECORDS):
            if not is_saved:
                warnings.warn(
                    f"Incorrect schedule: RECORD followed by {self.current_action.name}",
                    stacklevel=4,
                )
            self._end_recording()
        if is_saved and self.on_trace_ready is not None:
            self.on_trace_ready(self)
        if action in _RECORDS and self._watch is None:
            self._begin_recording()

    def _begin_step(self) -> None:
        if self.has_steps and self._watch is not None and self._recording is not None:
            self._step_event = self._recording.begin(
                f"ProfilerStep#{self.step_num}", "user_annotation"
            )

    def _end_step(self) -> None:
        if self._step_event is not None and self._recording is not None:
            self._recording.finish(self._step_event)
        self._step_event = None

    def _begin_recording(self) -> None:
        if active.recording is not None:
            raise RuntimeError(
                "a profiler is under way in this thread already; end it before another one begins"
            )
        if self.acc_events and self._recording is not None:
            self._earlier += self._events()
        self._recording = Recording(
            self.record_shapes,
            self.profile_memory,
            self.with_stack,
            self.with_flops,
            self.with_modules,
        )
        self._watch = Watch(self._recording)
        listen()
        active.recording = self._recording
        if self.with_modules:
            self._modules = ModuleCalls(self._recording)
            self._modules.begin()
        self._watch.push()

    def _end_recording(self) -> None:
        assert self._recording is not None and self._watch is not None
        _take_out(self._watch)
        active.recording = None
        self._watch = None
        if self._modules is not None:
            self._modules.end()
        try:
            self._recording.close()
        finally:
            unlisten()

    # ---- what was found

    def _found(self) -> Recording:
        if self._recording is None:
            raise RuntimeError(
                "nothing was profiled yet: the block has not begun, or its schedule had no active step"
            )
        return self._recording

    def _events(self) -> list[Event]:
        return [e for root in self._found().roots for e in root.walk()]

    def events(self) -> EventList:
        """All events of the last round (with `acc_events`: of all), in the order in which they began."""
        return EventList([*self._earlier, *self._events()], self._found())

    def key_averages(
        self,
        group_by_input_shape: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:
        """Events added up by name: `.table(sort_by=..., row_limit=...)` shows them."""
        return self.events().key_averages(group_by_input_shape, group_by_stack_n)

    def export_chrome_trace(self, path: Any) -> None:
        """Writes a trace that ui.perfetto.dev and chrome://tracing show; gzipped for a path ending in '.gz'."""
        self.events().export_chrome_trace(path)

    def export_stacks(self, path: Any, metric: str = "self_cpu_time_total") -> None:
        """Writes callers with their times, for flame graphs; needs `with_stack`."""
        self.events().export_stacks(path, metric)

    @property
    def copies(self) -> dict[str, tuple[int, int]]:
        """Copies between devices, as {'HtoD toy': (number, bytes)}."""
        return dict(self._found().copies)

    @property
    def host_fallbacks(self) -> dict[str, int]:
        """Operations that ran on the host because their device has no kernel, as {'svd on opencl:0': 2}."""
        return dict(self._found().fallbacks)

    def toggle_collection_dynamic(self, enable: bool, activities: Any = None) -> None:
        """Stops noting operations, or goes on, within a recording."""
        if self._watch is None:
            return
        is_on = active.recording is not None
        if enable and not is_on:
            active.recording = self._recording
            self._watch.push()
        elif not enable and is_on:
            _take_out(self._watch)
            active.recording = None

    def add_metadata(self, key: str, value: str) -> None:
        """Accepted; traces hold no metadata of users."""

    add_metadata_json = add_metadata


def _take_out(watch: Watch) -> None:
    """Takes a watch out of this thread's modes, whatever was put on it since."""
    above = state.mode
    if above is watch:
        watch.pop()
        return
    while isinstance(above, Mode):
        if above.below is watch:
            above.below = watch.below
            return
        above = above.below


def _forget() -> None:
    """In a forked process, such as a loader's worker, nothing is profiled."""
    if active.recording is not None:
        active.recording = None
        mode = state.mode
        while isinstance(mode, Mode):
            if isinstance(mode, Watch):
                _take_out(mode)
            mode = mode.below


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


class record_function:
    """Gives the operations within a `with` block, or of a decorated function, a name in profiles.

    >>> with facula.profiler.record_function("loss"):
    ...     facula.ones(2).sum()
    tensor(2.)
    """

    def __init__(self, name: str, args: str | None = None):
        if not isinstance(name, str):
            raise TypeError(f"record_function() takes a name, got a {type(name).__name__}")
        self.name, self.args = name, args
        self._open: list[Any] = []

    def __enter__(self) -> Self:
        recording = active.recording
        event = None if recording is None else recording.begin(self.name, "user_annotation")
        self._open.append((recording, event))
        return self

    def __exit__(self, *exc: Any) -> None:
        recording, event = self._open.pop()
        if event is not None and not recording.is_over:
            recording.finish(event)

    def __call__(self, function: _Function) -> _Function:
        @wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name, self.args):
                return function(*args, **kwargs)

        return cast("_Function", wrapped)


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[profile], None]:
    """For `on_trace_ready`: writes each round's trace to a file of its own in `dir_name`."""
    worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"

    def handler(prof: profile) -> None:
        os.makedirs(dir_name, exist_ok=True)
        name = f"{worker}.{time.time_ns()}.pt.trace.json{'.gz' if use_gzip else ''}"
        prof.export_chrome_trace(os.path.join(dir_name, name))

    return handler
