"""Elementary functions as source text in three dialects of C: `library` prints those that a kernel calls.

The texts are in the `.c` files beside this one, one function after another. A kernel calls a function by its
`call_name`, which says for which dtype: `exp_f32`, `power_i64`. What a function needs of the others is found in its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SUFFIXES = {
    "float32": "f32", "float64": "f64", "bool": "u8",
    "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64",
    "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64",
}  # fmt: skip

_NAME = re.compile(r"\b\w+_[fiu]\d+\b")

_BITS = """\
{fn} float float_of_bits(unsigned int bits) {{ union {{ unsigned int bits; float value; }} u; u.bits = bits; return u.value; }}
{fn} unsigned int bits_of_float(float value) {{ union {{ unsigned int bits; float value; }} u; u.value = value; return u.bits; }}
"""


@dataclass(frozen=True)
class _Dialect:
    """What a dialect calls the words in capitals, and what must stand above the functions."""

    words: dict[str, str]
    prelude: str


_MATHS = ("FABS", "FLOOR", "RINT", "SQRT", "FMOD")
_SCALARS = {
    "REAL": "float", "INT": "int", "UINT": "unsigned int", "TO_REAL": "(float)", "TO_INT": "(int)",
    "TO_UINT": "(unsigned int)", "AS_REAL": "float_of_bits", "AS_INT": "(int)bits_of_float", "AS_UINT": "bits_of_float",
    "INFINITE": "float_of_bits(0x7f800000u)", "NOT_A_NUMBER": "float_of_bits(0x7fc00000u)",
    **{name: f"{name.lower()}f" for name in _MATHS},
}  # fmt: skip


def _integers(byte: str, wide: str) -> dict[str, str]:
    signed = {"INT8": byte, "INT16": "short", "INT32": "int", "INT64": wide}
    return signed | {f"U{k}": f"unsigned {v.replace('signed ', '')}" for k, v in signed.items()}


def _c_like(fn: str, table: str, wide: str, prelude: str = "") -> _Dialect:
    words = {"FN": fn, "TABLE": table, "LONG": wide, "ULONG": f"unsigned {wide}"}
    return _Dialect(
        _SCALARS | _integers("signed char", wide) | words, prelude + _BITS.format(fn=fn)
    )


def _opencl(lanes: int) -> _Dialect:
    n = "" if lanes == 1 else str(lanes)
    return _Dialect(
        {
            "FN": "static inline __attribute__((always_inline))", "TABLE": "__constant",
            "LONG": "long", "ULONG": "ulong", **_integers("char", "long"),
            "REAL": f"float{n}", "INT": f"int{n}", "UINT": f"uint{n}", "TO_REAL": f"convert_float{n}",
            "TO_INT": f"as_int{n}", "TO_UINT": f"as_uint{n}",
            "AS_REAL": f"as_float{n}", "AS_INT": f"as_int{n}", "AS_UINT": f"as_uint{n}",
            "INFINITE": f"((float{n})(INFINITY))", "NOT_A_NUMBER": f"((float{n})(NAN))",
            **{name: name.lower() for name in _MATHS},
        },
        "",
    )  # fmt: skip


_C = _c_like(
    "static inline __attribute__((always_inline))",
    "static const",
    "long long",
    """\
#include <math.h>
#ifdef __FP_FAST_FMAF
#define FUSED(a, b, c) __builtin_fmaf(a, b, c)
#else
#define FUSED(a, b, c) ((a) * (b) + (c))
#endif
""",
)
_CUDA = _c_like("static __device__ __forceinline__", "static __device__ const", "long long")


def _dialect(name: str, lanes: int) -> _Dialect:
    if name == "opencl":
        return _opencl(lanes)
    if lanes == 1 and name in ("c", "cuda"):
        return _C if name == "c" else _CUDA
    raise ValueError(f"no functions for {lanes} lanes in dialect {name!r}: 'c' and 'cuda' have 1")


# ---- the texts


@cache
def _texts() -> dict[str, str]:
    """Every function's text, comments left out, by its name."""
    here = Path(__file__).parent
    source = "\n".join(path.read_text("utf-8") for path in sorted(here.glob("*.c")))
    source = re.sub(r"^ *//.*\n", "", source, flags=re.MULTILINE)
    items = re.findall(r"^(?:FN|TABLE) (?:[^\n]*};?|.*?^};?)$", source, re.MULTILINE | re.DOTALL)
    texts = [text for item in items for text in _for_types(item)]
    return {str(re.findall(_NAME, text)[0]): text + "\n" for text in texts}


def _for_types(text: str) -> list[str]:
    """A function of `integers.c` for each type; another as it is."""
    if "_whole" not in text:
        return [text]
    texts = []
    for bits in (8, 16, 32, 64):
        for sign, letter in (("", "i"), ("U", "u")):
            words = {
                "WHOLE": f"{sign}INT{bits}", "WIDE": f"UINT{max(bits, 32)}",
                "BITS": str(bits), "SIGNED": "10"[letter == "u"],
            }  # fmt: skip
            typed = re.sub(r"\b[A-Z]+\b", lambda match: words.get(match[0], match[0]), text)  # noqa: B023
            texts.append(re.sub(r"_whole\b", f"_{letter}{bits}", typed))
    return texts


