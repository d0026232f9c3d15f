"""WGAN-GP and R1: gradients of gradients through a convolutional critic."""

import numpy as np
import torch
import torch.nn as nn
from torch import autograd


def calc_gradient_penalty(netD, real_data, fake_data, alpha):
    alpha = alpha.expand(real_data.size())
    interpolates = alpha * real_data + ((1 - alpha) * fake_data)
    interpolates = autograd.Variable(interpolates, requires_grad=True)
    out = netD(interpolates)
    gradients = autograd.grad(
        outputs=out,
        inputs=interpolates,
        grad_outputs=torch.ones(out.size()),
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    gradients = gradients.view(gradients.size(0), -1)
    return ((gradients.norm(2, dim=1) - 1) ** 2).mean() * 10


def main(same_weights):
    rng = np.random.default_rng(0)
    netD = same_weights(nn.Sequential(
        nn.Conv2d(1, 4, 3, 2, 1), nn.LayerNorm([4, 4, 4]), nn.SiLU(), nn.Conv2d(4, 4, 3, 1, 1), nn.Softplus(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 1),
    ))  # fmt: skip
    optimizer, losses = torch.optim.Adam(netD.parameters(), lr=1e-2, betas=(0.0, 0.9)), []
    for _ in range(2):
        real, fake = (torch.from_numpy(rng.normal(size=(3, 1, 8, 8)).astype("f")) for _ in range(2))
        alpha = torch.from_numpy(rng.random((3, 1, 1, 1)).astype("f"))
        optimizer.zero_grad()
        real.requires_grad = True
        score = netD(real)
        penalty = calc_gradient_penalty(netD, real.detach(), fake, alpha)
        (r1,) = torch.autograd.grad(score.sum(), real, create_graph=True)
        loss = netD(fake).mean() - score.mean() + penalty + r1.pow(2).reshape(3, -1).sum(1).mean()
        loss.backward()
        optimizer.step()
        losses += [loss.item(), penalty.item()]
    return losses + [p.grad for p in netD.parameters()]
