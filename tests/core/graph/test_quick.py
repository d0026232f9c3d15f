"""Compiled programs called the quick way, by builtins in C, and without these: the same results, and captures for the same reasons."""

from __future__ import annotations

import collections
import gc
import sys
import threading
import weakref

import numpy as np
import pytest

import facula
from facula import nn, optim
from facula.graph import quick
from facula.graph.runtime import CompilerMissing, calls, shared_library, unit
from facula.nn import functional as F

try:
    unit.compiler()
except CompilerMissing as error:
    pytest.skip(str(error), allow_module_level=True)


@pytest.fixture(autouse=True, scope="module")
def compiled_in_little_time():
    """Programs that need not be fast."""
    shared_library(), calls.has_builtins()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unit, "FLAGS", (*unit.FLAGS, "-O0"))
        yield


@pytest.fixture(params=["in C", "in Python"])
def served(request, monkeypatch):
    """Which calls were served the quick way: none of them `in Python`, where the builtins are left out."""
    if request.param == "in Python":
        monkeypatch.setattr(calls, "_unit", lambda: None)
    else:
        assert calls.has_builtins()
    found, make = Served(request.param == "in C"), quick.builtin

    def counted(name, *tables):
        call = make(name, *tables)

        def counting(*given):
            result = call(*given)
            found.calls += result is not quick.MISSED
            return result

        return counting

    monkeypatch.setattr(quick, "builtin", counted)
    return found


class Served:
    def __init__(self, has_builtins):
        self.has_builtins, self.calls = has_builtins, 0

    def since(self, before, n):
        """Whether n calls were served the quick way since `before`, or none without builtins."""
        return self.calls - before == n * self.has_builtins


class Slots:
    __slots__ = ("empty", "number")


class World:
    """What a function reaches, of all the kinds that are looked at."""

    factor = 2.0

    def __init__(self):
        self.scale, self.items, self.table = 2.0, [1.0, 2.0], {"a": 1.0, "b": 2.0}
        self.nothing, self.by_default = {}, collections.defaultdict(float, a=1.5)
        self.queue, self.ordered = collections.deque([1.0, 3.0]), collections.OrderedDict(a=1.0, b=2.0)  # fmt: skip
        self.weight, self.slots = facula.tensor([0.5, -1.5]), Slots()
        self.slots.number = 1.0
        self.tied = self.weight

    def function(self):
        world, cell = self, 1.25

        def f(x, power=2.0):
            a = x * world.scale + world.items[0] - world.factor * len(world.nothing)
            b = a * world.table["a"] + sum(n * v for n, v in enumerate(world.ordered.values()))
            c = b * world.by_default["a"] - world.queue[1] + getattr(world.slots, "empty", 0.0)
            return (c * cell + world.weight * world.slots.number).pow(power).sum() + power

        def set_cell(value):
            nonlocal cell
            cell = value

        self.f, self.set_cell = f, set_cell
        return f


def put(name, value):
    return lambda w: setattr(w, name, value() if callable(value) else value)


