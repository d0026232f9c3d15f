"""MAML: an inner loop with create_graph, the outer gradient through it, functional_call."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call


def main(same_weights):
    rng = np.random.default_rng(0)
    net = same_weights(nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1)))
    meta, losses = torch.optim.Adam(net.parameters(), lr=0.01), []
    for _ in range(3):
        meta_loss = 0.0
        for task in range(2):
            x = torch.as_tensor(rng.uniform(-3, 3, (6, 1)), dtype=torch.float32)
            y = torch.sin(x + task)
            fast = dict(net.named_parameters())
            for _ in range(2):
                loss = F.mse_loss(functional_call(net, fast, (x,)), y)
                grads = torch.autograd.grad(loss, list(fast.values()), create_graph=True)
                fast = {k: p - 0.1 * g for (k, p), g in zip(fast.items(), grads)}
            meta_loss = meta_loss + F.mse_loss(functional_call(net, fast, x), y)
        meta.zero_grad()
        meta_loss.backward()
        meta.step()
        losses.append(meta_loss.item())
    return losses + [p.grad for p in net.parameters()]
