"""Sound files: what is written is read, and errors name the file."""

import io

import numpy as np
import pytest
from scipy.io import wavfile

import facula
import facula_audio


@pytest.fixture
def tone():
    t = facula.arange(4000) / 8000
    return facula.stack([(2 * np.pi * 440 * t).sin() * 0.5, (2 * np.pi * 660 * t).cos() * 0.25])


def test_float_wav_comes_back_exactly(tmp_path, tone):
    facula_audio.save(tmp_path / "tone.wav", tone, 8000)
    waveform, rate = facula_audio.load(tmp_path / "tone.wav")
    assert rate == 8000
    assert waveform.dtype is facula.float32
    assert tuple(waveform.shape) == (2, 4000)
    assert facula.equal(waveform, tone)


def test_scipy_reads_what_is_saved(tmp_path, tone):
    facula_audio.save(tmp_path / "tone.wav", tone, 8000, encoding="PCM_S", bits_per_sample=16)
    rate, samples = wavfile.read(tmp_path / "tone.wav")
    assert rate == 8000
    assert samples.dtype == np.int16
    np.testing.assert_allclose(samples.T / 32768, tone.numpy(), atol=1 / 32768)


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint8"])
def test_integers_as_scipy_has_them(tmp_path, dtype):
    limits = np.iinfo(dtype)
    samples = np.linspace(limits.min, limits.max, 101).astype(dtype)
    wavfile.write(tmp_path / "x.wav", 8000, samples)
    raw, _ = facula_audio.load(tmp_path / "x.wav", normalize=False)
    np.testing.assert_array_equal(raw.numpy()[0], samples)
    scaled, _ = facula_audio.load(tmp_path / "x.wav")
    middle = 128 if dtype == "uint8" else 0
    np.testing.assert_allclose(
        scaled.numpy()[0], (samples.astype(float) - middle) / (limits.max - middle + 1), atol=1e-6
    )
    facula_audio.save(tmp_path / "y.wav", raw, 8000)
    np.testing.assert_array_equal(wavfile.read(tmp_path / "y.wav")[1], samples)


@pytest.mark.parametrize("ending", ["flac", "ogg"])
def test_compressed_formats(tmp_path, tone, ending):
    path = tmp_path / f"tone.{ending}"
    facula_audio.save(path, tone, 8000)
    waveform, rate = facula_audio.load(path)
    assert rate == 8000
    assert tuple(waveform.shape) == (2, 4000)
    assert (waveform - tone).pow(2).mean() < 1e-3


def test_part_of_a_file_and_its_layout(tmp_path, tone):
    facula_audio.save(tmp_path / "tone.wav", tone, 8000)
    part, _ = facula_audio.load(tmp_path / "tone.wav", frame_offset=100, num_frames=50)
    assert facula.equal(part, tone[:, 100:150])
    rest, _ = facula_audio.load(tmp_path / "tone.wav", frame_offset=3900, channels_first=False)
    assert facula.equal(rest, tone[:, 3900:].T)
    beyond, _ = facula_audio.load(tmp_path / "tone.wav", frame_offset=5000)
    assert tuple(beyond.shape) == (2, 0)


def test_open_files(tone):
    file = io.BytesIO()
    facula_audio.save(file, tone, 8000, format="wav")
    file.seek(0)
    assert facula.equal(facula_audio.load(file)[0], tone)


def test_info(tmp_path, tone):
    facula_audio.save(tmp_path / "a.wav", tone, 8000, encoding="PCM_S", bits_per_sample=24)
    expected = facula_audio.AudioMetaData(8000, 4000, 2, 24, "PCM_S")
    assert facula_audio.info(tmp_path / "a.wav") == expected
    facula_audio.save(tmp_path / "b.wav", tone, 16000)
    assert facula_audio.info(tmp_path / "b.wav") == facula_audio.AudioMetaData(
        16000, 4000, 2, 32, "PCM_F"
    )


def test_errors_name_the_file(tmp_path, tone):
    with pytest.raises(FileNotFoundError, match=r"missing\.wav"):
        facula_audio.load(tmp_path / "missing.wav")
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(RuntimeError, match=r"text\.wav.*WAV, FLAC"):
        facula_audio.load(tmp_path / "text.wav")
    with pytest.raises(RuntimeError, match=r"text\.wav"):
        facula_audio.info(tmp_path / "text.wav")
    with pytest.raises(ValueError, match="unsqueeze"):
        facula_audio.save(tmp_path / "x.wav", tone[0], 8000)
    with pytest.raises(ValueError, match="unknown format 'DOC'"):
        facula_audio.save(tmp_path / "x.doc", tone, 8000)
    with pytest.raises(ValueError, match="no ending"):
        facula_audio.save(tmp_path / "x", tone, 8000)
    with pytest.raises(ValueError, match="no encoding"):
        facula_audio.save(tmp_path / "x.flac", tone, 8000, encoding="ULAW")
    with pytest.raises(FileNotFoundError, match="make it first"):
        facula_audio.save(tmp_path / "no" / "x.wav", tone, 8000)
    facula_audio.save(tmp_path / "x.wav", tone, 8000)
    with pytest.raises(ValueError, match="frame_offset=-1"):
        facula_audio.load(tmp_path / "x.wav", frame_offset=-1)
