"""Resampling of planes: `interpolate`, `grid_sample`, `affine_grid`, and shuffles of pixels and channels.

`interpolate` is separable. For one dimension each output position has a few taps (positions and
weights of the input), worked out once on the host; `resample` gathers them, and its gradient gathers
the transposed table. Cubic weights: Keys, "Cubic convolution interpolation" (1981), a = -0.75, or -0.5
with `antialias`, as in PIL.
"""

from __future__ import annotations

from functools import lru_cache
from math import floor, prod
from typing import Any

import numpy as np

from facula.dtypes import F32, is_floating_point, uint8
from facula.ops._op import Namespace, Tensor, op
from facula.testing.samples import call

# ---- taps: for each output position, where it reads and with which weights


@lru_cache(maxsize=256)
def taps(n: int, size: int, mode: str, scale: float | None, align_corners: bool) -> tuple[Any, Any]:
    """Positions (size, T) in an input of `n` elements, and their weights; position `n` stands for a zero."""
    if mode == "area":
        return _area(n, size)
    if mode.startswith("nearest"):
        return _nearest(n, size, mode, scale)
    if align_corners:
        step = (n - 1) / (size - 1) if size > 1 else 0.0
    else:
        step = 1 / scale if scale else n / size
    if mode.startswith("antialias"):
        return _antialias(n, size, mode.removeprefix("antialias_"), step)
    at = np.arange(size) * step if align_corners else (np.arange(size) + 0.5) * step - 0.5
    if mode == "linear":
        at = np.maximum(at, 0)
        low = np.minimum(at.astype(np.int64), n - 1)
        part = at - low
        return np.stack([low, np.minimum(low + 1, n - 1)], 1), np.stack([1 - part, part], 1)
    low = np.floor(at).astype(np.int64)
    distance = (at - low)[:, None] - np.arange(-1, 3)
    return np.clip(low[:, None] + np.arange(-1, 3), 0, n - 1), cubic(distance, -0.75)


