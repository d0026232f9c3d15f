"""Views and shapes: views share memory with their input, and cost nothing."""

from __future__ import annotations

import builtins
from math import prod
from typing import Any

from facula.autograd.mode import has_values
from facula.dtypes import I64, category
from facula.ops._op import OPS, Namespace, Tensor, Tensors, leaf, op
from facula.ops.dims import as_size, broadcast_shapes, infer_size, view_strides, wrap_dim, wrap_dims
from facula.testing.samples import call

# ---- view leaves, in canonical form: dimensions counted from the front, sizes worked out


@leaf(view=True)
def view(xp: Namespace, input: Tensor, size: Any) -> Tensor:
    """`input` in another shape, over the same memory; one size may be -1, and is worked out.

    Raises RuntimeError where memory order does not allow it without a copy: use `reshape` there.
    """


@view.public
def view(input: Any, *size: Any) -> Any:
    if size and not isinstance(size[0], (int, tuple, list)) and not hasattr(size[0], "_array"):
        return OPS["view_dtype"](input, size[0])
    shape = input._array.shape
    wanted = infer_size(as_size(size), prod(shape), shape)
    backend = input._backend
    is_contiguous = backend.is_contiguous(input._array)
    if not is_contiguous and view_strides(shape, backend.strides(input._array), wanted) is None:
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
                raise RuntimeError(f"expand: the expanded size ({n}) isn't allowed in a leading, non-existing dimension")
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
    input=lambda xp, g, input_shape, dim, start, stop, step: _embedded(slice)(xp, g, input_shape, dim, start, stop, step)
)


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
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(shape)} at dimension {dim}"
        )
    return select.call(input, dim, index % shape[dim])


select.vjp(input=lambda xp, g, input_shape, dim, index: _embedded(select)(xp, g, input_shape, dim, index))


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
    input=lambda xp, g, input_shape, offset, dim1, dim2: _embedded(diagonal)(xp, g, input_shape, offset, dim1, dim2)
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
        raise RuntimeError(f"maximum size for tensor at dimension {dim} is {shape[dim]} but size is {size}")
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
    return reshape.call(input, as_size(shape))


@reshape.sample
def reshape(make: Any) -> Any:
    yield call(make(2, 6), (3, 4))
    yield call(make(2, 6), -1)
    yield call(make(), (1,))


@op(view=True)
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


@op(view=True)
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


@op(view=True)
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


@op(view=True)
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
        raise RuntimeError(f"start must be an 0-dim integral Tensor, got {start.dtype} of shape {list(start.shape)}")
    at, start, n = wrap_dim(dim, len(shape)), int(start), shape[wrap_dim(dim, len(shape))]
    if length < 0:
        raise RuntimeError(f"narrow(): length must be non-negative, got {length}")
    if not -n <= start <= n:
        raise IndexError(f"start out of range (expected to be in range of [{-n}, {n}], but got {start})")
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
def split_with_sizes(xp: Namespace, input: Tensor, split_sizes: Any, dim: int = 0) -> Any:
    """A tuple of parts of the given sizes along `dim`."""
    shape = input.shape
    if not shape:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    at, out, start = wrap_dim(dim, len(shape)), [], 0
    if builtins.min(split_sizes, default=0) < 0 or builtins.sum(split_sizes) != shape[at]:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {shape[at]} (input tensor's size at dimension "
            f"{at}), but got split_sizes={list(split_sizes)}"
        )
    for n in split_sizes:
        out.append(xp.slice(input, at, start, start + n, 1))
        start += n
    return tuple(out)


@split_with_sizes.sample
def split_with_sizes(make: Any) -> Any:
    yield call(make(5, 2), [2, 3])
    yield call(make(2, 4), [0, 4], 1)


