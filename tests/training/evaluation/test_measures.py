from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, log_loss

from training.evaluation.measures import TargetFigures, measure
from training.learning.judged import Judged

Draw = Callable[..., Judged]


def measured(judged: Judged) -> TargetFigures:
    return measure(judged, seed=1, repetitions=200)


def test_a_perfect_head_is_perfect_in_every_figure(certainly: Draw):
    found = measured(certainly([0, 1, 2] * 40, [0, 1, 2] * 40, sure=1.0))
    assert found.accuracy.value == found.accuracy.low == found.macro_f1.value == found.weighted_f1 == 1.0
    assert (found.top_1, found.log_loss, found.brier) == (1.0, 0.0, 0.0)
    assert found.calibration.error.value == found.calibration.floor == 0.0
    assert [at.coverage for at in found.coverage.at] == [1.0, 1.0, 1.0]
    assert found.mistakes == found.confusion.pairs == ()


def test_a_constant_head_is_as_good_as_its_most_frequent_label(certainly: Draw):
    found = measured(certainly([0] * 60 + [1] * 30 + [2] * 10, [0] * 100, sure=0.6))
    assert found.accuracy.value == found.majority == 0.6
    assert found.macro_f1.value == pytest.approx(0.75 / 3)
    assert found.calibration.error.value == pytest.approx(0.0)
    assert [one.precision for one in found.classes] == [0.6, None, None]
    assert [at.threshold for at in found.coverage.at] == [None, None, None]


def test_figures_agree_with_the_library_where_it_has_them(draw: Draw):
    judged = draw(500, 5)
    found = measured(judged)
    assert found.macro_f1.value == pytest.approx(f1_score(judged.truth, judged.chosen, average="macro"))
    assert found.weighted_f1 == pytest.approx(f1_score(judged.truth, judged.chosen, average="weighted"))
    assert found.log_loss == pytest.approx(log_loss(judged.truth, judged.probabilities))
    assert found.top_5 == 1.0
    assert found.top_1 < found.top_3 < 1.0


def test_a_label_the_head_does_not_know_counts_as_wrong_everywhere(certainly: Draw):
    found = measured(certainly([0, 0, -1, -1], [0, 0, 0, 1], sure=0.98))
    assert (found.unknown, found.accuracy.value, found.top_5) == (2, 0.5, 0.5)
    assert found.classes[0].precision == pytest.approx(2 / 3)
    assert found.macro_f1.value == pytest.approx(0.8)
    assert found.log_loss == pytest.approx(-np.log(0.98))
    assert {(wrong.true, wrong.true_probability) for wrong in found.mistakes} == {(None, None)}
    assert found.confusion.true[-1] == "not known to the head"


def test_only_unknown_labels_are_measured_without_a_fault(certainly: Draw):
    found = measured(certainly([-1, -1], [0, 1]))
    assert (found.accuracy.value, found.macro_f1.value, found.log_loss, found.labels) == (0.0, 0.0, None, 0)


def test_one_row_is_measured_without_a_fault(certainly: Draw):
    found = measured(certainly([0], [1], order=(0, 1, 2), costs=np.ones((3, 3))))
    assert (found.rows, found.accuracy.value, found.drift) == (1, 0.0, None)


def test_one_class_in_the_test_part_has_an_f1_of_its_own_only(certainly: Draw):
    found = measured(certainly([1] * 10, [1] * 9 + [0]))
    assert found.labels == 1
    assert found.macro_f1.value == pytest.approx(18 / 19)
    assert [one.label for one in found.classes] == ["b", "a"]


def test_the_concluded_label_is_judged_even_where_another_is_more_probable(certainly: Draw):
    judged = certainly([0, 0, 1], [0, 0, 1], chosen=np.array([1, 1, 1]))
    found = measured(judged)
    assert found.accuracy.value == pytest.approx(1 / 3)
    assert found.top_1 == 1.0


def test_the_same_seed_gives_the_same_figures(draw: Draw):
    assert measured(draw(200)) == measured(draw(200))


def test_rows_of_one_pattern_make_every_interval_wider(draw: Draw):
    alone, together = draw(400), draw(400, groups=np.arange(400) // 20)
    order = np.argsort(alone.right, kind="stable")
    mixed = {name: getattr(together, name)[order] for name in ("probabilities", "truth", "acting", "chosen")}
    together = draw(400, groups=together.groups, **mixed)
    narrow, wide = measured(alone), measured(together)
    assert narrow.accuracy.value == wide.accuracy.value
    assert wide.accuracy.high - wide.accuracy.low > 2 * (narrow.accuracy.high - narrow.accuracy.low)
    assert (narrow.patterns, wide.patterns) == (400, 20)


@pytest.mark.parametrize("name", ["truth", "acting", "chosen", "groups"])
def test_shapes_that_do_not_agree_are_refused_by_name(draw: Draw, name: str):
    with pytest.raises(ValueError, match=f"{name}: expected shape"):
        draw(10, **{name: np.zeros(9, dtype=np.int64)})


def test_no_row_is_refused(certainly: Draw):
    with pytest.raises(ValueError, match="no row"):
        certainly([], [])


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_every_share_lies_in_its_interval_and_between_nothing_and_all(data: st.DataObject):
    n, k = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 5))
    chance = np.random.default_rng(data.draw(st.integers(0, 999)))
    probabilities = chance.dirichlet(np.ones(k), size=n)
    judged = Judged(
        target="priority",
        labels=tuple("abcde"[:k]),
        probabilities=probabilities,
        truth=chance.integers(-1, k, size=n),
        acting=chance.random(n) < 0.5,
        chosen=probabilities.argmax(axis=1),
        moments=None,
        ids=tuple(map(str, range(n))),
        groups=chance.integers(0, 5, size=n),
        order=tuple(range(k)),
        costs=np.abs(np.subtract.outer(np.arange(k), np.arange(k))).astype(np.float64),
    )
    found = measure(judged, seed=1, repetitions=40)
    shares = [found.accuracy, found.macro_f1, found.calibration.error, found.coverage.acting]
    assert all(0 <= share.low <= share.high <= 1 and 0 <= share.value <= 1 for share in shares)
    assert sum(one.rows for one in found.classes) + found.unknown == n
    assert sum(map(sum, found.confusion.matrix)) == n
    assert sum(one.rows for one in found.calibration.bins) == sum(found.calibration.histogram) == n
