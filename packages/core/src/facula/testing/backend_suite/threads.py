"""Threads: two that train at once disturb each other in nothing."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from facula.testing.backend_suite.comparing import Comparison, judged
from facula.testing.backend_suite.models import made, train

#: Models that draw no random numbers while they train: those would come from one stream.
NAMES = ("MLP", "LSTM")


class Threads(Comparison):
    @judged
    def test_two_threads_train_at_once(self) -> None:
        alone = [train(name, made(name, self.device), self.device) for name in NAMES]
        models = [made(name, self.device) for name in NAMES]
        results: list[Any] = [None, None]
        start = threading.Barrier(2, timeout=60)

        def work(i: int) -> None:
            start.wait()
            try:
                results[i] = train(NAMES[i], models[i], self.device)
            except Exception as error:  # told in the main thread
                results[i] = error

        threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for (losses, state), result in zip(alone, results):
            if isinstance(result, BaseException):
                raise result
            np.testing.assert_allclose(result[0], losses, rtol=1e-6)
            for key, value in result[1].items():
                np.testing.assert_allclose(value, state[key], rtol=1e-5, atol=1e-7, err_msg=key)
