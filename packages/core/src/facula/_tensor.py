"""Tensor: an array on a backend, with its place on the tape. Its methods come from the ops.

The slots: `_array` and `_backend` hold the values; `_node` is the tape node that made it (None for a
leaf); `_view` says of which base it is a view; `_cell` is the version counter that all tensors over the
same memory share, made when first needed.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from facula.autograd.mode import (
    Mode,
    enable_grad,
    is_grad_enabled,
    plain,
    set_recording,
    state,
)
from facula.dtypes import FROM_NUMPY, as_dtype, dtype
from facula.mixed_devices import MixedDevicesError
from facula.ops._op import NAMESPACES, OPS, subscribe
from facula.promotion import can_cast

if TYPE_CHECKING:
    from facula._tensor_methods import TensorMethods  # the methods made from the ops
else:
    TensorMethods = object


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple that knows its number of elements."""

    def numel(self) -> int:
        """The product of the sizes."""
        n = 1
        for size in self:
            n *= size
        return n

    def __repr__(self) -> str:
        return f"facula.Size([{', '.join(map(str, self))}])"

    def __getitem__(self, item: Any) -> Any:
        got = tuple.__getitem__(self, item)
        return Size(got) if isinstance(item, slice) else got

    def __add__(self, other: Any) -> Any:
        return Size(tuple.__add__(self, tuple(other)))


class View:
    """How a view comes from its base: `op` with `options`, after what `before` says, and the version at which it was made."""

    __slots__ = ("base", "before", "op", "options", "seen")

    def __init__(
        self, base: Tensor, before: View | None, op: Any, options: tuple[Any, ...], seen: int
    ):
        self.base, self.before, self.op, self.options, self.seen = base, before, op, options, seen

    @property
    def chain(self) -> tuple[tuple[Any, tuple[Any, ...]], ...]:
        """All view ops from the base on, with their options."""
        found, view = [], self
        while view is not None:
            found.append((view.op, view.options))
            view = view.before  # type: ignore[assignment]
        return tuple(found[::-1])


def is_tracked(t: Tensor) -> bool:
    """Whether `t` requires grad; for a view whose base was written, after replaying its chain."""
    view = t._view
    if view is not None and view.seen != t._cell[0]:  # type: ignore[index]
        _replay_view(t, view)
    return t._requires_grad


def _is_off_the_tape(t: Tensor) -> bool:
    """Whether `t` is a view of what requires grad, made under `no_grad` or before that required any."""
    view = t._view
    is_untracked_view = view is not None and view.base._requires_grad and not is_tracked(t)
    return is_untracked_view and t._array.dtype.kind not in "iub"


def edge_of(t: Tensor) -> Any:
    """Where a gradient for `t` goes: its node, or itself for a leaf."""
    view = t._view
    if view is not None and view.seen != t._cell[0]:  # type: ignore[index]
        _replay_view(t, view)
    return t._node or t


def follow(
    start: Any, chain: tuple[tuple[Any, tuple[Any, ...]], ...], apply: Callable[..., Any]
) -> Any:
    """Replays a chain of view ops on `start`; `apply(op, x, options)` runs one of them."""
    for op, options in chain:
        start = apply(op, start, options)
    return start


def _replay_view(t: Tensor, view: View) -> None:
    from facula.autograd.record import run

    view.seen = t._cell[0]  # type: ignore[index]
    if not view.base._requires_grad:
        _move_to(t, None, False)
        return
    was_recording = is_grad_enabled()
    set_recording(True)
    try:
        fresh = follow(view.base, view.chain, lambda op, x, options: run(op, (x,), options))
    finally:
        set_recording(was_recording)
    _move_to(t, fresh._node, fresh._requires_grad)


def _move_to(t: Tensor, node: Any, requires_grad: bool) -> None:
    """Gives `t`, which was written, its new place on the tape; what `retain_grad` asked for goes along."""
    before = t._node
    t._node, t._requires_grad = node, requires_grad
    if before is not None and t.retains_grad:
        from facula.autograd.hooks import follow_write

        follow_write(t, before)


def _is_method(op: Any, name: str) -> bool:
    """Whether `name` of an op is a method: `linalg_det` is none, but its second name `det` is."""
    if name.startswith(NAMESPACES):
        return False
    return bool(op.method or op.name.startswith(NAMESPACES))


def install_methods(op: Any) -> None:
    """Gives Tensor the method of an op and its in-place form; each is made at its first call."""
    for name in (op.name, *op.aliases):
        if _is_method(op, name) and name not in Tensor.__dict__:
            _install_lazily(name, lambda: op.public_call)
        if op.inplace and name + "_" not in Tensor.__dict__:
            _install_lazily(name + "_", lambda: _inplace(op))


def _install_lazily(name: str, make: Callable[[], Callable[..., Any]]) -> None:
    # A __getattr__ on the class would do the same, and make every attribute access slower.
    def first_use(*args: Any, **kwargs: Any) -> Any:
        method = make()
        setattr(Tensor, name, method)
        return method(*args, **kwargs)

    first_use.__name__ = name
    setattr(Tensor, name, first_use)


