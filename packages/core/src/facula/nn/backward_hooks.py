"""Full backward hooks: identity functions around a module whose backward calls the hooks."""

from __future__ import annotations

from typing import Any

from facula._tensor import Tensor
from facula.autograd import Function
from facula.autograd.hooks import replaced


class _Watch(Function):  # type: ignore[misc, valid-type]
    """Identity on its tensors; in backward their gradients go through `call`."""

    @staticmethod
    def forward(ctx: Any, call: Any, *tensors: Any) -> Any:
        ctx.call = call
        ctx.set_materialize_grads(False)
        return tuple(t.view_as(t) for t in tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return (None, *ctx.call(grads))


class Boundary:
    """The two ends of one call of a module, between which its backward hooks run."""

    def __init__(self, module: Any, pre_hooks: list[Any], hooks: list[Any]):
        self.module, self.pre_hooks, self.hooks = module, pre_hooks, hooks
        self.grad_output: tuple[Any, ...] | None = None
        self.has_inputs = False
        self.input_count = 0

    def watch_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.input_count = len(args)
        watched, at = _watch(args, self._input_gradients) if self.hooks else (args, [])
        self.has_inputs, self.input_positions = bool(at), at
        return watched

    def watch_outputs(self, output: Any) -> Any:
        single = isinstance(output, Tensor)
        if not single and not isinstance(output, (tuple, list)):
            return output
        values = (output,) if single else tuple(output)
        watched, self.output_positions = _watch(values, self._output_gradients)
        self.output_count = len(values)
        if single:
            return watched[0]
        return type(output)(*watched) if hasattr(output, "_fields") else type(output)(watched)

    def _output_gradients(self, grads: tuple[Any, ...]) -> Any:
        full = _spread(grads, self.output_positions, self.output_count)
        for hook in self.pre_hooks:
            full = _replaced(
                full, hook(self.module, full), hook, "Backward pre hook", "grad_output"
            )
        self.grad_output = full
        if self.hooks and not self.has_inputs:
            self._run_hooks((None,) * self.input_count)
        return [full[i] for i in self.output_positions]

    def _input_gradients(self, grads: tuple[Any, ...]) -> Any:
        full = self._run_hooks(_spread(grads, self.input_positions, self.input_count))
        return [full[i] for i in self.input_positions]

    def _run_hooks(self, grad_input: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in self.hooks:
            changed = hook(self.module, grad_input, self.grad_output)
            grad_input = _replaced(grad_input, changed, hook, "Backward hook", "grad_input")
        return grad_input


def _replaced(
    before: tuple[Any, ...], changed: Any, hook: Any, kind: str, what: str
) -> tuple[Any, ...]:
    """The gradients that go on: `before`, or a tuple (or the one tensor) that a hook returned."""
    if changed is None:
        return before
    if not isinstance(changed, (tuple, list)):
        changed = (changed,)
    if len(changed) != len(before):
        raise RuntimeError(
            f"{kind} returned an invalid number of {what}, got {len(changed)}, but expected {len(before)}"
        )
    return tuple(replaced(b, c, hook) if c is not None else None for b, c in zip(before, changed))


def _watch(values: tuple[Any, ...], call: Any) -> tuple[tuple[Any, ...], list[int]]:
    """`values` with the tensors that require grad watched, and the positions of these."""
    at = [i for i, v in enumerate(values) if isinstance(v, Tensor) and v.requires_grad]
    if not at:
        return values, at
    watched = _Watch.apply(call, *[values[i] for i in at])
    out = list(values)
    for i, tensor in zip(at, watched):
        out[i] = tensor
    return tuple(out), at


def _spread(grads: tuple[Any, ...], positions: list[int], count: int) -> tuple[Any, ...]:
    full: list[Any] = [None] * count
    for i, g in zip(positions, grads):
        full[i] = g
    return tuple(full)
