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
#define CHUNK 1
#define PLACE(d) get_global_id(d)
#define EACH(type, i, d, n) for (type i = PLACE(d); i < (n); i += get_global_size(d))
#define ELEMENTS(type, i, n) \
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
typedef struct { f32 re, im; } c64;
#ifdef HAS_F64
typedef struct { f64 re, im; } c128;
#endif
