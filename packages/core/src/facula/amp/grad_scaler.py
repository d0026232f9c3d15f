"""Loss scaling, which keeps small gradients of float16 from becoming zero."""

from __future__ import annotations

from typing import Any

from facula._tensor import Tensor
from facula.autograd.mode import no_grad
from facula.dtypes import get_default_dtype
from facula.graph.errors import refuse
from facula.graph.scalars import is_capturing, runtime_scalar


class GradScaler:
    """Multiplies the loss by a factor, and divides the gradients by it before the step.

    A step with an infinite or NaN gradient is left out and the factor halved (`backoff_factor`); after
    `growth_interval` good steps it is doubled. With `enabled=False` (as on a machine without CUDA) it does nothing.
    A compiled function may hold `scale` and `backward()`; the rest looks at the gradients' values, and goes after it.
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ):
        from facula.backends.registry import count

        if growth_factor <= 1.0 or backoff_factor >= 1.0:
            raise AssertionError("The growth factor must be > 1.0 and the backoff factor < 1.0.")
        self._device = device
        self._enabled = enabled and count(device) > 0
        self._scale, self._growth, self._backoff = init_scale, growth_factor, backoff_factor
        self._interval, self._good_steps = growth_interval, 0
        self._found_inf: dict[int, bool] = {}

    def scale(self, outputs: Any) -> Any:
        """A loss (or several) times the factor."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return _scaled(outputs, runtime_scalar(lambda: self._scale))
        return type(outputs)(self.scale(x) for x in outputs)

    def unscale_(self, optimizer: Any) -> None:
        """Divides the gradients of an optimizer by the factor; once per step, before they are clipped."""
        if not self._enabled:
            return
        if id(optimizer) in self._found_inf:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        if is_capturing():
            raise refuse(
                "GradScaler looks whether gradients are finite, which cannot be done",
                "call unscale_(), step() and update() after the compiled function, or use bfloat16, which needs no scaler",
            )
        bad = False
        with no_grad():
            for group in optimizer.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        p.grad.mul_(1.0 / self._scale)
                        bad = bad or not bool(p.grad.isfinite().all())
        self._found_inf[id(optimizer)] = bad

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """`optimizer.step()`, unless a gradient is infinite or NaN."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if id(optimizer) not in self._found_inf:
            self.unscale_(optimizer)
        return None if self._found_inf[id(optimizer)] else optimizer.step(*args, **kwargs)

    def update(self, new_scale: float | None = None) -> None:
        """Adapts the factor after a step."""
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        elif any(self._found_inf.values()):
            self._scale, self._good_steps = self._scale * self._backoff, 0
        else:
            self._good_steps += 1
            if self._good_steps == self._interval:
                self._scale, self._good_steps = self._scale * self._growth, 0
        self._found_inf = {}

    def is_enabled(self) -> bool:
        """Whether it does anything."""
        return self._enabled

    def get_scale(self) -> float:
        """The factor; 1.0 where it is disabled."""
        return self._scale if self._enabled else 1.0

    def state_dict(self) -> dict[str, Any]:
        """Factor and settings; empty where it is disabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale, "growth_factor": self._growth, "backoff_factor": self._backoff,
            "growth_interval": self._interval, "_growth_tracker": self._good_steps,
        }  # fmt: skip

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restores what `state_dict` gave."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled instance of GradScaler."
            )
        self._scale, self._growth = state_dict["scale"], state_dict["growth_factor"]
        self._backoff, self._interval = state_dict["backoff_factor"], state_dict["growth_interval"]
        self._good_steps = state_dict["_growth_tracker"]


def _scaled(outputs: Any, factor: Any) -> Any:
    """The product, also under capture, where the factor is a 0-d tensor of float64: float16 may not hold it."""
    if not isinstance(factor, Tensor) or outputs.is_complex():
        return outputs * factor
    dtype = outputs.dtype if outputs.is_floating_point() else get_default_dtype()
    return (outputs.to(factor.dtype) * factor).to(dtype)
