"""`facula.save` and `facula.load`: round trips, damage, forgery, kills."""

from __future__ import annotations

import io
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import OrderedDict

import numpy as np
import pytest

import facula
from facula.dtypes import ALL
from facula.io import FileError

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies


def saved(obj):
    file = io.BytesIO()
    facula.save(obj, file)
    return file.getvalue()


def loaded(data, **options):
    return facula.load(io.BytesIO(data), **options)


def round_trip(obj):
    return loaded(saved(obj))


def same(a, b):
    if isinstance(a, facula.Tensor):
        assert type(a) is type(b)
        assert a.dtype is b.dtype
        assert a.shape == b.shape
        assert a.device == b.device
        assert a.requires_grad == b.requires_grad
        x, y = a.detach().cpu().numpy(), b.detach().cpu().numpy()
        return x.tobytes() == y.tobytes()
    if isinstance(a, float):
        if math.isnan(a):
            return type(b) is float and math.isnan(b)
        return type(b) is float and a == b and math.copysign(1, a) == math.copysign(1, b)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return type(a) is type(b) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("dtype", ALL, ids=str)
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3)])
def test_every_dtype(dtype, shape):
    values = np.arange(math.prod(shape)).reshape(shape)
    t = facula.tensor(values.astype(dtype.dtype))
    assert same(t, round_trip(t))


def test_containers():
    p = facula.nn.Parameter(facula.ones(2)) if hasattr(facula.nn, "Parameter") else facula.ones(2)
    obj = {
        "model": OrderedDict(weight=facula.randn(2, 3), frozen=p),
        "plain": [
            1,
            2**100,
            -5,
            True,
            None,
            "text \ud83d",
            b"\x00\xff",
            1.5,
            -0.0,
            math.inf,
            1 - 2j,
        ],
        "kinds": (facula.float32, facula.device("cpu"), facula.Size([2, 3]), slice(1, None, 2)),
        "sets": [{1, "a"}, frozenset({2.5}), set()],
        5: {(1, "x"): None, None: 1, True: 2},
    }
    assert same(obj, round_trip(obj))
    assert math.isnan(round_trip(math.nan))


def test_flags_and_views():
    x = facula.arange(12.0).reshape(3, 4)
    leaf = facula.ones(2).requires_grad_()
    back = round_trip({"t": x.t(), "part": x[1:, ::2], "leaf": leaf})
    assert back["t"].tolist() == x.t().tolist()
    assert back["part"].tolist() == x[1:, ::2].tolist()
    assert back["leaf"].requires_grad
    assert back["leaf"].is_leaf


def test_a_part_does_not_drag_its_base_along():
    assert len(saved(facula.zeros(100_000)[:2])) < 2000


def test_one_tensor_twice_is_shared_again():
    x = facula.ones(3)
    back = round_trip([x, x, x.detach()])
    assert back[0] is back[1]
    back[0].zero_()
    assert back[2].tolist() == [0, 0, 0]
    assert len(saved([facula.ones(50_000)] * 2)) < 300_000


def test_devices():
    data = saved({"x": facula.ones(2, device="toy")})
    assert loaded(data)["x"].device.type == "toy"
    assert loaded(data, map_location="cpu")["x"].device.type == "cpu"
    assert loaded(data, map_location={"toy": "cpu"})["x"].device.type == "cpu"
    assert loaded(data, map_location=lambda t, where: t * 2 if where == "toy" else t)[
        "x"
    ].tolist() == [2, 2]
    with pytest.raises(TypeError, match="meta"):
        saved(facula.ones(2, device="meta"))


@pytest.mark.parametrize("bad", [object(), np.ones(2), np.float32(1), {"f": print}, [iter(())]])
def test_other_types_are_refused(bad, tmp_path):
    target = tmp_path / "x"
    with pytest.raises(TypeError, match="can't hold"):
        facula.save(bad, target)
    assert not list(tmp_path.iterdir())


def test_a_container_that_holds_itself():
    a = []
    a.append(a)
    with pytest.raises(ValueError, match="nested"):
        saved(a)


