import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from training.history.cleaning import Cleaned, clean
from training.history.cleaning_report import FoldedLabel, TargetCleaning
from training.history.teams import KnownTeams
from triage.domain.incident import Incident
from triage.history.rows import HistoryRow
from triage.prediction.text import incident_text

Make = Callable[..., HistoryRow]
START = datetime(2025, 1, 1, 9, 30, tzinfo=UTC)
_OF_ROW = {"id", "priority", "team", "label_source", "gold"}


@pytest.fixture
def made() -> Make:
    count = 0

    def make(title: str | None = None, **values: Any) -> HistoryRow:
        nonlocal count
        count += 1
        row = {"id": f"I-{count}", "priority": "High", "team": "payments", "label_source": None}
        row |= {name: value for name, value in values.items() if name in _OF_ROW}
        incident = {"occurred_at": START + timedelta(hours=count)}
        incident |= {name: value for name, value in values.items() if name not in _OF_ROW}
        title = f"problem {count}" if title is None else title
        return HistoryRow(
            line=count, incident=Incident(title=title, **incident), duplicate_of=None, resolved_at=None, **row
        )

    return make


def cleaned(rows: Sequence[HistoryRow], least_rows: int = 1, **options: Any) -> Cleaned:
    targets = options.pop("targets", ("priority", "team"))
    texts = [incident_text(row.incident) for row in rows]
    return clean(rows, texts, targets, least_rows=least_rows, **options)


def of(found: Cleaned, target: str) -> TargetCleaning:
    return next(one for one in found.report.targets if one.target == target)


def team(found: Cleaned) -> TargetCleaning:
    return of(found, "team")


def test_clean_rows_stay_as_they_are(made: Make):
    rows = [made(team="a"), made(team="b"), made(team="a")]
    found = cleaned(rows)
    assert found.kept.tolist() == [True] * 3
    assert found.labels == {"priority": ["High"] * 3, "team": ["a", "b", "a"]}
    assert found.deliveries.tolist() == [1, 1, 1]
    assert list(found.report.lines()) == [
        "3 of 3 rows teach something.",
        "priority: 3 rows with 1 labels; 0 without one.",
        "team: 3 rows with 2 labels; 0 without one.",
    ]


def test_labels_of_a_machine_are_not_learnt(made: Make):
    found = cleaned([made(), made(label_source="Model"), made(label_source="reviewed")])
    assert found.kept.tolist() == [True, False, True]
    assert found.labels["team"] == ["payments", None, "payments"]
    assert found.report.machine_labelled == 1


def test_a_row_teaches_the_target_it_has_a_label_for(made: Make):
    found = cleaned([made(priority=None), made(team=None), made(team=None, priority=None)])
    assert found.kept.tolist() == [True, True, False]
    assert (of(found, "priority").unlabelled, team(found).unlabelled) == (2, 2)


@pytest.mark.parametrize("word", ["Unknown", "unassigned", "TBD", "Not-Assigned"])
def test_a_word_for_nobody_has_decided_is_no_label_and_is_counted(made: Make, word: str):
    found = cleaned([made(team=word), made(team=word), made()])
    assert found.labels["team"] == [None, None, "payments"]
    assert team(found).no_label_words == {word: 2}
    assert (team(found).rows, team(found).unlabelled) == (1, 2)


def test_spellings_that_the_catalogue_takes_for_one_become_the_most_frequent(made: Make):
    found = cleaned([made(team=name) for name in ("Data-Base", "data base", "data base", "DATA_BASE", "network")])
    assert found.labels["team"] == ["data base"] * 4 + ["network"]
    assert team(found).respelled == {"Data-Base": "data base", "DATA_BASE": "data base"}


def test_priorities_of_signs_alone_stay_different(made: Make):
    assert cleaned([made(priority=word) for word in ("!", "!!", "+")]).labels["priority"] == ["!", "!!", "+"]


