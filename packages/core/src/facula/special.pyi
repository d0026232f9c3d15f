"""Made by tools/make_stubs.py from the op registry; do not edit."""


from typing import Any

from facula._tensor import Tensor

def __getattr__(name: str) -> Any: ...

def bessel_j0(input: Any, *, out: Any = ...) -> Tensor:
    """Bessel function of the first kind, of order 0."""

def bessel_j1(input: Any, *, out: Any = ...) -> Tensor:
    """Bessel function of the first kind, of order 1."""

def chebyshev_polynomial_t(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The chebyshev polynomial t of order `n` at `input`, by its recurrence."""

def chebyshev_polynomial_u(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The chebyshev polynomial u of order `n` at `input`, by its recurrence."""

def chebyshev_polynomial_v(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The chebyshev polynomial v of order `n` at `input`, by its recurrence."""

def chebyshev_polynomial_w(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The chebyshev polynomial w of order `n` at `input`, by its recurrence."""

def digamma(input: Any, *, out: Any = ...) -> Tensor:
    """Derivative of the logarithm of the gamma function."""

def entr(input: Any, *, out: Any = ...) -> Tensor:
    """`-input * log(input)`: 0 at 0, -inf for negative numbers."""

def erf(input: Any, *, out: Any = ...) -> Tensor:
    """Error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to `input`."""

def erfc(input: Any, *, out: Any = ...) -> Tensor:
    """`1 - erf(input)`, accurate where that is small."""

def erfcx(input: Any, *, out: Any = ...) -> Tensor:
    """`exp(input ** 2) * erfc(input)`, without underflow."""

def erfinv(input: Any, *, out: Any = ...) -> Tensor:
    """The number whose error function is `input`; infinite at -1 and 1."""

def gammaln(input: Any, *, out: Any = ...) -> Tensor:
    """Logarithm of the magnitude of the gamma function."""

def hermite_polynomial_h(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The hermite polynomial h of order `n` at `input`, by its recurrence."""

def hermite_polynomial_he(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The hermite polynomial he of order `n` at `input`, by its recurrence."""

def i0(input: Any, *, out: Any = ...) -> Tensor:
    """Modified Bessel function of the first kind, of order 0."""

def i0e(input: Any, *, out: Any = ...) -> Tensor:
    """`exp(-|input|)` times the modified Bessel function of order 0."""

def i1(input: Any, *, out: Any = ...) -> Tensor:
    """Modified Bessel function of the first kind, of order 1."""

def i1e(input: Any, *, out: Any = ...) -> Tensor:
    """`exp(-|input|)` times the modified Bessel function of order 1."""

def laguerre_polynomial_l(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The laguerre polynomial l of order `n` at `input`, by its recurrence."""

def legendre_polynomial_p(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The legendre polynomial p of order `n` at `input`, by its recurrence."""

def log_ndtr(input: Any, *, out: Any = ...) -> Tensor:
    """Logarithm of `ndtr`, accurate far to the left as well."""

def log_softmax(input: Any, dim: int, dtype: Any = ..., *, out: Any = ...) -> Tensor:
    """Logarithm of `softmax`, without overflow; same shape, in `dtype` where given."""

def modified_bessel_i0(input: Any, *, out: Any = ...) -> Tensor:
    """Modified Bessel function of the first kind, of order 0."""

def modified_bessel_i1(input: Any, *, out: Any = ...) -> Tensor:
    """Modified Bessel function of the first kind, of order 1."""

def modified_bessel_k0(input: Any, *, out: Any = ...) -> Tensor:
    """Modified Bessel function of the second kind, of order 0; infinite at 0, NaN below."""

def modified_bessel_k1(input: Any, *, out: Any = ...) -> Tensor:
    """Modified Bessel function of the second kind, of order 1; infinite at 0, NaN below."""

def multigammaln(input: Any, p: Any, *, out: Any = ...) -> Tensor:
    """Logarithm of the multivariate gamma function of dimension `p`."""

def ndtr(input: Any, *, out: Any = ...) -> Tensor:
    """Area under the standard normal density to the left of `input`."""

def ndtri(input: Any, *, out: Any = ...) -> Tensor:
    """Quantile of the standard normal distribution."""

def polygamma(n: Any, input: Any, *, out: Any = ...) -> Tensor:
    """Derivative of order `n` of `digamma`. Raises RuntimeError for a negative `n`."""

def psi(input: Any, *, out: Any = ...) -> Tensor:
    """Derivative of the logarithm of the gamma function."""

def scaled_modified_bessel_k0(input: Any, *, out: Any = ...) -> Tensor:
    """`exp(input)` times the modified Bessel function K_0."""

def scaled_modified_bessel_k1(input: Any, *, out: Any = ...) -> Tensor:
    """`exp(input)` times the modified Bessel function K_1."""

def shifted_chebyshev_polynomial_t(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The shifted chebyshev polynomial t of order `n` at `input`, by its recurrence."""

def shifted_chebyshev_polynomial_u(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The shifted chebyshev polynomial u of order `n` at `input`, by its recurrence."""

def shifted_chebyshev_polynomial_v(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The shifted chebyshev polynomial v of order `n` at `input`, by its recurrence."""

def shifted_chebyshev_polynomial_w(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The shifted chebyshev polynomial w of order `n` at `input`, by its recurrence."""

def softmax(input: Any, dim: int, dtype: Any = ..., *, out: Any = ...) -> Tensor:
    """Exponentials of `input`, scaled to sum to 1 along `dim`; same shape, in `dtype` where given."""

def spherical_bessel_j0(input: Any, *, out: Any = ...) -> Tensor:
    """`sin(input) / input`, and 1 at 0."""

def xlog1py(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """`input * log1p(other)`, and 0 where `input` is 0 (unless `other` is NaN)."""

def xlogy(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """`input * log(other)`, and 0 where `input` is 0 (unless `other` is NaN)."""

def zeta(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Hurwitz zeta function: the sum of `(k + other) ** -input` over k = 0, 1, 2, ..."""
