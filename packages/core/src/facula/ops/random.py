"""Random tensors: bits from `facula.random`, everything else computed from them, on every device alike.

Functions draw a key with `next_key` before the op runs; ops take it as the option `key`.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from facula.dtypes import (
    F32,
    F64,
    FROM_NUMPY,
    I64,
    as_dtype,
    bfloat16,
    float16,
    float64,
    uint32,
    uint64,
)
from facula.ops._op import Namespace, Op, Tensor, host_op, leaf, op
from facula.ops.convert import store
from facula.ops.creation import place, size_of, storage, where_like
from facula.random import Key, next_key
from facula.testing.samples import call

U32, U64 = uint32.dtype, uint64.dtype


def _key(generator: Any, size: Any, bits: int) -> Any:
    return next_key(generator, math.prod(size), bits)


def kind_of(x: Any) -> Any:
    """The NumPy dtype of an array or, where a body is being recorded, of a tensor."""
    return as_dtype(x.dtype).dtype


# ---- bits


@leaf(
    creation=True,
    random=True,
    shape=lambda key, count, dtype: (count,),
    dtype=lambda key, count, dtype: dtype,
)
def random_words(xp: Namespace, key: Any, count: int, dtype: Any) -> Tensor:
    """`count` random words, uint32 or uint64, of a `facula.random.Key`."""


@random_words.sample
def _(make: Any) -> Any:
    yield call(Key(7, 3), 11, U32)
    yield call(Key(2**64 - 1, 2**64 - 1), 6, U64)


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
    bits = _PRECISION.get(
        dtype, 24
    )  # of smaller types fewer bits are taken, so that 1 does not occur
    unit = xp.cast(xp.random_words(key, count, U32) >> 32 - bits, F32) * 2.0**-bits
    return xp.view(unit if dtype is F32 else xp.cast(unit, dtype), size)


# ---- normal

# The inverse of the normal distribution function as one rational function, with no branch and no
# logarithm: for w = 2p - 1 and y = (1 - w)(1 + w), z = w * P(s) / Q(s) with s = y**(1/8) - shift in float32 and
# y**(1/16) - shift in float64 (roots taken by sqrt, which is correctly rounded everywhere). Fitted by
# iterated weighted least squares; the relative error is below 1.2e-6 and 1.5e-11. All coefficients of the
# first are float32 numbers, so that every device computes the same bits.
ROOTS_32, SHIFT_32 = 3, 0.568115234375
NUMERATOR_32 = (
    2.794926404953003,
    0.5051635503768921,
    -2.143202066421509,
    4.124212741851807,
    -2.1724460124969482,
)
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
    """The numbers 0 to n - 1 in random order: the order that sorts n random words (of 63 bits less those of n)."""
    mask = 2 ** max(n - 1, 1).bit_length() - 1
    words = xp.cast(xp.random_words(key, n, U64) >> 1, I64)
    # Low bits give way to the position: no two are equal, and the sorted numbers hold the order.
    numbered = (words & (2**63 - 1 - mask)) | xp.sequence(0, 1, n, I64)
    order = xp.sort(numbered, 0)[0] & mask
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
            raise TypeError(
                f"{creation.name}() got an unexpected keyword argument {next(iter(named))!r}"
            )
        return drawn(creation, size_of(size), storage(dtype), generator, device, requires_grad)

    function.__name__, function.__doc__ = creation.name, creation.doc
    creation.public(function)

    @creation.sample
    def samples(make: Any) -> Any:
        yield call(2, 3)
        yield call((5,), dtype=float64)
        yield call(3, 0, dtype=float16)
        yield call()


def drawn(
    creation: Op, size: Any, kind: Any, generator: Any, device: Any, requires_grad: bool = False
) -> Any:
    """`rand` or `randn` numbers of a NumPy dtype. Raises RuntimeError for an integer one."""
    d = FROM_NUMPY[kind]
    if d.category < 2 or (creation is rand and d.is_complex):
        raise RuntimeError(
            f"\"{creation.name}\" not implemented for '{d.name}'; take randint, or a floating dtype"
        )
    count = (*size, 2) if d.is_complex else size
    return place(
        creation, (_key(generator, count, _word_bits(kind)), size, kind), device, requires_grad
    )


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
    return _integers(
        low, high, size_of((size,)), generator, storage(dtype, I64), device, requires_grad
    )


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
    low: int,
    high: int,
    size: Any,
    generator: Any,
    kind: Any,
    device: Any,
    requires_grad: bool = False,
) -> Any:
    if low >= high:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
        )
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
    return place(
        randperm, (_key(generator, (n,), 64), n, storage(dtype, I64)), device, requires_grad
    )


@randperm.sample
def _(make: Any) -> Any:
    yield call(7)
    yield call(0)
    yield call(5, dtype=float64)


# ---- shaped like another


@op(method=False, arithmetic=False, random=True)
def rand_like(xp: Namespace, input: Tensor, key: Any, dtype: Any = None) -> Tensor:
    """`rand` in the shape, dtype and device of `input`."""
    return xp.rand(key, input.shape, dtype or kind_of(input))


@op(method=False, arithmetic=False, random=True)
def randn_like(xp: Namespace, input: Tensor, key: Any, dtype: Any = None) -> Tensor:
    """`randn` in the shape, dtype and device of `input`."""
    return xp.randn(key, input.shape, dtype or kind_of(input))


@op(method=False, arithmetic=False, random=True)
def randint_like(
    xp: Namespace, input: Tensor, key: Any, low: int, high: int, dtype: Any = None
) -> Tensor:
    """`randint` in the shape, dtype and device of `input`: `randint_like(input, low=0, high)`."""
    return xp.randint(key, low, high, input.shape, dtype or kind_of(input))


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


# ---- drawn for given parameters


@op(method=True, arithmetic=False, random=True)
def bernoulli(xp: Namespace, input: Tensor, key: Any, p: Any = None) -> Tensor:
    """1 with the probabilities in `input` (or with probability `p`, in the shape of `input`), else 0."""
    if p is not None:
        return xp.cast(xp.bernoulli_mask(key, tuple(input.shape), p), input.dtype)
    unit = xp.rand(key, tuple(input.shape), F64 if kind_of(input) is F64 else F32)
    return xp.cast(xp.lt(unit, xp.cast(input, unit.dtype)), input.dtype)


@bernoulli.public
def bernoulli(input: Any, p: float | None = None, *, generator: Any = None) -> Any:
    d = input.dtype
    if p is None and not d.is_floating_point:
        raise RuntimeError(
            f"\"bernoulli_tensor_cpu_p_\" not implemented for '{d.name}': probabilities are floating-point"
        )
    _check_probability(p, "bernoulli")
    size = tuple(input.shape)
    bits = 32 if p is not None else _word_bits(input._array.dtype)
    return bernoulli.call(input.detach(), _key(generator, size, bits), p)


def _check_probability(p: Any, name: str) -> None:
    if p is not None and not 0 <= p <= 1:
        raise RuntimeError(f"{name} expects p to be in [0, 1], but got p={p}")


@bernoulli.sample
def _(make: Any) -> Any:
    yield call(make(3, 4, low=0.0, high=1.0, grad=False))
    yield call(make(5, grad=False), 0.3)
    yield call(make(5, dtype="int64"), 0.7)


@op(arithmetic=False, random=True)
def multinomial(
    xp: Namespace, input: Tensor, key: Any, num_samples: int, replacement: bool
) -> Tensor:
    """Indices drawn with the probabilities (any positive scale) in each row of `input`; int64.

    With replacement: the inverse of the cumulative sum. Without: the order of a race of exponential times
    (P. Efraimidis and P. Spirakis, "Weighted random sampling with a reservoir", 2006).
    """
    *rows, n = input.shape
    if replacement:
        total = xp.cumsum(input, len(rows))
        unit = xp.rand(key, (*rows, num_samples), kind_of(input))
        last = xp.slice(total, len(rows), n - 1, n, 1)
        # The product may round up to the total, which lies past the last index that can be drawn.
        at = xp.searchsorted(total, unit * last, right=True)
        highest = xp.sum(xp.cast(xp.lt(total, last), I64), len(rows), True)
        return xp.minimum(at, highest)
    time = xp.maximum(
        -xp.log(1.0 - xp.rand(key, (*rows, n), kind_of(input))),
        xp.full((), 2.0**-26, kind_of(input)),
    )
    order = xp.argsort(input / time, len(rows), True, True)
    return xp.slice(order, len(rows), 0, num_samples, 1)


@multinomial.public
def multinomial(
    input: Any, num_samples: int, replacement: bool = False, *, generator: Any = None
) -> Any:
    _check_weights(input, num_samples, replacement)
    *rows, n = input.shape
    bits = _word_bits(input._array.dtype)
    weights = input.detach()
    if input.dtype.itemsize < 4:
        weights = weights.float()
    key = _key(generator, (*rows, num_samples if replacement else n), bits)
    return multinomial.call(weights, key, num_samples, replacement)


def _check_weights(input: Any, num_samples: int, replacement: bool) -> None:
    if input.ndim not in (1, 2):
        raise RuntimeError(f"prob_dist must be 1 or 2 dim, got shape {tuple(input.shape)}")
    if not input.dtype.is_floating_point:
        raise RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {input.dtype}"
        )
    if num_samples <= 0:
        raise RuntimeError(f"cannot sample n_sample <= 0 samples, got {num_samples}")
    if not replacement and num_samples > input.shape[-1]:
        raise RuntimeError(
            f"cannot sample n_sample > prob_dist.size(-1) samples without replacement: {num_samples} of {input.shape[-1]}"
        )
    if _has_values(input):
        low, total = input.min().item(), input.sum(-1)
        if not (low >= 0 and total.max().item() < math.inf):
            raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
        if not total.min().item() > 0:
            raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")


def _has_values(t: Any) -> bool:
    """Whether values can be looked at: not on `meta`, nor while a graph is captured."""
    from facula.autograd.mode import has_values

    return has_values(t) and t.numel() > 0


@multinomial.sample
def _(make: Any) -> Any:
    yield call(make(6, low=0.1, high=1.0, grad=False), 3)
    yield call(make(2, 5, low=0.1, high=1.0, grad=False), 9, True)
    yield call(make.of([0.0, 3.0, 0.0, 1.0]), 2)


@op(method=False, arithmetic=False, random=True)
def normal(xp: Namespace, mean: Tensor, std: Tensor, key: Any, size: Any, dtype: Any) -> Tensor:
    """Numbers from normal distributions: of tensors `mean` and `std`, broadcast, or of numbers and a `size`."""
    return xp.cast(xp.randn(key, size, dtype) * std + mean, dtype)


@normal.public
def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    tensors = [x for x in (mean, std) if hasattr(x, "_backend")]
    if not tensors:
        if size is None:
            raise TypeError("normal() of two numbers needs a size")
        z = drawn(randn, size_of((size,)), storage(dtype), generator, device)
        return (z * _checked_std(std) + mean).requires_grad_(requires_grad)
    return _normal_around(mean, std, tensors, generator)


def _normal_around(mean: Any, std: Any, tensors: list[Any], generator: Any) -> Any:
    from facula.ops.dims import broadcast_shapes

    if any(t.is_complex() for t in tensors if t is std):
        raise RuntimeError("normal expects standard deviation to be non-complex")
    if not hasattr(std, "_backend"):
        _checked_std(std)
    elif _has_values(std) and std.min().item() < 0:
        raise RuntimeError("normal expects all elements of std >= 0.0")
    kind = tensors[0]._array.dtype
    if FROM_NUMPY[kind].category < 2:
        raise RuntimeError(f"\"normal_kernel_cpu\" not implemented for '{FROM_NUMPY[kind].name}'")
    size = broadcast_shapes(*(tuple(t.shape) for t in tensors))
    z = drawn(randn, size, kind, generator, tensors[0]._backend)
    mean, std = (x.detach() if hasattr(x, "_backend") else x for x in (mean, std))
    return (z * std + mean).to(FROM_NUMPY[kind])


def _checked_std(std: float) -> float:
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    return std


@normal.sample
def _(make: Any) -> Any:
    yield call(0.0, 1.0, (2, 3))
    yield call(make(2, 3, grad=False), make(3, low=0.1, grad=False))
    yield call(1.0, make(3, low=0.1, grad=False))


@host_op(shape=lambda input, key: tuple(input.shape), random=True)
def poisson(xp: Namespace, input: Tensor, key: Any) -> Tensor:
    """Numbers from Poisson distributions with the rates in `input`, in its dtype.

    Drawn on the host, from a stream that one block of the key seeds. Not differentiable.
    """


@poisson.public
def poisson(input: Any, generator: Any = None) -> Any:
    if not input.dtype.is_floating_point:
        raise RuntimeError(f"\"poisson_cpu\" not implemented for '{input.dtype.name}'")
    if _has_values(input) and not input.min().item() >= 0:
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    return poisson.call(input.detach(), _key(generator, (4,), 64))


@poisson.sample
def _(make: Any) -> Any:
    yield call(make(3, 4, low=0.0, high=9.0, grad=False))


# ---- written in place: bodies give the new values, the methods store them


def _in_place(definition: Op, arguments: Any, is_whole: bool = False) -> None:
    """The method: `arguments(*args, **kwargs)` checks the parameters and returns them in the op's order."""
    name = definition.name

    def method(self: Any, *args: Any, generator: Any = None, **kwargs: Any) -> Any:
        d = self.dtype
        if not (
            d.is_floating_point
            or (d.is_complex and name == "normal_")
            or (d.category == 1 and is_whole)
        ):
            raise RuntimeError(f"\"{name}\" not implemented for '{d.name}'")
        given = arguments(*args, **kwargs)
        count = (*self.shape, 2) if d.is_complex else tuple(self.shape)
        key = _key(generator, count, 64 if d.category == 1 else _word_bits(self._array.dtype))
        return store(self, definition.call(self.detach(), key, *given), name)

    method.__name__, method.__doc__ = name, definition.doc
    definition.public(method)

    @definition.sample
    def samples(make: Any) -> Any:
        given = {
            "exponential_": (1.5,),
            "log_normal_": (0.5, 0.7),
            "geometric_": (0.3,),
            "cauchy_": (1.0, 2.0),
        }
        yield call(make(2, 3, grad=False), *given.get(name, ()))
        yield call(make(4, dtype="float32", grad=False), *given.get(name, ()))


