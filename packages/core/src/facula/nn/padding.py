"""Padding of the last 1, 2 or 3 dimensions: with a constant, by reflection, replication, or around."""

from __future__ import annotations

from typing import Any

from facula._tensor import Tensor
from facula.nn import functional as F
from facula.nn.module import Module
from facula.nn.sizes import to_tuple

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d",
    "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip


class _PadNd(Module):
    """Padding (before, after) from the last dimension; one number for all sides."""

    n: int
    mode: str

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = to_tuple(padding, 2 * self.n)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPadNd(_PadNd):
    """Pads with `value`."""

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """Pads the last dimension with `value`."""

    n = 1


class ConstantPad2d(_ConstantPadNd):
    """Pads the last two dimensions with `value`."""

    n = 2


class ConstantPad3d(_ConstantPadNd):
    """Pads the last three dimensions with `value`."""

    n = 3


class ZeroPad1d(ConstantPad1d):
    """Pads the last dimension with zeros."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad2d(ConstantPad2d):
    """Pads the last two dimensions with zeros."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad3d(ConstantPad3d):
    """Pads the last three dimensions with zeros."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ReflectionPad1d(_PadNd):
    """Pads the last dimension by reflection at the edge, which is not repeated."""

    n, mode = 1, "reflect"


class ReflectionPad2d(_PadNd):
    """Pads the last two dimensions by reflection."""

    n, mode = 2, "reflect"


class ReflectionPad3d(_PadNd):
    """Pads the last three dimensions by reflection."""

    n, mode = 3, "reflect"


class ReplicationPad1d(_PadNd):
    """Pads the last dimension by repeating the edge."""

    n, mode = 1, "replicate"


class ReplicationPad2d(_PadNd):
    """Pads the last two dimensions by repeating the edge."""

    n, mode = 2, "replicate"


class ReplicationPad3d(_PadNd):
    """Pads the last three dimensions by repeating the edge."""

    n, mode = 3, "replicate"


class CircularPad1d(_PadNd):
    """Pads the last dimension with what is at its other end."""

    n, mode = 1, "circular"


class CircularPad2d(_PadNd):
    """Pads the last two dimensions with what is at their other end."""

    n, mode = 2, "circular"


class CircularPad3d(_PadNd):
    """Pads the last three dimensions with what is at their other end."""

    n, mode = 3, "circular"
