"""Streams: queues of work on a device; events: moments on them."""

from __future__ import annotations

from typing import Any

from facula._device import device as Device
from facula.cuda.devices import device as current, index_of, runtime

__all__ = [
    "Event", "Stream", "StreamContext", "current_stream", "default_stream", "set_stream", "stream",
]  # fmt: skip


class Stream:
    """A further queue of work on a device.

    Work of different streams may overlap; within a stream each waits for the one before. `priority`:
    lower numbers are served first. As a context manager it takes the work of the block. A tensor made on
    one stream may be used on another once that waited (`wait_stream`, `wait_event`) for the first.
    """

    def __init__(self, device: Any = None, priority: int = 0):
        self._index = index_of(device)
        self._handle = runtime().new_stream(self._index, priority)
        self._entered: list[StreamContext] = []

    @classmethod
    def _of(cls, index: int, handle: Any) -> Stream:
        self = cls.__new__(cls)
        self._index, self._handle, self._entered = index, handle, []
        return self

    @property
    def device(self) -> Device:
        """The device whose work it takes."""
        return Device("cuda", self._index)

    @property
    def cuda_stream(self) -> int:
        """What the driver calls it, for other libraries."""
        return int(self._handle.ptr)

    def query(self) -> bool:
        """Whether all work has ended."""
        return bool(self._handle.done)

    def synchronize(self) -> None:
        """Waits on the host until all work has ended."""
        self._handle.synchronize()

    def wait_event(self, event: Event) -> None:
        """Later work of this stream waits for the event."""
        self._handle.wait_event(event._made(self._index))

    def wait_stream(self, stream: Stream) -> None:
        """Later work of this stream waits for what `stream` was asked so far."""
        self.wait_event(stream.record_event())

    def record_event(self, event: Event | None = None) -> Event:
        """An event (a new one) at the end of the work so far."""
        event = Event() if event is None else event
        event.record(self)
        return event

    def __enter__(self) -> Stream:
        self._entered.append(StreamContext(self))
        self._entered[-1].__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._entered.pop().__exit__(*exc)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Stream) and (self._index, self.cuda_stream) == (
            other._index,
            other.cuda_stream,
        )

    def __hash__(self) -> int:
        return hash((self._index, self.cuda_stream))

    def __repr__(self) -> str:
        return f"<facula.cuda.Stream device={self.device} cuda_stream={self.cuda_stream:#x}>"


class Event:
    """A moment on a stream. `enable_timing`: `elapsed_time` can be asked; `blocking`: a waiting host sleeps."""

    def __init__(
        self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False
    ):
        if interprocess:
            raise RuntimeError("Event: events that other processes see are not supported")
        runtime()
        self._timing, self._blocking = enable_timing, blocking
        self._handle: Any = None

    def _made(self, index: int) -> Any:
        """The driver's event: made on the device that first records it."""
        if self._handle is None:
            self._handle = runtime().new_event(index, self._timing, self._blocking)
        return self._handle

    def record(self, stream: Stream | None = None) -> None:
        """Sets the moment to the end of what the stream (the current one) was asked so far."""
        stream = current_stream() if stream is None else stream
        self._made(stream._index).record(stream._handle)

    def wait(self, stream: Stream | None = None) -> None:
        """Later work of the stream (the current one) waits for the event."""
        (current_stream() if stream is None else stream).wait_event(self)

    def query(self) -> bool:
        """Whether the moment has passed; true for an event that was never recorded."""
        return self._handle is None or bool(self._handle.done)

    def synchronize(self) -> None:
        """Waits on the host for the moment."""
        if self._handle is not None:
            self._handle.synchronize()

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds from this event to `end_event`. Both must have been recorded, with enable_timing=True."""
        for event in (self, end_event):
            if not event._timing or event._handle is None:
                raise RuntimeError(
                    "elapsed_time: both events must be made with enable_timing=True and recorded"
                )
        return runtime().elapsed(self._handle, end_event._handle)

    def __repr__(self) -> str:
        return f"<facula.cuda.Event timing={self._timing} recorded={self._handle is not None}>"


def current_stream(device: Any = None) -> Stream:
    """The stream that this thread's work on a device (the current one) goes to."""
    index = index_of(device)
    return Stream._of(index, runtime().current_stream(index))


def default_stream(device: Any = None) -> Stream:
    """The stream of a device (the current one) where none was chosen."""
    index = index_of(device)
    return Stream._of(index, runtime().default_stream(index))


def set_stream(stream: Stream | None) -> None:
    """Makes `stream` the one that this thread's work on its device goes to; None changes nothing."""
    if stream is not None:
        runtime().set_stream(stream._index, stream._handle)


class StreamContext:
    """What `facula.cuda.stream(s)` returns: within it `s` and its device are the current ones."""

    def __init__(self, stream: Stream | None):
        self.stream = stream

    def __enter__(self) -> None:
        if self.stream is not None:
            self._device = current(self.stream._index)
            self._device.__enter__()
            self._before = current_stream()
            set_stream(self.stream)

    def __exit__(self, *exc: Any) -> None:
        if self.stream is not None:
            set_stream(self._before)
            self._device.__exit__(*exc)


def stream(stream: Stream | None) -> StreamContext:
    """Context manager: the work of the block goes to `stream`; None changes nothing."""
    return StreamContext(stream)
