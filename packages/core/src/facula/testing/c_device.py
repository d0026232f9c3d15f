"""The C dialect as a device: kernels compiled with the machine's C compiler and called through ctypes.

It is there to test and debug the printer, and one can look at what it runs: the sources lie beside the libraries
in `directory()`, and a debugger, gdb or AddressSanitizer see them as any other C. It is not fast.

    facula.ones(3, device="c").exp()

`CC` names the compiler (else `cc`), `FACULA_C_FLAGS` adds flags: under AddressSanitizer, for example,
`FACULA_C_FLAGS="-g -fsanitize=address,undefined -fno-sanitize-recover"` with `LD_PRELOAD` of libasan.
Every buffer is a `malloc` of its exact size, so that it sees each byte beyond.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from facula._device import device as Device
from facula.backends.buffer import BufferBackend, Kernel
from facula.graph.codegen import C, Launcher, Program, raise_for, source_of

_LIBC = ctypes.CDLL(None)
_LIBC.malloc.restype, _LIBC.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
_LIBC.free.argtypes = [ctypes.c_void_p]
_TYPES = {"float32": ctypes.c_float, "float64": ctypes.c_double}


def compiler() -> list[str] | None:
    """The command of the C compiler, or None where there is none."""
    command = shlex.split(os.environ.get("CC", "cc"))
    return command if command and shutil.which(command[0]) else None


def directory() -> Path:
    """Where sources and libraries lie: kept from run to run, and the user's alone."""
    path = Path(tempfile.gettempdir()) / f"facula-c-device-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    if path.stat().st_uid != os.getuid():
        raise RuntimeError(f"{path} belongs to another user; set TMPDIR to a directory of your own")
    return path


def library(source: str) -> ctypes.CDLL:
    """`source` compiled and loaded; what was compiled once is taken from `directory()`."""
    command = compiler()
    if command is None:
        raise RuntimeError("the device 'c' needs a C compiler: install one, or name it in CC")
    flags = [*C.options, "-O1", "-w", *shlex.split(os.environ.get("FACULA_C_FLAGS", ""))]
    key = hashlib.sha256(repr((command, flags, source)).encode()).hexdigest()[:32]
    target = directory() / f"{key}.so"
    if not target.exists():
        _compile([*command, *flags], source, target)
    return ctypes.CDLL(str(target))


def _compile(command: list[str], source: str, target: Path) -> None:
    text = target.with_suffix(".c")
    text.write_text(source)
    made = target.with_suffix(
        f".{os.getpid()}"
    )  # renamed when whole: another process may compile it too
    done = subprocess.run(
        [*command, "-shared", "-fPIC", "-o", str(made), str(text), "-lm"],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{shlex.join(command)} failed on {text}:\n{done.stderr}\n{source}")
    made.rename(target)


class Memory:
    """Memory of the device: an address, freed with the object."""

    __slots__ = ("address", "nbytes", "__weakref__")

    def __init__(self, nbytes: int):
        self.nbytes, self.address = nbytes, _LIBC.malloc(nbytes)
        if not self.address:
            raise MemoryError(f"device 'c': no memory for {nbytes} bytes")

    def __del__(self, free: Callable[[int], None] = _LIBC.free) -> None:
        free(getattr(self, "address", None) or 0)

    @property
    def _as_parameter_(self) -> ctypes.c_void_p:
        return ctypes.c_void_p(self.address)


class CBackend(BufferBackend):
    """A device that is C: the four functions of a raw device, as nothing runs in the background."""

    dialect = C

    def __init__(self, device: Device):
        super().__init__(device)
        self._prepared: dict[str, ctypes.CDLL] = {}

    def alloc(self, nbytes: int) -> Memory:
        return Memory(nbytes)

    def copy_in(self, buffer: Memory, data: bytes) -> None:
        ctypes.memmove(buffer.address, data, len(data))

    def copy_out(self, buffer: Memory) -> bytes:
        return ctypes.string_at(buffer.address, buffer.nbytes)

    def compile(self, kernel: Kernel) -> Callable[..., None]:
        return Launcher(kernel, C, self.build, self.alloc)

    def prepare(self, launches: Iterable[tuple[Kernel, tuple[Any, ...]]]) -> None:
        """Compiles the kernels of several launches as one library, which is faster than one by one."""
        self.build_all([Launcher(k, C, self.build, self.alloc).program(*a) for k, a in launches])

    def build_all(self, programs: list[Program]) -> list[Callable[..., None]]:
        together = library(source_of(C, programs))
        self._prepared.update({p.name: together for p in programs})
        return [self.build(program) for program in programs]

    def build(self, program: Program) -> Callable[..., None]:
        """A printed kernel as a function of the arguments."""
        compiled = self._prepared.get(program.name) or library(source_of(C, [program]))
        function = compiled[program.name]
        function.restype = None
        function.argtypes = [_argument_type(p) for p in program.parameters]
        if not program.flag:
            return lambda arguments, range: function(*arguments)

        def run(arguments: list[Any], range: tuple[int, ...]) -> None:
            flag = (ctypes.c_int64 * 3)()
            function(*arguments, flag)
            raise_for(list(flag))

        return run


def _argument_type(parameter: Any) -> Any:
    if parameter.kind != "number":
        return ctypes.c_void_p
    name = parameter.dtype.name
    return _TYPES.get(name) or getattr(ctypes, f"c_{name}")
