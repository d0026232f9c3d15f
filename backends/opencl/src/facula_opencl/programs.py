"""Kernels of one device: built in groups, launched in order.

Building a program costs PoCL 0.2 s, a further kernel in it 0.02 s. So a launch of a generated kernel that is
not built yet is put off, and with it all that follows, until somebody waits for the device or enough has
come together; then all that is missing is built as one program, and the launches are made up for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyopencl as cl

from facula.graph.codegen import Program, source_of
from facula_opencl.failures import build_failure, explain
from facula_opencl.lost import Failure, LostBuffers
from facula_opencl.stored import StoredGroups

#: What the letters of a signature stand for. A buffer has no dtype.
LETTERS = {
    "P": None, "i": np.int32, "I": np.uint32, "l": np.int64, "L": np.uint64, "B": np.uint8, "f": np.float32, "d": np.float64,
}  # fmt: skip
#: Put-off launches and unbuilt kernels at which there is no more waiting.
MOST_LAUNCHES, MOST_KERNELS = 512, 48
_enqueue = cl.enqueue_nd_range_kernel

Launch = Callable[..., None]


class Function:
    """One kernel. `kernel` and `set_arguments` are None until it is built."""

    __slots__ = ("name", "program", "types", "kernel", "set_arguments", "failure")

    def __init__(self, name: str, types: list[Any], program: Program | None = None):
        self.name, self.types, self.program = name, types, program
        self.kernel: Any = None
        self.set_arguments: Any = None
        self.failure = f"kernel '{name}' was not built"

    def take(self, built: Any) -> None:
        """Finds the kernel in a program that is built."""
        kernel = cl.Kernel(built, self.name)
        if self.types:
            kernel.set_scalar_arg_dtypes(self.types)
        self.set_arguments, self.kernel = kernel.set_args, kernel


class Programs:
    """The kernels of one device and the launches that wait for them."""

    def __init__(self, backend: Any, dialect: Any):
        self.backend, self.dialect = backend, dialect
        self.queue, self.device_name = backend.queue, str(backend.device)
        self.options = build_options(self.queue.device)
        self.stored = StoredGroups(self.queue.device)
        #: Function, sizes and arguments of each, and the profiler's event in which it was asked for.
        self.pending: list[tuple[Function, Any, Any, Any, Any]] = []
        self.lost = LostBuffers()
        self._missing: dict[str, Function] = {}
        #: Printed kernels that are not built yet, whether a launch waits for them or not.
        self._unbuilt: dict[str, Function] = {}
        self._programs: dict[str, Any] = {}
        self._launches: dict[Any, Launch] = {}
        self._lock = threading.RLock()

    def function(self, source: str, name: str, letters: str) -> Launch:
        """The kernel `name` of `source` as `launch(global_size, local_size, *arguments)`; built at once."""
        key = source, name, letters
        found = self._launches.get(key)
        if found is None:
            function = Function(name, [LETTERS[x] for x in letters])
            function.take(self.program(source))
            found = self._launches[key] = self._launcher(function)
        return found

    def generated(self, program: Program) -> Launch:
        """The same for a printed kernel, which is built when its first launch cannot wait any more."""
        found = self._launches.get(program)
        if found is None:
            types = [p.dtype if p.kind == "number" else None for p in program.parameters]
            function = self._unbuilt[program.name] = Function(program.name, types, program)
            found = self._launches[program] = self._launcher(function)
        return found

    def _launcher(self, function: Function) -> Launch:
        queue, lock, pending, backend = self.queue, self._lock, self.pending, self.backend
        lost = self.lost.buffers

        def launch(global_size: Any, local_size: Any, *arguments: Any) -> None:
            if pending or lost or function.kernel is None:
                self._put_off(function, global_size, local_size, arguments)
                return
            try:
                with lock:  # arguments are the kernel object's: no other thread's may come between
                    function.set_arguments(*arguments)
                    event = _enqueue(queue, function.kernel, global_size, local_size)
            except cl.Error as error:
                raise explain(error, f"kernel '{function.name}'", self.device_name) from error
            if backend.profile is not None:
                backend.profile.kernel(function.name, event)

        return launch

    def _launch_late(self, put_off: tuple[Function, Any, Any, Any, Any]) -> None:
        """A launch that was put off."""
        function, global_size, local_size, arguments, within = put_off
        if function.kernel is None:
            raise RuntimeError(function.failure)
        try:
            function.set_arguments(*arguments)
            event = _enqueue(self.queue, function.kernel, global_size, local_size)
        except cl.Error as error:
            raise explain(error, f"kernel '{function.name}'", self.device_name) from error
        if self.backend.profile is not None:
            self.backend.profile.kernel(function.name, event, within)

    def _put_off(self, function: Function, *launch: Any) -> None:
        profile = self.backend.profile
        within = None if profile is None else profile.now()
        with self._lock:
            self.pending.append((function, *launch, within))
            if function.kernel is None:
                self._missing[function.name] = function
            if len(self._missing) >= MOST_KERNELS or len(self.pending) >= MOST_LAUNCHES:
                self.flush()

    def flush(self) -> None:
        """Builds what is missing and makes up for the launches that were put off.

        Where a kernel does not build or cannot be launched, all others are launched still; what it would have
        written is lost, and raises when it is read. Raises the first such error.
        """
        first: Failure | None = None
        with self._lock:
            launches, missing = list(self.pending), list(self._missing.values())
            self._missing.clear()
            self.pending.clear()
            if missing:
                self._build_group(missing)
            for put_off in launches:
                function, _, _, arguments, _ = put_off
                failure = self.lost.among(arguments)  # it needs what another should have written
                if failure is None:
                    try:
                        self._launch_late(put_off)
                        continue
                    except (RuntimeError, MemoryError) as error:
                        failure = Failure.of(error)
                        first = first or failure
                self.lost.add(self._written(function, arguments), failure)
            launches.clear()
            put_off = arguments = None
            self.lost.forget_freed()
        if first is not None:
            raise first.error()

    def _written(self, function: Function, arguments: Any) -> list[Any]:
        """The buffers that a launch writes to, of others' kernels all; but for those that all kernels share."""
        parameters = function.program.parameters if function.program is not None else ()
        written = {i for i, p in enumerate(parameters) if p.kind != "number" and p.is_written}
        shared = (self.backend.shares, self.backend.flag)
        return [
            x
            for i, (x, kind) in enumerate(zip(arguments, function.types))
            if kind is None and (i in written or not parameters) and not any(x is s for s in shared)
        ]

    # ---- building

    def build_missing(self) -> None:
        """Builds all printed kernels that are not built yet. Raises RuntimeError with the words about the first that fails."""
        with self._lock:
            functions = [f for f in self._unbuilt.values() if f.kernel is None]
            if functions:
                self._build_group(functions)
            self._unbuilt = {f.name: f for f in functions if f.kernel is None}
        for function in functions:
            if function.kernel is None:
                raise RuntimeError(function.failure)

    def _build_group(self, functions: list[Function]) -> None:
        left = [f for f in functions if not self._take_stored(f)]
        if not left:
            return
        source = source_of(self.dialect, [f.program for f in left])
        try:
            built = self.program(source)
        except RuntimeError:
            for f in left:  # one of them is to blame: alone, its source is short
                try:
                    f.take(self.program(self._source(f)))
                except RuntimeError as error:
                    f.failure = str(error)
            return
        for f in left:
            f.take(built)
        self.stored.add(source, [self._source(f) for f in left])

    def _source(self, function: Function) -> str:
        return source_of(self.dialect, [function.program])

    def _take_stored(self, function: Function) -> bool:
        """Whether it was found in a group that an earlier process built, which the driver may have kept."""
        source = self.stored.group_with(self._source(function))
        if source is None:
            return False
        try:
            function.take(self.program(source))
        except (RuntimeError, cl.Error):
            return False
        return True

    def program(self, source: str) -> Any:
        """`source`, built. Raises RuntimeError with the compiler's words and the lines they are about."""
        with self._lock:
            program = self._programs.get(source)
            if program is None:
                program = self._programs[source] = self._build(source)
            return program

    def _build(self, source: str) -> Any:
        try:
            return cl.Program(self.queue.context, source).build(self.options)
        except cl.Error as error:
            raise RuntimeError(build_failure(str(error), source, self.device_name)) from error


def build_options(device: Any) -> list[str]:
    """OpenCL C 1.2, no warnings; division and square root rounded correctly wherever the device can."""
    rounds = device.single_fp_config & cl.device_fp_config.CORRECTLY_ROUNDED_DIVIDE_SQRT
    return ["-cl-std=CL1.2", "-w"] + ["-cl-fp32-correctly-rounded-divide-sqrt"] * bool(rounds)


def rounded(range: Iterable[int], local: tuple[int, ...]) -> tuple[int, ...]:
    """A range as whole work-groups of size `local`."""
    return tuple(-(-n // m) * m for n, m in zip(range, local))
