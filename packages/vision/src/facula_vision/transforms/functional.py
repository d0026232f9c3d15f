"""Transforms as functions, on PIL images and on tensors of shape (..., channels, height, width).

Sizes are in pixels, as (height, width). Images of 8 bits become floats from 0 to 1 in `to_tensor`.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

import facula
from facula import Tensor


class InterpolationMode(Enum):
    """How pixels between pixels are made."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"


_PIL_MODES = {
    InterpolationMode.NEAREST: Image.Resampling.NEAREST,
    InterpolationMode.BILINEAR: Image.Resampling.BILINEAR,
    InterpolationMode.BICUBIC: Image.Resampling.BICUBIC,
}


def _require_image(image: Any, where: str) -> None:
    if not isinstance(image, Tensor | Image.Image):
        raise TypeError(
            f"{where}: expected a PIL image or a tensor (..., C, H, W), got {type(image).__name__}"
        )
    if isinstance(image, Tensor) and image.ndim < 2:
        raise TypeError(
            f"{where}: a tensor image needs at least 2 dimensions, got shape {tuple(image.shape)}"
        )


def _require_channels(image: Tensor, where: str) -> None:
    if image.ndim < 3 or image.shape[-3] not in (1, 3):
        raise TypeError(
            f"{where}: expected a tensor (..., C, H, W) of 1 or 3 channels, got shape {tuple(image.shape)}"
        )


def _pil_mode(interpolation: Any) -> Any:
    if interpolation not in _PIL_MODES:
        raise TypeError(
            f"interpolation: expected a facula_vision InterpolationMode, got {interpolation!r}"
        )
    return _PIL_MODES[interpolation]


def height_and_width(size: Any, where: str) -> tuple[int, int]:
    """`size` as (height, width): an int stands for a square. Raises ValueError for anything else."""
    pair = (size, size) if isinstance(size, int) else tuple(size)
    pair = pair * 2 if len(pair) == 1 else pair
    if len(pair) != 2 or not all(isinstance(n, int) and n > 0 for n in pair):
        raise ValueError(f"{where}: size must be a positive int or (height, width), got {size!r}")
    return pair


def get_image_size(image: Any) -> tuple[int, int]:
    """(width, height) in pixels, as torchvision's function of this name."""
    _require_image(image, "get_image_size")
    return image.size if isinstance(image, Image.Image) else (image.shape[-1], image.shape[-2])


def pil_to_tensor(pic: Any) -> Tensor:
    """A PIL image as a tensor (C, H, W) of its own dtype."""
    if not isinstance(pic, Image.Image):
        raise TypeError(f"pil_to_tensor: expected a PIL image, got {type(pic).__name__}")
    return _channels_first(np.array(pic))


def _channels_first(array: Any) -> Tensor:
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    array = array[:, :, None] if array.ndim == 2 else array
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    return facula.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))


