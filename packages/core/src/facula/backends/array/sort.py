"""Sorting and searching."""

from __future__ import annotations

from typing import Any


def kernels(m: Any) -> dict[str, Any]:
    def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
        keys = (
            input if input.dtype.kind in "iufb" else input.astype(m.float32)
        )  # bfloat16: its NaN has no place
        keys = m.flip(keys, dim) if descending else keys
        at = m.argsort(keys, axis=dim, kind="stable")
        if descending:  # reversed twice, so that equal elements keep their order
            at = m.flip(input.shape[dim] - 1 - at, dim)
        return m.take_along_axis(input, at, axis=dim), at

    def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
        n = input.shape[dim]
        if k * 8 > n or input.dtype.kind not in "iuf":
            values, at = sort(input, dim, largest)
            few = (slice(None),) * (dim % input.ndim) + (slice(0, k),)
            return values[few].copy(), at[few].copy()
        at = (
            m.argpartition(input, n - k if largest else k - 1, axis=dim)
            if k
            else m.zeros(input.shape, m.int64)
        )
        edge = slice(n - k, n) if largest else slice(0, k)
        at = m.sort(at[(slice(None),) * (dim % input.ndim) + (edge,)], axis=dim)
        values, order = sort(m.take_along_axis(input, at, axis=dim), dim, largest)
        return values, m.take_along_axis(at, order, axis=dim)

    found = {"sort": sort, "topk": topk}

    def searchsorted(sorted_sequence: Any, input: Any, right: bool = False) -> Any:
        side = "right" if right else "left"
        if sorted_sequence.ndim == 1:
            return m.asarray(m.searchsorted(sorted_sequence, input, side))
        n = sorted_sequence.shape[-1]
        if not input.size:
            return m.zeros(input.shape, m.int64)
        rows = zip(sorted_sequence.reshape(-1, n), input.reshape(-1, input.shape[-1]))
        out = [m.searchsorted(row, values, side) for row, values in rows]
        return m.stack(out).reshape(input.shape)

    return found | {"searchsorted": searchsorted}
