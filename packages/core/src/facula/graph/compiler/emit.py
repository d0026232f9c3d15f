"""A planned program printed as one C function: nests as loops, shared out among threads, with barriers between."""

from __future__ import annotations

from collections.abc import Sequence

from facula.graph.codegen.dialects import C
from facula.graph.codegen.library import functions_for
from facula.graph.codegen.program import INDEX
from facula.graph.compiler.lower import Memory
from facula.graph.compiler.nest_printer import NestPrinter, TilePrinter
from facula.graph.compiler.nests import (
    CallNest,
    MapNest,
    Nest,
    ReduceNest,
)
from facula.graph.compiler.planned import Planned
from facula.graph.compiler.schedule import UNEQUAL, work_of
from facula.graph.compiler.shares import Share

#: Pieces that a thread does its part in, where others that wait take some, and elements in a row that are worth one.
PIECES, ROW = 16, 256

HEAD = f"""\
typedef struct {{ void (*run)(const void *job, long top, long left, long rows, long columns); long top, left; }} epilogue_t;
typedef i32 (*gemm_t)(long, long, long, const f32 *, long, long, const f32 *, long, long, f32 *, long, const epilogue_t *);
typedef i32 (*gemm_bf16_t)(long, long, long, const u16 *, long, long, const u16 *, long, long, f32 *, long, const epilogue_t *);
#if defined(__AVX512F__) /* columns of a tile */
#define WIDE 32
#elif defined(__AVX2__)
#define WIDE 16
#else
#define WIDE 8
#endif
typedef void (*piece_t)(const void *job, long piece);
typedef struct {{ i64 cut, low, high; u64 spent; i64 votes, apart[3]; }} share_t;
typedef struct {{
    share_t *shares; u8 **memory; const u64 *keys; i64 *flag; gemm_t gemm; void (*barrier)(void);
    void **plans; gemm_bf16_t gemm_bf16; void (*in_pieces)(piece_t piece, const void *job, long pieces);
}} program_t;
#define PIECES {PIECES}
/* Where the n-th piece of a part begins. */
static inline i64 piece_at(i64 n, i64 begin, i64 end, i64 step) {{ return n < PIECES ? begin + (end - begin) * n / PIECES / step * step : end; }}
typedef int (*part_t)(void *plan, void **slots, i32 thread, i32 threads); /* that a plan begins with */
typedef int (*rows_part_t)(void *plan, void **slots, i32 thread, i32 threads, const epilogue_t *then);
typedef int (*cut_part_t)(void *plan, void **slots, i64 begin, i64 end, i64 whole);
#ifdef __clang__
#define NEST static __attribute__((noinline))
#else /* GCC 12 drops calls of functions that store through such restrict pointers: it shall know nothing of them */
#define NEST static __attribute__((noipa))
#endif
#undef EACH
#undef ELEMENTS
#define EACH(type, i, d, n) \\
    for (type i = (d) ? 0 : (type)((i64)(n) * me / THREADS), i##_end = (d) ? (n) : (type)((i64)(n) * (me + 1) / THREADS); i < i##_end; ++i)
#define ELEMENTS(type, i, n) EACH(type, i, 0, n)
static _Thread_local i32 me;
static inline u64 now(void) /* of a clock that costs next to nothing; 0 where there is none */
{{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    u64 ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return 0;
#endif
}}
/* a / b where one b divides many a: rounded from float64, which has digits enough for the same bits, but for ties of subnormal results. Division takes 10 cycles a vector. */
static inline f32 over_f32(f32 a, f32 b)
{{
#ifdef __AVX512F__
    return (f32)((f64)a * (1.0 / (f64)b));
#else
    return a / b;
#endif
}}
#define INDEX {INDEX}
static inline i64 picked(i64 *flag, i64 index, i64 size)
{{
    i64 i = index < 0 ? index + size : index;
    if (i >= 0 && i < size) return i;
    flag[0] = INDEX; flag[1] = index; flag[2] = size;
    return 0;
}}
"""


