"""Creation, copies, casts."""

from __future__ import annotations

from typing import Any


def kernels(m: Any) -> dict[str, Any]:
    def full(size: Any, fill_value: Any, dtype: Any) -> Any:
        return m.full(size, fill_value, dtype) if fill_value != 0 else m.zeros(size, dtype)

    def sequence(start: Any, step: Any, count: int, dtype: Any) -> Any:
        return (start + step * m.arange(count)).astype(dtype)

    def cast(input: Any, dtype: Any) -> Any:
        return (input.real if input.dtype.kind == "c" and m.dtype(dtype).kind != "c" else input).astype(dtype)

    return {"full": full, "sequence": sequence, "cast": cast, "clone": lambda input: input.copy(order="C")}
