"""Schedules as iCalendar (RFC 5545): the shifts as they will be, or the rotations as they are written."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vRecur

from triage.domain.rotation import DAY, begins_on, shifts
from triage.domain.schedule import Hours, Layer, OnCallOverride, OnHolidays, Schedule

PRODUCT = "-//Triage//on call//EN"
LAYER = "X-TRIAGE-LAYER"
"""Rank of a layer: of events at one moment, the lowest rank answers. Overrides have rank 0."""
PERSON = "X-TRIAGE-PERSON"
CLOCKS_KNOWN = (date(2020, 1, 1), date(2038, 1, 1))
"""Days between which changes of the clocks are looked at one by one."""
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def shifts_calendar(
    schedule: Schedule,
    start: datetime,
    end: datetime,
    names: Mapping[str, str],
    overrides: Iterable[OnCallOverride] = (),
    person: str | None = None,
) -> bytes:
    """Who is on call from ``start`` until ``end``, after layers, limits and overrides; only the shifts of
    ``person``, an id, if one is given. ``names``: of people by id. A gap is an event, too, where it is not one
    person's calendar that is asked for."""
    calendar = _calendar(schedule)
    for shift in shifts(schedule, start, end, overrides):
        if person is not None and shift.person != person:
            continue
        event = Event()
        who = names.get(shift.person, shift.person) if shift.person else "nobody"
        event.add("uid", f"{schedule.id}-{shift.starts_at:%Y%m%dT%H%M%SZ}-{shift.person or 'nobody'}@triage")
        event.add("summary", f"{who} is on call: {schedule.id}")
        event.add("dtstamp", start)
        event.add("dtstart", shift.starts_at)
        event.add("dtend", shift.ends_at)
        event.add("transp", "TRANSPARENT")
        if shift.person is not None:
            event.add(PERSON, shift.person)
        if shift.relieves is not None:
            reason = "by a swap" if shift.override else "for a rest"
            event.add("description", f"Instead of {names.get(shift.relieves, shift.relieves)}, {reason}")
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def rotation_calendar(
    schedule: Schedule, names: Mapping[str, str], overrides: Iterable[OnCallOverride] = ()
) -> bytes:
    """The layers as recurring events in local time, right from the day on which each starts, and the overrides.

    Limits are not in it: what somebody is spared depends on the nights before, which no recurrence can say.
    """
    calendar = _calendar(schedule)
    for rank, layer in enumerate(schedule.layers, start=1):
        for number, event in enumerate(_layer_events(layer, names)):
            event.add("uid", f"{schedule.id}-{layer.id}-{number}@triage")
            event.add("dtstamp", datetime(2026, 1, 1, tzinfo=UTC))
            event.add(LAYER, str(rank))
            calendar.add_component(event)
    for override in _standing(schedule, overrides):
        event = _event(override.person, names)
        event.add("uid", f"{override.id}@triage")
        event.add("dtstamp", override.made_at)
        event.add("dtstart", override.starts_at.astimezone(UTC))
        event.add("dtend", override.ends_at.astimezone(UTC))
        event.add(LAYER, "0")
        event.add("last-modified", override.made_at)
        calendar.add_component(event)
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def _calendar(schedule: Schedule) -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"On call: {schedule.id}")
    return calendar


def _standing(schedule: Schedule, overrides: Iterable[OnCallOverride]) -> list[OnCallOverride]:
    return [override for override in overrides if override.schedule == schedule.id]


def _event(person: str, names: Mapping[str, str]) -> Event:
    event = Event()
    event.add("summary", names.get(person, person))
    event.add(PERSON, person)
    event.add("transp", "TRANSPARENT")
    return event


def _layer_events(layer: Layer, names: Mapping[str, str]) -> Iterator[Event]:
    """For each participant one event per turn; with restricted hours one for each day of the turn."""
    for place, person in enumerate(layer.participants):
        first = layer.starts_on + place * layer.turn
        if not layer.hours:
            begins = _local(layer, first, layer.handover)
            yield from _recurring(layer, person, names, begins, begins + layer.turn)
            continue
        for hours in layer.hours:
            yield from _windows(layer, hours, person, names, first)


def _windows(layer: Layer, hours: Hours, person: str, names: Mapping[str, str], first: date) -> Iterator[Event]:
    """Hours clipped to a turn: those that begin on the day before reach into it, and the last ones out of it."""
    for offset in range(-1, layer.turn.days + 1):
        window = _Window(layer, hours, first, first + offset * DAY)
        odd = [day for day in window.days_of_changed_clocks() if window.is_odd_on(day)]
        for day in odd:
            begins, ends = window.in_truth(day)
            if begins < ends and begins_on(layer, hours, day):
                event = _event(person, names)
                event.add("dtstart", begins)
                event.add("dtend", ends)
                yield event
        begins, ends = window.as_written(window.day)
        if begins < ends:
            yield from _on_its_days(window, person, names, odd)


