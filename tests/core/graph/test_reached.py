"""What a function reaches by itself is guarded: after any change a compiled function does what eager does."""

from __future__ import annotations

import collections
import dataclasses
import enum
import functools
import sys
import types
from copy import deepcopy

import numpy as np
import pytest

import facula
from facula import nn, optim
from facula.graph import CaptureError
from facula.nn import functional as F

X = facula.tensor([1.0, 2.0])

SCALE, LIST, DICT, SET = 2.0, [1.0, 2.0], {"a": 1.0}, {1, 2}


class Settings:
    scale = 2.0
    options = {"k": 1.0}


settings = types.ModuleType("settings_of_a_user")
settings.scale, settings.double = 2.0, lambda x: x * 2


def helper(x, k=[1.0]):  # noqa: B006
    return x * k[0]


def put(name, value):
    return lambda: globals().__setitem__(name, value)


def of(place, key, value):
    """A change of an item of a container, or of an attribute."""
    if isinstance(place, (dict, list, collections.deque)):
        return lambda: place.__setitem__(key, value)
    return lambda: setattr(place, key, value)


# Each makes a function of one tensor and the changes after which it does something else.


def globals_of_all_kinds():
    return lambda x: x * SCALE * LIST[1] * DICT["a"], [
        put("SCALE", 3.0), of(LIST, 1, 5.0), of(DICT, "a", 4.0),
    ]  # fmt: skip


def missing_key():
    return lambda x: x * DICT.get("new", 1.0), [of(DICT, "new", 4.0), lambda: DICT.pop("new")]


def members_of_a_set():
    return lambda x: x * (2.0 if 3 in SET else 1.0), [
        lambda: SET.add(3), lambda: (SET.remove(3), SET.add(4)),
    ]  # fmt: skip


def attributes_of_a_module():
    return lambda x: settings.double(x) * settings.scale, [
        of(settings, "scale", 3.0), of(settings, "double", lambda x: x * 7),
    ]  # fmt: skip


def class_as_namespace():
    return lambda x: x * Settings.scale * Settings.options["k"], [
        of(Settings, "scale", 3.0), of(Settings.options, "k", 5.0),
    ]  # fmt: skip


def global_function():
    return lambda x: helper(x), [
        of(helper.__defaults__[0], 0, 4.0), put("helper", lambda x: x * 9),
    ]  # fmt: skip


def class_attribute():
    class M(nn.Module):
        scale = 2.0

        def forward(self, x):
            return x * self.scale

    m = M()
    return m, [of(M, "scale", 3.0), of(m, "scale", 4.0), lambda: delattr(m, "scale")]


def methods_and_properties_that_use_globals():
    class Base(nn.Module):
        def scaled(self, x):
            return x * SCALE

    class M(Base):
        def forward(self, x):
            return self.scaled(x) + self.shift

        @property
        def shift(self):
            return DICT["a"]

    return M(), [put("SCALE", 11.0), of(DICT, "a", 44.0)]


def methods_that_are_replaced():
    class M(nn.Module):
        def forward(self, x):
            return self.part(x)

        def part(self, x):
            return x

    m = M()
    return m, [
        of(M, "part", lambda self, x: x * 3), of(m, "part", lambda x: x * 5), of(M, "forward", lambda self, x: x * 8),
    ]  # fmt: skip


def slots():
    class Slots:
        __slots__ = ("v",)

    s = Slots()
    s.v = 2.0
    return lambda x: x * s.v, [of(s, "v", 3.0)]


def values_of_an_array():
    a = np.array([1.0, 2.0], np.float32)
    return lambda x: x * facula.tensor(a), [lambda: a.__setitem__(0, 7.0)]


def defaults():
    def f(x, n=2.0, *, k=[3.0]):  # noqa: B006
        return x * n * k[0]

    return f, [
        of(f, "__defaults__", (5.0,)), of(f.__kwdefaults__["k"], 0, 9.0), of(f, "__kwdefaults__", {"k": [1.0]}),
    ]  # fmt: skip