def _finish(xp: Namespace, x: Any, input: Any, scale: Any = 1, shift: Any = 0) -> Any:
    """`x * scale + shift` in the dtype of `input`, without passes over the data that change nothing."""
    x = x if scale == 1 else x * scale
    x = x if shift == 0 else x + shift
    return x if as_dtype(x.dtype) is as_dtype(input.dtype) else xp.cast(x, input.dtype)


def _unit(xp: Namespace, input: Any, key: Any) -> Any:
    """Numbers in [0, 1) in the shape of `input`, in its dtype or, for small ones and ints, in one with more bits."""
    kind = kind_of(input)
    is_wide = kind is F64 or FROM_NUMPY[kind].category < 2
    return xp.rand(key, tuple(input.shape), F64 if is_wide else F32)


@op(arithmetic=False, random=True)
def uniform_(xp: Namespace, input: Tensor, key: Any, low: float, high: float) -> Tensor:
    """Fills the tensor with numbers uniform in [from, to)."""
    return _finish(xp, _unit(xp, input, key), input, high - low, low)


def _uniform_bounds(from_: float = 0.0, to: float = 1.0, **named: Any) -> tuple[float, float]:
    low = named.pop("from", from_)
    if named:
        raise TypeError(f"uniform_() got an unexpected keyword argument {next(iter(named))!r}")
    if not low <= to:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={low} > to={to}"
        )
    return float(low), float(to)


