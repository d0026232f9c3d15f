"""Views and shapes: views share memory with their input, and cost nothing."""

from __future__ import annotations

import builtins
from math import prod
from sys import getrefcount
from typing import Any

import numpy as np

from facula.dtypes import I64, category, dtype as Dtype
from facula.errors import OutOfBoundsError
from facula.ops._op import Namespace, Tensor, Tensors, leaf, op
from facula.ops.dims import as_size, broadcast_shapes, infer_size, view_strides, wrap_dim, wrap_dims
from facula.ops.view_dtype import view_dtype
from facula.testing.samples import call

# ---- view leaves, in canonical form: dimensions counted from the front, sizes worked out


@leaf(view=True)
def view(xp: Namespace, input: Tensor, size: Any) -> Tensor:
    """`input` in another shape, over the same memory; one size may be -1, and is worked out.

    With a dtype in place of sizes: the same bytes as elements of that dtype, through which no gradient goes.
    Raises RuntimeError where memory order does not allow it without a copy: use `reshape` there.
    """


def _put_in_order(x: Any) -> bool:
    """Gives a tensor row-major memory where a kernel chose another order and nobody else sees that memory.

    A convolution may lay its result out with channels last, on devices whose arrays are NumPy's; what
    PyTorch's programs do with the result, `view` it, is to work there too.
    """
    array, kept = x._array, getattr(x._node, "kept", None) or ()
    if x._view is not None or array.__class__ is not np.ndarray:
        return False
    known = 3 + sum(
        k.__class__ is tuple and bool(k) and k[0] is array for k in kept
    )  # x, `array`, the call
    if getrefcount(array) > known or (array.base is not None and getrefcount(array.base) > 2):
        return False
    x._array = np.ascontiguousarray(array)
    return True


@view.public
def view(input: Any, *size: Any, dtype: Any = None) -> Any:
    if dtype is not None or (size and isinstance(size[0], Dtype)):
        return view_dtype(input, *size, *([] if dtype is None else [dtype]))
    shape = input._array.shape
    wanted = infer_size(as_size(size), prod(shape), shape)
    backend = input._backend
    is_contiguous = backend.is_contiguous(input._array)
    fits = is_contiguous or view_strides(shape, backend.strides(input._array), wanted) is not None
    if not fits and not _put_in_order(input):
        raise RuntimeError(
            f"view size {list(wanted)} is not compatible with input tensor's size {list(shape)} and stride "
            f"{list(backend.strides(input._array))} (at least one dimension spans across two contiguous "
            f"subspaces). Use .reshape(...) instead."
        )
    return view.call(input, wanted)


view.vjp(input=lambda xp, g, input_shape: xp.reshape(g, input_shape))


@view.sample
def view(make: Any) -> Any:
    yield call(make(2, 6), 3, 4)
    yield call(make(2, 6), (-1, 2))
    yield call(make(), 1, 1)
    yield call(make(0, 3), 3, 0)


@leaf(view=True)
def expand(xp: Namespace, input: Tensor, size: Any) -> Tensor:
    """`input` repeated along dimensions of size 1 (and new ones in front), without a copy.

    -1 keeps a size. Raises RuntimeError where another size is to change.
    """


@expand.public
def expand(input: Any, *size: Any, implicit: bool = False) -> Any:
    shape = input._array.shape
    wanted = as_size(size)
    lead = len(wanted) - len(shape)
    if lead < 0:
        raise RuntimeError(
            f"expand: the number of sizes provided ({len(wanted)}) must be greater or equal to the number of "
            f"dimensions in the tensor ({len(shape)}); input shape {tuple(shape)}, sizes {tuple(wanted)}"
        )
    out = []
    for i, n in enumerate(wanted, -lead):
        if i < 0 or shape[i] in (1, n):
            if n < 0 and (i < 0 or n != -1):
                raise RuntimeError(
                    f"expand: the expanded size ({n}) isn't allowed in a leading, non-existing dimension"
                )
            out.append(shape[i] if n == -1 else n)
        elif n == -1:
            out.append(shape[i])
        else:
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({shape[i]}) at non-singleton "
                f"dimension {i + lead}.  Target sizes: {list(wanted)}.  Tensor sizes: {list(shape)}"
            )
    return expand.call(input, tuple(out))


