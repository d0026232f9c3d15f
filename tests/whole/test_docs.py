"""The documentation says what is true: every example in it runs.

Doctests (`>>>`) of docstrings are compared with their output; ```python blocks of the pages run in order,
one page in one namespace. A block marked `<!-- not run: why -->` on the line above is left out.
"""

import doctest
import importlib
import pkgutil
import re
import sys
import types
from pathlib import Path

import pytest

import facula
import facula.nn.functional as F
from facula import nn, optim
from facula.backends import plugins
from facula.ops import OPS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
PACKAGES = ("facula", "facula_numpy", "facula_vision", "facula_audio", "facula_text")
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
BLOCK = re.compile(r"(?P<skip><!-- not run: .+? -->\n)?^```python\n(?P<code>.*?)^```", re.M | re.S)


@pytest.fixture(autouse=True)
def somewhere(tmp_path, monkeypatch):
    """Examples write files into a folder of their own, and start from the same seed."""
    monkeypatch.chdir(tmp_path)
    facula.manual_seed(0)


@pytest.fixture(autouse=True)
def undone():
    """Ops and devices that a page adds go with it."""
    ops, devices = dict(OPS), dict(plugins().devices)
    yield
    for name in set(OPS) - set(ops):
        del OPS[name]
    for name in set(plugins().devices) - set(devices):
        del plugins().devices[name], plugins().sources[name]


def names():
    return {"facula": facula, "nn": nn, "F": F, "optim": optim}


def docstrings():
    """(name, text, line) of every docstring with an example."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    for package in PACKAGES:
        top = importlib.import_module(package)
        found = [
            top.__name__,
            *(m.name for m in pkgutil.walk_packages(top.__path__, package + ".")),
        ]
        for name in found:
            if not name.endswith("__main__"):
                for test in finder.find(importlib.import_module(name), name, extraglobs=names()):
                    if test.examples:
                        yield test
    parser = doctest.DocTestParser()
    for op in OPS.values():
        test = parser.get_doctest(
            op.doc, names(), f"op {op.name}", op.function.__code__.co_filename, 0
        )
        if test.examples:
            yield test


@pytest.mark.parametrize("test", list(docstrings()), ids=lambda test: test.name)
def test_docstring(test):
    run(test)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page, monkeypatch):
    module = types.ModuleType(f"page_{page.stem.replace('-', '_')}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    space = vars(module)
    space |= names()
    text = page.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        if block["skip"]:
            continue
        line = text[: block.start("code")].count("\n")
        if ">>>" in block["code"]:
            test = doctest.DocTestParser().get_doctest(
                block["code"], space, page.name, str(page), line
            )
            test.globs = space  # the parser copies it; later blocks use what earlier ones define
            run(test)
        else:
            exec(compile("\n" * line + block["code"], page, "exec", dont_inherit=True), space)


def test_reference_has_every_op(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    import reference_from_registry as reference

    reference.write(tmp_path)
    text = "\n".join(page.read_text(encoding="utf-8") for page in tmp_path.glob("ops-*.md"))
    for op in OPS.values():
        if op.function.__module__.startswith("facula.ops."):
            assert f"{{py:function}} {reference.public_name(op)}(" in text


def run(test):
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    told = []
    runner.run(test, out=told.append, clear_globs=False)
    assert not runner.failures, "".join(told)


@pytest.mark.parametrize(
    "page", [*PAGES, *ROOT.glob("docs/design/*.md"), *ROOT.glob("docs/reference/*.md")], ids=str
)
def test_links_to_files(page):
    """Relative links lead somewhere; an anchor is a heading of that page."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists() or "generated/" in target, (
            f"{page.name} links to {target}"
        )
