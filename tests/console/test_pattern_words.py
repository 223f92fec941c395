"""What a pattern's page says in words of its life, and of what people changed."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from triage.console.pattern_words import changes_of, chart_of, life_words, rhythm_words, trend_words
from triage.domain.catalogue import Catalogue, Person, Team
from triage.domain.pattern import Bucket, ComingAndGoing, PatternLife, Rhythm, Trend
from triage.store.pattern_history import PatternChange

NOW = datetime(2026, 3, 9, 9, 42, tzinfo=UTC)
CATALOGUE = Catalogue(
    version="c",
    organisation="o",
    timezone="UTC",
    triage_desk="desk",
    teams={"desk": Team(id="desk", name="Desk")},
    people={"ann": Person(id="ann", name="Ann")},
)


def life(**fields: Any) -> PatternLife:
    empty: dict[str, Any] = {
        "flags": (),
        "gap_median_seconds": None,
        "gap_p90_seconds": None,
        "rhythm": None,
        "trend": None,
        "coming_and_going": ComingAndGoing(),
        "resolve_mean_seconds": None,
        "resolve_median_seconds": None,
        "bucket_width": "day",
        "chart": (),
    }
    return PatternLife(**(empty | fields))


def change(**fields: Any) -> PatternChange:
    made: dict[str, Any] = {
        "id": "7",
        "kind": "merge",
        "pattern_id": "here",
        "other_id": "other",
        "detail": {},
        "reason": "",
        "made_by": "ann",
        "made_at": NOW,
        "undone_by": None,
        "undone_at": None,
    }
    return PatternChange(**(made | fields))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"kind": "interval", "period_seconds": 7_500.0}, "about every 2 h 5 min: kept 9 times."),
        ({"kind": "daily", "period_seconds": 86_400.0, "at": "02:10", "missed": 1},
         "every day at about 02:10: kept 9 times, left out once."),
        ({"kind": "daily", "period_seconds": 86_400.0, "at": "02:10", "weekdays_only": True},
         "every working day at about 02:10: kept 9 times."),
        ({"kind": "weekly", "period_seconds": 604_800.0, "at": "04:00", "weekday": 6, "missed": 2},
         "every Sunday at about 04:00: kept 9 times, left out 2 times."),
    ],
)  # fmt: skip
def test_a_rhythm_is_said_as_people_say_it(told: Mapping[str, Any], words: str) -> None:
    rhythm = Rhythm(**{"chance": 0.001, "beats": 9, "missed": 0, **told})
    assert rhythm_words(rhythm) == f"It comes {words}"


@pytest.mark.parametrize(
    ("direction", "words"),
    [("rising", "It becomes more"), ("falling", "It becomes less"), ("steady", "It is steady")],
)
def test_a_trend_is_told_with_its_numbers(direction: Any, words: str) -> None:
    trend = Trend(
        direction=direction,
        chance=0.001,
        recent_days=14,
        earlier_days=42,
        recent_per_day=2.34,
        earlier_per_day=1200,
    )
    assert trend_words(trend) == f"{words}: 2.3 a day in the last 14 days, 1,200 in the 42 days before."


def test_of_a_life_only_what_is_known_is_said() -> None:
    assert life_words(life()) == ["It has come too seldom, or with too little order, to tell a rhythm or a trend."]
    said = life_words(
        life(
            gap_median_seconds=3_600,
            gap_p90_seconds=7_200,
            resolve_median_seconds=90,
            coming_and_going=ComingAndGoing(within_an_hour=5, most_in_an_hour=4, quickly_closed_share=0.5),
        )
    )
    assert said[1:] == [
        "Half of the time it comes again within 1 h, nine times of ten within 2 h.",
        "It lasts 1 min in the median.",
        "50 % of its incidents were over within ten minutes.",
        "It opened and closed 4 times within one hour.",
    ]


@pytest.mark.parametrize(
    ("width", "first"), [("day", ["01 Feb", "3"]), ("week", ["01 Feb", "3"]), ("month", ["Feb 2026", "3"])]
)
def test_the_chart_has_the_same_numbers_as_a_table(width: Any, first: list[str]) -> None:
    buckets = (Bucket(start=date(2026, 2, 1), count=3), Bucket(start=date(2026, 3, 1), count=0))
    chart = chart_of(life(bucket_width=width, chart=buckets), "UTC")
    assert chart.rows[0] == first
    assert len(chart.rows) == 2


NAMES = {"other": "Another", "root": "The root"}


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        ({"kind": "merge"}, "merged Another into this one"),
        ({"kind": "merge", "pattern_id": "root", "other_id": "here"}, "merged it into The root"),
        ({"kind": "split", "detail": {"incidents": ["a"]}}, "split 1 incident off, which is now Another"),
        ({"kind": "split", "detail": {"incidents": ["a", "b"]}, "pattern_id": "root", "other_id": "here"},
         "split this off, 2 incidents, from The root"),
        ({"kind": "difference"}, "said that it is not the same problem as Another"),
        ({"kind": "difference", "pattern_id": "root", "other_id": "here"},
         "said that it is not the same problem as The root"),
        ({"kind": "name", "other_id": None, "detail": {"after": "Disks"}}, "called it Disks"),
        ({"kind": "name", "other_id": None, "detail": {"after": None}}, "took its name away"),
        ({"kind": "known_fix", "other_id": None, "detail": {"after": "turn it off"}},
         "said what mends it: turn it off"),
        ({"kind": "known_fix", "other_id": None, "detail": {"after": None}}, "took the known fix away"),
    ],
)  # fmt: skip
def test_a_change_is_a_sentence_from_the_side_of_the_page(made: Mapping[str, Any], sentence: str) -> None:
    (line,) = changes_of([change(**made)], ["here"], NAMES, CATALOGUE)
    parts = (line.before, line.link[1] if line.link else "", line.quoted, line.after)
    assert " ".join(filter(None, parts)) == sentence
    assert (line.by, line.undone) == ("Ann", None)


def test_a_change_that_was_taken_back_says_by_whom() -> None:
    (line,) = changes_of([change(undone_by="ann", undone_at=NOW)], ["here"], NAMES, CATALOGUE)
    assert line.undone == ("Ann", NOW)
