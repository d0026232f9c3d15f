"""Made by tools/make_stubs.py from the op registry; do not edit."""


import builtins

from typing import Any

from facula._tensor import Tensor

class TensorMethods:
    def abs(self) -> Tensor:
        """Absolute value; of a complex number its magnitude."""

    def abs_(self) -> Tensor:
        """In-place form of `abs`."""

    def absolute(self) -> Tensor:
        """Absolute value; of a complex number its magnitude."""

    def absolute_(self) -> Tensor:
        """In-place form of `absolute`."""

    def acos(self) -> Tensor:
        """Arc cosine, in radians."""

    def acos_(self) -> Tensor:
        """In-place form of `acos`."""

    def acosh(self) -> Tensor:
        """Inverse hyperbolic cosine; NaN below 1."""

    def acosh_(self) -> Tensor:
        """In-place form of `acosh`."""

    def add(self, other: Any, *, alpha: Any = ...) -> Tensor:
        """Sum of `input` and `alpha * other`, broadcast together."""

    def add_(self, other: Any, *, alpha: Any = ...) -> Tensor:
        """In-place form of `add`."""

    def addbmm(self, *args: Any, beta: Any = ..., alpha: Any = ..., **named: Any) -> Tensor:
        """`beta * input + alpha * sum_b(batch1[b] @ batch2[b])`."""

    def addbmm_(self, *args: Any, beta: Any = ..., alpha: Any = ..., **named: Any) -> Tensor:
        """In-place form of `addbmm`."""

    def addcdiv(self, tensor1: Any, tensor2: Any, *, value: Any = ...) -> Tensor:
        """`input + value * tensor1 / tensor2`. Raises RuntimeError for integers."""

    def addcdiv_(self, tensor1: Any, tensor2: Any, *, value: Any = ...) -> Tensor:
        """In-place form of `addcdiv`."""

    def addcmul(self, tensor1: Any, tensor2: Any, *, value: Any = ...) -> Tensor:
        """`input + value * tensor1 * tensor2`."""

    def addcmul_(self, tensor1: Any, tensor2: Any, *, value: Any = ...) -> Tensor:
        """In-place form of `addcmul`."""

    def addmm(self, *args: Any, beta: Any = ..., alpha: Any = ..., **named: Any) -> Tensor:
        """`beta * input + alpha * (mat1 @ mat2)`, of 2-D matrices."""

    def addmm_(self, *args: Any, beta: Any = ..., alpha: Any = ..., **named: Any) -> Tensor:
        """In-place form of `addmm`."""

    def addmv(self, *args: Any, beta: Any = ..., alpha: Any = ..., **named: Any) -> Tensor:
        """`beta * input + alpha * (mat @ vec)`."""

    def addmv_(self, *args: Any, beta: Any = ..., alpha: Any = ..., **named: Any) -> Tensor:
        """In-place form of `addmv`."""

    def addr(self, *args: Any, beta: Any = ..., alpha: Any = ..., **named: Any) -> Tensor:
        """`beta * input + alpha * outer(vec1, vec2)`."""

    def addr_(self, *args: Any, beta: Any = ..., alpha: Any = ..., **named: Any) -> Tensor:
        """In-place form of `addr`."""

    def all(self, dim: Any = ..., keepdim: builtins.bool = ..., *, axis: Any = ..., keepdims: Any = ...) -> Tensor:
        """Whether all elements along `dim` are not zero; True of none. uint8 in, uint8 out."""

    def allclose(self, other: Any, rtol: builtins.float = ..., atol: builtins.float = ..., equal_nan: builtins.bool = ...) -> builtins.bool:
        """Whether all elements are close (see `isclose`), as a Python bool."""

    def amax(self, dim: Any = ..., keepdim: builtins.bool = ..., *, axis: Any = ..., keepdims: Any = ...) -> Tensor:
        """Largest element along `dim`; NaN where there is one. Equal ones share the gradient."""

    def amin(self, dim: Any = ..., keepdim: builtins.bool = ..., *, axis: Any = ..., keepdims: Any = ...) -> Tensor:
        """Smallest element along `dim`; NaN where there is one. Equal ones share the gradient."""

    def aminmax(self, *, dim: Any = ..., keepdim: builtins.bool = ...) -> Any:
        """(smallest, largest) element along `dim`, or of all."""

    def angle(self) -> Tensor:
        """Angle in radians from -pi to pi; of real numbers 0 or pi, NaN for NaN."""

    def any(self, dim: Any = ..., keepdim: builtins.bool = ..., *, axis: Any = ..., keepdims: Any = ...) -> Tensor:
        """Whether any element along `dim` is not zero; False of none. uint8 in, uint8 out."""

    def arccos(self) -> Tensor:
        """Arc cosine, in radians."""

    def arccos_(self) -> Tensor:
        """In-place form of `arccos`."""

    def arccosh(self) -> Tensor:
        """Inverse hyperbolic cosine; NaN below 1."""

    def arccosh_(self) -> Tensor:
        """In-place form of `arccosh`."""

    def arcsin(self) -> Tensor:
        """Arc sine, in radians."""

    def arcsin_(self) -> Tensor:
        """In-place form of `arcsin`."""

    def arcsinh(self) -> Tensor:
        """Inverse hyperbolic sine."""

    def arcsinh_(self) -> Tensor:
        """In-place form of `arcsinh`."""

    def arctan(self) -> Tensor:
        """Arc tangent, in radians."""

    def arctan_(self) -> Tensor:
        """In-place form of `arctan`."""

    def arctan2(self, other: Any) -> Tensor:
        """Angle of the point (x=`other`, y=`input`), in radians from -pi to pi."""

    def arctan2_(self, other: Any) -> Tensor:
        """In-place form of `arctan2`."""

    def arctanh(self) -> Tensor:
        """Inverse hyperbolic tangent."""

    def arctanh_(self) -> Tensor:
        """In-place form of `arctanh`."""

    def argmax(self, dim: Any = ..., keepdim: builtins.bool = ..., *, axis: Any = ..., keepdims: Any = ...) -> Tensor:
        """Index (int64) of the first largest element along `dim`, or of all in row-major order."""

    def argmin(self, dim: Any = ..., keepdim: builtins.bool = ..., *, axis: Any = ..., keepdims: Any = ...) -> Tensor:
        """Index (int64) of the first smallest element along `dim`, or of all in row-major order."""

    def argsort(self, dim: Any = ..., descending: builtins.bool = ..., *, stable: builtins.bool = ...) -> Tensor:
        """Indices that put `input` in order along `dim`."""

    def argwhere(self) -> Tensor:
        """The indices of the elements that are not zero, one row for each."""

    def as_strided(self, size: Any, stride: Any, storage_offset: Any = ...) -> Tensor:
        """The memory of `input` read with the given sizes and strides, in elements."""

    def as_strided_(self, size: Any, stride: Any, storage_offset: Any = ...) -> Tensor:
        """In-place form of `as_strided`."""

    def as_strided_scatter(self, src: Any, size: Any, stride: Any, storage_offset: Any = ...) -> Tensor:
        """`input` with what `as_strided` reads of it replaced by `src`."""

    def asin(self) -> Tensor:
        """Arc sine, in radians."""

    def asin_(self) -> Tensor:
        """In-place form of `asin`."""

    def asinh(self) -> Tensor:
        """Inverse hyperbolic sine."""

    def asinh_(self) -> Tensor:
        """In-place form of `asinh`."""

    def atan(self) -> Tensor:
        """Arc tangent, in radians."""

    def atan_(self) -> Tensor:
        """In-place form of `atan`."""

    def atan2(self, other: Any) -> Tensor:
        """Angle of the point (x=`other`, y=`input`), in radians from -pi to pi."""

    def atan2_(self, other: Any) -> Tensor:
        """In-place form of `atan2`."""

    def atanh(self) -> Tensor:
        """Inverse hyperbolic tangent."""

    def atanh_(self) -> Tensor:
        """In-place form of `atanh`."""

    def baddbmm(self, *args: Any, beta: Any = ..., alpha: Any = ..., **named: Any) -> Tensor:
        """`beta * input + alpha * bmm(batch1, batch2)`."""

    def baddbmm_(self, *args: Any, beta: Any = ..., alpha: Any = ..., **named: Any) -> Tensor:
        """In-place form of `baddbmm`."""

    def bernoulli(self, p: builtins.float | None = ..., *, generator: Any = ...) -> Tensor:
        """1 with the probabilities in `input` (or with probability `p`, in the shape of `input`), else 0."""

    def bernoulli_(self, p: Any = ..., *, generator: Any = ...) -> Tensor:
        """Fills the tensor with 1 with probability `p` (a number, or a tensor of that shape), else 0."""

    def bfloat16(self, memory_format: Any = ...) -> Tensor:
        """`input` in bfloat16; itself where it is that already."""

    def binary_cross_entropy_(self, target: Any, weight: Any = ..., size_average: Any = ..., reduce: Any = ..., reduction: Any = ...) -> Tensor:
        """In-place form of `binary_cross_entropy`."""

    def binary_cross_entropy_with_logits_(self, target: Any, weight: Any = ..., size_average: Any = ..., reduce: Any = ..., reduction: Any = ..., pos_weight: Any = ...) -> Tensor:
        """In-place form of `binary_cross_entropy_with_logits`."""

    def bincount(self, weights: Any = ..., minlength: builtins.int = ...) -> Tensor:
        """How often each number from 0 to the largest occurs in a vector; with `weights` their sums."""

    def bitwise_and(self, other: Any) -> Tensor:
        """Bits set in both; of bools whether both are true."""

    def bitwise_and_(self, other: Any) -> Tensor:
        """In-place form of `bitwise_and`."""

    def bitwise_left_shift(self, other: Any) -> Tensor:
        """Bits of `input` moved left by `other` places."""

    def bitwise_left_shift_(self, other: Any) -> Tensor:
        """In-place form of `bitwise_left_shift`."""

    def bitwise_not(self) -> Tensor:
        """All bits turned over; of bools the opposite. Raises TypeError for floating-point tensors."""

    def bitwise_not_(self) -> Tensor:
        """In-place form of `bitwise_not`."""

    def bitwise_or(self, other: Any) -> Tensor:
        """Bits set in either; of bools whether one is true."""

    def bitwise_or_(self, other: Any) -> Tensor:
        """In-place form of `bitwise_or`."""

    def bitwise_right_shift(self, other: Any) -> Tensor:
        """Bits of `input` moved right by `other` places, the sign kept."""

    def bitwise_right_shift_(self, other: Any) -> Tensor:
        """In-place form of `bitwise_right_shift`."""

    def bitwise_xor(self, other: Any) -> Tensor:
        """Bits set in just one; of bools whether they differ."""

    def bitwise_xor_(self, other: Any) -> Tensor:
        """In-place form of `bitwise_xor`."""

    def bmm(self, mat2: Any) -> Tensor:
        """Matrix products of two 3-D tensors, (b, n, k) and (b, k, m): one for each of the b."""

    def bool(self, memory_format: Any = ...) -> Tensor:
        """`input` in bool; itself where it is that already."""

    def broadcast_to(self, size: Any) -> Tensor:
        """`input` expanded to `size`."""

    def bucketize(self, boundaries: Any, *, out_int32: builtins.bool = ..., right: builtins.bool = ...) -> Tensor:
        """The bucket of each element between ascending `boundaries` (a vector): builtins.int64."""

    def byte(self, memory_format: Any = ...) -> Tensor:
        """`input` in uint8; itself where it is that already."""

    def cauchy_(self, *args: Any, generator: Any = ..., **kwargs: Any) -> Tensor:
        """Fills the tensor with numbers from the Cauchy distribution."""

    def cdist(self, x2: Any, p: Any = ..., compute_mode: Any = ...) -> Tensor:
        """Distances in the `p`-norm of all pairs of rows: (..., n, d) and (..., m, d) give (..., n, m)."""

    def cdouble(self, memory_format: Any = ...) -> Tensor:
        """`input` in complex128; itself where it is that already."""

    def ceil(self) -> Tensor:
        """Rounded up; integers as they are."""

    def ceil_(self) -> Tensor:
        """In-place form of `ceil`."""

    def celu_(self, alpha: Any = ...) -> Tensor:
        """In-place form of `celu`."""

    def cfloat(self, memory_format: Any = ...) -> Tensor:
        """`input` in complex64; itself where it is that already."""

    def chain_matmul(self, *args: Any) -> Tensor:
        """Product of matrices, in the cheapest order (see `linalg.multi_dot`)."""

    def char(self, memory_format: Any = ...) -> Tensor:
        """`input` in int8; itself where it is that already."""

    def cholesky(self, upper: Any = ...) -> Tensor:
        """Cholesky factor (see `linalg.cholesky`)."""

    def cholesky_inverse(self, upper: Any = ...) -> Tensor:
        """Inverse of L L^H (of U^H U with `upper`), from a Cholesky factor."""

    def cholesky_lower_(self) -> Tensor:
        """In-place form of `cholesky_lower`."""

    def cholesky_solve(self, L: Any, upper: Any = ...) -> Tensor:
        """X with (L L^H) X = B, from a Cholesky factor (U^H U with `upper`)."""

    def chunk(self, chunks: Any, dim: Any = ...) -> tuple[Tensor, ...]:
        """At most `chunks` parts along `dim`, all of one size but the last."""

    def clamp(self, min: Any = ..., max: Any = ...) -> Tensor:
        """`input` brought into [min, max]; a bound is a number, a tensor or None. `max` wins over `min`."""

    def clamp_(self, min: Any = ..., max: Any = ...) -> Tensor:
        """In-place form of `clamp`."""

    def clamp_max(self, max: Any) -> Tensor:
        """The smaller of `input` and `max`; a tie's gradient is `input`'s."""

    def clamp_max_(self, max: Any) -> Tensor:
        """In-place form of `clamp_max`."""

    def clamp_min(self, min: Any) -> Tensor:
        """The larger of `input` and `min`; a tie's gradient is `input`'s."""

    def clamp_min_(self, min: Any) -> Tensor:
        """In-place form of `clamp_min`."""

    def clip(self, min: Any = ..., max: Any = ...) -> Tensor:
        """`input` brought into [min, max]; a bound is a number, a tensor or None. `max` wins over `min`."""

    def clip_(self, min: Any = ..., max: Any = ...) -> Tensor:
        """In-place form of `clip`."""

    def clone(self, *, memory_format: Any = ...) -> Tensor:
        """A copy with memory of its own; gradients flow through it."""

    def combinations(self, r: Any = ..., with_replacement: Any = ...) -> Tensor:
        """All combinations of `r` elements of a vector, one in a row."""

    def complex(self, imag: Any) -> Tensor:
        """`real + 1j * imag`. Raises RuntimeError unless both are float32 or both float64."""

    def conj(self) -> Tensor:
        """Complex conjugate; `input` itself where it is real."""

    def conj_physical(self) -> Tensor:
        """Complex conjugate, always in memory of its own."""

    def conj_physical_(self) -> Tensor:
        """In-place form of `conj_physical`."""

    def contiguous(self, *, memory_format: Any = ...) -> Tensor:
        """`input` where it is contiguous, else a contiguous copy."""

    def copy_(self, src: Any, non_blocking: builtins.bool = ...) -> Tensor:
        """Writes `src`, cast and broadcast, into `input` in place; the device may differ. Returns `input`."""

    def copysign(self, other: Any) -> Tensor:
        """The magnitude of `input` with the sign of `other` (of -0.0 too)."""

    def copysign_(self, other: Any) -> Tensor:
        """In-place form of `copysign`."""

    def cos(self) -> Tensor:
        """Cosine of radians."""

    def cos_(self) -> Tensor:
        """In-place form of `cos`."""

    def cosh(self) -> Tensor:
        """Hyperbolic cosine."""

    def cosh_(self) -> Tensor:
        """In-place form of `cosh`."""

    def cosine_embedding_loss_(self, input2: Any, target: Any, margin: Any = ..., size_average: Any = ..., reduce: Any = ..., reduction: Any = ...) -> Tensor:
        """In-place form of `cosine_embedding_loss`."""

    def cosine_similarity_(self, x2: Any, dim: Any = ..., eps: Any = ...) -> Tensor:
        """In-place form of `cosine_similarity`."""

    def count_nonzero(self, dim: Any = ...) -> Tensor:
        """How many elements along `dim` are not zero: builtins.int64."""

    def cross(self, other: Any, dim: Any = ...) -> Tensor:
        """Vector products along `dim` (by default the first one of size 3)."""

    def cummax(self, dim: builtins.int) -> Any:
        """(values, indices) of the largest element so far along `dim`; the last of equal ones."""

    def cummin(self, dim: builtins.int) -> Any:
        """(values, indices) of the smallest element so far along `dim`; the last of equal ones."""

    def cumprod(self, dim: Any = ..., *, dtype: Any = ..., axis: Any = ...) -> Tensor:
        """Product of the elements up to and including each, along `dim`. Integers and bools give int64."""

    def cumprod_(self, dim: Any = ..., *, dtype: Any = ..., axis: Any = ...) -> Tensor:
        """In-place form of `cumprod`."""

    def cumsum(self, dim: Any = ..., *, dtype: Any = ..., axis: Any = ...) -> Tensor:
        """Sum of the elements up to and including each, along `dim`. Integers and bools give int64."""

    def cumsum_(self, dim: Any = ..., *, dtype: Any = ..., axis: Any = ...) -> Tensor:
        """In-place form of `cumsum`."""

    def cumulative_trapezoid(self, x: Any = ..., *, dx: Any = ..., dim: builtins.int = ...) -> Tensor:
        """Running integral of the samples `y` along `dim` by the trapezoidal rule; one element fewer."""

    def deg2rad(self) -> Tensor:
        """Degrees to radians."""

    def deg2rad_(self) -> Tensor:
        """In-place form of `deg2rad`."""

    def det_(self) -> Tensor:
        """In-place form of `det`."""

    def diag(self, diagonal: Any = ...) -> Tensor:
        """The diagonal of a matrix, or the matrix with a vector as its diagonal."""

    def diag_embed(self, offset: Any = ..., dim1: Any = ..., dim2: Any = ...) -> Tensor:
        """Square matrices in `dim1` and `dim2`, with the last dimension of `input` on their diagonal."""

    def diagflat(self, offset: Any = ...) -> Tensor:
        """A matrix with the elements of `input` on its diagonal."""

    def diagonal(self, offset: builtins.int = ..., dim1: builtins.int = ..., dim2: builtins.int = ...) -> Tensor:
        """The diagonal of dimensions `dim1` and `dim2`, as the last dimension; `offset` > 0 lies above it."""

    def diagonal_scatter(self, src: Any, offset: Any = ..., dim1: Any = ..., dim2: Any = ...) -> Tensor:
        """`input` with its diagonal replaced by `src`."""

    def diff(self, n: Any = ..., dim: Any = ..., prepend: Any = ..., append: Any = ...) -> Tensor:
        """The `n`th difference of neighbours along `dim`, after putting `prepend` and `append` at its ends."""

    def digamma(self) -> Tensor:
        """Derivative of the logarithm of the gamma function."""

    def digamma_(self) -> Tensor:
        """In-place form of `digamma`."""

    def dist(self, other: Any, p: Any = ...) -> Tensor:
        """`p`-norm of `input - other`, as a 0-d tensor."""

    def div(self, other: Any, *, rounding_mode: str | None = ...) -> Tensor:
        """Quotient, broadcast together; of integers too it is floating-point."""

    def div_(self, other: Any, *, rounding_mode: str | None = ...) -> Tensor:
        """In-place form of `div`."""

    def divide(self, other: Any, *, rounding_mode: str | None = ...) -> Tensor:
        """Quotient, broadcast together; of integers too it is floating-point."""

    def divide_(self, other: Any, *, rounding_mode: str | None = ...) -> Tensor:
        """In-place form of `divide`."""

    def dot(self, tensor: Any) -> Tensor:
        """Sum of the products of two 1-D tensors of one size, as a 0-d tensor."""

    def double(self, memory_format: Any = ...) -> Tensor:
        """`input` in float64; itself where it is that already."""

    def dsplit(self, *given: Any, **named: Any) -> tuple[Tensor, ...]:
        """`tensor_split` along dimension 2."""

    def elu_(self, alpha: Any = ...) -> Tensor:
        """In-place form of `elu`."""

    def eq(self, other: Any) -> Tensor:
        """Whether elements are equal."""

    def eq_(self, other: Any) -> Tensor:
        """In-place form of `eq`."""

    def equal(self, other: Any) -> builtins.bool:
        """Whether shapes and all elements are equal, as a Python bool."""

    def erf(self) -> Tensor:
        """Error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to `input`."""

    def erf_(self) -> Tensor:
        """In-place form of `erf`."""

    def erfc(self) -> Tensor:
        """`1 - erf(input)`, accurate where that is small."""

    def erfc_(self) -> Tensor:
        """In-place form of `erfc`."""

    def erfinv(self) -> Tensor:
        """The number whose error function is `input`; infinite at -1 and 1."""

    def erfinv_(self) -> Tensor:
        """In-place form of `erfinv`."""

    def exp(self) -> Tensor:
        """e to the power of `input`."""

    def exp_(self) -> Tensor:
        """In-place form of `exp`."""

    def exp2(self) -> Tensor:
        """2 to the power of `input`."""

    def exp2_(self) -> Tensor:
        """In-place form of `exp2`."""

    def expand(self, *size: Any, implicit: builtins.bool = ...) -> Tensor:
        """`input` repeated along dimensions of size 1 (and new ones in front), without a copy."""

    def expand_as(self, other: Any) -> Tensor:
        """`input` expanded to the shape of `other`."""

    def expm1(self) -> Tensor:
        """`exp(input) - 1`, accurate near 0."""

    def expm1_(self) -> Tensor:
        """In-place form of `expm1`."""

    def exponential_(self, *args: Any, generator: Any = ..., **kwargs: Any) -> Tensor:
        """Fills the tensor with numbers from the exponential distribution of rate `lambd`."""

    def fill(self, value: Any) -> Tensor:
        """A tensor like `input` filled with one value, a number or a 0-d tensor."""

    def fill_(self, value: Any) -> Tensor:
        """Writes one value (a number, or a 0-d tensor, through which gradients flow) into `input` in place."""

    def fix(self) -> Tensor:
        """Rounded towards 0; integers as they are."""

    def fix_(self) -> Tensor:
        """In-place form of `fix`."""

    def flatten(self, start_dim: Any = ..., end_dim: Any = ...) -> Tensor:
        """`input` with the dimensions from `start_dim` to `end_dim` made one."""

    def flip(self, *dims: Any, **named: Any) -> Tensor:
        """`input` with the order of elements along `dims` reversed; a copy."""

    def fliplr(self) -> Tensor:
        """`input` with its columns in reverse order."""

    def flipud(self) -> Tensor:
        """`input` with its rows in reverse order."""

    def float(self, memory_format: Any = ...) -> Tensor:
        """`input` in float32; itself where it is that already."""

    def float_power(self, exponent: Any) -> Tensor:
        """`input` to the power of `exponent`, in float64 or complex128."""

    def floor(self) -> Tensor:
        """Rounded down; integers as they are."""

    def floor_(self) -> Tensor:
        """In-place form of `floor`."""

    def floor_divide(self, other: Any) -> Tensor:
        """Quotient rounded down; integers stay integer. Raises RuntimeError for an integer divided by 0."""

    def floor_divide_(self, other: Any) -> Tensor:
        """In-place form of `floor_divide`."""

    def fmax(self, other: Any) -> Tensor:
        """The larger of the two; the other one where one is NaN."""

    def fmax_(self, other: Any) -> Tensor:
        """In-place form of `fmax`."""

    def fmin(self, other: Any) -> Tensor:
        """The smaller of the two; the other one where one is NaN."""

    def fmin_(self, other: Any) -> Tensor:
        """In-place form of `fmin`."""

    def fmod(self, other: Any) -> Tensor:
        """`input - trunc(input / other) * other`: it has the sign of `input`."""

    def fmod_(self, other: Any) -> Tensor:
        """In-place form of `fmod`."""

    def frac(self) -> Tensor:
        """`input - trunc(input)`."""

    def frac_(self) -> Tensor:
        """In-place form of `frac`."""

    def frexp(self) -> Any:
        """(mantissa, exponent) with `input == mantissa * 2 ** exponent` and 0.5 <= |mantissa| < 1."""

    def gather(self, dim: builtins.int, index: Any, *, sparse_grad: builtins.bool = ...) -> Tensor:
        """`out[i][j] = input[index[i][j]][j]` (for `dim` 0): elements along `dim` at `index`."""

    def gaussian_nll_(self, target: Any, var: Any, full: Any, eps: Any, reduction: Any) -> Tensor:
        """In-place form of `gaussian_nll`."""

    def gaussian_nll_loss_(self, target: Any, var: Any, full: builtins.bool = ..., eps: builtins.float = ..., reduction: str = ...) -> Tensor:
        """In-place form of `gaussian_nll_loss`."""

    def gcd(self, other: Any) -> Tensor:
        """Greatest common divisor of integers; gcd(0, 0) is 0."""

    def gcd_(self, other: Any) -> Tensor:
        """In-place form of `gcd`."""

    def ge(self, other: Any) -> Tensor:
        """Whether elements of `input` are greater than or equal to those of `other`."""

    def ge_(self, other: Any) -> Tensor:
        """In-place form of `ge`."""

    def geometric_(self, *args: Any, generator: Any = ..., **kwargs: Any) -> Tensor:
        """Fills the tensor with the number of trials (1, 2, ...) until a success of probability `p`."""

    def ger(self, vec2: Any) -> Tensor:
        """Products of all pairs of elements of two 1-D tensors: shape (n, m)."""

    def ger_(self, vec2: Any) -> Tensor:
        """In-place form of `ger`."""

    def greater(self, other: Any) -> Tensor:
        """Whether elements of `input` are greater than those of `other`."""

    def greater_(self, other: Any) -> Tensor:
        """In-place form of `greater`."""

    def greater_equal(self, other: Any) -> Tensor:
        """Whether elements of `input` are greater than or equal to those of `other`."""

    def greater_equal_(self, other: Any) -> Tensor:
        """In-place form of `greater_equal`."""

    def gt(self, other: Any) -> Tensor:
        """Whether elements of `input` are greater than those of `other`."""

    def gt_(self, other: Any) -> Tensor:
        """In-place form of `gt`."""

    def half(self, memory_format: Any = ...) -> Tensor:
        """`input` in float16; itself where it is that already."""

    def hardshrink(self, lambd: Any = ...) -> Tensor:
        """`input` where its magnitude is above `lambd`, else 0."""

    def hardsigmoid_(self) -> Tensor:
        """In-place form of `hardsigmoid`."""

    def hardswish_(self) -> Tensor:
        """In-place form of `hardswish`."""

    def hardtanh_(self, min_val: Any = ..., max_val: Any = ...) -> Tensor:
        """In-place form of `hardtanh`."""

    def heaviside(self, values: Any) -> Tensor:
        """0 where `input` is negative, 1 where positive, `values` where it is 0."""

    def heaviside_(self, values: Any) -> Tensor:
        """In-place form of `heaviside`."""

    def hinge_embedding_loss_(self, target: Any, margin: Any = ..., size_average: Any = ..., reduce: Any = ..., reduction: Any = ...) -> Tensor:
        """In-place form of `hinge_embedding_loss`."""

    def histc(self, bins: builtins.int = ..., min: builtins.float = ..., max: builtins.float = ...) -> Tensor:
        """Counts of the elements in `bins` equal bins from `min` to `max` (of the data, where both are 0)."""

    def histogram(self, bins: Any, *, range: Any = ..., weight: Any = ..., density: builtins.bool = ...) -> Any:
        """(counts, edges) of the elements between ascending edges `bins`, or in so many equal bins of `range`."""

    def hsplit(self, *given: Any, **named: Any) -> tuple[Tensor, ...]:
        """`tensor_split` along dimension 1."""

    def huber_loss_(self, target: Any, reduction: Any = ..., delta: Any = ..., weight: Any = ...) -> Tensor:
        """In-place form of `huber_loss`."""

    def hypot(self, other: Any) -> Tensor:
        """`sqrt(input ** 2 + other ** 2)`, without overflow on the way."""

    def hypot_(self, other: Any) -> Tensor:
        """In-place form of `hypot`."""

    def i0(self) -> Tensor:
        """Modified Bessel function of the first kind, of order 0."""

    def i0_(self) -> Tensor:
        """In-place form of `i0`."""

    def index_add(self, dim: builtins.int, index: Any, source: Any, *, alpha: Any = ...) -> Tensor:
        """`input` with `alpha * source` added to its slices along `dim` at `index`; equal ones add up."""

    def index_add_(self, dim: builtins.int, index: Any, source: Any, *, alpha: Any = ...) -> Tensor:
        """In-place form of `index_add`."""

    def index_copy(self, dim: builtins.int, index: Any, source: Any) -> Tensor:
        """`input` with its slices along `dim` at `index` replaced by those of `source`."""

    def index_copy_(self, dim: builtins.int, index: Any, source: Any) -> Tensor:
        """In-place form of `index_copy`."""

    def index_fill(self, dim: builtins.int, index: Any, value: Any) -> Tensor:
        """`input` with its slices along `dim` at `index` filled with `value`, a number or 0-d tensor."""

    def index_fill_(self, dim: builtins.int, index: Any, value: Any) -> Tensor:
        """In-place form of `index_fill`."""

    def index_put(self, indices: Any, values: Any, accumulate: builtins.bool = ...) -> Tensor:
        """`input` with `values` (broadcast) written, or added, at index tensors: `input[i, :, j] = values`."""

    def index_put_(self, indices: Any, values: Any, accumulate: builtins.bool = ...) -> Tensor:
        """In-place form of `index_put`."""

    def index_reduce(self, dim: builtins.int, index: Any, source: Any, reduce: str, *, include_self: builtins.bool = ...) -> Tensor:
        """`input` with the slices of `source` along `dim` reduced ('prod', 'mean', 'amax', 'amin') into those at `index`."""

    def index_reduce_(self, dim: builtins.int, index: Any, source: Any, reduce: str, *, include_self: builtins.bool = ...) -> Tensor:
        """In-place form of `index_reduce`."""

    def index_select(self, dim: builtins.int, index: Any) -> Tensor:
        """The slices of `input` along `dim` at `index` (of one dimension)."""

    def inner(self, other: Any) -> Tensor:
        """Sums of products over the last dimension of both; a product where one is 0-d."""

    def inner_(self, other: Any) -> Tensor:
        """In-place form of `inner`."""

    def int(self, memory_format: Any = ...) -> Tensor:
        """`input` in int32; itself where it is that already."""

    def inverse(self) -> Tensor:
        """Inverse of square matrices (see `linalg.inv`)."""

    def isclose(self, other: Any, rtol: builtins.float = ..., atol: builtins.float = ..., equal_nan: builtins.bool = ...) -> Tensor:
        """Whether `|input - other| <= atol + rtol * |other|`; infinities are close to themselves."""

    def isfinite(self) -> Tensor:
        """Whether elements are neither infinite nor NaN."""

    def isinf(self) -> Tensor:
        """Whether elements are infinite."""

    def isnan(self) -> Tensor:
        """Whether elements are NaN."""

    def isneginf(self, _op: Any = ...) -> Tensor:
        """Whether elements are -inf."""

    def isposinf(self, _op: Any = ...) -> Tensor:
        """Whether elements are +inf."""

    def isreal(self) -> Tensor:
        """Whether the imaginary part is 0."""

    def istft(self, n_fft: Any, hop_length: Any = ..., win_length: Any = ..., window: Any = ..., center: Any = ..., normalized: Any = ..., onesided: Any = ..., length: Any = ..., return_complex: Any = ...) -> Tensor:
        """The signal of a short-time Fourier transform (batch, frequencies, frames), by least squares."""

    def kl_div_(self, target: Any, size_average: Any = ..., reduce: Any = ..., reduction: Any = ..., log_target: Any = ...) -> Tensor:
        """In-place form of `kl_div`."""

    def kron(self, other: Any) -> Tensor:
        """Kronecker product: blocks of `other`, each scaled by one element of `input`."""

    def kron_(self, other: Any) -> Tensor:
        """In-place form of `kron`."""

    def kthvalue(self, k: builtins.int, dim: builtins.int = ..., keepdim: builtins.bool = ...) -> Any:
        """(value, index) of the `k`th smallest element along `dim`, counted from 1."""

    def l1_loss_(self, target: Any, size_average: Any = ..., reduce: Any = ..., reduction: Any = ..., weight: Any = ...) -> Tensor:
        """In-place form of `l1_loss`."""

    def lcm(self, other: Any) -> Tensor:
        """Least common multiple of integers."""

    def lcm_(self, other: Any) -> Tensor:
        """In-place form of `lcm`."""

    def ldexp(self, other: Any) -> Tensor:
        """`input * 2 ** other`."""

    def ldexp_(self, other: Any) -> Tensor:
        """In-place form of `ldexp`."""

    def le(self, other: Any) -> Tensor:
        """Whether elements of `input` are less than or equal to those of `other`."""

    def le_(self, other: Any) -> Tensor:
        """In-place form of `le`."""

    def leaky_relu_(self, negative_slope: Any = ...) -> Tensor:
        """In-place form of `leaky_relu`."""

    def lerp(self, end: Any, weight: Any) -> Tensor:
        """`input + weight * (end - input)`; `weight` is a number or a tensor."""

    def lerp_(self, end: Any, weight: Any) -> Tensor:
        """In-place form of `lerp`."""

    def less(self, other: Any) -> Tensor:
        """Whether elements of `input` are less than those of `other`."""

    def less_(self, other: Any) -> Tensor:
        """In-place form of `less`."""

    def less_equal(self, other: Any) -> Tensor:
        """Whether elements of `input` are less than or equal to those of `other`."""

    def less_equal_(self, other: Any) -> Tensor:
        """In-place form of `less_equal`."""

    def lgamma(self) -> Tensor:
        """Logarithm of the magnitude of the gamma function."""

    def lgamma_(self) -> Tensor:
        """In-place form of `lgamma`."""

    def linalg_det_(self) -> Tensor:
        """In-place form of `linalg_det`."""

    def linalg_inv_(self) -> Tensor:
        """In-place form of `linalg_inv`."""

    def linalg_matmul(self, other: Any) -> Tensor:
        """Matrix product of the last two dimensions, the others broadcast; a 1-D tensor is a vector."""

    def log(self) -> Tensor:
        """Natural logarithm."""

    def log_(self) -> Tensor:
        """In-place form of `log`."""

    def log10(self) -> Tensor:
        """Logarithm to base 10."""

    def log10_(self) -> Tensor:
        """In-place form of `log10`."""

    def log1p(self) -> Tensor:
        """`log(1 + input)`, accurate near 0."""

    def log1p_(self) -> Tensor:
        """In-place form of `log1p`."""

    def log2(self) -> Tensor:
        """Logarithm to base 2."""

    def log2_(self) -> Tensor:
        """In-place form of `log2`."""

    def log_normal_(self, *args: Any, generator: Any = ..., **kwargs: Any) -> Tensor:
        """Fills the tensor with numbers whose logarithms have that mean and standard deviation."""

    def log_softmax(self, dim: builtins.int, dtype: Any = ...) -> Tensor:
        """Logarithm of `softmax`, without overflow; same shape, in `dtype` where given."""

    def logaddexp(self, other: Any) -> Tensor:
        """`log(exp(input) + exp(other))`, without overflow."""

    def logaddexp_(self, other: Any) -> Tensor:
        """In-place form of `logaddexp`."""

    def logaddexp2(self, other: Any) -> Tensor:
        """`log2(2 ** input + 2 ** other)`, without overflow."""

    def logaddexp2_(self, other: Any) -> Tensor:
        """In-place form of `logaddexp2`."""

    def logcumsumexp(self, dim: builtins.int) -> Tensor:
        """`log(cumsum(exp(input)))` along `dim`, safe against overflow: doubling steps of `logaddexp`."""

    def logdet(self) -> Tensor:
        """Logarithm of the determinant; NaN where it is negative."""

    def logical_and(self, other: Any) -> Tensor:
        """Whether both elements are nonzero."""

    def logical_and_(self, other: Any) -> Tensor:
        """In-place form of `logical_and`."""

    def logical_not(self) -> Tensor:
        """Whether elements are 0 or False."""

    def logical_not_(self) -> Tensor:
        """In-place form of `logical_not`."""

    def logical_or(self, other: Any) -> Tensor:
        """Whether one of the two elements is nonzero."""

    def logical_or_(self, other: Any) -> Tensor:
        """In-place form of `logical_or`."""

    def logical_xor(self, other: Any) -> Tensor:
        """Whether just one of the two elements is nonzero."""

    def logical_xor_(self, other: Any) -> Tensor:
        """In-place form of `logical_xor`."""

    def logit(self, eps: Any = ...) -> Tensor:
        """`log(input / (1 - input))`; with `eps`, `input` is first clamped to [eps, 1 - eps]."""

    def logit_(self, eps: Any = ...) -> Tensor:
        """In-place form of `logit`."""

    def logsumexp(self, dim: Any = ..., keepdim: builtins.bool = ..., *, axis: Any = ..., keepdims: Any = ...) -> Tensor:
        """`log(sum(exp(input)))` over `dim`, safe against overflow."""

    def logsumexp_(self, dim: Any = ..., keepdim: builtins.bool = ..., *, axis: Any = ..., keepdims: Any = ...) -> Tensor:
        """In-place form of `logsumexp`."""

    def long(self, memory_format: Any = ...) -> Tensor:
        """`input` in int64; itself where it is that already."""

    def lt(self, other: Any) -> Tensor:
        """Whether elements of `input` are less than those of `other`."""

    def lt_(self, other: Any) -> Tensor:
        """In-place form of `lt`."""

    def lu_solve(self, LU_data: Any, LU_pivots: Any) -> Tensor:
        """X with A X = b, from `linalg.lu_factor` of A."""

    def lu_unpack(self, LU_pivots: Any, unpack_data: Any = ..., unpack_pivots: Any = ...) -> Any:
        """(P, L, U) of what `linalg.lu_factor` gave; empty what is not asked for."""

    def margin_ranking_loss_(self, input2: Any, target: Any, margin: Any = ..., size_average: Any = ..., reduce: Any = ..., reduction: Any = ...) -> Tensor:
        """In-place form of `margin_ranking_loss`."""

    def masked_fill(self, mask: Any, value: Any) -> Tensor:
        """`input` with `value` (a number or 0-d tensor) where `mask` is true; the two are broadcast."""

    def masked_fill_(self, mask: Any, value: Any) -> Tensor:
        """In-place form of `masked_fill`."""

    def masked_scatter(self, mask: Any, source: Any) -> Tensor:
        """`input` with the elements where `mask` is true replaced by those of `source`, one after another."""

    def masked_scatter_(self, mask: Any, source: Any) -> Tensor:
        """In-place form of `masked_scatter`."""

    def masked_select(self, mask: Any) -> Tensor:
        """The elements of `input` where `mask` is true, in one dimension; the two are broadcast together."""

    def matmul(self, other: Any) -> Tensor:
        """Matrix product of the last two dimensions, the others broadcast; a 1-D tensor is a vector."""

    def matrix_product_(self, other: Any) -> Tensor:
        """In-place form of `matrix_product`."""

    def max(self, dim: Any = ..., keepdim: builtins.bool = ..., *, other: Any = ..., axis: Any = ..., keepdims: Any = ...) -> Any:
        """Largest elements along `dim` with their indices: `max(x)`, `max(x, dim)` or `max(x, other)`."""

    def maximum(self, other: Any) -> Tensor:
        """The larger of the two; NaN where either is NaN. A tie shares the gradient evenly."""

    def maximum_(self, other: Any) -> Tensor:
        """In-place form of `maximum`."""

    def mean(self, dim: Any = ..., keepdim: builtins.bool = ..., *, dtype: Any = ..., axis: Any = ..., keepdims: Any = ...) -> Tensor:
        """Arithmetic mean over `dim`. Raises RuntimeError for integers: give a floating `dtype`."""

    def median(self, dim: Any = ..., keepdim: builtins.bool = ...) -> Any:
        """(value, index) of the lower median along `dim`, NaN where there is one; without `dim` that of all."""

    def min(self, dim: Any = ..., keepdim: builtins.bool = ..., *, other: Any = ..., axis: Any = ..., keepdims: Any = ...) -> Any:
        """Smallest elements along `dim` with their indices: `min(x)`, `min(x, dim)` or `min(x, other)`."""

    def minimum(self, other: Any) -> Tensor:
        """The smaller of the two; NaN where either is NaN. A tie shares the gradient evenly."""

    def minimum_(self, other: Any) -> Tensor:
        """In-place form of `minimum`."""

    def mish_(self) -> Tensor:
        """In-place form of `mish`."""

    def mm(self, mat2: Any) -> Tensor:
        """Matrix product of two 2-D tensors. Raises RuntimeError for other shapes or two dtypes."""

    def mode(self, dim: builtins.int = ..., keepdim: builtins.bool = ...) -> Any:
        """(value, index) of the most frequent element along `dim`; of several the smallest, its last index."""

    def moveaxis(self, source: Any, destination: Any) -> Tensor:
        """`input` with the dimensions `source` moved to the places `destination`, the others in order."""

    def movedim(self, source: Any, destination: Any) -> Tensor:
        """`input` with the dimensions `source` moved to the places `destination`, the others in order."""

    def mse_loss_(self, target: Any, size_average: Any = ..., reduce: Any = ..., reduction: Any = ..., weight: Any = ...) -> Tensor:
        """In-place form of `mse_loss`."""

    def msort(self) -> Tensor:
        """`input` in order along its first dimension."""

    def mul(self, other: Any) -> Tensor:
        """Product, broadcast together."""

    def mul_(self, other: Any) -> Tensor:
        """In-place form of `mul`."""

    def multilabel_soft_margin_loss_(self, target: Any, weight: Any = ..., size_average: Any = ..., reduce: Any = ..., reduction: Any = ...) -> Tensor:
        """In-place form of `multilabel_soft_margin_loss`."""

    def multinomial(self, num_samples: builtins.int, replacement: builtins.bool = ..., *, generator: Any = ...) -> Tensor:
        """Indices drawn with the probabilities (any positive scale) in each row of `input`; int64."""

    def multiply(self, other: Any) -> Tensor:
        """Product, broadcast together."""

    def multiply_(self, other: Any) -> Tensor:
        """In-place form of `multiply`."""

    def mv(self, vec: Any) -> Tensor:
        """Product of a matrix and a vector."""

    def mvlgamma(self, p: Any) -> Tensor:
        """Logarithm of the multivariate gamma function of dimension `p`."""

    def mvlgamma_(self, p: Any) -> Tensor:
        """In-place form of `mvlgamma`."""

    def nan_to_num(self, nan: Any = ..., posinf: Any = ..., neginf: Any = ...) -> Tensor:
        """NaN and the infinities replaced; by default by 0 and the dtype's largest and smallest number."""

    def nan_to_num_(self, nan: Any = ..., posinf: Any = ..., neginf: Any = ...) -> Tensor:
        """In-place form of `nan_to_num`."""

    def nanmean(self, dim: Any = ..., keepdim: builtins.bool = ..., *, dtype: Any = ..., axis: Any = ..., keepdims: Any = ...) -> Tensor:
        """`mean` of the elements that are not NaN."""

    def nanmedian(self, dim: Any = ..., keepdim: builtins.bool = ...) -> Any:
        """(value, index) of the lower median along `dim` of what is not NaN; without `dim` that of all."""

    def nanquantile(self, q: Any, dim: Any = ..., keepdim: builtins.bool = ..., *, interpolation: str = ...) -> Tensor:
        """`quantile` of the elements that are not NaN."""

    def nansum(self, dim: Any = ..., keepdim: builtins.bool = ..., *, dtype: Any = ..., axis: Any = ..., keepdims: Any = ...) -> Tensor:
        """`sum`, with NaN taken as 0."""

    def narrow(self, dim: Any, start: Any, length: Any) -> Tensor:
        """Elements `start` to `start + length - 1` of dimension `dim`."""

    def ne(self, other: Any) -> Tensor:
        """Whether elements differ."""

    def ne_(self, other: Any) -> Tensor:
        """In-place form of `ne`."""

    def neg(self) -> Tensor:
        """`-input`. Raises RuntimeError for bool."""

    def neg_(self) -> Tensor:
        """In-place form of `neg`."""

    def negative(self) -> Tensor:
        """`-input`. Raises RuntimeError for bool."""

    def negative_(self) -> Tensor:
        """In-place form of `negative`."""

    def new_empty(self, *size: Any, dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., **named: Any) -> Tensor:
        """Unspecified values of shape `size` in the dtype and on the device of `input`."""

    def new_full(self, size: Any, fill_value: Any, *, dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ...) -> Tensor:
        """`fill_value` in shape `size`, in the dtype and on the device of `input`."""

    def new_ones(self, *size: Any, dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., **named: Any) -> Tensor:
        """Ones of shape `size` in the dtype and on the device of `input`."""

    def new_zeros(self, *size: Any, dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., **named: Any) -> Tensor:
        """Zeros of shape `size` in the dtype and on the device of `input`."""

    def nextafter(self, other: Any) -> Tensor:
        """The next representable number after `input` towards `other`."""

    def nextafter_(self, other: Any) -> Tensor:
        """In-place form of `nextafter`."""

    def nonzero(self, *, as_tuple: builtins.bool = ...) -> Any:
        """The indices of the elements that are not zero: builtins.int64, shape (count, dimensions of `input`)."""

    def nonzero_static(self, *, size: builtins.int, fill_value: builtins.int = ...) -> Tensor:
        """The first `size` rows of `nonzero(input)`; missing ones are `fill_value`. The shape is known before."""

    def norm(self, p: Any = ..., dim: Any = ..., keepdim: Any = ..., dtype: Any = ...) -> Tensor:
        """`p`-norm over `dim` (all by default) of the elements; 'fro' is 2, 'nuc' takes singular values."""

    def normal_(self, *args: Any, generator: Any = ..., **kwargs: Any) -> Tensor:
        """Fills the tensor with numbers from the normal distribution of that mean and standard deviation."""

    def not_equal(self, other: Any) -> Tensor:
        """Whether elements differ."""

    def not_equal_(self, other: Any) -> Tensor:
        """In-place form of `not_equal`."""

    def outer(self, vec2: Any) -> Tensor:
        """Products of all pairs of elements of two 1-D tensors: shape (n, m)."""

    def outer_(self, vec2: Any) -> Tensor:
        """In-place form of `outer`."""

    def pairwise_distance_(self, x2: Any, p: Any = ..., eps: Any = ..., keepdim: Any = ...) -> Tensor:
        """In-place form of `pairwise_distance`."""

    def permute(self, *dims: Any) -> Tensor:
        """`input` with its dimensions in the order `dims`."""

    def pinverse(self, rcond: Any = ...) -> Tensor:
        """Moore-Penrose inverse (see `linalg.pinv`)."""

    def poisson(self, generator: Any = ...) -> Tensor:
        """Numbers from Poisson distributions with the rates in `input`, in its dtype."""

    def poisson_nll_loss_(self, target: Any, log_input: Any = ..., full: Any = ..., size_average: Any = ..., eps: Any = ..., reduce: Any = ..., reduction: Any = ...) -> Tensor:
        """In-place form of `poisson_nll_loss`."""

    def polar(self, angle: Any) -> Tensor:
        """The complex number of magnitude `abs` and `angle` in radians."""

    def polygamma(self, input: Any) -> Tensor:
        """Derivative of order `n` of `digamma`. Raises RuntimeError for a negative `n`."""

    def positive(self) -> Tensor:
        """`input` itself. Raises RuntimeError for bool."""

    def pow(self, exponent: Any) -> Tensor:
        """`input` to the power of `exponent`. Raises RuntimeError for an integer to a negative power."""

    def pow_(self, exponent: Any) -> Tensor:
        """In-place form of `pow`."""

    def prelu(self, weight: Any) -> Tensor:
        """`input` where it is positive, else `weight * input`."""

    def prod(self, dim: Any = ..., keepdim: builtins.bool = ..., *, dtype: Any = ..., axis: Any = ..., keepdims: Any = ...) -> Tensor:
        """Product over `dim` (an int, or None for all). Integers and bools give int64."""

    def put(self, index: Any, source: Any, accumulate: builtins.bool = ...) -> Tensor:
        """`input` with the elements of `source` written, or added, at `index` of its flattened form."""

    def put_(self, index: Any, source: Any, accumulate: builtins.bool = ...) -> Tensor:
        """In-place form of `put`."""

    def qr(self, some: Any = ...) -> Any:
        """(Q, R) with input = Q R (see `linalg.qr`)."""

    def quantile(self, q: Any, dim: Any = ..., keepdim: builtins.bool = ..., *, interpolation: str = ...) -> Tensor:
        """The `q`th quantiles (0 to 1) along `dim`, or of all elements; a vector `q` gives a first dimension."""

    def rad2deg(self) -> Tensor:
        """Radians to degrees."""

    def rad2deg_(self) -> Tensor:
        """In-place form of `rad2deg`."""

    def random_(self, *bounds: Any, generator: Any = ..., **named: Any) -> Tensor:
        """Fills the tensor with whole numbers in [from, to); without bounds: all that its dtype holds exactly."""

    def ravel(self) -> Tensor:
        """`input` as one dimension; a view where memory order allows it."""

    def reciprocal(self) -> Tensor:
        """`1 / input`."""

    def reciprocal_(self) -> Tensor:
        """In-place form of `reciprocal`."""

    def relu(self) -> Tensor:
        """`max(input, 0)`; NaN stays NaN. Raises RuntimeError for bool."""

    def relu_(self) -> Tensor:
        """In-place form of `relu`."""

    def relu6_(self) -> Tensor:
        """In-place form of `relu6`."""

    def remainder(self, other: Any) -> Tensor:
        """`input - floor(input / other) * other`: it has the sign of `other`."""

    def remainder_(self, other: Any) -> Tensor:
        """In-place form of `remainder`."""

    def renorm(self, p: Any, dim: Any, maxnorm: Any) -> Tensor:
        """Slices of `input` along `dim`, each scaled down so that its `p`-norm is at most `maxnorm`."""

    def repeat(self, *repeats: Any) -> Tensor:
        """`input` laid out `repeats` times along each dimension (new ones in front)."""

    def repeat_interleave(self, repeats: Any = ..., dim: Any = ..., *, output_size: Any = ...) -> Tensor:
        """Each element of dimension `dim` `repeats` times in a row (of the flattened tensor without `dim`)."""

    def reshape(self, *shape: Any) -> Tensor:
        """`input` in another shape: a view where memory order allows it, else a copy."""

    def reshape_as(self, other: Any) -> Tensor:
        """`input` in the shape of `other`; a view where memory order allows it."""

    def resolve_conj(self) -> Tensor:
        """`input` itself: conjugation is never put off here."""

    def resolve_neg(self) -> Tensor:
        """`input` itself: negation is never put off here."""

    def roll(self, shifts: Any, dims: Any = ...) -> Tensor:
        """`input` moved by `shifts` along `dims`; what leaves at the end comes in at the front."""

    def rot90(self, k: Any = ..., dims: Any = ...) -> Tensor:
        """`input` turned by `k` quarter turns in the plane of `dims`, from the first towards the second."""

    def round(self, *, decimals: builtins.int = ...) -> Tensor:
        """Rounded to `decimals` digits after the point (before it, where negative), halves to even."""

    def round_(self, *, decimals: builtins.int = ...) -> Tensor:
        """In-place form of `round`."""

    def rsqrt(self) -> Tensor:
        """`1 / sqrt(input)`."""

    def rsqrt_(self) -> Tensor:
        """In-place form of `rsqrt`."""

    def rsub(self, other: Any, *, alpha: Any = ...) -> Tensor:
        """`other - alpha * input`."""

    def rsub_(self, other: Any, *, alpha: Any = ...) -> Tensor:
        """In-place form of `rsub`."""

    def scatter(self, dim: builtins.int, index: Any, src: Any = ..., value: Any = ..., *, reduce: Any = ...) -> Tensor:
        """`input` with `out[index[i][j]][j] = src[i][j]` (for `dim` 0), for every element of `index`."""

    def scatter_(self, dim: builtins.int, index: Any, src: Any = ..., value: Any = ..., *, reduce: Any = ...) -> Tensor:
        """In-place form of `scatter`."""

    def scatter_add(self, dim: builtins.int, index: Any, src: Any) -> Tensor:
        """`input` with `src` added at `index` along `dim`; equal indices add up."""

    def scatter_add_(self, dim: builtins.int, index: Any, src: Any) -> Tensor:
        """In-place form of `scatter_add`."""

    def scatter_reduce(self, dim: builtins.int, index: Any, src: Any, reduce: str, *, include_self: builtins.bool = ...) -> Tensor:
        """`input` with the elements of `src` at equal `index` along `dim` reduced into it."""

    def scatter_reduce_(self, dim: builtins.int, index: Any, src: Any, reduce: str, *, include_self: builtins.bool = ...) -> Tensor:
        """In-place form of `scatter_reduce`."""

    def searchsorted(self, input: Any, *, out_int32: builtins.bool = ..., right: builtins.bool = ..., side: Any = ..., sorter: Any = ...) -> Tensor:
        """Where each of `input` would go in `sorted_sequence` (its last dimension in order): builtins.int64 positions."""

    def select(self, dim: builtins.int, index: builtins.int) -> Tensor:
        """Element `index` of dimension `dim`, which is dropped. Raises IndexError out of range."""

    def select_scatter(self, src: Any, dim: Any, index: Any) -> Tensor:
        """`input` with element `index` of dimension `dim` replaced by `src`."""

    def selu_(self) -> Tensor:
        """In-place form of `selu`."""

    def sgn(self) -> Tensor:
        """`sign` for real numbers; for complex ones `input / abs(input)`, and 0 for 0."""

    def sgn_(self) -> Tensor:
        """In-place form of `sgn`."""

    def short(self, memory_format: Any = ...) -> Tensor:
        """`input` in int16; itself where it is that already."""

    def sigmoid(self) -> Tensor:
        """`1 / (1 + exp(-input))`."""

    def sigmoid_(self) -> Tensor:
        """In-place form of `sigmoid`."""

    def sign(self) -> Tensor:
        """-1, 0 or 1 by the sign of `input`; 0 for NaN."""

    def sign_(self) -> Tensor:
        """In-place form of `sign`."""

    def signbit(self, _op: Any = ...) -> Tensor:
        """Whether the sign is negative, that of -0.0 included."""

    def silu_(self) -> Tensor:
        """In-place form of `silu`."""

    def sin(self) -> Tensor:
        """Sine of radians."""

    def sin_(self) -> Tensor:
        """In-place form of `sin`."""

    def sinc(self) -> Tensor:
        """`sin(pi x) / (pi x)`, and 1 at 0."""

    def sinc_(self) -> Tensor:
        """In-place form of `sinc`."""

    def sinh(self) -> Tensor:
        """Hyperbolic sine."""

    def sinh_(self) -> Tensor:
        """In-place form of `sinh`."""

    def slice_scatter(self, src: Any, dim: Any = ..., start: Any = ..., end: Any = ..., step: Any = ...) -> Tensor:
        """`input` with `input[start:end:step]` along `dim` replaced by `src`."""

    def smooth_l1_loss_(self, target: Any, size_average: Any = ..., reduce: Any = ..., reduction: Any = ..., beta: Any = ...) -> Tensor:
        """In-place form of `smooth_l1_loss`."""

    def soft_margin_loss_(self, target: Any, size_average: Any = ..., reduce: Any = ..., reduction: Any = ...) -> Tensor:
        """In-place form of `soft_margin_loss`."""

    def softmax(self, dim: builtins.int, dtype: Any = ...) -> Tensor:
        """Exponentials of `input`, scaled to sum to 1 along `dim`; same shape, in `dtype` where given."""

    def softsign_(self) -> Tensor:
        """In-place form of `softsign`."""

    def solve_matrices_(self, B: Any) -> Tensor:
        """In-place form of `solve_matrices`."""

    def sort(self, dim: Any = ..., descending: builtins.bool = ..., *, stable: builtins.bool = ...) -> Any:
        """(values, indices) of `input` in order along `dim`. NaN counts as the largest; equal ones keep their order."""

    def special_bessel_j0_(self) -> Tensor:
        """In-place form of `special_bessel_j0`."""

    def special_bessel_j1_(self) -> Tensor:
        """In-place form of `special_bessel_j1`."""

    def special_chebyshev_polynomial_t_(self, n: Any) -> Tensor:
        """In-place form of `special_chebyshev_polynomial_t`."""

    def special_chebyshev_polynomial_u_(self, n: Any) -> Tensor:
        """In-place form of `special_chebyshev_polynomial_u`."""

    def special_chebyshev_polynomial_v_(self, n: Any) -> Tensor:
        """In-place form of `special_chebyshev_polynomial_v`."""

    def special_chebyshev_polynomial_w_(self, n: Any) -> Tensor:
        """In-place form of `special_chebyshev_polynomial_w`."""

    def special_digamma(self) -> Tensor:
        """Derivative of the logarithm of the gamma function."""

    def special_digamma_(self) -> Tensor:
        """In-place form of `special_digamma`."""

    def special_entr_(self) -> Tensor:
        """In-place form of `special_entr`."""

    def special_erf(self) -> Tensor:
        """Error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to `input`."""

    def special_erf_(self) -> Tensor:
        """In-place form of `special_erf`."""

    def special_erfc(self) -> Tensor:
        """`1 - erf(input)`, accurate where that is small."""

    def special_erfc_(self) -> Tensor:
        """In-place form of `special_erfc`."""

    def special_erfcx_(self) -> Tensor:
        """In-place form of `special_erfcx`."""

    def special_erfinv(self) -> Tensor:
        """The number whose error function is `input`; infinite at -1 and 1."""

    def special_erfinv_(self) -> Tensor:
        """In-place form of `special_erfinv`."""

    def special_gammaln(self) -> Tensor:
        """Logarithm of the magnitude of the gamma function."""

    def special_gammaln_(self) -> Tensor:
        """In-place form of `special_gammaln`."""

    def special_hermite_polynomial_h_(self, n: Any) -> Tensor:
        """In-place form of `special_hermite_polynomial_h`."""

    def special_hermite_polynomial_he_(self, n: Any) -> Tensor:
        """In-place form of `special_hermite_polynomial_he`."""

    def special_i0(self) -> Tensor:
        """Modified Bessel function of the first kind, of order 0."""

    def special_i0_(self) -> Tensor:
        """In-place form of `special_i0`."""

    def special_i0e_(self) -> Tensor:
        """In-place form of `special_i0e`."""

    def special_i1_(self) -> Tensor:
        """In-place form of `special_i1`."""

    def special_i1e_(self) -> Tensor:
        """In-place form of `special_i1e`."""

    def special_laguerre_polynomial_l_(self, n: Any) -> Tensor:
        """In-place form of `special_laguerre_polynomial_l`."""

    def special_legendre_polynomial_p_(self, n: Any) -> Tensor:
        """In-place form of `special_legendre_polynomial_p`."""

    def special_log_ndtr_(self) -> Tensor:
        """In-place form of `special_log_ndtr`."""

    def special_log_softmax(self, dim: builtins.int, dtype: Any = ...) -> Tensor:
        """Logarithm of `softmax`, without overflow; same shape, in `dtype` where given."""

    def special_modified_bessel_i0(self) -> Tensor:
        """Modified Bessel function of the first kind, of order 0."""

    def special_modified_bessel_i0_(self) -> Tensor:
        """In-place form of `special_modified_bessel_i0`."""

    def special_modified_bessel_i1_(self) -> Tensor:
        """In-place form of `special_modified_bessel_i1`."""

    def special_modified_bessel_k0_(self) -> Tensor:
        """In-place form of `special_modified_bessel_k0`."""

    def special_modified_bessel_k1_(self) -> Tensor:
        """In-place form of `special_modified_bessel_k1`."""

    def special_multigammaln(self, p: Any) -> Tensor:
        """Logarithm of the multivariate gamma function of dimension `p`."""

    def special_multigammaln_(self, p: Any) -> Tensor:
        """In-place form of `special_multigammaln`."""

    def special_ndtr_(self) -> Tensor:
        """In-place form of `special_ndtr`."""

    def special_ndtri_(self) -> Tensor:
        """In-place form of `special_ndtri`."""

    def special_polygamma(self, input: Any) -> Tensor:
        """Derivative of order `n` of `digamma`. Raises RuntimeError for a negative `n`."""

    def special_psi(self) -> Tensor:
        """Derivative of the logarithm of the gamma function."""

    def special_psi_(self) -> Tensor:
        """In-place form of `special_psi`."""

    def special_scaled_modified_bessel_k0_(self) -> Tensor:
        """In-place form of `special_scaled_modified_bessel_k0`."""

    def special_scaled_modified_bessel_k1_(self) -> Tensor:
        """In-place form of `special_scaled_modified_bessel_k1`."""

    def special_shifted_chebyshev_polynomial_t_(self, n: Any) -> Tensor:
        """In-place form of `special_shifted_chebyshev_polynomial_t`."""

    def special_shifted_chebyshev_polynomial_u_(self, n: Any) -> Tensor:
        """In-place form of `special_shifted_chebyshev_polynomial_u`."""

    def special_shifted_chebyshev_polynomial_v_(self, n: Any) -> Tensor:
        """In-place form of `special_shifted_chebyshev_polynomial_v`."""

    def special_shifted_chebyshev_polynomial_w_(self, n: Any) -> Tensor:
        """In-place form of `special_shifted_chebyshev_polynomial_w`."""

    def special_softmax(self, dim: builtins.int, dtype: Any = ...) -> Tensor:
        """Exponentials of `input`, scaled to sum to 1 along `dim`; same shape, in `dtype` where given."""

    def special_spherical_bessel_j0_(self) -> Tensor:
        """In-place form of `special_spherical_bessel_j0`."""

    def special_xlog1py_(self, other: Any) -> Tensor:
        """In-place form of `special_xlog1py`."""

    def special_xlogy(self, other: Any) -> Tensor:
        """`input * log(other)`, and 0 where `input` is 0 (unless `other` is NaN)."""

    def special_xlogy_(self, other: Any) -> Tensor:
        """In-place form of `special_xlogy`."""

    def special_zeta_(self, other: Any) -> Tensor:
        """In-place form of `special_zeta`."""

    def split(self, split_size: Any = ..., dim: builtins.int = ..., **named: Any) -> tuple[Tensor, ...]:
        """A tuple of parts along `dim`: all of one size but the last, or of the sizes given."""

    def sqrt(self) -> Tensor:
        """Square root; NaN for negative numbers."""

    def sqrt_(self) -> Tensor:
        """In-place form of `sqrt`."""

    def square(self) -> Tensor:
        """`input * input`."""

    def square_(self) -> Tensor:
        """In-place form of `square`."""

    def squared_error_(self, target: Any, reduction: Any) -> Tensor:
        """In-place form of `squared_error`."""

    def squeeze(self, dim: Any = ...) -> Tensor:
        """`input` without its dimensions of size 1 (only those in `dim`, where given)."""

    def squeeze_(self, dim: Any = ...) -> Tensor:
        """In-place form of `squeeze`."""

    def std(self, dim: Any = ..., unbiased: Any = ..., keepdim: builtins.bool = ..., *, correction: Any = ..., axis: Any = ..., keepdims: Any = ...) -> Tensor:
        """Standard deviation over `dim`: the square root of `var`."""

    def stft(self, n_fft: builtins.int, *args: Any, **named: Any) -> Tensor:
        """Fourier transforms of overlapping windows of a signal (samples,) or (batch, samples)."""

    def sub(self, other: Any, *, alpha: Any = ...) -> Tensor:
        """`input - alpha * other`, broadcast together."""

    def sub_(self, other: Any, *, alpha: Any = ...) -> Tensor:
        """In-place form of `sub`."""

    def subtract(self, other: Any, *, alpha: Any = ...) -> Tensor:
        """`input - alpha * other`, broadcast together."""

    def subtract_(self, other: Any, *, alpha: Any = ...) -> Tensor:
        """In-place form of `subtract`."""

    def sum(self, dim: Any = ..., keepdim: builtins.bool = ..., *, dtype: Any = ..., axis: Any = ..., keepdims: Any = ...) -> Tensor:
        """Sum over `dim` (an int, several, or None for all). Integers and bools give int64."""

    def svd(self, some: Any = ..., compute_uv: Any = ...) -> Any:
        """(U, S, V) with input = U diag(S) V^H; see `linalg.svd`."""

    def swapaxes(self, dim0: Any, dim1: Any) -> Tensor:
        """`input` with two dimensions swapped."""

    def swapaxes_(self, dim0: Any, dim1: Any) -> Tensor:
        """In-place form of `swapaxes`."""

    def swapdims(self, dim0: Any, dim1: Any) -> Tensor:
        """`input` with two dimensions swapped."""

    def swapdims_(self, dim0: Any, dim1: Any) -> Tensor:
        """In-place form of `swapdims`."""

    def t(self) -> Tensor:
        """The transpose of a matrix; vectors and scalars as they are. Raises RuntimeError over 2 dimensions."""

    def t_(self) -> Tensor:
        """In-place form of `t`."""

    def take(self, index: Any) -> Tensor:
        """The elements of the flattened `input` at `index`, in the shape of `index`."""

    def take_along_dim(self, indices: Any, dim: Any = ...) -> Tensor:
        """`gather`, with `input` and `indices` broadcast together but for `dim`; without `dim`, of all elements."""

    def tan(self) -> Tensor:
        """Tangent of radians."""

    def tan_(self) -> Tensor:
        """In-place form of `tan`."""

    def tanh(self) -> Tensor:
        """Hyperbolic tangent."""

    def tanh_(self) -> Tensor:
        """In-place form of `tanh`."""

    def tanhshrink_(self) -> Tensor:
        """In-place form of `tanhshrink`."""

    def tensor_split(self, indices_or_sections: Any = ..., dim: builtins.int = ..., **named: Any) -> tuple[Tensor, ...]:
        """Parts along `dim`: so many, as even as can be, or cut at the given indices."""

    def tensordot(self, b: Any, dims: Any = ...) -> Tensor:
        """Sums of products over pairs of dimensions: those in `dims[0]` of `a` and `dims[1]` of `b`."""

    def threshold_(self, threshold: Any, value: Any) -> Tensor:
        """In-place form of `threshold`."""

    def tile(self, *dims: Any) -> Tensor:
        """`repeat`, where missing counts in front are 1."""

    def to(self, *args: Any, dtype: Any = ..., device: Any = ..., other: Any = ..., non_blocking: builtins.bool = ..., copy: builtins.bool = ..., memory_format: Any = ..., **named: Any) -> Tensor:
        """`input` in another dtype, on another device, or both; itself where nothing changes."""

    def topk(self, k: builtins.int, dim: builtins.int = ..., largest: builtins.bool = ..., sorted: builtins.bool = ...) -> Any:
        """(values, indices) of the `k` largest (or smallest) elements along `dim`, in order."""

    def trace(self) -> Tensor:
        """Sum of the diagonal of a matrix. Raises RuntimeError for other than 2 dimensions."""

    def transpose(self, dim0: Any, dim1: Any) -> Tensor:
        """`input` with two dimensions swapped."""

    def transpose_(self, dim0: Any, dim1: Any) -> Tensor:
        """In-place form of `transpose`."""

    def trapezoid(self, x: Any = ..., *, dx: Any = ..., dim: builtins.int = ...) -> Tensor:
        """Integral of the samples `y` along `dim` by the trapezoidal rule, at points `x` or `dx` apart."""

    def trapz(self, x: Any = ..., *, dx: Any = ..., dim: builtins.int = ...) -> Tensor:
        """Integral of the samples `y` along `dim` by the trapezoidal rule, at points `x` or `dx` apart."""

    def triangular_solve(self, A: Any, upper: Any = ..., transpose: Any = ..., unitriangular: Any = ...) -> Any:
        """(X, A) with A X = b for triangular A, or A^T X = b."""

    def tril(self, diagonal: Any = ...) -> Tensor:
        """The lower triangle of the last two dimensions, up to `diagonal`; zeros elsewhere."""

    def tril_(self, diagonal: Any = ...) -> Tensor:
        """In-place form of `tril`."""

    def triplet_margin_loss_(self, positive: Any, negative: Any, margin: Any = ..., p: Any = ..., eps: Any = ..., swap: Any = ..., size_average: Any = ..., reduce: Any = ..., reduction: Any = ...) -> Tensor:
        """In-place form of `triplet_margin_loss`."""

    def triu(self, diagonal: Any = ...) -> Tensor:
        """The upper triangle of the last two dimensions, from `diagonal` on; zeros elsewhere."""

    def triu_(self, diagonal: Any = ...) -> Tensor:
        """In-place form of `triu`."""

    def true_divide(self, other: Any, *, rounding_mode: str | None = ...) -> Tensor:
        """Quotient, broadcast together; of integers too it is floating-point."""

    def true_divide_(self, other: Any, *, rounding_mode: str | None = ...) -> Tensor:
        """In-place form of `true_divide`."""

    def trunc(self) -> Tensor:
        """Rounded towards 0; integers as they are."""

    def trunc_(self) -> Tensor:
        """In-place form of `trunc`."""

    def type_as(self, other: Any) -> Tensor:
        """`input` in the dtype (and on the device) of `other`."""

    def unbind(self, dim: Any = ...) -> tuple[Tensor, ...]:
        """A tuple of the slices along `dim`, without that dimension."""

    def unflatten(self, dim: Any, sizes: Any) -> Tensor:
        """`input` with dimension `dim` split into `sizes`, of which one may be -1."""

    def unfold(self, dimension: builtins.int, size: builtins.int, step: builtins.int) -> Tensor:
        """Windows of `size` elements of `dimension`, `step` apart, as a new last dimension."""

    def uniform_(self, *args: Any, generator: Any = ..., **kwargs: Any) -> Tensor:
        """Fills the tensor with numbers uniform in [from, to)."""

    def unique(self, sorted: builtins.bool = ..., return_inverse: builtins.bool = ..., return_counts: builtins.bool = ..., dim: Any = ...) -> Any:
        """The distinct values of `input` in order, or its distinct slices along `dim`."""

    def unique_consecutive(self, return_inverse: builtins.bool = ..., return_counts: builtins.bool = ..., dim: Any = ...) -> Any:
        """`input` (or its slices along `dim`) with every run of equal elements made one."""

    def unsqueeze(self, dim: Any) -> Tensor:
        """`input` with a dimension of size 1 put in at `dim`."""

    def unsqueeze_(self, dim: Any) -> Tensor:
        """In-place form of `unsqueeze`."""

    def var(self, dim: Any = ..., unbiased: Any = ..., keepdim: builtins.bool = ..., *, correction: Any = ..., axis: Any = ..., keepdims: Any = ...) -> Tensor:
        """Variance over `dim`, divided by the count minus `correction` (two passes)."""

    def vdot(self, other: Any) -> Tensor:
        """`dot` with the first tensor conjugated."""

    def view(self, *size: Any, dtype: Any = ...) -> Tensor:
        """`input` in another shape, over the same memory; one size may be -1, and is worked out."""

    def view_as(self, other: Any) -> Tensor:
        """`input` viewed in the shape of `other`."""

    def view_as_complex(self) -> Tensor:
        """A real tensor whose last dimension is 2 (and contiguous) as a complex one."""

    def view_as_real(self) -> Tensor:
        """A complex tensor as a real one with a last dimension of 2: real and imaginary part."""

    def vsplit(self, *given: Any, **named: Any) -> tuple[Tensor, ...]:
        """`tensor_split` along dimension 0."""

    def xlogy(self, other: Any) -> Tensor:
        """`input * log(other)`, and 0 where `input` is 0 (unless `other` is NaN)."""

    def xlogy_(self, other: Any) -> Tensor:
        """In-place form of `xlogy`."""

    def zero_(self) -> Tensor:
        """Writes zeros into `input` in place."""

    def __add__(self, other: Any) -> Tensor: ...
    def __radd__(self, other: Any) -> Tensor: ...
    def __iadd__(self, other: Any) -> Tensor: ...
    def __sub__(self, other: Any) -> Tensor: ...
    def __rsub__(self, other: Any) -> Tensor: ...
    def __isub__(self, other: Any) -> Tensor: ...
    def __mul__(self, other: Any) -> Tensor: ...
    def __rmul__(self, other: Any) -> Tensor: ...
    def __imul__(self, other: Any) -> Tensor: ...
    def __truediv__(self, other: Any) -> Tensor: ...
    def __rtruediv__(self, other: Any) -> Tensor: ...
    def __itruediv__(self, other: Any) -> Tensor: ...
    def __floordiv__(self, other: Any) -> Tensor: ...
    def __rfloordiv__(self, other: Any) -> Tensor: ...
    def __ifloordiv__(self, other: Any) -> Tensor: ...
    def __mod__(self, other: Any) -> Tensor: ...
    def __rmod__(self, other: Any) -> Tensor: ...
    def __imod__(self, other: Any) -> Tensor: ...
    def __pow__(self, other: Any) -> Tensor: ...
    def __rpow__(self, other: Any) -> Tensor: ...
    def __ipow__(self, other: Any) -> Tensor: ...
    def __matmul__(self, other: Any) -> Tensor: ...
    def __rmatmul__(self, other: Any) -> Tensor: ...
    def __imatmul__(self, other: Any) -> Tensor: ...
    def __and__(self, other: Any) -> Tensor: ...
    def __rand__(self, other: Any) -> Tensor: ...
    def __iand__(self, other: Any) -> Tensor: ...
    def __or__(self, other: Any) -> Tensor: ...
    def __ror__(self, other: Any) -> Tensor: ...
    def __ior__(self, other: Any) -> Tensor: ...
    def __xor__(self, other: Any) -> Tensor: ...
    def __rxor__(self, other: Any) -> Tensor: ...
    def __ixor__(self, other: Any) -> Tensor: ...
    def __lshift__(self, other: Any) -> Tensor: ...
    def __rlshift__(self, other: Any) -> Tensor: ...
    def __ilshift__(self, other: Any) -> Tensor: ...
    def __rshift__(self, other: Any) -> Tensor: ...
    def __rrshift__(self, other: Any) -> Tensor: ...
    def __irshift__(self, other: Any) -> Tensor: ...
    def __lt__(self, other: Any) -> Tensor: ...
    def __le__(self, other: Any) -> Tensor: ...
    def __gt__(self, other: Any) -> Tensor: ...
    def __ge__(self, other: Any) -> Tensor: ...
    def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]
    def __ne__(self, other: Any) -> Tensor: ...  # type: ignore[override]
    def __neg__(self) -> Tensor: ...
    def __abs__(self) -> Tensor: ...
    def __invert__(self) -> Tensor: ...
    def __pos__(self) -> Tensor: ...
    def __getitem__(self, index: Any) -> Tensor: ...
