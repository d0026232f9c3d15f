"""Reductions over dimensions."""

from __future__ import annotations

import builtins
from math import prod as product
from typing import Any

from facula.dtypes import B8, I64, as_dtype, category, is_complex
from facula.ops._op import OPS, Namespace, Tensor, leaf, op
from facula.ops.dims import reduced_shape, wrap_dim, wrap_dims
from facula.ops.rules import real_dtype, reduced, sum_dtype
from facula.testing.samples import call


def _dims(dim: Any, ndim: int) -> Any:
    """`dim` of a public call in canonical form: None for all, else counted from the front."""
    if dim is None or dim == ():
        return None
    if dim.__class__ is int:
        return (wrap_dim(dim, ndim),) if ndim else _dims_of_scalar(dim)
    return wrap_dims(dim, ndim) or None


def _dims_of_scalar(dim: int) -> None:
    wrap_dim(dim, 0)


def _as(input: Any, dtype: Any) -> Any:
    if dtype is None:
        return input
    d = as_dtype(dtype).dtype
    return input if input._array.dtype is d else OPS["cast"].call(input, d)


def spread(xp: Namespace, g: Any, shape: Any, dim: Any, keepdim: bool) -> Any:
    """The gradient of a reduction, brought back to the shape of its input."""
    if not keepdim:
        g = xp.reshape(g, reduced_shape(shape, dim, True))
    return xp.expand(g, shape)


def _count(shape: Any, dim: Any) -> int:
    """How many elements each result of a reduction is made of."""
    return product([shape[d] for d in wrap_dims(dim, len(shape))])


# ---- sums and products


