"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from facula._tensor import Tensor
from facula.optim.optimizer import Optimizer, apply_update, hyperparameter


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
        for name, value in (
            ("learning rate", lr),
            ("epsilon value", eps),
            ("weight_decay value", weight_decay),
        ):
            if value < 0.0:
                raise ValueError(f"Invalid {name}: {value}")
        for i, beta in enumerate(betas):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {i}: {beta}")
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

    def update(
        self, group: dict[str, Any], param: Tensor, grad: Tensor, state: dict[str, Any]
    ) -> None:
        if not state:
            state.update(self.initial_state(group, param))
        state["step"] += 1.0
        mean, square, largest = state["exp_avg"], state["exp_avg_sq"], state.get("max_exp_avg_sq")
        apply_update(
            "adam_update", (param, mean, square, largest), param, grad, mean, square, largest, state["step"],
            hyperparameter(group, "lr", param),
            hyperparameter(group, "betas", param, lambda betas: float(betas[0])),
            hyperparameter(group, "betas", param, lambda betas: float(betas[1])),
            hyperparameter(group, "eps", param), hyperparameter(group, "weight_decay", param),
            group["weight_decay"] != 0, group["decoupled_weight_decay"],
        )  # fmt: skip


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
