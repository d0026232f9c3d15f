// Elementary functions of float32, within 2 units in the last place (docs/design/functions.md has what was measured).
//
// Written once for C, OpenCL C and CUDA C, scalars and OpenCL's vectors: library.py replaces the words in capitals.
// REAL, INT, UINT: float and the integers of its size. AS_REAL, AS_INT, AS_UINT: the same bits as another type.
// TO_REAL: an integer's value as a float. TO_INT, TO_UINT: between the integers. FN: the qualifiers of a function.
// A comparison may be -1 for true (vectors): it is only chosen by (?:) or combined (&, |). There are no branches, so
// that loops are vectorised; products may be contracted into fused ones or not. Integers wrap in UINT alone.
// Adding 12582912 (1.5 * 2^23) rounds to whole numbers, which then stand in the lowest bits.
// Coefficients: tools/minimax.py.

FN REAL abs_f32(REAL x) {
    return FABS(x);
}

FN REAL floor_f32(REAL x) {
    return FLOOR(x);
}

FN REAL rint_f32(REAL x) {
    return RINT(x);
}

FN REAL sqrt_f32(REAL x) {
    return SQRT(x);
}

FN REAL maximum_f32(REAL a, REAL b) {
    return ((a > b) | (a != a)) ? a : b;
}

FN REAL minimum_f32(REAL a, REAL b) {
    return ((a < b) | (a != a)) ? a : b;
}

// The magnitude of x with the sign of y.
FN REAL with_sign_f32(REAL x, REAL y) {
    return AS_REAL((AS_UINT(x) & 0x7fffffffu) | (AS_UINT(y) & 0x80000000u));
}

// 2^n for n of -126 to 127.
FN REAL power_of_two_f32(INT n) {
    return AS_REAL((TO_UINT(n) + 127u) << 23);
}

// e^(x + tail), tail being what x was rounded by. x = n ln 2 + r; the scale is applied in two steps, the last of which
// rounds, overflows or makes a subnormal.
FN REAL exp_sum_f32(REAL x, REAL tail) {
    REAL y = x > 89.0f ? (REAL)(89.0f) : x;
    y = y < -104.0f ? (REAL)(-104.0f) : y;
    REAL shifted = y * 1.44269502f + 12582912.0f;
    REAL n = shifted - 12582912.0f;
    INT whole = TO_INT(AS_UINT(shifted) - 0x4b400000u);
    REAL r = y - n * 0.693359375f;
    r = (r - n * -2.12194440e-4f) + tail;
    REAL p = 0.00139359338f + r * 0.000197426896f;
    p = 0.00833356939f + r * p;
    p = 0.0416664556f + r * p;
    p = 0.166666657f + r * p;
    p = 0.5f + r * p;
    p = (r + r * r * p) + 1.0f;
    INT half_of_it = whole >> 1;
    return p * power_of_two_f32(half_of_it) * power_of_two_f32(whole - half_of_it);
}

FN REAL exp_f32(REAL x) {
    return exp_sum_f32(x, (REAL)(0.0f));
}

// 2^n (e^r - 1) + (2^n - 1), where e^r - 1 is r and a small rest.
FN REAL expm1_f32(REAL x) {
    REAL y = x > 89.0f ? (REAL)(89.0f) : x;
    y = y < -20.0f ? (REAL)(-20.0f) : y;
    REAL shifted = y * 1.44269502f + 12582912.0f;
    REAL n = shifted - 12582912.0f;
    REAL high = y - n * 0.693359375f;
    REAL low = n * -2.12194440e-4f;
    REAL r = high - low;
    REAL lost = (high - r) - low;
    REAL p = 0.00139359338f + r * 0.000197426896f;
    p = 0.00833356939f + r * p;
    p = 0.0416664556f + r * p;
    p = 0.166666657f + r * p;
    p = 0.5f + r * p;
    REAL rest = r * r * p + lost;
    REAL half_scale = power_of_two_f32(TO_INT(AS_UINT(shifted) - 0x4b400000u) - 1);
    REAL scaled = 2.0f * ((r * half_scale + (half_scale - 0.5f)) + rest * half_scale);
    scaled = n == 0.0f ? r + rest : scaled;
    return x == 0.0f ? x : scaled;
}

// ln(m 2^k (1 + lost)) for m = 1 + f between sqrt(1/2) and sqrt(2).
FN REAL log_parts_f32(REAL f, REAL lost, REAL k) {
    REAL p = -0.117893696f + f * 0.0691561103f;
    p = 0.118726194f + f * p;
    p = -0.12384402f + f * p;
    p = 0.142187163f + f * p;
    p = -0.166692495f + f * p;
    p = 0.200022236f + f * p;
    p = -0.249999866f + f * p;
    p = 0.333333105f + f * p;
    REAL square = f * f;
    REAL rest = (square * f * p + lost) + k * -2.12194440e-4f;
    return (f - (square * 0.5f - rest)) + k * 0.693359375f;
}