def _needs(name: str) -> list[str]:
    """The functions and tables that one function's text names, itself left out."""
    texts = _texts()
    found = dict.fromkeys(re.findall(_NAME, texts[name]))
    return [other for other in found if other != name and other in texts]


def _in_order(names: Iterable[str]) -> list[str]:
    """`names` and all that they need, each after what it needs."""
    done: dict[str, None] = {}

    def visit(name: str) -> None:
        if name not in done:
            for other in _needs(name):
                visit(other)
            done[name] = None

    for name in sorted(names):
        visit(name)
    return list(done)


# ---- printing


def _split(call: str) -> tuple[str, int]:
    vector = re.fullmatch(r"(\w+_f32)x(\d+)", call)
    return (vector[1], int(vector[2])) if vector else (call, 1)


def _add(printed: dict[str, str], name: str, lanes: int, dialect: str) -> None:
    """Puts the text of a function after those of what it needs, unless it is there."""
    if name not in _texts():
        raise KeyError(f"no function {name!r}")
    by_lane = lanes > 1 and _is_scalar(name)
    for other in _in_order([name]):
        n = 1 if by_lane else lanes
        key = other if n == 1 else f"{other}x{n}"
        if key not in printed:
            printed[key] = _worded(_texts()[other], _dialect(dialect, n).words, n)
    if by_lane:
        printed.setdefault(f"{name}x{lanes}", _lane_by_lane(name, lanes))


#: Sums with a product in one statement, which C's functions have as one instruction where the CPU can: the compiler is told
#: to fuse nothing, as eager arithmetic is not fused.
_PART = r"(-?[\w.]+(?:e-\d+f)?)"
_FUSED = (
    (re.compile(rf"= {_PART} \+ {_PART} \* {_PART};"), r"= FUSED(\2, \3, \1);"),
    (re.compile(rf"= {_PART} \* {_PART} \+ {_PART};"), r"= FUSED(\1, \2, \3);"),
    (re.compile(rf"(=|return) {_PART} - {_PART} \* {_PART};"), r"\1 FUSED(-\3, \4, \2);"),
)


def _worded(text: str, words: dict[str, str], lanes: int) -> str:
    if words is _C.words and text.startswith("FN REAL "):
        for pattern, fused in _FUSED:
            text = pattern.sub(fused, text)
    text = re.sub(r"\b[A-Z][A-Z_\d]+\b", lambda match: words.get(match[0], match[0]), text)
    return text if lanes == 1 else re.sub(r"(\w+_f32)\b", rf"\1x{lanes}", text)


def _is_scalar(name: str) -> bool:
    """Whether a function looks into a table, or needs integers of 64 bits: OpenCL's vectors have it done lane by lane."""
    texts = _texts()
    return any(re.search(r"\b(TABLE|U?LONG)\b", texts[other]) for other in _in_order([name]))


def _lane_by_lane(name: str, n: int) -> str:
    arguments = re.findall(r"REAL (\w+)[,)]", _texts()[name].partition("{")[0])
    parameters = ", ".join(f"float{n} {a}" for a in arguments)
    spread = "".join(f" float {a}_[{n}]; vstore{n}({a}, 0, {a}_);" for a in arguments)
    call = f"{name}({', '.join(f'{a}_[i]' for a in arguments)})"
    return (
        f"static inline float{n} {name}x{n}({parameters}) {{\n   {spread} float lanes[{n}];\n"
        f"    for (int i = 0; i < {n}; ++i) lanes[i] = {call};\n    return vload{n}(0, lanes);\n}}\n"
    )


# ---- what kernels use


def call_name(function: str, dtype: str, lanes: int = 1) -> str:
    """The identifier that computes `function` for a dtype by name, or for OpenCL's vectors of it.

    Raises KeyError where there is none.

    >>> call_name("exp", "float32"), call_name("exp", "float32", 16)
    ('exp_f32', 'exp_f32x16')
    """
    name = f"{function}_{SUFFIXES[dtype]}"
    if name not in _texts() or (lanes > 1 and dtype != "float32"):
        raise KeyError(f"{function} for {dtype} in {lanes} lanes")
    return name if lanes == 1 else f"{name}x{lanes}"


def library(calls: Iterable[str], dialect: str) -> str:
    """The source text of the functions that `calls` names (see `call_name`), and of all they need, in order.

    `dialect` is 'c', 'opencl' or 'cuda'. The text is complete: it goes above the kernels that call.
    """
    printed: dict[str, str] = {}
    for call in sorted(calls):
        name, lanes = _split(call)
        _add(printed, name, lanes, dialect)
    return _dialect(dialect, 1).prelude + "".join(printed.values())
