"""The one thread-local `mode` that every operation reads: True records, False does not.

Any other value is a `Mode` object (trace, autocast, profiler, anomaly): the slow way, which sees
each op before it runs. Nothing else may add a test to the hot path.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, Self, TypeVar, cast

import numpy as np

_Function = TypeVar("_Function", bound=Callable[..., Any])


class State(threading.local):
    """Per-thread state. `mode` is True, False or a `Mode`."""

    def __init__(self) -> None:
        self.mode: Any = True
        # PyTorch's arithmetic is silent about NaN and infinity. NumPy keeps this setting per thread;
        # a context manager around each kernel would cost more than most kernels.
        np.seterr(all="ignore")


state = State()


class Mode:
    """A slow mode, active between `push` and `pop`; `below` is the mode it stands on."""

    below: Any
    #: Whether it only stages operations, so that code may not look at the values of tensors.
    stages = False
    #: Whether it only watches: what runs, and how, is as without it.
    watches = False
    #: What it casts to, in words, where that is all it does: autocast.
    casts: str | None = None

    def push(self) -> None:
        self.below, state.mode = state.mode, self

    def pop(self) -> None:
        state.mode = self.below

    def run(self, op: Any, ins: tuple[Any, ...], opts: tuple[Any, ...]) -> Any:
        """Runs one recorded op; subclasses override this and call it."""
        from facula.autograd.record import run

        state.mode = self.below
        try:
            return run(op, ins, opts)
        finally:
            state.mode = self

    def touch(self, *tensors: Any) -> None:
        """Told of tensors that are read or written outside an op."""
        if isinstance(self.below, Mode):
            self.below.touch(*tensors)

    def enter(self, op: Any, args: tuple[Any, ...], tensors: list[Any]) -> Any:
        """Told of a composite op before its body is put on the tape; may give its result instead."""
        self.touch(*tensors)
        return NotImplemented

    def around(self, name: str, run: Callable[[], Any]) -> Any:
        """Runs what is no op of `run` or `enter`, and returns its result: a creation, a write, a whole program."""
        return self.below.around(name, run) if isinstance(self.below, Mode) else run()

    def watch_pass(self, run: Any) -> None:
        """Told of a backward pass (`autograd.engine.Pass`) that is about to run."""
        if isinstance(self.below, Mode):
            self.below.watch_pass(run)

    def write(self, target: Any, source: Any) -> None:
        """Told of an in-place write before it happens."""
        self.touch(target, source)

    def become_view(self, tensor: Any, name: str) -> None:
        """Told that a tensor is about to become a view of itself, by an in-place method of that name."""
        if isinstance(self.below, Mode):
            self.below.become_view(tensor, name)

    def touch_grad(self, tensor: Any, reads: bool) -> None:
        """Told that `tensor.grad` is about to be read or set."""
        if isinstance(self.below, Mode):
            self.below.touch_grad(tensor, reads)

    def backend(self, backend: Any) -> Any:
        """The backend on which a creation op asked for `backend` is to run."""
        return self.below.backend(backend) if isinstance(self.below, Mode) else backend

    def random_key(self, generator: Any, blocks: int) -> Any:
        """The key of a random op that is about to run; a trace gives one that each replay renews."""
        return (
            self.below.random_key(generator, blocks)
            if isinstance(self.below, Mode)
            else generator.take(blocks)
        )

    def seed(self, generator: Any, seed: int) -> None:
        """Starts a generator's stream anew; a trace has each replay do it."""
        if isinstance(self.below, Mode):
            self.below.seed(generator, seed)
        else:
            generator.start(seed)

    def state_before(self, holder: dict[Any, Any], key: Any, make: Callable[[Any], Any], tensor: Any) -> Any:  # fmt: skip
        """`make(tensor)`, for what `holder[key]` holds from now on; a trace makes it at once and for real, as if it had been there."""
        return (
            self.below.state_before(holder, key, make, tensor)
            if isinstance(self.below, Mode)
            else make(tensor)
        )

    def runtime_scalar(self, read: Callable[[], Any], dtype: Any, key: Any = None) -> Any:
        """`read()`; a trace gives a 0-d tensor of `dtype` that each replay fills anew.

        Calls with the same `key` share one tensor.
        """
        return (
            self.below.runtime_scalar(read, dtype, key) if isinstance(self.below, Mode) else read()
        )


