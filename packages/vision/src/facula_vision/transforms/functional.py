"""Transforms as functions, on PIL images and on tensors of shape (..., channels, height, width).

Sizes are in pixels, as (height, width). Images of 8 bits become floats from 0 to 1 in `to_tensor`.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

import numpy as np
from PIL import Image

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


def get_image_size(image: Any) -> tuple[int, int]:
    """(width, height) in pixels, as torchvision's function of this name."""
    _require_image(image, "get_image_size")
    return image.size if isinstance(image, Image.Image) else (image.shape[-1], image.shape[-2])


def pil_to_tensor(pic: Any) -> Tensor:
    """A PIL image as a tensor (C, H, W) of its own dtype."""
    array = np.array(pic)
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    array = array[:, :, None] if array.ndim == 2 else array
    return facula.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))


def to_tensor(pic: Any) -> Tensor:
    """A PIL image or array (H, W[, C]) as a float32 tensor (C, H, W); 8-bit values are divided by 255."""
    if not isinstance(pic, Image.Image | np.ndarray):
        raise TypeError(
            f"to_tensor: expected a PIL image or a NumPy array, got {type(pic).__name__}"
        )
    if isinstance(pic, np.ndarray) and pic.ndim not in (2, 3):
        raise ValueError(
            f"to_tensor: an array image has 2 or 3 dimensions, this one has shape {pic.shape}"
        )
    tensor = pil_to_tensor(pic)
    is_bytes = tensor.dtype is facula.uint8
    tensor = (
        tensor.to(facula.get_default_dtype())
        if is_bytes or isinstance(pic, Image.Image)
        else tensor
    )
    return tensor / 255.0 if is_bytes else tensor


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A tensor (C, H, W) or (H, W) as a PIL image; floats from 0 to 1 become 8 bits."""
    if isinstance(pic, Tensor):
        pic = pic.unsqueeze(0) if pic.ndim == 2 else pic
        pic = (pic * 255).to(facula.uint8) if pic.is_floating_point() else pic
        pic = pic.permute(1, 2, 0).numpy(force=True)
    if pic.ndim == 3 and pic.shape[2] == 1:
        pic = pic[:, :, 0]
    return Image.fromarray(np.ascontiguousarray(pic), mode)


def normalize(tensor: Tensor, mean: Any, std: Any, inplace: bool = False) -> Tensor:
    """`(tensor - mean) / std`, one mean and one standard deviation a channel."""
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
        raise TypeError("normalize: expected a floating-point tensor; put ToTensor() before it")
    mean = facula.as_tensor(mean, dtype=tensor.dtype, device=tensor.device).reshape(-1, 1, 1)
    std = facula.as_tensor(std, dtype=tensor.dtype, device=tensor.device).reshape(-1, 1, 1)
    if bool((std == 0).any()):
        raise ValueError(f"normalize: std evaluated to zero: {std.flatten().tolist()}")
    if inplace:
        return tensor.sub_(mean).div_(std)
    return (tensor - mean) / std


def resize(
    img: Any, size: Any, interpolation: InterpolationMode = InterpolationMode.BILINEAR, max_size: int | None = None,
    antialias: bool = True,
) -> Any:  # fmt: skip
    """The image in another size: (height, width), or an int for the shorter side."""
    _require_image(img, "resize")
    width, height = get_image_size(img)
    if isinstance(size, int) or len(size) == 1:
        short = size if isinstance(size, int) else size[0]
        scale = short / min(height, width)
        new = (short, int(scale * width)) if height <= width else (int(scale * height), short)
        if max_size is not None and max(new) > max_size:
            shrink = max_size / max(new)
            new = (int(new[0] * shrink), int(new[1] * shrink))
    else:
        new = tuple(size)
    if isinstance(img, Image.Image):
        return img.resize((new[1], new[0]), _PIL_MODES[interpolation])
    return _resize_tensor(img, new, interpolation, antialias)


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
    return out if dtype.is_floating_point else out.round().clamp(0, 255).to(dtype)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """The rectangle at (top, left); what lies outside the image is 0."""
    _require_image(img, "crop")
    if isinstance(img, Image.Image):
        return img.crop((left, top, left + width, top + height))
    w, h = get_image_size(img)
    right, bottom = left + width, top + height
    inner = img[..., max(top, 0) : bottom, max(left, 0) : right]
    if left < 0 or top < 0 or right > w or bottom > h:
        margins = [max(min(right, 0) - left, 0) if right < 0 else max(-left, 0), max(right - max(w, left), 0),
                   max(-top, 0), max(bottom - max(h, top), 0)]  # fmt: skip
        return pad(inner, [margins[0], margins[2], margins[1], margins[3]])
    return inner


def center_crop(img: Any, output_size: Any) -> Any:
    """The middle of the image, padded with 0 where it is smaller than `output_size`."""
    size = (output_size, output_size) if isinstance(output_size, int) else tuple(output_size)
    size = (size[0], size[0]) if len(size) == 1 else size
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


def pad(img: Any, padding: Any, fill: float = 0, padding_mode: str = "constant") -> Any:
    """A margin: one int, (left/right, top/bottom), or (left, top, right, bottom) in pixels.

    `padding_mode`: 'constant' (with `fill`), 'edge', 'reflect' or 'symmetric'.
    """
    _require_image(img, "pad")
    p = [padding] if isinstance(padding, int) else list(padding)
    if len(p) not in (1, 2, 4):
        raise ValueError(
            f"pad: padding must be an int or a sequence of 1, 2 or 4 ints, got {padding}"
        )
    left, top, right, bottom = p * 4 if len(p) == 1 else p * 2 if len(p) == 2 else p
    if isinstance(img, Image.Image):
        array = _pad_array(np.array(img), (left, top, right, bottom), fill, padding_mode)
        return Image.fromarray(array)
    array = img
    if padding_mode == "constant":
        from facula.nn import functional as F

        return F.pad(array, (left, right, top, bottom), value=fill)
    moved = array.movedim((-2, -1), (0, 1)).numpy(force=True)
    padded = _pad_array(moved, (left, top, right, bottom), fill, padding_mode)
    return facula.from_numpy(padded).movedim((0, 1), (-2, -1))


def _pad_array(array: Any, margins: tuple[int, int, int, int], fill: float, mode: str) -> Any:
    left, top, right, bottom = margins
    widths = [(top, bottom), (left, right)] + [(0, 0)] * (array.ndim - 2)
    if mode == "constant":
        return np.pad(array, widths, constant_values=fill)
    if mode not in ("edge", "reflect", "symmetric"):
        raise ValueError(
            f"padding_mode is one of 'constant', 'edge', 'reflect', 'symmetric', got {mode!r}"
        )
    return np.pad(array, widths, mode=mode)


def rotate(
    img: Any,
    angle: float,
    interpolation: InterpolationMode = InterpolationMode.NEAREST,
    fill: float = 0,
) -> Any:
    """The image turned by `angle` degrees, counter-clockwise, about its middle; its size stays."""
    _require_image(img, "rotate")
    if isinstance(img, Image.Image):
        return img.rotate(angle, _PIL_MODES[interpolation], fillcolor=fill)
    from facula.nn import functional as F

    height, width = img.shape[-2:]
    radians = math.radians(angle)
    cos, sin = math.cos(radians), math.sin(radians)
    theta = facula.tensor(
        [[[cos, -sin * height / width, 0.0], [sin * width / height, cos, 0.0]]],
        dtype=facula.float32,
    )
    batch = img.reshape(1, -1, height, width).to(facula.float32) - fill
    grid = F.affine_grid(theta, list(batch.shape), align_corners=False)
    out = F.grid_sample(batch, grid, mode=interpolation.value, align_corners=False) + fill
    return out.reshape(img.shape).to(img.dtype)


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """Luma by ITU-R 601-2, repeated in 1 or 3 channels."""
    _require_image(img, "rgb_to_grayscale")
    if isinstance(img, Image.Image):
        gray = img.convert("L")
        return gray if num_output_channels == 1 else Image.merge("RGB", [gray] * 3)
    if img.shape[-3] not in (1, 3):
        raise TypeError(f"rgb_to_grayscale: expected 1 or 3 channels, got shape {tuple(img.shape)}")
    if img.shape[-3] == 3:
        r, g, b = img.unbind(-3)
        img = (0.2989 * r + 0.587 * g + 0.114 * b).to(img.dtype).unsqueeze(-3)
    return img.expand(*img.shape[:-3], num_output_channels, *img.shape[-2:])


def _blend(img: Any, other: Any, ratio: float) -> Any:
    bound = 1.0 if img.is_floating_point() else 255.0
    return (ratio * img + (1.0 - ratio) * other).clamp(0, bound).to(img.dtype)


def _enhance(img: Any, name: str, factor: float) -> Any:
    from PIL import ImageEnhance

    if factor < 0:
        raise ValueError(f"{name}_factor ({factor}) is not non-negative.")
    return getattr(ImageEnhance, {"saturation": "Color"}.get(name, name.capitalize()))(img).enhance(
        factor
    )


def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """0 gives black, 1 the image, 2 twice its brightness."""
    if isinstance(img, Image.Image):
        return _enhance(img, "brightness", brightness_factor)
    return _blend(img, facula.zeros_like(img), brightness_factor)


def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """0 gives plain gray, 1 the image, 2 twice its contrast."""
    if isinstance(img, Image.Image):
        return _enhance(img, "contrast", contrast_factor)
    gray = rgb_to_grayscale(img) if img.shape[-3] == 3 else img
    return _blend(
        img, gray.to(facula.float32).mean(dim=(-3, -2, -1), keepdim=True), contrast_factor
    )


def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """0 gives gray, 1 the image, 2 twice its saturation."""
    if isinstance(img, Image.Image):
        return _enhance(img, "saturation", saturation_factor)
    return img if img.shape[-3] == 1 else _blend(img, rgb_to_grayscale(img), saturation_factor)


def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Tensor:
    """The rectangle at row `i`, column `j` of size `h` x `w` set to `v`."""
    img = img if inplace else img.clone()
    img[..., i : i + h, j : j + w] = v
    return img