expand.vjp(input=lambda xp, g: g)  # the tape sums it to the input's shape


@expand.sample
def expand(make: Any) -> Any:
    yield call(make(3, 1), 2, 3, 4)
    yield call(make(3, 1), (-1, 4))
    yield call(make(), 2, 0)


@leaf(view=True)
def permute(xp: Namespace, input: Tensor, dims: Any) -> Tensor:
    """`input` with its dimensions in the order `dims`."""


@permute.public
def permute(input: Any, *dims: Any) -> Any:
    dims = as_size(dims)
    ndim = len(input._array.shape)
    if len(dims) != ndim:
        raise RuntimeError(
            f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the "
            f"desired ordering of dimensions i.e. input.dim() = {ndim} is not equal to len(dims) = {len(dims)}"
        )
    if sorted(dims) == list(range(ndim)):
        return permute.call(input, dims)
    order = tuple([wrap_dim(d, ndim) for d in dims])
    if len(set(order)) != ndim:
        raise RuntimeError(f"permute(dims): duplicate dims are not allowed, got {list(dims)}")
    return permute.call(input, order)


def _inverse(dims: Any) -> tuple[int, ...]:
    return tuple(sorted(range(len(dims)), key=dims.__getitem__))


permute.vjp(input=lambda xp, g, dims: xp.permute(g, _inverse(dims)))


@permute.sample
def permute(make: Any) -> Any:
    yield call(make(2, 3, 4), 2, 0, -2)
    yield call(make(2, 3), (1, 0))
    yield call(make(), ())


def _embedded(view_op: Any) -> Any:
    """The gradient of a view onto a part: zeros with `g` written through that view."""

    def rule(xp: Any, g: Any, input_shape: Any, *options: Any) -> Any:
        return xp.write_view(xp.full(input_shape, 0, g.dtype), g, ((view_op, options),))

    return rule


@leaf(view=True, method=False)
def slice(xp: Namespace, input: Tensor, dim: int, start: int, stop: int, step: int) -> Tensor:
    """Elements `start` to `stop - 1` of dimension `dim`, every `step`th."""


slice.vjp(
    input=lambda xp, g, input_shape, dim, start, stop, step: _embedded(slice)(
        xp, g, input_shape, dim, start, stop, step
    )
)


@slice.sample
def _(make: Any) -> Any:
    yield call(make(2, 6), 1, 1, 6, 2)
    yield call(make(3), 0, 2, 2, 1)


@leaf(view=True)
def select(xp: Namespace, input: Tensor, dim: int, index: int) -> Tensor:
    """Element `index` of dimension `dim`, which is dropped. Raises IndexError out of range."""


@select.public
def select(input: Any, dim: int, index: int) -> Any:
    shape = input._array.shape
    if not shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim, index = wrap_dim(dim, len(shape)), int(index)
    if not -shape[dim] <= index < shape[dim]:
        raise OutOfBoundsError(
            f"select(): index {index} out of range for tensor of size {list(shape)} at dimension {dim}"
        )
    return select.call(input, dim, index % shape[dim])


select.vjp(
    input=lambda xp, g, input_shape, dim, index: _embedded(select)(xp, g, input_shape, dim, index)
)


@select.sample
def select(make: Any) -> Any:
    yield call(make(3, 4), 0, 1)
    yield call(make(3, 4), -1, -2)


