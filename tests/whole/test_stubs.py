"""The `.pyi` files are those of today's registry, and type checkers accept programs through them."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import facula
from facula.testing.samples import build, on_device, samples_of

ROOT = Path(__file__).parents[2]
CORE = Path(facula.__file__).parent
SOURCES = sorted(ROOT.glob("packages/*/src")) + sorted(ROOT.glob("backends/*/src"))

PROGRAM = '''
"""A user's program: every call below has a type that mypy must find by itself."""

import facula
import facula.nn.functional as F
from facula import Tensor, nn, optim


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.second = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = F.relu(self.first(x))
        out: Tensor = self.second(hidden)
        return out


def main() -> float:
    net = Net()
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    x = facula.zeros(3, 4)
    target = facula.tensor([0, 1, 1], dtype=facula.int64)
    reveal_type(x)
    reveal_type(x.sum())
    reveal_type((x + 1) * 2 @ x.T)
    reveal_type(facula.exp(x)[0, 1:])
    optimizer.zero_grad()
    loss = F.cross_entropy(net(x), target)
    loss.backward()
    optimizer.step()
    reveal_type(F.relu(x))
    reveal_type(facula.linalg.inv(facula.eye(3)))
    with facula.no_grad():
        return float(loss.item())


main()
'''


def stubs_made_now(folder):
    """The generator's output in a folder of its own; the tree stays as it is."""
    subprocess.run(
        [sys.executable, ROOT / "tools/make_stubs.py", "--output", folder],
        check=True,
        capture_output=True,
    )
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*.pyi")}


def test_stubs_are_those_of_the_registry(tmp_path):
    made = stubs_made_now(tmp_path)
    assert {"__init__.pyi", "_tensor_methods.pyi", "nn/functional.pyi"} <= made.keys()
    stale = [name for name, text in made.items() if (CORE / name).read_text() != text]
    assert not stale, f"run `make stubs`: {stale} differ from the op registry"


def test_result_types_are_those_of_the_samples():
    spec = importlib.util.spec_from_file_location("make_stubs", ROOT / "tools/make_stubs.py")
    stubs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stubs)
    kinds = {"Tensor": facula.Tensor, "bool": bool, "tuple[Tensor, ...]": tuple, "Any": object}
    for op in facula.ops.OPS.values():
        kind = kinds[stubs.result_of(op)]
        for sample in samples_of(op):
            args, kwargs = build(sample, on_device("cpu", False))
            assert isinstance(op.public_call(*args, **kwargs), kind), op.name


def test_a_typed_program_passes_strict_mypy(tmp_path):
    pytest.importorskip("mypy", reason="mypy comes with the group lint")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    (tmp_path / "mypy.ini").write_text(
        f"[mypy]\nstrict = true\nmypy_path = {':'.join(map(str, SOURCES))}\ncache_dir = {tmp_path}/cache\n"
        "[mypy-facula.*]\nfollow_imports = silent\n"
    )
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", tmp_path / "mypy.ini", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    revealed = [line for line in result.stdout.splitlines() if "Revealed type" in line]
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(revealed) == 6
    assert all('"facula._tensor.Tensor"' in line for line in revealed), revealed


def test_the_typed_program_runs(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("def reveal_type(x): assert type(x).__name__ == 'Tensor'\n" + PROGRAM)
    subprocess.run([sys.executable, program], check=True, cwd=tmp_path)
