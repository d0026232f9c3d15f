"""Programs written for PyTorch, run unchanged on both libraries from the same weights."""

from __future__ import annotations

import math

import numpy as np
import pytest

import facula

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity


def convolutional(torch):
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self, inputs, planes, stride=1):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(planes)
            self.relu = nn.ReLU(inplace=True)
            self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(planes)
            self.downsample = None
            if stride != 1 or inputs != planes:
                self.downsample = nn.Sequential(
                    nn.Conv2d(inputs, planes, 1, stride), nn.BatchNorm2d(planes)
                )

        def forward(self, x):
            identity = x if self.downsample is None else self.downsample(x)
            out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
            out += identity
            return self.relu(out)

    class ResNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Sequential(
                nn.Conv2d(3, 4, 7, 2, 3), nn.BatchNorm2d(4), nn.ReLU(True), nn.MaxPool2d(3, 2, 1)
            )
            self.layers = nn.Sequential(Block(4, 4), Block(4, 8, 2))
            self.pool, self.fc = nn.AdaptiveAvgPool2d((1, 1)), nn.Linear(8, 10)
            for m in self.modules():
                if isinstance(m, nn.Conv2d):
                    nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

        def forward(self, x):
            return self.fc(torch.flatten(self.pool(self.layers(self.stem(x))), 1))

    return ResNet(), [(4, 3, 24, 24)]


def recurrent(torch):
    nn = torch.nn

    class LanguageModel(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(10, 8, padding_idx=0)
            self.rnn = nn.LSTM(8, 12, 2, batch_first=True)
            self.out = nn.Linear(12, 10)

        def forward(self, x):
            packed = nn.utils.rnn.pack_padded_sequence(
                self.embedding(x), [7, 3, 5, 7], True, enforce_sorted=False
            )
            y, _ = nn.utils.rnn.pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
            return self.out(y).mean(1)

    return LanguageModel(), None


def attentive(torch):
    nn = torch.nn

    class Positions(nn.Module):
        def __init__(self, size, steps=16):
            super().__init__()
            at = torch.arange(steps).unsqueeze(1)
            rate = torch.exp(torch.arange(0, size, 2) * (-math.log(10000.0) / size))
            table = torch.zeros(steps, size)
            table[:, 0::2] = torch.sin(at * rate)
            table[:, 1::2] = torch.cos(at * rate)
            self.register_buffer("table", table, persistent=False)

        def forward(self, x):
            return x + self.table[: x.size(1)]

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.positions = nn.Embedding(10, 8), Positions(8)
            layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, activation="gelu", batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, 2)
            self.out = nn.Linear(8, 10)

        def forward(self, x):
            mask = nn.Transformer.generate_square_subsequent_mask(x.size(1))
            return self.out(
                self.encoder(self.positions(self.embedding(x) * math.sqrt(8)), mask)
            ).mean(1)

    return Model(), None


def train(torch, make, state):
    rng = np.random.default_rng(0)
    model, shapes = make(torch)
    model.load_state_dict({k: torch.tensor(v) for k, v in state.items()})
    x = torch.tensor(
        rng.normal(size=shapes[0]).astype(np.float32) if shapes else rng.integers(1, 10, (4, 7))
    )
    target = torch.tensor(rng.integers(0, 10, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), target)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append((loss.item(), norm.item()))
    return losses


@pytest.mark.parametrize("make", [convolutional, recurrent, attentive])
@pytest.mark.filterwarnings("ignore::UserWarning:torch")
def test_same_losses(make):
    torch.manual_seed(0)
    state = {k: v.numpy().copy() for k, v in make(torch)[0].state_dict().items()}
    np.testing.assert_allclose(train(facula, make, state), train(torch, make, state), rtol=2e-4)
