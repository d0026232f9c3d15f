"""The one pool of threads, and the matrix product, that all generated C of a process shares."""

from __future__ import annotations

import ctypes
import os
import warnings
from functools import cache
from pathlib import Path

from facula.graph.runtime.onednn import library_path
from facula.graph.runtime.unit import load

_SOURCES = ("pool.c", "shares.c", "tile.c", "gemm.c", "convolution.c", "onednn.c", "bfloat16.c")


@cache
def shared_library() -> ctypes.CDLL:
    """A library with `run(body, context, threads)`, `barrier()`, `gemm` and, if oneDNN is there, `onednn_gemm`.

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
    path = library_path()
    if path is not None and library.onednn_open(os.fsencode(path)):
        warnings.warn(f"{path} is not a oneDNN library of version 3; it is not used", stacklevel=2)
    return library


def has_onednn() -> bool:
    """Whether oneDNN is there and open."""
    return bool(ctypes.c_int.in_dll(shared_library(), "onednn_is_open").value)


def gemm_address() -> int:
    """The function for products of float32 matrices, with the arguments of `gemm`: oneDNN's or the built-in."""
    library = shared_library()
    function = library.onednn_gemm if has_onednn() else library.gemm
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def bfloat16_gemm_address() -> int:
    """The function for products of bfloat16 matrices with a float32 result, with the arguments of `gemm`."""
    return ctypes.cast(shared_library().gemm_bf16, ctypes.c_void_p).value or 0


def has_bfloat16() -> bool:
    """Whether products and convolutions of bfloat16 have instructions of their own here, and a library that knows them."""
    return bool(ctypes.c_int.in_dll(shared_library(), "bfloat16_is_native").value)
