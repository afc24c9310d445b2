"""The reliability of answers whose probabilities are known to be right or wrong."""

from __future__ import annotations

import numpy as np
import pytest

from model_build.calibration import calibration


def pairs(said: np.ndarray) -> np.ndarray:
    """Two classes; the first is the answer, with probability `said`."""
    return np.stack([said, 1 - said], axis=1)


def test_a_model_that_is_as_sure_as_it_is_right_has_no_error() -> None:
    random = np.random.default_rng(1)
    said = random.uniform(0.5, 1, 100_000)
    truth = (random.random(100_000) >= said).astype(int)  # 0 is right
    found = calibration(pairs(said), truth)
    assert found.error < 0.01
    assert [round(each.low, 1) for each in found.bins] == [0.5, 0.6, 0.7, 0.8, 0.9]
    for each in found.bins:
        assert each.right.low <= each.said <= each.right.high or each.examples > 10_000


def test_the_error_is_the_mean_distance_by_examples() -> None:
    """3 of 4 right at 0.95, 0 of 1 at 0.65. Red if bins weigh the same."""
    said = np.array([0.95, 0.95, 0.95, 0.95, 0.65])
    found = calibration(pairs(said), np.array([0, 0, 0, 1, 1]))
    assert found.error == pytest.approx(0.8 * 0.20 + 0.2 * 0.65)
    assert [each.examples for each in found.bins] == [1, 4]


def test_the_edges_of_bins_belong_to_the_lower_one_and_nobody_falls_out() -> None:
    found = calibration(pairs(np.array([0.5, 0.6, 1.0])), np.array([0, 0, 0]))
    assert sum(each.examples for each in found.bins) == 3
    assert [(round(b.low, 1), b.examples) for b in found.bins] == [
        (0.4, 1),
        (0.5, 1),
        (0.9, 1),
    ]
