"""How the sets part: by what was known when, and never with one family on both sides of a draw."""

from typing import Any

import pytest

from bench.quality_sets import REPEATS, SETS, Split, as_opened, by_time, grouped, grouped_texts, shuffled


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"INC-{number}",
        "title": f"Alert{number // 2}: something is slow",
        "description": "since noon",
        "occurred_at": f"2025-03-{1 + number // 24:02}T{number % 24:02}:00:00Z",
        "labels": {"area": "north"},
        "service": "orders",
        "priority": ("High", "Low")[number % 2],
        "team": ("database", "network")[number % 2],
        "first_team": "network",
        "duplicate_of": None,
    } | changes


def ids(rows: Any) -> list[str]:
    return [one["id"] for one in rows]


def test_the_last_fifth_by_time_is_judged_whatever_the_order_of_the_file() -> None:
    (split,) = by_time([row(number) for number in reversed(range(100))])
    assert ids(split.train) == [f"INC-{number}" for number in range(80)]
    assert ids(split.test) == [f"INC-{number}" for number in range(80, 100)]
    assert split.truth["team"] == ["database", "network"] * 10


def test_rows_of_the_moment_of_the_cut_are_all_judged() -> None:
    rows = [
        row(number, occurred_at="2025-03-01T00:00:00Z" if number < 5 else "2025-03-02T00:00:00Z")
        for number in range(10)
    ]
    (split,) = by_time(rows)
    assert (len(split.train), len(split.test)) == (5, 5)


def test_an_incident_not_resolved_at_the_cut_teaches_no_team() -> None:
    resolved = {0: "2025-03-01T03:00:00Z", 1: "2025-03-04T08:00:00Z", 2: "2025-03-04T08:00:01Z", 3: None}
    rows = [row(number, resolved_at=resolved.get(number, "2025-03-01T05:00:00Z")) for number in range(100)]
    (split,) = by_time(rows)
    assert split.test[0]["occurred_at"] == "2025-03-04T08:00:00Z"
    assert [one["team"] for one in split.train[:5]] == ["database", "network", None, None, "database"]
    assert split.train[2]["resolved_at"] is None
    assert split.train[2]["priority"] == "High"
    assert rows[2]["team"] == "database"


def test_an_open_incident_without_any_label_is_not_learnt_from() -> None:
    rows = [row(n, resolved_at=None if n == 7 else "2025-03-01T05:00:00Z", priority=None) for n in range(100)]
    (split,) = by_time(rows)
    assert "INC-7" not in ids(split.train)
    assert len(split.train) == 79


def test_histories_that_never_say_when_something_was_resolved_keep_their_labels() -> None:
    (split,) = by_time([row(number) for number in range(100)])
    assert all(one["team"] for one in split.train)


def test_a_test_file_holds_nothing_that_was_known_later() -> None:
    later = {"resolved_at": "x", "reassignments": 3, "reopened": 1, "made_sla": True, "problem_id": "PRB1"}
    opened = as_opened(row(1, duplicate_of="INC-0", **later), hidden=("first_team",))
    assert sorted(opened) == ["description", "id", "labels", "occurred_at", "service", "title"]
    assert as_opened(row(1))["first_team"] == "network"


@pytest.mark.parametrize("draw", [grouped, shuffled])
def test_a_draw_judges_about_a_fifth_and_every_row_is_on_one_side(draw: Any) -> None:
    rows = [row(number) for number in range(200)]
    for split in draw(rows):
        assert 40 <= len(split.test) <= 42
        assert sorted(ids(split.train) + ids(split.test)) == sorted(ids(rows))


def names(split: Split, side: str) -> set[str]:
    return {one["title"].partition(":")[0].casefold() for one in getattr(split, side)}


def test_rules_of_one_alert_name_are_on_one_side_of_each_of_five_draws() -> None:
    rows = [
        row(number, title=f"{('Slow', 'slow')[number % 2]}{number // 3}: text {number}") for number in range(150)
    ]
    splits = grouped(rows)
    assert len(splits) == REPEATS
    assert all(not names(split, "train") & names(split, "test") for split in splits)
    assert len({tuple(ids(split.test)) for split in splits}) == REPEATS


def test_duplicates_stay_with_the_incident_they_point_at() -> None:
    rows = [
        row(number, duplicate_of=None if number % 4 == 0 else f"INC-{number - number % 4}")
        for number in range(200)
    ]
    (split,) = shuffled(rows)
    tested = set(ids(split.test))
    assert all(f"INC-{int(one[4:]) // 4 * 4}" in tested for one in tested)
    assert len(set(split.groups.tolist())) == len(tested) / 4


def test_a_group_has_the_same_number_in_every_draw() -> None:
    numbers: dict[str, set[int]] = {}
    for split in grouped([row(number) for number in range(200)]):
        for one, number in zip(split.test, split.groups.tolist(), strict=True):
            numbers.setdefault(one["title"], set()).add(number)
    assert {len(found) for found in numbers.values()} == {1}
    assert len({number for found in numbers.values() for number in found}) == len(numbers)


def test_text_only_takes_metadata_from_both_sides_and_keeps_the_draws() -> None:
    rows = [row(number) for number in range(100)]
    for with_labels, text_only in zip(grouped(rows), grouped_texts(rows), strict=True):
        assert ids(with_labels.test) == ids(text_only.test)
        assert not {"labels", "service"} & {name for one in (*text_only.train, *text_only.test) for name in one}
        assert text_only.truth == with_labels.truth


def test_sets_have_names_of_their_own_and_hide_the_first_team_where_it_is_not_asked_about() -> None:
    assert len({one.name for one in SETS}) == len(SETS)
    hidden = {question.target: question.hidden for one in SETS[:1] for question in one.questions}
    assert hidden == {"team": ("first_team",), "second_look": ()}
