from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from training.evaluation.periods import periods
from training.learning.judged import Judged

Draw = Callable[..., Judged]


def fading(draw: Draw, n: int = 1_000) -> Judged:
    """From the middle on, more and more conclusions are wrong while confidence stays."""
    judged = draw(n)
    spoiled = np.random.default_rng(1).random(n) < np.clip(np.arange(n) / n - 0.4, 0, None)
    truth = np.where(spoiled, (judged.chosen + 1) % 4, judged.truth)
    return draw(n, truth=truth)


def test_periods_follow_each_other_and_hold_every_dated_row(draw: Draw):
    moments = np.datetime64("2025-01-01", "s") + np.random.default_rng(1).permutation(400) * 3_600
    moments[:25] = np.datetime64("NaT")
    found, drift = periods(draw(400, moments=moments))
    assert drift is not None
    assert len(found) == 10
    assert sum(one.rows for one in found) == 375
    assert all(one.last_at < other.first_at for one, other in pairwise(found))
    assert found[0].first_at >= datetime(2025, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(("n", "expected"), [(59, 0), (60, 2), (150, 5), (3_000, 10)])
def test_every_period_has_thirty_rows_or_there_are_fewer(draw: Draw, n: int, expected: int):
    found, drift = periods(draw(n))
    assert len(found) == expected
    assert (drift is None) == (expected == 0)


def test_without_dates_there_are_no_periods(draw: Draw):
    assert periods(draw(400, moments=None)) == ((), None)
    assert periods(draw(400, moments=np.full(400, "NaT", dtype="datetime64[s]"))) == ((), None)


def test_a_steady_head_raises_no_alarm(draw: Draw):
    alarms = [periods(draw(600, seed=seed))[1] for seed in range(30)]
    assert sum(drift is not None and drift.alarm for drift in alarms) <= 2


def test_a_fading_head_raises_the_alarm_and_says_why(draw: Draw):
    _, drift = periods(fading(draw))
    assert drift is not None
    assert len(drift.reasons) == 3
    assert drift.accuracy_change < -0.2
    assert drift.accuracy_p < 0.001


def test_harder_rows_said_with_less_confidence_are_no_gap(draw: Draw):
    """Truths drawn from flatter and flatter probabilities: accuracy falls, but confidence falls with it."""
    chance = np.random.default_rng(5)
    scores = chance.normal(size=(2_000, 4)) * np.linspace(4, 1, 2_000)[:, None]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    truth = (probabilities.cumsum(axis=1) < chance.random((2_000, 1))).sum(axis=1).clip(0, 3)
    _, drift = periods(draw(2_000, probabilities=probabilities, truth=truth, chosen=probabilities.argmax(axis=1)))
    assert drift is not None
    assert len(drift.reasons) == 1
    assert "accuracy falls" in drift.reasons[0]


def test_rows_of_one_pattern_are_not_taken_for_many_proofs(draw: Draw):
    """One storm of copies, wrong together at the end, is one mistake and no trend."""
    judged = draw(600, moments=np.datetime64("2025-01-01", "s") + np.arange(600))
    truth = judged.truth.copy()
    truth[570:] = (judged.chosen[570:] + 1) % 4
    groups = np.where(np.arange(600) >= 570, 570, np.arange(600))
    alone, storm = draw(600, truth=truth), draw(600, truth=truth, groups=groups)
    surest, less_sure = periods(alone)[1], periods(storm)[1]
    assert surest is not None
    assert less_sure is not None
    assert surest.accuracy_p < less_sure.accuracy_p
