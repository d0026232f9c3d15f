"""`nn.functional.unfold` and `fold`, here `im2col` and `col2im`: planes as columns of patches, and back."""

from __future__ import annotations

from math import prod
from typing import Any

from facula.ops._op import Namespace, Tensor, op
from facula.ops.windows import span, tuple_of, windows
from facula.testing.samples import call


def _options(
    name: str, kernel_size: Any, dilation: Any, padding: Any, stride: Any
) -> tuple[Any, ...]:
    given = (
        ("kernel_size", kernel_size, 1),
        ("dilation", dilation, 1),
        ("padding", padding, 0),
        ("stride", stride, 1),
    )
    out = []
    for argument, value, least in given:
        values = tuple_of(value, 2, name, argument)
        if min(values) < least:
            raise RuntimeError(f"{name}: {argument} should be at least {least}, but got {value}")
        out.append(values)
    return tuple(out)


def _counts(size: Any, kernel: Any, dilation: Any, padding: Any, stride: Any) -> tuple[int, ...]:
    """How many patches along each dimension."""
    each = zip(size, kernel, dilation, padding, stride)
    return tuple((n + 2 * p - span(k, d)) // s + 1 for n, k, d, p, s in each)


@op(method=False, arithmetic=False)
def im2col(
    xp: Namespace,
    input: Tensor,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Tensor:
    """Patches of `input` (N, C, H, W) or (C, H, W) as columns: (N, C * KH * KW, number of patches).

    Raises RuntimeError where the kernel is larger than the padded plane.
    """
    name = "unfold"
    kernel, dilation, padding, stride = _options(name, kernel_size, dilation, padding, stride)
    shape = input.shape
    if len(shape) not in (3, 4) or 0 in shape[-3:]:
        raise RuntimeError(
            f"{name}: expected 3D or 4D input (C, H, W) or (N, C, H, W) with non-zero channels and plane, but got "
            f"shape {tuple(shape)}"
        )
    counts = _counts(shape[-2:], kernel, dilation, padding, stride)
    if min(counts) < 1:
        raise RuntimeError(
            f"{name}: given input with spatial size {tuple(shape[-2:])}, kernel_size={kernel}, dilation={dilation}, "
            f"padding={padding}, stride={stride}, the array of sliding blocks would have shape {counts}; each must be "
            f"at least one"
        )
    x = input if len(shape) == 4 else xp.unsqueeze(input, 0)
    ph, pw = padding
    x = xp.constant_pad_nd(x, (pw, pw, ph, ph), 0) if ph or pw else x
    view = xp.permute(windows(xp, x, kernel, stride, dilation), (0, 1, 4, 5, 2, 3))
    out = xp.reshape(view, (x.shape[0], x.shape[1] * prod(kernel), prod(counts)))
    return out if len(shape) == 4 else xp.squeeze(out, 0)


@op(method=False)
def col2im(
    xp: Namespace, input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0,
    stride: Any = 1,
) -> Tensor:  # fmt: skip
    """Sums columns (N, C * KH * KW, number of patches) into planes (N, C, *output_size); undoes no overlap."""
    name = "fold"
    kernel, dilation, padding, stride = _options(name, kernel_size, dilation, padding, stride)
    size = tuple_of(output_size, 2, name, "output_size")
    shape = input.shape
    counts = _counts(size, kernel, dilation, padding, stride)
    _check_columns(name, shape, size, kernel, counts)
    x = input if len(shape) == 3 else xp.unsqueeze(input, 0)
    channels = x.shape[1] // prod(kernel)
    x = xp.reshape(x, (x.shape[0], channels, *kernel, *counts))
    padded = tuple(n + 2 * p for n, p in zip(size, padding))
    out = xp.fold_windows(xp.permute(x, (0, 1, 4, 5, 2, 3)), padded, kernel, stride, dilation)
    ph, pw = padding
    out = xp.constant_pad_nd(out, (-pw, -pw, -ph, -ph), 0) if ph or pw else out
    return out if len(shape) == 3 else xp.squeeze(out, 0)


def _check_columns(name: str, shape: Any, size: Any, kernel: Any, counts: Any) -> None:
    if len(shape) not in (2, 3) or 0 in shape[-2:]:
        raise RuntimeError(
            f"{name}: expected 2D or 3D input (C * KH * KW, L) or (N, C * KH * KW, L) with non-zero sizes, but got "
            f"shape {tuple(shape)}"
        )
    if min(size) < 1:
        raise RuntimeError(f"{name}: expected output spatial size to be positive, but got {size}")
    if shape[-2] % prod(kernel):
        raise RuntimeError(
            f"{name}: expected size of input's dimension {len(shape) - 2} to be divisible by the product of kernel_size, "
            f"but got shape {tuple(shape)} and kernel_size={kernel}"
        )
    if min(counts) < 1 or shape[-1] != prod(counts):
        raise RuntimeError(
            f"{name}: given output_size={size} and kernel_size={kernel}, expected size of input's last dimension to "
            f"match the number of sliding blocks {counts[0]} * {counts[1]}, but got shape {tuple(shape)}"
        )


im2col.vjp(
    input=lambda xp, g, input_shape, kernel_size, dilation, padding, stride: xp.col2im(
        g, tuple(input_shape[-2:]), kernel_size, dilation, padding, stride
    )
)
col2im.vjp(
    input=lambda xp, g, kernel_size, dilation, padding, stride: xp.im2col(
        g, kernel_size, dilation, padding, stride
    )
)


@im2col.sample
def im2col(make: Any) -> Any:
    yield call(make(1, 2, 4, 3), 2)
    yield call(make(2, 5, 4), (2, 3), dilation=(2, 1), padding=1, stride=2)


@col2im.sample
def col2im(make: Any) -> Any:
    yield call(make(1, 8, 6), (4, 3), 2)
    yield call(make(4, 4), (3, 3), (2, 2), padding=1, stride=2)
