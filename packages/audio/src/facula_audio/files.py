"""Sound files, read and written by libsndfile (the package `soundfile`): WAV, FLAC, OGG, MP3, AIFF, ..."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

import facula

# libsndfile's subtype to torchaudio's encoding and bits per sample.
_ENCODINGS = {
    "PCM_S8": ("PCM_S", 8), "PCM_U8": ("PCM_U", 8), "PCM_16": ("PCM_S", 16), "PCM_24": ("PCM_S", 24),
    "PCM_32": ("PCM_S", 32), "FLOAT": ("PCM_F", 32), "DOUBLE": ("PCM_F", 64), "ULAW": ("ULAW", 8),
    "ALAW": ("ALAW", 8), "VORBIS": ("VORBIS", 0), "OPUS": ("OPUS", 0), "MPEG_LAYER_III": ("MP3", 0),
}  # fmt: skip
_STORED = {
    "int16": "PCM_16",
    "int32": "PCM_32",
    "uint8": "PCM_U8",
    "float32": "FLOAT",
    "float64": "DOUBLE",
}
# What the bits of an integer file are read into, where it is not scaled to -1 to 1.
_UNSCALED = {
    "PCM_U8": "uint8",
    "PCM_S8": "int16",
    "PCM_16": "int16",
    "PCM_24": "int32",
    "PCM_32": "int32",
}


@dataclass
class AudioMetaData:
    """What `info` says of a file. `sample_rate` is in Hz, `num_frames` counts samples of one channel."""

    sample_rate: int
    num_frames: int
    num_channels: int
    bits_per_sample: int
    encoding: str


def info(uri: Any, format: str | None = None) -> AudioMetaData:
    """Sample rate, length, channels and encoding of a sound file, without reading its samples.

    `bits_per_sample` is 0 for compressed files. Raises as `load`.
    """
    with _opened(uri, format) as file:
        encoding, bits = "FLAC" if file.format == "FLAC" else "", 0
        found = _ENCODINGS.get(file.subtype, ("UNKNOWN", 0))
        encoding, bits = encoding or found[0], found[1]
        return AudioMetaData(file.samplerate, file.frames, file.channels, bits, encoding)


def load(
    uri: Any,
    frame_offset: int = 0,
    num_frames: int = -1,
    normalize: bool = True,
    channels_first: bool = True,
    format: str | None = None,
) -> tuple[Any, int]:
    """The samples of a file, float32 (channels, frames) within -1 to 1, and its sample rate in Hz.

    Reads `num_frames` from `frame_offset` on (-1: to the end). `channels_first=False` gives (frames,
    channels); `normalize=False` gives the integers of an integer WAV or FLAC file (24 bits and 8 signed
    bits in the high end of int32 and int16, as libsndfile does). `uri` is a path or an open binary file.

        waveform, sample_rate = facula_audio.load("zero.wav")

    Raises FileNotFoundError where there is no file, RuntimeError where it is no sound file, ValueError
    for an offset or number of frames that makes no sense.
    """
    if frame_offset < 0 or num_frames < -1 or num_frames == 0:
        raise ValueError(
            f"load: expected frame_offset >= 0 and num_frames > 0, or -1 for all, "
            f"but got frame_offset={frame_offset}, num_frames={num_frames}"
        )
    with _opened(uri, format) as file:
        dtype = "float32" if normalize else _UNSCALED.get(file.subtype, "float32")
        file.seek(min(frame_offset, file.frames))
        samples = file.read(num_frames, "int16" if dtype == "uint8" else dtype, always_2d=True)
        if dtype == "uint8":  # libsndfile reads 8 bits as the high ones of 16, around 0
            samples = ((samples >> 8) + 128).astype(np.uint8)
        rate = file.samplerate
    return facula.from_numpy(np.ascontiguousarray(samples.T if channels_first else samples)), rate


def save(
    uri: Any,
    src: Any,
    sample_rate: int,
    channels_first: bool = True,
    format: str | None = None,
    encoding: str | None = None,
    bits_per_sample: int | None = None,
) -> None:
    """Writes a waveform (channels, frames) to a file whose ending, or `format`, says the format.

    Integers are stored as they are where the format can; floats are meant to lie within -1 to 1.
    `encoding` is one of PCM_S, PCM_U, PCM_F, ULAW, ALAW; by default WAV keeps the dtype of `src` and
    other formats use their own.

        facula_audio.save("tone.wav", waveform, 16000)

    Raises ValueError for another shape or an encoding that the format lacks, FileNotFoundError where
    the folder is missing.
    """
    if src.ndim != 2:
        raise ValueError(
            f"save: expected a waveform of 2 dimensions, (channels, frames), but got shape {tuple(src.shape)}; "
            "use waveform.unsqueeze(0) for one channel"
        )
    format = (format or _ending(uri)).upper()
    samples = np.asarray(src.detach().cpu().numpy())
    samples = samples.T if channels_first else samples
    subtype = _subtype(format, str(samples.dtype), encoding, bits_per_sample)
    if (
        samples.dtype == np.uint8
    ):  # libsndfile takes no uint8: the high bits of int16 are the same sound
        samples = (samples.astype(np.int16) - 128) << 8
    if isinstance(uri, (str, PathLike)) and not Path(uri).absolute().parent.is_dir():
        raise FileNotFoundError(
            f"save: the folder of {fspath(uri)!r} does not exist; make it first"
        )
    try:
        soundfile.write(
            uri, np.ascontiguousarray(samples), int(sample_rate), subtype, format=format
        )
    except (soundfile.LibsndfileError, TypeError, ValueError) as error:
        raise RuntimeError(f"save: could not write {uri!r} as {format}: {error}") from None


def _ending(uri: Any) -> str:
    name = fspath(uri) if isinstance(uri, (str, PathLike)) else getattr(uri, "name", "")
    ending = Path(str(name)).suffix[1:]
    if not ending:
        raise ValueError(
            f"save: {uri!r} has no ending that says the format; give one, as in format='wav'"
        )
    return ending


def _subtype(format: str, dtype: str, encoding: str | None, bits: int | None) -> str | None:
    """libsndfile's name of an encoding; None for the format's own."""
    if format not in soundfile.available_formats():
        known = ", ".join(sorted(soundfile.available_formats()))
        raise ValueError(f"save: unknown format {format!r}; expected one of {known}")
    if encoding is None and bits is None:
        return _STORED.get(dtype) if format in ("WAV", "W64") else None
    encoding = encoding or ("PCM_U" if bits == 8 and format == "WAV" else "PCM_S")
    default = {"PCM_S": 16, "PCM_U": 8, "PCM_F": 32, "ULAW": 8, "ALAW": 8}.get(encoding)
    for name, pair in _ENCODINGS.items():
        if pair == (encoding, bits or default) and soundfile.check_format(format, name):
            return name
    raise ValueError(
        f"save: {format} has no encoding {encoding!r} of {bits or default} bits; "
        f"it has {', '.join(soundfile.available_subtypes(format))}"
    )


def _opened(uri: Any, format: str | None) -> Any:
    if isinstance(uri, (str, PathLike)) and not Path(uri).is_file():
        raise FileNotFoundError(
            f"no sound file at {fspath(uri)!r} (working directory {Path.cwd()})"
        )
    try:
        return soundfile.SoundFile(uri)
    except (soundfile.LibsndfileError, TypeError) as error:
        raise RuntimeError(
            f"{uri!r} could not be read as sound: {error}; expected one of libsndfile's formats (WAV, FLAC, OGG, MP3, ...)"
        ) from None
