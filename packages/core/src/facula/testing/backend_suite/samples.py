"""Every op on its samples: values, gradients of first and second order, dtypes of fewer bits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import facula
from facula.backends import backend_for
from facula.ops import OPS as REGISTRY
from facula.testing.backend_suite.comparing import (
    MISSING,
    TOLERANCE,
    Comparison,
    Place,
    arrays,
    judged,
    outcome,
)
from facula.testing.samples import Call, Draw, build, samples_of, tensors_in

EVERY = sorted(REGISTRY.values(), key=lambda op: op.name)
OPS = [op for op in EVERY if samples_of(op)]
#: What a device must supply itself; it may lack host ops (svd, fft), which then run on the host.
REQUIRED = [op for op in EVERY if op.leaf and not op.host]


def draws(value: Any) -> list[Draw]:
    """The tensors to be in a sample."""
    if isinstance(value, Draw):
        return [value]
    if isinstance(value, Call):
        return draws(value.args) + draws(list(value.kwargs.values()))
    return [d for v in value for d in draws(v)] if isinstance(value, (list, tuple)) else []


def _cases(wanted: Callable[[Any, Call], bool]) -> list[Any]:
    return [
        pytest.param(op, i, id=f"{op.name}-{i}")
        for op in OPS
        for i, sample in enumerate(samples_of(op))
        if wanted(op, sample)
    ]


def _differentiable(op: Any, sample: Call) -> bool:
    return any(d.grad for d in draws(sample))


CASES = _cases(lambda op, sample: True)
GRADIENTS = _cases(_differentiable)
SECOND = _cases(lambda op, sample: op.twice_differentiable and _differentiable(op, sample))


class Samples(Comparison):
    """One test for each op and each of its samples."""

    @pytest.mark.parametrize("op", REQUIRED, ids=lambda op: op.name)
    def test_has_required_leaf(self, op: Any) -> None:
        backend = backend_for(self.device)
        if backend.kernel(op) is None and not any(backend.adds(p, op) for p in backend.providers):
            pytest.xfail(f"{MISSING} '{op.name}'")

    @pytest.mark.parametrize(("op", "i"), CASES)
    @judged
    def test_values(self, op: Any, i: int) -> None:
        self._compare_runs(op, partial(_results, op, i))

    @pytest.mark.parametrize(("op", "i"), GRADIENTS)
    @judged
    def test_gradients(self, op: Any, i: int) -> None:
        least = self._least(2e-5)
        self._compare_runs(op, lambda place: gradients(op, i, place), least, grad=True)

    @pytest.mark.parametrize(("op", "i"), SECOND)
    @judged
    def test_second_gradients(self, op: Any, i: int) -> None:
        least = self._least(2e-4, 1e-8)
        self._compare_runs(op, lambda place: gradients(op, i, place, order=2), least, grad=True)

    @pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
    @pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
    @judged
    def test_smaller_dtypes(self, op: Any, dtype: str) -> None:
        if dtype not in backend_for(self.device).dtypes:
            pytest.skip(f"needs {dtype}, which device '{self.device}' cannot hold")
        narrow = {"float64": dtype, "complex128": "complex64"}
        for i in range(len(samples_of(op))):
            places = self.places(narrow)
            expected, got = (outcome(partial(_results, op, i), p) for p in places)
            if not op.unspecified_values:
                self.compare_outcomes(got, expected, TOLERANCE[dtype])

    def _least(self, single: float, double: float = 0.0) -> float:
        """The tolerance of gradients: that of float32 where the device has no float64."""
        return double if "float64" in backend_for(self.device).dtypes else single

    def _compare_runs(
        self, op: Any, function: Callable[[Place], Any], least: float = 0.0, grad: bool = False
    ) -> None:
        expected: list[Any] = []
        got: list[Any] = []
        for place, out in zip(self.places(grad=grad), (expected, got)):
            facula.manual_seed(0)
            with facula.device(place.device):
                out += [None if r is None else arrays(r, place.device)[0] for r in function(place)]
        if op.unspecified_values:
            assert [(g.shape, g.dtype) for g in got] == [(e.shape, e.dtype) for e in expected]
        else:
            self.compare(got, expected, least)


def _call(op: Any, i: int, place: Any) -> tuple[Call, list[Any]]:
    """One sample with its tensors, and the tensors that the op returns."""
    sample = build(samples_of(op)[i], place)
    return sample, tensors_in(op.public_call(*sample.args, **sample.kwargs))


def _results(op: Any, i: int, place: Any) -> list[Any]:
    return _call(op, i, place)[1]


def _uneven(t: Any) -> Any:
    """A cotangent whose elements differ: ones would hide much (all gradients of softmax are 0)."""
    n = max(t.numel(), 1)
    return facula.tensor([0.5 + i / n for i in range(t.numel())], device=t.device).to(
        t.dtype
    ).reshape(t.shape)  # fmt: skip


def gradients(op: Any, i: int, place: Any, order: int = 1) -> list[Any]:
    """Gradients of a weighted sum of all results of a sample; None for inputs that have no influence.

    With `order` 2 the gradients of the weighted sum of those.
    """
    sample, results = _call(op, i, place)
    inputs = [t for t in tensors_in(sample) if t.requires_grad]
    found: Any = results
    for _ in range(order):
        found = [t for t in found if t is not None and t.requires_grad]
        if not inputs or not found:
            return []
        weights = [_uneven(t) for t in found]
        found = facula.autograd.grad(
            found, inputs, weights, create_graph=order > 1, allow_unused=True
        )
    return list(found)
