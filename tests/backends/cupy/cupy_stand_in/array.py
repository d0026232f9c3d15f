"""`ndarray` of the stand-in: a NumPy array that behaves as CuPy's does, where the two differ.

It is no NumPy array and converts itself to none, results are never scalars, integer index arrays wrap
around silently, operands must lie on the current device, and ufuncs have CuPy's loops (`ufuncs.py`).
"""

from __future__ import annotations

import operator

import numpy as np

from cupy_stand_in import cuda

#: Attributes that pass through: the names were checked to exist in CuPy (test_cupy_names.py).
PLAIN = ("shape", "dtype", "ndim", "size", "itemsize", "nbytes", "strides", "flags")


class ndarray:
    """An array on one of the stand-in's devices."""

    def __init__(self, shape, dtype=float, memptr=None, strides=None, order="C"):
        if memptr is None:
            self._init(np.empty(shape, dtype, order))
        else:
            self._init(memptr.array(shape, np.dtype(dtype), strides), memory=memptr.mem)

    def _init(self, array, base=None, memory=None):
        self._a, self.base = array, base
        self._memory = memory or (cuda.charge(array) if base is None else base._memory)
        self.device = cuda.Device(self._memory.device)

    @classmethod
    def _of(cls, array, base=None):
        """A result of NumPy's as an array; a view where `base` is given."""
        self = cls.__new__(cls)
        self._init(np.asarray(array), base)
        return self

    def _view(self, array):
        return ndarray._of(array, self if self.base is None else self.base)

    # ---- what must not happen silently

    def __array__(self, *args, **kwargs):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        import cupy_stand_in

        if method != "__call__" or not all(
            np.isscalar(x) or isinstance(x, ndarray) for x in inputs
        ):
            return NotImplemented
        return getattr(cupy_stand_in, ufunc.__name__)(*inputs, **kwargs)

    # ---- attributes

    @property
    def data(self):
        return cuda.MemoryPointer(self._memory, self._a.ctypes.data)

    @property
    def T(self):
        return self._view(self._a.T)

    @property
    def real(self):
        return self._view(self._a.real) if self._a.dtype.kind == "c" else self

    @real.setter
    def real(self, value):
        self._a.real = inner(value)

    @property
    def imag(self):
        return (
            self._view(self._a.imag)
            if self._a.dtype.kind == "c"
            else ndarray._of(np.zeros_like(self._a))
        )

    @imag.setter
    def imag(self, value):
        self._a.imag = inner(value)

    # ---- to the host

    def get(self, stream=None, order="C", out=None, blocking=True):
        if out is None:
            return self._a.copy(order)
        assert out.dtype == self._a.dtype and out.shape == self._a.shape and out.flags.c_contiguous
        out[...] = self._a
        return out

    def set(self, arr, stream=None):
        assert (
            isinstance(arr, np.ndarray)
            and arr.dtype == self._a.dtype
            and arr.shape == self._a.shape
        )
        self._a[...] = arr

    def item(self):
        return self._a.item()

    def tolist(self):
        return self._a.tolist()

    def __bool__(self):
        return bool(self._a)

    def __int__(self):
        return int(self._a)

    def __float__(self):
        return float(self._a)

    def __complex__(self):
        return complex(self._a)

    def __index__(self):
        return operator.index(self._a[()])

    def __len__(self):
        return len(self._a)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __repr__(self):
        return f"stand-in {self._a!r}"

    __hash__ = None

    # ---- views and copies

    def view(self, dtype=None):
        return self._view(self._a.view() if dtype is None else self._a.view(dtype))

    def reshape(self, *shape, order="C"):
        shape = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
        out = self._a.reshape(shape, order=order)
        return self._view(out) if np.may_share_memory(out, self._a) else ndarray._of(out)

    def ravel(self, order="C"):
        return self.reshape(-1)

    def transpose(self, *axes):
        return self._view(self._a.transpose(*axes))

    def diagonal(self, offset=0, axis1=0, axis2=1):
        out = self._a.diagonal(offset, axis1, axis2)
        out.flags.writeable = True
        return self._view(out)

    def copy(self, order="C"):
        check_devices([self])
        return ndarray._of(self._a.copy(order))

    def astype(self, dtype, order="K", casting=None, subok=None, copy=True):
        check_devices([self])
        dtype = np.dtype(dtype)
        if not copy and dtype == self._a.dtype and (order in "KA" or self._a.flags.c_contiguous):
            return self
        if self._a.dtype.kind == "c" and dtype.kind not in "bc":
            raise RuntimeError("CuPy warns of a discarded imaginary part (ComplexWarning)")
        with np.errstate(all="ignore"):
            return ndarray._of(self._a.astype(dtype, order=order))

    def fill(self, value):
        self._a.fill(value)

    # ---- indexing

    def __getitem__(self, index):
        check_devices([self])
        at, is_advanced = place(index, self._a.shape)
        out = self._a[at]
        return ndarray._of(out) if is_advanced else self._view(out)

    def __setitem__(self, index, value):
        check_devices([self, value])
        at, _ = place(index, self._a.shape)
        with np.errstate(all="ignore"):
            self._a[at] = inner(value)


