// Functions of float64: the platform's own, of which docs/design/functions.md says how exact they are.

FN double abs_f64(double x) { return fabs(x); }
FN double exp_f64(double x) { return exp(x); }
FN double expm1_f64(double x) { return expm1(x); }
FN double log_f64(double x) { return log(x); }
FN double log1p_f64(double x) { return log1p(x); }
FN double sqrt_f64(double x) { return sqrt(x); }
FN double tanh_f64(double x) { return tanh(x); }
FN double sin_f64(double x) { return sin(x); }
FN double cos_f64(double x) { return cos(x); }
FN double erf_f64(double x) { return erf(x); }
FN double erfc_f64(double x) { return erfc(x); }
FN double lgamma_f64(double x) { return lgamma(x); }
FN double floor_f64(double x) { return floor(x); }
FN double rint_f64(double x) { return rint(x); }
FN double atan2_f64(double a, double b) { return atan2(a, b); }
FN double pow_f64(double a, double b) { return pow(a, b); }
FN double fmod_f64(double a, double b) { return fmod(a, b); }

FN double maximum_f64(double a, double b) {
    double m = a > b ? a : b; // two choices: compilers make vectors of these, not of a test with |
    return a != a ? a : m;
}

FN double minimum_f64(double a, double b) {
    double m = a < b ? a : b; // two choices: compilers make vectors of these, not of a test with |
    return a != a ? a : m;
}

FN double remainder_f64(double a, double b) {
    double rest = fmod(a, b);
    double moved = (((rest < 0.0) & (b > 0.0)) | ((rest > 0.0) & (b < 0.0))) ? rest + b : rest;
    return rest == 0.0 ? copysign(rest, b) : moved;
}

FN double floor_divide_f64(double a, double b) {
    double rest = fmod(a, b);
    double quotient = (a - rest) / b;
    quotient = (((rest < 0.0) & (b > 0.0)) | ((rest > 0.0) & (b < 0.0))) ? quotient - 1.0 : quotient;
    quotient = fabs(quotient) < 2251799813685248.0 ? rint(quotient) : quotient;
    quotient = quotient == 0.0 ? copysign(quotient, a / b) : quotient;
    return b == 0.0 ? a / b : quotient;
}
