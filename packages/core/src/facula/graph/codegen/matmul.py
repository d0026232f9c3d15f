"""`Matmul`: on CPU-type devices a row of the result a work-item, in tiles of columns; on GPUs square tiles.

GPU: a work-group of 256 makes 64 x 64 elements, 4 x 4 each work-item, from panels in local memory.
"""

from __future__ import annotations

from typing import Any

from facula.backends.buffer.kernels import Matmul, Operand
from facula.graph.codegen.dialects import Dialect
from facula.graph.codegen.elements import accumulator, convert, element, literal, load, store
from facula.graph.codegen.expression import printed_as
from facula.graph.codegen.kernel import Geometry, KernelPrinter, Line
from facula.graph.codegen.layout import FIRST, Layout, place, space, work
from facula.graph.codegen.program import Program, Signature
from facula.graph.codegen.rows import unravel

COLUMNS = 32
TILE, DEPTH, EACH = 64, 16, 4
_NAMES = ("out", "in_a", "in_b")
_STEPS = ("out_row", "out_column", "a_row", "a_inner", "b_inner", "b_column")


class MatmulPrinter(KernelPrinter):
    kernel: Matmul

    def __init__(self, kernel: Matmul, dialect: Dialect):
        super().__init__(kernel, dialect)
        self.dtype = element(kernel.dtype)
        self.sum = accumulator(self.dtype)

    def split(self, shape: Any, out: Operand, a: Operand, b: Operand) -> tuple[Any, Any, Any]:
        return (out, a, b), (), (shape, out.strides, a.strides, b.strides)

    def geometry(self, key: Any) -> Geometry:
        (*batch, m, n, k), *strides = key
        batches = space(batch, [s[:-2] for s in strides])
        numbers = (m, n, k, *(t for s in strides for t in s[-2:]))
        reach = sum(Line(max(m, n, k), s[-2:]).reach for s in strides)
        if self.dialect.family == "gpu":
            tiles = -(-m // TILE) * -(-n // TILE) * batches.count
            return Geometry((batches,), (tiles * 256,), numbers, reach=reach)
        return Geometry((batches,), work((m, batches.count)), numbers, reach=reach)

    def program(self, layout: Layout) -> Program:
        signature = Signature(layout)
        signature.operand("out", self.dtype, is_written=True)
        signature.operand("in_a", self.dtype)
        signature.operand("in_b", self.dtype)
        signature.nest(layout.nests[0], _NAMES, FIRST)
        signature.sizes("rows", "columns", "depth", *_STEPS)
        if self.dialect.family == "gpu":
            return signature.program("matmul", self._tiled(layout), 256)
        return signature.program("matmul", self._by_rows(layout))

    def step(self, total: str, a: str, b: str) -> str:
        e = self.sum
        return printed_as("c + a * b", e, e, a=a, b=b, c=total)

    def value(self, place: str) -> str:
        return convert(self.dtype, self.sum, load(self.dtype, place))

    def finish(self, target: str, total: str) -> str:
        return store(self.dtype, target, convert(self.sum, self.dtype, total))

    def pointers(self, layout: Layout, number: str) -> str:
        """`c`, `a` and `b`: the matrices of the batch that has this number."""
        nest, index = layout.nests[0], layout.index
        lines = unravel([f"n{d}" for d in range(nest.dims)], FIRST, index, number)
        for name, pointer, const in zip(_NAMES, "cab", ("", "const ", "const ")):
            at = place(nest, _NAMES.index(name), name, FIRST)
            lines.append(f"GLOBAL {const}{self.dtype.storage} *{pointer} = {name} + ({at});")
        return "".join(f"        {line}\n" for line in lines)

    def _by_rows(self, layout: Layout) -> str:
        index, type = layout.index, self.sum.value
        batches = " * ".join(f"n{d}" for d in range(layout.nests[0].dims)) or "1"
        return f"""\
    EACH({index}, batch, 1, {batches}) EACH({index}, i, 0, rows) {{
{self.pointers(layout, "batch")}\
        for ({index} first = 0; first < columns; first += {COLUMNS}) {{
            {type} total[{COLUMNS}];
            {index} width = columns - first < {COLUMNS} ? columns - first : {COLUMNS};
            for (i32 j = 0; j < {COLUMNS}; ++j) total[j] = {literal(self.sum, 0)};
            for ({index} k = 0; k < depth; ++k) {{
                {type} factor = {self.value("a[i * a_row + k * a_inner]")};
                GLOBAL const {self.dtype.storage} *line = b + (k * b_inner + first * b_column);
                if (width == {COLUMNS} && b_column == 1)
                    for (i32 j = 0; j < {COLUMNS}; ++j) total[j] = {self.step("total[j]", "factor", self.value("line[j]"))};
                else
                    for ({index} j = 0; j < width; ++j) total[j] = {self.step("total[j]", "factor", self.value("line[j * b_column]"))};
            }}
            for ({index} j = 0; j < width; ++j) {self.finish("c[i * out_row + (first + j) * out_column]", "total[j]")}
        }}
    }}
"""

    def _tiled(self, layout: Layout) -> str:
        index, type, zero = layout.index, self.sum.value, literal(self.sum, 0)
        batches = " * ".join(f"n{d}" for d in range(layout.nests[0].dims)) or "1"
        return f"""\
    LOCAL {type} left[{DEPTH}][{TILE + 1}];
    LOCAL {type} right[{DEPTH}][{TILE + 1}];
    i32 me = LOCAL_ID(0), x = me % {TILE // EACH}, y = me / {TILE // EACH};
    {index} down = (rows + {TILE - 1}) / {TILE}, across = (columns + {TILE - 1}) / {TILE};
    for ({index} number = GROUP_ID(0); number < down * across * {batches}; number += GROUP_COUNT(0)) {{
        {index} row = number / across % down * {TILE}, column = number % across * {TILE}, batch = number / across / down;
{self.pointers(layout, "batch")}\
        {type} total[{EACH}][{EACH}];
        for (i32 i = 0; i < {EACH}; ++i)
            for (i32 j = 0; j < {EACH}; ++j) total[i][j] = {zero};
        for ({index} first = 0; first < depth; first += {DEPTH}) {{
            for (i32 at = me; at < {DEPTH * TILE}; at += 256) {{
                {index} k = at % {DEPTH}, i = at / {DEPTH};
                if (row + i < rows && first + k < depth) left[k][i] = {self.value("a[(row + i) * a_row + (first + k) * a_inner]")};
                else left[k][i] = {zero};
                k = at / {TILE}; i = at % {TILE};
                if (column + i < columns && first + k < depth) right[k][i] = {self.value("b[(first + k) * b_inner + (column + i) * b_column]")};
                else right[k][i] = {zero};
            }}
            BARRIER;
            for (i32 k = 0; k < {DEPTH}; ++k)
                for (i32 i = 0; i < {EACH}; ++i)
                    for (i32 j = 0; j < {EACH}; ++j)
                        total[i][j] = {self.step("total[i][j]", f"left[k][y + i * {TILE // EACH}]", f"right[k][x + j * {TILE // EACH}]")};
            BARRIER;
        }}
        for ({index} i = y; i < {TILE}; i += {TILE // EACH})
            for ({index} j = x; j < {TILE}; j += {TILE // EACH})
                if (row + i < rows && column + j < columns) {self.finish("c[(row + i) * out_row + (column + j) * out_column]", f"total[i / {TILE // EACH}][j / {TILE // EACH}]")}
    }}
"""
