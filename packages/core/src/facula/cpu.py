"""What programs ask about the CPU as a device, as `torch.cpu`."""

from __future__ import annotations

from typing import Any

__all__ = ["current_device", "device_count", "is_available", "is_initialized", "synchronize"]


def is_available() -> bool:
    """True."""
    return True


is_initialized = is_available


def device_count() -> int:
    """1."""
    return 1


def current_device() -> str:
    """'cpu'."""
    return "cpu"


def synchronize(device: Any = None) -> None:
    """Does nothing: the CPU's operations have ended when they return."""


def set_device(device: Any) -> None:
    """Does nothing: there is one CPU."""
