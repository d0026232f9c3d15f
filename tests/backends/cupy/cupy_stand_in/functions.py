"""CuPy's other functions, by NumPy's of the same name, with the limits of CuPy's that matter here."""

from __future__ import annotations

import inspect

import numpy as np

from cupy_stand_in.array import check_devices, inner, ndarray
from cupy_stand_in.ufuncs import BFLOAT16


def nested(function, x):
    if isinstance(x, (list, tuple)) and any(isinstance(y, (ndarray, np.ndarray)) for y in x):
        return type(x)(nested(function, y) for y in x)
    return function(x)


def wrapped(x):
    if isinstance(x, (np.ndarray, np.generic)):
        return ndarray._of(x)
    if isinstance(x, (tuple, list)) and any(isinstance(y, (np.ndarray, np.generic)) for y in x):
        return (
            type(x)(wrapped(y) for y in x)
            if type(x) in (tuple, list)
            else tuple(wrapped(y) for y in x)
        )
    return x


def as_strided(x, shape=None, strides=None):
    return x._view(np.lib.stride_tricks.as_strided(x._a, shape, strides))


def asarray(a, dtype=None, order=None, *, blocking=False, copy=None):
    if isinstance(a, ndarray):
        return a if dtype is None or a.dtype == np.dtype(dtype) else a.astype(dtype)
    made = np.array(a, dtype)
    assert made.dtype.kind in "biufc" or made.dtype == BFLOAT16, f"CuPy has no {made.dtype} arrays"
    return ndarray._of(made)


def argument_of_extremum(name):
    def call(a, axis=None, dtype=None, out=None, keepdims=False):
        check_devices([a])
        return ndarray._of(getattr(np, name)(a._a, axis, keepdims=keepdims).astype(np.dtype("q")))

    return call


def reduction(name):
    """sum and prod: small integers become 'l', bool too; half types add in float32 and are rounded once."""

    def call(a, axis=None, dtype=None, out=None, keepdims=False):
        check_devices([a])
        assert out is None
        x = a._a
        wide = x.astype(np.float32) if x.dtype.itemsize == 2 and x.dtype.kind not in "iu" else x
        result = getattr(np, name)(wide, axis, dtype, keepdims=keepdims)
        return ndarray._of(
            np.asarray(result).astype(x.dtype if wide is not x and dtype is None else result.dtype)
        )

    return call


def scan(name):
    def call(a, axis=None, dtype=None, out=None):
        check_devices([a])
        return ndarray._of(getattr(np, name)(a._a, axis, dtype))

    return call


def argsort(a, axis=-1, kind=None):
    assert kind in (None, "stable"), "CuPy: only stable sorts"
    if a.dtype == BFLOAT16:
        raise NotImplementedError("Thrust has no bfloat16")
    return ndarray._of(np.argsort(a._a if a.ndim else a._a.reshape(1), axis, kind="stable"))


def sort(a, axis=-1, kind=None):
    if a.dtype == BFLOAT16 or not a.ndim:
        raise NotImplementedError("Thrust has no bfloat16, CuPy sorts no 0-d array")
    return ndarray._of(np.sort(a._a, axis, kind="stable"))


def searchsorted(a, v, side="left", sorter=None):
    if a.ndim > 1:
        raise ValueError("object of too small depth for desired array")
    return ndarray._of(np.searchsorted(a._a, v._a, side))


def repeat(a, repeats, axis=None):
    assert isinstance(repeats, int), "CuPy takes numbers of repeats from the host alone"
    return ndarray._of(np.repeat(a._a, repeats, axis))


def take(a, indices, axis=None, out=None, mode="raise"):
    check_devices([a, indices])
    return ndarray._of(np.take(a._a, inner(indices), axis, mode="wrap"))


def where(condition, x=None, y=None):
    check_devices([condition, x, y])
    dtype = np.result_type(*[getattr(inner(v), "dtype", v) for v in (x, y)])
    return ndarray._of(np.where(condition._a, inner(x), inner(y)).astype(dtype))


def copyto(dst, src, casting="same_kind", where=None):
    check_devices([dst, src, where])
    np.copyto(dst._a, inner(src), casting, where=True if where is None else where._a)


def matmul(a, b, out=None):
    check_devices([a, b])
    if a.dtype.kind not in "fc" and a.dtype.kind not in "biu":
        raise TypeError(f"cuBLAS: {a.dtype}")
    return ndarray._of(np.matmul(a._a, b._a))


def views_of(name):
    """Functions whose results are views: broadcast_to, moveaxis, ..."""

    def call(a, *args, **kwargs):
        return a._view(getattr(np, name)(a._a, *args, **kwargs))

    return call


SPECIAL = {
    "asarray": asarray, "array": lambda object, dtype=None, copy=True: asarray(object, dtype).copy() if isinstance(object, ndarray) else asarray(object, dtype),
    "argmax": argument_of_extremum("argmax"), "argmin": argument_of_extremum("argmin"), "sum": reduction("sum"),
    "prod": reduction("prod"), "cumsum": scan("cumsum"), "cumprod": scan("cumprod"), "argsort": argsort,
    "sort": sort, "searchsorted": searchsorted, "repeat": repeat, "take": take, "where": where, "copyto": copyto,
    "matmul": matmul, "broadcast_shapes": np.broadcast_shapes, "result_type": lambda *a: np.result_type(*map(inner, a)),
    "broadcast_arrays": lambda *a: [x._view(y) for x, y in zip(a, np.broadcast_arrays(*map(inner, a)))],
}  # fmt: skip
SPECIAL |= {
    name: views_of(name)
    for name in ("broadcast_to", "moveaxis", "expand_dims", "swapaxes", "squeeze")
}


def function(name, real):
    """`cupy.NAME` of the stand-in; keyword arguments that CuPy's lacks are errors."""
    chosen = SPECIAL.get(name)
    numpy_function = getattr(np, name)
    try:
        signature = inspect.signature(real)
    except (TypeError, ValueError):
        signature = None

    def call(*args, **kwargs):
        if signature is not None:
            signature.bind(*args, **kwargs)
        if chosen is not None:
            return chosen(*args, **kwargs)
        check_devices([x for x in (*args, *kwargs.values())])
        given = [nested(inner, x) for x in args]
        with np.errstate(all="ignore"):
            return wrapped(
                numpy_function(*given, **{k: nested(inner, v) for k, v in kwargs.items()})
            )

    call.__name__ = name
    return call


class Namespace:
    """`cupy.fft` and `cupy.linalg`."""

    def __init__(self, name):
        import cupy

        self._real, self._numpy = getattr(cupy, name), getattr(np, name)

    def __getattr__(self, name):
        real = getattr(self._real, name)
        if isinstance(real, type):
            return getattr(self._numpy, name)

        def call(*args, **kwargs):
            inspect.signature(real).bind(*args, **kwargs)
            given = [nested(inner, x) for x in args]
            for x in given:
                if isinstance(x, np.ndarray) and x.dtype.itemsize == 2 and x.dtype.kind not in "iu":
                    raise TypeError(f"{name}: no half types")
            return wrapped(getattr(self._numpy, name)(*given, **kwargs))

        return call
