"""Features against SciPy and closed formulas; the short-time transform against PyTorch as well."""

import math

import numpy as np
import pytest
import scipy.fft
import scipy.signal

import facula
from facula_audio import functional as F


@pytest.fixture
def noise():
    return np.random.default_rng(0).standard_normal((2, 3, 1000)).astype(np.float32)


@pytest.mark.parametrize("power", [None, 1.0, 2.0, 1.5])
def test_spectrogram_against_scipy(noise, power):
    window = facula.hann_window(200)
    ours = F.spectrogram(
        facula.from_numpy(noise), 0, window, 200, 80, 200, power, False, pad_mode="constant"
    )
    _, _, theirs = scipy.signal.stft(
        noise,
        window=window.numpy(),
        nperseg=200,
        noverlap=120,
        padded=False,
        boundary="zeros",
        scaling="spectrum",
    )
    theirs = theirs * window.numpy().sum()  # SciPy divides by it
    theirs = theirs if power is None else np.abs(theirs) ** power
    assert tuple(ours.shape) == (2, 3, 101, 13)
    np.testing.assert_allclose(ours.numpy(), theirs, atol=2e-4 * np.abs(theirs).max())


def test_normalization(noise):
    x = facula.from_numpy(noise)
    window = facula.hamming_window(160)
    plain = F.spectrogram(x, 0, window, 256, 64, 160, None, False)
    by_window = F.spectrogram(x, 0, window, 256, 64, 160, None, "window")
    by_frame = F.spectrogram(x, 0, window, 256, 64, 160, None, "frame_length")
    np.testing.assert_allclose(
        (plain / window.pow(2).sum().sqrt()).numpy(), by_window.numpy(), atol=1e-5
    )
    np.testing.assert_allclose((plain / 16).numpy(), by_frame.numpy(), atol=1e-5)
    padded = F.spectrogram(x, 32, window, 256, 64, 160, 2.0, False)
    assert padded.shape[-1] == 1 + (1000 + 64) // 64
    with pytest.raises(ValueError, match="normalized"):
        F.spectrogram(x, 0, window, 256, 64, 160, 2.0, "both")


@pytest.mark.parity
@pytest.mark.parametrize("center", [True, False])
def test_spectrogram_against_torch(noise, center):
    torch = pytest.importorskip("torch")
    ours = F.spectrogram(
        facula.from_numpy(noise), 0, facula.hann_window(160), 256, 64, 160, None, False, center
    )
    theirs = torch.stft(
        torch.from_numpy(noise).reshape(6, -1),
        256,
        64,
        160,
        torch.hann_window(160),
        center,
        return_complex=True,
    )
    np.testing.assert_allclose(ours.numpy().reshape(theirs.shape), theirs.numpy(), atol=2e-4)


@pytest.mark.parametrize("normalized", [False, True, "frame_length"])
def test_inverse_spectrogram(noise, normalized):
    x, window = facula.from_numpy(noise), facula.hann_window(200)
    spectrum = F.spectrogram(x, 0, window, 200, 50, 200, None, normalized)
    back = F.inverse_spectrogram(spectrum, 1000, 0, window, 200, 50, 200, normalized)
    np.testing.assert_allclose(back.numpy(), noise, atol=1e-4)
    with pytest.raises(ValueError, match="power=None"):
        F.inverse_spectrogram(spectrum.abs(), 1000, 0, window, 200, 50, 200, normalized)


def triangle(frequency, left, middle, right):
    return max(
        0.0, min((frequency - left) / (middle - left), (right - frequency) / (right - middle))
    )


