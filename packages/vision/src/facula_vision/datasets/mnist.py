"""MNIST and Fashion-MNIST, from IDX files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import facula
from facula_vision.datasets.idx import read_idx
from facula_vision.datasets.vision import VisionDataset


class MNIST(VisionDataset):
    """70,000 handwritten digits of 28x28 pixels: 60,000 to train on, 10,000 to test.

    `root` is a folder that holds the four IDX files (gzipped or not), itself or in
    `<class name>/raw` as torchvision lays them out. `data` is a uint8 tensor (n, 28, 28), `targets` an
    int64 tensor (n,); a sample is a PIL image of mode 'L' and an int.

    Raises FileNotFoundError that names the files looked for and where to get them (nothing is downloaded;
    `download` is there for PyTorch's programs), and ValueError for files that hold something else.
    """

    classes = [
        "0 - zero", "1 - one", "2 - two", "3 - three", "4 - four", "5 - five", "6 - six", "7 - seven", "8 - eight",
        "9 - nine",
    ]  # fmt: skip
    folders: tuple[str, ...] = ()
    hint = "put the four files of MNIST (train-images-idx3-ubyte.gz, ...) there"

    def __init__(
        self,
        root: str | Path | None = None,
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ):
        super().__init__(transform, target_transform)
        self.train = train
        part = "train" if train else "t10k"
        images = self._find(root, f"{part}-images-idx3-ubyte")
        labels = self._find(root, f"{part}-labels-idx1-ubyte")
        self.data = facula.from_numpy(_read(images, 3))
        self.targets = facula.from_numpy(_read(labels, 1)).to(facula.int64)
        if len(self.data) != len(self.targets):
            raise ValueError(
                f"{images} holds {len(self.data)} images, {labels} {len(self.targets)} labels"
            )
        if len(self.targets) and int(self.targets.max()) >= len(self.classes):
            raise ValueError(
                f"{labels}: label {int(self.targets.max())}, there are {len(self.classes)} classes"
            )

    def _find(self, root: str | Path | None, name: str) -> Path:
        folders = (
            [Path(f) for f in self.folders]
            if root is None
            else [Path(root), Path(root) / type(self).__name__ / "raw"]
        )
        for folder in folders:
            for path in (folder / name, folder / f"{name}.gz"):
                if path.exists():
                    return path
        where = ", ".join(map(str, folders)) or "no folder (root was not given)"
        raise FileNotFoundError(f"{type(self).__name__}: no {name}[.gz] in {where}; {self.hint}")

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.transformed(Image.fromarray(self.data[index].numpy()), int(self.targets[index]))


def _read(path: Path, ndim: int) -> Any:
    array = read_idx(path)
    if array.dtype != np.uint8 or array.ndim != ndim:
        raise ValueError(
            f"{path}: expected uint8 in {ndim} dimensions, it has {array.dtype} of shape {array.shape}"
        )
    return array


class FashionMNIST(MNIST):
    """70,000 pictures of clothes, in MNIST's format; Debian's package is found without a `root`.

    Source: Xiao, Rasul and Vollgraf 2017, arXiv 1708.07747.
    """

    classes = [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ]  # fmt: skip
    folders = ("/usr/share/datasets/fashion-mnist",)
    hint = "on Debian and Ubuntu: sudo apt-get install dataset-fashion-mnist"
