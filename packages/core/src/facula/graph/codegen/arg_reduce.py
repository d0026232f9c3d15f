"""`ArgReduce`: the position of the best element, the first of equal ones."""

from __future__ import annotations

from facula.backends.buffer.kernels import ArgReduce
from facula.graph.codegen.dialects import Dialect
from facula.graph.codegen.elements import BOOLEAN, INT64, convert, element, load, store
from facula.graph.codegen.expression import printed_as
from facula.graph.codegen.layout import FIRST, SECOND, Layout, flat, place, serial
from facula.graph.codegen.program import Program, Signature
from facula.graph.codegen.rows import ReductionPrinter, flat_element, row_start, unravel


class ArgReducePrinter(ReductionPrinter):
    kernel: ArgReduce

    def __init__(self, kernel: ArgReduce, dialect: Dialect):
        super().__init__(kernel, dialect)
        self.input, self.output = element(kernel.input), element(kernel.output)

    def better(self, a: str, b: str) -> str:
        return printed_as(self.kernel.better, self.input, BOOLEAN, a=a, b=b)

    def program(self, layout: Layout) -> Program:
        signature = Signature(layout)
        signature.operand("out", self.output, is_written=True)
        signature.operand("in_a", self.input)
        signature.nest(layout.nests[0], ("out", "in_a"), FIRST)
        signature.nest(layout.nests[1], ("out", "in_a"), SECOND)
        rows = self._grouped(layout) if layout.variant == "group" else self._alone(layout)
        body, local = self.per_row(layout, row_start(layout, self.input.storage) + rows), None
        if layout.variant == "group":
            local, index = self.dialect.local, layout.index
            values = f"    LOCAL {self.input.value} values[{local}];\n"
            body = f"{values}    LOCAL {index} places[{local}];\n    i32 me = LOCAL_ID(0);\n{body}"
        return signature.program("arg_reduce", body, local)

    def finish(self, layout: Layout, position: str) -> str:
        target = f"out[{place(layout.nests[0], 0, 'out', FIRST)}]"
        return store(self.output, target, convert(INT64, self.output, f"(i64){position}"))

    def _alone(self, layout: Layout) -> str:
        nest, index, type = layout.nests[1], layout.index, self.input.value
        step = f"""\
            {type} value = {load(self.input, flat_element(nest, "in_a"))};
            if (first || {self.better("value", "best")}) {{ best = value; at = {flat(nest, SECOND)}; first = 0; }}
"""
        loops = serial(nest, SECOND, index, step) if nest.dims else ""
        start = f"        {type} best;\n        {index} at = 0;\n        int first = 1;\n"
        return f"{start if nest.dims else f'        {index} at = 0;' + chr(10)}{loops}        {self.finish(layout, 'at')}\n"

    def _grouped(self, layout: Layout) -> str:
        """Each work-item finds its best, then they are compared in a tree; of equal ones the first stays."""
        nest, index, width = layout.nests[1], layout.index, self.dialect.local
        sizes = [f"m{d}" for d in range(nest.dims)]
        declared = " ".join(unravel(sizes, SECOND, index, "j"))
        other = f"{self.better('values[me + width]', 'values[me]')}"
        worse = f"{self.better('values[me]', 'values[me + width]')}"
        return f"""\
        {index} whole = {" * ".join(sizes)};
        for ({index} j = me; j < whole; j += {width}) {{
            {declared}
            {self.input.value} value = {load(self.input, flat_element(nest, "in_a"))};
            if (j == me || {self.better("value", "values[me]")}) {{ values[me] = value; places[me] = j; }}
        }}
        for (i32 width = {width // 2}; width; width /= 2) {{
            BARRIER;
            if (me < width && me + width < whole && ({other} || (places[me + width] < places[me] && !{worse}))) {{
                values[me] = values[me + width]; places[me] = places[me + width];
            }}
        }}
        if (me == 0) {self.finish(layout, "places[0]")}
"""
