"""Freed memory is used again, up to a limit; what NumPy does with its arrays keeps working."""

PROGRAM = """
import ctypes, random
import numpy as np
import facula
from facula_native import units
from numpy._core.multiarray import get_handler_name

before = np.ones(1 << 20, np.float32)
facula.ones(1 << 20)
assert get_handler_name(np.empty(5)) == get_handler_name(np.empty(1 << 20)) == "facula-native"
library = units.unit("memory")
library.memory_kept.restype = ctypes.c_int64
del before  # by the handler that it came from
library.memory_release()
assert library.memory_kept() == 0
a = np.ones(1 << 20, np.float32)
at = a.ctypes.data
del a
assert library.memory_kept() >= 4 << 20
b = np.zeros((1 << 10, 1 << 10), np.float32)
assert b.ctypes.data == at and not b.any()

del b
half = np.ones(1 << 19, np.float32)  # cut from what was kept
assert half.ctypes.data == at and library.memory_kept() == 0
del half
assert 2 << 20 <= library.memory_kept() < 3 << 20
small = np.ones(1 << 16, np.float32)  # a block much larger is left whole
assert small.ctypes.data != at and library.memory_kept() >= 2 << 20

grown = np.ones(1 << 20, np.float32)
grown.resize(1 << 21, refcheck=False)
assert (grown[: 1 << 20] == 1).all() and not grown[1 << 20 :].any()
grown.resize(10, refcheck=False)
del grown
try:
    np.zeros((1 << 40, 1 << 22), np.uint8)
except (MemoryError, ValueError):
    print("refused")

random.seed(0)
held, sizes = [], (1, 1000, 100_000, 300_000, 1_000_000, 5_000_000)
for i in range(2000):
    held.append(np.full(random.choice(sizes), i, np.float32))
    if len(held) > 10:
        gone = held.pop(random.randrange(10))
        assert (gone == gone[0]).all()
assert 0 < library.memory_kept() <= LIMIT << 20, library.memory_kept()

before = library.memory_kept()
great = np.ones(40 << 18, np.float32)  # 40 MB that were not kept take the place of as many
assert library.memory_kept() <= max(0, before - (40 << 20)), (before, library.memory_kept())
del great
large = np.ones(80 << 18, np.float32)
kept = library.memory_kept()
del large
print(library.memory_kept() <= LIMIT << 20)
"""


def test_memory_is_used_again_up_to_the_limit(run):
    assert run(PROGRAM.replace("LIMIT", "256")) == "refused\nTrue\n"
    assert run(PROGRAM.replace("LIMIT", "32"), FACULA_NATIVE_KEEP="32") == "refused\nTrue\n"


def test_it_can_be_left_out(run):
    out = run(
        """
        import numpy as np, facula
        from numpy._core.multiarray import get_handler_name
        facula.ones(1 << 20)
        print(get_handler_name(np.empty(5)))
        """,
        FACULA_NATIVE_KEEP="0",
    )
    assert out == "default_allocator\n"


def test_threads_and_forks_have_it(run):
    out = run(
        """
        import os, threading
        import numpy as np, facula

        facula.set_num_threads(2)
        x = facula.ones(1 << 20)

        def work():
            for i in range(50):
                y = x * float(i)
                assert (y.numpy() == i).all()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for t in threads: t.start()
        for t in threads: t.join()
        read, write = os.pipe()
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        if os.fork() == 0:
            work()
            os.write(write, b"child ")
            os._exit(0)
        os.wait()
        work()
        print(os.read(read, 10).decode() + "parent")
        """
    )
    assert out == "child parent\n"