@leaf(view=True)
def diagonal(xp: Namespace, input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of dimensions `dim1` and `dim2`, as the last dimension; `offset` > 0 lies above it."""


@diagonal.public
def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    ndim = len(input._array.shape)
    a, b = wrap_dim(dim1, ndim), wrap_dim(dim2, ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return diagonal.call(input, offset, a, b)


diagonal.vjp(
    input=lambda xp, g, input_shape, offset, dim1, dim2: _embedded(diagonal)(
        xp, g, input_shape, offset, dim1, dim2
    )
)


@diagonal.sample
def diagonal(make: Any) -> Any:
    yield call(make(3, 4))
    yield call(make(3, 4), -1)
    yield call(make(2, 3, 4), 1, 2, 0)
    yield call(make(2, 3), 5)


@leaf(view=True)
def unfold(xp: Namespace, input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Windows of `size` elements of `dimension`, `step` apart, as a new last dimension."""


@unfold.public
def unfold(input: Any, dimension: int, size: int, step: int) -> Any:
    shape = input._array.shape
    if not shape:
        input, shape = unsqueeze.call(input, 0), (1,)
        if size == 1:
            return input
    dim = wrap_dim(dimension, len(shape))
    if size < 0 or size > shape[dim]:
        raise RuntimeError(
            f"maximum size for tensor at dimension {dim} is {shape[dim]} but size is {size}"
        )
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    return unfold.call(input, dim, size, step)


def _unfold_rule(xp: Any, g: Any, input_shape: Any, dimension: int, size: int, step: int) -> Any:
    last = len(input_shape)
    order = [i for i in range(last) if i != dimension]
    order[dimension:dimension] = [dimension, last]
    g = xp.permute(g, tuple(order))
    count = g.shape[dimension]
    g = xp.reshape(g, (*input_shape[:dimension], count * size, *input_shape[dimension + 1 :]))
    starts = xp.view(xp.sequence(0, step, count, I64), (count, 1))
    at = xp.reshape(starts + xp.sequence(0, 1, size, I64), (count * size,))
    return xp.index_add(xp.full(input_shape, 0, g.dtype), dimension, at, g)


unfold.vjp(input=_unfold_rule)


@unfold.sample
def unfold(make: Any) -> Any:
    yield call(make(7), 0, 3, 2)
    yield call(make(3, 5), 1, 2, 1)
    yield call(make(4, 2), 0, 2, 2)


# ---- writes


@op(arithmetic=False, method=False)
def write_view(xp: Namespace, input: Tensor, value: Tensor, chain: Any) -> Tensor:
    """`input` with `value` written through a chain of views."""
    out = xp.copy(input)
    xp.write(_follow(xp, out, chain), value)
    return out


def _follow(xp: Namespace, x: Any, chain: Any) -> Any:
    for view_op, options in chain:
        x = getattr(xp, view_op.name)(x, *options)
    return x


def _write_rule(xp: Namespace, g: Any, value_shape: Any, chain: Any) -> Any:
    return xp.write_view(g, xp.full(value_shape, 0, g.dtype), chain)


write_view.vjp(input=_write_rule, value=lambda xp, g, chain: _follow(xp, g, chain))


@op(arithmetic=False, method=False)
def with_value(xp: Namespace, input: Tensor, value: Tensor) -> Tensor:
    """`value`, with the gradient of `input`: memory that was written unseen by the tape."""
    return xp.clone(value)


with_value.vjp(input=lambda xp, g: g)


@op(method=False)
def sum_to(xp: Namespace, input: Tensor, size: Any) -> Tensor:
    """Sum over the dimensions that broadcasting `size` to `input`'s shape added."""
    lead = len(input.shape) - len(size)
    dims = tuple(range(lead)) + tuple(
        lead + i for i, n in enumerate(size) if n == 1 and input.shape[lead + i] != 1
    )
    return xp.reshape(xp.sum(input, dims, True), size) if dims else input


# ---- shapes


@op(alias=True, arithmetic=False)
def contiguous(xp: Namespace, input: Tensor, memory_format: Any = None) -> Tensor:
    """`input` where it is contiguous, else a contiguous copy."""
    return input if xp.is_contiguous(input) else xp.clone(input)


@contiguous.public
def contiguous(input: Any, *, memory_format: Any = None) -> Any:
    return contiguous.call(input)


@contiguous.sample
def contiguous(make: Any) -> Any:
    yield call(make(2, 3))


@op(alias=True, arithmetic=False)
def reshape(xp: Namespace, input: Tensor, shape: Any) -> Tensor:
    """`input` in another shape: a view where memory order allows it, else a copy.

    One size may be -1; it is worked out.
    """
    given = input.shape
    size = infer_size(shape, prod(given), given)
    if not xp.is_contiguous(input) and view_strides(given, xp.strides(input), size) is None:
        input = xp.clone(input)
    return xp.view(input, size)


@reshape.public
def reshape(input: Any, *shape: Any) -> Any:
    size = as_size(shape)
    array = input._array
    if input._backend.is_contiguous(array):  # most are, and then it is a view
        given = array.shape
        return view.call(input, infer_size(size, prod(given), given))
    return reshape.call(input, size)


@reshape.sample
def reshape(make: Any) -> Any:
    yield call(make(2, 6), (3, 4))
    yield call(make(2, 6), -1)
    yield call(make(), (1,))


@op(view=True, inplace=True)
def transpose(xp: Namespace, input: Tensor, dim0: int, dim1: int) -> Tensor:
    """`input` with two dimensions swapped."""
    dims = list(range(len(input.shape)))
    a, b = wrap_dim(dim0, len(dims)), wrap_dim(dim1, len(dims))
    if not dims:
        return xp.permute(input, ())
    dims[a], dims[b] = dims[b], dims[a]
    return xp.permute(input, tuple(dims))


transpose.alias_as("swapaxes", "swapdims")


@transpose.sample
def transpose(make: Any) -> Any:
    yield call(make(2, 3, 4), 0, -1)
    yield call(make(2, 3), dim0=1, dim1=0)
    yield call(make(), 0, -1)


@op(view=True, inplace=True)
def t(xp: Namespace, input: Tensor) -> Tensor:
    """The transpose of a matrix; vectors and scalars as they are. Raises RuntimeError over 2 dimensions."""
    ndim = len(input.shape)
    if ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {ndim}D")
    return xp.permute(input, (1, 0) if ndim == 2 else tuple(range(ndim)))


@t.sample
def t(make: Any) -> Any:
    yield call(make(2, 3))
    yield call(make(3))
    yield call(make())


@op(view=True)
def movedim(xp: Namespace, input: Tensor, source: Any, destination: Any) -> Tensor:
    """`input` with the dimensions `source` moved to the places `destination`, the others in order."""
    ndim = len(input.shape)
    given = [source] if isinstance(source, int) else list(source)
    wanted = [destination] if isinstance(destination, int) else list(destination)
    if len(given) != len(wanted):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({given} dims) should contain the same number "
            f"of dims as destination ({wanted} dims)"
        )
    for dims, name in ((given, "source"), (wanted, "destination")):
        dims[:] = [wrap_dim(d, ndim) for d in dims]
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({dims})")
    order = [i for i in range(ndim) if i not in given]
    for to, d in sorted(zip(wanted, given)):
        if ndim:
            order.insert(to, d)
    return xp.permute(input, tuple(order))


