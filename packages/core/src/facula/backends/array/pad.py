"""Padding by a constant: one fill, one copy."""

from __future__ import annotations

from typing import Any

from facula.ops.pad import check_pad


def kernels(m: Any) -> dict[str, Any]:
    def constant_pad_nd(input: Any, pad: Any, value: Any = 0) -> Any:
        check_pad(input, pad)
        shape, source, target = (
            list(input.shape),
            [slice(None)] * input.ndim,
            [slice(None)] * input.ndim,
        )
        for i in range(len(pad) // 2):
            dim, before, after = input.ndim - 1 - i, pad[2 * i], pad[2 * i + 1]
            n = shape[dim]
            shape[dim] = n + before + after
            source[dim] = slice(max(-before, 0), n + min(after, 0))
            target[dim] = slice(max(before, 0), shape[dim] - max(after, 0))
        out = m.full(shape, value, input.dtype) if value != 0 else m.zeros(shape, input.dtype)
        out[tuple(target)] = input[tuple(source)]
        return out

    return {"constant_pad_nd": constant_pad_nd}