def _inplace(op: Any) -> Callable[..., Tensor]:
    function, name = op.public_call, op.name + "_"
    if op.view:
        return _inplace_view(name, function)

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        kernel = self._backend.inplace_kernels.get(name)
        if kernel is not None and _write_directly(self, name, kernel, args, kwargs):
            return self
        return write_result(self, name, function, args, kwargs)

    method.__name__, method.__doc__ = name, f"In-place form of `{op.name}`."
    return method


def write_result(
    t: Tensor, name: str, function: Callable[..., Any], args: Any, kwargs: Any
) -> Tensor:
    """`function(t, *args, **kwargs)` written into `t`; what it recorded keeps the values of before."""
    from facula.autograd.record import tick as clock

    check_writable(t, name)
    check_no_overlap(t, name)
    start = clock()
    new = function(t, *args, **kwargs)
    if new._node is not None:
        _keep_values_of(t, new._node, start)
    return write_(t, new, name)


def check_no_overlap(t: Tensor, name: str) -> None:
    """Refuses to write to a tensor of which several elements are one place in memory."""
    if name in ("fill_", "zero_"):  # the same value everywhere
        return
    if has_overlap(t):
        raise RuntimeError(
            f"{name}: unsupported operation: more than one element of the written-to tensor (shape {list(t.shape)}) refers "
            f"to a single memory location. Please clone() the tensor before performing the operation."
        )


def has_overlap(t: Tensor) -> bool:
    """Whether several elements are one place in memory, as after `expand`."""
    array = t._array
    apart = all(s or n < 2 for n, s in zip(array.shape, t._backend.strides(array)))
    return not apart and 0 not in array.shape


def _keep_values_of(t: Tensor, newest: Any, start: int) -> None:
    """Gives the nodes made since `start` copies of what they keep of `t`, which is about to be written."""
    if t._cell is None:
        t._cell = [0]
    stack, copies = [newest], {}

    def over(kept: Any) -> Any:
        """The tensor over that memory in what a node keeps in one place (`record.keep_input`), or None."""
        is_pair = kept.__class__ is tuple and len(kept) == 2 and kept[1].__class__ is int
        tensor = kept[0] if is_pair else kept
        return tensor if isinstance(tensor, Tensor) and tensor._cell is t._cell else None

    while stack:
        node = stack.pop()
        if node is None or isinstance(node, Tensor) or node.time < start:
            continue
        stack.extend((node.node,) if hasattr(node, "node") else node.edges)
        if all(over(k) is None for k in node.kept or ()):
            continue
        kept = []
        for k in node.kept:
            tensor = over(k)
            if tensor is not None and id(tensor) not in copies:
                copy = copies[id(tensor)] = alias(tensor)
                copy._array, copy._node, copy._view, copy._cell = (
                    tensor._backend.copy(tensor._array),
                    edge_or_none(tensor),
                    None,
                    None,
                )
            kept.append(k if tensor is None else copies[id(tensor)])
        node.kept = tuple(kept)


def edge_or_none(t: Tensor) -> Any:
    """The node of a tensor, None for a leaf."""
    edge = edge_of(t)
    return None if isinstance(edge, Tensor) else edge


def _write_directly(
    t: Tensor, name: str, kernel: Callable[..., Any], args: Any, kwargs: Any
) -> bool:
    """Lets a backend's in-place kernel write where nothing is recorded; False where it declines."""
    mode = state.mode
    if mode is not False and (
        mode is not True or is_tracked(t) or (t._view is not None and _is_off_the_tape(t))
    ):
        mode = plain(mode)
        if mode is None or (mode and (is_tracked(t) or _is_off_the_tape(t))):
            return False
    if 0 in t._backend.strides(t._array):
        return False  # it may overlap itself, which is looked into on the other way
    arrays = []
    for x in args:
        if isinstance(x, Tensor):
            if x._backend is not t._backend or (mode and is_tracked(x)):
                return False
            x = x._array
        arrays.append(x)
    mode = state.mode
    if mode is not True and mode is not False:
        done = mode.around(name, lambda: kernel(t._array, *arrays, **kwargs))
    else:
        done = kernel(t._array, *arrays, **kwargs)
    if done is NotImplemented:
        return False
    bump(t)
    return True


