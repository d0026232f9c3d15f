"""How a check compares a device with the CPU, and what it says where the device lacks something."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np
import pytest

import facula
from facula.backends import backend_for
from facula.backends.base import MissingDtype, MissingKernel
from facula.testing.samples import Draw, tensors_in

#: How far results may differ, relative and absolute, by their dtype.
TOLERANCE = {
    "float64": 1e-9, "complex128": 1e-9, "float32": 4e-6, "complex64": 4e-6, "bfloat16": 1.6e-2, "float16": 2e-3,
}  # fmt: skip
#: What samples are drawn in where the device cannot hold the dtype that they ask for.
NARROWER = {"float64": "float32", "complex128": "complex64", "int64": "int32"}
#: How a report begins that names a required leaf which the device lacks; the readiness table counts them.
MISSING = "missing required leaf"
#: What ops raise for arguments that they refuse.
REFUSALS = (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError)

_Test = TypeVar("_Test", bound=Callable[..., None])


def judged(test: _Test) -> _Test:
    """A test in which what the device lacks is reported as lacking: it is not wrong.

    A missing required leaf is an expected failure whose reason says so, an optional kernel under
    FACULA_STRICT=1 and a dtype that the device cannot hold are skips that name it.
    """

    @wraps(test)
    def run(self: Any, *args: Any, **kwargs: Any) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "'.*' has no kernel on device")
            warnings.filterwarnings("ignore", category=RuntimeWarning)
            try:
                test(self, *args, **kwargs)
            except MissingKernel as error:
                if error.op.host:
                    pytest.skip(f"optional kernel '{error.op.name}' is absent (FACULA_STRICT=1)")
                pytest.xfail(f"{MISSING} '{error.op.name}'")
            except MissingDtype as error:
                pytest.skip(f"needs {error.dtype}, which device '{self.device}' cannot hold")

    return run  # type: ignore[return-value]


class Place:
    """Makes tensors of sample values on one device, in dtypes that the device under test holds."""

    def __init__(self, device: str, held: frozenset[str], narrow: dict[str, str] | None = None):
        self.device, self.held, self.narrow = device, held, narrow or {}
        self.grad = False

    def dtype(self, name: str) -> str:
        """The dtype that stands for `name`."""
        name = self.narrow.get(name, name)
        return name if name in self.held else NARROWER.get(name, name)

    def __call__(self, values: Any, dtype: str | None = None, grad: bool = False) -> Any:
        """A tensor of a `Draw` (which requires grad if `self.grad`), or of anything NumPy takes."""
        if isinstance(values, Draw):
            values, grad = values.values, values.grad and self.grad
        array = np.asarray(values)
        name = self.dtype(dtype or facula.dtypes.FROM_NUMPY[array.dtype].name)
        array = array.astype(facula.dtypes.NAMES[name].dtype)
        out = facula.tensor(array, device=self.device)
        return out.requires_grad_() if grad else out


class Comparison:
    """A device, and how its results are compared with the CPU's."""

    device: str
    #: Added to TOLERANCE where the device's functions are less accurate.
    slack = 0.0

    def places(self, narrow: dict[str, str] | None = None, grad: bool = False) -> list[Place]:
        """Where a check runs: the CPU, then the device."""
        out = [Place(d, backend_for(self.device).dtypes, narrow) for d in ("cpu", self.device)]
        for place in out:
            place.grad = grad
        return out

    def agree(self, function: Callable[[Place], Any], least: float = 0.0) -> None:
        """Runs `function(place)` on both; results must be the same, or what is raised alike."""
        expected, got = (outcome(function, place) for place in self.places())
        self.compare_outcomes(got, expected, least)

    def compare_outcomes(self, got: Any, expected: Any, least: float = 0.0) -> None:
        if isinstance(expected, Exception) or isinstance(got, Exception):
            assert _kind(got) is _kind(expected), (
                f"on device '{self.device}': {_told(got)}; on the CPU: {_told(expected)}"
            )
        else:
            self.compare(got, expected, least)

    def compare(self, got: list[Any], expected: list[Any], least: float = 0.0) -> None:
        """Raises AssertionError where dtypes, shapes or values differ. None stands for no gradient."""
        for g, e in zip(got, expected, strict=True):
            assert (g is None) == (e is None)
            if e is not None:
                assert (g.dtype, g.shape) == (e.dtype, e.shape)
                tolerance = max(TOLERANCE.get(e.dtype.name, 0), least) + self.slack
                np.testing.assert_allclose(
                    _wide(g), _wide(e), rtol=tolerance, atol=tolerance, equal_nan=True
                )


def outcome(function: Callable[[Place], Any], place: Place) -> Any:
    """The tensors that `function(place)` returns, as NumPy arrays, or the exception it raised."""
    facula.manual_seed(0)
    try:
        with facula.device(place.device):  # where creation ops put their results
            found = arrays(function(place), place.device)
            backend_for(place.device).synchronize()  # what a device only notes, it raises here
            return found
    except (MissingKernel, MissingDtype):
        raise
    except REFUSALS as error:
        return error


def arrays(results: Any, device: str) -> list[Any]:
    """All tensors in nested results as NumPy arrays; each must be on the device."""
    tensors = tensors_in(results)
    here = backend_for(device)
    for t in tensors:
        assert t._backend is here, f"a result is on device '{t.device}', expected '{device}'"
    return [t.detach().cpu().numpy() for t in tensors]


def _wide(array: Any) -> Any:
    if array.dtype.kind in "iub":
        return array
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def _kind(outcome: Any) -> type:
    """What the suite asks of an error: that for an index is an IndexError, on the CPU for some operations a RuntimeError too."""
    return IndexError if isinstance(outcome, IndexError) else type(outcome)


def _told(result: Any) -> str:
    if isinstance(result, Exception):
        return f"{type(result).__name__}: {result}"
    return "no error, results of shape " + ", ".join(str(r.shape) for r in result)
