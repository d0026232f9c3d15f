// Elementary functions of float32, within 2 units in the last place, GELU but within an absolute error (docs/design/functions.md has what was measured).
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
    REAL m = a > b ? a : b; // two choices: compilers make vectors of these, not of a test with |
    return a != a ? a : m;
}

FN REAL minimum_f32(REAL a, REAL b) {
    REAL m = a < b ? a : b; // two choices: compilers make vectors of these, not of a test with |
    return a != a ? a : m;
}

// The magnitude of x with the sign of y.
FN REAL with_sign_f32(REAL x, REAL y) {
    return AS_REAL((AS_UINT(x) & 0x7fffffffu) | (AS_UINT(y) & 0x80000000u));
}

// The smaller one of two that have no sign, whose order is that of their bits; the limit where a is NaN. Cheaper than a choice.
FN REAL at_most_f32(REAL a, REAL limit) {
    return AS_REAL(AS_UINT(a) < AS_UINT(limit) ? AS_UINT(a) : AS_UINT(limit));
}

// 2^n for n of -126 to 127.
FN REAL power_of_two_f32(INT n) {
    return AS_REAL((TO_UINT(n) + 127u) << 23);
}

// e^r for r of at most ln 2 / 2.
FN REAL exp_near_f32(REAL r) {
    REAL p = 0.00139359338f + r * 0.000197426896f;
    p = 0.00833356939f + r * p;
    p = 0.0416664556f + r * p;
    p = 0.166666657f + r * p;
    p = 0.5f + r * p;
    REAL square = r * r;
    p = r + square * p;
    return p + 1.0f;
}

// x less n ln 2.
FN REAL without_twos_f32(REAL x, REAL n) {
    REAL r = x - n * 0.693359375f;
    return r - n * -2.12194440e-4f;
}

// e^(x + tail), tail being what x was rounded by. x = n ln 2 + r; 2^n is taken in two factors, 2^64 or 2^-64 the second,
// which rounds, overflows or makes a subnormal. What is added to round n has its lowest bits be the first one's exponent.
// A sign that is tested as an integer's keeps gcc from making one tree of all choices, whose masks cost more than the rest.
FN REAL exp_sum_f32(REAL x, REAL tail) {
    REAL rounder = AS_INT(x) < 0 ? (REAL)(12583103.0f) : (REAL)(12582975.0f); // 12582912 + 127 + 64 and - 64
    REAL second = AS_INT(x) < 0 ? (REAL)(5.42101086e-20f) : (REAL)(1.84467441e+19f);
    REAL shifted = x * 1.44269502f + rounder;
    REAL r = without_twos_f32(x, shifted - rounder) + tail;
    REAL result = exp_near_f32(r) * AS_REAL(AS_UINT(shifted) << 23) * second;
    result = x > 89.0f ? INFINITE : result;
    return x < -104.0f ? (REAL)(0.0f) : result;
}

// As above, without a tail: adding 0 would not be left out. Written twice, as gcc makes slower code of what the two would share.
FN REAL exp_f32(REAL x) {
    REAL rounder = AS_INT(x) < 0 ? (REAL)(12583103.0f) : (REAL)(12582975.0f);
    REAL second = AS_INT(x) < 0 ? (REAL)(5.42101086e-20f) : (REAL)(1.84467441e+19f);
    REAL shifted = x * 1.44269502f + rounder;
    REAL r = without_twos_f32(x, shifted - rounder);
    REAL result = exp_near_f32(r) * AS_REAL(AS_UINT(shifted) << 23) * second;
    result = x > 89.0f ? INFINITE : result;
    return x < -104.0f ? (REAL)(0.0f) : result;
}

// e^x for x of -87 to 87, where one factor is enough.
FN REAL exp_middle_f32(REAL x) {
    REAL shifted = x * 1.44269502f + 12583039.0f; // 12582912 + 127
    REAL r = without_twos_f32(x, shifted - 12583039.0f);
    return exp_near_f32(r) * AS_REAL(AS_UINT(shifted) << 23);
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
    lost = ((exponent == 0u) | (x > 1e9f)) ? (REAL)(0.0f) : lost;
    REAL result = log_parts_f32(f, lost, k);
    result = x > 3.40282347e38f ? x : result;
    result = x == -1.0f ? -INFINITE : result;
    result = x == 0.0f ? x : result;
    return (x >= -1.0f) ? result : NOT_A_NUMBER;
}

