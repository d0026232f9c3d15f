
KERNEL void arg_reduce_61b3b87562(GLOBAL i64 *out,
    GLOBAL const f32 *in_a,
    i64 out_at,
    i64 in_a_at,
    i32 n0,
    i32 in_a_s0,
    i32 m0)
{
    out += out_at;
    in_a += in_a_at;
    LOCAL f32 values[256];
    LOCAL i32 places[256];
    i32 me = LOCAL_ID(0);
    for (i32 number = GROUP_ID(0); number < n0; number += GROUP_COUNT(0)) {
        i32 i0 = number;
        GLOBAL const f32 *row = in_a + (i0 * in_a_s0);
        i32 whole = m0;
        for (i32 j = me; j < whole; j += 256) {
            i32 j0 = j;
            f32 value = row[j0];
            if (j == me || ((value > values[me]) | ((value != value) & (values[me] == values[me])))) { values[me] = value; places[me] = j; }
        }
        for (i32 width = 128; width; width /= 2) {
            BARRIER;
            if (me < width && me + width < whole && (((values[me + width] > values[me]) | ((values[me + width] != values[me + width]) & (values[me] == values[me]))) || (places[me + width] < places[me] && !((values[me] > values[me + width]) | ((values[me] != values[me]) & (values[me + width] == values[me + width])))))) {
                values[me] = values[me + width]; places[me] = places[me + width];
            }
        }
        if (me == 0) out[i0] = (i64)places[0];
        BARRIER;
    }
}
