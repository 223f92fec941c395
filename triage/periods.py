"""Parts of a period by the clocks of people: weeks, and when clocks are changed."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from triage.domain.incident import utc


def weeks_of(zone: ZoneInfo, since: datetime, until: datetime) -> list[tuple[datetime, str]]:
    """The weeks of that zone that a period touches, each as its first moment and its name (``2026-W11``)."""
    there = since.astimezone(zone)
    monday = there.date() - timedelta(days=there.weekday())
    weeks: list[tuple[datetime, str]] = []
    while (start := datetime(monday.year, monday.month, monday.day, tzinfo=zone)) < until or not weeks:
        year, week, _ = monday.isocalendar()
        weeks.append((utc(start), f"{year}-W{week:02}"))
        monday += timedelta(days=7)
    return weeks


def clock_changes(zones: Iterable[ZoneInfo], since: datetime, until: datetime) -> list[datetime]:
    """When within a period any of their clocks was put forward or back, to a quarter of an hour."""
    quarter = timedelta(minutes=15)
    found = set()
    for zone in zones:
        for start in _days(since, until):
            # Within a day at most one change: halve what is left of the day until it is found.
            early, late = start, min(start + timedelta(days=1), until)
            if early.astimezone(zone).utcoffset() == late.astimezone(zone).utcoffset():
                continue
            while late - early > quarter:
                middle = early + (late - early) / 2 // quarter * quarter
                same = early.astimezone(zone).utcoffset() == middle.astimezone(zone).utcoffset()
                early, late = (middle, late) if same else (early, middle)
            found.add(late)
    return sorted(found)


def _days(since: datetime, until: datetime) -> Iterator[datetime]:
    start = utc(since).replace(minute=0, second=0, microsecond=0)
    while start < until:
        yield start
        start += timedelta(days=1)
