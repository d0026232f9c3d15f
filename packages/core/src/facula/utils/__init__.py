"""Tools: `facula.utils.data` and `facula.utils.checkpoint`, as in PyTorch."""

from __future__ import annotations

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    if name not in ("data", "checkpoint"):
        raise AttributeError(f"module 'facula.utils' has no attribute {name!r}")
    return importlib.import_module(f"facula.utils.{name}")
