"""Indexing: `x[...]`, `x[...] = y`, and the operations that read or write at index tensors."""

from __future__ import annotations

import builtins
from math import prod
from typing import Any

from facula.dtypes import B8, I64
from facula.ops._op import OPS, Namespace, Tensor, Tensors, leaf, op
from facula.ops.dims import broadcast_shapes, row_major, wrap_dim
from facula.ops.shape import slice, squeeze, unsqueeze
from facula.ops.subscript import as_positions, as_value, dims_of_index, tensor_item
from facula.testing.samples import call

# ---- reading


@leaf(shape=lambda input, dim, index: index.shape, arithmetic=False)
def gather(xp: Namespace, input: Tensor, dim: int, index: Tensor) -> Tensor:
    """`out[i][j] = input[index[i][j]][j]` (for `dim` 0): elements along `dim` at `index`.

    `index` (int64) has as many dimensions as `input`, and is no larger than it but along `dim`. Raises IndexError
    (which is a RuntimeError as well) for an index below 0 on the CPU; other devices count it from the end.
    """


@gather.public
def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Any:
    check_index_dtype("gather", index)
    check_extent("gather", input, dim, index, "input")
    index = index if index._array.dtype is I64 else OPS["cast"].call(index, I64)
    dim = wrap_dim(dim, len(input._array.shape))
    if prod(index._array.shape) == 0 and len(index._array.shape) != len(input._array.shape):
        none = slice.call(OPS["flatten"].call(input), 0, 0, 0, 1)
        return OPS["reshape"].call(none, index._array.shape)
    input = input if input._array.shape else unsqueeze.call(input, 0)
    if index._array.shape:
        return gather.call(input, dim, index)
    return squeeze.call(gather.call(input, dim, unsqueeze.call(index, 0)), 0)


def check_index_dtype(name: str, index: Any) -> None:
    if prod(index._array.shape) == 0 and name == "gather":
        return
    if index._array.dtype is not I64 and index._array.dtype.name != "int32":
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index, got {index.dtype}")


def check_extent(name: str, input: Any, dim: int, index: Any, what: str) -> None:
    a, b = input._array.shape, index._array.shape
    d = wrap_dim(dim, len(a))
    if prod(b) == 0:
        return
    if builtins.max(len(a), 1) != builtins.max(len(b), 1):
        raise RuntimeError(
            f"Index tensor must have the same number of dimensions as {what} tensor: {list(b)}, {list(a)}"
        )
    if any(n > m for k, (n, m) in enumerate(zip(b, a)) if k != d):
        raise RuntimeError(
            f"Size does not match at dimension {next(k for k, (n, m) in enumerate(zip(b, a)) if k != d and n > m)} "
            f"expected index {list(b)} to be no larger than {what} {list(a)} apart from dimension {d} (in {name})"
        )


gather.vjp(
    input=lambda xp, g, input_shape, dim, index: xp.scatter(
        xp.full(input_shape, 0, g.dtype), dim, index, g, "sum"
    )
)


@gather.sample
def gather(make: Any) -> Any:
    yield call(make(3, 4), 1, make.of([[0, 3], [1, 1]], "int64"))
    yield call(make(3, 4), 0, make.of([[2, 0, 1, 1]], "int64"))
    yield call(make(), 0, make.of(0, "int64"))


#: No place: far below all, also after other places were added or it was multiplied by a stride.
OUTSIDE = -(1 << 32)


@op(arithmetic=False, method=False)
def wrap_index(xp: Namespace, index: Tensor, size: int, dim: int) -> Tensor:
    """`index` with negative ones counted from the end.

    A device may raise IndexError out of range. Else such an index stays out of range even where it
    becomes part of a place in several dimensions: what it is read with raises.
    """
    wrapped = xp.select_where(index < 0, index + size, index)
    return xp.select_where((index < -size) | (index >= size), OUTSIDE, wrapped)