def cubic(x: Any, a: float) -> Any:
    """Keys' kernel at distances `x`."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def _nearest(n: int, size: int, mode: str, scale: float | None) -> tuple[Any, Any]:
    # PyTorch works this out in float32, and the place where a step falls hangs on it.
    step = np.float32(1 / scale) if scale else np.float32(n) / np.float32(size)
    shift = np.float32(0.5 if mode == "nearest-exact" else 0)
    at = np.floor((np.arange(size, dtype=np.float32) + shift) * step).astype(np.int64)
    return np.minimum(at, n - 1)[:, None], np.ones((size, 1))


def _area(n: int, size: int) -> tuple[Any, Any]:
    start, stop = np.arange(size) * n // max(size, 1), -(-(np.arange(size) + 1) * n // max(size, 1))
    at = start[:, None] + np.arange(int((stop - start).max(initial=1)))
    inside = at < stop[:, None]
    return np.where(inside, at, n), np.where(inside, 1 / (stop - start)[:, None], 0.0)


def _antialias(n: int, size: int, mode: str, step: float) -> tuple[Any, Any]:
    wide = max(step, 1.0)
    reach = (1 if mode == "linear" else 2) * wide
    center = (np.arange(size) + 0.5) * step
    start = np.maximum((center - reach + 0.5).astype(np.int64), 0)
    stop = np.minimum((center + reach + 0.5).astype(np.int64), n)
    at = start[:, None] + np.arange(int((stop - start).max(initial=1)))
    x = (at - center[:, None] + 0.5) / wide
    weight = np.maximum(1 - np.abs(x), 0) if mode == "linear" else cubic(x, -0.5)
    inside = at < stop[:, None]
    weight = np.where(inside, weight, 0)
    return np.where(inside, at, n), weight / weight.sum(1, keepdims=True)


@lru_cache(maxsize=256)
def transposed_taps(
    n: int, size: int, mode: str, scale: float | None, align_corners: bool
) -> tuple[Any, Any]:
    """The table of the adjoint: for each of the `n` input positions, the output positions it goes to."""
    index, weight = taps(n, size, mode, scale, align_corners)
    keep = (index < n).reshape(-1)
    source = index.reshape(-1)[keep]
    order = np.argsort(source, kind="stable")
    target = np.repeat(np.arange(size), index.shape[1])[keep][order]
    source, values = source[order], weight.reshape(-1)[keep][order]
    count = np.bincount(source, minlength=n)
    place = np.arange(len(source)) - np.repeat(np.cumsum(count) - count, count)
    most = int(count.max(initial=1))
    out_index, out_weight = np.full((n, most), size, np.int64), np.zeros((n, most))
    out_index[source, place], out_weight[source, place] = target, values
    return out_index, out_weight


def _gather_taps(xp: Namespace, x: Any, dim: int, index: Any, weight: Any) -> Any:
    n = x.shape[dim]
    if (index == n).any():  # a zero to read, so that nothing is multiplied by zero
        x = xp.constant_pad_nd(x, (*(0, 0) * (len(x.shape) - 1 - dim), 0, 1), 0)
    taken = xp.index_select(x, dim, xp.asarray(index.reshape(-1)))
    if index.shape[1] == 1 and (weight == 1).all():
        return taken
    shape = (*x.shape[:dim], *index.shape, *x.shape[dim + 1 :])
    w = xp.reshape(
        xp.asarray(weight.astype(x.dtype)), (*index.shape, *(1,) * (len(shape) - dim - 2))
    )
    return xp.sum(xp.reshape(taken, shape) * w, dim + 1, False)


@op(method=False)
def resample(
    xp: Namespace, input: Tensor, dim: int, size: int, mode: str, scale: Any, align_corners: bool
) -> Tensor:
    """`input` with `size` elements along `dim`, each a weighted sum of `taps`."""
    return _gather_taps(xp, input, dim, *taps(input.shape[dim], size, mode, scale, align_corners))


@op(method=False)
def resample_grad(
    xp: Namespace, grad: Tensor, dim: int, size: int, mode: str, scale: Any, align_corners: bool
) -> Tensor:
    """The adjoint of `resample`, for an input of `size` elements along `dim`."""
    return _gather_taps(
        xp, grad, dim, *transposed_taps(size, grad.shape[dim], mode, scale, align_corners)
    )


resample.vjp(
    input=lambda xp, g, input_shape, dim, mode, scale, align_corners: xp.resample_grad(
        g, dim, input_shape[dim], mode, scale, align_corners
    )
)
resample_grad.vjp(
    grad=lambda xp, g, grad_shape, dim, mode, scale, align_corners: xp.resample(
        g, dim, grad_shape[dim], mode, scale, align_corners
    )
)


@resample.sample
def resample(make: Any) -> Any:
    for mode in ("linear", "cubic", "nearest", "area", "antialias_linear"):
        yield call(make(2, 5), 1, 3, mode, None, False)


# ---- interpolate

_KINDS = {
    "linear": (3, "linear"),
    "bilinear": (4, "linear"),
    "trilinear": (5, "linear"),
    "bicubic": (4, "cubic"),
}
_BYTES = (uint8, uint8.dtype)
_PLAIN = ("nearest", "nearest-exact", "area")


@op(method=False)
def interpolate(
    xp: Namespace, input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
    align_corners: Any = None, recompute_scale_factor: Any = None, antialias: bool = False,
) -> Tensor:  # fmt: skip
    """`input` (N, C, *spatial) resampled to the spatial shape `size`, or by `scale_factor`.

    `mode`: 'nearest', 'nearest-exact', 'area' (means; any number of dimensions), 'linear' (3-D input),
    'bilinear', 'bicubic' (4-D), 'trilinear' (5-D). `antialias` widens the kernel when shrinking
    (bilinear and bicubic). `align_corners` places the corner pixels' centres on each other.
    """
    n = len(input.shape) - 2
    _check_interpolate(
        input, size, scale_factor, mode, align_corners, recompute_scale_factor, antialias
    )
    out, scales = _sizes(input.shape[2:], size, scale_factor, recompute_scale_factor)
    if min(out) < 1 or 0 in input.shape[1:]:
        raise RuntimeError(
            f"interpolate: input and output sizes should be greater than 0, but got input shape {tuple(input.shape)} "
            f"and output size {out}"
        )
    if mode == "area":
        return getattr(xp, f"adaptive_avg_pool{n}d")(input, out)
    kind = ("antialias_" if antialias else "") + _KINDS.get(mode, (0, mode))[1]
    x = xp.cast(input, F32) if input.dtype in _BYTES and mode in _KINDS else input
    for i in _cheapest_first(input.shape[2:], out):
        x = xp.resample(x, 2 + i, out[i], kind, scales[i], bool(align_corners))
    return x if x.dtype == input.dtype else xp.cast(xp.clamp(xp.floor(x + 0.5), 0, 255), _BYTES[1])


def _cheapest_first(size: Any, out: Any) -> list[int]:
    """The order of dimensions in which the planes in between stay smallest."""
    return sorted(range(len(out)), key=lambda i: out[i] / size[i])


def _sizes(shape: Any, size: Any, scale_factor: Any, recompute: Any) -> tuple[tuple[int, ...], Any]:
    n = len(shape)
    if size is not None:
        return tuple(int(s) for s in (size if isinstance(size, (tuple, list)) else (size,) * n)), (
            None,
        ) * n
    factors = (
        tuple(map(float, scale_factor))
        if isinstance(scale_factor, (tuple, list))
        else (float(scale_factor),) * n
    )
    out = tuple(floor(s * f) for s, f in zip(shape, factors))
    return out, (None,) * n if recompute else factors


def _check_interpolate(
    input: Any,
    size: Any,
    scale_factor: Any,
    mode: str,
    align_corners: Any,
    recompute: Any,
    antialias: bool,
) -> None:
    ndim = len(input.shape)
    if mode not in _KINDS and mode not in _PLAIN:
        raise NotImplementedError(
            f"interpolate: mode {mode!r} is none of {', '.join((*_PLAIN, *_KINDS))}"
        )
    if ndim not in (3, 4, 5) or ndim != _KINDS.get(mode, (ndim,))[0]:
        wanted = f"{_KINDS[mode][0]}D" if mode in _KINDS else "3D, 4D or 5D"
        raise NotImplementedError(
            f"interpolate: mode {mode!r} takes {wanted} input (batch, channels, then spatial dimensions), but got shape "
            f"{tuple(input.shape)}"
        )
    if align_corners is not None and mode in _PLAIN:
        raise ValueError(
            f"interpolate: align_corners can only be set with the modes {', '.join(_KINDS)}, but mode is {mode!r}"
        )
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: exactly one of size and scale_factor must be given")
    given, name = (size, "size") if scale_factor is None else (scale_factor, "scale_factor")
    if isinstance(given, (tuple, list)) and len(given) != ndim - 2:
        raise ValueError(
            f"interpolate: {name} must have one value for each of the {ndim - 2} spatial dimensions of input shape "
            f"{tuple(input.shape)}, but got {given}"
        )
    if recompute and size is not None:
        raise ValueError(
            "interpolate: recompute_scale_factor is not meaningful with an explicit size"
        )
    if antialias and not (mode in ("bilinear", "bicubic") and ndim == 4):
        raise ValueError(
            "interpolate: antialias is available for the modes 'bilinear' and 'bicubic' of 4D input only"
        )


@op(method=False)
def upsample(
    xp: Namespace, input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
    align_corners: Any = None,
) -> Tensor:  # fmt: skip
    """`interpolate` under its older name."""
    return xp.interpolate(input, size, scale_factor, mode, align_corners, None, False)


@op(method=False)
def upsample_nearest(
    xp: Namespace, input: Tensor, size: Any = None, scale_factor: Any = None
) -> Tensor:
    """`interpolate` with mode 'nearest'."""
    return xp.interpolate(input, size, scale_factor, "nearest", None, None, False)


@op(method=False)
def upsample_bilinear(
    xp: Namespace, input: Tensor, size: Any = None, scale_factor: Any = None
) -> Tensor:
    """`interpolate` with mode 'bilinear' and `align_corners=True`."""
    return xp.interpolate(input, size, scale_factor, "bilinear", True, None, False)


@interpolate.sample
def interpolate(make: Any) -> Any:
    yield call(make(1, 2, 3), 5)
    yield call(make(1, 1, 3), scale_factor=1.7, mode="linear", align_corners=True)
    yield call(make(1, 1, 3, 2), (2, 5), mode="bilinear")
    yield call(make(1, 1, 3, 3), scale_factor=(1.5, 2), mode="bicubic", recompute_scale_factor=True)
    yield call(make(1, 1, 5, 4), (2, 3), mode="bicubic", antialias=True)
    yield call(make(1, 1, 2, 2, 3), (3, 2, 2), mode="trilinear")
    yield call(make(1, 2, 5, 3), (2, 3), mode="area")
    yield call(make(1, 1, 5), 3, mode="nearest-exact")


@upsample.sample
def upsample(make: Any) -> Any:
    yield call(make(1, 1, 3), scale_factor=2)


@upsample_nearest.sample
def upsample_nearest(make: Any) -> Any:
    yield call(make(1, 1, 2, 3), (3, 4))


@upsample_bilinear.sample
def upsample_bilinear(make: Any) -> Any:
    yield call(make(1, 1, 2, 3), scale_factor=2)


# ---- sampling at given places


@op(method=False)
def affine_grid(xp: Namespace, theta: Tensor, size: Any, align_corners: Any = None) -> Tensor:
    """Sampling positions (N, *spatial, n) for `grid_sample` from affine maps `theta` (N, n, n + 1).

    `size` is the shape (N, C, *spatial) of what is to be sampled; positions run from -1 to 1.
    """
    n = len(size) - 2
    if (
        n not in (2, 3)
        or len(theta.shape) != 3
        or tuple(theta.shape[1:]) != (n, n + 1)
        or not is_floating_point(theta.dtype)
    ):
        raise (NotImplementedError if n not in (2, 3) else ValueError)(
            f"affine_grid: expected a batch of floating-point affine matrices of shape (N, 2, 3) for a 4D size or "
            f"(N, 3, 4) for a 5D size, but got shape {tuple(theta.shape)} for size {tuple(size)}"
        )
    if min(size) < 1:
        raise ValueError(
            f"affine_grid: expected non-zero, positive output size, but got {tuple(size)}"
        )
    spatial = tuple(size[2:])
    base = xp.asarray(_base_grid(spatial, bool(align_corners)).astype(theta.dtype))
    out = xp.matmul(base, xp.transpose(theta, 1, 2))
    return xp.reshape(out, (theta.shape[0], *spatial, n))


def _base_grid(spatial: Any, align_corners: bool) -> Any:
    """Homogeneous coordinates (positions, n + 1), x first."""
    axes = []
    for n in spatial:
        line = np.linspace(-1, 1, n) if n > 1 else np.zeros(1)
        axes.append(line if align_corners or n == 1 else line * ((n - 1) / n))
    mesh = np.meshgrid(*axes, indexing="ij")
    return np.stack([*(m.reshape(-1) for m in reversed(mesh)), np.ones(prod(spatial))], 1)


@op(method=False)
def grid_sample(
    xp: Namespace, input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros",
    align_corners: Any = None,
) -> Tensor:  # fmt: skip
    """Values of `input` (N, C, *spatial) at the positions `grid` (N, *out, n), each -1 to 1, x first.

    `mode` 'bilinear' (trilinear for 5-D input), 'nearest' or 'bicubic'; what lies outside reads 0
    (`padding_mode` 'zeros'), the nearest border pixel ('border') or a mirror image ('reflection').
    """
    n = len(input.shape) - 2
    _check_grid(input, grid, mode, padding_mode, n)
    sizes = tuple(reversed(input.shape[2:]))
    sampler = _Sampler(xp, input, padding_mode, bool(align_corners))
    last = len(grid.shape) - 1
    at = [
        _from_unit(xp.select(grid, last, i), size, bool(align_corners))
        for i, size in enumerate(sizes)
    ]
    if mode == "bicubic":
        return sampler.bicubic(at)
    at = [sampler.bounded(x, size) for x, size in zip(at, sizes)]
    return sampler.nearest(at) if mode == "nearest" else sampler.linear(at)


def _check_grid(input: Any, grid: Any, mode: str, padding_mode: str, n: int) -> None:
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            f"grid_sample: expected mode to be 'bilinear', 'nearest' or 'bicubic', but got {mode!r}"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            f"grid_sample: expected padding_mode to be 'zeros', 'border' or 'reflection', but got {padding_mode!r}"
        )
    fits = (
        n in (2, 3)
        and len(grid.shape) == n + 2
        and grid.shape[-1] == n
        and grid.shape[0] == input.shape[0]
    )
    if not fits or 0 in input.shape[2:] or (mode == "bicubic" and n == 3):
        raise RuntimeError(
            f"grid_sample: expected 4D input (N, C, H, W) with grid (N, H_out, W_out, 2), or 5D input (N, C, D, H, W) with "
            f"grid (N, D_out, H_out, W_out, 3) (not for 'bicubic') and no empty spatial dimension, but got input shape "
            f"{tuple(input.shape)} and grid shape {tuple(grid.shape)}"
        )
    if input.dtype != grid.dtype:
        raise RuntimeError(
            f"grid_sample: expected input and grid of one dtype, but got {input.dtype} and {grid.dtype}"
        )


def _from_unit(x: Any, size: int, align_corners: bool) -> Any:
    return (x + 1) * ((size - 1) / 2) if align_corners else ((x + 1) * float(size) - 1) / 2


class _Sampler:
    """Reads pixels at float positions; `at` lists x, y (and z), each (N, *out)."""

    def __init__(self, xp: Namespace, input: Any, padding_mode: str, align_corners: bool):
        self.xp, self.padding_mode, self.align_corners = xp, padding_mode, align_corners
        self.sizes = tuple(reversed(input.shape[2:]))
        self.lead = tuple(input.shape[:2])
        self.flat = xp.reshape(input, (*self.lead, prod(self.sizes)))

    def bounded(self, x: Any, size: int) -> Any:
        """`x` brought inside by the padding mode."""
        if self.padding_mode == "zeros":
            return x
        if self.padding_mode == "reflection":
            x = self._reflected(x, size)
        zero = self.xp.full((), 0, x.dtype)
        top = self.xp.full((), size - 1, x.dtype)
        return self.xp.where(x > 0, self.xp.where(x < size - 1, x, top), zero)

    def _reflected(self, x: Any, size: int) -> Any:
        low, length = (0.0, size - 1) if self.align_corners else (-0.5, size)
        if length == 0:
            return x * 0.0
        xp = self.xp
        away = xp.abs(x - low)
        turns = xp.stop(xp.floor(away / float(length)))
        rest = away - turns * float(length)
        odd = turns - xp.floor(turns / 2) * 2 > 0.5
        return xp.where(odd, float(length) - rest, rest) + low

    def pixels(self, at: Any) -> Any:
        """Values (N, C, *out) at whole positions, 0 where one lies outside."""
        xp = self.xp
        inside: Any = None
        index: Any = None
        for x, size in reversed(list(zip(at, self.sizes))):
            ok = xp.logical_and(x >= 0, x <= size - 1)
            inside = ok if inside is None else xp.logical_and(inside, ok)
            x = xp.cast(xp.where(ok, x, xp.full((), 0, x.dtype)), np.dtype(np.int64))
            index = x if index is None else index * size + x
        out = tuple(inside.shape[1:])
        index = xp.expand(xp.reshape(index, (self.lead[0], 1, prod(out))), (*self.lead, prod(out)))
        values = xp.reshape(xp.gather(self.flat, 2, index), (*self.lead, *out))
        inside = xp.reshape(inside, (self.lead[0], 1, *out))
        return xp.where(inside, values, xp.full((), 0, values.dtype))

    def nearest(self, at: Any) -> Any:
        return self.pixels([self.xp.round(x) for x in at])

    def linear(self, at: Any) -> Any:
        low = [self.xp.stop(self.xp.floor(x)) for x in at]
        part = [x - f for x, f in zip(at, low)]
        return self._weighted(low, [(1 - p, p) for p in part], 0, self.pixels)

    def bicubic(self, at: Any) -> Any:
        low = [self.xp.stop(self.xp.floor(x)) for x in at]
        weights = [_cubic_weights(x - f) for x, f in zip(at, low)]

        def read(corner: Any) -> Any:
            return self.pixels([self.bounded(x, size) for x, size in zip(corner, self.sizes)])

        return self._weighted(low, weights, -1, read)

    def _weighted(self, low: Any, weights: Any, first: int, read: Any) -> Any:
        """The sum over all corners of the pixel read there times its weights."""
        total = None
        for corner in np.ndindex(*(len(w) for w in weights)):
            weight = weights[0][corner[0]]
            for w, i in zip(weights[1:], corner[1:]):
                weight = weight * w[i]
            value = read([x + float(first + i) for x, i in zip(low, corner)])
            term = value * self.xp.unsqueeze(weight, 1)
            total = term if total is None else total + term
        return total


def _cubic_weights(t: Any) -> tuple[Any, Any, Any, Any]:
    """Keys' weights (a = -0.75) of the four neighbours of a point `t` past the second."""
    a = -0.75

    def near(x: Any) -> Any:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Any) -> Any:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return far(t + 1), near(t), near(1 - t), far(2 - t)


