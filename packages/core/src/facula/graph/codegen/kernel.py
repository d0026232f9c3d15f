"""What all kinds of kernels share: from the arguments of a launch to a program, its arguments and its range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from facula.backends.buffer.kernels import Operand
from facula.graph.codegen.dialects import Dialect
from facula.graph.codegen.layout import Layout, Space, is_wide, work
from facula.graph.codegen.program import Program


class Geometry(NamedTuple):
    """Shapes and strides of a launch, as a kernel needs them.

    `numbers` follow those of the spaces; `scratch` counts bytes; `range` the work-items.
    """

    spaces: tuple[Space, ...]
    range: tuple[int, ...]
    numbers: tuple[int, ...] = ()
    scratch: int = 0
    variant: str = ""
    reach: int = 0  # how far beyond the places of the spaces it goes

    @property
    def layout(self) -> Layout:
        wide = is_wide(sum(s.reach for s in self.spaces) + self.reach)
        return Layout(tuple(s.nest for s in self.spaces), wide, self.variant)

    @property
    def arguments(self) -> list[int]:
        return [n for s in self.spaces for n in s.numbers] + list(self.numbers)


class Line(NamedTuple):
    """One dimension that a work-item walks along, or picks from: its size and each operand's stride."""

    size: int
    strides: tuple[int, ...]

    @property
    def numbers(self) -> tuple[int, ...]:
        return self.size, *self.strides

    @property
    def reach(self) -> int:
        return max(self.size, *(abs(s) * self.size for s in self.strides))


class KernelPrinter:
    """One description in one dialect. Subclasses, one a kind of kernel, fill in the three parts."""

    def __init__(self, kernel: Any, dialect: Dialect):
        self.kernel, self.dialect = kernel, dialect

    def split(self, *arguments: Any) -> tuple[Sequence[Operand], Sequence[Any], Any]:
        """The operands and scalars of a launch, and the rest, on which alone the geometry depends."""
        raise NotImplementedError

    def geometry(self, key: Any) -> Geometry:
        """What the rest means."""
        raise NotImplementedError

    def program(self, layout: Layout) -> Program:
        """The text for a layout."""
        raise NotImplementedError

    def rows(self, space: Space) -> tuple[int, ...]:
        """The range where each work-item does one iteration of `space`."""
        return work(space.sizes)

    def elements(self, space: Space) -> tuple[int, ...]:
        """The range where each work-item does a chunk of neighbours."""
        return work(space.sizes, self.dialect.chunk)
