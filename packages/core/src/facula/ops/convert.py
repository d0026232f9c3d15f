"""Copies, and changes of dtype and device."""

from __future__ import annotations

from typing import Any

import numpy as np

from facula.dtypes import NAMES, as_dtype, dtype
from facula.ops._op import Namespace, Tensor, leaf, op
from facula.ops.rules import same
from facula.testing.samples import call


@leaf(
    shape=same, dtype=lambda input, dtype: dtype, arithmetic=False, holomorphic=False, method=False
)
def cast(xp: Namespace, input: Tensor, dtype: Any) -> Tensor:
    """`input` in another dtype (a NumPy dtype). Complex to real drops the imaginary part."""


cast.vjp(input=lambda xp, g, input_dtype: xp.cast(g, input_dtype))


@cast.sample
def _(make: Any) -> Any:
    yield call(make(2, 3, grad=False), NAMES["float32"].dtype)
    yield call(make(2, 3), NAMES["complex128"].dtype)
    yield call(make(4, low=-3), NAMES["int64"].dtype)
    yield call(make(4, dtype="complex128"), NAMES["bool"].dtype)


@leaf(shape=same, arithmetic=False)
def clone(xp: Namespace, input: Tensor) -> Tensor:
    """A copy with memory of its own; gradients flow through it."""


clone.vjp(input=lambda xp, g: g)


@clone.public
def clone(input: Any, *, memory_format: Any = None) -> Any:
    return clone.call(input)


@clone.sample
def _(make: Any) -> Any:
    yield call(make(2, 3))
    yield call(make(2, dtype="int64"))


@op(arithmetic=False, method=False)
def to_backend(
    xp: Namespace, input: Tensor, backend: Any, source: Any, non_blocking: bool = False
) -> Tensor:
    """`input`, which lies on the backend `source`, copied to the device of `backend`."""
    return backend.receive(input, source, non_blocking)


# The cotangent lies where the result does, and goes back to where the input came from.
to_backend.vjp(input=lambda xp, g, backend, source: xp.to_backend(g, source, backend))


def move(t: Any, backend: Any, non_blocking: bool = False) -> Any:
    """The tensor on another backend; itself where it is there already."""
    return t if t._backend is backend else to_backend.call(t, backend, t._backend, non_blocking)


# ---- Tensor.to and its short forms


@op(alias=True, arithmetic=False)
def to(xp: Namespace, input: Tensor, dtype: Any = None) -> Tensor:
    """`input` in another dtype, on another device, or both; itself where nothing changes.

    `x.to(dtype)`, `x.to(device)`, `x.to(device, dtype)`, `x.to(other)`, each with `non_blocking` and
    `copy` after them. `copy=True` always copies. With `non_blocking` a device that can may copy in the
    background: its own operations wait for the copy, a read of the source's memory by NumPy does not.
    """
    return input if dtype is None or dtype == input.dtype else xp.cast(input, dtype)


@to.public
def to(
    input: Any,
    *args: Any,
    dtype: Any = None,
    device: Any = None,
    other: Any = None,
    non_blocking: bool = False,
    copy: bool = False,
    memory_format: Any = None,
    **named: Any,
) -> Any:
    other = named.pop("tensor", other)
    if named:
        raise TypeError(f"to() got an unexpected keyword argument '{next(iter(named))}'")
    first, rest = (args[0], args[1:]) if args else (None, ())
    if isinstance(first, _dtype_like):
        dtype = first
    elif hasattr(first, "_backend"):
        other = first
    elif args:
        device = first if first is not None else device
        if rest and (rest[0] is None or isinstance(rest[0], _dtype_like)):
            dtype, rest = rest[0], rest[1:]
    if len(rest) > 2 or any(not isinstance(flag, (bool, int)) for flag in rest):
        raise TypeError(
            f"to() got {args!r}; expected (device, dtype, non_blocking, copy), (dtype, non_blocking, copy) or "
            f"(tensor, non_blocking, copy), from the left"
        )
    if rest:
        non_blocking, copy = rest[0], rest[1] if len(rest) > 1 else copy
    if other is not None:
        dtype, device = other.dtype, other._backend
    _check_format(input, memory_format)
    out = _move_and_cast(input, dtype, device, non_blocking)
    return clone.call(out) if copy and out is input else out


_dtype_like = (dtype, np.dtype, type)


def _check_format(input: Any, memory_format: Any) -> None:
    """Tensors are row-major whatever is asked for; the ranks that a format fits are checked, as in PyTorch."""
    rank = {"channels_last": 4, "channels_last_3d": 5}.get(str(memory_format).rpartition(".")[2])
    if rank is not None and input.ndim != rank:
        raise RuntimeError(f"required rank {rank} tensor to use {memory_format} format")


def _move_and_cast(input: Any, wanted: Any, device: Any, non_blocking: bool = False) -> Any:
    if device is not None:
        from facula.backends.base import Backend
        from facula.backends.registry import backend_for

        backend = device if isinstance(device, Backend) else backend_for(device)
        if wanted is not None and input.dtype.name not in backend.dtypes:
            input, wanted = _move_and_cast(input, wanted, None), None  # it can't go there as it is
        input = move(input, backend, non_blocking)
    if wanted is not None:
        kind = as_dtype(wanted).dtype
        if input._array.dtype is not kind:
            return cast.call(input, kind)
    return input


@to.sample
def _(make: Any) -> Any:
    yield call(make(2, 3, grad=False), dtype=dtype_of("float32"))
    yield call(make(2, 3), dtype_of("float64"))
    yield call(make(2, dtype="int64"), dtype_of("complex128"))
    yield call(make(2), dtype_of("float64"), copy=True)


def dtype_of(name: str) -> dtype:
    return NAMES[name]