// x + x^3 p(x^2) up to 0.6, 1 - 2 / (e^(2x) + 1) above, where e^(2r) = 1 + r q(r) and a last digit less matters less.
FN REAL tanh_f32(REAL x) {
    REAL a = FABS(x);
    REAL u = x * x;
    REAL p = 0.0207987744f + u * -0.00589775015f;
    p = -0.0537848324f + u * p;
    p = 0.133319378f + u * p;
    p = -0.333332986f + u * p;
    p = u * p;
    REAL near = a + a * p;
    REAL b = at_most_f32(a, (REAL)(10.0f)); // from there on it is 1
    REAL shifted = b * 2.88539004f + 12583039.0f; // 12582912 + 127
    REAL n = shifted - 12583039.0f;
    REAL r = b - n * 0.3466796875f;
    r = r - n * -1.06097220e-4f;
    REAL q = 0.267815977f + r * 0.0884529576f;
    q = 0.666692495f + r * q;
    q = 1.33332133f + r * q;
    q = 1.99999976f + r * q;
    q = 2.0f + r * q;
    q = 1.0f + r * q;
    REAL far = 1.0f - 2.0f / (1.0f + q * AS_REAL(AS_UINT(shifted) << 23));
    REAL t = a >= 0.6f ? far : near; // NaN is near
    return AS_REAL(AS_UINT(t) | (AS_UINT(x) & 0x80000000u));
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
    REAL b = at_most_f32(a, (REAL)(4.0f));
    REAL q = 3.75444106e-05f + b * -2.36149299e-06f;
    q = -0.000237939181f + b * q;
    q = 0.000583863177f + b * q;
    q = 0.00165610353f + b * q;
    q = -0.0210707001f + b * q;
    q = 0.104028828f + b * q;
    q = 0.63615644f + b * q;
    q = 1.12845373f + b * q;
    REAL far = with_sign_f32(1.0f - exp_middle_f32(-(b * q)), x);
    return a >= 0.92f ? far : near; // NaN is near
}

// 2^x for x of -126 to 127.
FN REAL exp2_middle_f32(REAL x) {
    REAL shifted = x + 12582912.0f;
    REAL r = x - (shifted - 12582912.0f);
    REAL p = 0.00133908063f + r * 0.000153264627f;
    p = 0.00961850584f + r * p;
    p = 0.0555035993f + r * p;
    p = 0.240226477f + r * p;
    p = 0.693147182f + r * p;
    p = 1.0f + r * p;
    return AS_REAL(AS_UINT(p) + (AS_UINT(shifted) << 23));
}

// The normal distribution function of x, given that of -|x|: with an absolute error, as the sum loses what is beyond.
FN REAL cdf_of_tail_f32(REAL tail, REAL x) {
    REAL within = 0.5f - tail;
    return 0.5f + AS_REAL(AS_UINT(within) ^ (AS_UINT(x) & 0x80000000u));
}

// x times the normal distribution function of x, whose tail is 2^(-1 + x q(x)) and nothing from 5.66 on.
FN REAL gelu_f32(REAL x) {
    REAL a = FABS(x);
    REAL b = at_most_f32(a, (REAL)(5.65685415f));
    REAL q = 3.3791679e-05f + b * -2.33912829e-06f;
    q = -0.000161571967f + b * q;
    q = -0.000190965715f + b * q;
    q = 0.00712579489f + b * q;
    q = -0.0525327809f + b * q;
    q = -0.459198594f + b * q;
    q = -1.151106f + b * q;
    q = -1.0f + b * q;
    return x * cdf_of_tail_f32(exp2_middle_f32(q), x);
}

