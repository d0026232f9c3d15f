"""Memory: training steps leave nothing behind."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import facula
from facula.backends import backend_for
from facula.testing.backend_suite.comparing import Comparison, judged

#: Elements of the tensors that the steps make; float32, so 4 KiB each.
ELEMENTS = 1024
STEPS = 24


class Memory(Comparison):
    @judged
    def test_steps_leave_no_memory_behind(self) -> None:
        """After some steps to warm up, 24 more leave no tensor, no array, and no bytes of one."""
        weight = facula.ones(ELEMENTS, device=self.device, requires_grad=True)
        tracemalloc.start()
        try:
            for i in range(4):
                _step(weight, i)
            before = self._taken()
            for i in range(STEPS):
                _step(weight, i)
            after = self._taken()
        finally:
            tracemalloc.stop()
        assert after["tensors"] <= before["tensors"]
        assert after["arrays"] <= before["arrays"]
        # One array kept per step would be 96 KiB; Python itself takes and frees a few.
        assert after["host bytes"] - before["host bytes"] < STEPS * ELEMENTS * 4 // 2
        assert after["device bytes"] <= before["device bytes"]

    @judged
    def test_large_tensors_are_freed_at_once(self) -> None:
        """A tensor's memory goes back when nothing refers to it, without the garbage collector."""
        backend = backend_for(self.device)
        x = facula.ones(ELEMENTS, device=self.device)
        (x * 2).sum().item()
        gc.collect()
        gc.disable()
        try:
            before = self._arrays(backend)
            for _ in range(5):
                y = (x * 2).exp()[::2].reshape(-1, 2)
                del y
            assert self._arrays(backend) == before
        finally:
            gc.enable()

    def _taken(self) -> dict[str, int]:
        gc.collect()
        backend = backend_for(self.device)
        backend.synchronize()
        count = getattr(backend, "memory_allocated", None)  # a device may tell its own
        return {
            "tensors": sum(issubclass(type(o), facula.Tensor) for o in gc.get_objects()),
            "arrays": self._arrays(backend),
            "host bytes": tracemalloc.get_traced_memory()[0],
            "device bytes": count() if count is not None else 0,
        }

    def _arrays(self, backend: Any) -> int:
        """Arrays of the backend that are alive; 0 where Python's collector does not know their type."""
        return sum(type(o) is backend.Array for o in gc.get_objects())


def _step(weight: Any, i: int) -> None:
    """A step like an optimizer's; its numbers differ from step to step, as a schedule's do."""
    loss = ((weight * (1 + i / 7)).tanh() + facula.rand_like(weight)).square().mean()
    loss.backward()
    with facula.no_grad():
        weight -= 0.1 / (i + 1) * weight.grad
        weight[i : i + 3] = i / 3
        weight.grad = None