FN REAL log_f32(REAL x) {
    UINT small = x < 1.17549435e-38f ? (UINT)(1u) : (UINT)(0u);
    UINT bits = AS_UINT(small != 0u ? x * 8388608.0f : x);
    UINT exponent = (bits - 0x3f3504f3u) & 0xff800000u;
    REAL k = TO_REAL(TO_INT(exponent) >> 23) - (small != 0u ? (REAL)(23.0f) : (REAL)(0.0f));
    REAL result = log_parts_f32(AS_REAL(bits - exponent) - 1.0f, (REAL)(0.0f), k);
    result = x > 3.40282347e38f ? x : result;
    result = x == 0.0f ? -INFINITE : result;
    return (x >= 0.0f) ? result : NOT_A_NUMBER;
}

// u = 1 + x rounded, and what the rounding lost.
FN REAL log1p_f32(REAL x) {
    REAL u = 1.0f + x;
    REAL lost = x < 1.0f ? x - (u - 1.0f) : 1.0f - (u - x);
    UINT bits = AS_UINT(u);
    UINT exponent = (bits - 0x3f3504f3u) & 0xff800000u;
    REAL k = TO_REAL(TO_INT(exponent) >> 23);
    REAL f = AS_REAL(bits - exponent) - 1.0f;
    lost = lost * AS_REAL(0x3f800000u - exponent) * (1.0f - f + f * f);
    f = exponent == 0u ? x : f;
    lost = (exponent == 0u) | (x > 1e9f) ? (REAL)(0.0f) : lost;
    REAL result = log_parts_f32(f, lost, k);
    result = x > 3.40282347e38f ? x : result;
    result = x == -1.0f ? -INFINITE : result;
    result = x == 0.0f ? x : result;
    return (x >= -1.0f) ? result : NOT_A_NUMBER;
}

// x + x^3 p(x^2) up to 0.6, 1 - 2 / (e^(2x) + 1) above.
FN REAL tanh_f32(REAL x) {
    REAL a = FABS(x);
    REAL u = x * x;
    REAL p = -0.00822064187f + u * 0.0021842136f;
    p = 0.0217174701f + u * p;
    p = -0.0539496951f + u * p;
    p = 0.133332282f + u * p;
    p = -0.333333313f + u * p;
    REAL near = x + x * (u * p);
    REAL far = 1.0f - 2.0f / (exp_f32(a + a) + 1.0f);
    return with_sign_f32(a < 0.6f ? near : far, x);
}

// x + x p(x^2) up to 0.92, 1 - e^(-x q(x)) above; from 4 on it is 1.
FN REAL erf_f32(REAL x) {
    REAL a = FABS(x);
    REAL u = x * x;
    REAL p = -0.000804312353f + u * 7.96517561e-05f;
    p = 0.00519191194f + u * p;
    p = -0.0268555824f + u * p;
    p = 0.112836242f + u * p;
    p = -0.376126289f + u * p;
    p = 0.128379166f + u * p;
    REAL near = x + x * p;
    REAL b = a > 4.0f ? (REAL)(4.0f) : a;
    REAL q = 3.75444106e-05f + b * -2.36149299e-06f;
    q = -0.000237939181f + b * q;
    q = 0.000583863177f + b * q;
    q = 0.00165610353f + b * q;
    q = -0.0210707001f + b * q;
    q = 0.104028828f + b * q;
    q = 0.63615644f + b * q;
    q = 1.12845373f + b * q;
    REAL far = with_sign_f32(1.0f - exp_f32(-(b * q)), x);
    return a < 0.92f ? near : (x == x ? far : x);
}

// Exact; it has the sign of a.
FN REAL fmod_f32(REAL a, REAL b) {
    return FMOD(a, b);
}

// It has the sign of b.
FN REAL remainder_f32(REAL a, REAL b) {
    REAL rest = FMOD(a, b);
    REAL moved = ((rest < 0.0f) & (b > 0.0f)) | ((rest > 0.0f) & (b < 0.0f)) ? rest + b : rest;
    return rest == 0.0f ? with_sign_f32(rest, b) : moved;
}

// The quotient rounded down: from what fmod leaves, as a / b may round up to the next whole number.
FN REAL floor_divide_f32(REAL a, REAL b) {
    REAL rest = FMOD(a, b);
    REAL quotient = (a - rest) / b;
    quotient = ((rest < 0.0f) & (b > 0.0f)) | ((rest > 0.0f) & (b < 0.0f)) ? quotient - 1.0f : quotient;
    quotient = FABS(quotient) < 4194304.0f ? RINT(quotient) : quotient;
    quotient = quotient == 0.0f ? with_sign_f32(quotient, a / b) : quotient;
    return b == 0.0f ? a / b : quotient;
}
