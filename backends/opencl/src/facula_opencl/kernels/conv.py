"""Convolution, its adjoint, and the gradient of its weight."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from math import gcd, prod
from typing import Any

import numpy as np

from facula.ops.dims import row_major
from facula_opencl.kernels import conv_cpu, conv_gpu
from facula_opencl.kernels.tile import REALS, tile_for

Array = Any
Ints = tuple[int, ...]
I32 = np.dtype(np.int32)


def _three(sizes: Any, fill: int) -> Ints:
    """One number for each of three spatial dimensions: those that are absent come first."""
    return (fill,) * (3 - len(sizes)) + tuple(sizes)


@dataclass(frozen=True)
class Correlation:
    """Windows of (N, groups * channels, *size) times weights (groups * m, channels, *kernel).

    Position i along a dimension of the result starts at input position i * stride + start. The
    result's element (n, c, *i) goes to offset + n, c, i times the strides `to`.
    """

    m: int
    samples: int
    channels: int
    groups: int
    size: Ints
    kernel: Ints
    dilation: Ints
    stride: Ints
    start: Ints
    out: Ints
    to: Ints
    weight: Ints  # steps in the weights: of groups, rows, channels, and along the kernel
    offset: int = 0
    weight_offset: int = 0

    @property
    def columns(self) -> int:
        return self.samples * prod(self.out)

    def arguments(self, x: Array, weight: Array, out: Array, bias: Array | None) -> Ints:
        w, b = (weight.buffer, weight.offset + self.weight_offset), out if bias is None else bias
        where = x.buffer, x.offset, *w, out.buffer, self.offset, b.buffer, b.offset
        sizes = *self.size, *self.kernel, *self.dilation, *self.stride, *self.start, *self.out
        counts = self.m, self.samples, self.channels, self.groups
        return (*where, *counts, *sizes, *self.to, *self.weight)


def enough_groups(xp: Any) -> int:
    """Work-groups that keep a device's units busy even where some take longer than others."""
    return max(4 * int(xp.cl_device.max_compute_units), 8)


# ---- CPU-type devices


