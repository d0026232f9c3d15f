"""`Scatter`: elements combined into places that an index gives; rows in parallel, each in order by one work-item."""

from __future__ import annotations

from typing import Any

from facula.backends.buffer.kernels import Operand, Scatter
from facula.graph.codegen.elements import INT64, element, load, store
from facula.graph.codegen.expression import printed_as
from facula.graph.codegen.kernel import Geometry, KernelPrinter, Line
from facula.graph.codegen.layout import FIRST, Layout, parallel, place, space
from facula.graph.codegen.program import NOTE, Program, Signature


class ScatterPrinter(KernelPrinter):
    kernel: Scatter

    def split(
        self, shape: Any, size: int, out: Operand, index: Operand, src: Operand
    ) -> tuple[Any, Any, Any]:
        return (out, index, src), (), (shape, size, out.strides, index.strides, src.strides)

    def geometry(self, key: Any) -> Geometry:
        shape, size, *strides = key
        rows = space(shape[:-1], [s[:-1] for s in strides])
        line = Line(max(shape[-1], size), tuple(s[-1] for s in strides))
        numbers = (shape[-1], size, *line.strides)
        return Geometry((rows,), self.rows(rows), numbers, reach=line.reach)

    def program(self, layout: Layout) -> Program:
        nest, e, names = layout.nests[0], element(self.kernel.dtype), ("out", "index", "src")
        signature = Signature(layout)
        signature.operand("out", e, is_written=True)
        signature.operand("index", INT64)
        signature.operand("src", e)
        signature.nest(nest, names, FIRST)
        signature.sizes("count", "size", *(f"{x}_step" for x in names))
        signature.flag()
        out, index, src = (place(nest, k, x, FIRST) for k, x in enumerate(names))
        combined = printed_as(
            self.kernel.combine, e, e, a=load(e, "*target"), b=load(e, f"src[{src} + j * src_step]")
        )
        body = f"""\
        for ({layout.index} j = 0; j < count; ++j) {{
            i64 pick = index[{index} + j * index_step];
            if (pick < -(i64)size || pick >= size) {NOTE.format(index="pick", size="size")}
            else {{
                GLOBAL {e.storage} *target = out + ({out} + ({layout.index})(pick < 0 ? pick + size : pick) * out_step);
                {store(e, "*target", combined)}
            }}
        }}
"""
        return signature.program("scatter", parallel(nest, FIRST, layout.index, False, body))
