"""Metric learning: shared encoder, triplet, cosine-embedding and contrastive losses, cdist, nearest neighbours."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


class ContrastiveLoss(nn.Module):
    def __init__(self, margin=1.0):
        super().__init__()
        self.margin = margin

    def forward(self, a, b, label):
        distance = F.pairwise_distance(a, b, keepdim=True)
        return torch.mean(
            (1 - label) * torch.pow(distance, 2)
            + label * torch.pow(torch.clamp(self.margin - distance, min=0.0), 2)
        )


def main(same_weights):
    rng = np.random.default_rng(0)
    anchor, positive, negative = (
        torch.tensor(rng.normal(size=(5, 6)), dtype=torch.float32) for _ in range(3)
    )
    net = same_weights(nn.Sequential(nn.Linear(6, 8), nn.PReLU(), nn.Linear(8, 4)))
    triplet, cosine, contrastive = (
        nn.TripletMarginLoss(margin=1.0, p=2),
        nn.CosineEmbeddingLoss(0.2),
        ContrastiveLoss(),
    )
    optimizer, losses = torch.optim.Adagrad(net.parameters(), lr=0.05), []
    for _ in range(3):
        optimizer.zero_grad()
        a, p, n = map(net, (anchor, positive, negative))
        loss = (
            triplet(a, p, n) + cosine(a, n, -torch.ones(5)) + contrastive(a, p, torch.zeros(5, 1))
        )
        loss += F.margin_ranking_loss((a * p).sum(1), (a * n).sum(1), torch.ones(5), margin=0.1)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        e = F.normalize(net(anchor), p=2, dim=1)
        distances = torch.cdist(e, e)
        values, nearest = distances.masked_fill(torch.eye(5).bool(), float("inf")).min(dim=1)
        similarity = F.cosine_similarity(e[:, None, :], e[None, :, :], dim=-1)
    return losses + [values, nearest, similarity]
