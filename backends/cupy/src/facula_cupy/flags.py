"""Where kernels note an index out of range or a division by 0: they cannot raise, so the next wait for the GPU does."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from facula.graph.codegen import raise_for


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
        """Raises what a kernel has noted. Waits for the GPU if a kernel could have."""
        if not self.is_used:
            return
        self.is_used = False
        noted = self.array.get()
        if noted[0]:
            self.array.fill(0)
            raise_for(noted)


def checks_at_once() -> bool:
    """CUDA_LAUNCH_BLOCKING=1 finds an index out of range where it is used, and makes every launch wait."""
    return os.environ.get("CUDA_LAUNCH_BLOCKING") == "1"
