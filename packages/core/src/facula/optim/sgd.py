"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from facula._tensor import Tensor
from facula.optim.optimizer import Optimizer, apply_update, hyperparameters


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
        for name, value in (
            ("learning rate", lr),
            ("momentum value", momentum),
            ("weight_decay value", weight_decay),
        ):
            if value < 0.0:
                raise ValueError(f"Invalid {name}: {value}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize, "foreach": foreach, "differentiable": differentiable, "fused": fused,
        })  # fmt: skip

    def initial_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        # With dampening the first buffer is the whole gradient, which zeros cannot express.
        return (
            {"momentum_buffer": param.detach() * 0}
            if group["momentum"] and not group["dampening"]
            else {}
        )

    def update(
        self, group: dict[str, Any], param: Tensor, grad: Tensor, state: dict[str, Any]
    ) -> None:
        decays = group["weight_decay"] != 0
        if group["momentum"] == 0:
            rates = hyperparameters(group, ("lr", "weight_decay"), param)
            apply_update("sgd_update", (param,), param, grad, *rates, decays)
            return
        buffer = state.get("momentum_buffer")
        first = buffer is None
        if buffer is None:
            buffer = state["momentum_buffer"] = param.detach().clone()
        rates = hyperparameters(group, ("lr", "weight_decay", "momentum", "dampening"), param)
        apply_update(
            "momentum_update", (param, buffer), param, grad, buffer, *rates, decays,
            group["nesterov"], first,
        )  # fmt: skip
