"""On-call schedules as they are written: layers of rotations in local time, and what a person can bear."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum

EVERY_DAY = frozenset(range(7))


class OnHolidays(Enum):
    """What a layer's hours do on a holiday of its calendar."""

    INCLUDE = "include"
    EXCLUDE = "exclude"
    ONLY = "only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """A restriction: from ``start`` to ``end`` by the layer's wall clock, on ``days`` (Monday is 0).

    An end that is not later than the start lies on the next day; it belongs to the day on which it began.
    """

    start: str = "00:00"
    end: str = "00:00"
    days: frozenset[int] = EVERY_DAY
    holidays: OnHolidays = OnHolidays.INCLUDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Participants take turns of ``turn`` whole days from ``starts_on`` at ``handover``, all in local time.
    Without ``hours`` it covers the whole day, every day."""

    id: str
    timezone: str
    participants: tuple[str, ...]
    starts_on: date
    turn: timedelta = timedelta(days=7)
    handover: str = "09:00"
    hours: tuple[Hours, ...] = ()
    holidays: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one person is asked to bear: how many nights running, and how many pages in one shift, before the
    next in turn takes over. ``night``: by the schedule's wall clock."""

    nights_in_a_row: int | None = None
    pages_a_shift: int | None = None
    night: tuple[str, str] = ("22:00", "06:00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Of its ``layers``, the first whose hours hold answers; outside of the hours of all of them is a gap."""

    id: str
    timezone: str
    layers: tuple[Layer, ...]
    limits: Limits = field(default_factory=Limits)

    @property
    def participants(self) -> tuple[str, ...]:
        """Everybody who ever takes a turn, each once, in the order written."""
        return tuple(dict.fromkeys(person for layer in self.layers for person in layer.participants))


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCallOverride:
    """A shift swap: ``person`` answers for ``schedule`` from ``starts_at`` until ``ends_at``, aware datetimes.
    Of two that overlap, the one made later counts. It breaks limits, for people agreed on it."""

    id: str
    schedule: str
    person: str
    starts_at: datetime
    ends_at: datetime
    made_by: str
    made_at: datetime
    reason: str = ""

    def holds(self, schedule: str, at: datetime) -> bool:
        return self.schedule == schedule and self.starts_at <= at < self.ends_at
