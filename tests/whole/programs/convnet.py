"""The MNIST example of PyTorch, with batch normalisation, dropout in evaluation, and ReduceLROnPlateau."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.optim.lr_scheduler import ReduceLROnPlateau


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.Conv2d(4, 8, 3), nn.GroupNorm(2, 8), nn.LeakyReLU(0.1), nn.AvgPool2d(2),
        )  # fmt: skip
        self.drop = nn.Dropout(0.5)
        self.classifier = nn.Linear(8 * 2 * 2, 10)

    def forward(self, x):
        x = self.features(x)
        x = x.view(x.size(0), -1)
        return F.log_softmax(self.classifier(self.drop(x)), dim=1)


def main(same_weights):
    model = same_weights(Net())
    model.drop.eval()
    optimizer = optim.Adam(model.parameters(), lr=1e-2, betas=(0.9, 0.99), weight_decay=1e-3)
    scheduler = ReduceLROnPlateau(optimizer, patience=0, factor=0.1)
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(size=(8, 1, 12, 12)), dtype=torch.float32)
    y = torch.as_tensor(rng.integers(0, 10, 8)).long()
    losses = []
    for step in range(4):
        optimizer.zero_grad()
        loss = F.nll_loss(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        scheduler.step(1.0)
    model.eval()
    with torch.inference_mode():
        out = model(x)
        pred = out.argmax(dim=1, keepdim=True)
        correct = pred.eq(y.view_as(pred)).sum().item()
    bn = model.features[1]
    count = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return losses + [
        correct,
        out,
        bn.running_mean,
        bn.running_var,
        bn.num_batches_tracked.item(),
        count,
        optimizer.param_groups[0]["lr"],
    ]
