"""Transfer learning: what a network learnt on the digits 0 to 4 helps it with 5 to 9.

    python examples/transfer_learning.py

A network is trained on 0 to 4, saved and loaded; its convolutions are frozen, it gets a new head, and
learns 5 to 9 from 20 images of each. Beside it stands the same network trained from scratch on those
100 images, with as many steps and the same optimizer; both are tested on all other images of 5 to 9.
Given ten times the steps, training from scratch catches up: that is printed as well.
"""

import tempfile
from pathlib import Path

import facula
import facula.nn.functional as F
from facula import nn, optim
from facula_vision import transforms as T
from facula_vision.datasets import Digits

IMAGES_PER_CLASS, STEPS = 20, 20


class Network(nn.Module):
    """Convolutions that describe an image of 8x8, and a head that names its class."""

    def __init__(self, classes=5):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.Flatten(),
        )  # fmt: skip
        self.head = nn.Linear(64 * 4 * 4, classes)

    def forward(self, x):
        return self.head(self.features(x))


def all_digits():
    """Images (n, 1, 8, 8) and labels (n,) of both parts of the data."""
    transform = T.Compose([T.ToTensor(), T.Normalize((0.3,), (0.38,))])
    pairs = [pair for train in (True, False) for pair in Digits(train, transform)]
    return facula.stack([image for image, _ in pairs]), facula.tensor([label for _, label in pairs])


def fit(model, images, labels, steps, lr=1e-3, batch=50):
    """Trains those parameters of a model that are not frozen."""
    optimizer = optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=lr)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        chosen = facula.randint(0, len(labels), (min(batch, len(labels)),))
        loss = F.cross_entropy(model(images[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


@facula.no_grad()
def accuracy(model, images, labels):
    model.eval()
    return (model(images).argmax(1) == labels).float().mean().item()


def split_few(labels, generator):
    """Indices of IMAGES_PER_CLASS images of each class, and of all others."""
    order = facula.randperm(len(labels), generator=generator)
    few = facula.cat([order[labels[order] == c][:IMAGES_PER_CLASS] for c in range(5)])
    others = facula.ones(len(labels), dtype=facula.bool)
    others[few] = False
    return few, facula.nonzero(others).squeeze(1)


def compare(seed=0, steps=STEPS, report=print):
    """Accuracy on 5 to 9: with transfer, from scratch, and from scratch with ten times the steps."""
    facula.manual_seed(seed)
    images, labels = all_digits()
    low = labels < 5
    base = Network()
    fit(base, images[low], labels[low], 300)
    report(f"0 to 4, on the training images: {accuracy(base, images[low], labels[low]):.1%}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "base.safetensors"
        facula.save(base.state_dict(), path)
        transferred = Network()
        transferred.load_state_dict(facula.load(path))
    images, labels = images[~low], labels[~low] - 5
    few, others = split_few(labels, facula.Generator().manual_seed(seed))

    transferred.features.requires_grad_(False)
    transferred.head = nn.Linear(64 * 4 * 4, 5)
    results = []
    for name, model, count in (
        ("with transfer", transferred, steps),
        ("from scratch", Network(), steps),
        ("from scratch, ten times the steps", Network(), 10 * steps),
    ):
        fit(model, images[few], labels[few], count)
        results.append(accuracy(model, images[others], labels[others]))
        report(f"5 to 9 from {IMAGES_PER_CLASS} images of each, {name}: {results[-1]:.1%}")
    return results


if __name__ == "__main__":
    compare()
