from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from training.evaluation.urgency import cost, urgency
from training.learning.judged import Judged

Draw = Callable[..., Judged]
COSTS = np.array([[0.0, 5.0, 9.0], [1.0, 0.0, 2.0], [2.0, 1.0, 0.0]])


def test_kappa_agrees_with_the_library_in_any_order_of_labels(draw: Draw):
    order = (2, 0, 3, 1)
    judged = draw(400, order=order)
    found = urgency(judged, seed=1, repetitions=200)
    place = np.argsort(order)
    expected = cohen_kappa_score(place[judged.truth], place[judged.chosen], weights="quadratic")
    assert found is not None
    assert found.kappa.value == pytest.approx(expected)
    assert found.kappa.low < expected < found.kappa.high


def test_under_and_over_triage_follow_the_order_and_not_the_label_numbers(certainly: Draw):
    judged = certainly([2, 2, 1, 0], [2, 0, 0, 1], labels=("Low", "Medium", "High"), order=(2, 1, 0))
    found = urgency(judged, seed=1, repetitions=20)
    assert found is not None
    assert (found.under.value, found.over.value) == (0.5, 0.25)
    assert (found.most_urgent, found.most_urgent_rows) == ("High", 2)
    assert found.missed is not None
    assert found.missed.value == 0.5


def test_no_most_urgent_row_leaves_nothing_to_miss(certainly: Draw):
    found = urgency(certainly([1, 1], [1, 2], order=(0, 1, 2)), seed=1, repetitions=20)
    assert found is not None
    assert found.missed is None


def test_agreeing_on_one_label_only_is_agreement(certainly: Draw):
    found = urgency(certainly([1, 1], [1, 1], order=(0, 1, 2)), seed=1, repetitions=20)
    assert found is not None
    assert found.kappa.value == found.kappa.low == 1.0


def test_without_an_order_or_a_known_label_there_is_no_urgency(certainly: Draw):
    assert urgency(certainly([0], [0]), seed=1, repetitions=20) is None
    assert urgency(certainly([-1], [0], order=(0, 1, 2)), seed=1, repetitions=20) is None


def test_cost_says_what_leaving_the_most_probable_label_saves(certainly: Draw):
    judged = certainly([0, 1, 2, -1], [1, 1, 2, 0], chosen=np.array([0, 1, 1, 0]), costs=COSTS)
    found = cost(judged, seed=1, repetitions=200)
    assert found is not None
    assert found.concluded.value == pytest.approx(1 / 3)
    assert found.most_probable == pytest.approx(5 / 3)
    assert found.saved.value == pytest.approx(4 / 3)
