"""A classifier of random points: Dataset, DataLoader, SGD, StepLR, evaluation."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset, random_split


class Points(Dataset):
    def __init__(self, n):
        rng = np.random.RandomState(0)
        self.x = rng.randn(n, 6).astype("float32")
        self.y = (self.x[:, 0] * self.x[:, 1] > 0).astype("int64")

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return torch.from_numpy(self.x[i]), int(self.y[i])


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(6, 16)
        self.fc2 = nn.Linear(16, 16)
        self.fc3 = nn.Linear(16, 2)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = torch.tanh(self.fc2(x))
        return self.fc3(x)


def main(same_weights):
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    model = same_weights(MLP()).to(device)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=True
    )
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1).to(device)
    data = Points(48)
    loader = DataLoader(data, batch_size=16, shuffle=False, num_workers=0, drop_last=True)
    history = []
    for epoch in range(3):
        model.train()
        running_loss, correct, total = 0.0, 0, 0
        for batch_idx, (x, y) in enumerate(loader):
            x, y = x.to(device, non_blocking=True), y.to(device)
            optimizer.zero_grad(set_to_none=True)
            out = model(x)
            loss = criterion(out, y)
            loss.backward()
            optimizer.step()
            running_loss += loss.item() * x.size(0)
            _, predicted = out.max(1)
            total += y.size(0)
            correct += predicted.eq(y).sum().item()
        scheduler.step()
        history += [running_loss / total, correct, scheduler.get_last_lr()[0]]
    model.eval()
    with torch.no_grad():
        x, y = next(iter(DataLoader(data, batch_size=len(data))))
        probabilities = F.softmax(model(x), dim=-1)
        top, which = probabilities.topk(1)
        history += [top.mean().item(), (which.squeeze(1) == y).float().mean().item()]
    first, second = random_split(data, [40, 8], generator=torch.Generator().manual_seed(1))
    assert len(first) == 40 and isinstance(second, Subset) and len(TensorDataset(x, y)) == 48
    assert f"{loss:.4f}" == f"{loss.item():.4f}"
    return history + [probabilities]
