"""Symbols: what the trace backend has in place of arrays.

A symbol names a place in a storage: the storage itself, or a chain of views of it. Reading one gives
the graph value that is there now; writing one gives the storage a new value, so that later reads of
it and of all its views find what was written, and the graph stays pure.
"""

from __future__ import annotations

import weakref
from typing import Any

from facula.backends.operators import ArrayOperators
from facula.graph.active import current_capture
from facula.graph.errors import CaptureError, refuse
from facula.graph.ir import Value


class Storage:
    """Memory as capture sees it: the newest `value` of the whole, and how often it was written."""

    __slots__ = ("__weakref__", "aliased", "depth", "value", "writes")

    def __init__(self, value: Value):
        self.value, self.writes = value, 0
        self.depth = current_capture().depth  # of the region that it was made in
        self.aliased = False  # whether another storage may be over the same memory


class Symbol(ArrayOperators):
    """An array that is not there yet: shape, dtype and strides, on a trace backend (`xp`)."""

    __slots__ = (
        "__weakref__",
        "chain",
        "dtype",
        "seen",
        "shape",
        "storage",
        "strides",
        "value",
        "xp",
    )

    def __init__(self, value: Value, xp: Any, storage: Storage | None = None, chain: Any = ()):
        self.shape, self.dtype, self.strides = value.shape, value.dtype, value.strides
        self.xp, self.value, self.chain = xp, value, chain
        self.storage = Storage(value) if storage is None else storage
        self.seen = self.storage.writes
        current_capture().symbols.append(weakref.ref(self))

    def current(self) -> Value:
        """The value that is there now; a view of a storage that was written is taken anew."""
        storage = self.storage
        if self.seen != storage.writes:
            value = storage.value
            for op, options in self.chain:
                value = self.xp.add_node(op, (value, *options))
            self.value, self.seen = value, storage.writes
        return self.value

    def __bool__(self) -> bool:
        raise refuse(
            "a tensor's truth value was asked for",
            "choose between tensors with facula.where(condition, a, b), between functions with facula.cond(condition, f, g, "
            "operands); loop with facula.while_loop or facula.scan",
        )

    def __repr__(self) -> str:
        return f"Symbol({self.value!r})"


def shared_write() -> CaptureError:
    """A write that the graph's values of other memory would not show."""
    return refuse(
        "a tensor was written whose memory another tensor of the function shares",
        "write the tensor that both are views of",
    )
