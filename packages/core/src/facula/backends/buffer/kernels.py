"""Kernels described as data: what a raw device is asked to run, in words that any language can be printed from.

A description is hashable; a device's `compile` turns it into a launchable, once. Operands of a launch
are `Operand`s (a buffer, an offset and strides, in elements) or Python scalars. Loops run over the
`shape` of the launch, row-major; every operand has one stride per dimension of what it is indexed by.

Values are computed in `dtype`: operands are converted to it as C does (bools stay as they are), each
arithmetic step is rounded to it, integers wrap. Results are converted to `output`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple


class Operand(NamedTuple):
    """An array as a kernel sees it: element (i, j, ...) is at `offset + i * strides[0] + ...`."""

    buffer: Any
    offset: int
    strides: tuple[int, ...]


@dataclass(frozen=True)
class Input:
    """One input of a `Map`: the NumPy dtype of its elements, and whether it is one scalar."""

    dtype: Any
    is_scalar: bool = False


@dataclass(frozen=True)
class Map:
    """`out[i] = expression(a[i], b[i], ...)`: launched with (shape, out, *inputs).

    `expression` is written in the language of `expressions.py`; its variables are the inputs in order
    (a, b, c, ...) and `index`, the number of the element counted row-major.
    """

    expression: str
    inputs: tuple[Input, ...]
    dtype: Any
    output: Any


@dataclass(frozen=True)
class Reduce:
    """`out[i] = a[i, 0] combine a[i, 1] ...`: launched with (kept shape, reduced shape, out, a).

    `combine` is an expression of a (what is gathered so far) and b (the next). The order is free. An
    `initial` of None starts with the first element. The accumulator is at least as precise as `dtype`.
    """

    combine: str
    initial: Any
    input: Any
    dtype: Any


@dataclass(frozen=True)
class ArgReduce:
    """Position of the first element that `better(a, b)` prefers to all before it; launched as `Reduce`.

    The position counts row-major within the reduced shape; `output` is an integer dtype.
    """

    better: str
    input: Any
    output: Any


@dataclass(frozen=True)
class Scan:
    """Running `Reduce` along the last dimension: launched with (shape, out, a)."""

    combine: str
    input: Any
    dtype: Any


@dataclass(frozen=True)
class Gather:
    """`out[i, j] = a[i, index[i, j]]`: launched with (shape of index, size, out, a, index).

    `a` has one stride per dimension of `index`; along the last one it has `size` elements. Indices are
    int64, those below 0 count from the end. A device that can raises IndexError for one out of range.
    """

    dtype: Any


@dataclass(frozen=True)
class Scatter:
    """`out[i, index[i, j]] = combine(out[i, index[i, j]], src[i, j])`: launched as `Gather`, with `src` last.

    The order is free; equal indices are combined one after another.
    """

    combine: str
    dtype: Any


@dataclass(frozen=True)
class Sort:
    """Stable order along the last dimension: launched with (shape, values, positions, a).

    `positions` (int64) say where each value was. NaN counts as the largest number.
    """

    descending: bool
    dtype: Any


@dataclass(frozen=True)
class RandomWords:
    """The words of Philox 4x64-10 that `facula.random` defines: launched with ((count,), out, seed, offset).

    `dtype` is uint32 (eight words a block, the lower half of each 64 bits first) or uint64 (four).
    Seed and offset are Python ints of up to 64 and 128 bits.
    """

    dtype: Any


@dataclass(frozen=True)
class Matmul:
    """`out[p, i, j] = sum of a[p, i, k] * b[p, k, j]`: launched with ((*batch, m, n, k), out, a, b)."""

    dtype: Any


Kernel = Map | Reduce | ArgReduce | Scan | Gather | Scatter | Sort | RandomWords | Matmul
