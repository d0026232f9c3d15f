"""Automatic differentiation: `backward`, `grad`, `Function`, grad modes, hooks, gradcheck."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from facula._tensor import Tensor, is_tracked
from facula.autograd.engine import run_backward
from facula.autograd.mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)


class _VariableType(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_VariableType):
    """The old name of a tensor on the tape: `Variable(t, requires_grad=True)` is `t` as a leaf of its own."""

    def __new__(
        cls, data: Tensor, requires_grad: bool = False, volatile: bool | None = None
    ) -> Any:
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        return data.detach().requires_grad_(requires_grad)


__all__ = [
    "Function", "Variable", "backward", "detect_anomaly", "enable_grad", "grad", "gradcheck", "gradgradcheck",
    "inference_mode", "is_grad_enabled", "no_grad", "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip


def _sequence(x: Any) -> list[Any]:
    return [x] if isinstance(x, Tensor) or x is None else list(x)


def _roots(tensors: Any, grads: Any) -> tuple[list[Tensor], list[Tensor | None]]:
    roots = _sequence(tensors)
    given = _sequence(grads) if grads is not None else [None] * len(roots)
    if len(given) != len(roots):
        raise RuntimeError(f"got {len(roots)} tensors and {len(given)} gradients")
    for t in roots:
        if not is_tracked(t):
            raise RuntimeError(
                f"a tensor of shape {list(t.shape)} does not require grad and does not have a grad_fn: nothing that "
                f"requires grad went into it, or it was made under no_grad() or detached"
            )
    return roots, given


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Adds the gradient of `tensors` (scalars, or with `grad_tensors` given) to `.grad` of the leaves.

    With `inputs` only those get it, results of operations among them (`retain_grad`). Raises RuntimeError where the graph was freed before.
    """
    roots, given = _roots(tensors, grad_tensors)
    retain = create_graph if retain_graph is None else retain_graph
    wanted = None if inputs is None else _sequence(inputs)
    if wanted is not None and not wanted:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    for t in wanted or ():
        t.retain_grad()
    run_backward(roots, given, wanted, retain, create_graph, accumulate=True)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor, ...]:
    """The gradients of `outputs` with respect to `inputs`, as a tuple; `.grad` is left alone.

    >>> x = facula.tensor(3.0, requires_grad=True)
    >>> facula.autograd.grad(x * x, x)
    (tensor(6.),)
    """
    if is_grads_batched:
        raise NotImplementedError("is_grads_batched is not there yet; loop over the gradients")
    roots, given = _roots(outputs, grad_outputs)
    wanted = _sequence(inputs)
    for t in wanted:
        if not is_tracked(t):
            raise RuntimeError(
                f"One of the differentiated Tensors (shape {list(t.shape)}) does not require grad"
            )
    retain = create_graph if retain_graph is None else retain_graph
    results = run_backward(roots, given, wanted, retain, create_graph, accumulate=False)
    if materialize_grads:
        results = [
            r if r is not None else t.detach().new_zeros(t.shape) for r, t in zip(results, wanted)
        ]
    elif not allow_unused and any(r is None for r in results):
        raise RuntimeError(
            "One of the differentiated Tensors appears to not have been used in the graph. "
            "Set allow_unused=True if this is the desired behavior."
        )
    return tuple(results)  # type: ignore[arg-type]


def __getattr__(name: str) -> Any:
    import importlib

    homes = {
        "Function": "function", "gradcheck": "finite_differences", "gradgradcheck": "finite_differences", "once_differentiable": "function",
        "detect_anomaly": "anomaly", "set_detect_anomaly": "anomaly", "is_anomaly_enabled": "anomaly",
        "FunctionCtx": "function", "GradcheckError": "finite_differences", "function": "function", "anomaly": "anomaly", "profiler": "profiler", "functional": "functional",
    }  # fmt: skip
    if name not in homes:
        raise AttributeError(f"module 'facula.autograd' has no attribute {name!r}")
    module = importlib.import_module(f"facula.autograd.{homes[name]}")
    return getattr(module, name, module)
