"""Digits, MNIST and Fashion-MNIST: contents, splits, transforms, and what is said where files are missing."""

from __future__ import annotations

import importlib.util
import os

import numpy as np
import pytest
from PIL import Image

import facula
from facula.utils.data import DataLoader
from facula_vision import transforms as T
from facula_vision.datasets import MNIST, Digits, FashionMNIST, write_idx

DEBIAN = "/usr/share/datasets/fashion-mnist"


@pytest.fixture
def mnist(tmp_path):
    generator = np.random.default_rng(0)
    for part, n in (("train", 12), ("t10k", 5)):
        write_idx(
            tmp_path / f"{part}-images-idx3-ubyte", generator.integers(0, 256, (n, 28, 28), "u1")
        )
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", (np.arange(n) % 10).astype("u1"))
    return tmp_path


def test_digits_sizes_and_split():
    train, test = Digits(train=True), Digits(train=False)
    assert (len(train), len(test)) == (1497, 300)
    assert train.images.shape == (1497, 8, 8) and train.images.dtype == np.uint8
    assert set(train.targets) == set(test.targets) == set(range(10))
    assert train.images.min() == 0 and train.images.max() == 255


def test_digits_are_scikit_learn_s():
    datasets = pytest.importorskip("sklearn.datasets")
    theirs = datasets.load_digits()
    images = np.concatenate([Digits(train=True).images, Digits(train=False).images])
    np.testing.assert_array_equal(np.round(images / (255 / 16)), theirs.images)
    assert Digits(train=True).targets + Digits(train=False).targets == theirs.target.tolist()


def test_digits_samples():
    image, digit = Digits(train=True)[0]
    assert isinstance(image, Image.Image) and image.mode == "L" and image.size == (8, 8)
    assert digit == 0 and isinstance(digit, int)
    data = Digits(train=False, transform=T.ToTensor(), target_transform=lambda d: d + 100)
    image, digit = data[-1]
    assert image.shape == (1, 8, 8) and image.dtype is facula.float32 and digit == 108
    with pytest.raises(IndexError):
        data[300]
    assert repr(data) == "Dataset Digits\n    Number of datapoints: 300"


def test_digits_without_scikit_learn(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install scikit-learn"):
        Digits()


def test_digits_in_a_loader():
    batches = list(DataLoader(Digits(train=False, transform=T.ToTensor()), 128))
    assert [tuple(images.shape) for images, _ in batches] == [
        (128, 1, 8, 8),
        (128, 1, 8, 8),
        (44, 1, 8, 8),
    ]
    assert batches[0][1].dtype is facula.int64


def test_mnist_from_a_folder(mnist):
    train, test = MNIST(mnist), MNIST(str(mnist), train=False)
    assert (len(train), len(test)) == (12, 5)
    assert train.data.shape == (12, 28, 28) and train.data.dtype is facula.uint8
    assert train.targets.dtype is facula.int64 and train.targets.tolist()[:11] == [*range(10), 0]
    image, label = train[3]
    assert image.mode == "L" and image.size == (28, 28) and label == 3 and isinstance(label, int)
    np.testing.assert_array_equal(np.array(image), train.data[3].numpy())
    assert MNIST(mnist, transform=T.ToTensor(), target_transform=str)[1][1] == "1"
    assert len(MNIST(mnist, download=True)) == 12
    with pytest.raises(IndexError):
        train[12]


def test_mnist_in_torchvision_s_folders(mnist, tmp_path):
    raw = tmp_path / "elsewhere" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in os.listdir(mnist):
        if name.endswith("ubyte"):
            (mnist / name).rename(raw / name)
    assert len(MNIST(tmp_path / "elsewhere")) == 12


def test_missing_files_are_named(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=f"no train-images-idx3-ubyte.*{tmp_path}.*put the four files"
    ):
        MNIST(tmp_path)
    with pytest.raises(FileNotFoundError, match="root was not given"):
        MNIST()
    with pytest.raises(FileNotFoundError, match="apt-get install dataset-fashion-mnist"):
        FashionMNIST(tmp_path, download=True)


def test_files_that_do_not_fit(mnist):
    write_idx(mnist / "train-labels-idx1-ubyte", np.zeros(11, "u1"))
    with pytest.raises(ValueError, match=r"holds 12 images, .*train-labels-idx1-ubyte 11 labels"):
        MNIST(mnist)
    write_idx(mnist / "train-labels-idx1-ubyte", np.full(12, 10, "u1"))
    with pytest.raises(ValueError, match="label 10, there are 10 classes"):
        MNIST(mnist)
    write_idx(mnist / "train-labels-idx1-ubyte", np.zeros((12, 1), "u1"))
    with pytest.raises(
        ValueError,
        match=r"train-labels.*expected uint8 in 1 dimensions, it has uint8 of shape \(12, 1\)",
    ):
        MNIST(mnist)


@pytest.mark.skipif(
    not os.path.isdir(DEBIAN), reason="Debian's dataset-fashion-mnist is not installed"
)
def test_fashion_mnist_of_debian():
    data = FashionMNIST(train=False)
    assert len(data) == 10000 and data.data.shape == (10000, 28, 28)
    assert facula.bincount(data.targets).tolist() == [1000] * 10
    assert data.classes[data[0][1]] == "Ankle boot"
