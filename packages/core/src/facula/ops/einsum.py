"""Sums of products over named dimensions: einsum and tensordot."""

from __future__ import annotations

from typing import Any

from facula.ops._op import Namespace, Tensor, Tensors, op
from facula.ops.dims import wrap_dim
from facula.testing.samples import call


def _product(sizes: Any) -> int:
    n = 1
    for size in sizes:
        n *= size
    return n


# ---- tensordot


@op(promote=None)
def tensordot(xp: Namespace, a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Sums of products over pairs of dimensions: those in `dims[0]` of `a` and `dims[1]` of `b`.

    An int n means the last n of `a` and the first n of `b`. What remains of `a` comes first.
    """
    at_a, at_b = _paired(dims, len(a.shape), len(b.shape))
    for i, j in zip(at_a, at_b):
        if a.shape[i] != b.shape[j] and 1 in (a.shape[i], b.shape[j]):  # size 1 is broadcast
            a, b = (a, xp.sum(b, j, True)) if a.shape[i] == 1 else (xp.sum(a, i, True), b)
        if a.shape[i] != b.shape[j]:
            raise RuntimeError(
                f"tensordot: contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} "
                f"and second has size {b.shape[j]} in dim {j}"
            )
    if a.dtype != b.dtype:
        raise RuntimeError(f"tensordot: expected one dtype, got {a.dtype} and {b.dtype}")
    left = [i for i in range(len(a.shape)) if i not in at_a]
    right = [i for i in range(len(b.shape)) if i not in at_b]
    k = _product(a.shape[i] for i in at_a)
    sizes = tuple(a.shape[i] for i in left), tuple(b.shape[i] for i in right)
    rows = xp.reshape(xp.permute(a, (*left, *at_a)), (_product(sizes[0]), k))
    columns = xp.reshape(xp.permute(b, (*at_b, *right)), (k, _product(sizes[1])))
    return xp.reshape(xp.matmul(rows, columns), sizes[0] + sizes[1])


def _paired(dims: Any, ndim_a: int, ndim_b: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if hasattr(dims, "tolist"):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0 or dims > min(ndim_a, ndim_b):
            raise RuntimeError(
                f"tensordot expects 0 <= dims <= ndim of both tensors ({ndim_a}, {ndim_b}), but got {dims}"
            )
        return tuple(range(ndim_a - dims, ndim_a)), tuple(range(dims))
    first, second = ([d] if isinstance(d, int) else d for d in dims)
    if len(first) != len(second):
        raise RuntimeError(
            f"tensordot: both dimension lists should have same length, got {first} and {second}"
        )
    return tuple(wrap_dim(d, ndim_a) for d in first), tuple(wrap_dim(d, ndim_b) for d in second)


@tensordot.sample
def tensordot(make: Any) -> Any:
    yield call(make(2, 3, 2), make(3, 2, 4))
    yield call(make(2, 3), make(3, 2), 1)
    yield call(make(2, 3), make(2), 0)
    yield call(make(2, 3, 2), make(2, 3), dims=([0, 1], [0, 1]))


# ---- einsum


@op(promote="common", alias=True, method=False, inplace=False)
def einsum(xp: Namespace, operands: Tensors, equation: str) -> Tensor:
    """Products of `operands`, summed over the dimensions that the equation's right side leaves out.

    `einsum("bij,bjk->bik", x, y)` is a batched matrix product. Without an arrow the labels that occur
    once are kept, in alphabetical order. '...' stands for further dimensions, which are broadcast.
    Operands are combined from left to right, each pair as one matrix product.
    """
    terms, output = _parse(equation, [len(x.shape) for x in operands])
    parts = [_without_repeats(xp, x, labels) for x, labels in zip(operands, terms)]
    array, labels = parts[0]
    for i, (other, other_labels) in enumerate(parts[1:], 2):
        later = set(output).union(*(rest for _, rest in parts[i:]))
        array, labels = _contract(xp, array, labels, other, other_labels, later)
    array, labels = _sum_out(xp, array, labels, set(output))
    return xp.permute(array, tuple(labels.index(c) for c in output))


@einsum.public
def einsum(*args: Any) -> Any:
    if not isinstance(args[0], str):
        return einsum.call(*_from_sublists(args))
    operands = args[1] if len(args) == 2 and isinstance(args[1], (tuple, list)) else args[1:]
    if not operands:
        raise ValueError("einsum(): must provide at least one operand")
    return einsum.call(operands, args[0])


def _from_sublists(args: Any) -> tuple[list[Any], str]:
    """`einsum(x, [0, 1], y, [1, 2], [0, 2])`: labels as lists of ints in place of letters."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

    def term(labels: Any) -> str:
        return "".join("..." if c is Ellipsis else letters[c] for c in labels)

    equation = ",".join(term(labels) for labels in args[1::2])
    if len(args) % 2:
        return list(args[:-1:2]), equation + "->" + term(args[-1])
    return list(args[::2]), equation


def _parse(equation: str, ndims: list[int]) -> tuple[list[list[str]], list[str]]:
    """Labels of each operand and of the result; those of an ellipsis are '.0', '.1' ... from its end."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        raise RuntimeError(
            f"einsum(): the equation '{equation}' has {len(terms)} operands, {len(ndims)} were given"
        )
    labels = [_labels(t, n, equation) for t, n in zip(terms, ndims)]
    seen = [c for term in labels for c in term]
    rest = sorted({c for c in seen if c[0] == "."}, key=lambda c: -int(c[1:]))
    if not arrow:
        return labels, rest + sorted(c for c in set(seen) if seen.count(c) == 1 and c[0] != ".")
    before, dots, after = right.partition("...")
    output = [*before, *(rest if dots else []), *after]
    for c in output:
        if c not in seen or output.count(c) > 1:
            raise RuntimeError(
                f"einsum(): label '{c}' of the result is repeated or in no operand of '{equation}'"
            )
    return labels, output


def _labels(term: str, ndim: int, equation: str) -> list[str]:
    before, dots, after = term.partition("...")
    extra = ndim - len(before) - len(after)
    if extra < 0 or (extra and not dots) or not (before + after + "a").isalpha():
        raise RuntimeError(
            f"einsum(): '{term}' in '{equation}' does not describe an operand of {ndim} dimensions"
        )
    return [*before, *(f".{i}" for i in reversed(range(extra))), *after]


def _without_repeats(xp: Namespace, x: Any, labels: list[str]) -> tuple[Any, list[str]]:
    """Takes the diagonal of dimensions that share a label."""
    labels = list(labels)
    for c in dict.fromkeys(labels):
        while labels.count(c) > 1:
            i = labels.index(c)
            j = labels.index(c, i + 1)
            if x.shape[i] != x.shape[j]:
                raise RuntimeError(
                    f"einsum(): label '{c}' stands for sizes {x.shape[i]} and {x.shape[j]} of one operand"
                )
            x = xp.diagonal(x, 0, i, j)
            del labels[j], labels[i]
            labels.append(c)
    return x, labels


def _sum_out(xp: Namespace, x: Any, labels: list[str], keep: set[str]) -> tuple[Any, list[str]]:
    dims = tuple(i for i, c in enumerate(labels) if c not in keep)
    return (xp.sum(x, dims) if dims else x), [c for c in labels if c in keep]


def _contract(
    xp: Namespace, a: Any, labels_a: list[str], b: Any, labels_b: list[str], keep: set[str]
) -> tuple[Any, list[str]]:
    """One matrix product: labels of both that are kept are its batch, the others are summed."""
    a, labels_a = _sum_out(xp, a, labels_a, keep | set(labels_b))
    b, labels_b = _sum_out(xp, b, labels_b, keep | set(labels_a))
    both = [c for c in labels_a if c in labels_b]
    size = _sizes(a, labels_a) | {
        c: n for c, n in _sizes(b, labels_b).items() if n != 1 or c not in labels_a
    }
    _check_sizes(a, labels_a, b, labels_b, both)
    batch, inner = [c for c in both if c in keep], [c for c in both if c not in keep]
    left, right = [c for c in labels_a if c not in both], [c for c in labels_b if c not in both]
    rows = _arranged(xp, a, labels_a, (batch, left, inner), size)
    columns = _arranged(xp, b, labels_b, (batch, inner, right), size)
    out = batch + left + right
    return xp.reshape(xp.matmul(rows, columns), tuple(size[c] for c in out)), out


def _sizes(x: Any, labels: list[str]) -> dict[str, int]:
    return dict(zip(labels, x.shape))


def _check_sizes(a: Any, labels_a: list[str], b: Any, labels_b: list[str], both: list[str]) -> None:
    sizes_a, sizes_b = _sizes(a, labels_a), _sizes(b, labels_b)
    for c in both:
        if sizes_a[c] != sizes_b[c] and 1 not in (sizes_a[c], sizes_b[c]):
            raise RuntimeError(
                f"einsum(): label '{c}' stands for sizes {sizes_a[c]} and {sizes_b[c]}"
            )


def _arranged(xp: Namespace, x: Any, labels: list[str], groups: Any, size: dict[str, int]) -> Any:
    """`x` with its dimensions in three groups, each made one; those of size 1 broadcast."""
    order = [c for group in groups for c in group]
    x = xp.permute(x, tuple(labels.index(c) for c in order))
    full = tuple(size[c] for c in order)
    if tuple(x.shape) != full:
        x = xp.expand(x, full)
    return xp.reshape(x, tuple(_product(size[c] for c in group) for group in groups))


@einsum.sample
def einsum(make: Any) -> Any:
    yield call("ij,jk->ik", make(2, 3), make(3, 2))
    yield call("bij,bjk,k->bi", make(2, 2, 3), make(2, 3, 2), make(2))
    yield call("ii->i", make(3, 3))
    yield call("ij->ji", make(2, 3))
    yield call("i,j", make(2), make(3))
    yield call("...ij,...j->...i", make(2, 2, 3), make(3))
    yield call("ij,ij", make(2, 3), make(2, 3))
