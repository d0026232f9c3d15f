"""Ufuncs with CuPy's loops: the result dtype is that of the first loop that takes the inputs."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from cupy_stand_in.array import check_devices, inner, ndarray

#: CuPy's letter for bfloat16 is 'E'.
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


def dtype_of(letter):
    return BFLOAT16 if letter == "E" else np.dtype(letter)


def can_cast(given, wanted):
    if BFLOAT16 in (given, wanted):
        return (
            given == wanted
            or (given == BFLOAT16 and wanted.kind in "fc" and wanted.itemsize >= 4)
            or (wanted == BFLOAT16 and given.kind in "b")
        )
    return np.can_cast(given, wanted)


class Ufunc:
    def __init__(self, name, real):
        self.name, self._types = name, [t.split("->") for t in real.types]
        self._numpy, self._real_name = getattr(np, name), real.name
        self._loops = {}

    def _loop(self, dtypes, common):
        """(input dtypes, output dtypes) of the loop for arrays of these dtypes; weak scalars took the common one."""
        key = dtypes
        if key not in self._loops:
            for ins, outs in self._types:
                if all(can_cast(d, dtype_of(c)) for d, c in zip(dtypes, ins)):
                    self._loops[key] = [dtype_of(c) for c in ins], [dtype_of(c) for c in outs]
                    break
            else:
                raise TypeError(f"Wrong type ({dtypes}) of arguments for {self._real_name}")
        return self._loops[key]

    def __call__(self, *args, out=None, dtype=None, casting="same_kind"):
        check_devices([*args, out])
        assert dtype is None, "a dtype is given to no ufunc of CuPy's in facula"
        values = [inner(x) for x in args]
        arrays = [x for x in values if isinstance(x, np.ndarray)]
        assert arrays or all(isinstance(x, np.generic) for x in values), "CuPy ufuncs want an array"
        common = np.result_type(*[x.dtype if isinstance(x, np.ndarray) else x for x in values])
        dtypes = tuple(
            x.dtype if isinstance(x, (np.ndarray, np.generic)) else common for x in values
        )
        ins, outs = self._loop(dtypes, common)
        given = []
        for x, d in zip(values, ins):
            if isinstance(x, (int, float, complex)) and not isinstance(x, bool) and d.kind in "iu":
                x = np.asarray(x).astype(d)  # CuPy wraps what NumPy refuses
            given.append(np.asarray(x, d))
        with np.errstate(all="ignore"):
            result = self._numpy(*given)
        results = result if isinstance(result, tuple) else (result,)
        made = [np.asarray(r).astype(d) for r, d in zip(results, outs)]
        if out is not None:
            if not np.can_cast(made[0].dtype, out.dtype, casting) and BFLOAT16 not in (
                made[0].dtype,
                out.dtype,
            ):
                raise TypeError(
                    f"{self.name}: output of dtype {out.dtype} for a result of {made[0].dtype}"
                )
            out._a[...] = made[0]
            return out
        wrapped = [ndarray._of(r) for r in made]
        return tuple(wrapped) if len(wrapped) > 1 else wrapped[0]

    def reduce(self, array, axis=0, dtype=None, out=None, keepdims=False):
        import cupy_stand_in

        names = {"cupy_add": "sum", "cupy_multiply": "prod"}
        if self._real_name not in names:
            raise NotImplementedError(f"`{self._real_name}.reduce` is not supported yet")
        return getattr(cupy_stand_in, names[self._real_name])(array, axis, dtype, out, keepdims)

    def accumulate(self, array, axis=0, dtype=None, out=None):
        import cupy_stand_in

        names = {"cupy_add": "cumsum", "cupy_multiply": "cumprod"}
        if self._real_name not in names:
            raise NotImplementedError(f"`{self._real_name}.accumulate` is not supported yet")
        return getattr(cupy_stand_in, names[self._real_name])(array, axis, dtype, out)

    def at(self, a, indices, b=None):
        raise NotImplementedError(
            f"`{self._real_name}.at`: only some dtypes, and with wrapped indices"
        )