movedim.alias_as("moveaxis")


@movedim.sample
def movedim(make: Any) -> Any:
    yield call(make(2, 3, 4), 0, -1)
    yield call(make(2, 3, 4), (0, 2), (1, 0))


@op(view=True, inplace=True)
def unsqueeze(xp: Namespace, input: Tensor, dim: int) -> Tensor:
    """`input` with a dimension of size 1 put in at `dim`."""
    shape = input.shape
    at = wrap_dim(dim, len(shape) + 1)
    return xp.view(input, (*shape[:at], 1, *shape[at:]))


@unsqueeze.sample
def unsqueeze(make: Any) -> Any:
    yield call(make(2, 3), 1)
    yield call(make(2, 3), -1)
    yield call(make(), 0)


@op(view=True, inplace=True)
def squeeze(xp: Namespace, input: Tensor, dim: Any = None) -> Tensor:
    """`input` without its dimensions of size 1 (only those in `dim`, where given)."""
    shape = input.shape
    if dim is None:
        return xp.view(input, tuple([n for n in shape if n != 1]))
    dims = wrap_dims(dim, len(shape)) if isinstance(dim, int) or dim else ()
    return xp.view(input, tuple([n for i, n in enumerate(shape) if n != 1 or i not in dims]))


@squeeze.sample
def squeeze(make: Any) -> Any:
    yield call(make(1, 3, 1))
    yield call(make(1, 3, 1), 0)
    yield call(make(1, 3, 1), (0, 1))
    yield call(make(), 0)


