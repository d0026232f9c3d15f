"""An op that the package adds to Facula: `facula.acorn_bump`, the method, and its gradient."""

from __future__ import annotations

from facula import Tensor
from facula.ops import op


@op
def acorn_bump(xp, input: Tensor) -> Tensor:
    """`1 / (1 + input ** 2)`."""
    return 1 / (1 + input * input)


acorn_bump.vjp(input=lambda xp, g, input, out: -2 * g * input * out * out)
