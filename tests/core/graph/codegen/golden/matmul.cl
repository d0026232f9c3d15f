
KERNEL void matmul_5c518e0bf3(GLOBAL f32 *out,
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
    LOCAL f32 left[16][65];
    LOCAL f32 right[16][65];
    i32 me = LOCAL_ID(0), x = me % 16, y = me / 16;
    i32 down = (rows + 63) / 64, across = (columns + 63) / 64;
    for (i32 number = GROUP_ID(0); number < down * across * 1; number += GROUP_COUNT(0)) {
        i32 row = number / across % down * 64, column = number % across * 64, batch = number / across / down;
        GLOBAL f32 *c = out + (0);
        GLOBAL const f32 *a = in_a + (0);
        GLOBAL const f32 *b = in_b + (0);
        f32 total[4][4];
        for (i32 i = 0; i < 4; ++i)
            for (i32 j = 0; j < 4; ++j) total[i][j] = 0.0f;
        for (i32 first = 0; first < depth; first += 16) {
            for (i32 at = me; at < 1024; at += 256) {
                i32 k = at % 16, i = at / 16;
                if (row + i < rows && first + k < depth) left[k][i] = a[(row + i) * a_row + (first + k) * a_inner];
                else left[k][i] = 0.0f;
                k = at / 64; i = at % 64;
                if (column + i < columns && first + k < depth) right[k][i] = b[(first + k) * b_inner + (column + i) * b_column];
                else right[k][i] = 0.0f;
            }
            BARRIER;
            for (i32 k = 0; k < 16; ++k)
                for (i32 i = 0; i < 4; ++i)
                    for (i32 j = 0; j < 4; ++j)
                        total[i][j] = (total[i][j] + (left[k][y + i * 16] * right[k][x + j * 16]));
            BARRIER;
        }
        for (i32 i = y; i < 64; i += 16)
            for (i32 j = x; j < 64; j += 16)
                if (row + i < rows && column + j < columns) c[(row + i) * out_row + (column + j) * out_column] = total[i / 16][j / 16];
    }
}
