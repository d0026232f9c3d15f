"""Trains a small convolutional network on scanned digits, in seconds: the project's demo.

    python examples/digits.py --output demo-output

Data: the 1,797 real images that scikit-learn ships; the last 300, written by other people, are held
out. Writes a checkpoint and a picture of the training curve and the confusion matrix.
"""

import argparse
import sys
import time
from pathlib import Path

from tqdm import tqdm

import facula
import facula.nn.functional as F
from facula import nn, optim
from facula.utils.data import DataLoader, TensorDataset
from facula_vision.datasets import Digits
from facula_vision.transforms import ToTensor

EPOCHS, BATCH = 20, 64


class DigitNet(nn.Module):
    """Three convolutions and a linear layer: (batch, 1, 8, 8) to (batch, 10)."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(64)
        self.conv3 = nn.Conv2d(64, 64, 3, padding=1)
        self.norm3 = nn.BatchNorm2d(64)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(64 * 4 * 4, 10)

    def forward(self, x):
        x = F.relu(self.norm1(self.conv1(x)))
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)
        x = F.relu(self.norm3(self.conv3(x)))
        return self.head(self.dropout(x.flatten(1)))


def tensors(train):
    """All images (n, 1, 8, 8) and digits (n,) of one half of the data."""
    images, digits = zip(*Digits(train=train, transform=ToTensor()), strict=True)
    return facula.stack(images), facula.tensor(digits)


def shifted(images, pixels=0.5):
    """Each image moved by up to so many pixels, by interpolation: the network never sees one twice."""
    height, width = images.shape[-2:]
    moves = facula.eye(2, 3).repeat(len(images), 1, 1)
    moves[:, :, 2] = (
        (facula.rand(len(images), 2) * 2 - 1) * pixels * 2 / facula.tensor([width, height])
    )
    grid = F.affine_grid(moves, images.shape, align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def train(model, data, test, epochs=EPOCHS):
    """Trains with AdamW and one cycle of the learning rate; returns (loss, accuracy) of each epoch."""
    loader = DataLoader(TensorDataset(*data), BATCH, shuffle=True, drop_last=True)
    optimizer = optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    steps = epochs * len(loader)
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=6e-3, total_steps=steps)
    curve = []
    with progress(steps) as bar:
        for epoch in range(1, epochs + 1):
            bar.set_description_str(f"epoch {epoch}/{epochs}", refresh=epoch == 1)
            total = 0.0
            for images, digits in loader:
                loss = F.cross_entropy(model(shifted(images)), digits, label_smoothing=0.05)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                scheduler.step()
                total += loss.item()
                bar.update()
            accuracy = (predict(model, test[0]) == test[1]).float().mean().item()
            curve.append((total / len(loader), accuracy))
            bar.set_postfix_str(f"loss {curve[-1][0]:.3f}, test accuracy {accuracy:.1%}")
    return curve


def progress(steps):
    """A progress bar; into a file or a pipe it writes a line every few seconds."""
    return tqdm(
        total=steps,
        bar_format="{desc} {percentage:3.0f}% |{bar}| {remaining} left{postfix}",
        dynamic_ncols=True,
        mininterval=0.1 if sys.stderr.isatty() else 5,
    )


def predict(model, images):
    """The most likely digit of each image."""
    model.eval()
    with facula.no_grad():
        digits = model(images).argmax(1)
    model.train()
    return digits


def draw(curve, labels, predicted, path):
    """The training curve and the confusion matrix, as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    counts = facula.zeros(10, 10, dtype=facula.int64)
    counts.index_put_(
        (labels, predicted), facula.ones(len(labels), dtype=facula.int64), accumulate=True
    )
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5))
    epochs = range(1, len(curve) + 1)
    left.plot(epochs, [loss for loss, _ in curve], color="tab:blue", label="training loss")
    left.set(xlabel="epoch", ylabel="loss", title="Training curve")
    accuracy = left.twinx()
    accuracy.plot(epochs, [100 * a for _, a in curve], color="tab:orange", label="test accuracy")
    accuracy.set_ylabel("accuracy (%)")
    lines = left.get_lines() + accuracy.get_lines()
    left.legend(lines, [line.get_label() for line in lines], loc="center right")
    right.imshow(counts.numpy(), cmap="Blues")
    for i in range(10):
        for j in range(10):
            n = int(counts[i, j])
            if n:
                right.text(j, i, n, ha="center", va="center", color="white" if n > 15 else "black")
    right.set(xlabel="predicted", ylabel="digit", title="Confusion matrix, 300 test images")
    right.set_xticks(range(10))
    right.set_yticks(range(10))
    left.xaxis.get_major_locator().set_params(integer=True)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--output", type=Path, default=Path("demo-output"), help="folder for checkpoint and picture"
    )
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"default {EPOCHS}")
    parser.add_argument("--seed", type=int, default=0, help="of all random numbers")
    options = parser.parse_args()
    if options.epochs < 1:
        parser.error("--epochs must be 1 or more")
    options.output.mkdir(parents=True, exist_ok=True)

    # So small a network gains nothing from a second thread, and waits for it where the machine is busy.
    facula.set_num_threads(1)
    facula.manual_seed(options.seed)
    data, test = tensors(train=True), tensors(train=False)
    model = DigitNet()
    print(f"training on {len(data[0])} images, testing on {len(test[0])} of other writers")
    start = time.perf_counter()
    curve = train(model, data, test, options.epochs)
    print(f"trained in {time.perf_counter() - start:.1f} s, test accuracy {curve[-1][1]:.2%}")

    checkpoint = options.output / "digits.safetensors"
    facula.save({"model": model.state_dict(), "epochs": options.epochs}, checkpoint)
    fresh = DigitNet()
    fresh.load_state_dict(facula.load(checkpoint)["model"])
    predicted = predict(fresh, test[0])
    print(f"reloaded from {checkpoint}; the first test images:")
    print("  digit     ", *test[1][:20].tolist())
    print("  predicted ", *predicted[:20].tolist())
    picture = options.output / "digits.png"
    draw(curve, test[1], predicted, picture)
    print(f"drawn to {picture}")


if __name__ == "__main__":
    main()
