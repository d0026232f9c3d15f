
KERNEL void reduce_6a1e94f957(GLOBAL f32 *out,
    GLOBAL const f32 *in_a,
    i64 out_at,
    i64 in_a_at,
    i32 n0,
    i32 m0,
    i32 in_a_t0)
{
    out += out_at;
    in_a += in_a_at;
    EACH(i32, block, 0, (n0 + 31) / 32) {
        i32 i0 = block * 32;
        i32 width = n0 - i0 < 32 ? n0 - i0 : 32;
        f32 part[32], tree[48][32];
        u64 blocks = 0;
        i32 filled = 0;
        GLOBAL const f32 *row = in_a + (i0);
        for (i32 j0 = 0; j0 < m0; ++j0) {
            GLOBAL const f32 *line = row + (j0 * in_a_t0);
            if (filled) { if (width == 32) for (i32 l = 0; l < 32; ++l) part[l] = (part[l] + line[l]); else for (i32 l = 0; l < width; ++l) part[l] = (part[l] + line[l]); }
            else { if (width == 32) for (i32 l = 0; l < 32; ++l) part[l] = line[l]; else for (i32 l = 0; l < width; ++l) part[l] = line[l]; }
            if (++filled == 64) {
                filled = 0;
                i32 level = 0;
                for (u64 full = blocks; full & 1; full >>= 1, ++level) { if (width == 32) for (i32 l = 0; l < 32; ++l) part[l] = (tree[level][l] + part[l]); else for (i32 l = 0; l < width; ++l) part[l] = (tree[level][l] + part[l]); }
                { if (width == 32) for (i32 l = 0; l < 32; ++l) tree[level][l] = part[l]; else for (i32 l = 0; l < width; ++l) tree[level][l] = part[l]; }
                ++blocks;
            }
        }
        if (filled) {
                i32 level = 0;
                for (u64 full = blocks; full & 1; full >>= 1, ++level) { if (width == 32) for (i32 l = 0; l < 32; ++l) part[l] = (tree[level][l] + part[l]); else for (i32 l = 0; l < width; ++l) part[l] = (tree[level][l] + part[l]); }
                { if (width == 32) for (i32 l = 0; l < 32; ++l) tree[level][l] = part[l]; else for (i32 l = 0; l < width; ++l) tree[level][l] = part[l]; }
                ++blocks;
        }
        i32 low = 0;
        while (!(blocks >> low & 1)) ++low;
        for (i32 k = low + 1; blocks >> k; ++k)
            if (blocks >> k & 1) { if (width == 32) for (i32 l = 0; l < 32; ++l) tree[low][l] = (tree[k][l] + tree[low][l]); else for (i32 l = 0; l < width; ++l) tree[low][l] = (tree[k][l] + tree[low][l]); }
        for (i32 l = 0; l < width; ++l, ++i0) out[i0] = (0.0f + tree[low][l]);
    }
}
