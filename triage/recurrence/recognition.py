"""How a new event is recognised: source key, fingerprint, template, similarity, cheapest look first.

Only the first three may join an open incident, and only within service and environment, since a
wrong merge hides an outage; similarity links and informs. What a person merged, split or told apart holds
for all of them.
"""

from datetime import datetime, timedelta

from triage.domain.memory import Looks, Match, Memory
from triage.domain.record import IncidentRecord
from triage.domain.recurrence import MatchedBy, Neighbour, RecurrenceKind
from triage.recurrence.fingerprint import words_of


def recognise(
    memory: Memory, looks: Looks, now: datetime, join_window: timedelta, link_similarity: float
) -> Match:
    """What this firing event is, cheapest look first: source key, fingerprint, template, similarity.

    ``link_similarity``: from which similarity on, in [0, 1], an earlier incident is linked.
    """
    known = memory.occurrences.get(looks.occurrence) if looks.occurrence else None
    if known is not None and known in memory.incidents:
        return _joining(memory, looks, memory.incidents[known], delivery=True)
    match = _by_key(memory, looks, now, join_window) or _by_digest(memory, looks, now, join_window)
    return match or _by_similarity(memory, looks, link_similarity)


def _by_key(memory: Memory, looks: Looks, now: datetime, join_window: timedelta) -> Match | None:
    for key in memory.keys_of(looks):
        record = memory.incidents[key.incident_id]
        if record.is_open and now - record.last_seen_at <= join_window:
            same = looks.started_at is None and key.resolved_at is None
            return _joining(memory, looks, record, delivery=same)
    return None


def _joining(memory: Memory, looks: Looks, record: IncidentRecord, *, delivery: bool) -> Match:
    """By the source's word. That its text is another problem's is said, and changes nothing."""
    reads_as, _ = _pattern_of(memory, looks)
    if reads_as == record.pattern_id:
        reads_as = None
    latest = memory.patterns[reads_as].latest_incident if reads_as is not None else None
    return Match(
        kind=RecurrenceKind.DUPLICATE,
        matched_by=MatchedBy.KEY,
        joins=record.id,
        of=record.id,
        similarity=1.0,
        pattern_id=record.pattern_id,
        delivery=delivery,
        reads_as=reads_as,
        related=(latest,) if latest is not None and latest != record.id else (),
    )


def _by_digest(memory: Memory, looks: Looks, now: datetime, join_window: timedelta) -> Match | None:
    earlier_by_key = next(iter(memory.keys_of(looks)), None)
    pattern_id, matched_by = _pattern_of(memory, looks)
    if pattern_id is not None and matched_by is MatchedBy.TEMPLATE and looks.template_key is not None:
        seen_at = memory.patterns[pattern_id].last_seen_at
        if is_outlived(looks.names_service, seen_at, now, join_window):
            memory.outlived.add(looks.template_key)
            pattern_id = None
    if pattern_id is not None:
        opened = memory.find_open(pattern_id, looks.scope)
        if opened is not None and now - opened.last_seen_at <= join_window:
            return Match(
                kind=RecurrenceKind.DUPLICATE,
                matched_by=matched_by,
                joins=opened.id,
                of=opened.id,
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


def is_outlived(names_service: bool, seen_at: datetime, now: datetime, join_window: timedelta) -> bool:
    """Whether a template says too little after so long: where no service is named, "increased error rates" of this
    year and of the last may be anything's. The exact text still recognises, and similarity links."""
    return not names_service and now - seen_at > join_window


def _pattern_of(memory: Memory, looks: Looks) -> tuple[str | None, MatchedBy | None]:
    """The pattern under which this text is known, and by which look."""
    found = memory.pattern_by_digest.get(looks.fingerprint)
    if found is not None:
        return found, MatchedBy.FINGERPRINT
    if looks.template_key is None:
        return None, None
    splits = memory.splits.get(looks.template_key)
    if splits:
        words = words_of(looks.text)
        # Of a split within a split, the inner one.
        for split in sorted(splits, key=lambda split: -len(split.words)):
            if split.words <= words:
                return split.pattern_id, MatchedBy.TEMPLATE
    found = memory.pattern_by_digest.get(looks.template_key)
    return found, MatchedBy.TEMPLATE if found is not None else None


def _by_similarity(memory: Memory, looks: Looks, link_similarity: float) -> Match:
    """An earlier incident that reads alike: linked, never joined."""
    near = told_apart([n for n in memory.neighbours.get(looks.text_key, ()) if n.similarity >= link_similarity])
    if not near:
        return Match()
    return Match(
        kind=RecurrenceKind.DUPLICATE if near[0].is_open else RecurrenceKind.RECURRENCE,
        matched_by=MatchedBy.SIMILARITY,
        of=near[0].incident_id,
        similarity=round(near[0].similarity, 4),
        related=tuple(n.incident_id for n in near[1:]),
    )


def told_apart(near: list[Neighbour]) -> list[Neighbour]:
    """Without those that a person told apart from a nearer one: a text is not like two problems that differ."""
    kept: list[Neighbour] = []
    for neighbour in near:
        if not any(neighbour.pattern_id in nearer.different for nearer in kept):
            kept.append(neighbour)
    return kept
