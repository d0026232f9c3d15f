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
#define EACH(type, i, d, n) \
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
typedef struct { f32 re, im; } c64;
#ifdef HAS_F64
typedef struct { f64 re, im; } c128;
#endif