_GRID_MODES = ("bilinear", "nearest", "bicubic")
_GRID_PADDING = ("zeros", "border", "reflection")


@op(method=False)
def grid_sampler(
    xp: Namespace,
    input: Tensor,
    grid: Tensor,
    interpolation_mode: int,
    padding_mode: int,
    align_corners: bool,
) -> Tensor:
    """`grid_sample` with its modes as numbers: 0 bilinear, 1 nearest, 2 bicubic; 0 zeros, 1 border, 2 reflection."""
    return xp.grid_sample(
        input, grid, _GRID_MODES[interpolation_mode], _GRID_PADDING[padding_mode], align_corners
    )


@op(method=False)
def grid_sampler_2d(
    xp: Namespace,
    input: Tensor,
    grid: Tensor,
    interpolation_mode: int,
    padding_mode: int,
    align_corners: bool,
) -> Tensor:
    """`grid_sampler` of 4-D input."""
    return xp.grid_sample(
        input, grid, _GRID_MODES[interpolation_mode], _GRID_PADDING[padding_mode], align_corners
    )


@op(method=False)
def grid_sampler_3d(
    xp: Namespace,
    input: Tensor,
    grid: Tensor,
    interpolation_mode: int,
    padding_mode: int,
    align_corners: bool,
) -> Tensor:
    """`grid_sampler` of 5-D input."""
    return xp.grid_sample(
        input, grid, _GRID_MODES[interpolation_mode], _GRID_PADDING[padding_mode], align_corners
    )


