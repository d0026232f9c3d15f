"""`x[...]` and `x[...] = y`: which views and which index tensors a subscript asks for."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from facula.autograd.mode import around, has_values, plain, state
from facula.dtypes import B8, I64
from facula.errors import OutOfBoundsError
from facula.mixed_devices import MixedDevicesError
from facula.ops._op import OPS
from facula.ops.shape import select, slice, unsqueeze, view

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
            dim += (
                len(x.shape)
                - dim
                - (taken - builtins.sum(j is not None for j in index[: index.index(i)]))
            )
        else:
            start, stop, step = i.indices(x.shape[dim])
            x = xp.slice(x, dim, start, builtins.max(start, stop), step)
            dim += 1
    return x


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
    return OPS["index"].call(x, as_positions(x, indices))


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
    consumed = [dims_of_index(i) for i in items]
    rest = len(shape) - builtins.sum(consumed)
    if rest < 0:
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
    if builtins.sum(i is Ellipsis for i in items) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    dim = at = 0  # in `x`, and in `whole`
    found: list[Any] = []
    slices: list[
        tuple[int, Any]
    ] = []  # last, so that the gradient of `x[:, t]` is that of one small select
    for i, n in zip(items, consumed):
        if i is Ellipsis:
            dim += rest
        elif i is None:
            x, dim = unsqueeze.call(x, dim), dim + 1
        elif i.__class__ is int:
            x = _take_int(x, dim, i, at)
        elif i.__class__ is _slice:
            slices.append((dim, i))
            dim += 1
        else:
            if n == 0:  # a mask without dimensions chooses all or nothing of a new one
                x = unsqueeze.call(x, dim)
            found += [None] * (dim - len(found)) + [i] + [...] * (n - 1)
            dim += max(n, 1)
        at += rest if i is Ellipsis else n
    for d, i in slices:
        x = _take_slice(x, d, i)
    return (x, found) if found else (x if x is not whole else OPS["alias"].call(x), None)


def _item(i: Any, x: Any) -> Any:
    """One index in canonical form: int, slice, None, Ellipsis or an index tensor."""
    kind = i.__class__
    if kind is int or kind is _slice or i is None or i is Ellipsis:
        return i
    if kind is bool or kind is np.bool_:
        return constant(np.asarray(bool(i)), x)
    if hasattr(i, "_array"):
        return tensor_item(i, x)
    if isinstance(i, (list, tuple, np.ndarray)):
        return _array_item(i, x)
    if hasattr(i, "__index__"):
        return i.__index__()
    raise (TypeError if isinstance(i, str) else IndexError)(
        f"only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
        f"{kind.__name__})"
    )


def tensor_item(i: Any, x: Any) -> Any:
    dt = i._array.dtype
    if dt.kind not in "iub":
        raise IndexError(
            f"tensors used as indices must be long, int, byte or bool tensors, not {i.dtype}"
        )
    if dt is B8 or dt.kind == "b":
        return i
    if not i._array.shape and has_values(i):
        return int(i.item())
    return i if dt is I64 else OPS["cast"].call(i, I64)


def _array_item(i: Any, x: Any) -> Any:
    if not isinstance(i, np.ndarray) and any(hasattr(j, "_array") for j in i):
        return tensor_item(
            OPS["stack"]([j if hasattr(j, "_array") else constant(np.asarray(j), x) for j in i]), x
        )
    array = np.asarray(i)
    if array.size == 0 and not isinstance(i, np.ndarray):
        array = array.astype(np.int64)
    if array.dtype.kind not in "iub":
        raise IndexError(
            f"only integers, slices, ..., None, integer and boolean sequences are valid indices, got {i!r}"
        )
    return constant(array if array.dtype.kind == "b" else array.astype(np.int64), x)


def constant(array: Any, like: Any) -> Any:
    return from_array(like._backend, like._backend.asarray(array))


def dims_of_index(i: Any) -> int:
    """How many dimensions of the tensor an index stands for."""
    if i is None or i is Ellipsis:
        return 0
    if hasattr(i, "_array") and i._array.dtype.kind == "b":
        return len(i._array.shape)
    return 1


def _take_int(x: Any, dim: int, i: int, dim_of_whole: int) -> Any:
    n = x._array.shape[dim]
    if not -n <= i < n:
        raise OutOfBoundsError(
            f"index {i} is out of bounds for dimension {dim_of_whole} with size {n}"
        )
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


def as_positions(x: Any, indices: list[Any]) -> tuple[Any, ...]:
    """Masks as the positions of their true elements; all on the device of `x`."""
    out: list[Any] = []
    for i in indices:
        if i is ...:
            continue
        if i is not None and i._backend is not x._backend:
            i = _index_beside(i, x)
        if i is not None and i._array.dtype.kind == "b":
            _check_mask(x, i, len(out))
            out.extend(nonzero_positions(i))
        else:
            out.append(i)
    return tuple(out)


def _beside(t: Any, x: Any) -> Any:
    """`t` on the device of `x`; during capture a device has two backends."""
    return t if t._backend.device == x._backend.device else t.to(x.device)


def _index_beside(i: Any, x: Any) -> Any:
    """An index on the device of `x`, to which one of the CPU is copied. RuntimeError for another device."""
    if i._backend.device.type != "cpu" and i._backend.device != x._backend.device:
        raise RuntimeError(
            f"indices should be either on cpu or on the same device as the indexed tensor ({x.device}); an index of "
            f"shape {tuple(i.shape)} is on {i.device}, the indexed tensor has shape {tuple(x.shape)}"
        )
    return _beside(i, x)


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


def assign(self: Any, index: Any, value: Any) -> None:
    """`self[index] = value`: in place; `value` is broadcast and cast to the dtype of `self`."""
    from facula._tensor import bump, check_writable, is_tracked, write_

    check_writable(self, "copy_")
    x, indices = _views(self, _as_tuple(index))
    value = as_value(value, x)
    if indices is None:
        shape = value._array.shape
        extra = len(shape) - len(x._array.shape)
        if extra > 0 and all(n == 1 for n in shape[:extra]):
            value = (
                view.call(value, shape[extra:])
                if value._backend.is_contiguous(value._array)
                else value[(0,) * extra]
            )
        write_(x, value)
        return
    if value._backend.device != x._backend.device:
        raise MixedDevicesError(
            "assignment by an index", [("the indexed tensor", x), ("the value", value)]
        )
    value, mode = fitting(value, x), state.mode
    is_plain = plain(mode) is not None and not is_tracked(x) and not is_tracked(value)
    mask = None if value._array.shape else _mask(indices, x)
    if mask is not None:  # the positions, which a capture cannot know, need not be found
        if is_plain:
            x._backend.write(x._array, x._backend.where(mask._array, value._array, x._array))
            bump(x)
        else:
            write_(x, OPS["where"].call(mask, value, x))
        return
    at = as_positions(x, indices)
    if is_plain:
        places = tuple([i if i is None else i._array for i in at])
        around("index_put_", lambda: x._backend.write_at(x._array, places, value._array))
        bump(x)
        return
    write_(x, OPS["index_put"].call(x, at, value, False))


def _mask(indices: list[Any], x: Any) -> Any:
    """The one mask that `indices` are, beside `x`, with as many dimensions; else None.

    Where the values can be seen it is one for each element of `x`: for whole rows their positions are found sooner than all
    of `x` is written, and where elements are one place in memory, the last one would be what is written.
    """
    from facula._tensor import has_overlap

    i, shape = indices[0], x._array.shape
    if i is None or i._array.dtype.kind != "b" or i._backend.device != x._backend.device:
        return None
    size = i._array.shape
    if has_values(x):
        return i if size == shape and not has_overlap(x) else None
    if size == shape:
        return i
    if not size or len(indices) > len(size) or size != shape[: len(size)]:
        return None
    return OPS["reshape"].call(i, (*size, *(1 for _ in shape[len(size) :])))


def as_value(value: Any, x: Any) -> Any:
    if not hasattr(value, "_array"):
        return (
            from_array(x._backend, x._backend.full((), value, x._array.dtype))
            if isinstance(value, (bool, int, float, complex))
            else constant(np.asarray(value), x)
        )
    if value._backend is x._backend or value._backend.device == x._backend.device:
        return value
    return value if value._array.shape else _beside(value, x)


def fitting(value: Any, x: Any) -> Any:
    return (
        value if value._array.dtype is x._array.dtype else OPS["cast"].call(value, x._array.dtype)
    )
