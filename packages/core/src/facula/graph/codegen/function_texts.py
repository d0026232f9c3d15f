"""Functions that kernels call, in the common part of the dialects: conversions, halves, complex numbers, Philox.

In a template, T (or Z and R, I and F) stand for types, and the function exists for each of them. Functions
of real numbers and of integers are in `functions/`.
"""

from __future__ import annotations

HALVES = """
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

FN f32 load_bf16(u16 h) { return from_bits_f32((u32)h << 16); }

FN u16 store_bf16(f32 x) {
    u32 bits = bits_f32(x);
    if (x != x) return (u16)(bits >> 16 | 0x40u);
    return (u16)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

FN f32 to_odd_f32(f64 x) {  /* so that rounding once more rounds as if it were the first time */
    f32 y = (f32)x;
    u32 bits = bits_f32(y);
    if ((f64)y == x || x != x) return y;
    if ((f64)(y < 0 ? -y : y) > (x < 0 ? -x : x)) bits -= 1u;
    return from_bits_f32(bits | 1u);
}
"""

#: Towards zero, then wrapped; what fits in neither of 32 (64) bits, signed or not, gives the lowest number.
TO_SMALL = """
FN I to_I_F(F x) {
    return x >= -2147483648.0P && x < 4294967296.0P ? (I)(i64)x : (I)(u32)0x80000000u;
}
"""
TO_LARGE = """
FN I to_I_F(F x) {
    if (x >= -9223372036854775808.0P && x < 9223372036854775808.0P) return (I)(i64)x;
    if (x > 0 && x < 18446744073709551616.0P) return (I)(u64)x;
    return (I)U64(0x8000000000000000);
}
"""

