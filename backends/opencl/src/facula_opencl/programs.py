"""OpenCL C to kernels that can be launched: built once per source text, with errors that can be read."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pyopencl as cl

from facula.errors import DeviceError, OutOfMemoryError

#: What the letters of a signature stand for. A buffer has no dtype.
LETTERS = {
    "P": None, "i": np.int32, "I": np.uint32, "l": np.int64, "L": np.uint64, "B": np.uint8, "f": np.float32, "d": np.float64,
}  # fmt: skip
_OUT_OF_MEMORY = {
    cl.status_code.OUT_OF_RESOURCES,
    cl.status_code.OUT_OF_HOST_MEMORY,
    cl.status_code.MEM_OBJECT_ALLOCATION_FAILURE,
}
_enqueue = cl.enqueue_nd_range_kernel

Launch = Callable[..., None]


class Programs:
    """The programs of one device."""

    def __init__(self, queue: Any, name: str):
        self.queue, self.name = queue, name
        self.options = build_options(queue.device)
        self._built: dict[str, Any] = {}
        self._functions: dict[tuple[str, str, str], Launch] = {}
        self._lock = threading.RLock()

    def function(self, source: str, name: str, letters: str) -> Launch:
        """The kernel `name` of `source` as `launch(global_size, local_size, *arguments)`."""
        key = source, name, letters
        found = self._functions.get(key)
        if found is None:
            with self._lock:
                found = self._functions.get(key) or self._make(source, name, letters)
                self._functions[key] = found
        return found

    def _make(self, source: str, name: str, letters: str) -> Launch:
        kernel = cl.Kernel(self.program(source), name)
        if letters:
            kernel.set_scalar_arg_dtypes([LETTERS[x] for x in letters])
        return self._launcher(kernel, name)

    def _launcher(self, kernel: Any, name: str) -> Launch:
        queue, lock, set_arguments = self.queue, self._lock, kernel.set_args

        def launch(
            global_size: tuple[int, ...], local_size: tuple[int, ...], *arguments: Any
        ) -> None:
            try:
                with lock:  # arguments are the kernel object's: no other thread's may come between
                    set_arguments(*arguments)
                    _enqueue(queue, kernel, global_size, local_size)
            except cl.Error as error:
                raise explain(error, f"kernel '{name}'", self.name) from error

        return launch

    def program(self, source: str) -> Any:
        """`source`, built. Raises RuntimeError with the compiler's words and the lines they are about."""
        with self._lock:
            program = self._built.get(source)
            if program is None:
                program = self._built[source] = self._build(source)
            return program

    def _build(self, source: str) -> Any:
        program = cl.Program(self.queue.context, source)
        try:
            return program.build(self.options)
        except cl.Error as error:
            raise RuntimeError(build_failure(str(error), source, self.name)) from error


def build_options(device: Any) -> list[str]:
    """OpenCL C 1.2; division and square root rounded correctly wherever the device can."""
    rounds = device.single_fp_config & cl.device_fp_config.CORRECTLY_ROUNDED_DIVIDE_SQRT
    return ["-cl-std=CL1.2"] + ["-cl-fp32-correctly-rounded-divide-sqrt"] * bool(rounds)


def build_failure(error: str, source: str, device: str) -> str:
    """A message with the compiler's log and the lines of the source that it names."""
    log = re.sub(r"^.*?Build on [^\n]*\n|\n\(options: .*$", "", error, flags=re.DOTALL).strip()
    lines = source.splitlines()
    errors = [line for line in log.splitlines() if "error" in line]
    named = sorted({int(n) for line in errors for n in re.findall(r":(\d+):\d+:", line)})
    quoted = [f"  {n:>5} | {lines[n - 1]}" for n in named[:8] if 0 < n <= len(lines)]
    place = "\n".join(["The lines it names:", *quoted]) if quoted else f"The source:\n{source}"
    return f"a kernel does not build on device '{device}'. The compiler says:\n{log}\n{place}"


def explain(error: Any, what: str, device: str) -> Exception:
    """A driver's error as Facula's."""
    if getattr(error, "code", None) in _OUT_OF_MEMORY or isinstance(error, cl.MemoryError):
        return OutOfMemoryError(f"{what}: device '{device}' is out of memory: {error}")
    if isinstance(error, cl.LogicError):  # wrong arguments: the device is well
        return RuntimeError(f"{what} could not be launched on device '{device}': {error}")
    return DeviceError(f"{what}: device '{device}' failed: {error}. Its tensors may be lost")
