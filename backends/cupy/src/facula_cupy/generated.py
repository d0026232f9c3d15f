"""Leaves as kernels that core prints in CUDA C, over CuPy's arrays.

Core's adapter of raw devices (`BufferBackend`) splits a leaf into launches of described kernels, and core's
printer writes those; here they get CuPy's memory and are compiled by NVRTC.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from facula._device import device as Device
from facula.backends.buffer import BufferBackend
from facula.backends.buffer.array import BufferArray
from facula.backends.buffer.kernels import Kernel
from facula.graph.codegen import CUDA, Launcher, Program, source_of
from facula.ops._op import subscribe
from facula_cupy.flags import Flag
from facula_cupy.launch import Launches, shape_of


class Generated(BufferBackend):
    """Generated kernels of one GPU. `call(op)` gives a leaf as a function of CuPy arrays."""

    dialect = CUDA

    def __init__(self, device: Device, launches: Launches, flag: Flag):
        super().__init__(device)
        self.library, self.launches, self.flag = launches.library, launches, flag
        subscribe(self.bind)  # leaves call each other

    # ---- what a raw device supplies

    def alloc(self, nbytes: int) -> Any:
        return self.library.empty(nbytes, np.uint8)

    def copy_in(self, buffer: Any, data: bytes) -> None:
        buffer.set(np.frombuffer(data, np.uint8))

    def copy_out(self, buffer: Any) -> bytes:
        return buffer.get().tobytes()  # type: ignore[no-any-return]

    def compile(self, kernel: Kernel) -> Callable[..., None]:
        return Launcher(kernel, self.dialect, self.build, self.alloc)

    def build(self, program: Program) -> Callable[[list[Any], tuple[int, ...]], None]:
        return self.runner(program, self.launches.module(source_of(self.dialect, [program])))

    def build_all(self, programs: list[Program]) -> list[Callable[..., None]]:
        if not programs:
            return []
        module = self.launches.module(source_of(self.dialect, programs))
        return [self.runner(program, module) for program in programs]

    def runner(self, program: Program, module: Any) -> Callable[[list[Any], tuple[int, ...]], None]:
        """What launches a program that is in a compiled module."""
        kernel = module.get_function(program.name)
        converts = [p.dtype.type if p.kind == "number" else None for p in program.parameters]
        flag = self.flag if program.flag else None
        if flag is not None:
            converts.pop()

        def run(arguments: list[Any], range: tuple[int, ...]) -> None:
            values = [x if c is None else c(x) for c, x in zip(converts, arguments, strict=True)]
            if flag is not None:
                values.append(flag.raised())
            kernel(*shape_of(range, program.local), tuple(values))

        return run

    # ---- between CuPy's arrays and core's

    def lift(self, array: Any) -> BufferArray:
        """A CuPy array as core's; the same memory."""
        size = array.itemsize
        strides = [s // size for s in array.strides]
        out = BufferArray(array, array.shape, strides, 0, array.dtype, self)
        out.nbytes = array.nbytes
        return out

    def lower(self, array: BufferArray) -> Any:
        """Core's array as CuPy's; the same memory."""
        size = array.dtype.itemsize
        memory = array.buffer.data
        if array.offset:
            memory = memory + array.offset * size
        strides = tuple(s * size for s in array.strides)
        return self.library.ndarray(array.shape, array.dtype, memptr=memory, strides=strides)

    def call(self, op: Any) -> Callable[..., Any] | None:
        """The leaf `op` over CuPy arrays, or None where core has no description of it."""
        kernel = self.kernel(op)
        if kernel is None:
            return None
        lift, lower, Array = self.lift, self.lower, self.library.ndarray

        def over(function: Callable[[Any], Any], type_: type, x: Any) -> Any:
            if isinstance(x, type_):
                return function(x)
            if isinstance(x, (tuple, list)):
                return tuple([over(function, type_, y) for y in x])
            return x

        def leaf(*args: Any, **named: Any) -> Any:
            result = kernel(*[over(lift, Array, x) for x in args], **named)
            return over(lower, BufferArray, result)

        return leaf
