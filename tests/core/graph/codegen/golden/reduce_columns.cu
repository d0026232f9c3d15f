
KERNEL void reduce_9e6324faf7(GLOBAL f32 *out,
    GLOBAL const f32 *in_a,
    i64 out_at,
    i64 in_a_at,
    i32 n0,
    i32 m0,
    i32 in_a_t0)
{
    out += out_at;
    in_a += in_a_at;
    LOCAL f32 shared[256];
    i32 me = LOCAL_ID(0);
    for (i32 number = GROUP_ID(0); number < n0; number += GROUP_COUNT(0)) {
        i32 i0 = number;
        GLOBAL const f32 *row = in_a + (i0);
        i32 whole = m0;
        if (me < whole) {
            f32 tree[48];
            u64 blocks = 0;
            for (i32 j = me; j < whole;) {
                f32 part;
                for (i32 k = 0; k < 64 && j < whole; ++k, j += 256) {
                    i32 j0 = j;
                    part = k ? (part + row[j0 * in_a_t0]) : row[j0 * in_a_t0];
                }
                i32 level = 0;
                for (u64 full = blocks; full & 1; full >>= 1, ++level) part = (tree[level] + part);
                tree[level] = part;
                ++blocks;
            }
            i32 low = 0;
            while (!(blocks >> low & 1)) ++low;
            f32 total = tree[low];
            for (i32 k = low + 1; blocks >> k; ++k)
                if (blocks >> k & 1) total = (tree[k] + total);
            shared[me] = total;
        }
        for (i32 width = 128; width; width /= 2) {
            BARRIER;
            if (me < width && me + width < whole) shared[me] = (shared[me] + shared[me + width]);
        }
        if (me == 0) out[i0] = (0.0f + shared[0]);
        BARRIER;
    }
}
