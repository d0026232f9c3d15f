"""Transforms as objects: put them in a row with `Compose`. Random ones draw from Facula's generator."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import facula
from facula import Tensor
from facula_vision.transforms import functional as F
from facula_vision.transforms.functional import InterpolationMode


def _uniform(low: float, high: float) -> float:
    return low + (high - low) * float(facula.rand((), device="cpu").item())


def _integer(high: int) -> int:
    return int(facula.randint(high, (), device="cpu").item())


class Transform:
    """Base of the transforms: `__call__(image)`, and a repr from the named attributes."""

    fields: tuple[str, ...] = ()

    def __call__(self, img: Any) -> Any:
        raise NotImplementedError

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={getattr(self, name)}" for name in self.fields)
        return f"{type(self).__name__}({inner})"


class Compose(Transform):
    """Transforms one after another.

    >>> steps = Compose([ToTensor(), Normalize((0.5,), (0.5,))])
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]):
        self.transforms = list(transforms)

    def __call__(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return "\n".join([f"{type(self).__name__}(", *(f"    {t}" for t in self.transforms), ")"])


class ToTensor(Transform):
    """PIL image or array (H, W, C) to a float tensor (C, H, W), 8-bit values from 0 to 1."""

    def __call__(self, img: Any) -> Tensor:
        return F.to_tensor(img)


class PILToTensor(Transform):
    """PIL image to a tensor of its own dtype."""

    def __call__(self, img: Any) -> Tensor:
        return F.pil_to_tensor(img)


class ToPILImage(Transform):
    """Tensor or array to a PIL image."""

    fields = ("mode",)

    def __init__(self, mode: str | None = None):
        self.mode = mode

    def __call__(self, img: Any) -> Any:
        return F.to_pil_image(img, self.mode)


class ConvertImageDtype(Transform):
    """Another dtype, its range scaled: 0 to the largest value for ints, 0 to 1 for floats."""

    fields = ("dtype",)

    def __init__(self, dtype: Any):
        self.dtype = dtype

    def __call__(self, img: Tensor) -> Tensor:
        return F.convert_image_dtype(img, self.dtype)


class Normalize(Transform):
    """`(x - mean) / std`, channel by channel."""

    fields = ("mean", "std")

    def __init__(self, mean: Any, std: Any, inplace: bool = False):
        self.mean, self.std, self.inplace = mean, std, inplace

    def __call__(self, img: Tensor) -> Tensor:
        return F.normalize(img, self.mean, self.std, self.inplace)


class Resize(Transform):
    """Another size: (height, width), or an int for the shorter side."""

    fields = ("size", "interpolation")

    def __init__(
        self, size: Any, interpolation: InterpolationMode = InterpolationMode.BILINEAR, max_size: int | None = None,
        antialias: bool = True,
    ):  # fmt: skip
        self.size, self.interpolation, self.max_size, self.antialias = (
            size,
            interpolation,
            max_size,
            antialias,
        )

    def __call__(self, img: Any) -> Any:
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)


class CenterCrop(Transform):
    """The middle."""

    fields = ("size",)

    def __init__(self, size: Any):
        self.size = size

    def __call__(self, img: Any) -> Any:
        return F.center_crop(img, self.size)


class Pad(Transform):
    """A margin; see `functional.pad`."""

    fields = ("padding", "fill", "padding_mode")

    def __init__(self, padding: Any, fill: Any = 0, padding_mode: str = "constant"):
        self.padding, self.fill, self.padding_mode = padding, fill, padding_mode

    def __call__(self, img: Any) -> Any:
        return F.pad(img, self.padding, self.fill, self.padding_mode)


class Lambda(Transform):
    """A function as a transform."""

    def __init__(self, lambd: Callable[[Any], Any]):
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)


class Grayscale(Transform):
    """Gray in 1 or 3 channels."""

    fields = ("num_output_channels",)

    def __init__(self, num_output_channels: int = 1):
        self.num_output_channels = num_output_channels

    def __call__(self, img: Any) -> Any:
        return F.rgb_to_grayscale(img, self.num_output_channels)


