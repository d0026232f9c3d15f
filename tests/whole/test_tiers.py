"""A test that needs PyTorch is marked `parity`: elsewhere it would be skipped in every tier, unseen."""

import ast
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def needs_torch(node):
    return "importorskip('torch')" in ast.unparse(node)


def is_marked(source):
    return "mark.parity" in source


def test_what_needs_pytorch_is_marked():
    unmarked = []
    for path in TESTS.rglob("test_*.py"):
        if path == Path(__file__).resolve():
            continue
        tree = ast.parse(path.read_text())
        functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
        whole = [n for n in tree.body if isinstance(n, ast.Assign)]
        if any("pytestmark" in ast.unparse(n) and is_marked(ast.unparse(n)) for n in whole):
            continue
        if any(needs_torch(n) for n in whole):
            unmarked.append(str(path))
        for f in functions:
            if needs_torch(f) and not any(is_marked(ast.unparse(d)) for d in f.decorator_list):
                unmarked.append(f"{path}::{f.name}")
    assert not unmarked
