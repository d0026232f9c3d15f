"""`Gather`: elements picked along the last dimension by an index; one out of range is noted in the flag."""

from __future__ import annotations

from typing import Any

from facula.backends.buffer.kernels import Gather, Operand
from facula.graph.codegen.elements import INT64, element
from facula.graph.codegen.kernel import Geometry, KernelPrinter, Line
from facula.graph.codegen.layout import FIRST, Layout, parallel, place, space
from facula.graph.codegen.program import NOTE, Program, Signature


class GatherPrinter(KernelPrinter):
    kernel: Gather

    def split(
        self, shape: Any, size: int, out: Operand, a: Operand, index: Operand
    ) -> tuple[Any, Any, Any]:
        return (out, a, index), (), (shape, size, out.strides, a.strides, index.strides)

    def geometry(self, key: Any) -> Geometry:
        shape, size, out, a, index = key
        loops = space(shape, (out, (*a[:-1], 0), index))
        picked = Line(size, (a[-1],))
        return Geometry((loops,), self.elements(loops), picked.numbers, reach=picked.reach)

    def program(self, layout: Layout) -> Program:
        nest, e, names = layout.nests[0], element(self.kernel.dtype), ("out", "in_a", "index")
        signature = Signature(layout)
        signature.operand("out", e, is_written=True)
        signature.operand("in_a", e)
        signature.operand("index", INT64)
        signature.nest(nest, names, FIRST)
        signature.sizes("size", "in_a_step")
        signature.flag()
        out, a, index = (place(nest, k, x, FIRST) for k, x in enumerate(names))
        body = f"""\
        i64 pick = index[{index}];
        if (pick < -(i64)size || pick >= size) {NOTE.format(index="pick", size="size")}
        else out[{out}] = in_a[{a} + ({layout.index})(pick < 0 ? pick + size : pick) * in_a_step];
"""
        return signature.program("gather", parallel(nest, FIRST, layout.index, True, body))
