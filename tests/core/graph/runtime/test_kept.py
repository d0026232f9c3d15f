"""Folders of compiled programs: whose they are, and how large."""

import os
import stat
import time

import pytest

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


def test_what_a_killed_process_was_making_goes(tmp_path):
    for name, age in ("killed", kept.LONGEST_MAKING + 60), ("now", 60):
        (tmp_path / name).mkdir()
        (tmp_path / name / "unit.c").write_text("int x;")
        then = time.time() - age
        os.utime(tmp_path / name, (then, then))
    kept.write(tmp_path / "a", b"x")
    assert sorted(f.name for f in tmp_path.iterdir()) == ["a", "now"]


def test_a_file_larger_than_the_folder_may_be_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "MOST_BYTES", 10)
    kept.write(tmp_path / "a", b"x" * 100)
    assert kept.read(tmp_path / "a") == b"x" * 100


def test_folders_are_the_users_own(tmp_path, monkeypatch):
    base = tmp_path / "caches" / "facula"
    monkeypatch.setenv("FACULA_CACHE", str(base))
    before = os.umask(0)
    try:
        made = kept.folder("units")
    finally:
        os.umask(before)
    assert [stat.S_IMODE(x.stat().st_mode) for x in (base, made)] == [0o700, 0o700]


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give files away")  # fmt: skip
def test_a_link_that_somebody_else_made_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("FACULA_CACHE", str(tmp_path))
    (tmp_path / "mine").mkdir()
    (tmp_path / "units").symlink_to("mine")
    assert kept.folder("units").samefile(tmp_path / "mine")
    os.chown(tmp_path / "units", 65534, -1, follow_symlinks=False)
    with pytest.raises(RuntimeError, match="belongs to another user"):
        kept.folder("units")
