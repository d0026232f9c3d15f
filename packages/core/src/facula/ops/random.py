"""Random tensors: bits from `facula.random`, everything else computed from them, on every device alike.

Functions draw a key with `next_key` before the op runs; ops take it as the option `key`.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from facula.dtypes import F32, F64, FROM_NUMPY, I64, bfloat16, float16, float64, uint32, uint64
from facula.ops._op import Namespace, Op, Tensor, leaf, op
from facula.ops.convert import store
from facula.ops.creation import place, size_of, storage, where_like
from facula.testing.samples import call

U32, U64 = uint32.dtype, uint64.dtype


def _key(generator: Any, size: Any, bits: int) -> Any:
    from facula.random import next_key

    return next_key(generator, math.prod(size), bits)


# ---- bits


@leaf(
    creation=True,
    random=True,
    shape=lambda key, count, dtype: (count,),
    dtype=lambda key, count, dtype: dtype,
)
def random_words(xp: Namespace, key: Any, count: int, dtype: Any) -> Tensor:
    """`count` random words, uint32 or uint64, of a `facula.random.Key`."""


@op(creation=True, random=True)
def bernoulli_mask(xp: Namespace, key: Any, size: Any, p: float) -> Tensor:
    """A bool tensor, true with probability `p` to 32 bits. The key holds words of 32 bits."""
    threshold = round(p * 2**32)
    if threshold >= 2**32:
        return xp.full(size, True, np.dtype(np.bool_))
    drawn = xp.random_words(key, math.prod(size), U32)
    return xp.view(xp.lt(drawn, xp.full((), threshold, U32)), size)


# ---- uniform


_PRECISION = {float16.dtype: 11, bfloat16.dtype: 8}


def _word_bits(dtype: Any) -> int:
    """float64 takes 53 of 64 bits; all smaller types 24 of 32."""
    return 64 if FROM_NUMPY[dtype].to_real().dtype is F64 else 32


@op(creation=True, random=True)
def rand(xp: Namespace, key: Any, size: Any, dtype: Any) -> Tensor:
    """Numbers uniform in [0, 1): multiples of 2**-24, in float64 of 2**-53."""
    count = math.prod(size)
    if dtype is F64:
        return xp.view(xp.cast(xp.random_words(key, count, U64) >> 11, F64) * 2.0**-53, size)
    bits = _PRECISION.get(dtype, 24)  # of smaller types fewer bits are taken, so that 1 does not occur
    unit = xp.cast(xp.random_words(key, count, U32) >> 32 - bits, F32) * 2.0**-bits
    return xp.view(unit if dtype is F32 else xp.cast(unit, dtype), size)


# ---- normal

# The inverse of the normal distribution function as one rational function, with no branch and no
# logarithm: for w = 2p - 1 and y = (1 - w)(1 + w), z = w * P(s) / Q(s) with s = y**(1/8) - shift in float32 and
# y**(1/16) - shift in float64 (roots taken by sqrt, which is correctly rounded everywhere). Fitted by
# iterated weighted least squares; the relative error is below 1.2e-6 and 1.5e-11. All coefficients of the
# first are float32 numbers, so that every device computes the same bits.
ROOTS_32, SHIFT_32 = 3, 0.568115234375
NUMERATOR_32 = 2.794926404953003, 0.5051635503768921, -2.143202066421509, 4.124212741851807, -2.1724460124969482
DENOMINATOR_32 = 1.0, 1.7532260417938232, 1.3453556299209595, 2.7879321575164795, 1.6441690921783447
ROOTS_64, SHIFT_64 = 4, 0.552490234375
NUMERATOR_64 = (
    4.121386561653933, -8.153288621149041, 9.542325182872727, 45.748537674488745, -114.91642380156382,
    67.39534900014895, 226.15851831739585, -365.4346887181493, 26.9706043387296, 289.54797746104714,
    -166.4690317173116,
)  # fmt: skip
DENOMINATOR_64 = (
    1.0, -0.3607181447029968, 1.4425310056849256, 14.75570900537502, -5.832382764465572, 5.209832774107592,
    75.41285849090302, 9.545485935019684, 1.0876511457168774, 83.71770839861973, 27.934820357811514,
)  # fmt: skip


def _polynomial(x: Any, coefficients: tuple[float, ...]) -> Any:
    out = x * coefficients[-1] + coefficients[-2]
    for c in coefficients[-3::-1]:
        out = out * x + c
    return out


@op(creation=True, random=True)
def randn(xp: Namespace, key: Any, size: Any, dtype: Any) -> Tensor:
    """Numbers from the normal distribution with mean 0 and variance 1; complex: of total variance 1.

    By inversion, from 24 bits each (the largest is 5.4), in float64 from 53 (8.2).
    """
    d = FROM_NUMPY[dtype]
    if d.is_complex:
        parts = xp.randn(key, (*size, 2), d.to_real().dtype) * 0.5**0.5
        return xp.complex(xp.select(parts, len(size), 0), xp.select(parts, len(size), 1))
    double = dtype is F64
    unit = xp.rand(key, size, F64 if double else F32)
    w = unit * 2.0 - (1 - 2.0 ** (-53 if double else -24))
    s = (1.0 - w) * (1.0 + w)
    for _ in range(ROOTS_64 if double else ROOTS_32):
        s = xp.sqrt(s)
    s = s - (SHIFT_64 if double else SHIFT_32)
    numerator = _polynomial(s, NUMERATOR_64 if double else NUMERATOR_32)
    z = numerator / _polynomial(s, DENOMINATOR_64 if double else DENOMINATOR_32) * w
    return z if double or dtype is F32 else xp.cast(z, dtype)


# ---- integers


def _multiply_high(xp: Namespace, words: Any, n: int) -> Any:
    """The high 64 bits of the products of 64-bit words with n: uniform in [0, n), nothing rejected."""
    low, high = words & 0xFFFFFFFF, words >> 32
    if n <= 2**32:
        return (high * n + (low * n >> 32)) >> 32
    n_low, n_high = n & 0xFFFFFFFF, n >> 32
    middle = high * n_low + (low * n_low >> 32)
    middle_low = (middle & 0xFFFFFFFF) + low * n_high
    return high * n_high + (middle >> 32) + (middle_low >> 32)


@op(creation=True, random=True)
def randint(xp: Namespace, key: Any, low: int, high: int, size: Any, dtype: Any) -> Tensor:
    """Integers uniform in [low, high), as `dtype` (int64 where not given): `randint(low=0, high, size)`."""
    words = xp.random_words(key, math.prod(size), U64)
    drawn = _multiply_high(xp, words, high - low) if high - low < 2**64 else words
    whole = xp.cast(drawn, I64) + low
    return xp.view(whole if dtype is I64 else xp.cast(whole, dtype), size)


@op(creation=True, random=True)
def randperm(xp: Namespace, key: Any, n: int, dtype: Any) -> Tensor:
    """The numbers 0 to n - 1 in random order: the order that sorts n random words."""
    words = xp.random_words(key, n, U64)
    # The top bit goes, for devices that sort signed integers only; ties keep their order.
    order = xp.argsort(xp.cast(words >> 1, I64), 0, False, True)
    return order if dtype is I64 else xp.cast(order, dtype)


# ---- the functions


def _sized(creation: Op) -> None:
    def function(
        *size: Any,
        generator: Any = None,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        **named: Any,
    ) -> Any:
        if "size" in named:
            size = (named.pop("size"),)
        if named:
            raise TypeError(f"{creation.name}() got an unexpected keyword argument {next(iter(named))!r}")
        return drawn(creation, size_of(size), storage(dtype), generator, device, requires_grad)

    function.__name__, function.__doc__ = creation.name, creation.doc
    creation.public(function)

    @creation.sample
    def samples(make: Any) -> Any:
        yield call(2, 3)
        yield call((5,), dtype=float64)
        yield call(3, 0, dtype=float16)
        yield call()


def drawn(creation: Op, size: Any, kind: Any, generator: Any, device: Any, requires_grad: bool = False) -> Any:
    """`rand` or `randn` numbers of a NumPy dtype. Raises RuntimeError for an integer one."""
    d = FROM_NUMPY[kind]
    if d.category < 2 or (creation is rand and d.is_complex):
        raise RuntimeError(f'"{creation.name}" not implemented for \'{d.name}\'; take randint, or a floating dtype')
    count = (*size, 2) if d.is_complex else size
    return place(creation, (_key(generator, count, _word_bits(kind)), size, kind), device, requires_grad)


_sized(rand)
_sized(randn)


@randint.public
def randint(
    *args: Any,
    low: int | None = None,
    high: int | None = None,
    size: Any = None,
    generator: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    low, high, size = _bounds(list(args), low, high, size)
    return _integers(low, high, size_of((size,)), generator, storage(dtype, I64), device, requires_grad)


def _bounds(args: list[Any], low: Any, high: Any, size: Any) -> tuple[int, int, Any]:
    if size is None:
        if not args:
            raise TypeError("randint() missing the argument 'size'")
        size = args.pop()
    if high is None:
        if not args:
            raise TypeError("randint() missing the argument 'high'")
        high = args.pop()
    if args:
        low = args.pop()
    return operator.index(low or 0), operator.index(high), size


def _integers(
    low: int, high: int, size: Any, generator: Any, kind: Any, device: Any, requires_grad: bool = False
) -> Any:
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    d = FROM_NUMPY[kind]
    if d.category == 1:
        info = np.iinfo(kind)
        if low < info.min or high - 1 > info.max:
            raise RuntimeError(f"from={low} or to - 1={high - 1} is out of bounds for {d.name}")
    return place(randint, (_key(generator, size, 64), low, high, size, kind), device, requires_grad)


@randint.sample
def _(make: Any) -> Any:
    yield call(10, (2, 3))
    yield call(-5, 5, (7,), dtype=float64)
    yield call(-(2**62), 2**62, (4,))


@randperm.public
def randperm(
    n: int,
    *,
    generator: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    n = operator.index(n)
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got {n}")
    return place(randperm, (_key(generator, (n,), 64), n, storage(dtype, I64)), device, requires_grad)


@randperm.sample
def _(make: Any) -> Any:
    yield call(7)
    yield call(0)
    yield call(5, dtype=float64)


# ---- shaped like another


@op(method=False, arithmetic=False, random=True)
def rand_like(xp: Namespace, input: Tensor, key: Any, dtype: Any = None) -> Tensor:
    """`rand` in the shape, dtype and device of `input`."""
    return xp.rand(key, input.shape, dtype or input.dtype)


@op(method=False, arithmetic=False, random=True)
def randn_like(xp: Namespace, input: Tensor, key: Any, dtype: Any = None) -> Tensor:
    """`randn` in the shape, dtype and device of `input`."""
    return xp.randn(key, input.shape, dtype or input.dtype)


@op(method=False, arithmetic=False, random=True)
def randint_like(xp: Namespace, input: Tensor, key: Any, low: int, high: int, dtype: Any = None) -> Tensor:
    """`randint` in the shape, dtype and device of `input`: `randint_like(input, low=0, high)`."""
    return xp.randint(key, low, high, input.shape, dtype or input.dtype)


def _alike(like: Op, creation: Op) -> None:
    def function(
        input: Any,
        *,
        generator: Any = None,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        memory_format: Any = None,
    ) -> Any:
        device = where_like(input, device)
        kind = storage(dtype, input._array.dtype)
        return drawn(creation, tuple(input._array.shape), kind, generator, device, requires_grad)

    function.__name__, function.__doc__ = like.name, like.doc
    like.public(function)

    @like.sample
    def samples(make: Any) -> Any:
        yield call(make(2, 3))
        yield call(make(2, 0), dtype=float64)


_alike(rand_like, rand)
_alike(randn_like, randn)


@randint_like.public
def randint_like(
    input: Any,
    *args: Any,
    low: Any = None,
    high: Any = None,
    generator: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Any:
    device = where_like(input, device)
    low, high, size = _bounds([int(a) for a in args], low, high, tuple(input._array.shape))
    kind = storage(dtype, input._array.dtype)
    return _integers(low, high, size, generator, kind, device, requires_grad)


@randint_like.sample
def _(make: Any) -> Any:
    yield call(make(2, 3), 9)
    yield call(make(3, dtype="int64"), 2, 9)


# ---- written in place


def _redraw(input: Any, generator: Any, name: str, creation: Op = rand) -> Any:
    """Fresh `rand` or `randn` numbers in the shape and dtype of a floating-point tensor."""
    d = input.dtype
    if d.category < 2 or (d.is_complex and creation is rand):
        raise RuntimeError(f'"{name}" not implemented for \'{d.name}\'')
    return drawn(creation, tuple(input._array.shape), input._array.dtype, generator, input._backend)


@op(arithmetic=False, random=True)
def uniform_(xp: Namespace, input: Tensor) -> Tensor:
    """Fills `input` with numbers uniform in [from, to)."""
    return input


@uniform_.public
def uniform_(input: Any, from_: float = 0.0, to: float = 1.0, *, generator: Any = None, **named: Any) -> Any:
    low = named.pop("from", from_)
    if not low <= to:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={to}")
    unit = _redraw(input, generator, "uniform_")
    return store(input, unit if (low, to) == (0, 1) else unit * (to - low) + low, "uniform_")


@op(arithmetic=False, random=True)
def normal_(xp: Namespace, input: Tensor) -> Tensor:
    """Fills `input` with numbers from the normal distribution of that mean and standard deviation."""
    return input


@normal_.public
def normal_(input: Any, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Any:
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    z = _redraw(input, generator, "normal_", randn)
    return store(input, z if (mean, std) == (0, 1) else z * std + mean, "normal_")
