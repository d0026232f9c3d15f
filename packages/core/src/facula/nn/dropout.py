"""Dropout layers; in evaluation mode they return their input."""

from __future__ import annotations

from typing import Any

from facula._tensor import Tensor
from facula.nn import functional as F
from facula.nn.module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _DropoutNd(Module):
    """Zeros with probability `p`; what stays is scaled by 1 / (1 - p)."""

    _drop: str

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Any:
        return getattr(F, self._drop)(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """Zeros single elements (Hinton et al. 2012)."""

    _drop = "dropout"


class Dropout1d(_DropoutNd):
    """Zeros whole channels of (N, C, L) or (C, L)."""

    _drop = "dropout1d"


class Dropout2d(_DropoutNd):
    """Zeros whole channels of (N, C, H, W) or (N, C, L)."""

    _drop = "dropout2d"


class Dropout3d(_DropoutNd):
    """Zeros whole channels of (N, C, D, H, W) or (C, D, H, W)."""

    _drop = "dropout3d"


class AlphaDropout(_DropoutNd):
    """Dropout that keeps mean and variance of SELU networks (Klambauer et al. 2017)."""

    _drop = "alpha_dropout"

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """Alpha dropout of whole channels."""

    _drop = "feature_alpha_dropout"

    def forward(self, input: Tensor) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training)
