"""Whose turn it is: by the wall clock, across daylight saving, and before the rotation began."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.catalogue import Schedule
from triage.domain.rotation import turn_order
from triage.escalation.oncall import on_call, shift_at, shifts_at

BERLIN = ZoneInfo("Europe/Berlin")


def schedule(**changes) -> Schedule:
    defaults = {
        "id": "s",
        "timezone": "Europe/Berlin",
        "participants": ("ann", "bob", "eve"),
        "starts_on": date(2027, 3, 22),
        "turn": timedelta(days=1),
    }
    return Schedule(**{**defaults, **changes})


@pytest.mark.parametrize(
    ("local", "person"),
    [
        (datetime(2027, 3, 22, 9, 0, tzinfo=BERLIN), "ann"),
        (datetime(2027, 3, 23, 8, 59, 59, tzinfo=BERLIN), "ann"),
        (datetime(2027, 3, 23, 9, 0, tzinfo=BERLIN), "bob"),
        (datetime(2027, 3, 24, 9, 0, tzinfo=BERLIN), "eve"),
        (datetime(2027, 3, 25, 9, 0, tzinfo=BERLIN), "ann"),
        (datetime(2027, 3, 22, 8, 59, tzinfo=BERLIN), "eve"),
        (datetime(2027, 3, 20, 9, 0, tzinfo=BERLIN), "bob"),
        (datetime(2027, 3, 19, 9, 0, tzinfo=BERLIN), "ann"),
    ],
)
def test_participants_take_turns_before_and_after_the_first_day(local, person):
    assert on_call(schedule(), local) == person


@pytest.mark.parametrize("day", [date(2027, 3, 28), date(2027, 10, 31)])
def test_hand_over_stays_at_nine_when_the_clocks_change(day):
    nine = datetime(day.year, day.month, day.day, 9, tzinfo=BERLIN)
    before, after = nine.astimezone(UTC) - timedelta(seconds=1), nine.astimezone(UTC)
    assert turn_order(schedule(), before)[1] == on_call(schedule(), after)


def test_time_that_the_clocks_show_twice_hands_over_once_at_its_first_showing():
    night = schedule(handover="02:30", starts_on=date(2027, 10, 30))
    moments = [datetime(2027, 10, 31, 0, 0, tzinfo=UTC) + timedelta(minutes=m) for m in range(0, 120, 5)]
    people = [on_call(night, moment) for moment in moments]
    assert people == ["ann"] * 6 + ["bob"] * 18


def test_time_that_the_clocks_skip_hands_over_once():
    night = schedule(handover="02:30", starts_on=date(2027, 3, 27))
    moments = [datetime(2027, 3, 28, 0, 0, tzinfo=UTC) + timedelta(minutes=m) for m in range(0, 180, 5)]
    people = [on_call(night, moment) for moment in moments]
    assert people == ["ann"] * 18 + ["bob"] * 18


def test_shift_says_how_long_it_lasts():
    shift = shift_at(schedule(), datetime(2027, 3, 28, 6, 0, tzinfo=UTC))
    assert (shift.person, shift.starts_at, shift.ends_at) == (
        "eve",
        datetime(2027, 3, 27, 8, 0, tzinfo=UTC),
        datetime(2027, 3, 28, 7, 0, tzinfo=UTC),
    )


def test_every_schedule_has_somebody():
    found = shifts_at(
        [schedule(id="a"), schedule(id="b", participants=("zoe",))], datetime(2027, 5, 1, tzinfo=UTC)
    )
    assert [(shift.schedule, shift.person) for shift in found] == [("a", "ann"), ("b", "zoe")]


@given(
    at=st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
    turn=st.integers(1, 21),
    handover=st.sampled_from(["00:00", "02:30", "09:00", "23:59"]),
)
def test_shift_holds_its_moment_and_meets_the_next_one(at, zone, turn, handover):
    drawn = schedule(timezone=zone, turn=timedelta(days=turn), handover=handover)
    shift = shift_at(drawn, at)
    assert shift.starts_at <= at < shift.ends_at
    following = shift_at(drawn, shift.ends_at)
    assert following.starts_at == shift.ends_at
    assert following.person == turn_order(drawn, at)[1]
