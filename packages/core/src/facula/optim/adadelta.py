"""Adadelta."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from facula._tensor import Tensor
from facula.optim.optimizer import (
    Optimizer,
    apply_updates,
    count_step,
    hyperparameters,
    refuse_negative,
)


class Adadelta(Optimizer):
    """Gradients scaled by the ratio of the root mean squares of past updates and past gradients.

    Source: Zeiler 2012, "ADADELTA: an adaptive learning rate method", arXiv 1212.5701.

    >>> w = facula.ones(2, requires_grad=True)
    >>> optimizer = facula.optim.Adadelta([w], lr=0.1)
    >>> w.sum().backward(); optimizer.step(); w
    tensor([0.9997, 0.9997], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ):
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        refuse_negative(
            {"learning rate": lr, "epsilon value": eps, "weight_decay value": weight_decay}
        )
        super().__init__(params, {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable,
        })  # fmt: skip

    def initial_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        import facula

        return {
            "step": facula.tensor(0.0, device=param.device),
            "square_avg": facula.zeros_like(param),
            "acc_delta": facula.zeros_like(param),
        }

    def update_all(self, group: dict[str, Any], params: Any, grads: Any, states: Any) -> None:
        self.fill_states(group, params, states)
        count_step(states)
        kept = [[known[name] for known in states] for name in ("square_avg", "acc_delta")]
        rates = hyperparameters(group, ("lr", "rho", "eps", "weight_decay"), params[0])
        apply_updates(
            "adadelta_updates", (params, *kept), params, grads, *kept, *rates,
            group["weight_decay"] != 0, group["maximize"],
        )  # fmt: skip
