"""Affine maps: the bias is added where the product is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from facula.ops._op import OPS
from facula.ops.linear import check_linear


def kernels(backend: Any) -> dict[str, Callable[..., Any]]:
    body = OPS["linear"].body

    def linear(input: Any, weight: Any, bias: Any = None) -> Any:
        if input.ndim != 2 or weight.ndim != 2:
            return body(backend, input, weight, bias)  # type: ignore[misc]
        check_linear(input, weight, bias)
        out = np.matmul(input, weight.T)
        if bias is not None:
            out += bias
        return out

    return {"linear": linear}
