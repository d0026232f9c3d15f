"""Matrix products."""

from __future__ import annotations

import math
from typing import Any


def kernels(m: Any) -> dict[str, Any]:
    def matmul(input: Any, other: Any) -> Any:
        try:
            if other.ndim == 2 < input.ndim and input.flags.c_contiguous:  # one product, not one per batch element
                rows = m.matmul(input.reshape(math.prod(input.shape[:-1]), input.shape[-1]), other)
                return rows.reshape(*input.shape[:-1], other.shape[-1])
            return m.matmul(input, other)
        except ValueError:
            raise RuntimeError(
                f"matmul: shapes {input.shape} and {other.shape} cannot be multiplied: the last size of the first "
                f"must be the last but one of the second, the sizes before those must broadcast"
            ) from None

    return {"matmul": matmul, "matrix_product": matmul}
