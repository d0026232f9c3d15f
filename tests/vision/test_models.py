"""LeNet and the ResNets: torchvision's names and shapes, forward, a training step, PyTorch's numbers."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula import optim
from facula.nn import functional as F
from facula_vision.models import LeNet, lenet, resnet18, resnet34, resnet50

BASIC, BOTTLENECK = "basic", "bottleneck"
NETWORKS = {
    "resnet18": (resnet18, BASIC, (2, 2, 2, 2), 11_689_512, 122),
    "resnet34": (resnet34, BASIC, (3, 4, 6, 3), 21_797_672, 218),
    "resnet50": (resnet50, BOTTLENECK, (3, 4, 6, 3), 25_557_032, 320),
}


def norm(name, channels):
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{part}", (channels,)
    yield f"{name}.num_batches_tracked", ()


def torchvision_state(kind, layers):
    """The names and shapes of torchvision's state dict, in its order."""
    yield "conv1.weight", (64, 3, 7, 7)
    yield from norm("bn1", 64)
    expansion = 1 if kind == BASIC else 4
    inputs = 64
    for stage, count in enumerate(layers, 1):
        planes = 32 * 2**stage
        for index in range(count):
            name = f"layer{stage}.{index}"
            kernels = [(inputs, planes, 3), (planes, planes, 3)]
            if kind == BOTTLENECK:
                kernels = [(inputs, planes, 1), (planes, planes, 3), (planes, planes * 4, 1)]
            for i, (before, after, kernel) in enumerate(kernels, 1):
                yield f"{name}.conv{i}.weight", (after, before, kernel, kernel)
                yield from norm(f"{name}.bn{i}", after)
            if index == 0 and (stage > 1 or kind == BOTTLENECK):
                yield f"{name}.downsample.0.weight", (planes * expansion, inputs, 1, 1)
                yield from norm(f"{name}.downsample.1", planes * expansion)
            inputs = planes * expansion
    yield "fc.weight", (1000, inputs)
    yield "fc.bias", (1000,)


@pytest.mark.parametrize("name", NETWORKS)
def test_names_and_shapes_are_torchvision_s(name):
    make, kind, layers, parameters, entries = NETWORKS[name]
    model = make()
    state = [(key, tuple(value.shape)) for key, value in model.state_dict().items()]
    assert state == list(torchvision_state(kind, layers))
    assert len(state) == entries
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_some_entries_of_resnet18_by_heart():
    shapes = {key: tuple(value.shape) for key, value in resnet18().state_dict().items()}
    assert shapes["layer2.0.conv1.weight"] == (128, 64, 3, 3)
    assert shapes["layer2.0.downsample.0.weight"] == (128, 64, 1, 1)
    assert shapes["layer4.1.bn2.running_var"] == (512,)
    assert "layer1.0.downsample.0.weight" not in shapes


@pytest.mark.parametrize("name", NETWORKS)
def test_output_shape(name):
    model = NETWORKS[name][0](num_classes=7).eval()
    with facula.no_grad():
        assert model(facula.rand(2, 3, 40, 32)).shape == (2, 7)


def test_strides_shrink_32_times():
    model = resnet50().eval()
    with facula.no_grad():
        x = model.maxpool(model.relu(model.bn1(model.conv1(facula.rand(1, 3, 96, 64)))))
        shapes = [tuple(x.shape)]
        for stage in (model.layer1, model.layer2, model.layer3, model.layer4):
            x = stage(x)
            shapes.append(tuple(x.shape))
    assert shapes == [
        (1, 64, 24, 16), (1, 256, 24, 16), (1, 512, 12, 8), (1, 1024, 6, 4), (1, 2048, 3, 2)
    ]  # fmt: skip


def test_initial_weights():
    facula.manual_seed(0)
    model = resnet18(zero_init_residual=True)
    deviation = model.layer3[0].conv1.weight.std().item()
    assert deviation == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.02)
    assert model.layer1[0].bn2.weight.abs().max().item() == 0
    assert model.layer1[0].bn1.weight.min().item() == 1


def test_training_steps_on_the_size_of_cifar():
    facula.manual_seed(0)
    model = resnet18(num_classes=10)
    optimizer = optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    images, labels = facula.rand(8, 3, 32, 32), facula.arange(8)
    losses = []
    for _ in range(4):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert all(p.grad is not None for p in model.parameters())
    assert model.bn1.num_batches_tracked.item() == 4


