"""Tensors and models that move between devices, and what is said where they have not."""

import copy
import io
import mmap
import pickle
import sys
import threading

import numpy as np
import pytest

import facula
from facula import nn
from facula.backends import DeviceSpec, registry
from facula.backends.discovery import plugins
from facula.backends.toy import ToyBackend
from facula.mixed_devices import MixedDevicesError

F = nn.functional


class Rig(ToyBackend):
    """A toy device that counts as an accelerator, has page-locked memory, and notes how copies came."""

    def __init__(self, device):
        super().__init__(device)
        self.received, self.synchronized = [], 0

    def receive(self, array, source, non_blocking=False):
        self.received.append((str(source.device), non_blocking))
        return super().receive(array, source, non_blocking)

    def pin(self, array):
        pinned = np.frombuffer(mmap.mmap(-1, max(array.nbytes, 1)), array.dtype, array.size)
        pinned = pinned.reshape(array.shape)
        pinned[...] = array
        return pinned

    def is_pinned(self, array):
        while isinstance(array, np.ndarray):
            array = array.base
        return isinstance(getattr(array, "obj", array), mmap.mmap)

    def synchronize(self):
        self.synchronized += 1


def bare_machine(monkeypatch, **more):
    """No devices but core's own and `more`, whatever is installed here."""
    specs = {k: v for k, v in plugins().devices.items() if k in ("cpu", "meta", "toy")}
    monkeypatch.setattr(plugins(), "devices", specs | more)


@pytest.fixture
def rig(monkeypatch):
    """Two accelerators, rig:0 and rig:1."""
    spec = DeviceSpec("rig", f"{__name__}:Rig", contract=1, count=f"{__name__}:two")
    module = type(sys)(__name__)
    module.Rig, module.two = Rig, lambda: 2
    monkeypatch.setitem(sys.modules, __name__, module)
    bare_machine(monkeypatch, rig=spec)
    monkeypatch.setitem(plugins().sources, "rig", "this test")
    yield registry.backend_for("rig")
    for device in [d for d in registry._backends if d.type == "rig"]:
        del registry._backends[device]


@pytest.fixture
def x():
    return facula.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


# ---- Tensor.to and its like