class _Window:
    """One participant's hours of one day of their turn, which come back with every cycle of the rotation."""

    def __init__(self, layer: Layer, hours: Hours, first: date, day: date) -> None:
        self.layer = layer
        self.hours = hours
        self.first = first
        self.day = day
        self.cycle = layer.turn.days * len(layer.participants)

    def as_written(self, day: date) -> tuple[datetime, datetime]:
        """By the wall clock, which is how a recurrence is told."""
        start, end, turn_begins, turn_ends = self._bounds(day)
        return max(start, turn_begins), min(end, turn_ends)

    def in_truth(self, day: date) -> tuple[datetime, datetime]:
        """In UTC. Of two wall-clock times the later one may come first, where one of them is skipped."""
        start, end, turn_begins, turn_ends = (bound.astimezone(UTC) for bound in self._bounds(day))
        return max(start, turn_begins), min(end, turn_ends)

    def is_odd_on(self, day: date) -> bool:
        """Whether the two differ, so that a recurrence would tell a wrong time."""
        written, truth = self.as_written(day), self.in_truth(day)
        is_empty = written[0] >= written[1], truth[0] >= truth[1]
        if any(is_empty):
            return not all(is_empty)
        return tuple(bound.astimezone(UTC) for bound in written) != truth

    def recurs_on(self, day: date) -> bool:
        return day >= self.day and (day - self.day).days % self.cycle == 0

    def days_of_changed_clocks(self) -> Iterator[date]:
        for changed in _changed_days(self.layer.timezone):
            yield from (day for n in (-1, 0, 1) if self.recurs_on(day := changed + n * DAY))

    def _bounds(self, day: date) -> tuple[datetime, datetime, datetime, datetime]:
        layer, hours = self.layer, self.hours
        turn_begins = _local(layer, self.first + (day - self.day), layer.handover)
        start = _local(layer, day, hours.start)
        end = _local(layer, day if hours.end > hours.start else day + DAY, hours.end)
        return start, end, turn_begins, turn_begins + layer.turn


@lru_cache(maxsize=256)
def _changed_days(zone: str) -> tuple[date, ...]:
    """Days of ``CLOCKS_KNOWN`` on which the clocks of ``zone`` change."""
    found, day = [], CLOCKS_KNOWN[0]
    here = ZoneInfo(zone)
    while day < CLOCKS_KNOWN[1]:
        before, after = (datetime.combine(day + n * DAY, time(12), here).utcoffset() for n in (-1, 0))
        if before != after:
            found.append(day)
        day += DAY
    return tuple(found)


def _on_its_days(window: _Window, person: str, names: Mapping[str, str], odd: Iterable[date]) -> Iterator[Event]:
    """``window.day`` is the one on which the hours begin, which days and holidays are asked about; the event
    itself may begin later, at the hand-over."""
    layer, hours, day = window.layer, window.hours, window.day
    begins, ends = window.as_written(day)
    left_out = frozenset(odd)
    if hours.holidays is OnHolidays.ONLY:
        for holiday in sorted(layer.holidays - left_out):
            if window.recurs_on(holiday) and begins_on(layer, hours, holiday):
                event = _event(person, names)
                event.add("dtstart", begins + (holiday - day))
                event.add("dtend", ends + (holiday - day))
                yield event
        return
    late = (begins.date() - day).days
    weekdays = frozenset((weekday + late) % 7 for weekday in hours.days)
    if hours.holidays is OnHolidays.EXCLUDE:
        left_out |= layer.holidays
    excluded = [begins + (skipped - day) for skipped in sorted(left_out) if window.recurs_on(skipped)]
    yield from _recurring(layer, person, names, begins, ends, weekdays, excluded)


def _recurring(
    layer: Layer,
    person: str,
    names: Mapping[str, str],
    begins: datetime,
    ends: datetime,
    weekdays: frozenset[int] = frozenset(range(7)),
    excluded: Iterable[datetime] = (),
) -> Iterator[Event]:
    """Every so many days, which is the whole cycle of participants. The first day must be one of ``weekdays``, for
    an event always happens on its first day; where none ever is, there is no event."""
    cycle = layer.turn.days * len(layer.participants)
    for _ in range(7):
        if begins.weekday() in weekdays:
            break
        begins, ends = begins + cycle * DAY, ends + cycle * DAY
    else:
        return
    event = _event(person, names)
    event.add("dtstart", begins)
    event.add("dtend", ends)
    rule: dict[str, object] = {"freq": "daily", "interval": cycle}
    if len(weekdays) < 7:
        rule["byday"] = [_WEEKDAYS[weekday] for weekday in sorted(weekdays)]
    event.add("rrule", vRecur(rule))
    for moment in excluded:
        if moment >= begins:
            event.add("exdate", moment)
    yield event


def _local(layer: Layer, day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), ZoneInfo(layer.timezone))
