"""Sources that fall silent: those that always spoke, and do not for longer than they ever were quiet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

BEAT = timedelta(minutes=5)
"""Signs of life are counted in pieces of this length."""
WATCHED_FOR = timedelta(days=14)
"""The past that a source is judged by: two weekends are in it."""
KNOWN_AFTER = timedelta(days=3)
"""A source that is known for a shorter time has no habits yet."""
KNOWN_BEATS = 50
"""Nor has one that spoke in fewer pieces."""
LEAST = timedelta(minutes=30)
"""No shorter silence is worth an alarm, unless the catalogue says so."""
LONGER = 1.5
"""So many times its longest silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """``usually``: the gap between two signs of life, in the median; ``longest``: of the past; None where the
    catalogue says how long a silence may last."""

    source: str
    since: datetime
    usually: timedelta | None = None
    longest: timedelta | None = None


def find_silent(
    beats: Mapping[str, Sequence[datetime]], limits: Mapping[str, timedelta | None], now: datetime
) -> list[Silent]:
    """Of the sources whose signs of life (starts of pieces, in order) are given, those silent for too long.

    ``limits``: how long a source may be silent, as the catalogue says; None: it never matters. Every other source
    is judged by its own past: silent for half as long again as it ever was in two weeks.
    """
    found: list[Silent | None] = []
    for source, times in beats.items():
        if not times:
            continue
        if source in limits:
            found.append(_beyond(source, times, limits[source], now))
        else:
            found.append(_unlike_itself(source, times, now))
    return [silent for silent in found if silent is not None]


def _beyond(source: str, times: Sequence[datetime], limit: timedelta | None, now: datetime) -> Silent | None:
    if limit is None or now - (times[-1] + BEAT) < limit:
        return None
    return Silent(source=source, since=times[-1])


def _unlike_itself(source: str, times: Sequence[datetime], now: datetime) -> Silent | None:
    quiet = now - (times[-1] + BEAT)
    if len(times) < KNOWN_BEATS or times[-1] - times[0] < KNOWN_AFTER:
        return None
    gaps = sorted(later - earlier for earlier, later in pairwise(times))
    if quiet < max(LEAST, gaps[-1] * LONGER):
        return None
    return Silent(source=source, since=times[-1], usually=gaps[len(gaps) // 2], longest=gaps[-1])
