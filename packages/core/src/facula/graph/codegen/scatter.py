"""`Scatter`: elements combined into places that an index gives; rows in parallel, each in order by one work-item.

On CPU-type devices a work-item takes some rows that are neighbours in memory and share the index, in step: whole pieces of memory
are added up then (the gradient of a table's rows).
"""

from __future__ import annotations

from typing import Any

from facula.backends.buffer.kernels import Operand, Scatter
from facula.graph.codegen.elements import INT64, element, load, store
from facula.graph.codegen.expression import printed_as
from facula.graph.codegen.kernel import Geometry, KernelPrinter, Line
from facula.graph.codegen.layout import FIRST, Layout, Space, parallel, place, space, work
from facula.graph.codegen.program import NOTE, Program, Signature
from facula.graph.codegen.rows import COLUMNS


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
        if self.dialect.family == "cpu" and _are_columns(rows):
            blocks = work((-(-rows.sizes[0] // COLUMNS), *rows.sizes[1:]))
            return Geometry((rows,), blocks, numbers, variant="columns", reach=line.reach)
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
        is_many = layout.variant == "columns"
        column = "[l]" if is_many else "[0]"
        combined = printed_as(
            self.kernel.combine, e, e, a=load(e, f"target{column}"), b=load(e, f"from{column}")
        )
        each = f"for ({layout.index} l = 0; l < width; ++l) " if is_many else ""
        body = f"""\
        for ({layout.index} j = 0; j < count; ++j) {{
            i64 pick = index[{index} + j * index_step];
            if (pick < -(i64)size || pick >= size) {NOTE.format(index="pick", size="size")}
            else {{
                GLOBAL {e.storage} *target = out + ({out} + ({layout.index})(pick < 0 ? pick + size : pick) * out_step);
                GLOBAL const {e.storage} *from = src + ({src} + j * src_step);
                {each}{store(e, f"target{column}", combined)}
            }}
        }}
"""
        head = ""
        if is_many:
            head = f"EACH({layout.index}, block, 0, (n0 + {COLUMNS - 1}) / {COLUMNS})"
            start = f"{layout.index} i0 = block * {COLUMNS}, width = n0 - i0 < {COLUMNS} ? n0 - i0 : {COLUMNS};"
            body = f"        {start}\n{body}"
        return signature.program("scatter", parallel(nest, FIRST, layout.index, False, body, head))


def _are_columns(rows: Space) -> bool:
    """Whether rows are neighbours in memory and have one index."""
    out, index, source = rows.strides
    return bool(rows.sizes and rows.sizes[0] >= 8 and (out[0], index[0], source[0]) == (1, 0, 1))  # type: ignore[index]