def to_tensor(pic: Any) -> Tensor:
    """A PIL image or array (H, W[, C]) as a tensor (C, H, W).

    8-bit values are divided by 255 and become the default dtype, other dtypes stay as they are.
    """
    if not isinstance(pic, Image.Image | np.ndarray):
        raise TypeError(
            f"to_tensor: expected a PIL image or a NumPy array, got {type(pic).__name__}"
        )
    if isinstance(pic, np.ndarray) and pic.ndim not in (2, 3):
        raise ValueError(
            f"to_tensor: an array image has 2 or 3 dimensions, this one has shape {pic.shape}"
        )
    tensor = _channels_first(np.array(pic))
    return tensor.to(facula.get_default_dtype()) / 255.0 if tensor.dtype is facula.uint8 else tensor


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A tensor (C, H, W) or (H, W), or an array (H, W[, C]), as a PIL image.

    Floats of a tensor, from 0 to 1, become 8 bits, unless `mode` is 'F'. 1 to 4 channels make modes L, LA, RGB, RGBA; one
    channel of another dtype makes I;16 (16 bits), I (int32) or F (float32).
    """
    if not isinstance(pic, Tensor | np.ndarray):
        raise TypeError(
            f"to_pil_image: expected a tensor or a NumPy array, got {type(pic).__name__}"
        )
    if pic.ndim not in (2, 3):
        raise ValueError(
            f"to_pil_image: an image has 2 or 3 dimensions, this one has shape {tuple(pic.shape)}"
        )
    if isinstance(pic, Tensor):
        pic = pic.unsqueeze(0) if pic.ndim == 2 else pic
        pic = (pic * 255).to(facula.uint8) if pic.is_floating_point() and mode != "F" else pic
        pic = pic.permute(1, 2, 0).numpy(force=True)
    if pic.ndim == 3 and pic.shape[2] > 4:
        raise ValueError(
            f"to_pil_image: an image has at most 4 channels, this one has {pic.shape[2]}"
        )
    if pic.ndim == 3 and pic.shape[2] == 1:
        pic = pic[:, :, 0]
    if pic.dtype != np.uint8 and (pic.ndim == 3 or pic.dtype.name not in _ONE_CHANNEL):
        raise TypeError(
            f"to_pil_image: no PIL image holds {pic.dtype} in shape {pic.shape} (height, width, channels)"
        )
    image = Image.fromarray(np.ascontiguousarray(pic))
    if mode is None or mode == image.mode:
        return image
    if len(Image.new(mode, (1, 1)).getbands()) != len(image.getbands()):
        raise ValueError(f"to_pil_image: mode {mode!r} does not fit an image of shape {pic.shape}")
    return image.convert(mode) if len(image.getbands()) == 1 else Image.merge(mode, image.split())


_ONE_CHANNEL = ("int16", "uint16", "int32", "float32")


def convert_image_dtype(image: Tensor, dtype: Any) -> Tensor:
    """The image in another dtype, its range scaled: 0 to the largest value for ints, 0 to 1 for floats."""
    if not isinstance(image, Tensor):
        raise TypeError(f"convert_image_dtype: expected a tensor, got {type(image).__name__}")
    was_float = image.is_floating_point()
    if image.dtype is dtype or (was_float and dtype.is_floating_point):
        return image.to(dtype)
    if dtype.is_floating_point:
        return image.to(dtype) / facula.iinfo(image.dtype).max
    highest = facula.iinfo(dtype).max
    if was_float:
        # Slightly below highest + 1: every integer gets an equal share of 0 to 1, and 1.0 does not overflow.
        return (image * (highest + 1 - 1e-3)).to(dtype)
    before = facula.iinfo(image.dtype).max
    if before > highest:
        return (image // ((before + 1) // (highest + 1))).to(dtype)
    return image.to(dtype) * ((highest + 1) // (before + 1))


def normalize(tensor: Tensor, mean: Any, std: Any, inplace: bool = False) -> Tensor:
    """`(tensor - mean) / std` of a tensor (..., C, H, W), one mean and one standard deviation a channel."""
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
        what = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
        raise TypeError(
            f"normalize: expected a floating-point tensor, got {what}; put ToTensor() before it"
        )
    if tensor.ndim < 3:
        raise ValueError(
            f"normalize: expected a tensor (..., C, H, W), got shape {tuple(tensor.shape)}"
        )
    mean = facula.as_tensor(mean, dtype=tensor.dtype, device=tensor.device).reshape(-1, 1, 1)
    std = facula.as_tensor(std, dtype=tensor.dtype, device=tensor.device).reshape(-1, 1, 1)
    for name, values in (("mean", mean), ("std", std)):
        if len(values) not in (1, tensor.shape[-3]):
            raise ValueError(
                f"normalize: {name} has {len(values)} values, the image {tensor.shape[-3]} channels"
            )
    if bool((std == 0).any()):
        raise ValueError(f"normalize: std evaluated to zero: {std.flatten().tolist()}")
    if inplace:
        return tensor.sub_(mean).div_(std)
    return (tensor - mean) / std


def resize(
    img: Any, size: Any, interpolation: InterpolationMode = InterpolationMode.BILINEAR, max_size: int | None = None,
    antialias: bool = True,
) -> Any:  # fmt: skip
    """The image in another size: (height, width), or an int for the shorter side.

    `max_size` bounds the longer side where `size` is an int. PIL always smooths when it shrinks; for
    tensors `antialias` says whether to.
    """
    _require_image(img, "resize")
    resample = _pil_mode(interpolation)
    if isinstance(size, int) or len(size) == 1:
        new = _fit(img, size if isinstance(size, int) else size[0], max_size)
    else:
        new = height_and_width(size, "resize")
        if max_size is not None:
            raise ValueError("resize: max_size is for a size that is one int, the shorter side")
    if isinstance(img, Image.Image):
        return img.resize((new[1], new[0]), resample)
    return _resize_tensor(img, new, interpolation, antialias)


def _fit(img: Any, shorter: int, max_size: int | None) -> tuple[int, int]:
    """The (height, width) whose shorter side is `shorter`, at the image's ratio of sides."""
    width, height = get_image_size(img)
    height_and_width(shorter, "resize")
    short, long = shorter, int(shorter * max(width, height) / min(width, height))
    if max_size is not None:
        if max_size <= shorter:
            raise ValueError(
                f"resize: max_size ({max_size}) must be greater than the size of the shorter side ({shorter})"
            )
        if long > max_size:
            short, long = int(max_size * short / long), max_size
    return (short, long) if height <= width else (long, short)


