"""A history on its way into the memory: its rows become past incidents, which nobody is told of.

Rows are recognised as live events are, by fingerprint and template and by what people merged and split; they only
join nothing, for each row is an incident of its own, and it is over.
"""

import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from itertools import zip_longest
from typing import Protocol

import orjson

from triage.domain.catalogue import Catalogue
from triage.domain.incident import Incident, State, Status
from triage.domain.memory import KeyRecord, Looks, Memory, Occurrence
from triage.domain.provenance import HISTORY, Told
from triage.domain.record import IncidentRecord
from triage.history.rows import HistoryRow
from triage.recurrence.lexical import terms_of
from triage.recurrence.looking import look_at
from triage.recurrence.recognition import recognise
from triage.store.importing import OccurrenceName
from triage.store.records import incident_to_json
from triage.store.words import Words

NAMESPACE = uuid.UUID("6f0f9f0e-5c0b-5d1c-9d3c-2f6b9a1f7e11")
"""Of the names of imported incidents. Under another one, every history would be imported a second time."""

NO_LINKS = 2.0
"""Nothing is as similar as that: what links a past incident to others is asked when somebody looks."""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRow:
    """A row that can be remembered. ``id``: of its incident; ``at``: when that happened."""

    id: str
    at: datetime
    row: HistoryRow


@dataclass(slots=True, kw_only=True)
class Sifted:
    """``past``: oldest first. What was left out: ``undated`` rows, ``wordless`` ones, by whose text nothing could
    be recognised, and ``repeated`` ones, which are an earlier row of the file again."""

    past: list[PastRow] = field(default_factory=list)
    undated: int = 0
    wordless: int = 0
    repeated: int = 0


@dataclass(slots=True, kw_only=True)
class Imported:
    """What became of rows so far. ``patterns``: how many of the stored incidents each holds; ``new_patterns`` are
    those that were not known before; ``unknown_priorities`` and ``unknown_teams``: words that the catalogue lacks.
    """

    known: int = 0
    incidents: int = 0
    texts: set[bytes] = field(default_factory=set)
    patterns: Counter[str] = field(default_factory=Counter)
    new_patterns: set[str] = field(default_factory=set)
    unknown_priorities: Counter[str] = field(default_factory=Counter)
    unknown_teams: Counter[str] = field(default_factory=Counter)


class ImportBatch(Protocol):
    """One open transaction."""

    def hold(self, looks: Sequence[Looks], events: Sequence[Incident]) -> None: ...
    def find_known(self, incident_ids: Sequence[str]) -> set[str]: ...
    def recollect(self, looks: Sequence[Looks]) -> Memory: ...
    def find_counted(self, occurrences: Sequence[OccurrenceName]) -> set[OccurrenceName]: ...
    def record(self, memory: Memory, told: Mapping[str, Told]) -> None: ...


class ImportStore(Protocol):
    """Raises StoreUnavailable when the database is away; a batch that failed has written nothing."""

    def find_known(self, incident_ids: Sequence[str]) -> set[str]: ...
    def keep_words(self, words: Words) -> None: ...
    def writing(self) -> AbstractContextManager[ImportBatch]: ...


def incident_id(row: HistoryRow) -> str:
    """The same for the same row, so that importing it again adds nothing.

    By source and the history's own id; an id that is a UUID is taken as it is, so that what another Triage
    exported keeps its name. Without an id, by what was known when the incident opened.
    """
    if row.own_id is None:
        event = orjson.dumps(incident_to_json(row.incident), option=orjson.OPT_SORT_KEYS)
        return str(uuid.uuid5(NAMESPACE, blake2b(event, digest_size=32).hexdigest()))
    if _UUID.fullmatch(row.own_id):
        return row.own_id.lower()
    return str(uuid.uuid5(NAMESPACE, f"{row.incident.source}\0{row.own_id}"))


def sift(rows: Iterable[HistoryRow], now: datetime, undated_as: datetime | None = None) -> Sifted:
    """The rows that can be remembered. ``undated_as``: when those happened of which nobody says when, or says a
    time that no clock can have shown."""
    sifted = Sifted()
    seen: set[str] = set()
    for row in rows:
        at = row.incident.happened_at(now)
        if at == now:  # which is what a clock that says nothing comes to
            if undated_as is None:
                sifted.undated += 1
                continue
            at = undated_as
        if not row.incident.title:
            sifted.wordless += 1
            continue
        name = incident_id(row)
        if name in seen:
            sifted.repeated += 1
            continue
        seen.add(name)
        sifted.past.append(PastRow(id=name, at=at, row=row))
    sifted.past.sort(key=lambda past: past.at)
    return sifted


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """Rows that were not known, seen as live events are, and how many others were."""

    fresh: Sequence[tuple[PastRow, Looks]]
    known: int


