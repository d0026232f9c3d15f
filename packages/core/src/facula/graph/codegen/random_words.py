"""`RandomWords`: Philox 4x64-10, a block of four 64-bit words a work-item."""

from __future__ import annotations

from typing import Any

from facula.backends.buffer.kernels import Operand, RandomWords
from facula.graph.codegen.elements import element
from facula.graph.codegen.kernel import Geometry, KernelPrinter, Line
from facula.graph.codegen.layout import FIRST, Layout, parallel, space
from facula.graph.codegen.program import Program, Signature

_MASK = (1 << 64) - 1


class RandomWordsPrinter(KernelPrinter):
    kernel: RandomWords

    @property
    def per_block(self) -> int:
        return int(32 // self.kernel.dtype.itemsize)

    def split(self, shape: Any, out: Operand, seed: int, offset: int) -> tuple[Any, Any, Any]:
        seed, offset = int(seed), int(offset)
        scalars = (seed & _MASK, offset & _MASK, offset >> 64 & _MASK)
        return (out,), scalars, (shape[0], out.strides[0] if out.strides else 0)

    def geometry(self, key: Any) -> Geometry:
        count, stride = key
        line = Line(count, (stride,))
        blocks = space((-(-count // self.per_block),), ())
        return Geometry((blocks,), self.rows(blocks), line.numbers, reach=line.reach)

    def program(self, layout: Layout) -> Program:
        e = element(self.kernel.dtype)
        signature = Signature(layout)
        signature.operand("out", e, is_written=True)
        signature.words("seed", "offset_low", "offset_high")
        signature.nest(layout.nests[0], (), FIRST)
        signature.sizes("count", "out_step")
        word = "words[k]" if self.per_block == 4 else "(u32)(words[k / 2] >> (k % 2 * 32))"
        body = f"""\
        u64 words[4], low = offset_low + (u64)i0 + 1;
        philox(seed, low, offset_high + (low <= (u64)i0), words);
        for (i32 k = 0; k < {self.per_block} && i0 * {self.per_block} + k < count; ++k)
            out[(i0 * {self.per_block} + k) * out_step] = {word};
"""
        return signature.program(
            "random_words", parallel(layout.nests[0], FIRST, layout.index, False, body)
        )
