"""Matrix products."""

from __future__ import annotations

from typing import Any

from facula import promotion
from facula.backends.buffer.array import BufferArray
from facula.backends.buffer.kernels import Matmul, Operand
from facula.ops.dims import broadcast_shapes


def matrix_product(xp: Any, input: BufferArray, other: BufferArray) -> BufferArray:
    dtype = promotion.result_dtype([input, other], []).dtype
    a, b = (x if x.dtype is dtype else xp.cast(x, dtype) for x in (input, other))
    batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    m, k, n = a.shape[-2], a.shape[-1], b.shape[-1]
    if not k:
        return xp.full((*batch, m, n), 0, dtype)  # type: ignore[no-any-return]
    out = xp.empty((*batch, m, n), dtype)
    if out.size:
        operands = out.operand(), _stack(a, batch), _stack(b, batch)
        xp.launch(Matmul(dtype), (*batch, m, n, k), *operands)
    return out  # type: ignore[no-any-return]


def _stack(x: BufferArray, batch: tuple[int, ...]) -> Operand:
    return x.spread((*batch, *x.shape[-2:]))._replace(
        strides=(*x.spread((*batch, *x.shape[-2:])).strides[:-2], *x.strides[-2:])
    )


LEAVES = {"matrix_product": matrix_product}
