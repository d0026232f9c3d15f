"""The elementary functions of generated kernels, compiled as C: against float64, over all of float32."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest
from scipy import special

from facula.backends.buffer import functions as meaning
from facula.graph.codegen.functions import call_name, library

COMPILER = shutil.which("cc")
pytestmark = pytest.mark.skipif(COMPILER is None, reason="needs a C compiler, cc")


def lgamma(x: np.ndarray) -> np.ndarray:
    return np.where(np.isinf(x), np.inf, special.gammaln(x))


#: name: the reference in float64, and the largest error in units in the last place.
UNARY = {
    "exp": (np.exp, 1.0), "expm1": (np.expm1, 1.5), "log": (np.log, 1.0), "log1p": (np.log1p, 1.5),
    "tanh": (np.tanh, 1.5), "erf": (special.erf, 1.5), "sqrt": (np.sqrt, 0.5),
    "erfc": (special.erfc, 2.0), "sin": (np.sin, 1.5), "cos": (np.cos, 1.5), "lgamma": (lgamma, 2.0),
    "floor": (np.floor, 0), "rint": (np.rint, 0), "abs": (np.abs, 0),
}  # fmt: skip


def density(x: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi)


#: name: the reference in float64, and the largest error, times the result where that is above 1.
ABSOLUTE = {
    "gelu": (lambda x: x * special.ndtr(x), 1.5e-7),
    "gelu_slope": (lambda x: special.ndtr(x) + x * density(x), 1.7e-7),
}
BINARY = {"fmod": (np.fmod, 0), "remainder": (np.remainder, 0.5)}
POWERS = {"pow": (np.power, 1.5), "atan2": (np.arctan2, 2.0)}
FLAGS = {
    "fast": ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math"),
    "plain": ("-O1", "-ffp-contract=off"),
}
SPECIAL = np.array(
    [0.0, 1.0, np.inf, np.nan, 1e-45, 1.1754942e-38, 1.17549435e-38, 3.4028235e38, 0.99999994]
    + [88.72283, 88.72284, 87.33655, 103.97208, 103.97209, 104.5, 0.5, 2, 10.05, 10.06, 4, 8388607.5],
    np.float32,
)  # fmt: skip
SPECIAL = np.concatenate([SPECIAL, -SPECIAL])
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
C_TYPES = {"float32": "float", "float64": "double"} | {name: name + "_t" for name in INTEGERS}


def loop(name: str, dtype: str, inputs: int) -> str:
    arguments = ", ".join(("a[i]", "b[i]")[:inputs])
    t = C_TYPES[dtype]
    return (
        f"void {name}_{dtype}(int64_t n, const {t} *a, const {t} *b, {t} *out) "
        f"{{ for (int64_t i = 0; i < n; ++i) out[i] = {call_name(name, dtype)}({arguments}); }}\n"
    )


def build(folder, loops: list[tuple[str, str, int]], flags: tuple[str, ...], main: str = ""):
    source = "#include <stdint.h>\n#include <stdlib.h>\n"
    source += library({call_name(name, dtype) for name, dtype, _ in loops}, "c")
    source += "".join(loop(*each) for each in loops) + main
    (folder / "functions.c").write_text(source)
    kind, result = ([], "run") if main else (["-shared", "-fPIC"], "functions.so")
    command = ["cc", "-std=gnu11", "-Wall", "-Werror", *flags, *kind, "functions.c", "-o", result]
    done = subprocess.run([*command, "-lm"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / result


@pytest.fixture(scope="module", params=FLAGS)
def compiled(request, tmp_path_factory):
    loops = [(name, dtype, 1) for name in UNARY for dtype in ("float32", "float64")]
    loops += [(name, "float32", 1) for name in ABSOLUTE]
    loops += [
        (name, "float32", 2) for name in (*BINARY, *POWERS, "floor_divide", "maximum", "minimum")
    ]
    folder = tmp_path_factory.mktemp(request.param)
    return ctypes.CDLL(str(build(folder, loops, FLAGS[request.param])))


def call(compiled, name: str, *arrays: np.ndarray) -> np.ndarray:
    out = np.empty_like(arrays[0])
    pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (*arrays, *arrays[:1])[:2]]
    function = getattr(compiled, f"{name}_{out.dtype.name}")
    function(ctypes.c_int64(out.size), *pointers, out.ctypes.data_as(ctypes.c_void_p))
    return out


def samples() -> np.ndarray:
    """Two million bit patterns over the whole range, as many numbers of everyday size, and special ones."""
    random = np.random.default_rng(0)
    step = 2**32 // 2_000_000
    patterns = np.arange(0, 2**32 - step, step, dtype=np.uint64)
    patterns += random.integers(0, step, patterns.size).astype(np.uint64)
    near = [random.uniform(-size, size, 500_000) for size in (1.2, 5, 20, 110)]
    near.append(1 + random.normal(0, 1e-3, 500_000))
    return np.concatenate(
        [SPECIAL, patterns.astype(np.uint32).view(np.float32), *near],
        dtype=np.float32,
        casting="unsafe",
    )


def units(result: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Errors in units in the last place of float32, subnormal numbers included; NaN must meet NaN."""
    rounded = reference.astype(np.float32)
    exponent = np.floor(np.log2(np.where(reference == 0, 1, np.abs(reference))))
    unit = 2.0 ** np.clip(np.nan_to_num(exponent) - 23, -149, 104)
    same = (result == rounded) | (np.isnan(result) & np.isnan(rounded))
    finite = np.isfinite(reference) & np.isfinite(result)
    error = np.abs(result.astype(np.float64) - np.where(finite, reference, 0)) / unit
    return np.where(finite, error, np.where(same, 0, np.inf))


