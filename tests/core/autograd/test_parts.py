"""Parts of a tensor on the tape: one node joins their gradients. All as PyTorch has it."""

import pytest

import facula

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity

F64 = "float64"


def whole(lib):
    return lib.arange(24, dtype=getattr(lib, F64)).reshape(2, 12).div(7).requires_grad_(True)


def all_used(lib, x):
    a, b, c = (x * 2).chunk(3, 1)
    return (a * b.tanh() * c).sum()


def some_used_twice(lib, x):
    a, _, c, _ = x.sin().split([1, 4, 5, 2], -1)
    return (a * c).sum() + (c * c.sigmoid()).sum()


def parts_of_parts(lib, x):
    a, b = (x * x).chunk(2, 0)
    c, d = b.split(7, 1)
    return (c.exp() * a[:, :7]).sum() + d.sum()


def uneven_and_broadcast(lib, x):
    parts = x.mul(3).chunk(5, 1)  # the last one is smaller
    return sum((p * p.mean(1, keepdim=True)).sum() * i for i, p in enumerate(parts))


def of_a_leaf(lib, x):
    return sum((p**3).sum() * i for i, p in enumerate(x.split(5, 1)))


def an_empty_part(lib, x):
    a, b = x.tanh().split([0, 12], 1)
    return a.sum() + (b * b).sum()


def one_is_written(lib, x):
    y = x * 2
    a, b = facula_parts(lib, y)
    a.mul_(b.tanh())  # seen in `y`, and not in `b`
    return (y * y).sum() + (a * b).sum()


def facula_parts(lib, y):
    """PyTorch refuses to write parts that were made together."""
    return y.chunk(2, 1) if lib is facula else (y[:, :6], y[:, 6:])


def a_weight_in_parts(lib, x):
    first, second = (x * 1).chunk(2, 0)
    total = 0
    for step in range(5):
        row = lib.ones(1, 12, dtype=getattr(lib, F64)) * step
        total = total + lib.nn.functional.linear(row, first if step % 2 else second).sin().sum()
    return total


PROGRAMS = [
    all_used, some_used_twice, parts_of_parts, uneven_and_broadcast, of_a_leaf, an_empty_part, one_is_written,
    a_weight_in_parts,
]  # fmt: skip


def close(ours, theirs):
    torch.testing.assert_close(torch.from_numpy(ours.detach().numpy()), theirs.detach())


@pytest.mark.parametrize("program", PROGRAMS)
def test_gradients_of_both_orders(program):
    found = []
    for lib in (facula, torch):
        x = whole(lib)
        program(lib, x).backward()
        y = whole(lib)
        (g,) = lib.autograd.grad(program(lib, y), [y], create_graph=True)
        (second,) = lib.autograd.grad((g * g).sum() + g.sum() * 2 + y.sum(), [y])
        found.append((x.grad, g, second))
    for ours, theirs in zip(*found):
        close(ours, theirs)


def test_gradients_of_the_parts_themselves():
    found = []
    for lib in (facula, torch):
        x = whole(lib)
        a, b, _ = (x * 3).chunk(3, 1)
        z = (a.exp() * b).sum() + a.sum()
        found.append([g for g in lib.autograd.grad(z, [a, b, x], retain_graph=True)])
        found[-1] += lib.autograd.grad(z, [b])
    for ours, theirs in zip(*found):
        close(ours, theirs)


def test_hooks_and_kept_gradients_of_parts():
    found = []
    for lib in (facula, torch):
        x, seen = whole(lib), []
        y = x * 3
        a, b, c = y.chunk(3, 1)
        a.register_hook(lambda g, seen=seen: seen.append(g) or g * 2)
        b.retain_grad()
        y.register_hook(seen.append)
        (a * b * a + c.tanh()).sum().backward()
        found.append([*seen, b.grad, x.grad])
    for ours, theirs in zip(*found, strict=True):
        close(ours, theirs)


@pytest.mark.parametrize("lib", [facula, torch], ids=["facula", "torch"])
def test_a_hook_may_not_change_the_size(lib):
    x = whole(lib)
    a, b = x.chunk(2, 1)
    a.register_hook(lambda g: g[:1])
    with pytest.raises(RuntimeError, match="has changed the size of value"):
        (a * b).sum().backward()
    assert x.grad is None


def test_a_second_pass_adds_the_same():
    x = whole(facula)
    z = all_used(facula, x)
    z.backward(retain_graph=True)
    once = x.grad.clone()
    z.backward()
    close(x.grad, torch.from_numpy((once * 2).numpy()))


def test_a_value_that_a_rule_needs_must_not_be_written():
    x = whole(facula)
    a, b = (x * 2).chunk(2, 1)
    z = (a * b).sum()
    a.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


def test_parts_share_one_node():
    parts = (whole(facula) * 2).chunk(3, 1)
    assert len({id(p._node.node) for p in parts}) == 1
    assert all(p._base is parts[0]._base for p in parts)
