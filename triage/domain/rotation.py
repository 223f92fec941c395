"""Who is on call: a pure function of a schedule, the overrides of it, and a moment.

It is the wall clock of a layer's zone that counts. A time that the clocks show twice on a day means its first
showing; one that they skip is read by the clock from before the change (RFC 5545, section 3.3.5, says the same).
"""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from triage.domain.schedule import Hours, Layer, Limits, OnCallOverride, OnHolidays, Schedule

DAY = timedelta(days=1)
_NIGHTS_LOCK = threading.Lock()
"""Each night follows from those before it, so threads may not both add one."""


@dataclass(frozen=True, slots=True)
class Duty:
    """Who answers at a moment: ``order`` begins with the person on call, then those who stand in for them.
    Empty in a gap. ``layer`` None: an override alone. ``turn``: turns of the layer since it began."""

    order: tuple[str, ...] = ()
    layer: str | None = None
    turn: int = 0
    override: str | None = None
    relieves: str | None = None

    @property
    def person(self) -> str | None:
        return self.order[0] if self.order else None


@lru_cache(maxsize=65_536)
def moment(zone: str, day: date, clock: str) -> datetime:
    """The moment, in UTC, at which the clocks of ``zone`` show ``clock`` on ``day``."""
    return datetime.combine(day, time.fromisoformat(clock), ZoneInfo(zone)).astimezone(UTC)


def handover_at(layer: Layer, day: date) -> datetime:
    """The moment, in UTC, at which a turn that begins on ``day`` begins."""
    return moment(layer.timezone, day, layer.handover)


def local_day(zone: str, at: datetime) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def turn_at(layer: Layer, at: datetime) -> int:
    """Turns since ``starts_on``: 0 for the first, negative before it, so that the rotation wraps evenly."""
    day = local_day(layer.timezone, at)
    if at < handover_at(layer, day):
        day -= DAY
    return (day - layer.starts_on).days // layer.turn.days


def turn_order(layer: Layer, at: datetime) -> tuple[str, ...]:
    """The participants beginning with the one whose turn it is at ``at``, then those whose turns follow."""
    first = turn_at(layer, at) % len(layer.participants)
    return layer.participants[first:] + layer.participants[:first]


def window(zone: str, day: date, hours: tuple[str, str]) -> tuple[datetime, datetime]:
    """From when to when, in UTC, the hours that begin on ``day`` last."""
    start, end = hours
    return moment(zone, day, start), moment(zone, day if end > start else day + DAY, end)


def begins_on(layer: Layer, hours: Hours, day: date) -> bool:
    """Whether the hours begin on ``day`` at all."""
    if day.weekday() not in hours.days:
        return False
    if hours.holidays is OnHolidays.INCLUDE:
        return True
    return (day in layer.holidays) is (hours.holidays is OnHolidays.ONLY)


def covers(layer: Layer, at: datetime) -> bool:
    """Whether the layer's hours hold at ``at``."""
    if not layer.hours:
        return True
    today = local_day(layer.timezone, at)
    for hours in layer.hours:
        for day in (today, today - DAY):
            if begins_on(layer, hours, day):
                start, end = window(layer.timezone, day, (hours.start, hours.end))
                if start <= at < end:
                    return True
    return False


def layer_at(schedule: Schedule, at: datetime) -> Layer | None:
    return next((layer for layer in schedule.layers if covers(layer, at)), None)


def duty_at(schedule: Schedule, at: datetime, overrides: Iterable[OnCallOverride] = ()) -> Duty:
    """Who is on call at ``at``, an aware datetime: an override before the rotation, and before that the limits."""
    layer = layer_at(schedule, at)
    duty = _by_rotation(schedule, layer, at) if layer else Duty()
    standing = [found for found in overrides if found.holds(schedule.id, at)]
    if not standing:
        return duty
    override = max(standing, key=lambda found: (found.made_at, found.id))
    others = tuple(person for person in duty.order if person != override.person)
    return Duty((override.person, *others), duty.layer, duty.turn, override.id, duty.person)


def _by_rotation(schedule: Schedule, layer: Layer, at: datetime) -> Duty:
    order, turn = turn_order(layer, at), turn_at(layer, at)
    if schedule.limits.nights_in_a_row is None:
        return Duty(order, layer.id, turn)
    night = _night_of(schedule, at)
    rested = _holder(schedule, night) if night is not None else None
    if rested is None or rested.layer != layer.id:
        return Duty(order, layer.id, turn)
    return rested


def _night_of(schedule: Schedule, at: datetime) -> date | None:
    """The day on which the night that holds ``at`` began; None by day."""
    today = local_day(schedule.timezone, at)
    for day in (today, today - DAY):
        start, end = window(schedule.timezone, day, schedule.limits.night)
        if start <= at < end:
            return day
    return None


