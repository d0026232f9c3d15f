"""Averages of weights: deepcopy with lerp_, state_dict arithmetic, swa_utils.AveragedModel, early stopping."""

import copy

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class EMA:
    def __init__(self, model, decay):
        self.module = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model):
        for e, m in zip(self.module.parameters(), model.parameters()):
            e.lerp_(m, 1 - self.decay)
        for e, m in zip(self.module.buffers(), model.buffers()):
            e.copy_(m)


def main(same_weights):
    rng = np.random.default_rng(0)
    model = same_weights(
        nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Mish(), nn.Linear(4, 1))
    )
    ema, average = EMA(model, 0.9), AveragedModel(model)
    smooth = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.8))
    optimizer, best, losses = torch.optim.SGD(model.parameters(), lr=0.05), float("inf"), []
    x = torch.from_numpy(rng.normal(size=(8, 3)).astype("f4"))
    y = x.sum(1, keepdim=True).tanh()
    for _ in range(4):
        optimizer.zero_grad()
        loss = nn.HuberLoss()(model(x), y)
        loss.backward()
        optimizer.step()
        ema.update(model)
        average.update_parameters(model)
        smooth.update_parameters(model)
        if loss < best:
            best, kept = (
                loss.item(),
                {k: v.clone().detach().cpu() for k, v in model.state_dict().items()},
            )
        losses.append(loss.item())
    soup = {
        k: (kept[k] + ema.module.state_dict()[k]) / 2 if kept[k].is_floating_point() else kept[k]
        for k in kept
    }
    model.load_state_dict(soup)
    return losses + [model(x), ema.module(x), average(x), smooth(x), average.n_averaged]
