"""Reading and writing at indices of every kind, and what indices out of range raise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import facula
from facula.testing.backend_suite.comparing import Comparison, judged

BASE = np.arange(60.0).reshape(3, 4, 5)
#: Indices of a tensor of shape (3, 4, 5), made with a `place`.
INDICES: dict[str, Callable[..., Any]] = {
    "an int": lambda t: (1,),
    "a negative int": lambda t: (-1, 2),
    "slices": lambda t: (slice(1, None), slice(None, None, 2)),
    "an ellipsis": lambda t: (..., 2),
    "None": lambda t: (None, 1, slice(None), None),
    "a list": lambda t: ([2, 0],),
    "a tensor": lambda t: (t([2, 0, 2, 1]),),
    "negative places": lambda t: (t([-1, -3, 0]),),
    "a 0-d tensor": lambda t: (t(2),),
    "two tensors": lambda t: (t([0, 2]), t([3, 1])),
    "tensors broadcast": lambda t: (t([[0], [2]]), slice(None), t([4, 1, 1])),
    "a tensor last": lambda t: (slice(1, 3), slice(None), t([[0, 4]])),
    "no places": lambda t: (t(np.zeros(0, np.int64)),),
    "a mask": lambda t: (t(BASE % 7 == 0),),
    "a mask of rows": lambda t: (t([True, False, True]),),
    "a mask and an int": lambda t: (t([True, False, True]), 1),
}
OUT_OF_RANGE: dict[str, Callable[..., Any]] = {
    "an int": lambda x, t: x[3],
    "a negative int": lambda x, t: x[:, -5],
    "a tensor": lambda x, t: x[t([0, 3])],
    "a tensor, below": lambda x, t: x[t([0, -4])],
    "two tensors": lambda x, t: x[t([0, 1]), t([0, 4])],
    "a tensor last": lambda x, t: x[..., t([5])],
    "writing": lambda x, t: x.__setitem__(t([3]), 0.0),
    "writing last": lambda x, t: x.__setitem__((0, 0, t([-6])), 0.0),
    "index_select": lambda x, t: x.index_select(1, t([4])),
    "gather": lambda x, t: x.gather(0, t(np.full((1, 4, 5), 3))),
    "scatter": lambda x, t: x.scatter(0, t(np.full((1, 4, 5), 3)), 1.0),
    "scatter_add": lambda x, t: x.scatter_add(2, t(np.full((3, 4, 1), 5)), x),
    "index_add": lambda x, t: x.index_add(0, t([3]), x[:1]),
    "select": lambda x, t: x.select(0, 3),
    "take": lambda x, t: x.take(t([60])),
    "embedding": lambda x, t: facula.nn.functional.embedding(t([12]), x.reshape(12, 5)),
    "one_hot": lambda x, t: facula.nn.functional.one_hot(t([3]), 2),
    "cross_entropy": lambda x, t: facula.nn.functional.cross_entropy(x[0], t([0, 1, 5, 2])),
    "no such dimension": lambda x, t: x.sum(3),
    "too many indices": lambda x, t: x[0, 0, 0, 0],
}


class Indexing(Comparison):
    @pytest.mark.parametrize("name", INDICES)
    @judged
    def test_reading_at_indices(self, name: str) -> None:
        def read(place: Any) -> Any:
            x = place(BASE, grad=True)
            got = x[INDICES[name](place)]
            (got * got).sum().backward()
            return got, x.grad

        self.agree(read)

    @pytest.mark.parametrize("name", INDICES)
    @judged
    def test_writing_at_indices(self, name: str) -> None:
        def write(place: Any) -> Any:
            x, weight = place(BASE), place(2.0, grad=True)
            index = INDICES[name](place)
            x[index] = -1.5
            y = place(BASE) * weight
            y[index] = y[index] * weight
            (y * y).sum().backward()
            strided = place(BASE.transpose(2, 1, 0).copy()).permute(2, 1, 0)
            strided[index] = x[index] + 1
            return x, y, weight.grad, strided

        self.agree(write)

    @judged
    def test_equal_indices_accumulate(self) -> None:
        def accumulate(place: Any) -> Any:
            at, x = place([1, 0, 1, 1]), place(BASE[0], grad=True)
            x[at].sum().backward()
            y = place(BASE[0])
            y.index_put_((at, place([0, 0, 0, 2])), place([1.0, 2.0, 3.0, 4.0]), accumulate=True)
            z = place(BASE[0]).index_add(0, at, place(BASE[1]))
            w = place(BASE[0]).scatter_reduce(
                0, place(np.ones((2, 5), int)), place(BASE[2]), "amax"
            )
            return x.grad, y, z, w

        self.agree(accumulate)

    @pytest.mark.parametrize("name", OUT_OF_RANGE)
    @judged
    def test_out_of_range(self, name: str) -> None:
        """IndexError (or what the CPU raises), and the device goes on working."""
        self.agree(lambda place: OUT_OF_RANGE[name](place(BASE), place))
        self.agree(lambda place: place(BASE) + 1)
