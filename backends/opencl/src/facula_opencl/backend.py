"""OpenCLBackend: memory, programs and a queue of one device, below core's buffer adapter."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyopencl as cl

from facula._device import device as Device
from facula.backends.base import _ask_first
from facula.backends.buffer import BufferBackend, Kernel
from facula.ops._op import Op
from facula_opencl.devices import devices
from facula_opencl.kernels import tables
from facula_opencl.memory import Memory
from facula_opencl.programs import Launch, Programs, explain


class OpenCLBackend(BufferBackend):
    """One OpenCL device, its commands in the order in which they are given."""

    def __init__(self, device: Device):
        super().__init__(device)
        self.cl_device = devices()[device.index or 0]
        #: Whether work-items share a processor's cores: kernels come in two families.
        self.is_cpu = bool(self.cl_device.type & cl.device_type.CPU)
        self.queue = cl.CommandQueue(cl.Context([self.cl_device]))
        self.memory = Memory(self.queue, str(device))
        self.programs = Programs(self.queue, str(device))
        self.alloc = self.memory.alloc  # type: ignore[method-assign]
        self.own, inplace = tables(self)
        self.inplace_kernels |= inplace

    def kernel(self, op: Op) -> Callable[..., Any] | None:
        """Own kernels in turn, then core's, then the op's body."""
        kernel = super().kernel(op)
        if op.name in self.own:
            kernel = kernel or (partial(op.body, self) if op.body else self._host_fallback(op))
            for own in reversed(self.own[op.name]):
                kernel = _ask_first(own, kernel)
        return kernel

    def function(self, source: str, name: str, letters: str) -> Launch:
        """The kernel `name` of OpenCL C `source` as `launch(global_size, local_size, *arguments)`.

        `letters` say what each argument is: P a buffer, i int32, I uint32, l int64, L uint64, B uint8,
        f float32, d float64. Built at the first call with this source, kept for all further ones.
        """
        return self.programs.function(source, name, letters)

    def copy_in(self, buffer: Any, data: Any) -> None:
        self._copy(buffer, data)

    def copy_out(self, buffer: Any) -> bytes:
        data = bytearray(buffer.size)
        self._copy(data, buffer)
        return data  # type: ignore[return-value]

    def _copy(self, target: Any, source: Any) -> None:
        try:
            cl.enqueue_copy(self.queue, target, source, is_blocking=True)
        except cl.Error as error:
            raise explain(error, "a copy", str(self.device)) from error

    def asarray(self, array: Any) -> Any:
        if isinstance(array, self.Array):
            return array
        array = np.asarray(array)
        return super().asarray(array)

    def synchronize(self) -> None:
        try:
            self.queue.finish()
        except cl.Error as error:
            raise explain(error, "synchronize", str(self.device)) from error

    def compile(self, kernel: Kernel) -> Callable[..., None]:
        raise NotImplementedError(f"{kernel}")
