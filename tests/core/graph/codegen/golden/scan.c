
KERNEL void scan_b1fd6fb770(GLOBAL i64 *out,
    GLOBAL const u8 *in_a,
    i64 out_at,
    i64 in_a_at,
    i32 n0,
    i32 out_s0,
    i32 in_a_s0,
    i32 count,
    i32 out_step,
    i32 in_a_step)
{
    out += out_at;
    in_a += in_a_at;
    EACH(i32, i0, 0, n0) {
        GLOBAL i64 *target = out + (i0 * out_s0);
        GLOBAL const u8 *row = in_a + (i0 * in_a_s0);
        i64 total;
        for (i32 j = 0; j < count; ++j) {
            i64 value = ((i64)((row[j * in_a_step] != 0)));
            total = j ? ((i64)((u64)total + (u64)value)) : value;
            target[j * out_step] = total;
        }
    }
}
