"""Matrix products."""

from __future__ import annotations

from typing import Any

from facula import promotion
from facula.backends.buffer.array import BufferArray
from facula.backends.buffer.kernels import Matmul, Operand
from facula.ops.linalg import product_shape


def matrix_product(xp: Any, input: BufferArray, other: BufferArray) -> BufferArray:
    shape = product_shape(input, other)
    dtype = promotion.result_dtype([input, other], []).dtype
    a, b = (x if x.dtype is dtype else xp.cast(x, dtype) for x in (input, other))
    *batch, m, n = shape
    k = a.shape[-1]
    if not k:
        return xp.full(shape, 0, dtype)  # type: ignore[no-any-return]
    out = xp.empty(shape, dtype)
    if out.size:
        operands = out.operand(), stack(a, tuple(batch)), stack(b, tuple(batch))
        xp.launch(Matmul(dtype), (*batch, m, n, k), *operands)
    return out  # type: ignore[no-any-return]


def stack(x: BufferArray, batch: tuple[int, ...]) -> Operand:
    """Matrices as a product gets them, with `batch` in front."""
    return x.spread((*batch, *x.shape[-2:]))._replace(
        strides=(*x.spread((*batch, *x.shape[-2:])).strides[:-2], *x.strides[-2:])
    )


LEAVES = {"matrix_product": matrix_product}