FORMS = {
    "device": (lambda x, other: x.to("toy"), "toy", facula.float32),
    "device object": (lambda x, other: x.to(facula.device("toy")), "toy", facula.float32),
    "device, dtype": (lambda x, other: x.to("toy", facula.float64), "toy", facula.float64),
    "device, None": (lambda x, other: x.to("toy", None), "toy", facula.float32),
    "device, dtype, flags": (
        lambda x, other: x.to("toy", facula.float64, True, True),
        "toy",
        facula.float64,
    ),
    "device, flag": (lambda x, other: x.to("toy", True), "toy", facula.float32),
    "None, dtype": (lambda x, other: x.to(None, facula.float64), "cpu", facula.float64),
    "dtype": (lambda x, other: x.to(facula.float16), "cpu", facula.float16),
    "dtype, flags": (lambda x, other: x.to(facula.float64, True, True), "cpu", facula.float64),
    "other": (lambda x, other: x.to(other), "toy", facula.float64),
    "other, flags": (lambda x, other: x.to(other, True, True), "toy", facula.float64),
    "tensor=": (lambda x, other: x.to(tensor=other), "toy", facula.float64),
    "names": (
        lambda x, other: x.to(device="toy", dtype=facula.float64, non_blocking=True, copy=True),
        "toy",
        facula.float64,
    ),
    "memory format": (
        lambda x, other: x.to("toy", memory_format=facula.preserve_format),
        "toy",
        facula.float32,
    ),
    "nothing": (lambda x, other: x.to(), "cpu", facula.float32),
    "None": (lambda x, other: x.to(None), "cpu", facula.float32),
    "type_as": (lambda x, other: x.type_as(other), "toy", facula.float64),
    "type name": (lambda x, other: x.type("facula.toy.DoubleTensor"), "toy", facula.float64),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_to(form, x):
    function, device, dtype = FORMS[form]
    moved = function(x, facula.ones(1, dtype=facula.float64, device="toy"))
    assert (moved.device.type, moved.dtype) == (device, dtype)
    assert moved.tolist() == x.tolist()


BAD_FORMS = {
    "dtype by name": (lambda x: x.to("toy", "float"), TypeError, "from the left"),
    "too many": (
        lambda x: x.to("toy", facula.float32, True, True, True),
        TypeError,
        "from the left",
    ),
    "unknown option": (lambda x: x.to("toy", copie=True), TypeError, "copie"),
    "no such device": (
        lambda x: x.to("nosuch"),
        RuntimeError,
        "no plug-in provides device 'nosuch'",
    ),
    "a number": (lambda x: x.to(0), RuntimeError, "no accelerator|none is available"),
    "a wrong rank": (
        lambda x: x.to("toy", memory_format=facula.channels_last),
        RuntimeError,
        "required rank 4",
    ),
    "cuda() elsewhere": (lambda x: x.cuda("toy"), RuntimeError, "must be cuda device"),
    "no cuda": (lambda x: x.cuda(0, non_blocking=True), RuntimeError, "no plug-in|does not exist"),
    "type name": (lambda x: x.type("facula.NoTensor"), ValueError, "invalid type"),
    "values of meta": (lambda x: x.to("meta").to("cpu"), NotImplementedError, "no data"),
    "numpy() elsewhere": (lambda x: x.to("toy").numpy(), TypeError, r"Tensor\.cpu\(\)"),
    "numpy() of meta": (lambda x: x.to("meta").numpy(), TypeError, r"Tensor\.cpu\(\)"),
    "np.asarray": (lambda x: np.asarray(x.to("toy")), TypeError, r"Tensor\.cpu\(\)"),
    "item() of meta": (lambda x: x.to("meta").sum().item(), RuntimeError, "no data"),
    "pinned without accelerator": (lambda x: x.pin_memory(), RuntimeError, "none is available"),
    "pin elsewhere": (lambda x: x.to("toy").pin_memory(), RuntimeError, "only dense CPU tensors"),
}


@pytest.mark.parametrize("form", BAD_FORMS)
def test_what_to_refuses(form, x, monkeypatch):
    bare_machine(monkeypatch)
    function, error, text = BAD_FORMS[form]
    with pytest.raises(error, match=text):
        function(x)


def test_to_gives_the_tensor_itself_where_nothing_changes(x):
    y = x.to("toy")
    assert y.to("toy") is y and y.to(y) is y and x.cpu() is x and x.to("cpu:0") is x
    assert y.to("toy", copy=True) is not y and x.to(x.dtype, copy=True) is not x


def test_a_copy_shares_no_memory(x):
    y = x.to("toy")
    x[0, 0] = 9.0
    z = y.cpu()
    y[0, 0] = 7.0
    assert z[0, 0].item() == 1.0 and y[0, 0].item() == 7.0


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1,), (3, 2)])
def test_shapes_and_dtypes_survive_the_way_there_and_back(shape):
    for dtype in ("float32", "float16", "bfloat16", "int64", "uint8", "bool", "complex64"):
        t = facula.ones(shape, dtype=getattr(facula, dtype))
        back = t.to("toy").cpu()
        assert back.dtype is t.dtype and back.shape == t.shape and back.tolist() == t.tolist()


def test_a_view_moves_as_what_it_shows(x):
    assert x.t().to("toy").tolist() == x.t().tolist()
    assert x.to("toy").t()[1:].cpu().tolist() == x.t()[1:].tolist()
    assert x.expand(2, 2, 3).to("toy").tolist() == x.expand(2, 2, 3).tolist()


def test_gradients_cross_devices_both_ways():
    x = facula.tensor([1.0, 2.0], requires_grad=True)
    w = facula.tensor([3.0, 4.0], device="toy", requires_grad=True)
    ((x.to("toy") * w).cpu() * x).sum().backward()
    assert x.grad.device.type == "cpu" and x.grad.tolist() == [6.0, 16.0]
    assert w.grad.device.type == "toy" and w.grad.tolist() == [1.0, 4.0]


def test_second_derivatives_cross_devices():
    x = facula.tensor([2.0], requires_grad=True)
    (g,) = facula.autograd.grad((x.to("toy") ** 3).cpu().sum(), x, create_graph=True)
    (h,) = facula.autograd.grad(g.sum(), x)
    assert (g.item(), h.item()) == (12.0, 12.0)


