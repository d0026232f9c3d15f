
KERNEL void reduce_e7f44999d5(GLOBAL f32 *out,
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
        f32 tree[48];
        u64 blocks = 0;
        GLOBAL const f32 *line = row + (0);
        for (i32 j = 0; j < m0;) {
            i32 end = j + 512 < m0 ? j + 512 : m0;
            f32 part;
            if (end - j >= 16) {
                f32 lane[16];
                for (i32 l = 0; l < 16; ++l) lane[l] = line[j + l];
                for (j += 16; j + 16 <= end; j += 16)
                    for (i32 l = 0; l < 16; ++l) lane[l] = (lane[l] + line[j + l]);
                for (; j < end; ++j) lane[0] = (lane[0] + line[j]);
                for (i32 width = 8; width; width /= 2)
                    for (i32 l = 0; l < width; ++l) lane[l] = (lane[l] + lane[l + width]);
                part = lane[0];
            } else {
                part = line[j];
                for (++j; j < end; ++j) part = (part + line[j]);
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
        out[i0] = (0.0f + total);
    }
}
