"""Module: registration, state, hooks, conversion, copies, text, and errors that name their layer."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict

import pytest

import facula
from facula import nn
from facula.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
        self.head = nn.Linear(3, 2, bias=False)
        self.register_buffer("count", facula.zeros(1))
        self.register_buffer("scratch", facula.zeros(2), persistent=False)

    def forward(self, x):
        return self.head(self.body(x))


# ---- registration


def test_attributes_are_registered_by_their_type():
    net = Net()
    assert list(net._modules) == ["body", "head"]
    assert [n for n, _ in net.named_parameters()] == ["body.0.weight", "body.0.bias", "head.weight"]
    assert [n for n, _ in net.named_buffers()] == ["count", "scratch"]
    assert [n for n, _ in net.named_modules()] == ["", "body", "body.0", "body.1", "head"]
    assert [n for n, _ in net.named_parameters(prefix="net", recurse=False)] == []
    net.extra = nn.Buffer(facula.ones(3))
    assert "extra" in net.state_dict()


def test_reassignment_changes_the_kind():
    net = nn.Module()
    net.x = 5
    net.x = nn.Parameter(facula.ones(2))
    assert "x" in net._parameters
    assert "x" not in net.__dict__
    net.x = None
    assert net.x is None
    net.x = nn.Linear(1, 1)
    assert "x" in net._modules
    assert "x" not in net._parameters
    del net.x
    with pytest.raises(AttributeError, match="'Module' object has no attribute 'x'"):
        net.x  # noqa: B018


def test_registration_errors():
    net = Net()
    with pytest.raises(
        TypeError, match=r"cannot assign 'facula._tensor.Tensor' as parameter 'weight'"
    ):
        net.head.weight = facula.ones(2, 3)
    with pytest.raises(TypeError, match="cannot assign 'int' as child module 'head'"):
        net.head = 5
    with pytest.raises(KeyError, match="parameter name can"):
        net.register_parameter("a.b", None)
    with pytest.raises(KeyError, match="attribute 'forward' already exists"):
        net.register_buffer("forward", facula.ones(1))
    with pytest.raises(TypeError, match="int is not a Module subclass"):
        net.add_module("x", 5)
    with pytest.raises(AttributeError, match=r"before Module.__init__\(\) call"):
        object.__new__(Net).x = nn.Linear(1, 1)
    with pytest.raises(TypeError, match="unexpected keyword argument 'size'"):
        nn.Module(size=3)


def test_shared_parts_are_listed_once():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    assert [n for n, _ in net.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert len(list(net.named_parameters(remove_duplicate=False))) == 4
    assert list(net.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_parts_by_path():
    net = Net()
    assert net.get_submodule("body.0") is net.body[0]
    assert net.get_parameter("body.0.bias") is net.body[0].bias
    assert net.get_buffer("count") is net.count
    net.set_submodule("body.1", nn.Tanh())
    assert isinstance(net.body[1], nn.Tanh)
    with pytest.raises(AttributeError, match="Sequential has no attribute `7`"):
        net.get_submodule("body.7")
    with pytest.raises(AttributeError, match=r"`count` is not an nn\.Parameter"):
        net.get_parameter("count")


# ---- state


def test_state_dict_goes_round():
    net, other = Net(), Net()
    state = net.state_dict()
    assert list(state) == ["count", "body.0.weight", "body.0.bias", "head.weight"]
    assert state._metadata["body.0"] == {"version": 1}
    assert not state["head.weight"].requires_grad
    assert net.state_dict(keep_vars=True)["head.weight"] is net.head.weight
    assert repr(other.load_state_dict(state)) == "<All keys matched successfully>"
    assert other.head.weight.equal(net.head.weight)


def test_load_state_dict_names_all_that_does_not_fit():
    net = Net()
    state = net.state_dict()
    del state["body.0.bias"]
    state["other"] = facula.zeros(1)
    state["head.weight"] = facula.zeros(3)
    state["count"] = "text"
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict(state)
    assert str(error.value) == (
        "Error(s) in loading state_dict for Net:\n"
        '\tMissing key(s) in state_dict: "body.0.bias". \n'
        '\tUnexpected key(s) in state_dict: "other". \n'
        '\tWhile copying the parameter named "count", expected facula.Tensor or Tensor-like object from checkpoint but '
        "received <class 'str'>\n"
        "\tsize mismatch for head.weight: copying a param with shape facula.Size([3]) from checkpoint, "
        "the shape in current model is facula.Size([2, 3])."
    )
    del state["head.weight"], state["count"]
    keys = net.load_state_dict(state, strict=False)
    assert keys.missing_keys == ["count", "body.0.bias", "head.weight"]
    assert keys.unexpected_keys == ["other"]


def test_load_by_assignment():
    net = Net()
    state = {k: facula.ones_like(v) for k, v in net.state_dict().items()}
    net.to("meta").load_state_dict(state, assign=True)
    assert isinstance(net.head.weight, nn.Parameter)
    assert net.head.weight.device.type == "cpu"
    assert net(facula.ones(4)).tolist() == [15.0, 15.0]


def test_extra_state():
    class Counter(nn.Module):
        n = 3

        def get_extra_state(self):
            return {"n": self.n}

        def set_extra_state(self, state):
            self.n = state["n"]

    counter = Counter()
    assert counter.state_dict() == OrderedDict(_extra_state={"n": 3})
    counter.load_state_dict({"_extra_state": {"n": 7}})
    assert counter.n == 7
    with pytest.raises(RuntimeError, match="_extra_state"):
        counter.load_state_dict({})


def test_state_hooks():
    net, seen = Net(), []
    net.register_state_dict_pre_hook(lambda m, prefix, keep_vars: seen.append("pre"))
    net._register_state_dict_hook(lambda m, state, prefix, local: state.__delitem__("count"))
    assert "count" not in net.state_dict()
    net.register_load_state_dict_pre_hook(
        lambda m, state, prefix, *rest: state.update({"count": state.pop("old_count")})
    )
    net.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    net.load_state_dict({"old_count": facula.tensor([4.0])})
    assert seen == ["pre"]
    assert net.count.item() == 4


def test_batch_norm_reads_states_without_a_count():
    norm = nn.BatchNorm1d(2)
    norm.num_batches_tracked.add_(5)
    old = {k: v for k, v in norm.state_dict().items() if k != "num_batches_tracked"}
    norm.load_state_dict(old)
    assert norm.num_batches_tracked.item() == 5


# ---- hooks


def test_forward_hooks():
    net, calls = nn.Linear(2, 2), []
    handles = [
        net.register_forward_pre_hook(lambda m, args: (args[0] * 2,)),
        net.register_forward_pre_hook(
            lambda m, args, kwargs: calls.append(dict(kwargs)), with_kwargs=True, prepend=True
        ),
        net.register_forward_hook(lambda m, args, out: out + 1),
        net.register_forward_hook(
            lambda m, args, kwargs, out: calls.append(kwargs), with_kwargs=True
        ),
    ]
    x = facula.ones(2)
    assert net(x).equal(F.linear(x * 2, net.weight, net.bias) + 1)
    assert calls == [{}, {}]
    for handle in handles:
        handle.remove()
    assert net(x).equal(F.linear(x, net.weight, net.bias))


def test_hooks_that_are_always_called():
    net, calls = nn.Linear(2, 2), []
    net.register_forward_hook(lambda m, args, out: calls.append("plain"))
    net.register_forward_hook(lambda m, args, out: calls.append(out), always_call=True)
    with pytest.raises(RuntimeError):
        net(facula.ones(3))
    assert calls == [None]


def test_hooks_for_all_modules():
    calls = []
    with nn.module.register_module_forward_hook(
        lambda m, args, out: calls.append(type(m).__name__)
    ):
        Net()(facula.ones(1, 4))
    assert calls == ["Linear", "ReLU", "Sequential", "Linear", "Net"]
    Net()(facula.ones(1, 4))
    assert len(calls) == 5


def test_containers_of_hooks_are_made_at_first_use():
    kinds = [
        name
        for name, value in vars(nn.Module).items()
        if "hooks" in name and name[0] == "_" and not callable(value)
    ]
    net = Net()
    with nn.module.register_module_forward_hook(lambda m, args, out: None):
        net(facula.ones(1, 4)).sum().backward()
    net.load_state_dict(net.state_dict())
    copy.deepcopy(net)
    assert len(kinds) == 11
    assert not [k for m in net.modules() for k in kinds if k in vars(m)]
    for kind in kinds:  # programs written for PyTorch look at these
        assert len(getattr(net, kind)) == 0
        assert getattr(net, kind) is vars(net)[kind]
        assert kind not in vars(net.head)
    handle = net.head.register_forward_hook(lambda m, args, out: out * 0)
    assert list(net.head._forward_hooks) == [handle.id]
    assert not net(facula.ones(1, 4)).any()


@pytest.mark.parametrize("layer", [nn.Linear, nn.LayerNorm])
def test_layers_find_their_parameters_as_attributes(layer):
    class Twice(layer):
        @property
        def weight(self):
            return self._parameters["weight"] * 2

    def made(cls):
        net = layer(*(3, 3)[: 2 if layer is nn.Linear else 1])
        net.__class__ = cls  # as a parametrization does it
        for i, p in enumerate(net.parameters()):
            p.data = facula.ones(p.shape) * (i + 2)
        return net

    x, net = facula.tensor([[1.0, 2.0, 4.0]]), made(layer)
    bias = net.bias.detach()
    assert made(Twice)(x).allclose(net(x) * 2 - bias)
    weight = net.weight.detach()
    del net.weight
    net.weight = weight * 2  # as pruning and weight norm do it
    assert net(x).allclose(made(Twice)(x))
    net.bias = None
    assert net(x).allclose(made(Twice)(x) - bias)


def test_full_backward_hooks():
    net, calls = nn.Linear(2, 3), []
    net.register_full_backward_pre_hook(
        lambda m, grad_output: calls.append(grad_output[0].tolist())
    )
    net.register_full_backward_hook(lambda m, grad_input, grad_output: (grad_input[0] * 10,))
    x = facula.ones(1, 2, requires_grad=True)
    net(x).sum().backward()
    assert calls == [[[1.0, 1.0, 1.0]]]
    expected = net.weight.detach().sum(0) * 10
    assert x.grad[0].tolist() == pytest.approx(expected.tolist())


def test_backward_hooks_without_a_gradient_for_the_input():
    net, calls = nn.Linear(2, 3), []
    net.register_full_backward_hook(
        lambda m, grad_input, grad_output: calls.append((grad_input, grad_output[0].shape))
    )
    net(facula.ones(4, 2)).sum().backward()
    assert calls == [((None,), (4, 3))]
    assert net.weight.grad is not None


# ---- all parts at once


def test_conversions():
    net = Net()
    weight = net.head.weight
    net.double()
    assert net.head.weight is weight
    assert weight.dtype is facula.float64
    assert net.count.dtype is facula.float64
    assert net.to(facula.float32).head.weight.dtype is facula.float32
    assert net.half().head.weight.dtype is facula.float16
    assert net.to("meta").head.weight.is_meta
    assert net.to_empty(device="cpu").head.weight.device.type == "cpu"
    with pytest.raises(TypeError, match="only accepts floating point or complex dtypes"):
        net.to(facula.int64)
    counter = nn.BatchNorm1d(2).to(facula.float64)
    assert counter.num_batches_tracked.dtype is facula.int64


def test_modes_and_gradients():
    net = Net().eval()
    assert not net.body[1].training
    assert net.train().body.training
    with pytest.raises(ValueError, match="expected to be boolean"):
        net.train(1)
    net(facula.ones(4)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert net.head.weight.grad.abs().sum().item() == 0
    net.zero_grad()
    assert net.head.weight.grad is None
    assert not any(p.requires_grad for p in net.requires_grad_(False).parameters())


def test_memory_shared_with_forked_processes():
    net = nn.Linear(2, 3)
    before = net.weight.tolist()
    assert net.share_memory() is net
    assert all(p.is_shared() for p in net.parameters())
    assert net.weight.tolist() == before
    assert not facula.ones(2).is_shared()


def test_apply_visits_children_first():
    seen = []
    Net().apply(lambda m: seen.append(type(m).__name__))
    assert seen == ["Linear", "ReLU", "Sequential", "Linear", "Net"]


@pytest.mark.parametrize("make_copy", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies(make_copy):
    net = Net()
    net.head.weight.requires_grad_(False)
    new = make_copy(net)
    assert new.head.weight is not net.head.weight
    assert isinstance(new.head.weight, nn.Parameter)
    assert not new.head.weight.requires_grad
    assert new.body[0].bias.requires_grad
    x = facula.ones(2, 4)
    assert new(x).equal(net(x))
    with facula.no_grad():
        net.body[0].bias.add_(1)
    assert not new.body[0].bias.equal(net.body[0].bias)


def test_layers_with_functions_can_be_pickled():
    layer = nn.TransformerEncoderLayer(4, 2, 8, 0.0, "gelu")
    x = facula.randn(3, 2, 4)
    assert pickle.loads(pickle.dumps(layer))(x).equal(layer(x))


# ---- text and errors


def test_text():
    assert repr(Net()) == (
        "Net(\n  (body): Sequential(\n    (0): Linear(in_features=4, out_features=3, bias=True)\n    (1): ReLU()\n  )\n"
        "  (head): Linear(in_features=3, out_features=2, bias=False)\n)"
    )
    assert "head" in dir(Net())


@pytest.mark.parametrize(
    ("layer", "shape", "text"),
    [
        (nn.Linear(256, 10), (8, 512), "Linear 'head.fc': input has 512 features, the layer expects 256 (input shape (8, 512))"),
        (
            nn.Conv2d(3, 4, 3), (2, 1, 8, 8),
            "Conv2d 'head.fc': input has 1 channels, the layer expects 3 (input shape (2, 1, 8, 8))",
        ),
        (nn.LayerNorm(4), (2, 5), "LayerNorm 'head.fc': input has 5 features, the layer expects 4 (input shape (2, 5))"),
        (nn.BatchNorm1d(4), (2, 5), "BatchNorm1d 'head.fc': input has 5 channels, the layer expects 4 (input shape (2, 5))"),
        (nn.GroupNorm(2, 4), (2, 6), "GroupNorm 'head.fc': input has 6 channels, the layer expects 4 (input shape (2, 6))"),
    ],
)  # fmt: skip
def test_errors_name_the_layer(layer, shape, text):
    net = nn.Sequential(OrderedDict(head=nn.Sequential(OrderedDict(fc=layer))))
    with pytest.raises(Exception) as error:
        net(facula.zeros(shape))
    assert str(error.value) == text


def test_errors_name_the_index_that_is_out_of_range():
    with pytest.raises(IndexError, match="Embedding: index 12 is out of range for 10 embeddings"):
        nn.Embedding(10, 3)(facula.tensor([1, 12]))


def test_other_errors_get_a_note():
    class Bad(nn.Module):
        def forward(self, x):
            raise KeyError("lost")

    with pytest.raises(KeyError) as error:
        nn.Sequential(nn.Identity(), nn.Sequential(Bad()))(1)
    assert error.value.__notes__ == ["in Bad '1.0' of Sequential"]


def test_a_call_without_hooks_is_one_frame():
    import sys

    class Depth(nn.Module):
        def forward(self):
            return sys._getframe(1).f_back

    net = Depth()
    handle = net.register_forward_pre_hook(lambda module, args: None)
    net()
    handle.remove()
    net()  # notices that there are no hooks any more
    assert net() is sys._getframe()