def test_copy_between_devices_is_taped():
    x = facula.tensor([1.0, 2.0], requires_grad=True)
    y = facula.zeros(2, device="toy")
    y.copy_(x, non_blocking=True)
    (y * y).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_non_blocking_reaches_the_device(rig, x):
    x.to("rig", non_blocking=True)
    x.to("rig")
    facula.zeros(2, 3, device="rig:1").copy_(x.to("rig"), non_blocking=True)
    other = registry.backend_for("rig:1")
    assert rig.received == [("cpu", True), ("cpu", False), ("cpu", False)]
    assert other.received == [("rig:0", True)]
    nn.Linear(3, 2).to("rig", non_blocking=True)
    assert rig.received[3:] == [("cpu", True)] * 2


# ---- modules and optimizers

MODULE_FORMS = {
    "device": lambda m: m.to("toy"),
    "device, dtype, flag": lambda m: m.to("toy", facula.float32, True),
    "tensor": lambda m: m.to(facula.ones(1, device="toy")),
    "tensor=": lambda m: m.to(tensor=facula.ones(1, device="toy")),
    "names": lambda m: m.to(device="toy", dtype=facula.float32, non_blocking=True),
    "memory format": lambda m: m.to("toy", memory_format=facula.channels_last),
    "to_empty": lambda m: m.to_empty(device="toy"),
}


@pytest.mark.parametrize("form", MODULE_FORMS)
def test_every_form_of_module_to(form):
    module = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    weight = module[0].weight
    assert MODULE_FORMS[form](module) is module and module[0].weight is weight
    assert {t.device.type for t in module.state_dict().values()} == {"toy"}


def test_module_cuda_names_another_device_as_wrong():
    with pytest.raises(RuntimeError, match="must be cuda device"):
        nn.Linear(3, 2).cuda("toy")


def test_gradients_of_parameters_move_along():
    module = nn.Linear(3, 2)
    module(facula.ones(1, 3)).sum().backward()
    module.to("toy")
    assert (
        module.weight.grad.device.type == "toy" and module.weight.grad.tolist() == [[1.0] * 3] * 2
    )


def train(module, optimizer, steps):
    place = next(module.parameters()).device
    for i in range(steps):
        optimizer.zero_grad()
        batch = facula.arange(6.0, device=place).reshape(2, 3) / (i + 1)
        module(batch).square().sum().backward()
        optimizer.step()


@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"])
def test_optimizer_state_goes_to_where_the_parameters_are(kind):
    """Trained here, saved, and trained on there: as if all had been done here."""
    options = {"lr": 0.01} | ({"momentum": 0.9} if kind == "SGD" else {})
    make = getattr(facula.optim, kind)
    facula.manual_seed(0)
    here = nn.Linear(3, 2)
    optimizer = make(here.parameters(), **options)
    train(here, optimizer, 2)
    file = io.BytesIO()
    facula.save({"model": here.state_dict(), "optimizer": optimizer.state_dict()}, file)
    file.seek(0)
    saved = facula.load(file)
    there = nn.Linear(3, 2, device="toy")
    there.load_state_dict(saved["model"])
    continued = make(there.parameters(), **options)
    continued.load_state_dict(saved["optimizer"])
    train(here, optimizer, 2)
    train(there, continued, 2)
    assert {t.device.type for s in continued.state.values() for t in s.values() if isinstance(t, facula.Tensor)} <= {"toy"}  # fmt: skip
    np.testing.assert_allclose(there.weight.detach().cpu(), here.weight.detach(), rtol=1e-6)


@pytest.mark.parametrize(("first", "then"), [("cpu", "toy"), ("toy", "cpu")])
@pytest.mark.parametrize("kind", ["SGD", "AdamW"])
def test_state_left_behind_is_named(kind, first, then):
    module = nn.Linear(3, 2, device=first)
    options = {"momentum": 0.9} if kind == "SGD" else {}
    optimizer = getattr(facula.optim, kind)(module.parameters(), lr=0.1, **options)
    train(module, optimizer, 1)
    module.to(then)
    before = module.weight.tolist()
    name = {"SGD": "momentum_buffer", "AdamW": "exp_avg"}[kind]
    with pytest.raises(RuntimeError, match=f"on {first} '{name}' of shape \\(2, 3\\)"):
        train(module, optimizer, 1)
    assert module.weight.tolist() == before


