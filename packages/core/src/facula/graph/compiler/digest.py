"""The digest under which a compiled program is kept: of all that it is made of.

That is the graph (ops, arguments, shapes, dtypes, strides, the content of constants), the number of threads and the default
dtype; Facula's own sources and those of packages that add ops; versions of Python, NumPy, the C compiler and oneDNN, what multiplies matrices, the CPU, whether it has bfloat16.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

import facula
from facula.dtypes import dtype as Dtype, get_default_dtype
from facula.graph.ir import CONSTANT, Graph, Node, Runtime, Value
from facula.graph.runtime import gemm_identity, has_bfloat16, unit
from facula.graph.runtime.onednn import library_path
from facula.ops._op import OPS, Op

#: Bytes of constants above which a program is not kept.
MOST = 1 << 26
_SUFFIXES = (".py", ".c", ".h")
_PLAIN = frozenset((bool, int, float, complex, str, bytes, type(None), slice, type(Ellipsis)))


class _Unknown(Exception):
    """An argument that has no text from which it could be told from others."""


def digest_of(graph: Graph, threads: int) -> str | None:
    """The digest; None for what cannot be told from others by its text: ops of no package, arguments with code in them."""
    constants = [n for n in graph.nodes if n.op is CONSTANT]
    if sum(n.args[0].size * n.args[0].dtype.itemsize for n in constants) > MOST:
        return None
    found = hashlib.sha256(repr(_surroundings()).encode())
    try:
        packages = {_package(n.op) for n in graph.nodes if n.op is not CONSTANT}
        if packages - {"facula"}:  # ops of others may be made of ops of still others
            packages = {_package(op) for op in OPS.values()}
        found.update("".join(map(sources_of, sorted(packages | {"facula"}))).encode())
        found.update("\n".join(_lines(graph, threads)).encode())
    except _Unknown:
        return None
    for node in constants:
        array = np.ascontiguousarray(node.backend.to_numpy(node.args[0]))
        found.update(array.reshape(-1).view(np.uint8).data)
    return found.hexdigest()[:40]


def _surroundings() -> tuple[Any, ...]:
    library = library_path()
    about = os.stat(library) if library else None
    return (
        platform.python_version(), np.__version__, unit.identity(), unit.flags(), library,
        about and (about.st_size, about.st_mtime_ns), has_bfloat16(), gemm_identity(), str(get_default_dtype()),
    )  # fmt: skip


@cache
def sources_of(package: str) -> str:
    """The digest of a package's Python and C files: of their names, sizes and times of change, by which Python knows its own cache.

    Raises _Unknown where it is no package on disk, or was changed since it was loaded.
    """
    spec = find_spec(package) if package != "__main__" else None
    if spec is None or not spec.submodule_search_locations:
        raise _Unknown
    found = sorted(x for folder in spec.submodule_search_locations for x in _files(folder))
    if any(changed > facula._LOADED for _, _, changed in found):
        raise _Unknown
    return hashlib.sha256(repr(found).encode()).hexdigest()


def _files(folder: str) -> Iterator[tuple[str, int, int]]:
    """(path, size, time of change in nanoseconds) of sources in a folder and those below."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name != "__pycache__":
                    yield from _files(entry.path)
            elif entry.name.endswith(_SUFFIXES):
                about = entry.stat()
                yield entry.path, about.st_size, about.st_mtime_ns


def _package(op: Any) -> str:
    if op.__class__ is not Op:
        raise _Unknown
    return str(op.function.__module__).partition(".")[0]


def _lines(graph: Graph, threads: int) -> Iterator[str]:
    """The graph in words, its values numbered in order."""
    names: dict[Any, str] = {o: f"option{i}" for i, o in enumerate(graph.options)}
    yield f"{threads} {len(graph.options)}"
    for i, v in enumerate(graph.inputs):
        names[v] = f"input{i}"
        yield _described(v)
    for i, node in enumerate(graph.nodes):
        arguments = "" if node.op is CONSTANT else _text(node.args, names)
        for k, out in enumerate(node.outputs):
            if out is not None:
                names[out] = f"v{i}.{k}"
        yield f"{node.name} {arguments} {_results(node)}"
    yield _text(tuple(graph.outputs), names)
    yield _text(tuple(graph.updates.items()), names)


def _results(node: Node) -> str:
    return " ".join("-" if v is None else _described(v) for v in node.outputs)


def _described(v: Value) -> str:
    return f"{v.dtype.name}{v.shape}{v.strides}"


def _text(a: Any, names: dict[Any, str]) -> str:
    kind = a.__class__
    if kind is Value or kind is Runtime:
        return names[a]
    if kind is tuple or kind is list:
        return f"({','.join([_text(x, names) for x in a])})"
    if kind in _PLAIN:
        return repr(a)
    if isinstance(a, np.dtype):
        return a.name
    if kind is Dtype:
        return a.name  # type: ignore[no-any-return]
    if kind is Op and _package(a) == "facula":
        return str(a.name)
    raise _Unknown
