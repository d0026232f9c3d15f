"""Adagrad."""

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


class Adagrad(Optimizer):
    """Gradients divided by the root of the sum of all their squares so far.

    Source: Duchi, Hazan and Singer 2011, "Adaptive subgradient methods".
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ):
        values = {
            "learning rate": lr,
            "lr_decay value": lr_decay,
            "weight_decay value": weight_decay,
        }
        more = {"initial_accumulator_value value": initial_accumulator_value, "epsilon value": eps}
        refuse_negative(values | more)
        super().__init__(params, {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused,
        })  # fmt: skip
        self.prepare()

    def initial_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        import facula

        total = facula.full_like(param, group["initial_accumulator_value"])
        return {"step": facula.tensor(0.0, device=param.device), "sum": total}

    def update_all(self, group: dict[str, Any], params: Any, grads: Any, states: Any) -> None:
        self.fill_states(group, params, states)
        steps, sums = count_step(states), [known["sum"] for known in states]
        rates = hyperparameters(group, ("lr", "lr_decay", "eps", "weight_decay"), params[0])
        apply_updates(
            "adagrad_updates", (params, sums), params, grads, sums, steps, *rates,
            group["weight_decay"] != 0, group["maximize"],
        )  # fmt: skip
