"""Methods that write (`add_`, `relu_`): results, on whole tensors and on views, as on the CPU."""

from __future__ import annotations

from typing import Any

import pytest

import facula
from facula.testing.backend_suite.comparing import Comparison, judged
from facula.testing.backend_suite.samples import OPS
from facula.testing.samples import Draw, build, samples_of

INPLACE = [
    op
    for op in OPS
    if op.inplace and hasattr(facula.Tensor, op.name + "_") and isinstance(samples_of(op)[0].args[0], Draw)
]  # fmt: skip


class Inplace(Comparison):
    @pytest.mark.parametrize("op", INPLACE, ids=lambda op: op.name + "_")
    @judged
    def test_inplace(self, op: Any) -> None:
        def run(place: Any) -> Any:
            x, *rest, named = _arguments(op, place)
            getattr(x, op.name + "_")(*rest, **named)
            return x

        self.agree(run)

    @pytest.mark.parametrize("op", INPLACE, ids=lambda op: op.name + "_")
    @judged
    def test_inplace_on_a_view(self, op: Any) -> None:
        """Every second element of a wider tensor is written, and nothing else of it."""

        def run(place: Any) -> Any:
            x, *rest, named = _arguments(op, place)
            wide = facula.stack([x, x], -1)
            getattr(wide[..., 1], op.name + "_")(*rest, **named)
            return wide

        self.agree(run)

    @judged
    def test_augmented_assignment(self) -> None:
        def run(place: Any) -> Any:
            x, y = place([1.0, 2.0, 3.0]), place([[1, 2, 3], [4, 5, 6]])
            x += 1
            x[1:] *= x[:2]
            y[0] -= y[1]
            y[:, ::2] //= 2
            return x, y

        self.agree(run)

    @judged
    def test_a_kept_tensor_that_was_written_is_noticed(self) -> None:
        def run(place: Any) -> Any:
            x = place([1.0, 2.0], grad=True)
            y = x.exp()
            y.add_(1)
            y.sum().backward()

        self.agree(run)


def _arguments(op: Any, place: Any) -> list[Any]:
    """The tensor to write, the other arguments, and at the end those by name."""
    sample = build(samples_of(op)[0], place)
    return [sample.args[0].clone(), *sample.args[1:], sample.kwargs]
