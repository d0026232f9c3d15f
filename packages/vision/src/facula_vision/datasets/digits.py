"""Handwritten digits, 8x8: the real images that scikit-learn ships."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from facula_vision.datasets.vision import VisionDataset


class Digits(VisionDataset):
    """1,797 scanned digits of 8x8 pixels, read from the installed scikit-learn.

    The last `test_size` images (300) are held out: other people wrote them. `images` is a uint8 array
    (n, 8, 8) with 0 to 255, `targets` a list of ints; a sample is a PIL image of mode 'L' and its digit.
    Source: UCI, "Optical recognition of handwritten digits" (Alpaydin and Kaynak 1998).

    Raises FileNotFoundError that says what to install where scikit-learn is missing.
    """

    classes = [str(i) for i in range(10)]
    test_size = 300

    def __init__(
        self,
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ):
        super().__init__(transform, target_transform)
        table = np.loadtxt(_csv(), delimiter=",")
        chosen = slice(None, -self.test_size) if train else slice(-self.test_size, None)
        self.images = np.round(table[chosen, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8)
        self.targets = table[chosen, -1].astype(int).tolist()

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.transformed(Image.fromarray(self.images[index]), self.targets[index])


def _csv() -> Path:
    spec = importlib.util.find_spec("sklearn")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if path.exists():
            return path
    raise FileNotFoundError(
        "Digits are read from scikit-learn, which is not installed: pip install scikit-learn"
    )