// The derivative of gelu. One exponential serves the density and the tail, e^(-x^2 / 2) r(x).
FN REAL gelu_slope_f32(REAL x) {
    REAL a = FABS(x);
    REAL b = at_most_f32(a, (REAL)(13.0f));
    REAL e = exp2_middle_f32(-0.72134752f * (b * b));
    // Written with <=: oclgrind 21.10 takes the other side of a vector's `a > c ? 0 : e`.
    e = a <= 13.0f ? e : (REAL)(0.0f);
    REAL r = 7.86647615e-06f + b * -3.23203153e-07f;
    r = -8.61557855e-05f + b * r;
    r = 0.00057045155f + b * r;
    r = -0.00261064409f + b * r;
    r = 0.00904356875f + b * r;
    r = -0.0255211461f + b * r;
    r = 0.0619624965f + b * r;
    r = -0.13282384f + b * r;
    r = 0.249977171f + b * r;
    r = -0.398941129f + b * r;
    r = 0.5f + b * r;
    REAL density = 0.39894228f * e;
    REAL cdf = cdf_of_tail_f32(e * r, x);
    cdf = cdf + x * density;
    return cdf;
}

// Exact; it has the sign of a.
FN REAL fmod_f32(REAL a, REAL b) {
    return FMOD(a, b);
}

// It has the sign of b.
FN REAL remainder_f32(REAL a, REAL b) {
    REAL rest = FMOD(a, b);
    REAL moved = (((rest < 0.0f) & (b > 0.0f)) | ((rest > 0.0f) & (b < 0.0f))) ? rest + b : rest;
    return rest == 0.0f ? with_sign_f32(rest, b) : moved;
}

// The quotient rounded down: from what fmod leaves, as a / b may round up to the next whole number.
FN REAL floor_divide_f32(REAL a, REAL b) {
    REAL rest = FMOD(a, b);
    REAL quotient = (a - rest) / b;
    quotient = (((rest < 0.0f) & (b > 0.0f)) | ((rest > 0.0f) & (b < 0.0f))) ? quotient - 1.0f : quotient;
    quotient = FABS(quotient) < 4194304.0f ? RINT(quotient) : quotient;
    quotient = quotient == 0.0f ? with_sign_f32(quotient, a / b) : quotient;
    return b == 0.0f ? a / b : quotient;
}

// The bits of 2 / pi, after a word of zeros.
TABLE UINT two_over_pi_u32[9] = {
    0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u,
    0xdb629599u, 0x3c439041u, 0xfe5163abu, 0xdebbc561u
};

// x - n pi / 2 in two parts, and n mod 4. x is m 2^e with m whole: of m 2^e 2 / pi only what 4 leaves is worked out,
// in 96 bits after the point of a quarter, so every x is as exact as small ones.
FN UINT quarter_turns_f32(REAL x, REAL *rest, REAL *lost) {
    UINT bits = AS_UINT(x) & 0x7fffffffu;
    UINT exponent = bits >> 23;
    exponent = exponent < 126u ? 126u : exponent;
    exponent = exponent > 254u ? 254u : exponent;
    ULONG m = (bits & 0x007fffffu) | 0x00800000u;
    UINT place = exponent - 126u + 6u;
    UINT word = place >> 5, shift = place & 31u;
    UINT w0 = two_over_pi_u32[word], w1 = two_over_pi_u32[word + 1u];
    UINT w2 = two_over_pi_u32[word + 2u], w3 = two_over_pi_u32[word + 3u];
    ULONG high = (((((ULONG)w0 << 32) | w1) << shift) >> 32) * m;
    ULONG middle = (((((ULONG)w1 << 32) | w2) << shift) >> 32) * m;
    ULONG low = (((((ULONG)w2 << 32) | w3) << shift) >> 32) * m;
    ULONG turns = (high << 32) + middle + (low >> 32);
    UINT quarter = (UINT)((turns + ((ULONG)1 << 61)) >> 62);
    LONG left = (LONG)(turns - ((ULONG)quarter << 62));
    REAL t = (REAL)left;
    REAL t_lost = (REAL)(left - (LONG)t);
    REAL t_high = AS_REAL(AS_UINT(t) & 0xfffff000u);
    REAL a = t_high * 3.40507245e-19f;
    REAL b = t_high * 1.04913212e-22f + (t - t_high) * 3.40612167e-19f + t_lost * 3.40612167e-19f;
    REAL r = a + b;
    UINT near = bits < 0x3f490fdbu ? 1u : 0u;
    *rest = near != 0u ? FABS(x) : r;
    *lost = near != 0u ? 0.0f : b - (r - a);
    return near != 0u ? 0u : quarter & 3u;
}

