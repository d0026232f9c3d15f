"""Modules made without filling their parameters."""

from __future__ import annotations

import inspect
from typing import Any

__all__ = ["skip_init"]


def skip_init(module_cls: Any, *args: Any, **kwargs: Any) -> Any:
    """A module whose parameters are not initialised; it must accept `device`."""
    from facula.nn.module import Module

    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters and not _takes_any(module_cls):
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    final = kwargs.pop("device", "cpu")
    return module_cls(*args, **kwargs, device="meta").to_empty(device=final)


def _takes_any(module_cls: Any) -> bool:
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(module_cls).parameters.values())
