"""Repeating, turning and rolling."""

from __future__ import annotations

import builtins
from typing import Any

from facula.autograd.mode import has_values
from facula.dtypes import I64
from facula.ops._op import OPS, Namespace, Tensor, op
from facula.ops.dims import as_size, wrap_dim
from facula.ops.shape import expand, flatten, reshape, unsqueeze
from facula.testing.samples import call


@op(arithmetic=False)
def repeat(xp: Namespace, input: Tensor, repeats: Any) -> Tensor:
    """`input` laid out `repeats` times along each dimension (new ones in front)."""
    shape = (1,) * (len(repeats) - len(input.shape)) + tuple(input.shape)
    pairs = [n for r, m in zip(repeats, shape) for n in (r, m)]
    split = [n for m in shape for n in (1, m)]
    spread = xp.expand(xp.reshape(input, tuple(split)), tuple(pairs))
    return xp.reshape(xp.clone(spread), tuple([r * m for r, m in zip(repeats, shape)]))


@repeat.public
def repeat(input: Any, *repeats: Any) -> Any:
    counts = as_size(repeats)
    if len(counts) < len(input._array.shape):
        raise RuntimeError(
            f"Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: got "
            f"{list(counts)} for shape {list(input._array.shape)}"
        )
    if builtins.min(counts, default=0) < 0:
        raise RuntimeError(
            f"Trying to create tensor with negative dimension: repeats {list(counts)}"
        )
    return repeat.call(input, counts)


@repeat.sample
def repeat(make: Any) -> Any:
    yield call(make(2, 3), 2, 1, 2)
    yield call(make(2), (3,))
    yield call(make(2), 0)
    yield call(make(), 2)


@op(arithmetic=False)
def tile(xp: Namespace, input: Tensor, dims: Any) -> Tensor:
    """`repeat`, where missing counts in front are 1."""
    return xp.repeat(input, (1,) * (len(input.shape) - len(dims)) + tuple(dims))


@tile.public
def tile(input: Any, *dims: Any) -> Any:
    counts = as_size(dims)
    return repeat(input, (1,) * (len(input._array.shape) - len(counts)) + counts)


@tile.sample
def tile(make: Any) -> Any:
    yield call(make(2, 3), (2,))
    yield call(make(2), 2, 2)


@op(arithmetic=False)
def repeat_interleave(xp: Namespace, input: Tensor, repeats: int, dim: int) -> Tensor:
    """Each element of dimension `dim` `repeats` times in a row (of the flattened tensor without `dim`).

    `repeats` is a number, or a tensor with one count for each element; that gives a shape that
    depends on values, unless `output_size` says it.
    """
    shape = input.shape
    spread = xp.expand(
        xp.reshape(input, (*shape[: dim + 1], 1, *shape[dim + 1 :])),
        (*shape[: dim + 1], repeats, *shape[dim + 1 :]),
    )
    return xp.reshape(spread, (*shape[:dim], shape[dim] * repeats, *shape[dim + 1 :]))


@repeat_interleave.public
def repeat_interleave(
    input: Any, repeats: Any = None, dim: Any = None, *, output_size: Any = None
) -> Any:
    if repeats is None:  # repeat_interleave(counts): how often each position comes
        return OPS["cast"].call(_places(input, output_size), input._array.dtype)
    if dim is None:
        input, dim = flatten.call(input), 0
    if not input._array.shape:
        input = unsqueeze.call(input, 0)
    dim = wrap_dim(dim, len(input._array.shape))
    if isinstance(repeats, int):
        if repeats < 0:
            raise RuntimeError(f"Repeats must be non-negative, got {repeats}")
        return repeat_interleave.call(input, repeats, dim)
    if not hasattr(repeats, "_array"):
        from facula.construct import tensor

        repeats = tensor(repeats, device=input.device)
    if not repeats._array.shape or repeats._array.shape == (1,):
        repeats = expand(repeats, input._array.shape[dim])
    if len(repeats._array.shape) != 1:
        raise RuntimeError(
            f"repeats must be 0-dim or 1-dim tensor, got shape {list(repeats._array.shape)}"
        )
    if repeats._array.shape[0] != input._array.shape[dim]:
        raise RuntimeError(
            f"repeats must have the same size as input along dim, but got repeats.size(0) = "
            f"{repeats._array.shape[0]} and input.size({dim}) = {input._array.shape[dim]}"
        )
    return OPS["index_select"].call(input, dim, _places(repeats, output_size))


def _places(repeats: Any, output_size: Any) -> Any:
    """Position i as often as `repeats[i]` says."""
    if repeats._array.dtype.kind not in "iu":
        raise RuntimeError(f"repeats has to be Long or Int tensor, got {repeats.dtype}")
    if len(repeats._array.shape) != 1:
        raise RuntimeError(
            f"repeat_interleave only accepts 1D vector as repeat, got shape {list(repeats._array.shape)}"
        )
    ends = OPS["cumsum"].call(OPS["cast"].call(repeats, I64), 0)
    if repeats._array.shape[0] and has_values(repeats) and bool((repeats < 0).any()):
        raise RuntimeError("repeats can not be negative")
    total = (
        output_size if output_size is not None else int(ends[-1]) if repeats._array.shape[0] else 0
    )
    at = OPS["searchsorted"].call(ends, _count_up(ends, total), True)
    return at


