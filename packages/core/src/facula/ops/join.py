"""Joining: tensors one after another, side by side, on a diagonal."""

from __future__ import annotations

import builtins
from math import prod
from typing import Any

from facula.ops._op import OPS, Namespace, Tensor, Tensors, leaf, op
from facula.ops.dims import wrap_dim
from facula.ops.shape import reshape, unpacked, view
from facula.testing.samples import call


def _join_shape(tensors: Any, dim: int) -> tuple[int, ...]:
    first = tensors[0].shape
    return (*first[:dim], builtins.sum(t.shape[dim] for t in tensors), *first[dim + 1 :])


@leaf(promote="common", shape=_join_shape, arithmetic=False, method=False, inplace=False)
def join(xp: Namespace, tensors: Tensors, dim: int) -> Tensor:
    """Tensors of equal shape but for `dim`, one after another along it."""


def _join_rule(xp: Namespace, g: Any, tensors_shape: Any, dim: int) -> list[Any]:
    out, start = [], 0
    for shape in tensors_shape:
        out.append(xp.slice(g, dim, start, start + shape[dim], 1))
        start += shape[dim]
    return out


join.vjp(tensors=_join_rule)


@join.sample
def _(make: Any) -> Any:
    yield call([make(2, 3), make(2, 1), make(2, 0)], 1)
    yield call([make(1, dtype="int64"), make(2, dtype="int64")], 0)


@op(arithmetic=False, method=False)
def cat(xp: Namespace, tensors: Tensors, dim: int = 0) -> Tensor:
    """Tensors one after another along `dim`; their shapes agree but for that dimension.

    Empty tensors of one dimension are passed over. The dtype is the common one.
    """
    return xp.join(*_join_arguments(tensors, dim))


@cat.public
def cat(tensors: Any, dim: int = 0, *, axis: Any = None) -> Any:
    dim = dim if axis is None else axis
    if hasattr(tensors, "_array"):
        raise TypeError(
            "cat(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor"
        )
    tensors, dim = _join_arguments(tuple(tensors), dim)
    return join.call(tensors, dim)


def _join_arguments(tensors: Any, dim: int) -> tuple[Any, int]:
    if not tensors:
        raise ValueError("cat(): expected a non-empty list of Tensors")
    shapes = [getattr(t, "_array", t).shape for t in tensors]
    if len(shapes[0]) > 1 and shapes.count(shapes[0]) == len(shapes):  # the common case
        return tensors, wrap_dim(dim, len(shapes[0]))
    if () in [tuple(s) for s in shapes]:
        at = [len(s) for s in shapes].index(0)
        raise RuntimeError(f"zero-dimensional tensor (at position {at}) cannot be concatenated")
    kept = [i for i, s in enumerate(shapes) if tuple(s) != (0,)] or [0]
    first = shapes[kept[0]]
    dim = wrap_dim(dim, len(first))
    for i in kept:
        if len(shapes[i]) != len(first):
            raise RuntimeError(
                f"Tensors must have same number of dimensions: got {len(first)} and {len(shapes[i])}"
            )
        for d, (n, m) in enumerate(zip(first, shapes[i])):
            if n != m and d != dim:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {dim}. Expected size {n} but got size {m} for "
                    f"tensor number {i} in the list (dimension {d} of shape {tuple(shapes[i])})."
                )
    if len(kept) == len(shapes):
        return tensors, dim
    # A legacy empty tensor takes part in the dtype and on the tape, as zero rows.
    like = tuple(0 if d == dim else n for d, n in enumerate(first))
    return tuple(t if i in kept else view.call(t, like) if hasattr(t, "_array") else t.reshape(like)
                 for i, t in enumerate(tensors)), dim  # fmt: skip


cat.alias_as("concat", "concatenate")


@cat.sample
def cat(make: Any) -> Any:
    yield call([make(2, 3), make(1, 3)])
    yield call([make(2, 3), make(2, 1), make(2, 0)], -1)
    yield call([make(0), make(2, 2)])
    yield call([make(2, dtype="int64"), make(2)])


@op(promote="common", arithmetic=False, method=False, inplace=False)
def stack(xp: Namespace, tensors: Tensors, dim: int = 0) -> Tensor:
    """Tensors of equal shape side by side along a new dimension `dim`."""
    at = wrap_dim(dim, len(tensors[0].shape) + 1)
    return xp.join(tuple([xp.unsqueeze(x, at) for x in tensors]), at)


@stack.public
def stack(tensors: Any, dim: int = 0, *, axis: Any = None) -> Any:
    dim = dim if axis is None else axis
    tensors = tuple(tensors)
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    shape = tensors[0]._array.shape
    at = wrap_dim(dim, len(shape) + 1)
    size = (*shape[:at], 1, *shape[at:])
    for i, x in enumerate(tensors):
        if x._array.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 and "
                f"{list(x._array.shape)} at entry {i}"
            )
    return join.call([view.call(x, size) for x in tensors], at)


