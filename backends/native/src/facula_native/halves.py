"""bfloat16 elementwise: casts from float32 and back, and loops that compute in float32 and round once.

NumPy knows bfloat16 as a type of another package, which ufuncs of ours cannot name: they see its 16 bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from facula.dtypes import F32, bfloat16
from facula_native import units
from facula_native.elementwise import own

Kernel = Callable[..., Any]
BF16 = bfloat16.dtype
U16 = np.dtype(np.uint16)


def is_ours(x: Any) -> bool:
    """Whether what is done with an array is: small ones too, once there was a large one, as NumPy is slow with them."""
    return units.is_awake or x.size >= units.SMALL


def cast(backend: Any, below: Kernel) -> Kernel:
    def kernel(input: Any, dtype: Any) -> Any:
        kind = input.dtype
        if dtype is BF16 and kind is F32 and is_ours(input):
            ufunc = own("elementwise", "narrow", "fH", 1)
            if ufunc is not None:
                return np.asarray(ufunc(input)).view(BF16)
        elif dtype is F32 and kind is BF16 and is_ours(input):
            ufunc = own("elementwise", "widen", "Hf", 1)
            if ufunc is not None:
                return np.asarray(ufunc(input.view(U16)))
        return below(input, dtype)

    return kernel


def looped(name: str, work: int, *arrays: Any) -> Any:
    """What the loop half_NAME_loop makes of bfloat16 arrays; NotImplemented of others."""
    if not is_ours(arrays[0]) or any([x.dtype is not BF16 for x in arrays]):
        return NotImplemented
    ufunc = own("elementwise", f"half_{name}", "H" * (len(arrays) + 1), work)
    if ufunc is None:
        return NotImplemented
    return np.asarray(ufunc(*[x.view(U16) for x in arrays])).view(BF16)
