
KERNEL void matmul_45e72bcc09(GLOBAL f32 *out,
    GLOBAL const f32 *in_a,
    GLOBAL const f32 *in_b,
    i64 out_at,
    i64 in_a_at,
    i64 in_b_at,
    i32 rows,
    i32 columns,
    i32 depth,
    i32 out_row,
    i32 out_column,
    i32 a_row,
    i32 a_inner,
    i32 b_inner,
    i32 b_column)
{
    out += out_at;
    in_a += in_a_at;
    in_b += in_b_at;
    EACH(i32, batch, 1, 1) EACH(i32, i, 0, rows) {
        GLOBAL f32 *c = out + (0);
        GLOBAL const f32 *a = in_a + (0);
        GLOBAL const f32 *b = in_b + (0);
        for (i32 first = 0; first < columns; first += 32) {
            f32 total[32];
            i32 width = columns - first < 32 ? columns - first : 32;
            for (i32 j = 0; j < 32; ++j) total[j] = 0.0f;
            for (i32 k = 0; k < depth; ++k) {
                f32 factor = a[i * a_row + k * a_inner];
                GLOBAL const f32 *line = b + (k * b_inner + first * b_column);
                if (width == 32 && b_column == 1)
                    for (i32 j = 0; j < 32; ++j) total[j] = (total[j] + (factor * line[j]));
                else
                    for (i32 j = 0; j < width; ++j) total[j] = (total[j] + (factor * line[j * b_column]));
            }
            for (i32 j = 0; j < width; ++j) c[i * out_row + (first + j) * out_column] = total[j];
        }
    }
}
