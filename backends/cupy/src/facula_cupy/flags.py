"""Where kernels note an index that is out of range: they cannot raise, so the next wait for the GPU does."""

from __future__ import annotations

import os
from typing import Any

import numpy as np


class Flag:
    """Three numbers on the GPU (set, index, size) that kernels share, and whether anyone may have set them."""

    def __init__(self, library: Any):
        self.library = library
        self.array: Any = None
        self.is_used = False

    def raised(self) -> Any:
        """The array, for a kernel that may set it."""
        if self.array is None:
            self.array = self.library.zeros(3, np.int64)
        self.is_used = True
        return self.array

    def check(self) -> None:
        """Raises IndexError if a kernel has set it. Waits for the GPU if a kernel could have."""
        if not self.is_used:
            return
        self.is_used = False
        found, index, size = (int(x) for x in self.array.get())
        if found:
            self.array.fill(0)
            raise IndexError(f"index {index} is out of bounds for dimension with size {size}")


def checks_at_once() -> bool:
    """CUDA_LAUNCH_BLOCKING=1 finds an index out of range where it is used, and makes every launch wait."""
    return os.environ.get("CUDA_LAUNCH_BLOCKING") == "1"
