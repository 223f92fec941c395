"""Who is on call, computed twice: by our rotation, and by ``recurring-ical-events`` on the exported calendar.

The second knows nothing of layers but their rank, and nothing of turns or hours but what the calendar says.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from random import Random
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

from triage.domain.rotation import duty_at
from triage.domain.schedule import Hours, Layer, Limits, OnCallOverride, OnHolidays, Schedule
from triage.escalation.calendar import LAYER, PERSON, rotation_calendar, shifts_calendar

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo")
FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
_CLOCKS = (
    "00:00",
    "00:30",
    "01:00",
    "02:00",
    "02:30",
    "03:00",
    "06:00",
    "08:00",
    "09:00",
    "12:00",
    "17:00",
    "22:00",
)
_PEOPLE = ("ann", "bob", "eve", "kim", "max", "zoe")
_AROUND = tuple(timedelta(seconds=s) for s in (-5400, -1800, -1, 0, 1, 900, 1799, 1800, 3599, 3600, 5400))


@dataclass(frozen=True, slots=True)
class Drawn:
    schedule: Schedule
    overrides: tuple[OnCallOverride, ...]


@dataclass(frozen=True, slots=True)
class Disagreement:
    schedule: Schedule
    at: datetime
    ours: str | None
    theirs: str | None


@lru_cache(maxsize=1)
def clock_changes() -> tuple[datetime, ...]:
    """Every moment of 2026 and 2027 at which the clocks of one of ``ZONES`` change."""
    found = []
    for name in ZONES:
        zone, at = ZoneInfo(name), FIRST
        while at < LAST:
            following = at + timedelta(minutes=30)
            if at.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
                found.append(following)
            at = following
    return tuple(sorted(found))


def draw(seed: int) -> Drawn:
    """One to three layers with turns, hours and holidays drawn at random, and up to four swaps."""
    luck = Random(seed)
    layers = tuple(_layer(luck, rank) for rank in range(luck.randint(1, 3)))
    schedule = Schedule(id=f"s{seed}", timezone=luck.choice(ZONES), layers=layers)
    return Drawn(schedule, tuple(_override(luck, schedule, number) for number in range(luck.randint(0, 4))))


def _layer(luck: Random, rank: int) -> Layer:
    zone = luck.choice(ZONES)
    holidays = frozenset(date(2026, 1, 1) + timedelta(days=luck.randrange(730)) for _ in range(12))
    return Layer(
        id=f"l{rank}",
        timezone=zone,
        participants=tuple(luck.sample(_PEOPLE, luck.randint(1, 4))),
        starts_on=date(2025, 11, 1) + timedelta(days=luck.randrange(30)),
        turn=timedelta(days=luck.choice((1, 1, 2, 3, 7, 7, 14))),
        handover=luck.choice(_CLOCKS),
        hours=tuple(_hours(luck) for _ in range(luck.choice((0, 1, 1, 2)))),
        holidays=holidays,
    )


def _hours(luck: Random) -> Hours:
    days = frozenset(luck.sample(range(7), luck.randint(1, 7)))
    return Hours(
        start=luck.choice(_CLOCKS), end=luck.choice(_CLOCKS), days=days, holidays=luck.choice(list(OnHolidays))
    )


def _override(luck: Random, schedule: Schedule, number: int) -> OnCallOverride:
    near = luck.choice(clock_changes()) if luck.random() < 0.5 else FIRST + (LAST - FIRST) * luck.random()
    starts_at = near.replace(second=0, microsecond=0) - timedelta(minutes=luck.randrange(600))
    return OnCallOverride(
        id=f"o{number}",
        schedule=schedule.id,
        person=luck.choice(_PEOPLE),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=luck.randint(1, 1500)),
        made_by="ann",
        made_at=FIRST + timedelta(minutes=number),
    )


def moments(drawn: Drawn, count: int, seed: int) -> list[datetime]:
    """``count`` of them: around every change of the clocks, around hand-overs and midnights, and anywhere."""
    luck = Random(seed)
    found = [change + offset for change in clock_changes() for offset in _AROUND]
    while len(found) < count:
        at = FIRST + (LAST - FIRST) * luck.random()
        if luck.random() < 0.5:
            layer = luck.choice(drawn.schedule.layers)
            clock = luck.choice((layer.handover, "00:00", *(hours.end for hours in layer.hours)))
            local = at.astimezone(ZoneInfo(layer.timezone))
            at = local.replace(hour=int(clock[:2]), minute=int(clock[3:]), second=0, microsecond=0).astimezone(UTC)
            at += timedelta(seconds=luck.choice((-1, 0, 1)))
        if FIRST <= at < LAST:
            found.append(at)
    return found[:count]


class Independent:
    """Answers from the calendar's bytes alone."""

    def __init__(self, calendar: bytes) -> None:
        query = recurring_ical_events.of(icalendar.Calendar.from_ical(calendar))
        events = query.between(FIRST - timedelta(days=40), LAST + timedelta(days=40))
        self._by_start = sorted((_occurrence(event) for event in events), key=lambda found: found[0])
        self._starts = [found[0] for found in self._by_start]
        self._longest = max((end - start for start, end, *_ in self._by_start), default=timedelta(0))

    def at(self, at: datetime) -> str | None:
        first = bisect_right(self._starts, at - self._longest - timedelta(seconds=1))
        last = bisect_right(self._starts, at)
        holding = [found for found in self._by_start[first:last] if found[0] <= at < found[1]]
        return max(holding, key=lambda found: found[2], default=(at, at, (), None))[3]


def _occurrence(event: icalendar.Event) -> tuple[datetime, datetime, tuple[int, datetime], str]:
    made_at = event["LAST-MODIFIED"].dt if "LAST-MODIFIED" in event else FIRST
    rank = -int(event[LAYER]) if LAYER in event else 0
    return event.start.astimezone(UTC), event.end.astimezone(UTC), (rank, made_at), str(event.get(PERSON, ""))


def disagreements(drawn: Drawn, count: int, seed: int) -> Iterator[Disagreement]:
    """Where the rotation as exported and our answer differ."""
    theirs = Independent(rotation_calendar(drawn.schedule, {}, drawn.overrides))
    for at in moments(drawn, count, seed):
        ours = duty_at(drawn.schedule, at, drawn.overrides).person
        found = theirs.at(at)
        if ours != found:
            yield Disagreement(drawn.schedule, at, ours, found)


def disagreements_of_shifts(drawn: Drawn, count: int, seed: int) -> Iterator[Disagreement]:
    """The same of the final shifts, with a limit of nights, which only they can tell."""
    luck = Random(seed)
    limits = Limits(nights_in_a_row=luck.randint(1, 3))
    schedule = Schedule(
        id=drawn.schedule.id, timezone=drawn.schedule.timezone, layers=drawn.schedule.layers, limits=limits
    )
    theirs = Independent(shifts_calendar(schedule, FIRST, LAST, {}, drawn.overrides))
    for at in moments(drawn, count, seed):
        ours = duty_at(schedule, at, drawn.overrides).person
        found = theirs.at(at) or None
        if ours != found:
            yield Disagreement(schedule, at, ours, found)
