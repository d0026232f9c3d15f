"""Running sums, products and extrema along a dimension."""

from __future__ import annotations

from typing import Any

from facula.dtypes import I64, as_dtype, category, is_complex
from facula.ops._op import OPS, Namespace, Tensor, host_op, leaf, op
from facula.ops.dims import wrap_dim
from facula.ops.rules import same
from facula.testing.samples import call


def _sum_like(input: Any, dim: int) -> Any:
    return I64 if input.dtype.kind in "iub" else input.dtype


@leaf(shape=same, dtype=_sum_like, inplace=True)
def cumsum(xp: Namespace, input: Tensor, dim: int) -> Tensor:
    """Sum of the elements up to and including each, along `dim`. Integers and bools give int64."""


def _reversed_cumsum(xp: Namespace, g: Any, dim: int) -> Any:
    return xp.flip(xp.cumsum(xp.flip(g, (dim,)), dim), (dim,))


cumsum.vjp(input=lambda xp, g, dim: _reversed_cumsum(xp, g, dim))


@leaf(shape=same, dtype=_sum_like, inplace=True)
def cumprod(xp: Namespace, input: Tensor, dim: int) -> Tensor:
    """Product of the elements up to and including each, along `dim`. Integers and bools give int64."""


def _cumprod_rule(xp: Namespace, g: Any, input: Any, dim: int) -> Any:
    """What comes before each element, times the sum of all that its later products multiply.

    That sum obeys `s[k] = g[k] + x[k+1] s[k+1]`: doubling steps solve it without a division, so
    zeros do no harm.
    """
    n = input.shape[dim]
    if n == 0:
        return g
    zero, one = (_edge(xp, input, dim, value) for value in (0, 1))
    before = xp.cumprod(xp.join((one, xp.slice(input, dim, 0, n - 1, 1)), dim), dim)
    factor, total = xp.join((xp.slice(input, dim, 1, n, 1), zero), dim), g
    step = 1
    while step < n:
        zeros = _edge(xp, input, dim, 0, step)
        total = total + factor * xp.join((xp.slice(total, dim, step, n, 1), zeros), dim)
        factor = factor * xp.join((xp.slice(factor, dim, step, n, 1), zeros), dim)
        step *= 2
    return before * total


def _edge(xp: Namespace, like: Any, dim: int, value: int, count: int = 1) -> Any:
    return xp.full((*like.shape[:dim], count, *like.shape[dim + 1 :]), value, like.dtype)


cumprod.vjp(input=_cumprod_rule)


def _scan_public(op_: Any) -> Any:
    def public(input: Any, dim: Any = None, *, dtype: Any = None, axis: Any = None) -> Any:
        dim = axis if dim is None else dim
        if dim is None:
            raise TypeError(f"{op_.name}() missing 1 required positional argument: 'dim'")
        if dtype is not None:
            input = OPS["cast"].call(input, as_dtype(dtype).dtype)
        d = wrap_dim(dim, len(input._array.shape))
        if input._array.shape:
            out = op_.call(input, d)
        else:
            out = OPS["squeeze"].call(op_.call(OPS["unsqueeze"].call(input, 0), 0), 0)
        return (
            out
            if dtype is None or out.dtype is as_dtype(dtype)
            else OPS["cast"].call(out, as_dtype(dtype).dtype)
        )

    public.__name__ = op_.name
    return op_.public(public)


_scan_public(cumsum)
_scan_public(cumprod)


def _scans(make: Any) -> Any:
    yield call(make(4), 0)
    yield call(make(2, 3), 1)
    yield call(make(), 0)
    yield call(make(2, 3, dtype="int32"), -1)


cumsum.sample(_scans)


@cumprod.sample
def cumprod(make: Any) -> Any:
    yield from _scans(make)
    yield call(make.of([[0.0, 2.0, 3.0], [1.0, 0.0, 0.0]], grad=True), 1)


# ---- running extrema


def _pair_shape(input: Any, dim: int) -> Any:
    return input.shape, input.shape


def _pair_dtype(input: Any, dim: int) -> Any:
    return input.dtype, I64


