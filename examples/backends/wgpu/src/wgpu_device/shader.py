"""Core's kernel descriptions as WGSL.

Values are computed in four types: F (f64) for real numbers, C (vec2<f64>) for complex ones, U (u64) for uint64, I (i64)
for all other integers and for bools. They are narrowed where a description says so: as an operand is
converted, and as a result is stored. WGSL has no memory of 8 or 16 bits, so such elements are parts of
32-bit words that atomic operations write.
"""

import ast
from importlib.resources import files

import facula
from facula.backends.buffer import (
    ArgReduce,
    Gather,
    Map,
    Matmul,
    RandomWords,
    Reduce,
    Scan,
    Scatter,
    Sort,
)  # fmt: skip

I64 = facula.int64.dtype

TYPES = {"F": "f64", "C": "vec2<f64>", "I": "i64", "U": "u64"}
STORED = {
    "float64": "f64", "float32": "f32", "int64": "i64", "uint64": "u64", "int32": "i32", "uint32": "u32",
    "complex64": "vec2<f32>", "complex128": "vec2<f64>",
}  # fmt: skip
FUNCTIONS = files("wgpu_device").joinpath("functions.wgsl").read_text()
GROUP, ROW = 64, 65535 * 64  # invocations in a work-group, and along x


def kind(dtype):
    return {"f": "F", "V": "F", "c": "C"}.get(dtype.kind, "U" if dtype.name == "uint64" else "I")


def narrowed(code, dtype):
    """A value of `kind(dtype)`, as `dtype` would hold it."""
    if dtype.name in ("float16", "bfloat16"):
        return unpacked(packed(code, dtype), dtype)
    if dtype.name in ("float32", "complex64"):
        return f"{TYPES[kind(dtype)]}({STORED[dtype.name]}({code}))"
    spare = 64 - 8 * dtype.itemsize
    if dtype.kind == "i" and spare:
        return f"(({code} << {spare}u) >> {spare}u)"
    return f"({code} & {2 ** (8 * dtype.itemsize) - 1}li)" if dtype.kind in "ub" and spare else code


def converted(code, source, dtype):
    """A value of one dtype as C converts it to another."""
    old, new = kind(source), kind(dtype)
    if source is dtype:
        return code
    if dtype.kind == "b":
        zero = "vec2<f64>()" if old == "C" else f"{TYPES[old]}()"
        return f"select(1li, 0li, all({code} == {zero}))"
    if old == "C" and new != "C":
        code, old = f"({code}).x", "F"
    if new == "C" and old != "C":
        code = f"vec2<f64>(f64({code}), 0.0lf)"
    elif old == "F" and new == "U":
        code = f"select(u64({code}), u64(i64({code})), {code} < 0.0lf)"
    elif old != new:
        code = f"{TYPES[new]}({code})"
    return code if source.kind == "b" else narrowed(code, dtype)


# ---- memory


def packed(code, dtype):
    """The low bits of a u32 that hold a value of 8 or 16 bits."""
    if dtype.name == "bfloat16":
        return f"to_bfloat16(f32({code}))"
    if dtype.name == "float16":
        return f"pack2x16float(vec2<f32>(f32({code}), 0.0f))"
    return f"u32({code} & {2 ** (8 * dtype.itemsize) - 1}li)"


def unpacked(code, dtype):
    """Its inverse; other bits of the u32 may be set."""
    if dtype.name == "bfloat16":
        return f"f64(bitcast<f32>({code} << 16u))"
    if dtype.name == "float16":
        return f"f64(unpack2x16float({code}).x)"
    return narrowed(f"i64({code})", dtype)