class TestCopies:
    def test_a_second_delivery_at_the_same_time_is_left_out_and_counted(self, made: Make):
        found = cleaned([made("Disk full", occurred_at=START) for _ in range(3)] + [made()])
        assert found.kept.tolist() == [True, False, False, True]
        assert found.deliveries.tolist() == [3, 0, 0, 1]
        assert (found.report.copies, found.report.most_deliveries, found.report.recurrences) == (2, 3, 0)

    def test_a_second_row_of_the_same_id_is_left_out_whatever_its_time(self, made: Make):
        found = cleaned([made("Disk full", id="A"), made("Disk full", id="A")])
        assert found.kept.tolist() == [True, False]
        assert found.report.revised == 0

    def test_the_same_problem_at_another_time_is_a_recurrence_and_stays(self, made: Make):
        found = cleaned([made("Disk full"), made("Disk full")])
        assert found.kept.all()
        assert (found.report.copies, found.report.recurrences) == (0, 1)

    def test_the_same_day_is_not_the_same_time(self, made: Make):
        midnight = datetime(2025, 1, 1, tzinfo=UTC)
        assert cleaned([made("Disk full", occurred_at=midnight) for _ in range(2)]).kept.all()

    def test_no_time_is_not_the_same_time(self, made: Make):
        assert cleaned([made("Disk full", occurred_at=None) for _ in range(2)]).kept.all()

    @pytest.mark.parametrize(
        "changed",
        [{"team": "b"}, {"priority": "Low"}, {"service": "s"}, {"labels": {"a": "b"}}, {"assigned_team": "desk"}],
    )
    def test_what_differs_in_anything_is_no_copy(self, made: Make, changed: dict[str, Any]):
        assert cleaned([made("Disk full", id="A"), made("Disk full", id="A", **changed)]).kept.all()

    def test_a_copy_of_a_copy_is_one_too(self, made: Make):
        later = START + timedelta(days=9)
        rows = [made("x y", id="A", occurred_at=START), made("x y", id="A", occurred_at=later)]
        found = cleaned([*rows, made("x y", id="B", occurred_at=later)])
        assert found.deliveries.tolist() == [3, 0, 0]

    def test_a_row_that_a_machine_labelled_is_not_kept_in_place_of_a_persons(self, made: Make):
        rows = [made("x y", id="A", label_source="model"), made("x y", id="A")]
        assert cleaned(rows).kept.tolist() == [False, True]

    def test_versions_of_one_incident_are_kept_and_pointed_out(self, made: Make):
        found = cleaned([made("x", id="A", team="a"), made("x", id="A", team="b"), made()])
        assert found.kept.all()
        assert found.report.revised == 2
        assert "2 rows share an id" in "\n".join(found.report.lines())


class TestContradictions:
    def test_they_are_counted_kept_and_shown_by_line(self, made: Make):
        rows = [made("Disk full", team=name) for name in ("a", "a", "b")] + [made(), made(team="b")]
        found = cleaned(rows)
        told = team(found).contradictions
        assert (told.rows, told.groups, told.share, told.ceiling) == (3, 1, 0.6, 0.8)
        assert (told.examples[0].lines, told.examples[0].labels) == ((1, 2, 3), {"a": 2, "b": 1})
        assert found.kept.all()
        assert of(found, "priority").contradictions.groups == 0

    def test_other_facts_are_no_contradiction(self, made: Make):
        found = cleaned([made("Disk full", team=name, service=name) for name in ("a", "b")])
        assert team(found).contradictions.groups == 0

    def test_the_largest_come_first_and_only_some_of_their_lines(self, made: Make):
        rows = [made("small", team=name) for name in "ab"] + [made("large", team=name) for name in "ab" * 10]
        examples = team(cleaned(rows)).contradictions.examples
        assert [one.lines for one in examples] == [(3, 4, 5, 6, 7, 8), (1, 2)]
        assert examples[0].labels == {"a": 10, "b": 10}

    def test_an_impact_is_not_what_tells_two_impacts_apart(self, made: Make):
        rows = [made("Disk full", impact=impact) for impact in ("1", "2")]
        assert of(cleaned(rows, targets=("impact",)), "impact").contradictions.rows == 2

    def test_spelling_is_no_contradiction(self, made: Make):
        found = cleaned([made("Disk full", team=name) for name in ("Data Base", "data-base")])
        assert team(found).contradictions.groups == 0


