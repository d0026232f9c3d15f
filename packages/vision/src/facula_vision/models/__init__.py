"""Models of images."""

from facula_vision.models.lenet import LeNet, lenet
from facula_vision.models.resnet import BasicBlock, Bottleneck, ResNet, resnet18, resnet34, resnet50

__all__ = [
    "BasicBlock",
    "Bottleneck",
    "LeNet",
    "ResNet",
    "lenet",
    "resnet18",
    "resnet34",
    "resnet50",
]
