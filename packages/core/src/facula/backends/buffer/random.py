"""Random words, made on the device."""

from __future__ import annotations

from typing import Any

from facula.backends.buffer.array import BufferArray
from facula.backends.buffer.kernels import RandomWords


def random_words(xp: Any, key: Any, count: int, dtype: Any) -> BufferArray:
    out = xp.empty((count,), dtype)
    if count:
        xp.launch(RandomWords(dtype), (count,), out.operand(), key.seed, key.offset)
    return out  # type: ignore[no-any-return]


LEAVES = {"random_words": random_words}