FN REAL sin_near_f32(REAL x, REAL lost) {
    REAL u = x * x;
    REAL p = -0.000198535054f + u * 2.83739519e-06f;
    p = 0.00833338033f + u * p;
    p = -0.166666672f + u * p;
    return x + (x * (u * p) + lost);
}

FN REAL cos_near_f32(REAL x, REAL lost) {
    REAL u = x * x;
    REAL p = 2.48229771e-05f + u * -2.89759072e-07f;
    p = -0.00138889824f + u * p;
    p = 0.0416666679f + u * p;
    return 1.0f - (u * 0.5f - (u * u * p - x * lost));
}

FN REAL sin_f32(REAL x) {
    REAL r, lost;
    UINT n = quarter_turns_f32(x, &r, &lost);
    REAL result = (n & 1u) != 0u ? cos_near_f32(r, lost) : sin_near_f32(r, lost);
    result = AS_REAL(AS_UINT(result) ^ ((n & 2u) << 30) ^ (AS_UINT(x) & 0x80000000u));
    return FABS(x) <= 3.40282347e38f ? result : NOT_A_NUMBER;
}

FN REAL cos_f32(REAL x) {
    REAL r, lost;
    UINT n = quarter_turns_f32(x, &r, &lost);
    REAL result = (n & 1u) != 0u ? sin_near_f32(r, lost) : cos_near_f32(r, lost);
    result = AS_REAL(AS_UINT(result) ^ (((n + 1u) & 2u) << 30));
    return FABS(x) <= 3.40282347e38f ? result : NOT_A_NUMBER;
}

// The angle of the smaller over the larger, less pi / 4 if it is above pi / 8; sums of quarters of pi are in two parts.
FN REAL atan2_f32(REAL y, REAL x) {
    REAL ax = FABS(x), ay = FABS(y);
    REAL larger = ax > ay ? ax : ay;
    REAL smaller = ax > ay ? ay : ax;
    REAL scale = larger > 1e20f ? (REAL)(9.31322575e-10f) : (REAL)(1.0f);
    scale = larger < 1e-20f ? (REAL)(1.09951163e12f) : scale;
    REAL both_infinite = smaller > 3.40282347e38f ? (REAL)(1.0f) : (REAL)(0.0f);
    larger = ((both_infinite > 0.0f) | (larger == 0.0f)) ? (REAL)(1.0f) : larger * scale;
    smaller = both_infinite > 0.0f ? (REAL)(1.0f) : smaller * scale;
    UINT above = smaller > larger * 0.414213562f ? (UINT)(1u) : (UINT)(0u);
    REAL numerator = above != 0u ? smaller - larger : smaller;
    REAL denominator = above != 0u ? smaller + larger : larger;
    REAL lost = above != 0u ? smaller - (denominator - larger) : (REAL)(0.0f);
    REAL r = numerator / denominator;
    REAL u = r * r;
    REAL p = 0.105759084f + u * -0.0603095852f;
    p = -0.142412275f + u * p;
    p = 0.199983567f + u * p;
    p = -0.333333135f + u * p;
    REAL rest = r * (u * p) - r * (lost / denominator);
    // the angle is turns * pi / 4 + sign * (r + rest)
    UINT left = AS_UINT(x) >> 31;
    UINT steep = ay > ax ? (UINT)(1u) : (UINT)(0u);
    UINT turns = steep != 0u ? 2u - above : above;
    turns = left != 0u ? 4u - turns : turns;
    UINT flip = (left ^ steep) << 31;
    REAL t = TO_REAL(TO_INT(turns));
    REAL angle = AS_REAL(AS_UINT(r) ^ flip);
    REAL sum = t * 0.785398006f + (angle + (AS_REAL(AS_UINT(rest) ^ flip) + t * 1.56958237e-07f));
    sum = turns == 0u ? r + rest : sum;
    sum = with_sign_f32(sum, y);
    return ((x != x) | (y != y)) ? x + y : sum;
}

