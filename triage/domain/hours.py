"""The organisation's business hours: whether it works at a moment, and when it next does."""

from datetime import UTC, date, datetime, timedelta

from triage.domain.catalogue import Catalogue
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


def _works_on(catalogue: Catalogue, day: date) -> bool:
    return day.weekday() in catalogue.business_days and day not in catalogue.holidays