class Emitter:
    """Prints nests; `places` says for each memory which pointer it is under and how many bytes further on."""

    def __init__(self, places: dict[Memory, tuple[int, int]], threads: int):
        self.places, self.threads = places, threads
        self.kernels: dict[str, str] = {}
        #: Names by parameters and body: equal nests, as equal layers have, are one function, which is compiled once.
        self.functions: dict[tuple[str, str], str] = {}
        #: By the names of functions that do a piece: how the pool calls these.
        self.pieces: dict[str, str] = {}
        #: By their place among the plans that the program is given.
        self.plans: list[Planned] = []

    def source(self, nests: Sequence[Nest], shares: Sequence[Share | None], waits: Sequence[bool], inputs: int) -> str:  # fmt: skip
        """The text; the first so many of the pointers are inputs, which stay as they are once an error was noted."""
        called = [self.call(nest, shared) for nest, shared in zip(nests, shares)]
        may_fail = any("p->flag" in body for _, body in self.functions)
        calls = []
        was_timed = False
        for nest, shared, wait, call in zip(nests, shares, waits, called):
            is_timed = shared is not None and shared.grain > 0
            if was_timed and (wait or not is_timed):
                calls.append("    spent += now();")
            if wait and self.threads > 1:
                calls.append("    p->barrier();")
            if is_timed and (wait or not was_timed):
                calls.append("    spent -= now();")
            was_timed = is_timed
            alone = shared is None and not isinstance(nest, CallNest) and self.threads > 1
            updates = isinstance(nest, MapNest) and any(self.places[m][0] < inputs for m in nest.written)  # fmt: skip
            if may_fail and updates:
                call = f"if (!p->flag[0]) {call}"
            calls.append(f"    {'if (!thread) ' if alone else ''}{call};")
        functions = [
            f"NEST void {name}({parameters})\n{{\n{body}}}\n{self.pieces.get(name, '')}"
            for (parameters, body), name in self.functions.items()
        ]
        body = "\n".join([*self.kernels.values(), *functions])
        library = functions_for(body, C)
        lines = "\n".join(calls)
        end = "    spent += now();\n" if was_timed else ""
        entry = (
            "void program(void *context, int thread)\n{\n    program_t *p = context;\n    u64 spent = 0;\n"
            f"    me = thread;\n{lines}\n{end}    p->shares[thread].spent = spent;\n}}\n"
        )
        return f"{C.preamble}#define THREADS {self.threads}\n{HEAD}\n{library}\n\n{body}\n{entry}"

    def call(self, nest: Nest, shared: Share | None) -> str:
        step = step_of_pieces(nest, shared, self.threads)
        printed = NestPrinter(self, nest, shared, step)
        body = printed.text()
        name = self.function(printed.parameters(), body)
        if step:
            self.pieces[name] = printed.piece(name)
            name = self.function(printed.parameters(whole=True), printed.whole(name))
        return f"{name}({', '.join(printed.arguments())})"

    def epilogue(self, nest: MapNest | None) -> str:
        """What a product is given to do a map to parts of its result."""
        if nest is None:
            return "0"
        printed = TilePrinter(self, nest, None)
        body = printed.text()
        name = self.function(printed.parameters(), body)
        self.pieces[name] = printed.piece(name)
        return f"(epilogue_t *)&({name}_t){{{{{name}_part}}, {', '.join(printed.arguments())}}}"

    def function(self, parameters: str, body: str) -> str:
        """The name of the one that does this."""
        return self.functions.setdefault((parameters, body), f"nest_{len(self.functions)}")


def step_of_pieces(nest: Nest, shared: Share | None, threads: int) -> int:
    """What pieces of a thread's part of a nest are multiples of, if it is large enough that others may take some; else 0."""
    if shared is None or threads == 1 or not isinstance(nest, (MapNest, ReduceNest)):
        return 0
    step, least = (16, ROW) if shared.dim == len(nest.shape) - 1 else (1, 1)
    is_large = nest.shape[shared.dim] >= threads * PIECES * least and work_of(nest) > UNEQUAL
    return step if is_large else 0