def memory(n, stored, dtype):
    """The binding of operand `n`, `atN(place)` that reads it as `dtype`, and `putN(place, value)`."""
    value, b = TYPES[kind(stored)], f"buffer{n}"
    element = STORED.get(stored.name, "atomic<u32>")
    if element != "atomic<u32>":
        read, write = f"{value}({b}[p])", f"{b}[p] = {element}(v);"
        if stored.name == "uint32":
            read = f"({read} & 0xffffffffli)"  # it is extended as if it had a sign
    else:
        bits = 8 * stored.itemsize
        word, low, mask = (
            f"&{b}[p / {32 // bits}u]",
            f"(p % {32 // bits}u * {bits}u)",
            f"{2**bits - 1}u",
        )
        read = unpacked(f"(atomicLoad({word}) >> {low})", stored)
        write = f"atomicAnd({word}, ~({mask} << {low})); atomicOr({word}, ({packed('v', stored)} & {mask}) << {low});"
    return f"""@group(0) @binding({n + 2}) var<storage, read_write> {b}: array<{element}>;
fn at{n}(p: u32) -> {TYPES[kind(dtype)]} {{ return {converted(read, stored, dtype)}; }}
fn put{n}(p: u32, v: {value}) {{ {write} }}
"""


# ---- expressions

SYMBOLS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
    ast.Eq: "==", ast.NotEq: "==", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.USub: "-", ast.Invert: "~",
}  # fmt: skip


def literal(x, type):
    if type in "IU":
        return f"{int(x)}l{'i' if type == 'I' else 'u'}"
    real = {"inf": "inf()", "-inf": "(-inf())", "nan": "nan()"}.get(str(x), f"{float(x)!r}lf")
    return real if type == "F" else f"vec2<f64>({real}, 0.0lf)"


def value(node, type):
    """A node of an expression as a value of a type; comparisons count 1 and 0, as in C."""
    code, is_truth = printed(node, type)
    return f"select({literal(0, type)}, {literal(1, type)}, {code})" if is_truth else code


def truth(node, type):
    code, is_truth = printed(node, type)
    return code if is_truth else f"!all({code} == {TYPES[type]}())"


def printed(node, type):
    """(the node as WGSL, whether that is a bool)."""
    match node:
        case ast.Compare(left, [operator], [right]):
            code = f"({value(left, type)} {SYMBOLS[operator.__class__]} {value(right, type)})"
            code = f"all{code}" if type == "C" else code
            # `!=` would be false for NaN.
            return (f"(!{code})" if isinstance(operator, ast.NotEq) else code), True
        case ast.BinOp(left, ast.BitAnd() | ast.BitOr() as operator, right):
            both = printed(left, type)[1] and printed(right, type)[1]
            print = truth if both else value
            return f"({print(left, type)} {SYMBOLS[operator.__class__]} {print(right, type)})", both
        case ast.BinOp(left, ast.Mult() | ast.Div() as operator, right) if type == "C":
            name = "mul" if isinstance(operator, ast.Mult) else "div"
            return f"{name}_C({value(left, type)}, {value(right, type)})", False
        case ast.BinOp(left, operator, right):
            return (
                f"({value(left, type)} {SYMBOLS[operator.__class__]} {value(right, type)})",
                False,
            )
        case ast.UnaryOp(ast.USub(), operand) if type == "U":
            return f"(0lu - {value(operand, type)})", False
        case ast.UnaryOp(operator, operand):
            return f"({SYMBOLS[operator.__class__]}{value(operand, type)})", False
        case ast.Call(ast.Name("where"), [condition, then, other]):
            return (
                f"select({value(other, type)}, {value(then, type)}, {truth(condition, type)})",
                False,
            )
        case ast.Call(ast.Name("maximum" | "minimum" as name), [a, b]):
            a, b = value(a, type), value(b, type)
            is_a = f"{a} {'>' if name == 'maximum' else '<'} {b} || !({a} == {a})"
            return f"select({b}, {a}, {is_a})", False
        case ast.Call(ast.Name(name), arguments):
            return f"{name}_{type}({', '.join(value(x, type) for x in arguments)})", False
        case ast.Name(name):
            return name, False
        case ast.Constant(x):
            return literal(x, type), False
    raise TypeError(f"an expression may not hold {ast.dump(node)}")


