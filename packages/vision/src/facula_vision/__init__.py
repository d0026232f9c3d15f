"""Vision: data sets of images, transforms and models, with torchvision's names."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"
__all__ = ["datasets", "models", "transforms"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'facula_vision' has no attribute {name!r}")
    return importlib.import_module(f"facula_vision.{name}")
