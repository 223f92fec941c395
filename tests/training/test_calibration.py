import numpy as np
import pytest

from training.learning.calibration import abstains, calibration_error, choose_thresholds, fit_temperature, softmax
from triage.prediction.head import Thresholds

NAMES = ("a", "b", "c")


def drawn(temperature: float, n: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and labels drawn from the softmax of the scores at this temperature."""
    chance = np.random.default_rng(11)
    scores = chance.normal(size=(n, 3)) * 3
    probabilities = softmax(scores, temperature)
    labels = (probabilities.cumsum(axis=1) < chance.random((n, 1))).sum(axis=1)
    return scores, labels


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_the_temperature_that_labels_were_drawn_at_is_found_again(temperature: float):
    scores, labels = drawn(temperature)
    assert fit_temperature(scores, labels) == pytest.approx(temperature, rel=0.1)


def test_calibrated_probabilities_have_less_error_than_the_raw_ones():
    scores, labels = drawn(4.0)
    calibrated = softmax(scores, fit_temperature(scores, labels))
    assert calibration_error(calibrated, labels) < 0.03 < calibration_error(softmax(scores, 1.0), labels)


def test_scores_that_are_always_right_do_not_make_the_temperature_run_away():
    scores = np.eye(3)[[0, 1, 2] * 5] * 2
    assert 0.0 < fit_temperature(scores, scores.argmax(axis=1)) < 1.0


def test_above_the_threshold_the_wanted_precision_is_reached():
    scores, labels = drawn(2.0)
    probabilities = softmax(scores, 2.0)
    thresholds = choose_thresholds(probabilities, labels, NAMES, 0.9)
    acting = ~abstains(probabilities, NAMES, thresholds)
    right = probabilities.argmax(axis=1) == labels
    assert 0.1 < acting.mean() < 1.0
    assert right[acting].mean() >= 0.9
    for at in range(3):
        of_label = acting & (probabilities.argmax(axis=1) == at)
        assert right[of_label].mean() >= 0.9


def test_a_precision_that_is_out_of_reach_gives_no_threshold_and_abstains_always():
    probabilities = np.tile([0.5, 0.3, 0.2], (50, 1))
    labels = np.tile([0, 1], 25)
    thresholds = choose_thresholds(probabilities, labels, NAMES, 0.9)
    assert thresholds.of("a") is None
    assert abstains(probabilities, NAMES, thresholds).all()


def test_a_label_with_few_suggestions_uses_the_threshold_of_all():
    thresholds = Thresholds(precision=0.9, general=0.7, by_label={"a": None})
    assert thresholds.of("a") is None
    assert thresholds.of("b") == 0.7


def test_a_handful_of_right_suggestions_is_not_enough_for_a_threshold():
    probabilities = np.tile([0.9, 0.05, 0.05], (5, 1))
    assert choose_thresholds(probabilities, np.zeros(5, dtype=np.int64), NAMES, 0.9).general is None


def test_equal_probabilities_stand_or_fall_together():
    probabilities = np.tile([0.6, 0.4, 0.0], (100, 1))
    labels = np.array([0] * 50 + [1] * 50)
    assert choose_thresholds(probabilities, labels, NAMES, 0.9).general is None
