import json
from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter

from triage.prediction.guarantees import RaiseRule, SetMethod, SetRule, conformity

RAISE = RaiseRule(
    labels=("P1",), threshold=0.1 + 0.2, bound=0.02, confidence=0.95, units=300, allowed=2, by_pattern=False
)
SETS = SetRule(
    method="lac",
    limits=(0.7,),
    by_class=False,
    penalty=0.1,
    free_ranks=1,
    coverage=0.95,
    confidence=None,
    units=200,
    allowed=9,
    by_pattern=True,
)
ROW = np.array([[0.5, 0.3, 0.15, 0.05]])


def test_a_score_equal_to_the_threshold_is_raised():
    scores = np.array([0.1 + 0.2, np.nextafter(0.3, 0), 1.0])
    assert RAISE.raises(scores).tolist() == [True, False, True]


def test_a_guarded_label_that_the_head_lacks_is_impossible():
    assert RAISE.scores(ROW, ("P2", "P3", "P4", "P5")).tolist() == [0.0]


@pytest.mark.parametrize(
    ("method", "scores"),
    [("lac", [0.5, 0.7, 0.85, 0.95]), ("aps", [0.5, 0.8, 0.95, 1.0]), ("raps", [0.5, 0.9, 1.15, 1.3])],
)
def test_conformity_scores_are_those_of_the_papers(method: SetMethod, scores: list[float]):
    turned = [2, 0, 3, 1]
    assert conformity(ROW, method, 0.1, 1)[0] == pytest.approx(scores)
    assert conformity(ROW[:, turned], method, 0.1, 1)[0] == pytest.approx(np.array(scores)[turned])


def test_a_label_at_its_limit_is_in_the_set():
    assert replace(SETS, limits=(1 - 0.3,)).sets(ROW).tolist() == [[True, True, False, False]]


def test_each_label_may_have_a_limit_of_its_own():
    assert replace(SETS, limits=(0.9, 0.1, 0.9, 0.9)).sets(ROW).tolist() == [[True, False, True, False]]


def test_no_set_is_empty_and_no_incident_no_set():
    rule = replace(SETS, limits=(0.0,))
    assert rule.sets(ROW).tolist() == [[True, False, False, False]]
    assert rule.sets(np.empty((0, 4))).shape == (0, 4)


@pytest.mark.parametrize("method", ["lac", "aps", "raps"])
def test_a_set_does_not_depend_on_its_batch(method: SetMethod):
    probabilities = np.random.default_rng(1).dirichlet(np.ones(5), 20_000)
    rule = replace(SETS, method=method)
    together = rule.sets(probabilities)
    assert (rule.sets(probabilities) == together).all()
    for at in (0, 8_191, 8_192, 19_999):
        assert (rule.sets(probabilities[at : at + 1])[0] == together[at]).all()


@pytest.mark.parametrize("rule", [RAISE, SETS, replace(SETS, limits=(0.1, 0.2, 0.3, 0.4), by_class=True)])
def test_a_rule_comes_back_from_json_as_it_went(rule: RaiseRule | SetRule):
    assert TypeAdapter(type(rule)).validate_json(json.dumps(rule.describe())) == rule


@pytest.mark.parametrize("rule", [RAISE, SETS, replace(SETS, by_class=True)])
def test_people_read_the_promise_how_firm_it_is_and_its_condition(rule: RaiseRule | SetRule):
    lines = "\n".join(rule.lines())
    assert ("with 95 % confidence" if rule.confidence else "on average") in lines
    assert ("at most 2 %" if isinstance(rule, RaiseRule) else "at least 95 %") in lines
    assert "exchangeability" in lines
    assert f"{rule.units} patterns" in lines if rule.by_pattern else f"{rule.units} incidents" in lines
