"""The `meta` device: tensors that have a shape, a dtype and strides, but no values."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from facula._device import device as Device
from facula.backends.array.views import strided_view
from facula.backends.base import Backend
from facula.backends.operators import ArrayOperators
from facula.dtypes import dtype as Dtype
from facula.ops._op import Op
from facula.ops.dims import row_major


class MetaArray(ArrayOperators):
    """A shape, a NumPy dtype and strides in elements."""

    __slots__ = ("shape", "dtype", "strides", "xp", "__weakref__")

    def __init__(self, shape: Any, dtype: Any, strides: Any, xp: Any):
        self.shape, self.dtype, self.xp = tuple(shape), dtype, xp
        self.strides = row_major(self.shape) if strides is None else tuple(strides)

    def __bool__(self) -> bool:
        raise NotImplementedError("a tensor on the meta device has no values to decide on")

    def __repr__(self) -> str:
        return f"MetaArray({self.shape}, {self.dtype})"


def result_dtype(op: Op, args: Any) -> Any:
    """The dtype that a leaf's rule gives for its arguments."""
    rule = op.dtype
    if callable(rule) and not isinstance(rule, (type, Dtype, np.dtype)):
        return rule(*args)
    if rule is not None:
        return np.dtype(rule)
    return next(a.dtype for a in flat_arrays(args))


def flat_arrays(args: Any) -> Any:
    for a in args:
        if isinstance(a, (tuple, list)):
            yield from flat_arrays(a)
        elif hasattr(a, "dtype") and hasattr(a, "shape"):
            yield a


class MetaBackend(Backend):
    """Runs every leaf by its shape and dtype rules alone."""

    Array = MetaArray
    has_values = False

    def __init__(self, device: Device):
        super().__init__(device)

    def kernel(self, op: Op) -> Callable[..., Any] | None:
        if op.dynamic:
            return partial(_refuse, op, str(self.device))
        if op.view and op.leaf:
            return partial(self._view, op)
        if op.leaf:
            return partial(self._infer, op)
        return None

    def _view(self, op: Op, x: MetaArray, *options: Any, **named: Any) -> MetaArray:
        options = bind_options(op, options, named)
        if op.shape is not None:
            return self.make(op.shape(x, *options), result_dtype(op, (x, *options)))
        shape, strides, _ = strided_view(op.name, x.shape, x.strides, x.dtype, *options)
        return MetaArray(shape, x.dtype, strides, self)

    def _infer(self, op: Op, *args: Any, **named: Any) -> Any:
        args = bind_arguments(op, args, named)
        shape = op.shape(*args)  # type: ignore[misc]
        dtype = result_dtype(op, args)
        if op.outputs:
            dtypes = dtype if isinstance(dtype, (tuple, list)) else [dtype] * len(shape)
            return tuple(self.make(s, d) for s, d in zip(shape, dtypes))
        return self.make(shape, dtype)

    def make(self, shape: Any, dtype: Any) -> MetaArray:
        return MetaArray(shape, np.dtype(dtype), None, self)

    def receive(self, array: Any, source: Backend, non_blocking: bool = False) -> MetaArray:
        return self.make(array.shape, array.dtype)

    def asarray(self, array: Any) -> MetaArray:
        return self.make(array.shape, array.dtype)

    def to_numpy(self, array: MetaArray) -> Any:
        raise NotImplementedError(
            "Cannot copy out of meta tensor; no data! It has a shape and a dtype only; a module is given memory by to_empty(device=...)."
        )

    def write(self, target: MetaArray, source: MetaArray) -> None:
        pass

    def copy(self, array: MetaArray) -> MetaArray:
        return self.make(array.shape, array.dtype)

    def strides(self, array: MetaArray) -> tuple[int, ...]:
        return array.strides

    def view_dtype(self, array: Any, dtype: Any, shape: Any, strides: Any, offset: int) -> Any:
        return MetaArray(shape, dtype, strides, self)

    def wrap(self, value: Any) -> MetaArray:
        return self.asarray(np.asarray(value))


def _refuse(op: Op, where: str, *args: Any, **named: Any) -> Any:
    raise NotImplementedError(
        f"'{op.name}' on device '{where}': the shape of its result depends on values, which are not known there; "
        f"{op.dynamic}"
    )


def bind_arguments(op: Op, args: Any, named: dict[str, Any]) -> tuple[Any, ...]:
    """All arguments by position, defaults filled in."""
    rest = op.parameters[len(args) :]
    return (*args, *[named.get(p.name, p.default) for p in rest])


def bind_options(op: Op, options: Any, named: dict[str, Any]) -> tuple[Any, ...]:
    return bind_arguments(op, (None, *options), named)[1:]
