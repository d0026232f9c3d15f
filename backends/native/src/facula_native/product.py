"""Products of float32 matrices on the one pool of threads: NumPy's BLAS would bring threads of its own, which wait by spinning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from facula.dtypes import F32
from facula_native import units
from facula_native.builtins import exchange
from facula_native.rows import address, dense

Kernel = Callable[..., Any]
#: Multiplications that an element of `units.SMALL` stands for: smaller products stay with the BLAS, which does them on one
#: thread; larger ones would wake its others. Products of few rows read as much as they multiply.
WORTH, WORTH_OF_FEW, FEW = 8, 2, 4


def _fits(a: Any, b: Any) -> bool:
    """Whether these are matrices, or batches of one shape."""
    if a.dtype is not F32 or b.dtype is not F32 or not 2 <= a.ndim <= 4 or a.ndim != b.ndim:
        return False
    if a.shape[:-2] != b.shape[:-2] or a.shape[-1] != b.shape[-2]:
        return False
    steps = (*a.strides, *b.strides)
    return a.size * b.size > 0 and not any([s % 4 for s in steps])


def multiplied(a: Any, b: Any, bias: Any = None) -> Any:
    """`a @ b (+ bias)`; None where it is not ours to do."""
    run = units.function("product", "product", 4, 0) if _fits(a, b) else None
    if run is None:
        return None
    out = np.empty((*a.shape[:-1], b.shape[-1]), F32)
    return out if run(id(a), id(b), address(bias), id(out)) else None


def matmul(backend: Any, below: Kernel) -> Kernel:
    def kernel(input: Any, other: Any) -> Any:
        if not other.ndim or input.size * other.shape[-1] < units.SMALL * WORTH:
            return below(input, other)
        a = input
        if other.ndim == 2 < a.ndim and a.flags.c_contiguous and a.size:
            a = a.reshape(-1, a.shape[-1])
        out = multiplied(a, other)
        if out is None:
            return below(input, other)
        return out if a is input else out.reshape(*input.shape[:-1], other.shape[-1])

    return kernel


def linear(backend: Any, below: Kernel) -> Kernel:
    def kernel(input: Any, weight: Any, bias: Any = None) -> Any:
        if not weight.ndim:
            return below(input, weight, bias)
        worth = WORTH if input.size > FEW * weight.shape[-1] else WORTH_OF_FEW
        if input.size * weight.shape[0] < units.SMALL * worth:
            return below(input, weight, bias)
        fits = input.ndim >= weight.ndim == 2 and (
            bias is None or (bias.shape == weight.shape[:1] and bias.dtype is F32)
        )
        rows = input
        if fits and input.ndim > 2 and input.size:
            rows = dense(input).reshape(-1, input.shape[-1])
        out = multiplied(rows, weight.T, dense(bias)) if fits else None
        if out is None:
            return below(input, weight, bias)
        exchange(backend, "product", "linear", kernel)
        return out if rows is input else out.reshape(*input.shape[:-1], weight.shape[0])

    return kernel


WRAPPERS: dict[str, Callable[[Any, Kernel], Kernel]] = {
    "matmul": matmul,
    "matrix_product": matmul,
    "linear": linear,
}