# ---- tensors that are not on one device

CASES = {
    "operator": (lambda x, y: x + y, "add: ", ["'input' of shape (2, 3)", "'other' of shape (2, 3)"]),
    "method": (lambda x, y: y.mul(x), "mul: ", ["'input'", "'other'"]),
    "in place": (lambda x, y: x.add_(y), "add_: ", ["'input'", "'other'"]),
    "operator in place": (lambda x, y: x.__imul__(y), "mul_: ", ["'other'"]),
    "comparison": (lambda x, y: x > y, "gt: ", ["'other'"]),
    "0-d tensor of a device": (lambda x, y: x * y.sum(), "mul: ", ["'other' of shape ()"]),
    "matmul": (lambda x, y: x @ y.T, "matmul: ", ["'other' of shape (3, 2)"]),
    "cat": (lambda x, y: facula.cat([x, x, y]), "cat: ", ["'tensors[0]'", "'tensors[2]'"]),
    "stack": (lambda x, y: facula.stack([x, y]), "stack: ", ["'tensors[1]'"]),
    "where": (lambda x, y: facula.where(x > 0, x, y), "where: ", ["'condition'", "'other'"]),
    "addcmul": (lambda x, y: facula.addcmul(y, x, y), "addcmul: ", ["'tensor1'"]),
    "clamp": (lambda x, y: x.clamp(min=y), "clamp: ", ["'min'"]),
    "gather": (lambda x, y: y.gather(0, x.long() * 0), "gather: ", ["'index'"]),
    "scatter": (lambda x, y: y.scatter_(0, x.long() * 0, 1.0), "scatter_: ", ["'index'"]),
    "index_select": (lambda x, y: y.index_select(0, facula.tensor([0])), "index_select: ", ["'index'"]),
    "masked_fill": (lambda x, y: y.masked_fill(x > 0, 1.0), "masked_fill: ", ["'mask'"]),
    "masked_select": (lambda x, y: y.masked_select(x > 0), "masked_select: ", ["'mask'"]),
    "einsum": (lambda x, y: facula.einsum("ij,ij->i", x, y), "einsum: ", ["'operands[1]'"]),
    "linear": (lambda x, y: F.linear(x, y), "linear: ", ["'weight'"]),
    "cross_entropy": (
        lambda x, y: F.cross_entropy(y, facula.tensor([0, 1])),
        "cross_entropy: ",
        ["'target' of shape (2,)"],
    ),
    "embedding": (lambda x, y: F.embedding(facula.tensor([0]), y), "embedding: ", ["'weight'"]),
    "layer_norm": (lambda x, y: F.layer_norm(x, (3,), y[0]), "layer_norm: ", ["'weight' of shape (3,)"]),
    "isin": (lambda x, y: facula.isin(x, y), "isin: ", ["'elements' of shape (2, 3)", "'test_elements'"]),
    "out": (lambda x, y: facula.add(x, x, out=y), "add: ", ["written", "the result"]),
    "in place, 0-d": (lambda x, y: x.sum().add_(y.sum()), "add_: ", ["written", "the result"]),
    "assignment by an index": (
        lambda x, y: y.__setitem__(facula.tensor([0, 1]), x),
        "assignment by an index: ",
        ["the value of shape (2, 3)"],
    ),
    "index_put_": (
        lambda x, y: y.index_put_((facula.tensor([0], device=y.device),), x[0]),
        "index_put_: ",
        ["'values' of shape (3,)"],
    ),
    "assignment to .grad": (lambda x, y: setattr(x, "grad", y), "assignment to .grad: ", ["gradient"]),
    "backward": (
        lambda x, y: (x.requires_grad_() * 2).backward(y),
        "backward: ",
        ["the gradient given of shape (2, 3)"],
    ),
    "compiled": (lambda x, y: facula.compile(lambda a, b: a + b)(x, y), "add: ", ["'other'"]),
    "autocast": (lambda x, y: under_autocast(x, y), "add: ", ["'other'"]),
}  # fmt: skip


def under_autocast(x, y):
    with facula.autocast("cpu"):
        return x + y