def expression(text, dtype, print=value):
    return print(ast.parse(text, mode="eval").body, kind(dtype))


# ---- kernels: the operands' (stored, read as), and what invocation i does

HEAD = """
@group(0) @binding(0) var<storage, read_write> info: array<u32>;  // count, six numbers, where operands and scalars begin
@group(0) @binding(1) var<storage, read_write> fault: array<i32>;  // an index out of range, its size; division by 0
fn place(operand: u32, i: u32) -> u32 {
  let at = info[8u + operand]; var found = info[at + 1u]; var rest = i;
  for (var d = at + 2u * info[at]; d > at; d -= 2u) { found += rest % info[d] * info[d + 1u]; rest /= info[d]; }
  return found;
}
fn word(at: u32) -> u64 { return (u64(info[at + 1u]) << 32u) | u64(info[at]); }
fn to_bfloat16(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  return select((bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u, 0x7fc0u, (bits & 0x7fffffffu) > 0x7f800000u);
}
fn picked(given: i64) -> u32 {
  let size = i64(info[1]);
  if (given >= -size && given < size) { return u32(select(given, given + size, given < 0li)); }
  fault[0] = i32(given); fault[1] = i32(size);
  return 0xffffffffu;
}
"""
SCALARS = {"F": "bitcast<f64>(word({0}))", "I": "bitcast<i64>(word({0}))", "U": "word({0})",
           "C": "vec2<f64>(bitcast<f64>(word({0})), bitcast<f64>(word({0} + 2u)))"}  # fmt: skip


def map_body(k):
    lines, views, scalars = (
        [f"let index = {TYPES[kind(k.dtype)]}(i);" if kind(k.dtype) != "C" else ""],
        [(k.output, k.output)],
        0,
    )
    for name, x in zip("abcdefgh", k.inputs):
        if x.is_scalar:
            at = f"info[{8 + sum(not y.is_scalar for y in k.inputs) + 1 + scalars}]"
            read, scalars = (
                converted(SCALARS[kind(x.dtype)].format(at), x.dtype, k.dtype),
                scalars + 1,
            )
        else:
            read = f"at{len(views)}(place({len(views)}u, i))"
            # Bools stay what they are, and count 1 and 0.
            views.append((x.dtype, k.dtype))
        lines.append(f"let {name} = {read};")
    result = converted(expression(k.expression, k.dtype), k.dtype, k.output)
    return views, "\n".join([*lines, f"put0(place(0u, i), {result});"])


def fold_body(k):
    """Reductions and scans over `info[1]` elements: they differ in when they store."""
    step, start = expression(k.combine, k.dtype), getattr(k, "initial", None)
    first = "at1(place(1u, i * n))" if start is None else literal(start, kind(k.dtype))
    scan = isinstance(k, Scan)
    return (
        [(k.dtype, k.dtype), (k.input, k.dtype)],
        f"""let n = info[1]; var a = {first};
{"put0(place(0u, i * n), a);" if scan else ""}
for (var j = {0 if start is not None else 1}u; j < n; j++) {{
  let b = at1(place(1u, i * n + j)); a = {step}; {"put0(place(0u, i * n + j), a);" if scan else ""}
}}
{"" if scan else "put0(place(0u, i), a);"}""",
    )


def arg_reduce_body(k):
    return (
        [(k.output, k.output), (k.input, k.input)],
        f"""let n = info[1]; var b = at1(place(1u, i * n)); var best = 0u;
for (var j = 1u; j < n; j++) {{
  let a = at1(place(1u, i * n + j));
  if ({expression(k.better, k.input, truth)}) {{ b = a; best = j; }}
}}
put0(place(0u, i), {TYPES[kind(k.output)]}(best));""",
    )


def gather_body(k):
    views = [(k.dtype, k.dtype), (k.dtype, k.dtype), (I64, I64)]
    return (
        views,
        """let at = picked(at2(place(2u, i)));
if (at != 0xffffffffu) { put0(place(0u, i), at1(place(1u, i / info[2]) + at * info[3])); }""",
    )


