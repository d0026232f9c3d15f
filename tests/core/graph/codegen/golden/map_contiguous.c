
KERNEL void map_c18d76c4c9(GLOBAL f32 *out,
    GLOBAL const f32 *in_a,
    GLOBAL const f32 *in_b,
    i64 out_at,
    i64 in_a_at,
    i64 in_b_at,
    i32 n0)
{
    out += out_at;
    in_a += in_a_at;
    in_b += in_b_at;
    ELEMENTS(i32, i0, n0) {
        f32 a = in_a[i0];
        f32 b = in_b[i0];
        out[i0] = (a + b);
    }
}
