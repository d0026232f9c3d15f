"""Numbers that Python owns and that a program must read anew at each replay: learning rates and the like.

lr = runtime_scalar(lambda: group["lr"])      # eager: the float; captured: a 0-d tensor
n = value_of(state["step"])                   # eager: the float; captured: the 0-d tensor itself
step_size = lr / (1 - beta1**n)               # the same line for both
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from facula._tensor import Tensor
from facula.autograd.mode import Mode, state
from facula.dtypes import F64, as_dtype
from facula.graph.active import active
from facula.ops._op import OPS


def is_capturing() -> bool:
    """Whether this thread is capturing a function."""
    return active.capture is not None and isinstance(state.mode, Mode)


def runtime_scalar(read: Callable[[], Any], dtype: Any = "float64") -> Any:
    """`read()`; under capture a 0-d tensor that holds what `read()` gives at each replay.

    `read` is called once per replay, in the order of capture, before the program runs: it must read
    what users set (`group['lr']`), not what the captured function itself changes.
    """
    if not isinstance(state.mode, Mode):
        return read()
    return state.mode.runtime_scalar(read, as_dtype(dtype).dtype)


def value_of(tensor: Tensor) -> Any:
    """The value of a 0-d tensor as a Python number; under capture the tensor itself, in float64.

    For counters that a captured function advances: `state['step'] += 1; n = value_of(state['step'])`.
    """
    return OPS["cast"].call(tensor.detach(), F64) if is_capturing() else tensor.item()
