"""Made by tools/make_stubs.py from the op registry; do not edit."""


import builtins

from typing import Any

from facula._tensor import Tensor

def __getattr__(name: str) -> Any: ...

def abs(input: Any, *, out: Any = ...) -> Tensor:
    """Absolute value; of a complex number its magnitude."""

def acos(input: Any, *, out: Any = ...) -> Tensor:
    """Arc cosine, in radians."""

def acosh(input: Any, *, out: Any = ...) -> Tensor:
    """Inverse hyperbolic cosine; NaN below 1."""

def adadelta_update(param: Any, grad: Any, square_avg: Any, acc_delta: Any, lr: Any, rho: Any, eps: Any, weight_decay: Any, decays: Any, *, out: Any = ...) -> Any:
    """Adadelta."""

def adagrad_update(param: Any, grad: Any, sum: Any, step: Any, lr: Any, lr_decay: Any, eps: Any, weight_decay: Any, decays: Any, *, out: Any = ...) -> Any:
    """Adagrad."""

def adagrad_updates(params: Any, grads: Any, sums: Any, steps: Any, lr: Any, lr_decay: Any, eps: Any, weight_decay: Any, decays: Any, maximize: Any, *, out: Any = ...) -> Any:
    """`adagrad_update` of each parameter."""

def adam_update(param: Any, grad: Any, exp_avg: Any, exp_avg_sq: Any, max_exp_avg_sq: Any, step: Any, lr: Any, beta1: Any, beta2: Any, eps: Any, weight_decay: Any, decays: Any, decoupled: Any, *, out: Any = ...) -> Any:
    """Adam with bias correction; `decoupled` weight decay makes it AdamW, a maximum makes it AMSGrad."""

def adam_updates(params: Any, grads: Any, exp_avgs: Any, exp_avg_sqs: Any, max_exp_avg_sqs: Any, steps: Any, lr: Any, beta1: Any, beta2: Any, eps: Any, weight_decay: Any, decays: Any, decoupled: Any, maximize: Any, *, out: Any = ...) -> Any:
    """`adam_update` of each parameter; no `max_exp_avg_sqs` without AMSGrad."""

def adamax_update(param: Any, grad: Any, exp_avg: Any, exp_inf: Any, step: Any, lr: Any, beta1: Any, beta2: Any, eps: Any, weight_decay: Any, decays: Any, *, out: Any = ...) -> Any:
    """Adamax."""

def adaptive_avg_pool1d(input: Any, output_size: Any) -> Tensor:
    """Mean over `output_size` windows that share `input` (N, C, L) or (C, L) out evenly."""

def adaptive_avg_pool2d(input: Any, output_size: Any) -> Tensor:
    """Mean over a grid of `output_size` windows that share the plane out evenly; None keeps a size."""

def adaptive_avg_pool3d(input: Any, output_size: Any) -> Tensor:
    """Mean over a grid of `output_size` windows that share the volume out evenly; None keeps a size."""

def adaptive_max_pool(input: Any, size: Any, *, out: Any = ...) -> Any:
    """Maximum over windows that share the planes out evenly, and where in the plane it was found."""

def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: Any = ..., *, out: Any = ...) -> Any:
    """Maximum over `output_size` windows that share `input` (N, C, L) or (C, L) out evenly."""

def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: Any = ..., *, out: Any = ...) -> Any:
    """Maximum over a grid of `output_size` windows that share the plane out evenly."""

def adaptive_max_pool3d(input: Any, output_size: Any, return_indices: Any = ..., *, out: Any = ...) -> Any:
    """Maximum over a grid of `output_size` windows that share the volume out evenly."""

def add(input: Any, other: Any, *, alpha: Any = ..., out: Any = ...) -> Tensor:
    """Sum of `input` and `alpha * other`, broadcast together."""

def addbmm(input: Any, *args: Any, beta: Any = ..., alpha: Any = ..., out: Any = ..., **named: Any) -> Tensor:
    """`beta * input + alpha * sum_b(batch1[b] @ batch2[b])`."""

def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = ..., out: Any = ...) -> Tensor:
    """`input + value * tensor1 / tensor2`. Raises RuntimeError for integers."""

def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: Any = ..., out: Any = ...) -> Tensor:
    """`input + value * tensor1 * tensor2`."""

def addmm(input: Any, *args: Any, beta: Any = ..., alpha: Any = ..., out: Any = ..., **named: Any) -> Tensor:
    """`beta * input + alpha * (mat1 @ mat2)`, of 2-D matrices."""

def addmv(input: Any, *args: Any, beta: Any = ..., alpha: Any = ..., out: Any = ..., **named: Any) -> Tensor:
    """`beta * input + alpha * (mat @ vec)`."""

def addr(input: Any, *args: Any, beta: Any = ..., alpha: Any = ..., out: Any = ..., **named: Any) -> Tensor:
    """`beta * input + alpha * outer(vec1, vec2)`."""

def affine_grid(theta: Any, size: Any, align_corners: Any = ..., *, out: Any = ...) -> Tensor:
    """Sampling positions (N, *spatial, n) for `grid_sample` from affine maps `theta` (N, n, n + 1)."""

def alias(input: Any) -> Tensor:
    """A view of the whole of `input`."""

def alias_copy(*args: Any, out: Any = ..., **named: Any) -> Tensor:
    """`alias`, as a copy."""

def all(input: Any, dim: Any = ..., keepdim: builtins.bool = ..., *, axis: Any = ..., keepdims: Any = ..., out: Any = ...) -> Tensor:
    """Whether all elements along `dim` are not zero; True of none. uint8 in, uint8 out."""

def allclose(input: Any, other: Any, rtol: builtins.float = ..., atol: builtins.float = ..., equal_nan: builtins.bool = ..., *, out: Any = ...) -> builtins.bool:
    """Whether all elements are close (see `isclose`), as a Python bool."""

def alpha_dropout(input: Any, p: builtins.float = ..., training: builtins.bool = ..., inplace: builtins.bool = ...) -> Tensor:
    """Dropout to SELU's low value that keeps mean 0 and variance 1 (Klambauer et al. 2017)."""

def amax(input: Any, dim: Any = ..., keepdim: builtins.bool = ..., *, axis: Any = ..., keepdims: Any = ..., out: Any = ...) -> Tensor:
    """Largest element along `dim`; NaN where there is one. Equal ones share the gradient."""

def amin(input: Any, dim: Any = ..., keepdim: builtins.bool = ..., *, axis: Any = ..., keepdims: Any = ..., out: Any = ...) -> Tensor:
    """Smallest element along `dim`; NaN where there is one. Equal ones share the gradient."""

def aminmax(input: Any, *, dim: Any = ..., keepdim: builtins.bool = ..., out: Any = ...) -> Any:
    """(smallest, largest) element along `dim`, or of all."""

def angle(input: Any, *, out: Any = ...) -> Tensor:
    """Angle in radians from -pi to pi; of real numbers 0 or pi, NaN for NaN."""

def any(input: Any, dim: Any = ..., keepdim: builtins.bool = ..., *, axis: Any = ..., keepdims: Any = ..., out: Any = ...) -> Tensor:
    """Whether any element along `dim` is not zero; False of none. uint8 in, uint8 out."""

def arange(start: Any = ..., end: Any = ..., step: Any = ..., *, dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., out: Any = ...) -> Tensor:
    """`start`, `start + step`, ... up to but without `end`: `arange(end)` or `arange(start, end, step)`."""

def argmax(input: Any, dim: Any = ..., keepdim: builtins.bool = ..., *, axis: Any = ..., keepdims: Any = ..., out: Any = ...) -> Tensor:
    """Index (int64) of the first largest element along `dim`, or of all in row-major order."""

def argmin(input: Any, dim: Any = ..., keepdim: builtins.bool = ..., *, axis: Any = ..., keepdims: Any = ..., out: Any = ...) -> Tensor:
    """Index (int64) of the first smallest element along `dim`, or of all in row-major order."""

def argsort(input: Any, dim: Any = ..., descending: builtins.bool = ..., *, stable: builtins.bool = ..., out: Any = ...) -> Tensor:
    """Indices that put `input` in order along `dim`."""

def argwhere(input: Any, *, out: Any = ...) -> Tensor:
    """The indices of the elements that are not zero, one row for each."""

def as_strided(input: Any, size: Any, stride: Any, storage_offset: Any = ...) -> Tensor:
    """The memory of `input` read with the given sizes and strides, in elements."""

def as_strided_copy(*args: Any, out: Any = ..., **named: Any) -> Tensor:
    """`as_strided`, as a copy."""

def as_strided_scatter(input: Any, src: Any, size: Any, stride: Any, storage_offset: Any = ..., *, out: Any = ...) -> Tensor:
    """`input` with what `as_strided` reads of it replaced by `src`."""

def asin(input: Any, *, out: Any = ...) -> Tensor:
    """Arc sine, in radians."""

def asinh(input: Any, *, out: Any = ...) -> Tensor:
    """Inverse hyperbolic sine."""

def atan(input: Any, *, out: Any = ...) -> Tensor:
    """Arc tangent, in radians."""