def _count_up(like: Any, count: int) -> Any:
    from facula.autograd.record import create

    return create(OPS["sequence"], like._backend, 0, 1, count, I64)


@repeat_interleave.sample
def repeat_interleave(make: Any) -> Any:
    yield call(make(2, 3), 2)
    yield call(make(2, 3), 2, 1)
    yield call(make(2, 3), 3, dim=0)


@op(arithmetic=False)
def flip(xp: Namespace, input: Tensor, dims: Any) -> Tensor:
    """`input` with the order of elements along `dims` reversed; a copy."""
    for d in dims:
        if len(input.shape):
            n = input.shape[d]
            input = xp.index_select(input, d, xp.sequence(n - 1, -1, n, I64))
    return input if len(dims) and len(input.shape) else xp.clone(input)


@flip.public
def flip(input: Any, *dims: Any, **named: Any) -> Any:
    given = as_size((named["dims"],) if named else dims)
    ndim = len(input._array.shape)
    wrapped = tuple([wrap_dim(d, ndim) for d in given])
    if len(set(wrapped)) != len(wrapped):
        raise RuntimeError(
            f"dim {wrapped[0]} appears multiple times in the list of dims {list(given)}"
        )
    return flip.call(input, wrapped)


flip.vjp(input=lambda xp, g, dims: xp.flip(g, dims))


@flip.sample
def flip(make: Any) -> Any:
    yield call(make(2, 3), 0, -1)
    yield call(make(2, 3), (1,))
    yield call(make(2, 3), [])


@op(arithmetic=False)
def fliplr(xp: Namespace, input: Tensor) -> Tensor:
    """`input` with its columns in reverse order."""
    if len(input.shape) < 2:
        raise RuntimeError(f"Input must be >= 2-d, fliplr got shape {list(input.shape)}")
    return xp.flip(input, (1,))


@op(arithmetic=False)
def flipud(xp: Namespace, input: Tensor) -> Tensor:
    """`input` with its rows in reverse order."""
    if len(input.shape) < 1:
        raise RuntimeError("Input must be >= 1-d, flipud got a scalar")
    return xp.flip(input, (0,))


@fliplr.sample
def fliplr(make: Any) -> Any:
    yield call(make(2, 3))


flipud.sample(fliplr.samples)


@op(arithmetic=False)
def rot90(xp: Namespace, input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """`input` turned by `k` quarter turns in the plane of `dims`, from the first towards the second."""
    ndim = len(input.shape)
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {ndim}")
    if dims[0] == dims[1] or abs(dims[0] - dims[1]) == ndim:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    for d in dims:
        if not -ndim <= d < ndim:
            raise RuntimeError(f"Rotation dim {d} out of range for a tensor of {ndim} dimensions")
    a, b = dims[0] % ndim, dims[1] % ndim
    if k % 4 == 0:
        return xp.clone(input)
    if k % 4 == 2:
        return xp.flip(input, (a, b))
    flipped = xp.flip(input, (b,) if k % 4 == 1 else (a,))
    return xp.transpose(flipped, a, b)


@rot90.sample
def rot90(make: Any) -> Any:
    for k in (0, 1, 2, -1):
        yield call(make(2, 3), k)
    yield call(make(2, 3, 2), 1, (1, 2))


@op(arithmetic=False)
def roll(xp: Namespace, input: Tensor, shifts: Any, dims: Any) -> Tensor:
    """`input` moved by `shifts` along `dims`; what leaves at the end comes in at the front."""
    for by, d in zip(shifts, dims):
        n = input.shape[d]
        cut = (n - by) % n if n else 0
        if cut:
            input = xp.join((xp.slice(input, d, cut, n, 1), xp.slice(input, d, 0, cut, 1)), d)
    return xp.clone(input)


@roll.public
def roll(input: Any, shifts: Any, dims: Any = ()) -> Any:
    by = (shifts,) if isinstance(shifts, int) else tuple(int(s) for s in shifts)
    along = (dims,) if isinstance(dims, int) else tuple(dims) if dims is not None else ()
    if not by:
        raise RuntimeError("`shifts` required")
    shape = input._array.shape
    if not along and len(by) == 1:
        return reshape(roll.call(flatten.call(input), by, (0,)), shape)
    if len(by) != len(along):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(by)}, dims:{len(along)}"
        )
    if not shape:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    return roll.call(input, by, tuple(wrap_dim(d, len(shape)) for d in along))


@roll.sample
def roll(make: Any) -> Any:
    yield call(make(2, 3), 1)
    yield call(make(2, 3), (1, -1), (0, 1))
    yield call(make(0, 3), 2, 1)
