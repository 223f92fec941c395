"""Reading incidents, their timelines and decisions; changing one on a person's behalf."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from triage.domain.decision import Decision, DecisionInputs, StoredDecision, TriageOverride
from triage.domain.record import IncidentRecord, TimelineEntry
from triage.errors import NotFound
from triage.store.database import Database, Db, Row
from triage.store.pattern_facts import SAID, override_of
from triage.store.recollection import PATTERNS_LOCK
from triage.store.recording import record_decisions, record_embeddings, update_incidents
from triage.store.records import DECISION, INPUTS, READ_INCIDENT, record_from_row
from triage.store.review_items import close_item
from triage.store.timelines import record_timeline

SELECT_INCIDENT = f"SELECT {READ_INCIDENT} FROM incident"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFilter:
    """What a list asks for. ``before`` is the position (opened_at, id) after which the page starts."""

    state: str | None = None
    status: str | None = None
    team: str | None = None
    priority: str | None = None
    pattern: str | None = None
    q: str | None = None
    since: datetime | None = None
    before: tuple[datetime, str] | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDecision:
    """A decision as it lies in the store; ``embedding`` has shape (dimensions,), None without an encoder."""

    decision: Decision
    inputs: DecisionInputs
    embedding: NDArray[np.float16] | None


class Incidents:
    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, incident_id: str) -> IncidentRecord:
        """Raises NotFound."""
        with self._database.connection() as db:
            return _get(db, incident_id)

    def find(self, wanted: IncidentFilter) -> list[IncidentRecord]:
        """Newest first."""
        clauses: list[LiteralString] = []
        values: list[object] = []
        for column, value in (
            ("state = %s", wanted.state),
            ("status = %s", wanted.status),
            ("team = %s", wanted.team),
            ("priority = %s", wanted.priority),
            (_OF_FAMILY, wanted.pattern),
            ("opened_at >= %s", wanted.since),
            ("search @@ websearch_to_tsquery('simple', %s)", wanted.q),
        ):
            if value is not None:
                clauses.append(column)
                values.append(value)
        if wanted.before is not None:
            clauses.append("(opened_at, id) < (%s, %s)")
            values.extend(wanted.before)
        where = sql.SQL(" WHERE ") + sql.SQL(" AND ").join(map(sql.SQL, clauses)) if clauses else sql.SQL("")
        statement = sql.SQL("{select}{where} ORDER BY opened_at DESC, id DESC LIMIT %s").format(
            select=sql.SQL(SELECT_INCIDENT), where=where
        )
        with self._database.exploring() as db:
            rows = db.execute(statement, (*values, wanted.limit)).fetchall()
        return [record_from_row(row) for row in rows]

    def timeline(self, incident_id: str) -> list[TimelineEntry]:
        """Everything that happened, oldest first. Raises NotFound."""
        with self._database.connection() as db:
            _get(db, incident_id)
            rows = db.execute(
                "SELECT incident_id, at, kind, actor, detail FROM timeline WHERE incident_id = %s ORDER BY id",
                (incident_id,),
            ).fetchall()
        return [TimelineEntry(**{**row, "incident_id": str(row["incident_id"])}) for row in rows]

    def get_many(self, incident_ids: Sequence[str]) -> dict[str, IncidentRecord]:
        """Those that there are, by id."""
        with self._database.connection() as db:
            rows = db.execute(f"{SELECT_INCIDENT} WHERE id = ANY(%s::uuid[])", (list(incident_ids),)).fetchall()
        return {str(row["id"]): record_from_row(row) for row in rows}

    def get_decision(self, decision_id: str) -> RecordedDecision:
        """Raises NotFound."""
        with self._database.connection() as db:
            return _recorded(db, decision_id)

    def decisions_of(self, decision_ids: Sequence[str]) -> dict[str, Decision]:
        with self._database.connection() as db:
            rows = db.execute(
                "SELECT id, record FROM decision WHERE id = ANY(%s::uuid[])", (list(decision_ids),)
            ).fetchall()
        return {str(row["id"]): DECISION.validate_python(row["record"]) for row in rows}

    def recorded_decisions(self, decision_ids: Sequence[str]) -> dict[str, RecordedDecision]:
        """Those that there are, by id."""
        with self._database.connection() as db:
            rows = db.execute(
                f"{_RECORDED} WHERE d.id = ANY(%s::uuid[])", (list(decision_ids),), binary=True
            ).fetchall()
        return {str(row["id"]): _recorded_from(row) for row in rows}

    @contextmanager
    def changing(self, incident_id: str) -> Iterator["Change"]:
        """One incident held for a change; written when the block ends. Raises NotFound."""
        with self._database.transaction() as db:
            # Whoever merges or splits patterns waits, or was waited for before the incident is read.
            db.execute("SELECT pg_advisory_xact_lock_shared(%s)", (PATTERNS_LOCK,))
            change = Change(db, _get(db, incident_id, lock=True))
            yield change
            change.write()

    def close_forgotten(self, now: datetime, limit: int = 500) -> list[str]:
        """Resolve what nobody has spoken of since its ``closes_at``; the ids of what was closed.

        Any number of workers may ask at once: each incident is closed by one of them.
        """
        with self._database.transaction() as db:
            rows = db.execute(
                f"{SELECT_INCIDENT} WHERE state <> 'resolved' AND closes_at <= %s"
                " ORDER BY closes_at LIMIT %s FOR UPDATE SKIP LOCKED",
                (now, limit),
            ).fetchall()
            records = [record_from_row(row) for row in rows]
            for record in records:
                record.resolve("triage", now, None)
            update_incidents(db, records)
            _release_keys(db, [record.id for record in records], now)
            entries = [
                TimelineEntry(
                    incident_id=r.id, at=now, kind="resolved", actor="triage", detail={"because": "silent"}
                )
                for r in records
            ]
            record_timeline(db, entries)
        return [record.id for record in records]


class Change:
    """A held incident, and what a person's action adds to it."""

    def __init__(self, db: Db, record: IncidentRecord) -> None:
        self._db = db
        self.record = record
        self.override_id: int | None = None
        self._entries: list[TimelineEntry] = []
        self._decisions: list[StoredDecision] = []

    def note(self, at: datetime, kind: str, actor: str, **detail: object) -> None:
        self._entries.append(
            TimelineEntry(incident_id=self.record.id, at=at, kind=kind, actor=actor, detail=detail)
        )

    def decide(self, stored: StoredDecision) -> None:
        self._decisions.append(stored)

    def waits_for(self, actor: str) -> bool:
        """Whether its escalation calls people now, and has not heard from this one since."""
        row = self._db.execute(
            "SELECT e.state ->> 'phase' = 'calling' AND NOT EXISTS (SELECT FROM escalation_event AS s"
            " WHERE s.incident_id = e.incident_id AND s.kind = 'acknowledged' AND s.actor = %s) AS waits"
            " FROM escalation AS e WHERE e.incident_id = %s",
            (actor, self.record.id),
        ).fetchone()
        return row is not None and bool(row["waits"])

    def get_decision(self) -> RecordedDecision | None:
        """The incident's decision as it stands; None for an incident that came with a history."""
        return _recorded(self._db, self.record.decision_id) if self.record.decision_id is not None else None

    def override(self, override: TriageOverride) -> None:
        """Whoever speaks of it has looked at it, wherever they did."""
        row = self._db.execute(
            "INSERT INTO triage_override (incident_id, pattern_id, priority, team, reason, made_by, made_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
            (
                self.record.id,
                self.record.pattern_id,
                override.priority.value if override.priority else None,
                override.team,
                override.reason,
                override.by,
                override.at,
            ),
        ).fetchone()
        self.override_id = int(row["id"]) if row else None
        close_item(self._db, self.record.id, override.by, override.at)

    def withdraw(self, override_id: int, by: str, at: datetime) -> bool:
        """Whether it is the newest of this incident, and stood until now."""
        done = self._db.execute(
            "UPDATE triage_override SET withdrawn_by = %(by)s, withdrawn_at = %(at)s WHERE id = %(id)s"
            " AND incident_id = %(incident)s AND withdrawn_at IS NULL AND NOT EXISTS ("
            " SELECT FROM triage_override AS later WHERE later.incident_id = %(incident)s AND later.id > %(id)s"
            " AND later.withdrawn_at IS NULL)",
            {"id": override_id, "incident": self.record.id, "by": by, "at": at},
        )
        return done.rowcount == 1

    def find_override(self) -> TriageOverride | None:
        """What people said of this incident that still stands, put together; None where nobody did."""
        row = self._db.execute(
            f"SELECT {SAID} FROM triage_override WHERE incident_id = %s AND withdrawn_at IS NULL",
            (self.record.id,),
        ).fetchone()
        return override_of(row) if row is not None and row["said_by"] else None

    def also(self, act: Callable[[Db], None]) -> None:
        """Something further, in the same transaction."""
        act(self._db)

    def keep_embedding(self, encoder: str, text_key: bytes, embedding: NDArray[np.float16]) -> None:
        record_embeddings(self._db, encoder, {text_key: embedding})

    def release_keys(self, at: datetime) -> None:
        _release_keys(self._db, [self.record.id], at)

    def claim_keys(self) -> None:
        """The keys under which its sources spoke of it mean it again, but for those that another incident has had
        since."""
        self._db.execute(
            "UPDATE incident_key AS mine SET resolved_at = NULL WHERE incident_id = %s AND NOT EXISTS ("
            " SELECT 1 FROM incident_key AS later WHERE (later.source, later.dedup_key) ="
            " (mine.source, mine.dedup_key) AND later.opened_at > mine.opened_at)",
            (self.record.id,),
        )

    def write(self) -> None:
        record_decisions(self._db, self._decisions)
        update_incidents(self._db, [self.record])
        record_timeline(self._db, self._entries)


