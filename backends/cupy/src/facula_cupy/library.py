"""Which array module the device works on (CuPy), and what keeps it from working.

FACULA_CUPY_MODULE names another module with CuPy's interface; the tests put one over NumPy there.
"""

from __future__ import annotations

import importlib
import os
from functools import cache
from typing import Any


class Unusable(RuntimeError):
    """There is no CUDA device to be had; `remedy` says what to do."""

    def __init__(self, text: str, remedy: str):
        super().__init__(text)
        self.remedy = remedy


@cache
def library() -> Any:
    """CuPy. Raises Unusable where it is not installed or does not load."""
    name = os.environ.get("FACULA_CUPY_MODULE", "cupy")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise Unusable(
            f"the package '{name}' is not installed",
            "pip install facula[cuda] (facula[cuda12] for drivers that know CUDA 12 only)",
        ) from None


def device_count() -> int:
    """How many GPUs CuPy sees. Raises Unusable where the driver is missing, too old, or shows none."""
    runtime = library().cuda.runtime
    try:
        return int(runtime.getDeviceCount())
    except runtime.CUDARuntimeError as error:
        text = str(error)
    if "InsufficientDriver" in text:
        raise Unusable(
            "there is no NVIDIA driver, or one that is older than the CUDA version of the installed CuPy",
            "install NVIDIA's driver (`nvidia-smi` must list the GPU and a CUDA version of at least CuPy's)",
        )
    if "NoDevice" in text:
        raise Unusable(
            "the NVIDIA driver shows no GPU",
            "see `nvidia-smi`, and whether CUDA_VISIBLE_DEVICES hides them",
        )
    raise Unusable(text, "see whether `nvidia-smi` works")
