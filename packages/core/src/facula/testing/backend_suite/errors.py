"""Arguments that an op refuses: the exceptions of the CPU, and a device that goes on working."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import facula
from facula.testing.backend_suite.comparing import Comparison, judged

#: Calls that must raise, with x of shape (2, 3), n (int64) of shape (3,), and `t` to make others.
REFUSED: dict[str, Callable[..., Any]] = {
    "shapes that do not broadcast": lambda x, n, t: x + t(np.ones(4)),
    "matmul of inner sizes": lambda x, n, t: x @ x,
    "view of another size": lambda x, n, t: x.view(4),
    "view across memory": lambda x, n, t: x.transpose(0, 1).view(6),
    "expand to a wrong size": lambda x, n, t: x.expand(2, 4),
    "cat of other shapes": lambda x, n, t: facula.cat([x, t(np.ones((2, 2)))]),
    "stack of other shapes": lambda x, n, t: facula.stack([x, x[:1]]),
    "reduction of nothing": lambda x, n, t: x[:0].amax(0),
    "argmax of nothing": lambda x, n, t: x[:0].argmax(),
    "bits of floats": lambda x, n, t: x & x,
    "bits turned over of floats": lambda x, n, t: ~x,
    "integers divided by 0": lambda x, n, t: n // 0,
    "integers divided by a 0 among others": lambda x, n, t: n.remainder(t([1, 0, 2])),
    "integers to a negative power": lambda x, n, t: n**-1,
    "floats written to integers": lambda x, n, t: n.add_(0.5),
    "a shape that grows in place": lambda x, n, t: x[0].add_(x),
    "assignment of a wrong shape": lambda x, n, t: x.__setitem__(0, t(np.ones(2))),
    "a float as index": lambda x, n, t: x[t([0.0])],
    "gather with floats": lambda x, n, t: x.gather(0, x),
    "gather of other dimensions": lambda x, n, t: x.gather(0, n),
    "a gradient of integers": lambda x, n, t: n.requires_grad_(),
    "backward of many": lambda x, n, t: x.requires_grad_().exp().backward(),
    "linear of a wrong width": lambda x, n, t: facula.nn.functional.linear(x, t(np.ones((2, 4)))),
    "conv of wrong channels": lambda x, n, t: facula.nn.functional.conv1d(x, t(np.ones((1, 3, 1)))),
    "truth of many": lambda x, n, t: bool(x),
    "item of many": lambda x, n, t: x.item(),
    "dimensions twice": lambda x, n, t: x.permute(0, 0),
}


class Errors(Comparison):
    @pytest.mark.parametrize("name", REFUSED)
    @judged
    def test_refusal(self, name: str) -> None:
        def ask(place: Any) -> Any:
            return REFUSED[name](place(np.arange(6.0).reshape(2, 3)), place([1, 2, 3]), place)

        self.agree(ask)
        self.agree(lambda place: place([1.0, 2.0]) * 2)

    @judged
    def test_mixed_devices_name_both(self) -> None:
        here, there = facula.ones(2), facula.ones(2, device=self.device)
        if here.device == there.device:
            return  # the CPU itself is tested
        mixes: tuple[Callable[[], Any], ...] = (
            lambda: here + there,
            lambda: there @ here,
            lambda: facula.cat([there, here]),
            lambda: there.add_(here),
        )
        for mix in mixes:
            with pytest.raises(RuntimeError) as caught:
                mix()
            assert "cpu" in str(caught.value)
            assert str(there.device) in str(caught.value)
