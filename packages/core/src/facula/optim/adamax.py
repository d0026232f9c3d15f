"""Adamax."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from facula._tensor import Tensor
from facula.optim.adam import first_beta, second_beta
from facula.optim.optimizer import (
    Optimizer,
    apply_updates,
    count_step,
    hyperparameter,
    refuse_betas,
    refuse_negative,
)


class Adamax(Optimizer):
    """Adam with the largest gradient of late, in place of the root mean square.

    Source: Kingma and Ba 2015, "Adam: a method for stochastic optimization", section 7.1.

    >>> w = facula.ones(2, requires_grad=True)
    >>> optimizer = facula.optim.Adamax([w], lr=0.1)
    >>> w.sum().backward(); optimizer.step(); w
    tensor([0.9000, 0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ):
        refuse_negative(
            {"learning rate": lr, "epsilon value": eps, "weight_decay value": weight_decay}
        )
        refuse_betas(betas)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        })  # fmt: skip

    def initial_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        import facula

        return {
            "step": facula.tensor(0.0, device=param.device),
            "exp_avg": facula.zeros_like(param),
            "exp_inf": facula.zeros_like(param),
        }

    def update_all(self, group: dict[str, Any], params: Any, grads: Any, states: Any) -> None:
        self.fill_states(group, params, states)
        steps, first = count_step(states), params[0]
        kept = [[known[name] for known in states] for name in ("exp_avg", "exp_inf")]
        apply_updates(
            "adamax_updates", (params, *kept), params, grads, *kept, steps, hyperparameter(group, "lr", first),
            hyperparameter(group, "betas", first, first_beta), hyperparameter(group, "betas", first, second_beta),
            hyperparameter(group, "eps", first), hyperparameter(group, "weight_decay", first),
            group["weight_decay"] != 0, group["maximize"],
        )  # fmt: skip