def _running(name: str, doc: str) -> Any:
    def function(xp: Namespace, input: Tensor, dim: int) -> Any: ...

    function.__name__, function.__doc__, function.__module__ = name, doc, __name__
    function.__annotations__ = {"xp": "Namespace", "input": "Tensor", "dim": "int"}
    defined = host_op(
        shape=_pair_shape,
        dtype=_pair_dtype,
        outputs=("values", "indices"),
        arithmetic=False,
    )(function)

    def rule(xp: Namespace, g: Any, input_shape: Any, indices: Any, dim: int) -> Any:
        return xp.scatter(xp.full(input_shape, 0, g[0].dtype), dim, indices, g[0], "sum")

    def public(input: Any, dim: int) -> Any:
        if input._array.dtype.kind == "c":
            raise RuntimeError(f"{name}: not implemented for complex, got {input.dtype}")
        d = wrap_dim(dim, len(input._array.shape))
        if input._array.shape:
            return defined.call(input, d)
        pair = defined.call(OPS["unsqueeze"].call(input, 0), 0)
        return type(pair)(*[OPS["squeeze"].call(x, 0) for x in pair])

    def samples(make: Any) -> Any:
        yield call(make(5), 0)
        yield call(make(2, 3), 1)
        yield call(make(), 0)

    public.__name__ = name
    return defined.vjp(input=rule).public(public).sample(samples)


cummax = _running(
    "cummax", "(values, indices) of the largest element so far along `dim`; the last of equal ones."
)
cummin = _running(
    "cummin",
    "(values, indices) of the smallest element so far along `dim`; the last of equal ones.",
)


@op
def logcumsumexp(xp: Namespace, input: Tensor, dim: int) -> Tensor:
    """`log(cumsum(exp(input)))` along `dim`, safe against overflow: doubling steps of `logaddexp`."""
    n, step, out = input.shape[dim], 1, input
    while step < n:
        head, tail = xp.slice(out, dim, 0, step, 1), xp.slice(out, dim, step, n, 1)
        out = xp.join((head, _log_add(xp, tail, xp.slice(out, dim, 0, n - step, 1))), dim)
        step *= 2
    return out if n > 1 else xp.clone(out)


def _log_add(xp: Namespace, a: Any, b: Any) -> Any:
    """`log(exp(a) + exp(b))`; infinities come out as they should."""
    if is_complex(a.dtype):
        ahead = xp.real(a) >= xp.real(b)
    else:
        ahead = (a >= b) | xp.ne(a, a)
    high, low = xp.select_where(ahead, a, b), xp.select_where(ahead, b, a)
    zero = xp.full((), 0, a.dtype)
    distance = xp.select_where(xp.eq(low, high), zero, low - high)
    return high + xp.log1p(xp.exp(distance))


def _logcumsumexp_rule(xp: Namespace, g: Any, input: Any, out: Any, dim: int) -> Any:
    """`exp(x[k]) * sum over i >= k of g[i] / exp(out[i])`, scaled so that nothing overflows."""
    n = input.shape[dim]
    reach, total = out, g
    step = 1
    # total[k] = sum of g[i] exp(out[k] - out[i]) over a window that doubles; out never falls.
    while step < n:
        zeros = _edge(xp, input, dim, 0, step)
        later = xp.slice(total, dim, step, n, 1)
        fade = _gap(xp, xp.slice(reach, dim, 0, n - step, 1), xp.slice(reach, dim, step, n, 1))
        total = total + xp.join((later * xp.exp(fade), zeros), dim)
        step *= 2
    return total * xp.exp(_gap(xp, input, out))


def _gap(xp: Namespace, a: Any, b: Any) -> Any:
    """`a - b`; of equal infinities 0."""
    return xp.select_where(xp.eq(a, b), xp.full((), 0, a.dtype), a - b)


logcumsumexp.vjp(input=_logcumsumexp_rule)


@logcumsumexp.public
def logcumsumexp(input: Any, dim: int) -> Any:
    if input._array.dtype.kind in "iub":
        raise RuntimeError(f"logcumsumexp: not implemented for {input.dtype}")
    d = wrap_dim(dim, len(input._array.shape))
    if input._array.shape:
        return logcumsumexp.call(input, d)
    return OPS["clone"].call(input)


