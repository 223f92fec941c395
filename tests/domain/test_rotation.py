"""Who is on call: by the wall clock, across daylight saving, by layers, overrides and limits."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.domain.rotation import duty_at, gaps, shift_at, shifts, turn_order
from triage.domain.schedule import Hours, Layer, Limits, OnCallOverride, OnHolidays, Schedule

BERLIN = ZoneInfo("Europe/Berlin")
WORKDAYS = frozenset(range(5))


def layer(**changes) -> Layer:
    defaults = {
        "id": "rotation",
        "timezone": "Europe/Berlin",
        "participants": ("ann", "bob", "eve"),
        "starts_on": date(2027, 3, 22),
        "turn": timedelta(days=1),
    }
    return Layer(**{**defaults, **changes})


def schedule(*layers: Layer, limits: Limits | None = None, **changes) -> Schedule:
    zone = changes.get("timezone", "Europe/Berlin")
    return Schedule(id="s", timezone=zone, layers=layers or (layer(**changes),), limits=limits or Limits())


def on_call(found: Schedule, at: datetime, *overrides: OnCallOverride) -> str | None:
    return duty_at(found, at, overrides).person


def override(person: str, starts_at: datetime, hours: float, **changes) -> OnCallOverride:
    defaults = {
        "id": person,
        "schedule": "s",
        "person": person,
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(hours=hours),
        "made_by": "ann",
        "made_at": datetime(2027, 1, 1, tzinfo=UTC),
    }
    return OnCallOverride(**{**defaults, **changes})


def berlin(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2027, month, day, hour, minute, tzinfo=BERLIN)


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
    assert turn_order(layer(), before)[1] == on_call(schedule(), after)


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


def test_upper_layer_answers_within_its_hours_and_the_next_one_outside():
    nights = layer(id="nights", participants=("zoe",), hours=(Hours(start="22:00", end="06:00"),))
    both = schedule(nights, layer(id="days", participants=("ann",)))
    assert [on_call(both, berlin(5, 3, hour)) for hour in (5, 6, 21, 22, 0)] == ["zoe", "ann", "ann", "zoe", "zoe"]


def test_hours_over_midnight_belong_to_the_day_on_which_they_begin():
    friday_night = schedule(
        layer(participants=("zoe",), hours=(Hours(start="22:00", end="06:00", days=frozenset({4})),))
    )
    assert on_call(friday_night, berlin(5, 7, 23)) == "zoe"
    assert on_call(friday_night, berlin(5, 8, 5, 59)) == "zoe"
    assert on_call(friday_night, berlin(5, 8, 22)) is None
    assert on_call(friday_night, berlin(5, 7, 5)) is None


def test_each_layer_keeps_the_hours_of_its_own_zone():
    day = (Hours(start="09:00", end="17:00"),)
    following = schedule(
        layer(id="asia", timezone="Asia/Singapore", participants=("mei",), hours=day),
        layer(id="europe", participants=("ann",), hours=day),
        layer(id="rest", participants=("dana",)),
    )
    answers = {hour: on_call(following, datetime(2027, 7, 1, hour, tzinfo=UTC)) for hour in (2, 8, 9, 14, 15)}
    assert answers == {2: "mei", 8: "mei", 9: "ann", 14: "ann", 15: "dana"}


@pytest.mark.parametrize(
    ("rule", "on_holiday", "on_workday"),
    [(OnHolidays.INCLUDE, "zoe", "zoe"), (OnHolidays.EXCLUDE, "ann", "zoe"), (OnHolidays.ONLY, "zoe", "ann")],
)
def test_holidays_include_exclude_or_alone_open_a_layer(rule, on_holiday, on_workday):
    upper = layer(
        id="upper",
        participants=("zoe",),
        hours=(Hours(days=WORKDAYS, holidays=rule),),
        holidays=frozenset({date(2027, 5, 6)}),
    )
    both = schedule(upper, layer(participants=("ann",)))
    assert (on_call(both, berlin(5, 6, 12)), on_call(both, berlin(5, 5, 12))) == (on_holiday, on_workday)


def test_override_answers_before_the_rotation_and_those_of_the_rotation_stand_in_for_it():
    swap = override("zoe", berlin(3, 23, 2), 3)
    found = duty_at(schedule(), berlin(3, 23, 4, 59), [swap])
    assert (found.order, found.override, found.relieves) == (("zoe", "ann", "bob", "eve"), "zoe", "ann")
    assert on_call(schedule(), berlin(3, 23, 5), swap) == "ann"
    assert on_call(schedule(), berlin(3, 23, 1, 59), swap) == "ann"


def test_of_two_overrides_the_later_made_counts():
    first = override("zoe", berlin(3, 23, 2), 3)
    second = override("kim", berlin(3, 23, 3), 1, made_at=datetime(2027, 1, 2, tzinfo=UTC))
    assert [on_call(schedule(), berlin(3, 23, hour), first, second) for hour in (2, 3, 4)] == ["zoe", "kim", "zoe"]


def test_override_closes_a_gap():
    days = schedule(hours=(Hours(start="09:00", end="17:00"),))
    swap = override("zoe", berlin(3, 24, 20), 2)
    assert (on_call(days, berlin(3, 24, 21)), on_call(days, berlin(3, 24, 21), swap)) == (None, "zoe")


def test_nobody_has_a_third_night_in_a_row():
    weekly = schedule(turn=timedelta(days=7), limits=Limits(nights_in_a_row=2))
    nights = [on_call(weekly, berlin(3, 22, 23) + timedelta(days=day)) for day in range(9)]
    assert nights == ["ann", "ann", "bob", "ann", "ann", "bob", "ann", "bob", "bob"]
    relieved = duty_at(weekly, berlin(3, 25, 1))
    assert (relieved.person, relieved.relieves) == ("bob", "ann")
    assert on_call(weekly, berlin(3, 25, 6)) == "ann"


def test_the_only_participant_keeps_the_nights_whatever_the_limit():
    alone = schedule(participants=("ann",), limits=Limits(nights_in_a_row=1))
    assert {on_call(alone, berlin(3, 22, 23) + timedelta(days=day)) for day in range(5)} == {"ann"}


@given(
    people=st.integers(2, 5),
    turn=st.integers(1, 14),
    limit=st.integers(1, 4),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    handover=st.sampled_from(["00:00", "09:00", "23:30"]),
)
def test_no_run_of_nights_is_longer_than_its_limit(people, turn, limit, zone, handover):
    found = schedule(
        timezone=zone,
        participants=tuple("abcde"[:people]),
        turn=timedelta(days=turn),
        handover=handover,
        limits=Limits(nights_in_a_row=limit),
    )
    starts = [datetime(2027, 3, 22, 22, tzinfo=ZoneInfo(zone)) + timedelta(days=day) for day in range(60)]
    nights = [on_call(found, start) for start in starts]
    assert max(len(list(run)) for _, run in groupby(nights)) <= limit
    within = [{on_call(found, (start.astimezone(UTC) + timedelta(hours=h))) for h in range(7)} for start in starts]
    assert all(len(found) == 1 for found in within)


def test_gaps_are_found_ahead():
    days = schedule(hours=(Hours(start="09:00", end="17:00", days=WORKDAYS),))
    found = gaps(days, berlin(4, 2, 12), berlin(4, 6, 12))
    assert [(gap.starts_at, gap.ends_at) for gap in found] == [
        (berlin(4, 2, 17), berlin(4, 5, 9)),
        (berlin(4, 5, 17), berlin(4, 6, 9)),
    ]


zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
moments = st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
clocks = st.sampled_from(["00:00", "02:30", "09:00", "17:00", "23:59"])


@given(at=moments, zone=zones, turn=st.integers(1, 21), handover=clocks)
def test_shift_holds_its_moment_and_meets_the_next_one(at, zone, turn, handover):
    drawn = schedule(timezone=zone, turn=timedelta(days=turn), handover=handover)
    shift = shift_at(drawn, at)
    assert shift.starts_at <= at < shift.ends_at
    following = shift_at(drawn, shift.ends_at)
    assert following.starts_at == shift.ends_at
    assert following.person == turn_order(drawn.layers[0], at)[1]


near = st.integers(0, 2_000_000).map(lambda minutes: datetime(2027, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))


@given(at=near, zone=zones, start=clocks, end=clocks, limit=st.none() | st.integers(1, 3), seed=st.randoms())
def test_shifts_leave_no_hole_and_say_what_every_moment_says(at, zone, start, end, limit, seed):
    upper = layer(
        id="upper", participants=("zoe", "kim"), hours=(Hours(start=start, end=end, days=frozenset({1, 4, 6})),)
    )
    drawn = schedule(
        upper,
        layer(timezone=zone, hours=(Hours(start="06:00", end="23:00"),)),
        limits=Limits(nights_in_a_row=limit),
    )
    swap = override("max", at + timedelta(hours=seed.randint(0, 60)), 7)
    found = list(shifts(drawn, at, at + timedelta(days=5), [swap]))
    assert (found[0].starts_at, found[-1].ends_at) == (at, at + timedelta(days=5))
    assert all(one.ends_at == other.starts_at for one, other in pairwise(found))
    for shift in found:
        inside = shift.starts_at + (shift.ends_at - shift.starts_at) * min(seed.random(), 0.999)
        assert on_call(drawn, inside, swap) == shift.person
        assert on_call(drawn, shift.starts_at, swap) == shift.person


def test_turns_are_fair():
    weekly = schedule(turn=timedelta(days=2), starts_on=date(2027, 1, 1))
    start = datetime(2027, 1, 1, 9, tzinfo=BERLIN)
    held = Counter(on_call(weekly, start + timedelta(days=day)) for day in range(60))
    assert held == {"ann": 20, "bob": 20, "eve": 20}


def test_nights_asked_for_by_many_threads_at_once_are_as_those_asked_for_by_one():
    rotation = Layer(id="all", timezone="UTC", participants=("ann", "bob", "cem"), starts_on=date(2026, 1, 1))
    one, other = (
        Schedule(id=name, timezone="UTC", layers=(rotation,), limits=Limits(nights_in_a_row=2)) for name in "ab"
    )
    nights = [datetime(2026, 1, 1, 23, tzinfo=UTC) + timedelta(days=day) for day in range(400)]
    expected = [duty_at(one, at).person for at in nights]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: [duty_at(other, at).person for at in nights], range(8)))
    assert found == [expected] * 8
