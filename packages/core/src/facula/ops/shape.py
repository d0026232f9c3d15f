"""Views and shapes: views share memory with their input, and cost nothing."""

from __future__ import annotations

import builtins
from math import prod
from typing import Any

from facula.dtypes import I64
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
    if not backend.is_contiguous(input._array):
        if view_strides(shape, backend.strides(input._array), wanted) is None:
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
    if "shape" in shape:
        raise TypeError("reshape(): got an unexpected argument")
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
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    shape = tensors[0].shape
    at = wrap_dim(dim, len(shape) + 1)
    for i, x in enumerate(tensors):
        if x.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 and {list(x.shape)} "
                f"at entry {i}"
            )
    return xp.join(tuple([xp.unsqueeze(x, at) for x in tensors]), at)


@stack.sample
def stack(make: Any) -> Any:
    yield call([make(2, 3), make(2, 3)])
    yield call([make(2), make(2)], -1)
    yield call([make(), make()])
