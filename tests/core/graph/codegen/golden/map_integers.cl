
KERNEL void map_4eeb6ed648(GLOBAL i64 *out,
    GLOBAL const i64 *in_a,
    GLOBAL const i8 *in_b,
    i64 out_at,
    i64 in_a_at,
    i64 in_b_at,
    i32 n0,
    i32 in_b_s0)
{
    out += out_at;
    in_a += in_a_at;
    in_b += in_b_at;
    ELEMENTS(i32, i0, n0) {
        i64 a = in_a[i0];
        i64 b = ((i64)(in_b[i0 * in_b_s0]));
        out[i0] = ((i64)((u64)((i64)((u64)a * (u64)b)) + (u64)(i64)i0));
    }
}
