
KERNEL void arg_reduce_16352db5ec(GLOBAL i64 *out,
    GLOBAL const f32 *in_a,
    i64 out_at,
    i64 in_a_at,
    i32 n0,
    i32 in_a_s0,
    i32 m0)
{
    out += out_at;
    in_a += in_a_at;
    EACH(i32, i0, 0, n0) {
        GLOBAL const f32 *row = in_a + (i0 * in_a_s0);
        f32 best;
        i32 at = 0;
        int first = 1;
        for (i32 j0 = 0; j0 < m0; ++j0) {
            f32 value = row[j0];
            if (first || ((value > best) | ((value != value) & (best == best)))) { best = value; at = j0; first = 0; }
        }
        out[i0] = (i64)at;
    }
}
