"""Reductions."""

from __future__ import annotations

from typing import Any

from facula.backends.array.index import dense

#: Rows that are added one after another before partial sums are; the error grows with this number.
BLOCK = 32


def axes(dim: Any) -> Any:
    """`dim` as NumPy's axis: PyTorch's empty tuple means every dimension."""
    return tuple(dim) or None if isinstance(dim, (tuple, list)) else dim


def kernels(m: Any) -> dict[str, Any]:
    def sum(input: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
        if dtype is None and input.dtype.kind in "iub":
            dtype = m.int64
        axis = axes(dim) if input.ndim else None
        is_short = (
            input.size <= BLOCK
            or input.ndim < 2
            or input.dtype.itemsize > 8
            or input.dtype.kind not in "fc"
        )
        if not is_short and not _is_pairwise(input, axis):
            return _careful(input, axis, keepdim)
        return dense(m.asarray(m.add.reduce(input, axis=axis, keepdims=keepdim, dtype=dtype)))

    def _is_pairwise(x: Any, axis: Any) -> bool:
        """Whether NumPy's own sum is accurate: along the fastest dimension, or along a short one."""
        if axis is None:
            return x.flags.c_contiguous or x.flags.f_contiguous  # type: ignore[no-any-return]
        if axis.__class__ is tuple:
            if len(axis) != 1:
                return False
            axis = axis[0]
        return bool(x.shape[axis] <= BLOCK or abs(x.strides[axis]) == min(map(abs, x.strides)))

    def _careful(x: Any, axis: Any, keepdim: bool) -> Any:
        """NumPy adds pairwise along the fastest dimension only, and row by row along the others."""
        every = range(x.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
        dims = [d % x.ndim for d in every]
        merged, todo = _merged(x, dims)
        strides = merged.strides
        done: list[int] = []
        for d in sorted(todo, key=lambda d: abs(strides[d])):
            merged = _along(merged, d - len([e for e in done if e < d]))
            done.append(d)
        kept = [
            n if d not in dims else 1 for d, n in enumerate(x.shape) if keepdim or d not in dims
        ]
        return dense(m.asarray(merged).reshape(kept))

    def _merged(x: Any, dims: list[int]) -> tuple[Any, list[int]]:
        """`x` with neighbouring dimensions made one where memory order allows it, and which to reduce."""
        runs: list[list[Any]] = []
        for d, (n, s) in enumerate(zip(x.shape, x.strides)):
            if runs and runs[-1][2] == (d in dims) and runs[-1][1] == n * s:
                runs[-1][:2] = [runs[-1][0] * n, s]
            else:
                runs.append([n, s, d in dims])
        if len(runs) < x.ndim:
            x = m.lib.stride_tricks.as_strided(x, [r[0] for r in runs], [r[1] for r in runs])
        return x, [i for i, r in enumerate(runs) if r[2]]

    def _along(x: Any, axis: int) -> Any:
        """The sum over one axis; where rows would be added one by one, in blocks."""
        n = x.shape[axis]
        if n <= BLOCK or x.ndim == 1 or abs(x.strides[axis]) == min(map(abs, x.strides)):
            return m.add.reduce(x, axis=axis)
        whole = n - n % BLOCK
        head = x[(slice(None),) * axis + (slice(0, whole),)]
        step = x.strides[axis]
        parts = m.lib.stride_tricks.as_strided(
            head, (*x.shape[:axis], whole // BLOCK, BLOCK, *x.shape[axis + 1 :]),
            (*x.strides[:axis], step * BLOCK, step, *x.strides[axis + 1 :]),
        )  # fmt: skip
        out = _along(m.add.reduce(parts, axis=axis + 1), axis)
        if whole < n:
            out += m.add.reduce(x[(slice(None),) * axis + (slice(whole, n),)], axis=axis)
        return out

    def prod(input: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
        if dtype is None and input.dtype.kind in "iub":
            dtype = m.int64
        axis = axes(dim) if input.ndim else None
        return dense(m.asarray(m.multiply.reduce(input, axis=axis, keepdims=keepdim, dtype=dtype)))

    def amax(input: Any, dim: Any = (), keepdim: bool = False) -> Any:
        return dense(
            m.asarray(
                m.maximum.reduce(input, axis=axes(dim) if input.ndim else None, keepdims=keepdim)
            )
        )

    def amin(input: Any, dim: Any = (), keepdim: bool = False) -> Any:
        return dense(
            m.asarray(
                m.minimum.reduce(input, axis=axes(dim) if input.ndim else None, keepdims=keepdim)
            )
        )

    def argmax(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        return dense(m.asarray(m.argmax(input, axis=dim if input.ndim else None, keepdims=keepdim)))

    def argmin(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        return dense(m.asarray(m.argmin(input, axis=dim if input.ndim else None, keepdims=keepdim)))

    def any(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        return dense(
            m.asarray(m.any(input, axis=axes(dim) if input.ndim else None, keepdims=keepdim))
        )

    def all(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        return dense(
            m.asarray(m.all(input, axis=axes(dim) if input.ndim else None, keepdims=keepdim))
        )

    found = (sum, prod, amax, amin, argmax, argmin, any, all)
    return {kernel.__name__: kernel for kernel in found}