def test_weights_from_a_file(tmp_path):
    facula.save(resnet18(num_classes=3).state_dict(), tmp_path / "w.safetensors")
    model = resnet18(weights=tmp_path / "w.safetensors", num_classes=3)
    with pytest.raises(RuntimeError, match=r"fc\.weight"):
        resnet18(weights=tmp_path / "w.safetensors")
    assert model.fc.weight.shape == (3, 512)


@pytest.mark.parametrize(("size", "features"), [(28, 400), (32, 400), (12, 16), (64, 16 * 13 * 13)])
def test_lenet_sizes(size, features):
    model = LeNet(size=size, in_channels=3, num_classes=5)
    assert model(facula.rand(2, 3, size, size)).shape == (2, 5)
    assert model.classifier[1].weight.shape == (120, features)


def test_lenet_parameters_and_errors():
    assert sum(p.numel() for p in lenet().parameters()) == 61_706  # the classic number
    with pytest.raises(ValueError, match=r"size is 8.*12 pixels or more"):
        LeNet(size=8)
    with pytest.raises(RuntimeError):
        LeNet()(facula.rand(1, 1, 20, 20))


# ---- the same weights in PyTorch's functions: written from the paper's figure, not from our modules


def torch_forward(torch, state, x, kind, layers, training=False):
    f = torch.nn.functional

    def conv(x, name, stride=1):
        weight = state[f"{name}.weight"]
        return f.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)

    def bn(x, name):
        s = [state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return f.batch_norm(x, *s, training=training)

    x = f.max_pool2d(bn(conv(x, "conv1", 2), "bn1").relu(), 3, 2, 1)
    for stage, count in enumerate(layers, 1):
        for index in range(count):
            name, stride = f"layer{stage}.{index}", 2 if stage > 1 and index == 0 else 1
            shortcut = x
            if f"{name}.downsample.0.weight" in state:
                shortcut = bn(conv(x, f"{name}.downsample.0", stride), f"{name}.downsample.1")
            if kind == BASIC:
                x = bn(conv(x, f"{name}.conv1", stride), f"{name}.bn1").relu()
                x = bn(conv(x, f"{name}.conv2"), f"{name}.bn2")
            else:
                x = bn(conv(x, f"{name}.conv1"), f"{name}.bn1").relu()
                x = bn(conv(x, f"{name}.conv2", stride), f"{name}.bn2").relu()
                x = bn(conv(x, f"{name}.conv3"), f"{name}.bn3")
            x = (x + shortcut).relu()
    return f.linear(x.mean((2, 3)), state["fc.weight"], state["fc.bias"])


@pytest.mark.parity
@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_are_pytorch_s(name):
    torch = pytest.importorskip("torch")
    make, kind, layers, *_ = NETWORKS[name]
    facula.manual_seed(0)
    model = make().eval()
    for key, value in model.state_dict().items():
        if "running" in key:
            value.copy_(facula.rand(*value.shape) + 0.5)
    state = {
        key: torch.from_numpy(value.numpy().copy()) for key, value in model.state_dict().items()
    }
    x = facula.randn(2, 3, 64, 64)
    with facula.no_grad():
        ours = model(x).numpy()
    theirs = torch_forward(torch, state, torch.from_numpy(x.numpy()), kind, layers).numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.parity
def test_gradients_and_running_statistics_are_pytorch_s():
    torch = pytest.importorskip("torch")
    facula.manual_seed(0)
    model = resnet18(num_classes=1000).double()
    state = {
        key: torch.from_numpy(value.numpy().copy()) for key, value in model.state_dict().items()
    }
    names = [name for name, _ in model.named_parameters()]
    for name in names:
        state[name].requires_grad_()
    x, labels = facula.randn(4, 3, 48, 48, dtype=facula.float64), facula.tensor([1, 2, 3, 999])
    F.cross_entropy(model(x), labels).backward()
    out = torch_forward(
        torch, state, torch.from_numpy(x.numpy()), BASIC, (2, 2, 2, 2), training=True
    )
    torch.nn.functional.cross_entropy(out, torch.from_numpy(labels.numpy())).backward()
    for name, parameter in model.named_parameters():
        expected = state[name].grad.numpy()
        np.testing.assert_allclose(
            parameter.grad.numpy(),
            expected,
            rtol=1e-6,
            atol=1e-9 * np.abs(expected).max() + 1e-12,
            err_msg=name,
        )
    for name in ("bn1.running_var", "layer4.1.bn2.running_mean"):
        np.testing.assert_allclose(
            model.state_dict()[name].numpy(), state[name].numpy(), rtol=1e-8, atol=1e-10
        )