_in_place(uniform_, _uniform_bounds)


@op(arithmetic=False, random=True)
def normal_(xp: Namespace, input: Tensor, key: Any, mean: Any, std: float) -> Tensor:
    """Fills the tensor with numbers from the normal distribution of that mean and standard deviation."""
    kind = kind_of(input) if kind_of(input).itemsize > 2 else F32
    return _finish(xp, xp.randn(key, tuple(input.shape), kind), input, std, mean)


def _mean_and_std(mean: Any = 0.0, std: float = 1.0) -> tuple[Any, float]:
    return mean, _checked_std(std)


_in_place(normal_, _mean_and_std)


@op(arithmetic=False, random=True)
def log_normal_(xp: Namespace, input: Tensor, key: Any, mean: float, std: float) -> Tensor:
    """Fills the tensor with numbers whose logarithms have that mean and standard deviation."""
    kind = F64 if kind_of(input) is F64 else F32
    return xp.cast(xp.exp(xp.randn(key, tuple(input.shape), kind) * std + mean), input.dtype)


def _log_normal_arguments(mean: float = 1.0, std: float = 2.0) -> tuple[float, float]:
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    return mean, std


_in_place(log_normal_, _log_normal_arguments)


@op(arithmetic=False, random=True)
def exponential_(xp: Namespace, input: Tensor, key: Any, lambd: float) -> Tensor:
    """Fills the tensor with numbers from the exponential distribution of rate `lambd`."""
    return _finish(xp, xp.log(1.0 - _unit(xp, input, key)), input, -1 / lambd)


