"""Random words, worked out by the host from core's definition and copied over."""

from __future__ import annotations

from typing import Any

import numpy as np

from facula.random import words


def random_words(xp: Any, key: Any, count: int, dtype: Any) -> Any:
    return xp.asarray(np.array(words(key, count, 8 * dtype.itemsize), dtype))


LEAVES = {"random_words": random_words}
