"""Division of integers by 0, which hardware answers with anything: a RuntimeError, as on the CPU.

A number is looked at before the launch. Of an array the device finds out whether it holds a 0, and the
error comes when it is next read or waited for.
"""

from __future__ import annotations

from typing import Any

from facula.dtypes import FROM_NUMPY, INTEGER


def _check(name: str) -> Any:
    message = f"{name}: ZeroDivisionError: an integer tensor is divided by 0"

    def check(xp: Any, input: Any, other: Any) -> Any:
        """Never computes: core's kernel does, once this has looked at `other`."""
        arrays = [x for x in (input, other) if isinstance(x, xp.Array)]
        numbers = [x for x in (input, other) if not isinstance(x, xp.Array)]
        if any(FROM_NUMPY[x.dtype].category > INTEGER for x in arrays):
            return NotImplemented
        if any(isinstance(x, (float, complex)) for x in numbers):
            return NotImplemented
        if isinstance(other, xp.Array):
            if other.size:
                xp.raise_later(xp.amax(xp.eq(other, 0)), message)
        elif other == 0 and arrays[0].size:
            raise RuntimeError(message)
        return NotImplemented

    return check


LEAVES = {name: _check(name) for name in ("floor_divide", "remainder")}