def nested_closures():
    a = [2.0]

    def outer():
        b = 3.0

        def inner(x):
            return x * a[0] * b

        return inner

    @functools.wraps(outer)
    def wrapped(x, made=outer()):
        return made(x)

    return wrapped, [of(a, 0, 5.0)]


def order_of_a_dict():
    d = {"a": 2.0, "b": 3.0}

    def f(x):
        for v in d.values():
            x = x * v + 1
        return x

    return f, [lambda: d.update(a=d.pop("a"))]


def deque_and_dict_of_lists():
    q, d = collections.deque([1.0, 2.0]), {"a": [1.0, {"b": 2.0}]}
    return lambda x: x * q[0] * d["a"][1]["b"], [
        of(q, 0, 5.0), of(d["a"][1], "b", 3.0), of(d, "a", [1.0, {"b": 7.0}]),
    ]  # fmt: skip


def attribute_that_comes_and_goes():
    s = types.SimpleNamespace(v=2.0)
    return lambda x: x * getattr(s, "w", s.v), [of(s, "w", 5.0), lambda: delattr(s, "w")]


def bound_method_in_a_partial():
    class M:
        k = 2.0

        def f(self, a, x):
            return x * a * self.k

    m = M()
    return functools.partial(m.f, 3.0), [of(m, "k", 5.0)]


def lists_and_dicts_of_modules():
    parts = [nn.Linear(2, 2), nn.Linear(2, 2)]
    more, named = nn.ModuleList([nn.Linear(2, 2)]), nn.ModuleDict({"a": nn.Linear(2, 2)})

    def f(x):
        for m in (*parts, *more, *named.values()):
            x = m(x)
        return x

    return f, [
        lambda: parts.append(nn.Linear(2, 2)), of(parts, 0, nn.Linear(2, 2)), lambda: more.append(nn.Linear(2, 2)),
        lambda: named.update({"b": nn.Linear(2, 2)}), lambda: named.update({"b": nn.Identity()}), parts.reverse,
    ]  # fmt: skip


def parameters_that_are_replaced():
    m = nn.Linear(2, 2)

    def wider():
        m.weight = nn.Parameter(facula.ones(3, 2))

    return m, [
        of(m, "weight", nn.Parameter(facula.ones(2, 2))), lambda: nn.init.constant_(m.weight, 4.0),
        lambda: setattr(m.weight, "data", facula.full((2, 2), 3.0)), of(m, "bias", None), wider,
    ]  # fmt: skip


