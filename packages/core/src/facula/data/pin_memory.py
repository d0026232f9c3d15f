"""Batches in page-locked memory, as `DataLoader(pin_memory=True)` hands them out."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from facula._tensor import Tensor


def can_pin(device: Any) -> bool:
    """Whether there is a device to pin memory for; warns, as PyTorch, where there is none."""
    from facula.backends.accelerators import accelerator_type

    if device or accelerator_type() is not None:
        return True
    warnings.warn(
        "'pin_memory' argument is set as true but no accelerator is found, then device pinned memory won't be used.",
        stacklevel=4,
    )
    return False


def pin_memory(data: Any, device: Any = None) -> Any:
    """`data` with its tensors pinned, within containers too; other objects by their own `pin_memory()`."""
    if isinstance(data, Tensor):
        return data.pin_memory(device or None) if data.is_cpu else data
    if isinstance(data, (str, bytes)):
        return data
    if hasattr(data, "pin_memory"):
        return data.pin_memory()
    if isinstance(data, Mapping):
        return type(data)({k: pin_memory(v, device) for k, v in data.items()})  # type: ignore[call-arg]
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(pin_memory(v, device) for v in data))
    if isinstance(data, Sequence):
        parts = [pin_memory(v, device) for v in data]
        return parts if isinstance(data, list) else type(data)(parts)  # type: ignore[call-arg]
    return data
