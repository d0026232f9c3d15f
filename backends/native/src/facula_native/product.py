"""Products of float32 and bfloat16 matrices on the one pool of threads: NumPy's BLAS would bring threads of its own, which wait by spinning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from facula.autograd.halves import with_halves
from facula.dtypes import F32
from facula_native import units
from facula_native.builtins import exchange
from facula_native.halves import BF16, is_ours
from facula_native.rows import address, dense

Kernel = Callable[..., Any]
#: Multiplications that an element of `units.SMALL` stands for: smaller products stay with the BLAS, which does them on one
#: thread; larger ones would wake its others. Products of few rows read as much as they multiply.
WORTH, WORTH_OF_FEW, FEW = 8, 2, 4


def _fits(a: Any, b: Any) -> bool:
    """Whether these are matrices, or batches of one shape."""
    if a.dtype is not b.dtype or not 2 <= a.ndim <= 4 or a.ndim != b.ndim:
        return False
    if a.dtype is not F32 and (a.dtype is not BF16 or not has_instructions()):
        return False
    if a.shape[:-2] != b.shape[:-2] or a.shape[-1] != b.shape[-2]:
        return False
    steps = (*a.strides, *b.strides)
    return a.size * b.size > 0 and not any([s % a.itemsize for s in steps])


def has_instructions() -> bool:
    """Whether products of bfloat16 are worth more than those of float32 that it is cast to."""
    from facula.graph.runtime import has_bfloat16

    return units.unit("product") is not None and has_bfloat16()


def multiplied(a: Any, b: Any, bias: Any = None) -> Any:
    """`a @ b (+ bias)`; None where it is not ours to do."""
    run = units.function("product", "product", 4, 1) if _fits(a, b) else None
    if run is None:
        return None
    out = np.empty((*a.shape[:-1], b.shape[-1]), a.dtype)
    return out if run(id(a), id(b), address(bias), id(out), a.itemsize) else None


def _product(input: Any, other: Any) -> Any:
    """Their matrix product; None where it is not ours to do."""
    a = input
    if other.ndim == 2 < a.ndim and a.flags.c_contiguous and a.size:
        a = a.reshape(-1, a.shape[-1])
    out = multiplied(a, other)
    return out if out is None or a is input else out.reshape(*input.shape[:-1], other.shape[-1])


def matmul(backend: Any, below: Kernel) -> Kernel:
    def kernel(input: Any, other: Any) -> Any:
        if not other.ndim or input.size * other.shape[-1] < units.SMALL * WORTH:
            return below(input, other)
        out = _product(input, other)
        return below(input, other) if out is None else out

    with_halves(backend, "matmul", _halves(_product))
    return kernel


def _affine(input: Any, weight: Any, bias: Any = None) -> Any:
    """`input @ weight.T (+ bias)`; None where it is not ours to do."""
    fits = input.ndim >= weight.ndim == 2 and (
        bias is None or (bias.shape == weight.shape[:1] and bias.dtype is input.dtype)
    )
    if not fits:
        return None
    rows = input
    if input.ndim > 2 and input.size:
        rows = dense(input).reshape(-1, input.shape[-1])
    out = multiplied(rows, weight.T, dense(bias))
    return out if out is None or rows is input else out.reshape(*input.shape[:-1], weight.shape[0])


def linear(backend: Any, below: Kernel) -> Kernel:
    def kernel(input: Any, weight: Any, bias: Any = None) -> Any:
        if not weight.ndim:
            return below(input, weight, bias)
        worth = WORTH if input.size > FEW * weight.shape[-1] else WORTH_OF_FEW
        if input.size * weight.shape[0] < units.SMALL * worth:
            return below(input, weight, bias)
        out = _affine(input, weight, bias)
        if out is None:
            return below(input, weight, bias)
        exchange(backend, "product", "linear", kernel)
        return out

    with_halves(backend, "linear", _halves(_affine))
    return kernel


def _halves(function: Kernel) -> Kernel:
    """`function` of halves, small ones too: the BLAS has nothing for them."""

    def own(*args: Any) -> Any:
        out = function(*args) if is_ours(args[0]) else None
        return NotImplemented if out is None else out

    return own


WRAPPERS: dict[str, Callable[[Any, Kernel], Kernel]] = {
    "matmul": matmul,
    "matrix_product": matmul,
    "linear": linear,
}
