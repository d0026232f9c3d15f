"""Page-locked memory of the host: a device copies from it faster, and in the background."""

from __future__ import annotations

from typing import Any

from facula.autograd.record import from_array
from facula.backends.accelerators import accelerator_type
from facula.backends.registry import backend_for


def pin(t: Any, device: Any = None) -> Any:
    """What `Tensor.pin_memory` does."""
    if not t.is_cpu:
        raise RuntimeError(
            f"cannot pin a tensor of shape {tuple(t.shape)} on {t.device}: only dense CPU tensors can be pinned"
        )
    backend = _pinner(device)
    if backend is None:
        raise RuntimeError(
            "pin_memory: Cannot access accelerator device when none is available; leave pin_memory out on this machine"
        )
    if backend.is_pinned(t._array):
        return t
    pinned = backend.pin(t._array)
    return t if pinned is None else from_array(t._backend, t._backend.asarray(pinned))


def is_pinned(t: Any, device: Any = None) -> bool:
    """What `Tensor.is_pinned` says; False without an accelerator."""
    backend = _pinner(device) if t.is_cpu else None
    return backend is not None and bool(backend.is_pinned(t._array))


def _pinner(device: Any) -> Any:
    """The backend for which memory is pinned: that of `device`, else the accelerator's."""
    name = device if device not in (None, "") else accelerator_type()
    return None if name is None else backend_for(name)
