"""The device: five functions over its memory, and its kernels.

It is complete and passes the suite as it is. Make it yours step by step: first the memory (`alloc`,
`copy_in`, `copy_out`, `synchronize`), then one kind of kernel after another (`PRINTED`, `build`).
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from facula.backends.buffer import BufferBackend, Kernel, Matmul, Reduce, interpret
from facula.graph.codegen import C, Launcher, Program, source_of

#: Kinds of kernels that are printed as C and compiled; core's interpreter, in Python, runs the others.
#: Add Map, ArgReduce, Scan, Gather, Scatter, Sort and RandomWords one by one; the suite says how far you are.
#: A program with a `flag` (Gather, Scatter) notes an index out of range there: see `raise_for` in codegen.
PRINTED = (Matmul, Reduce)


def count() -> int:
    """How many of these devices the machine has: 'mydevice:0' and so on."""
    return 1


class MydeviceBackend(BufferBackend):
    """Memory of this process, behind the five functions that any device has."""

    # A device that lacks some dtypes says so:  dtypes = BufferBackend.dtypes - {"float64", "complex128"}

    def alloc(self, nbytes: int) -> Any:
        """A buffer, freed when nothing refers to it any more."""
        return (ctypes.c_uint8 * nbytes)()

    def copy_in(self, buffer: Any, data: bytes) -> None:
        """Bytes of the host to the device."""
        ctypes.memmove(buffer, data, len(data))

    def copy_out(self, buffer: Any) -> bytes:
        """And back, after all that was launched."""
        self.synchronize()
        return ctypes.string_at(buffer, len(buffer))

    def synchronize(self) -> None:
        """Waits for all that was launched; here each launch waits for itself."""

    def compile(self, kernel: Kernel) -> Callable[..., None]:
        """A description as something to launch; called once for each description."""
        if isinstance(kernel, PRINTED) and compiler():
            return Launcher(kernel, C, self.build, self.alloc)
        return interpret(kernel, open=lambda buffer: buffer)

    def build(self, program: Program) -> Callable[..., None]:
        """A printed kernel as a function of its arguments; called once for each kernel and layout."""
        function = getattr(library(source_of(C, [program])), program.name)
        # Buffers are passed as pointers, numbers by the C type of their dtype.
        function.argtypes = [
            np.ctypeslib.as_ctypes_type(p.dtype) if p.kind == "number" else ctypes.c_void_p
            for p in program.parameters
        ]
        function.restype = None

        def run(arguments: list[Any], work_items: tuple[int, ...]) -> None:
            function(*arguments)  # the C dialect loops over all work-items by itself

        return run


@cache
def compiler() -> str | None:
    """The path of this machine's C compiler, if it has one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


_lock = threading.Lock()


def library(source: str) -> ctypes.CDLL:
    """C source as a loaded library, compiled at its first use and kept for other processes."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "facula-mydevice"  # of this user alone: what lies there is loaded
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(source.encode()).hexdigest()[:32]}.so"
    with _lock:
        if not path.exists():
            compile_c(source, path)
    return ctypes.CDLL(str(path))


def compile_c(source: str, path: Path) -> None:
    """Writes the library to `path`, whole or not at all. Raises RuntimeError with the compiler's words."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        text, built = Path(folder, "kernel.c"), Path(folder, "kernel.so")
        text.write_text(source)
        command = [compiler(), "-O2", "-shared", "-fPIC", *C.options, text, "-o", built, "-lm"]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(
                f"device 'mydevice': a kernel does not compile:\n{done.stderr}\n{source}"
            )
        built.replace(path)