@pytest.mark.parametrize("name", UNARY)
@np.errstate(all="ignore")
def test_float32_within_its_bound(compiled, name):
    reference, bound = UNARY[name]
    x = samples()
    error = units(call(compiled, name, x), reference(x.astype(np.float64)))
    if name == "lgamma":  # near its zeros at negative x only the absolute error is small
        absolute = error * np.spacing(np.abs(reference(x.astype(np.float64)).astype(np.float32)))
        error[absolute < 1e-7] = 0
    worst = error.argmax()
    assert error[worst] <= bound, f"{error[worst]:.2f} units at {x[worst]!r}"


@pytest.mark.parametrize("name", ABSOLUTE)
@np.errstate(all="ignore")
def test_float32_within_its_absolute_bound(compiled, name):
    reference, bound = ABSOLUTE[name]
    x = samples()
    result, exact = call(compiled, name, x), reference(x.astype(np.float64))
    error = np.abs(result - exact) / np.maximum(np.abs(exact), 1)
    error[(result == exact) | (np.isnan(result) & np.isnan(exact))] = 0
    worst = error.argmax()
    assert error[worst] <= bound, f"{error[worst]:.3g} at {x[worst]!r}"


@np.errstate(all="ignore")
def test_gelu_is_half_of_what_is_small_and_nothing_of_what_is_far_below_0(compiled):
    small = np.array([1e-45, 3e-41, 1e-38, 1e-30, 1e-10], np.float32)
    small = np.concatenate([small, -small])
    assert units(call(compiled, "gelu", small), small.astype(np.float64) / 2).max() <= 1
    far = np.array([-5.7, -14, -100, -1e20, -3.4e38], np.float32)
    assert not call(compiled, "gelu", far).any() and np.abs(call(compiled, "gelu_slope", far)).max() < 3e-7  # fmt: skip
    assert not call(compiled, "gelu_slope", far[1:]).any()
    assert np.array_equal(call(compiled, "gelu_slope", np.zeros(2, np.float32)), [0.5, 0.5])


SIGNED = ["expm1", "log1p", "tanh", "erf", "sin", "sqrt", "floor", "rint", "gelu"]


@pytest.mark.parametrize("name", SIGNED)
def test_zero_keeps_its_sign(compiled, name):
    result = call(compiled, name, np.array([0.0, -0.0], np.float32))
    assert np.array_equal(np.signbit(result), [False, True]) and not result.any()


def pairs() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    some = np.concatenate([SPECIAL, np.arange(-6, 7), [0.1, -0.1, 0.3]]).astype(np.float32)
    a, b = (m.ravel() for m in np.meshgrid(some, some))
    scale = [10.0 ** random.uniform(-8, 8, 100_000) for _ in "ab"]
    drawn = [(random.choice([-1, 1], s.size) * s).astype(np.float32) for s in scale]
    return np.concatenate([a, drawn[0]]), np.concatenate([b, drawn[1]])


