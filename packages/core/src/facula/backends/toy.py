"""The `toy` device: the smallest whole device, pure Python over bytearrays, and slow.

It shows what a raw device must supply, and keeps everybody honest: its memory can be reached by kernels,
`copy_in` and `copy_out` alone, so anything that reads a tensor behind the backend's back fails here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from facula.backends.buffer import BufferBackend, Kernel, interpret


class Memory:
    """Bytes of the toy device. It has no length, no elements and no buffer protocol on purpose."""

    __slots__ = ("_bytes", "__weakref__")

    def __init__(self, nbytes: int):
        self._bytes = bytearray(nbytes)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("memory of the toy device was read by the host without copy_out")


class ToyBackend(BufferBackend):
    """Five functions make a device."""

    def alloc(self, nbytes: int) -> Memory:
        return Memory(nbytes)

    def copy_in(self, buffer: Memory, data: bytes) -> None:
        buffer._bytes[:] = data

    def copy_out(self, buffer: Memory) -> bytes:
        return bytes(buffer._bytes)

    def compile(self, kernel: Kernel) -> Callable[..., None]:
        return interpret(kernel, lambda memory: memory._bytes)

    def synchronize(self) -> None:
        """Nothing runs in the background."""
