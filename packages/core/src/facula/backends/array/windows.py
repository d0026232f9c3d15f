"""Padding and the summing of windows, written in place."""

from __future__ import annotations

from itertools import product
from typing import Any


def kernels(m: Any) -> dict[str, Any]:
    def fold_windows(input: Any, size: Any, kernel: Any, stride: Any, dilation: Any) -> Any:
        n = len(kernel)
        lead, out = (
            input.shape[: input.ndim - 2 * n],
            input.shape[input.ndim - 2 * n : input.ndim - n],
        )
        total = m.zeros((*lead, *size), input.dtype)
        if input.size:
            for offset in product(*map(range, kernel)):
                each = zip(offset, out, stride, dilation)
                at = tuple(slice(k * d, k * d + (o - 1) * s + 1, s) for k, o, s, d in each)
                total[(..., *at)] += input[(..., *offset)]
        return total

    return {"fold_windows": fold_windows}
