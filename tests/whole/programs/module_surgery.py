"""A Module's bookkeeping: buffers, ParameterDict/List, hooks, state_dict surgery, freezing, saving, apply."""

import copy
import io
import pickle
from collections import OrderedDict

import torch
import torch.nn as nn


class Odd(nn.Module):
    __constants__ = ["size"]

    def __init__(self):
        super().__init__()
        self.size = 3
        self.choices = nn.ModuleDict({"lrelu": nn.LeakyReLU(), "lin": nn.Linear(3, 3)})
        self.params = nn.ParameterDict(
            {"left": nn.Parameter(torch.ones(3)), "right": nn.Parameter(torch.zeros(3))}
        )
        self.list = nn.ParameterList([nn.Parameter(torch.full((3,), float(i))) for i in range(2)])
        self.register_parameter("empty", None)
        self.register_buffer("steps", torch.tensor(0))
        self.register_buffer("scratch", torch.zeros(2), persistent=False)
        self.layers = nn.Sequential(
            OrderedDict([("first", nn.Linear(3, 4)), ("second", nn.Linear(4, 3))])
        )

    def forward(self, x):
        self.steps += 1
        x = self.choices["lin"](x) * self.params["left"] + self.params["right"]
        for p in self.list:
            x = x + p
        return self.layers(x)

    def extra_repr(self):
        return f"size={self.size}"


def main(same_weights):
    model = same_weights(Odd())
    log = []
    pre = model.register_forward_pre_hook(lambda m, args: (args[0] * 2,))
    post = model.layers.register_forward_hook(lambda m, args, out: out + 1)
    back = model.layers.first.register_full_backward_hook(
        lambda m, gi, go: log.append(go[0].abs().sum().item())
    )
    x = torch.linspace(0, 1, 6).reshape(2, 3)
    out = model(x)
    out.sum().backward()
    for h in (pre, post, back):
        h.remove()
    state = model.state_dict()
    keys = list(state)
    state = OrderedDict(("module." + k, v) for k, v in state.items())
    state = {k[len("module.") :]: v for k, v in state.items() if not k.startswith("module.list.0")}
    result = model.load_state_dict(state, strict=False)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        message = str(error)
    assert "Missing key(s) in state_dict" in message and '"list.0"' in message
    twin = copy.deepcopy(model)
    with torch.no_grad():
        twin.layers[0].weight.mul_(2.0)
    buffer = io.BytesIO()
    torch.save({"model": model.state_dict(), "epoch": 3}, buffer)
    buffer.seek(0)
    checkpoint = torch.load(buffer, map_location="cpu", weights_only=True)
    twin.load_state_dict(checkpoint["model"])
    assert torch.equal(pickle.loads(pickle.dumps(x)), x) and checkpoint["epoch"] == 3
    for name, p in twin.named_parameters():
        if name.startswith("layers"):
            p.requires_grad = False
    trainable = [n for n, p in twin.named_parameters() if p.requires_grad]
    model.layers.add_module("third", nn.Identity())
    model.layers.second = nn.Linear(4, 2, bias=False)
    nn.init.constant_(model.layers.second.weight, 0.5)
    del model.choices["lrelu"]
    model.half_flag = True
    model.double()
    types = {p.dtype == torch.float64 for p in model.parameters()}
    names = [n for n, _ in model.named_modules()]
    assert (
        types == {True}
        and not isinstance(model.half_flag, torch.Tensor)
        and "size=3" in repr(model)
    )
    assert result.missing_keys == ["list.0"] and result.unexpected_keys == []
    vector = nn.utils.parameters_to_vector(twin.parameters())
    texts = [
        keys,
        trainable,
        names,
        [n for n, _ in model.named_children()],
        [n for n, _ in model.named_buffers()],
        message,
        repr(model).replace(torch.__name__ + ".", ""),
    ]
    return log + [out, model.steps, twin(x), model(x.double()), vector, *texts]
