"""`Sort`: a stable merge sort of the positions in each row, NaN after all numbers; rows in parallel."""

from __future__ import annotations

from typing import Any

from facula.backends.buffer.kernels import Operand, Sort
from facula.dtypes import FLOAT
from facula.graph.codegen.elements import INT64, element, load
from facula.graph.codegen.kernel import Geometry, KernelPrinter, Line
from facula.graph.codegen.layout import FIRST, Layout, flat, parallel, place, space
from facula.graph.codegen.program import Program, Signature


class SortPrinter(KernelPrinter):
    kernel: Sort

    def split(
        self, shape: Any, values: Operand, positions: Operand, a: Operand
    ) -> tuple[Any, Any, Any]:
        return (values, positions, a), (), (shape, values.strides, positions.strides, a.strides)

    def geometry(self, key: Any) -> Geometry:
        shape, *strides = key
        rows = space(shape[:-1], [s[:-1] for s in strides])
        line = Line(shape[-1], tuple(s[-1] for s in strides))
        scratch = 8 * shape[-1] * rows.count
        return Geometry((rows,), self.rows(rows), line.numbers, scratch, reach=line.reach)

    def goes_first(self, e: Any, right: str, left: str) -> str:
        """Whether `right`, which comes after `left`, must go before it."""
        symbol = ">" if self.kernel.descending else "<"
        if e.category != FLOAT:
            return f"{right} {symbol} {left}"
        first, last = (right, left) if self.kernel.descending else (left, right)
        return f"({right} {symbol} {left} || ({first} != {first} && {last} == {last}))"

    def program(self, layout: Layout) -> Program:
        nest, index, e = layout.nests[0], layout.index, element(self.kernel.dtype)
        names = ("values", "positions", "in_a")
        signature = Signature(layout)
        signature.operand("values", e, is_written=True)
        signature.operand("positions", INT64, is_written=True)
        signature.operand("in_a", e)
        signature.scratch("scratch", INT64)
        signature.nest(nest, names, FIRST)
        signature.sizes("count", *(f"{x}_step" for x in names))
        values, positions, a = (place(nest, k, x, FIRST) for k, x in enumerate(names))
        key = load(e, "row[({}) * in_a_step]")
        body = f"""\
        GLOBAL const {e.storage} *row = in_a + ({a});
        GLOBAL {e.storage} *sorted = values + ({values});
        GLOBAL i64 *from = positions + ({positions});
        GLOBAL i64 *to = scratch + ({flat(nest, FIRST, "i64")}) * count;
        {index} from_step = positions_step, to_step = 1;
        for ({index} j = 0; j < count; ++j) from[j * from_step] = j;
        for ({index} width = 1; width < count; width = width < count - width ? 2 * width : count) {{
            for ({index} start = 0; start < count; start += start < count - 2 * (i64)width ? 2 * width : count - start) {{
                {index} middle = start + (width < count - start ? width : count - start);
                {index} end = middle + (width < count - middle ? width : count - middle);
                {index} left = start, right = middle;
                for ({index} j = start; j < end; ++j) {{
                    int take_right = left >= middle;
                    if (!take_right && right < end) {{
                        {e.value} a = {key.format("from[left * from_step]")}, b = {key.format("from[right * from_step]")};
                        take_right = {self.goes_first(e, "b", "a")};
                    }}
                    to[j * to_step] = take_right ? from[right++ * from_step] : from[left++ * from_step];
                }}
            }}
            GLOBAL i64 *other = from; from = to; to = other;
            {index} step = from_step; from_step = to_step; to_step = step;
        }}
        for ({index} j = 0; j < count; ++j) {{
            i64 position = from[j * from_step];
            sorted[j * values_step] = row[position * in_a_step];
            positions[({positions}) + j * positions_step] = position;
        }}
"""
        return signature.program("sort", parallel(nest, FIRST, index, False, body))
