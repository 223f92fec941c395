"""What is remembered of the incidents of one batch.

A ``Memory`` is filled by one set of queries for the whole batch and then followed event by event, in
order, so that the tenth event of a batch already knows what the first one opened. Everything that
changed is written back in the same transaction.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from triage.domain.assessment import ReviewItem
from triage.domain.catalogue import fold
from triage.domain.correction import UNSAID, Words
from triage.domain.decision import TriageOverride
from triage.domain.incident import Incident
from triage.domain.record import IncidentRecord, TimelineEntry
from triage.domain.recurrence import WINDOWS, MatchedBy, Neighbour, RecurrenceKind, Silence

RECENT_OCCURRENCES = 64
"""How many past occurrences of a pattern are looked at for its statistics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """By what one event can be recognised. ``digests``: fingerprint, then template, where there is one."""

    source: str
    scope: str
    text: str
    text_key: bytes
    fingerprint: str
    template: str
    template_key: str | None
    dedup_key: str | None
    started_at: datetime | None

    @property
    def names_service(self) -> bool:
        return not self.scope.startswith('["",')

    @property
    def digests(self) -> tuple[str, ...]:
        return (self.fingerprint, self.template_key) if self.template_key else (self.fingerprint,)

    @property
    def occurrence(self) -> tuple[str, str, str, datetime] | None:
        """Which occurrence this is, if the source said so."""
        if self.dedup_key is None or self.started_at is None:
            return None
        return (self.source, self.dedup_key, self.scope, self.started_at)


