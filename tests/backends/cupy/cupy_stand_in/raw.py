"""`RawModule` on the host: CUDA C compiled by g++ against `cuda_on_host.h`, and launched block by block.

With FACULA_ON_HOST_SANITIZE=1 the kernels are built with AddressSanitizer and UBSan (the program must
then be started with libasan preloaded). Binaries are kept in a folder of the user's, by a digest of the text.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

HEADER = Path(__file__).with_name("cuda_on_host.h")
KERNEL = re.compile(
    r'(?:extern\s*"C"\s*__global__|KERNEL)\s*void\s+(?:__launch_bounds__\([^)]*\)\s*)?(\w+)\s*\(([^)]*)\)'
)
#: What this process compiled: all kernels' sources, for the tests that give them to NVRTC.
SOURCES: dict[str, str] = {}


def folder() -> Path:
    path = Path(tempfile.gettempdir()) / f"facula-cuda-on-host-{os.getuid()}"
    path.mkdir(exist_ok=True)
    return path


def parameters(text: str) -> list[str]:
    """The types of a parameter list."""
    out = []
    for parameter in text.split(","):
        words = re.sub(r"__restrict__|\bRESTRICT\b|\bGLOBAL\b|\s+", " ", parameter).strip()
        if words:
            out.append(re.sub(r"\w+$", "", words).strip())
    return out


def with_launchers(source: str) -> str:
    kernels = KERNEL.findall(source)
    barriers = "true" if re.search(r"__sync|__shfl", source) else "false"
    out = ['#include "cuda_on_host.h"', source]
    for name, text in kernels:
        types = parameters(text)
        given = ", ".join(f"*({t} *)a[{i}]" for i, t in enumerate(types))
        sizes = ", ".join(f"sizeof({t})" for t in types) or "0"
        out.append(
            f'extern "C" int sizes_{name}[] = {{{sizes}}};\n'
            f'extern "C" void launch_{name}(void **a, const unsigned *grid, const unsigned *block) {{\n'
            f"  on_host::run(grid, block, {barriers}, [=] {{ {name}({given}); }});\n}}"
        )
    return "\n".join(out)


@cache
def options() -> list[str]:
    """What g++ is told, with the header compiled beforehand: it takes longer than a kernel."""
    out = ["-O1", "-std=c++17", "-ffp-contract=off", "-fno-strict-aliasing", "-fPIC", "-w"]
    if os.environ.get("FACULA_ON_HOST_SANITIZE") == "1":
        out += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g"]
        out += [
            "-fno-sanitize=signed-integer-overflow,shift,float-cast-overflow,float-divide-by-zero"
        ]
    text = HEADER.read_text()
    place = folder() / hashlib.sha256("\0".join([text, *out]).encode()).hexdigest()[:16]
    if not (place / "cuda_on_host.h.gch").exists():
        made = Path(tempfile.mkdtemp(dir=folder()))
        (made / "cuda_on_host.h").write_text(text)
        subprocess.run(["g++", *out, "-x", "c++-header", made / "cuda_on_host.h"], check=True)
        if not place.exists():
            made.rename(place)
    return [*out, f"-I{place}"]


def compiled(source: str) -> ctypes.PyDLL:
    text = with_launchers(source)
    key = hashlib.sha256("\0".join([text, *options()]).encode()).hexdigest()[:24]
    library = folder() / f"{key}.so"
    if not library.exists():
        unit = folder() / f"{key}-{os.getpid()}.cpp"
        made = unit.with_suffix(".so")
        unit.write_text(text)
        command = ["g++", *options(), "-shared", unit, "-o", made]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"g++ refused a kernel ({unit}):\n{done.stderr}\n{source}")
        made.replace(library)
        unit.unlink()
    return ctypes.PyDLL(str(library))  # holds the interpreter lock: the fibers are shared


class RawModule:
    """As `cupy.RawModule`: kernels by name."""

    def __init__(self, *, code: str, options: tuple[str, ...] = (), backend: str = "nvrtc"):
        self.code, self.options = code, options
        SOURCES[hashlib.sha256(code.encode()).hexdigest()] = code
        self._library = compiled(code)
        self._types = {name: parameters(text) for name, text in KERNEL.findall(code)}

    def get_function(self, name: str) -> RawKernel:
        if name not in self._types:
            raise RuntimeError(f"no kernel {name} in the module; there are {list(self._types)}")
        types = self._types[name]
        sizes = (ctypes.c_int * max(len(types), 1)).in_dll(self._library, f"sizes_{name}")
        return RawKernel(getattr(self._library, f"launch_{name}"), name, types, list(sizes))


class RawKernel:
    """As what `cupy.RawModule.get_function` returns."""

    def __init__(self, function: object, name: str, types: list[str], sizes: list[int]):
        self._function, self.name, self._types, self._sizes = function, name, types, sizes

    def __call__(self, grid, block, args, *, shared_mem: int = 0) -> None:
        from cupy_stand_in.array import check_devices, ndarray

        assert 1 <= len(grid) <= 3 and 1 <= len(block) <= 3
        grid, block = ((*x, 1, 1)[:3] for x in (grid, block))
        assert all(n >= 1 for n in (*grid, *block)), "an empty launch is an error in CUDA"
        assert np.prod(block) <= 1024 and grid[1] <= 65535 and grid[2] <= 65535
        if len(args) != len(self._types):
            raise TypeError(f"{self.name}: {len(args)} arguments for {len(self._types)} parameters")
        held = []
        for value, kind, size in zip(args, self._types, self._sizes):
            if isinstance(value, ndarray):
                check_devices([value])
                assert kind.endswith("*"), f"{self.name}: an array for parameter of type {kind}"
                held.append(np.array(value.data.ptr, np.uint64))
                continue
            # CuPy passes Python ints as 8 bytes, floats as 8 bytes, NumPy scalars as they are
            value = np.asarray(value)
            assert value.itemsize == size, (
                f"{self.name}: {value.dtype} for a parameter of type {kind}"
            )
            held.append(value.copy())
        pointers = (ctypes.c_void_p * max(len(held), 1))(*[x.ctypes.data for x in held])
        self._function(
            pointers, (ctypes.c_uint * 3)(*map(int, grid)), (ctypes.c_uint * 3)(*map(int, block))
        )
