"""What is promised holds over many draws of the calibration part, and breaks when a count is off by one."""

import numpy as np
import pytest

from training.learning.conformal import fit_sets, raise_threshold
from training.learning.risk_limit import Aim
from triage.errors import GuaranteeRefused, HistoryError
from triage.prediction.guarantees import SetMethod

# Scores that are uniform between 0 and 1 make the true risk of a threshold equal to the threshold itself.


def mean_risk(draws: list[float]) -> tuple[float, float]:
    """The mean and three standard errors of it."""
    return float(np.mean(draws)), 3 * float(np.std(draws)) / len(draws) ** 0.5


def drawn(chance: np.random.Generator, n: int, k: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated probabilities, and labels drawn from them."""
    scores = np.exp(chance.normal(size=(n, k)) * 1.5)
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    truth = (probabilities.cumsum(axis=1) < chance.random((n, 1))).sum(axis=1).clip(0, k - 1)
    return probabilities, truth


def test_on_average_the_share_of_misses_meets_the_bound_and_is_not_far_below():
    chance = np.random.default_rng(1)
    risk, error = mean_risk([raise_threshold(chance.random(99), 0.05).threshold for _ in range(1_000)])
    assert 0.05 - error < risk < 0.05 + error
    assert error < 0.003  # one more miss in 99 would be 0.01


@pytest.mark.parametrize(("m", "bound", "allowed", "violated"), [(149, 0.02, 0, 0.049), (400, 0.05, 12, 0.035)])
def test_with_confidence_the_bound_is_broken_in_no_more_than_the_rest(m, bound, allowed, violated):
    chance = np.random.default_rng(2)
    rules = [raise_threshold(chance.random(m), bound, 0.95) for _ in range(2_000)]
    broken = np.mean([rule.threshold > bound for rule in rules])
    assert {rule.allowed for rule in rules} == {allowed}
    assert broken == pytest.approx(violated, abs=0.015)


def test_the_threshold_is_the_score_of_the_first_miss_that_is_not_allowed():
    scores = np.random.default_rng(3).permutation(np.arange(1, 100) / 100)
    rule = raise_threshold(scores, 0.05)
    assert rule.allowed == 4
    assert rule.threshold == 0.05
    assert (~rule.raises(scores)).sum() == 4


def test_incidents_of_one_score_are_raised_together_or_not_at_all():
    scores = np.repeat([0.1, 0.2, 0.9], [3, 30, 66])
    rule = raise_threshold(scores, 0.05)
    assert rule.threshold == 0.2
    assert rule.raises(scores).sum() == 96


@pytest.mark.parametrize(("confidence", "needed"), [(None, 49), (0.95, 149)])
def test_a_bound_with_too_few_true_p1s_is_refused_with_the_number_that_is_needed(confidence, needed):
    assert raise_threshold(np.linspace(0.2, 1, needed), 0.02, confidence).threshold == 0.2
    with pytest.raises(GuaranteeRefused, match=rf"0\.02.* P1.* {needed} .* there are {needed - 1}") as refused:
        raise_threshold(np.linspace(0.2, 1, needed - 1), 0.02, confidence)
    assert isinstance(refused.value, HistoryError)


@pytest.mark.parametrize("confidence", [None, 0.9, 0.99])
@pytest.mark.parametrize("units", [1, 7, 12, 300])
def test_the_bound_that_a_refusal_offers_is_within_reach_and_hardly_more(units, confidence):
    offered = Aim(0.001, confidence).reachable(units)
    assert Aim(offered, confidence).needed() <= units < Aim(offered - 2e-4, confidence).needed()


def test_no_calibration_incident_at_all_is_refused_and_not_an_accident():
    with pytest.raises(GuaranteeRefused, match="there are 0"):
        raise_threshold(np.empty(0), 0.1)


def test_the_promise_names_all_guarded_labels():
    rule = raise_threshold(np.linspace(0.2, 1, 99), 0.05, labels=("Critical", "High"))
    probabilities = np.array([[0.1, 0.4, 0.5], [0.1, 0.05, 0.85]])
    assert rule.scores(probabilities, ("Critical", "High", "Low")) == pytest.approx([0.5, 0.15])
    assert rule.raises(rule.scores(probabilities, ("Critical", "High", "Low"))).tolist() == [True, False]
    assert any("Critical or High" in line for line in rule.lines())


def test_a_pattern_counts_once_however_often_it_recurred():
    patterns = np.repeat(np.arange(40), 25)
    chance = np.random.default_rng(4)
    draws = [np.repeat(chance.random(40), 25) for _ in range(600)]
    grouped, error = mean_risk([raise_threshold(scores, 0.06, groups=patterns).threshold for scores in draws])
    assert 0.04 < grouped < 0.06 - error
    alone, error = mean_risk([raise_threshold(scores, 0.06).threshold for scores in draws])
    assert alone > 0.06 + error


def test_a_pattern_that_is_missed_in_part_counts_in_part():
    # Three patterns of two incidents lose one each, in all 1.5 units: allowed with 49 units is 0.05 * 50 - 1.
    scores = np.concatenate((np.tile([0.01, 0.9], 3), np.linspace(0.5, 0.9, 92)))
    patterns = np.repeat(np.arange(49), 2)
    rule = raise_threshold(scores, 0.05, groups=patterns)
    assert rule.threshold == 0.5
    assert (rule.units, rule.allowed) == (49, 1)


def test_with_confidence_the_bound_holds_for_patterns_too():
    chance = np.random.default_rng(5)
    patterns = np.repeat(np.arange(250), 2)
    rules = [raise_threshold(np.repeat(chance.random(250), 2), 0.05, 0.95, groups=patterns) for _ in range(500)]
    assert np.mean([rule.threshold > 0.05 for rule in rules]) <= 0.05
    assert rules[0].allowed >= 3


def test_patterns_of_one_incident_are_the_same_as_none():
    scores = np.random.default_rng(6).random(300)
    for confidence in (None, 0.9):
        alone = raise_threshold(scores, 0.05, confidence)
        grouped = raise_threshold(scores, 0.05, confidence, groups=np.arange(300))
        assert (grouped.threshold, grouped.allowed) == (alone.threshold, alone.allowed)


@pytest.mark.parametrize("method", ["lac", "aps", "raps"])
def test_sets_cover_as_often_as_was_asked(method: SetMethod):
    chance = np.random.default_rng(7)
    covered = []
    for _ in range(400):
        probabilities, truth = drawn(chance, 99 + 200)
        rule = fit_sets(probabilities[:99], truth[:99], 0.9, method)
        covered.append(rule.sets(probabilities[99:])[np.arange(200), truth[99:]].mean())
    share, error = mean_risk(covered)
    assert 0.9 - error < share < 0.92
    assert error < 0.007


def test_the_limit_is_the_smallest_score_that_enough_incidents_keep_within():
    truth = np.zeros(99, dtype=np.int64)
    first = np.random.default_rng(8).permutation(np.arange(1, 100) / 100)
    rule = fit_sets(np.stack((first, 1 - first), axis=1), truth, 0.9)
    assert rule.limits == pytest.approx((0.9,))
    assert rule.allowed == 9
    assert (first < 0.1 - 1e-12).sum() == 9


def test_with_confidence_coverage_falls_short_in_no_more_than_the_rest():
    chance = np.random.default_rng(9)
    short = []
    for _ in range(300):
        probabilities, truth = drawn(chance, 300, k=4)
        # With k = 4 and lac the coverage of a limit is known from a large sample drawn once.
        short.append(fit_sets(probabilities, truth, 0.9, confidence=0.95).limits[0])
    probabilities, truth = drawn(np.random.default_rng(10), 200_000, k=4)
    needed = np.quantile(1 - probabilities[np.arange(len(truth)), truth], 0.9)
    assert 0.01 < np.mean(np.array(short) < needed) < 0.07


def test_labels_that_the_head_does_not_know_are_allowed_for():
    chance = np.random.default_rng(11)
    covered = []
    for _ in range(400):
        probabilities, truth = drawn(chance, 99 + 200)
        truth[chance.random(len(truth)) < 0.03] = -1
        rule = fit_sets(probabilities[:99], truth[:99], 0.9)
        inside = rule.sets(probabilities[99:])[np.arange(200), truth[99:]]
        covered.append((inside & (truth[99:] >= 0)).mean())
    share, error = mean_risk(covered)
    assert 0.9 - error < share < 0.92


def test_more_unknown_labels_than_there_is_room_for_are_refused():
    probabilities, truth = drawn(np.random.default_rng(12), 100)
    truth[:11] = -1
    with pytest.raises(GuaranteeRefused, match=r"11\.0% of the 100 calibration incidents"):
        fit_sets(probabilities, truth, 0.9)


def test_coverage_with_too_few_incidents_is_refused_with_the_number_that_is_needed():
    probabilities, truth = drawn(np.random.default_rng(13), 19)
    assert fit_sets(probabilities, truth, 0.95).limits[0] > 0
    with pytest.raises(GuaranteeRefused, match=r"at least 19 .* there are 18.* coverage of 0\.947"):
        fit_sets(probabilities[:18], truth[:18], 0.95)


def test_by_class_a_hard_label_is_covered_too():
    chance = np.random.default_rng(14)
    truth = (chance.random(4_000) < 0.1).astype(np.int64)
    # The head is sure of label 0, and hardly sees label 1.
    second = np.where(truth == 1, chance.random(4_000) * 0.5, chance.random(4_000) * 0.2)
    probabilities = np.stack((1 - second, second), axis=1)
    hard = truth[2_000:] == 1
    for by_class, low, high in ((False, 0.0, 0.8), (True, 0.86, 0.94)):
        rule = fit_sets(probabilities[:2_000], truth[:2_000], 0.9, by_class=by_class)
        assert low <= rule.sets(probabilities[2_000:])[hard, 1].mean() <= high


def test_by_class_small_labels_share_one_limit_with_the_smallest_large_one():
    chance = np.random.default_rng(15)
    truth = np.repeat([0, 1, 2, 3], [100, 60, 4, 3])
    probabilities = chance.dirichlet(np.ones(5), len(truth))  # the fifth label has no calibration incident
    limits = fit_sets(probabilities, truth, 0.9, by_class=True).limits
    assert limits[1] == limits[2] == limits[3] == limits[4] != limits[0]
    truth = np.repeat([0, 1, 2, 3], [100, 60, 6, 4])
    limits = fit_sets(chance.dirichlet(np.ones(5), len(truth)), truth, 0.9, by_class=True).limits
    assert limits[2] == limits[3] == limits[4]
    assert len(set(limits)) == 3


def test_by_class_the_expected_losses_are_those_of_every_limit_and_of_unknown_labels():
    chance = np.random.default_rng(18)
    truth = np.repeat([0, 1, -1], [99, 49, 7])
    rule = fit_sets(chance.dirichlet(np.ones(2), len(truth)), truth, 0.9, by_class=True)
    # Nine of 99 and four of 49 may be lost, and the next of each lies at its limit; all seven are always lost.
    assert (rule.units, rule.allowed + 1) == (99 + 49 + 7, 10 + 5 + 7)


def test_a_long_history_is_judged_by_its_own_scores_to_the_last_row():
    chance = np.random.default_rng(19)
    probabilities, truth = drawn(chance, 20_000)
    limit = fit_sets(probabilities, truth, 0.9).limits[0]
    assert np.mean(1 - probabilities[np.arange(20_000), truth] <= limit) == pytest.approx(0.9, abs=1e-4)


def test_by_class_holds_whatever_the_labels_sizes():
    chance = np.random.default_rng(16)
    shares = np.array([0.6, 0.3, 0.06, 0.04])
    covered: list[list[float]] = [[], []]
    for _ in range(300):
        truth = chance.choice(4, p=shares, size=400 + 400)
        probabilities = chance.dirichlet(np.ones(4), 800)
        rule = fit_sets(probabilities[:400], truth[:400], 0.9, by_class=True)
        inside = rule.sets(probabilities[400:])[np.arange(400), truth[400:]]
        covered[0].append(inside[truth[400:] == 0].mean())
        covered[1].append(inside.mean())
    for shares_of in covered:
        share, error = mean_risk(shares_of)
        assert 0.9 - error < share < 0.93


def test_sets_of_patterns_count_a_pattern_once():
    chance = np.random.default_rng(17)
    probabilities, truth = drawn(chance, 40)
    often = np.where(np.arange(40) == 5, 500, 1)
    patterns = np.repeat(np.arange(40), often)
    rule = fit_sets(np.repeat(probabilities, often, axis=0), np.repeat(truth, often), 0.9, "aps", patterns)
    assert rule.limits == fit_sets(probabilities, truth, 0.9, "aps").limits
    assert (rule.units, rule.by_pattern) == (40, True)


@pytest.mark.parametrize(("bound", "confidence"), [(0.0, None), (1.0, None), (2.0, None), (0.1, 1.0), (0.1, 0.0)])
def test_shares_that_are_none_are_refused(bound: float, confidence: float | None):
    with pytest.raises(ValueError, match="between 0 and 1"):
        raise_threshold(np.ones(99), bound, confidence)


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="finite"):
        raise_threshold(np.array([0.1, np.nan] * 50), 0.1)
    with pytest.raises(ValueError, match="finite"):
        fit_sets(np.full((50, 2), np.nan), np.zeros(50, dtype=np.int64), 0.9)
