"""Connectionist temporal classification (Graves et al. 2006), in log space, for a whole batch at once.

The labels of a target, with a blank before, between and after them, are its 2 S + 1 states. `alpha[t, s]` is
the log-probability of all paths that reach state s at step t, `beta[t, s]` that of all that go on from it.
"""

from __future__ import annotations

from typing import Any

from facula.dtypes import I64
from facula.ops._op import Namespace, Tensor, op
from facula.testing.samples import call

_LOWEST = float("-inf")


def _zero(xp: Namespace, like: Any) -> Any:
    return xp.full((), 0, like.dtype)


def _lowest(xp: Namespace, shape: Any, like: Any) -> Any:
    return xp.full(shape, _LOWEST, like.dtype)


def _log_sum(xp: Namespace, terms: Any) -> Any:
    """log of the sum of three arrays' exponentials; -inf where all are."""
    peak = xp.maximum(xp.maximum(terms[0], terms[1]), terms[2])
    safe = xp.where(peak == _LOWEST, _zero(xp, peak), peak)
    total = xp.exp(terms[0] - safe) + xp.exp(terms[1] - safe) + xp.exp(terms[2] - safe)
    return xp.log(total) + safe


def _shifted(xp: Namespace, x: Any, by: int) -> Any:
    """(N, L) moved along by `by` states (back where negative), -inf moving in."""
    n, length = x.shape
    gap = min(abs(by), length)
    if by > 0:
        return xp.join((_lowest(xp, (n, gap), x), xp.slice(x, 1, 0, length - gap, 1)), 1)
    return xp.join((xp.slice(x, 1, gap, length, 1), _lowest(xp, (n, gap), x)), 1)


def _setting(xp: Namespace, log_probs: Any, states: Any, target_lengths: Any) -> Any:
    """(log-probabilities of the states (T, N, L), whether a state may be reached from two before)."""
    length, batch = log_probs.shape[:2]
    count = states.shape[1]
    index = xp.expand(xp.unsqueeze(states, 0), (length, batch, count))
    numbers = xp.reshape(xp.sequence(0, 1, count, I64), (1, count))
    used = numbers <= xp.unsqueeze(target_lengths, 1) * 2
    emitted = xp.where(
        xp.unsqueeze(used, 0), xp.gather(log_probs, 2, index), _lowest(xp, (), log_probs)
    )
    gap = min(2, count)
    padding = xp.full((batch, gap), -1, I64)
    two_before = xp.join((padding, xp.slice(states, 1, 0, count - gap, 1)), 1)
    # Blanks are at the even states: they are never reached by a skip, and labels not from their own kind.
    is_label = numbers - numbers // 2 * 2 == 1
    return emitted, xp.where(is_label, states != two_before, xp.full((), False, is_label.dtype))


def _alphas(xp: Namespace, emitted: Any, skips: Any, input_lengths: Any) -> list[Any]:
    length, batch, count = emitted.shape
    first = min(2, count)
    start = xp.slice(xp.select(emitted, 0, 0), 1, 0, first, 1)
    alpha = xp.join((start, _lowest(xp, (batch, count - first), emitted)), 1)
    alphas, lowest = [alpha], _lowest(xp, (), emitted)
    for t in range(1, length):
        skipped = xp.where(skips, _shifted(xp, alpha, 2), lowest)
        reached = _log_sum(xp, (alpha, _shifted(xp, alpha, 1), skipped)) + xp.select(emitted, 0, t)
        alpha = xp.where(xp.unsqueeze(input_lengths, 1) > t, reached, alpha)
        alphas.append(alpha)
    return alphas


def _ends(xp: Namespace, count: int, target_lengths: Any) -> Any:
    """(N, L) bools: the last label and the blank after it, where a path may end."""
    numbers = xp.reshape(xp.sequence(0, 1, count, I64), (1, count))
    last = xp.unsqueeze(target_lengths, 1) * 2
    return xp.where(
        numbers <= last, numbers >= last - 1, xp.full((), False, (numbers <= last).dtype)
    )


