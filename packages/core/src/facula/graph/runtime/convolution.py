"""Convolution by oneDNN as plans of parts for threads: forward, by the input, by the weight.

Activations are channels-last (N, *size, C) without gaps, float32 or bfloat16; weights, biases and their gradients are (O, C / groups, *kernel) and
(O,) as PyTorch has them. oneDNN wants weights in blocks, which a first phase makes of them; the gradient of the weight is
made in parts over the samples, added up, and brought back.
"""

from __future__ import annotations

from itertools import pairwise
from math import gcd, prod
from typing import Any, NamedTuple

from facula.graph.runtime import primitives as api
from facula.graph.runtime.primitives import Descriptor, Dims, Plan, Primitive

Sizes = tuple[int, ...]
#: Slots of all plans: the activation that the convolution reads (or its gradient), weights, bias, result, workspace.
INPUT, WEIGHTS, BIAS, OUTPUT, WORKSPACE = range(5)
SLOTS = 5


class Convolution(NamedTuple):
    """What a convolution is, whichever way it is run."""

    n: int
    channels: int
    size: Sizes
    outputs: int
    kernel: Sizes
    stride: Sizes
    padding: Sizes
    dilation: Sizes
    groups: int
    out: Sizes
    #: oneDNN's numbers of the dtype of activations and weights that are read, and of the result.
    read: int = api.F32
    made: int = api.F32

    @classmethod
    def of(cls, x: Sizes, w: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int) -> Convolution:  # fmt: skip
        """That of an input (N, C, *size) with a weight (O, C / groups, *kernel), shapes both."""
        each = zip(x[2:], w[2:], stride, padding, dilation)
        out = tuple((i + 2 * p - (k - 1) * d - 1) // s + 1 for i, k, s, p, d in each)
        return cls(x[0], x[1], x[2:], w[0], w[2:], stride, padding, dilation, groups, out)

    @classmethod
    def adjoint_of(
        cls, x: Sizes, w: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int, more: Sizes
    ) -> Convolution:  # fmt: skip
        """That whose gradient by the input a transposed one is: of (N, C, *size) with (C, O / groups, *kernel).

        `more` is the transposed one's output padding; its result has the `size` and `channels` of this one.
        """
        each = zip(x[2:], w[2:], stride, padding, dilation, more)
        size = tuple((i - 1) * s - 2 * p + (k - 1) * d + 1 + m for i, k, s, p, d, m in each)
        return cls(x[0], w[1] * groups, size, x[1], w[2:], stride, padding, dilation, groups, x[2:])

    @classmethod
    def between(
        cls, x: Sizes, out: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
    ) -> Convolution:  # fmt: skip
        """That of an input and a result of these shapes: whose weight's gradient is wanted."""
        return cls(x[0], x[1], x[2:], out[1], kernel, stride, padding, dilation, groups, out[2:])

    def of_dtype(self, read: Any, made: Any = None) -> Convolution:
        """The same with these NumPy dtypes of what is read, and of the result if that is another."""
        return self._replace(
            read=api.of_dtype(read), made=api.of_dtype(read if made is None else made)
        )

    @property
    def is_product(self) -> bool:
        """Whether it is one of matrices, (places, channels) by (channels, outputs): weights need not be brought into blocks then."""
        met = tuple(-(-n // s) for n, s in zip(self.size, self.stride))
        return (
            set(self.kernel) == {1}
            and self.groups == 1
            and self.out == met
            and not any(self.padding)
        )

    @property
    def weight_dims(self) -> Sizes:
        o, i, g = self.outputs, self.channels, self.groups
        return (o, i, *self.kernel) if g == 1 else (g, o // g, i // g, *self.kernel)

    @property
    def behind(self) -> Sizes:
        """The padding after the last element with which exactly `out` windows fit; it may be negative."""
        each = zip(self.size, self.out, self.kernel, self.stride, self.padding, self.dilation)
        return tuple((o - 1) * s + (k - 1) * d + 1 - n - p for n, o, k, s, p, d in each)


def channels_last(n: int, channels: int, size: Sizes, dtype: int = api.F32) -> Descriptor:
    steps = [channels * prod(size[i + 1 :]) for i in range(len(size))]
    return api.strided((n, channels, *size), (channels * prod(size), 1, *steps), dtype)


def _plain(dims: Sizes, dtype: int = api.F32) -> Descriptor:
    return api.strided(dims, [prod(dims[i + 1 :]) for i in range(len(dims))], dtype)


def bounds(count: int, parts: int) -> list[tuple[int, int]]:
    """`count` in at most `parts` parts of about the same size."""
    parts = min(parts, count)
    return list(pairwise([count * p // parts for p in range(parts + 1)]))


class Part(NamedTuple):
    """Rows `low` to `high` of the output, of samples `first` to `last`."""

    first: int
    last: int
    low: int
    high: int

    def rows(self, size: Sizes) -> tuple[int, int]:
        """Its first and last place among those of all samples, each of this `size`."""
        row = prod(size[1:])
        return (self.first * size[0] + self.low) * row, (
            (self.last - 1) * size[0] + self.high
        ) * row


#: Multiplications that a piece should have at least, and pieces of a thread: who is late leaves some to the others.
ENOUGH, PIECES = 1 << 22, 4


def pieces_of(c: Convolution, threads: int, rows: bool) -> list[Part]:
    """The work in pieces that threads take as they come to them."""
    work = c.n * prod(c.out) * prod(c.weight_dims)
    each = min(PIECES, c.n // threads, work // (threads * ENOUGH))
    return parts_of(c, threads * each, rows=False) if each > 1 else parts_of(c, threads, rows)


def parts_of(c: Convolution, threads: int, rows: bool) -> list[Part]:
    """How the work is shared out: by samples; where these are few, and `rows`, by rows of the output too."""
    if c.n >= 4 * threads or c.n % threads == 0 or not rows:
        return [Part(a, b, 0, c.out[0]) for a, b in bounds(c.n, threads)]
    each = threads // gcd(c.n, threads)
    return [Part(i, i + 1, *span) for i in range(c.n) for span in bounds(c.out[0], each)]


def _geometry(c: Convolution, part: Part) -> tuple[Convolution, int]:
    """The convolution of a part, and the first row of its input."""
    n = part.last - part.first
    if (part.low, part.high) == (0, c.out[0]):
        return c._replace(n=n), 0
    s, p, reach = c.stride[0], c.padding[0], (c.kernel[0] - 1) * c.dilation[0] + 1
    low, high = part.low * s - p, (part.high - 1) * s - p + reach
    first, last = min(max(low, 0), c.size[0]), max(min(high, c.size[0]), 0)
    size = (max(last - first, 0), *c.size[1:])
    padding = (first - low, *c.padding[1:])
    return c._replace(n=n, size=size, padding=padding, out=(part.high - part.low, *c.out[1:])), first  # fmt: skip


def _options(c: Convolution) -> tuple[Any, ...]:
    dilation = tuple(d - 1 for d in c.dilation)
    return tuple(Dims(*x) for x in (c.stride, dilation, c.padding, c.behind))


def _forward(c: Convolution, weights: Descriptor, bias: bool) -> Primitive:
    out = channels_last(c.n, c.outputs, c.out, c.made)
    of_bias = _plain((c.outputs,)) if bias else None
    return Primitive(
        "dnnl_convolution_forward_primitive_desc_create", api.FORWARD, api.DIRECT, channels_last(c.n, c.channels, c.size, c.read),
        weights, of_bias, out, *_options(c), api.Attributes(),
    )  # fmt: skip


def _hint(c: Convolution) -> Primitive:
    """The forward convolution that a gradient's primitive is made from."""
    return _forward(c._replace(made=c.read), api.any_layout(c.weight_dims, c.read), False)


def forward(c: Convolution, threads: int, bias: bool) -> Plan:
    """INPUT, WEIGHTS, BIAS -> OUTPUT."""
    plan = Plan()
    made: dict[Convolution, Primitive] = {}
    layout = api.any_layout(c.weight_dims, c.read)
    parts = pieces_of(c, threads, rows=True)
    for part in parts:
        own, _ = _geometry(c, part)
        if own not in made:  # the first one chooses how weights are laid out
            made[own] = _forward(own, layout, bias)
            layout = made[own].layout(api.WEIGHTS)
    slot, at = _pack(plan, c, layout, threads)
    read, written = api.ITEMSIZE[c.read], api.ITEMSIZE[c.made]
    plan.phase()
    for part in parts:
        own, row = _geometry(c, part)
        primitive = made[own]
        source = read * c.channels * (part.first * prod(c.size) + row * prod(c.size[1:]))
        target = written * c.outputs * (part.first * prod(c.out) + part.low * prod(c.out[1:]))
        out = channels_last(own.n, c.outputs, own.out, c.made)
        uses = [
            (api.SOURCE, channels_last(own.n, c.channels, own.size, c.read), INPUT, source),
            (api.WEIGHTS, layout, slot, at),
            (api.TARGET, out, OUTPUT, target),
        ]
        if bias:
            uses.append((api.BIAS, _plain((c.outputs,)), BIAS, 0))
        plan.add(primitive, *uses, rows=part.rows(c.out), columns=c.outputs)
    return plan


def backward_input(c: Convolution, threads: int) -> Plan:
    """The gradient of the result under INPUT, WEIGHTS -> the gradient of the input under OUTPUT."""
    plan = Plan()
    made: dict[Convolution, Primitive] = {}
    layout = api.any_layout(c.weight_dims, c.read)
    parts = pieces_of(c, threads, rows=False)
    for part in parts:
        own, _ = _geometry(c, part)
        if own not in made:
            hint = _hint(own)
            made[own] = Primitive(
                "dnnl_convolution_backward_data_primitive_desc_create", api.DIRECT, channels_last(own.n, c.channels, c.size, c.made),
                layout, channels_last(own.n, c.outputs, c.out, c.read), *_options(own), api.Pointer(hint.description), api.Attributes(),
            )  # fmt: skip
            layout = made[own].layout(api.WEIGHTS)
    slot, at = _pack(plan, c, layout, threads)
    read, written = api.ITEMSIZE[c.read], api.ITEMSIZE[c.made]
    plan.phase()
    for part in parts:
        own, _ = _geometry(c, part)
        plan.add(
            made[own],
            (api.TARGET_GRADIENT, channels_last(own.n, c.outputs, c.out, c.read), INPUT, read * c.outputs * part.first * prod(c.out)),
            (api.WEIGHTS, layout, slot, at),
            (api.SOURCE_GRADIENT, channels_last(own.n, c.channels, c.size, c.made), OUTPUT, written * c.channels * part.first * prod(c.size)),
            rows=part._replace(low=0, high=c.size[0]).rows(c.size), columns=c.channels,
        )  # fmt: skip
    return plan


def backward_weights(c: Convolution, threads: int) -> Plan:
    """INPUT and the gradient of the result under OUTPUT -> the gradient of the weight, float32, under WEIGHTS."""
    plan = Plan()
    made: dict[Convolution, Primitive] = {}
    layout = api.any_layout(c.weight_dims)
    parts = parts_of(c, threads, rows=False)
    for part in parts:
        own, _ = _geometry(c, part)
        if own not in made:
            hint = _hint(own)
            made[own] = Primitive(
                "dnnl_convolution_backward_weights_primitive_desc_create", api.DIRECT, channels_last(own.n, c.channels, c.size, c.read),
                layout, None, channels_last(own.n, c.outputs, c.out, c.read), *_options(own), api.Pointer(hint.description),
                api.Attributes(),
            )  # fmt: skip
            layout = made[own].layout(api.WEIGHTS_GRADIENT)
    read = api.ITEMSIZE[c.read]
    plain = layout.equals(_plain(c.weight_dims))
    nbytes = layout.nbytes
    apart = -(-nbytes // 64) * 64
    pieces = plan.room(apart * len(parts)) if not plain or len(parts) > 1 else 0
    slot = WORKSPACE if not plain or len(parts) > 1 else WEIGHTS
    plan.phase()
    for i, part in enumerate(parts):
        own, _ = _geometry(c, part)
        plan.add(
            made[own],
            (api.SOURCE, channels_last(own.n, c.channels, c.size, c.read), INPUT, read * c.channels * part.first * prod(c.size)),
            (api.TARGET_GRADIENT, channels_last(own.n, c.outputs, c.out, c.read), OUTPUT, read * c.outputs * part.first * prod(c.out)),
            (api.WEIGHTS_GRADIENT, layout, slot, pieces + i * apart),
        )  # fmt: skip
    if len(parts) > 1:
        plan.phase()
        target = (WEIGHTS, 0) if plain else (WORKSPACE, pieces)
        for low, high in bounds(nbytes // 4, threads):
            plan.add_sum(target, (WORKSPACE, pieces), apart, len(parts), low, high)
    if not plain:
        plan.phase()
        _reorder(plan, c, api.F32, threads, layout, (WORKSPACE, pieces), WEIGHTS, False)
    return plan


def _pack(plan: Plan, c: Convolution, layout: Descriptor, threads: int) -> tuple[int, int]:
    """A phase that lays weights out; the slot and distance where they are then."""
    if layout.equals(_plain(c.weight_dims, c.read)):
        return WEIGHTS, 0
    at = plan.room(layout.nbytes)
    plan.phase()
    _reorder(plan, c, c.read, threads, layout, (WORKSPACE, at), WEIGHTS, True)
    return WORKSPACE, at


#: Weights fewer than these are brought into order by one thread.
FEW = 1 << 14


def _reorder(
    plan: Plan, c: Convolution, dtype: int, threads: int, layout: Descriptor, packed: tuple[int, int], plain: int, packs: bool
) -> None:  # fmt: skip
    """Steps from weights as PyTorch has them to `layout`, or back."""
    for mine, theirs in _pieces(_plain(c.weight_dims, dtype), layout, c.weight_dims, threads):
        ends = [(mine, plain, 0), (theirs, *packed)]
        source, target = ends if packs else ends[::-1]
        plan.add(api.reorder(source[0], target[0]), (api.SOURCE, *source), (api.TARGET, *target))


def _pieces(plain: Descriptor, layout: Descriptor, dims: Sizes, threads: int) -> list[tuple[Descriptor, Descriptor]]:  # fmt: skip
    """The same parts of both, along the first dimension in whole blocks; one where that cannot be."""
    for block in (16, 64):  # those that oneDNN makes
        if prod(dims) <= FEW or dims[0] % block:
            break
        spans = [(block * a, block * b) for a, b in bounds(dims[0] // block, threads)]
        try:
            return [_both(plain, layout, dims, *span) for span in spans]
        except api.PrimitiveMissing:
            continue
    return [(plain, layout)]


def _both(plain: Descriptor, layout: Descriptor, dims: Sizes, low: int, high: int) -> tuple[Descriptor, Descriptor]:  # fmt: skip
    part, offsets = (high - low, *dims[1:]), (low, *(0,) * (len(dims) - 1))
    return plain.part(part, offsets), layout.part(part, offsets)
