"""From probabilities to a label: least expected cost, raising what may be urgent, thresholds, promised sets."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.prediction.columns import Columns
from triage.prediction.conclusion import Conclusion, Thresholds
from triage.prediction.guarantees import RaiseRule, SetRule
from triage.prediction.head import Head, HeadSettings, HeadWeights
from triage.prediction.predictor import suggestion_of

LABELS = ("High", "Critical", "Low")
ORDER = ("Critical", "High", "Low")
NONE = Thresholds(precision=0.9, confidence=0.9, general=None)
COSTS = ((0.0, 1.0, 2.0), (3.0, 0.0, 5.0), (1.0, 2.0, 0.0))
"""Of concluding the column where the row is true, in the order of ``LABELS``."""

RAISING = RaiseRule(
    labels=("Critical",), threshold=0.2, bound=0.05, confidence=None, units=50, allowed=1, by_pattern=True
)
SETS = SetRule(
    method="lac",
    limits=(0.75,),
    by_class=False,
    penalty=0.01,
    free_ranks=5,
    coverage=0.9,
    confidence=None,
    units=50,
    allowed=4,
    by_pattern=True,
)
PLAIN = Conclusion(thresholds=NONE)
rows_of_three = st.lists(st.floats(0.001, 1), min_size=3, max_size=3).map(lambda row: np.array(row) / sum(row))


def chosen(conclusion: Conclusion, *rows: list[float]) -> list[str]:
    return [LABELS[at] for at in conclusion.choose(np.array(rows), LABELS).tolist()]


def test_without_costs_the_most_probable_label_is_chosen():
    assert chosen(PLAIN, [0.5, 0.3, 0.2], [0.2, 0.3, 0.5]) == ["High", "Low"]


@given(rows_of_three)
def test_with_costs_no_other_label_has_a_smaller_expected_cost(row: np.ndarray):
    at = int(Conclusion(thresholds=NONE, order=ORDER, costs=COSTS).choose(row[None, :], LABELS)[0])
    expected = [sum(row[true] * COSTS[true][said] for true in range(3)) for said in range(3)]
    assert expected[at] <= min(expected) + 1e-12


def test_a_dear_miss_is_worth_a_choice_that_is_not_the_most_probable():
    assert chosen(Conclusion(thresholds=NONE, order=ORDER, costs=COSTS), [0.6, 0.4, 0.0]) == ["Critical"]


def test_what_may_be_urgent_enough_is_raised_at_the_threshold_and_not_below():
    conclusion = replace(PLAIN, order=ORDER, raising=RAISING)
    rows = [0.8, 0.2, 0.0], [0.801, 0.199, 0.0], [0.0, 0.2, 0.8]
    assert chosen(conclusion, *rows) == ["Critical", "High", "Critical"]
    assert conclusion.raised(np.array(rows), LABELS).tolist() == [True, False, True]


def test_raising_never_makes_anything_less_urgent():
    guarded = replace(RAISING, labels=("Critical", "High"), threshold=0.5)
    conclusion = replace(PLAIN, order=ORDER, raising=guarded)
    # The least urgent guarded label is where an incident is raised to; one that is Critical already stays there.
    assert chosen(conclusion, [0.3, 0.3, 0.4], [0.1, 0.8, 0.1]) == ["High", "Critical"]


@given(rows_of_three, st.floats(0, 1))
def test_raised_conclusions_are_at_least_as_urgent_as_the_bound_wants(row: np.ndarray, threshold: float):
    plain = Conclusion(thresholds=NONE, order=ORDER, costs=COSTS)
    guarded = replace(plain, raising=replace(RAISING, threshold=threshold))
    before, after = (int(one.choose(row[None, :], LABELS)[0]) for one in (plain, guarded))
    if guarded.raised(row[None, :], LABELS)[0]:
        assert LABELS[after] == "Critical"
    else:
        assert after == before


def test_nothing_promised_raises_nothing():
    assert not PLAIN.raised(np.array([[0.0, 1.0, 0.0]]), LABELS).any()


def test_a_label_acts_from_its_own_threshold_on_and_the_others_from_the_general_one():
    thresholds = replace(NONE, general=0.5, by_label={"High": 0.8, "Low": None})
    rows = [[0.8, 0.1, 0.1], [0.79, 0.11, 0.1], [0.3, 0.5, 0.2], [0.3, 0.45, 0.25], [0.0, 0.0, 1.0]]
    acting = Conclusion(thresholds=thresholds).acts(np.array(rows), LABELS)
    assert acting.tolist() == [True, False, True, False, False]
    assert thresholds.of("Low") is None
    assert thresholds.of("never heard of") == 0.5


@pytest.fixture(scope="module")
def head() -> Head:
    weights = HeadWeights(
        columns=Columns(
            word_ids=np.zeros(0, dtype=np.uint32),
            rarity=np.zeros(0, dtype=np.float32),
            fact_ids=np.zeros(0, dtype=np.uint32),
            dimensions=1,
        ),
        coef=np.zeros((3, 1), dtype=np.float32),
        intercept=np.zeros(3, dtype=np.float32),
    )
    conclusion = Conclusion(
        thresholds=replace(NONE, general=0.6), order=ORDER, costs=COSTS, raising=RAISING, sets=SETS
    )
    return Head(HeadSettings(target="priority", labels=LABELS, scope="plain", conclusion=conclusion), weights)


def test_a_suggestion_tells_the_most_probable_label_and_what_is_concluded_from_all(head: Head):
    found = suggestion_of(head, np.array([0.65, 0.3, 0.05]))
    assert (found.value, found.probability, found.abstained, found.threshold) == ("High", 0.65, False, 0.6)
    assert (found.concluded, found.concluded_probability, found.raised) == ("Critical", 0.3, True)
    assert [one.value for one in found.alternatives] == ["Critical", "Low"]
    assert found.likely == ("High", "Critical")


def test_a_conclusion_that_is_the_most_probable_label_is_no_other_choice(head: Head):
    found = suggestion_of(head, np.array([0.05, 0.9, 0.05]))
    assert found.choice is None
    assert (found.concluded, found.concluded_probability) == ("Critical", 0.9)


def test_a_suggestion_that_abstains_is_raised_all_the_same(head: Head):
    found = suggestion_of(head, np.array([0.45, 0.25, 0.3]))
    assert (found.abstained, found.raised, found.concluded) == (True, True, "Critical")


@given(rows_of_three)
def test_alone_and_in_a_batch_the_same_is_concluded(row: np.ndarray):
    conclusion = Conclusion(
        thresholds=replace(NONE, general=0.5), order=ORDER, costs=COSTS, raising=RAISING, sets=SETS
    )
    batch = np.tile(row, (3, 1))
    batch[0] = batch[0][::-1]
    for answer in (conclusion.choose, conclusion.acts, conclusion.raised):
        assert answer(batch, LABELS)[2] == answer(row[None, :], LABELS)[0]
