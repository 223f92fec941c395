from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from training.evaluation.intervals import (
    clopper_pearson,
    compare_judged,
    mcnemar,
    mean_interval,
    paired_difference,
)
from training.evaluation.resampling import Resamples
from training.learning.judged import Judged
from triage.errors import HistoryError

Draw = Callable[..., Judged]


def flags(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.bool_)


@pytest.mark.parametrize("pattern", [1, 5])
def test_an_interval_of_a_mean_holds_the_truth_about_95_times_of_100(pattern: int):
    """Patterns of ``pattern`` rows that are right or wrong together."""
    held = 0
    for seed in range(150):
        right = np.repeat(np.random.default_rng(seed).random(200) < 0.7, pattern)
        groups = np.repeat(np.arange(200), pattern)
        found = mean_interval(right, Resamples(groups, seed=seed, repetitions=300))
        held += found.low <= 0.7 <= found.high
    assert 134 <= held <= 149


def test_drawing_kinds_of_groups_is_drawing_groups():
    chance = np.random.default_rng(4)
    right = chance.random(3_000) < 0.6
    few_kinds = mean_interval(right, Resamples(np.arange(3_000), seed=1, repetitions=2_000))
    many_kinds = mean_interval(
        right + chance.random(3_000) * 1e-9, Resamples(np.arange(3_000), seed=1, repetitions=2_000)
    )
    assert few_kinds.low == pytest.approx(many_kinds.low, abs=0.003)
    assert few_kinds.high == pytest.approx(many_kinds.high, abs=0.003)


def test_sums_of_a_resample_are_of_whole_groups():
    resamples = Resamples(np.array([7, 7, 7, 9]), seed=1, repetitions=50)
    totals = resamples.totals(sparse.csr_array(np.array([[1.0], [1.0], [1.0], [10.0]])))
    assert resamples.groups == 2
    assert set(totals[:, 0]) == {6.0, 13.0, 20.0}


def test_one_group_leaves_nothing_to_resample():
    found = mean_interval(flags(1, 0, 1), Resamples(np.zeros(3, dtype=np.int64), seed=1, repetitions=20))
    assert found.low == found.high == pytest.approx(2 / 3)


def test_the_exact_interval_is_the_published_one():
    found = clopper_pearson(8, 10)
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (0.4439, 0.9748)
    assert clopper_pearson(0, 0) is None


@pytest.mark.parametrize(("hits", "low", "high"), [(0, 0.0, 0.3085), (10, 0.6915, 1.0)])
def test_all_or_nothing_has_a_one_sided_end(hits: int, low: float, high: float):
    found = clopper_pearson(hits, 10)
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_mcnemar_gives_the_binomial_p_of_the_rows_that_changed():
    first, second = flags(1, 1, 0, 0, 0, 0, 0, 0, 1), flags(1, 1, 1, 1, 1, 1, 1, 1, 0)
    exact, mid = mcnemar(first, second)
    assert exact == pytest.approx(2 * (1 + 7) / 2**7)
    assert mid == pytest.approx(exact - 7 / 2**7)


def test_mcnemar_of_no_change_or_an_even_one_is_one():
    same = flags(1, 0, 1)
    assert mcnemar(same, same) == (1.0, 1.0)
    assert mcnemar(flags(1, 0), flags(0, 1)) == pytest.approx((1.0, 1.0))


def test_a_paired_difference_is_surer_than_the_two_figures():
    chance = np.random.default_rng(2)
    first = chance.random(1_000) < 0.6
    second = first | (chance.random(1_000) < 0.05)
    found = paired_difference(first, second, np.arange(1_000), seed=1)
    assert found.value == pytest.approx((second.sum() - first.sum()) / 1_000)
    assert 0 < found.low < found.high < 0.04


def test_a_bundle_beside_itself_is_even_in_everything(draw: Draw):
    judged = draw(300)
    found = compare_judged(judged, judged)
    assert (found.fixed, found.broken, found.p_mid, found.verdict, found.by_label) == (0, 0, 1.0, "even", ())
    assert found.log_loss is not None
    assert {i.value for i in (found.accuracy, found.macro_f1, found.log_loss, found.coverage)} == {0.0}


def test_more_knowledge_is_found_better_and_less_worse(draw: Draw):
    judged = draw(600)
    wrong = judged.right & (np.arange(600) % 5 == 0)
    chosen = np.where(wrong, (judged.chosen + 1) % 4, judged.chosen)
    spoiled = replace(judged, chosen=chosen)
    better, worse = compare_judged(spoiled, judged), compare_judged(judged, spoiled)
    assert (better.verdict, worse.verdict) == ("better", "worse")
    assert (better.fixed, better.broken) == (int(wrong.sum()), 0)
    assert better.accuracy.value == pytest.approx(-worse.accuracy.value)
    assert better.macro_f1.low > 0 > worse.macro_f1.high
    assert better.p_exact < 1e-9
    assert sum(change.fixed for change in better.by_label) == better.fixed


def test_labels_are_matched_by_their_words_and_rows_by_their_ids(certainly: Draw):
    old = certainly([0, 1, 2, 0], [0, 1, 2, 1], labels=("net", "db", "web"), ids=("1", "2", "3", "4"))
    new = certainly([2, 0, 1, 1], [2, 0, 1, 1], labels=("web", "net", "db"), ids=("2", "3", "4", "5"))
    found = compare_judged(old, new)
    assert (found.rows, found.fixed, found.broken) == (3, 1, 0)
    assert found.by_label[0].label == "net"


def test_a_label_only_the_incumbent_knows_is_right_for_the_incumbent(certainly: Draw):
    old = certainly([0, 1], [0, 1], k=2, labels=("net", "old"))
    new = certainly([0, -1], [0, 0], k=1, labels=("net",))
    found = compare_judged(old, new)
    assert (found.fixed, found.broken, found.incumbent_accuracy) == (0, 1, 1.0)


def test_a_label_neither_knows_is_wrong_for_both(certainly: Draw):
    found = compare_judged(certainly([-1], [0]), certainly([-1], [1]))
    assert (found.incumbent_accuracy, found.candidate_accuracy, found.log_loss) == (0.0, 0.0, None)


def test_costs_are_those_of_the_candidate(certainly: Draw):
    costs = np.array([[0.0, 10.0], [1.0, 0.0]])
    old = certainly([0, 1], [1, 1], k=2, labels=("high", "low"))
    new = certainly([0, 1], [0, 0], k=2, labels=("high", "low"), costs=costs)
    cost = compare_judged(old, new).cost
    assert cost is not None
    assert cost.value == pytest.approx((1.0 - 10.0) / 2)


def test_different_rows_cannot_be_compared(certainly: Draw):
    with pytest.raises(HistoryError, match="different rows"):
        compare_judged(certainly([0], [0], ids=("1",)), certainly([0], [0], ids=("2",)))
