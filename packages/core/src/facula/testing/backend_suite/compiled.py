"""Captured programs as fused kernels, on devices that core prints kernels for: what they do is what eager does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import facula
from facula.backends import backend_for
from facula.graph.compiler.device.program import Fused
from facula.testing.backend_suite.comparing import Comparison, judged, outcome
from facula.testing.backend_suite.models import MODELS, made, train
from facula.testing.backend_suite.samples import CASES
from facula.testing.samples import build, samples_of, tensors_in

#: Ops that give nests and calls of every kind: maps, reductions, picks, scans, sorts, products, views, random numbers.
FUSED = frozenset((
    "softmax", "layer_norm", "var", "cumsum", "sort", "argmax", "index_add", "scatter", "gather", "matmul", "conv2d",
    "floor_divide", "where", "pad", "logsumexp", "topk", "isclose", "gelu", "dropout", "sum", "amax", "prod", "complex",
))  # fmt: skip
#: Those that are trained: the third has many launches, and none of another kind.
TRAINED = [name for name in MODELS if name != "LSTM"]
FUSED_CASES = [c.values for c in CASES if c.values[0].name in FUSED]


class Compiled(Comparison):
    """Whole training steps and samples of ops, each as one program."""

    @pytest.mark.parametrize("name", TRAINED)
    @judged
    def test_compiled_training(self, name: str) -> None:
        self.needs_printed_kernels()
        (expected, state), (losses, got) = (
            train(name, made(name, device), device, compiler=compiler)
            for device, compiler in (("cpu", None), (self.device, self.compiled))
        )
        slack = self.slack
        np.testing.assert_allclose(losses, expected, rtol=1e-5 + slack)
        for key, value in got.items():
            np.testing.assert_allclose(
                value, state[key], rtol=1e-4 + slack, atol=1e-5 + slack, err_msg=key
            )

    @judged
    def test_compiled_values(self) -> None:
        """All samples of some ops in one function, with random numbers that are eager's bit by bit."""
        self.needs_printed_kernels()

        def results(place: Any) -> list[Any]:
            samples = [build(samples_of(op)[i], place) for op, i in FUSED_CASES]

            def run(samples: Any) -> list[Any]:
                with facula.no_grad():
                    calls = zip(FUSED_CASES, samples)
                    found = [op.public_call(*s.args, **s.kwargs) for (op, _), s in calls]
                    return tensors_in([found, facula.randn(77), facula.randint(0, 9, (5,))])

            return (run if place.device == "cpu" else self.compiled(run))(samples)

        expected, got = (outcome(results, place) for place in self.places())
        self.compare_outcomes(got, expected)
        if not self.slack:
            assert got[-2].tobytes() == expected[-2].tobytes()

    def compiled(self, function: Any) -> Any:
        """`function` as fused kernels; it must not fall back to a replay, but for what serves only once."""
        program = facula.compile(function, backend="fused")

        def run(*args: Any) -> Any:
            result = program(*args)
            assert isinstance(program.last.code, Fused) or program.last.escaped
            return result

        return run

    def needs_printed_kernels(self) -> None:
        if backend_for(self.device).raw is None:
            pytest.skip(f"core prints no kernels for device '{self.device}'")
