"""Averages of weights and buffers over training."""

from __future__ import annotations

import pytest

import facula
from facula.optim import swa_utils


@pytest.mark.parametrize("dtype", [facula.int64, facula.uint8, facula.float32], ids=str)
def test_means_of_buffers_in_place_equal_those_of_each(dtype):
    found = []
    for options in (
        {"multi_avg_fn": swa_utils.get_swa_multi_avg_fn()},
        {"avg_fn": swa_utils.get_swa_avg_fn()},
    ):
        model = facula.nn.Module()
        model.register_buffer("count", facula.tensor([3, 1, 7], dtype=dtype))
        average = swa_utils.AveragedModel(model, use_buffers=True, **options)
        for step in (2, 5, 6):
            model.count += step
            average.update_parameters(model)
        assert average.module.count.dtype is dtype
        found.append(average.module.count.tolist())
    assert found[0] == found[1]
