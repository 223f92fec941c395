"""What became of the promises on later incidents, and when the alarm that they no longer hold goes off."""

import json

import numpy as np
import pytest
from scipy.stats import betabinom

from training.evaluation.drift_alarm import holm, tail, watch
from training.evaluation.realised import miss_figures, raised_ranks, realised, remeasured
from training.evaluation.realised_sets import realised_sets
from training.learning.conformal import fit_sets, raise_threshold
from triage.prediction.guarantees import RaiseRule

START = np.datetime64("2026-01-01T00:00:00", "s")


def days(n: int) -> np.ndarray:
    return START + np.arange(n) * np.timedelta64(1, "D")


def rule_at(threshold: float, units: int = 199, allowed: int = 9) -> RaiseRule:
    return RaiseRule(
        labels=("P1",),
        threshold=threshold,
        bound=0.05,
        confidence=None,
        units=units,
        allowed=allowed,
        by_pattern=False,
    )


def test_misses_and_their_price_are_counted_before_and_after_raising():
    truth = np.array([1, 1, 1, 1, 2, 3, 3, 5])
    decided = np.array([1, 2, 3, 3, 1, 2, 3, 4])
    scores = np.array([0.9, 0.6, 0.5, 0.1, 0.8, 0.7, 0.2, 0.0])
    found = realised(rule_at(0.5), truth, decided, scores)
    assert (found.before.missed, found.before.decided, found.before.unneeded) == (3, 2, 1)
    after = found.after.figures
    assert (after.incidents, after.urgent, after.missed, after.decided, after.unneeded) == (8, 4, 1, 5, 2)
    assert (after.miss_share, after.decided_share, after.unneeded_share) == (0.25, 0.625, 0.5)
    assert after.interval is not None
    # 1 of 4 in Clopper and Pearson's tables: 0.0063 to 0.8059.
    assert (after.interval.low, after.interval.high) == pytest.approx((0.0063, 0.8059), abs=1e-4)


def test_an_incident_that_was_urgent_anyway_stays_urgent_below_the_threshold():
    found = realised(rule_at(0.5), np.array([1, 1]), np.array([1, 1]), np.array([0.0, 0.9]))
    assert found.after.figures.missed == 0


def test_raising_to_the_second_priority_lowers_no_first():
    truth, decided, scores = np.array([1, 2, 3]), np.array([1, 3, 3]), np.array([0.9, 0.9, 0.1])
    assert raised_ranks(rule_at(0.5), decided, scores, urgent=2).tolist() == [1, 2, 3]
    found = realised(rule_at(0.5), truth, decided, scores, urgent=2)
    assert (found.before.missed, found.after.figures.missed, found.after.figures.decided) == (1, 0, 2)


def test_rules_that_lower_what_was_raised_show_when_it_is_measured_again():
    chance = np.random.default_rng(1)
    truth = np.where(chance.random(4_000) < 0.3, 1, 3)
    scores = np.where(truth == 1, chance.random(4_000), chance.random(4_000) * 0.3)
    rule = raise_threshold(scores[:2_000][truth[:2_000] == 1], 0.05)
    truth, scores = truth[2_000:], scores[2_000:]
    kept = remeasured(rule, truth, np.where(rule.raises(scores), 1, 3), moments=days(2_000))
    assert kept.figures.miss_share < 0.08
    assert not kept.watch.alarm
    lowered = remeasured(rule, truth, np.where(scores > 0.2, 1, 3), moments=days(2_000))
    assert lowered.figures.miss_share > 0.15
    assert lowered.watch.alarm


def test_misses_are_averaged_over_patterns_too():
    truth = np.ones(5, dtype=np.int64)
    figures = miss_figures(truth, np.array([2, 2, 2, 1, 1]), groups=np.array([7, 7, 7, 8, 9]))
    assert figures.miss_share == 0.6
    assert figures.pattern_miss == pytest.approx(1 / 3)


def test_a_test_part_without_an_urgent_incident_says_so():
    found = realised(rule_at(0.5), np.array([3, 3]), np.array([3, 3]), np.array([0.1, 0.9]), moments=days(2))
    assert found.after.figures.interval is None
    assert "no case" in "\n".join(found.lines())
    assert not found.after.watch.alarm