def _inplace_view(name: str, function: Callable[..., Any]) -> Callable[..., Tensor]:
    """`transpose_` and its like: the tensor itself becomes the view; its memory stays as it is."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        check_writable(self, name)
        if isinstance(state.mode, Mode):
            state.mode.become_view(self, name)
        is_leaf = self.is_leaf
        if is_grad_enabled():
            out = function(alias(self), *args, **kwargs)
        else:  # it goes on to be what it was made of, as its values do
            with enable_grad():
                out = function(alias(self), *args, **kwargs)
        self._array = out._array
        if not is_leaf:
            _move_to(self, out._node, out._requires_grad)
        if self._view is not None:
            self._view = out._view
        return self

    method.__name__, method.__doc__ = name, f"In-place form of `{name[:-1]}`."
    return method


def check_writable(t: Tensor, name: str) -> None:
    """Refuses an in-place write that the tape could not follow."""
    if not (t._requires_grad or t._view is not None) or not is_grad_enabled():
        return
    if not is_tracked(t):
        if _is_off_the_tape(t):
            raise RuntimeError(
                f"{name}: a view that was created in no_grad mode, or before its base required grad, is being modified inplace with "
                f"grad mode enabled. Do both under facula.no_grad(), or neither, or make the view of base.detach()"
            )
        return
    if t._view is None and t._node is None:
        raise RuntimeError(
            f"{name}: a leaf Variable that requires grad is being used in an in-place operation; "
            f"do it under facula.no_grad(), or on a copy"
        )
    if t._view is not None and t._view.base._node is None and t._view.base._requires_grad:
        raise RuntimeError(
            f"{name}: a view of a leaf Variable that requires grad is being used in an in-place operation; "
            f"do it under facula.no_grad(), or on a copy"
        )


def write_(t: Tensor, new: Tensor, name: str = "copy_") -> Tensor:
    """Stores `new` in `t`: write-back, version bump, and the tape rebound to what was written."""
    check_writable(t, name)
    check_no_overlap(t, name)
    new = fit(t, new, name)
    mode = state.mode
    if isinstance(mode, Mode):
        mode.write(t, new)
        mode.around(name, lambda: _store(t, new))
    else:
        _store(t, new)
    return t


def _store(t: Tensor, new: Tensor) -> None:
    if is_grad_enabled():
        _rebind(t, new)
    else:
        t._backend.write(t._array, new._array)
        bump(t)


def fit(t: Tensor, new: Tensor, name: str) -> Tensor:
    """`new` in the dtype and shape of `t`, by taped ops; errors as PyTorch's."""
    if new._array.dtype is not t._array.dtype:
        if not can_cast(new.dtype, t.dtype) and name != "copy_":
            raise RuntimeError(
                f"{name}: result type {new.dtype} can't be cast to the desired output type {t.dtype}"
            )
        new = OPS["cast"].call(new, t._array.dtype)
    if new._backend is not t._backend and new._backend.device != t._backend.device:
        if name != "copy_":
            raise MixedDevicesError(name, [("the tensor to be written", t), ("the result", new)])
        new = OPS["to_backend"].call(new, t._backend, new._backend)
    if new._array.shape != t._array.shape:
        try:
            new = OPS["expand"](new, t._array.shape)
        except RuntimeError:
            raise RuntimeError(
                f"{name}: output with shape {list(t.shape)} doesn't match the broadcast shape {list(new.shape)}"
            ) from None
    return new


def bump(t: Tensor) -> None:
    """Counts one write to the memory of `t`."""
    if t._cell is None:
        t._cell = [1]
    else:
        t._cell[0] += 1


def _rebind(t: Tensor, new: Tensor) -> None:
    from facula.autograd.record import make_node

    view = t._view
    tracked = is_tracked(new)
    base = t if view is None else view.base
    put_node = None
    if view is None:
        if tracked and new._node is None:
            new = OPS["clone"].call(new)
        node = edge_of(new) if tracked else None
    elif tracked or base._requires_grad:
        old = alias(base)
        mask = (1 if base._requires_grad else 0) | (2 if tracked else 0)
        put_node = make_node(
            OPS["write_view"], mask, (old, new), (old, new), (view.chain,), (None,), base._backend
        )
        put_node.shape = base._array.shape
    t._backend.write(t._array, new._array)
    bump(t)
    if view is None:
        _move_to(t, node, tracked)
    elif put_node is not None:
        _move_to(base, put_node, True)


def _touch(t: Tensor) -> None:
    if isinstance(state.mode, Mode):
        state.mode.touch(t)


def alias(t: Tensor) -> Tensor:
    """Another tensor over the same array and node, sharing versions but not the identity."""
    if t._cell is None:
        t._cell = [0]
    new = object.__new__(Tensor)
    new._array, new._backend, new._node = t._array, t._backend, t._node
    new._requires_grad, new._view, new._cell = t._requires_grad, t._view, t._cell
    return new


