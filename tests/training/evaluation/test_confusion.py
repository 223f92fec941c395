from collections.abc import Callable

import numpy as np

from training.evaluation.confusion import confusion, worst_mistakes
from training.evaluation.coverage import coverage
from training.learning.judged import Judged

Draw = Callable[..., Judged]


def test_the_matrix_counts_what_was_said_of_what(certainly: Draw):
    found = confusion(certainly([0, 0, 0, 1, 2], [0, 1, 1, 1, 0]))
    assert found.true == found.said == ("a", "b", "c")
    assert found.matrix == ((1, 2, 0), (0, 1, 0), (1, 0, 0))
    assert [(pair.true, pair.said, pair.rows) for pair in found.pairs] == [("a", "b", 2), ("c", "a", 1)]
    assert found.pairs[0].share == 2 / 3


def test_an_ordered_target_is_shown_in_its_order(certainly: Draw):
    found = confusion(certainly([0, 1, 2], [0, 1, 1], order=(2, 1, 0)))
    assert found.true == ("c", "b", "a")
    assert found.matrix == ((0, 1, 0), (0, 1, 0), (0, 0, 1))


def test_unknown_labels_have_a_row_of_their_own(certainly: Draw):
    found = confusion(certainly([0, -1, -1], [0, 1, 1]))
    assert found.true == ("a", "b", "c", "not known to the head")
    assert found.matrix[-1] == (0, 2, 0)


def test_of_many_labels_the_most_confused_are_shown_and_no_row_is_lost(draw: Draw):
    judged = draw(2_000, 45)
    truth = np.where(np.arange(2_000) < 30, -1, judged.truth)
    truth[30:90], chosen = 7, judged.chosen.copy()
    chosen[30:90] = 8
    found = confusion(draw(2_000, 45, truth=truth, chosen=chosen))
    assert {"team 7", "team 8"} <= set(found.true)
    assert len(found.said) == 21
    assert found.said[-1] == "all others"
    assert found.true[-2:] == ("all others", "not known to the head")
    assert sum(map(sum, found.matrix)) == 2_000
    assert (found.pairs[0].true, found.pairs[0].said) == ("team 7", "team 8")


def test_the_worst_mistakes_are_wrong_and_the_surest_first(draw: Draw):
    judged = draw(400)
    found = worst_mistakes(judged)
    assert len(found) == 20
    assert [one.probability for one in found] == sorted((one.probability for one in found), reverse=True)
    assert all(one.true != one.said for one in found)
    assert found[0].probability == judged.confidence[~judged.right].max()


def test_coverage_with_hindsight_keeps_the_precision_it_names(draw: Draw):
    judged = draw(1_000)
    found = coverage(judged)
    shares = [at.coverage for at in found.at]
    assert 1 > shares[0] > shares[1] > shares[2] > 0
    for at in found.at:
        assert at.threshold is not None
        acting = judged.confidence >= at.threshold
        assert judged.right[acting].mean() >= at.precision
        assert acting.mean() == at.coverage


def test_equal_confidences_are_covered_together(certainly: Draw):
    found = coverage(certainly([0] * 5 + [1] * 5, [0] * 10, sure=0.8))
    assert found.curve == ((1.0, 0.5),)
    assert [at.coverage for at in found.at] == [0.0, 0.0, 0.0]


def test_what_acts_is_counted_with_its_precision(certainly: Draw):
    found = coverage(certainly([0, 0, 1, 1], [0, 0, 0, 1], acting=np.array([True, True, True, False])))
    assert (found.acting.value, found.acting_rows) == (0.75, 3)
    assert found.precision is not None
    assert found.precision.value == 2 / 3


def test_a_head_that_never_acts_has_no_precision(certainly: Draw):
    found = coverage(certainly([0], [0], acting=np.array([False])))
    assert (found.acting.value, found.precision) == (0.0, None)