def _resize_tensor(
    img: Tensor, size: tuple[int, int], mode: InterpolationMode, antialias: bool
) -> Tensor:
    from facula.nn import functional as F

    dtype, shape = img.dtype, img.shape
    batch = img.reshape(-1, 1, *shape[-2:])
    batch = batch if batch.is_floating_point() else batch.to(facula.float32)
    smooth = mode is not InterpolationMode.NEAREST
    kwargs = {"align_corners": False, "antialias": antialias} if smooth else {}
    out = F.interpolate(batch, size=size, mode=mode.value, **kwargs).reshape(*shape[:-2], *size)
    return _like(out, dtype)


def _like(image: Tensor, dtype: Any) -> Tensor:
    """A computed float image in the dtype of the one it was made of."""
    if dtype.is_floating_point:
        return image.to(dtype)
    limits = facula.iinfo(dtype)
    return image.round().clamp(limits.min, limits.max).to(dtype)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """The rectangle at (top, left); what lies outside the image is 0."""
    _require_image(img, "crop")
    if isinstance(img, Image.Image):
        return img.crop((left, top, left + width, top + height))
    w, h = get_image_size(img)
    above, below = _overhang(top, height, h)
    before, after = _overhang(left, width, w)
    inner = img[..., top + above : top + height - below, left + before : left + width - after]
    return pad(inner, [before, above, after, below]) if above or below or before or after else inner


def _overhang(start: int, length: int, size: int) -> tuple[int, int]:
    """How many of the pixels from `start` on lie before 0 and how many from `size` on."""
    before = min(max(-start, 0), length)
    return before, min(max(start + length - size, 0), length - before)


