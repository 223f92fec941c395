"""The organisation's business hours: whether it works at a moment, and when it next does."""

from datetime import UTC, date, datetime, timedelta

from triage.domain.catalogue import Catalogue, Sla
from triage.domain.rotation import local_day, moment

_LONGEST_PAUSE = 400
"""Days; a catalogue that never works within them never does, and then nothing waits for it."""


def is_open(catalogue: Catalogue, at: datetime) -> bool:
    """Whether ``at``, an aware datetime, is within business hours of a working day that is no holiday."""
    local = at.astimezone(catalogue.zone)
    start, end = catalogue.business_hours
    return _works_on(catalogue, local.date()) and start <= local.strftime("%H:%M") < end


def opens_at(catalogue: Catalogue, at: datetime) -> datetime:
    """``at`` if it is within business hours, else the next moment, in UTC, that is."""
    if is_open(catalogue, at):
        return at
    day = local_day(catalogue.timezone, at)
    for _ in range(_LONGEST_PAUSE):
        opening = moment(catalogue.timezone, day, catalogue.business_hours[0])
        if opening >= at.astimezone(UTC) and _works_on(catalogue, day):
            return opening
        day += timedelta(days=1)
    return at


def after_hours(catalogue: Catalogue, start: datetime, length: timedelta) -> datetime:
    """The moment at which ``length`` of business hours have passed since ``start``; a catalogue that never works
    counts every hour."""
    at, left = start, length
    while left > timedelta(0):
        opening = opens_at(catalogue, at)
        if not is_open(catalogue, opening):
            return at + left
        closing = moment(catalogue.timezone, local_day(catalogue.timezone, opening), catalogue.business_hours[1])
        if opening + left <= closing:
            return opening + left
        left -= closing - opening
        at = closing
    return at


def hours_between(catalogue: Catalogue, start: datetime, end: datetime) -> timedelta:
    """Business hours between two moments, of at most ``_LONGEST_PAUSE`` days."""
    worked = timedelta(0)
    day = local_day(catalogue.timezone, start)
    for _ in range(_LONGEST_PAUSE):
        opening = moment(catalogue.timezone, day, catalogue.business_hours[0])
        if opening >= end:
            break
        closing = moment(catalogue.timezone, day, catalogue.business_hours[1])
        if _works_on(catalogue, day):
            worked += max(min(closing, end) - max(opening, start), timedelta(0))
        day += timedelta(days=1)
    return worked


def used(catalogue: Catalogue, sla: Sla, opened_at: datetime, now: datetime) -> float:
    """Share of the time to resolve that is gone, of the hours that count; 0.0 where there is no time at all."""
    if not sla.resolve_within or now <= opened_at:
        return 0.0
    gone = hours_between(catalogue, opened_at, now) if sla.in_hours else now - opened_at
    return gone / sla.resolve_within


def acknowledge_by(catalogue: Catalogue, sla: Sla, opened_at: datetime) -> datetime:
    """Until when somebody has to have taken it."""
    return _by(catalogue, sla, opened_at, sla.acknowledge_within)


def resolve_by(catalogue: Catalogue, sla: Sla, opened_at: datetime) -> datetime:
    """Until when it has to be over."""
    return _by(catalogue, sla, opened_at, sla.resolve_within)


def _by(catalogue: Catalogue, sla: Sla, opened_at: datetime, within: timedelta) -> datetime:
    return after_hours(catalogue, opened_at, within) if sla.in_hours else opened_at + within


def _works_on(catalogue: Catalogue, day: date) -> bool:
    return day.weekday() in catalogue.business_days and day not in catalogue.holidays
