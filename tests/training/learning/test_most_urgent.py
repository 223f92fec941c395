"""Which priority a bound on missed ones is about."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from training.learning.fit import fit_head
from training.learning.lessons import Lessons
from training.recipes import RECIPES
from triage.errors import GuaranteeRefused

RECIPE = replace(RECIPES["quick"], max_p1_miss=0.1)
MakeLessons = Callable[..., Lessons]
NAMES = ("P2", "P3", "P4")


def test_a_bound_is_on_the_most_urgent_priority(make_lessons: MakeLessons):
    found = fit_head(make_lessons(400, target="priority", names=NAMES), RECIPE)
    assert found.head is not None
    raising = found.head.settings.conclusion.raising
    assert raising is not None
    assert raising.labels == ("P2",)


def test_a_bound_is_refused_where_the_most_urgent_has_too_few_rows_to_be_learnt(make_lessons: MakeLessons):
    lessons = make_lessons(400, target="priority", names=NAMES, left_out={"P5": 1, "P1": 2})
    with pytest.raises(GuaranteeRefused, match="'P1', which has too few rows to be learnt: 2"):
        fit_head(lessons, RECIPE)


def test_a_label_without_a_place_in_the_order_that_is_left_out_changes_nothing(make_lessons: MakeLessons):
    lessons = make_lessons(400, target="priority", names=NAMES, left_out={"whenever": 2})
    assert fit_head(lessons, RECIPE).head is not None