@pytest.mark.parametrize(("cases", "units", "allowed"), [(40, 49, 0), (400, 199, 9), (7, 1_000, 49)])
def test_the_chance_of_so_many_losses_is_that_of_the_beta_binomial_law(cases: int, units: int, allowed: int):
    for lost in range(0, cases + 1, max(1, cases // 7)):
        expected = betabinom.sf(lost - 1, cases, allowed + 1, units - allowed)
        assert tail(lost, cases, units, allowed) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_losses_of_one_threshold_follow_that_law():
    chance = np.random.default_rng(2)
    rules = [raise_threshold(chance.random(99), 0.05) for _ in range(2_000)]
    lost = np.array([int((~rule.raises(chance.random(60))).sum()) for rule in rules])
    for at_least in (1, 3, 6, 10):
        assert np.mean(lost >= at_least) == pytest.approx(tail(at_least, 60, 99, 4), abs=0.03)


def test_holm_rejects_step_by_step_and_stops_at_the_first_that_stands():
    assert holm(np.array([0.004, 0.0001, 0.6, 0.003]), 0.01).tolist() == [True, True, False, True]
    assert holm(np.array([0.006, 0.0001, 0.6, 0.006]), 0.01).tolist() == [False, True, False, False]
    assert holm(np.array([0.0026, 0.0026, 0.0026, 0.0026]), 0.01).tolist() == [False] * 4


def test_without_drift_there_is_hardly_ever_an_alarm_though_the_calibration_part_was_small():
    chance = np.random.default_rng(3)
    moments = days(300)
    alarms = 0
    for _ in range(600):
        rule = raise_threshold(chance.random(49), 0.02)
        lost = ~rule.raises(chance.random(300))
        alarms += watch(lost, units=rule.units, allowed=rule.allowed, moments=moments).alarm
    assert alarms <= 12  # 1 % of 600, with the luck of the draw


def test_drift_in_the_last_period_is_found_and_dated():
    chance = np.random.default_rng(4)
    lost = chance.random(600) < np.where(np.arange(600) < 500, 0.04, 0.3)
    shuffled = chance.permutation(600)
    found = watch(lost[shuffled], units=400, allowed=19, moments=days(600)[shuffled])
    assert [period.alarm for period in found.periods] == [False] * 5 + [True]
    assert [period.cases for period in found.periods] == [100] * 6
    assert found.alarm
    assert str(found.periods[-1].starts_at) == "2027-05-16 00:00:00+00:00"
    assert sum("DRIFT ALARM" in line for line in found.lines()) == 1 + found.whole.alarm


def test_a_little_drift_everywhere_is_found_in_the_whole():
    lost = np.tile([True] + [False] * 9, 120)
    found = watch(lost, units=2_000, allowed=99, moments=days(1_200))
    assert found.whole.alarm


def test_one_pattern_that_keeps_being_lost_is_one_loss():
    lost = np.zeros(200, dtype=np.bool_)
    lost[50:90] = True
    patterns = np.where(lost, -1, np.arange(200))
    alone = watch(lost, units=400, allowed=19, moments=days(200))
    together = watch(lost, units=400, allowed=19, moments=days(200), groups=patterns)
    assert alone.alarm
    assert not together.alarm
    assert together.whole.lost == 40


def test_periods_need_dates_and_enough_cases():
    lost = np.zeros(100, dtype=np.bool_)
    assert watch(lost, units=99, allowed=4).periods == ()
    assert len(watch(lost, units=99, allowed=4, moments=days(100)).periods) == 5
    assert watch(lost[:39], units=99, allowed=4, moments=days(39)).periods == ()
    some = days(100)
    some[:60] = np.datetime64("NaT")
    dated = watch(lost, units=99, allowed=4, moments=some)
    assert [period.cases for period in dated.periods] == [20, 20]
    assert dated.whole.cases == 100


def test_sets_are_reported_with_their_size_and_by_class():
    labels = ("a", "b", "c")
    probabilities = np.array([[0.9, 0.05, 0.05], [0.5, 0.45, 0.05], [0.4, 0.35, 0.25], [0.9, 0.05, 0.05]])
    rule = fit_sets(np.tile([[0.45, 0.55, 0.0]], (99, 1)), np.zeros(99, dtype=np.int64), 0.9)
    assert rule.limits == (0.55,)
    found = realised_sets(rule, probabilities, np.array([0, 1, 2, -1]), labels)
    assert (found.incidents, found.covered, found.unknown) == (4, 2, 1)
    assert (found.mean_size, found.singletons) == (1.25, 0.75)
    assert [(one.label, one.incidents, one.covered) for one in found.by_class] == [
        ("a", 1, 1),
        ("b", 1, 1),
        ("c", 1, 0),
    ]


@pytest.mark.parametrize("by_class", [False, True])
def test_on_shuffled_incidents_sets_cover_and_there_is_no_alarm_but_on_new_labels_there_is(by_class: bool):
    chance = np.random.default_rng(5)
    probabilities = chance.dirichlet(np.ones(4), 6_000)
    truth = (probabilities.cumsum(axis=1) < chance.random((6_000, 1))).sum(axis=1).clip(0, 3)
    rule = fit_sets(probabilities[:2_000], truth[:2_000], 0.9, "aps", by_class=by_class)
    probabilities, truth = probabilities[2_000:], truth[2_000:]
    calm = realised_sets(rule, probabilities, truth, "abcd", moments=days(4_000))
    assert calm.interval is not None
    assert calm.interval.low < 0.905
    assert calm.covered_share > 0.88
    assert not calm.watch.alarm
    truth[3_500::5] = -1
    assert realised_sets(rule, probabilities, truth, "abcd", moments=days(4_000)).watch.periods[-1].alarm


def test_everything_measured_can_be_written_as_json():
    chance = np.random.default_rng(6)
    truth = np.where(chance.random(500) < 0.5, 1, 2)
    found = realised(rule_at(0.1), truth, np.full(500, 2), chance.random(500), moments=days(500), groups=truth)
    probabilities = chance.dirichlet(np.ones(3), 500)
    sets = realised_sets(fit_sets(probabilities, truth, 0.9), probabilities, truth, "abc", moments=days(500))
    written = json.loads(json.dumps([found.describe(), sets.describe()]))
    assert written[0]["after"]["watch"]["periods"][0]["starts_at"].startswith("2026-01-0")
    assert written[1]["by_class"][0]["label"] == "b"
