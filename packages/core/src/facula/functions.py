"""The functions of `facula` and its namespaces, made from the ops: what the op takes, and `out=`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any

from facula._tensor import Tensor, write_
from facula.ops._op import Op


def namespace_function(op: Op) -> Callable[..., Any]:
    """`facula.NAME` for an op: its public call, with `out=` where results are new tensors."""
    public = op.public_call
    if op.view or op.alias:
        return public

    pins = "pin_memory" in (getattr(public, "__kwdefaults__", None) or ())
    function = (
        _checking(op, public, pins) if pins or op.numbers is not None else _storing(op, public)
    )
    function.__doc__ = op.doc
    return function


def _storing(op: Op, public: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(public)
    def function(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        if out is None:
            return public(*args, **kwargs)
        return store(public(*args, **kwargs), out, op.name)

    return function


def _checking(op: Op, public: Callable[..., Any], pins: bool) -> Callable[..., Any]:
    @wraps(public)
    def function(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        if op.numbers is not None:
            _check_numbers(op, args)
        result = public(*args, **kwargs)
        if pins and kwargs.get("pin_memory"):
            result = pinned(result)
        return result if out is None else store(result, out, op.name)

    return function


def pinned(made: Tensor) -> Tensor:
    """What a creation function with `pin_memory=True` returns."""
    if not made.is_cpu:
        raise RuntimeError(
            f"pin_memory=True is for tensors on the CPU, this one is made on {made.device}"
        )
    is_tracked = made.requires_grad
    return made.detach().pin_memory().requires_grad_(is_tracked)


def _check_numbers(op: Op, args: Any) -> None:
    """Refuses Python numbers where PyTorch wants tensors. Raises TypeError."""
    for i, x in enumerate(args[:2]):
        if isinstance(x, (bool, int, float, complex)):
            allowed = (op.numbers == "one" and any(isinstance(y, Tensor) for y in args[:2])) or (
                op.numbers == "second" and i == 1
            )
            if not allowed:
                name = op.parameters[i].name
                raise TypeError(
                    f"{op.name}(): argument '{name}' (position {i + 1}) must be Tensor, not {type(x).__name__}"
                )


def store(result: Any, out: Any, name: str) -> Any:
    """Writes a result into the tensor (or tensors) given as `out=`."""
    if isinstance(out, (tuple, list)):
        stored = [store(r, o, name) for r, o in zip(result, out, strict=True)]
        return type(result)(*stored) if hasattr(result, "_fields") else tuple(stored)
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    strides = out._backend.strides(out._array)
    if any(s == 0 and n > 1 for n, s in zip(out._array.shape, strides)):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory "
            "location. Please clone() the tensor before performing the operation."
        )
    if out.shape != result.shape:
        if out.numel():
            warnings.warn(
                f"An output with one or more elements was resized since it had shape {list(out.shape)}, "
                f"which does not match the required output shape {list(result.shape)}.",
                stacklevel=3,
            )
        out._array = out._backend.copy(out._backend.full(tuple(result.shape), 0, out._array.dtype))
    return write_(out, result.detach() if not out.requires_grad else result, name)
