"""The one pool of threads, and the matrix product, that all generated C of a process shares."""

from __future__ import annotations

import ctypes
import os
import warnings
from functools import cache
from pathlib import Path

from facula.graph.errors import SettingError
from facula.graph.runtime import onednn, openblas
from facula.graph.runtime.unit import load

_SOURCES = (
    "pool.c",
    "shares.c",
    "tile.c",
    "gemm.c",
    "convolution.c",
    "onednn.c",
    "openblas.c",
    "bfloat16.c",
)

#: What FACULA_GEMM may ask for, and the functions of the shared library that they are.
GEMMS = {"onednn": "onednn_gemm", "openblas": "openblas_gemm", "builtin": "gemm"}


@cache
def shared_library() -> ctypes.CDLL:
    """A library with `run(body, context, threads)`, `barrier()`, `gemm` and, those of the optional libraries.

    `run` calls `void body(void *context, int thread)` once per thread, within which `barrier` waits for all and helps with what others do `in_pieces`; `run_program` is that
    for compiled programs, whose threads' parts it changes;
    `gemm_bf16` is for products of bfloat16.
    Raises CompilerMissing where there is no C compiler.
    """
    here = Path(__file__)
    source = "".join(here.with_name(name).read_text() for name in _SOURCES)
    library = load(source, "-ffp-contract=fast", "-pthread", "-ldl")
    for function in (library.run, library.run_program):
        function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
    library.openblas_words.restype = ctypes.c_char_p
    path = onednn.library_path()
    if path is not None and library.onednn_open(os.fsencode(path)):
        warnings.warn(f"{path} is not a oneDNN library of version 3; it is not used", stacklevel=2)
    return library


def has_onednn() -> bool:
    """Whether oneDNN is there and open."""
    return bool(ctypes.c_int.in_dll(shared_library(), "onednn_is_open").value)


@cache
def gemm_name() -> str:
    """What multiplies matrices of float32, of `GEMMS`: what FACULA_GEMM asks for, else oneDNN, else OpenBLAS where it is faster, else the built-in.

    Each leaves to the built-in what that does better, but OpenBLAS takes all that it can where it is asked for.
    Raises SettingError where FACULA_GEMM is another word, or the library that it asks for is not there.
    """
    asked = os.environ.get("FACULA_GEMM")
    if asked and asked not in GEMMS:
        raise SettingError(f"FACULA_GEMM={asked}: it is one of {', '.join(GEMMS)}, or not set")
    if asked == "builtin":
        return asked
    if asked == "openblas" or (not asked and not has_onednn() and _is_openblas_worth_having()):
        return "openblas" if _open_openblas(is_asked=bool(asked)) else "builtin"
    if asked and not has_onednn():
        raise SettingError(
            "FACULA_GEMM=onednn: oneDNN is not there; pip install onednn-cpu-gomp brings it (Linux on x86-64), FACULA_ONEDNN names another file"
        )
    return "onednn" if has_onednn() else "builtin"


def _is_openblas_worth_having() -> bool:
    return bool(ctypes.c_int.in_dll(shared_library(), "openblas_is_worth_having").value)


def _open_openblas(is_asked: bool) -> bool:
    """Whether OpenBLAS is there and open. What is in the way is an error where it `is_asked` for."""
    path = openblas.library_path()
    if path is None:
        if is_asked:
            raise SettingError(
                "FACULA_GEMM=openblas: OpenBLAS is not there; pip install scipy-openblas32 brings it, FACULA_OPENBLAS names another file"
            )
        return False
    library = shared_library()
    if (trouble := library.openblas_open(os.fsencode(path))) != 0:
        reason = f"{path} {openblas.TROUBLE[trouble - 1]}"
        if is_asked:
            raise SettingError(f"FACULA_GEMM=openblas: {reason}")
        warnings.warn(f"{reason}; it is not used", stacklevel=2)
        return False
    ctypes.c_int.in_dll(library, "openblas_takes_all").value = is_asked
    return True


def gemm_identity() -> tuple[str, str, bool]:
    """`gemm_name`, and of OpenBLAS its version and kernels and whether it takes all: what the bits of products depend on."""
    name, library = gemm_name(), shared_library()
    takes_all = ctypes.c_int.in_dll(library, "openblas_takes_all")
    return name, library.openblas_words().decode(), bool(takes_all.value)


def gemm_address(then: str = "") -> int:
    """The function for products of float32 matrices, with the arguments of `gemm`: that of `gemm_name`.

    With `then="_then"` that with the arguments of `gemm_then`, which does more to each part of the result.
    """
    return _address(GEMMS[gemm_name()] + then)


def bfloat16_gemm_address(then: str = "") -> int:
    """The function for products of bfloat16 matrices with a float32 result, with the arguments of `gemm`, or of `gemm_then`."""
    return _address("gemm_bf16" + then)


def _address(name: str) -> int:
    return ctypes.cast(getattr(shared_library(), name), ctypes.c_void_p).value or 0


def has_bfloat16() -> bool:
    """Whether products and convolutions of bfloat16 have instructions of their own here, and a library that knows them."""
    return bool(ctypes.c_int.in_dll(shared_library(), "bfloat16_is_native").value)
