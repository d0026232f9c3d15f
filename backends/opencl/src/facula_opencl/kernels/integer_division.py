"""Division of integers by the number 0: a RuntimeError at once, as on the CPU.

A 0 in an array is found by core's kernel, and the error comes when the device is next read or waited for.
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
        if not isinstance(other, xp.Array) and other == 0 and arrays[0].size:
            raise RuntimeError(message)
        return NotImplemented

    return check


LEAVES = {name: _check(name) for name in ("floor_divide", "remainder")}
