"""A learning-rate range test: exponential schedule, state saved and restored, chained schedulers, param_groups."""

import copy

import numpy as np
import torch
from torch import nn, optim
from torch.optim.lr_scheduler import (
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    SequentialLR,
)


def main(same_weights):
    rng = np.random.default_rng(0)
    x, y = (
        torch.from_numpy(rng.normal(size=(16, 4))).float(),
        torch.from_numpy(rng.normal(size=(16, 1))).float(),
    )
    model = same_weights(nn.Sequential(nn.Linear(4, 8), nn.Hardswish(), nn.Linear(8, 1)))
    optimizer = optim.SGD(model.parameters(), lr=1e-4, momentum=0.5)
    start, start_optimizer = (
        copy.deepcopy(model.state_dict()),
        copy.deepcopy(optimizer.state_dict()),
    )
    history, smoothed = {"lr": [], "loss": []}, 0.0
    schedule = ExponentialLR(optimizer, gamma=(1.0 / 1e-4) ** (1 / 9))
    for i in range(10):
        loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        smoothed = 0.9 * smoothed + 0.1 * loss.item()
        history["lr"].append(optimizer.param_groups[0]["lr"])
        history["loss"].append(smoothed / (1 - 0.9 ** (i + 1)))
        schedule.step()
    model.load_state_dict(start)
    optimizer.load_state_dict(start_optimizer)
    assert optimizer.param_groups[0]["lr"] == 1e-4
    rates = []
    for make in (
        lambda o: OneCycleLR(o, max_lr=0.1, total_steps=8),
        lambda o: SequentialLR(
            o, [LinearLR(o, 0.1, total_iters=3), MultiStepLR(o, [2, 4])], milestones=[3]
        ),
        lambda o: CosineAnnealingWarmRestarts(o, T_0=3, T_mult=2),
    ):
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        scheduler = make(optimizer)
        for _ in range(7):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    return history["lr"] + history["loss"] + rates
