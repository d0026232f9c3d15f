"""A long row of tokens as a data set for language models."""

from __future__ import annotations

from typing import Any

import facula
from facula import Tensor
from facula.data import Dataset


class TokenDataset(Dataset[tuple[Tensor, Tensor]]):
    """Windows of `length` tokens, and the same windows one token later: what comes next.

    A sample is a pair of int64 tensors (length,); windows start every `stride` tokens (`length`).
    Raises ValueError where there are not enough tokens for one window.
    """

    def __init__(self, tokens: Any, length: int, stride: int | None = None):
        self.tokens = facula.as_tensor(tokens, dtype=facula.int64)
        self.length, self.stride = length, stride or length
        if len(self.tokens) <= length:
            raise ValueError(
                f"{len(self.tokens)} tokens are not enough for windows of {length} and the next token"
            )

    def __len__(self) -> int:
        return (len(self.tokens) - 1 - self.length) // self.stride + 1

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        if not 0 <= index < len(self):
            raise IndexError(f"window {index} is out of range, there are {len(self)}")
        start = index * self.stride
        return self.tokens[start : start + self.length], self.tokens[
            start + 1 : start + self.length + 1
        ]
