"""Convolution over NumPy: columns copied block by block into cache, and one matrix product a block.

With stride 1 the window positions of a sample are laid out as wide as the padded input, so that each
kernel element's column is one contiguous run of it (Chellapilla et al. 2006 copy row by row instead).
The few positions between rows are computed too, and cut off; where a sum runs over them they hold zeros.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

#: Bytes of columns a block may take: about what stays in a core's second-level cache.
BLOCK = 1 << 21

Array = Any
Ints = tuple[int, ...]


class Grid:
    """Where the windows of an array (N, C, *size) lie: `out` of them along each dimension."""

    def __init__(
        self, size: Ints, kernel: Ints, stride: Ints, dilation: Ints, out: Ints, exact: bool
    ):
        self.kernel, self.stride, self.dilation, self.out = kernel, stride, dilation, out
        steps = [prod(size[i + 1 :]) for i in range(len(size))]
        #: Steps, in elements of one channel, between neighbouring windows.
        self.steps = tuple(s * n for s, n in zip(stride, steps))
        self.wide = not exact and all(s == 1 for s in stride) and 0 not in out
        #: Shape of the positions computed per sample: one run, or exactly the windows.
        self.run = (sum((o - 1) * n for o, n in zip(out, steps)) + 1,) if self.wide else out
        self.run_steps = (1,) if self.wide else self.steps
        self.offsets = [d * n for d, n in zip(dilation, steps)]

    def columns(self, x: Array, groups: int) -> Array:
        """A view (groups, C / groups, *kernel, N, *run) of `x`: what each kernel element sees."""
        n, c = x.shape[:2]
        item, (sn, sc) = x.itemsize, x.strides[:2]
        shape = (groups, c // groups, *self.kernel, n, *self.run)
        inner = [o * item for o in self.offsets]
        strides = (sc * (c // groups), sc, *inner, sn, *(s * item for s in self.run_steps))
        return as_strided(x, shape, strides)

    def shifted(self, x: Array, offset: Ints) -> Array:
        """A view (N, C, *run) of `x`: what the kernel element `offset` sees."""
        return self.runs(x, tuple(k * d for k, d in zip(offset, self.dilation)))

    def runs(self, x: Array, start: Ints) -> Array:
        """A view (N, C, *run) of `x` from the position `start` on."""
        item = x.itemsize
        x = x[(..., *(slice(n, None) for n in start))]
        return as_strided(
            x, (*x.shape[:2], *self.run), (*x.strides[:2], *(s * item for s in self.run_steps))
        )

    def windows_of(self, wide: Array) -> Array:
        """A view (..., *out) of an array (..., *run): the positions that are windows."""
        if not self.wide:
            return wide
        item = wide.itemsize
        return as_strided(
            wide,
            (*wide.shape[:-1], *self.out),
            (*wide.strides[:-1], *(s * item for s in self.steps)),
        )

    def spread(self, g: Array, groups: int) -> Array:
        """`g` (N, O, *out) as (groups, O / groups, N * run), zeros in between."""
        n, o = g.shape[:2]
        laid = g.reshape(n, groups, o // groups, *self.out).transpose(
            1, 2, 0, *range(3, 3 + len(self.out))
        )
        if not self.wide:
            return np.ascontiguousarray(laid).reshape(groups, o // groups, -1)
        wide = np.zeros((groups, o // groups, n, *self.run), g.dtype)
        self.windows_of(wide)[...] = laid
        return wide.reshape(groups, o // groups, -1)


grid_of = lru_cache(maxsize=1024)(Grid)


class Scratch:
    """Memory that the blocks of one call take turns in: fresh memory costs a page fault every 4 KB."""

    def __init__(self, dtype: Any):
        self.dtype = dtype
        self.held: dict[int, Array] = {}

    def empty(self, slot: int, shape: Ints) -> Array:
        size = prod(shape)
        held = self.held.get(slot)
        if held is None or held.size < size:
            held = self.held[slot] = np.empty(size, self.dtype)
        return held[:size].reshape(shape)

    def copy(self, slot: int, view: Array) -> Array:
        out = self.empty(slot, view.shape)
        np.copyto(out, view)
        return out


def _blocks(n: int, out: Ints, bytes_per_row: int) -> Iterator[tuple[slice, int, int]]:
    """Blocks of the work: (samples, first row, last row); a row is one step of the first spatial dimension."""
    rows = max(out[0], 1)
    at_once = max(BLOCK // max(bytes_per_row * rows, 1), 1)
    step = rows if at_once > 1 else max(min(rows, BLOCK // max(bytes_per_row, 1)), 1)
    for first in range(0, n, at_once):
        for row in range(0, rows, step):
            yield slice(first, min(first + at_once, n)), row, min(row + step, rows)


def _row_bytes(x: Array, kernel: Ints, out: Ints) -> int:
    return int(x.shape[1] * prod(kernel) * prod(out[1:]) * x.itemsize)


def _padded(x: Array, padding: Any, behind: Any = ()) -> Array:
    """`x` with zeros on both sides of its spatial dimensions, and `behind` more after them."""
    if not (any(padding) or any(behind)):
        return np.ascontiguousarray(x)
    behind = behind or (0,) * len(padding)
    size = (n + 2 * p + b for n, p, b in zip(x.shape[2:], padding, behind))
    out = np.zeros((*x.shape[:2], *size), x.dtype)
    out[(..., *(slice(p, p + n) for n, p in zip(x.shape[2:], padding)))] = x
    return out


def _out_size(size: Ints, kernel: Ints, stride: Ints, dilation: Ints) -> Ints:
    each = zip(size, kernel, stride, dilation)
    return tuple((n - (k - 1) * d - 1) // s + 1 for n, k, s, d in each)


# ---- the ops


def convolution(
    input: Array, weight: Array, bias: Array, stride: Ints, padding: Ints, dilation: Ints, transposed: bool,
    output_padding: Ints, groups: int,
) -> Array:  # fmt: skip
    if transposed:
        if _is_cheaper_mirrored(weight, stride, padding, dilation, groups):
            around = [(k - 1) * d - p for k, d, p in zip(weight.shape[2:], dilation, padding)]
            x = _padded(input, around, output_padding)
            return _correlate(x, _mirrored(weight, groups), bias, stride, dilation, groups)
        return _transposed(input, weight, bias, stride, padding, dilation, output_padding, groups)
    return _correlate(_padded(input, padding), weight, bias, stride, dilation, groups)


def _correlate(
    x: Array, weight: Array, bias: Array, stride: Ints, dilation: Ints, groups: int
) -> Array:
    kernel, o = weight.shape[2:], weight.shape[0]
    size = _out_size(x.shape[2:], kernel, stride, dilation)
    out = np.empty((x.shape[0], o, *size), x.dtype)
    if not out.size:
        return out
    if prod(kernel) == 1:
        return _pointwise(x, weight, bias, stride, groups, out)
    if weight.shape[1] == 1 and groups > 1:
        return _depthwise(x, weight, bias, stride, dilation, groups, out)
    flat = weight.reshape(groups, o // groups, -1)
    scratch = Scratch(x.dtype)
    for samples, first, last in _blocks(x.shape[0], size, _row_bytes(x, kernel, size)):
        part = x[samples, :, first * stride[0] :]
        grid = grid_of(x.shape[2:], kernel, stride, dilation, (last - first, *size[1:]), False)
        columns = scratch.copy(0, grid.columns(part, groups)).reshape(groups, flat.shape[2], -1)
        many = np.matmul(flat, columns, out=scratch.empty(1, (*flat.shape[:2], columns.shape[2])))
        laid = grid.windows_of(many.reshape(groups, o // groups, part.shape[0], *grid.run))
        laid = laid.transpose(2, 0, 1, *range(3, laid.ndim))
        _store(laid, bias, out[samples, :, first:last])
    return out


def _store(laid: Array, bias: Array, target: Array) -> None:
    """`laid` (N, groups, O / groups, *out) plus bias, into `target` (N, O, *out), a view of the result."""
    strides = (target.strides[0], target.strides[1] * laid.shape[2], *target.strides[1:])
    target = as_strided(target, laid.shape, strides)
    if bias is None:
        np.copyto(target, laid)
    else:
        np.add(laid, bias.reshape(*laid.shape[1:3], *(1,) * (laid.ndim - 3)), out=target)


def _pointwise(
    x: Array, weight: Array, bias: Array, stride: Ints, groups: int, out: Array
) -> Array:
    """A kernel of one element: the input is its own columns."""
    if any(s > 1 for s in stride):
        x = np.ascontiguousarray(x[(..., *(slice(None, None, s) for s in stride))])
    n, c, o = x.shape[0], x.shape[1], weight.shape[0]
    columns = x.reshape(n, groups, c // groups, -1)
    np.matmul(
        weight.reshape(groups, o // groups, -1),
        columns,
        out=out.reshape(n, groups, o // groups, -1),
    )
    if bias is not None:
        out += bias.reshape(o, *(1,) * len(stride))
    return out


def _depthwise(
    x: Array, weight: Array, bias: Array, stride: Ints, dilation: Ints, groups: int, out: Array
) -> Array:
    """One channel a group: sums of shifted inputs, each times a number."""
    kernel, size, many = weight.shape[2:], out.shape[2:], weight.shape[0] // groups
    grid = grid_of(x.shape[2:], kernel, stride, dilation, size, False)
    w = weight.reshape(groups, many, *kernel)
    ones = (1,) * len(grid.run)
    each = max(BLOCK // (4 * out[:1].nbytes), 1)
    for first in range(0, x.shape[0], each):
        part = x[first : first + each]
        total = np.zeros((part.shape[0], groups, many, *grid.run), x.dtype)
        term = np.empty_like(total)
        for offset in product(*map(range, kernel)):
            factor = w[(..., *offset)].reshape(groups, many, *ones)
            np.multiply(grid.shifted(part, offset)[:, :, None], factor, out=term)
            total += term
        _store(grid.windows_of(total), bias, out[first : first + each])
    return out


def _is_cheaper_mirrored(
    weight: Array, stride: Ints, padding: Ints, dilation: Ints, groups: int
) -> bool:
    """Whether the adjoint is better done as a convolution with the mirrored kernel."""
    if any(s > 1 for s in stride) or any(
        p > (k - 1) * d for k, p, d in zip(weight.shape[2:], padding, dilation)
    ):
        return False
    return weight.shape[0] <= 2 * groups * weight.shape[1]


def _mirrored(weight: Array, groups: int) -> Array:
    """The kernel of the adjoint: inputs and outputs exchanged within each group."""
    c, o, kernel = weight.shape[0], weight.shape[1], weight.shape[2:]
    w = weight[(..., *(slice(None, None, -1),) * len(kernel))].reshape(
        groups, c // groups, o, *kernel
    )
    return np.ascontiguousarray(np.swapaxes(w, 1, 2)).reshape(groups * o, c // groups, *kernel)


class Phases:
    """A result (N, C, *size) in the making, apart by position modulo stride: runs stay contiguous."""

    def __init__(self, n: int, channels: int, size: Ints, stride: Ints, grid: Grid, dtype: Any):
        self.size, self.stride, self.grid = size, stride, grid
        self.parts = np.zeros((*stride, n, channels, *_phase_size(size, stride)), dtype)

    def seen_by(self, offset: Ints) -> Array:
        """A view (N, C, *run): where the kernel element `offset` puts its column."""
        at = [k * d for k, d in zip(offset, self.grid.dilation)]
        part = self.parts[tuple(a % s for a, s in zip(at, self.stride))]
        return self.grid.runs(part, tuple(a // s for a, s in zip(at, self.stride)))

    def store(self, bias: Array, padding: Ints, target: Array) -> None:
        """Puts the phases together in `target`, without `padding`, plus bias."""
        if bias is not None:
            bias = bias.reshape(-1, *(1,) * len(self.size))
        for phase in product(*map(range, self.stride)):
            each = list(zip(phase, self.stride, padding, target.shape[2:]))
            begin = [(a - p) % s for a, s, p, _ in each]
            count = [max(-(-(n - b) // s), 0) for b, (_, s, _, n) in zip(begin, each)]
            first = [(b + p) // s for b, (_, s, p, _) in zip(begin, each)]
            part = self.parts[phase][(..., *(slice(f, f + c) for f, c in zip(first, count)))]
            place = target[(..., *(slice(b, None, s) for b, (_, s, _, _) in zip(begin, each)))]
            place[...] = part if bias is None else part + bias


def _phase_size(size: Ints, stride: Ints) -> Ints:
    return tuple(-(-n // s) for n, s in zip(size, stride))


def _transposed(
    input: Array, weight: Array, bias: Array, stride: Ints, padding: Ints, dilation: Ints, output_padding: Ints,
    groups: int,
) -> Array:  # fmt: skip
    """The adjoint: the matrix product gives columns, which are added to where they came from."""
    kernel, n = weight.shape[2:], input.shape[0]
    channels = weight.shape[1] * groups
    each = zip(input.shape[2:], kernel, stride, dilation, output_padding)
    size = tuple((i - 1) * s + (k - 1) * d + 1 + m for i, k, s, d, m in each)
    out = np.empty((n, channels, *(max(s - 2 * p, 0) for s, p in zip(size, padding))), input.dtype)
    exact = not bool(np.isfinite(weight).all())  # or zeros between rows would not stay zeros
    ones = (1,) * len(kernel)
    grid = grid_of(_phase_size(size, stride), kernel, ones, dilation, input.shape[2:], exact)
    flat = weight.reshape(groups, weight.shape[0] // groups, -1).transpose(0, 2, 1)
    at_once = max(BLOCK // max(channels * prod(kernel) * prod(grid.run) * out.itemsize, 1), 1)
    for first in range(0, n, at_once):
        g = input[first : first + at_once]
        phases = Phases(g.shape[0], channels, size, stride, grid, out.dtype)
        if weight.shape[1] == 1 and groups > 1:
            _add_depthwise(phases, weight, grid.spread(g, groups), groups)
        else:
            _add_columns(phases, flat, grid.spread(g, groups))
        phases.store(bias, padding, out[first : first + at_once])
    return out


def _add_depthwise(phases: Phases, weight: Array, g: Array, groups: int) -> None:
    grid, many = phases.grid, weight.shape[0] // groups
    w = weight.reshape(groups, many, *grid.kernel)
    g = g.reshape(groups, many, -1, *grid.run)
    for offset in product(*map(range, grid.kernel)):
        factor = w[(..., *offset)].reshape(groups, many, 1, *(1,) * len(grid.run))
        term = g[:, 0] * factor[:, 0]
        for i in range(1, many):
            term += g[:, i] * factor[:, i]
        target = phases.seen_by(offset)
        target += term.swapaxes(0, 1)


def _add_columns(phases: Phases, flat: Array, g: Array) -> None:
    grid = phases.grid
    columns = (flat @ g).reshape(-1, *grid.kernel, phases.parts.shape[len(grid.kernel)], *grid.run)
    columns = np.moveaxis(columns, len(grid.kernel) + 1, 0)
    for offset in product(*map(range, grid.kernel)):
        target = phases.seen_by(offset)
        target += columns[(slice(None), slice(None), *offset)]


def convolution_weight_grad(
    input: Array,
    grad: Array,
    kernel: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    groups: int,
) -> Array:
    x = _padded(input, padding)
    shape = (grad.shape[1], x.shape[1] // groups, *kernel)
    if not (x.size and grad.size):
        return np.zeros(shape, grad.dtype)
    out = _weight_sum(x, grad, kernel, stride, dilation, groups, exact=False)
    if not np.isfinite(out).all():  # zeros times infinities between rows
        out = _weight_sum(x, grad, kernel, stride, dilation, groups, exact=True)
    return out.reshape(shape)


def _weight_sum(
    x: Array, grad: Array, kernel: Ints, stride: Ints, dilation: Ints, groups: int, exact: bool
) -> Array:
    size = grad.shape[2:]
    if x.shape[1] == groups > 1:
        return _depthwise_weight_sum(
            x, grad, grid_of(x.shape[2:], kernel, stride, dilation, size, exact), groups
        )
    total = 0
    scratch = Scratch(x.dtype)
    for samples, first, last in _blocks(x.shape[0], size, _row_bytes(x, kernel, size)):
        part = x[samples, :, first * stride[0] :]
        grid = grid_of(x.shape[2:], kernel, stride, dilation, (last - first, *size[1:]), exact)
        columns = scratch.copy(0, grid.columns(part, groups))
        columns = columns.reshape(groups, x.shape[1] // groups * prod(kernel), -1)
        g = grid.spread(grad[samples, :, first:last], groups)
        total = total + g @ columns.transpose(0, 2, 1)
    return total


def _depthwise_weight_sum(x: Array, grad: Array, grid: Grid, groups: int) -> Array:
    """One channel a group: a dot product for each kernel element."""
    n, many = x.shape[0], grad.shape[1] // groups
    g = grid.spread(grad, groups).reshape(groups, many, n, -1)
    out = np.empty((groups, many, *grid.kernel), grad.dtype)
    for offset in product(*map(range, grid.kernel)):
        seen = grid.shifted(x, offset).swapaxes(0, 1)
        seen = (
            np.ascontiguousarray(seen).reshape(groups, 1, n, -1) if not grid.wide else seen[:, None]
        )
        out[(..., *offset)] = np.vecdot(seen.conj() if seen.dtype.kind == "c" else seen, g).sum(2)
    return out


def kernels() -> dict[str, Any]:
    return {"convolution": convolution, "convolution_weight_grad": convolution_weight_grad}
