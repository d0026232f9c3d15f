"""Uniform and normal numbers in float32, on all threads: Philox is counted, so each begins at blocks of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from facula.dtypes import F32
from facula.ops import random as definition
from facula_native import units

Kernel = Callable[..., Any]
_NUMERATOR, _DENOMINATOR = definition.NUMERATOR_32[::-1], definition.DENOMINATOR_32[::-1]
#: What random.c takes for normal numbers.
_NORMAL = np.array([definition.SHIFT_32, *_NUMERATOR, *_DENOMINATOR], F32)


def _drawn(coefficients: Any) -> Callable[[Any, Kernel], Kernel]:
    def make(backend: Any, below: Kernel) -> Kernel:
        def kernel(key: Any, size: Any, dtype: Any) -> Any:
            # the first large array wakes these: what watches for it stands above
            run = units.is_awake and dtype is F32 and units.function("random", "draw", 2, 6)
            if not run:
                return below(key, size, dtype)
            out = np.empty(size, F32)
            table = 0 if coefficients is None else id(coefficients)
            block = key.seed, key.offset, key.offset >> 64
            run(id(out), table, out.size, *block, len(_NUMERATOR), definition.ROOTS_32)
            return out

        return kernel

    return make


WRAPPERS: dict[str, Callable[[Any, Kernel], Kernel]] = {
    "rand": _drawn(None),
    "randn": _drawn(_NORMAL),
}
