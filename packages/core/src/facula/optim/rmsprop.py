"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from facula._tensor import Tensor
from facula.optim.optimizer import (
    Optimizer,
    apply_updates,
    count_step,
    hyperparameters,
    known_states,
    refuse_negative,
)


class RMSprop(Optimizer):
    """Gradients divided by a running root mean square, with momentum and a centered variant.

    Source: Tieleman and Hinton 2012, lecture 6.5; centered: Graves 2013, arXiv 1308.0850.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        refuse_negative(
            {
                "learning rate": lr,
                "epsilon value": eps,
                "momentum value": momentum,
                "weight_decay value": weight_decay,
                "alpha value": alpha,
            }
        )
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered, "weight_decay": weight_decay,
            "capturable": capturable, "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
        })  # fmt: skip

    def initial_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        import facula

        state = {
            "step": facula.tensor(0.0, device=param.device),
            "square_avg": facula.zeros_like(param),
        }
        if group["momentum"] > 0:
            state["momentum_buffer"] = facula.zeros_like(param)
        if group["centered"]:
            state["grad_avg"] = facula.zeros_like(param)
        return state

    def update_all(self, group: dict[str, Any], params: Any, grads: Any, states: Any) -> None:
        self.fill_states(group, params, states)
        count_step(states)
        kept = [
            known_states(states, name) for name in ("square_avg", "momentum_buffer", "grad_avg")
        ]
        names = ("lr", "alpha", "eps", "weight_decay", "momentum")
        apply_updates(
            "rmsprop_updates", (params, *kept), params, grads, *kept,
            *hyperparameters(group, names, params[0]), group["weight_decay"] != 0, group["maximize"],
        )  # fmt: skip
