"""Every name of CuPy that the CUDA device uses exists in the installed CuPy: read from the sources."""

import ast
import inspect
from pathlib import Path

import cupy
import pytest

import facula.backends.array
import facula_cupy

OURS = sorted(Path(facula_cupy.__file__).parent.rglob("*.py"))
ADAPTER = sorted(Path(facula.backends.array.__file__).parent.glob("*.py"))
#: What stands for CuPy (or a part of it) in the sources, and which part.
ROOTS = {
    "m": "", "self.m": "", "library": "", "self.library": "", "backend.library": "", "target.library": "",
    "launches.library": "", "cuda": "cuda", "self.cuda": "cuda", "target.cuda": "cuda", "source.cuda": "cuda",
    "library().cuda": "cuda", "runtime": "cuda.runtime", "xp.library": "",
}  # fmt: skip
#: Kernels that the device takes from elsewhere: their names need not be CuPy's.
REPLACED = {"maximum.accumulate", "minimum.accumulate", "add.at", "add.reduceat"}


def names_in(path):
    """(dotted name relative to cupy, line) of all chains that start at a root."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Attribute):
            continue
        text = ast.unparse(node)
        for root in sorted(ROOTS, key=len, reverse=True):
            if text.startswith(root + ".") and not (
                root == "runtime" and path.name != "library.py"
            ):
                name = ".".join(filter(None, [ROOTS[root], text.removeprefix(root + ".")]))
                yield name, node.lineno
                break


def found(name):
    """Whether CuPy has it. What hangs on a call's result is listed in `test_methods_exist`."""
    at = cupy
    for part in name.split("."):
        if not part.isidentifier():
            return True
        if not hasattr(at, part):
            return False
        at = getattr(at, part)
    return True


@pytest.mark.parametrize("path", OURS + ADAPTER, ids=lambda p: p.stem)
def test_names_exist(path):
    missing = [
        f"{name} (line {line})"
        for name, line in names_in(path)
        if not found(name) and name not in REPLACED
    ]
    assert not missing


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (cupy.cuda.Device, "mem_info synchronize __enter__ __exit__"),
        (cupy.cuda.Stream, "null done use record synchronize wait_event"),
        (cupy.cuda.Event, "done record synchronize"),
        (cupy.cuda.MemoryPool, "malloc used_bytes total_bytes free_all_blocks set_limit"),
        (cupy.cuda.MemoryPointer, "mem ptr __add__"),
        (cupy.cuda.memory, "OutOfMemoryError"),
        (cupy.RawModule, "get_function"),
        (cupy.RawKernel, "__call__"),
        (cupy.ndarray, "astype get set fill max min sum prod any all argmax argmin data base view flags mean take"),
    ],
)  # fmt: skip
def test_methods_exist(kind, names):
    assert not [n for n in names.split() if not hasattr(kind, n)]


def test_the_test_finds_something():
    names = {n for path in OURS + ADAPTER for n, _ in names_in(path)}
    assert {"RawModule", "cuda.Device", "cuda.runtime.getDevice", "linalg.svd", "empty"} <= names
    assert found("no_such_function") is False


def attributes_of_arrays():
    """Attributes that the stand-in's arrays have: what the sources use of arrays ran through them."""
    from cupy_stand_in.array import ndarray

    return [n for n in vars(ndarray) if not n.startswith("_")]


def test_the_stand_ins_arrays_have_no_more_than_cupys():
    assert not [n for n in attributes_of_arrays() if not hasattr(cupy.ndarray, n)]


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (cupy.asarray, {"a": 0, "order": "C", "blocking": True}),
        (cupy.amax, {"a": 0, "axis": 0, "keepdims": True}),
        (cupy.fft.fft, {"a": 0, "axis": 0}),
        (cupy.fft.ifft, {"a": 0, "axis": 0, "norm": "forward"}),
        (cupy.fft.irfft, {"a": 0, "n": 4, "axis": 0, "norm": "forward"}),
        (cupy.lib.stride_tricks.as_strided, {"x": 0, "shape": (), "strides": ()}),
        (cupy.argsort, {"a": 0, "axis": 0, "kind": "stable"}),
    ],
)
def test_keyword_arguments_exist(function, arguments):
    inspect.signature(function).bind(**arguments)


def test_cupy_without_a_gpu_says_what_we_read():
    """`library.device_count` tells drivers from GPUs by these names."""
    if cupy.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(cupy.cuda.runtime.CUDARuntimeError, match=r"InsufficientDriver|NoDevice"):
        cupy.cuda.runtime.getDeviceCount()