@pytest.mark.parametrize("device", ["toy", "meta"])
@pytest.mark.parametrize("case", CASES)
def test_mixed_devices_are_named_with_their_tensors(case, device, x):
    function, name, labels = CASES[case]
    with pytest.raises(MixedDevicesError) as caught:
        function(x, x.to(device))
    text = str(caught.value)
    assert text.startswith(
        f"{name}Expected all tensors to be on the same device, but found at least"
    )
    assert f"on {device} " in text and "on cpu " in text and text.endswith("with .to(device)")
    for label in labels:
        assert label in text


def test_a_long_list_is_not_told_in_full(x):
    with pytest.raises(
        MixedDevicesError, match=r"'tensors\[2\]' of shape \(2, 3\) and 97 more; on toy"
    ):
        facula.cat([*[x.clone() for _ in range(100)], x.to("toy")])


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(facula.ones(3))

    def forward(self, x):
        return x * self.scale


LAYERS = {
    "Linear": (lambda: nn.Linear(3, 2), ["parameter 'weight' of shape (2, 3)", "parameter 'bias'"]),
    "Conv1d": (lambda: nn.Conv1d(2, 2, 1), ["parameter 'weight' of shape (2, 2, 1)"]),
    "LSTM": (lambda: nn.LSTM(3, 2), ["parameter 'weight_ih_l0' of shape (8, 3)"]),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(3), ["parameter 'weight' of shape (3,)"]),
    "LayerNorm": (lambda: nn.LayerNorm(3), ["parameter 'weight' of shape (3,)"]),
    "PReLU": (lambda: nn.PReLU(), ["parameter 'weight' of shape (1,)"]),
    "Scaled": (lambda: Scaled(), ["parameter 'scale' of shape (3,)"]),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_module_names_its_path_and_parameters(layer, x):
    make, labels = LAYERS[layer]
    model = nn.Sequential(nn.Identity(), nn.ModuleDict({"head": make()})["head"])
    with pytest.raises(MixedDevicesError, match=f"^{layer} '1': Expected all tensors") as caught:
        model(x.to("toy"))
    for label in labels:
        assert label in str(caught.value)


def test_a_buffer_is_named(x):
    layer = nn.BatchNorm1d(3, affine=False).eval()
    with pytest.raises(MixedDevicesError, match=r"buffer 'running_mean' of shape \(3,\)"):
        layer(x.to("toy"))


@pytest.mark.parametrize("device", ["toy", "meta"])
def test_0d_cpu_tensors_mix_with_any_device(device, x):
    y, half = x.to(device), facula.tensor(0.5)
    made = [y * half, half + y, facula.where(y > 0, half, y), y.clamp(half, half), y.sum() - half]
    made += [facula.maximum(y, half), y.clone().mul_(half), y.clone().fill_(half), facula.lerp(y, y, half)]  # fmt: skip
    assert {t.device.type for t in made} == {device}
    if device == "toy":
        assert made[0].tolist() == (x * 0.5).tolist() and made[7].tolist() == [[0.5] * 3] * 2


def test_a_0d_cpu_tensor_gets_its_gradient_back():
    y, half = facula.ones(2, 3, device="toy"), facula.tensor(0.5, requires_grad=True)
    (y * half).sum().backward()
    assert half.grad.device.type == "cpu" and half.grad.item() == 6.0


def test_a_0d_gradient_may_come_from_another_device():
    x = facula.ones(2, requires_grad=True)
    x.sum().backward(facula.tensor(3.0, device="toy"))
    assert x.grad.tolist() == [3.0, 3.0]


