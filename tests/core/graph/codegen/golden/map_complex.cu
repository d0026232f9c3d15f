
FN c64 make_c64(f32 re, f32 im) { c64 z; z.re = re; z.im = im; return z; }

FN c64 mul_c64(c64 a, c64 b) { return make_c64(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re); }

KERNEL void map_7e0830b18c(GLOBAL c64 *out,
    GLOBAL const c64 *in_a,
    GLOBAL const c64 *in_b,
    i64 out_at,
    i64 in_a_at,
    i64 in_b_at,
    i32 n0)
{
    out += out_at;
    in_a += in_a_at;
    in_b += in_b_at;
    ELEMENTS(i32, i0, n0) {
        c64 a = in_a[i0];
        c64 b = in_b[i0];
        out[i0] = mul_c64(a, b);
    }
}