@op(alias=True, arithmetic=False)
def flatten(xp: Namespace, input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """`input` with the dimensions from `start_dim` to `end_dim` made one."""
    shape = input.shape
    if not shape:
        return xp.reshape(input, (1,))
    a, b = wrap_dim(start_dim, len(shape)), wrap_dim(end_dim, len(shape))
    if a > b:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if a == b:
        return input
    return xp.reshape(input, (*shape[:a], prod(shape[a : b + 1]), *shape[b + 1 :]))


@flatten.sample
def flatten(make: Any) -> Any:
    yield call(make(2, 3, 2))
    yield call(make(2, 3, 2), 1)
    yield call(make(2, 3, 2), -3, 1)
    yield call(make())


@op(alias=True, arithmetic=False)
def ravel(xp: Namespace, input: Tensor) -> Tensor:
    """`input` as one dimension; a view where memory order allows it."""
    return xp.reshape(input, (-1,)) if 0 not in input.shape else xp.reshape(input, (0,))


@ravel.sample
def ravel(make: Any) -> Any:
    yield call(make(2, 3))
    yield call(make())


@op(view=True)
def unflatten(xp: Namespace, input: Tensor, dim: int, sizes: Any) -> Tensor:
    """`input` with dimension `dim` split into `sizes`, of which one may be -1."""
    shape = input.shape
    if not shape:
        shape, input = (1,), xp.view(input, (1,))
    at = wrap_dim(dim, len(shape))
    if not len(sizes):
        raise RuntimeError("unflatten: sizes must be non-empty")
    known = tuple(int(n) for n in sizes)
    try:
        inner = infer_size(known, shape[at], (shape[at],))
    except RuntimeError:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(known)} don't multiply up to the size of dim {at} ({shape[at]}) in "
            f"the input tensor"
        ) from None
    return xp.view(input, (*shape[:at], *inner, *shape[at + 1 :]))


@unflatten.sample
def unflatten(make: Any) -> Any:
    yield call(make(2, 6), 1, (2, -1))
    yield call(make(6), -1, (3, 2))


