"""Fills a batch's ``Memory`` from the database: a fixed number of set-based queries, whatever the batch's size."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from triage.domain.decision import TriageOverride
from triage.domain.delivery import DeliveryKey
from triage.domain.incident import Incident
from triage.domain.memory import RECENT_OCCURRENCES, KeyRecord, Looks, Memory, PatternRecord
from triage.domain.priority import Priority
from triage.store.database import Db
from triage.store.neighbours import Embeddings, read_neighbours, search_neighbours
from triage.store.records import INCIDENT_COLUMNS, record_from_row

LOCK_BUCKETS = 512
"""Advisory locks a batch can hold at most: keys share buckets, so that no batch exhausts the lock table."""

LOCK_SPACE = 7_041_000_000


def lock_identities(
    db: Db, looks: Sequence[Looks], events: Sequence[Incident], keys: Sequence[DeliveryKey]
) -> str:
    """Hold back other writers of the same keys and patterns until this transaction ends, and name it.

    Buckets are locked in ascending order, so that two batches never wait for each other in a circle.
    """
    identities = {f"key {e.source} {e.dedup_key}" for e in events if e.dedup_key is not None}
    identities |= {f"delivery {key.principal} {key.key}" for key in keys}
    identities |= {digest for look in looks for digest in look.digests}
    buckets = sorted({LOCK_SPACE + _bucket(identity) for identity in identities})
    row = db.execute(
        "WITH held AS MATERIALIZED (SELECT bucket, pg_advisory_xact_lock(bucket)"
        " FROM (SELECT unnest(%s::bigint[]) AS bucket ORDER BY 1) AS ordered)"
        " SELECT pg_current_xact_id()::text AS name, count(held) FROM held",
        (buckets,),
    ).fetchone()
    assert row is not None  # an aggregate always has one
    return str(row["name"])


def _bucket(identity: str) -> int:
    return int.from_bytes(hashlib.blake2b(identity.encode(), digest_size=4).digest()) % LOCK_BUCKETS


def recollect(
    db: Db,
    looks: Sequence[Looks],
    events: Sequence[Incident],
    now: datetime,
    encoder: str | None,
    embeddings: Embeddings,
    *,
    hold: bool,
) -> Memory:
    """What is known of these events. ``looks`` are those of the firing ones; ``events`` are all of them.

    ``embeddings`` by text key; texts without one have no neighbours. ``hold`` keeps the incidents from
    being changed by others until the transaction ends.
    """
    digests = sorted({digest for look in looks for digest in look.digests})
    keyed, started = _key_arguments(events), _occurrence_arguments(looks)
    # What nothing is asked of is not sent: most predictions come without a key.
    with db.pipeline():
        keys = db.execute(_KEYS, keyed) if keyed["keys"] else None
        occurrences = db.execute(_OCCURRENCES, started) if started["keys"] else None
        patterns = db.execute(_OF_DIGESTS, {"digests": digests, "now": now, "recent": RECENT_OCCURRENCES})
        near = search_neighbours(db, looks, encoder, embeddings)
    memory = Memory()
    for row in occurrences.fetchall() if occurrences is not None else ():
        occurrence = row["source"], row["dedup_key"], row["scope"], row["started_at"]
        memory.occurrences[occurrence] = str(row["incident_id"])
    for row in keys.fetchall() if keys is not None else ():
        _enter_key(memory, row)
    _enter_patterns(memory, patterns.fetchall())
    memory.neighbours = read_neighbours(near)
    _enter_incidents(db, memory, hold=hold)
    if hold:
        _enter_keys_of_held(db, memory)
    _recollect_patterns(db, memory, now)
    return memory


_KEYS = """
SELECT k.* FROM incident_key AS k
JOIN LATERAL (
    SELECT DISTINCT near.incident_id
    FROM unnest(%(sources)s::text[], %(keys)s::text[]) AS asked (source, dedup_key)
    CROSS JOIN LATERAL (
        SELECT incident_id FROM incident_key AS held
        WHERE held.source = asked.source AND held.dedup_key = asked.dedup_key
        ORDER BY opened_at DESC LIMIT 8
    ) AS near
) AS spoken_of ON spoken_of.incident_id = k.incident_id
ORDER BY k.opened_at DESC
"""

_OCCURRENCES = """
SELECT o.source, o.dedup_key, o.scope, o.started_at, o.incident_id
FROM unnest(%(sources)s::text[], %(keys)s::text[], %(scopes)s::text[], %(started)s::timestamptz[])
    AS asked (source, dedup_key, scope, started_at)
JOIN occurrence AS o USING (source, dedup_key, scope, started_at)
"""

_SAID = """
    (array_agg(priority ORDER BY id DESC) FILTER (WHERE priority IS NOT NULL))[1] AS said_priority,
    (array_agg(team ORDER BY id DESC) FILTER (WHERE team IS NOT NULL))[1] AS said_team,
    (array_agg(reason ORDER BY id DESC))[1] AS said_reason,
    (array_agg(made_by ORDER BY id DESC))[1] AS said_by,
    max(made_at) AS said_at
"""

_BY_DIGEST = """
    (SELECT pattern_id, array_agg(digest) AS digests FROM pattern_key
        WHERE digest = ANY(%(digests)s) GROUP BY pattern_id) AS d
    JOIN pattern AS p ON p.id = d.pattern_id