@dataclass(slots=True, kw_only=True)
class KeyRecord:
    """One source's key on one incident. ``started_at``: of the newest occurrence under it."""

    source: str
    dedup_key: str
    incident_id: str
    scope: str
    started_at: datetime | None
    opened_at: datetime
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Texts of one template that a person gave a pattern of their own: those that have all of ``words``."""

    words: frozenset[str]
    pattern_id: str


@dataclass(slots=True, kw_only=True)
class PatternRecord:
    """A pattern with everything that people merged into it. ``recent``: past occurrences, newest first, at most
    RECENT_OCCURRENCES; ``counts`` by window; ``resolve_seconds``: the average over its latest incidents that were
    resolved."""

    id: str
    scope: str
    template: str
    first_seen_at: datetime
    last_seen_at: datetime
    occurrences: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WINDOWS, 0))
    recent: list[datetime] = field(default_factory=list)
    latest_incident: str | None = None
    correction: TriageOverride | None = None
    words: Words = UNSAID
    name: str | None = None
    known_fix: str | None = None
    resolve_seconds: float | None = None
    silence: Silence | None = None

    def count(self, at: datetime, now: datetime) -> None:
        """One more occurrence at ``at``. A moment in the future counts as now."""
        self.occurrences += 1
        self.last_seen_at = max(self.last_seen_at, min(at, now))
        self.recent = sorted([at, *self.recent], reverse=True)[:RECENT_OCCURRENCES]
        for name, window in WINDOWS.items():
            if at >= now - window:
                self.counts[name] += 1


@dataclass(slots=True, kw_only=True)
class Occurrence:
    """To be written; ``id`` is given by the database."""

    incident_id: str
    pattern_id: str
    source: str
    scope: str
    dedup_key: str | None
    started_at: datetime | None
    occurred_at: datetime
    received_at: datetime
    deliveries: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """A further text of an open incident, to be written."""

    incident_id: str
    text_key: bytes
    title: str
    description: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What an event was recognised as. ``joins``: the open incident it belongs to; ``of``: the earlier one
    it repeats or reads like; ``delivery``: it is a repeated message about a known occurrence. ``reads_as``: of an
    event that joins by its key, the other pattern that its text is of."""

    kind: RecurrenceKind = RecurrenceKind.NEW
    matched_by: MatchedBy | None = None
    joins: str | None = None
    of: str | None = None
    similarity: float | None = None
    pattern_id: str | None = None
    delivery: bool = False
    reads_as: str | None = None
    related: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Memory:
    """The working set of one batch."""

    occurrences: dict[tuple[str, str, str, datetime], str] = field(default_factory=dict)
    incidents: dict[str, IncidentRecord] = field(default_factory=dict)
    keys: dict[tuple[str, str], list[KeyRecord]] = field(default_factory=dict)
    pattern_by_digest: dict[str, str] = field(default_factory=dict)
    patterns: dict[str, PatternRecord] = field(default_factory=dict)
    open_by_pattern: dict[tuple[str, str], str] = field(default_factory=dict)
    """By pattern and scope: what people merged may be open once in each service and environment."""
    splits: dict[str, list[Split]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    """Templates that recognise nothing by themselves, since a person found different problems under them."""
    outlived: set[str] = field(default_factory=set)
    """Templates that said too little for as long as they were not seen: the next pattern takes them over."""
    neighbours: Mapping[bytes, tuple[Neighbour, ...]] = field(default_factory=dict)
    overrides: dict[str, TriageOverride] = field(default_factory=dict)

    new_patterns: dict[str, PatternRecord] = field(default_factory=dict)
    new_digests: dict[str, str] = field(default_factory=dict)
    new_incidents: dict[str, IncidentRecord] = field(default_factory=dict)
    new_occurrences: list[Occurrence] = field(default_factory=list)
    redelivered: dict[tuple[str, str, str, datetime], int] = field(default_factory=dict)
    wordings: list[Wording] = field(default_factory=list)
    known_wordings: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """By incident: title and description of the texts that its source gave it after the first."""
    timeline: list[TimelineEntry] = field(default_factory=list)
    changed_incidents: set[str] = field(default_factory=set)
    changed_patterns: set[str] = field(default_factory=set)
    changed_keys: dict[tuple[str, str, str], KeyRecord] = field(default_factory=dict)
    review_items: list[ReviewItem] = field(default_factory=list)
    """Incidents that were opened, as somebody may have to look at them."""
    suppressed: Counter[str] = field(default_factory=Counter)
    """By silence: how many occurrences it hid."""

    def keys_of(self, looks: Looks) -> list[KeyRecord]:
        """This source's key within service and environment, newest first."""
        if looks.dedup_key is None:
            return []
        found = self.keys.get((looks.source, looks.dedup_key), [])
        return [k for k in found if k.scope == looks.scope and k.incident_id in self.incidents]

    def pattern_for(self, match: Match, looks: Looks, now: datetime, new_id: str) -> PatternRecord:
        """The pattern of a match, made with ``new_id`` if there is none, and taught this event's digests.

        A source's key alone teaches nothing: under a key per host, two outages would become one pattern.
        """
        if match.pattern_id is not None:
            pattern = self.patterns[match.pattern_id]
            if all(self.pattern_by_digest.get(digest) != pattern.id for digest in looks.digests):
                return pattern
        else:
            pattern = PatternRecord(
                id=new_id, scope=looks.scope, template=looks.template, first_seen_at=now, last_seen_at=now
            )
            self.patterns[new_id] = self.new_patterns[new_id] = pattern
        for digest in looks.digests:
            if digest in self.refused:
                continue
            if digest not in self.pattern_by_digest or digest in self.outlived:
                self.outlived.discard(digest)
                self.pattern_by_digest[digest] = self.new_digests[digest] = pattern.id
        return pattern

    def find_open(self, pattern_id: str, scope: str) -> IncidentRecord | None:
        """The pattern's open incident within one service and environment."""
        found = self.open_by_pattern.get((pattern_id, scope))
        return self.incidents[found] if found is not None else None

    def close(self, record: IncidentRecord) -> None:
        """A resolved incident is joined by nothing any more."""
        if self.open_by_pattern.get((record.pattern_id, record.scope)) == record.id:
            del self.open_by_pattern[(record.pattern_id, record.scope)]

    def open(self, record: IncidentRecord, pattern: PatternRecord) -> None:
        """Enter a new incident."""
        self.incidents[record.id] = self.new_incidents[record.id] = record
        self.open_by_pattern[(pattern.id, record.scope)] = record.id
        pattern.latest_incident = record.id

    def occur(
        self, record: IncidentRecord, pattern: PatternRecord, looks: Looks, at: datetime, now: datetime
    ) -> None:
        """Count one occurrence on an incident and its pattern."""
        pattern.count(at, now)
        record.occurrences += 1
        record.deliveries += 1
        record.last_occurred_at = max(record.last_occurred_at, at)
        record.last_seen_at = max(record.last_seen_at, now)
        self.new_occurrences.append(
            Occurrence(
                incident_id=record.id,
                pattern_id=pattern.id,
                source=looks.source,
                scope=looks.scope,
                dedup_key=looks.dedup_key,
                started_at=looks.started_at,
                occurred_at=at,
                received_at=now,
            )
        )
        if looks.occurrence is not None:
            self.occurrences[looks.occurrence] = record.id
        self._hold_key(record, looks, now)
        self.changed_incidents.add(record.id)
        self.changed_patterns.add(pattern.id)

    def _hold_key(self, record: IncidentRecord, looks: Looks, now: datetime) -> None:
        if looks.dedup_key is None:
            return
        held = self.keys.setdefault((looks.source, looks.dedup_key), [])
        key = next((k for k in held if k.incident_id == record.id), None)
        if key is None:
            key = KeyRecord(
                source=looks.source,
                dedup_key=looks.dedup_key,
                incident_id=record.id,
                scope=looks.scope,
                started_at=looks.started_at,
                opened_at=now,
            )
            held.insert(0, key)
        elif looks.started_at is not None and (key.started_at is None or looks.started_at > key.started_at):
            key.started_at = looks.started_at
        key.resolved_at = None
        self._touch_key(key)

    def _touch_key(self, key: KeyRecord) -> None:
        self.changed_keys[(key.incident_id, key.source, key.dedup_key)] = key

    def redeliver(self, record: IncidentRecord, looks: Looks, now: datetime) -> None:
        """One more message about a known occurrence: noted, not counted. It holds its key as long as it comes."""
        if record.is_open:
            self._hold_key(record, looks, now)
        record.deliveries += 1
        record.last_seen_at = max(record.last_seen_at, now)
        if looks.occurrence is not None:
            self.redelivered[looks.occurrence] = self.redelivered.get(looks.occurrence, 0) + 1
        self.changed_incidents.add(record.id)

    def find_spoken_of(self, event: Incident) -> IncidentRecord | None:
        """The incident an acknowledging or resolving event speaks of: the newest under its key, open first."""
        held = self._keys_named_by(event)
        open_first = sorted(held, key=lambda k: not self.incidents[k.incident_id].is_open)
        return self.incidents[open_first[0].incident_id] if open_first else None

    def release_key(self, event: Incident, now: datetime) -> list[IncidentRecord]:
        """End this source's key, and name the open incidents of which it was the last.

        A resolution of an earlier occurrence than the one now open (messages that overtook each other)
        ends nothing.
        """
        ended: list[IncidentRecord] = []
        for key in self._keys_named_by(event):
            record = self.incidents[key.incident_id]
            if not record.is_open or key.resolved_at is not None:
                continue
            if event.started_at and key.started_at and event.started_at < key.started_at:
                continue
            key.resolved_at = now
            self._touch_key(key)
            if not any(k.resolved_at is None for k in self.keys_on(record.id)):
                ended.append(record)
        return ended

    def _keys_named_by(self, event: Incident) -> list[KeyRecord]:
        """The source's keys of this name; within the service and environment that the event names, if it does."""
        held = self.keys.get((event.source, event.dedup_key or ""), [])
        return [k for k in held if k.incident_id in self.incidents and self._is_about(event, k.incident_id)]

    def _is_about(self, event: Incident, incident_id: str) -> bool:
        opening = self.incidents[incident_id].event
        pairs = ((event.service, opening.service), (event.environment, opening.environment))
        return all(named is None or fold(named) == fold(known or "") for named, known in pairs)

    def keys_on(self, incident_id: str) -> Iterable[KeyRecord]:
        """Every key held on an incident. The store loads all keys of each incident that it holds."""
        return (k for held in self.keys.values() for k in held if k.incident_id == incident_id)

    def note(self, incident_id: str, at: datetime, kind: str, actor: str, **detail: object) -> None:
        self.timeline.append(TimelineEntry(incident_id=incident_id, at=at, kind=kind, actor=actor, detail=detail))
