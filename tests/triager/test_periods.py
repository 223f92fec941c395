"""Weeks by the clock of people, and when clocks are changed."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from triage.periods import clock_changes, weeks_of

BERLIN, NEW_YORK, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_period_is_cut_into_weeks_that_begin_on_monday_of_the_zone() -> None:
    weeks = weeks_of(BERLIN, moment("2026-10-23T12:00"), moment("2026-11-02T12:00"))
    # The clocks are put back on the Sunday between: that week has an hour more.
    assert weeks == [
        (moment("2026-10-18T22:00"), "2026-W43"),
        (moment("2026-10-25T23:00"), "2026-W44"),
        (moment("2026-11-01T23:00"), "2026-W45"),
    ]


def test_a_week_belongs_to_the_year_that_has_most_of_it() -> None:
    assert [name for _, name in weeks_of(BERLIN, moment("2027-01-01T12:00"), moment("2027-01-04T12:00"))] == [
        "2026-W53",
        "2027-W01",
    ]


def test_even_of_a_moment_there_is_a_week() -> None:
    assert len(weeks_of(BERLIN, moment("2026-10-26T00:00"), moment("2026-10-26T00:00"))) == 1


def test_changes_of_any_of_the_clocks_are_found() -> None:
    year = moment("2026-01-01T00:00"), moment("2027-01-01T00:00")
    found = clock_changes([BERLIN, NEW_YORK, KOLKATA], *year)
    assert found == [
        moment("2026-03-08T07:00"),
        moment("2026-03-29T01:00"),
        moment("2026-10-25T01:00"),
        moment("2026-11-01T06:00"),
    ]
    assert clock_changes([BERLIN], moment("2026-04-01T00:00"), moment("2026-10-01T01:00")) == []