@pytest.mark.parametrize("name", POWERS)
@np.errstate(all="ignore")
def test_functions_of_two_within_their_bounds(compiled, name):
    random, n = np.random.default_rng(2), 500_000
    patterns = random.integers(0, 2**32, (2, n), dtype=np.uint64).astype(np.uint32).view(np.float32)
    a = [pairs()[0], patterns[0], random.normal(0, 1, n), np.exp(random.uniform(-88, 88, n))]
    b = [pairs()[1], patterns[1], random.normal(0, 1, n), random.uniform(-3, 3, n)]
    a += [1 + random.normal(0, 1e-3, n), np.exp(random.uniform(-8, 8, n))]
    b += [1e4 * random.normal(0, 5, n), random.uniform(-20, 20, n)]
    a, b = np.concatenate(a).astype(np.float32), np.concatenate(b).astype(np.float32)
    reference, bound = POWERS[name]
    expected, result = (
        reference(a.astype(np.float64), b.astype(np.float64)),
        call(compiled, name, a, b),
    )
    worst = units(result, expected).argmax()
    assert units(result, expected)[worst] <= bound, (
        a[worst],
        b[worst],
        result[worst],
        expected[worst],
    )
    zero = (expected == 0) & (np.abs(result) == 0)
    assert np.array_equal(np.signbit(result[zero]), np.signbit(expected[zero]))


@np.errstate(all="ignore")
def test_sine_of_the_float_nearest_to_a_multiple_of_pi(compiled):
    """16367173 * 2^72 is 2^-29.9 quarter turns away from one: all 96 bits of the reduction count."""
    x = np.array([16367173 * 2.0**72, 3.4028235e38, 2.0**127, 355.0, 103993.0], np.float32)
    # in 60 digits (mpmath)
    expected = {
        "sin": [
            1.0,
            -0.5218765233336585,
            0.6233855129558702,
            -3.014435335948845e-05,
            -1.9129335778423752e-05,
        ],
        "cos": [
            -1.6147697982476211e-09,
            0.8530210398303042,
            0.78191463871496,
            -0.999999999545659,
            0.9999999998170342,
        ],
    }
    for name, values in expected.items():
        assert units(call(compiled, name, x), np.array(values)).max() <= 1.5


@pytest.mark.parametrize("name", BINARY)
@np.errstate(all="ignore")
def test_remainders_are_exact(compiled, name):
    a, b = pairs()
    reference = np.array([getattr(meaning, name)(x, y) for x, y in zip(a.tolist(), b.tolist())])
    error = units(call(compiled, name, a, b), reference)
    assert error.max() <= BINARY[name][1], (a[error.argmax()], b[error.argmax()])


@np.errstate(all="ignore")
def test_floor_divide(compiled):
    a, b = pairs()
    reference = np.array([meaning.floor_divide(x, y) for x, y in zip(a.tolist(), b.tolist())])
    result = call(compiled, "floor_divide", a, b)
    exact = ~(np.abs(reference) > 2**22) | np.isinf(reference)
    assert np.array_equal(result[exact], reference[exact].astype(np.float32), equal_nan=True)
    assert units(result[~exact], reference[~exact]).max() <= 1.5


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_maximum_and_minimum_keep_nan(compiled, name):
    a, b = pairs()
    assert np.array_equal(call(compiled, name, a, b), getattr(np, name)(a, b), equal_nan=True)


@pytest.mark.parametrize("name", UNARY)
@np.errstate(all="ignore")
def test_float64_is_the_platforms(compiled, name):
    x = np.linspace(-26, 26, 10_001)
    least = 4e-15 if name == "lgamma" else 1e-300  # it has zeros
    expected = np.array([meaning.REAL[name](v) for v in x.tolist()])
    assert np.allclose(call(compiled, name, x), expected, 1e-15, least, equal_nan=True)


# ---- integers


