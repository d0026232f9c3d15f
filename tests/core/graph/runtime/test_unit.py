"""Which C compiler is taken, and what it makes."""

from __future__ import annotations

import shlex
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


# ---- units that are made with it


@pytest.fixture
def units(monkeypatch, tmp_path):
    """Chooses $CC, with an empty folder for units."""
    found = (unit.compiler, unit.identity)

    def choose(cc):
        monkeypatch.setenv("CC", cc)
        for cached in found:
            cached.cache_clear()

    monkeypatch.setenv("FACULA_CACHE", str(tmp_path / "cache"))
    yield choose
    for cached in found:
        cached.cache_clear()


def test_units_of_a_compiler_with_other_arguments_are_others(units):
    source = "int number(void) { return NUMBER; }\n"
    command = shlex.join(unit.compiler())
    for number in (3, 4):
        units(f"{command} -DNUMBER={number}")
        assert unit.load(source).number() == number


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#!/bin/sh\necho no such flag >&2; exit 3\n", "exit status 3:\nno such flag"),
        ("#!/bin/sh\n", "exit status 0:\n.it says nothing"),
        ("\x7fELF and no more", "cannot be run .Exec format error.; CC names another"),
        (
            '#!/bin/sh\nfor x in "$@"; do [ "$before" = -o ] && echo no library >"$x"; before=$x; done; true\n',
            "made cannot be loaded: .*CC names another",
        ),
    ],
)
def test_a_compiler_that_is_none_says_what_is_wrong(text, words, units, tmp_path):
    (tmp_path / "broken").write_text(text)
    (tmp_path / "broken").chmod(0o755)
    units(str(tmp_path / "broken"))
    with pytest.raises(RuntimeError, match=words):
        unit.load("int number(void) { return 1; }\n")