class TestInactiveTeams:
    @staticmethod
    def rows(made: Make, old: int, days: int = 400) -> list[HistoryRow]:
        """``old`` rows of a team that is silent after a third of the time, and 100 of one that is not."""
        ended = [made(team="old", occurred_at=START + timedelta(days=days * at / old / 3)) for at in range(old)]
        return ended + [made(team="new", occurred_at=START + timedelta(days=days * at / 99)) for at in range(100)]

    def test_a_team_that_takes_no_incidents_any_more_is_left_out_for_the_team_only(self, made: Make):
        found = cleaned(self.rows(made, old=30))
        assert found.labels["team"][:30] == [None] * 30
        assert found.labels["priority"][:30] == ["High"] * 30
        assert found.kept.all()
        assert team(found).inactive["old"].rows == 30
        assert "old (30 rows, last 2025-05-10)" in "\n".join(found.report.lines())

    def test_a_team_of_few_incidents_may_just_have_had_none(self, made: Make):
        assert team(cleaned(self.rows(made, old=19))).inactive == {}

    def test_silence_in_a_short_history_says_nothing(self, made: Make):
        assert team(cleaned(self.rows(made, old=30, days=59))).inactive == {}

    def test_silence_says_nothing_where_times_are_missing(self, made: Make):
        undated = [made(team="new", occurred_at=None) for _ in range(60)]
        assert team(cleaned(self.rows(made, old=30) + undated)).inactive == {}

    def test_the_catalogue_knows_better(self, made: Make):
        rows = self.rows(made, old=30)
        assert team(cleaned(rows, known=KnownTeams(active=frozenset({"Old"})))).inactive == {}
        told = team(cleaned(rows[30:], known=KnownTeams(inactive=frozenset({"NEW"})))).inactive
        assert told["new"].rows == 100

    def test_a_team_without_any_date_is_left_out_by_the_catalogue_only(self, made: Make):
        rows = [made(team="a", occurred_at=None), made(team="b", occurred_at=None)]
        found = cleaned(rows, known=KnownTeams(inactive=frozenset({"a"})))
        assert found.labels["team"] == [None, "b"]
        assert team(found).inactive["a"].last_at is None


