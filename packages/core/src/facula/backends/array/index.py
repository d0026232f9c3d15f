"""Indexing: the module's own fancy indexing, with PyTorch's errors."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from facula.errors import OutOfBoundsError


def dense(array: Any) -> Any:
    """`array` in row-major order: NumPy lays some results out as their inputs were, PyTorch does not."""
    return array if array.flags.c_contiguous else array.copy(order="C")


def named_dimension(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy says 'axis' where PyTorch says 'dimension'."""

    @wraps(kernel)
    def checked(*args: Any, **kwargs: Any) -> Any:
        try:
            return kernel(*args, **kwargs)
        except IndexError as error:
            raise OutOfBoundsError(str(error).replace("axis", "dimension")) from None

    return checked


def places(indices: Any) -> tuple[Any, ...]:
    """Index arrays as NumPy takes them: None is a whole dimension."""
    return tuple([slice(None) if i is None else i for i in indices])


@named_dimension
def store_at(target: Any, indices: Any, values: Any) -> None:
    try:
        target[places(indices)] = values
    except ValueError as error:  # shapes that do not fit
        raise RuntimeError(f"shape mismatch in an indexed assignment: {error}") from None


def along(dim: int, index: Any, m: Any) -> tuple[Any, ...]:
    """`index` for dimension `dim`, and for each other dimension its own position."""
    out = []
    for d, n in enumerate(index.shape):
        lead = (1,) * d + (-1,) + (1,) * (index.ndim - d - 1)
        out.append(index if d == dim else m.arange(n).reshape(lead))
    return tuple(out)


def refuse_negative(index: Any, size: int, dim: int) -> None:
    """NumPy counts negative indices from the end, PyTorch does so for `x[...]`, `take` and `put` alone."""
    if index.size and index.min() < 0:
        raise OutOfBoundsError(
            f"index {index.min()} is out of bounds for dimension {dim} with size {size}"
        )


def kernels(m: Any) -> dict[str, Any]:
    combine = {"sum": m.add, "prod": m.multiply, "amax": m.maximum, "amin": m.minimum}

    def index(input: Any, indices: Any) -> Any:
        return dense(input[places(indices)])

    def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
        out = input.copy(order="C")
        if accumulate:
            _add_at(out, places(indices), values)
        else:
            store_at(out, indices, values)
        return out

    def _add_at(out: Any, at: tuple[Any, ...], values: Any) -> None:
        if (
            len(at) == 1
            and at[0].ndim == 1
            and at[0].size
            and out.ndim > 1
            and at[0].dtype.kind != "b"
        ):
            _add_rows(out, at[0], m.broadcast_to(values, at[0].shape + out.shape[1:]))
        else:
            m.add.at(out, at, values)

    def _add_rows(out: Any, at: Any, rows: Any) -> None:
        """`add.at` for whole rows: sorted, so that each run of equal indices is one sum."""
        if at.max() >= out.shape[0] or at.min() < -out.shape[0]:
            bad = at[(at >= out.shape[0]) | (at < -out.shape[0])][0]
            raise IndexError(
                f"index {bad} is out of bounds for dimension 0 with size {out.shape[0]}"
            )
        at = m.where(at < 0, at + out.shape[0], at)
        order = m.argsort(at, kind="stable")
        at = at[order]
        starts = m.flatnonzero(m.concatenate([m.ones(1, bool), at[1:] != at[:-1]]))
        out[at[starts]] += (
            rows[order]
            if len(starts) == len(at)
            else m.add.reduceat(rows[order], starts, axis=0, dtype=out.dtype)
        )

    def gather(input: Any, dim: int, index: Any) -> Any:
        refuse_negative(index, input.shape[dim], dim)
        return dense(input[along(dim, index, m)])

    def scatter(input: Any, dim: int, index: Any, src: Any, reduce: str = "assign") -> Any:
        refuse_negative(index, input.shape[dim], dim)
        out = input.copy(order="C")
        at = along(dim, index, m)
        if reduce == "assign":
            out[at] = src
        else:
            combine[reduce].at(out, at, src)
        return out

    def index_select(input: Any, dim: int, index: Any) -> Any:
        refuse_negative(index, input.shape[dim], dim)
        return dense(m.take(input, index, axis=dim))

    def index_add(input: Any, dim: int, index: Any, source: Any) -> Any:
        refuse_negative(index, input.shape[dim], dim)
        out = input.copy(order="C")
        if dim == 0:
            _add_at(out, (index,), source)
        else:
            _add_at(m.moveaxis(out, dim, 0), (index,), m.moveaxis(source, dim, 0))
        return out

    def index_copy(input: Any, dim: int, index: Any, source: Any) -> Any:
        refuse_negative(index, input.shape[dim], dim)
        out = input.copy(order="C")
        out[(slice(None),) * dim + (index,)] = source
        return out

    def wrap_index(index: Any, size: int, dim: int) -> Any:
        if index.size and (index.max() >= size or index.min() < -size):
            bad = index[(index >= size) | (index < -size)].ravel()[0]
            raise IndexError(f"index {bad} is out of bounds for dimension {dim} with size {size}")
        return m.where(index < 0, index + size, index)

    def nonzero(input: Any) -> Any:
        if input.ndim == 0:
            return m.zeros((int(bool(input)), 0), m.int64)
        return m.stack(m.nonzero(input), axis=1)

    found: dict[str, Any] = {
        "index": index, "index_put": index_put, "gather": gather, "scatter": scatter, "index_select": index_select,
        "index_add": index_add, "index_copy": index_copy, "wrap_index": wrap_index,
    }  # fmt: skip
    return {name: named_dimension(kernel) for name, kernel in found.items()} | {"nonzero": nonzero}
