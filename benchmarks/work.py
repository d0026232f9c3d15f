"""What is timed: a step of training, or a call without gradients. Both can be compiled, each library in its own way."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any


class Training:
    """Steps of `optimizer` on `loss(*batch)`; each step takes the next of `batches`.

    >>> Training(model, optimizer, loss, batches).step()     # the loss
    """

    def __init__(self, optimizer: Any, loss: Callable[..., Any], batches: Sequence[tuple]) -> None:
        self.given, self.batches = batches, itertools.cycle(batches)
        self.optimizer, self.loss = optimizer, loss
        self.whole = train(optimizer, loss)

    def step(self) -> Any:
        return self.whole(*next(self.batches))

    def compile_whole(self, compile: Callable[[Any], Any]) -> None:
        """Forward, backward and update as one program."""
        self.whole = compile(self.whole)

    def compile_parts(self, compile: Callable[[Any], Any]) -> None:
        """The loss with its gradient, and the update, as PyTorch's manual does it: its compiler breaks at `backward`."""
        self.optimizer.step = compile(self.optimizer.step)
        self.whole = train(self.optimizer, compile(self.loss))


def train(optimizer: Any, loss: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a batch that does one step and returns the loss."""

    def step(*batch: Any) -> Any:
        optimizer.zero_grad()
        value = loss(*batch)
        value.backward()
        optimizer.step()
        return value

    return step


def adamw_step(lib: Any, model: Any, x: Any, y: Any) -> Callable[[], Any]:
    """A function that trains a classifier for one step on the one batch there is, and returns the loss."""
    optimizer = lib.optim.AdamW(model.parameters(), lr=1e-3)
    return train(optimizer, lambda: lib.nn.functional.cross_entropy(model(x), y))


class Calling:
    """Calls of `function` on the next of `inputs`; from its construction on nothing is recorded for gradients."""

    def __init__(self, lib: Any, function: Callable[..., Any], inputs: Sequence[tuple]) -> None:
        lib.set_grad_enabled(False)
        self.function, self.inputs = function, itertools.cycle(inputs)

    def step(self) -> Any:
        return self.function(*next(self.inputs))

    def compile_whole(self, compile: Callable[[Any], Any]) -> None:
        self.function = compile(self.function)

    compile_parts = compile_whole


class Feeding(Calling):
    """A `Calling` whose function gets its own last result first: `result = function(result, *inputs)`."""

    def __init__(self, lib: Any, function: Callable[..., Any], first: Any, inputs: Sequence[tuple]):
        super().__init__(lib, function, inputs)
        self.result = first

    def step(self) -> Any:
        self.result = self.function(self.result, *next(self.inputs))
        return self.result
