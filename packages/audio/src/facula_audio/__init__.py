"""Audio: files, features, data sets and models of sound, with torchaudio's names."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"
__all__ = [
    "AudioMetaData",
    "datasets",
    "files",
    "functional",
    "info",
    "load",
    "models",
    "save",
    "transforms",
]
_OF_FILES = {"AudioMetaData", "info", "load", "save"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'facula_audio' has no attribute {name!r}")
    if name in _OF_FILES:
        return getattr(importlib.import_module("facula_audio.files"), name)
    return importlib.import_module(f"facula_audio.{name}")
