"""Views: the same strides as on the CPU, and writes that reach what they are views of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from facula.testing.backend_suite.comparing import Comparison, judged

#: Views of a tensor of shape (2, 3, 4).
VIEWS: dict[str, Callable[..., Any]] = {
    "view": lambda x: x.view(4, 6),
    "reshape of a permutation": lambda x: x.permute(2, 0, 1).reshape(4, 6),
    "transpose": lambda x: x.transpose(0, 2),
    "permute": lambda x: x.permute(1, 2, 0),
    "select": lambda x: x.select(1, -1),
    "slice": lambda x: x[:, 1:],
    "slice with a step": lambda x: x[..., 1::2],
    "empty slice": lambda x: x[:, 3:],
    "narrow": lambda x: x.narrow(2, 1, 2),
    "diagonal": lambda x: x.diagonal(1, 1, 2),
    "unfold": lambda x: x.unfold(2, 2, 2),
    "squeeze": lambda x: x[:1].squeeze(0),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "flatten": lambda x: x.flatten(1),
    "movedim": lambda x: x.movedim(0, -1),
    "chunk": lambda x: x.chunk(2, 2)[1],
    "unbind": lambda x: x.unbind(1)[2],
    "as_strided": lambda x: x.as_strided((3, 2), (4, 1), 5),
    "view of a view": lambda x: x.transpose(0, 1)[1:, :, ::3].select(2, 1),
    "view of a transposed view": lambda x: x.transpose(1, 2)[1].unsqueeze(0)[..., 1:],
}
BASE = np.linspace(-2, 2, 24).reshape(2, 3, 4)


class Views(Comparison):
    @pytest.mark.parametrize("name", VIEWS)
    @judged
    def test_view(self, name: str) -> None:
        expected, got = (VIEWS[name](place(BASE)) for place in self.places())
        for v in (expected, got):
            v.layout_told = v.stride(), v.storage_offset(), v.is_contiguous()
        assert got.layout_told == expected.layout_told
        self.agree(lambda place: [VIEWS[name](place(BASE)), VIEWS[name](place(BASE)).contiguous()])

    @pytest.mark.parametrize("name", VIEWS)
    @judged
    def test_writing_a_view(self, name: str) -> None:
        """What is written to a view is read from its base, and the other way round."""

        def write(place: Any) -> Any:
            x = place(BASE)
            v = VIEWS[name](x)
            v.mul_(3)
            v[...] = v + 1
            seen = x.clone()
            x.add_(0.5)
            return seen, x, v

        self.agree(write)

    @pytest.mark.parametrize("name", VIEWS)
    @judged
    def test_gradient_through_a_written_view(self, name: str) -> None:
        def differentiate(place: Any) -> Any:
            x = place(BASE, grad=True)
            y = x * 2
            v = VIEWS[name](y)
            v.mul_(v)
            y.add_(1)
            (y * place(BASE[::-1].copy()) + v.sum()).sum().backward()
            return y, v, x.grad

        self.agree(differentiate, 2e-5 if self.places()[1].dtype("float64") == "float32" else 0)

    @judged
    def test_expanded_views_repeat(self) -> None:
        def expand(place: Any) -> Any:
            x = place([[1.0], [2.0]], grad=True)
            y = x.expand(3, 2, 4)
            (y * place(np.arange(24.0).reshape(3, 2, 4))).sum().backward()
            return y, y.contiguous(), x.grad

        self.agree(expand)

    @judged
    def test_overlapping_copy(self) -> None:
        """A copy between parts of one tensor reads all before it writes."""

        def shift(place: Any) -> Any:
            x, y = place(np.arange(9.0)), place(np.arange(9.0))
            x[1:].copy_(x[:-1])
            y[:-1].copy_(y[1:])
            return x, y

        self.agree(shift)

    @judged
    def test_complex_numbers_viewed_as_pairs(self) -> None:
        def pairs(place: Any) -> Any:
            import facula

            x = place(BASE[0] + 1j * BASE[1])
            facula.view_as_real(x)[..., 1].mul_(2)
            return x, facula.view_as_complex(facula.view_as_real(x)[1:])

        self.agree(pairs)

    @judged
    def test_empty_and_0d(self) -> None:
        def corners(place: Any) -> Any:
            empty, scalar = place(np.zeros((2, 0, 3))), place(1.5)
            return (
                empty.transpose(0, 2), empty.reshape(0, 5), empty.sum(1), empty + 1,
                scalar.view(1, 1), scalar.expand(3), scalar.reshape(()) * 2,
            )  # fmt: skip

        self.agree(corners)
