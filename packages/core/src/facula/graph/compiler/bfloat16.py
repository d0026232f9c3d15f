"""Products and convolutions of what is bfloat16: they read it as it is, where the graph has it cast to float32.

An op on bfloat16 is captured as casts to float32, float32 arithmetic, and a cast back. A product of numbers that were
bfloat16 is the same by instructions for bfloat16, whose sums are float32: so nothing but the order of sums changes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from facula.backends.buffer.array import BufferArray
from facula.backends.buffer.elementwise import copy_into
from facula.backends.buffer.kernels import Operand
from facula.backends.buffer.linalg import stack
from facula.dtypes import F32, bfloat16
from facula.graph.compiler.planned import Planned
from facula.graph.runtime import has_bfloat16
from facula.ops.linalg import product_shape

BF16 = bfloat16.dtype


@dataclass(frozen=True)
class Product:
    """`Matmul` of bfloat16 matrices whose result is float32."""


class Origins:
    """What float32 arrays of a program were cast from, by their memory."""

    def __init__(self, xp: Any):
        self.xp = xp
        self.casts: dict[Any, tuple[BufferArray, BufferArray, int]] = {}
        self.writes: Counter[Any] = Counter()

    def note(self, made: BufferArray, source: BufferArray) -> None:
        self.casts[made.buffer] = made, source, self.writes[source.buffer]

    def written(self, kernel: Any, arguments: tuple[Any, ...]) -> None:
        """Told of each launch: what it writes, its first operand, is not what it was. Plans write memory of their own."""
        if not isinstance(kernel, Planned):
            first = next((x for x in arguments if isinstance(x, Operand)), None)
            self.writes[first and first.buffer] += 1

    def of(self, x: BufferArray) -> BufferArray | None:
        """The bfloat16 array that `x`, or what it is a view of, was cast from, seen as `x` is; None where there is none."""
        if x.buffer not in self.casts:
            return None
        made, source, then = self.casts[x.buffer]
        if self.writes[made.buffer] != 1 or self.writes[source.buffer] != then:
            return None
        if source.strides != made.strides:
            dense = self.xp.empty_as(made, BF16)
            copy_into(self.xp, dense, source)
            self.casts[made.buffer] = made, dense, self.writes[dense.buffer]
            source = dense
        return source.view(x.shape, x.strides, x.offset - made.offset + source.offset)

    def of_all(self, *arrays: BufferArray) -> list[BufferArray] | None:
        """`of` each; None where one has none, or the CPU has no instructions for products of them."""
        if not has_bfloat16():
            return None
        found = [self.of(x) for x in arrays]
        return None if any(x is None for x in found) else found  # type: ignore[return-value]


def install(xp: Any) -> None:
    """Has a device that takes notes keep in mind what is bfloat16; casts keep the order of what they are of."""
    origins = xp.origins = Origins(xp)
    product = xp.matrix_product

    def cast(input: BufferArray, dtype: Any) -> BufferArray:
        out: BufferArray = xp.empty_as(input, dtype)
        copy_into(xp, out, input)
        if input.dtype == BF16 and out.dtype == F32:
            origins.note(out, input)
        return out

    def matrix_product(input: BufferArray, other: BufferArray) -> BufferArray:
        shape, depth = product_shape(input, other), input.shape[-1]
        found = origins.of_all(input, other) if depth and 0 not in shape else None
        if found is None:
            return product(input, other)  # type: ignore[no-any-return]
        out: BufferArray = xp.empty(shape, F32)
        xp.note(Product(), (*shape, depth), out.operand(), *(stack(x, shape[:-2]) for x in found))
        return out

    xp.cast, xp.matrix_product = cast, matrix_product
