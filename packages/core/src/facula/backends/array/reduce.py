"""Reductions."""

from __future__ import annotations

from typing import Any


def axes(dim: Any) -> Any:
    """`dim` as NumPy's axis: PyTorch's empty tuple means every dimension."""
    return tuple(dim) or None if isinstance(dim, (tuple, list)) else dim


def kernels(m: Any) -> dict[str, Any]:
    def sum(input: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
        if dtype is None and input.dtype.kind in "iub":
            dtype = m.int64
        return m.asarray(m.add.reduce(input, axis=axes(dim) if input.ndim else None, keepdims=keepdim, dtype=dtype))

    def amax(input: Any, dim: Any = (), keepdim: bool = False) -> Any:
        return m.asarray(m.maximum.reduce(input, axis=axes(dim) if input.ndim else None, keepdims=keepdim))

    return {"sum": sum, "amax": amax}