class RandomHorizontalFlip(Transform):
    """Left and right exchanged with probability `p`."""

    fields = ("p",)
    flip = staticmethod(F.hflip)

    def __init__(self, p: float = 0.5):
        self.p = p

    def __call__(self, img: Any) -> Any:
        return self.flip(img) if _uniform(0, 1) < self.p else img


class RandomVerticalFlip(RandomHorizontalFlip):
    """Top and bottom exchanged with probability `p`."""

    flip = staticmethod(F.vflip)


class RandomCrop(Transform):
    """A rectangle of `size` at a random place, after `padding`."""

    fields = ("size", "padding")

    def __init__(
        self, size: Any, padding: Any = None, pad_if_needed: bool = False, fill: Any = 0,
        padding_mode: str = "constant",
    ):  # fmt: skip
        self.size = F.height_and_width(size, "RandomCrop")
        self.padding, self.pad_if_needed, self.fill, self.padding_mode = (
            padding,
            pad_if_needed,
            fill,
            padding_mode,
        )

    def __call__(self, img: Any) -> Any:
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        h, w = self.size
        width, height = F.get_image_size(img)
        if self.pad_if_needed and (width < w or height < h):
            img = F.pad(img, [max(w - width, 0), max(h - height, 0)], self.fill, self.padding_mode)
            width, height = F.get_image_size(img)
        if height < h or width < w:
            raise ValueError(
                f"Required crop size {(h, w)} is larger than input image size {(height, width)}"
            )
        return F.crop(img, _integer(height - h + 1), _integer(width - w + 1), h, w)


class RandomResizedCrop(Transform):
    """A random rectangle of `scale` of the area and a ratio of sides in `ratio`, resized to `size`."""

    fields = ("size", "scale", "ratio")

    def __init__(
        self, size: Any, scale: tuple[float, float] = (0.08, 1.0), ratio: tuple[float, float] = (3 / 4, 4 / 3),
        interpolation: InterpolationMode = InterpolationMode.BILINEAR, antialias: bool = True,
    ):  # fmt: skip
        self.size = F.height_and_width(size, "RandomResizedCrop")
        self.scale, self.ratio, self.interpolation, self.antialias = (
            scale,
            ratio,
            interpolation,
            antialias,
        )

    def _rectangle(self, width: int, height: int) -> tuple[int, int, int, int]:
        for _ in range(10):
            area = width * height * _uniform(*self.scale)
            ratio = math.exp(_uniform(math.log(self.ratio[0]), math.log(self.ratio[1])))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < w <= width and 0 < h <= height:
                return _integer(height - h + 1), _integer(width - w + 1), h, w
        ratio = min(max(width / height, self.ratio[0]), self.ratio[1])
        w, h = max(min(width, round(height * ratio)), 1), max(min(height, round(width / ratio)), 1)
        return (height - h) // 2, (width - w) // 2, h, w

    def __call__(self, img: Any) -> Any:
        rectangle = self._rectangle(*F.get_image_size(img))
        return F.resize(
            F.crop(img, *rectangle), self.size, self.interpolation, antialias=self.antialias
        )


class RandomRotation(Transform):
    """A turn by a random number of degrees: of (low, high), or x for (-x, x)."""

    fields = ("degrees",)

    def __init__(
        self,
        degrees: Any,
        interpolation: InterpolationMode = InterpolationMode.NEAREST,
        fill: Any = 0,
    ):
        if isinstance(degrees, int | float) and degrees < 0:
            raise ValueError(f"If degrees is a single number, it must be positive, got {degrees}")
        self.degrees = (-degrees, degrees) if isinstance(degrees, int | float) else tuple(degrees)
        if len(self.degrees) != 2:
            raise ValueError(f"degrees should be a number or (low, high), got {degrees!r}")
        self.interpolation, self.fill = interpolation, fill

    def __call__(self, img: Any) -> Any:
        return F.rotate(img, _uniform(*self.degrees), self.interpolation, self.fill)


