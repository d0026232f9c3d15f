"""Residual networks (He et al., "Deep Residual Learning for Image Recognition", 2015)."""

from __future__ import annotations

from typing import Any


def _classes(lib: Any) -> Any:
    nn = lib.nn

    def shortcut(inside: int, out: int, stride: int) -> Any:
        if stride == 1 and inside == out:
            return nn.Identity()
        return nn.Sequential(nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    class Block(nn.Module):
        """Two convolutions of 3 by 3."""

        def __init__(self, inside: int, out: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inside, out, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(out)
            self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(out)
            self.shortcut = shortcut(inside, out, stride)

        def forward(self, x: Any) -> Any:
            y = self.bn1(self.conv1(x)).relu()
            return (self.bn2(self.conv2(y)) + self.shortcut(x)).relu()

    class Bottleneck(nn.Module):
        """1 by 1, 3 by 3, 1 by 1, the middle with a quarter of the channels."""

        def __init__(self, inside: int, out: int, stride: int) -> None:
            super().__init__()
            middle = out // 4
            self.conv1 = nn.Conv2d(inside, middle, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(middle)
            self.conv2 = nn.Conv2d(middle, middle, 3, stride, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(middle)
            self.conv3 = nn.Conv2d(middle, out, 1, bias=False)
            self.bn3 = nn.BatchNorm2d(out)
            self.shortcut = shortcut(inside, out, stride)

        def forward(self, x: Any) -> Any:
            y = self.bn1(self.conv1(x)).relu()
            y = self.bn2(self.conv2(y)).relu()
            return (self.bn3(self.conv3(y)) + self.shortcut(x)).relu()

    return Block, Bottleneck


def _stages(block: Any, inside: int, widths: list[int], depths: list[int]) -> list[Any]:
    blocks = []
    for i, (out, depth) in enumerate(zip(widths, depths)):
        for j in range(depth):
            blocks.append(block(inside, out, 2 if i and not j else 1))
            inside = out
    return blocks


def resnet18(lib: Any) -> Any:
    """ResNet-18 for images of 32 by 32 pixels and 10 classes."""
    nn = lib.nn
    block, _ = _classes(lib)
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
        *_stages(block, 64, [64, 128, 256, 512], [2, 2, 2, 2]),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip


def resnet50(lib: Any) -> Any:
    """ResNet-50 for images of 224 by 224 pixels and 1,000 classes."""
    nn = lib.nn
    _, bottleneck = _classes(lib)
    return nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
        *_stages(bottleneck, 64, [256, 512, 1024, 2048], [3, 4, 6, 3]),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 1000),
    )  # fmt: skip
