"""Matrix products and decompositions."""

from __future__ import annotations

from typing import Any

from facula.ops._op import Namespace, Tensor, leaf
from facula.ops.dims import broadcast_shapes


def _matmul_shape(input: Any, other: Any) -> tuple[int, ...]:
    a, b = input.shape, other.shape
    lead = broadcast_shapes(a[:-2], b[:-2])
    return (*lead, *a[-2:-1], *b[-1:])


@leaf(promote="common", shape=_matmul_shape)
def matmul(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Matrix product of the last two dimensions; the others are broadcast."""


matmul.vjp(
    input=lambda xp, g, other: xp.matmul(g, xp.transpose(other, -1, -2)),
    other=lambda xp, g, input: xp.matmul(xp.transpose(input, -1, -2), g),
)