class Importer:
    """Takes rows in portions, each stored whole or not at all. ``imported`` counts what was stored."""

    def __init__(self, store: ImportStore, catalogue: Catalogue) -> None:
        self._store = store
        self._catalogue = catalogue
        self._worded: set[bytes] = set()
        self.imported = Imported()

    def take(self, past: Sequence[PastRow], portion: int) -> Iterator[int]:
        """Store them, ``portion`` rows at a time; how many were taken is told after each. While one portion is
        written, the next is prepared. Raises StoreUnavailable."""
        portions = [past[start : start + portion] for start in range(0, len(past), portion)]
        with ThreadPoolExecutor(1, "import") as beside:
            ready = [beside.submit(self._prepare, first) for first in portions[:1]]
            for taken, following in zip_longest(portions, portions[1:]):
                prepared = ready.pop().result()
                if following is not None:
                    ready.append(beside.submit(self._prepare, following))
                self._write(prepared)
                yield len(taken)

    def _prepare(self, portion: Sequence[PastRow]) -> _Prepared:
        """Their texts' words are kept here: before the incidents, so that none is ever without, and in a
        transaction of its own, since what a service waits for is kept short."""
        known = self._store.find_known([past.id for past in portion])
        fresh = [(past, look_at(past.row.incident)) for past in portion if past.id not in known]
        texts = {look.text_key: look.text for _, look in fresh if look.text_key not in self._worded}
        if texts:
            self._store.keep_words({key: terms_of(text) for key, text in texts.items()})
            self._worded.update(texts)
        return _Prepared(fresh=fresh, known=len(portion) - len(fresh))

    def _write(self, prepared: _Prepared) -> None:
        self.imported.known += prepared.known
        if not prepared.fresh:
            return
        looks = [look for _, look in prepared.fresh]
        with self._store.writing() as batch:
            batch.hold(looks, [past.row.incident for past, _ in prepared.fresh])
            # Another import of the same may have stored some meanwhile.
            known = batch.find_known([past.id for past, _ in prepared.fresh])
            wanted = [(past, look) for past, look in prepared.fresh if past.id not in known]
            memory = batch.recollect(looks)
            counted = batch.find_counted([name for _, look in wanted if (name := look.occurrence) is not None])
            for past, look in wanted:
                remember(memory, past, look, self._catalogue, is_counted=look.occurrence in counted)
                if look.occurrence is not None:
                    counted.add(look.occurrence)
            batch.record(memory, {past.id: told_by(past) for past, _ in wanted})
        self.imported.known += len(known)
        self._note(memory, [past for past, _ in wanted])

    def _note(self, memory: Memory, stored: Sequence[PastRow]) -> None:
        imported, catalogue = self.imported, self._catalogue
        imported.incidents += len(stored)
        imported.new_patterns.update(memory.new_patterns)
        for record in memory.new_incidents.values():
            imported.texts.add(record.text_key)
            imported.patterns[record.pattern_id] += 1
        for past in stored:
            priority, team = past.row.priority, past.row.team
            if priority is not None and catalogue.find_priority(priority) is None:
                imported.unknown_priorities[priority] += 1
            if team is not None and catalogue.find_team(team) is None:
                imported.unknown_teams[team] += 1


def remember(memory: Memory, past: PastRow, look: Looks, catalogue: Catalogue, *, is_counted: bool) -> None:
    """Enter one past incident under its pattern, which is made if there is none. ``is_counted``: its occurrence is
    one that the pattern counts already."""
    join_window = catalogue.source_settings(look.source).join_window
    match = recognise(memory, look, past.at, join_window, NO_LINKS)
    pattern = memory.pattern_for(match, look, past.at, str(uuid.uuid4()))
    pattern.first_seen_at = min(pattern.first_seen_at, past.at)
    pattern.last_seen_at = max(pattern.last_seen_at, past.at)
    memory.changed_patterns.add(pattern.id)
    record = _record(past, look, pattern.id, catalogue)
    memory.new_incidents[record.id] = record
    if not is_counted:
        pattern.occurrences += 1
        memory.new_occurrences.append(_occurrence(record, look, past.at))
    if look.dedup_key is not None:
        memory.changed_keys[(record.id, look.source, look.dedup_key)] = KeyRecord(
            source=look.source,
            dedup_key=look.dedup_key,
            incident_id=record.id,
            scope=look.scope,
            started_at=look.started_at,
            opened_at=past.at,
            resolved_at=record.resolved_at or past.at,
        )


def told_by(past: PastRow) -> Told:
    """In the history's own words."""
    row = past.row
    return Told(
        history_id=row.own_id or past.id,
        priority=row.priority,
        team=row.team,
        label_source=row.label_source,
        duplicate_of=row.duplicate_of,
    )


def _record(past: PastRow, look: Looks, pattern_id: str, catalogue: Catalogue) -> IncidentRecord:
    row, event = past.row, past.row.incident
    service = catalogue.find_service(event.service, event.environment)
    team = catalogue.find_team(row.team)
    return IncidentRecord(
        id=past.id,
        pattern_id=pattern_id,
        source=event.source,
        scope=look.scope,
        service=service.id if service else event.service,
        environment=event.environment,
        title=event.title,
        event=event,
        text_key=look.text_key,
        state=State.RESOLVED,
        status=Status.RESOLVED,
        priority=catalogue.find_priority(row.priority) or catalogue.default_priority,
        team=team.id if team else catalogue.triage_desk,
        decision_id=None,
        opened_at=past.at,
        last_occurred_at=past.at,
        last_seen_at=past.at,
        occurrences=1,
        deliveries=1,
        # None where nobody says: an end at its beginning would be a repair that took no time.
        resolved_at=row.resolved_at if row.resolved_at is not None and row.resolved_at >= past.at else None,
        resolved_by=HISTORY,
        resolution=row.resolution,
    )


def _occurrence(record: IncidentRecord, look: Looks, at: datetime) -> Occurrence:
    return Occurrence(
        incident_id=record.id,
        pattern_id=record.pattern_id,
        source=look.source,
        scope=look.scope,
        dedup_key=look.dedup_key,
        # Without the start, by which a delivery would be known as one that was answered before. A history tells
        # nobody, so an alert that still fires must open an incident, although its occurrence was imported as over.
        started_at=None,
        occurred_at=at,
        received_at=at,
    )