def buffer_that_may_be_none():
    class M(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("b", None)

        def forward(self, x):
            return x if self.b is None else x * self.b

    m = M()
    return m, [of(m, "b", X * 3), of(m, "b", X * 5), lambda: m.b.fill_(2.0), of(m, "b", None)]


def hooks():
    m, handles = nn.Linear(2, 2), []
    return m, [
        lambda: handles.append(m.register_forward_hook(lambda m, i, out: out * 2)), lambda: handles[0].remove(),
    ]  # fmt: skip


def hooks_of_all_modules():
    m, handles = nn.Linear(2, 2), []
    register = nn.modules.module.register_module_forward_hook
    return m, [
        lambda: handles.append(register(lambda m, i, out: out * 2)), lambda: handles[0].remove(),
    ]  # fmt: skip


def hooks_of_the_state_dict():
    m = nn.Linear(2, 2)

    def doubled(m, state, prefix, metadata):
        state["bias"] = state["bias"] * 2

    return lambda x: x + m.state_dict()["bias"], [lambda: m.register_state_dict_post_hook(doubled)]


def inner_compiled_function():
    k = [2.0]
    inner = facula.compile(lambda x: x * k[0])
    return lambda x: inner(x) + 1, [of(k, 0, 3.0)]


CASES = [
    globals_of_all_kinds, missing_key, members_of_a_set, attributes_of_a_module, class_as_namespace, global_function,
    class_attribute, methods_and_properties_that_use_globals, methods_that_are_replaced, slots, values_of_an_array,
    defaults, nested_closures, order_of_a_dict, deque_and_dict_of_lists, attribute_that_comes_and_goes,
    bound_method_in_a_partial, lists_and_dicts_of_modules, parameters_that_are_replaced, buffer_that_may_be_none, hooks,
    hooks_of_all_modules, hooks_of_the_state_dict,
    inner_compiled_function,
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
def test_a_change_is_found_and_nothing_else_is_captured(case, monkeypatch):
    for name in ("SCALE", "helper"):
        monkeypatch.setitem(globals(), name, globals()[name])
    monkeypatch.setitem(sys.modules, settings.__name__, settings)
    f, changes = case()
    compiled = facula.compile(f)
    counted = getattr(compiled, "compiled", compiled)
    captures = []
    for change in (lambda: None, *changes):
        change()
        for _ in range(2):
            np.testing.assert_allclose(
                compiled(X).detach().numpy(), f(X).detach().numpy(), rtol=1e-6
            )
        captures.append(counted.captures)
    assert captures[-1] <= 1 + len(changes)
    assert len(counted.recompilations) == captures[-1] - 1


# ---- optimizers


def group(key, value):
    return lambda o, m: o.param_groups[0].__setitem__(key, value)


def reload(o, m):
    state = deepcopy(o.state_dict())
    for values in state["state"].values():
        for key in values:
            if isinstance(values[key], facula.Tensor) and key != "step":
                values[key] = values[key] * 0.5
    o.load_state_dict(state)


@pytest.mark.parametrize(
    ("make", "changes"),
    [
        (lambda m: optim.SGD(m.parameters(), lr=0.01),
         [group("lr", 0.02), group("momentum", 0.9), group("momentum", 0.5), group("weight_decay", 0.1),
          group("nesterov", True), group("maximize", True), reload]),
        (lambda m: optim.AdamW(m.parameters(), lr=0.01),
         [group("lr", 0.02), group("betas", (0.5, 0.9)), group("eps", 0.1), group("weight_decay", 0.0), reload,
          lambda o, m: o.state.clear(), lambda o, m: m.weight.requires_grad_(False)]),
        (lambda m: optim.SGD(m.parameters(), lr=facula.tensor(0.01)),
         [lambda o, m: o.param_groups[0]["lr"].fill_(0.05), group("lr", facula.tensor(0.002)), group("lr", 0.1)]),
        (lambda m: optim.SGD([m.weight], lr=0.01),
         [lambda o, m: o.add_param_group({"params": [m.bias], "lr": 0.1})]),
    ],
    ids=["SGD", "AdamW", "lr as a tensor", "another group"],
)  # fmt: skip
def test_changes_of_an_optimizer_are_found(make, changes):
    def run(compiles):
        facula.manual_seed(0)
        m = nn.Linear(2, 1)
        o = make(m)

        def step(x):
            o.zero_grad()
            m(x).pow(2).sum().backward()
            o.step()

        call = facula.compile(step) if compiles else step
        weights = []
        for change in (lambda o, m: None, *changes):
            change(o, m)
            for _ in range(3):
                call(X)
            weights.append(m.weight.detach().numpy().copy())
        return weights

    for i, (a, b) in enumerate(zip(run(True), run(False), strict=True)):
        np.testing.assert_allclose(a, b, rtol=1e-4, err_msg=f"after change {i}")


class Own(optim.Optimizer):
    """One of the user's: what it reads are Python's numbers."""

    def __init__(self, params):
        super().__init__(params, {"lr": 0.1, "betas": (0.5, 0.2)})
        self.factor = 1.0

    @facula.no_grad()
    def step(self):
        for group in self.param_groups:
            lr = group["lr"] * self.factor * sum(group["betas"])
            for p in group["params"]:
                p.sub_(p.grad * lr)


def test_changes_of_an_optimizer_of_the_users_own_are_found():
    changes = [
        (2, lambda o: o.param_groups[0].update(lr=0.2)), (3, lambda o: o.param_groups[0].update(betas=(0.5, 0.6))),
        (4, lambda o: setattr(o, "factor", 2.0)), (4, lambda o: o.param_groups[0].update(lr=0.1 + 0.1)),
    ]  # fmt: skip

    def run(compiles):
        facula.manual_seed(0)
        m = nn.Linear(2, 1)
        o = Own(m.parameters())

        def step(x):
            o.zero_grad()
            m(x).pow(2).sum().backward()
            o.step()

        call = facula.compile(step) if compiles else step
        weights = []
        for captures, change in [(1, lambda o: None), *changes]:
            change(o)
            for _ in range(2):
                call(facula.ones(1, 2) * 0.1)
            weights.append(m.weight.detach().clone())
            assert not compiles or call.captures == captures
        return facula.stack(weights)

    np.testing.assert_allclose(run(True).numpy(), run(False).numpy(), rtol=1e-5)


class Counting(optim.Adam):
    """What is counted outside the compiled function is named by none that it reaches."""

    def __init__(self, params):
        super().__init__(params, lr=0.1)
        self.seen = self.factor = 1
        self.hidden = 1.0

    def count(self):
        self.seen += 1

    def grow(self):
        self.hidden += 1.0


READS = {  # captures of three calls, with a number that changes between them
    "nothing": (lambda o: 1.0, Counting.count, 1),
    "the number": (lambda o: o.seen, Counting.count, 3),
    "another one": (lambda o: o.factor, Counting.count, 1),
    "by a string": (lambda o: getattr(o, "hid" + "den"), Counting.grow, 3),
    "all of them": (lambda o: vars(o)["hid" + "den"], Counting.grow, 3),
    "whether there are more": (lambda o: 1.0, lambda o: setattr(o, f"n{len(vars(o))}", 0), 3),
}


@pytest.mark.parametrize("name", READS)
def test_numbers_of_an_optimizer_count_where_a_function_names_them(name):
    read, change, captures = READS[name]

    def run(compiles):
        w = facula.ones(2, requires_grad=True)
        o = Counting([w])

        def step(x):
            o.zero_grad()
            (w * x).sum().backward()
            o.step()
            return x.sum() * read(o)

        call = facula.compile(step) if compiles else step
        found = []
        for _ in range(3):
            found.append([call(facula.ones(2)).item(), *w.tolist()])
            change(o)
        assert not compiles or call.captures == captures
        return found

    np.testing.assert_allclose(run(True), run(False), rtol=1e-6)


class Decaying(optim.SGD):
    @facula.no_grad()
    def step(self):
        super().step()
        for group in self.param_groups:
            for p in group["params"]:
                p.mul_(1 - group["lr"])


@pytest.mark.parametrize(
    ("kind", "read", "captures"),
    [
        (optim.SGD, lambda o, s: o.param_groups[0]["lr"], 3),
        (optim.SGD, lambda o, s: s.get_last_lr()[0], 3),
        (optim.SGD, lambda o, s: float(s.last_epoch), 3),
        (Decaying, lambda o, s: 0.0, 3),
        (optim.SGD, lambda o, s: float(len(o.param_groups[0]["params"])), 1),
    ],
)
def test_what_a_function_reads_of_optimizers_and_schedulers_itself(kind, read, captures):
    def run(compiles):
        w = facula.ones(2, requires_grad=True)
        o = kind([w], lr=0.5)
        s = optim.lr_scheduler.ExponentialLR(o, 0.5)

        def step(x):
            o.zero_grad()
            (w * x).sum().backward()
            o.step()
            return x.sum() * read(o, s)

        call = facula.compile(step) if compiles else step
        found = []
        for _ in range(3):
            found.append([call(facula.ones(2)).item(), *w.tolist()])
            s.step()
        assert not compiles or call.captures == captures
        return found

    np.testing.assert_allclose(run(True), run(False), rtol=1e-6)


def test_a_number_that_is_read_at_each_call_is_not_compared():
    w = facula.ones(2, requires_grad=True)

    class Simple(optim.Optimizer):
        @facula.no_grad()
        def step(self):
            for group in self.param_groups:
                lr = facula.graph.runtime_scalar(lambda: group["lr"])  # noqa: B023
                for p in group["params"]:
                    p.sub_(p.grad * lr)

    o = Simple([w], {"lr": 0.5})

    @facula.compile
    def step():
        w.grad = None
        w.sum().backward()
        o.step()

    for lr, expected in ((0.5, 0.5), (0.25, 0.25), (1.0, -0.75)):
        o.param_groups[0]["lr"] = lr
        step()
        assert w.tolist() == [expected] * 2
    assert step.captures == 1


def test_a_scheduler_stepped_inside_is_refused():
    m = nn.Linear(2, 1)
    o = optim.SGD(m.parameters(), lr=0.1)
    scheduler = optim.lr_scheduler.StepLR(o, 1, gamma=0.5)

    @facula.compile
    def step(x):
        o.zero_grad()
        m(x).sum().backward()
        o.step()
        scheduler.step()

    with pytest.raises(CaptureError, match=r"changes o\.param_groups\[0\]\['lr'\] from 0\.1 to 0\.05"):  # fmt: skip
        step(X)


# ---- arguments


@dataclasses.dataclass(frozen=True)
class Batch:
    x: object
    n: float = 1.0


class Kind(enum.Enum):
    A = 1.0
    B = 2.0


Pair = collections.namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    "make",
    [
        lambda x: Batch(x, 2.0), lambda x: collections.OrderedDict(x=x), lambda x: {"a": [x, (x, None)]}, lambda x: Pair(x, 2.0),
        lambda x: collections.defaultdict(list, x=x),
    ],
)  # fmt: skip
def test_containers_are_taken_and_given_anew_by_one_program(make):
    f = facula.compile(lambda c: c)
    g = facula.compile(lambda x: make(x * 2))
    for i in range(3):
        given = make(X + float(i))
        assert type(f(given)) is type(given)
        made, expected = g(X + float(i)), make((X + float(i)) * 2)
        assert type(made) is type(expected)
        assert str(made) == str(expected)
    assert f.captures == g.captures == 1


def test_values_in_arguments_are_guarded():
    f = facula.compile(lambda b, kind: b.x * b.n * kind.value)
    assert f(Batch(X, 2.0), Kind.A).tolist() == [2.0, 4.0]
    assert f(Batch(X, 3.0), Kind.A).tolist() == [3.0, 6.0]
    assert f(Batch(X, 3.0), Kind.B).tolist() == [6.0, 12.0]
    assert f.captures == 3


# ---- modes


def test_default_device_and_dtype_and_autocast():
    f, m = facula.compile(lambda: facula.zeros(2)), nn.Linear(2, 2)
    assert f().dtype is facula.float32
    facula.set_default_dtype(facula.float64)
    try:
        assert f().dtype is facula.float64
    finally:
        facula.set_default_dtype(facula.float32)
    with facula.device("toy"):
        assert f().device.type == "toy"
    assert f().device.type == "cpu"
    g = facula.compile(m)
    assert g(X).dtype is facula.float32
    with facula.autocast("cpu", dtype=facula.bfloat16):
        assert g(X).dtype is facula.bfloat16
    assert g(X).dtype is facula.float32


@pytest.mark.parametrize("first", [nn.Dropout(0.5), nn.LayerNorm(2), lambda x: F.max_pool1d(x[None], 1)])  # fmt: skip
def test_autocast_goes_on_after_an_op_that_is_the_first_to_meet_a_tensor(first):
    def f(x):
        with facula.autocast("cpu", dtype=facula.bfloat16):
            y = first(x)
            return y, x @ x, F.cross_entropy(x @ x, facula.tensor([0, 1]))

    x = facula.ones(2, 2)
    assert [y.dtype for y in facula.compile(f)(x)] == [y.dtype for y in f(x)]


def state_of_training(step, model):
    """What some calls give, the dtypes and values of gradients among it, with `backward()` inside autocast and outside."""
    found = []
    for casts in (None, facula.bfloat16, facula.float16, None, facula.bfloat16):
        x = facula.linspace(-1, 1, 8).reshape(4, 2).requires_grad_()
        with facula.autocast("cpu", dtype=casts or facula.bfloat16, enabled=casts is not None):
            loss, half = step(x)
            loss.backward(retain_graph=True)
        (half.sum() * 2).backward()
        found += [loss, half, x.grad, *(p.grad for p in model.parameters())]
        model.zero_grad()
    return found


@pytest.mark.parametrize("backend", ["c", "replay"])
def test_autocast_that_is_entered_outside_has_programs_of_its_own(backend):
    model = nn.Sequential(nn.Linear(2, 8), nn.GELU(), nn.Linear(8, 3))

    def step(x):
        y = model(x)
        with facula.autocast("cpu", enabled=False):
            exact = x @ facula.ones(2, 2)
        return F.cross_entropy(y, facula.tensor([0, 1, 2, 0])) + exact.mean(), y

    compiled = facula.compile(step, backend=backend)
    expected, found = state_of_training(step, model), state_of_training(compiled, model)
    assert [x.dtype for x in found] == [x.dtype for x in expected]
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a.detach().float().numpy(), b.detach().float().numpy(), rtol=0.02, atol=0.004)  # fmt: skip
    assert compiled.captures == 3
    assert list(compiled.recompilations) == [
        "autocast is bfloat16 on cpu, was off",
        "autocast is float16 on cpu, was bfloat16 on cpu",
    ]
    with facula.autocast("cpu"):
        compiled(facula.ones(4, 2))
        assert "cast" in str(compiled.graph)


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
def test_under_autocast_a_stance_and_anomaly_detection_are_minded():
    f = facula.compile(lambda x: x @ x)
    x = facula.ones(2, 2)
    with facula.autocast("cpu", dtype=facula.bfloat16):
        with facula.compiler.set_stance("force_eager"):
            assert f(x).dtype is facula.bfloat16
        with facula.autograd.detect_anomaly():
            assert f(x).dtype is facula.bfloat16
        assert f.captures == 0
        assert f(x).dtype is facula.bfloat16
        with facula.compiler.set_stance("eager_on_recompile"):
            assert f(facula.ones(3, 3)).dtype is facula.bfloat16
    assert f.captures == 1


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
def test_what_runs_a_call_under_anomaly_detection_is_not_told_of_as_captured():
    f = facula.compile(lambda x: x * 2)
    with facula.autograd.detect_anomaly():
        f(X)
    with pytest.raises(RuntimeError, match="not under detect_anomaly"):
        print(f.explanation)


def test_the_number_of_threads_is_guarded_where_a_compiler_prints_it():
    seen = []

    def compiler(graph, backend):
        seen.append(facula.get_num_threads())
        return graph.code(backend)

    before = facula.get_num_threads()
    f, g = facula.compile(lambda x: x * 2, backend=compiler), facula.compile(lambda x: x * 2)
    try:
        for n in (1, 2, 1):
            facula.set_num_threads(n)
            f(X)
            g(X)
    finally:
        facula.set_num_threads(before)
    assert seen == [1, 2]
    assert g.captures == (1 if g.compiler is None else 2)