def _run(lanes: int, width: int) -> int:
    """The longest part of a vector of which a whole number makes a row."""
    return next((r for r in (lanes, lanes // 2, lanes // 4) if width % r == 0), 1)


def _blocks(rows: int, step: int, wanted: int) -> tuple[int, int]:
    """How many blocks of rows, and how many rows, a multiple of `step`, each has."""
    wanted = max(1, min(wanted, -(-rows // step)))
    each = -(-rows // (wanted * step)) * step
    return -(-rows // each), each


def _correlate_cpu(
    xp: Any, c: Correlation, x: Array, weight: Array, out: Array, bias: Array | None
) -> None:
    tile = tile_for(xp, x.dtype, c.m, c.columns)
    source = conv_cpu.correlate_source(tile, _run(tile.lanes, c.out[2]), bias is not None)
    launch = xp.function(source, "correlate", conv_cpu.CORRELATE_LETTERS + "i")
    panels = -(-c.columns // tile.columns)
    if c.weight[2] > c.weight[1] and panels > 2:
        c, weight = _swapped(xp, c, weight)
    blocks, rows = _blocks(c.m, tile.rows, -(-enough_groups(xp) // (panels * c.groups)))
    launch((panels, blocks, c.groups), (1, 1, 1), *c.arguments(x, weight, out, bias), rows)


def _swapped(xp: Any, c: Correlation, weight: Array) -> tuple[Correlation, Array]:
    """The same with a copy of the weights that lie as they are read."""
    shape = c.groups * c.m, c.channels, *c.kernel
    if not prod(shape):
        return c, weight
    copy = xp.empty(shape, weight.dtype)
    launch = xp.function(
        conv_cpu.swap_source(REALS[weight.dtype][0]), "swap", conv_cpu.SWAP_LETTERS
    )
    where = weight.buffer, weight.offset + c.weight_offset, copy.buffer
    launch((-(-c.m // 16), c.groups), (1, 1), *where, c.m, c.channels, *c.kernel, *c.weight)
    steps = row_major(shape)
    return replace(c, weight=(c.m * steps[0], *steps), weight_offset=0), copy


@lru_cache(maxsize=256)
def _table(xp: Any, steps: Ints, sizes: Ints) -> Array:
    """Sums of steps times positions, for all positions in a box, as int32 on the device."""
    at = np.zeros(1, np.int64)
    for step, n in zip(steps, sizes):
        at = (at[:, None] + step * np.arange(n)).reshape(-1)
    return xp.asarray(at.astype(I32))


def _padded(xp: Any, x: Array, padding: Ints) -> Array:
    """`x` (N, C, D, H, W) with zeros on both sides of its spatial dimensions."""
    if not any(padding):
        return x
    size = tuple(n + 2 * p for n, p in zip(x.shape[2:], padding))
    out = xp.empty((*x.shape[:2], *size), x.dtype)
    launch = xp.function(conv_cpu.pad_source(REALS[x.dtype][0]), "pad", conv_cpu.PAD_LETTERS)
    planes = x.shape[0] * x.shape[1]
    launch((planes,), (1,), x.buffer, x.offset, out.buffer, *x.shape[2:], *size, *padding)
    return out


def _weight_grad_cpu(xp: Any, c: Correlation, x: Array, grad: Array, out: Array) -> None:
    """`c` is the convolution that the gradient belongs to."""
    x = _padded(xp, x, tuple(-s for s in c.start))
    steps = row_major(x.shape[2:])
    rows = c.channels * prod(c.kernel)
    row_steps = prod(x.shape[2:]), *(s * d for s, d in zip(steps, c.dilation))
    tables = (
        _table(xp, row_steps, (c.channels, *c.kernel)),
        _table(xp, tuple(s * n for s, n in zip(steps, c.stride)), c.out),
    )
    tile = tile_for(xp, x.dtype, rows, c.m)
    panels, depth = -(-c.m // tile.columns), c.columns
    wanted = -(-enough_groups(xp) // (panels * c.groups))
    blocks, each = _blocks(rows, tile.rows, min(wanted, max(rows // 512, 1)))
    parts, part = _blocks(depth, tile.depth, -(-wanted // blocks))
    pitch = panels * tile.columns
    sums = xp.alloc(parts * c.groups * rows * pitch * x.dtype.itemsize)
    source = conv_cpu.weight_grad_source(tile)
    launch = xp.function(source, "weight_grad", conv_cpu.WEIGHT_GRAD_LETTERS)
    launch(
        (panels, blocks, c.groups * parts), (1, 1, 1),
        x.buffer, x.offset, grad.buffer, grad.offset, *(t.buffer for t in tables), sums,
        rows, c.m, c.groups, c.samples, prod(c.out), prod(x.shape[1:]), pitch, each, part,
    )  # fmt: skip
    add = xp.function(conv_cpu.add_parts_source(tile), "add_parts", conv_cpu.ADD_PARTS_LETTERS)
    vectors = -(-c.m // tile.lanes)
    blocks, each = _blocks(rows, tile.lanes, -(-enough_groups(xp) // (vectors * c.groups)))
    arguments = sums, out.buffer, rows, c.m, pitch, c.groups, parts, each
    add((vectors, blocks, c.groups), (1, 1, 1), *arguments)


# ---- the ops


def _trimmed(c: Correlation) -> Correlation:
    """Without the ends of the kernel that see nothing but padding, wherever it lies."""
    kernel, start, offset = list(c.kernel), list(c.start), c.weight_offset
    for i, (n, k, d, s, b, o) in enumerate(
        zip(c.size, c.kernel, c.dilation, c.stride, c.start, c.out)
    ):
        sees = [t for t in range(k) if t * d + b < n and t * d + b + (o - 1) * s >= 0]
        if len(sees) == k:
            continue
        if not sees:
            return replace(c, kernel=(0, 0, 0))
        kernel[i], start[i] = sees[-1] + 1 - sees[0], b + sees[0] * d
        offset += sees[0] * c.weight[3 + i]
    return replace(c, kernel=tuple(kernel), start=tuple(start), weight_offset=offset)


def _correlate(
    xp: Any, c: Correlation, x: Array, weight: Array, out: Array, bias: Array | None
) -> None:
    c = _trimmed(c)
    run = _correlate_cpu if xp.is_cpu else conv_gpu.correlate
    run(xp, c, x, weight, out, bias)


def _spatial(x: Array) -> Array:
    """(N, C, *spatial) with three spatial dimensions."""
    return x.view((*x.shape[:2], *_three(x.shape[2:], 1)), None, x.offset)


def _contiguous(xp: Any, x: Array) -> Array:
    return x if x.is_contiguous else xp.copy(x)


def _takes(input: Array, other: Array, spatial: int) -> bool:
    """Whether dtype and sizes are ones these kernels know; they count in 32 bits."""
    return (
        input.dtype in REALS
        and other.dtype is input.dtype
        and 1 <= spatial <= 3
        and 0 not in (*input.shape, *other.shape)
        and max(input.size, other.size) < 1 << 30
    )


def _forward(x: Array, weight: Array, options: Any, groups: int, out: Ints) -> Correlation:
    """The plain convolution of `x` by weights of the shape of `weight`, with three spatial dimensions."""
    stride, padding, dilation = options
    return Correlation(
        weight[0] // groups, x.shape[0], weight[1], groups, x.shape[2:], weight[2:], dilation,
        stride, tuple(-p for p in padding), out, row_major((x.shape[0], weight[0], *out)),
        (weight[0] // groups * row_major(weight)[0], *row_major(weight)),
    )  # fmt: skip


def convolution(
    xp: Any, input: Array, weight: Array, bias: Array | None, stride: Ints, padding: Ints, dilation: Ints,
    transposed: bool, output_padding: Ints, groups: int,
) -> Array:  # fmt: skip
    n = len(stride)
    if not _takes(input, weight, n):
        return NotImplemented
    o = weight.shape[1] * groups if transposed else weight.shape[0]
    each = zip(input.shape[2:], weight.shape[2:], stride, padding, dilation, output_padding)
    if transposed:
        size = [(i - 1) * s - 2 * p + (k - 1) * d + 1 + m for i, k, s, p, d, m in each]
    else:
        size = [(i + 2 * p - (k - 1) * d - 1) // s + 1 for i, k, s, p, d, _ in each]
    shape = input.shape[0], o, *size
    if min(shape) <= 0 or prod(shape) >= 1 << 30:
        return NotImplemented
    out = xp.empty(shape, input.dtype)
    x, w = _spatial(_contiguous(xp, input)), _spatial(_contiguous(xp, weight))
    options = _three(stride, 1), _three(padding, 0), _three(dilation, 1)
    bias = None if bias is None else _contiguous(xp, bias)
    if transposed:
        _transposed(xp, x, w, bias, options, groups, out)
    else:
        c = _forward(x, w.shape, options, groups, _three(size, 1))
        _correlate(xp, c, x, w, out, bias)
    return out


def convolution_weight_grad(
    xp: Any, input: Array, grad: Array, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int
) -> Array:  # fmt: skip
    if not _takes(input, grad, len(kernel)):
        return NotImplemented
    shape = grad.shape[1], input.shape[1] // groups, *kernel
    around = (n + 2 * p for n, p in zip(input.shape[2:], padding))
    if not prod(shape) or prod((*input.shape[:2], *around)) >= 1 << 31:
        return NotImplemented
    out = xp.empty(shape, input.dtype)
    x, g = _spatial(_contiguous(xp, input)), _spatial(_contiguous(xp, grad))
    options = _three(stride, 1), _three(padding, 0), _three(dilation, 1)
    c = _forward(x, (*shape[:2], *_three(kernel, 1)), options, groups, g.shape[2:])
    (_weight_grad_cpu if xp.is_cpu else conv_gpu.weight_grad)(xp, c, x, g, out)
    return out


@dataclass(frozen=True)
class Phase:
    """The positions of an adjoint's result that are `first` modulo `stride`, along one dimension.

    They are a convolution with stride 1 by every `step`-th kernel element, `last` first.
    """

    first: int
    count: int
    start: int
    taps: int
    last: int
    step: int
    dilation: int


def _phase(a: int, size: int, kernel: int, stride: int, padding: int, dilation: int) -> Phase:
    """Position y of the result gets kernel element k from input position i where y + padding = i * stride + k * dilation."""
    step, wide = stride // gcd(stride, dilation), dilation // gcd(stride, dilation)
    q = -((a - padding) // stride)  # the first with stride * q + a - padding >= 0
    first = stride * q + a - padding
    count = max(-(-(size - first) // stride), 0)
    elements = [k for k in range(min(kernel, step)) if (k * dilation - a) % stride == 0]
    if not elements:
        return Phase(first, count, 0, 0, 0, step, wide)
    k = elements[0]
    taps = (kernel - 1 - k) // step + 1
    start = q - (k * dilation - a) // stride - (taps - 1) * wide
    return Phase(first, count, start, taps, k + (taps - 1) * step, step, wide)


def _transposed(
    xp: Any, x: Array, w: Array, bias: Array | None, options: Any, groups: int, out: Array
) -> None:
    stride, padding, dilation = options
    size = _three(out.shape[2:], 1)
    m, channels = w.shape[1], w.shape[0] // groups
    to, steps = row_major((*out.shape[:2], *size)), row_major(w.shape)
    each = zip(size, w.shape[2:], stride, padding, dilation)
    along = [[_phase(a, *dim) for a in range(dim[2])] for dim in each]
    for phases in product(*along):
        count, taps = tuple(p.count for p in phases), tuple(p.taps for p in phases)
        if not all(count):
            continue
        taps = taps if all(taps) else (0, 0, 0)
        c = Correlation(
            m, x.shape[0], channels, groups, x.shape[2:], taps, tuple(p.dilation for p in phases),
            (1, 1, 1), tuple(p.start for p in phases), count,
            (*to[:2], *(t * s for t, s in zip(to[2:], stride))),
            (channels * steps[0], steps[1], steps[0], *(-p.step * t for p, t in zip(phases, steps[2:]))),
            sum(p.first * t for p, t in zip(phases, to[2:])),
            sum(p.last * t for p, t in zip(phases, steps[2:])),
        )  # fmt: skip
        _correlate(xp, c, x, w, out, bias)


LEAVES = {"convolution": convolution, "convolution_weight_grad": convolution_weight_grad}