class Tensor(TensorMethods):
    """A multi-dimensional array of one dtype on one device, which may be differentiated.

    `Tensor(data)` takes what `facula.tensor` takes, in the default dtype; `Tensor(2, 3)` is an
    uninitialised tensor of that shape. Both are on the CPU, whatever the default device.
    """

    __slots__ = (
        "_array",
        "_backend",
        "_node",
        "_requires_grad",
        "_view",
        "_cell",
        "__dict__",
        "__weakref__",
    )

    _array: Any
    _backend: Any
    _node: Any
    _requires_grad: bool
    _view: View | None
    _cell: list[int] | None

    __array_priority__ = 1000
    __array_ufunc__ = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        import facula

        if len(args) == 1 and not isinstance(args[0], int):
            if isinstance(args[0], Size):
                made = facula.empty(args[0], device="cpu")
            else:
                made = (
                    args[0].detach()
                    if isinstance(args[0], Tensor)
                    else facula.tensor(args[0], dtype=facula.get_default_dtype(), device="cpu")
                )
        else:
            made = facula.empty(args if args else (0,), device="cpu")
        return made if cls is Tensor else made.as_subclass(cls)

    # ---- what it is

    @property
    def shape(self) -> Size:
        """The sizes of all dimensions."""
        return Size(self._array.shape)

    @property
    def dtype(self) -> dtype:
        """The type of the elements."""
        return FROM_NUMPY[self._array.dtype]

    @property
    def device(self) -> Any:
        """The device that holds the values."""
        return self._backend.device

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self._array.shape)

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self._array.dtype.itemsize  # type: ignore[no-any-return]

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.numel() * self.itemsize

    @property
    def layout(self) -> Any:
        """`facula.strided`, always."""
        from facula.constants import strided

        return strided

    is_sparse = is_quantized = is_mkldnn = is_nested = is_sparse_csr = is_xla = is_mps = is_xpu = (
        False
    )

    @property
    def is_cuda(self) -> bool:
        """Whether it is on a CUDA device."""
        return self.device.type == "cuda"  # type: ignore[no-any-return]

    @property
    def is_cpu(self) -> bool:
        """Whether it is on the CPU."""
        return self.device.type == "cpu"  # type: ignore[no-any-return]

    @property
    def is_meta(self) -> bool:
        """Whether it has a shape and no values."""
        return self.device.type == "meta"  # type: ignore[no-any-return]

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        if dim is None:
            return self.shape
        from facula.ops.dims import wrap_dim

        return self._array.shape[wrap_dim(dim, self.ndim)]

    def dim(self) -> int:
        """The number of dimensions."""
        return len(self._array.shape)

    ndimension = dim

    def numel(self) -> int:
        """The number of elements."""
        return self.shape.numel()

    nelement = numel

    def element_size(self) -> int:
        """Bytes of one element."""
        return self.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """Steps between neighbours along each dimension (or along `dim`), in elements."""
        strides = self._backend.strides(self._array)
        return strides if dim is None else strides[dim]

    def storage_offset(self) -> int:
        """Elements between the start of the memory and the first element."""
        return self._backend.offset(self._array)  # type: ignore[no-any-return]

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether the elements lie in memory one after another, in row-major order."""
        from facula.ops.dims import row_major

        shape = self._array.shape
        return 0 in shape or all(
            n == 1 or s == c
            for n, s, c in zip(shape, self._backend.strides(self._array), row_major(shape))
        )

    def is_floating_point(self) -> bool:
        """Whether the dtype is a floating one."""
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        """Whether the dtype is a complex one."""
        return self.dtype.is_complex

    def is_signed(self) -> bool:
        """Whether the dtype has negative numbers."""
        return self.dtype.is_signed

    # ---- autograd

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are recorded for it."""
        return is_tracked(self)

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value and not (self.dtype.is_floating_point or self.dtype.is_complex):
            raise RuntimeError(
                f"only Tensors of floating point and complex dtype can require gradients, this one is {self.dtype}"
            )
        if not value and self._node is not None:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a computed "
                "variable in a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
            )
        self._requires_grad = bool(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Sets `requires_grad` and returns the tensor."""
        self.requires_grad = requires_grad
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user, and not by an op that is recorded."""
        return not is_tracked(self) or self._node is None

    @property
    def grad_fn(self) -> Any:
        """The node of the tape that made it; None for a leaf."""
        return edge_of(self) if is_tracked(self) and not self.is_leaf else None

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward` added up; None before."""
        if isinstance(state.mode, Mode):
            state.mode.touch_grad(self, reads=True)
        return self.__dict__.get("_grad")

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"assigned grad expected to be a Tensor or None but got {type(value).__name__}"
                )
            if value.shape != self.shape:
                raise RuntimeError(
                    f"assigned grad has shape {list(value.shape)}, the tensor has {list(self.shape)}"
                )
            if value._backend is not self._backend and value.device != self.device:
                raise MixedDevicesError(
                    "assignment to .grad", [("the tensor", self), ("the gradient", value)]
                )
        if isinstance(state.mode, Mode):
            state.mode.touch_grad(self, reads=False)
        self.__dict__["_grad"] = value

    @grad.deleter
    def grad(self) -> None:
        self.grad = None

    @property
    def data(self) -> Tensor:
        """The same array without the tape, and with versions of its own."""
        _touch(self)
        new = alias(self)
        new._node, new._requires_grad, new._view, new._cell = None, False, None, None
        return new

    @data.setter
    def data(self, value: Tensor) -> None:
        _touch(self)
        self._array, self._backend = value._array, value._backend

    @property
    def _version(self) -> int:
        return 0 if self._cell is None else self._cell[0]

    @property
    def _base(self) -> Tensor | None:
        return None if self._view is None else self._view.base

    def _is_view(self) -> bool:
        return self._view is not None

    def detach(self) -> Tensor:
        """The same values, outside the tape; in-place writes to it are seen by version checks."""
        _touch(self)
        new = alias(self)
        new._node, new._requires_grad, new._view = None, False, None
        return new

    def detach_(self) -> Tensor:
        """Takes the tensor itself off the tape."""
        self._node, self._requires_grad, self._view = None, False, None
        return self

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Adds the gradient of this tensor to `.grad` of the leaves it was computed from."""
        from facula.autograd import backward

        backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Any:
        """Calls `hook(grad)` when the gradient is known; what it returns replaces it."""
        from facula.autograd.hooks import register_hook

        return register_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> Any:
        """Calls `hook(tensor)` whenever `.grad` of this leaf has been added to."""
        from facula.autograd.hooks import register_post_accumulate_grad_hook

        return register_post_accumulate_grad_hook(self, hook)

    def retain_grad(self) -> None:
        """Makes `backward` fill `.grad` of this non-leaf tensor as well: of what it holds at the end, if it is written.

        Raises RuntimeError for a tensor that does not require grad.
        """
        if not is_tracked(self):
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self._node is None or self.retains_grad:
            return
        self.retains_grad = True
        me = weakref.ref(self)

        def keep(grad: Tensor) -> None:
            tensor = me()
            if tensor is not None:
                # `grad` goes on to the rules of other ops, or may be one number in all places.
                tensor.grad = grad.clone() if tensor.grad is None else tensor.grad + grad

        from facula.autograd.hooks import add_last_hook

        add_last_hook(self, keep)

    retains_grad = False

    # ---- values

    def numpy(self, *, force: bool = False) -> Any:
        """The values as a NumPy array; on the CPU it shares their memory.

        Raises RuntimeError for a tensor that requires grad, unless `force=True`.
        """
        if not force and is_tracked(self):
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
            )
        if not force and not self.is_cpu:
            raise TypeError(
                f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first."
            )
        _touch(self)
        return self._backend.to_numpy(self._array)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        array = self.numpy()
        return array if dtype is None else array.astype(dtype)

    def __dlpack__(self, **options: Any) -> Any:
        """The memory of a CPU tensor, for other libraries. Raises BufferError for a tensor that requires grad."""
        if is_tracked(self):
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return self.numpy().__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.numpy(force=True).__dlpack_device__()

    def item(self) -> Any:
        """The value of a tensor of one element, as a Python number."""
        if self.numel() != 1:
            raise RuntimeError(
                f"a Tensor with {self.numel()} elements cannot be converted to Scalar"
            )
        _touch(self)
        value = self._backend.to_numpy(self._array).item()
        return float(value) if self.dtype.is_floating_point else value

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        _touch(self)
        array = self._backend.to_numpy(self._array)
        if self.dtype.name in ("bfloat16",):
            array = array.astype(np.float32)
        return array.tolist()

    def __bool__(self) -> bool:
        if self.numel() != 1:
            raise RuntimeError(
                f"Boolean value of Tensor with {'no values' if self.numel() == 0 else 'more than one value'} is ambiguous"
            )
        return bool(self.item())

    def __int__(self) -> int:
        return int(self._only_element())

    def __float__(self) -> float:
        return float(self._only_element())

    def __complex__(self) -> complex:
        return complex(self._only_element())

    def _only_element(self) -> Any:
        if self.numel() != 1:
            raise ValueError(
                f"only one element tensors can be converted to Python scalars, this one has shape {list(self.shape)}"
            )
        return self.item()

    def __index__(self) -> int:
        if self.dtype.category > 1 or self.numel() != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __len__(self) -> int:
        if not self._array.shape:
            raise TypeError("len() of a 0-d tensor")
        return self._array.shape[0]  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[Tensor]:
        if not self._array.shape:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    def __format__(self, spec: str) -> str:
        if self.ndim == 0 and not self.is_meta:
            return format(self.item(), spec)
        return object.__format__(self, spec)

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        from facula.printing import tensor_repr

        return tensor_repr(self)

    # ---- copies

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """The name of the tensor's type, as 'facula.FloatTensor' or 'facula.toy.FloatTensor'; with a dtype (or such
        a name) the tensor cast to it (and moved).
        """
        from facula.construct import LEGACY

        if dtype is None:
            place = "" if self.is_cpu else f"{self.device.type}."
            return f"facula.{place}{LEGACY[self.dtype.name]}"
        if not isinstance(dtype, str):
            return self.to(getattr(dtype, "dtype", dtype), non_blocking=non_blocking)
        names, parts = {v: k for k, v in LEGACY.items()}, dtype.split(".")
        if parts[-1] not in names or len(parts) not in (2, 3):
            raise ValueError(
                f"invalid type: '{dtype}'; expected a name such as 'facula.FloatTensor'"
            )
        place = parts[1] if len(parts) == 3 else "cpu"
        return self.to(place, as_dtype(names[parts[-1]]), non_blocking)

    def cpu(self, memory_format: Any = None) -> Tensor:
        """The tensor on the CPU; itself where it is there already."""
        return self.to("cpu", memory_format=memory_format)

    def cuda(
        self, device: Any = None, non_blocking: bool = False, memory_format: Any = None
    ) -> Tensor:
        """The tensor on a CUDA device: the first, or the one of that name or number.

        Raises RuntimeError where there is none, and for a device of another type.
        """
        from facula._device import cuda_device

        return self.to(cuda_device(device), non_blocking=non_blocking, memory_format=memory_format)

    def new_tensor(
        self,
        data: Any,
        *,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
    ) -> Tensor:
        """A tensor with a copy of `data`, in the dtype and on the device of this one."""
        from facula.construct import tensor

        return tensor(
            data,
            dtype=dtype or self.dtype,
            device=device or self.device,
            requires_grad=requires_grad,
            pin_memory=pin_memory,
        )

    def new(self, *args: Any, device: Any = None) -> Tensor:
        """The old constructor: of sizes (uninitialised), or of data, in the dtype and on the device of this tensor."""
        from facula import construct

        make = getattr(construct, construct.LEGACY[self.dtype.name])
        return make(*args, device=device or self.device)  # type: ignore[no-any-return]

    def apply_(self, callable: Callable[[Any], Any]) -> Tensor:
        """Replaces each element by `callable(element)`; slow, and on the CPU only, as in PyTorch."""
        return self._map_elements("apply_", callable)

    def map_(self, tensor: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
        """Replaces each element by `callable(element, other)`, with `tensor` broadcast to this one."""
        return self._map_elements("map_", callable, tensor)

    def map2_(self, x: Tensor, y: Tensor, callable: Callable[[Any, Any, Any], Any]) -> Tensor:
        """Replaces each element by `callable(element, of x, of y)`."""
        return self._map_elements("map2_", callable, x, y)

    def _map_elements(self, name: str, function: Callable[..., Any], *others: Tensor) -> Tensor:
        from facula.construct import tensor

        if self.requires_grad or any(t.requires_grad for t in others):
            raise RuntimeError(
                f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() instead."
            )
        if not self.is_cpu:
            raise TypeError(
                f"{name} is only implemented on CPU tensors, this one is on {self.device}"
            )
        columns = [t.expand(self.shape).reshape(-1).tolist() for t in (self, *others)]
        return self.copy_(
            tensor([function(*row) for row in zip(*columns)], dtype=self.dtype).reshape(self.shape)
        )

    def get_device(self) -> int:
        """The number of the device among those of its type; -1 for a type of which there is only one."""
        return -1 if self.device.index is None else self.device.index

    def is_conj(self) -> bool:
        """Always False: `conj` computes at once."""
        return False

    is_neg = is_inference = is_distributed = is_conj

    def is_nonzero(self) -> bool:
        """Whether the one element is not zero."""
        return bool(self)

    def is_same_size(self, other: Tensor) -> bool:
        """Whether the shapes are equal."""
        return self.shape == other.shape

    def is_set_to(self, tensor: Tensor) -> bool:
        """Whether both are the same place in memory, with the same shape and strides."""
        return (
            self.shape == tensor.shape
            and self.stride() == tensor.stride()
            and self.data_ptr() == tensor.data_ptr()
        )

    def pin_memory(self, device: Any = None) -> Tensor:
        """The CPU tensor in page-locked memory, from which the accelerator (or `device`) copies faster.

        The tensor itself where it is there already, or where that device has no such memory. Raises
        RuntimeError for a tensor of another device, and where there is no accelerator.
        """
        from facula.backends.pinning import pin

        return pin(self, device)  # type: ignore[no-any-return]

    def is_pinned(self, device: Any = None) -> bool:
        """Whether the tensor is in page-locked memory of the accelerator (or of `device`)."""
        from facula.backends.pinning import is_pinned

        return is_pinned(self, device)

    def to_dense(self, dtype: Any = None, *, masked_grad: Any = None) -> Tensor:
        """The tensor itself, as all are dense; cast where `dtype` is given."""
        return self if dtype is None else self.to(dtype)

    def sum_to_size(self, *size: Any) -> Tensor:
        """The sum over all dimensions in which `size`, which can be broadcast to this shape, is 1 or lacks."""
        from facula.ops.dims import as_size

        target = tuple(as_size(size))
        shape = self.shape[len(self.shape) - len(target) :] if len(target) <= self.ndim else ()
        if len(shape) != len(target) or any(n not in (1, m) for n, m in zip(target, shape)):
            raise RuntimeError(
                f"size {{{list(target)}}} is not expandable to size {{{list(self.shape)}}}."
            )
        return OPS["sum_to"].call(self, target)  # type: ignore[no-any-return]

    def adjoint(self) -> Tensor:
        """The conjugate of the last two dimensions swapped."""
        return self.mH

    def narrow_copy(self, dim: int, start: int, length: int) -> Tensor:
        """A copy of what `narrow` gives."""
        return self.narrow(dim, start, length).clone()

    def split_with_sizes(self, split_sizes: Any, dim: int = 0) -> tuple[Tensor, ...]:
        """As `split` with a list."""
        return self.split(split_sizes, dim)

    def resize_as_(self, the_template: Tensor, memory_format: Any = None) -> Tensor:
        """`resize_` to the shape of another tensor."""
        return self.resize_(the_template.shape)

    def cov(
        self, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
    ) -> Tensor:
        """See `facula.cov`."""
        from facula.statistics import cov

        return cov(self, correction=correction, fweights=fweights, aweights=aweights)

    def corrcoef(self) -> Tensor:
        """See `facula.corrcoef`."""
        from facula.statistics import corrcoef

        return corrcoef(self)

    def new_empty_strided(self, size: Any, stride: Any, **options: Any) -> Tensor:
        """An uninitialised tensor with these strides, in the dtype and on the device of this one."""
        from facula.construct import empty_strided

        return empty_strided(size, stride, **{"dtype": self.dtype, "device": self.device} | options)

    def set_(self, source: Tensor) -> Tensor:
        """Makes this tensor stand for the memory, shape and strides of `source`, of the same dtype."""
        if source._array.dtype is not self._array.dtype:
            raise RuntimeError(f"set_: the source is {source.dtype}, this tensor {self.dtype}")
        self._array, self._backend = source._array, source._backend
        return self

    def data_ptr(self) -> int:
        """The address of the first element, where the device's memory has addresses."""
        interface = getattr(self._array, "__array_interface__", None) or getattr(
            self._array, "__cuda_array_interface__", None
        )
        return interface["data"][0] if interface else id(self._array)

    def share_memory_(self) -> Tensor:
        """Moves the values into memory that processes forked from this one share; on the CPU only."""
        if self.is_cpu and self.numel() and not self.is_shared():
            import mmap

            shared = np.frombuffer(mmap.mmap(-1, self.nbytes), self._array.dtype).reshape(
                self._array.shape
            )
            shared[...] = self._array
            self._array = shared
        return self

    def is_shared(self) -> bool:
        """Whether `share_memory_` moved the values."""
        import mmap

        memory = self._array
        while isinstance(memory, np.ndarray):
            memory = memory.base
        return isinstance(getattr(memory, "obj", memory), mmap.mmap)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment"
            )
        if id(self) in memo:
            return memo[id(self)]  # type: ignore[no-any-return]
        new: Tensor = self.detach().clone().as_subclass(type(self))
        new._requires_grad = self._requires_grad
        memo[id(self)] = new
        if self.grad is not None:
            new.grad = self.grad.__deepcopy__(memo)
        return new

    def __copy__(self) -> Tensor:
        new: Tensor = self.detach().as_subclass(type(self))
        new._requires_grad = self._requires_grad and self.is_leaf
        return new

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self._backend.has_values:
            array = self._backend.to_numpy(self._array)
        else:
            array = (tuple(self._array.shape), self.dtype.name)
        return (
            _rebuild,
            (type(self), array, str(self.device), self._requires_grad and self.is_leaf),
        )

    def as_subclass(self, cls: Any) -> Any:
        """The same tensor as an instance of a subclass of Tensor."""
        new: Any = object.__new__(cls)
        for slot in ("_array", "_backend", "_node", "_requires_grad", "_view", "_cell"):
            setattr(new, slot, getattr(self, slot))
        return new

    @property
    def real(self) -> Tensor:
        """The real part, a view; of a real tensor the tensor itself."""
        return OPS["real"](self)  # type: ignore[no-any-return]

    @real.setter
    def real(self, value: Any) -> None:
        self.real.copy_(value)

    @property
    def imag(self) -> Tensor:
        """The imaginary part, a view. Raises RuntimeError for a real tensor."""
        return OPS["imag"](self)  # type: ignore[no-any-return]

    @imag.setter
    def imag(self, value: Any) -> None:
        self.imag.copy_(value)

    @property
    def T(self) -> Tensor:
        """The dimensions in reverse order, a view."""
        return OPS["permute"].call(self, tuple(range(len(self._array.shape)))[::-1])  # type: ignore[no-any-return]

    @property
    def mT(self) -> Tensor:
        """The last two dimensions swapped, a view."""
        if len(self._array.shape) < 2:
            raise RuntimeError(
                f"tensor.mT is only supported on matrices or batches of matrices. Got {self.ndim}-D tensor."
            )
        return OPS["transpose"].call(self, -2, -1)  # type: ignore[no-any-return]

    @property
    def H(self) -> Tensor:
        """The conjugate transpose of a matrix. Raises RuntimeError for other than 0 or 2 dimensions."""
        if len(self._array.shape) not in (0, 2):
            raise RuntimeError(
                f"tensor.H is only supported on matrices (2-D tensors). Got {self.ndim}-D tensor."
            )
        return self.T.conj()

    @property
    def mH(self) -> Tensor:
        """The conjugate of `mT`."""
        return self.mT.conj()

    def where(self, condition: Tensor, other: Any) -> Tensor:
        """This tensor's elements where `condition` is true, else those of `other`."""
        return OPS["where"](condition, self, other)  # type: ignore[no-any-return]

    def resize_(self, *sizes: Any, memory_format: Any = None) -> Tensor:
        """Another shape over the same elements; where there are too few, zeros follow them."""
        from facula.ops.dims import as_size

        if self._requires_grad:
            raise RuntimeError("cannot resize variables that require grad")
        size = as_size(sizes)
        count, flat = Size(size).numel(), self.detach().reshape(-1)
        if count > self.numel():
            flat = OPS["cat"]([flat, self.new_zeros(count - self.numel())])
        self._array = flat[:count].reshape(size)._array
        return self

    def fill_diagonal_(self, fill_value: Any, wrap: bool = False) -> Tensor:
        """Writes `fill_value` on the main diagonal; `wrap` begins it again below in a tall matrix."""
        shape = self._array.shape
        if len(shape) < 2:
            raise RuntimeError("dimensions must larger than 1")
        if len(shape) > 2 and len(set(shape)) != 1:
            raise RuntimeError("all dimensions of input must be of equal length")
        step = sum(self.stride())
        tall = wrap and len(shape) == 2 and shape[0] > shape[1] + 1
        count = -(-self.numel() // (shape[1] + 1)) if tall else min(shape)
        OPS["as_strided"](self, (count,), (step,))[...] = fill_value
        return self

    def __setitem__(self, index: Any, value: Any) -> None:
        from facula.ops.subscript import assign

        assign(self, index, value)


def _getitem() -> Callable[..., Any]:
    from facula.ops.subscript import getitem

    return getitem


_install_lazily("__getitem__", _getitem)


def _rebuild(cls: type, array: Any, device: str, requires_grad: bool) -> Tensor:
    import facula

    if isinstance(array, tuple):  # of a device that has no values
        made = facula.empty(array[0], dtype=as_dtype(array[1]), device=device)
    else:
        made = facula.from_numpy(array).to(device)
    new = made.as_subclass(cls)
    new._requires_grad = requires_grad
    return new  # type: ignore[no-any-return]


class Parameter(Tensor):
    """A tensor that a Module registers as its parameter; it requires grad unless told otherwise."""

    __slots__ = ()

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Any:
        import facula

        data = facula.empty(0) if data is None else data
        new = data.detach().as_subclass(cls)
        new._cell = None
        new.requires_grad = requires_grad
        return new

    def __repr__(self) -> str:
        return "Parameter containing:\n" + Tensor.__repr__(self)


def _operator(name: str, op_name: str, reflected: bool = False) -> None:
    _install_lazily(name, lambda: _reflected(op_name) if reflected else _forward(op_name))


_OPERANDS = (bool, int, float, complex, np.generic, np.ndarray)


def _forward(op_name: str) -> Callable[..., Any]:
    """The recorded function itself: an operator costs no frame more than it."""
    return OPS[op_name].call


def _reflected(op_name: str) -> Callable[..., Any]:
    from facula.autograd.record import run

    op = OPS[op_name]

    def function(self: Tensor, other: Any) -> Any:
        if not isinstance(self, Tensor):
            raise TypeError(
                f"reflected '{op_name}' is a method of Tensor, it got a {type(self).__name__}"
            )
        if not isinstance(other, _OPERANDS) and not isinstance(other, Tensor):
            return NotImplemented
        return run(op, (other, self), ()) if op.is_node else op.call(other, self)

    return function


for _name, _op_name in {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide", "mod": "remainder",
    "pow": "pow", "matmul": "matmul", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
    "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
}.items():  # fmt: skip
    _operator(f"__{_name}__", _op_name)
    _operator(f"__r{_name}__", _op_name, reflected=True)


def _equality(op_name: str) -> Callable[..., Any]:
    call = OPS[op_name].call

    def function(self: Tensor, other: Any) -> Any:
        """Elementwise; for what is no tensor and no number Python compares the objects, as for `t == None`."""
        if isinstance(other, (Tensor, _OPERANDS)):
            return call(self, other)
        return NotImplemented

    return function


for _name in ("eq", "ne"):
    _install_lazily(f"__{_name}__", lambda name=_name: _equality(name))  # type: ignore[misc]
for _name in ("lt", "le", "gt", "ge", "neg", "abs"):
    _operator(f"__{_name}__", _name)
_operator("__invert__", "bitwise_not")
_operator("__pos__", "positive")
_operator("__rdiv__", "div", reflected=True)


def _inplace_operator(name: str, method: str) -> None:
    setattr(Tensor, name, lambda self, other: getattr(self, method)(other))


for _name, _op_name in {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide", "mod": "remainder",
    "pow": "pow", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
    "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
}.items():  # fmt: skip
    _inplace_operator(f"__i{_name}__", _op_name + "_")

subscribe(install_methods)
