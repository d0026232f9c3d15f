"""Mu-law companding. Source: ITU-T G.711."""

from __future__ import annotations

import math
from typing import Any

import facula


def mu_law_encoding(x: Any, quantization_channels: int) -> Any:
    """A signal within -1 to 1 as int64 within 0 to `quantization_channels` - 1."""
    mu = quantization_channels - 1.0
    compressed = x.sign() * (mu * x.abs()).log1p() / math.log1p(mu)
    return ((compressed + 1) / 2 * mu + 0.5).to(facula.int64)


def mu_law_decoding(x_mu: Any, quantization_channels: int) -> Any:
    """The signal within -1 to 1 that `mu_law_encoding` turns into these integers."""
    mu = quantization_channels - 1.0
    x = (
        x_mu.to(facula.get_default_dtype()) if not x_mu.is_floating_point() else x_mu
    ) / mu * 2 - 1.0
    return x.sign() * ((x.abs() * math.log1p(mu)).exp() - 1.0) / mu