def test_cpu_indices_reach_tensors_of_any_device(x):
    y = x.to("toy")
    assert y[facula.tensor([1, 0])].tolist() == x[[1, 0]].tolist()
    assert y[:, facula.tensor([True, False, True])].tolist() == x[:, [0, 2]].tolist()
    assert y[facula.tensor(1)].tolist() == x[1].tolist()
    y[facula.tensor([1])] = 0.0
    y[0] = facula.tensor([7.0, 8.0, 9.0])  # a whole slice may come from elsewhere, as in PyTorch
    y[facula.tensor([0]), facula.tensor([1])] = facula.tensor(5.0)
    assert y.tolist() == [[7.0, 5.0, 9.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    "use", [lambda x, i: x[i], lambda x, i: x[:, i], lambda x, i: x.__setitem__(i, 0.0)]
)
def test_an_index_of_a_device_reaches_only_that_device(use, x):
    with pytest.raises(RuntimeError, match=r"indices should be either on cpu or .*\(cpu\).*on toy"):
        use(x, facula.tensor([0, 1], device="toy"))


# ---- files, copies


def roundtrip(value, **options):
    file = io.BytesIO()
    facula.save(value, file)
    file.seek(0)
    return facula.load(file, **options)


LOCATIONS = [
    (None, "toy"), ("cpu", "cpu"), (facula.device("cpu"), "cpu"), ("meta", "meta"), ({"toy": "cpu"}, "cpu"),
    ({"other": "cpu"}, "toy"), (lambda t, where: t, "cpu"), (lambda t, where: None, "toy"),
    (lambda t, where: t.to("meta") if where == "toy" else t, "meta"),
]  # fmt: skip


@pytest.mark.parametrize(("location", "device"), LOCATIONS)
def test_every_form_of_map_location(location, device):
    loaded = roundtrip({"a": [facula.arange(3.0, device="toy")]}, map_location=location)["a"][0]
    assert loaded.device.type == device
    if device != "meta":
        assert loaded.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(("location", "error"), [("nosuch", RuntimeError), (3.5, TypeError)])
def test_a_wrong_map_location_is_no_fault_of_the_file(location, error):
    with pytest.raises(error) as caught:
        roundtrip(facula.ones(1), map_location=location)
    assert not isinstance(caught.value, facula.io.FileError)


def test_a_missing_device_says_what_to_do(monkeypatch, rig):
    file = io.BytesIO()
    facula.save(facula.ones(1, device="rig"), file)
    file.seek(0)
    monkeypatch.delitem(plugins().devices, "rig")
    for device in [d for d in registry._backends if d.type == "rig"]:
        monkeypatch.delitem(registry._backends, device)
    with pytest.raises(RuntimeError, match=r"'rig:0'.*map_location='cpu'"):
        facula.load(file)
    file.seek(0)
    assert facula.load(file, map_location={"rig:0": "toy"}).device.type == "toy"


@pytest.mark.parametrize("device", ["cpu", "toy", "meta"])
@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))]
)
def test_copies_stay_on_their_device(device, again):
    for t in (nn.Parameter(facula.ones(2, 3, device=device)), facula.ones(2, dtype=facula.int64, device=device)):  # fmt: skip
        made = again(t)
        assert type(made) is type(t) and made is not t
        assert (made.device, made.dtype, made.shape) == (t.device, t.dtype, t.shape)
        assert made.requires_grad == t.requires_grad
        if device != "meta":
            assert made.tolist() == t.tolist()


def test_a_pickled_meta_tensor_is_small():
    assert len(pickle.dumps(facula.empty(1000, 1000, device="meta"))) < 1000


def test_a_shallow_copy_shares_memory_on_every_device():
    for device in ("cpu", "toy"):
        t = facula.zeros(2, device=device)
        copy.copy(t)[0] = 1.0
        assert t.tolist() == [1.0, 0.0]


def test_models_are_copied_on_their_device():
    model = nn.Linear(3, 2, device="toy")
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert again.weight.device.type == "toy"
        assert again.weight.tolist() == model.weight.tolist()


# ---- the default device

FACTORIES = {
    "tensor": lambda **k: facula.tensor([1.0, 2.0], **k),
    "as_tensor": lambda **k: facula.as_tensor([1.0], **k),
    "zeros": lambda **k: facula.zeros(2, **k),
    "ones": lambda **k: facula.ones(2, **k),
    "empty": lambda **k: facula.empty(2, **k),
    "full": lambda **k: facula.full((2,), 1.0, **k),
    "arange": lambda **k: facula.arange(3, **k),
    "linspace": lambda **k: facula.linspace(0, 1, 3, **k),
    "logspace": lambda **k: facula.logspace(0, 1, 3, **k),
    "eye": lambda **k: facula.eye(2, **k),
    "rand": lambda **k: facula.rand(2, **k),
    "randn": lambda **k: facula.randn(2, **k),
    "randint": lambda **k: facula.randint(5, (2,), **k),
    "randperm": lambda **k: facula.randperm(4, **k),
    "scalar_tensor": lambda **k: facula.scalar_tensor(1.0, **k),
    "tril_indices": lambda **k: facula.tril_indices(3, 3, **k),
    "hann_window": lambda **k: facula.hann_window(4, **k),
    "Linear": lambda **k: nn.Linear(2, 2, **k).weight,
}


