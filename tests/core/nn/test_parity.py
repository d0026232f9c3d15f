"""Every layer against PyTorch: names and shapes of the state, text, outputs and gradients."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula import nn

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore::UserWarning:torch")]


class Case:
    """A layer: its class, constructor arguments, and shapes of the inputs ('iN:shape' for indices below N)."""

    def __init__(self, name, *args, x=None, train=True, double=False, **kwargs):
        self.name, self.args, self.kwargs, self.inputs, self.train = name, args, kwargs, x, train
        self.double = double

    def __repr__(self):
        given = [repr(a) for a in self.args] + [f"{k}={v!r}" for k, v in self.kwargs.items()]
        return f"{self.name}({', '.join(given)})" + ("" if self.train else ".eval()")


class Ints(tuple):
    """The shape of an input of integers below `below`."""

    def __new__(cls, below, *shape, low=0):
        self = tuple.__new__(cls, shape)
        self.below, self.low = below, low
        return self


class Signs(tuple):
    """The shape of an input of ones and minus ones."""


class Positive(tuple):
    """The shape of an input in (0.1, 0.9)."""


def case(name, *args, x, **kwargs):
    return Case(name, *args, x=x if isinstance(x, list) else [x], **kwargs)


IMAGE, SEQUENCE = (2, 4, 8, 9), (5, 3, 6)

CASES = [
    case("Identity", x=(2, 3)),
    case("Linear", 4, 3, x=(2, 5, 4)),
    case("Linear", 4, 3, bias=False, x=(4,)),
    case("Bilinear", 4, 3, 5, x=[(2, 4), (2, 3)]),
    case("Conv1d", 4, 6, 3, padding=1, stride=2, x=(2, 4, 9)),
    case("Conv1d", 4, 6, 3, padding="same", padding_mode="circular", x=(2, 4, 9)),
    case("Conv2d", 4, 6, 3, x=IMAGE),
    case("Conv2d", 4, 6, (3, 2), padding=(1, 0), dilation=2, groups=2, bias=False, x=IMAGE),
    case("Conv2d", 4, 6, 4, padding="same", x=IMAGE),
    case("Conv2d", 4, 6, 3, padding="valid", x=IMAGE[1:]),
    case("Conv2d", 4, 6, 3, padding=2, padding_mode="reflect", x=IMAGE),
    case("Conv2d", 4, 6, 3, padding=(2, 1), padding_mode="replicate", x=IMAGE),
    case("Conv3d", 2, 3, 2, stride=2, x=(2, 2, 4, 5, 6)),
    case("ConvTranspose1d", 4, 6, 3, stride=2, x=(2, 4, 7)),
    case("ConvTranspose2d", 4, 6, 3, stride=2, padding=1, output_padding=1, groups=2, x=IMAGE),
    case("ConvTranspose3d", 2, 3, 2, x=(1, 2, 3, 3, 3)),
    *(
        case(name, x=(3, 4))
        for name in ["ReLU", "ReLU6", "SELU", "SiLU", "Mish", "Hardsigmoid", "Hardswish", "Hardtanh", "ELU", "CELU", "LeakyReLU", "Sigmoid", "Tanh", "LogSigmoid", "Softsign", "Tanhshrink", "Softplus", "Hardshrink", "Softshrink", "GELU", "GLU", "PReLU"]
    ),
    case("ReLU", inplace=True, x=(3, 4)),
    case("RReLU", x=(3, 4), train=False),
    case("Threshold", 0.1, 20.0, x=(3, 4)),
    case("Softplus", beta=2.0, threshold=1.0, x=(3, 4)),
    case("GELU", approximate="tanh", x=(3, 4)),
    case("Hardtanh", -0.5, 0.2, x=(3, 4)),
    case("PReLU", 4, init=0.1, x=(3, 4)),
    *(case(name, dim=1, x=(3, 4)) for name in ("Softmax", "LogSoftmax", "Softmin", "GLU")),
    case("Softmax2d", x=(2, 3, 4, 5)),
    *(case(f"Dropout{n}", 0.3, x=(2, 3, 4), train=False) for n in ("", "1d", "2d", "3d")),
    case("AlphaDropout", 0.3, x=(2, 3), train=False),
    case("FeatureAlphaDropout", 0.3, x=(2, 3, 4), train=False),
    case("MaxPool1d", 3, stride=2, padding=1, x=(2, 3, 9)),
    case("MaxPool2d", 2, x=IMAGE),
    case("MaxPool2d", 3, 2, 1, dilation=1, ceil_mode=True, x=IMAGE),
    case("MaxPool3d", 2, x=(1, 2, 4, 4, 5)),
    case("AvgPool1d", 3, 2, 1, x=(2, 3, 9)),
    case("AvgPool2d", 3, 2, 1, count_include_pad=False, x=IMAGE),
    case("AvgPool2d", (2, 3), divisor_override=5, x=IMAGE),
    case("AvgPool3d", 2, x=(1, 2, 4, 4, 5)),
    case("LPPool1d", 2, 3, x=Positive((2, 3, 9))),
    case("LPPool2d", 2, 3, stride=2, x=Positive(IMAGE)),
    case("AdaptiveAvgPool1d", 4, x=(2, 3, 9)),
    case("AdaptiveAvgPool2d", (3, None), x=IMAGE),
    case("AdaptiveAvgPool3d", 2, x=(1, 2, 4, 4, 5)),
    case("AdaptiveMaxPool1d", 4, x=(2, 3, 9)),
    case("AdaptiveMaxPool2d", (3, 2), x=IMAGE),
    case("AdaptiveMaxPool3d", 2, x=(1, 2, 4, 4, 5)),
    *(
        case(f"{kind}Pad{n}d", 1, x=(2, 3, 4, 5, 4)[: n + 2])
        for kind in ("Reflection", "Replication", "Zero", "Circular")
        for n in (1, 2, 3)
    ),
    *(case(f"ConstantPad{n}d", 2, 3.5, x=(2, 3, 4, 5, 4)[: n + 2]) for n in (1, 2, 3)),
    case("ZeroPad2d", (1, 0, 2, 3), x=IMAGE),
    *(
        case(f"BatchNorm{n}d", 4, x=(3, 4, 5, 4, 3)[: n + 2], train=train, **options)
        for n in (1, 2, 3)
        for train in (True, False)
        for options in ({}, {"affine": False}, {"track_running_stats": False}, {"momentum": None})
    ),
    case("BatchNorm1d", 4, x=(3, 4)),
    *(
        case(f"InstanceNorm{n}d", 4, x=(3, 4, 5, 4, 3)[: n + 2], **options)
        for n in (1, 2, 3)
        for options in ({}, {"affine": True, "track_running_stats": True})
    ),
    case("InstanceNorm2d", 4, affine=True, x=(4, 5, 4)),
    case("LayerNorm", 6, x=SEQUENCE),
    case("LayerNorm", (3, 6), bias=False, x=SEQUENCE),
    case("LayerNorm", [6], elementwise_affine=False, x=SEQUENCE),
    case("RMSNorm", 6, x=SEQUENCE),
    case("RMSNorm", (3, 6), eps=1e-3, elementwise_affine=False, x=SEQUENCE),
    case("GroupNorm", 2, 4, x=IMAGE),
    case("GroupNorm", 4, 4, affine=False, x=(2, 4, 5)),
    case("LocalResponseNorm", 3, x=IMAGE),
    case("Embedding", 10, 4, x=Ints(10, 2, 3)),
    case("Embedding", 10, 4, padding_idx=2, x=Ints(10, 2, 3)),
    case("Embedding", 10, 4, scale_grad_by_freq=True, x=Ints(4, 3, 3)),
    case("EmbeddingBag", 10, 4, x=Ints(10, 2, 3)),
    case("EmbeddingBag", 10, 4, mode="sum", padding_idx=1, x=Ints(10, 2, 3)),
    case("EmbeddingBag", 10, 4, mode="max", x=Ints(10, 2, 3)),
    case("Flatten", x=IMAGE),
    case("Flatten", 0, 1, x=IMAGE),
    case("Unflatten", 1, (2, 2), x=IMAGE),
    case("Unfold", 3, padding=1, stride=2, x=IMAGE),
    case("Fold", (4, 5), (2, 2), x=(2, 12, 12)),
    case("PixelShuffle", 2, x=IMAGE),
    case("PixelUnshuffle", 2, x=(2, 3, 4, 6)),
    case("ChannelShuffle", 2, x=IMAGE),
    case("Upsample", scale_factor=2, x=(2, 3, 4)),
    case("Upsample", size=(5, 6), mode="bilinear", align_corners=True, x=(2, 3, 4, 4)),
    case("Upsample", scale_factor=(2, 1.5), mode="bilinear", x=(2, 3, 4, 4)),
    case("UpsamplingNearest2d", scale_factor=2, x=(2, 3, 4, 4)),
    case("UpsamplingBilinear2d", size=7, x=(2, 3, 4, 4)),
    case("PairwiseDistance", x=[(3, 4), (3, 4)]),
    case("CosineSimilarity", dim=-1, x=[(3, 4), (3, 4)]),
    *(
        case(name, reduction=reduction, x=[(3, 4), (3, 4)])
        for name in ("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss")
        for reduction in ("mean", "sum", "none")
    ),
    case("SmoothL1Loss", beta=0.3, x=[(3, 4), (3, 4)]),
    case("CrossEntropyLoss", x=[(5, 4), Ints(4, 5)]),
    case("CrossEntropyLoss", ignore_index=1, reduction="sum", x=[(2, 4, 3), Ints(4, 2, 3)]),
    case("CrossEntropyLoss", label_smoothing=0.1, x=[(5, 4), Ints(4, 5)]),
    case("CrossEntropyLoss", x=[(5, 4), Positive((5, 4))]),
    case("NLLLoss", ignore_index=2, x=[(5, 4), Ints(4, 5)]),
    case("PoissonNLLLoss", full=True, x=[(3, 4), Positive((3, 4))]),
    case("GaussianNLLLoss", x=[(3, 4), (3, 4), Positive((3, 4))]),
    case("KLDivLoss", reduction="batchmean", x=[(3, 4), Positive((3, 4))]),
    case("KLDivLoss", reduction="sum", log_target=True, x=[(3, 4), (3, 4)]),
    case("BCELoss", x=[Positive((3, 4)), Positive((3, 4))]),
    case("BCEWithLogitsLoss", x=[(3, 4), Positive((3, 4))]),
    case("HingeEmbeddingLoss", margin=0.5, x=[(3, 4), Signs((3, 4))]),
    case("MultiLabelMarginLoss", x=[(3, 4), Ints(4, 3, 4, low=-1)]),
    case("SoftMarginLoss", x=[(3, 4), Signs((3, 4))]),
    case("MultiLabelSoftMarginLoss", x=[(3, 4), Ints(2, 3, 4)]),
    case("CosineEmbeddingLoss", margin=0.1, x=[(3, 4), (3, 4), Signs((3,))]),
    case("MarginRankingLoss", margin=0.1, x=[(3,), (3,), Signs((3,))]),
    case("MultiMarginLoss", p=2, x=[(3, 4), Ints(4, 3)]),
    case("TripletMarginLoss", swap=True, x=[(3, 4), (3, 4), (3, 4)]),
    case("TripletMarginWithDistanceLoss", x=[(3, 4), (3, 4), (3, 4)]),
    *(
        case(name, 6, 4, x=SEQUENCE, **options)
        for name in ("RNN", "LSTM", "GRU")
        for options in (
            {},
            {"num_layers": 2, "bidirectional": True},
            {"bias": False, "batch_first": True},
            {"num_layers": 3, "dropout": 0.0, "bidirectional": True, "batch_first": True},
        )
    ),
    *(case(name, 6, 4, x=[SEQUENCE, (2, 3, 4)], num_layers=2) for name in ("RNN", "GRU")),
    case("RNN", 6, 4, 2, "relu", x=SEQUENCE),
    case("RNN", 6, 4, nonlinearity="relu", x=(5, 6)),
    case("LSTM", 6, 4, proj_size=3, num_layers=2, bidirectional=True, x=SEQUENCE),
    case("LSTM", 6, 4, x=[SEQUENCE, [(1, 3, 4), (1, 3, 4)]]),
    case("LSTM", 6, 4, x=(5, 6)),
    case("RNNCell", 6, 4, x=(3, 6)),
    case("RNNCell", 6, 4, bias=False, nonlinearity="relu", x=[(3, 6), (3, 4)]),
    case("LSTMCell", 6, 4, x=[(3, 6), [(3, 4), (3, 4)]]),
    case("LSTMCell", 6, 4, x=(6,)),
    case("GRUCell", 6, 4, x=[(3, 6), (3, 4)]),
    case("MultiheadAttention", 6, 2, x=[(4, 3, 6), (5, 3, 6), (5, 3, 6)]),
    case("MultiheadAttention", 6, 3, batch_first=True, x=[(4, 3, 6), (4, 5, 6), (4, 5, 6)]),
    case("MultiheadAttention", 6, 3, kdim=4, vdim=5, bias=False, x=[(4, 3, 6), (5, 3, 4), (5, 3, 5)]),
    case("MultiheadAttention", 6, 3, add_bias_kv=True, add_zero_attn=True, x=[(4, 3, 6), (5, 3, 6), (5, 3, 6)]),
    case("MultiheadAttention", 6, 2, x=[(4, 6), (5, 6), (5, 6)]),
    case("TransformerEncoderLayer", 6, 2, 8, 0.0, x=SEQUENCE),
    case("TransformerEncoderLayer", 6, 2, 8, 0.0, "gelu", norm_first=True, batch_first=True, x=SEQUENCE),
    case("TransformerEncoderLayer", 6, 2, 8, 0.0, bias=False, x=SEQUENCE, train=False),
    case("TransformerDecoderLayer", 6, 2, 8, 0.0, x=[SEQUENCE, (4, 3, 6)]),
    case("TransformerDecoderLayer", 6, 2, 8, 0.0, norm_first=True, x=[SEQUENCE, (4, 3, 6)]),
    case("Transformer", 6, 2, 2, 1, 8, 0.0, x=[SEQUENCE, (4, 3, 6)]),
    case("Transformer", 6, 2, 1, 2, 8, 0.0, batch_first=True, norm_first=True, x=[(3, 5, 6), (3, 4, 6)]),
    case("AdaptiveLogSoftmaxWithLoss", 16, 20, [4, 10], div_value=2.0, x=[(6, 16), Ints(20, 6)]),
]  # fmt: skip


def make_arrays(shapes, rng):
    made = []
    for shape in shapes:
        if isinstance(shape, list):
            made.append(tuple(make_arrays(shape, rng)))
        elif isinstance(shape, Ints):
            made.append(rng.integers(shape.low, shape.below, tuple(shape)))
        elif isinstance(shape, Signs):
            made.append(rng.choice([-1.0, 1.0], tuple(shape)).astype(np.float32))
        elif isinstance(shape, Positive):
            made.append(rng.uniform(0.1, 0.9, tuple(shape)).astype(np.float32))
        else:
            made.append(rng.normal(size=tuple(shape)).astype(np.float32))
    return made


def as_tensors(library, arrays, grad=True):
    out = []
    for a in arrays:
        if isinstance(a, tuple):
            out.append(tuple(as_tensors(library, a)))
        else:
            t = library.tensor(a)
            out.append(
                t.requires_grad_()
                if t.is_floating_point() and grad and not (a == np.sign(a)).all()
                else t
            )
    return out


def leaves(value):
    """The tensors in nested tuples."""
    if isinstance(value, (tuple, list)):
        return [t for v in value for t in leaves(v)]
    return [] if value is None else [value]


def close(mine, theirs, what, tolerance=2e-5):
    assert tuple(mine.shape) == tuple(theirs.shape), what
    np.testing.assert_allclose(
        np.asarray(mine.detach()), theirs.detach().numpy(), rtol=1e-4, atol=tolerance, err_msg=what
    )


def copy_state(mine, theirs):
    state = {k: facula.tensor(v.numpy().copy()) for k, v in theirs.state_dict().items()}
    assert str(mine.load_state_dict(state)) == "<All keys matched successfully>"


def run(module, inputs, train, out_grads=None):
    module.train(train)
    # A clone, so that layers that work in place may.
    outputs = leaves(
        module(*[i * 1 if hasattr(i, "is_leaf") and i.requires_grad else i for i in inputs])
    )
    return [o for o in outputs if o is not None]


def compare(theirs, mine, arrays, train=True):
    """Same outputs and gradients from the same weights and inputs."""
    rng = np.random.default_rng(1)
    x, y = as_tensors(torch, arrays), as_tensors(facula, arrays)
    expected, got = run(theirs, x, train), run(mine, y, train)
    assert len(expected) == len(got)
    for i, (a, b) in enumerate(zip(got, expected)):
        close(a, b, f"output {i}")
    weights = [rng.normal(size=tuple(e.shape)).astype(np.float32) for e in expected]
    sum(
        (e * torch.tensor(w)).sum() for e, w in zip(expected, weights) if e.requires_grad
    ).backward()
    sum((g * facula.tensor(w)).sum() for g, w in zip(got, weights) if g.requires_grad).backward()
    for i, (a, b) in enumerate(zip(leaves(y), leaves(x))):
        if b.grad is not None:
            close(a.grad, b.grad, f"gradient of input {i}", 5e-5)
    for (name, p), (_, q) in zip(mine.named_parameters(), theirs.named_parameters()):
        assert (p.grad is None) == (q.grad is None), name
        if q.grad is not None:
            close(p.grad, q.grad, f"gradient of {name}", 5e-5)
    for (name, p), (_, q) in zip(mine.named_buffers(), theirs.named_buffers()):
        close(p, q, f"buffer {name}")


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_layer(case):
    torch.manual_seed(0)
    theirs = getattr(torch.nn, case.name)(*case.args, **case.kwargs)
    mine = getattr(nn, case.name)(*case.args, **case.kwargs)
    shapes = [(k, tuple(v.shape)) for k, v in theirs.state_dict().items()]
    assert [(k, tuple(v.shape)) for k, v in mine.state_dict().items()] == shapes
    if case.name != "TripletMarginWithDistanceLoss":
        assert repr(mine) == repr(theirs).replace("torch", "facula")
    copy_state(mine, theirs)
    arrays = make_arrays(case.inputs, np.random.default_rng(0))
    if any(isinstance(a, np.ndarray) and a.dtype == np.float32 for a in arrays) or list(
        theirs.parameters()
    ):
        compare(theirs, mine, arrays, case.train)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("sort", [True, False])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}], ids=str)
def test_packed_sequences(name, sort, options):
    lengths = [5, 3, 3, 1] if sort else [3, 1, 5, 3]
    theirs = getattr(torch.nn, name)(6, 4, **options)
    mine = getattr(nn, name)(6, 4, **options)
    copy_state(mine, theirs)
    x = np.random.default_rng(0).normal(size=(5, 4, 6)).astype(np.float32)
    results = []
    for library, module in ((facula, mine), (torch, theirs)):
        rnn = library.nn.utils.rnn
        t = library.tensor(x, requires_grad=True)
        packed = rnn.pack_padded_sequence(t, lengths, enforce_sorted=sort)
        out, state = module(packed)
        padded, sizes = rnn.pad_packed_sequence(out, batch_first=True, padding_value=-1.0)
        assert sizes.tolist() == lengths
        (padded.sum() + sum((s * s).sum() for s in leaves(state))).backward()
        results.append(
            [
                packed.data,
                out.data,
                padded,
                *leaves(state),
                t.grad,
                *[p.grad for p in module.parameters()],
            ]
        )
    for i, (a, b) in enumerate(zip(*results)):
        close(a, b, f"tensor {i}", 5e-5)


def test_sequences_padded_and_packed():
    parts = [np.arange(n, dtype=np.float32).reshape(n, 1) for n in (3, 1, 2)]
    for side in ("left", "right"):
        a = nn.utils.rnn.pad_sequence([facula.tensor(p) for p in parts], True, -1.0, side)
        b = torch.nn.utils.rnn.pad_sequence([torch.tensor(p) for p in parts], True, -1.0, side)
        assert a.tolist() == b.tolist()
    packed = nn.utils.rnn.pack_sequence([facula.tensor(p) for p in parts], enforce_sorted=False)
    expected = torch.nn.utils.rnn.pack_sequence(
        [torch.tensor(p) for p in parts], enforce_sorted=False
    )
    for a, b in zip(packed, expected):
        assert a.tolist() == b.tolist()
    assert [p.tolist() for p in nn.utils.rnn.unpack_sequence(packed)] == [p.tolist() for p in parts]


MASKS = {
    "causal": lambda lib: {"attn_mask": lib.nn.Transformer.generate_square_subsequent_mask(5)},
    "bool": lambda lib: {"attn_mask": lib.ones(5, 5, dtype=lib.bool).triu(1)},
    "heads": lambda lib: {"attn_mask": lib.ones(6, 5, 5).tril() * 0.5},
    "padding": lambda lib: {"key_padding_mask": lib.tensor([[False] * 4 + [True], [False] * 5, [False] * 2 + [True] * 3])},
    "both": lambda lib: {
        "key_padding_mask": lib.tensor([[0.0] * 4 + [-1.0], [0.0] * 5, [-0.5] * 5]),
        "attn_mask": lib.nn.Transformer.generate_square_subsequent_mask(5),
    },
    "apart": lambda lib: {"average_attn_weights": False},
    "no weights": lambda lib: {"need_weights": False, "key_padding_mask": lib.zeros(3, 5, dtype=lib.bool)},
}  # fmt: skip


@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("extra", [False, True])
def test_attention_masks(masks, extra):
    theirs = torch.nn.MultiheadAttention(6, 2, add_bias_kv=extra, add_zero_attn=extra)
    mine = nn.MultiheadAttention(6, 2, add_bias_kv=extra, add_zero_attn=extra)
    copy_state(mine, theirs)
    x = np.random.default_rng(0).normal(size=(5, 3, 6)).astype(np.float32)
    results = []
    for library, module in ((facula, mine), (torch, theirs)):
        t = library.tensor(x, requires_grad=True)
        out, weights = module(t, t, t, **MASKS[masks](library))
        (out * out).sum().backward()
        results.append([out, *leaves(weights), t.grad, *[p.grad for p in module.parameters()]])
    assert len(results[0]) == len(results[1])
    for i, (a, b) in enumerate(zip(*results)):
        close(a, b, f"tensor {i}", 5e-5)


def test_transformer_masks():
    settings = {
        "nhead": 2,
        "num_encoder_layers": 1,
        "num_decoder_layers": 1,
        "dim_feedforward": 8,
        "dropout": 0.0,
    }
    theirs, mine = torch.nn.Transformer(6, **settings), nn.Transformer(6, **settings)
    copy_state(mine, theirs)
    x = np.random.default_rng(0).normal(size=(5, 2, 6)).astype(np.float32)
    results = []
    for library, module in ((facula, mine), (torch, theirs)):
        t = library.tensor(x)
        mask = library.nn.Transformer.generate_square_subsequent_mask(5)
        padding = library.tensor([[0.0] * 5, [0.0] * 3 + [float("-inf")] * 2])
        results.append(
            module(
                t, t, tgt_mask=mask, src_key_padding_mask=padding, memory_key_padding_mask=padding
            )
        )
    close(*results, "output")


LAZY = [
    ("LazyLinear", (3,), (2, 4)),
    ("LazyConv1d", (3, 2), (2, 4, 5)),
    ("LazyConv2d", (3, 2), (2, 4, 5, 5)),
    ("LazyConv3d", (3, 2), (2, 4, 5, 5, 5)),
    ("LazyConvTranspose1d", (3, 2), (2, 4, 5)),
    ("LazyConvTranspose2d", (3, 2), (2, 4, 5, 5)),
    ("LazyConvTranspose3d", (3, 2), (2, 4, 5, 5, 5)),
    ("LazyBatchNorm1d", (), (2, 4, 5)),
    ("LazyBatchNorm2d", (), (2, 4, 5, 5)),
    ("LazyBatchNorm3d", (), (2, 4, 3, 3, 3)),
    ("LazyInstanceNorm1d", (), (2, 4, 5)),
    ("LazyInstanceNorm2d", (), (2, 4, 5, 5)),
    ("LazyInstanceNorm3d", (), (2, 4, 3, 3, 3)),
]


@pytest.mark.parametrize(("name", "args", "shape"), LAZY)
@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_lazy(name, args, shape):
    theirs, mine = getattr(torch.nn, name)(*args), getattr(nn, name)(*args)
    assert mine.has_uninitialized_params()
    mine(facula.zeros(shape))
    theirs(torch.zeros(shape))
    assert type(mine).__name__ == type(theirs).__name__
    assert repr(mine) == repr(theirs)
    assert {k: tuple(v.shape) for k, v in mine.state_dict().items()} == {
        k: tuple(v.shape) for k, v in theirs.state_dict().items()
    }


def test_max_unpool():
    x = np.random.default_rng(0).normal(size=(2, 3, 6, 6)).astype(np.float32)
    results = []
    for library in (facula, torch):
        pool, unpool = library.nn.MaxPool2d(2, return_indices=True), library.nn.MaxUnpool2d(2)
        assert repr(unpool) == "MaxUnpool2d(kernel_size=(2, 2), stride=(2, 2), padding=(0, 0))"
        y, indices = pool(library.tensor(x))
        results.append(unpool(y, indices))
    close(*results, "output")


def test_ctc():
    rng = np.random.default_rng(0)
    x, targets = rng.normal(size=(12, 3, 5)).astype(np.float32), rng.integers(1, 5, (3, 4))
    results = []
    for library in (facula, torch):
        t = library.tensor(x, requires_grad=True)
        loss = library.nn.CTCLoss()(
            t.log_softmax(2),
            library.tensor(targets),
            library.tensor([12, 11, 10]),
            library.tensor([4, 3, 2]),
        )
        loss.backward()
        results.append((loss, t.grad))
    close(results[0][0], results[1][0], "loss")
    close(results[0][1], results[1][1], "gradient")


@pytest.mark.parametrize("norm_type", [1.0, 2.0, float("inf")])
def test_clipping(norm_type):
    results = []
    for library in (facula, torch):
        ps = [library.nn.Parameter(library.ones(3)), library.nn.Parameter(library.ones(2, 2))]
        for i, p in enumerate(ps):
            p.grad = library.full(p.shape, float(i + 1))
        total = library.nn.utils.clip_grad_norm_(ps, 1.5, norm_type)
        library.nn.utils.clip_grad_value_(ps, 0.4)
        results.append([total, *[p.grad for p in ps]])
    for a, b in zip(*results):
        close(a, b, "clipped")


@pytest.mark.parametrize(
    "kind",
    ["weight_norm", "spectral_norm", "parametrized weight_norm", "parametrized spectral_norm"],
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_reparametrised_weights(kind):
    results = []
    layers = []
    for library in (torch, facula):
        utils = (
            library.nn.utils.parametrizations
            if kind.startswith("parametrized")
            else library.nn.utils
        )
        layers.append(getattr(utils, kind.split()[-1])(library.nn.Linear(4, 3)))
    theirs, mine = layers
    copy_state(mine, theirs)
    x = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    for library, module in ((facula, mine), (torch, theirs)):
        t = library.tensor(x, requires_grad=True)
        y = module(t)
        (y * y).sum().backward()
        results.append([y, t.grad, *[p.grad for p in module.parameters()], *module.buffers()])
    for a, b in zip(*results):
        close(a, b, kind)


def test_all_public_layers_are_there():
    missing = {n for n in dir(torch.nn) if n[0].isupper() and not hasattr(nn, n)}
    assert missing <= {"LinearCrossEntropyLoss", "LinearCrossEntropyOptions"}
