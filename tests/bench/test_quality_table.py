"""From output lines to figures, goals and tables, on small made-up predictions."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.quality_goals import verdicts
from bench.quality_measures import Measured, Rival, pooled
from bench.quality_product import SecondLook, judged_of, second_look_of
from bench.quality_promises import Promise, pooled_promise, promise_of
from bench.quality_rivals import PEOPLE
from bench.quality_sets import SETS
from bench.quality_table import aligned, described, table
from bench.spent import Spent
from training.evaluation.intervals import compare_judged
from training.evaluation.measures import measure
from training.learning.judged import UNKNOWN, Judged
from triage.prediction.guarantees import SetRule

TEAMS = ("database", "network", "payments", "storage")
ROWS = 60


def answer(number: int, value: str, probability: float = 0.7, *, abstained: bool = False, **more: Any) -> Any:
    others = [{"value": "network" if value != "network" else "database", "probability": 0.2}]
    team = {"value": value, "probability": probability, "abstained": abstained, "alternatives": others}
    if "set" in more:
        team["set"] = more.pop("set")
    return {"id": f"INC-{number}", "team": team, "priority": None, **more}


def rows(count: int = ROWS, **changes: Any) -> list[dict[str, Any]]:
    return [{"id": f"INC-{number}", "occurred_at": "2025-03-01T00:00:00Z", **changes} for number in range(count)]


def judged(right: int, *, acting: int = 0) -> Judged:
    """``right`` of the rows answered rightly, the head acting alone on the first ``acting``."""
    truth = [TEAMS[0]] * ROWS
    answers = [answer(n, TEAMS[0 if n < right else 2], abstained=n >= acting) for n in range(ROWS)]
    return judged_of(answers, "team", TEAMS, truth, rows(), np.arange(ROWS))


def measured(ours: Judged, people: Judged, **changes: Any) -> Measured:
    rival = Rival(
        name=PEOPLE,
        figures=measure(people, seed=1, repetitions=100),
        paired=compare_judged(people, ours, seed=1, repetitions=100),
    )
    asked = SETS[0]
    found = Measured(
        asked=asked,
        question=asked.questions[0],
        learnt=240,
        ours=ours,
        figures=measure(ours, seed=1, repetitions=100),
        rivals=(rival,),
        trainings=(
            Spent(seconds=12.4, cpu_seconds=20.0, peak_mib=812.3),
            Spent(seconds=6.0, cpu_seconds=9.0, peak_mib=900.0),
        ),
    )
    return replace(found, **changes)


def test_an_output_line_becomes_probabilities_of_all_labels() -> None:
    truth = ["payments", None, "a new team"]
    answers = [answer(0, "database"), answer(1, "network"), answer(2, "database", abstained=True)]
    found = judged_of(answers, "team", TEAMS, truth, rows(3), np.array([5, 6, 5]))
    assert found.ids == ("INC-0", "INC-2")
    np.testing.assert_allclose(found.probabilities, [[0.7, 0.2, 0.05, 0.05]] * 2)
    assert found.truth.tolist() == [2, UNKNOWN]
    assert found.acting.tolist() == [True, False]
    assert found.groups.tolist() == [5, 5]
    assert found.moments is not None
    assert str(found.moments[0]) == "2025-03-01T00:00:00"


def test_rows_without_dates_have_no_moments() -> None:
    found = judged_of([answer(0, "network")], "team", TEAMS, ["network"], rows(1, occurred_at=None), np.array([1]))
    assert found.moments is None


def test_splits_are_pooled_under_all_their_labels() -> None:
    first = judged_of([answer(0, "database")], "team", TEAMS[:2], ["network"], rows(1), np.array([1]))
    second = judged_of([answer(0, "payments")], "team", TEAMS[1:], ["payments"], rows(1), np.array([1]))
    both = pooled([first, second])
    assert both.labels == TEAMS
    assert [both.labels[at] for at in both.chosen] == ["database", "payments"]
    assert both.right.tolist() == [False, True]
    np.testing.assert_allclose(both.probabilities, [[0.7, 0.2, 0, 0], [0, 0.2, 0.7, 0.1]], atol=0.06)
    assert both.ids == ("0:INC-0", "1:INC-0")


def test_a_goal_is_said_to_be_reached_or_missed_in_words() -> None:
    good = {one.goal: one.word for one in verdicts(measured(judged(40, acting=30), judged(40)))}
    bad = {one.goal: one.word for one in verdicts(measured(judged(20, acting=30), judged(40)))}
    assert good[f"top-1 less {PEOPLE}"] == "reached"
    assert bad[f"top-1 less {PEOPLE}"] == "missed"
    assert good["acts alone on, right of these"] == "reached"
    assert bad["acts alone on, right of these"] == "missed"


def test_not_below_means_that_the_interval_holds_zero() -> None:
    def reached(right: int) -> bool | None:
        return verdicts(measured(judged(right), judged(40)))[0].reached

    assert [reached(right) for right in (41, 40, 39, 30)] == [True, True, True, False]


def test_probabilities_that_say_too_much_miss_the_calibration_goal() -> None:
    assert verdicts(measured(judged(42), judged(40)))[-1].reached is True
    assert verdicts(measured(judged(12), judged(40)))[-1].reached is False


def test_a_table_shows_everybody_and_is_aligned() -> None:
    text = table(measured(judged(45, acting=30), judged(40)))
    lines = text.splitlines()
    assert lines[0] == "servicenow: team from metadata"
    assert "240 rows to learn from, 60 judged" in lines[1]
    assert lines[2] == "training took 12, 6 s (20, 9 s of all cores), 900 MiB at most"
    ours = next(line for line in lines if line.startswith("triage"))
    people = next(line for line in lines if line.startswith(PEOPLE))
    assert "0.750 [" in ours
    assert "0.667 [" in people
    assert ours.index("0.750") == people.index("0.667")
    assert sum(line.endswith(("reached", "missed")) for line in lines) == 4


def promise(held: int) -> Promise | None:
    """Sets of two teams, ``held`` of the 60 with the true one in it, of a rule learnt from 400 units."""
    rule = SetRule(
        method="lac", limits=(0.8,), by_class=False, penalty=0.0, free_ranks=0, coverage=0.95, confidence=None,
        units=400, allowed=19, by_pattern=False,
    )  # fmt: skip
    others = ["network", "storage"]
    told = [
        (answer(n, "network", set=[TEAMS[0], "network"] if n < held else others)["team"], TEAMS[0])
        for n in range(ROWS)
    ]
    found = promise_of(told, rule)
    assert promise_of([({"value": "network"}, "network")], rule) is None
    assert promise_of(told, None) is None
    return found


@pytest.mark.parametrize(("held", "word"), [(60, "reached"), (55, "reached"), (50, "missed")])
def test_sets_may_hold_the_truth_as_rarely_as_chance_explains(held: int, word: str) -> None:
    drawn = next(one for one in SETS if one.exchangeable)
    found = measured(judged(40), judged(40), asked=drawn, promise=promise(held))
    verdict = verdicts(found)[-1]
    assert (verdict.goal, verdict.word) == ("sets of 0.95 hold the truth", word)
    assert verdict.measured.endswith("2.0 labels each")
    assert "not held" not in table(found)


def test_of_rows_in_time_it_is_told_how_often_sets_held_and_when_not() -> None:
    text = table(measured(judged(40), judged(40), promise=promise(40)))
    assert "sets of 0.95 hold the truth: 0.667 [" in text
    assert "not held, whole test part: 20 of 60" in text
    assert "ALARM" in text
    assert all(not one.goal.startswith("sets") for one in verdicts(measured(judged(40), judged(40))))


def test_drawn_rows_without_sets_in_the_output_are_said_not_to_be_measured() -> None:
    drawn = next(one for one in SETS if one.exchangeable)
    assert verdicts(measured(judged(40), judged(40), asked=drawn))[-1].word == "not measured"


def test_promises_of_several_splits_are_one_and_none_if_one_is_missing() -> None:
    one = promise(60)
    both = pooled_promise([one, promise(50)])
    assert both is not None
    assert (len(both.held), int(both.held.sum()), both.units, both.allowed) == (120, 110, 400, 19)
    assert pooled_promise([one, None]) is None


def look(assigned: str, *, wrong: bool) -> dict[str, Any]:
    return {"assigned_team": assigned, "looks_wrong": wrong}


def test_flags_are_judged_by_whether_the_assignment_was_wrong() -> None:
    truth = ["database"] * 10
    first = ["database"] * 4 + ["a team of old"] * 6
    flagged = [n in (0, 4, 5, 6) for n in range(10)]
    answers = [
        answer(n, "database", second_look=look(team, wrong=flag))
        for n, (team, flag) in enumerate(zip(first, flagged, strict=True))
    ]
    tickets = [{**one, "first_team": team} for one, team in zip(rows(10), first, strict=True)]
    ours = judged_of(answers, "second_look", TEAMS, truth, tickets, np.arange(10))
    looks = second_look_of(answers, ours, tickets)
    assert looks.flagged.tolist() == flagged
    kept = looks.followed(ours)
    assert kept.right.tolist() == [True] * 7 + [False] * 3

    both = measured(ours, ours, question=SETS[0].questions[1], look=looks, kept=measure(kept, seed=1))
    verdict = next(one for one in verdicts(both) if one.goal.startswith("wrong assignments"))
    assert verdict.measured.startswith("0.500 [")
    assert ", 0.750 [" in verdict.measured
    assert verdict.reached is False
    assert "triage, flags only" in table(both)


def test_a_second_look_that_flags_nothing_misses_its_goal() -> None:
    ours = judged(40)
    silent = SecondLook(assigned=np.zeros(ROWS, np.int64), flagged=np.zeros(ROWS, np.bool_))
    found = verdicts(measured(ours, ours, question=SETS[0].questions[1], look=silent))[1]
    assert (found.measured, found.word) == ("none, none", "missed")


def test_the_object_for_programs_has_figures_goals_and_costs() -> None:
    content = described(measured(judged(45), judged(40)))
    assert content["figures"]["accuracy"]["value"] == pytest.approx(0.75)
    assert [one["name"] for one in content["compared_with"]] == [PEOPLE]
    assert len(content["goals"]) == 4
    assert content["trainings"][0]["peak_mib"] == 812.3


def test_columns_stand_below_each_other() -> None:
    assert aligned([("a", "bb", "c"), ("aaa", "b", "")]) == "a    bb  c\naaa  b"
