"""C text as a loaded library: compiled once, kept on disk, shared between processes.

The folder is the user's own (mode 0700); one that somebody else owns is refused. A file gets its name when it is
whole, so that processes may compile the same at once; one that cannot be loaded is compiled again.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path


class CompilerMissing(RuntimeError):
    """There is no C compiler."""


#: What the numerics rest on, and what makes loops fast: no fused a * b + c, no traps, vectors of the CPU's width.
FLAGS = (
    "-std=gnu11", "-O3", "-fPIC", "-shared", "-fno-math-errno", "-fno-trapping-math", "-fno-semantic-interposition",
    "-fno-strict-aliasing", "-w",  # the temporaries of many types lie in one piece of memory
)  # fmt: skip
NATIVE = ("-march=native", "-mprefer-vector-width=512") if platform.machine() == "x86_64" else ("-mcpu=native",)  # fmt: skip


@cache
def compiler() -> tuple[str, ...]:
    """The command of the C compiler: $CC, cc, gcc, clang, or Zig's from PyPI. Raises CompilerMissing."""
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        if name and shutil.which(name):
            return (name,)
    try:
        import ziglang  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        raise CompilerMissing(
            "no C compiler was found (cc, gcc, clang); pip install facula[compile] brings one"
        ) from None
    return (sys.executable, "-m", "ziglang", "cc")


@cache
def _identity() -> str:
    """The compiler's version and the CPU: units for another are not used."""
    version = subprocess.run([*compiler(), "--version"], capture_output=True, text=True).stdout
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = "".join(sorted({x for x in lines if x.startswith(("model name", "flags", "Features"))}))  # fmt: skip
    except OSError:
        cpu = platform.processor()
    return f"{version}|{cpu}|{platform.machine()}"


def folder() -> Path:
    """Where units are kept: $FACULA_CACHE, or `facula` under the user's cache folder. Raises RuntimeError if it is not ours."""
    base = os.environ.get("FACULA_CACHE") or Path(
        os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "facula"
    )
    path = Path(base, "units")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid"):
        found = path.stat()
        if found.st_uid != os.getuid():
            raise RuntimeError(
                f"the folder for compiled programs, {path}, belongs to another user; set FACULA_CACHE to one of yours"
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            path.chmod(0o700)
    return path


def load(source: str, *flags: str) -> ctypes.CDLL:
    """The library of a C text. Raises RuntimeError with the compiler's log where it does not compile."""
    key = hashlib.sha256("\0".join([source, *flags, *FLAGS, *NATIVE, _identity()]).encode())
    path = folder() / f"{key.hexdigest()[:40]}.so"
    if path.exists():
        _check_owner(path)
        try:
            if _is_whole(path):
                return ctypes.CDLL(str(path))
        except OSError:  # of another machine: made again below
            pass
        path.unlink(missing_ok=True)
    _compile(source, path, flags)
    return ctypes.CDLL(str(path))


def _is_whole(path: Path) -> bool:
    """Whether the file ends with the digest of what comes before: loading one that is cut off would kill the process."""
    data = path.read_bytes()
    return hashlib.sha256(data[:-_DIGEST]).digest() == data[-_DIGEST:]


_DIGEST = 32  # bytes at the end of a file, which loaders pass over


def _check_owner(path: Path) -> None:
    if hasattr(os, "getuid") and path.stat().st_uid != os.getuid():
        raise RuntimeError(f"the compiled program {path} belongs to another user; remove it")


def _compile(source: str, path: Path, flags: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        text, made = Path(scratch, "unit.c"), Path(scratch, "unit.so")
        text.write_text(source)
        command = [*compiler(), *FLAGS, *NATIVE, *flags, str(text), "-o", str(made), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(
                f"{command[0]} failed on a generated program ({len(source.splitlines())} lines):\n{done.stderr[:4000]}"
            )
        with made.open("r+b") as file:
            digest = hashlib.sha256(file.read()).digest()
            file.write(digest)
        os.replace(made, path)
