"""Reductions."""

from __future__ import annotations

from typing import Any

#: Rows that are added one after another before partial sums are; the error grows with this number.
BLOCK = 128


def axes(dim: Any) -> Any:
    """`dim` as NumPy's axis: PyTorch's empty tuple means every dimension."""
    return tuple(dim) or None if isinstance(dim, (tuple, list)) else dim


def kernels(m: Any) -> dict[str, Any]:
    def sum(input: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
        if dtype is None and input.dtype.kind in "iub":
            dtype = m.int64
        axis = axes(dim) if input.ndim else None
        if axis is not None and input.dtype.itemsize <= 8 and input.dtype.kind in "fc":
            single = axis if isinstance(axis, int) else axis[0] if len(axis) == 1 else None
            if single is not None and input.shape[single] > BLOCK and single % input.ndim != input.ndim - 1:
                out = _blocked(input, single % input.ndim)
                return m.expand_dims(out, single) if keepdim else out
        return m.asarray(m.add.reduce(input, axis=axis, keepdims=keepdim, dtype=dtype))

    def _blocked(x: Any, axis: int) -> Any:
        """The sum over an axis that is not the last: NumPy adds its rows one by one, so in blocks."""
        if x.dtype == m.float64 or x.shape[axis] <= BLOCK:
            return m.add.reduce(x, axis=axis)
        n = x.shape[axis]
        whole = n - n % BLOCK
        head = x[(slice(None),) * axis + (slice(0, whole),)]
        parts = head.reshape(*x.shape[:axis], whole // BLOCK, BLOCK, *x.shape[axis + 1 :])
        out = _blocked(m.add.reduce(parts, axis=axis + 1), axis)
        if whole < n:
            out += m.add.reduce(x[(slice(None),) * axis + (slice(whole, n),)], axis=axis)
        return out

    def prod(input: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
        if dtype is None and input.dtype.kind in "iub":
            dtype = m.int64
        axis = axes(dim) if input.ndim else None
        return m.asarray(m.multiply.reduce(input, axis=axis, keepdims=keepdim, dtype=dtype))

    def amax(input: Any, dim: Any = (), keepdim: bool = False) -> Any:
        return m.asarray(m.maximum.reduce(input, axis=axes(dim) if input.ndim else None, keepdims=keepdim))

    def amin(input: Any, dim: Any = (), keepdim: bool = False) -> Any:
        return m.asarray(m.minimum.reduce(input, axis=axes(dim) if input.ndim else None, keepdims=keepdim))

    def argmax(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        return m.asarray(m.argmax(input, axis=dim if input.ndim else None, keepdims=keepdim))

    def argmin(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        return m.asarray(m.argmin(input, axis=dim if input.ndim else None, keepdims=keepdim))

    def any(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        return m.asarray(m.any(input, axis=axes(dim) if input.ndim else None, keepdims=keepdim))

    def all(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        return m.asarray(m.all(input, axis=axes(dim) if input.ndim else None, keepdims=keepdim))

    found = (sum, prod, amax, amin, argmax, argmin, any, all)
    return {kernel.__name__: kernel for kernel in found}
