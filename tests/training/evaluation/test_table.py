from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from training.evaluation import sentences
from training.evaluation.intervals import Interval, compare_judged
from training.evaluation.measures import TargetFigures, measure
from training.evaluation.report import Report, Rival, TargetReport
from training.evaluation.table import class_table, comparison_table, report_text, summary_table
from training.learning.judged import Judged

Draw = Callable[..., Judged]


def measured(judged: Judged) -> TargetFigures:
    return measure(judged, seed=1, repetitions=60)


@pytest.fixture
def target(draw: Draw) -> TargetReport:
    ours, other = draw(400, 30), draw(400, 30, tempering=2.0)
    rival = Rival(
        name="words and a linear support vector machine",
        kind="baseline",
        figures=measured(other),
        paired=compare_judged(other, ours, repetitions=60),
    )
    return TargetReport(figures=measured(ours), rows="the last 20% by time", rivals=[rival])


def test_everything_fits_in_a_hundred_columns(target: TargetReport):
    report = Report(
        bundle="trained-1",
        history="helpdesk.csv",
        created_at=datetime(2026, 1, 5, tzinfo=UTC),
        recipe={},
        targets=[target],
        guarantees=["one " * 40],
        leaks=["labels.owner left out for team"],
    )
    text = report_text(report)
    assert max(map(len, text.splitlines())) <= 100
    assert "labels.owner left out for team" in text
    assert "Cleaning" not in text


def test_columns_are_under_their_titles(target: TargetReport):
    title, rule, ours, other = summary_table([target]).splitlines()
    assert len(title) == len(rule) == len(ours) == len(other)
    assert ours.startswith("Team ")
    assert other.startswith("  words an…")
    assert "vector machine" in other


def test_long_tails_of_labels_are_folded_without_losing_rows(target: TargetReport):
    table = class_table(target.figures, most=5)
    rest = target.figures.classes[5:]
    assert f"{len(rest)} rarer labels with {sum(one.rows for one in rest)} rows" in table
    assert len(table.splitlines()) <= 2 + 5 + 1 + 3


def test_a_comparison_says_who_is_better(draw: Draw):
    judged = draw(600)
    spoiled = replace(judged, chosen=np.where(np.arange(600) % 4 == 0, (judged.chosen + 1) % 4, judged.chosen))
    better, worse = compare_judged(spoiled, judged), compare_judged(judged, spoiled)
    table = comparison_table([("Team", better), ("Priority", worse)])
    assert max(map(len, table.splitlines())) <= 100
    assert table.splitlines()[2].endswith("better")
    assert table.splitlines()[3].endswith("WORSE")
    assert "better than chance explains" in sentences.beside("it", better)


def test_sentences_say_how_often_it_acts_and_how_often_that_is_right(certainly: Draw):
    found = measured(certainly([0] * 18 + [1] * 2, [0] * 20, acting=np.arange(20) < 10))
    assert sentences.acting(found).startswith(
        "Acts alone on 50.0% of incidents; of those 100.0% [69.2–100.0] right."
    )


def test_a_head_that_never_acts_is_said_to(certainly: Draw):
    found = measured(certainly([0, 1] * 20, [0, 0] * 20, acting=np.zeros(40, dtype=np.bool_)))
    assert (
        sentences.acting(found) == "Never acts alone. No threshold, even chosen in hindsight, gives 80% precision."
    )


@pytest.mark.parametrize(
    ("tempering", "said"), [(1.0, "taken at their word"), (0.4, "too sure"), (2.5, "too modest")]
)
def test_sentences_say_which_way_probabilities_are_off(draw: Draw, tempering: float, said: str):
    assert said in sentences.calibration(measured(draw(1_500, tempering=tempering)))


def test_differences_carry_their_sign_and_nothing_has_none():
    assert sentences.points(Interval(0.0231, -0.008, 0.0004)) == "+2.3 [−0.8 to 0.0]"


def test_few_labels_say_nothing_of_the_first_three(draw: Draw):
    assert "first three" not in sentences.headline(measured(draw(200, 3)))
    assert "first three" in sentences.headline(measured(draw(200, 5)))
