"""ArrayApiBackend: memory is a one-dimensional array of the library, each kernel a few of its functions.

Nothing beyond the standard is used, so arrays need not be writable, nor their strides known: what is
stored in a part of memory makes a new array of the whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from facula._device import device as Device
from facula.backends.array_api import kernels
from facula.backends.base import DTYPES, Backend
from facula.backends.buffer import BufferBackend, Kernel, Operand


class Memory:
    """A buffer of `nbytes`: the host's bytes until it is first read, then an array of some dtype."""

    __slots__ = ("nbytes", "data", "array", "__weakref__")

    def __init__(self, nbytes: int):
        self.nbytes, self.data = nbytes, b""
        self.array: Any = None


class ArrayApiBackend(BufferBackend):
    """A device over `m`, the namespace of a library that follows the array API standard 2024.12.

    A library that holds float16 or bfloat16 too (which the standard does not have), or lacks some
    dtype, sets `dtypes`. Kernels that it does better go into `self.leaves`, by the name of the op,
    as functions of (backend, *arguments) on `BufferArray`s: `load` and `store` are their way to arrays.
    """

    dtypes = DTYPES - {"float16", "bfloat16"}

    def __init__(self, device: Device, m: Any):
        super().__init__(device)
        self.m = m
        self.places = lru_cache(64)(self._places)

    def alloc(self, nbytes: int) -> Memory:
        return Memory(nbytes)

    def copy_in(self, buffer: Memory, data: bytes) -> None:
        buffer.data, buffer.array = bytes(data), None

    def copy_out(self, buffer: Memory) -> bytes:
        if buffer.array is None:
            return buffer.data or bytes(buffer.nbytes)
        return np.asarray(buffer.array).tobytes()

    def view_dtype(self, array: Any, *place: Any) -> Any:
        return Backend.view_dtype(self, array, *place)  # the standard has no such view

    def synchronize(self) -> None:
        """`copy_out` waits for what it reads."""

    def compile(self, kernel: Kernel) -> Callable[..., None]:
        return kernels.launcher(self, kernel)

    # ---- elements of memory as arrays, and back

    def dtype(self, dtype: Any) -> Any:
        """The library's dtype for NumPy's."""
        return getattr(self.m, dtype.name)

    def whole(self, memory: Memory, dtype: Any) -> Any:
        """All of a memory as a one-dimensional array of `dtype`."""
        m, wanted = self.m, self.dtype(dtype)
        if memory.array is None:
            data = memory.data or bytes(memory.nbytes)
            memory.array = m.asarray(np.frombuffer(data, dtype).copy())
        x = memory.array
        if x.dtype == wanted:
            return x
        if m.isdtype(wanted, "complex floating"):  # pairs of real numbers, or the other way round
            pairs = m.reshape(x, (-1, 2))
            return m.astype(pairs[:, 0], wanted) + m.astype(pairs[:, 1], wanted) * 1j
        return m.reshape(m.stack([m.real(x), m.imag(x)], axis=-1), (-1,))

    def load(self, x: Operand, shape: tuple[int, ...], dtype: Any) -> Any:
        """The elements of an operand, an array of `shape`."""
        m, flat = self.m, self.whole(x.buffer, dtype)
        once = tuple(n if s else 1 for n, s in zip(shape, x.strides))
        n = math.prod(once)
        if x.strides == row_major(once, x.strides):
            out = m.reshape(flat[x.offset : x.offset + n], once)
        else:
            out = m.reshape(m.take(flat, self.places(once, x.strides, x.offset)), once)
        return out if once == shape else m.broadcast_to(out, shape)

    def store(self, x: Operand, shape: tuple[int, ...], values: Any, dtype: Any) -> None:
        """Writes an array of `shape`, converted to `dtype`, where an operand says."""
        m, memory = self.m, x.buffer
        flat = m.reshape(m.astype(values, self.dtype(dtype)), (-1,))
        size = memory.nbytes // dtype.itemsize
        if flat.shape[0] == size and x.offset == 0 and x.strides == row_major(shape, x.strides):
            memory.array = flat
        else:
            source, hit = self._sources(shape, x.strides, x.offset, size)
            memory.array = m.where(hit, m.take(flat, source), self.whole(memory, dtype))

    def _places(self, shape: Any, strides: Any, offset: int) -> Any:
        """Where in memory the elements are, row-major."""
        return self.m.asarray(host_places(shape, strides, offset))

    def _sources(self, shape: Any, strides: Any, offset: int, size: int) -> tuple[Any, Any]:
        """For each element of memory: which value goes there, and whether one does."""
        places = host_places(shape, strides, offset)
        source = np.full(size, -1)
        source[places] = np.arange(len(places))
        return self.m.asarray(np.maximum(source, 0)), self.m.asarray(source >= 0)


def host_places(shape: Any, strides: Any, offset: int) -> Any:
    grid = np.full(shape, offset)
    for d, (n, stride) in enumerate(zip(shape, strides)):
        grid += np.arange(n).reshape(-1, *[1] * (len(shape) - d - 1)) * stride
    return grid.reshape(-1)


def row_major(shape: Any, strides: Any) -> tuple[int, ...]:
    """The strides of contiguous elements; where a size is 1 the stride means nothing, and stays."""
    out, step = [], 1
    for n, stride in zip(reversed(shape), reversed(strides)):
        out.append(stride if n == 1 else step)
        step *= n
    return tuple(reversed(out))
