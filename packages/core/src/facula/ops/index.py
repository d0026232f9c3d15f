"""Indexing: `x[...]`, `x[...] = y`, and the operations that read or write at index tensors."""

from __future__ import annotations

import builtins
from math import prod
from typing import Any

import numpy as np

from facula.autograd.mode import has_values, state
from facula.dtypes import B8, I64, as_dtype, category, iinfo
from facula.ops._op import OPS, Namespace, Tensor, Tensors, leaf, op
from facula.ops.dims import broadcast_shapes, row_major, wrap_dim
from facula.ops.shape import expand, select, slice, squeeze, unsqueeze, view
from facula.testing.samples import call

_slice = builtins.slice


def from_array(backend: Any, array: Any) -> Any:
    from facula.autograd import record  # which itself imports the ops

    return record.from_array(backend, array)


def basic(xp: Any, x: Any, index: Any) -> Any:
    """`x[index]` for ints, slices, None and Ellipsis, through view ops; raw arrays too."""
    index = index if isinstance(index, tuple) else (index,)
    taken = builtins.sum(i is not None and i is not Ellipsis for i in index)
    dim = 0
    for i in index:
        if isinstance(i, int):
            x = xp.select(x, dim, i % x.shape[dim])
        elif i is None:
            x = xp.view(x, (*x.shape[:dim], 1, *x.shape[dim:]))
            dim += 1
        elif i is Ellipsis:
            dim += len(x.shape) - dim - (taken - builtins.sum(j is not None for j in index[: index.index(i)]))
        else:
            start, stop, step = i.indices(x.shape[dim])
            x = xp.slice(x, dim, start, builtins.max(start, stop), step)
            dim += 1
    return x


# ---- x[...]


def getitem(self: Any, index: Any) -> Any:
    """`x[index]`: ints, slices, None, Ellipsis give views; index tensors, lists and masks a copy.

    Index tensors are broadcast together; their dimensions stand where the first indexed one stood
    if all indexed dimensions are neighbours, else in front. Raises IndexError out of range.
    """
    kind = index.__class__
    if kind is int:
        shape = self._array.shape
        if shape and -shape[0] <= index < shape[0]:
            return select.call(self, 0, index % shape[0])
    elif kind is _slice:
        x = _take_slice(self, 0, index)
        return x if x is not self else OPS["alias"].call(x)
    x, indices = _views(self, _as_tuple(index))
    return x if indices is None else _at(x, indices)


def _at(x: Any, indices: Any) -> Any:
    return OPS["index"].call(x, _as_positions(x, indices))


def _as_tuple(index: Any) -> tuple[Any, ...]:
    if index.__class__ is tuple:
        return index
    if isinstance(index, tuple):
        return tuple(index)
    return (index,)


def _views(x: Any, index: tuple[Any, ...]) -> tuple[Any, list[Any] | None]:
    """The views that `index` asks for, and the index tensors by dimension of what they leave."""
    whole, shape = x, x._array.shape
    items = [_item(i, x) for i in index]
    consumed = [_consumes(i) for i in items]
    rest = len(shape) - builtins.sum(consumed)
    if rest < 0:
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
    if builtins.sum(i is Ellipsis for i in items) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    dim = 0
    found: list[Any] = []
    slices: list[tuple[int, Any]] = []  # last, so that the gradient of `x[:, t]` is that of one small select
    for i, n in zip(items, consumed):
        if i is Ellipsis:
            dim += rest
        elif i is None:
            x, dim = unsqueeze.call(x, dim), dim + 1
        elif i.__class__ is int:
            x = _take_int(x, dim, i, len(found))
        elif i.__class__ is _slice:
            slices.append((dim, i))
            dim += 1
        else:
            if n == 0:  # a mask without dimensions chooses all or nothing of a new one
                x, n = unsqueeze.call(x, dim), 1
            found += [None] * (dim - len(found)) + [i] + [...] * (n - 1)
            dim += n
    for d, i in slices:
        x = _take_slice(x, d, i)
    return (x, found) if found else (x if x is not whole else OPS["alias"].call(x), None)


