
KERNEL void scatter_972c1ba7d4(GLOBAL f32 *out,
    GLOBAL const i64 *index,
    GLOBAL const f32 *src,
    i64 out_at,
    i64 index_at,
    i64 src_at,
    i32 n0,
    i32 out_s0,
    i32 index_s0,
    i32 src_s0,
    i32 count,
    i32 size,
    i32 out_step,
    i32 index_step,
    i32 src_step,
    GLOBAL i64 *flag)
{
    out += out_at;
    index += index_at;
    src += src_at;
    EACH(i32, i0, 0, n0) {
        for (i32 j = 0; j < count; ++j) {
            i64 pick = index[i0 * index_s0 + j * index_step];
            if (pick < -(i64)size || pick >= size) { flag[0] = 1; flag[1] = pick; flag[2] = size; }
            else {
                GLOBAL f32 *target = out + (i0 * out_s0 + (i32)(pick < 0 ? pick + size : pick) * out_step);
                GLOBAL const f32 *from = src + (i0 * src_s0 + j * src_step);
                target[0] = (target[0] + from[0]);
            }
        }
    }
}
