"""What programs ask about CUDA. Devices come from plug-ins; without one there are none, and this says so."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = [
    "current_device", "device_count", "empty_cache", "is_available", "manual_seed", "manual_seed_all", "synchronize",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name != "amp":
        raise AttributeError(
            f"module 'facula.cuda' has no attribute {name!r}; a CUDA device is a plug-in (pip install facula-cupy)"
        )
    return importlib.import_module("facula.cuda.amp")


def device_count() -> int:
    """How many CUDA devices the plug-ins offer; 0 without a plug-in or a driver."""
    from facula.backends.registry import count

    try:
        return count("cuda")
    except RuntimeError:
        return 0


def is_available() -> bool:
    """Whether there is a CUDA device."""
    return device_count() > 0


def is_initialized() -> bool:
    """As `is_available`: there is nothing to initialise."""
    return is_available()


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether a CUDA device computes bfloat16; core computes it in float32 and rounds."""
    return is_available()


def current_device() -> int:
    """The number of the CUDA device that 'cuda' means, always 0. Raises RuntimeError where there is none."""
    _require()
    return 0


def synchronize(device: Any = None) -> None:
    """Waits until the device has done all it was asked to. Raises RuntimeError where there is none."""
    from facula.backends.registry import backend_for

    _require()
    backend_for("cuda" if device is None else device).synchronize()


def empty_cache() -> None:
    """Does nothing: the memory pool is the plug-in's own."""


def manual_seed(seed: int) -> None:
    """Seeds CUDA's random numbers, which are the same generator's as all others; nothing without a CUDA device."""
    from facula.random import manual_seed as seed_all

    if is_available():
        seed_all(seed)


manual_seed_all = manual_seed


def _require() -> None:
    from facula.backends.registry import backend_for

    backend_for("cuda")
