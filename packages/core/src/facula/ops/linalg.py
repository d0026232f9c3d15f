"""Matrix and tensor products."""

from __future__ import annotations

from typing import Any

from facula.dtypes import category, is_complex, is_integral
from facula.ops._op import Namespace, Tensor, Tensors, leaf, op
from facula.ops.dims import broadcast_shapes, wrap_dim
from facula.ops.rules import wider
from facula.testing.samples import call

# ---- matmul


def product_shape(input: Any, other: Any) -> tuple[int, ...]:
    a, b = input.shape, other.shape
    if a[-1] != b[-2]:
        raise RuntimeError(
            f"matmul: {tuple(a)} @ {tuple(b)}: the inner sizes {a[-1]} and {b[-2]} differ"
        )
    lead = broadcast_shapes(a[:-2], b[:-2])
    return (*lead, *a[-2:-1], *b[-1:])


@leaf(promote="common", shape=product_shape, dtype=wider, method=False)
def matrix_product(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Matrix product of the last two dimensions of tensors that have both; the others are broadcast."""


@op(promote="common", inplace=False)
def matmul(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Matrix product of the last two dimensions, the others broadcast; a 1-D tensor is a vector.

    Shapes (..., n, k) and (..., k, m) give (..., n, m). Raises RuntimeError where sizes do not fit.
    """
    a, b = len(input.shape), len(other.shape)
    if not a or not b:
        raise RuntimeError(
            f"matmul: both arguments need at least 1 dimension, but they are {a}-D and {b}-D"
        )
    left = xp.unsqueeze(input, 0) if a == 1 else input
    right = xp.unsqueeze(other, 1) if b == 1 else other
    out = xp.matrix_product(left, right)
    if b == 1:
        out = xp.squeeze(out, -1)
    return xp.squeeze(out, -1 if b == 1 else -2) if a == 1 else out


def _matmul_input(xp: Namespace, g: Any, input_shape: Any, other: Any) -> Any:
    a, b = len(input_shape), len(other.shape)
    if b == 1:
        return g * other if a == 1 else xp.unsqueeze(g, -1) * other
    if a == 1:
        return xp.squeeze(xp.matmul(xp.unsqueeze(g, -2), xp.transpose(other, -1, -2)), -2)
    return xp.matmul(g, xp.transpose(other, -1, -2))


def _matmul_other(xp: Namespace, g: Any, input: Any, other_shape: Any) -> Any:
    a, b = len(input.shape), len(other_shape)
    if a == 1:
        return g * input if b == 1 else xp.unsqueeze(input, -1) * xp.unsqueeze(g, -2)
    if b == 1:
        return xp.squeeze(xp.matmul(xp.transpose(input, -1, -2), xp.unsqueeze(g, -1)), -1)
    if (
        b == 2 < a
    ):  # one product over all rows, instead of one per batch element that is summed later
        input = xp.reshape(input, (_product(input.shape[:-1]), input.shape[-1]))
        g = xp.reshape(g, (_product(g.shape[:-1]), g.shape[-1]))
    return xp.matmul(xp.transpose(input, -1, -2), g)


def _product(sizes: Any) -> int:
    n = 1
    for size in sizes:
        n *= size
    return n


matmul.alias_as("linalg_matmul")
for _op in (matmul, matrix_product):
    _op.vjp(input=_matmul_input, other=_matmul_other)


@matrix_product.sample
def _(make: Any) -> Any:
    yield call(make(2, 3), make(3, 4))
    yield call(make(2, 1, 2, 3), make(3, 3, 2))
    yield call(make(2, 0), make(0, 2))
    yield call(make(2, 3, dtype="int64"), make(3, 1, dtype="int64"))


@matmul.sample
def matmul(make: Any) -> Any:
    yield call(make(2, 3), make(3, 4))
    yield call(make(3), make(3))
    yield call(make(2, 3), make(3))
    yield call(make(3), make(3, 2))
    yield call(make(2, 2, 3), make(3, 2))
    yield call(make(2, 1, 2, 3), make(2, 3, 2))
    yield call(make(2, 3), make(2, 3, 2))
    yield call(make(3), make(2, 3, 2))
    yield call(make(2, 2, 3), make(3))
    yield call(make(0, 3), make(3, 2))
    yield call(make(2, 0), make(0, 2))
    yield call(make(2, 2, dtype="complex128"), make(2, 2, dtype="complex128"))


def _expect(name: str, *wanted: tuple[str, Any, int]) -> None:
    """Refuses tensors of other than the wanted number of dimensions."""
    for argument, x, ndim in wanted:
        if len(x.shape) != ndim:
            raise RuntimeError(
                f"{name}: {argument} must be {ndim}-D, its shape is {tuple(x.shape)}"
            )


def _expect_one_dtype(name: str, *tensors: Any) -> None:
    first = tensors[0].dtype
    if any(x.dtype is not first and x.dtype != first for x in tensors):
        dtypes = " and ".join(str(x.dtype) for x in tensors)
        raise RuntimeError(f"{name}: expected all tensors to have one dtype, got {dtypes}")


@op
def mm(xp: Namespace, input: Tensor, mat2: Tensor) -> Tensor:
    """Matrix product of two 2-D tensors. Raises RuntimeError for other shapes or two dtypes."""
    _expect("mm", ("input", input, 2), ("mat2", mat2, 2))
    _expect_one_dtype("mm", input, mat2)
    return xp.matmul(input, mat2)


@op
def bmm(xp: Namespace, input: Tensor, mat2: Tensor) -> Tensor:
    """Matrix products of two 3-D tensors, (b, n, k) and (b, k, m): one for each of the b."""
    _expect("bmm", ("input", input, 3), ("mat2", mat2, 3))
    _expect_one_dtype("bmm", input, mat2)
    if input.shape[0] != mat2.shape[0]:
        raise RuntimeError(f"bmm: the batch sizes {input.shape[0]} and {mat2.shape[0]} differ")
    return xp.matmul(input, mat2)


@op
def mv(xp: Namespace, input: Tensor, vec: Tensor) -> Tensor:
    """Product of a matrix and a vector."""
    _expect("mv", ("input", input, 2), ("vec", vec, 1))
    return xp.matmul(input, vec)


@op
def dot(xp: Namespace, input: Tensor, tensor: Tensor) -> Tensor:
    """Sum of the products of two 1-D tensors of one size, as a 0-d tensor."""
    _expect("dot", ("input", input, 1), ("tensor", tensor, 1))
    _expect_one_dtype("dot", input, tensor)
    if input.shape != tensor.shape:
        raise RuntimeError(f"dot: the sizes {input.shape[0]} and {tensor.shape[0]} differ")
    return xp.matmul(input, tensor)


@op
def vdot(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """`dot` with the first tensor conjugated."""
    return xp.dot(xp.conj(input), other)


@op(promote="common")
def inner(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Sums of products over the last dimension of both; a product where one is 0-d."""
    if not input.shape or not other.shape:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            f"inner: the last sizes of {tuple(input.shape)} and {tuple(other.shape)} differ"
        )
    return xp.tensordot(input, other, ((len(input.shape) - 1,), (len(other.shape) - 1,)))


@op(promote="common")
def outer(xp: Namespace, input: Tensor, vec2: Tensor) -> Tensor:
    """Products of all pairs of elements of two 1-D tensors: shape (n, m)."""
    _expect("outer", ("input", input, 1), ("vec2", vec2, 1))
    return xp.unsqueeze(input, 1) * vec2


outer.alias_as("ger")
mm.vjp(
    input=lambda xp, g, mat2: xp.matmul(g, xp.transpose(mat2, -1, -2)),
    mat2=lambda xp, g, input: xp.matmul(xp.transpose(input, -1, -2), g),
)
bmm.vjp(
    input=lambda xp, g, mat2: xp.matmul(g, xp.transpose(mat2, -1, -2)),
    mat2=lambda xp, g, input: xp.matmul(xp.transpose(input, -1, -2), g),
)

mm.sample(lambda make: [call(make(2, 3), make(3, 2)), call(make(0, 3), make(3, 2))])
bmm.sample(lambda make: [call(make(2, 2, 3), make(2, 3, 2)), call(make(0, 2, 3), make(0, 3, 2))])
mv.sample(lambda make: [call(make(2, 3), make(3))])
dot.sample(lambda make: [call(make(3), make(3)), call(make(0), make(0))])
vdot.sample(
    lambda make: [
        call(make(3), make(3)),
        call(make(3, dtype="complex128"), make(3, dtype="complex128")),
    ]
)
inner.sample(
    lambda make: [call(make(3), make(3)), call(make(2, 3), make(4, 3)), call(make(), make(2))]
)
outer.sample(lambda make: [call(make(3), make(2)), call(make(0), make(2))])


# ---- products that are added


def _combine(xp: Namespace, input: Any, product: Any, beta: Any, alpha: Any) -> Any:
    """`beta * input + alpha * product`; with `beta` 0 NaN in `input` does no harm, as in PyTorch."""
    if is_integral(product.dtype):
        beta, alpha = (
            (bool(beta), bool(alpha)) if category(product.dtype) == 0 else (int(beta), int(alpha))
        )
    if alpha != 1:
        product = product * alpha
    if beta == 0:  # False too
        shape = broadcast_shapes(input.shape, product.shape)
        return product if tuple(product.shape) == shape else xp.expand(product, shape)
    return (input if beta == 1 else input * beta) + product


def _scaled(x: Any, factor: Any) -> Any:
    return x if factor == 1 else x * factor


def _keywords(o: Any) -> None:
    """PyTorch's signature: `beta` and `alpha` by keyword only."""

    def adapter(input: Any, first: Any, second: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
        _expect_one_dtype(o.name, input, first, second)
        if o.name in ("addmm", "addr") and is_integral(input.dtype) and input.dtype.category:
            for value in (beta, alpha):
                if isinstance(value, float):
                    raise RuntimeError(
                        f"{o.name}: for integral tensors beta and alpha must be integers, got {value}"
                    )
        return o.call(input, first, second, beta, alpha)

    names = o.inputs[1:]

    def public(input: Any, *args: Any, beta: Any = 1, alpha: Any = 1, **named: Any) -> Any:
        rest = [*args, *[named[n] for n in names if n in named]]
        return adapter(input, *rest, beta=beta, alpha=alpha)

    o.public(public)


def _fits(name: str, input: Any, out: tuple[int, ...]) -> None:
    if broadcast_shapes(input.shape, out) != tuple(out):
        raise RuntimeError(
            f"{name}: input of shape {tuple(input.shape)} does not broadcast to {tuple(out)}"
        )


@op(inplace=True)
def addmm(
    xp: Namespace, input: Tensor, mat1: Tensor, mat2: Tensor, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    """`beta * input + alpha * (mat1 @ mat2)`, of 2-D matrices."""
    product = xp.mm(mat1, mat2)
    _fits("addmm", input, product.shape)
    return _combine(xp, input, product, beta, alpha)


@op(inplace=True)
def addmv(
    xp: Namespace, input: Tensor, mat: Tensor, vec: Tensor, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    """`beta * input + alpha * (mat @ vec)`."""
    product = xp.mv(mat, vec)
    _fits("addmv", input, product.shape)
    return _combine(xp, input, product, beta, alpha)


@op(inplace=True)
def addr(
    xp: Namespace, input: Tensor, vec1: Tensor, vec2: Tensor, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    """`beta * input + alpha * outer(vec1, vec2)`."""
    product = xp.outer(vec1, vec2)
    _fits("addr", input, product.shape)
    return _combine(xp, input, product, beta, alpha)


@op(inplace=True)
def baddbmm(
    xp: Namespace, input: Tensor, batch1: Tensor, batch2: Tensor, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    """`beta * input + alpha * bmm(batch1, batch2)`."""
    product = xp.bmm(batch1, batch2)
    _fits("baddbmm", input, product.shape)
    return _combine(xp, input, product, beta, alpha)


@op(inplace=True)
def addbmm(
    xp: Namespace, input: Tensor, batch1: Tensor, batch2: Tensor, beta: Any = 1, alpha: Any = 1
) -> Tensor:
    """`beta * input + alpha * sum_b(batch1[b] @ batch2[b])`."""
    product = xp.sum(xp.bmm(batch1, batch2), 0)
    _fits("addbmm", input, product.shape)
    return _combine(xp, input, product, beta, alpha)


for _op in (addmm, baddbmm):
    _op.vjp(
        input=lambda xp, g, beta: (
            g if beta == 1 else xp.full(g.shape, 0, g.dtype) if beta == 0 else g * beta
        )
    )
addmm.vjp(
    mat1=lambda xp, g, mat2, alpha: _scaled(xp.matmul(g, xp.transpose(mat2, -1, -2)), alpha),
    mat2=lambda xp, g, mat1, alpha: _scaled(xp.matmul(xp.transpose(mat1, -1, -2), g), alpha),
)
baddbmm.vjp(
    batch1=lambda xp, g, batch2, alpha: _scaled(xp.matmul(g, xp.transpose(batch2, -1, -2)), alpha),
    batch2=lambda xp, g, batch1, alpha: _scaled(xp.matmul(xp.transpose(batch1, -1, -2), g), alpha),
)
for _op in (addmm, addmv, addr, baddbmm, addbmm):
    _keywords(_op)
addmm.sample(
    lambda make: [
        call(make(2, 2), make(2, 3), make(3, 2)),
        call(make(2), make(2, 3), make(3, 2), beta=0.5, alpha=2.0),
    ]
)
addmv.sample(
    lambda make: [
        call(make(2), make(2, 3), make(3)),
        call(make(), make(2, 3), make(3), beta=0, alpha=2.0),
    ]
)
addr.sample(
    lambda make: [
        call(make(2, 3), make(2), make(3)),
        call(make(3), make(2), make(3), beta=2, alpha=0.5),
    ]
)
baddbmm.sample(
    lambda make: [
        call(make(2, 2, 2), make(2, 2, 3), make(2, 3, 2)),
        call(make(2), make(2, 2, 3), make(2, 3, 2), beta=2),
    ]
)
addbmm.sample(
    lambda make: [
        call(make(2, 2), make(2, 2, 3), make(2, 3, 2)),
        call(make(2), make(2, 2, 3), make(2, 3, 2), alpha=2),
    ]
)


@op
def linalg_multi_dot(xp: Namespace, tensors: Tensors) -> Tensor:
    """Product of two or more matrices, in the cheapest order; the first and last may be vectors.

    The order is found by dynamic programming (Cormen et al., Introduction to Algorithms, 15.2).
    """
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot: expected at least 2 tensors, got {len(tensors)}")
    for i, x in enumerate(tensors):
        allowed = (1, 2) if i in (0, len(tensors) - 1) else (2,)
        if len(x.shape) not in allowed:
            raise RuntimeError(
                f"multi_dot: tensor {i} has shape {tuple(x.shape)}; the inner ones must be 2-D"
            )
    _expect_one_dtype("multi_dot", *tensors)
    matrices = list(tensors)
    if len(matrices[0].shape) == 1:
        matrices[0] = xp.unsqueeze(matrices[0], 0)
    if len(matrices[-1].shape) == 1:
        matrices[-1] = xp.unsqueeze(matrices[-1], 1)
    splits = _cheapest_splits([m.shape[0] for m in matrices] + [matrices[-1].shape[1]])
    out = _multiply_chain(xp, matrices, splits, 0, len(matrices) - 1)
    if len(tensors[-1].shape) == 1:
        out = xp.squeeze(out, 1)
    return xp.squeeze(out, 0) if len(tensors[0].shape) == 1 else out


def _cheapest_splits(sizes: list[int]) -> dict[tuple[int, int], int]:
    n = len(sizes) - 1
    cost = {(i, i): 0 for i in range(n)}
    splits = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            options = [
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            ]
            cost[i, j], splits[i, j] = min(options)
    return splits


def _multiply_chain(xp: Namespace, matrices: Any, splits: Any, i: int, j: int) -> Any:
    if i == j:
        return matrices[i]
    k = splits[i, j]
    return xp.matmul(
        _multiply_chain(xp, matrices, splits, i, k), _multiply_chain(xp, matrices, splits, k + 1, j)
    )


@op
def chain_matmul(xp: Namespace, matrices: Tensors) -> Tensor:
    """Product of matrices, in the cheapest order (see `linalg.multi_dot`)."""
    if len(matrices) == 1:
        return xp.clone(matrices[0])
    return xp.linalg_multi_dot(matrices)


@chain_matmul.public
def chain_matmul(*matrices: Any) -> Any:
    return chain_matmul.call(matrices)


chain_matmul.sample(lambda make: [call(make(2, 3), make(3, 4), make(4, 2))])
linalg_multi_dot.sample(
    lambda make: [
        call([make(2, 3), make(3, 4), make(4, 2)]),
        call([make(3), make(3, 4), make(4)]),
        call([make(2, 3), make(3, 2)]),
    ]
)


@op(promote="common")
def kron(xp: Namespace, input: Tensor, other: Tensor) -> Tensor:
    """Kronecker product: blocks of `other`, each scaled by one element of `input`."""
    n = max(len(input.shape), len(other.shape))
    a = (1,) * (n - len(input.shape)) + tuple(input.shape)
    b = (1,) * (n - len(other.shape)) + tuple(other.shape)
    left = xp.reshape(input, tuple(s for size in a for s in (size, 1)))
    right = xp.reshape(other, tuple(s for size in b for s in (1, size)))
    return xp.reshape(left * right, tuple(x * y for x, y in zip(a, b)))


kron.sample(
    lambda make: [call(make(2, 2), make(3, 2)), call(make(2), make(2, 2)), call(make(), make(3))]
)


@op
def linalg_cross(xp: Namespace, input: Tensor, other: Tensor, dim: int = -1) -> Tensor:
    """Vector products along `dim`, which must have size 3; the other dimensions are broadcast."""
    if len(input.shape) != len(other.shape):
        raise RuntimeError(
            f"cross: the tensors have {len(input.shape)} and {len(other.shape)} dimensions"
        )
    at = wrap_dim(dim, len(input.shape))
    if input.shape[at] != 3 or other.shape[at] != 3:
        raise RuntimeError(
            f"cross: dimension {dim} must have size 3, the shapes are {tuple(input.shape)} and {tuple(other.shape)}"
        )
    a = [xp.select(input, at, i) for i in range(3)]
    b = [xp.select(other, at, i) for i in range(3)]
    parts = [a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3] for i in range(3)]
    return xp.join(tuple(xp.unsqueeze(p, at) for p in parts), at)


@linalg_cross.public
def linalg_cross(input: Any, other: Any, *, dim: int = -1) -> Any:
    return linalg_cross.call(input, other, dim)


@op
def cross(xp: Namespace, input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """Vector products along `dim` (by default the first one of size 3)."""
    if dim is None:
        dim = next((i for i, n in enumerate(input.shape) if n == 3), None)
        if dim is None:
            raise RuntimeError(
                f"cross: no dimension of size 3 in input of shape {tuple(input.shape)}"
            )
    return xp.linalg_cross(input, other, dim)


linalg_cross.sample(
    lambda make: [call(make(2, 3), make(2, 3)), call(make(3, 2), make(3, 1), dim=0)]
)
cross.sample(lambda make: [call(make(2, 3), make(2, 3)), call(make(3, 2), make(3, 2), 0)])


@op(alias=True)
def linalg_vecdot(xp: Namespace, x: Tensor, y: Tensor, dim: int = -1) -> Tensor:
    """Sums of `conj(x) * y` along `dim`, the other dimensions broadcast."""
    return xp.sum((xp.conj(x) if is_complex(x.dtype) else x) * y, dim)


@linalg_vecdot.public
def linalg_vecdot(x: Any, y: Any, *, dim: int = -1) -> Any:
    return linalg_vecdot.call(x, y, dim)


linalg_vecdot.sample(
    lambda make: [call(make(2, 3), make(2, 3)), call(make(3, 1), make(3, 2), dim=0)]
)


@op
def bilinear(
    xp: Namespace, input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    """`input1^T W_o input2 + b_o` for each output o: shapes (..., i), (..., j), (o, i, j), (o,).

    Raises RuntimeError where the sizes do not fit.
    """
    o, i, j = weight.shape
    if tuple(input1.shape[:-1]) != tuple(input2.shape[:-1]):
        raise RuntimeError(
            f"bilinear: batch dimensions differ: {tuple(input1.shape)} and {tuple(input2.shape)}"
        )
    if input1.shape[-1] != i or input2.shape[-1] != j:
        raise RuntimeError(
            f"bilinear: weight {tuple(weight.shape)} takes {i} and {j} features, got {input1.shape[-1]} and {input2.shape[-1]}"
        )
    lead = tuple(input1.shape[:-1])
    n = _product(lead)
    rows = xp.matmul(
        xp.reshape(input1, (n, i)), xp.reshape(xp.permute(weight, (1, 0, 2)), (i, o * j))
    )
    out = xp.sum(xp.reshape(rows, (n, o, j)) * xp.unsqueeze(xp.reshape(input2, (n, j)), 1), -1)
    out = xp.reshape(out, (*lead, o))
    return out if bias is None else out + bias


bilinear.sample(
    lambda make: [
        call(make(2, 3), make(2, 2), make(4, 3, 2), make(4)),
        call(make(3), make(2), make(4, 3, 2)),
    ]
)


@op(promote=None)
def cdist(
    xp: Namespace, x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: Any = None
) -> Tensor:
    """Distances in the `p`-norm of all pairs of rows: (..., n, d) and (..., m, d) give (..., n, m)."""
    for name, x in (("x1", x1), ("x2", x2)):
        if len(x.shape) < 2 or is_integral(x.dtype):
            raise RuntimeError(
                f"cdist: {name} must be a floating-point tensor of 2 or more dimensions"
            )
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"cdist: rows have {x1.shape[-1]} and {x2.shape[-1]} elements")
    if p < 0:
        raise RuntimeError(f"cdist: p must be at least 0, got {p}")
    gap = xp.unsqueeze(x1, -2) - xp.unsqueeze(x2, -3)
    if not gap.shape[-1]:
        return xp.sum(gap, -1)
    return xp.linalg_vector_norm(gap, p, -1)


@cdist.sample
def cdist(make: Any) -> Any:
    yield call(make(3, 2), make(2, 2))
    yield call(make(2, 3, 2), make(2, 2), p=1.0)
    yield call(make(3, 2), make(2, 2), p=3.0)
    yield call(make(3, 2), make(2, 2), p=float("inf"))