def _item(i: Any, x: Any) -> Any:
    """One index in canonical form: int, slice, None, Ellipsis or an index tensor."""
    kind = i.__class__
    if kind is int or kind is _slice or i is None or i is Ellipsis:
        return i
    if kind is bool or kind is np.bool_:
        return _constant(np.asarray(bool(i)), x)
    if hasattr(i, "_array"):
        return _tensor_item(i, x)
    if isinstance(i, (list, tuple, np.ndarray)):
        return _array_item(i, x)
    if hasattr(i, "__index__"):
        return i.__index__()
    raise IndexError(
        f"only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
        f"{kind.__name__})"
    )


def _tensor_item(i: Any, x: Any) -> Any:
    dt = i._array.dtype
    if dt.kind not in "iub":
        raise IndexError(f"tensors used as indices must be long, int, byte or bool tensors, not {i.dtype}")
    if dt is B8 or dt.kind == "b":
        return i
    if not i._array.shape and has_values(i):
        return int(i.item())
    return i if dt is I64 else OPS["cast"].call(i, I64)


def _array_item(i: Any, x: Any) -> Any:
    if not isinstance(i, np.ndarray) and any(hasattr(j, "_array") for j in i):
        return _tensor_item(OPS["stack"]([j if hasattr(j, "_array") else _constant(np.asarray(j), x) for j in i]), x)
    array = np.asarray(i)
    if array.size == 0 and not isinstance(i, np.ndarray):
        array = array.astype(np.int64)
    if array.dtype.kind not in "iub":
        raise IndexError(f"only integers, slices, ..., None, integer and boolean sequences are valid indices, got {i!r}")
    return _constant(array if array.dtype.kind == "b" else array.astype(np.int64), x)


def _constant(array: Any, like: Any) -> Any:
    return from_array(like._backend, like._backend.asarray(array))


def _consumes(i: Any) -> int:
    """How many dimensions of the tensor an index stands for."""
    if i is None or i is Ellipsis:
        return 0
    if hasattr(i, "_array") and i._array.dtype.kind == "b":
        return len(i._array.shape)
    return 1


def _take_int(x: Any, dim: int, i: int, place: int) -> Any:
    n = x._array.shape[dim]
    if not -n <= i < n:
        raise IndexError(f"index {i} is out of bounds for dimension {dim} with size {n}")
    return select.call(x, dim, i % n)


def _take_slice(x: Any, dim: int, i: Any) -> Any:
    shape = x._array.shape
    if not shape:
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    step = 1 if i.step is None else int(i.step)
    if step <= 0:
        raise ValueError("step must be greater than zero")
    start, stop, _ = i.indices(shape[dim])
    if step == 1 and start == 0 and stop == shape[dim]:
        return x
    return slice.call(x, dim, start, start if stop < start else stop, step)


def _as_positions(x: Any, indices: list[Any]) -> tuple[Any, ...]:
    """Masks as the positions of their true elements; all on the device of `x`."""
    out: list[Any] = []
    for i in indices:
        if i is ...:
            continue
        if i is not None and i._backend is not x._backend:
            i = _beside(i, x)
        if i is not None and i._array.dtype.kind == "b":
            _check_mask(x, i, len(out))
            out.extend(nonzero_positions(i))
        else:
            out.append(i)
    return tuple(out)


def _beside(t: Any, x: Any) -> Any:
    """`t` on the device of `x`; during capture a device has two backends."""
    return t if t._backend.device == x._backend.device else t.to(x.device)


def nonzero_positions(mask: Any) -> list[Any]:
    """The positions of the true elements, one index tensor for each dimension of `mask`."""
    if not mask._array.shape:
        mask = unsqueeze.call(mask, 0)
    found = OPS["nonzero"].call(mask)
    return [select.call(found, 1, d) for d in range(len(mask._array.shape))]


def _check_mask(x: Any, mask: Any, dim: int) -> None:
    shape, wanted = mask._array.shape, x._array.shape
    for k, n in enumerate(shape):
        if wanted[dim + k] != n:
            raise IndexError(
                f"The shape of the mask {list(shape)} at index {k} does not match the shape of the indexed tensor "
                f"{list(wanted)} at index {dim + k}"
            )


# ---- x[...] = value


