"""What goes with `facula.compile`: `is_compiling`, `reset`, `list_backends`, `set_stance`, `disable`."""

from __future__ import annotations

from facula.graph.compiled import disable, list_backends, reset
from facula.graph.scalars import is_capturing
from facula.graph.stance import set_stance


def is_compiling() -> bool:
    """Whether this thread is capturing a function."""
    return is_capturing()


__all__ = ["disable", "is_compiling", "list_backends", "reset", "set_stance"]
