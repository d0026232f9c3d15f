
KERNEL void sort_7815592c2f(GLOBAL f32 *values,
    GLOBAL i64 *positions,
    GLOBAL const f32 *in_a,
    GLOBAL i64 *scratch,
    i64 values_at,
    i64 positions_at,
    i64 in_a_at,
    i32 n0,
    i32 values_s0,
    i32 positions_s0,
    i32 in_a_s0,
    i32 count,
    i32 values_step,
    i32 positions_step,
    i32 in_a_step)
{
    values += values_at;
    positions += positions_at;
    in_a += in_a_at;
    EACH(i32, i0, 0, n0) {
        GLOBAL const f32 *row = in_a + (i0 * in_a_s0);
        GLOBAL f32 *sorted = values + (i0 * values_s0);
        GLOBAL i64 *from = positions + (i0 * positions_s0);
        GLOBAL i64 *to = scratch + ((i64)i0) * count;
        i32 from_step = positions_step, to_step = 1;
        for (i32 j = 0; j < count; ++j) from[j * from_step] = j;
        for (i32 width = 1; width < count; width = width < count - width ? 2 * width : count) {
            for (i32 start = 0; start < count; start += start < count - 2 * (i64)width ? 2 * width : count - start) {
                i32 middle = start + (width < count - start ? width : count - start);
                i32 end = middle + (width < count - middle ? width : count - middle);
                i32 left = start, right = middle;
                for (i32 j = start; j < end; ++j) {
                    int take_right = left >= middle;
                    if (!take_right && right < end) {
                        f32 a = row[(from[left * from_step]) * in_a_step], b = row[(from[right * from_step]) * in_a_step];
                        take_right = (b < a || (a != a && b == b));
                    }
                    to[j * to_step] = take_right ? from[right++ * from_step] : from[left++ * from_step];
                }
            }
            GLOBAL i64 *other = from; from = to; to = other;
            i32 step = from_step; from_step = to_step; to_step = step;
        }
        for (i32 j = 0; j < count; ++j) {
            i64 position = from[j * from_step];
            sorted[j * values_step] = row[position * in_a_step];
            positions[(i0 * positions_s0) + j * positions_step] = position;
        }
    }
}
