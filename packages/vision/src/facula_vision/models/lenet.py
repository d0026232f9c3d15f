"""LeNet-5, for square images of 28, 32 and other numbers of pixels."""

from __future__ import annotations

from typing import Any

from facula import Tensor, nn


class LeNet(nn.Module):
    """Two convolutions and three linear layers.

    Input (batch, in_channels, size, size) with `size` from 12 on, output (batch, num_classes). Below 32 pixels
    the first convolution pads by 2, so that 28 gives the shapes that 32 has.
    Source: LeCun et al. 1998, "Gradient-based learning applied to document recognition", with ReLU and
    maximum pooling in place of tanh and subsampling.
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1, size: int = 28):
        super().__init__()
        if size < 12:
            raise ValueError(
                f"LeNet: size is {size}, and two 5x5 convolutions with pooling need 12 pixels or more"
            )
        side = ((size if size >= 32 else size + 4) - 4) // 2
        side = (side - 4) // 2
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 6, 5, padding=0 if size >= 32 else 2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(16 * side * side, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
            nn.Linear(84, num_classes),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Any:
        return self.classifier(self.features(x))


def lenet(**kwargs: Any) -> LeNet:
    """A LeNet with random weights."""
    return LeNet(**kwargs)