"""

_PATTERN_FACTS = """
SELECT d.digests, p.*, latest.id AS latest_incident, opened.id AS open_incident, counted.*, past.recent, said.*
FROM {start}
LEFT JOIN LATERAL (
    SELECT id FROM incident WHERE pattern_id = p.id ORDER BY opened_at DESC LIMIT 1
) AS latest ON true
LEFT JOIN LATERAL (
    SELECT id FROM incident WHERE pattern_id = p.id AND state <> 'resolved' ORDER BY opened_at DESC LIMIT 1
) AS opened ON true
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE occurred_at >= %(now)s - interval '1 hour') AS in_1h,
        count(*) FILTER (WHERE occurred_at >= %(now)s - interval '24 hours') AS in_24h,
        count(*) FILTER (WHERE occurred_at >= %(now)s - interval '7 days') AS in_7d,
        count(*) AS in_30d
    FROM occurrence WHERE pattern_id = p.id AND occurred_at >= %(now)s - interval '30 days'
) AS counted ON true
LEFT JOIN LATERAL (
    SELECT array_agg(occurred_at) AS recent FROM (
        SELECT occurred_at FROM occurrence WHERE pattern_id = p.id ORDER BY occurred_at DESC LIMIT %(recent)s
    ) AS newest
) AS past ON true
LEFT JOIN LATERAL (
    SELECT {said} FROM triage_override WHERE pattern_id = p.id
) AS said ON true
"""
_OF_DIGESTS = _PATTERN_FACTS.format(start=_BY_DIGEST, said=_SAID)
_OF_IDS = _PATTERN_FACTS.format(start="(SELECT NULL::text[] AS digests) AS d CROSS JOIN pattern AS p", said=_SAID)
_OF_IDS += "WHERE p.id = ANY(%(ids)s)"


def _key_arguments(events: Sequence[Incident]) -> dict[str, list[str]]:
    asked = sorted({(e.source, e.dedup_key) for e in events if e.dedup_key is not None})
    return {"sources": [source for source, _ in asked], "keys": [key for _, key in asked]}


def _occurrence_arguments(looks: Sequence[Looks]) -> dict[str, list[Any]]:
    asked = sorted({look.occurrence for look in looks if look.occurrence is not None})
    names = ("sources", "keys", "scopes", "started")
    return {name: [one[place] for one in asked] for place, name in enumerate(names)}


def _enter_key(memory: Memory, row: dict[str, Any]) -> None:
    key = KeyRecord(
        source=row["source"],
        dedup_key=row["dedup_key"],
        incident_id=str(row["incident_id"]),
        scope=row["scope"],
        started_at=row["started_at"],
        opened_at=row["opened_at"],
        resolved_at=row["resolved_at"],
    )
    memory.keys.setdefault((key.source, key.dedup_key), []).append(key)


def _enter_patterns(memory: Memory, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        pattern_id = str(row["id"])
        memory.pattern_by_digest |= dict.fromkeys(row["digests"] or (), pattern_id)
        memory.patterns[pattern_id] = PatternRecord(
            id=pattern_id,
            scope=row["scope"],
            template=row["template"],
            first_seen_at=row["first_seen_at"],
            last_seen_at=row["last_seen_at"],
            occurrences=row["occurrences"],
            counts={name: row[f"in_{name}"] for name in ("1h", "24h", "7d", "30d")},
            recent=list(row["recent"] or ()),
            latest_incident=str(row["latest_incident"]) if row["latest_incident"] else None,
            correction=_override(row) if row["said_by"] else None,
        )
        if row["open_incident"]:
            memory.open_by_pattern[pattern_id] = str(row["open_incident"])


def _override(row: dict[str, Any]) -> TriageOverride:
    return TriageOverride(
        by=row["said_by"],
        at=row["said_at"],
        priority=Priority(row["said_priority"]) if row["said_priority"] else None,
        team=row["said_team"],
        reason=row["said_reason"],
    )


def _enter_incidents(db: Db, memory: Memory, *, hold: bool) -> None:
    """Load every incident that the looks point at and what people said of it."""
    wanted = set(memory.occurrences.values()) | set(memory.open_by_pattern.values())
    wanted |= {k.incident_id for held in memory.keys.values() for k in held}
    if not wanted:
        return
    for row in db.execute(_HELD_INCIDENTS if hold else _INCIDENTS, (list(wanted),)).fetchall():
        record = record_from_row(row)
        memory.incidents[record.id] = record
        if row["said_by"]:
            memory.overrides[record.id] = _override(row)
    # Somebody may have resolved it between the look for the open one and this one, which held it.
    for pattern_id, incident_id in list(memory.open_by_pattern.items()):
        if not memory.incidents[incident_id].is_open:
            del memory.open_by_pattern[pattern_id]


def _enter_keys_of_held(db: Db, memory: Memory) -> None:
    """All keys of every held incident, as they are now that nobody else can change them.

    What was read before they were held may be old, and has only the keys that were asked for: an incident
    found by fingerprint would look as if nothing held it open.
    """
    if not memory.incidents:
        return
    rows = db.execute(
        "SELECT * FROM incident_key WHERE incident_id = ANY(%s) ORDER BY opened_at DESC", (list(memory.incidents),)
    ).fetchall()
    memory.keys.clear()
    for row in rows:
        _enter_key(memory, row)


def _recollect_patterns(db: Db, memory: Memory, now: datetime) -> None:
    """Load the patterns of incidents that were found by key alone, their texts being other than the event's."""
    missing = {r.pattern_id for r in memory.incidents.values()} - memory.patterns.keys()
    if missing:
        arguments = {"ids": list(missing), "now": now, "recent": RECENT_OCCURRENCES}
        _enter_patterns(memory, db.execute(_OF_IDS, arguments).fetchall())


_INCIDENTS = f"""
SELECT {INCIDENT_COLUMNS}, said.* FROM incident
LEFT JOIN LATERAL (SELECT {_SAID} FROM triage_override WHERE incident_id = incident.id) AS said ON true
WHERE incident.id = ANY(%s)
"""
_HELD_INCIDENTS = _INCIDENTS + "ORDER BY incident.id FOR NO KEY UPDATE OF incident"
