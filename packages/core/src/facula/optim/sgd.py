"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from facula._tensor import Tensor
from facula.autograd.mode import has_values
from facula.optim.optimizer import Optimizer, apply_updates, hyperparameters, refuse_negative


class SGD(Optimizer):
    """Gradient descent with momentum, Nesterov's variant and weight decay.

    The momentum is PyTorch's: `buffer = momentum * buffer + (1 - dampening) * grad`, and the step is
    `lr * buffer`. Source: Sutskever et al. 2013, "On the importance of initialization and momentum".

    >>> w = facula.ones(2, requires_grad=True)
    >>> optimizer = facula.optim.SGD([w], lr=0.1)
    >>> w.sum().backward(); optimizer.step(); w
    tensor([0.9000, 0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        refuse_negative(
            {"learning rate": lr, "momentum value": momentum, "weight_decay value": weight_decay}
        )
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize, "foreach": foreach, "differentiable": differentiable, "fused": fused,
        })  # fmt: skip

    def initial_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        import facula

        # With dampening the first buffer is the whole gradient, which zeros cannot express.
        return (
            {"momentum_buffer": facula.zeros_like(param)}
            if group["momentum"] and not group["dampening"]
            else {}
        )

    def update_all(self, group: dict[str, Any], params: Any, grads: Any, states: Any) -> None:
        decays, maximize = group["weight_decay"] != 0, group["maximize"]
        if group["momentum"] == 0:
            rates = hyperparameters(group, ("lr", "weight_decay"), params[0])
            apply_updates("sgd_updates", (params,), params, grads, *rates, decays, maximize)
            return
        if not has_values(params[0]):  # so that the first step is like all later ones
            self.fill_states(group, params, states)
        for first in (False, True):
            own = [i for i, known in enumerate(states) if ("momentum_buffer" not in known) is first]
            if own:
                self._step_with_momentum(
                    group, [params[i] for i in own], [grads[i] for i in own], [states[i] for i in own], first
                )  # fmt: skip

    def _step_with_momentum(
        self, group: dict[str, Any], params: Any, grads: Any, states: Any, first: bool
    ) -> None:
        """`first`: the parameters have no buffers yet."""
        if first:
            for param, known in zip(params, states):
                known["momentum_buffer"] = param.detach().clone()
        buffers = [known["momentum_buffer"] for known in states]
        rates = hyperparameters(group, ("lr", "weight_decay", "momentum", "dampening"), params[0])
        apply_updates(
            "momentum_updates", (params, buffers), params, grads, buffers, *rates,
            group["weight_decay"] != 0, group["nesterov"], first, group["maximize"],
        )  # fmt: skip
