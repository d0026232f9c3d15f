"""BufferBackend: a whole backend from five functions of a raw device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from types import MappingProxyType
from typing import Any

import numpy as np

from facula._device import device as Device
from facula.backends.array.views import strided_view
from facula.backends.base import Backend
from facula.backends.buffer.array import BufferArray
from facula.backends.buffer.elementwise import Plan, copy_into, elementwise, power
from facula.backends.buffer.expressions import EXPRESSIONS
from facula.backends.buffer.kernels import Kernel, Operand
from facula.backends.meta import bind_options
from facula.dtypes import FROM_NUMPY
from facula.ops._op import Op
from facula.ops.dims import row_major

#: The files beside this one that hold `LEAVES`: {op name: function(backend, *arguments)}.
FAMILIES = ("creation", "index", "linalg", "random", "reduce", "scan", "shape", "sort")


#: What a device cannot do without.
SUPPLIED = ("alloc", "copy_in", "copy_out", "compile")


class BufferBackend(Backend):
    """Arrays over raw memory. A device supplies the five functions below, and is a backend.

    Core adds strides, views, broadcasting, scalars, and the kernels that each leaf needs, described
    as data (`kernels.py`). `compile` is called once per description.
    """

    Array = BufferArray
    #: The language of the kernels that core prints for it (`facula.graph.codegen`): then it has `build(program)`, which
    #: makes something to run of one, and captured graphs are launched as fused kernels. None for other devices.
    dialect: Any = None
    #: By op name, kernels beside those that core makes; a device with some overrides `kernel`.
    own: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, device: Device):
        super().__init__(device)
        self._launchers: dict[Kernel, Callable[..., None]] = {}
        #: Launches of maps that are worked out (`elementwise.py`).
        self.plans: dict[Any, Plan] = {}
        self.leaves: dict[str, Callable[..., Any]] = {}
        for family in FAMILIES:
            self.leaves |= import_module(f"facula.backends.buffer.{family}").LEAVES

    def check(self) -> None:
        own = self.__dict__  # some make functions of their own when they are made
        lacking = [
            f
            for f in SUPPLIED
            if f not in own and getattr(type(self), f) is getattr(BufferBackend, f)
        ]
        if lacking:
            raise TypeError(
                f"{type(self).__name__} has no {', '.join(lacking)}; a raw device supplies {', '.join(SUPPLIED)}"
            )

    # ---- what a device supplies

    def alloc(self, nbytes: int) -> Any:
        """A buffer of `nbytes` > 0 bytes, freed when nothing refers to it any more."""
        raise NotImplementedError

    def copy_in(self, buffer: Any, data: bytes) -> None:
        """Fills a buffer with bytes of the host."""
        raise NotImplementedError

    def copy_out(self, buffer: Any) -> bytes:
        """The bytes of a buffer, after all that was launched on it."""
        raise NotImplementedError

    def compile(self, kernel: Kernel) -> Callable[..., None]:
        """A description as something that can be launched; `kernels.py` says with which arguments."""
        raise NotImplementedError

    def build_all(self, programs: list[Any]) -> list[Callable[..., None]]:
        """What runs each of several printed kernels, built now. Raises RuntimeError with the compiler's words."""
        return [self.build(program) for program in programs]

    def build(self, program: Any) -> Callable[..., None]:
        """A printed kernel as `run(arguments, range)`; for devices with a `dialect`."""
        raise NotImplementedError

    @property
    def raw(self) -> Any:
        return None if self.dialect is None else self

    # `synchronize()` is the fifth; a device that launches nothing asynchronously needs none.

    # ---- arrays

    def empty(self, shape: Any, dtype: Any) -> BufferArray:
        """A new contiguous array, its values unspecified."""
        out = BufferArray(None, shape, None, 0, np.dtype(dtype), self)
        out.nbytes = out.size * out.dtype.itemsize
        out.buffer = self.alloc(max(out.nbytes, 1))
        out.is_whole = True
        return out

    def asarray(self, array: Any) -> BufferArray:
        if isinstance(array, BufferArray):
            return array
        array = np.asarray(array)
        out = self.empty(array.shape, FROM_NUMPY[array.dtype].dtype)
        if out.size:
            self.copy_in(out.buffer, array.tobytes())
        return out

    def receive(self, array: Any, source: Backend, non_blocking: bool = False) -> BufferArray:
        return self.asarray(source.to_numpy(array))

    shares_memory = False

    def to_numpy(self, array: BufferArray) -> Any:
        if not array.size:
            return np.empty(array.shape, array.dtype)
        whole = array if array.is_whole else self.copy(array)
        data = bytearray(self.copy_out(whole.buffer))
        if len(data) < whole.nbytes:
            raise RuntimeError(
                f"device '{self.device}': copy_out gave {len(data)} bytes of a buffer of {whole.nbytes}"
            )
        return np.frombuffer(data, array.dtype, array.size).reshape(array.shape)

    def write(self, target: BufferArray, source: Any) -> None:
        if isinstance(source, BufferArray) and source.buffer is target.buffer:
            source = self.copy(source)  # they may overlap
        copy_into(self, target, source)

    def copy(self, array: BufferArray) -> BufferArray:
        out = self.empty(array.shape, array.dtype)
        copy_into(self, out, array)
        return out

    def strides(self, array: BufferArray) -> tuple[int, ...]:
        return array.strides

    def offset(self, array: BufferArray) -> int:
        return array.offset

    def room(self, array: BufferArray) -> int:
        return int(array.nbytes // array.dtype.itemsize - array.offset)

    def view_dtype(self, array: Any, dtype: Any, shape: Any, strides: Any, offset: int) -> Any:
        return array.view(shape, strides, offset, dtype)

    def is_whole(self, array: BufferArray) -> bool:
        return array.is_whole

    def wrap(self, value: Any) -> BufferArray:
        return self.asarray(np.asarray(value))

    def lift(self, array: Any) -> BufferArray:
        """An array of the device as core's, over the same memory; those of array libraries differ."""
        return array  # type: ignore[no-any-return]

    def lower(self, array: BufferArray) -> Any:
        """The reverse of `lift`."""
        return array

    # ---- kernels

    def launch(self, kernel: Kernel, *arguments: Any) -> None:
        """Runs a kernel, compiling it at its first use."""
        launcher = self._launchers.get(kernel)
        if launcher is None:
            launcher = self._launchers[kernel] = self.compile(kernel)
        launcher(*arguments)

    def laid_out(self, shape: tuple[int, ...], inputs: Any) -> tuple[int, ...]:
        """The strides of an elementwise result."""
        return row_major(shape)

    def plan(self, kernel: Any, shape: Any, strides: Any) -> Callable[[Any, Any, Any], None]:
        """A `Map` for operands of these strides (the result's first) as `launch(buffers, offsets, scalars)`.

        Made once per layout and called often: a device may prepare everything here.
        """

        def launch(buffers: Any, offsets: Any, scalars: Any) -> None:
            operands, numbers = map(Operand, buffers, offsets, strides), iter(scalars)
            out = next(operands)
            inputs = [next(numbers) if x.is_scalar else next(operands) for x in kernel.inputs]
            self.launch(kernel, shape, out, *inputs)

        return launch

    def kernel(self, op: Op) -> Callable[..., Any] | None:
        if op.leaf and op.view:
            return partial(self._view, op)
        if op.name in self.leaves:
            return partial(self.leaves[op.name], self)
        if op.leaf and op.name in EXPRESSIONS:
            leaf = elementwise(self, op)
            return power(self, leaf) if op.name == "pow" else leaf
        return None

    def _view(self, op: Op, x: BufferArray, *options: Any, **named: Any) -> BufferArray:
        options = bind_options(op, options, named)
        if op.dtype is not None:
            return self._reinterpret(x, np.dtype(op.dtype(x, *options)))
        shape, strides, start = strided_view(op.name, x.shape, x.strides, x.dtype, *options)
        return x.view(shape, strides, x.offset + start)

    def _reinterpret(self, x: BufferArray, dtype: Any) -> BufferArray:
        """Complex numbers as pairs of real ones along a new last dimension, and back."""
        if dtype.itemsize < x.dtype.itemsize:
            shape, strides = (*x.shape, 2), (*[2 * s for s in x.strides], 1)
            return x.view(shape, strides, 2 * x.offset, dtype)
        if x.size and (x.strides[-1] != 1 or x.offset % 2 or any(s % 2 for s in x.strides[:-1])):
            raise RuntimeError(
                f"view_as_complex: real and imaginary parts must be neighbours, the strides are {x.strides}"
            )
        halved = [s // 2 for s in x.strides[:-1]]
        return x.view(x.shape[:-1], halved, x.offset // 2, dtype)