@grid_sampler.sample
def grid_sampler(make: Any) -> Any:
    yield call(make(1, 1, 3, 4), make(1, 1, 2, 2, low=-1.3, high=1.3), 0, 1, True)


@grid_sampler_2d.sample
def grid_sampler_2d(make: Any) -> Any:
    yield call(make(1, 1, 3, 4), make(1, 1, 2, 2, low=-1.3, high=1.3), 2, 0, False)


@grid_sampler_3d.sample
def grid_sampler_3d(make: Any) -> Any:
    yield call(make(1, 1, 2, 2, 2), make(1, 1, 1, 2, 3, low=-0.9, high=0.9), 0, 2, True)


@affine_grid.sample
def affine_grid(make: Any) -> Any:
    yield call(make(1, 2, 3), (1, 1, 2, 3), True)
    yield call(make(1, 3, 4), (1, 1, 2, 1, 2), align_corners=False)


@grid_sample.sample
def grid_sample(make: Any) -> Any:
    for padding_mode in ("zeros", "border", "reflection"):
        for mode in ("bilinear", "nearest", "bicubic"):
            yield call(
                make(1, 1, 3, 4), make(1, 1, 2, 2, low=-1.3, high=1.3), mode, padding_mode, False
            )
    yield call(make(1, 2, 2, 2, 2), make(1, 1, 1, 2, 3, low=-0.9, high=0.9), align_corners=True)


