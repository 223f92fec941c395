import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import binom

from training.learning.calibration import TOLERATED, choose_doubt, choose_thresholds
from triage.prediction.conclusion import Conclusion, Thresholds

NAMES = ("a", "b", "c")


def choose(
    probabilities: np.ndarray,
    labels: np.ndarray,
    *,
    precision: float = 0.9,
    confidence: float = 0.9,
    own_rows: int = 30,
) -> Thresholds:
    return choose_thresholds(
        probabilities, labels, NAMES, precision=precision, confidence=confidence, own_rows=own_rows
    )


def acts(thresholds: Thresholds, probabilities: np.ndarray) -> np.ndarray:
    return Conclusion(thresholds=thresholds).acts(probabilities, NAMES)


def drawn(n: int = 4_000, seed: int = 11) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and labels drawn from them."""
    chance = np.random.default_rng(seed)
    probabilities = softmax(chance.normal(size=(n, 3)) * 2, axis=1)
    labels = (probabilities.cumsum(axis=1) < chance.random((n, 1))).sum(axis=1)
    return probabilities, labels


def sure_of(label: int, certain: list[float]) -> np.ndarray:
    """Rows that suggest ``label`` with these probabilities."""
    rows = np.full((len(certain), 3), 0.0)
    rows[:, :] = (1 - np.array(certain))[:, None] / 2
    rows[:, label] = certain
    return rows


def test_above_the_threshold_the_wanted_precision_is_reached_and_by_no_label_missed_by_much():
    probabilities, labels = drawn()
    acting = acts(choose(probabilities, labels), probabilities)
    suggested = probabilities.argmax(axis=1)
    assert 0.1 < acting.mean() < 1.0
    assert (labels == suggested)[acting].mean() >= 0.9
    for at in range(3):
        assert (labels[acting & (suggested == at)] == at).mean() >= 0.9 - TOLERATED


def test_the_precision_holds_on_other_rows_as_often_as_the_confidence_says():
    """Each threshold from 300 rows, held against 20,000 others."""
    others, truth = drawn(20_000, seed=1)
    right = others.argmax(axis=1) == truth
    kept = []
    for seed in range(40):
        acting = acts(choose(*drawn(300, seed=100 + seed), own_rows=100), others)
        if acting.any():
            kept.append(right[acting].mean() >= 0.89)
    assert len(kept) > 20
    assert np.mean(kept) >= 0.8


def test_the_threshold_is_the_least_whose_lower_bound_is_high_enough():
    right = np.array([1] * 40 + [0, 1, 1, 0, 1, 0, 0, 1, 0, 0])
    certain = np.linspace(0.99, 0.5, len(right))
    probabilities, labels = sure_of(0, certain.tolist()), np.where(right == 1, 0, 1)
    found = choose(probabilities, labels).general

    def lower_bound_is_high_enough(many: int) -> bool:
        """Were the precision only 0.9, so many hits would come up in less than a tenth of all draws."""
        hits = int(right[:many].sum())
        return bool(binom.sf(hits - 1, many, 0.9) <= 0.1)

    least = max(many for many in range(1, 51) if lower_bound_is_high_enough(many))
    assert found == pytest.approx(certain[least - 1])


def test_a_greater_confidence_asks_for_more_rows_and_never_for_less_probability():
    probabilities, labels = sure_of(0, [0.9] * 30), np.zeros(30, dtype=np.int64)
    assert choose(probabilities, labels, confidence=0.9).of("a") is not None
    assert choose(probabilities, labels, confidence=0.99).of("a") is None
    probabilities, labels = drawn()
    loose, strict = (choose(probabilities, labels, confidence=c) for c in (0.6, 0.99))
    assert all(strict.limits(NAMES) >= loose.limits(NAMES))


def test_a_precision_that_is_out_of_reach_gives_no_threshold_and_abstains_always():
    probabilities = np.tile([0.5, 0.3, 0.2], (50, 1))
    thresholds = choose(probabilities, np.tile([0, 1], 25))
    assert thresholds.of("a") is None
    assert not acts(thresholds, probabilities).any()


def test_all_labels_share_a_threshold_so_that_those_with_few_suggestions_have_one():
    probabilities = np.concatenate([sure_of(0, [0.95] * 20), sure_of(1, [0.9] * 20), sure_of(2, [0.6] * 20)])
    thresholds = choose(probabilities, np.repeat([0, 1, 0, 2], [20, 20, 19, 1]))
    assert thresholds.by_label == {}
    assert thresholds.general == pytest.approx(0.9)
    assert thresholds.of("a") == thresholds.of("b") == thresholds.of("c") == thresholds.general


def test_a_label_that_was_never_put_to_the_test_never_acts():
    thresholds = choose(sure_of(0, [0.95] * 60), np.zeros(60, dtype=np.int64))
    # None of those that were seen was wrong, so that calibration speaks for what lies below them.
    assert thresholds.of("a") == 0.9
    assert thresholds.by_label == {"b": None, "c": None}


def test_what_is_concluded_is_what_must_be_right():
    probabilities, labels = sure_of(0, [0.95] * 60), np.ones(60, dtype=np.int64)

    def found(concluded: np.ndarray) -> float | None:
        return choose_thresholds(
            probabilities, labels, NAMES, precision=0.9, confidence=0.9, own_rows=30, concluded=concluded
        ).general

    assert found(np.zeros(60, dtype=np.int64)) is None
    assert found(np.ones(60, dtype=np.int64)) == 0.9


def one_that_hides(wrong: int) -> tuple[np.ndarray, np.ndarray]:
    """900 right suggestions of one label, and 60 as sure of another, of which the less sure half holds ``wrong``
    wrong ones."""
    probabilities = np.concatenate([sure_of(0, [0.95] * 900), sure_of(1, [0.98] * 30 + [0.95] * 30)])
    return probabilities, np.repeat([0, 1, 2], [900, 60 - wrong, wrong])


def test_a_label_that_is_often_wrong_does_not_hide_behind_the_others():
    thresholds = choose(*one_that_hides(wrong=20))
    assert thresholds.general == 0.9
    assert thresholds.by_label == {"b": pytest.approx(0.98)}


def test_a_label_that_falls_short_by_little_keeps_the_threshold_of_all():
    assert choose(*one_that_hides(wrong=8)).by_label == {}


def test_a_label_that_is_always_wrong_never_acts():
    probabilities = np.concatenate([sure_of(0, [0.95] * 900), sure_of(1, [0.95] * 40), sure_of(2, [0.5])])
    thresholds = choose(probabilities, np.repeat([0, 2, 1], [900, 40, 1]))
    assert thresholds.by_label == {"b": None}
    assert thresholds.general is not None


def test_too_few_suggestions_do_not_set_a_label_apart():
    probabilities = np.concatenate([sure_of(0, [0.95] * 900), sure_of(1, [0.95] * 29)])
    assert choose(probabilities, np.repeat([0, 2, 1], [900, 28, 1])).by_label == {}


@pytest.mark.parametrize(("rows", "has_one"), [(29, False), (30, True)])
def test_of_too_few_suggestions_in_all_there_is_no_threshold(rows: int, has_one: bool):
    found = choose(sure_of(0, [0.99] * rows), np.zeros(rows, dtype=np.int64)).general
    assert (found is not None) == has_one


def test_equal_probabilities_stand_or_fall_together():
    probabilities = sure_of(0, [0.6] * 100)
    assert choose(probabilities, np.repeat([0, 1], 50)).of("a") is None


def test_a_label_the_head_does_not_know_counts_as_wrong():
    probabilities = sure_of(0, [0.9] * 60)
    assert choose(probabilities, np.zeros(60, dtype=np.int64)).of("a") is not None
    assert choose(probabilities, np.full(60, -1)).of("a") is None


def test_no_held_out_rows_give_no_threshold():
    thresholds = choose(np.zeros((0, 3)), np.zeros(0, dtype=np.int64))
    assert [thresholds.of(name) for name in NAMES] == [None, None, None]


def doubted(probabilities: np.ndarray, labels: np.ndarray, assigned: np.ndarray) -> float | None:
    return choose_doubt(probabilities, labels, assigned, precision=0.8, confidence=0.9, own_rows=30)


def wrongly_assigned(right: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A hundred rows assigned to the second label with another on top; of the fifty where the second is not quite
    so improbable, ``right`` were rightly so."""
    of_second = np.repeat([0.02, 0.2], 50)
    probabilities = np.stack([0.98 - of_second, of_second, np.full(100, 0.02)], axis=1)
    labels = np.repeat([0, 1], [100 - right, right])
    return probabilities, labels, np.ones(100, dtype=np.int64)


