"""A match and its pattern, told as the recurrence facts of a decision."""

from datetime import datetime

from triage.domain.memory import Match, PatternRecord
from triage.domain.recurrence import WINDOWS, Recurrence
from triage.recurrence.statistics import describe_occurrences


def describe(match: Match, pattern: PatternRecord | None, now: datetime, counting: datetime) -> Recurrence:
    """The facts with the present occurrence, at ``counting``, included in every window that reaches it.

    ``pattern`` is as it stood before this occurrence; None for a pattern not yet made.
    """
    happened = [counting, *(pattern.recent if pattern else ())]
    counts = dict(pattern.counts) if pattern else dict.fromkeys(WINDOWS, 0)
    if not match.delivery:
        for name, window in WINDOWS.items():
            counts[name] += counting >= now - window
    statistics = describe_occurrences(happened, now)
    return Recurrence(
        kind=match.kind,
        pattern_id=pattern.id if pattern else match.pattern_id,
        of=match.of,
        similarity=match.similarity,
        matched_by=match.matched_by,
        occurrences=counts,
        flags=statistics.flags,
        period_seconds=statistics.period_seconds,
        related=match.related,
    )
