"""Bitwise kernels."""

from __future__ import annotations

from typing import Any


def kernels(m: Any) -> dict[str, Any]:
    def whole(name: str, function: Any) -> Any:
        def kernel(*args: Any) -> Any:
            try:
                return function(*args)
            except TypeError:
                dtypes = [str(getattr(a, "dtype", type(a).__name__)) for a in args]
                raise RuntimeError(
                    f"{name}: expected integer or bool tensors, got {', '.join(dtypes)}"
                ) from None

        return kernel

    table = {
        "bitwise_and": m.bitwise_and, "bitwise_or": m.bitwise_or, "bitwise_xor": m.bitwise_xor,
        "bitwise_not": m.invert, "bitwise_left_shift": m.left_shift, "bitwise_right_shift": m.right_shift,
    }  # fmt: skip
    return {name: whole(name, function) for name, function in table.items()}
