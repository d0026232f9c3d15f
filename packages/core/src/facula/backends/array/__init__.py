"""A backend over an array library with NumPy's interface: a module, and what it names differently."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from facula._device import device as Device
from facula.backends.array.index import store_at
from facula.backends.array.views import VIEWS
from facula.backends.base import Backend
from facula.dtypes import FROM_NUMPY
from facula.ops._op import Op
from facula.ops.dims import row_major

#: The files beside this one that hold kernels, each with `kernels(m) -> {op name: function}`.
FAMILIES = (
    "bitwise",
    "complex",
    "creation",
    "elementwise",
    "fft",
    "index",
    "linalg",
    "interpolate",
    "pad",
    "pool",
    "random",
    "reduce",
    "scan",
    "shape",
    "sort",
    "special",
    "windows",
)


class ArrayBackend(Backend):
    """Kernels from the module `m`. A subclass adds or replaces them in `extra`."""

    def __init__(self, device: Device, m: Any):
        super().__init__(device)
        self.m = m
        self.Array = m.ndarray
        self.table: dict[str, Callable[..., Any]] = dict(VIEWS)
        for family in FAMILIES:
            self.table |= import_module(f"facula.backends.array.{family}").kernels(m)

    def kernel(self, op: Op) -> Callable[..., Any] | None:
        return self.table.get(op.name)

    def asarray(self, array: Any) -> Any:
        array = self.m.asarray(array)
        # One object stands for each dtype: the recorder compares dtypes by identity.
        dtype = FROM_NUMPY[array.dtype].dtype
        return array if array.dtype is dtype else array.view(dtype)

    def to_numpy(self, array: Any) -> Any:
        return array

    def write(self, target: Any, source: Any) -> None:
        target[...] = source

    def accumulate(self, target: Any, source: Any) -> None:
        self.m.add(target, source, out=target)

    def write_at(self, target: Any, indices: tuple[Any, ...], values: Any) -> None:
        store_at(target, indices, values)

    def copy(self, array: Any) -> Any:
        return array.copy(order="C")

    def strides(self, array: Any) -> tuple[int, ...]:
        size = array.itemsize
        strides = tuple([s // size for s in array.strides])
        # NumPy gives a new array without elements no strides.
        return strides if array.size or any(strides) else row_major(array.shape)

    def is_contiguous(self, array: Any) -> bool:
        return array.flags.c_contiguous  # type: ignore[no-any-return]

    def offset(self, array: Any) -> int:
        return (_address(array) - _address(_memory(array))) // array.itemsize  # type: ignore[no-any-return]

    def room(self, array: Any) -> int:
        memory = _memory(array)
        return (_address(memory) + memory.nbytes - _address(array)) // array.itemsize  # type: ignore[no-any-return]

    def view_dtype(self, array: Any, dtype: Any, shape: Any, strides: Any, offset: int) -> Any:
        if array.size:
            return array.view(dtype)
        # Without elements there is no memory to share, and NumPy's strides may be none.
        steps = [s * dtype.itemsize for s in strides]
        return self.m.lib.stride_tricks.as_strided(self.m.empty(0, dtype), shape, steps)

    def wrap(self, value: Any) -> Any:
        return self.m.asarray(value)

    def is_whole(self, array: Any) -> bool:
        return array.base is None


def _memory(array: Any) -> Any:
    """The array that owns the memory of a view."""
    base = array.base
    while base is not None:
        if hasattr(base, "nbytes") and hasattr(base, "__array_interface__"):
            array = base
        base = getattr(base, "base", None)  # as_strided puts a stand-in between
    return array


def _address(array: Any) -> int:
    return array.__array_interface__["data"][0]  # type: ignore[no-any-return]
