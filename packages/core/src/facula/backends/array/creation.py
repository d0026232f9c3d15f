"""Creation, copies, casts."""

from __future__ import annotations

from typing import Any


def kernels(m: Any) -> dict[str, Any]:
    def full(size: Any, fill_value: Any, dtype: Any) -> Any:
        if fill_value == 0:
            return m.zeros(size, dtype)
        out = m.empty(size, dtype)
        out.fill(fill_value)
        return out

    def sequence(start: Any, step: Any, count: int, dtype: Any) -> Any:
        if start == 0 and step == 1 and dtype.char in "ldf":
            return m.arange(count, dtype=dtype)
        return (start + step * m.arange(count)).astype(dtype)

    def cast(input: Any, dtype: Any) -> Any:
        return (
            input.real if input.dtype.kind == "c" and m.dtype(dtype).kind not in "cb" else input
        ).astype(dtype)

    def empty(size: Any, dtype: Any) -> Any:
        return m.empty(size, dtype)

    def eye(n: int, width: int, dtype: Any) -> Any:
        return m.eye(n, width, dtype=dtype)

    return {
        "full": full, "sequence": sequence, "cast": cast, "empty": empty, "eye": eye,
        "clone": lambda input: input.copy(order="C"),
    }  # fmt: skip
