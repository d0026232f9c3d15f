"""Calls of a module with other parameters than its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["functional_call"]


@contextmanager
def _swapped(
    module: Any, tensors: dict[str, Any], tie_weights: bool, strict: bool
) -> Iterator[None]:
    named = dict(module.named_parameters(remove_duplicate=False)) | dict(
        module.named_buffers(remove_duplicate=False)
    )
    unknown = [k for k in tensors if k not in named]
    if strict and unknown:
        raise RuntimeError(f"Unexpected key(s) : {', '.join(unknown)}.")
    if strict and len(named) > len(tensors):
        missing = [k for k in named if k not in tensors]
        raise RuntimeError(f"Missing key(s) : {', '.join(missing)}.")
    if tie_weights:
        tied = {id(named[k]): v for k, v in tensors.items() if k in named}
        tensors = {**{k: tied[id(t)] for k, t in named.items() if id(t) in tied}, **tensors}
    places = []
    for path, tensor in tensors.items():
        owner = module.get_submodule(path.rpartition(".")[0])
        name = path.rpartition(".")[2]
        kind = owner._parameters if name in owner._parameters else owner._buffers
        places.append((kind, name, kind.get(name), tensor))
    for kind, name, _, tensor in places:
        kind[name] = tensor
    try:
        yield
    finally:
        for kind, name, before, _ in places:
            kind[name] = before


def functional_call(
    module: Any, parameters_and_buffers: Any, args: Any = None, kwargs: Any = None, *,
    tie_weights: bool = True, strict: bool = False,
) -> Any:  # fmt: skip
    """`module(*args, **kwargs)` with the given tensors in the place of its own, by path."""
    if isinstance(parameters_and_buffers, (list, tuple)):
        merged: dict[str, Any] = {}
        for part in parameters_and_buffers:
            merged.update(part)
        parameters_and_buffers = merged
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _swapped(module, parameters_and_buffers, tie_weights, strict):
        return module(*args, **(kwargs or {}))
