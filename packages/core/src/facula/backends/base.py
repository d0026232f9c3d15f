"""What a backend is: a namespace of kernels over its own arrays, and a handful of primitives.

`backend.exp(array)` is the backend's own kernel for the op `exp`, or else the op's body bound to the
backend. It is looked up once; the next access is a plain attribute.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from facula._device import device as Device
from facula.autograd.deferred import by_rows
from facula.dtypes import ALL, FROM_NUMPY
from facula.ops._op import Op
from facula.ops.dims import row_major

#: Grows when a plug-in written for an older contract would no longer work.
CONTRACT_VERSION = 1
#: The oldest contract whose plug-ins still work.
OLDEST_CONTRACT = 1

DTYPES = frozenset(d.name for d in ALL)


class MissingDtype(TypeError):
    """A device was asked for a dtype that it cannot hold; `dtype` is its name."""

    def __init__(self, message: str, dtype: str):
        super().__init__(message)
        self.dtype = dtype


class MissingKernel(NotImplementedError):
    """A device lacks the kernel of the leaf `op`, which may not run on the host."""

    def __init__(self, message: str, op: Op):
        super().__init__(message)
        self.op = op


class Backend:
    """Base of all backends: one instance per device.

    A subclass sets `Array`, the type of its arrays (things with `.shape` and a NumPy `.dtype`), and
    supplies `kernel`, `asarray`, `to_numpy`, `write`, `copy` and `strides`.
    """

    Array: type
    device: Device
    #: False where arrays have no values to look at (meta, trace).
    has_values = True
    #: What a running profiler wants to be told (`facula.profiler.devices.Log`); None while none runs.
    profile: Any = None
    #: Names of the dtypes that its arrays can hold. Asking for another raises TypeError.
    dtypes: frozenset[str] = DTYPES
    #: The raw device (`BufferBackend`) that runs kernels which core prints over this one's memory; None where none does.
    raw: Any = None
    #: A function that returns a context manager, under which Python operators on arrays of this device
    #: may be used (one of several GPUs must be made the current one); None where they always may.
    scope: Callable[[], Any] | None = None

    def __init__(self, device: Device):
        self.device = device
        self.providers: list[Callable[..., Any]] = []
        self.host_calls: dict[str, int] = {}
        #: Kernels that write into their arguments: of in-place methods ('add_') and optimizer updates.
        self.inplace_kernels: dict[str, Callable[..., Any]] = {}
        #: Kernels of ops for float16 and bfloat16, which round once (`autograd.halves`).
        self.halves: dict[str, Callable[..., Any]] = {}

    # ---- what a subclass supplies

    def kernel(self, op: Op) -> Callable[..., Any] | None:
        """This backend's implementation of `op`, or None."""
        raise NotImplementedError

    def asarray(self, array: Any) -> Any:
        """A NumPy array, copied to the device where it is elsewhere."""
        raise NotImplementedError

    def to_numpy(self, array: Any) -> Any:
        """The array's values as a NumPy array; shares memory only where the device is the host."""
        raise NotImplementedError

    def receive(self, array: Any, source: Backend, non_blocking: bool = False) -> Any:
        """A copy of `array`, of the backend `source`, on this one; both may be one type of device.

        This goes through the host's memory and waits. A device that copies directly, or in the
        background where `non_blocking` allows it, overrides it and calls this for other sources.
        """
        values = source.to_numpy(array)
        return self.asarray(np.array(values) if source.shares_memory else values)

    #: Whether `to_numpy` may give the device's own memory, which a copy on another must not share.
    shares_memory = True

    def pin(self, array: Any) -> Any:
        """A copy of a NumPy array in page-locked memory of the host, which copies faster; None without any."""
        return None

    def is_pinned(self, array: Any) -> bool:
        """Whether a NumPy array lies in memory that `pin` gave."""
        return False

    def write(self, target: Any, source: Any) -> None:
        """Stores `source` (broadcast) in `target`, which may be a view."""
        raise NotImplementedError

    def write_at(self, target: Any, indices: tuple[Any, ...], values: Any) -> None:
        """Stores `values` (broadcast) in `target` at index arrays, one (or None) per leading dimension."""
        self.write(target, self.index_put(target, indices, values, False))

    def copy(self, array: Any) -> Any:
        """A contiguous copy."""
        raise NotImplementedError

    def strides(self, array: Any) -> tuple[int, ...]:
        """Steps between neighbours along each dimension, in elements."""
        raise NotImplementedError

    def is_contiguous(self, array: Any) -> bool:
        """Whether the elements lie in memory one after another, in row-major order."""
        shape = array.shape
        expected = row_major(shape)
        return 0 in shape or all(
            n == 1 or s == c for n, s, c in zip(shape, self.strides(array), expected)
        )

    def offset(self, array: Any) -> int:
        """Elements between the start of the memory and the first element of `array`."""
        return 0

    def room(self, array: Any) -> int:
        """Elements from the first element of `array` to the end of the memory."""
        return int(1 + sum((n - 1) * s for n, s in zip(array.shape, self.strides(array))))

    def view_dtype(
        self, array: Any, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...], offset: int
    ) -> Any:
        """The same memory as elements of `dtype`, where they have that shape, strides and offset (in elements)."""
        raise NotImplementedError(
            f"view: memory of device '{self.device}' cannot be viewed in another dtype; do it on the cpu, as in "
            f"x.cpu().view(dtype)"
        )

    def synchronize(self) -> None:
        """Waits until all that was launched has ended."""

    def wrap(self, value: Any) -> Any:
        """Whatever a kernel or body returned in place of an array (a scalar) as an array."""
        raise TypeError(
            f"{self.device}: a kernel returned a {type(value).__name__} instead of {self.Array.__name__}"
        )

    def is_whole(self, array: Any) -> bool:
        """Whether the array owns its memory and fills it: no view of another array."""
        return False

    def accumulate(self, target: Any, source: Any) -> None:
        """Adds `source`, of the same shape, to `target` where it is."""
        self.write(target, self.add(target, source))

    # ---- what core adds

    def by_rows(
        self, function: Callable[..., Any], shape: Any, columns: Any, options: Any = ()
    ) -> Any:
        """For gradients: `function(xp, *columns, *options)`, of `shape`, a sum over the rows of its columns.

        Where that is worth it, the tape joins the rows of several calls and works it out once.
        """
        return by_rows(self, function, shape, columns, options)

    def stop(self, array: Any) -> Any:
        """The value outside the tape; raw arrays are never on it."""
        return array

    def parts(self, array: Any, dim: int, sizes: Any) -> None:
        """Parts of a tensor with one node for all of them, where it is on the tape; raw arrays are sliced one by one."""

    def bind(self, op: Op) -> None:
        """Makes `op` an attribute: looked up once, so that a call is a plain attribute access."""
        setattr(self, op.name, self._resolve(op))

    # Kernels are set by `bind`; a __getattr__ at run time would make every access slower.
    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def _resolve(self, op: Op) -> Callable[..., Any]:
        kernel = self.kernel(op)
        if kernel is None:
            kernel = partial(op.body, self) if op.body is not None else self._host_fallback(op)
        for provider in reversed(self.providers):
            if wraps(provider):
                kernel = provider(op, self, kernel) or kernel
            else:
                kernel = ask_first(provider(op, self), kernel)
        if self.dtypes < DTYPES and "dtype" in op.options:
            return self._checking_dtype(op, kernel)
        return kernel

    def adds(self, provider: Callable[..., Any], op: Op) -> bool:
        """Whether a provider of kernels has one for `op`."""
        if not wraps(provider):
            return provider(op, self) is not None
        below = self.kernel(op) or _nothing
        return provider(op, self, below) not in (None, below)

    def add_inplace(self, kernels: dict[str, Callable[..., Any]]) -> None:
        """Has a provider's kernels that write into their arguments asked first."""
        for name, kernel in kernels.items():
            below = self.inplace_kernels.get(name)
            self.inplace_kernels[name] = ask_first(kernel, below) if below else kernel

    def _checking_dtype(self, op: Op, kernel: Callable[..., Any]) -> Callable[..., Any]:
        """`kernel`, whose result has a dtype that the caller names: one that the device holds."""
        place = [p.name for p in op.parameters].index("dtype")

        def call(*args: Any, **kwargs: Any) -> Any:
            dtype = args[place] if len(args) > place else kwargs.get("dtype")
            if dtype is not None:
                self.require_dtype(dtype)
            return kernel(*args, **kwargs)

        return call

    def require_dtype(self, dtype: Any) -> None:
        """Raises TypeError where the device cannot hold a NumPy dtype."""
        name = FROM_NUMPY[np.dtype(dtype)].name
        if name not in self.dtypes:
            held = ", ".join(d.name for d in ALL if d.name in self.dtypes)
            raise MissingDtype(
                f"device '{self.device}' cannot hold {name}; it holds {held}. "
                f"Convert the tensor first, as in x.to(facula.float32), or keep it on the cpu",
                name,
            )

    def check(self) -> None:
        """Raises TypeError where a device lacks what it must supply; called once, when it is loaded."""

    def refuse_missing_dtypes(self) -> None:
        """Makes `asarray` check dtypes, where the device lacks some; called once, when it is loaded."""
        if self.dtypes < DTYPES:
            inner = self.asarray

            def asarray(array: Any) -> Any:
                self.require_dtype(array.dtype)
                return inner(array)

            self.asarray = asarray  # type: ignore[method-assign]

    def _host_fallback(self, op: Op) -> Callable[..., Any]:
        """Runs a leaf that the device lacks on the host: said once, counted, an error when strict."""
        from facula.backends.registry import backend_for

        def call(*args: Any, **kwargs: Any) -> Any:
            if os.environ.get("FACULA_STRICT") == "1":
                raise MissingKernel(
                    f"device '{self.device}' has no kernel for '{op.name}', and FACULA_STRICT=1 forbids running it on the host",
                    op,
                )
            host = backend_for("cpu")
            if host is self:
                raise MissingKernel(f"device '{self.device}' has no kernel for '{op.name}'", op)
            if op.name not in self.host_calls and not op.host:
                warnings.warn(
                    f"'{op.name}' has no kernel on device '{self.device}': it runs on the host",
                    stacklevel=3,
                )
            self.host_calls[op.name] = self.host_calls.get(op.name, 0) + 1
            if self.profile is not None:
                self.profile.fallback(op.name)
            result = getattr(host, op.name)(*self._map(self.to_numpy, args), **kwargs)
            return self._map_back(result, host)

        return call

    def _map(self, function: Callable[[Any], Any], values: Any) -> Any:
        return tuple(
            function(v)
            if isinstance(v, self.Array)
            else self._map(function, v)
            if isinstance(v, (tuple, list))
            else v
            for v in values
        )

    def _map_back(self, result: Any, host: Any) -> Any:
        if isinstance(result, (tuple, list)):
            parts = [self._map_back(r, host) for r in result]
            return parts if isinstance(result, list) else tuple(parts)
        return self.asarray(result) if hasattr(result, "dtype") else result

    def __repr__(self) -> str:
        return f"<backend of device '{self.device}'>"


def wraps(provider: Callable[..., Any]) -> bool:
    """Whether a provider gets the kernel below its own (`KernelSpec.wraps`)."""
    return getattr(provider, "wraps", False)


def _nothing(*args: Any) -> Any:
    return NotImplemented


def ask_first(first: Callable[..., Any] | None, then: Callable[..., Any]) -> Callable[..., Any]:
    """Calls a provider's kernel, and `then` where it answers NotImplemented."""
    if first is None:
        return then

    def call(*args: Any, **kwargs: Any) -> Any:
        result = first(*args, **kwargs)
        return then(*args, **kwargs) if result is NotImplemented else result

    return call