#: What is changed, and whether the function must be captured anew.
CHANGES = {
    "nothing": (lambda w: None, False),
    "attribute": (put("scale", 3.0), True),
    "attribute, another type": (put("scale", 2), True),
    "attribute, an equal one": (put("scale", lambda: float("2.0")), False),
    "attribute, a new one": (put("new", 1), True),
    "attribute gone and back": (lambda w: w.__dict__.update(scale=w.__dict__.pop("scale")), True),
    "list item": (lambda w: w.items.__setitem__(0, 5.0), True),
    "list item, an equal one": (lambda w: w.items.__setitem__(0, float("1.0")), False),
    "list longer": (lambda w: w.items.append(5.0), True),
    "dict value": (lambda w: w.table.__setitem__("a", 5.0), True),
    "dict key": (lambda w: w.table.__setitem__("c", 5.0), True),
    "dict key, another name": (lambda w: w.table.__setitem__("c", w.table.pop("b")), True),
    "empty dict filled": (lambda w: w.nothing.__setitem__("a", 1), True),
    "default dict": (lambda w: w.by_default.__setitem__("a", 2.0), True),
    "deque": (lambda w: w.queue.rotate(1), True),
    "order": (lambda w: w.ordered.move_to_end("a"), True),
    "cell": (lambda w: w.set_cell(2.0), True),
    "slot": (lambda w: setattr(w.slots, "number", 4.0), True),
    "empty slot": (lambda w: setattr(w.slots, "empty", 4.0), True),
    "default of an argument": (lambda w: setattr(w.f, "__defaults__", (3.0,)), True),
    "class attribute": (lambda w: setattr(type(w), "factor", 3.0), True),
    "tensor exchanged": (put("weight", lambda: facula.tensor([1.0, 2.0])), True),
    "tensor written": (lambda w: w.weight.fill_(3.0), False),
    "tensor's data exchanged": (lambda w: setattr(w.weight, "data", facula.ones(2)), False),
    "tensor of another shape": (lambda w: setattr(w.weight, "data", facula.ones(1)), True),
    "tensor of another type": (
        lambda w: setattr(w.weight, "data", facula.ones(2, dtype=facula.int32)),
        True,
    ),
    "tensor to be differentiated": (lambda w: w.weight.requires_grad_(), True),
    "default type": (lambda w: facula.set_default_dtype(facula.float64), True),
    "threads": (lambda w: facula.set_num_threads(3), True),
    "grad mode": (lambda w: facula.set_grad_enabled(False), True),
}


@pytest.fixture
def settings():
    """Puts back what the cases change."""
    before = facula.get_default_dtype(), facula.get_num_threads()
    yield
    facula.set_default_dtype(before[0])
    facula.set_num_threads(before[1])
    facula.set_grad_enabled(True)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen_at_the_next_call(name, served, settings):
    change, anew = CHANGES[name]
    world = type("World", (World,), {"factor": 2.0, "__module__": __name__})()
    f = world.function()
    fast, x = facula.compile(f, backend="c"), facula.tensor([1.0, 2.0])
    for _ in range(4):
        assert float(fast(x)) == pytest.approx(float(f(x)), rel=1e-6)
    assert served.since(0, 2)
    fast.compiler = replay  # what is captured anew
    change(world)
    for _ in range(5):
        assert float(fast(x)) == pytest.approx(float(f(x)), rel=1e-6)
    assert fast.captures == 1 + anew
    before = served.calls
    fast(x)
    assert served.since(before, 0 if anew else 1)


def replay(graph, backend):
    """A compiler that leaves it."""


def ones(*shape, **options):
    return facula.ones(*shape, **options)


X, Y, BIG = ones(2, 3), facula.full((2, 3), 5.0), 10**6
ROWS = ones(4, 3)
FIRST, FROZEN = ROWS[:2], nn.Parameter(X, requires_grad=False)
TRACKED = ones(2, 3, requires_grad=True)
#: Calls of (args, kwargs) after some of f(X, Y, 2.0), and how many of them need a capture.
CALLS = {
    "the same": ([((X, Y, 2.0), {}), ((Y, X, 2.0), {})], 0),
    "an equal number": ([((X, Y, float("2.0")), {})], 0),
    "another type": ([((X, Y, 2), {}), ((X, Y, True), {}), ((X, Y, None), {})], 3),
    "an equal large number": ([((X, Y, BIG), {}), ((X, Y, int("1000000")), {})], 1),
    "an equal tuple": ([((X, Y, (1.0, 2.0)), {}), ((X, Y, tuple([1.0, 2.0])), {})], 1),
    "a list that changes": ([((X, Y, [1.0]), {}), ((X, Y, [2.0]), {}), ((X, Y, [1.0]), {})], 2),
    "an array that changes": ([((X, Y, np.ones(1)), {}), ((X, Y, np.zeros(1)), {})], 2),
    "sizes": ([((ones(1, 3), Y, 2.0), {}), ((ones(3), Y, 2.0), {}), ((ones(), Y, 2.0), {})], 3),
    "no elements": ([((ones(0, 3), ones(0, 3), 2.0), {})], 1),
    "strides": ([((ones(3, 2).t(), Y, 2.0), {}), ((ones(2, 6)[:, ::2], Y, 2.0), {})], 2),
    "numbers of another type": ([((X.double(), Y, 2.0), {}), ((X.int(), Y, 2.0), {})], 2),
    "one tensor twice": ([((X, X, 2.0), {}), ((Y, Y, 2.0), {})], 1),
    "views of one": (
        [((FIRST, Y, 2.0), {}), ((FIRST, FIRST, 2.0), {}), ((FIRST, ROWS[:2], 2.0), {})],
        2,
    ),
    "tracked": ([((TRACKED, Y, 2.0), {}), ((TRACKED[:], Y, 2.0), {})], 1),
    "a parameter": ([((FROZEN, Y, 2.0), {}), ((nn.Parameter(X, False), Y, 2.0), {})], 2),
    "by name": ([((X,), {"y": Y, "n": 2.0}), ((X,), {"n": 2.0, "y": Y}), ((X, Y), {"n": 2.0})], 3),
    "in another order": ([((), {"x": X, "y": Y}), ((), {"y": X, "x": Y})], 2),
    "fewer": ([((X, Y), {}), ((X,), {"y": Y})], 2),
}


