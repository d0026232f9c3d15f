"""C text as a loaded library: compiled once, kept on disk (`kept.py`), shared between processes."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from facula.graph.errors import warn_user
from facula.graph.runtime import kept


class CompilerMissing(RuntimeError):
    """There is no C compiler."""


#: What the numerics rest on, and what makes loops fast: no fused a * b + c, no traps, vectors of the CPU's width.
FLAGS = (
    "-std=gnu11", "-O3", "-fPIC", "-shared", "-fno-math-errno", "-fno-trapping-math", "-fno-semantic-interposition",
    "-fno-strict-aliasing", "-w",  # the temporaries of many types lie in one piece of memory
)  # fmt: skip
#: With these GCC 12 chooses wrongly in rows of fewer than 17: of `v = a > 0 ? a : 0; v <= 0 ? 0 : g`.
OF_GCC = ("-fno-tree-dominator-opts",)
NATIVE = ("-march=native", "-mprefer-vector-width=512") if platform.machine() == "x86_64" else ("-mcpu=native",)  # fmt: skip


@cache
def compiler() -> tuple[str, ...]:
    """The command of the C compiler: $CC, cc, gcc, clang, or Zig's from PyPI. Raises CompilerMissing.

    $CC may have arguments ('ccache gcc'). One that is not found is warned of, once, with what is taken instead.
    """
    given = _command(os.environ.get("CC", ""))
    if given and shutil.which(given[0]):
        return given
    found = _other_compiler()
    if given:
        warn_user(
            f"CC={os.environ['CC']}: there is no program '{given[0]}'; '{' '.join(found)}' is used to compile instead"
        )
    return found


def _command(text: str) -> tuple[str, ...]:
    """A program, whose path may have spaces, or one with arguments."""
    if shutil.which(text):
        return (text,)
    try:
        return tuple(shlex.split(text, posix=os.name != "nt"))
    except ValueError:  # a quotation that does not end
        return (text,)


def _other_compiler() -> tuple[str, ...]:
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name):
            return (name,)
    try:
        import ziglang  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        raise CompilerMissing(
            "no C compiler was found ($CC, cc, gcc, clang); pip install ziglang brings one, as facula[compile] does"
        ) from None
    return (sys.executable, "-m", "ziglang", "cc")


@cache
def _version(command: tuple[str, ...]) -> str:
    """What a compiler says of itself."""
    return _run([*command, "--version"]).stdout


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise RuntimeError(
            f"the C compiler '{command[0]}' cannot be run ({error.strerror}); CC names another"
        ) from error


def flags() -> tuple[str, ...]:
    """For all units: other compilers refuse what is GCC's own."""
    return (
        *FLAGS,
        *NATIVE,
        *(OF_GCC if "Free Software Foundation" in _version(compiler()) else ()),
    )


@cache
def identity() -> str:
    """The compiler with its arguments, its version, and the CPU: units for another are not used."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = "".join(sorted({x for x in lines if x.startswith(("model name", "flags", "Features"))}))  # fmt: skip
    except OSError:
        cpu = platform.processor()
    command = compiler()
    return f"{shlex.join(command)}|{_version(command)}|{cpu}|{platform.machine()}"


def load(source: str, *more: str) -> ctypes.CDLL:
    """The library of a C text. Raises RuntimeError with the compiler's log where it does not compile."""
    key = hashlib.sha256("\0".join([source, *more, *flags(), identity()]).encode())
    path = kept.folder("units") / f"{key.hexdigest()[:40]}.so"
    if kept.read(path) is not None:  # loading one that is cut off would kill the process
        try:
            return ctypes.CDLL(str(path))
        except OSError:  # of another machine: made again below
            pass
    _compile(source, path, more)
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise RuntimeError(
            f"what '{shlex.join(compiler())}' made cannot be loaded: {error}; CC names another compiler, FACULA_CACHE another folder"
        ) from error


def _compile(source: str, path: Path, more: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        text, made = Path(scratch, "unit.c"), Path(scratch, "unit.so")
        text.write_text(source)
        command = [*compiler(), *flags(), *more, str(text), "-o", str(made), "-lm"]
        done = _run(command)
        if done.returncode or not made.exists():
            raise RuntimeError(
                f"{command[0]} failed on a generated program ({len(source.splitlines())} lines), "
                f"exit status {done.returncode}:\n{done.stderr[:4000] or '(it says nothing)'}"
            )
        kept.write(path, made.read_bytes())