@op(view=True)
def split(xp: Namespace, input: Tensor, split_size_or_sections: Any, dim: int = 0) -> Any:
    """A tuple of parts along `dim`: all of one size but the last, or of the sizes given."""
    if not isinstance(split_size_or_sections, int):
        return xp.split_with_sizes(input, tuple(split_size_or_sections), dim)
    if not input.shape:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    size, n = split_size_or_sections, input.shape[wrap_dim(dim, len(input.shape))]
    if size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
    if size == 0 and n:
        raise RuntimeError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}")
    if n == 0:
        return xp.split_with_sizes(input, (0,), dim)
    return xp.split_with_sizes(input, (size,) * (n // size) + ((n % size,) if n % size else ()), dim)


@split.public
def split(input: Any, split_size: Any = None, dim: int = 0, **named: Any) -> Any:
    return split.call(input, named.get("split_size_or_sections", split_size), dim)


@split.sample
def split(make: Any) -> Any:
    yield call(make(5, 2), 2)
    yield call(make(2, 4), 2, 1)
    yield call(make(5), [1, 4])


@op(view=True)
def chunk(xp: Namespace, input: Tensor, chunks: int, dim: int = 0) -> Any:
    """At most `chunks` parts along `dim`, all of one size but the last."""
    if not input.shape:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = input.shape[wrap_dim(dim, len(input.shape))]
    if n == 0:
        return xp.split_with_sizes(input, (0,) * chunks, dim)
    return xp.split(input, -(-n // chunks), dim)


@chunk.sample
def chunk(make: Any) -> Any:
    yield call(make(5, 2), 2)
    yield call(make(2, 4), 3, -1)


@op(view=True, method=False)
def alias(xp: Namespace, input: Tensor) -> Tensor:
    """A view of the whole of `input`."""
    return xp.view(input, tuple(input.shape)) if xp.is_contiguous(input) else xp.permute(input, tuple(range(len(input.shape))))


# ---- joining


def _join_shape(tensors: Any, dim: int) -> tuple[int, ...]:
    first = tensors[0].shape
    return (*first[:dim], builtins.sum(t.shape[dim] for t in tensors), *first[dim + 1 :])


@leaf(promote="common", shape=_join_shape, arithmetic=False, method=False, inplace=False)
def join(xp: Namespace, tensors: Tensors, dim: int) -> Tensor:
    """Tensors of equal shape but for `dim`, one after another along it."""


def _join_rule(xp: Namespace, g: Any, tensors_shape: Any, dim: int) -> list[Any]:
    out, start = [], 0
    for shape in tensors_shape:
        out.append(xp.slice(g, dim, start, start + shape[dim], 1))
        start += shape[dim]
    return out


join.vjp(tensors=_join_rule)


@op(arithmetic=False, method=False)
def cat(xp: Namespace, tensors: Tensors, dim: int = 0) -> Tensor:
    """Tensors one after another along `dim`; their shapes agree but for that dimension.

    Empty tensors of one dimension are passed over. The dtype is the common one.
    """
    return xp.join(*_join_arguments(tensors, dim))


@cat.public
def cat(tensors: Any, dim: int = 0) -> Any:
    if hasattr(tensors, "_array"):
        raise TypeError("cat(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor")
    tensors, dim = _join_arguments(tuple(tensors), dim)
    return join.call(tensors, dim)


def _join_arguments(tensors: Any, dim: int) -> tuple[Any, int]:
    if not tensors:
        raise RuntimeError("torch.cat(): expected a non-empty list of Tensors")
    shapes = [getattr(t, "_array", t).shape for t in tensors]
    if () in [tuple(s) for s in shapes]:
        at = [len(s) for s in shapes].index(0)
        raise RuntimeError(f"zero-dimensional tensor (at position {at}) cannot be concatenated")
    kept = [i for i, s in enumerate(shapes) if tuple(s) != (0,)] or [0]
    first = shapes[kept[0]]
    dim = wrap_dim(dim, len(first))
    for i in kept:
        if len(shapes[i]) != len(first):
            raise RuntimeError(f"Tensors must have same number of dimensions: got {len(first)} and {len(shapes[i])}")
        for d, (n, m) in enumerate(zip(first, shapes[i])):
            if n != m and d != dim:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {dim}. Expected size {n} but got size {m} for "
                    f"tensor number {i} in the list (dimension {d} of shape {tuple(shapes[i])})."
                )
    if len(kept) == len(shapes):
        return tensors, dim
    # A legacy empty tensor takes part in the dtype and on the tape, as zero rows.
    like = tuple(0 if d == dim else n for d, n in enumerate(first))
    return tuple(t if i in kept else view.call(t, like) if hasattr(t, "_array") else t.reshape(like)
                 for i, t in enumerate(tensors)), dim  # fmt: skip


cat.alias_as("concat", "concatenate")


@cat.sample
def cat(make: Any) -> Any:
    yield call([make(2, 3), make(1, 3)])
    yield call([make(2, 3), make(2, 1), make(2, 0)], -1)
    yield call([make(0), make(2, 2)])
    yield call([make(2, dtype="int64"), make(2)])


@op(promote="common", arithmetic=False, method=False, inplace=False)
def stack(xp: Namespace, tensors: Tensors, dim: int = 0) -> Tensor:
    """Tensors of equal shape side by side along a new dimension `dim`."""
    at = wrap_dim(dim, len(tensors[0].shape) + 1)
    return xp.join(tuple([xp.unsqueeze(x, at) for x in tensors]), at)


@stack.public
def stack(tensors: Any, dim: int = 0) -> Any:
    tensors = tuple(tensors)
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    shape = tensors[0]._array.shape
    at = wrap_dim(dim, len(shape) + 1)
    size = (*shape[:at], 1, *shape[at:])
    for i, x in enumerate(tensors):
        if x._array.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 and "
                f"{list(x._array.shape)} at entry {i}"
            )
    return join.call([view.call(x, size) for x in tensors], at)


@stack.sample
def stack(make: Any) -> Any:
    yield call([make(2, 3), make(2, 3)])
    yield call([make(2), make(2)], -1)
    yield call([make(), make()])


# ---- joining and splitting, the named ways


def _unpacked(tensors: Any) -> tuple[Any, ...]:
    """Varargs of tensors, or one list of them."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        return tuple(tensors[0])
    return tuple(tensors)


def _atleast(ndim: int) -> Any:
    def function(xp: Namespace, input: Tensor) -> Tensor:
        shape = tuple(input.shape)
        if len(shape) >= ndim:
            return input
        if ndim == 3 and shape:
            return xp.view(input, (*shape, 1) if len(shape) == 2 else (1, *shape, 1))
        return xp.view(input, (1,) * (ndim - len(shape)) + shape)

    function.__name__ = f"atleast_{ndim}d"
    function.__module__ = __name__
    function.__doc__ = f"`input` with dimensions of size 1 added until it has {ndim}; of several, a tuple."
    function.__annotations__ = {"xp": "Namespace", "input": "Tensor", "return": "Tensor"}
    defined = op(function, view=True, method=False)

    def public(*tensors: Any) -> Any:
        if len(tensors) == 1 and hasattr(tensors[0], "_array"):
            return defined.call(tensors[0])
        return tuple([defined.call(x) for x in _unpacked(tensors)])

    def samples(make: Any) -> Any:
        yield call(make())
        yield call(make(3), make(2, 2))

    return defined.public(public).sample(samples)


atleast_1d, atleast_2d, atleast_3d = _atleast(1), _atleast(2), _atleast(3)


def _stacker(name: str, doc: str, prepare: Any, dim_of: Any) -> Any:
    def function(xp: Namespace, tensors: Tensors) -> Tensor:
        if not tensors:
            raise RuntimeError(f"{name} expects a non-empty TensorList")
        prepared = tuple([prepare(xp, x) for x in tensors])
        return xp.cat(prepared, dim_of(prepared))

    function.__name__, function.__doc__, function.__module__ = name, doc, __name__
    function.__annotations__ = {"xp": "Namespace", "tensors": "Tensors", "return": "Tensor"}

    def samples(make: Any) -> Any:
        yield call([make(3), make(3)])
        yield call([make(2, 3, 1), make(2, 3, 1)])
        yield call([make(), make()])

    return op(function, arithmetic=False, method=False).sample(samples)


hstack = _stacker(
    "hstack", "Tensors side by side: along dimension 1, or 0 for vectors.",
    lambda xp, x: xp.atleast_1d(x), lambda prepared: 0 if len(prepared[0].shape) == 1 else 1,
)  # fmt: skip
vstack = _stacker(
    "vstack", "Tensors one below another; vectors are rows.", lambda xp, x: xp.atleast_2d(x), lambda prepared: 0
)
vstack.alias_as("row_stack")
dstack = _stacker(
    "dstack", "Tensors one behind another, along dimension 2.", lambda xp, x: xp.atleast_3d(x), lambda prepared: 2
)
column_stack = _stacker(
    "column_stack", "Tensors side by side; vectors are columns.",
    lambda xp, x: xp.reshape(x, (prod(x.shape), 1)) if len(x.shape) < 2 else x, lambda prepared: 1,
)  # fmt: skip


@op(view=True)
def tensor_split(xp: Namespace, input: Tensor, indices_or_sections: Any, dim: int = 0) -> Any:
    """Parts along `dim`: so many, as even as can be, or cut at the given indices."""
    if not input.shape:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    at = wrap_dim(dim, len(input.shape))
    n = input.shape[at]
    if isinstance(indices_or_sections, int):
        if indices_or_sections <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {indices_or_sections}")
        small, extra = divmod(n, indices_or_sections)
        sizes = [small + (i < extra) for i in range(indices_or_sections)]
        cuts = [builtins.sum(sizes[:i]) for i in range(1, len(sizes))]
    else:
        cuts = [int(i) for i in indices_or_sections]
    bounds = zip([0, *cuts], [*cuts, n])
    ranges = [builtins.slice(a, b).indices(n) for a, b in bounds]
    return tuple([xp.slice(input, at, a, builtins.max(a, b), 1) for a, b, _ in ranges])


@tensor_split.public
def tensor_split(input: Any, indices_or_sections: Any = None, dim: int = 0, **named: Any) -> Any:
    given = named.get("sections", named.get("indices", indices_or_sections))
    if hasattr(given, "_array"):
        if given._array.dtype is not I64:
            raise RuntimeError(f"tensor_split expected tensor_indices_or_sections to have dtype of long, but got {given.dtype}")
        if len(given._array.shape) > 1:
            raise RuntimeError(
                f"tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional "
                f"tensor, but got a tensor with {len(given._array.shape)} dims"
            )
        given = given.tolist()
    return tensor_split.call(input, given, dim)


@tensor_split.sample
def tensor_split(make: Any) -> Any:
    yield call(make(7, 2), 3)
    yield call(make(2, 5), (1, 4), -1)


def _splitter(name: str, dim: int, least: int) -> Any:
    def function(xp: Namespace, input: Tensor, indices_or_sections: Any) -> Any:
        ndim = len(input.shape)
        if ndim < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor with {ndim} dimensions!"
            )
        at = 0 if name == "hsplit" and ndim == 1 else dim
        if isinstance(indices_or_sections, int) and (
            indices_or_sections <= 0 or input.shape[at] % indices_or_sections
        ):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {at}, but the size of the dimension "
                f"{input.shape[at]} is not divisible by the split_size {indices_or_sections}!"
            )
        return xp.tensor_split(input, indices_or_sections, at)

    function.__name__, function.__module__ = name, __name__
    function.__doc__ = f"`tensor_split` along dimension {dim}."
    function.__annotations__ = {"xp": "Namespace", "input": "Tensor"}
    defined = op(function, view=True)

    def public(input: Any, *given: Any, **named: Any) -> Any:
        if named:
            given = (named.get("sections", named.get("indices", named.get("indices_or_sections"))),)
        return defined.call(input, given[0] if len(given) == 1 else given)

    def samples(make: Any) -> Any:
        yield call(make(4, 4, 2), 2)
        yield call(make(4, 4, 2), (1,))

    return defined.public(public).sample(samples)


hsplit, vsplit, dsplit = _splitter("hsplit", 1, 1), _splitter("vsplit", 0, 2), _splitter("dsplit", 2, 3)


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


@op(view=True, method=False)
def broadcast_tensors(xp: Namespace, tensors: Tensors) -> Any:
    """A tuple of the tensors expanded to their common shape."""
    shape = broadcast_shapes(*[x.shape for x in tensors])
    return tuple([xp.expand(x, shape) for x in tensors])


@broadcast_tensors.public
def broadcast_tensors(*tensors: Any) -> Any:
    return broadcast_tensors.call(_unpacked(tensors))


@broadcast_tensors.sample
def broadcast_tensors(make: Any) -> Any:
    yield call(make(3, 1), make(2))


# ---- repeating and turning


@op(arithmetic=False)
def repeat(xp: Namespace, input: Tensor, repeats: Any) -> Tensor:
    """`input` laid out `repeats` times along each dimension (new ones in front)."""
    shape = (1,) * (len(repeats) - len(input.shape)) + tuple(input.shape)
    pairs = [n for r, m in zip(repeats, shape) for n in (r, m)]
    split = [n for m in shape for n in (1, m)]
    spread = xp.expand(xp.reshape(input, tuple(split)), tuple(pairs))
    return xp.reshape(xp.clone(spread), tuple([r * m for r, m in zip(repeats, shape)]))


@repeat.public
def repeat(input: Any, *repeats: Any) -> Any:
    counts = as_size(repeats)
    if len(counts) < len(input._array.shape):
        raise RuntimeError(
            f"Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: got "
            f"{list(counts)} for shape {list(input._array.shape)}"
        )
    if builtins.min(counts, default=0) < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension: repeats {list(counts)}")
    return repeat.call(input, counts)


@repeat.sample
def repeat(make: Any) -> Any:
    yield call(make(2, 3), 2, 1, 2)
    yield call(make(2), (3,))
    yield call(make(2), 0)
    yield call(make(), 2)


@op(arithmetic=False)
def tile(xp: Namespace, input: Tensor, dims: Any) -> Tensor:
    """`repeat`, where missing counts in front are 1."""
    return xp.repeat(input, (1,) * (len(input.shape) - len(dims)) + tuple(dims))


@tile.public
def tile(input: Any, *dims: Any) -> Any:
    counts = as_size(dims)
    return repeat(input, (1,) * (len(input._array.shape) - len(counts)) + counts)


@tile.sample
def tile(make: Any) -> Any:
    yield call(make(2, 3), (2,))
    yield call(make(2), 2, 2)


@op(arithmetic=False)
def repeat_interleave(xp: Namespace, input: Tensor, repeats: int, dim: int) -> Tensor:
    """Each element of dimension `dim` `repeats` times in a row (of the flattened tensor without `dim`).

    `repeats` is a number, or a tensor with one count for each element; that gives a shape that
    depends on values, unless `output_size` says it.
    """
    shape = input.shape
    spread = xp.expand(
        xp.reshape(input, (*shape[: dim + 1], 1, *shape[dim + 1 :])), (*shape[: dim + 1], repeats, *shape[dim + 1 :])
    )
    return xp.reshape(spread, (*shape[:dim], shape[dim] * repeats, *shape[dim + 1 :]))


@repeat_interleave.public
def repeat_interleave(input: Any, repeats: Any = None, dim: Any = None, *, output_size: Any = None) -> Any:
    if repeats is None:  # repeat_interleave(counts): how often each position comes
        return _places(input, output_size)
    if dim is None:
        input, dim = flatten.call(input), 0
    if not input._array.shape:
        input = unsqueeze.call(input, 0)
    dim = wrap_dim(dim, len(input._array.shape))
    if isinstance(repeats, int):
        if repeats < 0:
            raise RuntimeError(f"Repeats must be non-negative, got {repeats}")
        return repeat_interleave.call(input, repeats, dim)
    if not hasattr(repeats, "_array"):
        from facula.construct import tensor

        repeats = tensor(repeats, device=input.device)
    if not repeats._array.shape or repeats._array.shape == (1,):
        repeats = expand(repeats, input._array.shape[dim])
    if len(repeats._array.shape) != 1:
        raise RuntimeError(f"repeats must be 0-dim or 1-dim tensor, got shape {list(repeats._array.shape)}")
    if repeats._array.shape[0] != input._array.shape[dim]:
        raise RuntimeError(
            f"repeats must have the same size as input along dim, but got repeats.size(0) = "
            f"{repeats._array.shape[0]} and input.size({dim}) = {input._array.shape[dim]}"
        )
    return OPS["index_select"].call(input, dim, _places(repeats, output_size))


def _places(repeats: Any, output_size: Any) -> Any:
    """Position i as often as `repeats[i]` says."""
    if repeats._array.dtype.kind not in "iu":
        raise RuntimeError(f"repeats has to be Long or Int tensor, got {repeats.dtype}")
    if len(repeats._array.shape) != 1:
        raise RuntimeError(f"repeat_interleave only accepts 1D vector as repeat, got shape {list(repeats._array.shape)}")
    ends = OPS["cumsum"].call(OPS["cast"].call(repeats, I64), 0)
    if repeats._array.shape[0] and has_values(repeats) and bool((repeats < 0).any()):
        raise RuntimeError("repeats can not be negative")
    total = output_size if output_size is not None else int(ends[-1]) if repeats._array.shape[0] else 0
    at = OPS["searchsorted"].call(ends, _count_up(ends, total), True)
    return at


def _count_up(like: Any, count: int) -> Any:
    from facula.autograd.record import create

    return create(OPS["sequence"], like._backend, 0, 1, count, I64)


@repeat_interleave.sample
def repeat_interleave(make: Any) -> Any:
    yield call(make(2, 3), 2)
    yield call(make(2, 3), 2, 1)
    yield call(make(2, 3), 3, dim=0)


@op(arithmetic=False)
def flip(xp: Namespace, input: Tensor, dims: Any) -> Tensor:
    """`input` with the order of elements along `dims` reversed; a copy."""
    for d in dims:
        if len(input.shape):
            n = input.shape[d]
            input = xp.index_select(input, d, xp.sequence(n - 1, -1, n, I64))
    return input if len(dims) and len(input.shape) else xp.clone(input)


@flip.public
def flip(input: Any, *dims: Any, **named: Any) -> Any:
    given = as_size((named["dims"],) if named else dims)
    ndim = len(input._array.shape)
    wrapped = tuple([wrap_dim(d, ndim) for d in given])
    if len(set(wrapped)) != len(wrapped):
        raise RuntimeError(f"dim {wrapped[0]} appears multiple times in the list of dims {list(given)}")
    return flip.call(input, wrapped)


flip.vjp(input=lambda xp, g, dims: xp.flip(g, dims))


@flip.sample
def flip(make: Any) -> Any:
    yield call(make(2, 3), 0, -1)
    yield call(make(2, 3), (1,))
    yield call(make(2, 3), [])


@op(arithmetic=False)
def fliplr(xp: Namespace, input: Tensor) -> Tensor:
    """`input` with its columns in reverse order."""
    if len(input.shape) < 2:
        raise RuntimeError(f"Input must be >= 2-d, fliplr got shape {list(input.shape)}")
    return xp.flip(input, (1,))


@op(arithmetic=False)
def flipud(xp: Namespace, input: Tensor) -> Tensor:
    """`input` with its rows in reverse order."""
    if len(input.shape) < 1:
        raise RuntimeError("Input must be >= 1-d, flipud got a scalar")
    return xp.flip(input, (0,))


@fliplr.sample
def fliplr(make: Any) -> Any:
    yield call(make(2, 3))


flipud.sample(fliplr.samples)


@op(arithmetic=False)
def rot90(xp: Namespace, input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """`input` turned by `k` quarter turns in the plane of `dims`, from the first towards the second."""
    ndim = len(input.shape)
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {ndim}")
    if dims[0] == dims[1] or abs(dims[0] - dims[1]) == ndim:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    for d in dims:
        if not -ndim <= d < ndim:
            raise RuntimeError(f"Rotation dim {d} out of range for a tensor of {ndim} dimensions")
    a, b = dims[0] % ndim, dims[1] % ndim
    if k % 4 == 0:
        return xp.clone(input)
    if k % 4 == 2:
        return xp.flip(input, (a, b))
    flipped = xp.flip(input, (b,) if k % 4 == 1 else (a,))
    return xp.transpose(flipped, a, b)


@rot90.sample
def rot90(make: Any) -> Any:
    for k in (0, 1, 2, -1):
        yield call(make(2, 3), k)
    yield call(make(2, 3, 2), 1, (1, 2))


@op(arithmetic=False)
def roll(xp: Namespace, input: Tensor, shifts: Any, dims: Any) -> Tensor:
    """`input` moved by `shifts` along `dims`; what leaves at the end comes in at the front."""
    for by, d in zip(shifts, dims):
        n = input.shape[d]
        cut = (n - by) % n if n else 0
        if cut:
            input = xp.join((xp.slice(input, d, cut, n, 1), xp.slice(input, d, 0, cut, 1)), d)
    return xp.clone(input)


@roll.public
def roll(input: Any, shifts: Any, dims: Any = ()) -> Any:
    by = (shifts,) if isinstance(shifts, int) else tuple(int(s) for s in shifts)
    along = (dims,) if isinstance(dims, int) else tuple(dims) if dims is not None else ()
    if not by:
        raise RuntimeError("`shifts` required")
    shape = input._array.shape
    if not along and len(by) == 1:
        return reshape(roll.call(flatten.call(input), by, (0,)), shape)
    if len(by) != len(along):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(by)}, dims:{len(along)}")
    if not shape:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    return roll.call(input, by, tuple(wrap_dim(d, len(shape)) for d in along))


@roll.sample
def roll(make: Any) -> Any:
    yield call(make(2, 3), 1)
    yield call(make(2, 3), (1, -1), (0, 1))
    yield call(make(0, 3), 2, 1)


# ---- triangles and diagonals


def _triangle(name: str, doc: str, lower: bool) -> Any:
    def function(xp: Namespace, input: Tensor, diagonal: int = 0) -> Tensor:
        shape = input.shape
        if len(shape) < 2:
            raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions, got shape {list(shape)}")
        rows = xp.view(xp.sequence(diagonal, 1, shape[-2], I64), (shape[-2], 1))
        columns = xp.sequence(0, 1, shape[-1], I64)
        kept = columns <= rows if lower else columns >= rows
        return xp.select_where(kept, input, xp.full((), 0, input.dtype))

    function.__name__, function.__doc__, function.__module__ = name, doc, __name__
    function.__annotations__ = {"xp": "Namespace", "input": "Tensor", "diagonal": "int"}

    def samples(make: Any) -> Any:
        yield call(make(3, 4))
        yield call(make(2, 3, 3), -1)
        yield call(make(3, 2), 1)

    defined = op(function, arithmetic=False, inplace=True).sample(samples)
    return defined.vjp(input=lambda xp, g, diagonal: getattr(xp, name)(g, diagonal))


tril = _triangle("tril", "The lower triangle of the last two dimensions, up to `diagonal`; zeros elsewhere.", True)
triu = _triangle("triu", "The upper triangle of the last two dimensions, from `diagonal` on; zeros elsewhere.", False)


@op(arithmetic=False)
def diag_embed(xp: Namespace, input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Square matrices in `dim1` and `dim2`, with the last dimension of `input` on their diagonal."""
    shape = input.shape
    ndim = len(shape) + 1
    a, b = wrap_dim(dim1, ndim), wrap_dim(dim2, ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    n = shape[-1] + abs(offset)
    size = list(shape[:-1])
    for d in sorted((a, b)):
        size.insert(d, n)
    return xp.write_view(xp.full(tuple(size), 0, input.dtype), input, ((diagonal, (offset, a, b)),))


@diag_embed.sample
def diag_embed(make: Any) -> Any:
    yield call(make(3))
    yield call(make(2, 3), 1)
    yield call(make(2, 3), -1, 0, 2)


@op(alias=True, arithmetic=False)
def diag(xp: Namespace, input: Tensor, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix, or the matrix with a vector as its diagonal."""
    ndim = len(input.shape)
    if ndim == 1:
        return xp.diag_embed(input, diagonal)
    if ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {ndim}D")
    return xp.clone(xp.diagonal(input, diagonal, 0, 1))


@diag.sample
def diag(make: Any) -> Any:
    yield call(make(3))
    yield call(make(3, 4), 1)
    yield call(make(2), -1)


@op(arithmetic=False)
def diagflat(xp: Namespace, input: Tensor, offset: int = 0) -> Tensor:
    """A matrix with the elements of `input` on its diagonal."""
    return xp.diag_embed(xp.reshape(input, (prod(input.shape),)), offset)


@diagflat.sample
def diagflat(make: Any) -> Any:
    yield call(make(2, 2))
    yield call(make(), 1)


@op(arithmetic=False)
def diagonal_scatter(
    xp: Namespace, input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Tensor:
    """`input` with its diagonal replaced by `src`."""
    ndim = len(input.shape)
    a, b = wrap_dim(dim1, ndim), wrap_dim(dim2, ndim)
    return _replaced(xp, input, src, diagonal, (offset, a, b))


def _replaced(xp: Any, input: Any, src: Any, view_op: Any, options: Any) -> Any:
    wanted = getattr(xp, view_op.name)(input, *options).shape
    if tuple(wanted) != tuple(src.shape):
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = "
            f"{list(wanted)}"
        )
    return xp.write_view(input, src, ((view_op, options),))


@diagonal_scatter.sample
def diagonal_scatter(make: Any) -> Any:
    yield call(make(3, 4), make(3))


@op(arithmetic=False)
def select_scatter(xp: Namespace, input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """`input` with element `index` of dimension `dim` replaced by `src`."""
    d = wrap_dim(dim, len(input.shape))
    n = input.shape[d] if input.shape else 0
    if not -n <= index < n:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension {d}")
    return _replaced(xp, input, src, select, (d, index % n))


@select_scatter.sample
def select_scatter(make: Any) -> Any:
    yield call(make(3, 4), make(3), 1, -1)


@op(arithmetic=False)
def slice_scatter(
    xp: Namespace, input: Tensor, src: Tensor, dim: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> Tensor:
    """`input` with `input[start:end:step]` along `dim` replaced by `src`."""
    d = wrap_dim(dim, len(input.shape))
    a, b, _ = builtins.slice(start, end, step).indices(input.shape[d])
    return _replaced(xp, input, src, slice, (d, a, builtins.max(a, b), step))


@slice_scatter.sample
def slice_scatter(make: Any) -> Any:
    yield call(make(5, 2), make(2, 2), 0, 1, 4, 2)


# ---- grids


@op(view=True, method=False)
def meshgrid(xp: Namespace, tensors: Tensors, indexing: str = "ij") -> Any:
    """Coordinates of the grid of vectors: a tuple of tensors, expanded to the shape of the grid.

    `indexing` 'xy' swaps the first two dimensions.
    """
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for x in tensors:
        if len(x.shape) > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got shape {list(x.shape)}")
        if x.dtype != tensors[0].dtype:
            raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    swap = indexing == "xy" and len(tensors) > 1
    tensors = tuple([x if x.shape else xp.view(x, (1,)) for x in tensors])
    if swap:
        tensors = (tensors[1], tensors[0], *tensors[2:])
    shape = tuple([prod(x.shape) for x in tensors])
    grids = []
    for i, x in enumerate(tensors):
        lone = xp.view(x, (1,) * i + (shape[i],) + (1,) * (len(shape) - i - 1))
        grids.append(xp.expand(lone, shape))
    return (grids[1], grids[0], *grids[2:]) if swap else tuple(grids)


@meshgrid.public
def meshgrid(*tensors: Any, indexing: Any = None) -> Any:
    return meshgrid.call(_unpacked(tensors), indexing or "ij")


@meshgrid.sample
def meshgrid(make: Any) -> Any:
    yield call(make(2), make(3))
    yield call([make(2), make(3), make(2)], indexing="xy")


@op(method=False, arithmetic=False)
def cartesian_prod(xp: Namespace, tensors: Tensors) -> Tensor:
    """All combinations of one element of each vector, one in a row."""
    for x in tensors:
        if len(x.shape) != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(x.shape)}")
    if len(tensors) == 1:
        return xp.clone(tensors[0])
    grids = xp.meshgrid(tensors, "ij")
    return xp.stack(tuple([xp.reshape(x, (prod(x.shape),)) for x in grids]), 1)


@cartesian_prod.public
def cartesian_prod(*tensors: Any) -> Any:
    return cartesian_prod.call(_unpacked(tensors))


@cartesian_prod.sample
def cartesian_prod(make: Any) -> Any:
    yield call(make(2), make(3))
    yield call(make(2))


@op(method=True, arithmetic=False)
def combinations(xp: Namespace, input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All combinations of `r` elements of a vector, one in a row."""
    import itertools

    import numpy as np

    if len(input.shape) != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.array(list(choose(range(input.shape[0]), r)), np.int64).reshape(-1, r)
    if r == 0:
        return xp.full((0,), 0, input.dtype)
    return xp.reshape(xp.index_select(input, 0, xp.asarray(rows.ravel())), rows.shape)


@combinations.sample
def combinations(make: Any) -> Any:
    yield call(make(4))
    yield call(make(3), 2, True)


@op(method=False, arithmetic=False)
def block_diag(xp: Namespace, tensors: Tensors) -> Tensor:
    """A matrix with the given matrices (vectors are rows) along its diagonal, zeros elsewhere."""
    blocks = [xp.atleast_2d(x) for x in tensors]
    for i, x in enumerate(blocks):
        if len(x.shape) > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {len(x.shape)} dimensions"
            )
    width = builtins.sum(x.shape[1] for x in blocks)
    rows, left = [], 0
    for x in blocks:
        h, w = x.shape
        parts = (xp.full((h, left), 0, x.dtype), x, xp.full((h, width - left - w), 0, x.dtype))
        rows.append(xp.join(parts, 1))
        left += w
    return xp.join(tuple(rows), 0)


@block_diag.public
def block_diag(*tensors: Any) -> Any:
    from facula.promotion import result_dtype

    if not tensors:
        return full((1, 0))
    wanted = result_dtype([x._array for x in tensors], []).dtype
    return block_diag.call(tuple([x if x._array.dtype is wanted else OPS["cast"].call(x, wanted) for x in tensors]))


def full(size: Any) -> Any:
    from facula.construct import tensor

    return reshape(tensor([]), size)


@block_diag.sample
def block_diag(make: Any) -> Any:
    yield call(make(2, 2), make(3), make(1, 2))


# ---- any strides


@leaf(view=True, shape=lambda input, size, stride, storage_offset: size)
def as_strided(xp: Namespace, input: Tensor, size: Any, stride: Any, storage_offset: int = 0) -> Tensor:
    """The memory of `input` read with the given sizes and strides, in elements.

    `storage_offset` counts from the start of the memory; left out, from the first element of `input`.
    """


@as_strided.public
def as_strided(input: Any, size: Any, stride: Any, storage_offset: Any = None) -> Any:
    size, stride = tuple(int(n) for n in size), tuple(int(n) for n in stride)
    if len(size) != len(stride):
        raise RuntimeError(f"mismatch in length of strides and shape: {list(stride)} and {list(size)}")
    if builtins.min(stride, default=0) < 0:
        raise RuntimeError(f"as_strided: Negative strides are not supported at the moment, got strides: {list(stride)}")
    offset = 0 if storage_offset is None else storage_offset - input._backend.offset(input._array)
    last = offset + builtins.sum((n - 1) * s for n, s in zip(size, stride))
    room = input._backend.room(input._array)
    if 0 not in size and not (-input._backend.offset(input._array) <= offset and last < room):
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset} are out of bounds for "
            f"storage with {room} elements"
        )
    return as_strided.call(input, size, stride, offset)


def _as_strided_rule(xp: Any, g: Any, input: Any, size: Any, stride: Any, storage_offset: int) -> Any:
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


@op(arithmetic=False)
def as_strided_scatter(
    xp: Namespace, input: Tensor, src: Tensor, size: Any, stride: Any, storage_offset: int = 0
) -> Tensor:
    """`input` with what `as_strided` reads of it replaced by `src`."""
    return _replaced(xp, xp.contiguous(input), src, as_strided, (tuple(size), tuple(stride), storage_offset or 0))


@as_strided_scatter.public
def as_strided_scatter(input: Any, src: Any, size: Any, stride: Any, storage_offset: Any = None) -> Any:
    as_strided(input, size, stride, storage_offset)  # raises where they do not fit
    return as_strided_scatter.call(input, src, size, stride, storage_offset)


@as_strided_scatter.sample
def as_strided_scatter(make: Any) -> Any:
    yield call(make(3, 4), make(2, 2), (2, 2), (4, 1), 1)


# ---- copies in place of views


def _copying(view_op: Any) -> Any:
    """`NAME_copy`: what the view op gives, in memory of its own."""

    def function(xp: Namespace, input: Tensor, options: Any = ()) -> Any:
        return _cloned(xp.clone, getattr(xp, view_op.name)(input, *options))

    function.__name__, function.__module__ = view_op.name + "_copy", __name__
    function.__doc__ = f"`{view_op.name}`, as a copy."
    function.__annotations__ = {"xp": "Namespace", "input": "Tensor", "options": "Any"}

    def public(*args: Any, **named: Any) -> Any:
        return _cloned(OPS["clone"].call, view_op(*args, **named))

    return op(function, method=False, arithmetic=False).public(public)


def _cloned(clone: Any, result: Any) -> Any:
    return tuple([clone(x) for x in result]) if isinstance(result, tuple) else clone(result)


for _view in (
    alias, as_strided, diagonal, expand, narrow, permute, select, split_with_sizes, squeeze, t, transpose, unbind,
    unfold, unsqueeze, view,
):  # fmt: skip
    _copying(_view)
