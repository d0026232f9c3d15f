
FN void philox(u64 seed, u64 low, u64 high, u64 *c) {
    u64 c0 = low, c1 = high, c2 = 0, c3 = 0, k0 = seed, k1 = 0;
    for (i32 round = 0; round < 10; ++round) {
        u64 p0 = U64(0xD2E7470EE14C6C93) * c0, h0 = mul_hi_u64(U64(0xD2E7470EE14C6C93), c0);
        u64 p1 = U64(0xCA5A826395121157) * c2, h1 = mul_hi_u64(U64(0xCA5A826395121157), c2);
        c0 = h1 ^ c1 ^ k0; c1 = p1; c2 = h0 ^ c3 ^ k1; c3 = p0;
        k0 += U64(0x9E3779B97F4A7C15); k1 += U64(0xBB67AE8584CAA73B);
    }
    c[0] = c0; c[1] = c1; c[2] = c2; c[3] = c3;
}

KERNEL void random_words_1a83384ae2(GLOBAL u32 *out,
    i64 out_at,
    u64 seed,
    u64 offset_low,
    u64 offset_high,
    i32 n0,
    i32 count,
    i32 out_step)
{
    out += out_at;
    EACH(i32, i0, 0, n0) {
        u64 words[4], low = offset_low + (u64)i0 + 1;
        philox(seed, low, offset_high + (low <= (u64)i0), words);
        for (i32 k = 0; k < 8 && i0 * 8 + k < count; ++k)
            out[(i0 * 8 + k) * out_step] = (u32)(words[k / 2] >> (k % 2 * 32));
    }
}
