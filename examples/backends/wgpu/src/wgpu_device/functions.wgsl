// What expressions call, for F (f64), C (vec2<f64>), I (i64) and U (u64): NAME_F and so on.

var<private> infinite: u32 = 0x7f800000u;  // as a constant it would be refused
fn inf() -> f64 { return f64(bitcast<f32>(infinite)); }
fn nan() -> f64 { return inf() - inf(); }
fn pow2(k: i64) -> f64 { return bitcast<f64>(u64(k + 1023li) << 52u); }
fn floor_F(x: f64) -> f64 { return floor(x); }
fn rint_F(x: f64) -> f64 { return round(x); }
fn sqrt_F(x: f64) -> f64 { return sqrt(x); }
fn sign_of(size: f64, x: f64) -> f64 { return select(abs(size), -abs(size), bitcast<u64>(x) >> 63u == 1lu); }
fn abs_F(x: f64) -> f64 { return abs(x); }
fn exp_F(x: f64) -> f64 {
  if (!(x == x) || x > 709.79lf) { return select(inf(), x, !(x == x)); }
  if (x < -745.2lf) { return 0.0lf; }
  let k = i64(floor(x * 1.4426950408889634lf + 0.5lf));
  let r = x - f64(k) * 0.693147180369123816490lf - f64(k) * 1.90821492927058770002e-10lf;
  var sum = 1.0lf;
  for (var n = 14; n > 0; n--) { sum = 1.0lf + sum * r / f64(n); }
  return sum * pow2(k / 2li) * pow2(k - k / 2li);
}
fn expm1_F(x: f64) -> f64 {
  if (!(abs_F(x) < 0.5lf)) { return exp_F(x) - 1.0lf; }
  var sum = 1.0lf;
  for (var n = 16; n > 1; n--) { sum = 1.0lf + sum * x / f64(n); }
  return x * sum;
}
fn log_F(given: f64) -> f64 {
  if (!(given > 0.0lf) || given == inf()) { return select(select(nan(), -inf(), given == 0.0lf), given, given > 0.0lf); }
  let small = given < 1e-300lf;  // subnormal numbers among them
  let bits = bitcast<u64>(select(given, given * 18014398509481984.0lf, small));
  let high = (bits >> 51u) & 1lu;  // mantissas within 0.75 and 1.5
  let x = bitcast<f64>((bits & 0xffffffffffffflu) | ((1023lu - high) << 52u));
  let k = i64(bits >> 52u) - 1023li + i64(high) - select(0li, 54li, small);
  let s = (x - 1.0lf) / (x + 1.0lf);
  var sum = 0.0lf;
  for (var n = 25; n > 0; n -= 2) { sum = sum * s * s + 1.0lf / f64(n); }
  return f64(k) * 0.693147180369123816490lf + (2.0lf * s * sum + f64(k) * 1.90821492927058770002e-10lf);
}
fn log1p_F(x: f64) -> f64 {
  let y = 1.0lf + x;
  if (y == 1.0lf || y == inf()) { return x; }
  return log_F(y) * (x / (y - 1.0lf));
}
fn tanh_F(x: f64) -> f64 {
  if (abs_F(x) > 22.0lf) { return sign_of(1.0lf, x); }
  let e = expm1_F(2.0lf * abs_F(x));
  return sign_of(e / (e + 2.0lf), x) + (x - x);
}
fn circle(x: f64) -> vec2<f64> {  // cosine and sine
  let n = round(x * 0.63661977236758134lf);
  let r = ((x - n * 1.57079632673412561417lf) - n * 6.07710050630396597660e-11lf) - n * 2.02226624879595063154e-21lf;
  var c = 1.0lf; var s = 1.0lf;
  for (var k = 20; k > 0; k -= 2) {
    c = 1.0lf - c * r * r / f64(k * (k - 1));
    s = 1.0lf - s * r * r / f64(k * (k + 1));
  }
  s *= r;
  let quarter = i64(n) & 3li;
  if (quarter == 1li) { return vec2<f64>(-s, c); }
  if (quarter == 2li) { return vec2<f64>(-c, -s); }
  if (quarter == 3li) { return vec2<f64>(s, -c); }
  return vec2<f64>(c, s);
}
fn sin_F(x: f64) -> f64 { return select(circle(x).y, x, x == 0.0lf); }
fn cos_F(x: f64) -> f64 { return circle(x).x; }
fn atan2_F(y: f64, x: f64) -> f64 {
  if (!(x == x) || !(y == y)) { return nan(); }
  let a = abs_F(x); let b = abs_F(y);
  var t = select(min(a, b) / max(a, b), select(0.0lf, 1.0lf, a == b), a == b || max(a, b) == inf());
  if (a == 0.0lf && b == 0.0lf) { t = 0.0lf; }
  var angle = 0.0lf;
  if (t > 0.41421356237309503lf) { angle = 0.78539816339744828lf; t = (t - 1.0lf) / (t + 1.0lf); }
  var sum = 0.0lf;
  for (var n = 43; n > 0; n -= 2) { sum = 1.0lf / f64(n) - sum * t * t; }
  angle += t * sum;
  if (b > a) { angle = 1.5707963267948966lf - angle; }
  if (bitcast<u64>(x) >> 63u == 1lu) { angle = 3.1415926535897931lf - angle; }
  return sign_of(angle, y);
}
fn pow_F(a: f64, b: f64) -> f64 {
  if (b == 0.0lf || a == 1.0lf) { return 1.0lf; }
  let whole = floor(b) == b; let odd = whole && floor(b * 0.5lf) * 2.0lf != b && abs_F(b) < 9e15lf;
  if (a < 0.0lf && !whole && a != -inf()) { return nan(); }
  if (a == -1.0lf && abs_F(b) == inf()) { return 1.0lf; }
  var size = abs_F(a); var power = 1.0lf; var rest = abs_F(b);
  if (whole && rest < 1024.0lf) {  // by squaring, which is exact where the result is
    for (var n = u32(rest); n > 0u; n >>= 1u) { power *= select(1.0lf, size, (n & 1u) == 1u); size *= size; }
    power = select(power, 1.0lf / power, b < 0.0lf);
  } else { power = select(exp_F(b * log_F(size)), select(sqrt(size), inf(), size == inf()), b == 0.5lf); }
  return select(power, sign_of(power, a), odd);
}
fn fmod_F(a: f64, b: f64) -> f64 {
  if (b == 0.0lf || !(abs_F(a) < inf()) || !(b == b)) { return nan(); }
  let size = abs_F(b); var rest = abs_F(a);
  while (rest >= size) {  // exact: each step takes away a multiple by a power of two
    let steps = (bitcast<u64>(rest) >> 52u) - (bitcast<u64>(size) >> 52u);
    let part = size * pow2(i64(steps));
    rest -= select(part, part * 0.5lf, part > rest);
  }
  return sign_of(rest, a);
}
fn floor_divide_F(a: f64, b: f64) -> f64 {
  if (b == 0.0lf || !(abs_F(a) < inf()) || !(b == b)) { return select(a / b, nan(), abs_F(a) == inf()); }
  let rest = fmod_F(a, b);
  let quotient = (a - rest) / b - select(0.0lf, 1.0lf, rest != 0.0lf && (rest < 0.0lf) != (b < 0.0lf));
  return select(quotient, round(quotient), abs_F(quotient) < 4503599627370496.0lf && quotient != 0.0lf);
}
fn remainder_F(a: f64, b: f64) -> f64 {
  let rest = fmod_F(a, b);
  if (rest == 0.0lf) { return sign_of(rest, b); }
  return select(rest, rest + b, rest == rest && (rest < 0.0lf) != (b < 0.0lf));
}
fn erfc_tail(x: f64) -> f64 {  // a continued fraction, for x > 2
  var rest = x;
  for (var n = 80; n > 0; n--) { rest = x + 0.5lf * f64(n) / rest; }
  return select(exp_F(-x * x) / (1.7724538509055161lf * rest), 0.0lf, x > 30.0lf);
}
fn erf_F(x: f64) -> f64 {
  if (abs_F(x) > 2.0lf) { return sign_of(1.0lf - erfc_tail(abs_F(x)), x); }
  var sum = 1.0lf;
  for (var n = 50; n > 0; n--) { sum = 1.0lf + sum * 2.0lf * x * x / f64(2 * n + 1); }
  return 1.1283791670955126lf * x * exp_F(-x * x) * sum;
}
fn erfc_F(x: f64) -> f64 {
  if (x > 2.0lf) { return erfc_tail(x); }
  return 1.0lf - erf_F(x);
}
fn lgamma_F(x: f64) -> f64 {  // Lanczos' sum, reflected for what is below 0.5
  if (abs_F(x) == inf() || (x <= 0.0lf && floor(x) == x)) { return inf(); }
  if (x < 0.5lf) { return log_F(3.1415926535897931lf / abs_F(sin_F(3.1415926535897931lf * (x - round(x))))) - lgamma_above(1.0lf - x); }
  return lgamma_above(x);
}
fn lgamma_above(x: f64) -> f64 {
  var terms = array<f64, 8>(676.5203681218851lf, -1259.1392167224028lf, 771.32342877765313lf, -176.61502916214059lf,
    12.507343278686905lf, -0.13857109526572012lf, 9.9843695780195716e-6lf, 1.5056327351493116e-7lf);
  var sum = 0.99999999999980993lf;
  for (var n = 0; n < 8; n++) { sum += terms[n] / (x + f64(n)); }
  let t = x + 6.5lf;
  return 0.91893853320467274lf + (x - 0.5lf) * log_F(t) - t + log_F(sum);
}
fn floor_divide_I(a: i64, b: i64) -> i64 {
  if (b == 0li) { fault[2] = 1; return 0li; }
  return a / b - select(0li, 1li, a % b != 0li && (a < 0li) != (b < 0li));
}
fn remainder_I(a: i64, b: i64) -> i64 { return a - floor_divide_I(a, b) * b; }
fn floor_divide_U(a: u64, b: u64) -> u64 { if (b == 0lu) { fault[2] = 1; return 0lu; } return a / b; }
fn remainder_U(a: u64, b: u64) -> u64 { return a - floor_divide_U(a, b) * b; }
fn power_U(a: u64, b: u64) -> u64 {
  var result = 1lu; var square = a;
  for (var n = b; n > 0lu; n >>= 1u) { result *= select(1lu, square, (n & 1lu) == 1lu); square *= square; }
  return result;
}
fn power_I(a: i64, b: i64) -> i64 {
  if (b < 0li) { return select(select(0li, select(1li, -1li, (b & 1li) == 1li), a == -1li), 1li, a == 1li); }
  return bitcast<i64>(power_U(bitcast<u64>(a), bitcast<u64>(b)));
}
fn shift_left_I(a: i64, b: i64) -> i64 { if (b < 0li || b > 63li) { return 0li; } return a << u32(b); }
fn shift_right_I(a: i64, b: i64) -> i64 { return a >> select(63u, u32(b), b >= 0li && b < 63li); }
fn shift_left_U(a: u64, b: u64) -> u64 { if (b > 63lu) { return 0lu; } return a << u32(b); }
fn shift_right_U(a: u64, b: u64) -> u64 { if (b > 63lu) { return 0lu; } return a >> u32(b); }
fn abs_I(a: i64) -> i64 { return select(a, -a, a < 0li); }
fn abs_U(a: u64) -> u64 { return a; }
fn mul_C(a: vec2<f64>, b: vec2<f64>) -> vec2<f64> { return vec2<f64>(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x); }
fn div_C(a: vec2<f64>, b: vec2<f64>) -> vec2<f64> {
  let scale = pow2(-i64((bitcast<u64>(max(abs_F(b.x), abs_F(b.y))) >> 52u) & 0x7fflu) + 1023li);
  let c = b * scale; let size = c.x * c.x + c.y * c.y;
  return vec2<f64>(a.x * c.x + a.y * c.y, a.y * c.x - a.x * c.y) / size * scale;
}
fn conj_C(a: vec2<f64>) -> vec2<f64> { return vec2<f64>(a.x, -a.y); }
fn hypot(a: vec2<f64>) -> f64 {
  let x = max(abs_F(a.x), abs_F(a.y)); let y = min(abs_F(a.x), abs_F(a.y));
  return select(x * sqrt(1.0lf + (y / x) * (y / x)), x, x == 0.0lf || x == inf());
}
fn abs_C(a: vec2<f64>) -> vec2<f64> { return vec2<f64>(hypot(a), 0.0lf); }
fn exp_C(a: vec2<f64>) -> vec2<f64> { return exp_F(a.x) * circle(a.y); }
fn expm1_C(a: vec2<f64>) -> vec2<f64> {
  let half = sin_F(a.y * 0.5lf);
  return vec2<f64>(expm1_F(a.x) * cos_F(a.y) - 2.0lf * half * half, exp_F(a.x) * sin_F(a.y));
}
fn log_C(a: vec2<f64>) -> vec2<f64> { return vec2<f64>(log_F(hypot(a)), atan2_F(a.y, a.x)); }
fn log1p_C(a: vec2<f64>) -> vec2<f64> { return log_C(vec2<f64>(1.0lf + a.x, a.y)); }
fn sqrt_C(a: vec2<f64>) -> vec2<f64> {
  if (a.x == 0.0lf && a.y == 0.0lf) { return vec2<f64>(0.0lf, a.y); }
  let t = sqrt((abs_F(a.x) + hypot(a)) * 0.5lf); let u = abs_F(a.y) / (2.0lf * t);
  return select(vec2<f64>(u, sign_of(t, a.y)), vec2<f64>(t, sign_of(u, a.y)), a.x >= 0.0lf);
}
fn sinh_cosh(x: f64) -> vec2<f64> {
  let e = expm1_F(abs_F(x)); let s = 0.5lf * (e + e / (e + 1.0lf));
  return vec2<f64>(sign_of(s, x), 1.0lf + 0.5lf * e * e / (e + 1.0lf));
}
fn sin_C(a: vec2<f64>) -> vec2<f64> { let h = sinh_cosh(a.y); return vec2<f64>(sin_F(a.x) * h.y, cos_F(a.x) * h.x); }
fn cos_C(a: vec2<f64>) -> vec2<f64> { let h = sinh_cosh(a.y); return vec2<f64>(cos_F(a.x) * h.y, -sin_F(a.x) * h.x); }
fn tanh_C(a: vec2<f64>) -> vec2<f64> {
  if (abs_F(a.x) > 22.0lf) { return vec2<f64>(sign_of(1.0lf, a.x), 0.0lf); }
  let h = sinh_cosh(a.x); let c = circle(a.y);
  return vec2<f64>(h.x * h.y, c.x * c.y) / (h.x * h.x + c.x * c.x);
}
fn pow_C(a: vec2<f64>, b: vec2<f64>) -> vec2<f64> {
  if (a.x == 0.0lf && a.y == 0.0lf) {
    return vec2<f64>(select(select(nan(), 0.0lf, b.x > 0.0lf), 1.0lf, b.x == 0.0lf && b.y == 0.0lf), 0.0lf);
  }
  return exp_C(mul_C(b, log_C(a)));
}
fn wide(a: u64, b: u64) -> array<u64, 2> {  // the product of 128 bits, low word first
  let al = a & 0xfffffffflu; let ah = a >> 32u; let bl = b & 0xfffffffflu; let bh = b >> 32u;
  let low = al * bl; let x = ah * bl + (low >> 32u); let y = al * bh + (x & 0xfffffffflu);
  return array<u64, 2>(a * b, ah * bh + (x >> 32u) + (y >> 32u));
}
