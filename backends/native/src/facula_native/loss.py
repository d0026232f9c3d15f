"""Cross entropy of scores with class numbers, and its gradient, in one pass over the scores."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from facula.dtypes import F32, I64
from facula_native import units
from facula_native.rows import NUMBERS, address, dense, takes_small

Kernel = Callable[..., Any]
#: The numbers by which loss.c knows them.
_REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}


def _run(name: str, input: Any, target: Any, weight: Any) -> Any:
    """The function of loss.c; None where the kernel below is to do it."""
    fits = takes_small(input) and (weight is None or weight.dtype is F32)
    fits = fits and target.dtype in NUMBERS
    return units.function("loss", name, 7, 5, 1) if fits else None


def _sizes(input: Any) -> tuple[int, int, int]:
    return (*input.shape[:2], prod(input.shape[2:]))


def class_cross_entropy(backend: Any, below: Kernel) -> Kernel:
    def kernel(
        input: Any, target: Any, weight: Any, ignore_index: int, reduction: str, label_smoothing: float
    ) -> Any:  # fmt: skip
        run = _run("cross_entropy", input, target, weight)
        if run is not None:
            x, at, w = dense(input), np.ascontiguousarray(target, I64), dense(weight)
            one_each = len(x), 1, *x.shape[2:]
            loss, peaks, sums = (
                np.empty(at.shape, F32),
                np.empty(one_each, F32),
                np.empty(one_each, F32),
            )
            total = loss if reduction == "none" else np.empty((), F32)
            given = id(x), id(at), address(w), id(loss), id(peaks), id(sums), id(total)
            options = ignore_index, _REDUCTIONS[reduction], label_smoothing
            if run(*given, *_sizes(x), *options):
                return total, peaks, sums
        return below(input, target, weight, ignore_index, reduction, label_smoothing)

    return kernel


def class_cross_entropy_gradient(backend: Any, below: Kernel) -> Kernel:
    def kernel(
        g: Any, input: Any, target: Any, weight: Any, peak: Any, log_sum: Any, ignore_index: int, reduction: str,
        label_smoothing: float,
    ) -> Any:  # fmt: skip
        run = _run("cross_entropy_gradient", input, target, weight)
        if run is not None and g.dtype is F32 and log_sum.dtype is F32:
            g = np.broadcast_to(g, target.shape) if reduction == "none" else np.asarray(g)
            g, x, at = dense(g), dense(input), np.ascontiguousarray(target, I64)
            w, peaks, sums = dense(weight), dense(peak), dense(log_sum)
            out = np.empty(input.shape, F32)
            given = id(g), id(x), id(at), address(w), id(peaks), id(sums), id(out)
            options = ignore_index, _REDUCTIONS[reduction], label_smoothing
            if run(*given, *_sizes(x), *options):
                return out
        options = ignore_index, reduction, label_smoothing
        return below(g, input, target, weight, peak, log_sum, *options)

    return kernel


WRAPPERS: dict[str, Callable[[Any, Kernel], Kernel]] = {
    "class_cross_entropy": class_cross_entropy,
    "class_cross_entropy_gradient": class_cross_entropy_gradient,
}
