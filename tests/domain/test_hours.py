"""When the organisation works, and when it next does."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.catalogue import Catalogue, Sla, Team
from triage.domain.hours import acknowledge_by, after_hours, hours_between, is_open, opens_at, used
from triage.domain.priority import Priority


def berlin(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo("Europe/Berlin"))


CATALOGUE = Catalogue(
    version="c",
    organisation="o",
    timezone="Europe/Berlin",
    triage_desk="desk",
    teams={"desk": Team(id="desk", name="Desk")},
    holidays=frozenset({date(2026, 12, 25), date(2026, 12, 28)}),
)


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        (berlin(2026, 12, 24, 9, 0), berlin(2026, 12, 24, 9, 0)),
        (berlin(2026, 12, 24, 8, 59), berlin(2026, 12, 24, 9, 0)),
        (berlin(2026, 12, 24, 17, 0), berlin(2026, 12, 29, 9, 0)),
        (berlin(2026, 12, 25, 12, 0), berlin(2026, 12, 29, 9, 0)),
        (berlin(2027, 3, 27, 12, 0), berlin(2027, 3, 29, 9, 0)),
    ],
)
def test_next_hours_are_on_a_working_day_that_is_no_holiday(at, opens):
    assert opens_at(CATALOGUE, at) == opens


@given(st.integers(1_700_000_000, 1_900_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)))
def test_it_is_open_when_it_opens_and_not_in_between(at):
    opens = opens_at(CATALOGUE, at)
    assert opens >= at
    assert is_open(CATALOGUE, opens)
    assert opens == at or not is_open(CATALOGUE, at)


def test_organisation_that_never_works_makes_nothing_wait():
    never = Catalogue(
        version="c",
        organisation="o",
        timezone="UTC",
        triage_desk="desk",
        teams=CATALOGUE.teams,
        business_days=frozenset(),
    )
    at = datetime(2027, 1, 1, tzinfo=UTC)
    assert opens_at(never, at) == at


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        (berlin(2026, 12, 23, 10, 0), 3, berlin(2026, 12, 23, 13, 0)),
        (berlin(2026, 12, 23, 15, 0), 4, berlin(2026, 12, 24, 11, 0)),
        (berlin(2026, 12, 24, 20, 0), 1, berlin(2026, 12, 29, 10, 0)),
        (berlin(2026, 12, 23, 16, 0), 9, berlin(2026, 12, 24, 17, 0)),
    ],
)
def test_business_hours_alone_count_for_a_promise_in_them(start, hours, end):
    assert after_hours(CATALOGUE, start, timedelta(hours=hours)) == end
    sla = Sla(
        priority=Priority.P3, acknowledge_within=timedelta(hours=hours), resolve_within=timedelta(9), in_hours=True
    )
    assert acknowledge_by(CATALOGUE, sla, start) == end


@given(
    st.integers(1_780_000_000, 1_800_000_000).map(lambda s: datetime.fromtimestamp(s, UTC)), st.integers(0, 100)
)
def test_hours_that_pass_until_a_promise_are_those_of_the_promise(start, hours):
    length = timedelta(hours=hours)
    assert hours_between(CATALOGUE, start, after_hours(CATALOGUE, start, length)) == length


def test_share_of_a_promise_in_business_hours_stands_still_outside_of_them():
    sla = Sla(
        priority=Priority.P3, acknowledge_within=timedelta(1), resolve_within=timedelta(hours=16), in_hours=True
    )
    opened = berlin(2026, 12, 18, 16, 0)
    assert used(CATALOGUE, sla, opened, berlin(2026, 12, 20, 23, 0)) == 1 / 16
    assert used(CATALOGUE, sla, opened, berlin(2026, 12, 21, 12, 0)) == 4 / 16
    assert used(CATALOGUE, sla, opened, opened) == 0.0
