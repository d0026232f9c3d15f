"""Hooks on gradients: functions called when the gradient of a tensor is known."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from itertools import count
from typing import Any

from facula._tensor import Tensor, edge_of, is_tracked
from facula.autograd.record import mark

_ids = count()
_LAST = -1


class RemovableHandle:
    """What registering a hook returns; `remove()` takes the hook out again."""

    def __init__(self, hooks: dict[int, Any]):
        self.id = next(_ids)
        self._hooks = weakref.ref(hooks) if hasattr(hooks, "__weakref__") else (lambda: hooks)

    def remove(self) -> None:
        hooks = self._hooks()
        if hooks is not None:
            hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.remove()


def add_hook(hooks: dict[int, Any], hook: Callable[..., Any]) -> RemovableHandle:
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if _LAST in hooks:
        hooks[_LAST] = hooks.pop(_LAST)
    return handle


def add_last_hook(tensor: Tensor, hook: Callable[[Tensor], None]) -> None:
    """A hook that is called after all others: it sees the gradient that goes on."""
    handle = register_hook(tensor, hook)
    hooks = edge_of(tensor).hooks
    hooks[_LAST] = hooks.pop(handle.id)


def follow_write(tensor: Tensor, before: Any) -> None:
    """Moves the last hook from the node `before` to that which `tensor` has since: it is about what the tensor holds."""
    last = (before.hooks or {}).pop(_LAST, None)
    if last is not None and tensor._node is not None:
        add_last_hook(tensor, last)


def register_hook(tensor: Tensor, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
    if not is_tracked(tensor):
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    target = edge_of(tensor)
    if isinstance(target, Tensor):
        return add_hook(target.__dict__.setdefault("_hooks", {}), hook)
    if target.hooks is None:
        target.hooks = {}
        mark(target)
    return add_hook(target.hooks, hook)


def register_post_accumulate_grad_hook(
    tensor: Tensor, hook: Callable[[Tensor], None]
) -> RemovableHandle:
    if tensor._node is not None:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    return add_hook(tensor.__dict__.setdefault("_post_accumulate_hooks", {}), hook)


def replaced(before: Any, changed: Any, hook: Any) -> Any:
    """The gradient that goes on: `before`, or what `hook` returned to take its place."""
    if changed is None:
        return before
    name = getattr(hook, "__name__", hook)
    if not isinstance(changed, Tensor):
        raise TypeError(
            f"expected Variable, but hook returned '{type(changed).__name__}': hook '{name}' is to return None, "
            f"or the Tensor that replaces the gradient"
        )
    if before is None:
        return changed
    if changed.dtype is not before.dtype or changed.device != before.device:
        raise RuntimeError(
            f"hook '{name}' has changed the type of value (was {before.dtype} on {before.device}, "
            f"got {changed.dtype} on {changed.device})"
        )
    if changed.shape != before.shape:
        raise RuntimeError(
            f"hook '{name}' has changed the size of value: return a gradient of shape {list(before.shape)}, "
            f"not {list(changed.shape)}"
        )
    return changed
