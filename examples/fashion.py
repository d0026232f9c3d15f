"""Trains a small residual network on Fashion-MNIST for about a minute and reports its test accuracy.

    sudo apt-get install dataset-fashion-mnist
    python examples/fashion.py

Data: 60,000 training and 10,000 test pictures of clothes, 28x28, from Debian's package or `--data FOLDER`.
"""

import argparse
import sys
import time

from tqdm import tqdm

import facula
import facula.nn.functional as F
from facula import nn, optim
from facula_vision.datasets import FashionMNIST


class Block(nn.Module):
    """Two 3x3 convolutions around a shortcut; shape kept."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        inner = F.relu(self.norm1(self.conv1(x)))
        return F.relu(x + self.norm2(self.conv2(inner)))


def fashion_net():
    """(batch, 1, 28, 28) to (batch, 10); the first convolution halves the picture to save time."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        Block(16),
        nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        Block(32),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 10),
    )


def pictures(data):
    """All pictures as floats from -1 to 1, (n, 1, 28, 28), and their classes (n,)."""
    return data.data.unsqueeze(1).float() / 127.5 - 1, data.targets


def train(data=None, images=60_000, epochs=1, batch=128, seed=0):
    """Trains on the first `images` pictures in the folder `data`; returns (model, test accuracy)."""
    facula.manual_seed(seed)
    x, y = pictures(FashionMNIST(data, train=True))
    x, y = x[:images], y[:images]
    if len(x) < batch:
        raise ValueError(f"{len(x)} pictures do not fill one batch of {batch}")
    model = fashion_net()
    optimizer = optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    steps = epochs * (len(x) // batch)
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=steps)
    with progress(steps) as bar:
        for epoch in range(1, epochs + 1):
            bar.set_description_str(f"epoch {epoch}/{epochs}", refresh=epoch == 1)
            for chosen in facula.randperm(len(x)).split(batch)[: len(x) // batch]:
                loss = F.cross_entropy(model(x[chosen]), y[chosen])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                scheduler.step()
                bar.set_postfix_str(f"loss {loss.item():.3f}", refresh=False)
                bar.update()
    return model, accuracy(model, *pictures(FashionMNIST(data, train=False)))


def progress(steps):
    """A progress bar; into a file or a pipe it writes a line every few seconds."""
    return tqdm(
        total=steps,
        bar_format="{desc} {percentage:3.0f}% |{bar}| {remaining} left{postfix}",
        dynamic_ncols=True,
        mininterval=0.1 if sys.stderr.isatty() else 5,
    )


def accuracy(model, x, y, batch=1000):
    """The share of pictures whose class the model finds."""
    model.eval()
    with facula.no_grad():
        found = [model(part).argmax(1) for part in x.split(batch)]
    model.train()
    return (facula.cat(found) == y).float().mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="folder of the four IDX files (default: Debian's package)")
    parser.add_argument("--images", type=int, default=60_000, help="how many to train on")
    parser.add_argument("--epochs", type=int, default=1, help="default 1")
    parser.add_argument("--batch", type=int, default=128, help="pictures a step, default 128")
    parser.add_argument("--seed", type=int, default=0, help="of all random numbers")
    options = parser.parse_args()
    for name in ("images", "epochs", "batch"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} must be 1 or more")
    # So small a network gains nothing from a second thread, and waits for it where the machine is busy.
    facula.set_num_threads(1)
    start = time.perf_counter()
    try:
        _, share = train(**vars(options))
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"fashion.py: {error}")
    print(f"test accuracy {share:.2%} after {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
