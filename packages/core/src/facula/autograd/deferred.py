"""Gradients that are sums over rows, and are worked out once for all calls that add to them.

A network that applies one layer to a hundred nodes of a tree adds up a hundred products of single rows
for its weight. Their factors, one below another, give the same sum as one product.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any


class Deferred:
    """`function(xp, *columns, *options)`, an array of `shape`, for columns whose rows are still to be joined."""

    __slots__ = ("backend", "columns", "elements", "function", "kind", "options", "shape", "total")

    def __init__(
        self,
        backend: Any,
        function: Callable[..., Any],
        shape: tuple[int, ...],
        columns: tuple[Any, ...],
        options: tuple[Any, ...],
        elements: int,
    ):
        self.backend, self.function, self.shape, self.options = backend, function, shape, options
        self.columns, self.elements, self.total = [columns], elements, None
        #: What sums must share to be one.
        self.kind = (function, backend, options, [c.dtype for c in columns])

    def add(self, other: Deferred) -> bool:
        """Takes the rows of `other` too; False where it is a sum of another kind."""
        if other.kind != self.kind:
            return False
        if self.elements + other.elements > prod(
            self.shape
        ):  # what waits is never more than the sum
            self._settle()
        self.columns += other.columns
        self.elements += other.elements
        return True

    def value(self) -> Any:
        """The sum, an array of its own."""
        self._settle()
        return self.total

    def _settle(self) -> None:
        if not self.columns:
            return
        xp = self.backend
        joined = self.columns[0]
        if len(self.columns) > 1:
            joined = tuple([xp.join(column, 0) for column in zip(*self.columns)])
        found = self.function(xp, *joined, *self.options)
        if self.total is None:
            self.total = found
        else:
            xp.accumulate(self.total, found)
        self.columns, self.elements = [], 0


def by_rows(
    backend: Any, function: Callable[..., Any], shape: tuple[int, ...], columns: Any, options: Any
) -> Any:
    """The sum, or where its rows are fewer elements than it has itself what may wait for more of them."""
    elements = sum([prod(c.shape) for c in columns])
    if not 0 < elements < prod(shape):
        return function(backend, *columns, *options)
    return Deferred(backend, function, shape, columns, options, elements)
