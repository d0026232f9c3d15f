"""OpenCLBackend: memory, programs and the queue of one device, below core's buffer adapter."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyopencl as cl

from facula._device import device as Device
from facula.backends.base import ask_first
from facula.backends.buffer import BufferBackend, Kernel
from facula.dtypes import ALL, FROM_NUMPY
from facula.graph.codegen import OPENCL, Launcher, Program, raise_for
from facula.graph.codegen.map import MapPrinter
from facula.ops._op import Op
from facula_opencl import shares
from facula_opencl.devices import devices
from facula_opencl.failures import explain
from facula_opencl.kernels import tables
from facula_opencl.memory import Memory
from facula_opencl.programs import Launch, Programs, rounded

#: 'cpu' or 'gpu' in it chooses the family of kernels, whatever the device is.
FAMILY = "FACULA_OPENCL_FAMILY"
#: Work-groups of generated kernels, by the number of dimensions of their range.
GROUPS = {
    "cpu": ((), (1,), (1, 1), (1, 1, 1)),
    "gpu": ((), (128,), (64, 2), (64, 2, 1)),
}


class OpenCLBackend(BufferBackend):
    """One OpenCL device, its commands in the order in which they are given."""

    #: What the profiler sets while it runs.
    profile: Any = None

    def __init__(self, device: Device):
        super().__init__(device)
        self.cl_device = devices()[device.index or 0]
        #: Whether work-items share a processor's cores: kernels come in two families.
        self.is_cpu = is_cpu(self.cl_device)
        self.dtypes = dtypes_of(self.cl_device)
        context = cl.Context([self.cl_device])
        self.queue = cl.CommandQueue(
            context, properties=cl.command_queue_properties.PROFILING_ENABLE
        )
        family = "cpu" if self.is_cpu else "gpu"
        self.dialect = OPENCL.for_family(family)
        if self.is_cpu:
            self.dialect = shares.with_shares(self.dialect)
        #: Where work-groups note which parts are taken; kernels with `SHARES` get it last.
        self.shares = shares.memory(self.queue)
        self._groups = GROUPS[family]
        self.programs = Programs(self, self.dialect)
        self.flush = self.programs.flush
        self.memory = Memory(self.queue, str(device), self.flush)
        self.alloc = self.memory.alloc  # type: ignore[method-assign]
        #: Where kernels note what they cannot raise.
        self.flag = self._zeroed_flag()
        self._flag_is_used = False
        self.own, inplace = tables(self)
        self.inplace_kernels |= inplace

    # ---- kernels

    def kernel(self, op: Op) -> Callable[..., Any] | None:
        """Own kernels in turn, then core's, then the op's body."""
        kernel = super().kernel(op)
        if op.name in self.own:
            kernel = kernel or (partial(op.body, self) if op.body else self._host_fallback(op))
            for own in reversed(self.own[op.name]):
                kernel = ask_first(own, kernel)
        return kernel

    def function(self, source: str, name: str, letters: str) -> Launch:
        """The kernel `name` of OpenCL C `source` as `launch(global_size, local_size, *arguments)`.

        `letters` say what each argument is: P a buffer, i int32, I uint32, l int64, L uint64, B uint8,
        f float32, d float64. Built at the first call with this source, kept for all further ones.
        """
        return self.programs.function(source, name, letters)

    def compile(self, kernel: Kernel) -> Callable[..., None]:
        return Launcher(kernel, self.dialect, self.build, self.alloc)

    def plan(self, kernel: Any, shape: Any, strides: Any) -> Callable[[Any, Any, Any], None]:
        """A map whose work-groups and numbers are worked out: what is left is to launch it."""
        printer = MapPrinter(kernel, self.dialect)
        geometry = printer.geometry((shape, *strides))
        local, numbers = self._groups[len(geometry.range)], geometry.arguments
        global_size = rounded(geometry.range, local)
        program = printer.program(geometry.layout)
        launch, last = self._generated(program)
        numbers, flag = numbers + last, program.flag
        converters = [parts for _, parts in printer.scalars]

        def run(buffers: Any, offsets: Any, scalars: Any) -> None:
            if scalars:
                scalars = [part for parts, x in zip(converters, scalars) for part in parts(x)]
            if flag:
                self._flag_is_used = True
            launch(global_size, local, *buffers, *offsets, *scalars, *numbers)

        return run

    def build(self, program: Program) -> Callable[..., None]:
        """A printed kernel as `run(arguments, range)`."""
        launch, last = self._generated(program)
        flag, groups = program.flag, self._groups
        fixed = None if program.local is None else (program.local,)

        def run(arguments: list[Any], range: tuple[int, ...]) -> None:
            local = fixed or groups[len(range)]
            if flag:
                self._flag_is_used = True
            launch(rounded(range, local), local, *arguments, *last)

        return run

    def build_all(self, programs: list[Program]) -> list[Callable[..., None]]:
        """What runs each of several printed kernels, built now. Raises RuntimeError with the compiler's words."""
        runs = [self.build(program) for program in programs]
        self.programs.build_missing()
        return runs

    def _generated(self, program: Program) -> tuple[Launch, list[Any]]:
        """A printed kernel, and what it gets after all that its launches say."""
        last = [self.flag] if program.flag else []
        if self.dialect.family == "cpu" and program.local is None:
            program, last = shares.shared(program), [*last, self.shares]
        return self.programs.generated(program), last

    # ---- memory

    def copy_in(self, buffer: Any, data: Any) -> None:
        self._copy(buffer, data)

    def copy_out(self, buffer: Any) -> bytes:
        data = bytearray(buffer.size)
        self._read(data, buffer)
        return data  # type: ignore[return-value]

    def asarray(self, array: Any) -> Any:
        if isinstance(array, self.Array):
            return array
        array = np.asarray(array)
        out = self.empty(array.shape, FROM_NUMPY[array.dtype].dtype)
        if out.size:
            self._copy(out.buffer, np.ascontiguousarray(array))
        return out

    def to_numpy(self, array: Any) -> Any:
        out = np.empty(array.shape, array.dtype)
        if out.size:
            source = array if array.is_contiguous else self.copy(array)
            self._read(out, source.buffer, src_offset=source.offset * out.itemsize)
        return out

    def _read(self, target: Any, buffer: Any, **place: Any) -> None:
        self.flush()
        self.programs.lost.check(buffer)
        self._copy(target, buffer, **place)
        self._raise_what_was_found()

    def _copy(self, target: Any, source: Any, **place: Any) -> None:
        try:
            cl.enqueue_copy(self.queue, target, source, is_blocking=True, **place)
        except cl.Error as error:
            raise explain(error, "a copy", str(self.device)) from error

    def synchronize(self) -> None:
        """Waits for all that was launched. Raises IndexError if a kernel met an index out of range."""
        self.flush()
        try:
            self.queue.finish()
        except cl.Error as error:
            raise explain(error, "synchronize", str(self.device)) from error
        self._raise_what_was_found()

    # ---- errors that are found on the device, and raised when it is read or waited for

    def _zeroed_flag(self) -> Any:
        buffer = cl.Buffer(self.queue.context, cl.mem_flags.READ_WRITE, 24)
        self._copy(buffer, bytes(24))
        return buffer

    def _raise_what_was_found(self) -> None:
        if self._flag_is_used:
            self._flag_is_used = False
            noted = np.empty(3, np.int64)  # what was found, an index and the size
            self._copy(noted, self.flag)
            if noted[0]:
                self._copy(self.flag, bytes(24))
                raise_for(noted)

    def kernel_times(self, events: list[Any]) -> list[tuple[int, int, int]]:
        """(queued, start, end) of each event, in nanoseconds on the device's clock."""
        return [(e.profile.queued, e.profile.start, e.profile.end) for e in events]


def is_cpu(device: Any) -> bool:
    """Whether kernels of the family for processors suit a device."""
    chosen = os.environ.get(FAMILY, "")
    if chosen not in ("", "cpu", "gpu"):
        raise ValueError(f"{FAMILY}={chosen}: it is 'cpu' or 'gpu'")
    return chosen == "cpu" if chosen else bool(device.type & cl.device_type.CPU)


def dtypes_of(device: Any) -> frozenset[str]:
    """The dtypes that a device can hold: float64 and complex128 take a device that computes in double."""
    lacking = set() if device.double_fp_config else {"float64", "complex128"}
    return frozenset(d.name for d in ALL) - lacking