@pytest.mark.parametrize("norm", [None, "slaney"])
@pytest.mark.parametrize("mel_scale", ["htk", "slaney"])
def test_mel_filters_by_their_formula(mel_scale, norm):
    def to_mel(hz):
        if mel_scale == "htk":
            return 1127.0104805 * math.log(1 + hz / 700)
        return hz * 3 / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000, 6.4)

    def to_hz(mel):
        if mel_scale == "htk":
            return 700 * (math.exp(mel / 1127.0104805) - 1)
        return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)

    points = [to_hz(m) for m in np.linspace(to_mel(50), to_mel(7000), 22)]
    expected = np.array(
        [[triangle(f, *points[m : m + 3]) for m in range(20)] for f in np.linspace(0, 8000, 257)]
    )
    if norm:
        expected = expected * [2 / (points[m + 2] - points[m]) for m in range(20)]
    banks = F.melscale_fbanks(257, 50.0, 7000.0, 20, 16000, norm, mel_scale)
    assert banks.dtype is facula.float32
    np.testing.assert_allclose(banks.numpy(), expected, rtol=2e-5, atol=1e-6)


def test_mel_filters_warn_and_refuse():
    with pytest.warns(UserWarning, match="all zero"):
        F.melscale_fbanks(20, 0.0, 8000.0, 80, 16000)
    with pytest.raises(ValueError, match="'slaney'"):
        F.melscale_fbanks(201, 0.0, 8000.0, 20, 16000, norm="area")
    with pytest.raises(ValueError, match="'htk' or 'slaney'"):
        F.melscale_fbanks(201, 0.0, 8000.0, 20, 16000, mel_scale="bark")


@pytest.mark.parametrize("norm", [None, "ortho"])
def test_dct_against_scipy(norm):
    x = np.random.default_rng(0).standard_normal((5, 40))
    ours = x @ F.create_dct(13, 40, norm).numpy()
    np.testing.assert_allclose(ours, scipy.fft.dct(x, norm=norm)[:, :13], atol=1e-5)


def test_decibels():
    x = facula.tensor([1.0, 10.0, 1e-3, 0.0])
    np.testing.assert_allclose(
        F.amplitude_to_DB(x, 10.0, 1e-10, 0.0).numpy(), [0, 10, -30, -100], atol=1e-4
    )
    np.testing.assert_allclose(
        F.amplitude_to_DB(x, 20.0, 1e-10, 1.0, 25.0).numpy(), [-20, 0, -25, -25], atol=1e-4
    )
    batch = facula.tensor([1.0, 1e-9, 100.0, 1e-9]).reshape(
        2, 1, 1, 2
    )  # each example has its own loudest
    ours = F.amplitude_to_DB(batch, 10.0, 1e-10, 0.0, 80.0)
    np.testing.assert_allclose(ours.numpy().ravel(), [0, -80, 20, -60], atol=1e-4)
    np.testing.assert_allclose(
        F.DB_to_amplitude(F.amplitude_to_DB(x[:3], 20.0, 1e-10, 0.0), 1.0, 0.5).numpy(),
        x[:3].numpy(),
        rtol=1e-5,
    )


def sinc_by_hand(x, orig, new, width=6, rolloff=0.99):
    """The sum over all samples that torchaudio's documentation defines, one output at a time."""
    base = min(orig, new) * rolloff
    out = []
    for i in range(math.ceil(len(x) * new / orig)):
        t = (np.arange(len(x)) / orig - i / new) * base
        inside = np.abs(t) < width
        out.append(
            (x * np.sinc(t) * np.cos(t * np.pi / width / 2) ** 2 * inside).sum() * base / orig
        )
    return np.array(out)


@pytest.mark.parametrize(
    ("orig", "new"), [(8000, 16000), (16000, 8000), (44100, 16000), (3, 7), (22050, 8000)]
)
def test_resample_by_its_definition(orig, new):
    x = np.random.default_rng(0).standard_normal(300).astype(np.float32)
    ours = F.resample(facula.from_numpy(x), orig, new)
    np.testing.assert_allclose(ours.numpy(), sinc_by_hand(x.astype(float), orig, new), atol=2e-5)