@op(view=True)
def narrow(xp: Namespace, input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """Elements `start` to `start + length - 1` of dimension `dim`."""
    shape = input.shape
    if not shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if hasattr(start, "_array") and (start.shape or category(start.dtype) != 1):
        raise RuntimeError(
            f"start must be an 0-dim integral Tensor, got {start.dtype} of shape {list(start.shape)}"
        )
    at, start, n = wrap_dim(dim, len(shape)), int(start), shape[wrap_dim(dim, len(shape))]
    if length < 0:
        raise RuntimeError(f"narrow(): length must be non-negative, got {length}")
    if not -n <= start <= n:
        raise IndexError(
            f"start out of range (expected to be in range of [{-n}, {n}], but got {start})"
        )
    start = start + n if start < 0 else start
    if start + length > n:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return xp.slice(input, at, start, start + length, 1)


@narrow.sample
def narrow(make: Any) -> Any:
    yield call(make(4, 3), 0, 1, 2)
    yield call(make(4, 3), 1, -2, 1)


@op(view=True)
def unbind(xp: Namespace, input: Tensor, dim: int = 0) -> Any:
    """A tuple of the slices along `dim`, without that dimension."""
    if not input.shape:
        raise RuntimeError("unbind: Dimension specified as 0 but tensor has no dimensions")
    at = wrap_dim(dim, len(input.shape))
    return tuple([xp.select(input, at, i) for i in range(input.shape[at])])


@unbind.sample
def unbind(make: Any) -> Any:
    yield call(make(3, 2))
    yield call(make(3, 2), -1)


@op(view=True, method=False)
def alias(xp: Namespace, input: Tensor) -> Tensor:
    """A view of the whole of `input`."""
    return (
        xp.view(input, tuple(input.shape))
        if xp.is_contiguous(input)
        else xp.permute(input, tuple(range(len(input.shape))))
    )


# ---- shapes of other tensors


@op(view=True)
def view_as(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """`input` viewed in the shape of `other`."""
    return xp.view(input, tuple(other.shape))


@view_as.public
def view_as(input: Any, other: Any) -> Any:
    return view(input, other._array.shape)


@op(alias=True, arithmetic=False)
def reshape_as(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """`input` in the shape of `other`; a view where memory order allows it."""
    return xp.reshape(input, tuple(other.shape))


@reshape_as.public
def reshape_as(input: Any, other: Any) -> Any:
    return reshape(input, other._array.shape)


@op(view=True)
def expand_as(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """`input` expanded to the shape of `other`."""
    return xp.expand(input, tuple(other.shape))


@expand_as.public
def expand_as(input: Any, other: Any) -> Any:
    return expand(input, other._array.shape)


@reshape_as.sample
def reshape_as(make: Any) -> Any:
    yield call(make(2, 3), make(3, 2, grad=False))


view_as.sample(reshape_as.samples)


@expand_as.sample
def expand_as(make: Any) -> Any:
    yield call(make(3, 1), make(2, 3, 4, grad=False))


@op(view=True)
def broadcast_to(xp: Namespace, input: Tensor, size: Any) -> Tensor:
    """`input` expanded to `size`."""
    return xp.expand(input, size)


@broadcast_to.public
def broadcast_to(input: Any, size: Any) -> Any:
    return expand(input, size)


@broadcast_to.sample
def broadcast_to(make: Any) -> Any:
    yield call(make(3, 1), (2, 3, 4))


def unpacked(tensors: Any) -> tuple[Any, ...]:
    """Varargs of tensors, or one list of them."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        return tuple(tensors[0])
    return tuple(tensors)


@op(view=True, method=False)
def broadcast_tensors(xp: Namespace, tensors: Tensors) -> Any:
    """A tuple of the tensors expanded to their common shape."""
    shape = broadcast_shapes(*[x.shape for x in tensors])
    return tuple([xp.expand(x, shape) for x in tensors])


@broadcast_tensors.public
def broadcast_tensors(*tensors: Any) -> Any:
    return broadcast_tensors.call(unpacked(tensors))


@broadcast_tensors.sample
def broadcast_tensors(make: Any) -> Any:
    yield call(make(3, 1), make(2))


# ---- any strides


@leaf(view=True, inplace=True, shape=lambda input, size, stride, storage_offset: size)
def as_strided(
    xp: Namespace, input: Tensor, size: Any, stride: Any, storage_offset: int = 0
) -> Tensor:
    """The memory of `input` read with the given sizes and strides, in elements.

    `storage_offset` counts from the start of the memory; left out, from the first element of `input`.
    """


@as_strided.public
def as_strided(input: Any, size: Any, stride: Any, storage_offset: Any = None) -> Any:
    size, stride = tuple(int(n) for n in size), tuple(int(n) for n in stride)
    if len(size) != len(stride):
        raise RuntimeError(
            f"mismatch in length of strides and shape: {list(stride)} and {list(size)}"
        )
    if builtins.min(stride, default=0) < 0:
        raise RuntimeError(
            f"as_strided: Negative strides are not supported at the moment, got strides: {list(stride)}"
        )
    offset = 0 if storage_offset is None else storage_offset - input._backend.offset(input._array)
    last = offset + builtins.sum((n - 1) * s for n, s in zip(size, stride))
    room = input._backend.room(input._array)
    if 0 not in size and not (-input._backend.offset(input._array) <= offset and last < room):
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset} are out of bounds for "
            f"storage with {room} elements"
        )
    return as_strided.call(input, size, stride, offset)


def _as_strided_rule(
    xp: Any, g: Any, input: Any, size: Any, stride: Any, storage_offset: int
) -> Any:
    """Adds `g` up in a stand-in for the memory, and reads that with the strides of `input`."""
    import numpy as np

    def places(shape: Any, strides: Any, start: int) -> Any:
        at = np.full(shape, start, np.int64)
        for d, (n, s) in enumerate(zip(shape, strides)):
            at += (np.arange(n) * s).reshape((n,) + (1,) * (len(shape) - d - 1))
        return at.ravel()

    mine = places(tuple(input.shape), xp.strides(input), 0)
    theirs = places(size, stride, storage_offset)
    low = builtins.min(mine.min(initial=0), theirs.min(initial=0))
    count = int(builtins.max(mine.max(initial=0), theirs.max(initial=0)) - low) + 1
    memory = xp.full((count,), 0, g.dtype)
    memory = xp.index_add(memory, 0, xp.asarray(theirs - low), xp.reshape(g, (prod(size),)))
    return xp.reshape(xp.index_select(memory, 0, xp.asarray(mine - low)), tuple(input.shape))


as_strided.vjp(input=_as_strided_rule)


@as_strided.sample
def as_strided(make: Any) -> Any:
    yield call(make(12), (3, 2), (2, 1))
    yield call(make(3, 4), (2, 2), (1, 4), 1)