// ln x in two parts, with a relative error of some 2^-34, for finite x above 0. For x = m 2^k and s = (m - 1) / (m + 1) it
// is k ln 2 + 2 s + s^3 (2/3 + s^2 p(s^2)). Numbers are split into halves of 12 bits, whose products are exact.
FN REAL log_two_f32(REAL x, REAL *low) {
    UINT small = x < 1.17549435e-38f ? (UINT)(1u) : (UINT)(0u);
    UINT bits = AS_UINT(small != 0u ? x * 8388608.0f : x);
    UINT exponent = (bits - 0x3f3504f3u) & 0xff800000u;
    REAL k = TO_REAL(TO_INT(exponent) >> 23) - (small != 0u ? (REAL)(23.0f) : (REAL)(0.0f));
    REAL f = AS_REAL(bits - exponent) - 1.0f;
    REAL d = 2.0f + f;
    REAL d_lost = f - (d - 2.0f);
    REAL s = f / d;
    REAL sh = AS_REAL(AS_UINT(s) & 0xfffff000u), sl = s - sh;
    REAL dh = AS_REAL(AS_UINT(d) & 0xfffff000u), dl = d - dh;
    REAL s_lost = (((f - sh * dh) - sh * dl - sl * dh) - sl * dl - s * d_lost) / d;
    REAL uh = sh * sh;
    REAL ul = sl * (sh + s) + 2.0f * s * s_lost;
    REAL u = uh + ul;
    REAL p = 0.221797287f + u * 0.19556421f;
    p = 0.285719723f + u * p;
    p = 0.399999976f + u * p;
    REAL uc = AS_REAL(AS_UINT(uh) & 0xfffff000u);
    REAL wh = uc * 0.66650390625f;
    REAL wl = uc * 0.000162760422f + (((uh - uc) + ul) * 0.666666687f + u * u * p);
    REAL wc = AS_REAL(AS_UINT(wh) & 0xfffff000u);
    REAL top = 2.0f * s;
    REAL product = sh * wc;
    REAL rest = 2.0f * s_lost + (sh * (wh - wc) + (sl * wh + s * wl)) + k * 1.42860677e-06f;
    REAL sum = top + product;
    rest = (product - (sum - top)) + rest;
    REAL shifted = k * 0.693145752f;
    REAL high = shifted + sum;
    rest = (sum - (high - shifted)) + rest;
    REAL result = high + rest;
    *low = rest - (result - high);
    return result;
}

// e^(y ln |x|), with the signs and limits of C's pow.
FN REAL pow_f32(REAL x, REAL y) {
    REAL a = FABS(x);
    REAL low;
    REAL high = log_two_f32(a, &low);
    REAL z = y > 1.09951163e12f ? (REAL)(1.09951163e12f) : y;
    z = z < -1.09951163e12f ? (REAL)(-1.09951163e12f) : z;
    REAL product = z * high;
    REAL zh = AS_REAL(AS_UINT(z) & 0xfffff000u), zl = z - zh;
    REAL hh = AS_REAL(AS_UINT(high) & 0xfffff000u), hl = high - hh;
    REAL lost = ((zh * hh - product) + zh * hl + zl * hh) + zl * hl;
    REAL tail = FABS(product) < 200.0f ? lost + z * low : (REAL)(0.0f);
    REAL result = exp_sum_f32(product, tail);
    result = a > 3.40282347e38f ? (y > 0.0f ? INFINITE : (REAL)(0.0f)) : result;
    result = a == 0.0f ? (y > 0.0f ? (REAL)(0.0f) : INFINITE) : result;
    REAL half_y = y * 0.5f;
    REAL sign = RINT(half_y) == half_y ? (REAL)(1.0f) : x;
    REAL whole = RINT(y);
    sign = whole == y ? sign : (REAL)(1.0f);
    result = with_sign_f32(result, sign);
    REAL root = whole == y ? result : NOT_A_NUMBER;
    root = a > 3.40282347e38f ? result : root;
    result = x < 0.0f ? root : result;
    result = x == x ? result : x;
    result = y == y ? result : y;
    result = x == 1.0f ? (REAL)(1.0f) : result;
    return y == 0.0f ? (REAL)(1.0f) : result;
}

