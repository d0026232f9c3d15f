"""The three dialects: what C, OpenCL C and CUDA C call the same things. All else is printed alike.

A header gives the types (`i32`, `f32`, `u64`, ...), qualifiers (`KERNEL`, `GLOBAL`, `LOCAL`, `RESTRICT`, `FN`), loops over the
work-items' range (`EACH`, `ELEMENTS`), above loops over 32-bit neighbours (`VECTORS`), the work-group (`LOCAL_ID`, `GROUP_ID`, `BARRIER`) and a few functions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Dialect:
    """How one language says what the kernels need.

    `family` is 'cpu' (rows one after another, each by one work-item) or 'gpu' (rows by work-groups);
    `chunk` the number of neighbouring elements that a work-item does; `local` the work-items of a
    group in the kernels that use one; `options` what the compiler has to be told for right numbers.
    """

    name: str
    suffix: str
    header: str
    options: tuple[str, ...]
    family: str = "cpu"
    chunk: int = 1
    local: int = 256

    @property
    def preamble(self) -> str:
        """What stands above all functions and kernels."""
        return self.header.replace("{chunk}", str(self.chunk)) + _COMPLEX

    def for_family(self, family: str) -> Dialect:
        """This dialect for CPU-type ('cpu') or GPU-type ('gpu') devices."""
        if family not in ("cpu", "gpu"):
            raise ValueError(f"a family of kernels is 'cpu' or 'gpu', not {family!r}")
        chunk = 1024 if family == "cpu" and self.name == "opencl" else 1
        return replace(self, family=family, chunk=chunk)


_C = """\
#include <math.h>
#include <stdint.h>
#include <string.h>
typedef int8_t i8; typedef int16_t i16; typedef int32_t i32; typedef int64_t i64;
typedef uint8_t u8; typedef uint16_t u16; typedef uint32_t u32; typedef uint64_t u64;
typedef float f32; typedef double f64;
#define HAS_F64
#define KERNEL
#define GLOBAL
#define FN static inline
#define RESTRICT restrict
#define VECTORS
#define U64(x) x##ULL
#define EACH(type, i, d, n) for (type i = 0; i < (n); ++i)
#define ELEMENTS(type, i, n) for (type i = 0; i < (n); ++i)
FN u32 bits_f32(f32 x) { u32 b; memcpy(&b, &x, 4); return b; }
FN f32 from_bits_f32(u32 b) { f32 x; memcpy(&x, &b, 4); return x; }
FN u64 bits_f64(f64 x) { u64 b; memcpy(&b, &x, 8); return b; }
FN f64 from_bits_f64(u64 b) { f64 x; memcpy(&x, &b, 8); return x; }
FN u64 mul_hi_u64(u64 a, u64 b) { return (u64)(((unsigned __int128)a * b) >> 64); }
"""

_OPENCL = """\
#pragma OPENCL FP_CONTRACT OFF
#ifdef cl_khr_fp64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#define HAS_F64
typedef double f64;
#endif
typedef char i8; typedef short i16; typedef int i32; typedef long i64;
typedef uchar u8; typedef ushort u16; typedef uint u32; typedef ulong u64;
typedef float f32;
#define KERNEL __kernel
#define GLOBAL __global
#define LOCAL __local
#define FN static inline
#define RESTRICT restrict
#ifdef __clang__ /* else it takes half of the lanes that a processor has */
#define VECTORS _Pragma("clang loop vectorize_width(16)")
#else
#define VECTORS
#endif
#define U64(x) x##UL
#define CHUNK {chunk}
#define PLACE(d) get_global_id(d)
#define EACH(type, i, d, n) for (type i = PLACE(d); i < (n); i += get_global_size(d))
#define ELEMENTS(type, i, n) \\
    for (type i = (type)PLACE(0) * CHUNK, i##_end = i + CHUNK < (n) ? i + CHUNK : (n); i < i##_end; ++i)
#define LOCAL_ID(d) ((i32)get_local_id(d))
#define GROUP_ID(d) get_group_id(d)
#define GROUP_COUNT(d) get_num_groups(d)
#define BARRIER barrier(CLK_LOCAL_MEM_FENCE)
#define bits_f32 as_uint
#define from_bits_f32 as_float
#define bits_f64 as_ulong
#define from_bits_f64 as_double
#define mul_hi_u64 mul_hi
"""

_CUDA = """\
typedef signed char i8; typedef short i16; typedef int i32; typedef long long i64;
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;
typedef float f32; typedef double f64;
#define HAS_F64
#define KERNEL extern "C" __global__
#define GLOBAL
#define LOCAL __shared__
#define FN static __device__ __forceinline__
#define RESTRICT __restrict__
#define VECTORS
#define U64(x) x##ULL
#define AXIS_0 x
#define AXIS_1 y
#define AXIS_2 z
#define AXIS(v, a) v.a
#define OF(v, d) AXIS(v, AXIS_##d)
#define EACH(type, i, d, n) \\
    for (type i = (type)OF(blockIdx, d) * OF(blockDim, d) + OF(threadIdx, d); i < (n); i += (type)OF(gridDim, d) * OF(blockDim, d))
#define ELEMENTS(type, i, n) EACH(type, i, 0, n)
#define LOCAL_ID(d) ((i32)OF(threadIdx, d))
#define GROUP_ID(d) OF(blockIdx, d)
#define GROUP_COUNT(d) OF(gridDim, d)
#define BARRIER __syncthreads()
#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fffffff)
#endif
#define bits_f32 (u32)__float_as_int
#define from_bits_f32(x) __int_as_float((i32)(x))
#define bits_f64 (u64)__double_as_longlong
#define from_bits_f64(x) __longlong_as_double((i64)(x))
#define mul_hi_u64 __umul64hi
"""

_COMPLEX = """\
typedef struct { f32 re, im; } c64;
#ifdef HAS_F64
typedef struct { f64 re, im; } c128;
#endif
"""

C = Dialect("c", ".c", _C, ("-std=c11", "-ffp-contract=off", "-fno-math-errno"))
#: For GPU-type devices; `OPENCL.for_family("cpu")` for the others.
OPENCL = Dialect(
    "opencl", ".cl", _OPENCL, ("-cl-std=CL1.2", "-cl-fp32-correctly-rounded-divide-sqrt"), "gpu"
)
CUDA = Dialect("cuda", ".cu", _CUDA, ("--fmad=false", "--prec-div=true", "--prec-sqrt=true"), "gpu")