def plain(mode: Any) -> bool | None:
    """True or False (whether ops are recorded) where nothing but watchers changes how they run, else None."""
    while mode is not True and mode is not False:
        if not mode.watches:
            return None
        mode = mode.below
    return bool(mode)


def around(name: str, run: Callable[[], Any]) -> Any:
    """`run()`, of which the modes of this thread are told. Not for hot paths."""
    mode = state.mode
    return mode.around(name, run) if isinstance(mode, Mode) else run()


class unwatched:
    """Within a `with` block nobody watches; only where `plain` says that nothing but watchers is there."""

    def __enter__(self) -> None:
        self.before = state.mode
        state.mode = plain(state.mode)

    def __exit__(self, *exc: Any) -> None:
        state.mode = self.before


class uncast:
    """Within a `with` block the uppermost mode of this thread casts nothing: for programs, which have their casts in them."""

    def __enter__(self) -> None:
        self.before = mode = state.mode
        if isinstance(mode, Mode) and mode.casts is not None:
            state.mode = mode.below

    def __exit__(self, *exc: Any) -> None:
        state.mode = self.before


def has_values(tensor: Any) -> bool:
    """Whether code may look at the values of `tensor`: not on the meta device, nor during capture."""
    mode = state.mode
    while isinstance(mode, Mode):
        if mode.stages:
            return False
        mode = mode.below
    return bool(tensor._backend.has_values)


def is_grad_enabled() -> bool:
    """Whether operations of this thread are recorded."""
    mode = state.mode
    while isinstance(mode, Mode):
        mode = mode.below
    return bool(mode)


def set_recording(recording: bool) -> None:
    """Turns recording on or off beneath whatever slow modes are active."""
    if not isinstance(state.mode, Mode):
        state.mode = recording
        return
    mode = state.mode
    while isinstance(mode.below, Mode):
        mode = mode.below
    mode.below = recording


class _GradMode:
    """A context manager and decorator that sets recording and restores it."""

    recording: bool

    def __enter__(self) -> None:
        self._before = is_grad_enabled()
        set_recording(self.recording)

    def __exit__(self, *exc: Any) -> None:
        set_recording(self._before)

    def __call__(self, function: _Function) -> _Function:
        @wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return function(*args, **kwargs)

        return cast("_Function", wrapped)

    def clone(self) -> _GradMode:
        new: _GradMode = type(self).__new__(type(self))
        new.recording = self.recording
        return new

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        self = object.__new__(cls)
        if args and callable(args[0]):  # used as a bare decorator, without parentheses
            self.__init__()  # type: ignore[misc]
            return cast("Self", self(args[0]))
        return self


class no_grad(_GradMode):
    """Operations inside are not recorded. Context manager or decorator."""

    recording = False


class enable_grad(_GradMode):
    """Operations inside are recorded, also within `no_grad`. Context manager or decorator."""

    recording = True


class inference_mode(_GradMode):
    """As `no_grad`; for `mode=False` it does nothing. Context manager or decorator."""

    def __init__(self, mode: bool = True):
        self.recording = False if mode else is_grad_enabled()


class set_grad_enabled(_GradMode):
    """Sets recording at once; as a context manager it restores it at the end."""

    def __init__(self, mode: bool):
        self._before_init = is_grad_enabled()
        self.recording = bool(mode)
        set_recording(self.recording)

    def __enter__(self) -> None:
        self._before = getattr(self, "_before_init", is_grad_enabled())
        set_recording(self.recording)