def inner(x):
    """The NumPy array within; scalars as they are. CuPy refuses NumPy arrays in most places."""
    if isinstance(x, ndarray):
        return x._a
    if isinstance(x, np.ndarray):
        raise TypeError(f"Unsupported type {type(x)}: a NumPy array was given to CuPy")
    return x


def check_devices(arrays):
    """Raises where an array is not on the current device: kernels run there."""
    for x in arrays:
        if isinstance(x, ndarray) and x.device.id != cuda.current():
            raise ValueError(
                f"Array device must be same as the current device: array device = {x.device.id} "
                f"while current = {cuda.current()}"
            )


def place(index, shape):
    """(an index for NumPy, whether it has arrays): integer arrays wrap around, as CuPy's do."""
    items = list(index) if isinstance(index, tuple) else [index]
    if (
        any(isinstance(i, ndarray) and i._a.dtype.kind == "b" for i in items)
        and len([i for i in items if isinstance(i, ndarray) and i._a.dtype.kind == "b"]) > 1
    ):
        raise NotImplementedError("CuPy: more than one boolean array in an index")
    is_advanced = any(isinstance(i, (ndarray, list, np.ndarray, bool)) for i in items)
    taken = sum(
        0
        if i is None or i is Ellipsis
        else (i.ndim if isinstance(i, ndarray) and i.dtype.kind == "b" else 1)
        for i in items
    )
    out, d = [], 0
    for i in items:
        if i is Ellipsis:
            d += len(shape) - taken
        elif isinstance(i, ndarray) and i._a.dtype.kind == "b":
            d += i.ndim
            out.append(i._a)
            continue
        elif i is not None:
            if isinstance(i, ndarray):
                n = shape[d] if d < len(shape) else 1
                i = i._a % n if n else i._a
            elif isinstance(i, np.ndarray):
                raise TypeError("a NumPy array was used as index")
            d += 1
        out.append(i)
    return tuple(out), is_advanced


def _install():
    for name in PLAIN:
        setattr(ndarray, name, property(lambda self, name=name: getattr(self._a, name)))
    binary = {
        "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide", "floordiv": "floor_divide",
        "mod": "remainder", "pow": "power", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
        "lshift": "left_shift", "rshift": "right_shift", "matmul": "matmul",
    }  # fmt: skip

    def call(name, *args, **kwargs):
        import cupy_stand_in

        return getattr(cupy_stand_in, name)(*args, **kwargs)

    for dunder, name in binary.items():
        setattr(ndarray, f"__{dunder}__", lambda x, y, name=name: call(name, x, y))
        setattr(ndarray, f"__r{dunder}__", lambda x, y, name=name: call(name, y, x))
        setattr(ndarray, f"__i{dunder}__", lambda x, y, name=name: call(name, x, y, out=x))
    for dunder, name in {
        "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal",
    }.items():  # fmt: skip
        setattr(ndarray, f"__{dunder}__", lambda x, y, name=name: call(name, x, y))
    for dunder, name in {"neg": "negative", "invert": "invert", "abs": "absolute"}.items():
        setattr(ndarray, f"__{dunder}__", lambda x, name=name: call(name, x))
    for name in [
        "sum",
        "prod",
        "max",
        "min",
        "mean",
        "all",
        "any",
        "argmax",
        "argmin",
        "take",
        "repeat",
        "cumsum",
        "cumprod",
        "clip",
        "conj",
        "squeeze",
        "sort",
        "argsort",
    ]:
        known = {"max": "amax", "min": "amin", "conj": "conjugate"}.get(name, name)
        setattr(ndarray, name, lambda self, *a, known=known, **k: call(known, self, *a, **k))


_install()