@leaf(shape=reduced, dtype=sum_dtype)
def sum(
    xp: Namespace, input: Tensor, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Tensor:
    """Sum over `dim` (an int, several, or None for all). Integers and bools give int64."""


@sum.public
def sum(
    input: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
    keepdims: Any = None,
) -> Any:
    if axis is not None or keepdims is not None:  # NumPy's names, which PyTorch takes as well
        dim, keepdim = axis if dim in (None, ()) else dim, bool(keepdims or keepdim)
    return sum.call(
        _as(input, dtype),
        _dims(dim, len(input._array.shape)),
        keepdim,
        dtype and as_dtype(dtype).dtype,
    )


def _sum_rule(
    xp: Namespace, g: Any, input_shape: Any, input_dtype: Any, dim: Any, keepdim: bool
) -> Any:
    return spread(
        xp, g if g.dtype == input_dtype else xp.cast(g, input_dtype), input_shape, dim, keepdim
    )


sum.vjp(input=_sum_rule)


def _reductions(make: Any) -> Any:
    yield call(make(2, 3))
    yield call(make(2, 3, 2), 1)
    yield call(make(2, 3), -1, keepdim=True)
    yield call(make())


@sum.sample
def sum(make: Any) -> Any:
    yield from _reductions(make)
    yield call(make(2, 3, 2), (0, 2))
    yield call(make(0, 3), 0)
    yield call(make(2, 3, dtype="int32"), 0)
    yield call(make(2, 3, dtype="bool"))


@leaf(shape=reduced, dtype=sum_dtype)
def prod(
    xp: Namespace, input: Tensor, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Tensor:
    """Product over `dim` (an int, or None for all). Integers and bools give int64."""


@prod.public
def prod(
    input: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
    keepdims: Any = None,
) -> Any:
    if axis is not None or keepdims is not None:  # NumPy's names, which PyTorch takes as well
        dim, keepdim = axis if dim in (None, ()) else dim, bool(keepdims or keepdim)
    return prod.call(
        _as(input, dtype),
        _dims(dim, len(input._array.shape)),
        keepdim,
        dtype and as_dtype(dtype).dtype,
    )


def _prod_rule(xp: Namespace, g: Any, input: Any, input_shape: Any, dim: Any, keepdim: bool) -> Any:
    """Products of all others: of those before and those after, so that zeros do no harm."""
    dims = wrap_dims(dim, len(input_shape))
    if not dims or product(input_shape) == 0:
        return xp.expand(g, input_shape) if not dims else xp.full(input_shape, 0, g.dtype)
    if len(dims) == 1:
        return spread(xp, g, input_shape, dim, keepdim) * _others(xp, input, dims[0])
    flat = xp.reshape(input, (product(input_shape),))  # several dimensions only come as all of them
    return spread(xp, g, input_shape, dim, keepdim) * xp.reshape(_others(xp, flat, 0), input_shape)


def _others(xp: Namespace, x: Any, dim: int) -> Any:
    n = x.shape[dim]
    one = xp.full((*x.shape[:dim], 1, *x.shape[dim + 1 :]), 1, x.dtype)
    before = xp.cumprod(xp.join((one, xp.slice(x, dim, 0, n - 1, 1)), dim), dim)
    after = xp.join((xp.slice(x, dim, 1, n, 1), one), dim)
    return before * xp.flip(xp.cumprod(xp.flip(after, (dim,)), dim), (dim,))


prod.vjp(input=_prod_rule)


@prod.sample
def prod(make: Any) -> Any:
    yield from _reductions(make)
    yield call(make.of([[0.0, 2.0], [0.0, 0.0], [1.0, 3.0]], grad=True), 1)
    yield call(make(2, 3, dtype="int32"), 0)


@op
def mean(xp: Namespace, input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Arithmetic mean over `dim`. Raises RuntimeError for integers: give a floating `dtype`."""
    n = _count(input.shape, dim)
    total = xp.sum(input, dim, keepdim)
    return total / n if n else total / 0.0


def _mean_rule(xp: Namespace, g: Any, input_shape: Any, dim: Any, keepdim: bool) -> Any:
    n = _count(input_shape, dim)
    return spread(xp, g / n if n else g, input_shape, dim, keepdim)


mean.vjp(input=_mean_rule)


@mean.public
def mean(
    input: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
    keepdims: Any = None,
) -> Any:
    if axis is not None or keepdims is not None:  # NumPy's names, which PyTorch takes as well
        dim, keepdim = axis if dim in (None, ()) else dim, bool(keepdims or keepdim)
    input = _as(input, dtype)
    if input._array.dtype.kind in "iub":
        raise RuntimeError(
            f"mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {input.dtype}; convert it with .float() or give dtype="
        )
    return mean.call(input, _dims(dim, len(input._array.shape)), keepdim)


@mean.sample
def mean(make: Any) -> Any:
    yield from _reductions(make)
    yield call(make(2, 3, 2), (0, 2))
    yield call(make(2, 3, dtype="int32"), dtype=as_dtype("float64"))


# ---- spread of values


@op(dtype=real_dtype, holomorphic=False)
def var(
    xp: Namespace, input: Tensor, dim: Any = None, correction: Any = 1, keepdim: bool = False
) -> Tensor:
    """Variance over `dim`, divided by the count minus `correction` (two passes)."""
    centred = input - xp.mean(input, dim, True)
    square = xp.real(centred * xp.conj(centred)) if is_complex(input.dtype) else centred * centred
    return _over(xp, xp.sum(square, dim, keepdim), _count(input.shape, dim) - correction)


def _over(xp: Namespace, total: Any, n: Any) -> Any:
    return total / builtins.max(n, 0) if n > 0 else total / xp.full((), 0, total.dtype)


def _var_rule(xp: Namespace, g: Any, input: Any, dim: Any, correction: Any, keepdim: bool) -> Any:
    n = builtins.max(_count(input.shape, dim) - correction, 0)
    g = spread(xp, g, input.shape, dim, keepdim)
    if is_complex(input.dtype):
        g = xp.cast(g, input.dtype)
    centred = input - xp.mean(input, dim, True)
    return g * (centred * (2 / n)) if n else g * (centred * 2 / xp.full((), 0, input.dtype))


var.vjp(input=_var_rule)


def _spread_arguments(
    input: Any, dim: Any, unbiased: Any, correction: Any, name: str
) -> tuple[Any, Any]:
    if input._array.dtype.kind in "iub":
        raise RuntimeError(
            f"{name} only support floating point and complex dtypes, got {input.dtype}"
        )
    if isinstance(dim, bool):  # var(x, unbiased)
        dim, unbiased = None, dim
    if unbiased is not None:
        correction = int(unbiased)
    return _dims(dim, len(input._array.shape)), 1 if correction is None else correction


@var.public
def var(
    input: Any,
    dim: Any = None,
    unbiased: Any = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
    axis: Any = None,
    keepdims: Any = None,
) -> Any:
    if axis is not None or keepdims is not None:  # NumPy's names, which PyTorch takes as well
        dim, keepdim = axis if dim in (None, ()) else dim, bool(keepdims or keepdim)
    dim, correction = _spread_arguments(input, dim, unbiased, correction, "var")
    return var.call(input, dim, correction, keepdim)


@var.sample
def var(make: Any) -> Any:
    yield call(make(2, 3))
    yield call(make(2, 3, 2), 1)
    yield call(make(2, 3), -1, keepdim=True, correction=0)
    yield call(make(2, 3), 0, False)


@op(dtype=real_dtype, holomorphic=False)
def std(
    xp: Namespace, input: Tensor, dim: Any = None, correction: Any = 1, keepdim: bool = False
) -> Tensor:
    """Standard deviation over `dim`: the square root of `var`."""
    return xp.sqrt(xp.var(input, dim, correction, keepdim))


@std.public
def std(
    input: Any,
    dim: Any = None,
    unbiased: Any = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
    axis: Any = None,
    keepdims: Any = None,
) -> Any:
    if axis is not None or keepdims is not None:  # NumPy's names, which PyTorch takes as well
        dim, keepdim = axis if dim in (None, ()) else dim, bool(keepdims or keepdim)
    dim, correction = _spread_arguments(input, dim, unbiased, correction, "std")
    return std.call(input, dim, correction, keepdim)


def _std_rule(
    xp: Namespace, g: Any, input: Any, out: Any, dim: Any, correction: Any, keepdim: bool
) -> Any:
    """That of the variance over `2 * out`; zero where nothing varies."""
    zero = xp.full((), 0, g.dtype)
    scaled = xp.select_where(out == zero, zero, g / (2 * out))
    return _var_rule(xp, scaled, input, dim, correction, keepdim)


std.vjp(input=_std_rule)
std.sample(var.samples)


@op(outputs=("var", "mean"), method=False)
def var_mean(
    xp: Namespace, input: Tensor, dim: Any = None, correction: Any = 1, keepdim: bool = False
) -> Any:
    """(variance, mean) over `dim`."""
    return xp.var(input, dim, correction, keepdim), xp.mean(input, dim, keepdim)


@var_mean.public
def var_mean(
    input: Any,
    dim: Any = None,
    unbiased: Any = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> Any:
    dim, correction = _spread_arguments(input, dim, unbiased, correction, "var_mean")
    return tuple(var_mean.call(input, dim, correction, keepdim))


var_mean.sample(var.samples)


@op(outputs=("std", "mean"), method=False)
def std_mean(
    xp: Namespace, input: Tensor, dim: Any = None, correction: Any = 1, keepdim: bool = False
) -> Any:
    """(standard deviation, mean) over `dim`."""
    return xp.std(input, dim, correction, keepdim), xp.mean(input, dim, keepdim)


@std_mean.public
def std_mean(
    input: Any,
    dim: Any = None,
    unbiased: Any = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> Any:
    dim, correction = _spread_arguments(input, dim, unbiased, correction, "std_mean")
    return tuple(std_mean.call(input, dim, correction, keepdim))


std_mean.sample(var.samples)


# ---- extrema


def _check_extrema(name: str, input: Any, dim: Any) -> Any:
    """`dim` in canonical form; extrema of nothing are errors."""
    shape = input._array.shape
    dims = _dims(dim, len(shape))
    if input._array.dtype.kind == "c":
        raise RuntimeError(f"{name}(): does not support complex input, got {input.dtype}")
    if dims is None and product(shape) == 0:
        raise RuntimeError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim "
            f"with the 'dim' argument."
        )
    for d in dims or ():
        if shape[d] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {d} to have non-zero size.")
    return dims


@leaf(shape=reduced)
def amax(xp: Namespace, input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """Largest element along `dim`; NaN where there is one. Equal ones share the gradient."""


@amax.public
def amax(
    input: Any, dim: Any = (), keepdim: bool = False, *, axis: Any = None, keepdims: Any = None
) -> Any:
    if axis is not None or keepdims is not None:  # NumPy's names, which PyTorch takes as well
        dim, keepdim = axis if dim in (None, ()) else dim, bool(keepdims or keepdim)
    return amax.call(input, _check_extrema("amax", input, dim), keepdim)


def _extremum(xp: Namespace, g: Any, input: Any, out: Any, dim: Any, keepdim: bool) -> Any:
    """The gradient, in equal parts, to all elements that equal the extremum."""
    out = spread(xp, out, input.shape, dim, keepdim)
    here = xp.eq(input, out)
    if not is_complex(input.dtype):
        here = here | (xp.ne(input, input) & xp.ne(out, out))
    count = xp.sum(xp.cast(here, g.dtype), dim, True)
    g = spread(xp, g, input.shape, dim, keepdim)
    return xp.select_where(here, g / count, xp.full((), 0, g.dtype))


amax.vjp(input=_extremum)


@amax.sample
def amax(make: Any) -> Any:
    yield from _reductions(make)
    yield call(make(2, 3, 2), (0, 2))
    yield call(make(2, 3, dtype="int32"), 0)
    yield call(make(2, 3, dtype="bool"), 0)


@leaf(shape=reduced)
def amin(xp: Namespace, input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """Smallest element along `dim`; NaN where there is one. Equal ones share the gradient."""


@amin.public
def amin(
    input: Any, dim: Any = (), keepdim: bool = False, *, axis: Any = None, keepdims: Any = None
) -> Any:
    if axis is not None or keepdims is not None:  # NumPy's names, which PyTorch takes as well
        dim, keepdim = axis if dim in (None, ()) else dim, bool(keepdims or keepdim)
    return amin.call(input, _check_extrema("amin", input, dim), keepdim)


amin.vjp(input=_extremum)
amin.sample(amax.samples)


def _arg_shape(input: Any, dim: Any, keepdim: bool) -> tuple[int, ...]:
    return reduced_shape(input.shape, dim, keepdim)


@leaf(shape=_arg_shape, dtype=I64)
def argmax(xp: Namespace, input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Index (int64) of the first largest element along `dim`, or of all in row-major order."""


@leaf(shape=_arg_shape, dtype=I64)
def argmin(xp: Namespace, input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Index (int64) of the first smallest element along `dim`, or of all in row-major order."""


def _arg_public(op_: Any) -> Any:
    def public(
        input: Any,
        dim: Any = None,
        keepdim: bool = False,
        *,
        axis: Any = None,
        keepdims: Any = None,
    ) -> Any:
        if axis is not None or keepdims is not None:  # NumPy's names, which PyTorch takes as well
            dim, keepdim = axis if dim in (None, ()) else dim, bool(keepdims or keepdim)
        dims = _check_extrema(op_.name, input, dim)
        if input._array.dtype.kind == "b":
            raise RuntimeError(f"\"{op_.name}_cpu\" not implemented for 'Bool'")
        return op_.call(input, None if dims is None else dims[0], keepdim)

    public.__name__ = op_.name
    return op_.public(public).sample(_reductions)


_arg_public(argmax)
_arg_public(argmin)


@op(outputs=("values", "indices"))
def max(xp: Namespace, input: Tensor, dim: int, keepdim: bool = False) -> Any:
    """Largest elements along `dim` with their indices: `max(x)`, `max(x, dim)` or `max(x, other)`.

    Without `dim` the largest of all, as a 0-d tensor; with another tensor the elementwise maximum.
    """
    return _with_indices(xp, input, xp.argmax(input, dim, True), dim, keepdim)


@op(outputs=("values", "indices"))
def min(xp: Namespace, input: Tensor, dim: int, keepdim: bool = False) -> Any:
    """Smallest elements along `dim` with their indices: `min(x)`, `min(x, dim)` or `min(x, other)`.

    Without `dim` the smallest of all, as a 0-d tensor; with another tensor the elementwise minimum.
    """
    return _with_indices(xp, input, xp.argmin(input, dim, True), dim, keepdim)


def _with_indices(xp: Namespace, input: Any, indices: Any, dim: int, keepdim: bool) -> Any:
    values = xp.gather(input, dim, indices)
    return (values, indices) if keepdim else (xp.squeeze(values, dim), xp.squeeze(indices, dim))


def _winner_rule(
    xp: Namespace, g: Any, input_shape: Any, indices: Any, dim: int, keepdim: bool
) -> Any:
    """The gradient, to the element that was chosen."""
    g, zeros = g[0], xp.full(input_shape, 0, g[0].dtype)
    if not keepdim:
        g, indices = xp.unsqueeze(g, dim), xp.unsqueeze(indices, dim)
    return xp.scatter(zeros, dim, indices, g, "assign")


max.vjp(input=_winner_rule)
min.vjp(input=_winner_rule)


def _extreme_public(op_: Any, of_all: Any, binary: str) -> Any:
    def public(
        input: Any,
        dim: Any = None,
        keepdim: bool = False,
        *,
        other: Any = None,
        axis: Any = None,
        keepdims: Any = None,
    ) -> Any:
        if axis is not None or keepdims is not None:  # NumPy's names, which PyTorch takes as well
            dim, keepdim = axis if dim in (None, ()) else dim, bool(keepdims or keepdim)
        if not hasattr(input, "_array"):
            raise TypeError(
                f"{op_.name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
            )
        other = dim if hasattr(dim, "_array") else other
        if other is not None:
            return OPS[binary](input, other)
        dims = _check_extrema(op_.name, input, dim)
        if dim is None:
            return of_all.call(input, None, False)
        if not isinstance(dim, int):
            raise TypeError(f"{op_.name}(): argument 'dim' must be int, not {type(dim).__name__}")
        if dims is None:  # of a scalar
            return op_.result(OPS["alias"].call(input), OPS["argmax"].call(input, None, False))
        return op_.call(input, dims[0], keepdim)

    public.__name__ = op_.name
    return op_.public(public)


_extreme_public(max, amax, "maximum")
_extreme_public(min, amin, "minimum")


@max.sample
def max(make: Any) -> Any:
    yield from _reductions(make)
    yield call(make(3, 4), 1)
    yield call(make(3, 4), make(4))
    yield call(make(), 0)


min.sample(max.samples)


@op(outputs=("min", "max"))
def aminmax(xp: Namespace, input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """(smallest, largest) element along `dim`, or of all."""
    return xp.amin(input, dim, keepdim), xp.amax(input, dim, keepdim)


@aminmax.public
def aminmax(input: Any, *, dim: Any = None, keepdim: bool = False) -> Any:
    return aminmax.call(input, _check_extrema("aminmax", input, dim), keepdim)


@aminmax.sample
def aminmax(make: Any) -> Any:
    yield call(make(2, 3))
    yield call(make(2, 3), dim=1, keepdim=True)


# ---- truth


@op(dtype=B8)
def any(xp: Namespace, input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether any element along `dim` is not zero; False of none. uint8 in, uint8 out."""
    if 0 in input.shape:
        return xp.full(reduced_shape(input.shape, dim, keepdim), False, B8)
    return xp.amax(xp.ne(input, 0), dim, keepdim)


@op(dtype=B8)
def all(xp: Namespace, input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether all elements along `dim` are not zero; True of none. uint8 in, uint8 out."""
    if 0 in input.shape:
        return xp.full(reduced_shape(input.shape, dim, keepdim), True, B8)
    return xp.amin(xp.ne(input, 0), dim, keepdim)


def _truth_public(op_: Any) -> Any:
    def public(
        input: Any,
        dim: Any = None,
        keepdim: bool = False,
        *,
        axis: Any = None,
        keepdims: Any = None,
    ) -> Any:
        if axis is not None or keepdims is not None:  # NumPy's names, which PyTorch takes as well
            dim, keepdim = axis if dim in (None, ()) else dim, bool(keepdims or keepdim)
        out = op_.call(input, _dims(dim, len(input._array.shape)), keepdim)
        return (
            OPS["cast"].call(out, input._array.dtype) if input._array.dtype.name == "uint8" else out
        )

    def samples(make: Any) -> Any:
        yield call(make(2, 3, dtype="bool"))
        yield call(make(2, 3, dtype="int32"), 1, keepdim=True)
        yield call(make(0, 3), 0)

    public.__name__ = op_.name
    return op_.public(public).sample(samples)


_truth_public(any)
_truth_public(all)


# ---- counts and sums of what is not NaN


@op
def count_nonzero(xp: Namespace, input: Tensor, dim: Any = None) -> Tensor:
    """How many elements along `dim` are not zero: int64."""
    return xp.sum(xp.cast(xp.ne(input, 0), I64), dim, False)


@count_nonzero.public
def count_nonzero(input: Any, dim: Any = None) -> Any:
    return count_nonzero.call(input, _dims(dim, len(input._array.shape)))


@count_nonzero.sample
def count_nonzero(make: Any) -> Any:
    yield call(make(2, 3, dtype="int32"))
    yield call(make(2, 3, dtype="int32"), 1)


@op
def nansum(
    xp: Namespace, input: Tensor, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Tensor:
    """`sum`, with NaN taken as 0."""
    if category(input.dtype) >= 2:
        input = xp.select_where(xp.ne(input, input), xp.full((), 0, input.dtype), input)
    return xp.sum(input, dim, keepdim, dtype)


@nansum.public
def nansum(
    input: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
    keepdims: Any = None,
) -> Any:
    if axis is not None or keepdims is not None:  # NumPy's names, which PyTorch takes as well
        dim, keepdim = axis if dim in (None, ()) else dim, bool(keepdims or keepdim)
    if input._array.dtype.kind == "c":
        raise RuntimeError(f"nansum on CPU does not support complex inputs, got {input.dtype}")
    return nansum.call(
        _as(input, dtype),
        _dims(dim, len(input._array.shape)),
        keepdim,
        dtype and as_dtype(dtype).dtype,
    )


@op
def nanmean(xp: Namespace, input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """`mean` of the elements that are not NaN."""
    count = xp.sum(xp.cast(xp.eq(xp.stop(input), xp.stop(input)), I64), dim, keepdim)
    return xp.nansum(input, dim, keepdim) / xp.cast(count, input.dtype)


@nanmean.public
def nanmean(
    input: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Any = None,
    keepdims: Any = None,
) -> Any:
    if axis is not None or keepdims is not None:  # NumPy's names, which PyTorch takes as well
        dim, keepdim = axis if dim in (None, ()) else dim, bool(keepdims or keepdim)
    input = _as(input, dtype)
    if input._array.dtype.kind in "iub":
        raise RuntimeError(
            f"nanmean(): expected input to have floating point or complex dtype but got {input.dtype}"
        )
    return nanmean.call(input, _dims(dim, len(input._array.shape)), keepdim)


@nansum.sample
def nansum(make: Any) -> Any:
    yield from _reductions(make)
    yield call(make.of([1.0, float("nan"), 2.0]))


nanmean.sample(nansum.samples)


# ---- logarithms of sums


@op(promote="float")
def logsumexp(xp: Namespace, input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """`log(sum(exp(input)))` over `dim`, safe against overflow."""
    if product(input.shape) == 0:
        return xp.log(xp.sum(xp.exp(input), dim, keepdim))
    size = xp.real(input) if is_complex(input.dtype) else input
    top = xp.stop(xp.amax(size, dim, True))
    infinite = xp.eq(xp.abs(top), float("inf"))
    top = xp.select_where(infinite, xp.full((), 0, top.dtype), top)
    if is_complex(input.dtype):
        top = xp.cast(top, input.dtype)
    out = xp.log(xp.sum(xp.exp(input - top), dim, True)) + top
    return out if keepdim else xp.reshape(out, reduced_shape(input.shape, dim, False))


def _logsumexp_rule(xp: Namespace, g: Any, input: Any, out: Any, dim: Any, keepdim: bool) -> Any:
    out = spread(xp, out, input.shape, dim, keepdim)
    gap = input - out
    if not is_complex(input.dtype):  # where all are -inf
        gap = xp.select_where(xp.eq(out, float("-inf")), input, gap)
    return spread(xp, g, input.shape, dim, keepdim) * xp.exp(gap)


logsumexp.vjp(input=_logsumexp_rule)


@logsumexp.public
def logsumexp(
    input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: Any = None
) -> Any:
    if axis is not None or keepdims is not None:  # NumPy's names, which PyTorch takes as well
        dim, keepdim = axis if dim in (None, ()) else dim, bool(keepdims or keepdim)
    if dim is None:
        raise TypeError("logsumexp() missing 1 required positional argument: 'dim'")
    return logsumexp.call(input, _dims(dim, len(input._array.shape)), keepdim)


@logsumexp.sample
def logsumexp(make: Any) -> Any:
    yield call(make(2, 3), 1)
    yield call(make(2, 3), (0, 1), True)
    yield call(make(), 0)
    yield call(make(3, dtype="int32"), 0)


@op
def trace(xp: Namespace, input: Tensor) -> Tensor:
    """Sum of the diagonal of a matrix. Raises RuntimeError for other than 2 dimensions."""
    if len(input.shape) != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {len(input.shape)}")
    return xp.sum(xp.diagonal(input, 0, 0, 1), None, False)


@trace.sample
def trace(make: Any) -> Any:
    yield call(make(3, 4))
    yield call(make(3, 3, dtype="int32"))
