"""What cannot be captured, told with the line of user code that asked for it."""

from __future__ import annotations

import os
import sys

import facula

_PACKAGE = os.path.dirname(os.path.abspath(facula.__file__)) + os.sep


class CaptureError(NotImplementedError):
    """Raised while a function is captured: it does something that a graph of tensor ops cannot hold."""


def is_ours(filename: str) -> bool:
    """Whether code of that file is Facula's own, or was made by it."""
    return filename.startswith((_PACKAGE, "<facula"))


def user_line() -> str:
    """'FILE:LINE' of the innermost caller outside Facula; empty where there is none."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not is_ours(name):
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""


def refuse(what: str, instead: str) -> CaptureError:
    """The error for something that capture cannot follow, and what to write instead."""
    where = user_line()
    return CaptureError(f"{what} during capture{f', at {where}' if where else ''}; {instead}")