@op(method=False, twice_differentiable=False)
def ctc_nll(
    xp: Namespace,
    log_probs: Tensor,
    states: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    zero_infinity: bool,
) -> Tensor:
    """Negative log-likelihood (N,) of targets given as `states` (N, 2 S + 1), under (T, N, C)."""
    emitted, skips = _setting(xp, log_probs, states, target_lengths)
    alpha = _alphas(xp, emitted, skips, input_lengths)[-1]
    final = xp.where(_ends(xp, states.shape[1], target_lengths), alpha, _lowest(xp, (), alpha))
    peak = xp.amax(final, 1, True)
    safe = xp.where(peak == _LOWEST, _zero(xp, peak), peak)
    nll = -(xp.log(xp.sum(xp.exp(final - safe), 1)) + xp.select(safe, 1, 0))
    # Without any step only the empty target has a path.
    none = xp.where(target_lengths == 0, _zero(xp, nll), xp.full((), float("inf"), nll.dtype))
    nll = xp.where(input_lengths == 0, none, nll)
    return xp.where(nll == float("inf"), _zero(xp, nll), nll) if zero_infinity else nll


@op(method=False)
def ctc_gradient(
    xp: Namespace,
    g: Tensor,
    log_probs: Tensor,
    states: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    nll: Tensor,
    zero_infinity: bool,
) -> Tensor:
    """`g` (N,) through `ctc_nll`, as if log_probs came out of log_softmax, which PyTorch assumes too.

    That adds exp(log_probs), which the gradient of log_softmax cancels.
    """
    emitted, skips = _setting(xp, log_probs, states, target_lengths)
    length, batch, count = emitted.shape
    alphas = xp.stack(tuple(_alphas(xp, emitted, skips, input_lengths)), 0)
    lowest, zero = _lowest(xp, (), emitted), _zero(xp, emitted)
    ends = _ends(xp, count, target_lengths)
    beta, betas = _lowest(xp, (batch, count), emitted), []
    for t in range(length - 1, -1, -1):
        now = xp.select(emitted, 0, t)
        skipped = _shifted(xp, xp.where(skips, beta, lowest), -2)
        reached = _log_sum(xp, (beta, _shifted(xp, beta, -1), skipped)) + now
        is_last = xp.unsqueeze(input_lengths, 1) == t + 1
        beta = xp.where(is_last, xp.where(ends, now, lowest), reached)
        betas.append(beta)
    total = alphas + xp.stack(tuple(betas[::-1]), 0)
    spread = xp.reshape(nll, (1, batch, 1))
    share = xp.where(total == _LOWEST, zero, xp.exp(total - emitted + spread))
    index = xp.expand(xp.unsqueeze(states, 0), (length, batch, count))
    by_class = xp.scatter_add(xp.full(tuple(log_probs.shape), 0, log_probs.dtype), 2, index, share)
    steps = xp.reshape(xp.sequence(0, 1, length, I64), (length, 1, 1))
    counts = steps < xp.reshape(input_lengths, (1, batch, 1))
    no_path = xp.amax(xp.where(ends, xp.select(alphas, 0, length - 1), lowest), 1, True) == _LOWEST
    lost = xp.full((), 0 if zero_infinity else float("nan"), emitted.dtype)
    grad = (xp.exp(log_probs) - by_class) * xp.reshape(g, (1, batch, 1))
    return xp.where(counts, xp.where(xp.unsqueeze(no_path, 0), lost, grad), zero)


def _ctc_rule(
    xp: Namespace,
    g: Any,
    log_probs: Any,
    states: Any,
    input_lengths: Any,
    target_lengths: Any,
    out: Any,
    zero_infinity: bool,
) -> Any:
    return xp.ctc_gradient(g, log_probs, states, input_lengths, target_lengths, out, zero_infinity)


ctc_nll.vjp(log_probs=_ctc_rule)


@op(method=False, twice_differentiable=False)
def ctc_loss(
    xp: Namespace,
    log_probs: Tensor,
    states: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    reduction: str,
    zero_infinity: bool,
) -> Tensor:
    """CTC loss of log-probabilities (T, N, C) or (T, C) with label sequences.

    `targets` is (N, S), padded, or all labels joined in one dimension; the lengths are (N,). 'mean' divides
    each loss by its target's length first. `zero_infinity` sets losses without any path, and their
    gradients, to 0. The gradient is that for log_probs made by log_softmax.
    """
    nll = xp.ctc_nll(log_probs, states, input_lengths, target_lengths, zero_infinity)
    if reduction == "none":
        return nll
    if reduction == "sum":
        return xp.sum(nll)
    one = xp.full((), 1, nll.dtype)
    lengths = xp.cast(target_lengths, nll.dtype)
    return xp.mean(nll / xp.where(lengths < 1, one, lengths))


