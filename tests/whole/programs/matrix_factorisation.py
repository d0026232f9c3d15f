"""Collaborative filtering: embeddings with biases, a sampler with weights, mini-batches by index."""

import numpy as np
import torch
from torch import nn
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    SequentialSampler,
    TensorDataset,
    WeightedRandomSampler,
)


class MatrixFactorization(nn.Module):
    def __init__(self, users, items, n_factors=4):
        super().__init__()
        self.user_factors = nn.Embedding(users, n_factors)
        self.item_factors = nn.Embedding(items, n_factors)
        self.user_bias, self.item_bias = nn.Embedding(users, 1), nn.Embedding(items, 1)
        self.item_bias.weight.data.uniform_(-0.1, 0.1)
        self.bag = nn.EmbeddingBag(items, n_factors, mode="mean")

    def forward(self, user, item, seen):
        pred = (self.user_factors(user) * (self.item_factors(item) + self.bag(seen))).sum(
            1, keepdim=True
        )
        pred += self.user_bias(user) + self.item_bias(item)
        return pred.squeeze()


def main(same_weights):
    rng = np.random.default_rng(0)
    users, items = (
        torch.from_numpy(rng.integers(0, 5, 20)),
        torch.from_numpy(rng.integers(0, 7, 20)),
    )
    ratings = torch.from_numpy(rng.integers(1, 6, 20)).float()
    seen = torch.stack([items.roll(k) for k in range(3)], 1)
    data = TensorDataset(users, items, seen, ratings)
    batches = BatchSampler(SequentialSampler(data), batch_size=6, drop_last=False)
    model = same_weights(MatrixFactorization(5, 7))
    optimizer = torch.optim.SGD([
        {"params": [p for n, p in model.named_parameters() if "factors" in n or "bag" in n]},
        {"params": [p for n, p in model.named_parameters() if "bias" in n], "lr": 0.5},
    ], lr=0.1)  # fmt: skip
    losses = []
    for _ in range(3):
        for user, item, history, rating in DataLoader(data, batch_sampler=batches):
            optimizer.zero_grad()
            loss = nn.MSELoss()(model(user, item, history), rating) + 1e-3 * sum(
                p.pow(2).sum() for p in model.parameters()
            )
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert len(list(WeightedRandomSampler([0.1, 0.9], 4, replacement=True))) == 4
    table = torch.zeros(5, 7).index_put_((users, items), ratings, accumulate=True)
    counts = torch.bincount(users, minlength=5)
    top = torch.zeros(7).scatter_add_(0, items, ratings)
    return losses + [table, counts, top, torch.unique(items, return_counts=True)[1]]