@op(arithmetic=False)
def index_select(xp: Namespace, input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices of `input` along `dim` at `index` (of one dimension).

    Raises IndexError for an index below 0 on the CPU; other devices count it from the end.
    """
    shape = (*input.shape[:dim], index.shape[0], *input.shape[dim + 1 :])
    return xp.gather(input, dim, spread_index(xp, index, dim, shape))


def spread_index(xp: Any, index: Any, dim: int, shape: Any) -> Any:
    return xp.expand(xp.view(index, (index.shape[0],) + (1,) * (len(shape) - dim - 1)), shape)


@index_select.public
def index_select(input: Any, dim: int, index: Any) -> Any:
    index = _vector_index("index_select", index)
    ndim = len(input._array.shape)
    dim = wrap_dim(dim, ndim)
    if ndim:
        return index_select.call(input, dim, index)
    return squeeze.call(index_select.call(unsqueeze.call(input, 0), 0, index), 0)


def _vector_index(name: str, index: Any) -> Any:
    if index._array.dtype is not I64:
        if index._array.dtype.name != "int32":
            raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index, got {index.dtype}")
        index = OPS["cast"].call(index, I64)
    if len(index._array.shape) > 1:
        raise IndexError(
            f"{name}(): Index is supposed to be a vector, it has shape {list(index._array.shape)}"
        )
    return index if index._array.shape else unsqueeze.call(index, 0)


index_select.vjp(
    input=lambda xp, g, input_shape, dim, index: xp.index_add(
        xp.full(input_shape, 0, g.dtype), dim, index, g
    )
)


@index_select.sample
def index_select(make: Any) -> Any:
    yield call(make(3, 4), 1, make.of([0, 3, 0], "int64"))
    yield call(make(3, 4), -2, make.of([2], "int64"))
    yield call(make(), 0, make.of(0, "int64"))


@op(arithmetic=False, method=False)
def index(xp: Namespace, input: Tensor, indices: Tensors) -> Tensor:
    """`input` at index tensors, one (or None) for each of its first dimensions: `input[i, :, j]`."""
    flat, at, shape, _ = _rows(xp, input, indices)
    return xp.view(xp.index_select(flat, 1, at), shape)


def _rows(xp: Any, input: Any, indices: Any) -> tuple[Any, Any, tuple[int, ...], tuple[int, ...]]:
    """`input` as (before, indexed, after), the index into its middle, the result's shape, and how `input` was permuted."""
    shape, ndim = input.shape, len(input.shape)
    dims = [d for d, i in enumerate(indices) if i is not None]
    first = dims[0] if dims[-1] - dims[0] + 1 == len(dims) else 0
    others = [d for d in range(ndim) if d not in dims]
    order = (*others[:first], *dims, *others[first:])
    if order != tuple(range(ndim)):
        input = xp.permute(input, order)
    sizes = [shape[d] for d in dims]
    before, after = [shape[d] for d in others[:first]], [shape[d] for d in others[first:]]
    lead = broadcast_shapes(*[indices[d].shape for d in dims])
    at = None
    for d, n, step in zip(dims, sizes, row_major(sizes)):
        part = xp.wrap_index(indices[d], n, d)
        part = part if step == 1 else part * step
        at = part if at is None else at + part
    at = xp.reshape(xp.expand(at, lead), (prod(lead),))
    flat = xp.reshape(input, (prod(before), prod(sizes), prod(after)))
    return flat, at, (*before, *lead, *after), order


index.vjp(
    input=lambda xp, g, input_shape, indices: xp.index_put(
        xp.full(input_shape, 0, g.dtype), indices, g, True
    )
)


@op(arithmetic=False, inplace=True)
def index_add(xp: Namespace, input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """`input` with `alpha * source` added to its slices along `dim` at `index`; equal ones add up."""
    return xp.scatter(input, dim, spread_index(xp, index, dim, source.shape), source, "sum")


@index_add.public
def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Any:
    source = source if alpha == 1 else source * alpha
    return write_slices("index_add", index_add.call, input, dim, index, source)


def write_slices(name: str, function: Any, input: Any, dim: int, index: Any, source: Any) -> Any:
    index = _vector_index(name, index)
    if source._array.dtype is not input._array.dtype:
        raise RuntimeError(
            f"{name}(): self ({input.dtype}) and source ({source.dtype}) must have the same scalar type"
        )
    ndim, d = len(input._array.shape), wrap_dim(dim, len(input._array.shape))
    a = input._array.shape if ndim else (1,)
    b = source._array.shape if source._array.shape else (1,)
    if (*a[:d], index._array.shape[0], *a[d + 1 :]) != tuple(b):
        error = RuntimeError if name == "index_add" else IndexError
        raise error(
            f"{name}(): source of shape {list(source._array.shape)} does not match self of shape "
            f"{list(input._array.shape)} with {index._array.shape[0]} indices along dimension {d}"
        )
    if not source._array.shape:
        source = unsqueeze.call(source, 0)
    if ndim:
        return function(input, d, index, source)
    return squeeze.call(function(unsqueeze.call(input, 0), 0, index, source), 0)


index_add.vjp(
    input=lambda xp, g: g,
    source=lambda xp, g, dim, index: xp.index_select(g, dim, index),
)


@index_add.sample
def index_add(make: Any) -> Any:
    yield call(make(3, 4), 1, make.of([0, 2, 0], "int64"), make(3, 3))
    yield call(make(3, 4), 0, make.of([1], "int64"), make(1, 4), alpha=2)


@op(arithmetic=False, inplace=True)
def index_copy(xp: Namespace, input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """`input` with its slices along `dim` at `index` replaced by those of `source`."""
    return xp.scatter(input, dim, spread_index(xp, index, dim, source.shape), source, "assign")


@index_copy.public
def index_copy(input: Any, dim: int, index: Any, source: Any) -> Any:
    return write_slices("index_copy", index_copy.call, input, dim, index, source)


def _index_copy_rule(xp: Any, g: Any, dim: int, index: Any, source_shape: Any) -> Any:
    return xp.index_copy(g, dim, index, xp.full(source_shape, 0, g.dtype))


index_copy.vjp(
    input=_index_copy_rule, source=lambda xp, g, dim, index: xp.index_select(g, dim, index)
)


@index_copy.sample
def index_copy(make: Any) -> Any:
    yield call(make(3, 4), 1, make.of([0, 2], "int64"), make(3, 2))


@op(arithmetic=False, inplace=True)
def index_fill(xp: Namespace, input: Tensor, dim: int, index: Tensor, value: Tensor) -> Tensor:
    """`input` with its slices along `dim` at `index` filled with `value`, a number or 0-d tensor."""
    n = input.shape[dim]
    at = xp.wrap_index(index, n, dim)
    chosen = xp.index_copy(xp.full((n,), False, B8), 0, at, xp.full((index.shape[0],), True, B8))
    chosen = xp.view(chosen, (n,) + (1,) * (len(input.shape) - dim - 1))
    return xp.select_where(chosen, xp.cast(value, input.dtype), input)


@index_fill.public
def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    index = _vector_index("index_fill", index)
    value = as_value(value, input)
    if value._array.shape:
        raise RuntimeError(
            f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{len(value._array.shape)} dimension(s)."
        )
    ndim, d = len(input._array.shape), wrap_dim(dim, len(input._array.shape))
    if ndim:
        return index_fill.call(input, d, index, value)
    return squeeze.call(index_fill.call(unsqueeze.call(input, 0), 0, index, value), 0)


@index_fill.sample
def index_fill(make: Any) -> Any:
    yield call(make(3, 4), 1, make.of([0, 2], "int64"), 1.5)
    yield call(make(3, 4), 0, make.of([0], "int64"), make())


@op(arithmetic=False, inplace=True)
def index_put(
    xp: Namespace, input: Tensor, indices: Tensors, values: Tensor, accumulate: bool = False
) -> Tensor:
    """`input` with `values` (broadcast) written, or added, at index tensors: `input[i, :, j] = values`."""
    flat, at, shape, order = _rows(xp, input, indices)
    rows = xp.reshape(xp.expand(values, shape), (flat.shape[0], at.shape[0], flat.shape[2]))
    write = xp.index_add if accumulate else xp.index_copy
    out = xp.view(write(flat, 1, at, rows), tuple([input.shape[d] for d in order]))
    return xp.permute(out, tuple(sorted(range(len(order)), key=order.__getitem__)))


@index_put.public
def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    if values._array.dtype is not input._array.dtype:
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {input.dtype} for the destination and "
            f"{values.dtype} for the source."
        )
    found: list[Any] = []
    for i in indices:
        found += [None] if i is None else [i] + [...] * (dims_of_index(tensor_item(i, input)) - 1)
    if len(found) > len(input._array.shape):
        raise IndexError(
            f"too many indices for tensor of dimension {len(input._array.shape)} (got {len(found)})"
        )
    found = [i if i is None or i is ... or i._array.dtype.kind == "b" or i._array.dtype is I64
             else OPS["cast"].call(i, I64) for i in found]  # fmt: skip
    return index_put.call(input, as_positions(input, found), values, accumulate)


def _index_put_rule(xp: Any, g: Any, indices: Any, accumulate: bool) -> Any:
    return g if accumulate else xp.index_put(g, indices, xp.full((), 0, g.dtype), False)


index_put.vjp(input=_index_put_rule, values=lambda xp, g, indices: xp.index(g, indices))


@index_put.sample
def index_put(make: Any) -> Any:
    at = make.of([0, 2], "int64")
    yield call(make(3, 4), (at,), make(2, 4))
    yield call(make(3, 4), (at, make.of([1, -1], "int64")), make())
    yield call(make(3, 4), (make.of([0, 0], "int64"),), make(4), accumulate=True)


# ---- the flattened tensor


@op(arithmetic=False)
def take(xp: Namespace, input: Tensor, index: Tensor) -> Tensor:
    """The elements of the flattened `input` at `index`, in the shape of `index`."""
    count = prod(input.shape)
    at = xp.wrap_index(xp.reshape(index, (prod(index.shape),)), count, 0)
    return xp.reshape(xp.index_select(xp.reshape(input, (count,)), 0, at), tuple(index.shape))


@take.public
def take(input: Any, index: Any) -> Any:
    if index._array.dtype is not I64:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {index.dtype}")
    if prod(input._array.shape) == 0 and prod(index._array.shape):
        raise IndexError("take(): tried to take from an empty tensor")
    return take.call(input, index)


@take.sample
def take(make: Any) -> Any:
    yield call(make(3, 4), make.of([[0, 11], [-1, 0]], "int64"))


@op(arithmetic=False, inplace=True)
def put(
    xp: Namespace, input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False
) -> Tensor:
    """`input` with the elements of `source` written, or added, at `index` of its flattened form."""
    count = prod(input.shape)
    at = xp.wrap_index(xp.reshape(index, (prod(index.shape),)), count, 0)
    flat, values = xp.reshape(input, (count,)), xp.reshape(source, (prod(source.shape),))
    out = xp.index_add(flat, 0, at, values) if accumulate else xp.index_copy(flat, 0, at, values)
    return xp.reshape(out, tuple(input.shape))


@put.public
def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    if index._array.dtype is not I64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index.dtype}")
    if source._array.dtype is not input._array.dtype:
        raise RuntimeError(
            f"put_(): self and source expected to have the same dtype, but got {input.dtype} and {source.dtype}"
        )
    if prod(index._array.shape) != prod(source._array.shape):
        raise RuntimeError(
            f"put_(): Expected source and index to have the same number of elements, but got source of shape "
            f"{list(source._array.shape)} and index of shape {list(index._array.shape)}"
        )
    if prod(input._array.shape) == 0 and prod(index._array.shape):
        raise IndexError("put_(): tried to put elements into an empty tensor")
    return put.call(input, index, source, accumulate)


@put.sample
def put(make: Any) -> Any:
    yield call(make(3, 4), make.of([0, -1], "int64"), make(2))
    yield call(make(3, 4), make.of([0, 0], "int64"), make(2), accumulate=True)


@op(arithmetic=False)
def take_along_dim(xp: Namespace, input: Tensor, indices: Tensor, dim: int) -> Tensor:
    """`gather`, with `input` and `indices` broadcast together but for `dim`; without `dim`, of all elements."""
    a, b = list(input.shape), list(indices.shape)
    a[dim] = b[dim] = 1
    shape = list(broadcast_shapes(a, b))
    shape[dim] = input.shape[dim]
    wide = (*shape[:dim], indices.shape[dim], *shape[dim + 1 :])
    at = xp.wrap_index(indices, input.shape[dim], dim)
    return xp.gather(xp.expand(input, tuple(shape)), dim, xp.expand(at, wide))


@take_along_dim.public
def take_along_dim(input: Any, indices: Any, dim: Any = None) -> Any:
    if indices._array.dtype is not I64:
        raise RuntimeError(
            f"torch.take_along_dim(): dtype of indices should be Long but got {indices.dtype}"
        )
    if dim is None:
        input, indices = (OPS["reshape"].call(x, (prod(x._array.shape),)) for x in (input, indices))
        return take_along_dim.call(input, indices, 0)
    ndim = len(input._array.shape)
    if ndim != len(indices._array.shape):
        raise RuntimeError(
            f"torch.take_along_dim(): input and indices should have the same number of dimensions, but got {ndim} "
            f"dimensions for input, and {len(indices._array.shape)} dimensions for indices"
        )
    return take_along_dim.call(input, indices, wrap_dim(dim, ndim))


@take_along_dim.sample
def take_along_dim(make: Any) -> Any:
    yield call(make(3, 4), make.of([[0], [3], [1]], "int64"), 1)
    yield call(make(3, 4), make.of([[0, 2]], "int64"), dim=1)
    yield call(make(3, 4), make.of([0, 11], "int64"))