def test_safetensors_reads_ours_and_we_theirs():
    library = pytest.importorskip("safetensors.numpy")
    data = saved(
        {"a": facula.arange(6).reshape(2, 3), "b": {"c": facula.ones(2)}, "s": facula.tensor(True)}
    )
    theirs = library.load(data)
    assert set(theirs) == {"a", "b.c", "s"}
    assert theirs["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    back = loaded(library.save({"x": np.ones((2, 2), np.float32), "y": np.arange(3)}))
    assert back["x"].dtype is facula.float32
    assert back["y"].tolist() == [0, 1, 2]


# ---- damage


SMALL = {"a": facula.tensor([1.5, -2.0]), "k": [1, 2.5, "s"]}


def test_every_flipped_bit_is_noticed():
    data = saved(SMALL)
    for i in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[i // 8] ^= 1 << i % 8
        with pytest.raises(FileError):
            loaded(bytes(damaged))


def test_every_truncation_is_noticed():
    data = saved(SMALL)
    for n in range(len(data)):
        with pytest.raises(FileError):
            loaded(data[:n])
    with pytest.raises(FileError):
        loaded(data + b"\x00")


leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5)
    | st.complex_numbers(allow_nan=False)
    | st.sampled_from([facula.float32, facula.arange(3), facula.tensor(2.5, dtype=facula.float64)])
)  # fmt: skip
keys = st.text(max_size=4) | st.integers()
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(keys, inner, max_size=3)
        | st.tuples(inner, inner)
    ),
)


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(trees)
def test_any_tree_comes_back(tree):
    assert same(tree, round_trip(tree))


@hypothesis.settings(max_examples=150, deadline=None)
@hypothesis.given(st.binary(max_size=200), st.integers(0, 100))
def test_garbage_never_gets_through(junk, length):
    for data in (junk, length.to_bytes(8, "little") + junk):
        try:
            assert isinstance(
                loaded(data), dict
            )  # a valid file of another writer, by a chance of one in very many
        except FileError:
            pass


@hypothesis.settings(max_examples=150, deadline=None)
@hypothesis.given(st.data())
def test_spliced_files_are_noticed(data):
    good = saved(SMALL)
    at = data.draw(st.integers(0, len(good)))
    cut = data.draw(st.integers(0, 8))
    junk = data.draw(st.binary(max_size=8))
    forged = good[:at] + junk + good[at + cut :]
    hypothesis.assume(forged != good)
    with pytest.raises(FileError):
        loaded(forged)


# ---- forged headers of plain safetensors files, which carry no checksum


def forged(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def entry(dtype="F32", shape=(1,), start=0, stop=4):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, stop]}


def test_a_plain_file_loads():
    assert loaded(forged({"x": entry()}, bytes(4)))["x"].tolist() == [0]


@pytest.mark.parametrize(
    "data",
    [
        forged({}, length=2**63),
        forged({}, length=2**64 - 1),
        forged({"x": entry(stop=8)}, bytes(8)),
        forged({"x": entry(start=4, stop=8)}, bytes(8)),
        forged({"x": entry(), "y": entry()}, bytes(4)),
        forged({"x": entry(), "y": entry(start=2, stop=6)}, bytes(6)),
        forged({"x": entry()}, bytes(8)),
        forged({"x": entry(stop=2**40, shape=(2**38,))}, bytes(4)),
        forged({"x": entry(start=-4, stop=0)}, bytes(4)),
        forged({"x": entry(shape=(-1,), stop=-4)}),
        forged({"x": entry(shape=(2**62, 0), stop=0)}),
        forged({"x": entry(shape=(1.0,))}, bytes(4)),
        forged({"x": entry(shape=(True,))}, bytes(4)),
        forged({"x": entry(dtype="OBJECT")}, bytes(4)),
        forged({"x": entry(dtype=["F32"])}, bytes(4)),
        forged({"x": entry(dtype="BOOL", stop=1)}, b"\x02"),
        forged({"x": {**entry(), "extra": 1}}, bytes(4)),
        forged({"x": 5}),
        forged({"x": entry(shape=[1] * 100)}, bytes(4)),
        forged({"__metadata__": {"a": 1}}),
        forged({"__metadata__": {"facula_format": "1"}}),
        forged(
            {
                "__metadata__": {
                    "facula_format": "9",
                    "facula_structure": "null",
                    "facula_sha256": "0" * 64,
                }
            }
        ),
        forged(
            b'{"x":'
            + json.dumps(entry()).encode()
            + b',"x":'
            + json.dumps(entry()).encode()
            + b"}",
            bytes(4),
        ),
        forged(b"[" * 100_000),
        forged(b'{"a":' * 100_000),
        forged(b"[]"),
        forged(b'{"x":NaN}'),
        forged(b"\xff\xfe{}"),
        forged(b'{"x":' + b"9" * 10_000 + b"}"),
    ],
)
def test_forged_headers_are_refused(data):
    with pytest.raises(FileError):
        loaded(data)


