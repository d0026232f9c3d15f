"""Which op gets which kernel: asked once per op, when the device is loaded."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from facula_native import units
from facula_native.elementwise import MAKERS, Elementwise

#: Modules with `WRAPPERS`, a table of `make(backend, below)` by the name of the op, and `inplace(backend)` where they have
#: kernels that write into their arguments. `below` is the kernel that runs where ours has nothing to gain.
FAMILIES: tuple[str, ...] = (
    "activation",
    "attention",
    "composite",
    "conv",
    "copies",
    "embedding",
    "loss",
    "norm",
    "optimizer",
    "places",
    "pool",
    "product",
    "random",
    "recurrent",
    "reduce",
    "rows",
)

Kernel = Callable[..., Any]


def kernel(op: Any, backend: Any, below: Kernel) -> Kernel:
    """The kernel of `op`: ours, or `below`."""
    if units.is_off():
        return below
    if isinstance(below, np.ufunc):
        return _elementwise(backend).kernel(op.name, below)
    make = _wrappers().get(op.name)
    own = below if make is None else make(backend, below)
    return _elementwise(backend).maker(op.name, own) if op.name in MAKERS else own


def inplace(backend: Any) -> dict[str, Kernel]:
    """Kernels that write into their arguments."""
    if units.is_off():
        return {}
    tables = [m.inplace(backend) for m in _families() if hasattr(m, "inplace")]
    return {name: kernel for table in tables for name, kernel in table.items()}


@cache
def _elementwise(backend: Any) -> Elementwise:
    return Elementwise(backend)


@cache
def _families() -> list[Any]:
    return [import_module(f"facula_native.{name}") for name in FAMILIES]


@cache
def _wrappers() -> dict[str, Callable[[Any, Kernel], Kernel]]:
    return {name: make for m in _families() for name, make in getattr(m, "WRAPPERS", {}).items()}
