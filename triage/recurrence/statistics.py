"""How a pattern's occurrences lie in time: often, all at once, to and fro, in a rhythm, or for the first time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from statistics import median

from triage.recurrence.rhythm import find_rhythm

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


RARE_GAP_DAYS = 14
"""Two on-call rotations of a week: whoever meets it again is hardly ever who met it before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OccurrenceStatistics:
    """``flags``: of ``frequent``, ``burst``, ``periodic``, ``flapping``, ``novel``, ``rare``, in this order."""

    flags: tuple[str, ...] = ()
    period_seconds: int | None = None


def describe_occurrences(happened: Sequence[datetime], now: datetime, zone: tzinfo = UTC) -> OccurrenceStatistics:
    """The statistics of a pattern at ``now``. ``happened``: its latest occurrences, the present one included,
    in any order; a moment in the future counts as now. Capped input is enough: 64 show every flag.
    ``zone``: where a daily or weekly job keeps its hour.
    """
    times = sorted(min(moment, now) for moment in happened)
    rhythm = find_rhythm(times, zone)
    flags = {
        "frequent": _count_since(times, now - FREQUENT_WITHIN) >= FREQUENT_COUNT,
        "burst": _count_since(times, now - BURST_WITHIN) >= BURST_COUNT,
        "periodic": rhythm is not None,
        "flapping": _is_flapping(times, now),
        "novel": len(times) == 1,
    }
    if times and times[-1] - times[0] >= timedelta(days=RARE_GAP_DAYS) and not flags["frequent"]:
        flags["rare"] = is_rare({moment.toordinal() for moment in times})
    return OccurrenceStatistics(
        flags=tuple(name for name, is_set in flags.items() if is_set),
        period_seconds=None if rhythm is None else round(rhythm.period_seconds),
    )


def is_rare(days: Iterable[int]) -> bool:
    """``days``: the numbers of those on which it was seen, since one outage has many voices."""
    apart = [later - earlier for earlier, later in pairwise(sorted(days))]
    return bool(apart) and median(apart) >= RARE_GAP_DAYS


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