#: Division is R. Smith's ("Algorithm 116", 1962), tanh W. Kahan's ("Branch cuts for complex elementary functions", 1987).
COMPLEX = """
FN Z make_Z(R re, R im) { Z z; z.re = re; z.im = im; return z; }

FN int truth_Z(Z a) { return a.re != 0 || a.im != 0; }

FN int equal_Z(Z a, Z b) { return a.re == b.re && a.im == b.im; }

FN Z neg_Z(Z a) { return make_Z(-a.re, -a.im); }

FN Z conj_Z(Z a) { return make_Z(a.re, -a.im); }

FN Z add_Z(Z a, Z b) { return make_Z(a.re + b.re, a.im + b.im); }

FN Z sub_Z(Z a, Z b) { return make_Z(a.re - b.re, a.im - b.im); }

FN Z mul_Z(Z a, Z b) { return make_Z(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re); }

FN Z div_Z(Z a, Z b) {
    R re = abs_R(b.re), im = abs_R(b.im);
    if (re >= im) {
        if (re == 0) return make_Z(a.re / re, a.im / re);
        R ratio = b.im / b.re, scale = b.re + b.im * ratio;
        return make_Z((a.re + a.im * ratio) / scale, (a.im - a.re * ratio) / scale);
    }
    R ratio = b.re / b.im, scale = b.re * ratio + b.im;
    return make_Z((a.re * ratio + a.im) / scale, (a.im * ratio - a.re) / scale);
}

FN R abs_Z(Z a) {
    R re = abs_R(a.re), im = abs_R(a.im), large = re > im ? re : im, small = re > im ? im : re;
    if (re == INFINITY || im == INFINITY) return INFINITY;
    if (re != re || im != im) return re + im;
    if (large == 0) return 0;
    R ratio = small / large;
    return large * sqrt_R(1 + ratio * ratio);
}

FN Z exp_Z(Z a) {
    R size = exp_R(a.re);
    if (a.im == 0) return make_Z(size, a.im);
    if (size == 0) return make_Z(0, 0);
    return make_Z(size * cos_R(a.im), size * sin_R(a.im));
}

FN Z expm1_Z(Z a) {
    R sine = sin_R(a.im / 2);
    return make_Z(expm1_R(a.re) * cos_R(a.im) - 2 * sine * sine, exp_R(a.re) * sin_R(a.im));
}

FN Z log_Z(Z a) {
    R size = abs_Z(a), re = abs_R(a.re), im = abs_R(a.im);
    R large = re > im ? re : im, small = re > im ? im : re;
    R part = size > 0.5P && size < 2 ? log1p_R((large - 1) * (large + 1) + small * small) / 2 : log_R(size);
    return make_Z(part, atan2_R(a.im, a.re));
}

FN Z log1p_Z(Z a) { return log_Z(make_Z(1 + a.re, a.im)); }

FN Z sqrt_Z(Z a) {
    if (a.re == 0 && a.im == 0) return make_Z(0, a.im);
    if (abs_R(a.im) == INFINITY) return make_Z(INFINITY, a.im);
    R re = abs_R(a.re), im = abs_R(a.im), size = abs_Z(make_Z(re / 8, im / 8));
    R root = 2 * sqrt_R(re / 8 + size);
    if (re + im < 1e-30P) root = sqrt_R((re + abs_Z(a)) / 2);
    if (a.re >= 0) return make_Z(root, a.im / (2 * root));
    return make_Z(im / (2 * root), a.im < 0 || 1 / a.im < 0 ? -root : root);
}

FN R sinh_R(R x) { return (expm1_R(x) - expm1_R(-x)) / 2; }

FN R cosh_R(R x) { return (exp_R(x) + exp_R(-x)) / 2; }

FN Z sin_Z(Z a) { return make_Z(sin_R(a.re) * cosh_R(a.im), cos_R(a.re) * sinh_R(a.im)); }

FN Z cos_Z(Z a) { return make_Z(cos_R(a.re) * cosh_R(a.im), -sin_R(a.re) * sinh_R(a.im)); }

FN Z tanh_Z(Z a) {
    R sine = sin_R(a.im), cosine = cos_R(a.im), size = abs_R(a.re);
    if (size > 20) return make_Z(a.re < 0 ? -1 : 1, 4 * sine * cosine * exp_R(-2 * size));
    R tangent = sine / cosine, beta = 1 + tangent * tangent, sinh = sinh_R(a.re);
    R below = 1 + beta * sinh * sinh;
    return make_Z(beta * sqrt_R(1 + sinh * sinh) * sinh / below, tangent / below);
}

FN Z pow_Z(Z a, Z b) {
    if (a.re != 0 || a.im != 0) return exp_Z(mul_Z(b, log_Z(a)));
    if (b.re == 0 && b.im == 0) return make_Z(1, 0);
    return b.re > 0 ? make_Z(0, 0) : make_Z(NAN, NAN);
}
"""
BETWEEN_COMPLEX = """
FN c128 make_c128_c64(c64 a) { return make_c128((f64)a.re, (f64)a.im); }

FN c64 make_c64_c128(c128 a) { return make_c64((f32)a.re, (f32)a.im); }
"""

#: Word `which` of block `block` of (seed, offset): J. Salmon et al. 2011; `facula.random` is the definition.
PHILOX = """
FN void philox(u64 seed, u64 low, u64 high, u64 *c) {
    u64 c0 = low, c1 = high, c2 = 0, c3 = 0, k0 = seed, k1 = 0;
    for (i32 round = 0; round < 10; ++round) {
        u64 p0 = U64(0xD2E7470EE14C6C93) * c0, h0 = mul_hi_u64(U64(0xD2E7470EE14C6C93), c0);
        u64 p1 = U64(0xCA5A826395121157) * c2, h1 = mul_hi_u64(U64(0xCA5A826395121157), c2);
        c0 = h1 ^ c1 ^ k0; c1 = p1; c2 = h0 ^ c3 ^ k1; c3 = p0;
        k0 += U64(0x9E3779B97F4A7C15); k1 += U64(0xBB67AE8584CAA73B);
    }
    c[0] = c0; c[1] = c1; c[2] = c2; c[3] = c3;
}
"""
