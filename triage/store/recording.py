"""Writes what a batch changed: one statement per table, inside the batch's own transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector

from triage.domain.decision import StoredDecision
from triage.domain.memory import Memory
from triage.domain.record import IncidentRecord
from triage.store.beats import COUNT_BEATS_OF
from triage.store.database import Db
from triage.store.records import (
    INCIDENT_COLUMNS,
    as_rows,
    bytes_to_json,
    decision_to_json,
    inputs_to_json,
    record_to_row,
)
from triage.store.review_items import record_items
from triage.store.timelines import record_timeline


def record_memory(db: Db, memory: Memory, decisions: Sequence[StoredDecision]) -> None:
    """Write everything that a batch changed. Set-based: its cost in statements does not grow with the batch."""
    with db.pipeline():
        _insert(db, "pattern", _PATTERN_COLUMNS, [_pattern_row(p) for p in memory.new_patterns.values()])
        _insert_digests(db, memory)
        _insert(db, "incident", INCIDENT_COLUMNS, [record_to_row(r) for r in memory.new_incidents.values()])
        update_incidents(
            db, [memory.incidents[i] for i in memory.changed_incidents if i not in memory.new_incidents]
        )
        _update_patterns(db, memory)
        _upsert_keys(db, memory)
        _insert_occurrences(db, memory)
        _count_suppressed(db, memory)
        _count_deliveries(db, memory)
        _insert_wordings(db, memory)
        record_decisions(db, decisions)
        record_items(db, memory.review_items)
        record_timeline(db, memory.timeline)


def record_decisions(db: Db, decisions: Sequence[StoredDecision]) -> None:
    rows = [
        {
            "id": stored.decision.decision_id,
            "incident_id": stored.decision.incident_id,
            "decided_at": stored.decision.decided_at,
            "encoder": stored.encoder,
            "text_key": bytes_to_json(stored.text_key) if stored.text_key is not None else None,
            "inputs": inputs_to_json(stored.inputs),
            "record": decision_to_json(stored.decision),
        }
        for stored in decisions
    ]
    _insert(db, "decision", "id, incident_id, decided_at, encoder, text_key, inputs, record", rows)


def record_embeddings(db: Db, encoder: str, embeddings: Mapping[bytes, NDArray[np.float16]]) -> None:
    """Keep each text's embedding once; keys in order, so that batches never wait for each other in a circle."""
    if not embeddings:
        return
    ordered = sorted(embeddings.items())
    db.execute(
        "INSERT INTO text_embedding (encoder, text_key, embedding)"
        " SELECT %s, new.text_key, new.embedding"
        " FROM unnest(%b::bytea[], %b::halfvec[]) AS new (text_key, embedding)"
        " ON CONFLICT DO NOTHING",
        (encoder, [key for key, _ in ordered], [HalfVector(vector) for _, vector in ordered]),
    )


def update_incidents(db: Db, records: Sequence[IncidentRecord]) -> None:
    if not records:
        return
    db.execute(_UPDATE_INCIDENTS, (as_rows([record_to_row(r) for r in records]),))


