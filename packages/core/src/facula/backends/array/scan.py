"""Running sums, products and extrema."""

from __future__ import annotations

from typing import Any


def kernels(m: Any) -> dict[str, Any]:
    def wide(input: Any) -> Any:
        """The dtype that sums run in: NumPy adds one by one, so float32 needs float64 to be accurate."""
        if input.dtype.kind in "iub":
            return m.int64
        return {"f": m.float64, "c": m.complex128}.get(input.dtype.kind, input.dtype)

    def result(input: Any) -> Any:
        return m.int64 if input.dtype.kind in "iub" else input.dtype

    def cumsum(input: Any, dim: int) -> Any:
        return m.cumsum(input, axis=dim, dtype=wide(input)).astype(
            result(input), order="C", copy=False
        )

    def cumprod(input: Any, dim: int) -> Any:
        return m.cumprod(input, axis=dim, dtype=wide(input)).astype(
            result(input), order="C", copy=False
        )

    def running(accumulate: Any) -> Any:
        def kernel(input: Any, dim: int) -> Any:
            values = accumulate.accumulate(input, axis=dim)
            n = input.shape[dim]
            at = m.arange(n).reshape((n,) + (1,) * (input.ndim - dim - 1))
            hit = (input == values) | (input != input)
            return values, m.maximum.accumulate(m.where(hit, at, 0), axis=dim)

        return kernel

    return {
        "cumsum": cumsum,
        "cumprod": cumprod,
        "cummax": running(m.maximum),
        "cummin": running(m.minimum),
    }
