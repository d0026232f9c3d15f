"""Buffers whose values were never computed, because a launch that was put off failed."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, NamedTuple


class Failure(NamedTuple):
    """Why a launch failed: not the exception itself, whose traceback would hold the buffers."""

    kind: type[Exception]
    text: str

    @classmethod
    def of(cls, error: Exception) -> Failure:
        return cls(type(error), str(error))

    def error(self) -> Exception:
        """The exception, new each time."""
        return self.kind(self.text)


class LostBuffers:
    """The buffers, and the failure of the launch that should have written each.

    pyopencl's buffers take no weak references, so they are held here until nobody else holds them.
    """

    def __init__(self) -> None:
        self.buffers: dict[int, tuple[Any, Failure]] = {}

    def add(self, buffers: Iterable[Any], failure: Failure) -> None:
        """Notes that these hold nothing, and why."""
        for x in buffers:
            self.buffers[id(x)] = x, failure

    def among(self, arguments: Iterable[Any]) -> Failure | None:
        """Why the first of `arguments` that is lost is so; None where none is."""
        for x in arguments:
            found = self.buffers.get(id(x))
            if found is not None:
                return found[1]
        return None

    def check(self, buffer: Any) -> None:
        """Raises the failure of a buffer that is lost."""
        failure = self.among((buffer,)) if self.buffers else None
        if failure is not None:
            raise failure.error()

    def forget_freed(self) -> None:
        """Lets go of those that nobody else holds: their memory is used again."""
        for key in list(self.buffers):
            if sys.getrefcount(self.buffers[key][0]) <= _HELD_HERE:
                del self.buffers[key]


#: References to a buffer that is held here alone: our tuple's, and that of `getrefcount`'s argument.
_HELD_HERE = 2
