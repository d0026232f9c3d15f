"""Recurrent layers, all their steps and the gradients, as one call of C on the pool of threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from facula_native import units

Kernel = Callable[..., Any]


@cache
def _layers(backend: Any) -> Any:
    """Made at the first layer: what it needs is imported then."""
    from facula.graph.runtime.recurrent_layers import NumpyLayers

    return NumpyLayers(backend, _is_worth)


def _is_worth(sums: int) -> bool:
    return sums >= units.SMALL and units.unit("split") is not None  # else nothing can be compiled


def _wrapper(name: str) -> Callable[[Any, Kernel], Kernel]:
    def make(backend: Any, below: Kernel) -> Kernel:
        def kernel(*args: Any, **options: Any) -> Any:
            return getattr(_layers(backend), name)(below, *args, **options)

        return kernel

    return make


_LAYERS = ("lstm_layer", "gru_layer", "rnn_layer")
WRAPPERS: dict[str, Callable[[Any, Kernel], Kernel]] = {
    name: _wrapper(name) for layer in _LAYERS for name in (layer, f"{layer}_gradient")
}
