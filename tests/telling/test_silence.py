"""A source that always spoke and does not is noticed; one that is quiet as it always was is not."""

from datetime import UTC, datetime, timedelta

import pytest

from triage.telling.silence import Silent, find_silent

START = datetime(2026, 3, 2, tzinfo=UTC)
NOW = START + timedelta(days=14)


def every(minutes: int, until: datetime = NOW, start: datetime = START) -> list[datetime]:
    count = int((until - start) / timedelta(minutes=minutes))
    return [start + timedelta(minutes=minutes) * n for n in range(count)]


def test_a_steady_source_that_stops_is_noticed_after_half_an_hour() -> None:
    beats = {"alertmanager": every(5, NOW - timedelta(minutes=36))}
    (silent,) = find_silent(beats, {}, NOW)
    assert (silent.source, silent.usually, silent.longest) == (
        "alertmanager",
        timedelta(minutes=5),
        timedelta(minutes=5),
    )
    assert find_silent({"alertmanager": every(5, NOW - timedelta(minutes=24))}, {}, NOW) == []


def test_a_source_of_office_hours_is_not_missed_at_the_weekend() -> None:
    beats = [at for at in every(10) if at.weekday() < 5 and 8 <= at.hour < 18]
    monday = NOW.replace(hour=7)
    assert monday.weekday() == 0
    for hours in range(0, 62, 5):
        moment = monday - timedelta(hours=62 - hours)
        assert find_silent({"desk": [at for at in beats if at < moment]}, {}, moment) == []


def test_a_source_that_is_hardly_known_has_no_habits() -> None:
    young = every(5, NOW - timedelta(hours=5), NOW - timedelta(days=2))
    rare = every(600, NOW - timedelta(days=3))
    assert find_silent({"young": young, "rare": rare, "none": []}, {}, NOW) == []


@pytest.mark.parametrize(
    ("limit", "silent"), [(timedelta(hours=1), True), (timedelta(hours=3), False), (None, False)]
)
def test_the_catalogue_may_say_how_long_it_may_be_silent(limit: timedelta | None, silent: bool) -> None:
    beats = {"cron": [NOW - timedelta(hours=2, minutes=5)]}
    found = find_silent(beats, {"cron": limit}, NOW)
    assert found == ([Silent(source="cron", since=beats["cron"][0])] if silent else [])