def _insert(db: Db, table: str, columns: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        db.execute(
            f"INSERT INTO {table} ({columns})"
            f" SELECT {columns} FROM jsonb_populate_recordset(NULL::{table}, %s::jsonb)",
            (as_rows(rows),),
        )


_PATTERN_COLUMNS = "id, root, scope, template, first_seen_at, last_seen_at, occurrences"
_OCCURRENCE_COLUMNS = (
    "incident_id, pattern_id, source, dedup_key, scope, started_at, occurred_at, received_at, deliveries"
)
_FIXED = {"id", "pattern_id", "source", "opened_at"}
_CHANGEABLE = [column for column in INCIDENT_COLUMNS.split(", ") if column.strip() not in _FIXED]
_UPDATE_INCIDENTS = (
    "UPDATE incident SET "
    + ", ".join(f"{c} = new.{c}" for c in _CHANGEABLE)
    + " FROM jsonb_populate_recordset(NULL::incident, %s::jsonb) AS new WHERE incident.id = new.id"
)


def _pattern_row(pattern: Any) -> dict[str, Any]:
    return {
        "id": pattern.id,
        "root": pattern.id,
        "scope": pattern.scope,
        "template": pattern.template,
        "first_seen_at": pattern.first_seen_at,
        "last_seen_at": pattern.last_seen_at,
        "occurrences": pattern.occurrences,
    }


def _update_patterns(db: Db, memory: Memory) -> None:
    changed = [memory.patterns[p] for p in memory.changed_patterns if p not in memory.new_patterns]
    # Added, not set: an event that joins by key holds back nobody who counts on the same pattern.
    added = Counter(occurrence.pattern_id for occurrence in memory.new_occurrences)
    if changed:
        # In one order for everybody: batches that meet on patterns by their keys alone hold no lock of theirs.
        db.execute(
            "SELECT 1 FROM pattern WHERE id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE",
            ([pattern.id for pattern in changed],),
        )
        db.execute(
            "UPDATE pattern SET last_seen_at = greatest(pattern.last_seen_at, new.last_seen_at),"
            " occurrences = pattern.occurrences + new.occurrences"
            " FROM jsonb_populate_recordset(NULL::pattern, %s::jsonb) AS new"
            " WHERE pattern.id = new.id",
            (as_rows([{**_pattern_row(p), "occurrences": added[p.id]} for p in changed]),),
        )


def _upsert_keys(db: Db, memory: Memory) -> None:
    rows = [
        {
            "source": k.source,
            "dedup_key": k.dedup_key,
            "incident_id": k.incident_id,
            "scope": k.scope,
            "started_at": k.started_at,
            "opened_at": k.opened_at,
            "resolved_at": k.resolved_at,
        }
        for k in memory.changed_keys.values()
    ]
    if rows:
        columns = "source, dedup_key, incident_id, scope, started_at, opened_at, resolved_at"
        db.execute(
            f"INSERT INTO incident_key ({columns})"
            f" SELECT {columns} FROM jsonb_populate_recordset(NULL::incident_key, %s::jsonb)"
            " ON CONFLICT (incident_id, source, dedup_key)"
            " DO UPDATE SET started_at = excluded.started_at, resolved_at = excluded.resolved_at",
            (as_rows(rows),),
        )


def _occurrence_row(occurrence: Any) -> dict[str, Any]:
    return {
        "incident_id": occurrence.incident_id,
        "pattern_id": occurrence.pattern_id,
        "source": occurrence.source,
        "dedup_key": occurrence.dedup_key,
        "scope": occurrence.scope,
        "started_at": occurrence.started_at,
        "occurred_at": occurrence.occurred_at,
        "received_at": occurrence.received_at,
        "deliveries": occurrence.deliveries,
    }


def _insert_occurrences(db: Db, memory: Memory) -> None:
    """Each occurrence, and the five minutes of its pattern that it is counted in."""
    if memory.new_occurrences:
        db.execute(
            f"WITH new AS (INSERT INTO occurrence ({_OCCURRENCE_COLUMNS}) SELECT {_OCCURRENCE_COLUMNS}"
            " FROM jsonb_populate_recordset(NULL::occurrence, %s::jsonb) RETURNING pattern_id, occurred_at)"
            f" {COUNT_BEATS_OF.format(occurrences='new')}",
            (as_rows([_occurrence_row(occurrence) for occurrence in memory.new_occurrences]),),
        )


def _insert_digests(db: Db, memory: Memory) -> None:
    """One that is there already was outlived, and goes over to another pattern."""
    if memory.new_digests:
        db.execute(
            "INSERT INTO pattern_key (digest, pattern_id) SELECT * FROM unnest(%s::text[], %s::uuid[])"
            " ON CONFLICT (digest) DO UPDATE SET pattern_id = excluded.pattern_id",
            (list(memory.new_digests), list(memory.new_digests.values())),
        )


def _insert_wordings(db: Db, memory: Memory) -> None:
    if memory.wordings:
        db.execute(
            "INSERT INTO incident_wording (incident_id, text_key, title, description, since)"
            " SELECT * FROM unnest(%s::uuid[], %s::bytea[], %s::text[], %s::text[], %s::timestamptz[])"
            " ON CONFLICT DO NOTHING",
            (
                [wording.incident_id for wording in memory.wordings],
                [wording.text_key for wording in memory.wordings],
                [wording.title for wording in memory.wordings],
                [wording.description for wording in memory.wordings],
                [wording.since for wording in memory.wordings],
            ),
        )


def _count_suppressed(db: Db, memory: Memory) -> None:
    if memory.suppressed:
        ordered = sorted(memory.suppressed.items())
        db.execute(
            "UPDATE silence SET suppressed = silence.suppressed + new.times, suppressed_at = now()"
            " FROM unnest(%s::uuid[], %s::int[]) AS new (id, times) WHERE silence.id = new.id",
            ([silence for silence, _ in ordered], [times for _, times in ordered]),
        )


def _count_deliveries(db: Db, memory: Memory) -> None:
    if not memory.redelivered:
        return
    identities = sorted(memory.redelivered)
    columns: list[list[str] | list[datetime] | list[int]] = [
        [i[0] for i in identities],
        [i[1] for i in identities],
        [i[2] for i in identities],
        [i[3] for i in identities],
        [memory.redelivered[i] for i in identities],
    ]
    db.execute(
        "UPDATE occurrence AS o SET deliveries = o.deliveries + new.times"
        " FROM unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::int[])"
        " AS new (source, dedup_key, scope, started_at, times)"
        " WHERE o.source = new.source AND o.dedup_key = new.dedup_key AND o.scope = new.scope"
        " AND o.started_at = new.started_at",
        columns,
    )
