"""Autocast: a mode in which products of matrices and convolutions compute in bfloat16 or float16.

The lists are those of PyTorch's autocast on the CPU: what gains by it is cast down, what would lose by it
(losses, Fourier transforms, decompositions) is cast up, and joins take the widest dtype of their parts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from facula._tensor import Tensor
from facula.autograd.mode import Mode, is_grad_enabled, state
from facula.autograd.record import run, run_composite
from facula.dtypes import F32, F64, HALF, as_dtype
from facula.ops._op import OPS

LOWER = frozenset((
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "convolution", "conv_transpose",
    "bmm", "mm", "mv", "baddbmm", "addmm", "addbmm", "linear", "matmul", "prelu", "scaled_dot_product_attention", "linalg_vecdot",
    "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell",
))  # fmt: skip
HIGHER = frozenset((
    "avg_pool3d", "max_pool3d", "adaptive_avg_pool3d", "max_unpool2d", "max_unpool3d", "grid_sample", "polar", "prod", "quantile",
    "nanquantile", "stft", "cdist", "trace", "view_as_complex", "cholesky", "cholesky_inverse", "cholesky_solve", "inverse", "lu_solve",
    "orgqr", "pinverse", "mse_loss", "cosine_embedding_loss", "nll_loss", "hinge_embedding_loss", "poisson_nll_loss", "smooth_l1_loss",
    "cross_entropy", "l1_loss", "huber_loss", "margin_ranking_loss", "soft_margin_loss", "triplet_margin_loss", "multi_margin_loss",
    "ctc_loss", "kl_div", "multilabel_margin_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits",
))  # fmt: skip
WIDEST = frozenset(("cat", "stack", "index_copy"))


class Autocast(Mode):
    """Casts the inputs of the ops on the lists; what it runs for them is no more autocast."""

    def __init__(self, device: str, dtype: Any):
        self.device, self.dtype = device, dtype
        self.casts = f"{dtype} on {device}"

    def run(self, op: Any, ins: tuple[Any, ...], opts: tuple[Any, ...]) -> Any:
        target = self._target(op, ins)
        state.mode = self.below
        try:
            return run(op, _cast_all(ins, target) if target is not None else ins, opts)
        finally:
            state.mode = self

    def enter(self, op: Any, args: tuple[Any, ...], tensors: list[Any]) -> Any:
        super().enter(op, args, tensors)
        target = self._target(op, args)
        if target is None:
            return NotImplemented
        state.mode = self.below
        try:
            return run_composite(op, _cast_all(args, target))
        finally:
            state.mode = self

    def _target(self, op: Any, args: tuple[Any, ...]) -> Any:
        """The dtype that the floating inputs of `op` are cast to; None to leave them as they are."""
        name = op.name
        if name in LOWER:
            return self.dtype
        if name in HIGHER or name.startswith(("fft_", "linalg_")):
            return F32
        if name not in WIDEST:
            return None
        found = {t._array.dtype for t in _floating(args)}
        return None if len(found) < 2 else F64 if F64 in found else F32 if F32 in found else None


def _floating(values: Any) -> list[Tensor]:
    if isinstance(values, Tensor):
        return [values] if values.is_floating_point() else []
    return [t for v in values for t in _floating(v)] if isinstance(values, (tuple, list)) else []


def _cast_all(value: Any, dtype: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)([_cast_all(v, dtype) for v in value])
    if not isinstance(value, Tensor):
        return value
    now = value._array.dtype
    if now is dtype or not (now is F32 or now in HALF):  # float64 stays what it is
        return value
    return OPS["cast"].call(value, dtype)


def _active() -> Autocast | None:
    mode = state.mode
    while isinstance(mode, Mode):
        if isinstance(mode, Autocast):
            return mode
        mode = mode.below
    return None


def is_autocast_enabled(device_type: str = "cpu") -> bool:
    """Whether this thread is within an enabled `autocast` for that type of device."""
    mode = _active()
    return mode is not None and mode.dtype is not None and mode.device == device_type


def is_autocast_available(device_type: str) -> bool:
    """Whether `autocast` knows that type of device."""
    from facula.backends.registry import count

    return count(device_type) > 0


def get_autocast_dtype(device_type: str = "cpu") -> Any:
    """The dtype that `autocast` computes in: bfloat16 on the CPU, float16 elsewhere, unless one is set."""
    mode = _active()
    if mode is not None and mode.device == device_type:
        return as_dtype(mode.dtype)
    return as_dtype("bfloat16" if device_type == "cpu" else "float16")


class autocast:
    """Matrix products and convolutions within compute in `dtype`. Context manager or decorator.

    On the CPU `dtype` is bfloat16 or float16 (default bfloat16). Parameters stay what they are, and so do the
    dtypes of their gradients. `enabled=False` within an enabled one switches it off again.
    """

    def __init__(
        self,
        device_type: str,
        dtype: Any = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ):
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        self.device, self.enabled = device_type, bool(enabled)
        self.fast_dtype = as_dtype(dtype) if dtype is not None else get_autocast_dtype(device_type)
        if self.enabled and self.fast_dtype.dtype not in HALF:
            raise ValueError(
                f"autocast: dtype is {self.fast_dtype}, expected facula.bfloat16 or facula.float16"
            )
        self._stack: list[Any] = []

    def __enter__(self) -> autocast:
        before = state.mode
        self._stack.append(before)
        if self.enabled:
            mode = Autocast(self.device, self.fast_dtype.dtype)
            below = before
            if isinstance(before, Autocast):  # the inner one counts
                below = before.below
            state.mode = below
            mode.push()
        elif isinstance(before, Autocast):
            state.mode = before.below
        return self

    def __exit__(self, *exc: Any) -> None:
        recording = is_grad_enabled()
        state.mode = self._stack.pop()
        from facula.autograd.mode import set_recording

        set_recording(recording)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return wrapped


def same_autocast() -> autocast:
    """An `autocast` that casts as this thread does now: what runs later within it, runs as here."""
    mode = _active()
    if mode is None:
        return autocast("cpu", enabled=False)
    return autocast(mode.device, as_dtype(mode.dtype))


def custom_fwd(fwd: Any = None, *, device_type: str = "cpu", cast_inputs: Any = None) -> Any:
    """Decorates `forward` of an autograd.Function: with `cast_inputs`, it runs outside autocast on inputs cast to that."""
    if fwd is None:
        return lambda f: custom_fwd(f, device_type=device_type, cast_inputs=cast_inputs)

    @wraps(fwd)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if cast_inputs is None or not is_autocast_enabled(device_type):
            return fwd(*args, **kwargs)
        with autocast(device_type, enabled=False):
            return fwd(*_cast_all(args, as_dtype(cast_inputs).dtype), **kwargs)

    return wrapped


def custom_bwd(bwd: Any = None, *, device_type: str = "cpu") -> Any:
    """Decorates `backward` of an autograd.Function; a backward pass runs outside autocast anyway."""
    return (lambda f: f) if bwd is None else bwd