def center_crop(img: Any, output_size: Any) -> Any:
    """The middle of the image, padded with 0 where it is smaller than `output_size`."""
    size = height_and_width(output_size, "center_crop")
    width, height = get_image_size(img)
    if size[1] > width or size[0] > height:
        w, h = max(size[1] - width, 0), max(size[0] - height, 0)
        img = pad(img, [w // 2, h // 2, (w + 1) // 2, (h + 1) // 2])
        width, height = get_image_size(img)
    top, left = round((height - size[0]) / 2.0), round((width - size[1]) / 2.0)
    return crop(img, top, left, *size)


def hflip(img: Any) -> Any:
    """Left and right exchanged."""
    _require_image(img, "hflip")
    return (
        img.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if isinstance(img, Image.Image)
        else img.flip(-1)
    )


def vflip(img: Any) -> Any:
    """Top and bottom exchanged."""
    _require_image(img, "vflip")
    return (
        img.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        if isinstance(img, Image.Image)
        else img.flip(-2)
    )


def pad(img: Any, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> Any:
    """A margin: one int, (left/right, top/bottom), or (left, top, right, bottom) in pixels.

    `padding_mode`: 'constant' (with `fill`; for PIL images a tuple has a value a channel), 'edge', 'reflect' or
    'symmetric'. Negative numbers of pixels cut off.
    """
    _require_image(img, "pad")
    left, top, right, bottom = _margins(padding)
    if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
        raise ValueError(
            f"padding_mode is one of 'constant', 'edge', 'reflect', 'symmetric', got {padding_mode!r}"
        )
    if min(left, top, right, bottom) < 0:
        width, height = get_image_size(img)
        cut = [max(-n, 0) for n in (left, top, right, bottom)]
        img = crop(
            img, cut[1], cut[0], max(height - cut[1] - cut[3], 0), max(width - cut[0] - cut[2], 0)
        )
        left, top, right, bottom = (max(n, 0) for n in (left, top, right, bottom))
    if padding_mode != "constant":
        return _pad_by_index(img, left, top, right, bottom, padding_mode)
    if isinstance(img, Image.Image):
        return ImageOps.expand(img, (left, top, right, bottom), _pil_color(img, fill))
    from facula.nn import functional as F

    return F.pad(img, (left, right, top, bottom), value=fill)


def _margins(padding: Any) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of a `padding` argument."""
    p = (padding,) if isinstance(padding, int) else tuple(padding)
    if len(p) not in (1, 2, 4) or not all(isinstance(n, int) for n in p):
        raise ValueError(
            f"pad: padding must be an int or a sequence of 1, 2 or 4 ints, got {padding!r}"
        )
    return p * (4 // len(p))


def _pil_color(img: Any, fill: Any) -> Any:
    """`fill` as PIL takes it: one number stands for all channels, where PIL would fill the first one."""
    bands = len(img.getbands())
    values = tuple(fill) if isinstance(fill, list | tuple) else (fill,) * bands
    if len(values) not in (1, bands):
        raise ValueError(
            f"fill: {len(values)} values for an image of {bands} channels (mode {img.mode})"
        )
    values = values if img.mode == "F" else tuple(int(v) for v in values)
    return values[0] if bands == 1 else values * (bands // len(values))


def _pad_by_index(img: Any, left: int, top: int, right: int, bottom: int, mode: str) -> Any:
    """Rows and columns taken again, in the order in which NumPy pads with them."""
    width, height = get_image_size(img)
    rows = np.pad(np.arange(height), (top, bottom), mode=mode)
    columns = np.pad(np.arange(width), (left, right), mode=mode)
    if isinstance(img, Image.Image):
        padded = Image.fromarray(np.ascontiguousarray(np.array(img)[rows][:, columns]))
        if img.mode == "P":
            padded.putpalette(img.getpalette())
        return padded
    rows, columns = (facula.tensor(i, device=img.device) for i in (rows, columns))
    return img.index_select(-2, rows).index_select(-1, columns)


def rotate(
    img: Any,
    angle: float,
    interpolation: InterpolationMode = InterpolationMode.NEAREST,
    fill: Any = 0,
) -> Any:
    """The image turned by `angle` degrees, counter-clockwise, about its middle; its size stays."""
    _require_image(img, "rotate")
    resample = _pil_mode(interpolation)
    if isinstance(img, Image.Image):
        return img.rotate(angle, resample, fillcolor=_pil_color(img, fill))
    from facula.nn import functional as F

    height, width = img.shape[-2:]
    radians = math.radians(angle)
    cos, sin = math.cos(radians), math.sin(radians)
    working = img.dtype if img.is_floating_point() else facula.float32
    theta = facula.tensor(
        [[[cos, -sin * height / width, 0.0], [sin * width / height, cos, 0.0]]],
        dtype=working,
        device=img.device,
    )
    # What lies outside is 0 in grid_sample, so `fill` is the zero of what it sees.
    batch = img.reshape(1, -1, height, width).to(working) - fill
    grid = F.affine_grid(theta, list(batch.shape), align_corners=False)
    out = F.grid_sample(batch, grid, mode=interpolation.value, align_corners=False) + fill
    return _like(out.reshape(img.shape), img.dtype)


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """Luma by ITU-R 601-2, repeated in 1 or 3 channels."""
    _require_image(img, "rgb_to_grayscale")
    if num_output_channels not in (1, 3):
        raise ValueError(f"num_output_channels should be either 1 or 3, got {num_output_channels}")
    if isinstance(img, Image.Image):
        gray = img.convert("L")
        return gray if num_output_channels == 1 else Image.merge("RGB", [gray] * 3)
    _require_channels(img, "rgb_to_grayscale")
    if img.shape[-3] == 3:
        r, g, b = img.unbind(-3)
        img = (0.2989 * r + 0.587 * g + 0.114 * b).to(img.dtype).unsqueeze(-3)
    return img.expand(*img.shape[:-3], num_output_channels, *img.shape[-2:])


def _blend(img: Tensor, other: Any, ratio: float) -> Tensor:
    bound = 1.0 if img.is_floating_point() else float(facula.iinfo(img.dtype).max)
    return (ratio * img + (1.0 - ratio) * other).clamp(0, bound).to(img.dtype)


def _check_adjust(img: Any, name: str, factor: float) -> None:
    _require_image(img, f"adjust_{name}")
    if factor < 0:
        raise ValueError(f"{name}_factor ({factor}) is not non-negative.")
    if isinstance(img, Tensor):
        _require_channels(img, f"adjust_{name}")


def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """0 gives black, 1 the image, 2 twice its brightness."""
    _check_adjust(img, "brightness", brightness_factor)
    if isinstance(img, Image.Image):
        return ImageEnhance.Brightness(img).enhance(brightness_factor)
    return _blend(img, 0.0, brightness_factor)


def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """0 gives plain gray, 1 the image, 2 twice its contrast."""
    _check_adjust(img, "contrast", contrast_factor)
    if isinstance(img, Image.Image):
        return ImageEnhance.Contrast(img).enhance(contrast_factor)
    gray = rgb_to_grayscale(img)
    gray = gray if gray.is_floating_point() else gray.to(facula.float32)
    return _blend(img, gray.mean(dim=(-3, -2, -1), keepdim=True), contrast_factor)


def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """0 gives gray, 1 the image, 2 twice its saturation."""
    _check_adjust(img, "saturation", saturation_factor)
    if isinstance(img, Image.Image):
        return ImageEnhance.Color(img).enhance(saturation_factor)
    return img if img.shape[-3] == 1 else _blend(img, rgb_to_grayscale(img), saturation_factor)


def adjust_hue(img: Any, hue_factor: float) -> Any:
    """The colours turned around the wheel: -0.5 and 0.5 give the complementary ones, 0 the image."""
    _require_image(img, "adjust_hue")
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    if isinstance(img, Image.Image):
        if img.mode in ("1", "I", "F", "L", "I;16"):
            return img
        hue, saturation, value = img.convert("HSV").split()
        turned = np.array(hue) + np.array(round(hue_factor * 255) % 256, np.uint8)  # wraps around
        return Image.merge("HSV", (Image.fromarray(turned), saturation, value)).convert(img.mode)
    _require_channels(img, "adjust_hue")
    if img.shape[-3] == 1:
        return img
    working = img if img.is_floating_point() else convert_image_dtype(img, facula.float32)
    return convert_image_dtype(_turn_hue(working, hue_factor), img.dtype)


def _turn_hue(img: Tensor, turn: float) -> Tensor:
    """Through HSV and back: A. R. Smith, "Color gamut transform pairs", SIGGRAPH 1978."""
    high, low = img.amax(-3), img.amin(-3)
    span = high - low
    r, g, b = img.unbind(-3)
    by = facula.where(span == 0, facula.ones_like(span), span)
    sector = facula.where(
        high == r, (g - b) / by, facula.where(high == g, 2 + (b - r) / by, 4 + (r - g) / by)
    )
    sector = (sector / 6 + turn) % 1.0 * 6

    def channel(n: int) -> Tensor:
        k = (n + sector) % 6
        return high - span * facula.minimum(k, 4 - k).clamp(0, 1)

    return facula.stack([channel(5), channel(3), channel(1)], dim=-3)


def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Tensor:
    """The rectangle at row `i`, column `j` of size `h` x `w` set to `v`, a number or a tensor."""
    if not isinstance(img, Tensor):
        raise TypeError(
            f"erase: expected a tensor, got {type(img).__name__}; put ToTensor() before it"
        )
    img = img if inplace else img.clone()
    img[..., i : i + h, j : j + w] = v
    return img