// 1 - x - x p(x^2) up to 0.8, above e^(-x^2) t q(t) for t = 1 / (x + 1), where all but q has a low part.
FN REAL erfc_f32(REAL x) {
    REAL u = x * x;
    REAL p = -0.000804312353f + u * 7.96517561e-05f;
    p = 0.00519191194f + u * p;
    p = -0.0268555824f + u * p;
    p = 0.112836242f + u * p;
    p = -0.376126289f + u * p;
    p = 0.128379166f + u * p;
    REAL near = 0.5f - ((x - 0.5f) + x * p);
    REAL a = FABS(x);
    a = a > 10.5f ? (REAL)(10.5f) : a;
    REAL d = a + 1.0f;
    REAL t = 1.0f / d;
    REAL d_lost = a < 1.0f ? a - (d - 1.0f) : 1.0f - (d - a);
    REAL th = AS_REAL(AS_UINT(t) & 0xfffff000u), tl = t - th;
    REAL dh = AS_REAL(AS_UINT(d) & 0xfffff000u), dl = d - dh;
    REAL t_lost = t * (((1.0f - th * dh) - th * dl - tl * dh) - tl * dl - t * d_lost);
    REAL q = 9.30847836f + t * -2.74337816f;
    q = -12.9630022f + t * q;
    q = 8.77741051f + t * q;
    q = -2.14892077f + t * q;
    q = -0.34578082f + t * q;
    q = -0.323448509f + t * q;
    q = 0.285033882f + t * q;
    q = 0.564073265f + t * q;
    REAL step = t * q;
    q = 0.56419152f + step;
    REAL q_lost = step - (q - 0.56419152f);
    REAL qh = AS_REAL(AS_UINT(q) & 0xfffff000u), ql = q - qh;
    REAL scaled = t * q;
    REAL scaled_lost = (((th * qh - scaled) + th * ql + tl * qh) + tl * ql) + (t * q_lost + t_lost * q);
    // e^(-a^2) = 2^n (1 + e), from the square in two parts
    REAL ah = AS_REAL(AS_UINT(a) & 0xfffff000u);
    REAL zh = ah * ah, zl = (a - ah) * (a + ah);
    REAL shifted = (zh + zl) * -1.44269502f + 12582912.0f;
    REAL n = shifted - 12582912.0f;
    INT whole = TO_INT(AS_UINT(shifted) - 0x4b400000u);
    REAL high = -zh - n * 0.693359375f;
    REAL low = n * -2.12194440e-4f + zl;
    REAL r = high - low;
    REAL r_lost = (high - r) - low;
    REAL e = 0.00139359338f + r * 0.000197426896f;
    e = 0.00833356939f + r * e;
    e = 0.0416664556f + r * e;
    e = 0.166666657f + r * e;
    e = 0.5f + r * e;
    e = r + (r * r * e + r_lost);
    REAL far = scaled + (e * scaled + (scaled_lost + e * scaled_lost));
    INT half_of_it = whole >> 1;
    far = far * power_of_two_f32(half_of_it) * power_of_two_f32(whole - half_of_it);
    far = x < 0.0f ? 2.0f - far : far;
    far = FABS(x) < 0.8f ? near : far;
    return x == x ? far : x;
}

// a + b and what the rounding lost.
FN REAL sum_two_f32(REAL a, REAL b, REAL *lost) {
    REAL sum = a + b;
    REAL of_b = sum - a;
    *lost = (a - (sum - of_b)) + (b - of_b);
    return sum;
}