def combine(x, y, n=2.0):
    n = sum(n) if isinstance(n, (tuple, list)) else 1.0 if n is None else n
    return x * 2.0 + y * facula.tensor(n, dtype=facula.float32) - x.sum(-1, keepdim=True)


@pytest.mark.parametrize("name", CALLS)
def test_arguments_are_compared_as_ever(name, served):
    made, captures = CALLS[name]
    f = facula.compile(combine, backend="c")
    for _ in range(3):
        f(X, Y, 2.0)
    thrice = [call for call in made for _ in range(3)]
    for args, kwargs in [*thrice, *made]:
        got, expected = f(*args, **kwargs), combine(*args, **kwargs)
        assert got.dtype == expected.dtype and got.requires_grad == expected.requires_grad
        np.testing.assert_array_equal(got.detach().numpy(), expected.detach().numpy())
    assert f.captures == 1 + captures


def train(fast, returns_arguments, steps=6):
    """Losses and parameters of a few steps that use all that a program may read or change."""
    facula.manual_seed(0)
    model = nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 8), nn.Dropout(0.3), nn.Linear(8, 2))
    optimizer = optim.Adam(model.parameters(), lr=0.01)

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        if returns_arguments:
            return {"loss": loss, "input": x, "rows": y[:2]}
        return {"loss": loss, "nothing": None}

    step, losses = fast(step), []
    for i in range(steps):
        optimizer.param_groups[0]["lr"] *= 0.9
        x, y = facula.randn(4, 6), facula.tensor([0, 1, 1, i % 2])
        found = step(x, y)
        if returns_arguments:
            assert found["input"] is x and found["rows"].tolist() == y[:2].tolist()
        losses.append(found["loss"].item())
    return losses, [v for p in model.parameters() for v in (p, p.grad)] + list(model.buffers())


def test_calls_that_are_differentiated_outside(served):
    facula.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))
    twin = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))
    twin.load_state_dict(model.state_dict())
    fast, x = facula.compile(model, backend="c"), facula.randn(5, 3, requires_grad=True)
    for _ in range(5):
        found = []
        for net, run in ((twin, twin), (model, fast)):
            y = run(x * 2)
            leaves = [x, *net.parameters()]
            first = facula.autograd.grad(y.square().sum(), leaves, create_graph=True)
            second = facula.autograd.grad(sum(g.square().sum() for g in first), leaves)
            facula.autograd.backward([run(x).sin().sum()])
            found.append([y, *first, *second, *(p.grad for p in net.parameters()), *net.buffers()])
        for mine, eager in zip(found[1], found[0], strict=True):
            np.testing.assert_allclose(mine.detach().numpy(), eager.detach().numpy(), 2e-4, 2e-5)
    assert served.since(0, 8)  # all but the first two
    y = fast(x)
    with facula.no_grad():
        model[3].weight.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    assert served.since(0, 9)


@pytest.mark.parametrize("returns_arguments", [False, True])
def test_training_reads_numbers_and_writes_as_it_does_in_python(returns_arguments, served):
    losses, tensors = train(lambda f: facula.compile(f, backend="c"), returns_arguments)
    assert served.since(0, 4)
    expected, expected_tensors = train(lambda f: f, returns_arguments)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    for a, b in zip(tensors, expected_tensors):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("returns_argument", [False, True])