@stack.sample
def stack(make: Any) -> Any:
    yield call([make(2, 3), make(2, 3)])
    yield call([make(2), make(2)], -1)
    yield call([make(), make()])


def _atleast(ndim: int) -> Any:
    def function(xp: Namespace, input: Tensor) -> Tensor:
        shape = tuple(input.shape)
        if len(shape) >= ndim:
            return input
        if ndim == 3 and shape:
            return xp.view(input, (*shape, 1) if len(shape) == 2 else (1, *shape, 1))
        return xp.view(input, (1,) * (ndim - len(shape)) + shape)

    function.__name__ = f"atleast_{ndim}d"
    function.__module__ = __name__
    function.__doc__ = (
        f"`input` with dimensions of size 1 added until it has {ndim}; of several, a tuple."
    )
    function.__annotations__ = {"xp": "Namespace", "input": "Tensor", "return": "Tensor"}
    defined = op(view=True, method=False)(function)

    def public(*tensors: Any) -> Any:
        if len(tensors) == 1 and hasattr(tensors[0], "_array"):
            return defined.call(tensors[0])
        return tuple([defined.call(x) for x in unpacked(tensors)])

    def samples(make: Any) -> Any:
        yield call(make())
        yield call(make(3), make(2, 2))

    return defined.public(public).sample(samples)


atleast_1d, atleast_2d, atleast_3d = _atleast(1), _atleast(2), _atleast(3)


def _stacker(name: str, doc: str, prepare: Any, dim_of: Any) -> Any:
    def function(xp: Namespace, tensors: Tensors) -> Tensor:
        if not tensors:
            raise RuntimeError(f"{name} expects a non-empty TensorList")
        prepared = tuple([prepare(xp, x) for x in tensors])
        return xp.cat(prepared, dim_of(prepared))

    function.__name__, function.__doc__, function.__module__ = name, doc, __name__
    function.__annotations__ = {"xp": "Namespace", "tensors": "Tensors", "return": "Tensor"}

    def samples(make: Any) -> Any:
        yield call([make(3), make(3)])
        yield call([make(2, 3, 1), make(2, 3, 1)])
        yield call([make(), make()])

    return op(arithmetic=False, method=False)(function).sample(samples)


hstack = _stacker(
    "hstack", "Tensors side by side: along dimension 1, or 0 for vectors.",
    lambda xp, x: xp.atleast_1d(x), lambda prepared: 0 if len(prepared[0].shape) == 1 else 1,
)  # fmt: skip


vstack = _stacker(
    "vstack",
    "Tensors one below another; vectors are rows.",
    lambda xp, x: xp.atleast_2d(x),
    lambda prepared: 0,
)


vstack.alias_as("row_stack")


dstack = _stacker(
    "dstack",
    "Tensors one behind another, along dimension 2.",
    lambda xp, x: xp.atleast_3d(x),
    lambda prepared: 2,
)


column_stack = _stacker(
    "column_stack", "Tensors side by side; vectors are columns.",
    lambda xp, x: xp.reshape(x, (prod(x.shape), 1)) if len(x.shape) < 2 else x, lambda prepared: 1,
)  # fmt: skip


@op(method=False, arithmetic=False)
def block_diag(xp: Namespace, tensors: Tensors) -> Tensor:
    """A matrix with the given matrices (vectors are rows) along its diagonal, zeros elsewhere."""
    blocks = [xp.atleast_2d(x) for x in tensors]
    for i, x in enumerate(blocks):
        if len(x.shape) > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {len(x.shape)} dimensions"
            )
    width = builtins.sum(x.shape[1] for x in blocks)
    rows, left = [], 0
    for x in blocks:
        h, w = x.shape
        parts = (xp.full((h, left), 0, x.dtype), x, xp.full((h, width - left - w), 0, x.dtype))
        rows.append(xp.join(parts, 1))
        left += w
    return xp.join(tuple(rows), 0)


@block_diag.public
def block_diag(*tensors: Any) -> Any:
    from facula.promotion import result_dtype

    if not tensors:
        return full((1, 0))
    wanted = result_dtype([x._array for x in tensors], []).dtype
    return block_diag.call(
        tuple([x if x._array.dtype is wanted else OPS["cast"].call(x, wanted) for x in tensors])
    )


def full(size: Any) -> Any:
    from facula.construct import tensor

    return reshape(tensor([]), size)


@block_diag.sample
def block_diag(make: Any) -> Any:
    yield call(make(2, 2), make(3), make(1, 2))
