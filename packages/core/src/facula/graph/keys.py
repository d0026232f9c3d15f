"""The key of a call: what a program depends on in arguments and in the thread's modes."""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import Any

import numpy as np

from facula import dtypes, threads
from facula._device import device as Device
from facula._tensor import Tensor, is_tracked
from facula.autograd.mode import is_grad_enabled
from facula.backends import registry
from facula.backends.registry import default_backend
from facula.dtypes import FROM_NUMPY, dtype as Dtype, get_default_dtype
from facula.graph.overlap import overlapping
from facula.graph.runtime.calls import Kind, Table
from facula.threads import get_num_threads

_PLAIN = (
    bool, int, float, complex, str, bytes, type(None), Device, Dtype, np.dtype, Enum, np.generic, slice, range,
)  # fmt: skip
#: What the first parts of a key are.
SETTINGS = (
    "grad mode", "autocast", "default dtype", "default device", "number of threads", "number of positional arguments",
)  # fmt: skip


def is_plain(x: Any) -> bool:
    """Whether `x` is compared by value."""
    if isinstance(x, (tuple, frozenset)):
        return all(map(is_plain, x))
    return isinstance(x, _PLAIN)


def plain_key(x: Any) -> Any:
    """`x` with its type: 1, 1.0 and True differ, and NaN equals itself."""
    if isinstance(x, np.generic):
        return type(x), x.tobytes()
    if isinstance(x, (float, complex, slice)):
        return type(x), repr(x)
    if isinstance(x, tuple):
        return type(x), tuple(map(plain_key, x))
    return type(x), x


def tensor_key(t: Tensor) -> Any:
    """What a program depends on in an argument: all but its values."""
    array = t._array
    strides = t._backend.strides(array)
    identity = id(t) if type(t) is not Tensor else None
    return (array.shape, array.dtype, strides, t._backend, is_tracked(t), identity)


def arguments_key(
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    with_threads: bool = False,
    casts: str | None = None,
) -> tuple[Any, list[Tensor]]:
    """(key of a call's arguments and of the thread's modes, the tensors among them in order).

    `with_threads`: of the number of threads too, for which compilers print their programs. `casts`: what autocast casts to.
    """
    tensors: list[Tensor] = []
    number = get_num_threads() if with_threads else 0
    parts: list[Any] = [
        is_grad_enabled(), casts or "off", get_default_dtype(), default_backend(), number, len(args),
    ]  # fmt: skip
    seen: dict[int, int] = {}
    for x in args:
        _add_key(x, parts, tensors, seen)
    if kwargs:
        _add_key(kwargs, parts, tensors, seen)
    return (*parts, overlapping(tensors)), tensors


def add_settings(table: Table) -> bool:
    """Where the thread's modes stand, for `fits` of calls.c, grad mode left out; returns whether they can be told apart there."""
    for module, name in ((dtypes, "_default"), (threads, "_threads")):
        table.numbers(Kind.KEY).objects(vars(module), name, vars(module)[name])
    device = registry.chosen_device()
    table.numbers(Kind.ATTRIBUTE).objects(registry._default, "device", device).numbers(Kind.END)
    # the device that a name without a number means may change
    return device is None or default_backend().device == device


def _add_key(x: Any, parts: list[Any], tensors: list[Tensor], seen: dict[int, int]) -> None:
    if isinstance(x, Tensor):
        # which arguments are one tensor is part of the key
        parts.append((tensor_key(x), seen.setdefault(id(x), len(tensors))))
        tensors.append(x)
    elif isinstance(x, (tuple, list)):
        parts.append((type(x), len(x)))
        for y in x:
            _add_key(y, parts, tensors, seen)
    elif isinstance(x, dict):
        parts.append((type(x), tuple(x)))
        for y in x.values():
            _add_key(y, parts, tensors, seen)
    elif is_plain(x):
        parts.append(plain_key(x))
    elif isinstance(x, np.ndarray):
        parts.append((x.shape, x.dtype, x.tobytes()))
    elif is_record(x):
        parts.append((type(x), "fields"))
        for field in dataclasses.fields(x):
            _add_key(getattr(x, field.name), parts, tensors, seen)
    else:
        parts.append((type(x), id(x)))


def is_record(x: Any) -> bool:
    """Whether `x` is an instance of a dataclass that holds its fields and nothing else."""
    if not dataclasses.is_dataclass(x) or isinstance(x, type) or hasattr(x, "_parameters"):
        return False
    return getattr(x, "__dict__", {}).keys() <= {f.name for f in dataclasses.fields(x)}


# ---- why two calls differ


def difference(old: Any, new: Any) -> str:
    """In words, the first thing in which the key `new` of a call differs from `old`."""
    settings = len(SETTINGS)
    for name, a, b in zip(SETTINGS, old, new):
        if a != b:
            return f"{name} is {_setting(b)}, was {_setting(a)}"
    tensors = 0
    for a, b in zip(old[settings:-1], new[settings:-1]):
        if a != b:
            return _argument_difference(a, b, tensors)
        tensors += _is_tensor(b)
    if len(old) != len(new):
        return "the arguments have another structure"
    return f"{_pairs_text(new[-1])} of the arguments share memory, {_pairs_text(old[-1])} did"


def _pairs_text(pairs: tuple[tuple[int, int], ...]) -> str:
    return "tensors " + ", ".join(f"{i} and {j}" for i, j in pairs) if pairs else "no tensors"


def _setting(x: Any) -> str:
    return str(getattr(x, "device", x))


def _is_tensor(part: Any) -> bool:
    return len(part) == 2 and part[0].__class__ is tuple


def _argument_difference(a: Any, b: Any, tensors: int) -> str:
    if _is_tensor(a) and _is_tensor(b):
        if a[0] == b[0]:
            return f"tensor {tensors} of the arguments is another one of them, or was"
        return (
            f"tensor {tensors} of the arguments is {_tensor_text(b[0])}, was {_tensor_text(a[0])}"
        )
    if _is_tensor(a) or _is_tensor(b) or a[0] is not b[0]:
        return f"an argument is {_kind(b)}, was {_kind(a)}"
    if a[0].__class__ is type and isinstance(b[1], int) and not issubclass(b[0], (int, list)):
        return f"an argument is another {b[0].__name__} object"
    return f"an argument of type {_kind(b)} is {b[1]}, was {a[1]}"


def _kind(part: Any) -> str:
    if _is_tensor(part):
        return "a tensor"
    return part[0].__name__ if isinstance(part[0], type) else "an array"


def _tensor_text(key: Any) -> str:
    shape, dtype, strides, backend, tracked, _ = key
    grad = ", requires_grad" if tracked else ""
    return (
        f"{FROM_NUMPY[dtype].name}{list(shape)} on {backend.device} (strides {list(strides)}{grad})"
    )