@logcumsumexp.sample
def logcumsumexp(make: Any) -> Any:
    yield call(make(5), 0)
    yield call(make(2, 3), 1)


# ---- differences and integrals


@op(alias=True)
def diff(
    xp: Namespace,
    input: Tensor,
    n: int = 1,
    dim: int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:
    """The `n`th difference of neighbours along `dim`, after putting `prepend` and `append` at its ends."""
    if not input.shape:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    at = wrap_dim(dim, len(input.shape))
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    parts = tuple(x for x in (prepend, input, append) if x is not None)
    if len(parts) > 1:
        input = xp.cat(parts, at)
    if n == 0:
        return xp.clone(input)
    for _ in range(min(n, input.shape[at])):
        size = input.shape[at]
        late, early = xp.slice(input, at, 1, size, 1), xp.slice(input, at, 0, size - 1, 1)
        input = xp.ne(late, early) if category(input.dtype) == 0 else late - early
    return input


@diff.sample
def diff(make: Any) -> Any:
    yield call(make(5))
    yield call(make(2, 4), 2, 1)
    yield call(make(2, 3), 1, 0, make(1, 3), make(2, 3))


def _steps(xp: Namespace, y: Any, x: Any, dim: int) -> Any:
    """Distances between the points `x`, shaped to fit the gaps of `y` along `dim`."""
    if len(x.shape) == 1:
        if x.shape[0] != y.shape[dim]:
            raise RuntimeError(
                f"trapezoid: There must be one `x` value for each sample point: {x.shape[0]} for {y.shape[dim]}"
            )
        return xp.view(
            xp.diff(x, 1, 0), (max(x.shape[0] - 1, 0),) + (1,) * (len(y.shape) - dim - 1)
        )
    if len(x.shape) < len(y.shape):
        x = xp.view(x, (1,) * (len(y.shape) - len(x.shape)) + tuple(x.shape))
    return xp.diff(x, 1, dim)


def _areas(xp: Namespace, y: Any, x: Any, dx: float, dim: int) -> Any:
    n = y.shape[dim]
    pairs = xp.slice(y, dim, 1, n, 1) + xp.slice(y, dim, 0, max(n - 1, 0), 1)
    return pairs * (dx / 2) if x is None else pairs * _steps(xp, y, x, dim) / 2


@op(promote="float", inplace=False)
def trapezoid(
    xp: Namespace, y: Tensor, x: Tensor | None = None, dx: float = 1.0, dim: int = -1
) -> Tensor:
    """Integral of the samples `y` along `dim` by the trapezoidal rule, at points `x` or `dx` apart."""
    d = wrap_dim(dim, len(y.shape))
    if y.shape[d] == 0:
        return xp.full((*y.shape[:d], *y.shape[d + 1 :]), 0, y.dtype)
    return xp.sum(_areas(xp, y, x, dx, d), d)


@op(promote="float", inplace=False)
def cumulative_trapezoid(
    xp: Namespace, y: Tensor, x: Tensor | None = None, dx: float = 1.0, dim: int = -1
) -> Tensor:
    """Running integral of the samples `y` along `dim` by the trapezoidal rule; one element fewer."""
    d = wrap_dim(dim, len(y.shape))
    return xp.cumsum(_areas(xp, y, x, dx, d), d)


def _integral_public(op_: Any) -> Any:
    def public(y: Any, x: Any = None, *, dx: Any = 1.0, dim: int = -1) -> Any:
        if not y._array.shape:
            raise IndexError(f"{op_.name}: y needs at least one dimension")
        return op_.call(y, x, float(dx), dim)

    def samples(make: Any) -> Any:
        yield call(make(4))
        yield call(make(2, 3), dx=0.5, dim=0)
        yield call(make(2, 3), make(3))

    public.__name__ = op_.name
    return op_.public(public).sample(samples)


_integral_public(trapezoid)
_integral_public(cumulative_trapezoid)
trapezoid.alias_as("trapz")
