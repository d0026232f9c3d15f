"""Data sets of images."""

from facula_vision.datasets.digits import Digits
from facula_vision.datasets.idx import read_idx, write_idx
from facula_vision.datasets.mnist import MNIST, FashionMNIST
from facula_vision.datasets.vision import VisionDataset

__all__ = ["MNIST", "Digits", "FashionMNIST", "VisionDataset", "read_idx", "write_idx"]
