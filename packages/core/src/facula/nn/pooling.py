"""Pooling over 1, 2 and 3 dimensions, and its inverse."""

from __future__ import annotations

from typing import Any

from facula._tensor import Tensor
from facula.nn import functional as F
from facula.nn.module import Module
from facula.nn.sizes import to_tuple

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "FractionalMaxPool2d", "FractionalMaxPool3d",
    "LPPool1d", "LPPool2d", "LPPool3d", "MaxPool1d", "MaxPool2d", "MaxPool3d", "MaxUnpool1d", "MaxUnpool2d",
    "MaxUnpool3d",
]  # fmt: skip


class _MaxPoolNd(Module):
    """Largest value of each window: (N, C, ...) to (N, C, ...); with indices on request."""

    n: int

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        return_indices: bool = False, ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size, self.padding, self.dilation = kernel_size, padding, dilation
        self.stride = kernel_size if stride is None else stride
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input: Tensor) -> Any:
        pool = getattr(F, f"max_pool{self.n}d")
        return pool(
            input, self.kernel_size, self.stride, self.padding, self.dilation,
            ceil_mode=self.ceil_mode, return_indices=self.return_indices,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPoolNd):
    """Largest value of each window of (N, C, L)."""

    n = 1


class MaxPool2d(_MaxPoolNd):
    """Largest value of each window of (N, C, H, W)."""

    n = 2


class MaxPool3d(_MaxPoolNd):
    """Largest value of each window of (N, C, D, H, W)."""

    n = 3


class _MaxUnpoolNd(Module):
    """Puts pooled values back where the indices say, zeros elsewhere."""

    n: int

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = to_tuple(kernel_size, self.n)
        self.stride = to_tuple(kernel_size if stride is None else stride, self.n)
        self.padding = to_tuple(padding, self.n)

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Any:
        unpool = getattr(F, f"max_unpool{self.n}d")
        return unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """Inverse of MaxPool1d, given its indices."""

    n = 1


class MaxUnpool2d(_MaxUnpoolNd):
    """Inverse of MaxPool2d, given its indices."""

    n = 2


class MaxUnpool3d(_MaxUnpoolNd):
    """Inverse of MaxPool3d, given its indices."""

    n = 3


class AvgPool1d(Module):
    """Mean of each window of (N, C, L)."""

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = to_tuple(kernel_size, 1)
        self.stride = to_tuple(kernel_size if stride is None else stride, 1)
        self.padding = to_tuple(padding, 1)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """Mean of each window of (N, C, H, W)."""

    _pool = "avg_pool2d"

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size, self.padding = kernel_size, padding
        self.stride = kernel_size if stride is None else stride
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Any:
        return getattr(F, self._pool)(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool3d(AvgPool2d):
    """Mean of each window of (N, C, D, H, W)."""

    _pool = "avg_pool3d"


class _LPPoolNd(Module):
    """Power-mean pooling: (sum of x^p)^(1/p) of each window."""

    n: int

    def __init__(
        self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = (
            norm_type,
            kernel_size,
            stride,
            ceil_mode,
        )

    def forward(self, input: Tensor) -> Any:
        pool = getattr(F, f"lp_pool{self.n}d")
        return pool(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, ceil_mode={self.ceil_mode}"


class LPPool1d(_LPPoolNd):
    """Power-mean pooling of (N, C, L)."""

    n = 1


class LPPool2d(_LPPoolNd):
    """Power-mean pooling of (N, C, H, W)."""

    n = 2


class LPPool3d(_LPPoolNd):
    """Power-mean pooling of (N, C, D, H, W)."""

    n = 3


class _AdaptiveMaxPoolNd(Module):
    """Largest value of each of `output_size` windows that cover the input."""

    n: int

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def forward(self, input: Tensor) -> Any:
        return getattr(F, f"adaptive_max_pool{self.n}d")(
            input, self.output_size, self.return_indices
        )

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """Largest values of (N, C, L) in `output_size` windows."""

    n = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """Largest values of (N, C, H, W) in `output_size` windows; a size of None keeps the input's."""

    n = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """Largest values of (N, C, D, H, W) in `output_size` windows; a size of None keeps the input's."""

    n = 3


class _AdaptiveAvgPoolNd(Module):
    """Mean of each of `output_size` windows that cover the input."""

    n: int

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Any:
        return getattr(F, f"adaptive_avg_pool{self.n}d")(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """Means of (N, C, L) in `output_size` windows."""

    n = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """Means of (N, C, H, W) in `output_size` windows; a size of None keeps the input's."""

    n = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """Means of (N, C, D, H, W) in `output_size` windows; a size of None keeps the input's."""

    n = 3


class _FractionalMaxPoolNd(Module):
    """Max pooling with windows at random places (Graham 2014)."""

    n: int

    def __init__(
        self, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
        _random_samples: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = to_tuple(kernel_size, self.n)
        self.return_indices = return_indices
        self._random_samples = _random_samples
        self.output_size = None if output_size is None else to_tuple(output_size, self.n)
        self.output_ratio = None if output_ratio is None else to_tuple(output_ratio, self.n)
        if output_size is None and output_ratio is None:
            raise ValueError(
                f"{type(self).__name__} requires specifying either an output size, or a pooling ratio"
            )
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if self.output_ratio is not None and not all(0 < r < 1 for r in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor) -> Any:
        return getattr(F, f"fractional_max_pool{self.n}d")(
            input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices,
            _random_samples=self._random_samples,
        )  # fmt: skip


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """Fractional max pooling of (N, C, H, W)."""

    n = 2


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """Fractional max pooling of (N, C, D, H, W)."""

    n = 3
