from collections.abc import Callable

import numpy as np
import pytest

from training.evaluation.measures import measure
from training.evaluation.reliability import bins_of, perfect_floor
from training.learning.judged import Judged

Draw = Callable[..., Judged]


def test_bins_are_equally_filled_and_in_order_of_confidence():
    confidence = np.random.default_rng(1).random(1_000)
    bins = bins_of(confidence)
    assert sorted(np.bincount(bins).tolist()) == [66] * 5 + [67] * 10
    assert (np.diff(bins[np.argsort(confidence)]) >= 0).all()


def test_few_rows_make_fewer_bins_of_twenty_or_more():
    assert [len(np.unique(bins_of(np.random.default_rng(1).random(n)))) for n in (1, 19, 60, 5_000)] == [
        1,
        1,
        3,
        15,
    ]


def test_equal_confidences_are_in_one_bin_whatever_the_order():
    confidence = np.repeat([0.5, 0.9], [50, 450])
    bins = bins_of(confidence)
    assert [len(np.unique(bins[confidence == value])) for value in (0.5, 0.9)] == [1, 1]
    assert bins.max() == len(np.unique(bins)) - 1
    shuffled = np.random.default_rng(2).permutation(500)
    assert (bins_of(confidence[shuffled]) == bins[shuffled]).all()


def test_the_error_is_the_mean_gap_of_fifteen_equally_filled_bins(draw: Draw):
    judged = draw(900)
    order = np.argsort(judged.confidence)
    gaps = [judged.confidence[part].mean() - judged.right[part].mean() for part in np.split(order, 15)]
    assert measure(judged, seed=1, repetitions=50).calibration.error.value == pytest.approx(np.abs(gaps).mean())


@pytest.mark.parametrize("n", [100, 800, 5_000])
def test_a_calibrated_head_stays_under_the_floor_of_a_perfect_one(draw: Draw, n: int):
    """The floor is a 95th percentile, so a few of these are above it by chance alone."""
    found = [measure(draw(n, seed=seed), seed=1, repetitions=300).calibration for seed in range(12)]
    assert sum(one.error.value <= one.floor for one in found) >= 9
    assert sum(one.near_floor for one in found) >= 10


def test_the_floor_falls_with_the_root_of_the_rows():
    confidence = np.random.default_rng(1).uniform(0.4, 1.0, 16_000)
    few, many = (perfect_floor(c, bins_of(c), seed=1, repetitions=200) for c in (confidence[:1_000], confidence))
    assert few / many == pytest.approx(4.0, rel=0.25)


def test_a_head_that_says_too_much_is_well_above_the_floor(draw: Draw):
    found = measure(draw(2_000, tempering=0.4), seed=1, repetitions=200).calibration
    assert not found.near_floor
    assert found.error.low > found.floor
    assert found.confidence > found.accuracy


@pytest.mark.parametrize("tempering", [0.5, 1.0])
def test_the_interval_holds_the_error_that_other_samples_show(draw: Draw, tempering: float):
    """Of a calibrated head too, where a plain bootstrap lies above the error itself."""
    samples = [draw(500, seed=seed, tempering=tempering) for seed in range(40)]
    errors = [measure(judged, seed=1, repetitions=100).calibration.error for judged in samples]
    expected = np.mean([error.value for error in errors])
    assert sum(error.low <= expected <= error.high for error in errors) >= 34
    assert all(error.low <= error.value <= error.high for error in errors)
