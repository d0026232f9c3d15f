"""The spoken prompts of the Asterisk telephone exchange."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from facula.data import Dataset
from facula_audio.files import load

_ROOT = Path("/usr/share/asterisk/sounds/en_US_f_Allison")


class AsteriskSounds(Dataset[Any]):
    """Words and phrases read by one human speaker (Allison Smith), 8 kHz, from a Debian package.

    A sample is (waveform (1, frames), sample rate in Hz, name), the name being the path without '.wav',
    as 'digits/7' or 'hello-world'. `folder` takes one of the folders alone ('digits', 'letters',
    'phonetic', ...), `names` just these, in this order.

        seven, sample_rate, name = AsteriskSounds(names=["digits/7"])[0]

    Raises FileNotFoundError that says what to install where the sounds or names are missing.
    """

    def __init__(
        self, root: str | Path = _ROOT, folder: str | None = None, names: list[str] | None = None
    ):
        self.root = Path(root)
        if not self.root.is_dir():
            raise FileNotFoundError(
                f"no Asterisk sounds at {str(self.root)!r}; install them: "
                "sudo apt-get install asterisk-core-sounds-en-wav"
            )
        if names is None:
            files = (self.root / folder if folder else self.root).rglob("*.wav")
            names = sorted(str(path.relative_to(self.root).with_suffix("")) for path in files)
            if not names:
                raise FileNotFoundError(f"no WAV files in {str(self.root / (folder or ''))!r}")
        self.names = list(names)
        for name in self.names:
            if not self._path(name).is_file():
                raise FileNotFoundError(
                    f"AsteriskSounds has no {name!r} (looked for {str(self._path(name))!r})"
                )

    @classmethod
    def digits(cls, root: str | Path = _ROOT) -> AsteriskSounds:
        """The ten words zero to nine, in order."""
        return cls(root, names=[f"digits/{digit}" for digit in range(10)])

    def _path(self, name: str) -> Path:
        return self.root / f"{name}.wav"

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> tuple[Any, int, str]:
        return *load(self._path(self.names[index])), self.names[index]