def assign(self: Any, index: Any, value: Any) -> None:
    """`self[index] = value`: in place; `value` is broadcast and cast to the dtype of `self`."""
    from facula._tensor import bump, check_writable, is_tracked, write_

    check_writable(self, "copy_")
    x, indices = _views(self, _as_tuple(index))
    value = _as_value(value, x)
    if indices is None:
        shape = value._array.shape
        extra = len(shape) - len(x._array.shape)
        if extra > 0 and all(n == 1 for n in shape[:extra]):
            value = view.call(value, shape[extra:]) if value._backend.is_contiguous(value._array) else value[(0,) * extra]
        write_(x, value)
        return
    at, value = _as_positions(x, indices), _fitting(value, x)
    mode = state.mode
    if (mode is True or mode is False) and not is_tracked(x) and not is_tracked(value):
        x._backend.write_at(x._array, tuple([i if i is None else i._array for i in at]), value._array)
        bump(x)
        return
    write_(x, OPS["index_put"].call(x, at, value, False))


def _as_value(value: Any, x: Any) -> Any:
    if not hasattr(value, "_array"):
        return from_array(x._backend, x._backend.full((), value, x._array.dtype)) if isinstance(
            value, (bool, int, float, complex)
        ) else _constant(np.asarray(value), x)
    return _beside(value, x) if value._backend is not x._backend and not value._array.shape else value


def _fitting(value: Any, x: Any) -> Any:
    return value if value._array.dtype is x._array.dtype else OPS["cast"].call(value, x._array.dtype)


# ---- reading


@leaf(shape=lambda input, dim, index: index.shape, arithmetic=False)
def gather(xp: Namespace, input: Tensor, dim: int, index: Tensor) -> Tensor:
    """`out[i][j] = input[index[i][j]][j]` (for `dim` 0): elements along `dim` at `index`.

    `index` (int64) has as many dimensions as `input`, and is no larger than it but along `dim`.
    """


@gather.public
def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Any:
    _check_index_dtype("gather", index)
    _check_extent("gather", input, dim, index, "input")
    index = index if index._array.dtype is I64 else OPS["cast"].call(index, I64)
    dim = wrap_dim(dim, len(input._array.shape))
    if prod(index._array.shape) == 0 and len(index._array.shape) != len(input._array.shape):
        none = slice.call(OPS["flatten"].call(input), 0, 0, 0, 1)
        return OPS["reshape"].call(none, index._array.shape)
    input = input if input._array.shape else unsqueeze.call(input, 0)
    if index._array.shape:
        return gather.call(input, dim, index)
    return squeeze.call(gather.call(input, dim, unsqueeze.call(index, 0)), 0)


def _check_index_dtype(name: str, index: Any) -> None:
    if prod(index._array.shape) == 0 and name == "gather":
        return
    if index._array.dtype is not I64 and index._array.dtype.name != "int32":
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index, got {index.dtype}")


def _check_extent(name: str, input: Any, dim: int, index: Any, what: str) -> None:
    a, b = input._array.shape, index._array.shape
    d = wrap_dim(dim, len(a))
    if prod(b) == 0:
        return
    if builtins.max(len(a), 1) != builtins.max(len(b), 1):
        raise RuntimeError(f"Index tensor must have the same number of dimensions as {what} tensor: {list(b)}, {list(a)}")
    if any(n > m for k, (n, m) in enumerate(zip(b, a)) if k != d):
        raise RuntimeError(
            f"Size does not match at dimension {next(k for k, (n, m) in enumerate(zip(b, a)) if k != d and n > m)} "
            f"expected index {list(b)} to be no larger than {what} {list(a)} apart from dimension {d} (in {name})"
        )


gather.vjp(input=lambda xp, g, input_shape, dim, index: xp.scatter(xp.full(input_shape, 0, g.dtype), dim, index, g, "sum"))


@gather.sample
def gather(make: Any) -> Any:
    yield call(make(3, 4), 1, make.of([[0, 3], [1, 1]], "int64"))
    yield call(make(3, 4), 0, make.of([[2, 0, 1, 1]], "int64"))
    yield call(make(), 0, make.of(0, "int64"))


@op(arithmetic=False, method=False)
def wrap_index(xp: Namespace, index: Tensor, size: int, dim: int) -> Tensor:
    """`index` with negative ones counted from the end. A device may raise IndexError out of range."""
    return xp.select_where(index < 0, index + size, index)