// ln |gamma(x)|. Up to 1/2: -ln |x| + x p(x), from there to 1.2: z p(z) for z = x - 1, to 1.7: s(x - 1.4616) around the
// minimum, to 3: y q(y) for y = x - 2, then Stirling's formula, (x - 1/2) ln x - x + ln(2 pi) / 2 and a polynomial in 1 / x.
// Negative x, a = |x|: less the value at a, ln a and ln(sin(pi a) / pi), the sine being f (1 + ...) for f = a less the nearest
// whole number. Sums are in two parts, since near the zeros little is left of large terms.
FN REAL lgamma_f32(REAL x) {
    REAL a = FABS(x);
    REAL low;
    REAL high = log_two_f32(a, &low);
    REAL z = a < 0.5f ? x : a - 1.0f;
    REAL p = 0.236325771f + z * 0.2668975f;
    p = -0.453409702f + z * p;
    p = -0.00450322079f + z * p;
    p = 0.060220506f + z * p;
    p = 0.120095454f + z * p;
    p = -0.140630677f + z * p;
    p = 0.123360552f + z * p;
    p = -0.141170546f + z * p;
    p = 0.169657648f + z * p;
    p = -0.207519352f + z * p;
    p = 0.270579427f + z * p;
    p = -0.400683314f + z * p;
    p = 0.822467029f + z * p;
    p = z * p;
    REAL first = -0.577215672f + p;
    REAL first_low = z * (p - (first + 0.577215672f));
    first = z * first;
    REAL y = a - 2.0f;
    REAL q = -5.20454996e-05f + y * -1.16245346e-05f;
    q = 0.000225020733f + y * q;
    q = -0.000320615509f + y * q;
    q = 0.000464741141f + y * q;
    q = -0.00113692274f + y * q;
    q = 0.0028939324f + y * q;
    q = -0.00739595154f + y * q;
    q = 0.0205809288f + y * q;
    q = -0.0673516467f + y * q;
    q = 0.322467029f + y * q;
    q = y * q;
    REAL second = 0.422784328f + q;
    REAL second_low = y * (q - (second - 0.422784328f));
    second = y * second;
    REAL e = a - 1.46163214f;
    REAL s = 0.00401123241f + e * -0.00408418104f;
    s = -0.0102797784f + e * s;
    s = 0.0183257684f + e * s;
    s = -0.032789629f + e * s;
    s = 0.0646072403f + e * s;
    s = -0.147587717f + e * s;
    s = 0.483836412f + e * s;
    s = -1.20356125e-08f + e * s;
    s = -0.121486291f + e * s;
    REAL shift = x < 0.0f ? (REAL)(0.5f) : (REAL)(-0.5f);
    REAL b = a + shift;
    REAL b_lost = (a - b) + shift;
    REAL product = AS_REAL(AS_UINT(b * high) & 0xfffff000u);
    REAL bh = AS_REAL(AS_UINT(b) & 0xfffff000u), bl = b - bh;
    REAL hh = AS_REAL(AS_UINT(high) & 0xfffff000u), hl = high - hh;
    REAL lost = ((bh * hh - product) + bh * hl + bl * hh) + bl * hl;
    REAL r = 1.0f / a;
    REAL u = r * r;
    REAL w = 0.000778349815f + u * -0.00042020384f;
    w = -0.00277725211f + u * w;
    w = 0.0833333284f + u * w;
    REAL sum = product - a;
    lost = ((product - sum) - a) + (lost + (b * low + b_lost * high));
    REAL lost_1, lost_2, f_low;
    REAL third = sum_two_f32(sum, 0.918938533f, &lost_1);
    REAL third_low = lost_1 + (lost + r * w);
    third = a > 1e30f ? a * ((high - 1.0f) + low) : third;
    third_low = a > 1e30f ? (REAL)(0.0f) : third_low;
    REAL value = a < 3.0f ? second : third;
    value = a < 1.7f ? s : value;
    value = a < 1.2f ? first : value;
    REAL value_low = a < 3.0f ? second_low : third_low;
    value_low = a < 1.7f ? (REAL)(0.0f) : value_low;
    value_low = a < 1.2f ? first_low : value_low;
    REAL f = a - RINT(a);
    REAL v = f * f;
    REAL sine = 0.0261049047f + v * -0.00221590721f;
    sine = -0.190745398f + v * sine;
    sine = 0.811742008f + v * sine;
    sine = -1.64493406f + v * sine;
    REAL f_high = log_two_f32(FABS(f), &f_low);
    sum = sum_two_f32(value, f_high, &lost_1);
    REAL more = a < 3.0f ? high : (REAL)(0.0f);
    sum = sum_two_f32(sum, more, &lost_2);
    REAL more_low = a < 3.0f ? low : (REAL)(0.0f);
    f_low = f_low + more_low;
    REAL reflected = -(sum + (((lost_1 + lost_2) + (value_low + f_low)) + log1p_f32(v * sine)));
    REAL result = x < 0.0f ? reflected : value + value_low;
    result = a < 0.5f ? -high + (first + (first_low - low)) : result;
    REAL pole = x > 0.0f ? (REAL)(1.0f) : f;
    result = pole == 0.0f ? INFINITE : result;
    result = a > 3.40282347e38f ? INFINITE : result;
    return x == x ? result : x;
}
