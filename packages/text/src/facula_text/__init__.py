"""Text: tokenizers, corpora and language models."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"
_HOMES = {
    "CharTokenizer": "facula_text.char_tokenizer", "BPETokenizer": "facula_text.bpe_tokenizer",
    "TokenDataset": "facula_text.token_dataset",
}  # fmt: skip
__all__ = ["BPETokenizer", "CharTokenizer", "TokenDataset", "corpora", "models"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in ("corpora", "models"):
        return importlib.import_module(f"facula_text.{name}")
    raise AttributeError(f"module 'facula_text' has no attribute {name!r}")
