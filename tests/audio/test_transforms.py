"""The modules agree with the functions, follow torchaudio's defaults and save their buffers."""

import numpy as np
import pytest
import scipy.fft

import facula
from facula_audio import functional as F, transforms as T


@pytest.fixture
def waveform():
    return facula.from_numpy(
        np.random.default_rng(0).standard_normal((2, 4000)).astype(np.float32) * 0.1
    )


def test_shapes_with_the_defaults(waveform):
    assert tuple(T.Spectrogram()(waveform).shape) == (2, 201, 21)
    assert tuple(T.MFCC(16000, melkwargs={"n_mels": 64})(waveform).shape) == (2, 40, 21)
    assert tuple(T.MelSpectrogram(16000, n_mels=64)(waveform[0]).shape) == (64, 21)


def test_mel_spectrogram_is_filters_times_power(waveform):
    ours = T.MelSpectrogram(
        8000, n_fft=256, hop_length=100, n_mels=24, norm="slaney", mel_scale="slaney"
    )(waveform)
    power = F.spectrogram(waveform, 0, facula.hann_window(256), 256, 100, 256, 2.0, False)
    banks = F.melscale_fbanks(129, 0.0, 4000.0, 24, 8000, "slaney", "slaney")
    np.testing.assert_allclose(
        ours.numpy(), np.einsum("fm,cft->cmt", banks.numpy(), power.numpy()), rtol=1e-4
    )


@pytest.mark.parametrize("log_mels", [False, True])
def test_mfcc_is_a_cosine_transform(waveform, log_mels):
    options = {"n_fft": 256, "n_mels": 24}
    ours = T.MFCC(8000, 13, log_mels=log_mels, melkwargs=options)(waveform)
    mel = T.MelSpectrogram(8000, **options)(waveform).numpy().astype(float)
    decibels = 10 * np.log10(np.maximum(mel, 1e-10))
    logs = np.log(mel + 1e-6) if log_mels else np.maximum(decibels, decibels.max() - 80)
    expected = scipy.fft.dct(logs, axis=1, norm="ortho")[:, :13]
    np.testing.assert_allclose(ours.numpy(), expected, atol=2e-3)


def test_inverse(waveform):
    spectrum = T.Spectrogram(256, hop_length=64, power=None)(waveform)
    back = T.InverseSpectrogram(256, hop_length=64)(spectrum, 4000)
    np.testing.assert_allclose(back.numpy(), waveform.numpy(), atol=1e-5)


@pytest.mark.parametrize("rates", [(8000, 8000), (8000, 11025), (44100, 8000)])
def test_resample(waveform, rates):
    assert facula.equal(T.Resample(*rates)(waveform), F.resample(waveform, *rates))


def test_amplitude_to_db():
    x = facula.tensor([1.0, 0.1])
    np.testing.assert_allclose(T.AmplitudeToDB("magnitude")(x).numpy(), [0, -20], atol=1e-4)
    np.testing.assert_allclose(T.AmplitudeToDB("power", top_db=5)(x).numpy(), [0, -5], atol=1e-4)


def test_volume():
    x = facula.tensor([0.25, -0.75])
    for arguments, factor in (((2.0,), 2.0), ((4.0, "power"), 2.0), ((-6.0206, "db"), 0.5)):
        np.testing.assert_allclose(
            T.Vol(*arguments)(x).numpy(), np.clip(x.numpy() * factor, -1, 1), rtol=1e-5
        )


@pytest.mark.parametrize(
    "shape", ["linear", "exponential", "logarithmic", "quarter_sine", "half_sine"]
)
def test_fades(shape):
    faded = T.Fade(20, 30, shape)(facula.ones(2, 100)).numpy()
    assert np.all(faded[:, 20:70] == 1)
    assert np.all(np.diff(faded[0, :20]) >= 0)
    assert np.all(np.diff(faded[0, 70:]) <= 0)
    assert 0 < faded[0, 10] < 1
    np.testing.assert_allclose(faded[:, [0, 19, 70, 99]], [[0, 1, 1, 0]] * 2, atol=0.05)
    assert np.array_equal(faded[0], faded[1])


def test_masking_modules():
    facula.manual_seed(0)
    x = facula.ones(3, 20, 30)
    masked = T.FrequencyMasking(10, iid_masks=True)(T.TimeMasking(10)(x), 2.0)
    assert set(masked.flatten().tolist()) <= {0.0, 1.0, 2.0}
    rows = (masked == 2).all(-1).sum(-1)
    assert rows.max() < 10
    assert len(set(rows.tolist())) > 1


def test_codes(waveform):
    back = T.MuLawDecoding()(T.MuLawEncoding()(waveform))
    assert (back - waveform).abs().max() < 0.02


def test_noise(waveform):
    noisy = T.AddNoise()(waveform, waveform.flip(-1), facula.tensor([0.0, 20.0]))
    energy = (noisy - waveform).pow(2).sum(-1)
    np.testing.assert_allclose((energy[0] / energy[1]).item(), 100, rtol=0.2)


def test_buffers_are_saved(waveform):
    source = T.MFCC(
        8000, 13, melkwargs={"n_fft": 256, "n_mels": 24, "window_fn": facula.hamming_window}
    )
    names = [
        "dct_mat",
        "MelSpectrogram.spectrogram.window",
        "MelSpectrogram.mel_scale.fb",
    ]  # torchaudio's
    assert sorted(source.state_dict()) == sorted(names)
    copy = T.MFCC(8000, 13, melkwargs={"n_fft": 256, "n_mels": 24})
    copy.load_state_dict(source.state_dict())
    assert facula.equal(copy(waveform), source(waveform))


def test_errors_say_what_to_do(waveform):
    for wrong, message in (
        (lambda: T.MFCC(8000, 40, melkwargs={"n_mels": 24}), "lower n_mfcc"),
        (lambda: T.MFCC(dct_type=3), "dct_type 2"),
        (lambda: T.MelScale(f_min=9000.0), "f_min <= f_max"),
        (lambda: T.MelScale(n_mels=20, n_stft=129)(facula.ones(201, 5)), "n_fft // 2"),
        (lambda: T.AmplitudeToDB("energy"), "'magnitude'"),
        (lambda: T.AmplitudeToDB(top_db=-1), "top_db >= 0"),
        (lambda: T.Vol(-1), "gain >= 0"),
        (lambda: T.Vol(1, "loud"), "'amplitude'"),
        (lambda: T.Fade(1, fade_shape="square"), "half_sine"),
        (lambda: T.Fade(5000)(waveform), "5000"),
        (lambda: T.TimeMasking(5, p=2.0), "0 and 1"),
    ):
        with pytest.raises(ValueError, match=message):
            wrong()