@pytest.mark.parametrize("name", FACTORIES)
def test_factories_take_a_device_and_follow_the_default(name):
    make = FACTORIES[name]
    assert make(device="toy").device.type == "toy"
    assert make(device=facula.device("meta")).device.type == "meta"
    with facula.device("toy"):
        assert make().device.type == "toy"
        assert make(device="cpu").device.type == "cpu"
    assert make().device.type == "cpu"


def test_the_default_device_is_each_threads_own():
    seen = {}

    def other():
        seen["before"] = facula.get_default_device().type
        facula.set_default_device("meta")
        seen["after"] = facula.zeros(1).device.type

    facula.set_default_device("toy")
    try:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert facula.zeros(1).device.type == facula.get_default_device().type == "toy"
    finally:
        facula.set_default_device(None)
    assert seen == {"before": "cpu", "after": "meta"}
    assert facula.get_default_device().type == "cpu"


def test_set_default_device_refuses_what_is_not_there():
    with pytest.raises(RuntimeError, match="no plug-in provides device 'nosuch'"):
        facula.set_default_device("nosuch")
    assert facula.zeros(1).device.type == "cpu"


def test_device_blocks_nest_and_survive_exceptions():
    toy, meta = facula.device("toy"), facula.device("meta")
    with toy:
        with meta, toy:
            assert facula.zeros(1).device.type == "toy"
        with pytest.raises(ZeroDivisionError), toy, meta:
            1 / 0  # noqa: B018
        assert facula.zeros(1).device.type == "toy"
    assert facula.zeros(1).device.type == "cpu"


def test_a_device_is_a_decorator():
    @facula.device("toy")
    def make(n):
        """Makes."""
        return facula.ones(n)

    assert make(2).device.type == "toy" and make.__doc__ == "Makes."


BAD_DEVICES = [
    ("", RuntimeError), ("cpu:", RuntimeError), ("cpu:01", RuntimeError), ("cpu:x", RuntimeError), ("CPU", RuntimeError),
    ("cpu:-1", RuntimeError), (("cpu", -1), RuntimeError), (("cpu:0", 0), RuntimeError), (1.5, TypeError), (None, TypeError),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "error"), BAD_DEVICES)
def test_names_that_are_no_device(arguments, error):
    with pytest.raises(error):
        facula.device(*(arguments if isinstance(arguments, tuple) else (arguments,)))


def test_names_of_devices():
    assert facula.device("cpu", 0) == facula.device("cpu:0") == facula.device(type="cpu", index=0)
    assert (
        facula.device(facula.device("toy")) == facula.device(device="toy") != facula.device("cpu")
    )
    assert facula.zeros(1, device="cpu:0").device == facula.device("cpu")


@pytest.mark.parametrize(
    ("device", "number"), [("cpu", -1), ("meta", -1), ("toy", -1), ("rig:1", 1)]
)
def test_get_device(device, number, rig):
    assert facula.zeros(1, device=device).get_device() == number


# ---- accelerators and pinned memory


def test_an_accelerator_is_found(rig):
    a = facula.accelerator
    assert a.is_available() and a.device_count() == 2
    assert a.current_accelerator() == facula.device("rig")
    assert facula.device(1) == facula.device("rig:1")
    assert facula.zeros(1, device=1).device == facula.device("rig:1")
    a.set_device_index(1)
    try:
        a.synchronize()
        assert a.current_device_index() == 1
        with a.device_index(0):
            a.synchronize()
        assert a.current_device_index() == 1
    finally:
        a.set_device_index(0)
    assert (rig.synchronized, registry.backend_for("rig:1").synchronized) == (1, 1)
    for wrong in ("toy", 2, "rig:2"):
        with pytest.raises(RuntimeError):
            a.synchronize(wrong)


def test_without_an_accelerator(monkeypatch):
    bare_machine(monkeypatch)
    a = facula.accelerator
    assert not a.is_available() and a.device_count() == 0 and a.current_accelerator() is None
    for call in (a.synchronize, a.current_device_index, lambda: facula.device(0)):
        with pytest.raises(RuntimeError, match="Cannot access accelerator device"):
            call()
    assert not facula.ones(2).is_pinned()
    with pytest.raises(RuntimeError, match="none is available"):
        facula.zeros(2, pin_memory=True)