# ---- shuffles


def _check_shuffle(name: str, input: Any, factor: int, least: int) -> None:
    if len(input.shape) < least:
        raise RuntimeError(
            f"{name}: expected input of at least {least} dimensions, but got shape {tuple(input.shape)}"
        )
    if factor <= 0:
        raise RuntimeError(f"{name}: expected a positive factor, but got {factor}")


@op(method=False, arithmetic=False)
def pixel_shuffle(xp: Namespace, input: Tensor, upscale_factor: int) -> Tensor:
    """(..., C * r * r, H, W) rearranged to (..., C, H * r, W * r), r being `upscale_factor`.

    Shi et al., "Real-time single image and video super-resolution" (2016).
    """
    r = upscale_factor
    _check_shuffle("pixel_shuffle", input, r, 3)
    *lead, c, h, w = input.shape
    if c % (r * r):
        raise RuntimeError(
            f"pixel_shuffle: expects its input's channel dimension to be divisible by the square of upscale_factor, but "
            f"got {c} channels and upscale_factor={r} (input shape {tuple(input.shape)})"
        )
    x = xp.reshape(input, (prod(lead), c // (r * r), r, r, h, w))
    x = xp.permute(x, (0, 1, 4, 2, 5, 3))
    return xp.reshape(x, (*lead, c // (r * r), h * r, w * r))


@op(method=False, arithmetic=False)
def pixel_unshuffle(xp: Namespace, input: Tensor, downscale_factor: int) -> Tensor:
    """Undoes `pixel_shuffle`: (..., C, H * r, W * r) to (..., C * r * r, H, W)."""
    r = downscale_factor
    _check_shuffle("pixel_unshuffle", input, r, 3)
    *lead, c, h, w = input.shape
    if h % r or w % r:
        raise RuntimeError(
            f"pixel_unshuffle: expects height and width to be divisible by downscale_factor, but got {h} x {w} and "
            f"downscale_factor={r} (input shape {tuple(input.shape)})"
        )
    x = xp.reshape(input, (prod(lead), c, h // r, r, w // r, r))
    x = xp.permute(x, (0, 1, 3, 5, 2, 4))
    return xp.reshape(x, (*lead, c * r * r, h // r, w // r))


@op(method=False, arithmetic=False)
def channel_shuffle(xp: Namespace, input: Tensor, groups: int) -> Tensor:
    """Channels of `input` (N, C, ...) dealt out: those of the `groups` groups take turns.

    Zhang et al., "ShuffleNet" (2017).
    """
    _check_shuffle("channel_shuffle", input, groups, 3)
    n, c, *rest = input.shape
    if c % groups:
        raise RuntimeError(
            f"channel_shuffle: number of channels must be divisible by groups, but got {c} channels and groups={groups} "
            f"(input shape {tuple(input.shape)})"
        )
    x = xp.reshape(input, (n, groups, c // groups, *rest))
    return xp.reshape(xp.transpose(x, 1, 2), (n, c, *rest))


@pixel_shuffle.sample
def pixel_shuffle(make: Any) -> Any:
    yield call(make(1, 4, 2, 3), 2)
    yield call(make(8, 2, 1), 2)


@pixel_unshuffle.sample
def pixel_unshuffle(make: Any) -> Any:
    yield call(make(1, 1, 4, 6), 2)


@channel_shuffle.sample
def channel_shuffle(make: Any) -> Any:
    yield call(make(1, 6, 2), 3)
    yield call(make(2, 4, 2, 2), 2)