def with_structure(tree):
    """A file with a right checksum around a wrong structure."""
    from facula.io.format import NO_DIGEST, digest_field, encode_header, start_digest

    text = tree if isinstance(tree, str) else json.dumps(tree)
    head = encode_header(
        [], {"facula_format": "1", "facula_structure": text, "facula_sha256": NO_DIGEST}
    )
    return head.replace(
        digest_field(NO_DIGEST), digest_field(start_digest(head, NO_DIGEST).hexdigest())
    )


@pytest.mark.parametrize(
    "tree",
    [
        ["eval", "1"], ["list", 5], ["dict", [[1]]], ["dict", [[["list", []], 1]]], ["dict", [[1, 2], [1, 3]]],
        ["tensor", ["x", {}]], ["tensor", ["x", {"object": "0", "device": "cpu"}]], ["int", "zz"], ["float", 5],
        ["dtype", "float99"], ["device", "no such!"], ["bytes", "?"], ["Size", ["a"]], 1.5, {"a": 1}, [1, 2],
        "[" * 5000, '["list",[' * 500 + "]]" * 500,
    ],
)  # fmt: skip
def test_forged_structures_are_refused(tree):
    with pytest.raises(FileError):
        loaded(with_structure(tree))


def test_pickles_are_named_and_not_run(tmp_path):
    import pickle
    import zipfile

    (tmp_path / "p").write_bytes(pickle.dumps([1]))
    with zipfile.ZipFile(tmp_path / "z", "w") as z:
        z.writestr("archive/data.pkl", b"")
    for name in "pz":
        with pytest.raises(FileError, match="not read yet"):
            facula.load(tmp_path / name)


# ---- files on disk


def test_paths_links_and_permissions(tmp_path):
    target, link = tmp_path / "a.st", tmp_path / "link.st"
    facula.save({"x": 1}, target)
    os.chmod(target, 0o640)
    link.symlink_to(target)
    facula.save({"x": 2}, str(link))
    assert link.is_symlink()
    assert facula.load(target) == {"x": 2}
    assert target.stat().st_mode & 0o777 == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.st", "link.st"]


def test_pipes_can_be_read():
    class Stream(io.RawIOBase):
        def __init__(self, data):
            self.rest = io.BytesIO(data)

        def readable(self):
            return True

        def read(self, n=-1):
            return self.rest.read(n)

    assert facula.load(Stream(saved({"x": 1}))) == {"x": 1}


def test_two_files_in_one_stream():
    file = io.BytesIO(b"before")
    file.seek(6)
    facula.save([facula.ones(2)], file)
    file.seek(6)
    assert facula.load(file)[0].tolist() == [1, 1]


KILLED = """
import facula, sys
n = 0
while True:
    facula.save({"x": facula.full((200_000,), float(n)), "n": n}, sys.argv[1])
    n += 1
    print(n, flush=True)
"""


def test_a_kill_leaves_a_whole_file(tmp_path):
    target = tmp_path / "x.st"
    facula.save({"x": facula.zeros(200_000), "n": -1}, target)
    for delay in (0.0, 0.003, 0.011, 0.02):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, target], stdout=subprocess.PIPE
        ) as process:
            process.stdout.readline()
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
        back = facula.load(target)
        assert (back["x"] == max(back["n"], 0)).all()


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "x.st"
    facula.save(1, target)
    monkeypatch.setattr(os, "replace", lambda *a: (_ for _ in ()).throw(OSError("no")))
    with pytest.raises(OSError, match="no"):
        facula.save(2, target)
    assert facula.load(target) == 1
    assert len(list(tmp_path.iterdir())) == 1
