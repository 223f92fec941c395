"""The calendar that a person subscribes to."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import icalendar

from triage.domain.schedule import Hours, Layer, Limits, OnCallOverride, Schedule
from triage.escalation.calendar import rotation_calendar, shifts_calendar

NAMES = {"ann": "Ann Åkesson", "bob": "Bob; the builder"}
START = datetime(2027, 2, 1, 9, tzinfo=UTC)


def schedule(**changes) -> Schedule:
    defaults = {
        "id": "all",
        "timezone": "Europe/Berlin",
        "participants": ("ann", "bob"),
        "starts_on": date(2027, 2, 1),
    }
    layer = Layer(**{**defaults, "turn": timedelta(days=1), "handover": "10:00", **changes})
    return Schedule(id="ops", timezone="Europe/Berlin", layers=(layer,))


def events(calendar: bytes) -> list[icalendar.Event]:
    return list(icalendar.Calendar.from_ical(calendar).walk("VEVENT"))


def test_shifts_name_the_person_and_meet_each_other():
    found = events(shifts_calendar(schedule(), START, START + timedelta(days=3), NAMES))
    assert [str(event["SUMMARY"]) for event in found] == [
        "Ann Åkesson is on call: ops",
        "Bob; the builder is on call: ops",
        "Ann Åkesson is on call: ops",
    ]
    assert all(one.end == other.start for one, other in pairwise(found))
    assert len({str(event["UID"]) for event in found}) == 3


def test_person_sees_their_own_shifts_only_and_whom_they_relieve():
    swap = OnCallOverride(
        id="x",
        schedule="ops",
        person="bob",
        starts_at=START + timedelta(hours=3),
        ends_at=START + timedelta(hours=5),
        made_by="bob",
        made_at=START,
    )
    found = events(shifts_calendar(schedule(), START, START + timedelta(days=1), NAMES, [swap], person="bob"))
    assert [(event.start, event.end) for event in found] == [(swap.starts_at, swap.ends_at)]
    assert str(found[0]["DESCRIPTION"]) == "Instead of Ann Åkesson, by a swap"


def test_gap_is_shown_to_everybody_and_in_no_persons_calendar():
    days = schedule(hours=(Hours(start="09:00", end="17:00"),))
    everybody = events(shifts_calendar(days, START, START + timedelta(days=1), NAMES))
    assert "nobody is on call: ops" in [str(event["SUMMARY"]) for event in everybody]
    assert all(
        "nobody" not in str(e["SUMMARY"])
        for e in events(shifts_calendar(days, START, START + timedelta(days=2), NAMES, person="ann"))
    )


def test_rest_after_nights_is_explained():
    nightly = schedule(turn=timedelta(days=7))
    limited = Schedule(id="ops", timezone="UTC", layers=nightly.layers, limits=Limits(nights_in_a_row=1))
    found = events(shifts_calendar(limited, START, START + timedelta(days=3), NAMES, person="bob"))
    assert {str(event["DESCRIPTION"]) for event in found} == {"Instead of Ann Åkesson, for a rest"}


def test_rotation_recurs_in_local_time_with_its_time_zone():
    calendar = rotation_calendar(schedule(), NAMES)
    first, second = events(calendar)
    assert (first["RRULE"].to_ical(), first["DTSTART"].params["TZID"]) == (
        b"FREQ=DAILY;INTERVAL=2",
        "Europe/Berlin",
    )
    assert str(second["SUMMARY"]) == "Bob; the builder"
    assert b"BEGIN:VTIMEZONE" in calendar


def test_hours_that_never_fall_into_a_turn_are_no_event():
    never = schedule(turn=timedelta(days=7), participants=("ann",), hours=(Hours(days=frozenset({2})),))
    assert len(events(rotation_calendar(never, NAMES))) == 1
