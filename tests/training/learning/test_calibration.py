import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import binom

from training.learning.calibration import choose_thresholds
from triage.prediction.conclusion import Conclusion, Thresholds

NAMES = ("a", "b", "c")


def choose(
    probabilities: np.ndarray,
    labels: np.ndarray,
    *,
    precision: float = 0.9,
    confidence: float = 0.9,
    own_rows: int = 30,
    periods: np.ndarray | None = None,
) -> Thresholds:
    return choose_thresholds(
        probabilities,
        labels,
        NAMES,
        precision=precision,
        confidence=confidence,
        own_rows=own_rows,
        periods=periods,
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


def test_above_the_threshold_the_wanted_precision_is_reached_for_every_label():
    probabilities, labels = drawn()
    acting = acts(choose(probabilities, labels), probabilities)
    suggested = probabilities.argmax(axis=1)
    assert 0.1 < acting.mean() < 1.0
    for at in range(3):
        assert (labels[acting & (suggested == at)] == at).mean() >= 0.9


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
    found = choose(probabilities, labels, own_rows=10).of("a")

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


def test_labels_with_few_suggestions_share_a_threshold_that_no_other_label_moves():
    few = [sure_of(0, [0.95] * 20), sure_of(1, [0.9] * 20)]
    probabilities = np.concatenate([*few, sure_of(2, [0.8] * 60)])
    labels = np.repeat([0, 1, 0], [20, 20, 60])
    thresholds = choose(probabilities, labels)
    assert thresholds.by_label == {"c": None}
    assert thresholds.general == pytest.approx(0.9)
    assert thresholds.of("a") == thresholds.of("b") == thresholds.general


def test_small_labels_that_are_too_few_together_have_no_threshold():
    probabilities = np.concatenate([sure_of(0, [0.99] * 29), sure_of(1, [0.99] * 60)])
    thresholds = choose(probabilities, np.repeat([0, 1], [29, 60]))
    assert thresholds.of("a") is None
    assert thresholds.of("b") is not None


def test_what_held_on_average_but_not_in_the_last_period_is_no_threshold():
    certain = [0.99] * 200 + [0.9] * 50
    probabilities = sure_of(0, certain)
    labels = np.repeat([0, 1, 0], [200, 8, 42])
    periods = np.repeat([0, 1], [200, 50])
    assert choose(probabilities, labels).of("a") == pytest.approx(0.9)
    assert choose(probabilities, labels, periods=periods).of("a") == pytest.approx(0.99)


def test_a_period_of_too_few_suggestions_has_no_say():
    probabilities = sure_of(0, [0.99] * 200 + [0.9] * 29)
    labels = np.repeat([0, 1, 0], [200, 5, 24])
    assert choose(probabilities, labels, periods=np.repeat([0, 1], [200, 29])).of("a") == pytest.approx(0.9)


def test_equal_probabilities_stand_or_fall_together():
    probabilities = sure_of(0, [0.6] * 100)
    assert choose(probabilities, np.repeat([0, 1], 50)).of("a") is None


def test_a_label_the_head_does_not_know_counts_as_wrong():
    probabilities = sure_of(0, [0.9] * 60)
    assert choose(probabilities, np.zeros(60, dtype=np.int64)).of("a") is not None
    assert choose(probabilities, np.full(60, -1)).of("a") is None


def test_no_held_out_rows_give_no_threshold():
    thresholds = choose(np.zeros((0, 3)), np.zeros(0, dtype=np.int64))
    assert (thresholds.general, thresholds.by_label) == (None, {})
