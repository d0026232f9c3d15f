"""Joining and turning."""

from __future__ import annotations

from typing import Any

from facula.backends.array.index import dense


def kernels(m: Any) -> dict[str, Any]:
    def flip(input: Any, dims: Any) -> Any:
        return m.ascontiguousarray(m.flip(input, dims)) if input.ndim else input.copy()

    def repeat_interleave(input: Any, repeats: int, dim: int) -> Any:
        return m.repeat(input, repeats, axis=dim)

    return {
        "join": lambda tensors, dim: dense(m.concatenate(tensors, axis=dim)), "flip": flip,
        "repeat_interleave": repeat_interleave,
    }  # fmt: skip