def atan2(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Angle of the point (x=`other`, y=`input`), in radians from -pi to pi."""

def atanh(input: Any, *, out: Any = ...) -> Tensor:
    """Inverse hyperbolic tangent."""

def atleast_1d(*tensors: Any) -> Any:
    """`input` with dimensions of size 1 added until it has 1; of several, a tuple."""

def atleast_2d(*tensors: Any) -> Any:
    """`input` with dimensions of size 1 added until it has 2; of several, a tuple."""

def atleast_3d(*tensors: Any) -> Any:
    """`input` with dimensions of size 1 added until it has 3; of several, a tuple."""

def attention_weights(query: Any, key: Any, mask: Any, is_causal: Any, scale: Any, *, out: Any = ...) -> Tensor:
    """(..., L, S): softmax of `query @ key.T * scale`, masked."""

def avg_pool(input: Any, kernel: Any, stride: Any, padding: Any, ceil_mode: Any, count_include_pad: Any, divisor_override: Any, *, out: Any = ...) -> Tensor:
    """Sums over windows, divided by what each window counts. Options are tuples."""

def avg_pool1d(input: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., ceil_mode: Any = ..., count_include_pad: Any = ..., *, out: Any = ...) -> Tensor:
    """Mean over windows of `input` (N, C, L) or (C, L); padded zeros count unless told otherwise."""

def avg_pool2d(input: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., ceil_mode: Any = ..., count_include_pad: Any = ..., divisor_override: Any = ..., *, out: Any = ...) -> Tensor:
    """Mean over windows of `input` (N, C, H, W) or (C, H, W); `divisor_override` replaces the count."""

def avg_pool3d(input: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., ceil_mode: Any = ..., count_include_pad: Any = ..., divisor_override: Any = ..., *, out: Any = ...) -> Tensor:
    """Mean over windows of `input` (N, C, D, H, W) or (C, D, H, W)."""

def avg_pool_grad(grad: Any, size: Any, kernel: Any, stride: Any, padding: Any, ceil_mode: Any, count_include_pad: Any, divisor_override: Any, *, out: Any = ...) -> Tensor:
    """The adjoint of `avg_pool` for an input whose planes are `size`."""

def baddbmm(input: Any, *args: Any, beta: Any = ..., alpha: Any = ..., out: Any = ..., **named: Any) -> Tensor:
    """`beta * input + alpha * bmm(batch1, batch2)`."""

def batch_norm(input: Any, running_mean: Any, running_var: Any, weight: Any = ..., bias: Any = ..., training: builtins.bool = ..., momentum: builtins.float = ..., eps: builtins.float = ..., *, out: Any = ...) -> Tensor:
    """`input` (N, C, *) with mean 0 and variance 1 per channel, then `* weight + bias` (Ioffe & Szegedy 2015)."""

def batch_norm_eval(input: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: Any, *, out: Any = ...) -> Tensor:
    """`input` normalised per channel by a given mean and variance."""

def batch_norm_gradient(g: Any, input: Any, mean: Any, var: Any, weight: Any, eps: Any, *, out: Any = ...) -> Any:
    """Gradients of batch norm by input, weight and bias."""

def batch_norm_train(input: Any, weight: Any, bias: Any, eps: Any, *, out: Any = ...) -> Any:
    """`input` normalised per channel (dimension 1), with the mean and (biased) variance that it found."""

def bernoulli(input: Any, p: builtins.float | None = ..., *, generator: Any = ..., out: Any = ...) -> Tensor:
    """1 with the probabilities in `input` (or with probability `p`, in the shape of `input`), else 0."""

def bernoulli_(input: Any, p: Any = ..., *, generator: Any = ..., out: Any = ...) -> Tensor:
    """Fills the tensor with 1 with probability `p` (a number, or a tensor of that shape), else 0."""

def bernoulli_mask(key: Any, size: Any, p: Any, *, out: Any = ...) -> Tensor:
    """A bool tensor, true with probability `p` to 32 bits. The key holds words of 32 bits."""

def bfloat16(input: Any, memory_format: Any = ...) -> Tensor:
    """`input` in bfloat16; itself where it is that already."""

def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = ..., *, out: Any = ...) -> Tensor:
    """`input1[i] * weight[o, i, j] * input2[j]` summed over i and j, plus bias."""

def binary_cross_entropy(input: Any, target: Any, weight: Any = ..., size_average: Any = ..., reduce: Any = ..., reduction: Any = ..., *, out: Any = ...) -> Tensor:
    """Cross entropy of probabilities in [0, 1] with targets of the same shape."""

def binary_cross_entropy_with_logits(input: Any, target: Any, weight: Any = ..., size_average: Any = ..., reduce: Any = ..., reduction: Any = ..., pos_weight: Any = ..., *, out: Any = ...) -> Tensor:
    """`binary_cross_entropy` of `sigmoid(input)`, computed without overflow."""

def binary_nll(input: Any, target: Any, *, out: Any = ...) -> Tensor:
    """`-(target * log(input) + (1 - target) * log(1 - input))`, the logarithms not below -100."""

def bincount(input: Any, weights: Any = ..., minlength: builtins.int = ..., *, out: Any = ...) -> Tensor:
    """How often each number from 0 to the largest occurs in a vector; with `weights` their sums."""

def bitwise_and(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Bits set in both; of bools whether both are true."""

def bitwise_left_shift(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Bits of `input` moved left by `other` places."""

def bitwise_not(input: Any, *, out: Any = ...) -> Tensor:
    """All bits turned over; of bools the opposite. Raises TypeError for floating-point tensors."""

def bitwise_or(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Bits set in either; of bools whether one is true."""

def bitwise_right_shift(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Bits of `input` moved right by `other` places, the sign kept."""

def bitwise_xor(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Bits set in just one; of bools whether they differ."""

def block_diag(*tensors: Any, out: Any = ...) -> Tensor:
    """A matrix with the given matrices (vectors are rows) along its diagonal, zeros elsewhere."""

def bmm(input: Any, mat2: Any, *, out: Any = ...) -> Tensor:
    """Matrix products of two 3-D tensors, (b, n, k) and (b, k, m): one for each of the b."""

def bool(input: Any, memory_format: Any = ...) -> Tensor:
    """`input` in bool; itself where it is that already."""

def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """A tuple of the tensors expanded to their common shape."""

def broadcast_to(input: Any, size: Any) -> Tensor:
    """`input` expanded to `size`."""

def bucketize(input: Any, boundaries: Any, *, out_int32: builtins.bool = ..., right: builtins.bool = ..., out: Any = ...) -> Tensor:
    """The bucket of each element between ascending `boundaries` (a vector): builtins.int64."""

def byte(input: Any, memory_format: Any = ...) -> Tensor:
    """`input` in uint8; itself where it is that already."""

def cartesian_prod(*tensors: Any, out: Any = ...) -> Tensor:
    """All combinations of one element of each vector, one in a row."""

def cast(input: Any, dtype: Any, *, out: Any = ...) -> Tensor:
    """`input` in another dtype (a NumPy dtype). Complex to real drops the imaginary part."""

def cat(tensors: Any, dim: builtins.int = ..., *, axis: Any = ..., out: Any = ...) -> Tensor:
    """Tensors one after another along `dim`; their shapes agree but for that dimension."""

def cauchy_(self: Any, *args: Any, generator: Any = ..., out: Any = ..., **kwargs: Any) -> Tensor:
    """Fills the tensor with numbers from the Cauchy distribution."""

def cdist(x1: Any, x2: Any, p: Any = ..., compute_mode: Any = ..., *, out: Any = ...) -> Tensor:
    """Distances in the `p`-norm of all pairs of rows: (..., n, d) and (..., m, d) give (..., n, m)."""

def cdouble(input: Any, memory_format: Any = ...) -> Tensor:
    """`input` in complex128; itself where it is that already."""

def ceil(input: Any, *, out: Any = ...) -> Tensor:
    """Rounded up; integers as they are."""

def celu(input: Any, alpha: Any = ..., inplace: builtins.bool = ...) -> Tensor:
    """`max(0, input) + min(0, alpha * (exp(input / alpha) - 1))`."""

def cfloat(input: Any, memory_format: Any = ...) -> Tensor:
    """`input` in complex64; itself where it is that already."""

def chain_matmul(*matrices: Any, out: Any = ...) -> Tensor:
    """Product of matrices, in the cheapest order (see `linalg.multi_dot`)."""

def channel_shuffle(input: Any, groups: Any, *, out: Any = ...) -> Tensor:
    """Channels of `input` (N, C, ...) dealt out: those of the `groups` groups take turns."""

def channel_sums(g: Any, input: Any, mean: Any, *, out: Any = ...) -> Any:
    """Sums over all but dimension 1 of `g`, and of `g * (input - mean)`."""

def char(input: Any, memory_format: Any = ...) -> Tensor:
    """`input` in int8; itself where it is that already."""

def cholesky(input: Any, upper: Any = ..., *, out: Any = ...) -> Tensor:
    """Cholesky factor (see `linalg.cholesky`)."""

def cholesky_inverse(L: Any, upper: Any = ..., *, out: Any = ...) -> Tensor:
    """Inverse of L L^H (of U^H U with `upper`), from a Cholesky factor."""

def cholesky_lower(input: Any, *, out: Any = ...) -> Tensor:
    """Lower-triangular L with L L^H = `input`, of which the lower triangle is read."""

def cholesky_solve(B: Any, L: Any, upper: Any = ..., *, out: Any = ...) -> Tensor:
    """X with (L L^H) X = B, from a Cholesky factor (U^H U with `upper`)."""

def chunk(input: Any, chunks: Any, dim: Any = ...) -> tuple[Tensor, ...]:
    """At most `chunks` parts along `dim`, all of one size but the last."""

def clamp(input: Any, min: Any = ..., max: Any = ..., *, out: Any = ...) -> Tensor:
    """`input` brought into [min, max]; a bound is a number, a tensor or None. `max` wins over `min`."""

def clamp_max(input: Any, max: Any, *, out: Any = ...) -> Tensor:
    """The smaller of `input` and `max`; a tie's gradient is `input`'s."""

def clamp_min(input: Any, min: Any, *, out: Any = ...) -> Tensor:
    """The larger of `input` and `min`; a tie's gradient is `input`'s."""

def class_cross_entropy(input: Any, target: Any, weight: Any, ignore_index: Any, reduction: Any, label_smoothing: Any, *, out: Any = ...) -> Any:
    """Cross entropy of scores (N, C, *) with class numbers (N, *); the scores' maximum and, less that, logsumexp (N, 1, *)."""

def class_cross_entropy_gradient(g: Any, input: Any, target: Any, weight: Any, peak: Any, log_sum: Any, ignore_index: Any, reduction: Any, label_smoothing: Any, *, out: Any = ...) -> Tensor:
    """`g` through `class_cross_entropy`: (softmax - onehot), scaled."""

def class_nll(input: Any, target: Any, weight: Any, ignore_index: Any, reduction: Any, *, out: Any = ...) -> Tensor:
    """`-weight[target] * input[n, target]` for log-probabilities (N, C, *) and class numbers (N, *), reduced."""

def class_nll_gradient(g: Any, target: Any, weight: Any, classes: Any, ignore_index: Any, reduction: Any, *, out: Any = ...) -> Tensor:
    """`g` through `class_nll`."""

def clone(input: Any, *, memory_format: Any = ..., out: Any = ...) -> Tensor:
    """A copy with memory of its own; gradients flow through it."""

def col2im(input: Any, output_size: Any, kernel_size: Any, dilation: Any = ..., padding: Any = ..., stride: Any = ..., *, out: Any = ...) -> Tensor:
    """Sums columns (N, C * KH * KW, number of patches) into planes (N, C, *output_size); undoes no overlap."""

def column_stack(tensors: Any, *, out: Any = ...) -> Tensor:
    """Tensors side by side; vectors are columns."""

def combinations(input: Any, r: Any = ..., with_replacement: Any = ..., *, out: Any = ...) -> Tensor:
    """All combinations of `r` elements of a vector, one in a row."""

def complex(real: Any, imag: Any, *, out: Any = ...) -> Tensor:
    """`real + 1j * imag`. Raises RuntimeError unless both are float32 or both float64."""

def conj(input: Any, *, out: Any = ...) -> Tensor:
    """Complex conjugate; `input` itself where it is real."""

def conj_physical(input: Any, *, out: Any = ...) -> Tensor:
    """Complex conjugate, always in memory of its own."""

def constant_pad_nd(input: Any, pad: Any, value: Any = ..., *, out: Any = ...) -> Tensor:
    """`input` with `value` around it; `pad` counts from the last dimension, negative pads crop."""

def contiguous(input: Any, *, memory_format: Any = ...) -> Tensor:
    """`input` where it is contiguous, else a contiguous copy."""

def conv1d(input: Any, weight: Any, bias: Any = ..., stride: Any = ..., padding: Any = ..., dilation: Any = ..., groups: Any = ..., *, out: Any = ...) -> Tensor:
    """1-D convolution of `input` (N, C, L) or (C, L) with `weight` (O, C / groups, K)."""

def conv2d(input: Any, weight: Any, bias: Any = ..., stride: Any = ..., padding: Any = ..., dilation: Any = ..., groups: Any = ..., *, out: Any = ...) -> Tensor:
    """2-D convolution of `input` (N, C, H, W) or (C, H, W) with `weight` (O, C / groups, KH, KW)."""

def conv3d(input: Any, weight: Any, bias: Any = ..., stride: Any = ..., padding: Any = ..., dilation: Any = ..., groups: Any = ..., *, out: Any = ...) -> Tensor:
    """3-D convolution of `input` (N, C, D, H, W) or (C, D, H, W) with `weight` (O, C / groups, KD, KH, KW)."""

def conv_transpose1d(input: Any, weight: Any, bias: Any = ..., stride: Any = ..., padding: Any = ..., output_padding: Any = ..., groups: Any = ..., dilation: Any = ..., *, out: Any = ...) -> Tensor:
    """The adjoint of `conv1d` ("deconvolution"): `input` (N, C, L), `weight` (C, O / groups, K)."""

def conv_transpose2d(input: Any, weight: Any, bias: Any = ..., stride: Any = ..., padding: Any = ..., output_padding: Any = ..., groups: Any = ..., dilation: Any = ..., *, out: Any = ...) -> Tensor:
    """The adjoint of `conv2d`: `input` (N, C, H, W), `weight` (C, O / groups, KH, KW)."""

def conv_transpose3d(input: Any, weight: Any, bias: Any = ..., stride: Any = ..., padding: Any = ..., output_padding: Any = ..., groups: Any = ..., dilation: Any = ..., *, out: Any = ...) -> Tensor:
    """The adjoint of `conv3d`: `input` (N, C, D, H, W), `weight` (C, O / groups, KD, KH, KW)."""

def convolution(input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: Any, output_padding: Any, groups: Any, *, out: Any = ...) -> Tensor:
    """Convolution (cross-correlation) of `input` (N, C, *spatial) with `weight`; with `transposed`, its adjoint."""

def convolution_weight_grad(input: Any, grad: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, groups: Any, *, out: Any = ...) -> Tensor:
    """Gradient of a convolution's weight, (O, C / groups, *kernel), from that of its result, `grad`."""

def copy_(input: Any, src: Any, non_blocking: builtins.bool = ..., *, out: Any = ...) -> Tensor:
    """Writes `src`, cast and broadcast, into `input` in place; the device may differ. Returns `input`."""

def copysign(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """The magnitude of `input` with the sign of `other` (of -0.0 too)."""

def cos(input: Any, *, out: Any = ...) -> Tensor:
    """Cosine of radians."""

def cosh(input: Any, *, out: Any = ...) -> Tensor:
    """Hyperbolic cosine."""

def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: Any = ..., size_average: Any = ..., reduce: Any = ..., reduction: Any = ..., *, out: Any = ...) -> Tensor:
    """`1 - cos` of rows where target is 1, `max(0, cos - margin)` where it is -1."""

def cosine_similarity(x1: Any, x2: Any, dim: Any = ..., eps: Any = ..., *, out: Any = ...) -> Tensor:
    """`x1 . x2 / (|x1| * |x2|)` along `dim`, each norm at least `eps`; the tensors broadcast."""

def count_nonzero(input: Any, dim: Any = ..., *, out: Any = ...) -> Tensor:
    """How many elements along `dim` are not zero: builtins.int64."""

def cross(input: Any, other: Any, dim: Any = ..., *, out: Any = ...) -> Tensor:
    """Vector products along `dim` (by default the first one of size 3)."""

def cross_entropy(input: Any, target: Any, weight: Any = ..., size_average: Any = ..., ignore_index: builtins.int = ..., reduce: Any = ..., reduction: str = ..., label_smoothing: builtins.float = ..., *, out: Any = ...) -> Tensor:
    """Cross entropy of unnormalised scores (N, C, *) or (C,) with class numbers (N, *) or probabilities."""

def ctc_gradient(g: Any, log_probs: Any, states: Any, input_lengths: Any, target_lengths: Any, nll: Any, zero_infinity: Any, *, out: Any = ...) -> Tensor:
    """`g` (N,) through `ctc_nll`, as if log_probs came out of log_softmax, which PyTorch assumes too."""

def ctc_loss(log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: builtins.int = ..., reduction: str = ..., zero_infinity: builtins.bool = ..., *, out: Any = ...) -> Tensor:
    """CTC loss of log-probabilities (T, N, C) or (T, C) with label sequences."""

def ctc_nll(log_probs: Any, states: Any, input_lengths: Any, target_lengths: Any, zero_infinity: Any, *, out: Any = ...) -> Tensor:
    """Negative log-likelihood (N,) of targets given as `states` (N, 2 S + 1), under (T, N, C)."""

def cummax(input: Any, dim: builtins.int, *, out: Any = ...) -> Any:
    """(values, indices) of the largest element so far along `dim`; the last of equal ones."""

def cummin(input: Any, dim: builtins.int, *, out: Any = ...) -> Any:
    """(values, indices) of the smallest element so far along `dim`; the last of equal ones."""

def cumprod(input: Any, dim: Any = ..., *, dtype: Any = ..., axis: Any = ..., out: Any = ...) -> Tensor:
    """Product of the elements up to and including each, along `dim`. Integers and bools give int64."""

def cumsum(input: Any, dim: Any = ..., *, dtype: Any = ..., axis: Any = ..., out: Any = ...) -> Tensor:
    """Sum of the elements up to and including each, along `dim`. Integers and bools give int64."""

def cumulative_trapezoid(y: Any, x: Any = ..., *, dx: Any = ..., dim: builtins.int = ..., out: Any = ...) -> Tensor:
    """Running integral of the samples `y` along `dim` by the trapezoidal rule; one element fewer."""

def deg2rad(input: Any, *, out: Any = ...) -> Tensor:
    """Degrees to radians."""

def diag(input: Any, diagonal: Any = ...) -> Tensor:
    """The diagonal of a matrix, or the matrix with a vector as its diagonal."""

def diag_embed(input: Any, offset: Any = ..., dim1: Any = ..., dim2: Any = ..., *, out: Any = ...) -> Tensor:
    """Square matrices in `dim1` and `dim2`, with the last dimension of `input` on their diagonal."""

def diagflat(input: Any, offset: Any = ..., *, out: Any = ...) -> Tensor:
    """A matrix with the elements of `input` on its diagonal."""

def diagonal(input: Any, offset: builtins.int = ..., dim1: builtins.int = ..., dim2: builtins.int = ...) -> Tensor:
    """The diagonal of dimensions `dim1` and `dim2`, as the last dimension; `offset` > 0 lies above it."""

def diagonal_copy(*args: Any, out: Any = ..., **named: Any) -> Tensor:
    """`diagonal`, as a copy."""

def diagonal_scatter(input: Any, src: Any, offset: Any = ..., dim1: Any = ..., dim2: Any = ..., *, out: Any = ...) -> Tensor:
    """`input` with its diagonal replaced by `src`."""

def diff(input: Any, n: Any = ..., dim: Any = ..., prepend: Any = ..., append: Any = ...) -> Tensor:
    """The `n`th difference of neighbours along `dim`, after putting `prepend` and `append` at its ends."""

def digamma(input: Any, *, out: Any = ...) -> Tensor:
    """Derivative of the logarithm of the gamma function."""

def dist(input: Any, other: Any, p: Any = ..., *, out: Any = ...) -> Tensor:
    """`p`-norm of `input - other`, as a 0-d tensor."""

def div(input: Any, other: Any, *, rounding_mode: str | None = ..., out: Any = ...) -> Tensor:
    """Quotient, broadcast together; of integers too it is floating-point."""

def dot(input: Any, tensor: Any, *, out: Any = ...) -> Tensor:
    """Sum of the products of two 1-D tensors of one size, as a 0-d tensor."""

def dot_attention(query: Any, key: Any, value: Any, mask: Any, is_causal: Any, scale: Any, *, out: Any = ...) -> Any:
    """Attention without dropout, (..., L, Ev), and its logsumexp (..., L, 1)."""

def dot_attention_gradient(g: Any, to_logsumexp: Any, query: Any, key: Any, value: Any, mask: Any, output: Any, logsumexp: Any, is_causal: Any, scale: Any, needs: Any, *, out: Any = ...) -> Any:
    """Gradients of `dot_attention` by query, key, value and mask, None where `needs` has False."""

def double(input: Any, memory_format: Any = ...) -> Tensor:
    """`input` in float64; itself where it is that already."""

def drop(input: Any, keep: Any, scale: Any, *, out: Any = ...) -> Tensor:
    """`scale * input` where `keep`, else 0; `keep` broadcasts."""

def dropout(input: Any, p: builtins.float = ..., training: builtins.bool = ..., inplace: builtins.bool = ...) -> Tensor:
    """`input` with each element set to 0 with probability `p`, the others divided by `1 - p`."""

def dropout1d(input: Any, p: builtins.float = ..., training: builtins.bool = ..., inplace: builtins.bool = ...) -> Tensor:
    """Sets whole channels of `input` (N, C, *) to 0 with probability `p` and divides the others by `1 - p`; * stands for 1 dimension, and N may be left out."""

def dropout2d(input: Any, p: builtins.float = ..., training: builtins.bool = ..., inplace: builtins.bool = ...) -> Tensor:
    """Sets whole channels of `input` (N, C, *) to 0 with probability `p` and divides the others by `1 - p`; * stands for 2 dimensions, and N may be left out."""

def dropout3d(input: Any, p: builtins.float = ..., training: builtins.bool = ..., inplace: builtins.bool = ...) -> Tensor:
    """Sets whole channels of `input` (N, C, *) to 0 with probability `p` and divides the others by `1 - p`; * stands for 3 dimensions, and N may be left out."""

def dropped_attention(query: Any, key: Any, value: Any, mask: Any, is_causal: Any, scale: Any, dropout_p: Any, random_key: Any, first: Any, *, out: Any = ...) -> Any:
    """`dot_attention` with dropout of the weights, in one block; query 0 is the `first` of those that look back."""

def dropped_attention_gradient(g: Any, to_logsumexp: Any, query: Any, key: Any, value: Any, mask: Any, output: Any, logsumexp: Any, is_causal: Any, scale: Any, dropout_p: Any, random_key: Any, first: Any, needs: Any, *, out: Any = ...) -> Any:
    """Gradients of `dropped_attention`, whose weights and random numbers are made anew."""

def dsplit(input: Any, *given: Any, **named: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along dimension 2."""

def dstack(tensors: Any, *, out: Any = ...) -> Tensor:
    """Tensors one behind another, along dimension 2."""

def einsum(*args: Any) -> Tensor:
    """Products of `operands`, summed over the dimensions that the equation's right side leaves out."""

def elu(input: Any, alpha: Any = ..., inplace: builtins.bool = ...) -> Tensor:
    """`input` where it is positive, else `alpha * (exp(input) - 1)`."""

def elu_gradient(g: Any, input: Any, out: Any, alpha: Any) -> Tensor:
    """`g` times the derivative of `elu`."""

def embedding(input: Any, weight: Any, padding_idx: builtins.int | None = ..., max_norm: builtins.float | None = ..., norm_type: builtins.float = ..., scale_grad_by_freq: builtins.bool = ..., sparse: builtins.bool = ..., *, out: Any = ...) -> Tensor:
    """Rows of `weight` (rows, d) for row numbers `input` (*): (*, d)."""

def embedding_bag(input: Any, weight: Any, offsets: Any = ..., max_norm: builtins.float | None = ..., norm_type: builtins.float = ..., scale_grad_by_freq: builtins.bool = ..., mode: str = ..., sparse: builtins.bool = ..., per_sample_weights: Any = ..., include_last_offset: builtins.bool = ..., padding_idx: builtins.int | None = ..., *, out: Any = ...) -> Tensor:
    """Sum, mean or maximum of bags of rows of `weight` (rows, d)."""

def empty(*size: Any, dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., memory_format: Any = ..., out: Any = ..., **named: Any) -> Tensor:
    """A tensor of shape `size` whose values are whatever is there."""

def empty_like(input: Any, *, dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., memory_format: Any = ..., out: Any = ...) -> Tensor:
    """A tensor of unspecified values in the shape, dtype and device of `input`."""

def eq(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Whether elements are equal."""

def equal(input: Any, other: Any, *, out: Any = ...) -> builtins.bool:
    """Whether shapes and all elements are equal, as a Python bool."""

def erf(input: Any, *, out: Any = ...) -> Tensor:
    """Error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to `input`."""

def erfc(input: Any, *, out: Any = ...) -> Tensor:
    """`1 - erf(input)`, accurate where that is small."""

def erfinv(input: Any, *, out: Any = ...) -> Tensor:
    """The number whose error function is `input`; infinite at -1 and 1."""

def exp(input: Any, *, out: Any = ...) -> Tensor:
    """e to the power of `input`."""

def exp2(input: Any, *, out: Any = ...) -> Tensor:
    """2 to the power of `input`."""

def expand(input: Any, *size: Any, implicit: builtins.bool = ...) -> Tensor:
    """`input` repeated along dimensions of size 1 (and new ones in front), without a copy."""

def expand_as(input: Any, other: Any) -> Tensor:
    """`input` expanded to the shape of `other`."""

def expand_copy(*args: Any, out: Any = ..., **named: Any) -> Tensor:
    """`expand`, as a copy."""

def expm1(input: Any, *, out: Any = ...) -> Tensor:
    """`exp(input) - 1`, accurate near 0."""

def exponential_(self: Any, *args: Any, generator: Any = ..., out: Any = ..., **kwargs: Any) -> Tensor:
    """Fills the tensor with numbers from the exponential distribution of rate `lambd`."""

def eye(n: builtins.int, m: builtins.int | None = ..., *, dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., out: Any = ...) -> Tensor:
    """An (n, m) matrix (m = n where not given) with ones on its diagonal and zeros elsewhere."""

def feature_alpha_dropout(input: Any, p: builtins.float = ..., training: builtins.bool = ..., inplace: builtins.bool = ...) -> Tensor:
    """`alpha_dropout` of whole channels of `input` (N, C, *)."""

def fft_fft(input: Any, n: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Discrete Fourier transform along `dim`, of `n` points (cut, or filled up with zeros); `norm` is 'backward', 'ortho' or 'forward'."""

def fft_fft2(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Discrete Fourier transform along two dimensions, of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def fft_fftn(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Discrete Fourier transform along the dimensions `dim` (by default all), of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def fft_fftshift(input: Any, dim: Any = ...) -> Tensor:
    """Moves frequency 0 to the middle, along `dim` (by default all dimensions)."""

def fft_hfft(input: Any, n: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Real signal whose (inverse) spectrum begins with `input` along `dim`, of `n` points (cut, or filled up with zeros); `norm` is 'backward', 'ortho' or 'forward'."""

def fft_hfft2(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Real signal whose (inverse) spectrum begins with `input` along two dimensions, of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def fft_hfftn(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Real signal whose (inverse) spectrum begins with `input` along the dimensions `dim` (by default all), of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def fft_ifft(input: Any, n: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Inverse of the discrete Fourier transform along `dim`, of `n` points (cut, or filled up with zeros); `norm` is 'backward', 'ortho' or 'forward'."""

def fft_ifft2(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Inverse of the discrete Fourier transform along two dimensions, of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def fft_ifftn(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Inverse of the discrete Fourier transform along the dimensions `dim` (by default all), of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def fft_ifftshift(input: Any, dim: Any = ...) -> Tensor:
    """Undoes `fftshift`."""

def fft_ihfft(input: Any, n: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """First half of the (inverse) spectrum of a real signal along `dim`, of `n` points (cut, or filled up with zeros); `norm` is 'backward', 'ortho' or 'forward'."""

def fft_ihfft2(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """First half of the (inverse) spectrum of a real signal along two dimensions, of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def fft_ihfftn(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """First half of the (inverse) spectrum of a real signal along the dimensions `dim` (by default all), of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def fft_irfft(input: Any, n: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Real signal whose (inverse) spectrum begins with `input` along `dim`, of `n` points (cut, or filled up with zeros); `norm` is 'backward', 'ortho' or 'forward'."""

def fft_irfft2(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Real signal whose (inverse) spectrum begins with `input` along two dimensions, of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def fft_irfftn(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """Real signal whose (inverse) spectrum begins with `input` along the dimensions `dim` (by default all), of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def fft_rfft(input: Any, n: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """First half of the (inverse) spectrum of a real signal along `dim`, of `n` points (cut, or filled up with zeros); `norm` is 'backward', 'ortho' or 'forward'."""

def fft_rfft2(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """First half of the (inverse) spectrum of a real signal along two dimensions, of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def fft_rfftn(input: Any, s: Any = ..., dim: Any = ..., norm: Any = ..., *, out: Any = ...) -> Tensor:
    """First half of the (inverse) spectrum of a real signal along the dimensions `dim` (by default all), of `s` points each; `norm` is 'backward', 'ortho' or 'forward'."""

def fill(input: Any, value: Any, *, out: Any = ...) -> Tensor:
    """A tensor like `input` filled with one value, a number or a 0-d tensor."""

def fill_(input: Any, value: Any, *, out: Any = ...) -> Tensor:
    """Writes one value (a number, or a 0-d tensor, through which gradients flow) into `input` in place."""

def flatten(input: Any, start_dim: Any = ..., end_dim: Any = ...) -> Tensor:
    """`input` with the dimensions from `start_dim` to `end_dim` made one."""

def flip(input: Any, *dims: Any, out: Any = ..., **named: Any) -> Tensor:
    """`input` with the order of elements along `dims` reversed; a copy."""

def fliplr(input: Any, *, out: Any = ...) -> Tensor:
    """`input` with its columns in reverse order."""

def flipud(input: Any, *, out: Any = ...) -> Tensor:
    """`input` with its rows in reverse order."""

def float(input: Any, memory_format: Any = ...) -> Tensor:
    """`input` in float32; itself where it is that already."""

def float_power(input: Any, exponent: Any, *, out: Any = ...) -> Tensor:
    """`input` to the power of `exponent`, in float64 or complex128."""

def floor(input: Any, *, out: Any = ...) -> Tensor:
    """Rounded down; integers as they are."""

def floor_divide(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Quotient rounded down; integers stay integer. Raises RuntimeError for an integer divided by 0."""

def fmax(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """The larger of the two; the other one where one is NaN."""

def fmin(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """The smaller of the two; the other one where one is NaN."""

def fmod(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """`input - trunc(input / other) * other`: it has the sign of `input`."""

def fold_windows(input: Any, size: Any, kernel: Any, stride: Any, dilation: Any, *, out: Any = ...) -> Tensor:
    """The adjoint of `windows`: sums `input` (..., *out, *kernel) into a tensor (..., *size)."""

def fourier(input: Any, dim: Any, forward: Any, *, out: Any = ...) -> Tensor:
    """Transform of a complex tensor along the dimensions `dim` (a tuple, counted from the front)."""

def fourier_of_real(input: Any, dim: Any, *, out: Any = ...) -> Tensor:
    """Forward transform of a real tensor: the first half (n // 2 + 1) of the spectrum."""

def fourier_to_real(input: Any, dim: Any, n: Any, *, out: Any = ...) -> Tensor:
    """Backward transform of the first half of a Hermitian spectrum: `n` real numbers."""

def frac(input: Any, *, out: Any = ...) -> Tensor:
    """`input - trunc(input)`."""

def fractional_max_pool(input: Any, samples: Any, kernel: Any, size: Any, *, out: Any = ...) -> Any:
    """Maximum over windows whose places `samples` (N, C, n) in [0, 1) decide, and where it was found."""

def fractional_max_pool2d(input: Any, kernel_size: Any, output_size: Any = ..., output_ratio: Any = ..., return_indices: builtins.bool = ..., _random_samples: Any = ..., *, out: Any = ...) -> Any:
    """Maximum over windows at random places of `input` (N, C, H, W) or (C, H, W), as many as `output_size`."""

def fractional_max_pool3d(input: Any, kernel_size: Any, output_size: Any = ..., output_ratio: Any = ..., return_indices: builtins.bool = ..., _random_samples: Any = ..., *, out: Any = ...) -> Any:
    """Maximum over windows at random places of `input` (N, C, D, H, W), as many as `output_size`."""

def frexp(input: Any, *, out: Any = ...) -> Any:
    """(mantissa, exponent) with `input == mantissa * 2 ** exponent` and 0.5 <= |mantissa| < 1."""

def full(size: Any, fill_value: Any, *, dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., names: Any = ..., out: Any = ...) -> Tensor:
    """A tensor of shape `size` filled with `fill_value`."""

def full_like(input: Any, fill_value: Any, *, dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., memory_format: Any = ..., out: Any = ...) -> Tensor:
    """`fill_value` in the shape, dtype and device of `input`."""

def gather(input: Any, dim: builtins.int, index: Any, *, sparse_grad: builtins.bool = ..., out: Any = ...) -> Tensor:
    """`out[i][j] = input[index[i][j]][j]` (for `dim` 0): elements along `dim` at `index`."""

def gaussian_nll(input: Any, target: Any, var: Any, full: Any, eps: Any, reduction: Any, *, out: Any = ...) -> Tensor:
    """Negative log-likelihood of normal distributions."""

def gaussian_nll_loss(input: Any, target: Any, var: Any, full: builtins.bool = ..., eps: builtins.float = ..., reduction: str = ..., *, out: Any = ...) -> Tensor:
    """Negative log-likelihood of `target` under normal distributions of mean `input` and variance `var`."""

def gcd(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Greatest common divisor of integers; gcd(0, 0) is 0."""

def ge(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Whether elements of `input` are greater than or equal to those of `other`."""

def gelu(input: Any, approximate: Any = ..., *, out: Any = ...) -> Tensor:
    """`input` times the normal distribution function of it (Hendrycks & Gimpel 2016)."""

def gelu_gradient(g: Any, input: Any, approximate: Any, *, out: Any = ...) -> Tensor:
    """`g` times the derivative of `gelu` at `input`."""

def geometric_(self: Any, *args: Any, generator: Any = ..., out: Any = ..., **kwargs: Any) -> Tensor:
    """Fills the tensor with the number of trials (1, 2, ...) until a success of probability `p`."""

def glu(input: Any, dim: Any = ..., *, out: Any = ...) -> Tensor:
    """First half of `input` along `dim`, times the sigmoid of the second half."""

def grid_sample(input: Any, grid: Any, mode: Any = ..., padding_mode: Any = ..., align_corners: Any = ..., *, out: Any = ...) -> Tensor:
    """Values of `input` (N, C, *spatial) at the positions `grid` (N, *out, n), each -1 to 1, x first."""

def grid_sampler(input: Any, grid: Any, interpolation_mode: Any, padding_mode: Any, align_corners: Any, *, out: Any = ...) -> Tensor:
    """`grid_sample` with its modes as numbers: 0 bilinear, 1 nearest, 2 bicubic; 0 zeros, 1 border, 2 reflection."""

def grid_sampler_2d(input: Any, grid: Any, interpolation_mode: Any, padding_mode: Any, align_corners: Any, *, out: Any = ...) -> Tensor:
    """`grid_sampler` of 4-D input."""

def grid_sampler_3d(input: Any, grid: Any, interpolation_mode: Any, padding_mode: Any, align_corners: Any, *, out: Any = ...) -> Tensor:
    """`grid_sampler` of 5-D input."""

def group_norm(input: Any, num_groups: builtins.int, weight: Any = ..., bias: Any = ..., eps: builtins.float = ..., *, out: Any = ...) -> Tensor:
    """`input` (N, C, *) normalised over each group of C / num_groups channels (Wu & He 2018)."""

def group_norm_fused(input: Any, weight: Any, bias: Any, num_groups: Any, eps: Any, *, out: Any = ...) -> Any:
    """`group_norm` with the mean and the inverse standard deviation of each group, (N, num_groups, 1)."""

def group_norm_gradient(g: Any, input: Any, mean: Any, rstd: Any, weight: Any, *, out: Any = ...) -> Any:
    """Gradients of group norm by input, weight and bias; mean and rstd are (N, groups, 1)."""

def gru_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = ..., b_hh: Any = ..., *, out: Any = ...) -> Tensor:
    """One GRU step: input (B, I) and state (B, H) give the new state."""

def gru_layer(input: Any, h0: Any, w_ih: Any, w_hh: Any, b_ih: Any = ..., b_hh: Any = ..., reverse: Any = ..., mask: Any = ..., *, out: Any = ...) -> Any:
    """A GRU over (T, B, I), from last step to first where `reverse`."""

def gru_layer_gradient(g_output: Any, g_h: Any, g_gates: Any, before: Any, w_hh: Any, mask: Any, gates: Any, reverse: Any, *, out: Any = ...) -> Any:
    """Gradients of the sums (T, B, 3H) of input and of state, and of h0."""

def gru_step(from_x: Any, from_h: Any, h: Any, *, out: Any = ...) -> Any:
    """New state (B, H), and the gates (B, 4H), from the sums (B, 3H) of input and of state."""

def gt(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Whether elements of `input` are greater than those of `other`."""

def gumbel_softmax(logits: Any, tau: builtins.float = ..., hard: builtins.bool = ..., eps: builtins.float = ..., dim: builtins.int = ..., *, out: Any = ...) -> Tensor:
    """A sample of the relaxed categorical distribution of `logits` along `dim` (Jang et al. 2017)."""

def half(input: Any, memory_format: Any = ...) -> Tensor:
    """`input` in float16; itself where it is that already."""

def hardshrink(input: Any, lambd: Any = ..., *, out: Any = ...) -> Tensor:
    """`input` where its magnitude is above `lambd`, else 0."""

def hardsigmoid(input: Any, inplace: builtins.bool = ...) -> Tensor:
    """`input / 6 + 1 / 2` limited to [0, 1]."""

def hardsigmoid_gradient(g: Any, input: Any, *, out: Any = ...) -> Tensor:
    """`g` times the derivative of `hardsigmoid`."""

def hardswish(input: Any, inplace: builtins.bool = ...) -> Tensor:
    """`input * hardsigmoid(input)` (Howard et al. 2019)."""

def hardswish_gradient(g: Any, input: Any, *, out: Any = ...) -> Tensor:
    """`g` times the derivative of `hardswish`."""

def hardtanh(input: Any, min_val: Any = ..., max_val: Any = ..., inplace: builtins.bool = ...) -> Tensor:
    """`input` limited to [min_val, max_val]; of integers, to these rounded towards 0."""

def hardtanh_gradient(g: Any, input: Any, min_val: Any, max_val: Any, *, out: Any = ...) -> Tensor:
    """`g` times the derivative of `hardtanh`."""

def heaviside(input: Any, values: Any, *, out: Any = ...) -> Tensor:
    """0 where `input` is negative, 1 where positive, `values` where it is 0."""

def hinge_embedding_loss(input: Any, target: Any, margin: Any = ..., size_average: Any = ..., reduce: Any = ..., reduction: Any = ..., *, out: Any = ...) -> Tensor:
    """`input` where target is 1, `max(0, margin - input)` where it is -1."""

def histc(input: Any, bins: builtins.int = ..., min: builtins.float = ..., max: builtins.float = ..., *, out: Any = ...) -> Tensor:
    """Counts of the elements in `bins` equal bins from `min` to `max` (of the data, where both are 0)."""

def histogram(input: Any, bins: Any, *, range: Any = ..., weight: Any = ..., density: builtins.bool = ..., out: Any = ...) -> Any:
    """(counts, edges) of the elements between ascending edges `bins`, or in so many equal bins of `range`."""

def hsplit(input: Any, *given: Any, **named: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along dimension 1."""

def hstack(tensors: Any, *, out: Any = ...) -> Tensor:
    """Tensors side by side: along dimension 1, or 0 for vectors."""

def huber_loss(input: Any, target: Any, reduction: Any = ..., delta: Any = ..., weight: Any = ..., *, out: Any = ...) -> Tensor:
    """`d**2 / 2` where the difference d is below `delta`, else `delta * (|d| - delta / 2)` (Huber 1964)."""

def huber_of(difference: Any, beta: Any, *, out: Any = ...) -> Tensor:
    """`d**2 / 2` where |d| is below `beta`, else `beta * (|d| - beta / 2)`."""

def huber_of_gradient(g: Any, difference: Any, beta: Any, *, out: Any = ...) -> Tensor:
    """`g` times the derivative of `huber_of`."""

def hypot(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """`sqrt(input ** 2 + other ** 2)`, without overflow on the way."""

def i0(input: Any, *, out: Any = ...) -> Tensor:
    """Modified Bessel function of the first kind, of order 0."""

def im2col(input: Any, kernel_size: Any, dilation: Any = ..., padding: Any = ..., stride: Any = ..., *, out: Any = ...) -> Tensor:
    """Patches of `input` (N, C, H, W) or (C, H, W) as columns: (N, C * KH * KW, number of patches)."""

def imag(input: Any) -> Tensor:
    """The imaginary part, a view. Raises RuntimeError for a real tensor."""

def index(input: Any, indices: Any, *, out: Any = ...) -> Tensor:
    """`input` at index tensors, one (or None) for each of its first dimensions: `input[i, :, j]`."""

def index_add(input: Any, dim: builtins.int, index: Any, source: Any, *, alpha: Any = ..., out: Any = ...) -> Tensor:
    """`input` with `alpha * source` added to its slices along `dim` at `index`; equal ones add up."""

def index_copy(input: Any, dim: builtins.int, index: Any, source: Any, *, out: Any = ...) -> Tensor:
    """`input` with its slices along `dim` at `index` replaced by those of `source`."""

def index_fill(input: Any, dim: builtins.int, index: Any, value: Any, *, out: Any = ...) -> Tensor:
    """`input` with its slices along `dim` at `index` filled with `value`, a number or 0-d tensor."""

def index_put(input: Any, indices: Any, values: Any, accumulate: builtins.bool = ..., *, out: Any = ...) -> Tensor:
    """`input` with `values` (broadcast) written, or added, at index tensors: `input[i, :, j] = values`."""

def index_reduce(input: Any, dim: builtins.int, index: Any, source: Any, reduce: str, *, include_self: builtins.bool = ..., out: Any = ...) -> Tensor:
    """`input` with the slices of `source` along `dim` reduced ('prod', 'mean', 'amax', 'amin') into those at `index`."""

def index_select(input: Any, dim: builtins.int, index: Any, *, out: Any = ...) -> Tensor:
    """The slices of `input` along `dim` at `index` (of one dimension)."""

def inner(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Sums of products over the last dimension of both; a product where one is 0-d."""

def instance_norm(input: Any, running_mean: Any = ..., running_var: Any = ..., weight: Any = ..., bias: Any = ..., use_input_stats: builtins.bool = ..., momentum: builtins.float = ..., eps: builtins.float = ..., *, out: Any = ...) -> Tensor:
    """`input` (N, C, *) normalised over each channel of each sample (Ulyanov et al. 2016)."""

def int(input: Any, memory_format: Any = ...) -> Tensor:
    """`input` in int32; itself where it is that already."""

def interpolate(input: Any, size: Any = ..., scale_factor: Any = ..., mode: Any = ..., align_corners: Any = ..., recompute_scale_factor: Any = ..., antialias: Any = ..., *, out: Any = ...) -> Tensor:
    """`input` (N, C, *spatial) resampled to the spatial shape `size`, or by `scale_factor`."""

def inverse(input: Any, *, out: Any = ...) -> Tensor:
    """Inverse of square matrices (see `linalg.inv`)."""

def isclose(input: Any, other: Any, rtol: builtins.float = ..., atol: builtins.float = ..., equal_nan: builtins.bool = ..., *, out: Any = ...) -> Tensor:
    """Whether `|input - other| <= atol + rtol * |other|`; infinities are close to themselves."""

def isfinite(input: Any, *, out: Any = ...) -> Tensor:
    """Whether elements are neither infinite nor NaN."""

def isinf(input: Any, *, out: Any = ...) -> Tensor:
    """Whether elements are infinite."""

def isnan(input: Any, *, out: Any = ...) -> Tensor:
    """Whether elements are NaN."""

def isneginf(input: Any, _op: Any = ..., *, out: Any = ...) -> Tensor:
    """Whether elements are -inf."""

def isposinf(input: Any, _op: Any = ..., *, out: Any = ...) -> Tensor:
    """Whether elements are +inf."""

def isreal(input: Any, *, out: Any = ...) -> Tensor:
    """Whether the imaginary part is 0."""

def istft(input: Any, n_fft: Any, hop_length: Any = ..., win_length: Any = ..., window: Any = ..., center: Any = ..., normalized: Any = ..., onesided: Any = ..., length: Any = ..., return_complex: Any = ..., *, out: Any = ...) -> Tensor:
    """The signal of a short-time Fourier transform (batch, frequencies, frames), by least squares."""

def join(tensors: Any, dim: Any, *, out: Any = ...) -> Tensor:
    """Tensors of equal shape but for `dim`, one after another along it."""

def kl_div(input: Any, target: Any, size_average: Any = ..., reduce: Any = ..., reduction: Any = ..., log_target: Any = ..., *, out: Any = ...) -> Tensor:
    """Kullback-Leibler divergence of log-probabilities `input` from probabilities `target`."""

def kron(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Kronecker product: blocks of `other`, each scaled by one element of `input`."""

def kthvalue(input: Any, k: builtins.int, dim: builtins.int = ..., keepdim: builtins.bool = ..., *, out: Any = ...) -> Any:
    """(value, index) of the `k`th smallest element along `dim`, counted from 1."""

def l1_loss(input: Any, target: Any, size_average: Any = ..., reduce: Any = ..., reduction: Any = ..., weight: Any = ..., *, out: Any = ...) -> Tensor:
    """Absolute difference."""

def layer_norm(input: Any, normalized_shape: Any, weight: Any = ..., bias: Any = ..., eps: builtins.float = ..., *, out: Any = ...) -> Tensor:
    """`input` with mean 0 and variance 1 over its last dimensions, then `* weight + bias` (Ba et al. 2016)."""

def layer_norm_gradient(g: Any, input: Any, mean: Any, rstd: Any, weight: Any, count: Any, *, out: Any = ...) -> Any:
    """Gradients of layer norm over its last `count` dimensions, by input, weight and bias."""

def lcm(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Least common multiple of integers."""

def ldexp(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """`input * 2 ** other`."""

def le(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Whether elements of `input` are less than or equal to those of `other`."""

def leaky_relu(input: Any, negative_slope: Any = ..., inplace: builtins.bool = ...) -> Tensor:
    """`input` where it is positive, else `negative_slope * input`."""

def leaky_relu_gradient(g: Any, input: Any, negative_slope: Any, *, out: Any = ...) -> Tensor:
    """`g` times the derivative of `leaky_relu`."""

def lerp(input: Any, end: Any, weight: Any, *, out: Any = ...) -> Tensor:
    """`input + weight * (end - input)`; `weight` is a number or a tensor."""

def lgamma(input: Any, *, out: Any = ...) -> Tensor:
    """Logarithm of the magnitude of the gamma function."""

def linalg_cholesky(A: Any, *, upper: builtins.bool = ..., out: Any = ...) -> Tensor:
    """Cholesky factor of Hermitian positive-definite matrices: A = L L^H, or U^H U with `upper`."""

def linalg_cholesky_ex(A: Any, *, upper: builtins.bool = ..., check_errors: builtins.bool = ..., out: Any = ...) -> Any:
    """(factor, info); info is 0 throughout, for a matrix that is not positive-definite raises."""

def linalg_cond(A: Any, p: Any = ..., *, out: Any = ...) -> Tensor:
    """Condition number of matrices in the norm `p`; by default the ratio of extreme singular values."""

def linalg_cross(input: Any, other: Any, *, dim: builtins.int = ..., out: Any = ...) -> Tensor:
    """Vector products along `dim`, which must have size 3; the other dimensions are broadcast."""

def linalg_det(A: Any, *, out: Any = ...) -> Tensor:
    """Determinant of square matrices."""

def linalg_diagonal(A: Any, *, offset: builtins.int = ..., dim1: builtins.int = ..., dim2: builtins.int = ...) -> Tensor:
    """Diagonals of matrices, as a last dimension; a view (see `diagonal`)."""

def linalg_eig(A: Any, *, out: Any = ...) -> Any:
    """(eigenvalues, eigenvectors as columns of length 1) of square matrices, both complex, in no order."""

def linalg_eigh(A: Any, UPLO: str = ..., *, out: Any = ...) -> Any:
    """(eigenvalues from small to large, eigenvectors as columns) of Hermitian matrices."""

def linalg_eigvals(A: Any, *, out: Any = ...) -> Tensor:
    """Eigenvalues of square matrices, complex, in no order."""

def linalg_eigvalsh(A: Any, UPLO: str = ..., *, out: Any = ...) -> Tensor:
    """Eigenvalues of Hermitian matrices, from small to large."""

def linalg_householder_product(A: Any, tau: Any, *, out: Any = ...) -> Tensor:
    """The first columns of the product of reflections I - tau_i v_i v_i^H; v_i is column i of `A`"""

def linalg_inv(A: Any, *, out: Any = ...) -> Tensor:
    """Inverse of square matrices. Raises LinAlgError (a RuntimeError) for a singular one."""

def linalg_inv_ex(A: Any, check_errors: Any = ..., *, out: Any = ...) -> Any:
    """(inverse, info); info is 0 throughout, for a singular matrix raises."""

def linalg_lstsq(A: Any, B: Any, rcond: Any = ..., *, driver: Any = ..., out: Any = ...) -> Any:
    """(solution, residuals, rank, singular values) of the least-squares problem min |A X - B|."""

def linalg_lu(A: Any, *, pivot: builtins.bool = ..., out: Any = ...) -> Any:
    """(P, L, U) with A = P L U: a permutation, a lower and an upper triangle."""

def linalg_lu_factor(A: Any, *, pivot: builtins.bool = ..., out: Any = ...) -> Any:
    """(L and U in one matrix, row exchanges counted from 1), with partial pivoting."""

def linalg_lu_factor_ex(A: Any, *, pivot: builtins.bool = ..., check_errors: builtins.bool = ..., out: Any = ...) -> Any:
    """(LU, pivots, info); info is 0 throughout."""

def linalg_lu_solve(LU: Any, pivots: Any, B: Any, *, left: builtins.bool = ..., adjoint: builtins.bool = ..., out: Any = ...) -> Tensor:
    """X with A X = B (X A = B without `left`; A^H for A with `adjoint`), from `lu_factor` of A."""

def linalg_matrix_exp(A: Any, *, out: Any = ...) -> Tensor:
    """Matrix exponential: halved until small, Taylor's series of order 18, squared back."""

def linalg_matrix_norm(A: Any, ord: Any = ..., dim: Any = ..., keepdim: builtins.bool = ..., *, dtype: Any = ..., out: Any = ...) -> Tensor:
    """Norm of matrices: 'fro', 'nuc' (sum of singular values), 1 and -1 (column sums), inf and -inf"""

def linalg_matrix_power(A: Any, n: Any, *, out: Any = ...) -> Tensor:
    """Square matrices multiplied by themselves `n` times; their inverses for a negative `n`."""

def linalg_matrix_rank(A: Any, tol: Any = ..., hermitian: builtins.bool = ..., *, atol: Any = ..., rtol: Any = ..., out: Any = ...) -> Tensor:
    """Number of singular values above max(`atol`, `rtol` times the largest); int64."""

def linalg_multi_dot(tensors: Any, *, out: Any = ...) -> Tensor:
    """Product of two or more matrices, in the cheapest order; the first and last may be vectors."""

def linalg_norm(A: Any, ord: Any = ..., dim: Any = ..., keepdim: builtins.bool = ..., *, dtype: Any = ..., out: Any = ...) -> Tensor:
    """Norm of a vector or matrix: of the whole tensor where neither `ord` nor `dim` is given."""

def linalg_pinv(A: Any, rcond: Any = ..., hermitian: builtins.bool = ..., *, atol: Any = ..., rtol: Any = ..., out: Any = ...) -> Tensor:
    """Moore-Penrose inverse; singular values up to max(`atol`, `rtol` times the largest) count as 0."""

def linalg_qr(A: Any, mode: str = ..., *, out: Any = ...) -> Any:
    """(Q, R) with A = Q R: orthonormal columns, upper triangle. `mode` is 'reduced', 'complete' or 'r'."""

def linalg_slogdet(A: Any, *, out: Any = ...) -> Any:
    """(sign, logarithm of the magnitude) of the determinant of square matrices."""

def linalg_solve(A: Any, B: Any, *, left: builtins.bool = ..., out: Any = ...) -> Tensor:
    """X with A X = B (`left`), or X A = B; B holds vectors or matrices."""

def linalg_solve_ex(A: Any, B: Any, *, left: builtins.bool = ..., check_errors: builtins.bool = ..., out: Any = ...) -> Any:
    """(solution, info); info is 0 throughout, for a singular matrix raises."""

def linalg_solve_triangular(A: Any, B: Any, *, upper: builtins.bool, left: builtins.bool = ..., unitriangular: builtins.bool = ..., out: Any = ...) -> Tensor:
    """X with A X = B (or X A = B) for triangular A, of which the other triangle is not read."""

def linalg_svd(A: Any, full_matrices: builtins.bool = ..., *, driver: Any = ..., out: Any = ...) -> Any:
    """(U, S, Vh) with A = U diag(S) Vh: orthonormal U and V, singular values from large to small."""

def linalg_svdvals(A: Any, *, driver: Any = ..., out: Any = ...) -> Tensor:
    """Singular values, from large to small."""

def linalg_tensorinv(A: Any, ind: Any = ..., *, out: Any = ...) -> Tensor:
    """Inverse for `tensordot` over the first `ind` dimensions of `A`."""

def linalg_tensorsolve(A: Any, B: Any, dims: Any = ..., *, out: Any = ...) -> Tensor:
    """X with tensordot(A, X, X.ndim) == B; `dims` of `A` are first moved to its end."""

def linalg_vander(x: Any, *, N: builtins.int | None = ..., out: Any = ...) -> Tensor:
    """Powers 0 to N - 1 of the elements of `x`, along a new last dimension."""

def linalg_vecdot(x: Any, y: Any, *, dim: builtins.int = ...) -> Tensor:
    """Sums of `conj(x) * y` along `dim`, the other dimensions broadcast."""

def linalg_vector_norm(x: Any, ord: Any = ..., dim: Any = ..., keepdim: builtins.bool = ..., *, dtype: Any = ..., out: Any = ...) -> Tensor:
    """`sum(|x| ** ord) ** (1 / ord)` over `dim` (all by default); 0 counts nonzeros, inf is the largest."""

def linear(input: Any, weight: Any, bias: Any = ..., *, out: Any = ...) -> Tensor:
    """`input @ weight.T + bias`: (*, in) with weight (out, in) and bias (out,) gives (*, out)."""

def linear_cross_entropy(input: Any, linear_weight: Any, target: Any, *, linear_bias: Any = ..., weight: Any = ..., reduction: str = ..., ignore_index: builtins.int | None = ..., label_smoothing: builtins.float = ..., options: Any = ..., out: Any = ...) -> Tensor:
    """`cross_entropy` of `linear(input, linear_weight, linear_bias)`."""

def linspace(start: Any, end: Any, steps: builtins.int, *, dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., out: Any = ...) -> Tensor:
    """`steps` numbers from `start` to `end`, both included, evenly spaced."""

def local_response_norm(input: Any, size: Any, alpha: Any = ..., beta: Any = ..., k: Any = ..., *, out: Any = ...) -> Tensor:
    """`input` (N, C, *) divided by `(k + alpha * mean square of `size` neighbouring channels) ** beta`."""

def log(input: Any, *, out: Any = ...) -> Tensor:
    """Natural logarithm."""

def log10(input: Any, *, out: Any = ...) -> Tensor:
    """Logarithm to base 10."""

def log1p(input: Any, *, out: Any = ...) -> Tensor:
    """`log(1 + input)`, accurate near 0."""

def log2(input: Any, *, out: Any = ...) -> Tensor:
    """Logarithm to base 2."""

def log_normal_(self: Any, *args: Any, generator: Any = ..., out: Any = ..., **kwargs: Any) -> Tensor:
    """Fills the tensor with numbers whose logarithms have that mean and standard deviation."""

def log_softmax(input: Any, dim: builtins.int | None = ..., _stacklevel: builtins.int = ..., dtype: Any = ...) -> Tensor:
    """Logarithm of `softmax`, computed without overflow."""

def log_softmax_gradient(g: Any, out: Any, dim: Any) -> Tensor:
    """`g` through log_softmax, from its output."""

def logaddexp(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """`log(exp(input) + exp(other))`, without overflow."""

def logaddexp2(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """`log2(2 ** input + 2 ** other)`, without overflow."""

def logcumsumexp(input: Any, dim: builtins.int, *, out: Any = ...) -> Tensor:
    """`log(cumsum(exp(input)))` along `dim`, safe against overflow: doubling steps of `logaddexp`."""

def logdet(input: Any, *, out: Any = ...) -> Tensor:
    """Logarithm of the determinant; NaN where it is negative."""

def logical_and(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Whether both elements are nonzero."""

def logical_not(input: Any, *, out: Any = ...) -> Tensor:
    """Whether elements are 0 or False."""

def logical_or(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Whether one of the two elements is nonzero."""

def logical_xor(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Whether just one of the two elements is nonzero."""

def logistic_nll(input: Any, target: Any, pos_weight: Any, *, out: Any = ...) -> Tensor:
    """`binary_nll` of `sigmoid(input)`, without overflow; `pos_weight` scales the positive part."""

def logit(input: Any, eps: Any = ..., *, out: Any = ...) -> Tensor:
    """`log(input / (1 - input))`; with `eps`, `input` is first clamped to [eps, 1 - eps]."""

def logsigmoid(input: Any, *, out: Any = ...) -> Tensor:
    """Logarithm of `sigmoid`, without overflow."""

def logsigmoid_gradient(g: Any, input: Any, *, out: Any = ...) -> Tensor:
    """`g` times the derivative of `logsigmoid`."""

def logspace(start: Any, end: Any, steps: builtins.int, base: builtins.float = ..., *, dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., out: Any = ...) -> Tensor:
    """`base` to the powers `linspace(start, end, steps)`."""

def logsumexp(input: Any, dim: Any = ..., keepdim: builtins.bool = ..., *, axis: Any = ..., keepdims: Any = ..., out: Any = ...) -> Tensor:
    """`log(sum(exp(input)))` over `dim`, safe against overflow."""

def long(input: Any, memory_format: Any = ...) -> Tensor:
    """`input` in int64; itself where it is that already."""

def lp_pool1d(input: Any, norm_type: Any, kernel_size: Any, stride: Any = ..., ceil_mode: Any = ..., *, out: Any = ...) -> Tensor:
    """The `norm_type`-norm of windows of `input` (N, C, L) or (C, L)."""

def lp_pool2d(input: Any, norm_type: Any, kernel_size: Any, stride: Any = ..., ceil_mode: Any = ..., *, out: Any = ...) -> Tensor:
    """The `norm_type`-norm of windows of `input` (N, C, H, W) or (C, H, W)."""

def lp_pool3d(input: Any, norm_type: Any, kernel_size: Any, stride: Any = ..., ceil_mode: Any = ..., *, out: Any = ...) -> Tensor:
    """The `norm_type`-norm of windows of `input` (N, C, D, H, W) or (C, D, H, W)."""

def lstm_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = ..., b_hh: Any = ..., *, out: Any = ...) -> Any:
    """One LSTM step: input (B, I) and `hx`, output and cell (B, H), give the new (output, cell)."""

def lstm_layer(input: Any, h0: Any, c0: Any, w_ih: Any, w_hh: Any, b_ih: Any = ..., b_hh: Any = ..., reverse: Any = ..., w_hr: Any = ..., mask: Any = ..., *, out: Any = ...) -> Any:
    """An LSTM over (T, B, I), from last step to first where `reverse`."""

def lstm_layer_gradient(g_output: Any, g_h: Any, g_c: Any, g_gates: Any, g_cells: Any, c0: Any, w_hh: Any, w_hr: Any, mask: Any, gates: Any, cells: Any, reverse: Any, *, out: Any = ...) -> Any:
    """Gradients of the gates' sums (T, B, 4H) and of h0 and c0; with `w_hr` those of the outputs (T, B, P)."""

def lstm_step(sums: Any, cell: Any, *, out: Any = ...) -> Any:
    """New output and cell (B, H) from the sums (B, 4H) of input, forget, cell and output gate."""

def lt(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Whether elements of `input` are less than those of `other`."""

def lu_solve(b: Any, LU_data: Any, LU_pivots: Any, *, out: Any = ...) -> Tensor:
    """X with A X = b, from `linalg.lu_factor` of A."""

def lu_unpack(LU_data: Any, LU_pivots: Any, unpack_data: Any = ..., unpack_pivots: Any = ..., *, out: Any = ...) -> Any:
    """(P, L, U) of what `linalg.lu_factor` gave; empty what is not asked for."""

def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: Any = ..., size_average: Any = ..., reduce: Any = ..., reduction: Any = ..., *, out: Any = ...) -> Tensor:
    """`max(0, -target * (input1 - input2) + margin)`: target 1 wants input1 to be the larger."""

def masked_fill(input: Any, mask: Any, value: Any, *, out: Any = ...) -> Tensor:
    """`input` with `value` (a number or 0-d tensor) where `mask` is true; the two are broadcast."""

def masked_scatter(input: Any, mask: Any, source: Any, *, out: Any = ...) -> Tensor:
    """`input` with the elements where `mask` is true replaced by those of `source`, one after another."""

def masked_select(input: Any, mask: Any, *, out: Any = ...) -> Tensor:
    """The elements of `input` where `mask` is true, in one dimension; the two are broadcast together."""

def matmul(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Matrix product of the last two dimensions, the others broadcast; a 1-D tensor is a vector."""

def matrix_product(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Matrix product of the last two dimensions of tensors that have both; the others are broadcast."""

def max(input: Any, dim: Any = ..., keepdim: builtins.bool = ..., *, other: Any = ..., axis: Any = ..., keepdims: Any = ..., out: Any = ...) -> Any:
    """Largest elements along `dim` with their indices: `max(x)`, `max(x, dim)` or `max(x, other)`."""

def max_pool(input: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any, *, out: Any = ...) -> Tensor:
    """`max_pool_with_indices` without the indices: the gradient finds the places again, which is faster."""

def max_pool1d(input: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., dilation: Any = ..., ceil_mode: Any = ..., return_indices: Any = ..., *, out: Any = ...) -> Any:
    """Maximum over windows of `input` (N, C, L) or (C, L); `stride` is the kernel size unless given."""

def max_pool1d_with_indices(input: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., dilation: Any = ..., ceil_mode: Any = ..., return_indices: Any = ..., *, out: Any = ...) -> tuple[Tensor, ...]:
    """`max_pool1d` with the indices of the maxima."""

def max_pool2d(input: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., dilation: Any = ..., ceil_mode: Any = ..., return_indices: Any = ..., *, out: Any = ...) -> Any:
    """Maximum over windows of `input` (N, C, H, W) or (C, H, W); `stride` is the kernel size unless given."""

def max_pool2d_with_indices(input: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., dilation: Any = ..., ceil_mode: Any = ..., return_indices: Any = ..., *, out: Any = ...) -> tuple[Tensor, ...]:
    """`max_pool2d` with the indices of the maxima."""

def max_pool3d(input: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., dilation: Any = ..., ceil_mode: Any = ..., return_indices: Any = ..., *, out: Any = ...) -> Any:
    """Maximum over windows of `input` (N, C, D, H, W) or (C, D, H, W)."""

def max_pool3d_with_indices(input: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., dilation: Any = ..., ceil_mode: Any = ..., return_indices: Any = ..., *, out: Any = ...) -> tuple[Tensor, ...]:
    """`max_pool3d` with the indices of the maxima."""

def max_pool_grad(grad: Any, input: Any, out: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any) -> Tensor:
    """Gradient of `max_pool`: `grad` at the first place of each window where its maximum is."""

def max_pool_with_indices(input: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any, *, out: Any = ...) -> Any:
    """Maximum over windows, and where in the flattened plane it was found (the first, among equals)."""

def max_unpool(input: Any, indices: Any, size: Any, *, out: Any = ...) -> Tensor:
    """Zeros (..., *size) with `input` put in at `indices` of the flattened planes; the last of equals wins."""

def max_unpool1d(input: Any, indices: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., output_size: Any = ..., *, out: Any = ...) -> Tensor:
    """Puts the maxima that `max_pool1d` found back to their places, among zeros."""

def max_unpool2d(input: Any, indices: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., output_size: Any = ..., *, out: Any = ...) -> Tensor:
    """Puts the maxima that `max_pool2d` found back to their places, among zeros."""

def max_unpool3d(input: Any, indices: Any, kernel_size: Any, stride: Any = ..., padding: Any = ..., output_size: Any = ..., *, out: Any = ...) -> Tensor:
    """Puts the maxima that `max_pool3d` found back to their places, among zeros."""

def maximum(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """The larger of the two; NaN where either is NaN. A tie shares the gradient evenly."""

def mean(input: Any, dim: Any = ..., keepdim: builtins.bool = ..., *, dtype: Any = ..., axis: Any = ..., keepdims: Any = ..., out: Any = ...) -> Tensor:
    """Arithmetic mean over `dim`. Raises RuntimeError for integers: give a floating `dtype`."""

def median(input: Any, dim: Any = ..., keepdim: builtins.bool = ..., *, out: Any = ...) -> Any:
    """(value, index) of the lower median along `dim`, NaN where there is one; without `dim` that of all."""

def meshgrid(*tensors: Any, indexing: Any = ...) -> tuple[Tensor, ...]:
    """Coordinates of the grid of vectors: a tuple of tensors, expanded to the shape of the grid."""

def min(input: Any, dim: Any = ..., keepdim: builtins.bool = ..., *, other: Any = ..., axis: Any = ..., keepdims: Any = ..., out: Any = ...) -> Any:
    """Smallest elements along `dim` with their indices: `min(x)`, `min(x, dim)` or `min(x, other)`."""

def minimum(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """The smaller of the two; NaN where either is NaN. A tie shares the gradient evenly."""

def mish(input: Any, inplace: builtins.bool = ...) -> Tensor:
    """`input * tanh(softplus(input))` (Misra 2019)."""

def mish_gradient(g: Any, input: Any, *, out: Any = ...) -> Tensor:
    """`g` times the derivative of `mish`."""

def mm(input: Any, mat2: Any, *, out: Any = ...) -> Tensor:
    """Matrix product of two 2-D tensors. Raises RuntimeError for other shapes or two dtypes."""

def mode(input: Any, dim: builtins.int = ..., keepdim: builtins.bool = ..., *, out: Any = ...) -> Any:
    """(value, index) of the most frequent element along `dim`; of several the smallest, its last index."""

def momentum_update(param: Any, grad: Any, momentum_buffer: Any, lr: Any, weight_decay: Any, momentum: Any, dampening: Any, decays: Any, nesterov: Any, first: Any, *, out: Any = ...) -> Any:
    """As `sgd_update`, with momentum; at the first step the buffer is the gradient."""

def momentum_updates(params: Any, grads: Any, momentum_buffers: Any, lr: Any, weight_decay: Any, momentum: Any, dampening: Any, decays: Any, nesterov: Any, first: Any, maximize: Any, *, out: Any = ...) -> Any:
    """`momentum_update` of each parameter."""

def movedim(input: Any, source: Any, destination: Any) -> Tensor:
    """`input` with the dimensions `source` moved to the places `destination`, the others in order."""

def mse_loss(input: Any, target: Any, size_average: Any = ..., reduce: Any = ..., reduction: Any = ..., weight: Any = ..., *, out: Any = ...) -> Tensor:
    """Squared difference."""

def msort(input: Any, *, out: Any = ...) -> Tensor:
    """`input` in order along its first dimension."""

def mul(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Product, broadcast together."""

def multi_head_attention(query: Any, key: Any, value: Any, in_proj_weight: Any, in_proj_bias: Any, bias_k: Any, bias_v: Any, out_proj_weight: Any, out_proj_bias: Any, key_padding_mask: Any, attn_mask: Any, q_proj_weight: Any, k_proj_weight: Any, v_proj_weight: Any, static_k: Any, static_v: Any, num_heads: Any, add_zero_attn: Any, dropout_p: Any, random_keys: Any, need_weights: Any, *, out: Any = ...) -> Any:
    """`multi_head_attention_forward` of batched inputs, with weights per head."""

def multi_margin_loss(input: Any, target: Any, p: Any = ..., margin: Any = ..., weight: Any = ..., size_average: Any = ..., reduce: Any = ..., reduction: Any = ..., *, out: Any = ...) -> Tensor:
    """`sum over i != y of max(0, margin - input[y] + input[i]) ** p / C` for class numbers y."""

def multilabel_margin_loss(input: Any, target: Any, size_average: Any = ..., reduce: Any = ..., reduction: Any = ..., *, out: Any = ...) -> Tensor:
    """Hinge loss between the target classes and all others; a row's targets end at its first -1."""

def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any = ..., size_average: Any = ..., reduce: Any = ..., reduction: Any = ..., *, out: Any = ...) -> Tensor:
    """Mean over classes of the cross entropy of `sigmoid(input)` with 0/1 targets."""

def multinomial(input: Any, num_samples: builtins.int, replacement: builtins.bool = ..., *, generator: Any = ..., out: Any = ...) -> Tensor:
    """Indices drawn with the probabilities (any positive scale) in each row of `input`; int64."""

def mv(input: Any, vec: Any, *, out: Any = ...) -> Tensor:
    """Product of a matrix and a vector."""

def mvlgamma(input: Any, p: Any, *, out: Any = ...) -> Tensor:
    """Logarithm of the multivariate gamma function of dimension `p`."""

def nadam_update(param: Any, grad: Any, exp_avg: Any, exp_avg_sq: Any, mu_product: Any, step: Any, lr: Any, beta1: Any, beta2: Any, eps: Any, weight_decay: Any, momentum_decay: Any, decays: Any, decoupled: Any, *, out: Any = ...) -> Any:
    """NAdam, with momentum that grows from step to step; `decoupled` weight decay as AdamW's."""

def nan_to_num(input: Any, nan: Any = ..., posinf: Any = ..., neginf: Any = ..., *, out: Any = ...) -> Tensor:
    """NaN and the infinities replaced; by default by 0 and the dtype's largest and smallest number."""

def nanmean(input: Any, dim: Any = ..., keepdim: builtins.bool = ..., *, dtype: Any = ..., axis: Any = ..., keepdims: Any = ..., out: Any = ...) -> Tensor:
    """`mean` of the elements that are not NaN."""

def nanmedian(input: Any, dim: Any = ..., keepdim: builtins.bool = ..., *, out: Any = ...) -> Any:
    """(value, index) of the lower median along `dim` of what is not NaN; without `dim` that of all."""

def nanquantile(input: Any, q: Any, dim: Any = ..., keepdim: builtins.bool = ..., *, interpolation: str = ..., out: Any = ...) -> Tensor:
    """`quantile` of the elements that are not NaN."""

def nansum(input: Any, dim: Any = ..., keepdim: builtins.bool = ..., *, dtype: Any = ..., axis: Any = ..., keepdims: Any = ..., out: Any = ...) -> Tensor:
    """`sum`, with NaN taken as 0."""

def narrow(input: Any, dim: Any, start: Any, length: Any) -> Tensor:
    """Elements `start` to `start + length - 1` of dimension `dim`."""

def narrow_copy(*args: Any, out: Any = ..., **named: Any) -> Tensor:
    """`narrow`, as a copy."""

def native_batch_norm(input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, training: builtins.bool, momentum: builtins.float, eps: builtins.float, *, out: Any = ...) -> Tensor:
    """`batch_norm` with the mean and inverse standard deviation of the batch (empty in evaluation)."""

def native_layer_norm(input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: Any, *, out: Any = ...) -> Any:
    """`layer_norm` with the mean and the inverse standard deviation that it found, of shape (*, 1, ...)."""

def ne(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Whether elements differ."""

def neg(input: Any, *, out: Any = ...) -> Tensor:
    """`-input`. Raises RuntimeError for bool."""

def new_empty(input: Any, *size: Any, dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., out: Any = ..., **named: Any) -> Tensor:
    """Unspecified values of shape `size` in the dtype and on the device of `input`."""

def new_full(input: Any, size: Any, fill_value: Any, *, dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., out: Any = ...) -> Tensor:
    """`fill_value` in shape `size`, in the dtype and on the device of `input`."""

def new_ones(input: Any, *size: Any, dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., out: Any = ..., **named: Any) -> Tensor:
    """Ones of shape `size` in the dtype and on the device of `input`."""

def new_zeros(input: Any, *size: Any, dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., out: Any = ..., **named: Any) -> Tensor:
    """Zeros of shape `size` in the dtype and on the device of `input`."""

def next_steps(steps: Any, *, out: Any = ...) -> Any:
    """Counts of steps (0-d), one more each."""

def nextafter(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """The next representable number after `input` towards `other`."""

def nll_loss(input: Any, target: Any, weight: Any = ..., size_average: Any = ..., ignore_index: Any = ..., reduce: Any = ..., reduction: Any = ..., *, out: Any = ...) -> Tensor:
    """Negative log-likelihood: log-probabilities (N, C, *) or (C,), class numbers (N, *) or ()."""

def nonzero(input: Any, *, as_tuple: builtins.bool = ..., out: Any = ...) -> Any:
    """The indices of the elements that are not zero: builtins.int64, shape (count, dimensions of `input`)."""

def nonzero_static(input: Any, *, size: builtins.int, fill_value: builtins.int = ..., out: Any = ...) -> Tensor:
    """The first `size` rows of `nonzero(input)`; missing ones are `fill_value`. The shape is known before."""

def norm(input: Any, p: Any = ..., dim: Any = ..., keepdim: Any = ..., dtype: Any = ..., *, out: Any = ...) -> Tensor:
    """`p`-norm over `dim` (all by default) of the elements; 'fro' is 2, 'nuc' takes singular values."""

def normal(mean: Any = ..., std: Any = ..., size: Any = ..., *, generator: Any = ..., dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., out: Any = ...) -> Tensor:
    """Numbers from normal distributions: of tensors `mean` and `std`, broadcast, or of numbers and a `size`."""

def normal_(self: Any, *args: Any, generator: Any = ..., out: Any = ..., **kwargs: Any) -> Tensor:
    """Fills the tensor with numbers from the normal distribution of that mean and standard deviation."""

def normalize(input: Any, p: builtins.float = ..., dim: Any = ..., eps: builtins.float = ..., *, out: Any = ...) -> Tensor:
    """`input` divided by its p-norm along `dim`, or by `eps` where that is larger."""

def one_hot(input: Any, num_classes: builtins.int = ..., *, out: Any = ...) -> Tensor:
    """(*, num_classes) int64: 1 at the class number, else 0. -1 takes the largest number plus 1."""

def ones(*size: Any, dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., memory_format: Any = ..., out: Any = ..., **named: Any) -> Tensor:
    """A tensor of shape `size` filled with 1, in `dtype` (the default dtype where not given)."""

def ones_like(input: Any, *, dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., memory_format: Any = ..., out: Any = ...) -> Tensor:
    """Ones in the shape, dtype and device of `input`."""

def outer(input: Any, vec2: Any, *, out: Any = ...) -> Tensor:
    """Products of all pairs of elements of two 1-D tensors: shape (n, m)."""

def overwritten(input: Any, value: Any, *, out: Any = ...) -> Tensor:
    """`value`, broadcast to the shape of `input`; as a function of `input` it is constant."""

def p_norm(input: Any, p: Any, dim: Any, keepdim: Any = ..., *, out: Any = ...) -> Tensor:
    """`sum(abs(input) ** p) ** (1 / p)` along `dim`; its gradient at 0 is 0."""

def pad(input: Any, pad: Any, mode: str = ..., value: Any = ..., *, out: Any = ...) -> Tensor:
    """`input` with its last dimensions extended: by `value`, or by what it holds itself."""

def pairwise_distance(x1: Any, x2: Any, p: Any = ..., eps: Any = ..., keepdim: Any = ..., *, out: Any = ...) -> Tensor:
    """p-norm of `x1 - x2 + eps` over the last dimension."""

def pdist(input: Any, p: Any = ..., *, out: Any = ...) -> Tensor:
    """p-norm distances between all pairs of rows (N, M), as N * (N - 1) / 2 numbers: (0, 1), (0, 2), ..."""

def permute(input: Any, *dims: Any) -> Tensor:
    """`input` with its dimensions in the order `dims`."""

def permute_copy(*args: Any, out: Any = ..., **named: Any) -> Tensor:
    """`permute`, as a copy."""

def pinverse(input: Any, rcond: Any = ..., *, out: Any = ...) -> Tensor:
    """Moore-Penrose inverse (see `linalg.pinv`)."""

def pixel_shuffle(input: Any, upscale_factor: Any, *, out: Any = ...) -> Tensor:
    """(..., C * r * r, H, W) rearranged to (..., C, H * r, W * r), r being `upscale_factor`."""

def pixel_unshuffle(input: Any, downscale_factor: Any, *, out: Any = ...) -> Tensor:
    """Undoes `pixel_shuffle`: (..., C, H * r, W * r) to (..., C * r * r, H, W)."""

def plane_put(input: Any, indices: Any, size: Any, *, out: Any = ...) -> Tensor:
    """Sums `input` (..., *any) into zeros (..., *size) at `indices` of the flattened planes."""

def plane_take(input: Any, indices: Any, size: Any, *, out: Any = ...) -> Tensor:
    """The adjoint of `plane_put`: elements of `input` (..., *size) at `indices` of its flattened planes."""

def poisson(input: Any, generator: Any = ..., *, out: Any = ...) -> Tensor:
    """Numbers from Poisson distributions with the rates in `input`, in its dtype."""

def poisson_nll_loss(input: Any, target: Any, log_input: Any = ..., full: Any = ..., size_average: Any = ..., eps: Any = ..., reduce: Any = ..., reduction: Any = ..., *, out: Any = ...) -> Tensor:
    """Negative log-likelihood of counts `target` under Poisson rates `input` (logarithms of them by default)."""

def polar(abs: Any, angle: Any, *, out: Any = ...) -> Tensor:
    """The complex number of magnitude `abs` and `angle` in radians."""

def polygamma(n: Any, input: Any, *, out: Any = ...) -> Tensor:
    """Derivative of order `n` of `digamma`. Raises RuntimeError for a negative `n`."""

def positive(input: Any) -> Tensor:
    """`input` itself. Raises RuntimeError for bool."""

def pow(input: Any, exponent: Any, *, out: Any = ...) -> Tensor:
    """`input` to the power of `exponent`. Raises RuntimeError for an integer to a negative power."""

def prelu(input: Any, weight: Any, *, out: Any = ...) -> Tensor:
    """`input` where it is positive, else `weight * input`."""

def prelu_along(input: Any, weight: Any, *, out: Any = ...) -> Tensor:
    """`input` where it is positive, else `weight * input`; `weight` broadcasts."""

def prod(input: Any, dim: Any = ..., keepdim: builtins.bool = ..., *, dtype: Any = ..., axis: Any = ..., keepdims: Any = ..., out: Any = ...) -> Tensor:
    """Product over `dim` (an int, or None for all). Integers and bools give int64."""

def put(input: Any, index: Any, source: Any, accumulate: builtins.bool = ..., *, out: Any = ...) -> Tensor:
    """`input` with the elements of `source` written, or added, at `index` of its flattened form."""

def qr(input: Any, some: Any = ..., *, out: Any = ...) -> Any:
    """(Q, R) with input = Q R (see `linalg.qr`)."""

def quantile(input: Any, q: Any, dim: Any = ..., keepdim: builtins.bool = ..., *, interpolation: str = ..., out: Any = ...) -> Tensor:
    """The `q`th quantiles (0 to 1) along `dim`, or of all elements; a vector `q` gives a first dimension."""

def rad2deg(input: Any, *, out: Any = ...) -> Tensor:
    """Radians to degrees."""

def rand(*size: Any, generator: Any = ..., dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., out: Any = ..., **named: Any) -> Tensor:
    """Numbers uniform in [0, 1): multiples of 2**-24, in float64 of 2**-53."""

def rand_like(input: Any, *, generator: Any = ..., dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., memory_format: Any = ..., out: Any = ...) -> Tensor:
    """`rand` in the shape, dtype and device of `input`."""

def randint(*args: Any, low: builtins.int | None = ..., high: builtins.int | None = ..., size: Any = ..., generator: Any = ..., dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., out: Any = ...) -> Tensor:
    """Integers uniform in [low, high), as `dtype` (int64 where not given): `randint(low=0, high, size)`."""

def randint_like(input: Any, *args: Any, low: Any = ..., high: Any = ..., generator: Any = ..., dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., memory_format: Any = ..., out: Any = ...) -> Tensor:
    """`randint` in the shape, dtype and device of `input`: `randint_like(input, low=0, high)`."""

def randn(*size: Any, generator: Any = ..., dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., out: Any = ..., **named: Any) -> Tensor:
    """Numbers from the normal distribution with mean 0 and variance 1; complex: of total variance 1."""

def randn_like(input: Any, *, generator: Any = ..., dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., memory_format: Any = ..., out: Any = ...) -> Tensor:
    """`randn` in the shape, dtype and device of `input`."""

def random_(input: Any, *bounds: Any, generator: Any = ..., out: Any = ..., **named: Any) -> Tensor:
    """Fills the tensor with whole numbers in [from, to); without bounds: all that its dtype holds exactly."""

def random_words(key: Any, count: Any, dtype: Any, *, out: Any = ...) -> Tensor:
    """`count` random words, uint32 or uint64, of a `facula.random.Key`."""

def randperm(n: builtins.int, *, generator: Any = ..., dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., out: Any = ...) -> Tensor:
    """The numbers 0 to n - 1 in random order: the order that sorts n random words (of 63 bits less those of n)."""

def ravel(input: Any) -> Tensor:
    """`input` as one dimension; a view where memory order allows it."""

def real(input: Any) -> Tensor:
    """The real part, a view; of a real tensor the tensor itself."""

def reciprocal(input: Any, *, out: Any = ...) -> Tensor:
    """`1 / input`."""

def rectify_gradient(g: Any, out: Any) -> Tensor:
    """`g` where `out` is positive (or NaN), else 0."""

def relu(input: Any, inplace: builtins.bool = ...) -> Tensor:
    """`max(input, 0)`; NaN stays NaN. Raises RuntimeError for bool."""

def relu6(input: Any, inplace: builtins.bool = ...) -> Tensor:
    """`input` limited to [0, 6]."""

def relu6_gradient(g: Any, input: Any, *, out: Any = ...) -> Tensor:
    """`g` times the derivative of `relu6`."""

def remainder(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """`input - floor(input / other) * other`: it has the sign of `other`."""

def renorm(input: Any, p: Any, dim: Any, maxnorm: Any, *, out: Any = ...) -> Tensor:
    """Slices of `input` along `dim`, each scaled down so that its `p`-norm is at most `maxnorm`."""

def repeat(input: Any, *repeats: Any, out: Any = ...) -> Tensor:
    """`input` laid out `repeats` times along each dimension (new ones in front)."""

def repeat_interleave(input: Any, repeats: Any = ..., dim: Any = ..., *, output_size: Any = ..., out: Any = ...) -> Tensor:
    """Each element of dimension `dim` `repeats` times in a row (of the flattened tensor without `dim`)."""

def resample(input: Any, dim: Any, size: Any, mode: Any, scale: Any, align_corners: Any, *, out: Any = ...) -> Tensor:
    """`input` with `size` elements along `dim`, each a weighted sum of `taps`."""

def resample_grad(grad: Any, dim: Any, size: Any, mode: Any, scale: Any, align_corners: Any, *, out: Any = ...) -> Tensor:
    """The adjoint of `resample`, for an input of `size` elements along `dim`."""

def reshape(input: Any, *shape: Any) -> Tensor:
    """`input` in another shape: a view where memory order allows it, else a copy."""

def reshape_as(input: Any, other: Any) -> Tensor:
    """`input` in the shape of `other`; a view where memory order allows it."""

def resolve_conj(input: Any) -> Tensor:
    """`input` itself: conjugation is never put off here."""

def resolve_neg(input: Any) -> Tensor:
    """`input` itself: negation is never put off here."""

def rint(input: Any, *, out: Any = ...) -> Tensor:
    """Rounded to the nearest integer, halves to the even one."""

def rms_norm(input: Any, normalized_shape: Any, weight: Any = ..., eps: Any = ..., *, out: Any = ...) -> Tensor:
    """`input` divided by its root mean square over the last dimensions, times `weight`."""

def rms_norm_fused(input: Any, weight: Any, count: Any, eps: Any, *, out: Any = ...) -> Any:
    """RMS norm over the last `count` dimensions, with the inverse root mean square that it found."""

def rms_norm_gradient(g: Any, input: Any, weight: Any, rrms: Any, count: Any, *, out: Any = ...) -> Any:
    """Gradients of RMS norm over its last `count` dimensions, by input and weight."""

def rmsprop_update(param: Any, grad: Any, square_avg: Any, momentum_buffer: Any, grad_avg: Any, lr: Any, alpha: Any, eps: Any, weight_decay: Any, momentum: Any, decays: Any, *, out: Any = ...) -> Any:
    """RMSprop; `grad_avg` makes it centered."""

def rmsprop_updates(params: Any, grads: Any, square_avgs: Any, momentum_buffers: Any, grad_avgs: Any, lr: Any, alpha: Any, eps: Any, weight_decay: Any, momentum: Any, decays: Any, maximize: Any, *, out: Any = ...) -> Any:
    """`rmsprop_update` of each parameter; no `momentum_buffers` without momentum, no `grad_avgs` unless centered."""

def rnn_layer(input: Any, h0: Any, w_ih: Any, w_hh: Any, b_ih: Any = ..., b_hh: Any = ..., reverse: Any = ..., nonlinearity: Any = ..., mask: Any = ..., *, out: Any = ...) -> Any:
    """A plain recurrent layer, 'tanh' or 'relu', over (T, B, I): outputs (T, B, H) and the last one (B, H)."""

def rnn_layer_gradient(g_output: Any, g_h: Any, w_hh: Any, mask: Any, output: Any, reverse: Any, nonlinearity: Any, *, out: Any = ...) -> Any:
    """Gradients of the sums (T, B, H) and of h0."""

def rnn_relu_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = ..., b_hh: Any = ..., *, out: Any = ...) -> Tensor:
    """One step: `relu(input @ w_ih.T + b_ih + hx @ w_hh.T + b_hh)`, (B, I), (B, H) to (B, H)."""

def rnn_tanh_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = ..., b_hh: Any = ..., *, out: Any = ...) -> Tensor:
    """One step: `tanh(input @ w_ih.T + b_ih + hx @ w_hh.T + b_hh)`, (B, I), (B, H) to (B, H)."""

def roll(input: Any, shifts: Any, dims: Any = ..., *, out: Any = ...) -> Tensor:
    """`input` moved by `shifts` along `dims`; what leaves at the end comes in at the front."""

def rot90(input: Any, k: Any = ..., dims: Any = ..., *, out: Any = ...) -> Tensor:
    """`input` turned by `k` quarter turns in the plane of `dims`, from the first towards the second."""

def round(input: Any, *, decimals: builtins.int = ..., out: Any = ...) -> Tensor:
    """Rounded to `decimals` digits after the point (before it, where negative), halves to even."""

def rrelu(input: Any, lower: builtins.float = ..., upper: builtins.float = ..., training: builtins.bool = ..., inplace: builtins.bool = ...) -> Tensor:
    """`input` where it is positive, else times a random slope in [lower, upper), or their mean in evaluation."""

def rsqrt(input: Any, *, out: Any = ...) -> Tensor:
    """`1 / sqrt(input)`."""

def rsub(input: Any, other: Any, *, alpha: Any = ..., out: Any = ...) -> Tensor:
    """`other - alpha * input`."""

def scaled_dot_product_attention(query: Any, key: Any, value: Any, attn_mask: Any = ..., dropout_p: builtins.float = ..., is_causal: builtins.bool = ..., scale: builtins.float | None = ..., enable_gqa: builtins.bool = ..., *, out: Any = ...) -> Tensor:
    """Attention of queries (..., L, E) on keys (..., S, E) and values (..., S, Ev): (..., L, Ev)."""

def scatter(input: Any, dim: builtins.int, index: Any, src: Any = ..., value: Any = ..., *, reduce: Any = ..., out: Any = ...) -> Tensor:
    """`input` with `out[index[i][j]][j] = src[i][j]` (for `dim` 0), for every element of `index`."""

def scatter_add(input: Any, dim: builtins.int, index: Any, src: Any, *, out: Any = ...) -> Tensor:
    """`input` with `src` added at `index` along `dim`; equal indices add up."""

def scatter_reduce(input: Any, dim: builtins.int, index: Any, src: Any, reduce: str, *, include_self: builtins.bool = ..., out: Any = ...) -> Tensor:
    """`input` with the elements of `src` at equal `index` along `dim` reduced into it."""

def searchsorted(sorted_sequence: Any, input: Any, *, out_int32: builtins.bool = ..., right: builtins.bool = ..., side: Any = ..., sorter: Any = ..., out: Any = ...) -> Tensor:
    """Where each of `input` would go in `sorted_sequence` (its last dimension in order): builtins.int64 positions."""

def select(input: Any, dim: builtins.int, index: builtins.int) -> Tensor:
    """Element `index` of dimension `dim`, which is dropped. Raises IndexError out of range."""

def select_copy(*args: Any, out: Any = ..., **named: Any) -> Tensor:
    """`select`, as a copy."""

def select_scatter(input: Any, src: Any, dim: Any, index: Any, *, out: Any = ...) -> Tensor:
    """`input` with element `index` of dimension `dim` replaced by `src`."""

def select_where(condition: Any, input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """`input` where `condition` (bool), else `other`; one of the two may be a number."""

def selu(input: Any, inplace: builtins.bool = ...) -> Tensor:
    """`elu` with the scale and alpha that keep mean 0 and variance 1 (Klambauer et al. 2017)."""

def selu_gradient(g: Any, input: Any, out: Any) -> Tensor:
    """`g` times the derivative of `selu`."""

def sequence(start: Any, step: Any, count: Any, dtype: Any, *, out: Any = ...) -> Tensor:
    """`start + i * step` for i from 0 to `count - 1`, worked out in float64 or int64."""

def sgd_update(param: Any, grad: Any, lr: Any, weight_decay: Any, decays: Any, *, out: Any = ...) -> Any:
    """`param` after a step against `grad`."""

def sgd_updates(params: Any, grads: Any, lr: Any, weight_decay: Any, decays: Any, maximize: Any, *, out: Any = ...) -> Any:
    """`sgd_update` of each parameter; against `-grad` where `maximize`."""

def sgn(input: Any, *, out: Any = ...) -> Tensor:
    """`sign` for real numbers; for complex ones `input / abs(input)`, and 0 for 0."""

def short(input: Any, memory_format: Any = ...) -> Tensor:
    """`input` in int16; itself where it is that already."""

def sigmoid(input: Any, *, out: Any = ...) -> Tensor:
    """`1 / (1 + exp(-input))`."""

def sigmoid_gradient(g: Any, out: Any) -> Tensor:
    """`g` through sigmoid, from its output."""

def sign(input: Any, *, out: Any = ...) -> Tensor:
    """-1, 0 or 1 by the sign of `input`; 0 for NaN."""

def signbit(input: Any, _op: Any = ..., *, out: Any = ...) -> Tensor:
    """Whether the sign is negative, that of -0.0 included."""

def silu(input: Any, inplace: builtins.bool = ...) -> Tensor:
    """`input * sigmoid(input)`, also known as swish."""

def silu_gradient(g: Any, input: Any, *, out: Any = ...) -> Tensor:
    """`g` times the derivative of `silu` at `input`."""

def sin(input: Any, *, out: Any = ...) -> Tensor:
    """Sine of radians."""

def sinc(input: Any, *, out: Any = ...) -> Tensor:
    """`sin(pi x) / (pi x)`, and 1 at 0."""

def sinh(input: Any, *, out: Any = ...) -> Tensor:
    """Hyperbolic sine."""

def slice(input: Any, dim: Any, start: Any, stop: Any, step: Any) -> Tensor:
    """Elements `start` to `stop - 1` of dimension `dim`, every `step`th."""

def slice_scatter(input: Any, src: Any, dim: Any = ..., start: Any = ..., end: Any = ..., step: Any = ..., *, out: Any = ...) -> Tensor:
    """`input` with `input[start:end:step]` along `dim` replaced by `src`."""

def smooth_l1_loss(input: Any, target: Any, size_average: Any = ..., reduce: Any = ..., reduction: Any = ..., beta: Any = ..., *, out: Any = ...) -> Tensor:
    """`d**2 / (2 beta)` where the difference d is below `beta`, else `|d| - beta / 2`."""

def soft_margin_loss(input: Any, target: Any, size_average: Any = ..., reduce: Any = ..., reduction: Any = ..., *, out: Any = ...) -> Tensor:
    """`log(1 + exp(-target * input))` for targets 1 and -1."""

def softmax(input: Any, dim: builtins.int | None = ..., _stacklevel: builtins.int = ..., dtype: Any = ...) -> Tensor:
    """Exponentials of `input` scaled to sum to 1 along `dim`; computed in `dtype` where given."""

def softmax_gradient(g: Any, out: Any, dim: Any) -> Tensor:
    """`g` through softmax, from its output."""

def softplus(input: Any, beta: Any = ..., threshold: Any = ..., *, out: Any = ...) -> Tensor:
    """`log(1 + exp(beta * input)) / beta`; `input` itself where `beta * input` is above `threshold`."""

def softplus_gradient(g: Any, input: Any, beta: Any, threshold: Any, *, out: Any = ...) -> Tensor:
    """`g` times the derivative of `softplus`."""

def softshrink(input: Any, lambd: Any = ..., *, out: Any = ...) -> Tensor:
    """`input` brought nearer to 0 by `lambd`, and 0 where its magnitude is not above that."""

def softsign(input: Any, *, out: Any = ...) -> Tensor:
    """`input / (1 + abs(input))`."""

def softsign_gradient(g: Any, input: Any, *, out: Any = ...) -> Tensor:
    """`g` times the derivative of `softsign`."""

def solve_matrices(A: Any, B: Any, *, out: Any = ...) -> Tensor:
    """X with A X = B, for matrices (and batches of them)."""

def sort(input: Any, dim: Any = ..., descending: builtins.bool = ..., *, stable: builtins.bool = ..., out: Any = ...) -> Any:
    """(values, indices) of `input` in order along `dim`. NaN counts as the largest; equal ones keep their order."""

def special_bessel_j0(input: Any, *, out: Any = ...) -> Tensor:
    """Bessel function of the first kind, of order 0."""

def special_bessel_j1(input: Any, *, out: Any = ...) -> Tensor:
    """Bessel function of the first kind, of order 1."""

def special_chebyshev_polynomial_t(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The chebyshev polynomial t of order `n` at `input`, by its recurrence."""

def special_chebyshev_polynomial_u(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The chebyshev polynomial u of order `n` at `input`, by its recurrence."""

def special_chebyshev_polynomial_v(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The chebyshev polynomial v of order `n` at `input`, by its recurrence."""

def special_chebyshev_polynomial_w(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The chebyshev polynomial w of order `n` at `input`, by its recurrence."""

def special_entr(input: Any, *, out: Any = ...) -> Tensor:
    """`-input * log(input)`: 0 at 0, -inf for negative numbers."""

def special_erfcx(input: Any, *, out: Any = ...) -> Tensor:
    """`exp(input ** 2) * erfc(input)`, without underflow."""

def special_hermite_polynomial_h(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The hermite polynomial h of order `n` at `input`, by its recurrence."""

def special_hermite_polynomial_he(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The hermite polynomial he of order `n` at `input`, by its recurrence."""

def special_i0e(input: Any, *, out: Any = ...) -> Tensor:
    """`exp(-|input|)` times the modified Bessel function of order 0."""

def special_i1(input: Any, *, out: Any = ...) -> Tensor:
    """Modified Bessel function of the first kind, of order 1."""

def special_i1e(input: Any, *, out: Any = ...) -> Tensor:
    """`exp(-|input|)` times the modified Bessel function of order 1."""

def special_laguerre_polynomial_l(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The laguerre polynomial l of order `n` at `input`, by its recurrence."""

def special_legendre_polynomial_p(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The legendre polynomial p of order `n` at `input`, by its recurrence."""

def special_log_ndtr(input: Any, *, out: Any = ...) -> Tensor:
    """Logarithm of `ndtr`, accurate far to the left as well."""

def special_modified_bessel_k0(input: Any, *, out: Any = ...) -> Tensor:
    """Modified Bessel function of the second kind, of order 0; infinite at 0, NaN below."""

def special_modified_bessel_k1(input: Any, *, out: Any = ...) -> Tensor:
    """Modified Bessel function of the second kind, of order 1; infinite at 0, NaN below."""

def special_ndtr(input: Any, *, out: Any = ...) -> Tensor:
    """Area under the standard normal density to the left of `input`."""

def special_ndtri(input: Any, *, out: Any = ...) -> Tensor:
    """Quantile of the standard normal distribution."""

def special_scaled_modified_bessel_k0(input: Any, *, out: Any = ...) -> Tensor:
    """`exp(input)` times the modified Bessel function K_0."""

def special_scaled_modified_bessel_k1(input: Any, *, out: Any = ...) -> Tensor:
    """`exp(input)` times the modified Bessel function K_1."""

def special_shifted_chebyshev_polynomial_t(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The shifted chebyshev polynomial t of order `n` at `input`, by its recurrence."""

def special_shifted_chebyshev_polynomial_u(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The shifted chebyshev polynomial u of order `n` at `input`, by its recurrence."""

def special_shifted_chebyshev_polynomial_v(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The shifted chebyshev polynomial v of order `n` at `input`, by its recurrence."""

def special_shifted_chebyshev_polynomial_w(input: Any, n: Any, *, out: Any = ...) -> Tensor:
    """The shifted chebyshev polynomial w of order `n` at `input`, by its recurrence."""

def special_spherical_bessel_j0(input: Any, *, out: Any = ...) -> Tensor:
    """`sin(input) / input`, and 1 at 0."""

def special_xlog1py(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """`input * log1p(other)`, and 0 where `input` is 0 (unless `other` is NaN)."""

def special_zeta(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Hurwitz zeta function: the sum of `(k + other) ** -input` over k = 0, 1, 2, ..."""

def split(input: Any, split_size: Any = ..., dim: builtins.int = ..., **named: Any) -> tuple[Tensor, ...]:
    """A tuple of parts along `dim`: all of one size but the last, or of the sizes given."""

def split_with_sizes(input: Any, split_sizes: Any, dim: Any = ...) -> tuple[Tensor, ...]:
    """A tuple of parts of the given sizes along `dim`."""

def split_with_sizes_copy(*args: Any, out: Any = ..., **named: Any) -> tuple[Tensor, ...]:
    """`split_with_sizes`, as a copy."""

def sqrt(input: Any, *, out: Any = ...) -> Tensor:
    """Square root; NaN for negative numbers."""

def square(input: Any, *, out: Any = ...) -> Tensor:
    """`input * input`."""

def squared_error(input: Any, target: Any, reduction: Any, *, out: Any = ...) -> Tensor:
    """`(input - target) ** 2`, reduced."""

def squeeze(input: Any, dim: Any = ...) -> Tensor:
    """`input` without its dimensions of size 1 (only those in `dim`, where given)."""

def squeeze_copy(*args: Any, out: Any = ..., **named: Any) -> Tensor:
    """`squeeze`, as a copy."""

def stack(tensors: Any, dim: builtins.int = ..., *, axis: Any = ..., out: Any = ...) -> Tensor:
    """Tensors of equal shape side by side along a new dimension `dim`."""

def std(input: Any, dim: Any = ..., unbiased: Any = ..., keepdim: builtins.bool = ..., *, correction: Any = ..., axis: Any = ..., keepdims: Any = ..., out: Any = ...) -> Tensor:
    """Standard deviation over `dim`: the square root of `var`."""

def std_mean(input: Any, dim: Any = ..., unbiased: Any = ..., keepdim: builtins.bool = ..., *, correction: Any = ..., out: Any = ...) -> Any:
    """(standard deviation, mean) over `dim`."""

def stft(input: Any, n_fft: builtins.int, *args: Any, out: Any = ..., **named: Any) -> Tensor:
    """Fourier transforms of overlapping windows of a signal (samples,) or (batch, samples)."""

def sub(input: Any, other: Any, *, alpha: Any = ..., out: Any = ...) -> Tensor:
    """`input - alpha * other`, broadcast together."""

def sum(input: Any, dim: Any = ..., keepdim: builtins.bool = ..., *, dtype: Any = ..., axis: Any = ..., keepdims: Any = ..., out: Any = ...) -> Tensor:
    """Sum over `dim` (an int, several, or None for all). Integers and bools give int64."""

def sum_to(input: Any, size: Any, *, out: Any = ...) -> Tensor:
    """Sum over the dimensions that broadcasting `size` to `input`'s shape added."""

def svd(input: Any, some: Any = ..., compute_uv: Any = ..., *, out: Any = ...) -> Any:
    """(U, S, V) with input = U diag(S) V^H; see `linalg.svd`."""

def t(input: Any) -> Tensor:
    """The transpose of a matrix; vectors and scalars as they are. Raises RuntimeError over 2 dimensions."""

def t_copy(*args: Any, out: Any = ..., **named: Any) -> Tensor:
    """`t`, as a copy."""

def table_gradient(g: Any, indices: Any, rows: Any, padding: Any, by_frequency: Any, *, out: Any = ...) -> Tensor:
    """`g` (*, d) added up by row number into a table of `rows` rows."""

def table_rows(weight: Any, indices: Any, padding: Any, by_frequency: Any, *, out: Any = ...) -> Tensor:
    """Rows (*, d) of a table (rows, d). Row `padding` gets no gradient; `by_frequency` divides by counts."""

def take(input: Any, index: Any, *, out: Any = ...) -> Tensor:
    """The elements of the flattened `input` at `index`, in the shape of `index`."""

def take_along_dim(input: Any, indices: Any, dim: Any = ..., *, out: Any = ...) -> Tensor:
    """`gather`, with `input` and `indices` broadcast together but for `dim`; without `dim`, of all elements."""

def tan(input: Any, *, out: Any = ...) -> Tensor:
    """Tangent of radians."""

def tanh(input: Any, *, out: Any = ...) -> Tensor:
    """Hyperbolic tangent."""

def tanh_gradient(g: Any, out: Any) -> Tensor:
    """`g` through tanh, from its output."""

def tanhshrink(input: Any, *, out: Any = ...) -> Tensor:
    """`input - tanh(input)`."""

def tensor_split(input: Any, indices_or_sections: Any = ..., dim: builtins.int = ..., **named: Any) -> tuple[Tensor, ...]:
    """Parts along `dim`: so many, as even as can be, or cut at the given indices."""

def tensordot(a: Any, b: Any, dims: Any = ..., *, out: Any = ...) -> Tensor:
    """Sums of products over pairs of dimensions: those in `dims[0]` of `a` and `dims[1]` of `b`."""

def threshold(input: Any, threshold: Any, value: Any, inplace: builtins.bool = ...) -> Tensor:
    """`input` where it is above `threshold`, else `value`."""

def threshold_gradient(g: Any, input: Any, threshold: Any, *, out: Any = ...) -> Tensor:
    """`g` times the derivative of `threshold`."""

def tile(input: Any, *dims: Any, out: Any = ...) -> Tensor:
    """`repeat`, where missing counts in front are 1."""

def to(input: Any, *args: Any, dtype: Any = ..., device: Any = ..., other: Any = ..., non_blocking: builtins.bool = ..., copy: builtins.bool = ..., memory_format: Any = ..., **named: Any) -> Tensor:
    """`input` in another dtype, on another device, or both; itself where nothing changes."""

def to_backend(input: Any, backend: Any, source: Any, non_blocking: Any = ..., *, out: Any = ...) -> Tensor:
    """`input`, which lies on the backend `source`, copied to the device of `backend`."""

def topk(input: Any, k: builtins.int, dim: builtins.int = ..., largest: builtins.bool = ..., sorted: builtins.bool = ..., *, out: Any = ...) -> Any:
    """(values, indices) of the `k` largest (or smallest) elements along `dim`, in order."""

def trace(input: Any, *, out: Any = ...) -> Tensor:
    """Sum of the diagonal of a matrix. Raises RuntimeError for other than 2 dimensions."""

def transpose(input: Any, dim0: Any, dim1: Any) -> Tensor:
    """`input` with two dimensions swapped."""

def transpose_copy(*args: Any, out: Any = ..., **named: Any) -> Tensor:
    """`transpose`, as a copy."""

def trapezoid(y: Any, x: Any = ..., *, dx: Any = ..., dim: builtins.int = ..., out: Any = ...) -> Tensor:
    """Integral of the samples `y` along `dim` by the trapezoidal rule, at points `x` or `dx` apart."""

def triangular_solve(b: Any, A: Any, upper: Any = ..., transpose: Any = ..., unitriangular: Any = ..., *, out: Any = ...) -> Any:
    """(X, A) with A X = b for triangular A, or A^T X = b."""

def tril(input: Any, diagonal: Any = ..., *, out: Any = ...) -> Tensor:
    """The lower triangle of the last two dimensions, up to `diagonal`; zeros elsewhere."""

def tril_indices(row: builtins.int, col: builtins.int, offset: builtins.int = ..., *, dtype: Any = ..., layout: Any = ..., device: Any = ..., pin_memory: builtins.bool = ..., out: Any = ...) -> Tensor:
    """Row and column numbers, (2, count), of the elements on and below diagonal `offset`."""

def triplet_margin_loss(anchor: Any, positive: Any, negative: Any, margin: Any = ..., p: Any = ..., eps: Any = ..., swap: Any = ..., size_average: Any = ..., reduce: Any = ..., reduction: Any = ..., *, out: Any = ...) -> Tensor:
    """`max(0, d(anchor, positive) - d(anchor, negative) + margin)`, d the p-norm distance of rows."""

def triplet_margin_with_distance_loss(anchor: Any, positive: Any, negative: Any, *, distance_function: Any = ..., margin: builtins.float = ..., swap: builtins.bool = ..., reduction: str = ..., out: Any = ...) -> Tensor:
    """`triplet_margin_loss` for any distance, a function of two tensors (pairwise_distance if None)."""

def triu(input: Any, diagonal: Any = ..., *, out: Any = ...) -> Tensor:
    """The upper triangle of the last two dimensions, from `diagonal` on; zeros elsewhere."""

def triu_indices(row: builtins.int, col: builtins.int, offset: builtins.int = ..., *, dtype: Any = ..., layout: Any = ..., device: Any = ..., pin_memory: builtins.bool = ..., out: Any = ...) -> Tensor:
    """Row and column numbers, (2, count), of the elements on and above diagonal `offset`."""

def trunc(input: Any, *, out: Any = ...) -> Tensor:
    """Rounded towards 0; integers as they are."""

def trunc_divide(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """Quotient rounded towards 0; integers stay integer."""

def type_as(input: Any, other: Any) -> Tensor:
    """`input` in the dtype (and on the device) of `other`."""

def unbind(input: Any, dim: Any = ...) -> tuple[Tensor, ...]:
    """A tuple of the slices along `dim`, without that dimension."""

def unbind_copy(*args: Any, out: Any = ..., **named: Any) -> tuple[Tensor, ...]:
    """`unbind`, as a copy."""

def unflatten(input: Any, dim: Any, sizes: Any) -> Tensor:
    """`input` with dimension `dim` split into `sizes`, of which one may be -1."""

def unfold(input: Any, kernel_size: Any, dilation: Any = ..., padding: Any = ..., stride: Any = ..., *, out: Any = ...) -> Tensor:
    """Patches of `input` (N, C, H, W) or (C, H, W) as columns: (N, C * KH * KW, number of patches)."""

def unfold_copy(*args: Any, out: Any = ..., **named: Any) -> Tensor:
    """`unfold`, as a copy."""

def uniform_(self: Any, *args: Any, generator: Any = ..., out: Any = ..., **kwargs: Any) -> Tensor:
    """Fills the tensor with numbers uniform in [from, to)."""

def unique(input: Any, sorted: builtins.bool = ..., return_inverse: builtins.bool = ..., return_counts: builtins.bool = ..., dim: Any = ..., *, out: Any = ...) -> Any:
    """The distinct values of `input` in order, or its distinct slices along `dim`."""

def unique_consecutive(input: Any, return_inverse: builtins.bool = ..., return_counts: builtins.bool = ..., dim: Any = ..., *, out: Any = ...) -> Any:
    """`input` (or its slices along `dim`) with every run of equal elements made one."""

def unsqueeze(input: Any, dim: Any) -> Tensor:
    """`input` with a dimension of size 1 put in at `dim`."""

def unsqueeze_copy(*args: Any, out: Any = ..., **named: Any) -> Tensor:
    """`unsqueeze`, as a copy."""

def upsample(input: Any, size: Any = ..., scale_factor: Any = ..., mode: Any = ..., align_corners: Any = ..., *, out: Any = ...) -> Tensor:
    """`interpolate` under its older name."""

def upsample_bilinear(input: Any, size: Any = ..., scale_factor: Any = ..., *, out: Any = ...) -> Tensor:
    """`interpolate` with mode 'bilinear' and `align_corners=True`."""

def upsample_nearest(input: Any, size: Any = ..., scale_factor: Any = ..., *, out: Any = ...) -> Tensor:
    """`interpolate` with mode 'nearest'."""

def var(input: Any, dim: Any = ..., unbiased: Any = ..., keepdim: builtins.bool = ..., *, correction: Any = ..., axis: Any = ..., keepdims: Any = ..., out: Any = ...) -> Tensor:
    """Variance over `dim`, divided by the count minus `correction` (two passes)."""

def var_mean(input: Any, dim: Any = ..., unbiased: Any = ..., keepdim: builtins.bool = ..., *, correction: Any = ..., out: Any = ...) -> Any:
    """(variance, mean) over `dim`."""

def vdot(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """`dot` with the first tensor conjugated."""

def view(input: Any, *size: Any, dtype: Any = ...) -> Tensor:
    """`input` in another shape, over the same memory; one size may be -1, and is worked out."""

def view_as(input: Any, other: Any) -> Tensor:
    """`input` viewed in the shape of `other`."""

def view_as_complex(input: Any) -> Tensor:
    """A real tensor whose last dimension is 2 (and contiguous) as a complex one."""

def view_as_real(input: Any) -> Tensor:
    """A complex tensor as a real one with a last dimension of 2: real and imaginary part."""

def view_copy(*args: Any, out: Any = ..., **named: Any) -> Tensor:
    """`view`, as a copy."""

def vsplit(input: Any, *given: Any, **named: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along dimension 0."""

def vstack(tensors: Any, *, out: Any = ...) -> Tensor:
    """Tensors one below another; vectors are rows."""

def weighted_attention(query: Any, key: Any, value: Any, mask: Any, is_causal: Any, scale: Any, *, out: Any = ...) -> Any:
    """Attention without dropout, (..., L, Ev), for those who want its weights (..., L, S) too."""

def where(condition: Any, input: Any = ..., other: Any = ..., *, out: Any = ...) -> Any:
    """`input` where `condition` is true, else `other`; all three are broadcast together."""

def with_value(input: Any, value: Any, *, out: Any = ...) -> Tensor:
    """`value`, with the gradient of `input`: memory that was written unseen by the tape."""

def wrap_index(index: Any, size: Any, dim: Any, *, out: Any = ...) -> Tensor:
    """`index` with negative ones counted from the end."""

def write_view(input: Any, value: Any, chain: Any, *, out: Any = ...) -> Tensor:
    """`input` with `value` written through a chain of views."""

def xlogy(input: Any, other: Any, *, out: Any = ...) -> Tensor:
    """`input * log(other)`, and 0 where `input` is 0 (unless `other` is NaN)."""

def zero_(input: Any, *, out: Any = ...) -> Tensor:
    """Writes zeros into `input` in place."""

def zeros(*size: Any, dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., memory_format: Any = ..., out: Any = ..., **named: Any) -> Tensor:
    """A tensor of shape `size` filled with 0, in `dtype` (the default dtype where not given)."""

def zeros_like(input: Any, *, dtype: Any = ..., layout: Any = ..., device: Any = ..., requires_grad: builtins.bool = ..., pin_memory: builtins.bool = ..., memory_format: Any = ..., out: Any = ...) -> Tensor:
    """Zeros in the shape, dtype and device of `input`."""
