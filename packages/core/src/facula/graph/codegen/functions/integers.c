// Functions of integers, once for each of the eight types. WHOLE: the type. WIDE: unsigned, of 32 bits or 64, in which
// arithmetic wraps. BITS: how many the type has. SIGNED: 1 or 0. A division by 0 gives 0; nothing is undefined.

FN WHOLE maximum_whole(WHOLE a, WHOLE b) {
    return a > b ? a : b;
}

FN WHOLE minimum_whole(WHOLE a, WHOLE b) {
    return a < b ? a : b;
}

FN WHOLE abs_whole(WHOLE a) {
    return (SIGNED & (a < (WHOLE)0)) ? (WHOLE)((WIDE)0 - (WIDE)a) : a;
}

// -1 as divisor would overflow for the least number: it divides by 1 and negates.
FN WHOLE floor_divide_whole(WHOLE a, WHOLE b) {
    int negates = SIGNED & (b == (WHOLE)-1);
    WHOLE d = ((b == (WHOLE)0) | negates) ? (WHOLE)1 : b;
    WHOLE q = (WHOLE)(a / d);
    int down = ((a % d) != (WHOLE)0) & SIGNED & ((a < (WHOLE)0) != (d < (WHOLE)0));
    q = negates ? (WHOLE)((WIDE)0 - (WIDE)a) : (WHOLE)((WIDE)q - (WIDE)down);
    return b == (WHOLE)0 ? (WHOLE)0 : q;
}

FN WHOLE remainder_whole(WHOLE a, WHOLE b) {
    int one = (b == (WHOLE)0) | (SIGNED & (b == (WHOLE)-1));
    WHOLE d = one ? (WHOLE)1 : b;
    WHOLE r = (WHOLE)(a % d);
    int other = (r != (WHOLE)0) & SIGNED & ((r < (WHOLE)0) != (d < (WHOLE)0));
    return other ? (WHOLE)(r + d) : r;
}

FN WHOLE shift_left_whole(WHOLE a, WHOLE b) {
    int inside = (b >= (WHOLE)0) & (b < (WHOLE)BITS);
    return inside ? (WHOLE)((WIDE)a << (inside ? (int)b : 0)) : (WHOLE)0;
}

FN WHOLE shift_right_whole(WHOLE a, WHOLE b) {
    int inside = (b >= (WHOLE)0) & (b < (WHOLE)BITS);
    WHOLE beyond = (SIGNED & (a < (WHOLE)0)) ? (WHOLE)-1 : (WHOLE)0;
    return inside ? (WHOLE)(a >> (inside ? (int)b : 0)) : beyond;
}

// By squaring; a negative power is 0, but for 1 and -1.
FN WHOLE power_whole(WHOLE a, WHOLE b) {
    WIDE base = (WIDE)a, result = 1;
    int negative = SIGNED & (b < (WHOLE)0);
    int unit = (a == (WHOLE)1) | (SIGNED & (a == (WHOLE)-1));
    for (WIDE rest = negative ? (WIDE)b & 1u : (WIDE)b; rest != 0; rest >>= 1) {
        result = rest & 1u ? result * base : result;
        base *= base;
    }
    return (negative & (unit == 0)) ? (WHOLE)0 : (WHOLE)result;
}
