"""A match and its pattern, told as the recurrence facts of a decision."""

from datetime import UTC, datetime, tzinfo

from triage.domain.memory import Match, PatternRecord
from triage.domain.recurrence import WINDOWS, Recurrence, Storm
from triage.recurrence.statistics import describe_occurrences

RELATED = 5
"""How many incidents a decision names beside its own."""


def describe(
    match: Match,
    pattern: PatternRecord | None,
    now: datetime,
    counting: datetime,
    *,
    zone: tzinfo = UTC,
    storm: Storm | None = None,
) -> Recurrence:
    """The facts with the present occurrence, at ``counting``, included in every window that reaches it.

    ``pattern`` is as it stood before this occurrence; None for a pattern not yet made. ``zone``: the time zone in
    which people keep their schedules.
    """
    happened = [counting, *(pattern.recent if pattern else ())]
    counts = dict(pattern.counts) if pattern else dict.fromkeys(WINDOWS, 0)
    new = 0 if match.delivery else 1
    for name, window in WINDOWS.items():
        counts[name] += new * (counting >= now - window)
    statistics = describe_occurrences(happened, now, zone)
    return Recurrence(
        kind=match.kind,
        pattern_id=pattern.id if pattern else match.pattern_id,
        of=match.of,
        similarity=match.similarity,
        matched_by=match.matched_by,
        occurrences=counts,
        flags=statistics.flags,
        period_seconds=statistics.period_seconds,
        related=_related(match, storm),
        total=(pattern.occurrences if pattern else 0) + new,
        name=pattern.name if pattern else None,
        first_seen_at=pattern.first_seen_at if pattern else None,
        known_fix=pattern.known_fix if pattern else None,
        resolve_seconds=pattern.resolve_seconds if pattern else None,
        storm=storm,
    )


def _related(match: Match, storm: Storm | None) -> tuple[str, ...]:
    """The parent of its storm first, then what reads alike."""
    parents = (storm.parent,) if storm is not None else ()
    return tuple(dict.fromkeys((*parents, *match.related)))[:RELATED]
