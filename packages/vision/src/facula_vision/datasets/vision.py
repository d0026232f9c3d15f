"""What data sets of images share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from facula.data import Dataset


class VisionDataset(Dataset[Any]):
    """Images and targets with a transform for each: `transform(image)`, `target_transform(target)`."""

    def __init__(
        self,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
    ):
        self.transform, self.target_transform = transform, target_transform

    def transformed(self, image: Any, target: Any) -> tuple[Any, Any]:
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def __repr__(self) -> str:
        return f"Dataset {type(self).__name__}\n    Number of datapoints: {len(self)}"  # type: ignore[arg-type]
