"""Whose turn it is on a schedule: a pure function of the schedule and a moment."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from triage.domain.catalogue import Schedule


def handover_at(schedule: Schedule, day: date) -> datetime:
    """The moment, in UTC, at which a turn that begins on ``day`` begins.

    It is the wall clock of the schedule's zone that counts. A time that the clocks show twice on that day
    means its first showing; one that they skip is read by the clock from before the change.
    """
    local = datetime.combine(day, time.fromisoformat(schedule.handover), ZoneInfo(schedule.timezone))
    return local.astimezone(UTC)


def turn_at(schedule: Schedule, at: datetime) -> int:
    """Turns since ``starts_on``: 0 for the first, negative before it, so that the rotation wraps evenly."""
    day = at.astimezone(ZoneInfo(schedule.timezone)).date()
    if at < handover_at(schedule, day):
        day -= timedelta(days=1)
    return (day - schedule.starts_on).days // schedule.turn.days


def turn_order(schedule: Schedule, at: datetime) -> tuple[str, ...]:
    """The participants beginning with the one on call at ``at``, then those whose turns follow."""
    first = turn_at(schedule, at) % len(schedule.participants)
    return schedule.participants[first:] + schedule.participants[:first]


def on_call(schedule: Schedule, at: datetime) -> str:
    """The id of the person on call at ``at``, an aware datetime."""
    return schedule.participants[turn_at(schedule, at) % len(schedule.participants)]