def _holder(schedule: Schedule, night: date) -> Duty | None:
    """Whose night it is. A night is one person's from its start, so a turn that ends within it ends after it."""
    begins = min(layer.starts_on for layer in schedule.layers)
    known = _nights(schedule)
    if night < begins:
        return None
    if len(known) <= (night - begins).days:
        with _NIGHTS_LOCK:
            while len(known) <= (night - begins).days:
                known.append(_next_night(schedule, begins + len(known) * DAY, known))
    return known[(night - begins).days]


@lru_cache(maxsize=1_024)
def _nights(schedule: Schedule) -> list[Duty | None]:
    """Holders of the nights since the schedule began; it grows as far as somebody asks."""
    return []


def _next_night(schedule: Schedule, night: date, earlier: list[Duty | None]) -> Duty | None:
    start, _ = window(schedule.timezone, night, schedule.limits.night)
    layer = layer_at(schedule, start)
    if layer is None:
        return None
    order, limit = turn_order(layer, start), schedule.limits.nights_in_a_row or 0
    last = earlier[-limit:] if len(earlier) >= limit else []
    tired = {duty.person if duty else None for duty in last}
    worn = next(iter(tired)) if len(tired) == 1 else None
    rested = tuple(person for person in order if person != worn)
    # Somebody answers all the same where the layer has nobody else.
    first = rested[0] if rested else order[0]
    others = tuple(person for person in order if person != first)
    return Duty((first, *others), layer.id, turn_at(layer, start), None, order[0] if first != order[0] else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """``person`` answers from ``starts_at`` until ``ends_at``, in UTC; None is a gap. ``override``: its id.
    ``relieves``: who would have been on call, had there been no override and no limit."""

    schedule: str
    person: str | None
    starts_at: datetime
    ends_at: datetime
    layer: str | None = None
    override: str | None = None
    relieves: str | None = None


def shifts(
    schedule: Schedule, start: datetime, end: datetime, overrides: Iterable[OnCallOverride] = ()
) -> Iterator[Shift]:
    """The shifts and gaps from ``start`` until ``end``, without a hole between them; the first and the last are
    cut off there."""
    standing = [found for found in overrides if found.schedule == schedule.id]
    cuts = sorted({start, *(cut for cut in _cuts(schedule, start, end, standing) if start < cut < end)})
    began, duty = start, duty_at(schedule, start, standing)
    for cut in cuts[1:]:
        following = duty_at(schedule, cut, standing)
        if _same_shift(duty, following):
            continue
        yield _shift(schedule, duty, began, cut)
        began, duty = cut, following
    yield _shift(schedule, duty, began, end)


def _same_shift(one: Duty, other: Duty) -> bool:
    return (one.person, one.layer, one.turn, one.override) == (
        other.person,
        other.layer,
        other.turn,
        other.override,
    )


def _shift(schedule: Schedule, duty: Duty, start: datetime, end: datetime) -> Shift:
    return Shift(
        schedule=schedule.id,
        person=duty.person,
        starts_at=start,
        ends_at=end,
        layer=duty.layer,
        override=duty.override,
        relieves=duty.relieves,
    )


def _cuts(
    schedule: Schedule, start: datetime, end: datetime, overrides: Iterable[OnCallOverride]
) -> Iterator[datetime]:
    """Every moment at which somebody else may come on call; more of them than do."""
    for override in overrides:
        yield from (override.starts_at, override.ends_at)
    limits: Limits = schedule.limits
    if limits.nights_in_a_row is not None:
        for day in _days(schedule.timezone, start, end):
            yield from window(schedule.timezone, day, limits.night)
    for layer in schedule.layers:
        for day in _days(layer.timezone, start, end):
            yield handover_at(layer, day)
            for hours in layer.hours:
                if begins_on(layer, hours, day):
                    yield from window(layer.timezone, day, (hours.start, hours.end))


def _days(zone: str, start: datetime, end: datetime) -> Iterator[date]:
    day = local_day(zone, start) - DAY
    last = local_day(zone, end) + DAY
    while day <= last:
        yield day
        day += DAY


def shift_at(schedule: Schedule, at: datetime, overrides: Iterable[OnCallOverride] = ()) -> Shift:
    """The shift, or the gap, that ``at``, an aware datetime, falls into; a gap is looked at for a year around."""
    standing = tuple(overrides)
    reach = max(layer.turn for layer in schedule.layers) + 2 * DAY
    while True:
        found = next(
            shift
            for shift in shifts(schedule, at - reach, at + reach, standing)
            if shift.starts_at <= at < shift.ends_at
        )
        whole = found.starts_at > at - reach and found.ends_at < at + reach
        if whole or reach > timedelta(days=366):
            return found
        reach *= 4


def gaps(
    schedule: Schedule, start: datetime, end: datetime, overrides: Iterable[OnCallOverride] = ()
) -> tuple[Shift, ...]:
    """When nobody is on call from ``start`` until ``end``."""
    return tuple(shift for shift in shifts(schedule, start, end, overrides) if shift.person is None)