@op(arithmetic=False)
def index_select(xp: Namespace, input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices of `input` along `dim` at `index` (of one dimension)."""
    shape = (*input.shape[:dim], index.shape[0], *input.shape[dim + 1 :])
    return xp.gather(input, dim, _spread_index(xp, index, dim, shape))


def _spread_index(xp: Any, index: Any, dim: int, shape: Any) -> Any:
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
        raise IndexError(f"{name}(): Index is supposed to be a vector, it has shape {list(index._array.shape)}")
    return index if index._array.shape else unsqueeze.call(index, 0)


index_select.vjp(
    input=lambda xp, g, input_shape, dim, index: xp.index_add(xp.full(input_shape, 0, g.dtype), dim, index, g)
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
    input=lambda xp, g, input_shape, indices: xp.index_put(xp.full(input_shape, 0, g.dtype), indices, g, True)
)


# ---- writing


@leaf(shape=lambda input, *_: input.shape, arithmetic=False, inplace=True)
def scatter(xp: Namespace, input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str = "assign") -> Tensor:
    """`input` with `out[index[i][j]][j] = src[i][j]` (for `dim` 0), for every element of `index`.

    `reduce` 'sum', 'prod', 'amax' or 'amin' combines with what is there instead ('add' and
    'multiply' are PyTorch's older names). `src` may be a number.
    """


_REDUCES = {"add": "sum", "multiply": "prod", None: "assign"}


@scatter.public
def scatter(input: Any, dim: int, index: Any, src: Any = None, value: Any = None, *, reduce: Any = None) -> Any:
    if reduce not in _REDUCES:
        raise RuntimeError(f"reduce argument must be either add or multiply, got {reduce!r}")
    return _scatter("scatter", input, dim, index, value if src is None else src, _REDUCES[reduce])


def _scatter(name: str, input: Any, dim: int, index: Any, src: Any, reduce: str) -> Any:
    _check_index_dtype(name, index)
    _check_extent(name, input, dim, index, "self")
    if not hasattr(src, "_array"):
        src = from_array(input._backend, input._backend.full((), src, input._array.dtype))
        src = expand.call(src, index._array.shape)
    elif src._array.dtype is not input._array.dtype:
        raise RuntimeError(f"{name}(): Expected self.dtype to be equal to src.dtype, got {input.dtype} and {src.dtype}")
    if prod(index._array.shape) == 0:
        return OPS["clone"].call(input)
    src = _cut(name, src, index)

    def run(x: Any, d: int, i: Any, s: Any) -> Any:
        return scatter.call(x, d, i, s, reduce)

    ndim = len(input._array.shape)
    index = index if index._array.dtype is I64 else OPS["cast"].call(index, I64)
    index, src = (t if t._array.shape else unsqueeze.call(t, 0) for t in (index, src))
    out = run(input if ndim else unsqueeze.call(input, 0), wrap_dim(dim, ndim), index, src)
    return out if ndim else squeeze.call(out, 0)


def _cut(name: str, src: Any, index: Any) -> Any:
    """The part of `src` that `index` reads."""
    a, b = index._array.shape, src._array.shape
    if builtins.max(len(a), 1) != builtins.max(len(b), 1) or any(n > m for n, m in zip(a, b)):
        raise RuntimeError(f"{name}(): Expected index {list(a)} to be no larger than src {list(b)}")
    for d, (n, m) in enumerate(zip(a, b)):
        if n < m:
            src = slice.call(src, d, 0, n, 1)
    return src


def _scatter_input(xp: Any, g: Any, input: Any, dim: int, index: Any, src: Any, reduce: str, out: Any) -> Any:
    if reduce == "sum":
        return g
    if reduce == "assign":
        return xp.scatter(g, dim, index, xp.full(index.shape, 0, g.dtype), "assign")
    if reduce == "prod":
        return g * xp.scatter(xp.full(input.shape, 1, g.dtype), dim, index, src, "prod")
    return g * xp.cast(xp.eq(input, out), g.dtype) / _winners(xp, input, dim, index, src, out)


def _winners(xp: Any, input: Any, dim: int, index: Any, src: Any, out: Any) -> Any:
    """How many elements, of `input` and `src` together, equal each extremum."""
    won = xp.cast(xp.eq(src, xp.gather(out, dim, index)), out.dtype)
    return xp.scatter(xp.cast(xp.eq(input, out), out.dtype), dim, index, won, "sum")


def _scatter_src(xp: Any, g: Any, input: Any, dim: int, index: Any, src: Any, reduce: str, out: Any) -> Any:
    if reduce in ("sum", "assign"):
        return xp.gather(g, dim, index)
    if reduce == "prod":
        return _scatter_prod_src(xp, g, input, dim, index, src, out)
    won = xp.cast(xp.eq(src, xp.gather(out, dim, index)), g.dtype)
    return xp.gather(g / _winners(xp, input, dim, index, src, out), dim, index) * won


def _scatter_prod_src(xp: Any, g: Any, input: Any, dim: int, index: Any, src: Any, out: Any) -> Any:
    """`g * out / src`, and where the one factor that is zero is `src`, the product of the others."""
    zero, one = xp.full((), 0, g.dtype), xp.full((), 1, g.dtype)
    is_zero = xp.eq(src, zero)
    zeros = xp.scatter(xp.full(input.shape, 0, g.dtype), dim, index, xp.cast(is_zero, g.dtype), "sum")
    single = xp.gather(zeros, dim, index) == 1
    safe = xp.select_where(is_zero, one, src)
    others = xp.gather(xp.scatter(input, dim, index, xp.select_where(is_zero, one, src), "prod"), dim, index)
    plain = xp.gather(g * out, dim, index) / safe
    held = xp.select_where(single, xp.gather(g, dim, index) * others, zero)
    return xp.select_where(is_zero, held, plain)


scatter.vjp(input=_scatter_input, src=_scatter_src)


@scatter.sample
def scatter(make: Any) -> Any:
    at = make.of([[0, 2, 1], [1, 0, 0]], "int64")
    yield call(make(3, 4), 0, at, make(2, 3))
    yield call(make(3, 4), 0, at, 1.5)
    yield call(make(3, 4), 0, at, make(2, 3), reduce="add")
    yield call(make(3, 4), 0, at, make(2, 3), reduce="multiply")


@op(arithmetic=False, inplace=True)
def scatter_add(xp: Namespace, input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """`input` with `src` added at `index` along `dim`; equal indices add up."""
    return xp.scatter(input, dim, index, src, "sum")


@scatter_add.public
def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    return _scatter("scatter_add", input, dim, index, src, "sum")


@scatter_add.sample
def scatter_add(make: Any) -> Any:
    yield call(make(3, 4), 0, make.of([[0, 2, 1], [0, 0, 0]], "int64"), make(2, 3))


@op(arithmetic=False, inplace=True)
def index_add(xp: Namespace, input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """`input` with `alpha * source` added to its slices along `dim` at `index`; equal ones add up."""
    return xp.scatter(input, dim, _spread_index(xp, index, dim, source.shape), source, "sum")


@index_add.public
def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Any:
    source = source if alpha == 1 else source * alpha
    return _along("index_add", index_add.call, input, dim, index, source)


def _along(name: str, function: Any, input: Any, dim: int, index: Any, source: Any) -> Any:
    index = _vector_index(name, index)
    if source._array.dtype is not input._array.dtype:
        raise RuntimeError(f"{name}(): self ({input.dtype}) and source ({source.dtype}) must have the same scalar type")
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
    return xp.scatter(input, dim, _spread_index(xp, index, dim, source.shape), source, "assign")


@index_copy.public
def index_copy(input: Any, dim: int, index: Any, source: Any) -> Any:
    return _along("index_copy", index_copy.call, input, dim, index, source)


def _index_copy_rule(xp: Any, g: Any, dim: int, index: Any, source_shape: Any) -> Any:
    return xp.index_copy(g, dim, index, xp.full(source_shape, 0, g.dtype))


index_copy.vjp(input=_index_copy_rule, source=lambda xp, g, dim, index: xp.index_select(g, dim, index))


@index_copy.sample
def index_copy(make: Any) -> Any:
    yield call(make(3, 4), 1, make.of([0, 2], "int64"), make(3, 2))


@op(arithmetic=False, inplace=True)
def index_fill(xp: Namespace, input: Tensor, dim: int, index: Tensor, value: Tensor) -> Tensor:
    """`input` with its slices along `dim` at `index` filled with `value`, a number or 0-d tensor."""
    n = input.shape[dim]
    chosen = xp.index_copy(xp.full((n,), False, B8), 0, index, xp.full((index.shape[0],), True, B8))
    chosen = xp.view(chosen, (n,) + (1,) * (len(input.shape) - dim - 1))
    return xp.select_where(chosen, xp.cast(value, input.dtype), input)


@index_fill.public
def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    index = _vector_index("index_fill", index)
    value = _as_value(value, input)
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
def index_put(xp: Namespace, input: Tensor, indices: Tensors, values: Tensor, accumulate: bool = False) -> Tensor:
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
        found += [None] if i is None else [i] + [...] * (_consumes(_tensor_item(i, input)) - 1)
    if len(found) > len(input._array.shape):
        raise IndexError(f"too many indices for tensor of dimension {len(input._array.shape)} (got {len(found)})")
    found = [i if i is None or i is ... or i._array.dtype.kind == "b" or i._array.dtype is I64
             else OPS["cast"].call(i, I64) for i in found]  # fmt: skip
    return index_put.call(input, _as_positions(input, found), values, accumulate)


def _index_put_rule(xp: Any, g: Any, indices: Any, accumulate: bool) -> Any:
    return g if accumulate else xp.index_put(g, indices, xp.full((), 0, g.dtype), False)


index_put.vjp(input=_index_put_rule, values=lambda xp, g, indices: xp.index(g, indices))


@index_put.sample
def index_put(make: Any) -> Any:
    at = make.of([0, 2], "int64")
    yield call(make(3, 4), (at,), make(2, 4))
    yield call(make(3, 4), (at, make.of([1, -1], "int64")), make())
    yield call(make(3, 4), (make.of([0, 0], "int64"),), make(4), accumulate=True)


# ---- masks


@leaf(dynamic="use facula.where, or multiply by the mask: both keep the shape", dtype=I64, arithmetic=False)
def nonzero(xp: Namespace, input: Tensor) -> Tensor:
    """The indices of the elements that are not zero: int64, shape (count, dimensions of `input`).

    `as_tuple=True` gives a tuple of one index tensor per dimension instead.
    """


@nonzero.public
def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    if as_tuple:
        return tuple(nonzero_positions(input))
    return nonzero.call(input)


@nonzero.sample
def nonzero(make: Any) -> Any:
    yield call(make.of([[0.0, 1.0], [2.0, 0.0]]))
    yield call(make.of([True, False]), as_tuple=True)
    yield call(make.of(1))


@op(dynamic="use facula.where, which keeps the shape", arithmetic=False)
def argwhere(xp: Namespace, input: Tensor) -> Tensor:
    """The indices of the elements that are not zero, one row for each."""
    return xp.nonzero(input)


@argwhere.sample
def argwhere(make: Any) -> Any:
    yield call(make.of([[0.0, 1.0], [2.0, 0.0]]))


@op(dynamic="use facula.where, which keeps the shape", arithmetic=False)
def masked_select(xp: Namespace, input: Tensor, mask: Tensor) -> Tensor:
    """The elements of `input` where `mask` is true, in one dimension; the two are broadcast together."""
    shape = broadcast_shapes(input.shape, mask.shape)
    mask = xp.reshape(xp.expand(mask, shape), (-1,))
    at = xp.select(xp.nonzero(mask), 1, 0)
    return xp.index_select(xp.reshape(xp.expand(input, shape), (prod(shape),)), 0, at)


@masked_select.public
def masked_select(input: Any, mask: Any) -> Any:
    if mask._array.dtype.kind != "b":
        raise RuntimeError(f"masked_select: expected BoolTensor for mask, got {mask.dtype}")
    return masked_select.call(input, mask)


@masked_select.sample
def masked_select(make: Any) -> Any:
    yield call(make(2, 3), make.of([[True, False, True], [False, False, True]]))
    yield call(make(3), make.of([[True], [False]]))


@op(arithmetic=False, inplace=True)
def masked_fill(xp: Namespace, input: Tensor, mask: Tensor, value: Tensor) -> Tensor:
    """`input` with `value` (a number or 0-d tensor) where `mask` is true; the two are broadcast."""
    return xp.select_where(mask, xp.cast(value, input.dtype), input)


@masked_fill.public
def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    if mask._array.dtype.kind != "b":
        raise RuntimeError(f"masked_fill only supports boolean masks, but got mask with dtype {mask.dtype}")
    if hasattr(value, "_array"):
        if value._array.shape:
            raise RuntimeError(
                f"masked_fill only supports a 0-dimensional value tensor, but got tensor with "
                f"{len(value._array.shape)} dimension(s)."
            )
        if value.is_complex() and not input.is_complex():
            raise RuntimeError(f"value cannot be converted to type {input.dtype} without overflow (in masked_fill)")
        value = _fitting(_as_value(value, input), input)
    else:
        _check_scalar(value, input, "masked_fill")
        value = from_array(input._backend, input._backend.full((), value, input._array.dtype))
    return OPS["select_where"].call(mask, value, input)


def _check_scalar(value: Any, input: Any, name: str) -> None:
    kind = input._array.dtype.kind
    if (isinstance(value, complex) and kind != "c") or (
        kind in "iu" and isinstance(value, float) and not value.is_integer() and abs(value) > 2**63
    ):
        raise RuntimeError(f"value cannot be converted to type {input.dtype} without overflow (in {name})")


@masked_fill.sample
def masked_fill(make: Any) -> Any:
    yield call(make(2, 3), make.of([True, False, True]), 1.5)
    yield call(make(2, 3), make.of([[True], [False]]), make())


@op(dynamic="use facula.where with a tensor of full size", arithmetic=False, inplace=True)
def masked_scatter(xp: Namespace, input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """`input` with the elements where `mask` is true replaced by those of `source`, one after another."""
    shape = broadcast_shapes(input.shape, mask.shape)
    count = prod(shape)
    at = xp.select(xp.nonzero(xp.reshape(xp.expand(mask, shape), (count,))), 1, 0)
    flat = xp.reshape(source, (prod(source.shape),))
    if at.shape[0] > flat.shape[0]:
        raise RuntimeError(
            f"masked_scatter: expected self and source to have enough elements: the mask has {at.shape[0]} true "
            f"ones, source has {flat.shape[0]} elements"
        )
    flat = xp.slice(flat, 0, 0, at.shape[0], 1)
    return xp.reshape(xp.index_copy(xp.reshape(xp.expand(input, shape), (count,)), 0, at, flat), shape)


@masked_scatter.public
def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    if mask._array.dtype.kind != "b":
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {mask.dtype}")
    if source._array.dtype is not input._array.dtype:
        raise RuntimeError(
            f"masked_scatter_: expected self and source to have same dtypes but got {input.dtype} and {source.dtype}"
        )
    return masked_scatter.call(input, mask, source)


@masked_scatter.sample
def masked_scatter(make: Any) -> Any:
    yield call(make(2, 3), make.of([[True, False, True], [False, True, False]]), make(4))


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
def put(xp: Namespace, input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
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
        raise RuntimeError(f"put_(): self and source expected to have the same dtype, but got {input.dtype} and {source.dtype}")
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
        raise RuntimeError(f"torch.take_along_dim(): dtype of indices should be Long but got {indices.dtype}")
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


# ---- reductions at indices

_KINDS = ("sum", "prod", "mean", "amax", "amin")


@op(inplace=True, arithmetic=False)
def scatter_reduce(
    xp: Namespace, input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, include_self: bool = True
) -> Tensor:
    """`input` with the elements of `src` at equal `index` along `dim` reduced into it.

    `reduce` is 'sum', 'prod', 'mean', 'amax' or 'amin'; `include_self=False` leaves out what was there.
    """
    if not include_self:
        input = xp.scatter(input, dim, index, _neutral(xp, src, reduce), "assign")
    if reduce != "mean":
        return xp.scatter(input, dim, index, src, reduce)
    total = xp.scatter(input, dim, index, src, "sum")
    one = xp.expand(xp.full((), 1, input.dtype), tuple(src.shape))
    count = xp.scatter(xp.full(tuple(input.shape), int(include_self), input.dtype), dim, index, one, "sum")
    count = xp.maximum(count, 1)
    return total / count if category(input.dtype) >= 2 else xp.floor_divide(total, count)


def _neutral(xp: Any, src: Any, reduce: str) -> Any:
    """What a reduction starts from, in the shape of `src`."""
    value: Any = {"sum": 0, "mean": 0, "prod": 1}.get(reduce)
    if value is None:
        kind = as_dtype(src.dtype)
        if kind.category >= 2:
            value = float("-inf") if reduce == "amax" else float("inf")
        elif kind.category == 0:
            value = reduce == "amin"
        else:
            value = iinfo(kind).min if reduce == "amax" else iinfo(kind).max
    return xp.full(tuple(src.shape), value, as_dtype(src.dtype).dtype)


@scatter_reduce.public
def scatter_reduce(
    input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True
) -> Any:
    if reduce not in _KINDS:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}.")
    _check_index_dtype("scatter_reduce", index)
    _check_extent("scatter_reduce", input, dim, index, "self")
    if src._array.dtype is not input._array.dtype:
        raise RuntimeError(f"scatter_reduce(): Expected self.dtype to be equal to src.dtype, got {input.dtype} and {src.dtype}")
    if prod(index._array.shape) == 0:
        return OPS["clone"].call(input)
    src = _cut("scatter_reduce", src, index)
    ndim = len(input._array.shape)
    index = index if index._array.dtype is I64 else OPS["cast"].call(index, I64)
    index, src = (t if t._array.shape else unsqueeze.call(t, 0) for t in (index, src))
    flat = input if ndim else unsqueeze.call(input, 0)
    out = scatter_reduce.call(flat, wrap_dim(dim, ndim), index, src, reduce, include_self)
    return out if ndim else squeeze.call(out, 0)


@scatter_reduce.sample
def scatter_reduce(make: Any) -> Any:
    at = make.of([[0, 2, 1], [1, 0, 0]], "int64")
    for reduce in _KINDS:
        yield call(make(3, 4), 0, at, make(2, 3), reduce)
        yield call(make(3, 4), 0, at, make(2, 3), reduce, include_self=False)


@op(inplace=True, arithmetic=False)
def index_reduce(
    xp: Namespace, input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, include_self: bool = True
) -> Tensor:
    """`input` with the slices of `source` along `dim` reduced ('prod', 'mean', 'amax', 'amin') into those at `index`."""
    return xp.scatter_reduce(input, dim, _spread_index(xp, index, dim, source.shape), source, reduce, include_self)


@index_reduce.public
def index_reduce(
    input: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True
) -> Any:
    if reduce not in _KINDS[1:]:
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")

    def function(x: Any, d: int, i: Any, s: Any) -> Any:
        return index_reduce.call(x, d, i, s, reduce, include_self)

    return _along("index_reduce", function, input, dim, index, source)


@index_reduce.sample
def index_reduce(make: Any) -> Any:
    for reduce in _KINDS[1:]:
        yield call(make(3, 4), 1, make.of([0, 2, 0], "int64"), make(3, 3), reduce)
    yield call(make(3, 4), 1, make.of([0, 2, 0], "int64"), make(3, 3), "amax", include_self=False)


@op(arithmetic=False)
def nonzero_static(xp: Namespace, input: Tensor, size: int, fill_value: int = -1) -> Tensor:
    """The first `size` rows of `nonzero(input)`; missing ones are `fill_value`. The shape is known before."""
    count, ndim = prod(input.shape), len(input.shape)
    hit = xp.ne(xp.reshape(input, (count,)), 0)
    rank = xp.cumsum(xp.cast(hit, I64), 0) - 1
    place = xp.select_where(hit & xp.lt(rank, size), rank, xp.full((), size, I64))  # one row more, for the rest
    flat = xp.sequence(0, 1, count, I64)
    columns = []
    for n, step in zip(input.shape, row_major(input.shape)):
        column = xp.remainder(xp.floor_divide(flat, step), builtins.max(n, 1))
        filled = xp.index_copy(xp.full((size + 1,), fill_value, I64), 0, place, column)
        columns.append(xp.slice(filled, 0, 0, size, 1))
    return xp.stack(tuple(columns), 1) if ndim else xp.full((size, 0), 0, I64)


@nonzero_static.public
def nonzero_static(input: Any, *, size: int, fill_value: int = -1) -> Any:
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer, got {size}")
    return nonzero_static.call(input, size, fill_value)


@nonzero_static.sample
def nonzero_static(make: Any) -> Any:
    yield call(make.of([[0.0, 1.0], [2.0, 0.0]]), size=3)
    yield call(make.of([True, False, True]), size=1)
