"""Spoken words in folders, as Google's Speech Commands has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from facula.data import Dataset
from facula_audio.files import load

_ENDINGS = {".wav", ".flac", ".ogg", ".mp3"}
_LISTS = {"validation": "validation_list.txt", "testing": "testing_list.txt"}


class KeywordFolder(Dataset[Any]):
    """Recordings in folders named after the word spoken: ROOT/yes/1.wav, ROOT/no/1.wav, ...

    A sample is (waveform (channels, frames), sample rate in Hz, number of its class); `classes` has the
    words, in alphabetic order unless given, `class_to_idx` their numbers, `samples` paths and numbers.
    Folders that begin with '_' or '.' hold no words (`_background_noise_`). `subset` 'training',
    'validation' or 'testing' follows ROOT/validation_list.txt and ROOT/testing_list.txt.
    `transform(waveform)` is applied to each waveform.

    Raises FileNotFoundError where the folder, a class or a list is missing.
    Source of the layout: Warden 2018, "Speech Commands".
    """

    def __init__(
        self,
        root: str | Path,
        classes: list[str] | None = None,
        subset: str | None = None,
        transform: Callable[[Any], Any] | None = None,
    ):
        self.root, self.transform = Path(root), transform
        self.classes = self._words() if classes is None else list(classes)
        self.class_to_idx = {word: i for i, word in enumerate(self.classes)}
        chosen = self._chooser(subset)
        self.samples = [
            (path, i)
            for word, i in self.class_to_idx.items()
            for path in self._files(word)
            if chosen(path)
        ]

    def _words(self) -> list[str]:
        if not self.root.is_dir():
            raise FileNotFoundError(
                f"KeywordFolder: no folder {str(self.root)!r}; it holds one folder for each word"
            )
        words = sorted(p.name for p in self.root.iterdir() if p.is_dir() and p.name[0] not in "_.")
        if not words:
            raise FileNotFoundError(
                f"KeywordFolder: {str(self.root)!r} has no folders; expected one for each word"
            )
        return words

    def _files(self, word: str) -> list[Path]:
        folder = self.root / word
        files = sorted(p for p in folder.glob("*") if p.suffix.lower() in _ENDINGS)
        if not files:
            raise FileNotFoundError(
                f"KeywordFolder: no sound files for class {word!r} in {str(folder)!r} ({', '.join(sorted(_ENDINGS))})"
            )
        return files

    def _chooser(self, subset: str | None) -> Callable[[Path], bool]:
        """Which files belong to a subset."""
        if subset is None:
            return lambda path: True
        if subset in _LISTS:
            listed = self._listed(_LISTS[subset])
            return lambda path: path in listed
        if subset != "training":
            raise ValueError(
                f"expected subset to be 'training', 'validation' or 'testing', but got {subset!r}"
            )
        held_out = set().union(*map(self._listed, _LISTS.values()))
        return lambda path: path not in held_out

    def _listed(self, name: str) -> set[Path]:
        if not (self.root / name).is_file():
            raise FileNotFoundError(
                f"KeywordFolder: subset needs the list {str(self.root / name)!r}"
            )
        return {
            self.root / line.strip()
            for line in (self.root / name).read_text().splitlines()
            if line.strip()
        }

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, int, int]:
        path, label = self.samples[index]
        waveform, sample_rate = load(path)
        return waveform if self.transform is None else self.transform(waveform), sample_rate, label