class ColorJitter(Transform):
    """Random brightness, contrast, saturation and hue, in random order.

    The first three are ranges (low, high) of factors, or x for [max(0, 1 - x), 1 + x]; `hue` is a range
    within [-0.5, 0.5], or x for [-x, x].
    """

    fields = ("brightness", "contrast", "saturation", "hue")

    def __init__(self, brightness: Any = 0, contrast: Any = 0, saturation: Any = 0, hue: Any = 0):
        self.brightness = _factors("brightness", brightness)
        self.contrast = _factors("contrast", contrast)
        self.saturation = _factors("saturation", saturation)
        self.hue = _factors("hue", hue, center=0, lowest=-0.5, highest=0.5)

    def __call__(self, img: Any) -> Any:
        for i in facula.randperm(4, device="cpu").tolist():
            bounds = (self.brightness, self.contrast, self.saturation, self.hue)[i]
            if bounds is not None:
                adjust = (
                    F.adjust_brightness,
                    F.adjust_contrast,
                    F.adjust_saturation,
                    F.adjust_hue,
                )[i]
                img = adjust(img, _uniform(*bounds))
        return img


def _factors(
    name: str, value: Any, center: float = 1, lowest: float = 0, highest: float = math.inf
) -> tuple[float, float] | None:
    """The range that an argument of ColorJitter asks for; None where nothing is to change."""
    if isinstance(value, int | float):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be non negative, got {value}")
        bounds = (max(center - value, lowest) if name != "hue" else -value, center + value)
    else:
        bounds = tuple(value)
    if len(bounds) != 2 or not lowest <= bounds[0] <= bounds[1] <= highest:
        raise ValueError(
            f"{name} values should be (low, high) between {lowest} and {highest}, got {value!r}"
        )
    return None if bounds == (center, center) else bounds


class RandomErasing(Transform):
    """A random rectangle set to `value`, with probability `p`; on tensors.

    `value`: a number, a tuple of one a channel, or 'random' for normal noise.
    Source: Zhong et al. 2017, arXiv 1708.04896.
    """

    fields = ("p", "scale", "ratio", "value")

    def __init__(
        self, p: float = 0.5, scale: tuple[float, float] = (0.02, 0.33), ratio: tuple[float, float] = (0.3, 3.3),
        value: Any = 0, inplace: bool = False,
    ):  # fmt: skip
        if isinstance(value, str) and value != "random":
            raise ValueError(f"If value is str, it should be 'random', got {value!r}")
        if not 0 <= scale[0] <= scale[1] <= 1:
            raise ValueError(f"Scale should be (low, high) between 0 and 1, got {scale}")
        if not 0 <= p <= 1:
            raise ValueError(f"Random erasing probability should be between 0 and 1, got {p}")
        self.p, self.scale, self.ratio, self.value, self.inplace = p, scale, ratio, value, inplace

    def __call__(self, img: Tensor) -> Tensor:
        if not isinstance(img, Tensor):
            raise TypeError(
                f"RandomErasing: expected a tensor, got {type(img).__name__}; put ToTensor() before it"
            )
        if _uniform(0, 1) >= self.p:
            return img
        height, width = img.shape[-2:]
        for _ in range(10):
            area = height * width * _uniform(*self.scale)
            ratio = math.exp(_uniform(math.log(self.ratio[0]), math.log(self.ratio[1])))
            h, w = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if h < height and w < width:
                i, j = _integer(height - h + 1), _integer(width - w + 1)
                return F.erase(img, i, j, h, w, self._filling(img, h, w), self.inplace)
        return img

    def _filling(self, img: Tensor, h: int, w: int) -> Any:
        if self.value == "random":
            return facula.randn(*img.shape[:-2], h, w, dtype=img.dtype, device=img.device)
        if isinstance(self.value, int | float):
            return self.value
        if len(self.value) != img.shape[-3]:
            raise ValueError(
                f"RandomErasing: {len(self.value)} values for an image of {img.shape[-3]} channels"
            )
        return facula.tensor(self.value, dtype=img.dtype, device=img.device).reshape(-1, 1, 1)


class RandomApply(Compose):
    """The transforms in a row, with probability `p`; else the image as it is."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]], p: float = 0.5):
        super().__init__(transforms)
        self.p = p

    def __call__(self, img: Any) -> Any:
        return super().__call__(img) if _uniform(0, 1) < self.p else img


class RandomChoice(Compose):
    """One of the transforms."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]):
        if not transforms:
            raise ValueError("RandomChoice: there is no transform to choose from")
        super().__init__(transforms)

    def __call__(self, img: Any) -> Any:
        return self.transforms[_integer(len(self.transforms))](img)
