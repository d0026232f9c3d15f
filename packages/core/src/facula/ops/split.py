"""Splitting: parts of a tensor along a dimension, as views."""

from __future__ import annotations

import builtins
from typing import Any

from facula.dtypes import I64
from facula.ops._op import Namespace, Tensor, op
from facula.ops.dims import wrap_dim
from facula.testing.samples import call


def _parts(xp: Namespace, input: Any, dim: int, sizes: Any) -> Any:
    """Parts of these sizes, which sum to that of `dim`, counted from the front."""
    joined = xp.parts(input, dim, sizes)
    if joined is not None:
        return joined
    out, start = [], 0
    for n in sizes:
        out.append(xp.slice(input, dim, start, start + n, 1))
        start += n
    return tuple(out)


def _even(size: int, n: int) -> list[int]:
    """`size` as often as it goes into n, and what is left."""
    return [size] * (n // size) + ([n % size] if n % size else [])


@op(view=True, method=False)
def split_with_sizes(xp: Namespace, input: Tensor, split_sizes: Any, dim: int = 0) -> Any:
    """A tuple of parts of the given sizes along `dim`."""
    shape = input.shape
    if not shape:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    at = wrap_dim(dim, len(shape))
    if builtins.min(split_sizes, default=0) < 0 or builtins.sum(split_sizes) != shape[at]:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {shape[at]} (input tensor's size at dimension "
            f"{at}), but got split_sizes={list(split_sizes)}"
        )
    return _parts(xp, input, at, split_sizes)


@split_with_sizes.sample
def split_with_sizes(make: Any) -> Any:
    yield call(make(5, 2), [2, 3])
    yield call(make(2, 4), [0, 4], 1)


@op(view=True)
def split(xp: Namespace, input: Tensor, split_size_or_sections: Any, dim: int = 0) -> Any:
    """A tuple of parts along `dim`: all of one size but the last, or of the sizes given."""
    if not isinstance(split_size_or_sections, int):
        return xp.split_with_sizes(input, tuple(split_size_or_sections), dim)
    if not input.shape:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    at = wrap_dim(dim, len(input.shape))
    size, n = split_size_or_sections, input.shape[at]
    if size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
    if size == 0 and n:
        raise RuntimeError(
            f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}"
        )
    return _parts(xp, input, at, _even(size, n) if n else (0,))


@split.public
def split(input: Any, split_size: Any = None, dim: int = 0, **named: Any) -> Any:
    return split.call(input, named.get("split_size_or_sections", split_size), dim)


@split.sample
def split(make: Any) -> Any:
    yield call(make(5, 2), 2)
    yield call(make(2, 4), 2, 1)
    yield call(make(5), [1, 4])


@op(view=True)
def chunk(xp: Namespace, input: Tensor, chunks: int, dim: int = 0) -> Any:
    """At most `chunks` parts along `dim`, all of one size but the last."""
    shape = input.shape
    if not shape:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    at = wrap_dim(dim, len(shape))
    n = shape[at]
    return _parts(xp, input, at, _even(-(-n // chunks), n) if n else (0,) * chunks)


@chunk.sample
def chunk(make: Any) -> Any:
    yield call(make(5, 2), 2)
    yield call(make(2, 4), 3, -1)


@op(view=True)
def tensor_split(xp: Namespace, input: Tensor, indices_or_sections: Any, dim: int = 0) -> Any:
    """Parts along `dim`: so many, as even as can be, or cut at the given indices."""
    if not input.shape:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    at = wrap_dim(dim, len(input.shape))
    n = input.shape[at]
    if isinstance(indices_or_sections, int):
        if indices_or_sections <= 0:
            raise RuntimeError(
                f"number of sections must be larger than 0, got {indices_or_sections}"
            )
        small, extra = divmod(n, indices_or_sections)
        sizes = [small + (i < extra) for i in range(indices_or_sections)]
        cuts = [builtins.sum(sizes[:i]) for i in range(1, len(sizes))]
    else:
        cuts = [int(i) for i in indices_or_sections]
    bounds = zip([0, *cuts], [*cuts, n])
    ranges = [builtins.slice(a, b).indices(n) for a, b in bounds]
    return tuple([xp.slice(input, at, a, builtins.max(a, b), 1) for a, b, _ in ranges])


@tensor_split.public
def tensor_split(input: Any, indices_or_sections: Any = None, dim: int = 0, **named: Any) -> Any:
    given = named.get("sections", named.get("indices", indices_or_sections))
    if hasattr(given, "_array"):
        if given._array.dtype is not I64:
            raise RuntimeError(
                f"tensor_split expected tensor_indices_or_sections to have dtype of long, but got {given.dtype}"
            )
        if len(given._array.shape) > 1:
            raise RuntimeError(
                f"tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional "
                f"tensor, but got a tensor with {len(given._array.shape)} dims"
            )
        given = given.tolist()
    return tensor_split.call(input, given, dim)


@tensor_split.sample
def tensor_split(make: Any) -> Any:
    yield call(make(7, 2), 3)
    yield call(make(2, 5), (1, 4), -1)


def _splitter(name: str, dim: int, least: int) -> Any:
    def function(xp: Namespace, input: Tensor, indices_or_sections: Any) -> Any:
        ndim = len(input.shape)
        if ndim < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor with {ndim} dimensions!"
            )
        at = 0 if name == "hsplit" and ndim == 1 else dim
        if isinstance(indices_or_sections, int) and (
            indices_or_sections <= 0 or input.shape[at] % indices_or_sections
        ):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {at}, but the size of the dimension "
                f"{input.shape[at]} is not divisible by the split_size {indices_or_sections}!"
            )
        return xp.tensor_split(input, indices_or_sections, at)

    function.__name__, function.__module__ = name, __name__
    function.__doc__ = f"`tensor_split` along dimension {dim}."
    function.__annotations__ = {"xp": "Namespace", "input": "Tensor"}
    defined = op(view=True)(function)

    def public(input: Any, *given: Any, **named: Any) -> Any:
        if named:
            given = (named.get("sections", named.get("indices", named.get("indices_or_sections"))),)
        return defined.call(input, given[0] if len(given) == 1 else given)

    def samples(make: Any) -> Any:
        yield call(make(4, 4, 2), 2)
        yield call(make(4, 4, 2), (1,))

    return defined.public(public).sample(samples)


hsplit, vsplit, dsplit = (
    _splitter("hsplit", 1, 1),
    _splitter("vsplit", 0, 2),
    _splitter("dsplit", 2, 3),
)
