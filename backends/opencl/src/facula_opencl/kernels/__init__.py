"""Kernels of this device's own, beyond the leaves that core generates; one file a family.

A family has `LEAVES`: {op name: function(backend, *arguments)}, which may answer NotImplemented for a
dtype, size or layout; `INPLACE`: {name: function(backend, *arguments)} for in-place methods and
optimizer updates; or both.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pkgutil import iter_modules
from typing import Any


def tables(
    backend: Any,
) -> tuple[dict[str, list[Callable[..., Any]]], dict[str, Callable[..., Any]]]:
    """Kernels by op name, those to be asked first at the front, and in-place kernels, all bound to `backend`."""
    leaves: dict[str, list[Callable[..., Any]]] = {}
    inplace: dict[str, Callable[..., Any]] = {}
    for module in iter_modules(__path__):
        family = import_module(f"{__name__}.{module.name}")
        for name, kernel in getattr(family, "LEAVES", {}).items():
            leaves.setdefault(name, []).append(partial(kernel, backend))
        for name, kernel in getattr(family, "INPLACE", {}).items():
            inplace[name] = partial(kernel, backend)
    return leaves, inplace
