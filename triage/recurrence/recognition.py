"""How a new event is recognised: source key, fingerprint, template, similarity, cheapest look first.

Only the first three may join an open incident, and only within service and environment, since a
wrong merge hides an outage; similarity links and informs.
"""

from datetime import datetime, timedelta

from triage.domain.memory import Looks, Match, Memory
from triage.domain.recurrence import MatchedBy, RecurrenceKind

LINK_SIMILARITY = 0.90
"""Cosine from which an earlier incident is linked. Cautious: a link informs, and a wrong one misleads."""


def recognise(memory: Memory, looks: Looks, now: datetime, join_window: timedelta) -> Match:
    """What this firing event is, cheapest look first: source key, fingerprint, template, similarity."""
    known = memory.occurrences.get(looks.occurrence) if looks.occurrence else None
    if known is not None and known in memory.incidents:
        record = memory.incidents[known]
        return Match(
            kind=RecurrenceKind.DUPLICATE,
            matched_by=MatchedBy.KEY,
            joins=known,
            of=known,
            similarity=1.0,
            pattern_id=record.pattern_id,
            delivery=True,
        )
    match = _by_key(memory, looks, now, join_window) or _by_digest(memory, looks, now, join_window)
    return match or _by_similarity(memory, looks)


def _by_key(memory: Memory, looks: Looks, now: datetime, join_window: timedelta) -> Match | None:
    for key in memory.keys_of(looks):
        record = memory.incidents[key.incident_id]
        if record.is_open and now - record.last_seen_at <= join_window:
            same = looks.started_at is None and key.resolved_at is None
            return Match(
                kind=RecurrenceKind.DUPLICATE,
                matched_by=MatchedBy.KEY,
                joins=record.id,
                of=record.id,
                similarity=1.0,
                pattern_id=record.pattern_id,
                delivery=same,
            )
    return None


def _by_digest(memory: Memory, looks: Looks, now: datetime, join_window: timedelta) -> Match | None:
    earlier_by_key = next(iter(memory.keys_of(looks)), None)
    names = (MatchedBy.FINGERPRINT, MatchedBy.TEMPLATE)
    for digest, matched_by in zip(looks.digests, names, strict=False):
        pattern_id = memory.pattern_by_digest.get(digest)
        if pattern_id is None:
            continue
        opened = memory.open_by_pattern.get(pattern_id)
        if opened is not None and now - memory.incidents[opened].last_seen_at <= join_window:
            return Match(
                kind=RecurrenceKind.DUPLICATE,
                matched_by=matched_by,
                joins=opened,
                of=opened,
                similarity=1.0,
                pattern_id=pattern_id,
            )
        of = earlier_by_key.incident_id if earlier_by_key else memory.patterns[pattern_id].latest_incident
        return Match(
            kind=RecurrenceKind.RECURRENCE if of else RecurrenceKind.NEW,
            matched_by=MatchedBy.KEY if earlier_by_key else matched_by,
            of=of,
            similarity=1.0 if of else None,
            pattern_id=pattern_id,
        )
    if earlier_by_key is not None:
        return Match(
            kind=RecurrenceKind.RECURRENCE,
            matched_by=MatchedBy.KEY,
            of=earlier_by_key.incident_id,
            similarity=1.0,
        )
    return None


def _by_similarity(memory: Memory, looks: Looks) -> Match:
    """An earlier incident that reads alike: linked, never joined."""
    near = [n for n in memory.neighbours.get(looks.text_key, ()) if n.similarity >= LINK_SIMILARITY]
    if not near:
        return Match()
    return Match(
        kind=RecurrenceKind.DUPLICATE if near[0].is_open else RecurrenceKind.RECURRENCE,
        matched_by=MatchedBy.SIMILARITY,
        of=near[0].incident_id,
        similarity=round(near[0].similarity, 4),
        related=tuple(n.incident_id for n in near[1:]),
    )
