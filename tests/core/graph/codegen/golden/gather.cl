
KERNEL void gather_a35fede501(GLOBAL f32 *out,
    GLOBAL const f32 *in_a,
    GLOBAL const i64 *index,
    i64 out_at,
    i64 in_a_at,
    i64 index_at,
    i32 n0,
    i32 n1,
    i32 in_a_s1,
    i32 size,
    i32 in_a_step,
    GLOBAL i64 *flag)
{
    out += out_at;
    in_a += in_a_at;
    index += index_at;
    EACH(i32, i1, 1, n1) ELEMENTS(i32, i0, n0) {
        i64 pick = index[(i1) * n0 + i0];
        if (pick < -(i64)size || pick >= size) { flag[0] = 1; flag[1] = pick; flag[2] = size; }
        else out[(i1) * n0 + i0] = in_a[i1 * in_a_s1 + (i32)(pick < 0 ? pick + size : pick) * in_a_step];
    }
}