def _rate(lambd: float = 1.0) -> tuple[float]:
    if not lambd > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    return (float(lambd),)


_in_place(exponential_, _rate)


@op(arithmetic=False, random=True)
def cauchy_(xp: Namespace, input: Tensor, key: Any, median: float, sigma: float) -> Tensor:
    """Fills the tensor with numbers from the Cauchy distribution."""
    return xp.cast(xp.tan((_unit(xp, input, key) - 0.5) * math.pi) * sigma + median, input.dtype)


def _median_and_sigma(median: float = 0.0, sigma: float = 1.0) -> tuple[float, float]:
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    return median, sigma


_in_place(cauchy_, _median_and_sigma)


@op(arithmetic=False, random=True)
def geometric_(xp: Namespace, input: Tensor, key: Any, p: float) -> Tensor:
    """Fills the tensor with the number of trials (1, 2, ...) until a success of probability `p`."""
    trials = xp.ceil(xp.log(1.0 - _unit(xp, input, key)) / math.log(1 - p))
    return xp.cast(xp.maximum(trials, xp.full((), 1, trials.dtype)), input.dtype)


def _success(p: float) -> tuple[float]:
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    return (float(p),)


_in_place(geometric_, _success, is_whole=True)


@op(arithmetic=False, random=True)
def bernoulli_(xp: Namespace, input: Tensor, key: Any, p: Any) -> Tensor:
    """Fills the tensor with 1 with probability `p` (a number, or a tensor of that shape), else 0."""
    return xp.cast(xp.bernoulli_mask(key, tuple(input.shape), p), input.dtype)