@op(alias=True, arithmetic=False)
def type_as(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """`input` in the dtype (and on the device) of `other`."""
    return input if input.dtype == other.dtype else xp.cast(input, other.dtype)


@type_as.public
def type_as(input: Any, other: Any) -> Any:
    return _move_and_cast(input, other.dtype, other._backend)


@type_as.sample
def _(make: Any) -> Any:
    yield call(make(2, grad=False), make(3, dtype="float32", grad=False))
    yield call(make(2), make(1))


def _short_form(name: str, target: str) -> None:
    """`x.float()` and its siblings."""

    def body(xp: Namespace, input: Tensor) -> Tensor:
        kind = NAMES[target].dtype
        return input if input.dtype is kind else xp.cast(input, kind)

    body.__name__, body.__doc__ = name, f"`input` in {target}; itself where it is that already."
    body.__annotations__ = {"xp": "Namespace", "input": "Tensor"}

    def function(input: Any, memory_format: Any = None) -> Any:
        kind = NAMES[target].dtype
        return input if input._array.dtype is kind else cast.call(input, kind)

    function.__name__, function.__doc__ = name, body.__doc__
    conversion = op(alias=True, arithmetic=False)(body)
    conversion.public(function)

    @conversion.sample
    def samples(make: Any) -> Any:
        yield call(make(2, 3, grad=target in ("float64", "complex128")))
        yield call(make(3, dtype="bool"))
        yield call(make(2, dtype="int64", low=0))


for _name, _target in {
    "float": "float32", "double": "float64", "half": "float16", "bfloat16": "bfloat16", "int": "int32",
    "long": "int64", "short": "int16", "char": "int8", "byte": "uint8", "bool": "bool", "cfloat": "complex64",
    "cdouble": "complex128",
}.items():  # fmt: skip
    _short_form(_name, _target)


# ---- writes


def store(target: Any, value: Any, name: str) -> Any:
    """Writes a tensor into `target`, cast and broadcast; what every method ending in `_` does."""
    from facula._tensor import fit, write_

    if target.requires_grad and target._view is None and not target.is_leaf:
        # what made the target gets a gradient of zero, not none
        value = overwritten.call(target, fit(target, value, name))
    return write_(target, value, name)


@op(arithmetic=False, method=False)
def overwritten(xp: Namespace, input: Tensor, value: Tensor) -> Tensor:
    """`value`, broadcast to the shape of `input`; as a function of `input` it is constant."""
    return xp.clone(xp.expand(xp.cast(value, input.dtype), tuple(input.shape)))


overwritten.vjp(
    input=lambda xp, g: xp.full(tuple(g.shape), 0, g.dtype),
    value=lambda xp, g, value_shape: xp.sum_to(g, value_shape),
)


@overwritten.sample
def _(make: Any) -> Any:
    yield call(make(2, 3), make(3))
    yield call(make(2, 3), make())


@op(arithmetic=False)
def copy_(xp: Namespace, input: Tensor, src: Tensor) -> Tensor:
    """Writes `src`, cast and broadcast, into `input` in place; the device may differ. Returns `input`."""
    return xp.expand(xp.cast(src, input.dtype), input.shape)


@copy_.public
def copy_(input: Any, src: Any, non_blocking: bool = False) -> Any:
    if not hasattr(src, "_backend"):
        from facula.construct import tensor

        src = tensor(src, dtype=input.dtype, device=input.device)
    if src._array.dtype is not input._array.dtype:
        src = cast.call(src, input._array.dtype)
    return store(input, move(src, input._backend, non_blocking), "copy_")


@copy_.sample
def _(make: Any) -> Any:
    yield call(make(2, 3, grad=False), make(3, grad=False))
    yield call(make(2, grad=False), make(1, dtype="int64"))


@op(arithmetic=False)
def zero_(xp: Namespace, input: Tensor) -> Tensor:
    """Writes zeros into `input` in place."""
    return xp.full(input.shape, 0, input.dtype)


@zero_.public
def zero_(input: Any) -> Any:
    return store(input, _constant(input, 0), "zero_")


@zero_.sample
def _(make: Any) -> Any:
    yield call(make(2, 3, grad=False))


@op(arithmetic=False)
def fill_(xp: Namespace, input: Tensor, value: Tensor) -> Tensor:
    """Writes one value (a number, or a 0-d tensor, through which gradients flow) into `input` in place."""
    return xp.expand(xp.cast(value, input.dtype), input.shape)


@fill_.public
def fill_(input: Any, value: Any) -> Any:
    return store(input, _one_value(input, value), "fill_")


@fill_.sample
def _(make: Any) -> Any:
    yield call(make(2, 3, grad=False), 1.5)
    yield call(make(2, grad=False), make(grad=False))


@op(arithmetic=False, inplace=False)
def fill(xp: Namespace, input: Tensor, value: Tensor) -> Tensor:
    """A tensor like `input` filled with one value, a number or a 0-d tensor."""
    return xp.overwritten(input, value)


@fill.public
def fill(input: Any, value: Any) -> Any:
    return overwritten.call(input, _one_value(input, value))


@fill.sample
def _(make: Any) -> Any:
    yield call(make(2, 3), 1.5)
    yield call(make(2, 3), make())


def _one_value(input: Any, value: Any) -> Any:
    if not hasattr(value, "_backend"):
        return _constant(input, value)
    if value.ndim:
        raise RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions."
        )
    if value._array.dtype is not input._array.dtype:
        value = cast.call(value, input._array.dtype)
    return value if value._backend.device == input._backend.device else move(value, input._backend)


def _constant(input: Any, value: Any) -> Any:
    from facula.ops.creation import fitting, full, place

    kind = input._array.dtype
    return place(full, ((), fitting(value, kind), kind), input._backend)
