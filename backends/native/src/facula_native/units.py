"""C units of this package: text from `sources/` and core's elementary functions, compiled at first use, or not at all."""

from __future__ import annotations

import ctypes
import os
import re
import warnings
from functools import cache
from pathlib import Path
from typing import Any

from facula import threads

#: Arrays of fewer elements stay with NumPy. Tests set it to 0 in the environment, so that all kernels run.
SMALL = int(os.environ.get("FACULA_NATIVE_SMALL", 1 << 15))

#: Whether there was a large array: from then on one call of C takes the place of several of NumPy for small ones too. Before, a
#: program of small arrays compiles nothing.
is_awake = False


def awake() -> None:
    global is_awake
    is_awake = True


#: Units whose steps are rounded one by one, as NumPy does; in others `a * b + c` may be one.
EXACT = ("update", "random")

_loaded: list[ctypes.CDLL] = []
#: Why there are no kernels, once that is known.
_missing: list[str] = []


def is_off() -> bool:
    """Whether NumPy does everything: on request, or because nothing can be compiled."""
    return bool(_missing) or os.environ.get("FACULA_NATIVE") == "0"


@cache
def unit(name: str) -> ctypes.CDLL | None:
    """The library of `sources/NAME.c`; None, after one warning, where it cannot be compiled."""
    from facula.graph.runtime import bfloat16_gemm_address, gemm_address, load, shared_library
    from facula.graph.runtime.calls import FLAGS

    if is_off():
        return None
    try:
        contract = "off" if name in EXACT else "fast"
        library = load(text_of(name), f"-ffp-contract={contract}", "-pthread", *FLAGS)
        run = ctypes.cast(shared_library().run_some, ctypes.c_void_p)
    except (RuntimeError, OSError) as error:
        _give_up(str(error))
        return None
    ctypes.c_void_p.in_dll(library, "pool_run_some").value = run.value
    if hasattr(library, "gemm"):
        ctypes.c_void_p.in_dll(library, "gemm").value = gemm_address()
    if hasattr(library, "gemm_bf16"):
        ctypes.c_void_p.in_dll(library, "gemm_bf16").value = bfloat16_gemm_address()
    if not _loaded:
        threads.listeners.append(_set_threads)
    _loaded.append(library)
    _set_threads(threads.get_num_threads())
    return library


def text_of(name: str) -> str:
    """The whole text of a unit."""
    from facula.graph.codegen import C
    from facula.graph.codegen.library import functions_for

    here = Path(__file__).with_name("sources")
    text = (here / "runtime.h").read_text() + (here / f"{name}.c").read_text()
    text = re.sub(r'#include "(.+)"\n', lambda found: _shared(here, found[1]), text)
    head = f"#define HEAD {object.__basicsize__}\n"
    return f"{C.preamble}{functions_for(text, C)}\n{head}{text}"


def _shared(here: Path, name: str) -> str:
    """A text that several units have: of `sources/`, or one that core's compiled programs have, too."""
    from facula.graph import runtime
    from facula.graph.runtime.calls import is_laid_out_as_expected

    if name == "composite.h":
        from facula_native.composite import text

        return text()
    if name == "builtin.h" and not is_laid_out_as_expected():
        return ""
    folder, _, file = name.rpartition("/")
    return (Path(runtime.__file__).with_name(file) if folder else here / file).read_text()


def _set_threads(count: int) -> None:
    for library in _loaded:
        ctypes.c_int.in_dll(library, "pool_threads").value = count


def _give_up(reason: str) -> None:
    is_first = not _missing
    _missing.append(reason)  # before the warning, which may be an error
    if is_first:
        warnings.warn(
            f"facula-native: its kernels cannot be compiled, so NumPy does their work, correctly but slower; "
            f"FACULA_NATIVE=0 silences this. {reason}",
            stacklevel=3,
        )


#: An array, as its address: `id(array)`, or 0.
ARRAY = INDEX = ctypes.c_int64
NUMBER = ctypes.c_double


@cache
def function(unit_name: str, name: str, arrays: int, indices: int, numbers: int = 0) -> Any:
    """A function of a unit that takes so many arrays, whole numbers and float64s; None where there is none.

    It is called with `id(array)`, and runs without the interpreter lock. What it returns means something where C says so.
    """
    library = unit(unit_name)
    if library is None:
        return None
    found = library[name]
    found.argtypes = [ARRAY] * arrays + [INDEX] * indices + [NUMBER] * numbers
    found.restype = ctypes.c_int
    return found
