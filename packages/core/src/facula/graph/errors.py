"""What cannot be captured, told with the line of user code that asked for it."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from types import FrameType

import facula

_PACKAGE = os.path.dirname(os.path.abspath(facula.__file__)) + os.sep
#: What our own code is called through, where it is a context manager or a decorator.
_BETWEEN = contextlib.__file__


class CaptureError(NotImplementedError):
    """Raised while a function is captured: it does something that a graph of tensor ops cannot hold."""


class SettingError(ValueError):
    """Raised where a variable of the environment asks for what cannot be: nothing else is taken instead."""


def is_ours(filename: str) -> bool:
    """Whether code of that file is Facula's own, or was made by it."""
    return filename.startswith((_PACKAGE, "<facula", _BETWEEN))


def _user_frame() -> tuple[FrameType | None, int]:
    """The innermost caller outside Facula, and how many frames above the function that asks."""
    frame: FrameType | None = sys._getframe(1)
    level = 0
    while frame is not None and is_ours(frame.f_code.co_filename):
        frame, level = frame.f_back, level + 1
    return frame, level


def user_line() -> str:
    """'FILE:LINE' of the innermost caller outside Facula; empty where there is none."""
    frame, _ = _user_frame()
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else ""


def warn_user(message: str) -> None:
    """A UserWarning about the line of the innermost caller outside Facula."""
    _, level = _user_frame()
    warnings.warn(message, stacklevel=level + 1)


def refuse(what: str, instead: str) -> CaptureError:
    """The error for something that capture cannot follow, and what to write instead."""
    where = user_line()
    return CaptureError(f"{what} during capture{f', at {where}' if where else ''}; {instead}")
