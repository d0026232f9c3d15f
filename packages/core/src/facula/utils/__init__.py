"""Tools; `facula.utils.data` as in PyTorch."""

from __future__ import annotations

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    if name != "data":
        raise AttributeError(f"module 'facula.utils' has no attribute {name!r}")
    return importlib.import_module("facula.utils.data")