def scatter_body(k):
    views = [(k.dtype, k.dtype), (I64, I64), (k.dtype, k.dtype)]
    return (
        views,
        f"""let n = info[2];
for (var j = 0u; j < n; j++) {{
  let at = picked(at1(place(1u, i * n + j))); let p = place(0u, i) + at * info[3];
  if (at != 0xffffffffu) {{ let a = at0(p); let b = at2(place(2u, i * n + j)); put0(p, {expression(k.combine, k.dtype)}); }}
}}""",
    )


def sort_body(k):
    """Each element counts those before it: stable and parallel, for rows that aren't too long."""
    below, above = ("(y > x || (!(y == y) && x == x))", "(x > y || (!(x == x) && y == y))")[
        :: 1 if k.descending else -1
    ]
    return (
        [(k.dtype, k.dtype), (I64, I64), (k.dtype, k.dtype)],
        f"""let n = info[1]; let me = i % n; var rank = i - me;
let x = at2(place(2u, i));
for (var j = 0u; j < n; j++) {{
  let y = at2(place(2u, i - me + j));
  if ({below} || (j < me && !{above})) {{ rank++; }}
}}
put0(place(0u, rank), x); put1(place(1u, rank), i64(me));""",
    )


def random_body(k):
    halves = k.dtype.itemsize == 4
    low, high = "i64(word & 0xfffffffflu)", "i64(word >> 32u)"
    stores = [f"if (2u * at < n) {{ put0(place(0u, 2u * at), {low}); }}",
              f"if (2u * at + 1u < n) {{ put0(place(0u, 2u * at + 1u), {high}); }}"] if halves else ["if (at < n) { put0(place(0u, at), word); }"]  # fmt: skip
    return (
        [(k.dtype, k.dtype)],
        f"""let n = info[1]; let block = u64(i) + 1lu; let offset = word(4u);
var c = array<u64, 4>(offset + block, word(6u) + select(0lu, 1lu, offset + block < block), 0lu, 0lu);
var key = array<u64, 2>(word(2u), 0lu);
for (var round = 0; round < 10; round++) {{
  let first = wide(0xd2e7470ee14c6c93lu, c[0]); let second = wide(0xca5a826395121157lu, c[2]);
  c = array<u64, 4>(second[1] ^ c[1] ^ key[0], second[0], first[1] ^ c[3] ^ key[1], first[0]);
  key[0] += 0x9e3779b97f4a7c15lu; key[1] += 0xbb67ae8584caa73blu;
}}
for (var w = 0u; w < 4u; w++) {{ let word = c[w]; let at = 4u * i + w; {" ".join(stores)} }}""",
    )


def matmul_body(k):
    product = "mul_C(x, y)" if kind(k.dtype) == "C" else "x * y"
    return (
        [(k.dtype, k.dtype)] * 3,
        f"""let n = info[5]; var sum = {TYPES[kind(k.dtype)]}();
var p = place(1u, i / n); var q = place(2u, i / info[4] * n + i % n);
for (var j = 0u; j < info[1]; j++) {{ let x = at1(p); let y = at2(q); sum += {product}; p += info[2]; q += info[3]; }}
put0(place(0u, i), sum);""",
    )


BODIES = {
    Map: map_body, Reduce: fold_body, Scan: fold_body, ArgReduce: arg_reduce_body, Gather: gather_body,
    Scatter: scatter_body, Sort: sort_body, RandomWords: random_body, Matmul: matmul_body,
}  # fmt: skip


def shader(kernel):
    """The WGSL of a kernel description."""
    views, body = BODIES[type(kernel)](kernel)
    bindings = "".join(memory(n, *view) for n, view in enumerate(views))
    return f"""{bindings}{HEAD}{FUNCTIONS}
@compute @workgroup_size({GROUP}) fn main(@builtin(global_invocation_id) id: vec3<u32>) {{
let i = id.x + id.y * {ROW}u; if (i >= info[0]) {{ return; }}
{body}
}}"""