@pytest.mark.parametrize(("newest", "expected"), [(60, 0.8), (20, 0.98)])
def test_the_newest_rows_alone_choose_the_doubt_where_they_are_enough(newest: int, expected: float):
    probabilities, labels, assigned = wrongly_assigned(right=40)
    # Another hundred, of which everyone was wrongly assigned: some of them are the newest.
    later = wrongly_assigned(right=0)
    both = [np.concatenate(pair) for pair in zip((probabilities, labels, assigned), later, strict=True)]
    recent = np.arange(200) >= 200 - newest
    found = choose_doubt(*both, precision=0.8, confidence=0.9, own_rows=30, newest=recent)
    assert found == pytest.approx(expected)


def test_an_assigned_team_is_doubted_from_where_it_was_wrong_often_enough():
    assert doubted(*wrongly_assigned(right=5)) == pytest.approx(0.8)
    assert doubted(*wrongly_assigned(right=40)) == pytest.approx(0.98)


def test_teams_that_were_nearly_always_right_are_never_doubted():
    probabilities, _, assigned = wrongly_assigned(right=5)
    assert doubted(probabilities, assigned, assigned) is None


def test_assignments_that_are_unknown_or_agree_say_nothing_of_doubt():
    probabilities, labels, assigned = wrongly_assigned(right=5)
    assert doubted(probabilities, labels, np.full(100, -1)) is None
    assert doubted(probabilities, np.full(100, 2), np.zeros(100, dtype=np.int64)) is None
    few = np.where(np.arange(100) < 29, assigned, -1)
    assert doubted(probabilities, labels, few) is None
