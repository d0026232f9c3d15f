"""Averages of a model's weights over training: stochastic weight averaging and exponential moving averages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from math import cos, pi
from typing import Any

from facula._tensor import Tensor
from facula.autograd.mode import no_grad
from facula.graph.scalars import is_capturing
from facula.nn.batchnorm import _BatchNorm
from facula.nn.module import Module
from facula.ops._op import OPS
from facula.optim.lr_scheduler import LRScheduler

__all__ = [
    "SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn", "get_swa_multi_avg_fn", "update_bn",
]  # fmt: skip


def _checked_decay(decay: float) -> float:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(
            f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )
    return decay


def get_ema_avg_fn(decay: float = 0.999) -> Callable[..., Tensor]:
    """An average for `AveragedModel`: `decay * average + (1 - decay) * weight`."""
    _checked_decay(decay)
    return lambda average, weight, count: decay * average + (1 - decay) * weight


def get_swa_avg_fn() -> Callable[..., Tensor]:
    """An average for `AveragedModel`: the mean of all weights so far."""
    return lambda average, weight, count: average + (weight - average) / (count + 1)


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[..., None]:
    """As `get_ema_avg_fn`, for lists of tensors, in place."""
    _checked_decay(decay)

    def update(averages: list[Tensor], weights: list[Tensor], count: Any) -> None:
        for a, w in zip(averages, weights):
            a.lerp_(w, 1 - decay) if a.is_floating_point() else a.copy_(a * decay + w * (1 - decay))

    return update


def get_swa_multi_avg_fn() -> Callable[..., None]:
    """As `get_swa_avg_fn`, for lists of tensors, in place. Of integers, which PyTorch refuses, the mean is rounded towards 0."""
    mean = get_swa_avg_fn()

    def update(averages: list[Tensor], weights: list[Tensor], count: Any) -> None:
        for a, w in zip(averages, weights):
            a.copy_(mean(a, w, count))

    return update


class AveragedModel(Module):
    """A copy of a model whose weights are an average, by default the mean, of those at each `update_parameters`.

    `avg_fn(average, weight, count)` gives another average, `multi_avg_fn` one in place over lists;
    with `use_buffers` buffers are averaged too, else copied.
    """

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Callable[..., Any] | None = None,
        multi_avg_fn: Callable[..., Any] | None = None,
        use_buffers: bool = False,
    ):
        import facula

        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", facula.tensor(0, dtype=facula.int64, device=device))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def _averaged(self, model: Module) -> list[Tensor]:
        return list(
            chain(model.parameters(), model.buffers()) if self.use_buffers else model.parameters()
        )

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Takes the weights of `model` into the average."""
        mine, theirs = self._averaged(self.module), self._averaged(model)
        theirs = [w.detach().to(a.device) for a, w in zip(mine, theirs)]
        if is_capturing():  # the graph serves the first call and all others
            self._average(mine, theirs, self.n_averaged)
            for a, w in zip(mine, theirs):
                a.copy_(OPS["where"].call(self.n_averaged.to(a.device) == 0, w, a))
        elif (count := int(self.n_averaged)) > 0:
            self._average(mine, theirs, count)
        else:
            for a, w in zip(mine, theirs):
                a.copy_(w)
        if not self.use_buffers:
            for a, w in zip(self.module.buffers(), model.buffers()):
                a.detach().copy_(w.detach().to(a.device))
        self.n_averaged += 1

    def _average(self, mine: list[Tensor], theirs: list[Tensor], count: Any) -> None:
        if self.multi_avg_fn is not None:
            self.multi_avg_fn(mine, theirs, count)
            return
        average = self.avg_fn or get_swa_avg_fn()
        for a, w in zip(mine, theirs):
            a.copy_(average(a.detach(), w, self.n_averaged))


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Sets the running statistics of batch normalisation from one pass over `loader`."""
    layers = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    if not layers:
        return
    momenta = {m: m.momentum for m in layers}
    for m in layers:
        m.reset_running_stats()
        m.momentum = None  # the mean over all batches
    was_training = model.training
    model.train()
    for batch in loader:
        x = batch[0] if isinstance(batch, (list, tuple)) else batch
        model(x if device is None else x.to(device))
    for m, momentum in momenta.items():
        m.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """Moves each group's learning rate to `swa_lr` within `anneal_epochs` steps, along a cosine or a line."""

    def __init__(
        self,
        optimizer: Any,
        swa_lr: float,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ):
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must by one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        rates = (
            swa_lr if isinstance(swa_lr, (list, tuple)) else [swa_lr] * len(optimizer.param_groups)
        )
        for group, rate in zip(optimizer.param_groups, rates):
            group["swa_lr"] = rate
        self.anneal_epochs, self.anneal_strategy = anneal_epochs, anneal_strategy
        super().__init__(optimizer, last_epoch)

    def _share(self, step: int) -> float:
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return (1 - cos(pi * t)) / 2 if self.anneal_strategy == "cos" else t

    def get_lr(self) -> list[float]:
        step = self.last_epoch
        before, now = self._share(max(0, step - 1)), self._share(step if self.anneal_epochs else 1)
        rates = []
        for group in self.optimizer.param_groups:
            if before == 1.0:
                rates.append(group["swa_lr"])
                continue
            start = (group["lr"] - before * group["swa_lr"]) / (1 - before)
            rates.append(group["swa_lr"] * now + start * (1 - now))
        return rates
