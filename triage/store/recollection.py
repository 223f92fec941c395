"""Fills a batch's ``Memory`` from the database: a fixed number of set-based queries, whatever the batch's size."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from triage.domain.delivery import DeliveryKey
from triage.domain.incident import Incident
from triage.domain.memory import KeyRecord, Looks, Memory, Split
from triage.store.database import Db
from triage.store.pattern_facts import (
    OF_DIGESTS,
    OF_IDS,
    SAID,
    enter_patterns,
    override_of,
    pattern_arguments,
)
from triage.store.records import READ_INCIDENT, record_from_row

LOCK_BUCKETS = 512
"""Advisory locks a batch can hold at most: keys share buckets, so that no batch exhausts the lock table."""

LOCK_SPACE = 7_041_000_000

PATTERNS_LOCK = 7_041_776_005
"""Shared by all who write incidents; whoever merges or splits patterns has it alone, for a moment."""


def lock_identities(
    db: Db, looks: Sequence[Looks], events: Sequence[Incident], keys: Sequence[DeliveryKey]
) -> str:
    """Hold back other writers of the same keys and patterns until this transaction ends, and name it.

    Buckets are locked in ascending order, so that two batches never wait for each other in a circle. First of all
    the patterns are held as they are.
    """
    identities = {f"key {e.source} {e.dedup_key}" for e in events if e.dedup_key is not None}
    identities |= {f"delivery {key.principal} {key.key}" for key in keys}
    identities |= {digest for look in looks for digest in look.digests}
    buckets = sorted({LOCK_SPACE + _bucket(identity) for identity in identities})
    row = db.execute(
        "WITH patterns AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(%s)), held AS MATERIALIZED ("
        "SELECT bucket, pg_advisory_xact_lock(bucket)"
        " FROM (SELECT unnest(%s::bigint[]) AS bucket ORDER BY 1) AS ordered)"
        " SELECT pg_current_xact_id()::text AS name, count(held), (SELECT count(*) FROM patterns) FROM held",
        (PATTERNS_LOCK, buckets),
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
    *,
    hold: bool,
) -> Memory:
    """What is known of these events. ``looks`` are those of the firing ones; ``events`` are all of them.

    ``hold`` keeps the incidents from being changed by others until the transaction ends.
    """
    keyed, started = _key_arguments(events), _occurrence_arguments(looks)
    templates = sorted({look.template_key for look in looks if look.template_key is not None})
    asked = pattern_arguments(now, {look.scope for look in looks})
    asked["digests"] = sorted({digest for look in looks for digest in look.digests})
    # What nothing is asked of is not sent: most predictions come without a key.
    with db.pipeline():
        keys = db.execute(_KEYS, keyed) if keyed["keys"] else None
        occurrences = db.execute(_OCCURRENCES, started) if started["keys"] else None
        patterns = db.execute(OF_DIGESTS, asked)
        splits = db.execute(_SPLITS, (templates, templates))
    memory = Memory()
    for row in occurrences.fetchall() if occurrences is not None else ():
        occurrence = row["source"], row["dedup_key"], row["scope"], row["started_at"]
        memory.occurrences[occurrence] = str(row["incident_id"])
    for row in keys.fetchall() if keys is not None else ():
        _enter_key(memory, row)
    opened = enter_patterns(memory, patterns.fetchall())
    for row in splits.fetchall():
        _enter_split(memory, row)
    split_off = {split.pattern_id for splits in memory.splits.values() for split in splits}
    opened |= _recollect_patterns(db, memory, asked, split_off)
    _enter_incidents(db, memory, opened, hold=hold)
    if hold:
        _enter_keys_of_held(db, memory)
        _enter_wordings(db, memory, looks)
    # Of incidents that were found by key alone, their texts being other than the event's.
    _recollect_patterns(db, memory, asked, {record.pattern_id for record in memory.incidents.values()})
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

_SPLITS = """
SELECT template_key, words, pattern.root FROM pattern_split JOIN pattern ON pattern.id = pattern_split.pattern_id
WHERE template_key = ANY(%s)
UNION ALL SELECT digest, NULL, NULL FROM pattern_key WHERE digest = ANY(%s) AND refused
"""


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


def _enter_split(memory: Memory, row: dict[str, Any]) -> None:
    if row["words"] is None:
        memory.refused.add(row["template_key"])
    else:
        split = Split(words=frozenset(row["words"]), pattern_id=str(row["root"]))
        memory.splits.setdefault(row["template_key"], []).append(split)


def _enter_incidents(db: Db, memory: Memory, opened: set[str], *, hold: bool) -> None:
    """Load every incident that the looks point at and what people said of it."""
    wanted = set(memory.occurrences.values()) | opened
    wanted |= {k.incident_id for held in memory.keys.values() for k in held}
    if not wanted:
        return
    for row in db.execute(_HELD_INCIDENTS if hold else _INCIDENTS, (list(wanted),)).fetchall():
        record = record_from_row(row)
        memory.incidents[record.id] = record
        if row["said_by"]:
            memory.overrides[record.id] = override_of(row)
    # Somebody may have resolved it between the look for the open one and this one, which held it.
    still_open = [memory.incidents[i] for i in opened if memory.incidents[i].is_open]
    for record in sorted(still_open, key=lambda record: record.opened_at):
        memory.open_by_pattern[(record.pattern_id, record.scope)] = record.id


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


def _enter_wordings(db: Db, memory: Memory, looks: Sequence[Looks]) -> None:
    """Of incidents of which a source now says something else under its key; hardly ever any."""
    spoken_of = {key.incident_id: look for look in looks for key in memory.keys_of(look)}
    reworded = [name for name, look in spoken_of.items() if look.text_key != memory.incidents[name].text_key]
    if reworded:
        for row in db.execute(
            "SELECT incident_id, title, description FROM incident_wording WHERE incident_id = ANY(%s::uuid[])",
            (reworded,),
        ).fetchall():
            told = memory.known_wordings.setdefault(str(row["incident_id"]), [])
            told.append((row["title"], row["description"]))


def _recollect_patterns(db: Db, memory: Memory, asked: dict[str, Any], wanted: set[str]) -> set[str]:
    """Load those of the patterns that are not there yet, and name their open incidents."""
    missing = wanted - memory.patterns.keys()
    if not missing:
        return set()
    return enter_patterns(memory, db.execute(OF_IDS, {**asked, "ids": list(missing)}).fetchall())


_INCIDENTS = f"""
SELECT {READ_INCIDENT}, said.* FROM incident
LEFT JOIN LATERAL (
    SELECT {SAID} FROM triage_override WHERE incident_id = incident.id AND withdrawn_at IS NULL
) AS said ON true
WHERE incident.id = ANY(%s)
"""
_HELD_INCIDENTS = _INCIDENTS + "ORDER BY incident.id FOR NO KEY UPDATE OF incident"
