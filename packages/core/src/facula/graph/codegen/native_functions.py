"""Functions of real numbers and integers by the platform's library, where `functions/` has no better one."""

from __future__ import annotations

INTEGERS = """
FN T maximum_T(T a, T b) { return a > b ? a : b; }

FN T minimum_T(T a, T b) { return a < b ? a : b; }

FN T shift_left_T(T a, T b) { return (u64)b < 64 ? (T)((u64)a << b) : (T)0; }

FN T shift_right_T(T a, T b) { return (u64)b < 64 ? (T)((W)a >> b) : (T)(a < 0 ? -1 : 0); }

FN T power_T(T a, T b) {
    if (b < 0) return a == 1 ? (T)1 : a == (T)-1 ? (b & 1 ? a : (T)1) : (T)0;
    u64 result = 1, square = (u64)a;
    for (u64 rest = (u64)b; rest; rest >>= 1) {
        if (rest & 1) result *= square;
        square *= square;
    }
    return (T)result;
}
"""
SIGNED = """
FN T abs_T(T a) { return a < 0 ? (T)(0 - (u64)a) : a; }

FN T floor_divide_T(T a, T b) {
    if (b == 0) return 0;
    if (b == -1) return (T)(0 - (u64)a);
    T quotient = (T)(a / b);
    return (T)(quotient - (a % b != 0 && (a < 0) != (b < 0)));
}

FN T remainder_T(T a, T b) {
    if (b == 0 || b == -1) return 0;
    T rest = (T)(a % b);
    return (T)(rest && (rest < 0) != (b < 0) ? rest + b : rest);
}
"""
UNSIGNED = """
FN T abs_T(T a) { return a; }

FN T floor_divide_T(T a, T b) { return b ? (T)(a / b) : (T)0; }

FN T remainder_T(T a, T b) { return b ? (T)(a % b) : (T)0; }
"""
REAL = """
FN T maximum_T(T a, T b) { return a > b || a != a ? a : b; }

FN T minimum_T(T a, T b) { return a < b || a != a ? a : b; }

FN T floor_divide_T(T a, T b) {
    if (b == 0 || a != a || b != b) return a / b;
    if (abs_T(a) == INFINITY) return NAN;
    T rest = fmod_T(a, b), quotient = (a - rest) / b;
    if (rest != 0 && (rest < 0) != (b < 0)) quotient -= 1;
    return abs_T(quotient) < LIMIT && quotient != 0 ? rint_T(quotient) : quotient;
}

FN T remainder_T(T a, T b) {
    if (b == 0) return NAN;
    T rest = fmod_T(a, b);
    if (rest == 0) return copysign_T(rest, b);
    return (rest < 0) != (b < 0) ? rest + b : rest;
}
"""
#: Name here: name in C's library, and the number of arguments.
LIBRARY = {
    **{n: (n, 1) for n in ("exp", "expm1", "log", "log1p", "sqrt", "tanh", "sin", "cos", "floor", "rint")},
    **{n: (n, 1) for n in ("erf", "erfc", "lgamma")}, "abs": ("fabs", 1),
    **{n: (n, 2) for n in ("atan2", "pow", "fmod", "copysign")},
}  # fmt: skip


def native(name: str, type: str, suffix: str) -> str:
    """A function of C's library under our name."""
    platform, count = LIBRARY[name]
    parameters = ", ".join(f"{type} {x}" for x in "ab"[:count])
    return f"FN {type} {name}_{type}({parameters}) {{ return {platform}{suffix}({', '.join('ab'[:count])}); }}"
