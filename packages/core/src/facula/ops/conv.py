"""Convolutions in any number of dimensions, all through one op, `convolution`.

Its gradients are convolutions again: that of the input is the transposed one, that of the weight is
`convolution_weight_grad`, which is linear in both its tensors. Every order of derivative follows.
Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), has the shapes.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any

from facula.ops._op import Namespace, Tensor, op
from facula.ops.shape import slice as slice_op
from facula.ops.windows import hashable, span, tuple_of, windows
from facula.testing.samples import call


def _out_size(n: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    return (n + 2 * padding - span(kernel, dilation)) // stride + 1


def _around(padding: Any) -> tuple[int, ...]:
    """The same pads on both sides of each spatial dimension, in the order `constant_pad_nd` takes."""
    return tuple(p for n in reversed(padding) for p in (n, n))


def _padded(xp: Namespace, x: Any, padding: Any) -> Any:
    return xp.constant_pad_nd(x, _around(padding), 0) if any(padding) else x


def _crop(xp: Namespace, x: Any, size: Any) -> Any:
    """The first `size` elements of the spatial dimensions."""
    for i, n in enumerate(size):
        if x.shape[2 + i] != n:
            x = xp.slice(x, 2 + i, 0, n, 1)
    return x


# ---- the op


@op(method=False)
def convolution(
    xp: Namespace, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, dilation: Any,
    transposed: bool, output_padding: Any, groups: int,
) -> Tensor:  # fmt: skip
    """Convolution (cross-correlation) of `input` (N, C, *spatial) with `weight`; with `transposed`, its adjoint.

    `weight` is (O, C / groups, *kernel), transposed (C, O / groups, *kernel); `bias` (O,). The result
    is (N, O, *out). The options are tuples with one int for each spatial dimension.
    """
    if transposed:
        x = _spread(xp, input, weight, stride, padding, dilation, output_padding)
        kernel = _swapped(xp, weight, groups)
        out = _correlate(xp, x, kernel, (1,) * len(stride), dilation, groups)
    else:
        out = _correlate(xp, _padded(xp, input, padding), weight, stride, dilation, groups)
    if bias is None:
        return out
    return out + xp.reshape(bias, (bias.shape[0], *(1,) * len(stride)))


def _correlate(xp: Namespace, x: Any, weight: Any, stride: Any, dilation: Any, groups: int) -> Any:
    """Every window as a row of a matrix, times the weights as columns; per group."""
    o, kernel = weight.shape[0], weight.shape[2:]
    n = x.shape[0]
    view = windows(xp, x, kernel, stride, dilation)
    out = view.shape[2 : 2 + len(kernel)]
    rows = _rows(xp, view, groups, len(kernel))
    columns = xp.transpose(xp.reshape(weight, (groups, o // groups, prod(weight.shape[1:]))), 1, 2)
    result = xp.reshape(xp.matmul(rows, columns), (groups, n, *out, o // groups))
    last = len(result.shape) - 1
    return xp.reshape(xp.permute(result, (1, 0, last, *range(2, last))), (n, o, *out))


def _rows(xp: Namespace, view: Any, groups: int, n: int) -> Any:
    """Windows (N, C, *out, *kernel) as (groups, N * out, C / groups * kernel)."""
    batch, channels, size = view.shape[0], view.shape[1], view.shape[2:]
    x = xp.reshape(view, (batch, groups, channels // groups, *size))
    x = xp.permute(x, (1, 0, *range(3, 3 + n), 2, *range(3 + n, 3 + 2 * n)))
    return xp.reshape(x, (groups, batch * prod(size[:n]), channels // groups * prod(size[n:])))


def _spread(
    xp: Namespace,
    x: Any,
    weight: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    output_padding: Any,
) -> Any:
    """`x` with `stride - 1` zeros between elements, and zeros around it: what the kernel slides over."""
    shape = x.shape
    size = tuple((n - 1) * s + 1 if n else 0 for n, s in zip(shape[2:], stride))
    if any(s > 1 for s in stride):
        chain = tuple((slice_op, (2 + i, 0, n, s)) for i, (n, s) in enumerate(zip(size, stride)))
        x = xp.write_view(xp.full((*shape[:2], *size), 0, x.dtype), x, chain)
    pads: list[int] = []
    for k, p, d, o in zip(weight.shape[2:], padding, dilation, output_padding):
        before = span(k, d) - 1 - p
        pads = [before, before + o, *pads]
    return xp.constant_pad_nd(x, tuple(pads), 0) if any(pads) else x


def _swapped(xp: Namespace, weight: Any, groups: int) -> Any:
    """The kernel of the adjoint: mirrored, inputs and outputs exchanged within each group."""
    c, o, kernel = weight.shape[0], weight.shape[1], weight.shape[2:]
    w = xp.flip(weight, tuple(range(2, 2 + len(kernel))))
    w = xp.transpose(xp.reshape(w, (groups, c // groups, o, *kernel)), 1, 2)
    return xp.reshape(w, (groups * o, c // groups, *kernel))


def _missing(
    size: Any, out: Any, kernel: Any, stride: Any, padding: Any, dilation: Any
) -> tuple[int, ...]:
    """The output padding with which a transposed convolution of `out` gives `size`."""
    each = zip(size, out, kernel, stride, padding, dilation)
    return tuple(n - ((o - 1) * s - 2 * p + span(k, d)) for n, o, k, s, p, d in each)


def _input_grad(
    xp: Namespace, g: Any, weight: Any, size: Any, stride: Any, padding: Any, dilation: Any, transposed: bool, groups: int
) -> Any:  # fmt: skip
    zeros = (0,) * len(stride)
    if transposed:
        out = xp.convolution(g, weight, None, stride, padding, dilation, False, zeros, groups)
        return _crop(xp, out, size)
    more = _missing(size, g.shape[2:], weight.shape[2:], stride, padding, dilation)
    return xp.convolution(g, weight, None, stride, padding, dilation, True, more, groups)


def _joint_rule(
    xp: Namespace, g: Any, input: Any, weight: Any, stride: Any, padding: Any, dilation: Any, transposed: bool,
    groups: int, needs: Any,
) -> Any:  # fmt: skip
    options = stride, padding, dilation
    spatial = tuple(range(2, len(g.shape)))
    of_input = of_weight = of_bias = None
    if needs[0]:
        of_input = _input_grad(xp, g, weight, input.shape[2:], *options, transposed, groups)
    if needs[1]:
        x, y = (g, input) if transposed else (input, g)
        of_weight = xp.convolution_weight_grad(x, y, weight.shape[2:], *options, groups)
    if needs[2]:
        of_bias = xp.sum(g, (0, *spatial), False)
    return of_input, of_weight, of_bias


convolution.vjp(("input", "weight", "bias"), _joint_rule)


@op(method=False)
def convolution_weight_grad(
    xp: Namespace, input: Tensor, grad: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:  # fmt: skip
    """Gradient of a convolution's weight, (O, C / groups, *kernel), from that of its result, `grad`."""
    view = windows(xp, _padded(xp, input, padding), kernel, stride, dilation)
    view = _crop(xp, view, grad.shape[2:])
    n, o = grad.shape[:2]
    rows = _rows(xp, view, groups, len(kernel))
    g = xp.reshape(grad, (n, groups, o // groups, prod(grad.shape[2:])))
    g = xp.reshape(xp.permute(g, (1, 2, 0, 3)), (groups, o // groups, n * prod(grad.shape[2:])))
    return xp.reshape(xp.matmul(g, rows), (o, input.shape[1] // groups, *kernel))


def _weight_grad_rule(
    xp: Namespace, g: Any, input: Any, grad: Any, stride: Any, padding: Any, dilation: Any, groups: int, needs: Any
) -> Any:  # fmt: skip
    of_input = of_grad = None
    if needs[0]:
        of_input = _input_grad(
            xp, grad, g, input.shape[2:], stride, padding, dilation, False, groups
        )
    if needs[1]:
        zeros = (0,) * len(stride)
        out = xp.convolution(input, g, None, stride, padding, dilation, False, zeros, groups)
        of_grad = _crop(xp, out, grad.shape[2:])
    return of_input, of_grad


convolution_weight_grad.vjp(("input", "grad"), _weight_grad_rule)


@convolution.sample
def convolution(make: Any) -> Any:
    yield call(make(1, 2, 5), make(3, 2, 2), make(3), (2,), (1,), (2,), False, (0,), 1)
    yield call(make(2, 2, 3, 4), make(2, 1, 2, 3), None, (1, 2), (1, 0), (1, 1), False, (0, 0), 2)
    yield call(make(1, 2, 3), make(2, 2, 2), make(2), (2,), (1,), (1,), True, (1,), 1)


@convolution_weight_grad.sample
def convolution_weight_grad(make: Any) -> Any:
    yield call(make(2, 2, 5), make(2, 4, 3), (2,), (2,), (1,), (1,), 2)


# ---- what users call


_BATCHED = {1: "(N, C, L)", 2: "(N, C, H, W)", 3: "(N, C, D, H, W)"}


class _Options:
    """The checked options of one call."""

    def __init__(self, name: str, n: int, stride: Any, padding: Any, dilation: Any):
        self.stride = tuple_of(stride, n, name, "stride")
        self.dilation = tuple_of(dilation, n, name, "dilation")
        self.padding = (
            padding if isinstance(padding, str) else tuple_of(padding, n, name, "padding")
        )
        for argument, values, least in (
            ("stride", self.stride, 1), ("dilation", self.dilation, 1), ("padding", self.padding, 0)
        ):  # fmt: skip
            if not isinstance(values, str) and min(values) < least:
                raise RuntimeError(
                    f"{name}: {argument} must be at least {least}, but got {argument}={list(values)}"
                )


_options = lru_cache(maxsize=1024, typed=True)(_Options)


def _check(
    name: str, n: int, input: Any, weight: Any, bias: Any, groups: int, transposed: bool
) -> None:
    for other in (weight, bias):
        if other is not None and other.dtype != input.dtype:
            raise RuntimeError(
                f"{name}: input type ({input.dtype}) and {'weight' if other is weight else 'bias'} type ({other.dtype}) "
                f"should be the same; convert one of them with .to(dtype)"
            )
    of_bias = None if bias is None else tuple(bias.shape)
    _check_shapes(name, n, tuple(input.shape), tuple(weight.shape), of_bias, groups, transposed)


@lru_cache(maxsize=1024)  # the same layer sees the same shapes again and again
def _check_shapes(
    name: str, n: int, shape: Any, weight: Any, bias: Any, groups: int, transposed: bool
) -> None:
    if len(weight) != n + 2:
        raise RuntimeError(
            f"{name}: expected a weight of {n + 2} dimensions, but got shape {weight}"
        )
    if len(shape) not in (n + 1, n + 2):
        raise RuntimeError(
            f"{name}: expected {n + 1}D (unbatched) or {n + 2}D (batched) input {_BATCHED[n]}, but got shape {shape}"
        )
    _check_channels(name, n, shape, weight, bias, groups, transposed)


def _check_channels(
    name: str, n: int, shape: Any, weight: Any, bias: Any, groups: int, transposed: bool
) -> None:
    if groups < 1:
        raise RuntimeError(f"{name}: non-positive groups is not supported, but got groups={groups}")
    if weight[0] % groups:
        raise RuntimeError(
            f"{name}: given groups={groups}, expected the weight's first dimension to be divisible by {groups}, "
            f"but got weight shape {tuple(weight)}"
        )
    if 0 in weight[2:]:
        raise RuntimeError(
            f"{name}: kernel size should be greater than zero, but got weight shape {tuple(weight)}"
        )
    channels = weight[0] if transposed else weight[1] * groups
    if shape[-n - 1] != channels:
        raise RuntimeError(
            f"{name}: given groups={groups} and a weight of shape {tuple(weight)}, expected input {_BATCHED[n]} to have "
            f"{channels} channels, but got {shape[-n - 1]} channels instead (input shape {tuple(shape)})"
        )
    outputs = weight[1] * groups if transposed else weight[0]
    if bias is not None and bias != (outputs,):
        raise RuntimeError(
            f"{name}: given a weight of shape {tuple(weight)}, expected bias to be 1-dimensional with {outputs} "
            f"elements, but got bias of shape {bias}"
        )


def _conv(
    xp: Namespace, name: str, n: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any,
    groups: int,
) -> Any:  # fmt: skip
    _check(name, n, input, weight, bias, groups, False)
    o = _options(name, n, hashable(stride), hashable(padding), hashable(dilation))
    if len(input.shape) == n + 1:
        out = _conv(
            xp, name, n, xp.unsqueeze(input, 0), weight, bias, stride, padding, dilation, groups
        )
        return xp.squeeze(out, 0)
    padding = o.padding
    if isinstance(padding, str):
        input, padding = _named_padding(xp, name, input, weight.shape[2:], o)
    _check_reach(name, tuple(input.shape), tuple(weight.shape), padding, o.dilation)
    return xp.convolution(
        input, weight, bias, o.stride, padding, o.dilation, False, (0,) * n, groups
    )


@lru_cache(maxsize=1024)
def _check_reach(name: str, shape: Any, weight: Any, padding: Any, dilation: Any) -> None:
    padded = tuple(s + 2 * p for s, p in zip(shape[2:], padding))
    reach = tuple(span(k, d) for k, d in zip(weight[2:], dilation))
    if any(s < r for s, r in zip(padded, reach)):
        raise RuntimeError(
            f"{name}: kernel size can't be greater than actual input size: the padded input is {padded} and the "
            f"kernel reaches over {reach} (input shape {shape}, weight shape {weight})"
        )


def _named_padding(
    xp: Namespace, name: str, x: Any, kernel: Any, o: _Options
) -> tuple[Any, tuple[int, ...]]:
    """'valid' and 'same' as numbers; where 'same' is uneven, the extra element goes behind."""
    if o.padding == "valid":
        return x, (0,) * len(kernel)
    if o.padding != "same":
        raise RuntimeError(
            f"{name}: invalid padding string {o.padding!r}, should be one of 'valid', 'same'"
        )
    if any(s != 1 for s in o.stride):
        raise RuntimeError(
            f"{name}: padding='same' is not supported for strided convolutions, got stride={list(o.stride)}"
        )
    total = [span(k, d) - 1 for k, d in zip(kernel, o.dilation)]
    if any(t % 2 for t in total):
        x = xp.constant_pad_nd(x, tuple(n for t in reversed(total) for n in (0, t % 2)), 0)
    return x, tuple(t // 2 for t in total)


def _conv_transpose(
    xp: Namespace, name: str, n: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any,
    output_padding: Any, groups: int, dilation: Any,
) -> Any:  # fmt: skip
    _check(name, n, input, weight, bias, groups, True)
    o = _options(name, n, hashable(stride), hashable(padding), hashable(dilation))
    more = tuple_of(output_padding, n, name, "output_padding")
    if any(m < 0 or m >= max(s, d) for m, s, d in zip(more, o.stride, o.dilation)):
        raise RuntimeError(
            f"{name}: output padding must be smaller than either stride or dilation and not negative, but got "
            f"output_padding={list(more)}, stride={list(o.stride)}, dilation={list(o.dilation)}"
        )
    if len(input.shape) == n + 1:
        x = xp.unsqueeze(input, 0)
        args = (weight, bias, stride, padding, output_padding, groups, dilation)
        return xp.squeeze(_conv_transpose(xp, name, n, x, *args), 0)
    each = zip(input.shape[2:], weight.shape[2:], o.stride, o.padding, o.dilation, more)
    out = [(i - 1) * s - 2 * p + span(k, d) + m for i, k, s, p, d, m in each]
    if min(out) < 1:
        raise RuntimeError(
            f"{name}: given input shape {tuple(input.shape)} and weight shape {tuple(weight.shape)}, the calculated "
            f"output size {tuple(out)} is too small; use less padding"
        )
    return xp.convolution(input, weight, bias, o.stride, o.padding, o.dilation, True, more, groups)


@op(method=False)
def conv1d(
    xp: Namespace, input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """1-D convolution of `input` (N, C, L) or (C, L) with `weight` (O, C / groups, K).

    `padding` is a number of zeros on both sides, 'valid' (none) or 'same' (as many as keep the size).
    """
    return _conv(xp, "conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


@op(method=False)
def conv2d(
    xp: Namespace, input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """2-D convolution of `input` (N, C, H, W) or (C, H, W) with `weight` (O, C / groups, KH, KW).

    `padding` is a number of zeros on both sides, 'valid' (none) or 'same' (as many as keep the size).
    """
    return _conv(xp, "conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


@op(method=False)
def conv3d(
    xp: Namespace, input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """3-D convolution of `input` (N, C, D, H, W) or (C, D, H, W) with `weight` (O, C / groups, KD, KH, KW)."""
    return _conv(xp, "conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


@op(method=False)
def conv_transpose1d(
    xp: Namespace, input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """The adjoint of `conv1d` ("deconvolution"): `input` (N, C, L), `weight` (C, O / groups, K).

    The result has length (L - 1) * stride - 2 * padding + dilation * (K - 1) + output_padding + 1.
    """
    return _conv_transpose(
        xp,
        "conv_transpose1d",
        1,
        input,
        weight,
        bias,
        stride,
        padding,
        output_padding,
        groups,
        dilation,
    )


@op(method=False)
def conv_transpose2d(
    xp: Namespace, input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """The adjoint of `conv2d`: `input` (N, C, H, W), `weight` (C, O / groups, KH, KW)."""
    return _conv_transpose(
        xp,
        "conv_transpose2d",
        2,
        input,
        weight,
        bias,
        stride,
        padding,
        output_padding,
        groups,
        dilation,
    )


@op(method=False)
def conv_transpose3d(
    xp: Namespace, input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """The adjoint of `conv3d`: `input` (N, C, D, H, W), `weight` (C, O / groups, KD, KH, KW)."""
    return _conv_transpose(
        xp,
        "conv_transpose3d",
        3,
        input,
        weight,
        bias,
        stride,
        padding,
        output_padding,
        groups,
        dilation,
    )


@conv1d.sample
def conv1d(make: Any) -> Any:
    yield call(make(2, 2, 5), make(3, 2, 2), make(3), 2, 1)
    yield call(make(2, 4), make(4, 1, 2), padding="same", dilation=3, groups=2)
    yield call(make(0, 2, 4), make(2, 2, 3))


@conv2d.sample
def conv2d(make: Any) -> Any:
    yield call(make(1, 2, 3, 4), make(2, 2, 3, 2), make(2), padding=1)
    yield call(make(2, 2, 5, 4), make(2, 1, 2, 2), make(2), (2, 1), (0, 1), (2, 1), 2)
    yield call(make(2, 2, 3), make(3, 2, 1, 1), make(3))


@conv3d.sample
def conv3d(make: Any) -> Any:
    yield call(make(1, 1, 3, 2, 3), make(2, 1, 2, 1, 2), make(2), padding=(0, 1, 0))


@conv_transpose1d.sample
def conv_transpose1d(make: Any) -> Any:
    yield call(make(2, 2, 3), make(2, 3, 2), make(3), 2, 1, 1)
    yield call(make(2, 3), make(2, 1, 2), make(2), groups=2, dilation=2)
    yield call(make(1, 1, 3), make(1, 2, 3), dilation=3, output_padding=2)


@conv_transpose2d.sample
def conv_transpose2d(make: Any) -> Any:
    yield call(make(1, 2, 2, 3), make(2, 2, 3, 2), make(2), padding=1)
    yield call(make(1, 2, 2, 2), make(2, 1, 2, 2), None, (2, 1), 0, (1, 0), 2)


@conv_transpose3d.sample
def conv_transpose3d(make: Any) -> Any:
    yield call(make(1, 1, 2, 1, 2), make(1, 2, 2, 1, 2), make(2), 2)
