"""Frozen with `old_plugin.py`: an op that it adds."""

from __future__ import annotations

from facula import Tensor
from facula.ops import op
from facula.testing.samples import call


@op
def old_bump(xp, input: Tensor) -> Tensor:
    """`1 / (1 + input ** 2)`."""
    return 1 / (1 + input * input)


old_bump.vjp(input=lambda xp, g, input, out: -2 * g * input * out * out)


@old_bump.sample
def _(make):
    yield call(make(3))
