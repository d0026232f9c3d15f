
FN f32 load_f16(u16 h) {
    u32 sign = (u32)(h & 0x8000u) << 16, rest = h & 0x7fffu;
    if (rest >= 0x7c00u) return from_bits_f32(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
    if (rest >= 0x400u) return from_bits_f32(sign | ((rest << 13) + 0x38000000u));
    f32 subnormal = (f32)rest * 0x1p-24f;
    return sign ? -subnormal : subnormal;
}

FN u16 store_f16(f32 x) {
    u32 bits = bits_f32(x), sign = bits >> 16 & 0x8000u;
    bits &= 0x7fffffffu;
    if (bits > 0x7f800000u) return (u16)(sign | 0x7e00u);
    if (bits >= 0x477ff000u) return (u16)(sign | 0x7c00u);
    if (bits < 0x38800000u)  /* subnormal: 0.5 has the unit of these in its last place */
        return (u16)(sign | (bits_f32(from_bits_f32(bits) + 0.5f) - 0x3f000000u));
    bits += 0xfffu + (bits >> 13 & 1u);
    return (u16)(sign | (bits - 0x38000000u) >> 13);
}

KERNEL void map_c059fa8151(GLOBAL u16 *out,
    GLOBAL const u8 *in_a,
    GLOBAL const u16 *in_b,
    i64 out_at,
    i64 in_a_at,
    i64 in_b_at,
    f32 c,
    i32 n0,
    i32 n1,
    i32 in_a_s1,
    i32 in_b_s1)
{
    out += out_at;
    in_a += in_a_at;
    in_b += in_b_at;
    EACH(i32, i1, 1, n1) ELEMENTS(i32, i0, n0) {
        int a = (in_a[i0 + i1 * in_a_s1] != 0);
        f32 b = load_f16(in_b[i0 + i1 * in_b_s1]);
        out[(i1) * n0 + i0] = store_f16((a ? b : c));
    }
}