class TestSmallLabels:
    def test_they_are_left_to_rules_and_counted(self, made: Make):
        found = cleaned([made(team=name) for name in "aaabbc"], least_rows=3)
        assert found.labels["team"] == ["a"] * 3 + [None] * 3
        assert team(found).left_to_rules == {"b": 2, "c": 1}
        assert "Under 3 rows, left to rules: b (2), c (1)." in "\n".join(found.report.lines())

    def test_they_go_to_a_parent_that_is_large_enough_then(self, made: Make):
        known = KnownTeams(parents={"SMALL-ONE": "parent", "small two": "parent"})
        rows = [made(team=name) for name in ("small one", "small one", "small two", "big", "big", "big")]
        found = cleaned(rows, least_rows=3, known=known)
        assert found.labels["team"] == ["parent"] * 3 + ["big"] * 3
        assert team(found).folded == {
            "small one": FoldedLabel(into="parent", rows=2),
            "small two": FoldedLabel(into="parent", rows=1),
        }
        assert (team(found).left_to_rules, team(found).labels) == ({}, 2)

    def test_a_parent_that_stays_small_helps_nobody(self, made: Make):
        found = cleaned([made(team=name) for name in "abccc"], least_rows=3, known=KnownTeams(parents={"a": "b"}))
        assert found.labels["team"] == [None, None, "c", "c", "c"]
        assert team(found).left_to_rules == {"a": 1, "b": 1}

    def test_a_large_team_stays_itself(self, made: Make):
        found = cleaned([made(team=name) for name in "aaab"], least_rows=2, known=KnownTeams(parents={"a": "b"}))
        assert found.labels["team"] == ["a", "a", "a", None]

    @pytest.mark.parametrize("order", list(permutations(("leaf", "middle", "other"))))
    def test_they_climb_to_the_first_ancestor_that_is_large_enough(self, made: Make, order: tuple[str, ...]):
        known = KnownTeams(parents={"leaf": "middle", "middle": "top", "other": "top"})
        rows = [made(team=name) for name in order]
        assert cleaned(rows, least_rows=3, known=known).labels["team"] == ["top"] * 3
        expected = [None if name == "other" else "middle" for name in order]
        assert cleaned(rows, least_rows=2, known=known).labels["team"] == expected

    def test_they_climb_however_far_it_is(self, made: Make):
        known = KnownTeams(parents={"a": "b", "b": "c", "c": "d", "d": "e"})
        rows = [made(team=name) for name in "abcd"]
        assert cleaned(rows, least_rows=4, known=known).labels["team"] == ["d"] * 4

    def test_parents_that_go_round_in_a_circle_end(self, made: Make):
        known = KnownTeams(parents={"a": "b", "b": "a"})
        assert cleaned([made(team=name) for name in "ab"], least_rows=2, known=known).labels["team"] == [
            None,
            None,
        ]

    def test_nothing_is_folded_into_a_team_that_is_no_more(self, made: Make):
        known = KnownTeams(parents={"a": "old", "b": "old"}, inactive=frozenset({"Old"}))
        rows = [made(team="a"), made(team="b")]
        assert cleaned(rows, least_rows=2, known=known).labels["team"] == [None, None]

    def test_priorities_have_no_parents(self, made: Make):
        found = cleaned([made(priority="a")], least_rows=2, known=KnownTeams(parents={"a": "b"}))
        assert found.labels["priority"] == [None]


def test_every_row_is_accounted_for(made: Make):
    rows = [made(team=name) for name in ("a", "a", "b", "unknown")] + [made(team=None), made(label_source="rule")]
    rows += [made("x", id="X", team="a"), made("x", id="X", team="a")]
    found = cleaned(rows, least_rows=2)
    told = team(found)
    left_out = found.report.machine_labelled + found.report.copies
    assert told.rows + told.unlabelled + sum(told.left_to_rules.values()) + left_out == len(rows)
    assert told.rows == sum(label is not None for label in found.labels["team"])


def test_what_is_told_and_recorded_holds_no_incident_text(made: Make):
    rows = [made("hunter2", team=name, labels={"note": "hunter2"}) for name in "ababb"]
    report = cleaned(rows, least_rows=2).report
    recorded = json.dumps(report.describe())
    assert "hunter2" not in recorded + "\n".join(report.lines())
    assert json.loads(recorded)["targets"]["team"]["contradictions"]["rows"] == 5


def test_a_history_of_nothing_is_cleaned_to_nothing():
    found = cleaned([])
    assert (found.kept.tolist(), found.labels) == ([], {"priority": [], "team": []})


def test_what_a_reviewer_said_of_an_incident_is_not_voted_down_by_others_that_read_the_same(made: Make) -> None:
    looked_at = made("Disk full", team="storage", gold=("team",))
    others = [made("Disk full", team="desk") for _ in range(3)]
    agreeing, different = made("Disk full", team="storage"), made("Link down", team="desk")
    found = cleaned([*others, looked_at, agreeing, different])
    assert found.labels["team"] == [None, None, None, "storage", "storage", "desk"]
    assert found.labels["priority"] == ["High"] * 6
