"""Activations."""

from __future__ import annotations

from facula.ops._op import Namespace, Tensor, op


@op
def relu(xp: Namespace, input: Tensor) -> Tensor:
    """`max(input, 0)`; NaN stays NaN."""
    return xp.maximum(input, 0)


relu.vjp(input=lambda xp, g, out: xp.where(out > 0, g, xp.full((), 0, g.dtype)))


@op
def softmax(xp: Namespace, input: Tensor, dim: int) -> Tensor:
    """Exponentials of `input`, scaled to sum to 1 along `dim`; same shape and dtype."""
    e = xp.exp(input - xp.stop(xp.amax(input, dim, keepdim=True)))
    return e / xp.sum(e, dim, keepdim=True)


softmax.vjp(input=lambda xp, g, out, dim: out * (g - xp.sum(g * out, dim, keepdim=True)))
