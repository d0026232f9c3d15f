"""Dot-product attention and its gradient, for float32; the table of weights is never stored.

Both families keep, besides the result, one number a query (logsumexp); the gradient makes weights anew from it. See
attention_cpu.py and attention_gpu.py for how they go through the table. What they do not take is core's body, in blocks too.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from facula.dtypes import B8, F32
from facula.ops.dot_attention import check_shapes
from facula_opencl.kernels import attention_cpu, attention_gpu
from facula_opencl.kernels.matmul import spread, two_batch_strides
from facula_opencl.kernels.rows import takes

Array = Any


@dataclass
class Table:
    """Queries by keys of `batch` heads, and the mask as the kernels' arguments: kind, buffer, offset, strides."""

    lead: tuple[int, ...]
    batch: int
    rows: int
    columns: int
    is_causal: bool
    mask: tuple[Any, ...]

    def heads_of(self, xp: Any, x: Array) -> tuple[Array, int, tuple[int, ...]]:
        """`x` or a copy, the heads of its inner batch, and strides: of batches, outer and inner, and of a matrix."""
        joined = two_batch_strides(self.lead, [spread(x, self.lead)])
        if joined is None:
            x = xp.copy(xp.expand(x, (*self.lead, *x.shape[-2:])))
            joined = two_batch_strides(self.lead, [spread(x, self.lead)])
        (_, inner), strides = joined
        return x, inner, (*strides, *x.strides[-2:])

    @property
    def sizes(self) -> tuple[int, ...]:
        return self.batch, self.rows, self.columns, int(self.is_causal)


def _mask_arguments(xp: Any, mask: Array | None, table: tuple[int, ...], instead: Array) -> Any:
    """Buffer, offset, kind (0 none, 1 bool, 2 added), heads of the inner batch, strides; None if there are too many."""
    if mask is None:
        return instead.buffer, 0, 0, 1, 0, 0, 0, 0
    kind = 1 if mask.dtype is B8 else 2
    if kind == 2 and mask.dtype is not F32:
        mask = xp.cast(mask, F32)
    mask = xp.expand(mask, table)
    joined = two_batch_strides(table[:-2], [spread(mask, table[:-2])])
    if joined is None:
        return None
    (_, inner), strides = joined
    return mask.buffer, mask.offset, kind, inner, *strides, *mask.strides[-2:]


def _table(xp: Any, query: Array, key: Array, value: Array, mask: Any, is_causal: bool) -> Any:
    """The table, or None where the kernels cannot take it."""
    shape = check_shapes(query, key, value, mask)
    wide = max(query.shape[-1], value.shape[-1])
    if not takes(query, key, value) or shape[-2] != query.shape[-2] or not prod(shape):
        return None
    if prod(shape[:-2]) * max(shape[-2:]) * (wide + 16) >= 1 << 31:
        return None
    arguments = _mask_arguments(xp, mask, shape, query)
    if arguments is None:
        return None
    return Table(shape[:-2], prod(shape[:-2]), *shape[-2:], is_causal, arguments)


def _family(xp: Any, query: Array, value: Array) -> Any:
    if xp.is_cpu:
        return attention_cpu
    return attention_gpu if attention_gpu.side_for(xp, query, value) else None


def dot_attention(
    xp: Any, query: Array, key: Array, value: Array, mask: Any, is_causal: bool, scale: float
) -> Any:
    family = _family(xp, query, value)
    table = family and _table(xp, query, key, value, mask, is_causal)
    if not table:
        return NotImplemented
    return family.forward(xp, table, query, key, value, scale)


def dot_attention_gradient(
    xp: Any, g: Array, to_logsumexp: Any, query: Array, key: Array, value: Array, mask: Any, output: Array,
    logsumexp: Array, is_causal: bool, scale: float, needs: Any,
) -> Any:  # fmt: skip
    family = None if needs[3] else _family(xp, query, value)
    table = family and _table(xp, query, key, value, mask, is_causal)
    if not table or not takes(g, output, logsumexp):
        return NotImplemented
    level = xp.sum(xp.mul(g, output), -1, True)
    if to_logsumexp is not None:
        level = xp.sub(level, to_logsumexp)
    found = family.gradient(xp, table, g, query, key, value, level, logsumexp, scale)
    return *(x if need else None for x, need in zip(found, needs)), None


LEAVES = {"dot_attention": dot_attention, "dot_attention_gradient": dot_attention_gradient}
