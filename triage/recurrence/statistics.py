"""How a pattern's occurrences lie in time: often, all at once, to and fro, in a rhythm, or for the first time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

FREQUENT_COUNT = 5
FREQUENT_WITHIN = timedelta(hours=24)
"""The fifth time in a day, a cause is left unmended and on-call work becomes repetition."""

BURST_COUNT = 5
BURST_WITHIN = timedelta(minutes=10)
"""Five within one on-call reaction time are one event with many voices."""

FLAPPING_COUNT = 4
FLAPPING_WITHIN = timedelta(hours=1)
FLAPPING_GAPS = (timedelta(seconds=30), timedelta(minutes=20))
"""Each new occurrence means that the one before was over. Closer ones are many voices of one outage,
wider ones are separate outages."""

PERIOD_BEATS = 5
"""Four equal gaps; three are met by chance in one of some fifty irregular patterns."""
PERIOD_LATEST_BEATS = 16
"""Older beats may belong to a schedule that has since been changed."""
PERIOD_TOLERANCE = 0.10
"""Share of the period by which a gap may be off: run times vary, and a daily job moves an hour twice a year."""
PERIOD_SHARE = 0.80
"""Share of the gaps that must fit, so that one stray occurrence does not hide a rhythm."""
PERIOD_MISSED_BEATS = 2
"""A job that succeeds now and then leaves beats out."""
PERIOD_SHORTEST = timedelta(minutes=5)
"""A faster rhythm is that of the monitoring itself."""
SAME_BEAT = timedelta(minutes=1)
"""Occurrences this close are one beat: a job that fails on several machines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OccurrenceStatistics:
    """``flags``: of ``frequent``, ``burst``, ``periodic``, ``flapping``, ``novel``, in this order."""

    flags: tuple[str, ...] = ()
    period_seconds: int | None = None


def describe_occurrences(happened: Sequence[datetime], now: datetime) -> OccurrenceStatistics:
    """The statistics of a pattern at ``now``. ``happened``: its latest occurrences, the present one included,
    in any order; a moment in the future counts as now. Capped input is enough: 64 show every flag.
    """
    times = sorted(min(moment, now) for moment in happened)
    period = _period(times)
    flags = {
        "frequent": _count_since(times, now - FREQUENT_WITHIN) >= FREQUENT_COUNT,
        "burst": _count_since(times, now - BURST_WITHIN) >= BURST_COUNT,
        "periodic": period is not None,
        "flapping": _is_flapping(times, now),
        "novel": len(times) == 1,
    }
    return OccurrenceStatistics(
        flags=tuple(name for name, is_set in flags.items() if is_set),
        period_seconds=None if period is None else round(period),
    )


def _count_since(times: Sequence[datetime], since: datetime) -> int:
    return sum(moment > since for moment in times)


def _gaps(times: Sequence[datetime]) -> list[timedelta]:
    return [later - earlier for earlier, later in pairwise(times)]


def _is_flapping(times: Sequence[datetime], now: datetime) -> bool:
    latest = times[-FLAPPING_COUNT:]
    if len(latest) < FLAPPING_COUNT or latest[0] <= now - FLAPPING_WITHIN:
        return False
    shortest, longest = FLAPPING_GAPS
    return all(shortest <= gap <= longest for gap in _gaps(latest))


def _period(times: Sequence[datetime]) -> float | None:
    """The rhythm of the latest beats in seconds, if they have one and the last beat is part of it.

    The median gap is the candidate, gaps of two or three periods are missed beats, and the period is the
    median over the gaps that fit, each divided by its beats; so one stray occurrence moves nothing.
    """
    beats: list[datetime] = []
    for moment in times:
        if not beats or moment - beats[-1] > SAME_BEAT:
            beats.append(moment)
    gaps = [gap.total_seconds() for gap in _gaps(beats[-PERIOD_LATEST_BEATS:])]
    if len(gaps) < PERIOD_BEATS - 1:
        return None
    candidate = median(gaps)
    if candidate < PERIOD_SHORTEST.total_seconds():
        return None
    counts = [round(gap / candidate) for gap in gaps]
    fits = [
        1 <= count <= 1 + PERIOD_MISSED_BEATS and abs(gap - count * candidate) <= PERIOD_TOLERANCE * candidate
        for gap, count in zip(gaps, counts, strict=True)
    ]
    if not fits[-1] or sum(fits) < PERIOD_SHARE * len(fits):
        return None
    return median(gap / count for gap, count, fit in zip(gaps, counts, fits, strict=True) if fit)
