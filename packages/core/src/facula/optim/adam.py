"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from facula._tensor import Tensor
from facula.optim.optimizer import (
    Optimizer,
    apply_updates,
    count_step,
    hyperparameter,
    known_states,
    refuse_betas,
    refuse_negative,
)


class Adam(Optimizer):
    """Adaptive moment estimation; weight decay is added to the gradient.

    Source: Kingma and Ba 2015, "Adam: a method for stochastic optimization"; `amsgrad`: Reddi et al. 2018.
    """

    decoupled = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ):
        refuse_negative(
            {"learning rate": lr, "epsilon value": eps, "weight_decay value": weight_decay}
        )
        refuse_betas(betas)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad, "foreach": foreach,
            "maximize": maximize, "capturable": capturable, "differentiable": differentiable, "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay or self.decoupled,
        })  # fmt: skip

    def initial_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        import facula

        state = {
            "step": facula.tensor(0.0, device=param.device),
            "exp_avg": facula.zeros_like(param),
            "exp_avg_sq": facula.zeros_like(param),
        }
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = facula.zeros_like(param)
        return state

    def update_all(self, group: dict[str, Any], params: Any, grads: Any, states: Any) -> None:
        self.fill_states(group, params, states)
        steps = count_step(states)
        means, squares = known_states(states, "exp_avg"), known_states(states, "exp_avg_sq")
        largest = known_states(states, "max_exp_avg_sq")
        first = params[0]
        apply_updates(
            "adam_updates", (params, means, squares, largest), params, grads, means, squares, largest, steps,
            hyperparameter(group, "lr", first),
            hyperparameter(group, "betas", first, first_beta),
            hyperparameter(group, "betas", first, second_beta),
            hyperparameter(group, "eps", first), hyperparameter(group, "weight_decay", first),
            group["weight_decay"] != 0, group["decoupled_weight_decay"], group["maximize"],
        )  # fmt: skip


def first_beta(betas: Any) -> float:
    return float(betas[0])


def second_beta(betas: Any) -> float:
    return float(betas[1])


class AdamW(Adam):
    """Adam with weight decay apart from the gradient.

    Source: Loshchilov and Hutter 2019, "Decoupled weight decay regularization".
    """

    decoupled = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        **options: Any,
    ):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, **options)
