"""Times of kernels for the profiler: two CUDA events around each call that launches some.

CUDA tells no times of single kernels without CUPTI. What lies between two events on a stream is the time of what was
launched there, and the gap before it where the GPU had nothing to do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple


class Moment(NamedTuple):
    """An event, and when it happened on the host's clock (`time.perf_counter_ns`)."""

    event: Any
    host: int


class Span(NamedTuple):
    """What `kernel_times` is asked about: two events, and the moment that they are told from."""

    origin: Moment
    start: Any
    end: Any


class Timing:
    """Puts events around calls on one GPU. Of calls within calls the innermost are noted."""

    def __init__(self, cuda: Any):
        self.cuda = cuda
        self._origins: dict[Any, Moment] = {}
        self._noted = threading.local()

    def run(self, log: Any, name: str, call: Callable[[], Any]) -> Any:
        """`call()`, told to `log` unless a call within it was. The GPU must be the current one."""
        noted = self._noted
        before = noted.__dict__.setdefault("count", 0)
        origin, start = self._origin(log), self._now()
        result = call()
        if noted.count == before:
            log.kernel(name, Span(origin, start, self._now()))
            noted.count += 1
        return result

    def _now(self) -> Any:
        event = self.cuda.Event()
        event.record(self.cuda.get_current_stream())
        return event

    def _origin(self, log: Any) -> Moment:
        """A moment that is known on both clocks, once for each profile."""
        found = self._origins.get(log)
        if found is None:
            event = self._now()
            event.synchronize()
            self._origins = {log: Moment(event, time.perf_counter_ns())}
            found = self._origins[log]
        return found

    def of(self, span: Span) -> tuple[None, int, int]:
        """(None, start, end) of a span in nanoseconds on the host's clock, once the GPU has got there."""
        elapsed = (
            self.cuda.get_elapsed_time
        )  # milliseconds in float32: lengths are asked for by themselves
        start = span.origin.host + int(elapsed(span.origin.event, span.start) * 1e6)
        return None, start, start + int(elapsed(span.start, span.end) * 1e6)