@ctc_loss.public
def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:
    from facula.ops.loss import reduction_of

    reduction_of(reduction)
    is_batched = log_probs.ndim == 3
    if not is_batched:
        log_probs = log_probs.unsqueeze(1)
    if log_probs.ndim != 3:
        raise RuntimeError(
            f"ctc_loss: log_probs must be (T, N, C) or (T, C), got shape {tuple(log_probs.shape)}"
        )
    steps, counts = _as_tensor(input_lengths, log_probs), _as_tensor(target_lengths, log_probs)
    rows = _label_rows(targets, target_lengths, log_probs)
    _check_ctc(log_probs, rows, steps, counts, blank)
    states = _with_blanks(rows, counts, blank)
    out = ctc_loss.call(log_probs, states, steps, counts, reduction, zero_infinity)
    return out.squeeze(0) if reduction == "none" and not is_batched else out


def _as_tensor(lengths: Any, like: Any) -> Any:
    """Lengths, a tensor or ints, as an int64 vector on the device of `like`."""
    import facula

    if isinstance(lengths, facula.Tensor):
        return lengths.to(like.device, facula.int64).reshape(-1)
    values = list(lengths) if isinstance(lengths, (list, tuple)) else [lengths]
    return facula.tensor(values, dtype=facula.int64, device=like.device)


def _label_rows(targets: Any, lengths: Any, like: Any) -> Any:
    """The labels as rows (N, S), from rows or from one run of all labels."""
    import facula

    targets = targets.to(like.device, facula.int64)
    if targets.ndim == 2:
        return targets
    lengths = lengths.reshape(-1).tolist() if isinstance(lengths, facula.Tensor) else lengths
    lengths = list(lengths) if isinstance(lengths, (list, tuple)) else [lengths]
    longest, start, index = max(lengths, default=0), 0, []
    if sum(lengths) > targets.numel():
        raise RuntimeError(
            f"ctc_loss: target_lengths {lengths} add up to more than the {targets.numel()} labels given"
        )
    for n in lengths:
        index.append([min(start + i, targets.numel() - 1) for i in range(longest)])
        start += n
    if not longest:
        return facula.zeros(len(lengths), 0, dtype=facula.int64, device=like.device)
    at = facula.tensor(index, dtype=facula.int64, device=like.device)
    return targets.index_select(0, at.reshape(-1)).reshape(len(lengths), longest)


def _check_ctc(log_probs: Any, rows: Any, inputs: Any, targets: Any, blank: int) -> None:
    from facula.autograd.mode import has_values

    length, batch, classes = log_probs.shape
    if not 0 <= blank < classes:
        raise RuntimeError(
            f"ctc_loss: blank must be in label range: got {blank} of {classes} classes"
        )
    if not len(inputs) == len(targets) == len(rows) == batch:
        raise RuntimeError(
            f"ctc_loss: input_lengths and target_lengths must be of size batch_size {batch}, got {len(inputs)} and "
            f"{len(targets)} for {len(rows)} targets"
        )
    if not has_values(inputs) or not batch:
        return
    if int(inputs.max()) > length or int(inputs.min()) < 0:
        raise RuntimeError(
            f"ctc_loss: expected input_lengths from 0 to {length}, got {inputs.tolist()}"
        )
    if int(targets.max()) > rows.shape[1] or int(targets.min()) < 0:
        raise RuntimeError(
            f"ctc_loss: expected target_lengths from 0 to {rows.shape[1]}, got {targets.tolist()}"
        )


def _with_blanks(rows: Any, lengths: Any, blank: int) -> Any:
    """(N, 2 S + 1): each target's states, its labels (N, S) with blanks around them."""
    import facula

    n, longest = rows.shape
    numbers = facula.arange(longest, device=rows.device)
    blanks = facula.full((n, 1), blank, dtype=facula.int64, device=rows.device)
    labels = facula.where(numbers < lengths.unsqueeze(1), rows, blanks)
    pairs = facula.stack([labels, blanks.expand(n, longest)], 2).reshape(n, 2 * longest)
    return facula.cat([blanks, pairs], 1)


@ctc_loss.sample
def ctc_loss(make: Any) -> Any:
    # The gradient is that for log_softmax's results alone, so finite differences are no judge here.
    targets = make.of([[1, 2, 2], [3, 1, 0]])
    yield call(make(6, 2, 4, low=-3, high=-1, grad=False), targets, (6, 5), (3, 2))
    yield call(make(6, 4, low=-3, high=-1, grad=False), make.of([1, 2]), 6, 2, reduction="none")