@bernoulli_.public
def bernoulli_(input: Any, p: Any = 0.5, *, generator: Any = None) -> Any:
    if hasattr(p, "_backend"):
        return store(
            input,
            bernoulli(p.expand(input.shape), generator=generator).to(input.dtype),
            "bernoulli_",
        )
    _check_probability(p, "bernoulli_")
    key = _key(generator, tuple(input.shape), 32)
    return store(input, bernoulli_.call(input.detach(), key, p), "bernoulli_")


@bernoulli_.sample
def _(make: Any) -> Any:
    yield call(make(2, 3, grad=False))
    yield call(make(5, dtype="bool"), 0.2)
    yield call(make(5, dtype="int64"), make(5, low=0.0, high=1.0, grad=False))


@op(arithmetic=False, random=True)
def random_(xp: Namespace, input: Tensor, key: Any, low: int, high: int) -> Tensor:
    """Fills the tensor with whole numbers in [from, to); without bounds: all that its dtype holds exactly."""
    return xp.randint(key, low, high, tuple(input.shape), kind_of(input))


@random_.public
def random_(input: Any, *bounds: Any, generator: Any = None, **named: Any) -> Any:
    low, high = (None, *bounds)[-2:] if bounds else (None, None)
    low, high = named.pop("from", low), named.pop("to", high)
    low = 0 if low is None else int(low)
    high = _LARGEST.get(input.dtype.name, 0) + 1 if high is None else int(high)
    if low >= high:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
        )
    key = _key(generator, tuple(input.shape), 64)
    return store(input, random_.call(input.detach(), key, low, high), "random_")


_LARGEST = {
    "bool": 1, "uint8": 2**8 - 1, "uint16": 2**16 - 1, "uint32": 2**32 - 1, "uint64": 2**63 - 1, "int8": 2**7 - 1,
    "int16": 2**15 - 1, "int32": 2**31 - 1, "int64": 2**63 - 1, "float16": 2**11, "bfloat16": 2**8,
    "float32": 2**24, "float64": 2**53,
}  # fmt: skip


@random_.sample
def _(make: Any) -> Any:
    yield call(make(2, 3, grad=False))
    yield call(make(4, dtype="int64"), 5)
    yield call(make(4, dtype="int32"), -5, 5)
