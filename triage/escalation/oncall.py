"""Who is on call: for each schedule, the person of the current turn and how long that turn lasts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from triage.domain.catalogue import Schedule
from triage.domain.rotation import handover_at, on_call, turn_at

__all__ = ["Shift", "on_call", "shift_at", "shifts_at"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One turn of one person; ``starts_at`` belongs to it, ``ends_at`` to the next."""

    schedule: str
    person: str
    starts_at: datetime
    ends_at: datetime


def shift_at(schedule: Schedule, at: datetime) -> Shift:
    """The turn that ``at``, an aware datetime, falls into."""
    first_day = schedule.starts_on + turn_at(schedule, at) * schedule.turn
    return Shift(
        schedule=schedule.id,
        person=on_call(schedule, at),
        starts_at=handover_at(schedule, first_day),
        ends_at=handover_at(schedule, first_day + schedule.turn),
    )


def shifts_at(schedules: Iterable[Schedule], at: datetime) -> tuple[Shift, ...]:
    """The current turn of every schedule, in the order given."""
    return tuple(shift_at(schedule, at) for schedule in schedules)