_OF_FAMILY: LiteralString = (
    "pattern_id IN (SELECT id FROM pattern WHERE root = (SELECT root FROM pattern WHERE id = %s))"
)


def _get(db: Db, incident_id: str, *, lock: bool = False) -> IncidentRecord:
    statement = f"{SELECT_INCIDENT} WHERE id = %s" + (" FOR NO KEY UPDATE" if lock else "")
    row: Row | None = db.execute(statement, (identifier(incident_id, "incident"),)).fetchone()
    if row is None:
        raise NotFound("no such incident is stored")
    return record_from_row(row)


def _recorded(db: Db, decision_id: str) -> RecordedDecision:
    asked = identifier(decision_id, "decision")
    row = db.execute(f"{_RECORDED} WHERE d.id = %s", (asked,), binary=True).fetchone()
    if row is None:
        raise NotFound("no such decision is stored")
    return _recorded_from(row)


_RECORDED = (
    "SELECT d.id, d.record, d.inputs, t.embedding FROM decision AS d LEFT JOIN text_embedding AS t"
    " ON t.encoder = d.encoder AND t.text_key = d.text_key"
)


def _recorded_from(row: Row) -> RecordedDecision:
    return RecordedDecision(
        decision=DECISION.validate_python(row["record"]),
        inputs=INPUTS.validate_python(row["inputs"]),
        embedding=row["embedding"].to_numpy().astype(np.float16) if row["embedding"] is not None else None,
    )


def identifier(text: str, what: str) -> uuid.UUID:
    """Raises NotFound for what cannot be one."""
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise NotFound(f"no such {what} is stored") from error


def _release_keys(db: Db, incident_ids: Sequence[str], at: datetime) -> None:
    db.execute(
        "UPDATE incident_key SET resolved_at = %s WHERE incident_id = ANY(%s::uuid[]) AND resolved_at IS NULL",
        (at, list(incident_ids)),
    )
