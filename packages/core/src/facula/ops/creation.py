"""Tensors from nothing: filled, counted, or shaped like another. Copies and casts are in `convert`."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

import facula.autograd.record as record  # a module, for it is being imported while this is
from facula.backends.base import Backend
from facula.backends.registry import backend_for, default_backend
from facula.dtypes import COMPLEX, F32, F64, FLOAT, FROM_NUMPY, I64, as_dtype, get_default_dtype
from facula.ops._op import Namespace, Op, Tensor, leaf, op
from facula.promotion import scalar_dtype
from facula.testing.samples import call

# ---- leaves


@leaf(
    creation=True,
    shape=lambda size, fill_value, dtype: size,
    dtype=lambda size, fill_value, dtype: dtype,
)
def full(xp: Namespace, size: Any, fill_value: Any, dtype: Any) -> Tensor:
    """A tensor of shape `size` filled with `fill_value`.

    Its dtype is that of `fill_value` (floats: the default dtype) unless `dtype` says otherwise.
    """


@leaf(
    creation=True,
    shape=lambda start, step, count, dtype: (count,),
    dtype=lambda start, step, count, dtype: dtype,
)
def sequence(xp: Namespace, start: Any, step: Any, count: int, dtype: Any) -> Tensor:
    """`start + i * step` for i from 0 to `count - 1`, worked out in float64 or int64."""


@sequence.sample
def _(make: Any) -> Any:
    yield call(0, 1, 5, I64)
    yield call(0.5, -0.25, 4, F32)
    yield call(3, 2, 0, F32)


# ---- arguments


def size_of(sizes: Any) -> tuple[int, ...]:
    """Varargs of a shape (`2, 3` or `(2, 3)`) as a tuple. Raises TypeError and RuntimeError as PyTorch."""
    if len(sizes) == 1 and not hasattr(sizes[0], "__index__"):
        sizes = sizes[0]
    try:
        size = tuple([operator.index(n) for n in sizes])
    except TypeError:
        raise TypeError(f"a size must be ints, as in (2, 3) or 2, 3; got {sizes!r}") from None
    for n in size:
        if n < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {list(size)}")
    return size


def place(creation: Op, args: Any, device: Any, requires_grad: bool = False) -> Any:
    """Runs a creation op on a device (a name, a `device`, a backend, or None for the default one)."""
    if device is None:
        backend = default_backend()
    else:
        backend = device if isinstance(device, Backend) else backend_for(device)
    made = record.create(creation, backend, *args)
    if requires_grad:
        made.requires_grad = True
    return made


def storage(dtype: Any, default: Any = None) -> Any:
    """The NumPy dtype for an argument `dtype`; where it is None `default`, or the default dtype."""
    if dtype is not None:
        return as_dtype(dtype).dtype
    return get_default_dtype().dtype if default is None else default


def number(value: Any, what: str) -> Any:
    """A Python number from a number or a 0-d tensor."""
    if isinstance(value, (bool, int, float, complex)):
        return value
    if hasattr(value, "item"):
        if getattr(value, "ndim", 0):
            raise RuntimeError(
                f"{what} must be a number or a 0-d tensor, got shape {tuple(value.shape)}"
            )
        return value.item()
    raise TypeError(f"{what} must be a number, not {type(value).__name__}")


# ---- filled


@op(creation=True)
def zeros(xp: Namespace, size: Any, dtype: Any) -> Tensor:
    """A tensor of shape `size` filled with 0, in `dtype` (the default dtype where not given)."""
    return xp.full(size, 0, dtype)


@op(creation=True)
def ones(xp: Namespace, size: Any, dtype: Any) -> Tensor:
    """A tensor of shape `size` filled with 1, in `dtype` (the default dtype where not given)."""
    return xp.full(size, 1, dtype)


@op(creation=True, unspecified_values=True)
def empty(xp: Namespace, size: Any, dtype: Any) -> Tensor:
    """A tensor of shape `size` whose values are whatever is there."""
    return xp.full(size, 0, dtype)


def _filled(creation: Op) -> None:
    def function(
        *size: Any,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        memory_format: Any = None,
        **named: Any,
    ) -> Any:
        if "size" in named:
            size = (named.pop("size"),)
        if named:
            raise TypeError(
                f"{creation.name}() got an unexpected keyword argument {next(iter(named))!r}"
            )
        return place(creation, (size_of(size), storage(dtype)), device, requires_grad)

    function.__name__, function.__doc__ = creation.name, creation.doc
    creation.public(function)

    @creation.sample
    def samples(make: Any) -> Any:
        yield call(2, 3)
        yield call((2, 0), dtype="int64")
        yield call(dtype="bool")
        yield call(3, dtype="complex128")


for _creation in (zeros, ones, empty):
    _filled(_creation)


@full.public
def full(
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    names: Any = None,
) -> Any:
    value = number(fill_value, "full(): argument 'fill_value'")
    kind = storage(dtype, scalar_dtype(value).dtype)
    return place(full, (size_of((size,)), fitting(value, kind), kind), device, requires_grad)


def fitting(value: Any, kind: Any) -> Any:
    """`value` as NumPy may store it in `kind`. Raises RuntimeError where an integer type has no room."""
    d = FROM_NUMPY[kind]
    if d.category == COMPLEX:
        return complex(value)
    if isinstance(value, complex):
        if value.imag:
            raise RuntimeError(
                f"value {value} cannot be converted to type {d.name} without losing its imaginary part"
            )
        value = value.real
    if d.category == FLOAT:
        return float(value)
    if d.category == 0:
        return bool(value)
    info = np.iinfo(kind)
    is_finite = not isinstance(value, (float, np.floating)) or math.isfinite(value)
    value = int(value) if is_finite else value
    if not -int(info.max) - 1 <= value <= int(info.max):
        raise RuntimeError(f"value cannot be converted to type {d.name} without overflow: {value}")
    return value if value >= int(info.min) else value & (2 ** (8 * kind.itemsize) - 1)


@full.sample
def _(make: Any) -> Any:
    yield call((2, 3), 1.5)
    yield call((), 7)
    yield call((3,), True)
    yield call((2,), 2.9, dtype="int32")
    yield call((2,), 1 - 2j)


# ---- shaped like another


def _shape_and_dtype(input: Any, dtype: Any) -> tuple[Any, Any]:
    return input.shape, dtype or input.dtype


@op(method=False, arithmetic=False)
def zeros_like(xp: Namespace, input: Tensor, dtype: Any = None) -> Tensor:
    """Zeros in the shape, dtype and device of `input`."""
    return xp.full(input.shape, 0, dtype or input.dtype)


@op(method=False, arithmetic=False)
def ones_like(xp: Namespace, input: Tensor, dtype: Any = None) -> Tensor:
    """Ones in the shape, dtype and device of `input`."""
    return xp.full(input.shape, 1, dtype or input.dtype)


@op(method=False, arithmetic=False, unspecified_values=True)
def empty_like(xp: Namespace, input: Tensor, dtype: Any = None) -> Tensor:
    """A tensor of unspecified values in the shape, dtype and device of `input`."""
    return xp.empty(input.shape, dtype or input.dtype)


@op(method=False, arithmetic=False)
def full_like(xp: Namespace, input: Tensor, fill_value: Any, dtype: Any = None) -> Tensor:
    """`fill_value` in the shape, dtype and device of `input`."""
    return xp.full(input.shape, fill_value, dtype or input.dtype)


def where_like(input: Any, device: Any) -> Any:
    """The backend of `input`, unless `device` names another."""
    check_tensor(input)
    return input._backend if device is None else device


def check_tensor(input: Any) -> None:
    if not hasattr(input, "_backend"):
        raise TypeError(f"argument 'input' must be Tensor, not {type(input).__name__}")


def _alike(like: Op, creation: Op) -> None:
    def function(
        input: Any,
        *,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        memory_format: Any = None,
    ) -> Any:
        device = where_like(input, device)
        args = (tuple(input._array.shape), storage(dtype, input._array.dtype))
        return place(creation, args, device, requires_grad)

    function.__name__, function.__doc__ = like.name, like.doc
    like.public(function)

    @like.sample
    def samples(make: Any) -> Any:
        yield call(make(2, 3))
        yield call(make(2, 0), dtype="int64")
        yield call(make(dtype="bool"))


_alike(zeros_like, zeros)
_alike(ones_like, ones)
_alike(empty_like, empty)


@full_like.public
def full_like(
    input: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Any:
    device = where_like(input, device)
    kind = storage(dtype, input._array.dtype)
    value = fitting(number(fill_value, "full_like(): argument 'fill_value'"), kind)
    return place(full, (tuple(input._array.shape), value, kind), device, requires_grad)


@full_like.sample
def _(make: Any) -> Any:
    yield call(make(2, 3), 1.5)
    yield call(make(2, dtype="int64"), 2)


@op(arithmetic=False)
def new_zeros(xp: Namespace, input: Tensor, size: Any, dtype: Any = None) -> Tensor:
    """Zeros of shape `size` in the dtype and on the device of `input`."""
    return xp.full(size, 0, dtype or input.dtype)


@op(arithmetic=False)
def new_ones(xp: Namespace, input: Tensor, size: Any, dtype: Any = None) -> Tensor:
    """Ones of shape `size` in the dtype and on the device of `input`."""
    return xp.full(size, 1, dtype or input.dtype)


@op(arithmetic=False, unspecified_values=True)
def new_empty(xp: Namespace, input: Tensor, size: Any, dtype: Any = None) -> Tensor:
    """Unspecified values of shape `size` in the dtype and on the device of `input`."""
    return xp.empty(size, dtype or input.dtype)


@op(arithmetic=False)
def new_full(xp: Namespace, input: Tensor, size: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """`fill_value` in shape `size`, in the dtype and on the device of `input`."""
    return xp.full(size, fill_value, dtype or input.dtype)


def _new(method: Op, creation: Op) -> None:
    def function(
        input: Any,
        *size: Any,
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
                f"{method.name}() got an unexpected keyword argument {next(iter(named))!r}"
            )
        device = where_like(input, device)
        made = place(
            creation, (size_of(size), storage(dtype, input._array.dtype)), device, requires_grad
        )
        return _pinned(made) if pin_memory else made

    function.__name__, function.__doc__ = method.name, method.doc
    method.public(function)

    @method.sample
    def samples(make: Any) -> Any:
        yield call(make(2), 2, 3)
        yield call(make(2, dtype="int64"), (3,))
        yield call(make(2), (2, 0), dtype="bool")


_new(new_zeros, zeros)
_new(new_ones, ones)
_new(new_empty, empty)


@new_full.public
def new_full(
    input: Any,
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    device = where_like(input, device)
    kind = storage(dtype, input._array.dtype)
    value = fitting(number(fill_value, "new_full(): argument 'fill_value'"), kind)
    made = place(full, (size_of((size,)), value, kind), device, requires_grad)
    return _pinned(made) if pin_memory else made


def _pinned(made: Any) -> Any:
    """For methods, which `functions.py` does not see to."""
    from facula.functions import pinned

    return pinned(made)


@new_full.sample
def _(make: Any) -> Any:
    yield call(make(2), (2, 3), 1.5)
    yield call(make(2, dtype="int64"), (), 4)


# ---- counted


@op(creation=True)
def arange(xp: Namespace, start: Any, step: Any, count: int, dtype: Any) -> Tensor:
    """`start`, `start + step`, ... up to but without `end`: `arange(end)` or `arange(start, end, step)`.

    int64 where all are ints, else the default dtype. Raises RuntimeError where `step` is 0 or leads away.
    """
    return xp.sequence(start, step, count, dtype)


@arange.public
def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    if start is None or end is None:
        start, end = 0, end if start is None else start
    if end is None:
        raise TypeError("arange() missing the argument 'end'")
    start, end, step = (number(x, "arange(): each bound") for x in (start, end, step))
    whole = all(isinstance(x, int) for x in (start, end, step))
    kind = storage(dtype, I64 if whole else None)
    if FROM_NUMPY[kind].category == 1 and dtype is not None:
        start, end, step = int(start), int(end), int(step)
    args = (start, step, _length(start, end, step, "arange"), kind)
    return place(arange, args, device, requires_grad)


def _length(start: Any, end: Any, step: Any, name: str) -> int:
    if step == 0:
        raise RuntimeError(f"{name}: step must be nonzero")
    if not all(map(math.isfinite, (start, end))):
        raise RuntimeError(f"{name}: unsupported range: {start} -> {end}")
    if (end - start) * (1 if step > 0 else -1) < 0:
        raise RuntimeError(
            f"{name}: upper bound and lower bound inconsistent with step sign: {start} to {end} by {step}"
        )
    if all(isinstance(x, int) for x in (start, end, step)):
        return -((start - end) // step)
    return math.ceil((end - start) / step)


@arange.sample
def _(make: Any) -> Any:
    yield call(5)
    yield call(1, 2.5, 0.5)
    yield call(5, 0, -2)
    yield call(0)
    yield call(3, dtype="float64")


@op(creation=True)
def linspace(xp: Namespace, start: Any, end: Any, steps: int, dtype: Any) -> Tensor:
    """`steps` numbers from `start` to `end`, both included, evenly spaced."""
    return xp.cast(_even(xp, start, end, steps, dtype), dtype)


def _even(xp: Namespace, start: Any, end: Any, steps: int, dtype: Any) -> Any:
    """Counted from both ends, so that the last is exactly `end`; in float64 (complex128)."""
    if steps == 1:
        return xp.full(
            (1,), start, F64 if not isinstance(start, complex) else np.dtype(np.complex128)
        )
    step = (end - start) / (steps - 1) if steps > 1 else 0
    i = xp.sequence(0, 1, steps, F64)
    back = xp.sequence(steps - 1, -1, steps, F64)
    is_first_half = xp.lt(i, steps // 2)
    if isinstance(step, complex) or isinstance(start, complex):
        wide = np.dtype(np.complex128)
        i, back = xp.cast(i, wide), xp.cast(back, wide)
    return xp.where(is_first_half, i * step + start, back * -step + end)


@op(creation=True)
def logspace(xp: Namespace, start: Any, end: Any, steps: int, base: Any, dtype: Any) -> Tensor:
    """`base` to the powers `linspace(start, end, steps)`."""
    exponents = _even(xp, start, end, steps, dtype)
    return xp.cast(xp.pow(xp.full((), base, exponents.dtype), exponents), dtype)


def _spaced(creation: Op) -> Callable[..., Any]:
    def arguments(start: Any, end: Any, steps: Any, dtype: Any) -> tuple[Any, ...]:
        steps = operator.index(steps)
        if steps < 0:
            raise RuntimeError(
                f"{creation.name}: number of steps must be non-negative, got {steps}"
            )
        start, end = (number(x, f"{creation.name}(): each bound") for x in (start, end))
        natural = get_default_dtype()
        if isinstance(start, complex) or isinstance(end, complex):
            natural = natural.to_complex()
            if dtype is not None and not as_dtype(dtype).is_complex:
                raise RuntimeError(
                    f"{creation.name}: a complex bound needs a complex dtype, got {as_dtype(dtype)}"
                )
        kind = storage(dtype, natural.dtype)
        if FROM_NUMPY[kind].category <= 1:
            start, end = int(start), int(end)
        return start, end, steps, kind

    return arguments


_linspace_arguments, _logspace_arguments = _spaced(linspace), _spaced(logspace)


@linspace.public
def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    return place(linspace, _linspace_arguments(start, end, steps, dtype), device, requires_grad)


@logspace.public
def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    start, end, steps, kind = _logspace_arguments(start, end, steps, dtype)
    return place(logspace, (start, end, steps, base, kind), device, requires_grad)


@linspace.sample
def _(make: Any) -> Any:
    yield call(0, 1, 5)
    yield call(-2.5, 2.5, 4, dtype="float64")
    yield call(1, 9, 4, dtype="int64")
    yield call(3, 4, 1)
    yield call(3, 4, 0)


@logspace.sample
def _(make: Any) -> Any:
    yield call(0, 2, 5)
    yield call(-1, 1, 4, 2.0, dtype="float64")


@op(creation=True)
def eye(xp: Namespace, n: int, m: int, dtype: Any) -> Tensor:
    """An (n, m) matrix (m = n where not given) with ones on its diagonal and zeros elsewhere."""
    rows = xp.view(xp.sequence(0, 1, n, I64), (n, 1))
    return xp.cast(xp.eq(rows, xp.sequence(0, 1, m, I64)), dtype)


@eye.public
def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    n, m = operator.index(n), operator.index(n if m is None else m)
    if n < 0 or m < 0:
        raise RuntimeError(f"eye: n and m must be greater or equal to 0, got {n} and {m}")
    return place(eye, (n, m, storage(dtype)), device, requires_grad)


@eye.sample
def _(make: Any) -> Any:
    yield call(3)
    yield call(2, 4, dtype="int64")
    yield call(0, 2)


# ---- positions of triangles


@op(creation=True)
def tril_indices(xp: Namespace, row: int, col: int, offset: int, dtype: Any) -> Tensor:
    """Row and column numbers, (2, count), of the elements on and below diagonal `offset`."""
    rows, columns = np.tril_indices(row, offset, col)
    return xp.asarray(np.stack((rows, columns)).astype(dtype))


@op(creation=True)
def triu_indices(xp: Namespace, row: int, col: int, offset: int, dtype: Any) -> Tensor:
    """Row and column numbers, (2, count), of the elements on and above diagonal `offset`."""
    rows, columns = np.triu_indices(row, offset, col)
    return xp.asarray(np.stack((rows, columns)).astype(dtype))


def _triangle(creation: Op) -> None:
    def function(
        row: int,
        col: int,
        offset: int = 0,
        *,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        pin_memory: bool = False,
    ) -> Any:
        if row < 0 or col < 0:
            raise RuntimeError(
                f"{creation.name}: row and col must be non-negative, got {row} and {col}"
            )
        return place(creation, (row, col, offset, storage(dtype, I64)), device)

    function.__name__, function.__doc__ = creation.name, creation.doc
    creation.public(function)

    @creation.sample
    def samples(make: Any) -> Any:
        yield call(3, 3)
        yield call(4, 2, 1)
        yield call(3, 4, -1, dtype="int32")


_triangle(tril_indices)
_triangle(triu_indices)
