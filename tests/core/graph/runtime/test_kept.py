"""Folders of compiled programs keep within their size."""

import os

from facula.graph.runtime import kept


def test_what_was_read_longest_ago_goes_first(tmp_path, monkeypatch):
    size = len(b"x" * 100) + 32
    monkeypatch.setattr(kept, "MOST_BYTES", 3 * size)
    for age, name in enumerate("cba"):
        kept.write(tmp_path / name, b"x" * 100)
        os.utime(tmp_path / name, (age, age))
    assert kept.read(tmp_path / "c") == b"x" * 100  # the oldest, but in use
    kept.write(tmp_path / "d", b"x" * 100)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["a", "c", "d"]


def test_a_file_larger_than_the_folder_may_be_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "MOST_BYTES", 10)
    kept.write(tmp_path / "a", b"x" * 100)
    assert kept.read(tmp_path / "a") == b"x" * 100
