"""Which C compiler is taken."""

from __future__ import annotations

import sys
import warnings

import pytest

from facula.graph.runtime import CompilerMissing, unit


@pytest.fixture
def choose(monkeypatch, tmp_path):
    """What is taken where programs of these names are there, and $CC is that."""

    def choose(cc, *there):
        for name in there:
            (tmp_path / name).write_text("#!/bin/sh\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setenv("CC", cc)
        return unit.compiler()

    unit.compiler.cache_clear()
    yield choose
    unit.compiler.cache_clear()


@pytest.mark.parametrize(
    "cc, there, expected",
    [
        ("", ["gcc", "clang"], ("gcc",)),
        ("clang", ["gcc", "clang"], ("clang",)),
        ("ccache gcc", ["ccache", "gcc", "cc"], ("ccache", "gcc")),
        ("my gcc", ["my gcc", "gcc"], ("my gcc",)),
    ],
)
def test_the_compiler_that_is_named_is_taken(cc, there, expected, choose):
    assert choose(cc, *there) == expected


def test_a_named_compiler_that_is_missing_is_warned_of_once(choose):
    with pytest.warns(
        UserWarning, match="CC=icx -m64: there is no program 'icx'; 'gcc' is used"
    ) as told:
        assert choose("icx -m64", "gcc") == ("gcc",)
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert choose("icx -m64") == ("gcc",)


def test_a_quotation_that_does_not_end_names_no_compiler(choose):
    with pytest.warns(UserWarning, match="there is no program 'gcc \"'"):
        assert choose('gcc "', "gcc") == ("gcc",)


def test_where_there_is_none_the_error_says_what_to_install(choose, monkeypatch):
    monkeypatch.setitem(sys.modules, "ziglang", None)
    with pytest.raises(CompilerMissing, match="pip install ziglang"):
        choose("icx")