def test_an_accelerator_whose_driver_is_missing_is_none(monkeypatch):
    broken = DeviceSpec("cuda", "no_such_module:Backend", contract=1, count="no_such_module:count")
    bare_machine(monkeypatch, cuda=broken)
    assert not facula.accelerator.is_available()


def test_device_modules():
    assert facula.get_device_module("cuda") is facula.cuda
    assert facula.get_device_module(facula.device("cpu")) is facula.cpu
    assert facula.cpu.is_available() and facula.cpu.device_count() == 1
    with pytest.raises(RuntimeError, match=r"facula\.toy"):
        facula.get_device_module("toy")


def test_memory_is_pinned_for_the_accelerator(rig, x):
    pinned = x.pin_memory()
    assert pinned.is_pinned() and not x.is_pinned() and pinned.tolist() == x.tolist()
    assert pinned.pin_memory() is pinned and pinned[0].is_pinned()
    assert facula.zeros(2, pin_memory=True).is_pinned() and facula.tensor([1], pin_memory=True).is_pinned()  # fmt: skip
    assert facula.rand(2, pin_memory=True, requires_grad=True).requires_grad
    assert pinned.to("rig", non_blocking=True).tolist() == x.tolist()
    assert x.pin_memory("toy") is x  # which has no such memory
    with pytest.raises(RuntimeError, match="made on toy"):
        facula.zeros(2, device="toy", pin_memory=True)


PINNED = {
    "new_zeros": lambda x: x.new_zeros(2, pin_memory=True),
    "new_ones": lambda x: x.new_ones((2,), pin_memory=True, requires_grad=True),
    "new_empty": lambda x: x.new_empty(2, pin_memory=True),
    "new_full": lambda x: x.new_full((2,), 1.0, pin_memory=True),
    "new_tensor": lambda x: x.new_tensor([1.0], pin_memory=True),
    "new_empty_strided": lambda x: x.new_empty_strided((2,), (1,), pin_memory=True),
    "empty_strided": lambda x: facula.empty_strided((2, 2), (1, 2), pin_memory=True),
    "zeros_like": lambda x: facula.zeros_like(x, pin_memory=True),
    "scalar_tensor": lambda x: facula.scalar_tensor(1.0, pin_memory=True),
}


@pytest.mark.parametrize("name", PINNED)
def test_all_that_take_pin_memory_pin(name, rig, x):
    assert PINNED[name](x).is_pinned()


@pytest.mark.parametrize("name", PINNED)
def test_what_cannot_be_pinned_is_said(name, monkeypatch, x):
    bare_machine(monkeypatch)
    with pytest.raises(RuntimeError, match="Cannot access accelerator device when none is avail"):
        PINNED[name](x)


def test_pinning_keeps_the_tape_out(rig):
    w = facula.ones(2, requires_grad=True)
    assert not w.pin_memory().requires_grad


class Custom:
    def __init__(self, t):
        self.t = t

    def pin_memory(self):
        return Custom(self.t.pin_memory())


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_pins_its_batches(rig, workers):
    samples = [{"x": facula.ones(2) * i, "y": (i, "name")} for i in range(4)]
    loader = facula.utils.data.DataLoader(
        samples, batch_size=2, pin_memory=True, num_workers=workers
    )
    batches = list(loader)
    assert len(batches) == 2 and batches[1]["x"].tolist() == [[2.0, 2.0], [3.0, 3.0]]
    assert all(b["x"].is_pinned() and b["y"][0].is_pinned() for b in batches)
    assert list(batches[0]["y"][1]) == ["name", "name"]


def test_a_loader_pins_what_knows_how(rig):
    loader = facula.utils.data.DataLoader(
        [facula.ones(2)],
        collate_fn=lambda b: Custom(b[0]),
        pin_memory=True,
        pin_memory_device="rig",
    )
    assert next(iter(loader)).t.is_pinned()


def test_a_loader_warns_where_nothing_can_be_pinned(monkeypatch):
    bare_machine(monkeypatch)
    loader = facula.utils.data.DataLoader([facula.ones(2)], pin_memory=True)
    with pytest.warns(UserWarning, match="no accelerator is found"):
        assert [b.tolist() for b in loader] == [[[1.0, 1.0]]]