@pytest.mark.parametrize("method", ["sinc_interp_hann", "sinc_interp_kaiser"])
@pytest.mark.parametrize(("orig", "new"), [(8000, 16000), (44100, 16000), (22050, 8000)])
def test_resample_keeps_a_tone(orig, new, method):
    t = np.arange(orig // 4) / orig
    tone = facula.from_numpy(
        np.stack([np.sin(2 * np.pi * 440 * t), np.cos(2 * np.pi * 1000 * t)]).astype(np.float32)
    )
    ours = F.resample(tone, orig, new, lowpass_filter_width=32, resampling_method=method).numpy()
    s = np.arange(ours.shape[1]) / new
    expected = np.stack([np.sin(2 * np.pi * 440 * s), np.cos(2 * np.pi * 1000 * s)])
    np.testing.assert_allclose(ours[:, 100:-100], expected[:, 100:-100], atol=5e-3)


def test_resample_keeps_shape_and_refuses():
    x = facula.ones(2, 3, 100)
    assert F.resample(x, 8000, 8000) is x
    assert tuple(F.resample(x, 8000, 12000).shape) == (2, 3, 150)
    assert F.resample(x.double(), 8000, 12000).dtype is facula.float64
    with pytest.raises(ValueError, match="positive integers"):
        F.resample(x, 8000.5, 16000)
    with pytest.raises(ValueError, match="resampling_method"):
        F.resample(x, 8000, 16000, resampling_method="linear")
    with pytest.raises(TypeError, match="normalize=True"):
        F.resample(x.long(), 8000, 16000)


def test_masks():
    facula.manual_seed(0)
    x = facula.ones(4, 2, 20, 30)
    for axis, limit in ((2, 8), (3, 10)):
        shared = F.mask_along_axis(x, limit, 0.0, axis)
        assert facula.equal(shared, shared[:1, :1].expand(4, 2, 20, 30))
        own = F.mask_along_axis_iid(x, limit, 0.0, axis)
        hidden = (own == 0).all(dim=5 - axis).sum(-1)  # of each example and channel
        assert hidden.max() < limit
        assert len(set(hidden.flatten().tolist())) > 1
        assert (own == 0).sum() == (hidden * (30 if axis == 2 else 20)).sum()
    assert F.mask_along_axis(x, 30, 0.0, 3, p=0.1).sum() >= 0.9 * 4 * 2 * 600
    assert F.mask_along_axis(x, 0, 0.0, 3) is x
    with pytest.raises(ValueError, match="axis"):
        F.mask_along_axis(x, 5, 0.0, 1)
    with pytest.raises(ValueError, match="3 dimensions"):
        F.mask_along_axis_iid(x[0, 0], 5, 0.0, 1)


def test_noise_at_a_ratio(noise):
    x = facula.from_numpy(noise)
    mixed = F.add_noise(x, facula.flip(x, [-1]), facula.full((2, 3), 6.0))
    added = (mixed - x).numpy()
    np.testing.assert_allclose(
        10 * np.log10((noise**2).sum(-1) / (added**2).sum(-1)), 6.0, atol=1e-3
    )
    lengths = facula.full((2, 3), 500)
    part = F.add_noise(x, x, facula.zeros(2, 3), lengths)
    assert facula.equal(part[..., 500:], x[..., 500:])
    assert not facula.equal(part, x)


def test_mu_law():
    x = facula.linspace(-1, 1, 201)
    codes = F.mu_law_encoding(x, 256)
    assert codes.dtype is facula.int64
    assert codes[0] == 0
    assert codes[-1] == 255
    assert (F.mu_law_decoding(codes, 256) - x).abs().max() < 0.022


def test_gradients_flow(noise):
    x = facula.tensor(noise[0, :, :400].tolist(), dtype=facula.float64, requires_grad=True)
    window = facula.hann_window(64, dtype=facula.float64)
    banks = F.melscale_fbanks(33, 0.0, 4000.0, 8, 8000).double()

    def loudness(x):
        power = F.spectrogram(F.resample(x, 3, 2), 0, window, 64, 32, 64, 2.0, True)
        return F.amplitude_to_DB(banks.T @ power, 10.0, 1e-10, 0.0).mean()

    loudness(x).backward()
    direction = facula.randn(3, 400, dtype=facula.float64)
    step = 1e-5 * direction
    slope = (loudness(x.detach() + step) - loudness(x.detach() - step)) / 2e-5
    np.testing.assert_allclose((x.grad * direction).sum().item(), slope.item(), rtol=1e-5)
