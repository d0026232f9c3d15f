"""What kernels over rows share: a nest of rows, each done by one work-item, or on GPU-type devices by a work-group."""

from __future__ import annotations

from typing import Any

from facula.backends.buffer.kernels import Operand
from facula.graph.codegen.kernel import Geometry, KernelPrinter
from facula.graph.codegen.layout import (
    CONTIGUOUS,
    FIRST,
    ONE,
    REPEATED,
    ROWS,
    SECOND,
    Layout,
    Names,
    Nest,
    Space,
    parallel,
    place,
    space,
    work,
)

#: From this many elements on a row is worth a work-group.
LONG = 128
#: Neighbouring columns that a work-item reduces together on CPU-type devices.
COLUMNS = 32


class ReductionPrinter(KernelPrinter):
    """Reductions: one nest of what is kept (out, a), one of what is reduced (a)."""

    #: Whether there is a kernel for columns that lie side by side.
    has_columns = False

    def split(self, shape: Any, reduced: Any, out: Operand, a: Operand) -> tuple[Any, Any, Any]:
        return (out, a), (), (shape, reduced, out.strides, a.strides)

    def geometry(self, key: Any) -> Geometry:
        shape, reduced, out, a = key
        kept = space(shape, (out, a[: len(shape)]))
        inner = space(reduced, (None, a[len(shape) :]))
        if self.dialect.family == "gpu" and inner.count >= LONG:
            groups = kept.count * self.dialect.local
            return Geometry((kept, inner), (groups,), variant="group")
        if self.dialect.family == "cpu" and self.has_columns and _are_columns(kept, inner):
            blocks = -(-kept.sizes[0] // COLUMNS)
            return Geometry((kept, inner), work((blocks, *kept.sizes[1:])), variant="columns")
        return Geometry(
            (kept, inner), self.rows(kept), variant="" if inner.count > LONG else "short"
        )

    def per_row(self, layout: Layout, body: str) -> str:
        """`body` for each row, `row` being where it begins in `in_a`."""
        kept = layout.nests[0]
        if layout.variant == "group":
            return _by_group(kept, layout.index, body)
        return parallel(kept, FIRST, layout.index, False, body)


def _are_columns(kept: Space, inner: Space) -> bool:
    """Whether what is kept are neighbours in memory, and what is reduced are not."""
    rows, a = inner.strides[1], kept.strides[1]
    return bool(kept.sizes and a and rows and a[0] == 1 != rows[0] and kept.sizes[0] >= 8)


def _by_group(kept: Nest, index: str, body: str) -> str:
    sizes = [f"n{d}" for d in range(kept.dims)]
    lines = [f"        {line}\n" for line in unravel(sizes, FIRST, index, "number")]
    head = f"    for ({index} number = GROUP_ID(0); number < {' * '.join(sizes) or '1'}; number += GROUP_COUNT(0)) {{\n"
    return f"{head}{''.join(lines)}{body}        BARRIER;\n    }}\n"


def unravel(sizes: list[str], names: Names, index: str, flat: str) -> list[str]:
    """Declarations of the index variables of a nest from the number of the iteration."""
    lines, left = [], flat
    for d, n in enumerate(sizes):
        last = d == len(sizes) - 1
        lines.append(f"{index} {names.index}{d} = {left}{'' if last else f' % {n}'};")
        left = f"({left} / {n})"
    return lines


def line_element(nest: Nest, operand: str, line: str, at: str) -> str:
    """Element `at` along the innermost reduced dimension of `line`."""
    kind = nest.kinds[1] if nest.dims else ONE
    if kind in (CONTIGUOUS, ROWS):
        return f"{line}[{at}]"
    return f"{line}[0]" if kind in (ONE, REPEATED) else f"{line}[({at}) * {operand}_t0]"


def row_start(layout: Layout, storage: str, operand: str = "in_a", k: int = 1) -> str:
    """The declaration of `row`."""
    start = place(layout.nests[0], k, operand, FIRST)
    return f"        GLOBAL const {storage} *row = {operand} + {f'({start})' if start != '0' else '0'};\n"


def outer_place(nest: Nest, operand: str) -> str:
    """Where, from the row's begin, a line of the innermost reduced dimension begins."""
    terms = [f"j{d} * {operand}_t{d}" for d in range(1, nest.dims)]
    return " + ".join(terms) or "0"


def flat_place(nest: Nest, operand: str) -> str:
    """Where in `row` the element is that the index variables of the reduced nest name."""
    return place(nest, 1, operand, SECOND)


def flat_element(nest: Nest, operand: str) -> str:
    """The element of `row` that the index variables of the reduced nest name."""
    return f"row[{flat_place(nest, operand)}]"
