"""`Scan`: a running fold along each row; rows in parallel, each by one work-item."""

from __future__ import annotations

from typing import Any

from facula.backends.buffer.kernels import Operand, Scan
from facula.graph.codegen.elements import accumulator, convert, element, load, store
from facula.graph.codegen.expression import printed_as
from facula.graph.codegen.kernel import Geometry, KernelPrinter, Line
from facula.graph.codegen.layout import FIRST, Layout, parallel, place, space
from facula.graph.codegen.program import Program, Signature


class ScanPrinter(KernelPrinter):
    kernel: Scan

    def split(self, shape: Any, out: Operand, a: Operand) -> tuple[Any, Any, Any]:
        return (out, a), (), (shape, out.strides, a.strides)

    def geometry(self, key: Any) -> Geometry:
        shape, out, a = key
        rows, line = space(shape[:-1], (out[:-1], a[:-1])), Line(shape[-1], (out[-1], a[-1]))
        return Geometry((rows,), self.rows(rows), line.numbers, reach=line.reach)

    def program(self, layout: Layout) -> Program:
        dtype, source = element(self.kernel.dtype), element(self.kernel.input)
        total = accumulator(dtype)
        signature = Signature(layout)
        signature.operand("out", dtype, is_written=True)
        signature.operand("in_a", source)
        signature.nest(layout.nests[0], ("out", "in_a"), FIRST)
        signature.sizes("count", "out_step", "in_a_step")
        converted = convert(source, dtype, load(source, "row[j * in_a_step]"))
        step = printed_as(self.kernel.combine, total, total, a="total", b="value")
        stored = store(dtype, "target[j * out_step]", convert(total, dtype, "total"))
        body = f"""\
        GLOBAL {dtype.storage} *target = out + ({place(layout.nests[0], 0, "out", FIRST)});
        GLOBAL const {source.storage} *row = in_a + ({place(layout.nests[0], 1, "in_a", FIRST)});
        {total.value} total;
        for ({layout.index} j = 0; j < count; ++j) {{
            {total.value} value = {convert(dtype, total, converted)};
            total = j ? {step} : value;
            {stored}
        }}
"""
        return signature.program(
            "scan", parallel(layout.nests[0], FIRST, layout.index, False, body)
        )