def whole_pairs(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    info = np.iinfo(dtype)
    some = [0, 1, 2, 3, 5, 7, 8, 15, 31, 32, 63, 64, 100, info.max, info.max - 1]
    some += [] if info.min == 0 else [-1, -2, -3, -7, -64, info.min, info.min + 1]
    a, b = (m.ravel() for m in np.meshgrid(np.array(some, dtype), np.array(some, dtype)))
    return a, b


def wrapped(value: int, dtype: str) -> int:
    bits = np.iinfo(dtype).bits
    value &= (1 << bits) - 1
    return value - (1 << bits) if np.iinfo(dtype).min and value >> (bits - 1) else value


WHOLE = {
    "floor_divide": lambda a, b: a // b if b else 0,
    "remainder": lambda a, b: a % b if b else 0,
    "power": meaning.integer_power,
    "shift_left": meaning.shift_left,
    "shift_right": meaning.shift_right,
    "abs": lambda a, b: abs(a),
    "maximum": lambda a, b: max(a, b),
    "minimum": lambda a, b: min(a, b),
}
WHOLE_LOOPS = [(name, dtype, 1 if name == "abs" else 2) for name in WHOLE for dtype in INTEGERS]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("integers")
    return ctypes.CDLL(str(build(folder, WHOLE_LOOPS, FLAGS["fast"])))


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", WHOLE)
def test_integers(whole, name, dtype):
    a, b = whole_pairs(dtype)
    expected = [wrapped(WHOLE[name](x, y), dtype) for x, y in zip(a.tolist(), b.tolist())]
    assert call(whole, name, a, b).tolist() == expected


# ---- undefined behaviour, vectors, errors

_CHECK = """
#define TRY(type, call) {{ type t = (type)(call); sum += t == t; }}
int main(void) {{
    const float some[] = {{ {floats} }};
    const int64_t whole[] = {{ {whole} }};
    int n = sizeof some / sizeof *some, m = sizeof whole / sizeof *whole, sum = 0;
    for (int i = 0; i < n; ++i) for (int j = 0; j < n; ++j) {{ float x = some[i], y = some[j]; {reals} }}
    for (int i = 0; i < m; ++i) for (int j = 0; j < m; ++j) {{ int64_t a = whole[i], b = whole[j]; {integers} }}
    return sum < 0;
}}
"""


def test_nothing_is_undefined(tmp_path):
    """The whole table under UBSan: overflowing casts, shifts and integer arithmetic stop the program."""
    floats = ", ".join(
        "NAN" if v != v else f"{'-' * bool(v < 0)}INFINITY" if np.isinf(v) else f"{v!r}f"
        for v in SPECIAL.tolist()
    )
    reals = [(n, "float32", 1) for n in UNARY] + [
        (n, "float32", 2) for n in (*BINARY, *POWERS, "floor_divide")
    ]
    least, most = "INT64_MIN", "INT64_MAX"
    whole = ", ".join(
        map(str, [0, 1, -1, 2, -2, 3, 7, 31, 32, 63, 64, 127, -128, 32767, -32768, least, most])
    )
    main = _CHECK.format(
        floats=floats,
        whole=f"{whole}, INT32_MIN, INT32_MAX",
        reals=" ".join(
            f"TRY(float, {call_name(n, d)}({', '.join('xy'[:k])}))" for n, d, k in reals
        ),
        integers=" ".join(
            f"TRY({C_TYPES[d]}, {call_name(n, d)}({', '.join(f'({C_TYPES[d]}){v}' for v in 'ab'[:k])}))"
            for n, d, k in WHOLE_LOOPS
        ),
    )
    flags = (
        "-O1",
        "-fsanitize=undefined,float-cast-overflow",
        "-fsanitize-undefined-trap-on-error",
    )
    program = build(tmp_path, reals + WHOLE_LOOPS, flags, main)
    assert subprocess.run([program]).returncode == 0


def test_a_function_brings_what_it_needs_once():
    text = library({"tanh_f32", "exp_f32"}, "cuda")
    assert text.count("float exp_near_f32(") == 1
    assert text.index("exp_near_f32(") < text.index("tanh_f32(")
    assert "log_f32" not in text


@pytest.mark.parametrize(
    ("function", "dtype", "lanes"),
    [("frob", "float32", 1), ("power", "float32", 1), ("exp", "int32", 1), ("exp", "float64", 4)],
)
def test_an_unknown_function_is_named(function, dtype, lanes):
    with pytest.raises(KeyError, match=function):
        call_name(function, dtype, lanes)


def test_vectors_are_opencl_only():
    assert "float4 exp_f32x4(float4 x)" in library({"exp_f32x4"}, "opencl")
    with pytest.raises(ValueError, match="4 lanes"):
        library({"exp_f32x4"}, "c")