def test_gradients_take_the_memory_of_those_that_they_replace(returns_argument, served):
    weight, places = nn.Parameter(facula.zeros(5000)), set()

    def step(x):
        weight.grad = None
        loss = (weight * x).sum()
        loss.backward()
        return (loss, x) if returns_argument else loss  # handed out by Python, or by C

    step = facula.compile(step, backend="c")
    for i in range(6):
        step(facula.full((5000,), float(i)))
        assert weight.grad[0].item() == i
        places.add(weight.grad.data_ptr())
    assert len(places) == 1 and served.since(0, 4)


def test_numbers_that_become_zero_are_seen(served):
    weight = nn.Parameter(ones(2))
    optimizer = optim.SGD([weight], lr=0.5, momentum=0.0)

    def step(x):
        optimizer.zero_grad()
        (weight * x).sum().backward()
        optimizer.step()

    step = facula.compile(step, backend="c")
    for _ in range(4):
        step(ones(2))
    assert step.captures == 1
    optimizer.param_groups[0]["weight_decay"] = 1.0
    step(ones(2))
    assert step.captures == 2 and weight.tolist() == [-1.0, -1.0]


def test_what_is_not_updated_where_it_is_gets_copied(served, monkeypatch):
    """Adam's counts of steps among them; by C, so that nothing is left to Python after the run."""
    monkeypatch.setattr(quick, "_finish", None)
    models = [nn.Sequential(*(nn.Linear(3, 3) for _ in range(5))) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    optimizers = [optim.Adam(m.parameters(), lr=0.01) for m in models]
    steps = []
    for model, optimizer in zip(models, optimizers):

        def step(x, model=model, optimizer=optimizer):
            optimizer.zero_grad()
            loss = model(x).square().sum()
            loss.backward()
            optimizer.step()
            return loss

        steps.append(step)
    fast = facula.compile(steps[1], backend="c")
    for _ in range(6):
        np.testing.assert_allclose(fast(ones(2, 3)).item(), steps[0](ones(2, 3)).item(), rtol=1e-5)
    assert served.calls or not served.has_builtins
    program = fast.last
    assert not all(program.code.writes_in_place(out) for _, out, _ in program.writes)
    for a, b in zip(*(o.state.values() for o in optimizers)):
        assert (
            a["step"].item() == b["step"].item() == 6 and a["step"]._version == b["step"]._version
        )
        for name in ("exp_avg", "exp_avg_sq"):
            np.testing.assert_allclose(b[name].numpy(), a[name].numpy(), rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize("is_given", [False, True])
def test_writes_are_counted(is_given, served):
    """So that a backward pass that needs what was there before is refused."""
    held, given = facula.zeros(3), facula.zeros(3)
    written = given if is_given else held

    def f(x):
        written.add_(1.0)
        return x * 2.0

    fast = facula.compile(f, backend="c")
    for i in range(5):
        before = written._version
        assert fast(given).tolist() == [2.0 * (i + 1) * is_given] * 3
        assert written._version == before + 1 and written.tolist() == [i + 1.0] * 3
    assert served.since(0, 3)


@pytest.mark.parametrize("change", [lambda p, x: p + x, lambda p, x: p.flip(0) + x])
def test_memory_that_is_only_read_is_not_written(change, served):
    """Neither in place nor by a copy: such memory may be a file's."""
    array = np.arange(2000, dtype=np.float32)
    array.flags.writeable = False
    p = facula.from_numpy(array)
    f = facula.compile(lambda x: p.copy_(change(p, x)).sum(), backend="c")
    for _ in range(4):
        with pytest.raises(ValueError, match="read-only"):
            f(ones(2000))
    np.testing.assert_array_equal(array, np.arange(2000))


def test_a_gradient_that_is_replaced_is_returned_as_it_was(served):
    p = nn.Parameter(ones(4))

    def step(x):
        before, p.grad = p.grad, None
        (p * x).sum().backward()
        return before, x

    step = facula.compile(step, backend="c")
    found = [step(facula.full((4,), float(i)))[0] for i in range(1, 6)]
    assert found[0] is None and [g.tolist() for g in found[1:]] == [
        [float(i)] * 4 for i in range(1, 5)
    ]


def test_results_have_memory_of_their_own(served):
    f = facula.compile(lambda x: (x + 1.0, x[:2] * 2.0), backend="c")
    kept = [f(facula.full((2000,), float(i))) for i in range(9)]
    assert all(a[0].item() == i + 1.0 and b[0].item() == 2.0 * i for i, (a, b) in enumerate(kept))
    assert served.since(0, 7)


def test_an_error_of_a_program_is_raised_each_time(served):
    table = facula.tensor([1.0, 2.0, 3.0])
    f = facula.compile(lambda i: table[i], backend="c")
    for at in (0, 1, 2, 9, 1, -7, 2):
        if abs(at) > 3:
            with pytest.raises(IndexError, match="out of"):
                f(facula.tensor([at]))
        else:
            assert f(facula.tensor([at])).item() == at + 1.0


def test_programs_of_other_compilers_are_called_in_the_general_way(served):
    class Run:
        owns_outputs = True

        def hold(self, held):
            """Nothing to be done."""

        def __call__(self, arrays, options):
            return [np.ones(2, np.float32)]

    f = facula.compile(lambda: ones(2) * 1.0, backend=lambda graph, backend: Run())
    assert [f().tolist() for _ in range(4)] == [[1.0, 1.0]] * 4
    assert served.calls == 0


def test_an_emptied_cell_is_the_users_error(served):
    cell = 2.0

    def f(x):
        return x * cell

    def empty():
        nonlocal cell
        del cell

    fast, x = facula.compile(f, backend="c"), facula.tensor([1.0])
    assert [fast(x).item() for _ in range(3)] == [2.0] * 3
    empty()
    with pytest.raises(NameError, match="cell"):
        fast(x)


def test_nothing_is_kept_alive_by_itself(served):
    world = World()
    fast = facula.compile(world.function(), backend="c")
    for _ in range(3):
        fast(facula.tensor([1.0, 2.0]))
    weight, world = weakref.ref(world.weight), weakref.ref(world)
    del fast
    gc.collect()
    assert world() is None and weight() is None


@pytest.fixture
def hasty():
    """Threads take turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def while_disturbed(changes, work):
    """Runs `work` while a thread makes the changes, again and again."""
    stop = threading.Event()

    def disturb():
        while not stop.is_set():
            for change in changes:
                change()

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        work()
    finally:
        stop.set()
        thread.join()


def test_what_is_looked_at_may_change_meanwhile(hasty):
    """Nothing that a builtin looks at is freed, and nothing of what it finds is an error."""
    world = World()
    fast = facula.compile(world.function(), backend="c")
    for _ in range(3):
        fast(facula.tensor([1.0, 2.0]))
    same = fast.quick[0].guards.same_in_c
    found = set()
    while_disturbed(
        [
            world.table.clear, lambda: world.table.update(a=object(), b=2.0, c=[]), world.items.clear,
            lambda: world.items.extend([1.0, object()]), lambda: world.queue.append(0), world.queue.popleft,
            world.by_default.clear, lambda: world.ordered.update(c=0), world.ordered.popitem,
            lambda: world.__dict__.update(extra=object()), lambda: world.__dict__.pop("extra"),
            lambda: setattr(world, "weight", None), lambda: world.set_cell(object()), lambda: delattr(world.slots, "number"),
            lambda: setattr(world.slots, "number", object()),
        ],
        lambda: found.update(same() for _ in range(30_000)),
    )  # fmt: skip
    assert found <= {True, False} and same() is False


def test_data_may_be_exchanged_meanwhile(hasty):
    """A call sees what there was before, or what there is now, of two tensors of other sizes."""
    weight = facula.tensor([1.0, 2.0])
    f = facula.compile(lambda x: (x * weight).sum(), backend="c")
    one, two, seen = facula.full((1,), 5.0), facula.tensor([1.0, 2.0]), set()
    for data in (one, two) * 4:
        weight.data = data
        f(ones(2))

    def call():
        for _ in range(300):
            try:
                seen.add(f(ones(2)).item())
            except RuntimeError:  # given other data by another thread
                seen.add(RuntimeError)

    while_disturbed([lambda: setattr(weight, "data", one), lambda: setattr(weight, "data", two)], call)  # fmt: skip
    assert seen <= {3.0, 10.0, RuntimeError}
