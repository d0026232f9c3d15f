"""The default device: where new tensors go, and that nothing else goes there."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula import nn
from facula.nn import functional as F
from facula.nn.utils import prune
from facula.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from facula.ops import OPS
from facula.testing.samples import build, on_device, samples_of, tensors_in

x = facula.ones(2, 3)
#: What makes a tensor, by expression over a library `f`: PyTorch 2.13 has these on the default device or on the CPU.
MADE = [
    "f.as_tensor(np.ones(2))", "f.as_tensor([1.0])", "f.as_tensor(f.ones(2, device='cpu'))", "f.as_tensor(np.float32(1))",
    "f.tensor([1.0])", "f.tensor(np.ones(2))", "f.tensor(1)", "f.asarray(np.ones(2))", "f.asarray([1.0])",
    "f.asarray(f.ones(2, device='cpu'))", "f.Tensor([1.0, 2.0])", "f.Tensor(2, 3)", "f.Tensor()", "f.Tensor(f.Size([2]))",
    "f.FloatTensor([1.0])", "f.LongTensor(3)", "f.from_numpy(np.ones(2))", "f.frombuffer(bytearray(8), dtype=f.float32)",
    "f.ones_like(f.ones(2, device='cpu'))", "f.ones(2, device='cpu').new_zeros(2)", "f.ones(2, device='cpu').new_tensor([2.0])",
    "f.ones(2, device='cpu').new(2)", "f.arange(3)", "f.rand(2)", "f.randperm(3)", "f.eye(2)", "f.linspace(0, 1, 3)",
    "f.hann_window(4)", "f.tril_indices(2, 2)", "f.full((2,), 1.0)", "f.scalar_tensor(2.0)", "f.empty_strided((2, 2), (2, 1))",
    "f.nn.Linear(2, 3).weight", "f.nn.BatchNorm1d(2).running_mean", "f.nn.Parameter(f.ones(2, device='cpu'))",
    "f.fft.fftfreq(3)", "f.ones(2, device='cpu').nonzero()", "f.vander(f.ones(2, device='cpu'))",
    "f.cartesian_prod(f.ones(2, device='cpu'), f.ones(2, device='cpu'))",
]  # fmt: skip


def place(f, text):
    with f.device("meta"):
        return eval(text, {"f": f, "np": np}).device.type


@pytest.mark.parity
@pytest.mark.parametrize("text", MADE)
def test_new_tensors_go_where_pytorchs_go(text):
    import torch

    assert place(facula, text) == place(torch, text)


def test_numpy_arrays_and_tensors_are_moved_and_old_constructors_are_not():
    with facula.device("toy"):
        assert facula.as_tensor(np.ones(2)).device == facula.device("toy")
        assert facula.as_tensor(x).device == facula.device("toy")
        assert facula.tensor(x).device == facula.device("toy")
        assert facula.as_tensor(x, device="cpu") is x
        assert facula.Tensor([1.0]).device == facula.FloatTensor(2).device == facula.device("cpu")
    on_toy = x.to("toy")
    assert facula.as_tensor(on_toy) is on_toy and facula.tensor(on_toy).device.type == "toy"
    with facula.device("cpu"):
        assert facula.as_tensor(on_toy).device.type == "cpu"


def outcome(op, sample, default):
    """Where the results of a sample on the CPU are, its gradients computed to second order; or the error."""
    built = build(sample, on_device("cpu", True))
    with facula.device(default):
        try:
            result = op.public_call(*built.args, **built.kwargs)
            wanted = [t for t in tensors_in(built) if t.requires_grad]
            outs = [t for t in tensors_in(result) if t.requires_grad]
            if outs:
                total = sum(t.abs().sum() for t in outs)
                grads = facula.autograd.grad(
                    total, wanted, create_graph=op.twice_differentiable, allow_unused=True
                )
                again = [g.abs().sum() for g in grads if g is not None and g.requires_grad]
                if again:
                    facula.autograd.grad(sum(again), wanted, allow_unused=True)
            return [t.device.type for t in tensors_in(result)]
        except Exception as error:
            return type(error)


@pytest.mark.parametrize(
    "op", [op for op in OPS.values() if samples_of(op)], ids=lambda op: op.name
)
def test_operations_stay_where_their_tensors_are(op):
    for sample in samples_of(op):
        if tensors_in(build(sample, on_device("cpu"))):
            assert outcome(op, sample, "meta") == outcome(op, sample, "cpu")


def sequences():
    padded = pack_padded_sequence(x.to(x.device), [3, 2], batch_first=True)
    return pad_packed_sequence(padded)[0]


def trained():
    model = nn.Sequential(
        nn.Linear(3, 4, device=x.device), nn.Dropout(0.5), nn.Linear(4, 1, device=x.device)
    )
    optimizer = facula.optim.AdamW(model.parameters())
    scheduler = facula.optim.lr_scheduler.StepLR(optimizer, 1)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    model(x).sum().backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    optimizer.load_state_dict(optimizer.state_dict())
    return model[0].weight


def pruned(method):
    layer = nn.Linear(3, 4, device=x.device)
    method(layer)
    return layer.weight


def random(distribution):
    return distribution.sample((2,)) + distribution.log_prob(distribution.sample((2,)))


normal = facula.distributions.Normal
#: Functions that are no ops, which make tensors on their way.
FUNCTIONS = {
    "vander": lambda: facula.vander(x[0]),
    "gradient": lambda: facula.gradient(x, spacing=2.0)[0],
    "isin": lambda: facula.isin(x, 1.0),
    "cov": lambda: facula.cov(x),
    "corrcoef": lambda: facula.corrcoef(x),
    "histc": lambda: facula.histc(x, 4),
    "histogram": lambda: facula.histogram(x, 4)[0],
    "unravel_index": lambda: facula.unravel_index(x.long(), (2, 2))[0],
    "cartesian_prod": lambda: facula.cartesian_prod(x[0], x[0]),
    "combinations": lambda: facula.combinations(x[0]),
    "block_diag": lambda: facula.block_diag(x, x),
    "stft": lambda: facula.stft(x[0].repeat(8), 4, return_complex=True, window=x[0, :1].expand(4)),
    "one_hot": lambda: F.one_hot(x.long()),
    "interpolate": lambda: F.interpolate(x[None], scale_factor=2),
    "gumbel_softmax": lambda: F.gumbel_softmax(x),
    "dropout": lambda: F.dropout(x),
    "affine_grid": lambda: F.affine_grid(x[None], (1, 1, 2, 2)),
    "multi_head": lambda: nn.MultiheadAttention(3, 1, device=x.device)(x, x, x)[0],
    "LSTM": lambda: nn.LSTM(3, 2, device=x.device)(x)[0],
    "GRUCell": lambda: nn.GRUCell(3, 2, device=x.device)(x),
    "Transformer": lambda: nn.TransformerEncoderLayer(3, 1, 4, device=x.device)(x),
    "BatchNorm1d": lambda: nn.BatchNorm1d(3, device=x.device)(x),
    "Embedding": lambda: nn.Embedding(4, 2, device=x.device)(x.long()),
    "packed sequences": sequences,
    "training": trained,
    "sparse_": lambda: nn.init.sparse_(facula.empty(3, 4, device=x.device), 0.5),
    "orthogonal_": lambda: nn.init.orthogonal_(facula.empty(3, 4, device=x.device)),
    "random pruning": lambda: pruned(lambda m: prune.random_unstructured(m, "weight", 0.5)),
    "structured pruning": lambda: pruned(lambda m: prune.random_structured(m, "weight", 1, 0)),
    "magnitude pruning": lambda: pruned(lambda m: prune.l1_unstructured(m, "weight", 2)),
    "Normal": lambda: random(normal(x, 2.0)),
    "Bernoulli": lambda: random(facula.distributions.Bernoulli(x / 2)),
    "Categorical": lambda: random(facula.distributions.Categorical(x)),
    "Uniform": lambda: facula.distributions.Uniform(x, x + 1).sample(),
    "kl": lambda: facula.distributions.kl_divergence(normal(x, 1.0), normal(0.0, x)),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_stay_where_their_tensors_are(name):
    with facula.device("meta"):
        assert FUNCTIONS[name]().device.type == "cpu"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_work_on_another_device(name, monkeypatch):
    expected = facula.manual_seed(0) and FUNCTIONS[name]()
    monkeypatch.setitem(globals(), "x", x.to("toy"))
    facula.manual_seed(0)
    made = FUNCTIONS[name]()
    assert made.device.type == "toy"
    np.testing.assert_allclose(made.detach().cpu().numpy(), expected.detach().numpy(), 1e-4, 1e-5)


def test_loaders_draw_their_order_on_the_cpu():
    from facula.data import DataLoader, SubsetRandomSampler, WeightedRandomSampler, random_split

    data = list(range(8))

    def orders():
        facula.manual_seed(0)
        loader = DataLoader(data, shuffle=True, collate_fn=list)
        more = (WeightedRandomSampler([1.0] * 8, 8), SubsetRandomSampler(data))
        return [list(loader), *map(list, more), [list(s) for s in random_split(data, [5, 3])]]

    expected = orders()
    with facula.device("meta"):
        assert orders() == expected


def test_files_are_read_to_where_they_were(tmp_path):
    facula.save({"x": x}, tmp_path / "x.safetensors")
    with facula.device("meta"):
        assert facula.load(tmp_path / "x.safetensors")["x"].device.type == "cpu"
