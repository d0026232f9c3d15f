"""Which capture the calling thread is in, and the lock of all captures."""

from __future__ import annotations

import threading
from typing import Any

from facula.graph.errors import CaptureError


class _Active(threading.local):
    capture: Any = None


active = _Active()
#: Held while tensors are swapped for symbols, and while a replay looks at its tensors.
lock = threading.RLock()


def current_capture() -> Any:
    """The capture that this thread is in. Raises CaptureError outside one."""
    if active.capture is None:
        raise CaptureError(
            "a tensor is used that a compiled function made or is working on: either another thread is capturing a "
            "function that uses it, or the function kept it beyond its end; share it after the first call, or return it"
        )
    return active.capture
