"""When a function is captured anew, and when not; threads."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import facula


def tensor(*shape, seed=0, **options):
    return facula.tensor(np.random.default_rng(seed).uniform(0.5, 2.0, shape), **options)


def test_arguments_are_guarded():
    f = facula.compile(lambda x, n=1.0: x * n)
    x = tensor(2, 3)
    calls = [
        (x,), (x, 2.0), (x, 2), (x, True), (tensor(3, 2),), (x.float(),), (x.t(),), ([x][0], 2.0),
        (x.clone().requires_grad_(),),
    ]  # fmt: skip
    for call in calls:
        assert np.allclose(
            f(*call).detach().numpy(),
            call[0].detach().numpy() * (call[1] if len(call) > 1 else 1.0),
        )
    assert f.captures == 8


def test_structure_and_sameness_of_arguments_are_guarded():
    @facula.compile
    def f(pair):
        pair[0].add_(1.0)
        return pair[0] + pair[1]

    x, y = facula.tensor([1.0]), facula.tensor([1.0])
    assert f([x, y]).item() == 3.0
    assert f([x, x]).item() == 6.0
    assert f((x, y)).item() == 5.0
    assert f.captures == 3


class Config:
    def __init__(self):
        self.power, self.training, self.parts = 2, True, [1.0, 2.0]


def test_attributes_and_closures_are_guarded():
    config, factor = Config(), 3.0

    @facula.compile
    def f(x):
        return x * factor * config.parts[1] if config.training else x**config.power

    x = facula.tensor([2.0])
    assert f(x).item() == 12.0
    config.training = False
    assert f(x).item() == 4.0
    config.power = 3
    assert f(x).item() == 8.0
    config.training = True
    config.parts[1] = 4.0
    assert f(x).item() == 24.0
    factor = 1.0
    assert f(x).item() == 8.0
    assert f.captures == 5
    factor = 3.0
    assert f(x).item() == 24.0
    assert f.captures == 5


def test_a_tensor_that_is_exchanged_is_found():
    config = Config()
    config.weight = facula.tensor([2.0])
    f = facula.compile(lambda x: x * config.weight)
    x = facula.tensor([3.0])
    assert f(x).item() == 6.0
    config.weight = facula.tensor([5.0])
    assert f(x).item() == 15.0
    config.weight.fill_(7.0)
    assert f(x).item() == 21.0
    assert f.captures == 2
    config.weight.data = facula.tensor([1.0, 2.0])
    assert f(x).tolist() == [3.0, 6.0]
    assert f.captures == 3


def test_dead_nodes_are_dropped_and_the_graph_reads_well():
    f = facula.compile(lambda x: (x.exp(), x * 2.0)[1])
    f(facula.tensor([1.0]))
    assert str(f.graph) == (
        "graph(%arg0: float32[1]) -> (float32[1]) {\n    %0: float32[1] = mul(%arg0, 2.0)\n    return %0\n}"
    )


def test_a_graph_runs_on_any_backend():
    w = tensor(3, 4, requires_grad=True)

    def step(x):
        loss = (x @ w).tanh().sum(0).exp().mean()
        (g,) = facula.autograd.grad(loss, w)
        return loss, g

    f = facula.compile(step)
    x = tensor(2, 3, seed=1)
    expected = f(x)
    toy = facula.backends.backend_for("toy")
    arrays = f.graph.run(
        "toy",
        [
            {"x": x, "w": w}.get(v.name, x if v.name.startswith("arg") else w).detach().numpy()
            for v in f.graph.inputs
        ],
    )
    for e, a in zip(expected, arrays):
        np.testing.assert_allclose(toy.to_numpy(a), e.detach().numpy(), rtol=1e-10)


def test_graph_run_checks_its_inputs():
    f = facula.compile(lambda x: x * 2.0)
    f(facula.tensor([1.0]))
    with pytest.raises(ValueError, match="has 1 inputs"):
        f.graph.run("cpu", [])
    with pytest.raises(ValueError, match=r"is float32\[1\], got float64"):
        f.graph.run("cpu", [np.zeros(1)])


def test_decorator_forms_methods_and_backends():
    class Model:
        scale = 2.0

        @facula.compile(backend=None)
        def double(self, x):
            return x * self.scale

    assert Model().double(facula.tensor([2.0])).item() == 4.0
    assert facula.compile(len, backend="eager") is len
    with pytest.raises(ValueError, match="no compiler is named 'nonesuch'"):
        facula.compile(len, backend="nonesuch")
    with pytest.raises(TypeError, match="takes a function or a Module"):
        facula.compile(3)

    seen = []

    def compiler(graph, backend):
        seen.append((len(graph.nodes), backend.device.type))
        return graph.code(backend)

    f = facula.compile(lambda x: x + 1.0, backend=compiler)
    assert f(facula.tensor([1.0])).item() == 2.0
    assert seen == [(1, "cpu")]


def test_a_function_that_never_settles_warns_and_its_cache_is_bounded():
    from facula.graph import compiled as module

    config = Config()
    config.calls = 0

    @facula.compile
    def f(x):
        config.calls += 1
        return x * float(config.calls)

    x = facula.tensor([1.0])
    with pytest.warns(
        UserWarning, match=r"captured 16 times: these change from call to call: config\.calls"
    ) as told:
        assert [f(x).item() for _ in range(80)] == list(range(1, 81))
    assert told[0].filename == __file__
    assert sum(map(len, f.programs.values())) <= module.CACHE_SIZE


def test_threads_share_parameters():
    w = tensor(8, 8, requires_grad=True)
    f = facula.compile(lambda x: facula.tanh(x @ w).sum())
    expected = {n: facula.tanh(tensor(n, 8) @ w).sum().item() for n in range(1, 9)}
    wrong = []

    def work(n):
        for _ in range(20):
            if abs(f(tensor(n, 8)).item() - expected[n]) > 1e-9:
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in expected]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    assert f.captures == 8


def test_gradients_of_slices_are_written_in_place():  # of some: those of all are joined
    def f(x):
        total = x[0]
        for i in range(1, 5):
            total = total * x[i]
        (g,) = facula.autograd.grad(total.sum(), x)
        return g

    compiled = facula.compile(f)
    x = tensor(6, 2, requires_grad=True)
    np.testing.assert_allclose(compiled(x).numpy(), f(x).numpy())
    writes = [n for n in compiled.graph.nodes if n.name == "write_view"]
    assert len(writes) == 5
    assert "write_view" not in compiled.graph.code().source


def test_a_value_read_after_a_write_is_copied():
    def f(x):
        y = x * 2.0
        before = y[0]
        kept = before * 1.0
        y[0] = 5.0
        y[0, 0] = y[1, 0]
        return y, kept, y[0]

    compiled = facula.compile(f)
    x = tensor(2, 2)
    for a, b in zip(compiled(x), f(x)):
        np.testing.assert_allclose(a.numpy(), b.numpy())


def test_equal_nodes_are_computed_once():
    f = facula.compile(lambda x: x.exp() + x.exp())
    assert f(facula.tensor([0.0])).item() == 2.0
    assert [n.name for n in f.graph.nodes] == ["exp", "add"]
    g = facula.compile(lambda x: (facula.rand(3), facula.rand(3)))
    a, b = g(facula.tensor([0.0]))
    assert a.tolist() != b.tolist()


def test_a_thread_that_uses_a_tensor_during_its_capture_gets_an_error():
    w = tensor(2, requires_grad=True)
    inside, done = threading.Event(), threading.Event()
    seen = []

    @facula.compile
    def f(x):
        y = w * x
        if not inside.is_set():
            inside.set()
            done.wait(10)
        return y

    def other():
        inside.wait(10)
        try:
            seen.append((w * 2.0).tolist())
        except facula.graph.CaptureError as error:
            seen.append(str(error))
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    f(tensor(2))
    thread.join()
    assert "another thread is capturing" in seen[0]
    assert (w * 2.0).tolist() == [2.0 * v for v in w.tolist()]


def test_partial_functions_are_guarded():
    import functools

    settings = {"scale": 2.0}
    f = facula.compile(functools.partial(lambda s, x: x * s["scale"], settings))
    x = facula.tensor([1.0])
    assert f(x).item() == 2.0
    settings["scale"] = 3.0
    assert f(x).item() == 3.0


def test_a_class_of_no_module_is_looked_into():
    made = type("Made", (), {"__module__": None})()
    made.factor = 2.0
    compiled = facula.compile(lambda x: x * made.factor)
    assert compiled(facula.ones(2)).tolist() == [2.0, 2.0]
    made.factor = 3.0
    assert compiled(facula.ones(2)).tolist() == [3.0, 3.0]
