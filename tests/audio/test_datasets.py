"""Folders of spoken words, and the recordings of Asterisk where they are installed."""

import os

import pytest

import facula
import facula_audio
from facula_audio.datasets import AsteriskSounds, KeywordFolder


@pytest.fixture
def words(tmp_path):
    for i, word in enumerate(["no", "yes", "_background_noise_"]):
        (tmp_path / word).mkdir()
        for take in range(3):
            facula_audio.save(
                tmp_path / word / f"{take}.wav", facula.full((1, 10), (i + 1) / 8), 8000
            )
    (tmp_path / "testing_list.txt").write_text("no/0.wav\nyes/1.wav\n")
    (tmp_path / "validation_list.txt").write_text("no/2.wav\n")
    return tmp_path


def test_keyword_folder(words):
    data = KeywordFolder(words)
    assert data.classes == ["no", "yes"]
    assert data.class_to_idx == {"no": 0, "yes": 1}
    assert len(data) == 6
    waveform, rate, label = data[4]
    assert rate == 8000
    assert label == 1
    assert facula.equal(waveform, facula.full((1, 10), 0.25))
    assert [label for _, _, label in KeywordFolder(words, ["yes"])] == [0, 0, 0]
    assert tuple(KeywordFolder(words, transform=lambda w: w[:, :5])[0][0].shape) == (1, 5)


def test_subsets(words):
    names = {s: [f"{p.parent.name}/{p.name}" for p, _ in KeywordFolder(words, subset=s).samples]
             for s in ("testing", "validation", "training")}  # fmt: skip
    assert names["testing"] == ["no/0.wav", "yes/1.wav"]
    assert names["validation"] == ["no/2.wav"]
    assert names["training"] == ["no/1.wav", "yes/0.wav", "yes/2.wav"]
    with pytest.raises(ValueError, match="'training'"):
        KeywordFolder(words, subset="test")


def test_missing_folders(words, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        KeywordFolder(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="'maybe'"):
        KeywordFolder(words, ["yes", "maybe"])
    (words / "testing_list.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"testing_list\.txt"):
        KeywordFolder(words, subset="testing")
    with pytest.raises(FileNotFoundError, match="asterisk-core-sounds-en-wav"):
        AsteriskSounds(tmp_path / "nowhere")


def test_asterisk():
    try:
        digits = AsteriskSounds.digits()
    except FileNotFoundError as error:
        if os.environ.get("FACULA_REQUIRE_DATA") == "1":
            raise
        pytest.skip(str(error))
    assert len(digits) == 10
    for digit, (waveform, rate, name) in enumerate(digits):
        assert name == f"digits/{digit}"
        assert rate == 8000
        assert waveform.shape[0] == 1
        assert 0.3 < waveform.shape[1] / rate < 1.5
        assert waveform.abs().max() > 0.1
    assert "digits/hundred" in AsteriskSounds(folder="digits").names
    with pytest.raises(FileNotFoundError, match="digits/eleventy"):
        AsteriskSounds(names=["digits/eleventy"])
