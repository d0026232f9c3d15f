"""Convolutions and transposed convolutions over 1, 2 and 3 dimensions."""

from __future__ import annotations

from typing import Any

import facula
from facula._tensor import Parameter, Tensor
from facula.nn import functional as F, init
from facula.nn.lazy import LazyModuleMixin
from facula.nn.module import Module
from facula.nn.parameter import UninitializedParameter
from facula.nn.sizes import to_tuple

__all__ = [
    "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "LazyConv1d", "LazyConv2d",
    "LazyConv3d", "LazyConvTranspose1d", "LazyConvTranspose2d", "LazyConvTranspose3d",
]  # fmt: skip

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """What all convolutions share; `n` is the number of spatial dimensions."""

    n: int
    transposed = False
    bias: Any

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
        output_padding: Any = 0,
    ) -> None:
        super().__init__()
        _check_channels(in_channels, out_channels, groups)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.dilation = (
            to_tuple(x, self.n) for x in (kernel_size, stride, dilation)
        )
        self.output_padding = to_tuple(output_padding, self.n)
        self.padding = _check_padding(padding, self.stride) or to_tuple(padding, self.n)
        if padding_mode not in _PADDING_MODES:
            raise ValueError(
                f"padding_mode must be one of {set(_PADDING_MODES)}, but got padding_mode='{padding_mode}'"
            )
        self.padding_mode = padding_mode
        self._padding_of_both_sides = self._both_sides()
        self._make_parameters(bias, device, dtype)

    def _make_parameters(self, bias: bool, device: Any, dtype: Any) -> None:
        self.weight = Parameter(facula.empty(self._weight_shape(), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(facula.empty(self.out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _weight_shape(self) -> tuple[int, ...]:
        a, b = self.out_channels, self.in_channels
        if self.transposed:
            a, b = b, a
        return (a, b // self.groups, *self.kernel_size)

    def _both_sides(self) -> tuple[int, ...]:
        """The padding as `F.pad` takes it: from the last dimension, before and after."""
        out: list[Any] = []
        for i in reversed(range(self.n)):
            if self.padding == "same":
                total = self.dilation[i] * (self.kernel_size[i] - 1)
                out += [total // 2, total - total // 2]
            else:
                out += [0, 0] if self.padding == "valid" else [self.padding[i]] * 2
        return tuple(out)

    def reset_parameters(self) -> None:
        """Uniform within ±1/sqrt(fan_in)."""
        init.fan_in_uniform_(self.weight, self.bias)

    def forward(self, input: Tensor) -> Any:
        return self._conv_forward(input, self.weight, self.bias)

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Any:
        padding = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._padding_of_both_sides, mode=self.padding_mode)
            padding = (0,) * self.n
        convolve = getattr(F, f"conv{self.n}d")
        return convolve(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def explain_error(self, input: Tensor, *args: Any) -> str | None:
        shape = tuple(input.shape)
        if len(shape) not in (self.n + 1, self.n + 2):
            return (
                f"input has {len(shape)} dimensions, the layer expects {self.n + 2} (batch, channels, "
                f"{self.n} spatial) or {self.n + 1} (without batch) (input shape {shape})"
            )
        if shape[-self.n - 1] != self.in_channels:
            return f"input has {shape[-self.n - 1]} channels, the layer expects {self.in_channels} (input shape {shape})"
        return None

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        zero = (0,) * self.n
        if self.padding != zero:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self.n:
            text += f", dilation={self.dilation}"
        if self.output_padding != zero:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


def _check_channels(in_channels: int, out_channels: int, groups: int) -> None:
    if groups <= 0:
        raise ValueError("groups must be a positive integer")
    if in_channels % groups:
        raise ValueError(
            f"in_channels must be divisible by groups, got {in_channels} channels and {groups} groups"
        )
    if out_channels % groups:
        raise ValueError("out_channels must be divisible by groups")


def _check_padding(padding: Any, stride: tuple[int, ...]) -> str | None:
    if not isinstance(padding, str):
        return None
    if padding not in ("same", "valid"):
        raise ValueError(
            f"Invalid padding string {padding!r}, should be one of {{'valid', 'same'}}"
        )
    if padding == "same" and any(s != 1 for s in stride):
        raise ValueError("padding='same' is not supported for strided convolutions")
    return padding


class Conv1d(_ConvNd):
    """Cross-correlation over one dimension: (N, C_in, L) to (N, C_out, L_out)."""

    n = 1


class Conv2d(_ConvNd):
    """Cross-correlation over two dimensions: (N, C_in, H, W) to (N, C_out, H_out, W_out).

    H_out = (H + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1.
    """

    n = 2


class Conv3d(_ConvNd):
    """Cross-correlation over three dimensions: (N, C_in, D, H, W) to (N, C_out, D_out, H_out, W_out)."""

    n = 3


class _ConvTransposeNd(_ConvNd):
    """The gradient of a convolution with respect to its input, as a layer."""

    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype,
            output_padding,
        )  # fmt: skip

    def forward(self, input: Tensor, output_size: Any = None) -> Any:
        extra = (
            self.output_padding if output_size is None else self._output_padding(input, output_size)
        )
        convolve = getattr(F, f"conv_transpose{self.n}d")
        return convolve(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            extra,
            self.groups,
            self.dilation,
        )

    def _output_padding(self, input: Tensor, output_size: Any) -> tuple[int, ...]:
        """The output padding that gives `output_size`; ValueError if there is none."""
        sizes = tuple(output_size)
        if len(sizes) == input.ndim:
            sizes = sizes[-self.n :]
        if len(sizes) != self.n:
            raise ValueError(
                f"{type(self).__name__}: for {input.ndim}D input, output_size must have {self.n} or {input.ndim} elements "
                f"(got {len(sizes)})"
            )
        least = [
            (input.shape[d - self.n] - 1) * self.stride[d]
            - 2 * self.padding[d]
            + self.dilation[d] * (self.kernel_size[d] - 1)
            + 1
            for d in range(self.n)
        ]
        most = [low + s - 1 for low, s in zip(least, self.stride)]
        if any(not low <= size <= high for low, size, high in zip(least, sizes, most)):
            raise ValueError(
                f"requested an output size of {list(sizes)}, but valid sizes range from {least} to {most} "
                f"(for an input of {list(input.shape[2:])})"
            )
        return tuple(size - low for size, low in zip(sizes, least))


class ConvTranspose1d(_ConvTransposeNd):
    """Transposed convolution over one dimension: (N, C_in, L) to (N, C_out, L_out)."""

    n = 1


class ConvTranspose2d(_ConvTransposeNd):
    """Transposed convolution over two dimensions: (N, C_in, H, W) to (N, C_out, H_out, W_out).

    H_out = (H - 1) stride - 2 padding + dilation (kernel_size - 1) + output_padding + 1.
    """

    n = 2


class ConvTranspose3d(_ConvTransposeNd):
    """Transposed convolution over three dimensions."""

    n = 3


class _LazyConv(LazyModuleMixin):
    """Convolutions that take `in_channels` from their first input."""

    cls_to_become: Any

    def __init__(self, out_channels: int, kernel_size: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(0, out_channels, kernel_size, *args, **kwargs)

    def _make_parameters(self: Any, bias: bool, device: Any, dtype: Any) -> None:
        if self.out_channels % self.groups:
            raise ValueError("out_channels must be divisible by groups")
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)
        else:
            self.register_parameter("bias", None)

    def initialize_parameters(self: Any, input: Tensor, *args: Any) -> None:
        if not self.has_uninitialized_params():
            return
        if input.ndim not in (self.n + 1, self.n + 2):
            raise RuntimeError(
                f"Expected {self.n + 1}D (unbatched) or {self.n + 2}D (batched) input, but got {input.ndim}D"
            )
        self.in_channels = input.shape[-self.n - 1]
        if self.in_channels % self.groups:
            raise ValueError(
                f"in_channels must be divisible by groups, got {self.in_channels} channels and {self.groups} groups"
            )
        self.weight.materialize(self._weight_shape())
        if self.bias is not None:
            self.bias.materialize((self.out_channels,))
        self.reset_parameters()


class LazyConv1d(_LazyConv, Conv1d):
    """A Conv1d that takes `in_channels` from its first input."""

    cls_to_become = Conv1d


class LazyConv2d(_LazyConv, Conv2d):
    """A Conv2d that takes `in_channels` from its first input."""

    cls_to_become = Conv2d


class LazyConv3d(_LazyConv, Conv3d):
    """A Conv3d that takes `in_channels` from its first input."""

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyConv, ConvTranspose1d):
    """A ConvTranspose1d that takes `in_channels` from its first input."""

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConv, ConvTranspose2d):
    """A ConvTranspose2d that takes `in_channels` from its first input."""

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConv, ConvTranspose3d):
    """A ConvTranspose3d that takes `in_channels` from its first input."""

    cls_to_become = ConvTranspose3d
