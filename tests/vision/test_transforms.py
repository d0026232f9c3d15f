"""Transforms on PIL images and on tensors: against PIL and NumPy, at the borders, and by seed."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import facula
from facula_vision import transforms as T
from facula_vision.transforms import InterpolationMode, functional as F

GENERATOR = np.random.default_rng(0)
PIXELS = GENERATOR.integers(0, 256, (6, 9, 3), dtype=np.uint8)
RGB = Image.fromarray(PIXELS)
GRAY = Image.fromarray(PIXELS[:, :, 0])
BYTES = F.pil_to_tensor(RGB)
FLOATS = F.to_tensor(RGB)
# A smooth image: interpolations of PIL (fixed point) and of tensors (floats) stay close on it.
Y, X = np.mgrid[0:24, 0:30]
SMOOTH = Image.fromarray((127 + 60 * np.sin(X / 5) + 60 * np.cos(Y / 4)).astype(np.uint8))


def same(tensor, image):
    np.testing.assert_array_equal(tensor.numpy(), F.pil_to_tensor(image).numpy())


# ---- conversions


def test_to_tensor_of_pil_and_arrays():
    np.testing.assert_array_equal(FLOATS.numpy(), (PIXELS.transpose(2, 0, 1) / np.float32(255)))
    assert FLOATS.dtype is facula.float32 and FLOATS.shape == (3, 6, 9)
    np.testing.assert_array_equal(F.to_tensor(PIXELS).numpy(), FLOATS.numpy())
    assert F.to_tensor(PIXELS[:, :, 0]).shape == (1, 6, 9)
    wide = PIXELS[:, :, 0].astype(np.int32) * 1000
    np.testing.assert_array_equal(F.to_tensor(wide).numpy()[0], wide)


@pytest.mark.parametrize(
    ("mode", "dtype", "channels"),
    [("L", "uint8", 1), ("1", "uint8", 1), ("RGB", "uint8", 3), ("RGBA", "uint8", 4), ("I", "int32", 1), ("F", "float32", 1)],
)  # fmt: skip
def test_pil_modes(mode, dtype, channels):
    image = RGB.convert("L").convert(mode) if mode in "1IF" else RGB.convert(mode)
    tensor = F.pil_to_tensor(image)
    assert tensor.dtype is getattr(facula, dtype) and tensor.shape == (channels, 6, 9)
    back = F.to_pil_image(tensor, mode if mode == "F" else None)
    assert back.mode == (mode if mode != "1" else "L")
    np.testing.assert_array_equal(np.array(back), np.array(image.convert(back.mode)))


def test_black_and_white_is_0_and_1():
    assert set(F.to_tensor(GRAY.convert("1")).flatten().tolist()) == {0.0, 1.0}


def test_to_pil_image_of_floats_and_of_two_dimensions():
    same(BYTES, F.to_pil_image(FLOATS))
    same(BYTES[:1], F.to_pil_image(BYTES[0]))
    same(BYTES, F.to_pil_image(PIXELS))
    assert F.to_pil_image(BYTES, "HSV").mode == "HSV"


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: F.to_tensor([1, 2]), TypeError, "expected a PIL image or a NumPy array, got list"),
        (lambda: F.to_tensor(np.zeros(3)), ValueError, r"has shape \(3,\)"),
        (lambda: F.pil_to_tensor(PIXELS), TypeError, "expected a PIL image, got ndarray"),
        (lambda: F.to_pil_image("image"), TypeError, "got str"),
        (lambda: F.to_pil_image(facula.zeros(1, 1, 2, 2)), ValueError, "2 or 3 dimensions"),
        (lambda: F.to_pil_image(facula.zeros(5, 2, 2)), ValueError, "at most 4 channels"),
        (lambda: F.to_pil_image(facula.zeros(1, 2, 2, dtype=facula.int64)), TypeError, "int64"),
        (lambda: F.to_pil_image(BYTES, "L"), ValueError, "does not fit"),
        (lambda: F.normalize(RGB, 0, 1), TypeError, "got Image; put ToTensor"),
        (lambda: F.normalize(BYTES, 0, 1), TypeError, "uint8; put ToTensor"),
        (lambda: F.normalize(FLOATS, 0, 0), ValueError, "std evaluated to zero"),
        (lambda: F.normalize(FLOATS, (0, 0), 1), ValueError, "mean has 2 values, the image 3 channels"),
        (lambda: F.normalize(FLOATS[:1], (0, 0, 0), 1), ValueError, "mean has 3 values, the image 1 channels"),
        (lambda: F.normalize(FLOATS[0], 0, 1), ValueError, "expected a tensor"),
        (lambda: F.resize(PIXELS, 3), TypeError, "resize: expected a PIL image or a tensor.*got ndarray"),
        (lambda: F.resize(RGB, 0), ValueError, "size must be a positive int"),
        (lambda: F.resize(RGB, (3, 4, 5)), ValueError, "size must be"),
        (lambda: F.resize(RGB, 4, max_size=4), ValueError, "must be greater than"),
        (lambda: F.resize(RGB, (3, 3), max_size=4), ValueError, "one int"),
        (lambda: F.resize(RGB, 3, "bilinear"), TypeError, "InterpolationMode, got 'bilinear'"),
        (lambda: F.pad(RGB, (1, 2, 3)), ValueError, "1, 2 or 4 ints"),
        (lambda: F.pad(RGB, 1.5), TypeError, None),
        (lambda: F.pad(RGB, 1, padding_mode="wrap"), ValueError, "padding_mode is one of"),
        (lambda: F.pad(RGB, 1, fill=(1, 2)), ValueError, "2 values for an image of 3 channels"),
        (lambda: F.hflip(3), TypeError, "hflip"),
        (lambda: F.crop(facula.zeros(3), 0, 0, 1, 1), TypeError, "at least 2 dimensions"),
        (lambda: F.rgb_to_grayscale(facula.zeros(4, 2, 2)), TypeError, "1 or 3 channels"),
        (lambda: F.rgb_to_grayscale(RGB, 2), ValueError, "1 or 3"),
        (lambda: F.adjust_brightness(FLOATS, -1), ValueError, "not non-negative"),
        (lambda: F.adjust_contrast(RGB, -1), ValueError, "not non-negative"),
        (lambda: F.adjust_saturation(PIXELS, 1), TypeError, "adjust_saturation"),
        (lambda: F.adjust_hue(RGB, 0.6), ValueError, "not in"),
        (lambda: F.erase(RGB, 0, 0, 1, 1, 0), TypeError, "put ToTensor"),
        (lambda: T.Lambda(3), TypeError, "callable"),
        (lambda: T.RandomChoice([]), ValueError, "no transform"),
        (lambda: T.RandomCrop(10)(RGB), ValueError, r"crop size \(10, 10\) is larger than input image size \(6, 9\)"),
        (lambda: T.RandomCrop((1, 2, 3)), ValueError, "RandomCrop: size"),
        (lambda: T.RandomRotation(-1), ValueError, "must be positive"),
        (lambda: T.ColorJitter(brightness=-1), ValueError, "non negative"),
        (lambda: T.ColorJitter(contrast=(2, 1)), ValueError, "contrast values"),
        (lambda: T.ColorJitter(hue=0.6), ValueError, "hue values"),
        (lambda: T.RandomErasing(value="noise"), ValueError, "'random'"),
        (lambda: T.RandomErasing(p=1)(RGB), TypeError, "put ToTensor"),
        (lambda: T.RandomErasing(p=1, value=(1, 2))(FLOATS), ValueError, "2 values for an image of 3 channels"),
    ],
)  # fmt: skip
def test_errors(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_normalize():
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
    expected = (FLOATS.numpy() - np.float32(mean)[:, None, None]) / np.float32(std)[:, None, None]
    np.testing.assert_allclose(F.normalize(FLOATS, mean, std).numpy(), expected, rtol=1e-6)
    batch = facula.stack([FLOATS, FLOATS])
    np.testing.assert_allclose(F.normalize(batch, mean, std).numpy()[1], expected, rtol=1e-6)
    assert F.normalize(batch, 0.5, 0.5, inplace=True) is batch
    np.testing.assert_allclose(batch[0].numpy(), (FLOATS.numpy() - 0.5) / 0.5, rtol=1e-6)


def test_convert_image_dtype():
    back = F.convert_image_dtype(F.convert_image_dtype(BYTES, facula.float32), facula.uint8)
    np.testing.assert_array_equal(back.numpy(), BYTES.numpy())
    wide = F.convert_image_dtype(BYTES, facula.int16)
    np.testing.assert_array_equal(F.convert_image_dtype(wide, facula.uint8).numpy(), BYTES.numpy())
    ends = facula.tensor([0.0, 0.25, 1.0])
    assert F.convert_image_dtype(ends, facula.uint8).tolist() == [0, 63, 255]
    assert F.convert_image_dtype(ends, facula.int16).tolist() == [0, 8191, 32767]
    assert T.ConvertImageDtype(facula.float64)(BYTES).dtype is facula.float64


# ---- geometry


@pytest.mark.parametrize(
    "box",
    [
        (1, 2, 3, 4),
        (-2, -3, 5, 6),
        (4, 7, 5, 6),
        (-1, -1, 10, 12),
        (-9, 0, 4, 4),
        (20, 20, 2, 3),
        (0, -9, 3, 4),
    ],
)
def test_crop_as_pil_also_outside_of_the_image(box):
    same(F.crop(BYTES, *box), F.crop(RGB, *box))
    assert F.crop(facula.stack([FLOATS, FLOATS]), *box).shape == (2, 3, *box[2:])


@pytest.mark.parametrize("size", [4, (4,), (2, 5), (6, 9), (8, 4), (11, 12), (1, 1)])
def test_center_crop_as_pil(size):
    same(F.center_crop(BYTES, size), F.center_crop(RGB, size))


def test_flips():
    np.testing.assert_array_equal(np.array(F.hflip(RGB)), PIXELS[:, ::-1])
    np.testing.assert_array_equal(np.array(F.vflip(RGB)), PIXELS[::-1])
    same(F.hflip(BYTES), F.hflip(RGB))
    same(F.vflip(BYTES), F.vflip(RGB))


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
@pytest.mark.parametrize("padding", [2, (1, 3), (1, 2, 3, 4), (0, 0, 0, 1), (-1, 2, 1, -2)])
def test_pad_as_numpy(mode, padding):
    left, top, right, bottom = F._margins(padding)
    cut = PIXELS[max(-top, 0) : 6 - max(-bottom, 0), max(-left, 0) : 9 - max(-right, 0)]
    widths = [(max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0)), (0, 0)]
    expected = np.pad(cut, widths, mode)
    np.testing.assert_array_equal(np.array(F.pad(RGB, padding, 0, mode)), expected)
    np.testing.assert_array_equal(
        F.pad(BYTES, padding, 0, mode).numpy(), expected.transpose(2, 0, 1)
    )


def test_pad_fill():
    assert np.array(F.pad(RGB, 1, fill=7))[0, 0].tolist() == [7, 7, 7]
    assert np.array(F.pad(RGB, 1, fill=(1, 2, 3)))[0, 0].tolist() == [1, 2, 3]
    assert F.pad(FLOATS, 1, fill=0.5)[:, 0, 0].tolist() == [0.5] * 3


def test_pad_keeps_the_palette():
    indexed = RGB.convert("P")
    padded = F.pad(indexed, 2, padding_mode="edge")
    np.testing.assert_array_equal(
        np.array(padded.convert("RGB"))[2:-2, 2:-2], np.array(indexed.convert("RGB"))
    )


def test_pad_has_gradients():
    image = facula.rand(1, 4, 4, requires_grad=True)
    F.pad(image, 1, padding_mode="reflect").sum().backward()
    assert image.grad.sum().item() == 36


@pytest.mark.parametrize(
    ("size", "expected"),
    [(3, (3, 4)), ((3,), (3, 4)), ((5, 7), (5, 7)), (12, (12, 18)), ((6, 9), (6, 9))],
)
def test_resize_sizes(size, expected):
    assert F.resize(BYTES, size).shape == (3, *expected)
    assert F.resize(RGB, size).size == expected[::-1]


def test_resize_max_size():
    assert F.resize(BYTES, 6, max_size=8).shape == (3, 5, 8)
    assert F.resize(BYTES.transpose(1, 2), 6, max_size=8).shape == (3, 8, 5)


SIZES = [(12, 15), (7, 11), (48, 60), (30, 10)]


@pytest.mark.parametrize("mode", [InterpolationMode.BILINEAR, InterpolationMode.BICUBIC])
@pytest.mark.parametrize("size", SIZES)
def test_resize_as_pil(mode, size):
    ours = F.resize(F.pil_to_tensor(SMOOTH), size, mode).numpy()[0].astype(int)
    pil = np.array(F.resize(SMOOTH, size, mode)).astype(int)
    assert np.abs(ours - pil).max() <= 1


@pytest.mark.parametrize("size", SIZES)
def test_resize_nearest_takes_upper_left_pixels_as_pytorch(size):
    ours = F.resize(F.pil_to_tensor(SMOOTH), size, InterpolationMode.NEAREST).numpy()[0]
    rows, columns = (np.arange(n) * full // n for n, full in zip(size, (24, 30)))
    np.testing.assert_array_equal(ours, np.array(SMOOTH)[rows][:, columns])


@pytest.mark.parametrize("angle", [0, 90, 180, -90])
def test_rotate_by_right_angles_is_exact(angle):
    square = facula.arange(25, dtype=facula.uint8).reshape(1, 5, 5)
    expected = np.rot90(square.numpy(), angle // 90, (1, 2))
    np.testing.assert_array_equal(F.rotate(square, angle).numpy(), expected)
    np.testing.assert_array_equal(
        F.pil_to_tensor(F.rotate(F.to_pil_image(square), angle)).numpy(), expected
    )


@pytest.mark.parametrize("angle", [10, -37, 123])
def test_rotate_as_pil(angle):
    ours = (
        F.rotate(F.pil_to_tensor(SMOOTH), angle, InterpolationMode.BILINEAR).numpy()[0].astype(int)
    )
    pil = np.array(F.rotate(SMOOTH, angle, InterpolationMode.BILINEAR)).astype(int)
    inside = np.array(F.rotate(Image.new("L", SMOOTH.size, 255), angle)) == 255
    inside[:, [0, 1, -1, -2]] = inside[[0, 1, -1, -2]] = False
    inside &= (
        np.roll(inside, 1, 0)
        & np.roll(inside, -1, 0)
        & np.roll(inside, 1, 1)
        & np.roll(inside, -1, 1)
    )
    assert inside.sum() > 100
    assert np.abs(ours - pil)[inside].max() <= 2


def test_rotate_fill():
    assert F.rotate(facula.ones(3, 8, 8), 45, fill=0.25)[:, 0, 0].tolist() == [0.25] * 3
    assert np.array(F.rotate(RGB, 45, fill=9))[0, 0].tolist() == [9, 9, 9]


# ---- colours


def test_grayscale_as_pil():
    ours = F.rgb_to_grayscale(BYTES).numpy().astype(int)
    assert np.abs(ours - np.array(F.rgb_to_grayscale(RGB)).astype(int)).max() <= 1
    assert F.rgb_to_grayscale(BYTES, 3).shape == (3, 6, 9)
    assert F.rgb_to_grayscale(RGB, 3).mode == "RGB"
    assert T.Grayscale()(BYTES[:1]).shape == (1, 6, 9)


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
@pytest.mark.parametrize("factor", [0, 0.4, 1, 1.7])
def test_adjustments_as_pil(name, factor):
    adjust = getattr(F, f"adjust_{name}")
    difference = (
        adjust(BYTES, factor).numpy().astype(int) - F.pil_to_tensor(adjust(RGB, factor)).numpy()
    )
    assert np.abs(difference).max() <= 2
    floats = adjust(FLOATS, factor)
    assert floats.dtype is facula.float32 and 0 <= floats.min().item() <= floats.max().item() <= 1
    assert np.abs(floats.numpy() * 255 - adjust(BYTES, factor).numpy()).max() <= 2


@pytest.mark.parametrize("factor", [-0.5, -0.2, 0, 0.3, 0.5])
def test_hue_as_colorsys(factor):
    import colorsys

    ours = F.adjust_hue(FLOATS, factor).permute(1, 2, 0).reshape(-1, 3).numpy()
    for pixel, result in zip(FLOATS.permute(1, 2, 0).reshape(-1, 3).tolist(), ours):
        h, s, v = colorsys.rgb_to_hsv(*pixel)
        np.testing.assert_allclose(result, colorsys.hsv_to_rgb((h + factor) % 1, s, v), atol=1e-5)
    pil = F.pil_to_tensor(F.adjust_hue(RGB, factor)).numpy().astype(int)
    assert np.abs(F.adjust_hue(BYTES, factor).numpy() - pil).max() <= 12  # PIL's hue has 8 bits


# ---- random transforms

RANDOM = [
    T.RandomHorizontalFlip(), T.RandomVerticalFlip(), T.RandomCrop(4), T.RandomCrop(8, padding=(2, 4)),
    T.RandomCrop(12, pad_if_needed=True), T.RandomResizedCrop(5), T.RandomRotation(30), T.ColorJitter(0.5, 0.5, 0.5, 0.2),
    T.RandomApply([T.RandomRotation((10, 20))]), T.RandomChoice([T.Pad(1), T.CenterCrop(3), T.Resize(4)]),
]  # fmt: skip


@pytest.mark.parametrize("transform", RANDOM, ids=lambda t: type(t).__name__)
def test_a_seed_gives_the_same_again_and_others_differ(transform):
    def draws(seed):
        facula.manual_seed(seed)
        return [np.array(transform(RGB)) for _ in range(8)]

    first, again, other = draws(1), draws(1), draws(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other))
    facula.manual_seed(1)
    shapes = [tuple(transform(BYTES).shape) for _ in range(8)]
    assert shapes == [(3, *a.shape[:2]) for a in first]


def test_random_crop_reaches_every_place():
    facula.manual_seed(0)
    image = facula.arange(12, dtype=facula.float32).reshape(1, 3, 4)
    seen = {tuple(T.RandomCrop((2, 2))(image).flatten().tolist()) for _ in range(200)}
    assert len(seen) == 6


@pytest.mark.parametrize("size", [(6, 9), (1, 40), (40, 1), (3, 3)])
def test_random_resized_crop_stays_inside(size):
    facula.manual_seed(0)
    transform = T.RandomResizedCrop(4, scale=(0.08, 1.0))
    for _ in range(100):
        top, left, h, w = transform._rectangle(size[1], size[0])
        assert top >= 0 and left >= 0 and h > 0 and w > 0
        assert top + h <= size[0] and left + w <= size[1]
    assert transform(facula.rand(3, *size)).shape == (3, 4, 4)


def test_random_resized_crop_areas_and_ratios():
    facula.manual_seed(0)
    transform = T.RandomResizedCrop(4, scale=(0.2, 0.5), ratio=(0.8, 1.25))
    rectangles = [transform._rectangle(200, 200) for _ in range(200)]
    areas = [h * w / 40000 for _, _, h, w in rectangles]
    assert 0.19 < min(areas) < 0.23 and 0.47 < max(areas) < 0.51
    assert all(0.78 < w / h < 1.28 for _, _, h, w in rectangles)


def test_random_erasing_areas():
    facula.manual_seed(0)
    transform = T.RandomErasing(p=1, scale=(0.1, 0.2), value=7)
    for _ in range(50):
        erased = (transform(facula.zeros(2, 40, 60)) == 7).numpy()
        assert 0.08 < erased[0].mean() < 0.22
        rows, columns = np.nonzero(erased[0])
        assert erased[0].sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        np.testing.assert_array_equal(erased[0], erased[1])


def test_random_erasing_values():
    facula.manual_seed(0)
    image = facula.zeros(3, 20, 20)
    T.RandomErasing(p=1, value=(1, 2, 3))(image)
    assert image.abs().max().item() == 0
    out = T.RandomErasing(p=1, value=(1, 2, 3))(image)
    assert [out[c].max().item() for c in range(3)] == [1, 2, 3]
    noise = T.RandomErasing(p=1, value="random", scale=(0.2, 0.3))(image)
    assert 0.5 < noise[noise != 0].std().item() < 1.5
    assert T.RandomErasing(p=0)(image) is image
    assert T.RandomErasing(p=1, value=1, inplace=True)(image) is image and image.max().item() == 1


def test_probabilities():
    facula.manual_seed(0)
    image = facula.tensor([[[0.0, 1.0]]])
    flipped = sum(T.RandomHorizontalFlip(0.3)(image)[0, 0, 0].item() for _ in range(1000))
    assert 240 < flipped < 360
    assert T.RandomHorizontalFlip(0)(image) is image
    assert T.RandomVerticalFlip(1)(facula.tensor([[[0.0], [1.0]]])).flatten().tolist() == [1, 0]
    assert T.RandomApply([T.Pad(1)], p=0)(image) is image


def test_color_jitter_bounds():
    facula.manual_seed(0)
    transform = T.ColorJitter(brightness=0.5)
    means = [transform(facula.full((3, 4, 4), 0.4)).mean().item() for _ in range(300)]
    assert 0.2 <= min(means) < 0.22 and 0.58 < max(means) <= 0.6
    assert transform.brightness == (0.5, 1.5) and transform.hue is None
    assert T.ColorJitter(brightness=2).brightness == (0, 3)
    assert T.ColorJitter(hue=0.1).hue == (-0.1, 0.1)
    image = facula.rand(3, 4, 4)
    assert T.ColorJitter()(image) is image


def test_compose_and_reprs():
    steps = T.Compose(
        [T.Resize(4), T.ToTensor(), T.Normalize((0.5,), (0.5,)), T.Lambda(lambda x: x + 1)]
    )
    assert steps(GRAY).shape == (1, 4, 6)
    assert (
        repr(T.Compose([T.CenterCrop(3), T.ToTensor()]))
        == "Compose(\n    CenterCrop(size=3)\n    ToTensor()\n)"
    )
    assert repr(T.RandomRotation(10)).startswith("RandomRotation(degrees=(-10, 10)")


def test_arguments_are_not_changed():
    before = BYTES.clone()
    for transform in [
        *RANDOM,
        T.RandomErasing(p=1, value=1),
        T.Pad(2),
        T.CenterCrop(3),
        T.Resize(3),
    ]:
        transform(BYTES)
    np.testing.assert_array_equal(BYTES.numpy(), before.numpy())
