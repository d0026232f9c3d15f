"""The functions that a text calls: those of `functions/` and those of `function_texts.py`, callees first."""

from __future__ import annotations

import re
from functools import cache

from facula.graph.codegen import function_texts
from facula.graph.codegen.dialects import Dialect
from facula.graph.codegen.elements import ELEMENTS
from facula.graph.codegen.functions.library import call_name, library

_INTEGERS = ("i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64")
_NAME = re.compile(r"\b[a-z]\w*(?=\()")
_DEFINED = re.compile(r"FN \w+ \*?(\w+)\(")


def functions_for(text: str, dialect: Dialect) -> str:
    """The functions that `text` calls, and those that they call."""
    table = functions_of_kernels()
    found: dict[str, str] = {}
    elementary: set[str] = set()

    def visit(piece: str) -> None:
        for name in _NAME.findall(piece):
            if _is_elementary(name):
                elementary.add(name)
            elif name in table and name not in found and table[name] is not piece:
                visit(table[name])
                found[name] = table[name]

    visit(text)
    above = library(elementary, dialect.name) if elementary else ""
    return "\n".join([above, *(f"{t}\n" for t in found.values())])


@cache
def _is_elementary(name: str) -> bool:
    """Whether `functions/` has it."""
    function, _, short = name.rpartition("_")
    dtypes = [e.name for e in ELEMENTS.values() if e.short == short]
    try:
        return bool(dtypes and call_name(function, dtypes[0]))
    except KeyError:
        return False


@cache
def functions_of_kernels() -> dict[str, str]:
    """Every function of `function_texts.py` by its name."""
    texts = [function_texts.HALVES, function_texts.BETWEEN_COMPLEX, function_texts.PHILOX]
    texts += [_complex("c64", "f32", "f"), _complex("c128", "f64", "")]
    for integer in _INTEGERS:
        texts += [_to_integer(integer, "f32", "f"), _to_integer(integer, "f64", "")]
    return {_DEFINED.match(t)[1]: t for text in texts for t in text.strip().split("\n\n")}  # type: ignore[index]


def _typed(template: str, **types: str) -> str:
    """A template with names of types filled in, also where they are parts of names."""
    for letter, type in types.items():
        template = re.sub(rf"(?<![A-Za-z0-9]){letter}(?![A-Za-z0-9])", type, template)
    return template


def _complex(complex: str, real: str, literal: str) -> str:
    return _with_literals(_typed(function_texts.COMPLEX, Z=complex, R=real), literal)


def _to_integer(integer: str, real: str, literal: str) -> str:
    template = function_texts.TO_LARGE if integer.endswith("64") else function_texts.TO_SMALL
    return _with_literals(_typed(template, I=integer, F=real), literal)


def _with_literals(text: str, suffix: str) -> str:
    """`1.5P` as a number of the precision that `suffix` stands for."""
    return re.sub(r"(?<=\d)P\b", suffix, text)
