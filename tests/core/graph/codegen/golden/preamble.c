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
typedef struct { f32 re, im; } c64;
#ifdef HAS_F64
typedef struct { f64 re, im; } c128;
#endif
