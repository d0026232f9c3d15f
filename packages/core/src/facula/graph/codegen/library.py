"""All functions by name, and those that a text needs, in the order in which they can be compiled."""

from __future__ import annotations

import re
from functools import cache

from facula.graph.codegen import function_texts, native_functions
from facula.graph.codegen.dialects import Dialect

_INTEGERS = ("i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64")
_NAME = re.compile(r"\b[a-z]\w*(?=\()")
_DEFINED = re.compile(r"FN \w+ \*?(\w+)\(")


def functions_for(text: str, dialect: Dialect) -> dict[str, str]:
    """Name and text of the functions that `text` calls, and of those that they call, callees first."""
    table = functions_of("f" if dialect.name != "opencl" else "")
    found: dict[str, str] = {}

    def visit(piece: str) -> None:
        for name in _NAME.findall(piece):
            if name in table and name not in found and table[name] is not piece:
                visit(table[name])
                found[name] = table[name]

    visit(text)
    return found


@cache
def functions_of(suffix: str) -> dict[str, str]:
    """Every function; `suffix` is what C's library appends to the names of functions of float32."""
    texts = [function_texts.HALVES, function_texts.BETWEEN_COMPLEX, function_texts.PHILOX]
    texts += [
        _typed(native_functions.REAL, T=real, LIMIT=limit)
        for real, limit in (("f32", "8388608"), ("f64", "4503599627370496.0"))
    ]
    texts += [_complex("c64", "f32", "f"), _complex("c128", "f64", "")]
    for integer in _INTEGERS:
        texts += _integer(integer)
    for name in native_functions.LIBRARY:
        texts += [
            native_functions.native(name, "f32", suffix),
            native_functions.native(name, "f64", ""),
        ]
    return {_DEFINED.match(t)[1]: t for text in texts for t in text.strip().split("\n\n")}  # type: ignore[index]


def _typed(template: str, **types: str) -> str:
    """A template with names of types filled in, also where they are parts of names."""
    for letter, type in types.items():
        template = re.sub(rf"(?<![A-Za-z0-9]){letter}(?![A-Za-z0-9])", type, template)
    return template


def _complex(complex: str, real: str, literal: str) -> str:
    text = _typed(function_texts.COMPLEX, Z=complex, R=real)
    return re.sub(r"(?<=\d)P\b", literal, text)


def _integer(integer: str) -> list[str]:
    wide = integer[0] + "64"
    kind = native_functions.SIGNED if integer[0] == "i" else native_functions.UNSIGNED
    conversion = function_texts.TO_LARGE if integer[1:] == "64" else function_texts.TO_SMALL
    return [
        _typed(native_functions.INTEGERS, T=integer, W=wide),
        _typed(kind, T=integer),
        *(_typed(conversion, I=integer, F=f).replace("P", p).replace("P", "") for f, p in (("f32", "f"), ("f64", ""))),
    ]  # fmt: skip
