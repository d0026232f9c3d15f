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
        shape, kind = input.shape, input.dtype
        if weight.ndim != 2 or not shape or not input.flags.c_contiguous:
            return body(backend, input, weight, bias)  # type: ignore[misc]
        out_features, features = weight.shape
        if (
            shape[-1] != features
            or weight.dtype is not kind
            or (bias is not None and (bias.dtype is not kind or bias.shape != (out_features,)))
        ):
            check_linear(input, weight, bias)
        rows = input if len(shape) == 2 else input.reshape(-1, features) if features else None
        if rows is None:
            return body(backend, input, weight, bias)  # type: ignore[misc]
        out = np.matmul(rows, weight.T)
        if bias is not None:
            out += bias
        return out if rows is input else out.reshape(*shape[:-1], out_features)

    return {"linear": linear}
