
KERNEL void map_0995205d9c(GLOBAL f64 *out,
    GLOBAL const f32 *in_a,
    i64 out_at,
    i64 in_a_at,
    i32 n0,
    i32 n1,
    i32 n2,
    i32 n3,
    i32 n4,
    i32 in_a_s0,
    i32 in_a_s1,
    i32 in_a_s2,
    i32 in_a_s3,
    i32 in_a_s4)
{
    out += out_at;
    in_a += in_a_at;
    EACH(i32, rest, 2, n2 * n3 * n4) {
    i32 i2 = rest % n2;
    i32 i3 = (rest / n2) % n3;
    i32 i4 = ((rest / n2) / n3);
    EACH(i32, i1, 1, n1) ELEMENTS(i32, i0, n0) {
        f32 a = in_a[i0 * in_a_s0 + i1 * in_a_s1 + i2 * in_a_s2 + i3 * in_a_s3 + i4 * in_a_s4];
        out[((((i4) * n3 + i3) * n2 + i2) * n1 + i1) * n0 + i0] = ((f64)(a));
    }
    }
}
