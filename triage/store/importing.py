"""Past incidents of a history into the database, a portion a transaction, beside a service that runs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime

import psycopg
from psycopg.rows import dict_row

from triage.domain.correction import LATEST
from triage.domain.incident import Incident
from triage.domain.memory import Looks, Memory, PatternRecord, Split
from triage.domain.provenance import Told
from triage.store.database import Database, Db, Row, named_failures
from triage.store.recollection import lock_identities
from triage.store.recording import record_memory
from triage.store.records import as_rows
from triage.store.words import Words, count_words, record_words

IMPORT_LOCK = 7_041_776_008
"""Held by whoever writes a portion: two imports of one history take turns."""

FILLED = "incident, imported, incident_key, occurrence, pattern, pattern_beat, pattern_key, text_terms"

OccurrenceName = tuple[str, str, str, datetime]
"""As ``Looks.occurrence``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPattern:
    """``name``: what people call it; ``template``: what its texts have in common."""

    id: str
    name: str | None
    template: str


class PostgresImport:
    """Raises StoreUnavailable when the database is away; a portion that failed has written nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find_known(self, incident_ids: Sequence[str]) -> set[str]:
        with self._database.unattended(), self._database.connection() as db:
            return _find_known(db, incident_ids)

    def keep_words(self, words: Words) -> None:
        with self._database.unattended(), self._database.transaction() as db:
            record_words(db, words)

    @contextmanager
    def writing(self) -> Iterator["PostgresImportBatch"]:
        with self._database.unattended(), self._database.transaction() as db:
            yield PostgresImportBatch(db)

    def get_patterns(self, pattern_ids: Sequence[str]) -> dict[str, KnownPattern]:
        with self._database.connection() as db:
            rows = db.execute(
                "SELECT id, name, template FROM pattern WHERE id = ANY(%s::uuid[])", (list(pattern_ids),)
            ).fetchall()
        return {
            str(row["id"]): KnownPattern(id=str(row["id"]), name=row["name"], template=row["template"])
            for row in rows
        }

    def take_stock(self) -> None:
        """Let the planner know what there is now: else it goes on as if the tables were as small as they were."""
        with named_failures(), self._own_connection() as db:
            db.execute(f"ANALYZE (SKIP_LOCKED) {FILLED}".encode())

    def finish(self) -> None:
        """Count the words of all texts, and how labels carry over within patterns, which nobody has to wait for
        afterwards."""
        self.take_stock()  # since by this it is known that there are any
        with named_failures(), self._own_connection() as db:
            count_words(db, grown=0.0)
            db.execute(_CARRYING, {"latest": LATEST})

    def _own_connection(self) -> Db:
        """For what takes as long as it takes."""
        db: Db = psycopg.connect(self._database.url, autocommit=True, connect_timeout=5, row_factory=dict_row)
        db.execute("SET statement_timeout = 0")
        return db


class PostgresImportBatch:
    """One portion on one connection."""

    def __init__(self, db: Db) -> None:
        self._db = db

    def hold(self, looks: Sequence[Looks], events: Sequence[Incident]) -> None:
        """Hold back other imports, and whoever writes the same keys and patterns, until this portion is stored."""
        self._db.execute("SELECT pg_advisory_xact_lock(%s)", (IMPORT_LOCK,))
        lock_identities(self._db, looks, events, ())

    def find_known(self, incident_ids: Sequence[str]) -> set[str]:
        return _find_known(self._db, incident_ids)

    def recollect(self, looks: Sequence[Looks]) -> Memory:
        """Which pattern each digest stands for, and nothing else of what is remembered."""
        digests = sorted({digest for look in looks for digest in look.digests})
        templates = sorted({look.template_key for look in looks if look.template_key is not None})
        with self._db.pipeline():
            patterns = self._db.execute(_PATTERNS, (digests,))
            splits = self._db.execute(_SPLITS, (templates,))
        memory = Memory()
        for row in patterns.fetchall():
            if row["refused"]:
                memory.refused.add(row["digest"])
                continue
            pattern_id = str(row["id"])
            memory.pattern_by_digest[row["digest"]] = pattern_id
            memory.patterns[pattern_id] = _pattern(row)
        for row in splits.fetchall():
            pattern_id = str(row["id"])
            memory.patterns.setdefault(pattern_id, _pattern(row))
            split = Split(words=frozenset(row["words"]), pattern_id=pattern_id)
            memory.splits.setdefault(row["template_key"], []).append(split)
        return memory

    def find_counted(self, occurrences: Sequence[OccurrenceName]) -> set[OccurrenceName]:
        """Those that a pattern counts already: an incident was opened for them here, or was imported."""
        if not occurrences:
            return set()
        rows = self._db.execute(_COUNTED, [list(column) for column in zip(*occurrences, strict=True)]).fetchall()
        return {(row["source"], row["dedup_key"], row["scope"], row["started_at"]) for row in rows}

    def record(self, memory: Memory, told: Mapping[str, Told]) -> None:
        record_memory(self._db, memory, ())
        changed = [memory.patterns[pattern_id] for pattern_id in sorted(memory.changed_patterns)]
        rows = [{"incident_id": incident_id, **asdict(one)} for incident_id, one in told.items()]
        with self._db.pipeline():
            # After what is recorded, which holds these patterns in the order in which everybody does.
            self._db.execute(_WIDEN, ([p.id for p in changed], [p.first_seen_at for p in changed]))
            self._db.execute(_IMPORTED, (as_rows(rows),))


_PATTERNS = """
SELECT key.digest, key.refused, p.*, (SELECT max(last_seen_at) FROM pattern WHERE root = p.id) AS seen_at
FROM pattern_key AS key
JOIN pattern AS own ON own.id = key.pattern_id JOIN pattern AS p ON p.id = own.root
WHERE key.digest = ANY(%s)
"""

_SPLITS = """
SELECT split.template_key, split.words, p.*, (SELECT max(last_seen_at) FROM pattern WHERE root = p.id) AS seen_at
FROM pattern_split AS split
JOIN pattern AS own ON own.id = split.pattern_id JOIN pattern AS p ON p.id = own.root
WHERE split.template_key = ANY(%s)
"""

_COUNTED = """
SELECT asked.* FROM unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[])
    AS asked (source, dedup_key, scope, started_at)
WHERE EXISTS (
    SELECT FROM occurrence AS o
    WHERE o.source = asked.source AND o.dedup_key = asked.dedup_key AND o.scope = asked.scope
        AND o.started_at = asked.started_at
) OR EXISTS (
    SELECT FROM incident_key AS k
    WHERE k.source = asked.source AND k.dedup_key = asked.dedup_key AND k.scope = asked.scope
        AND k.started_at = asked.started_at
)
"""

_WIDEN = """
UPDATE pattern SET first_seen_at = new.first_seen_at
FROM unnest(%s::uuid[], %s::timestamptz[]) AS new (id, first_seen_at)
WHERE pattern.id = new.id AND new.first_seen_at < pattern.first_seen_at
"""

_CARRYING = """
WITH told AS (
    SELECT i.id, p.root, i.opened_at, imported.priority, imported.team
    FROM imported JOIN incident AS i ON i.id = imported.incident_id JOIN pattern AS p ON p.id = i.pattern_id
), priorities AS (
    SELECT opened_at, priority = lag(priority) OVER (PARTITION BY root ORDER BY opened_at, id) AS same
    FROM told WHERE priority IS NOT NULL
), teams AS (
    SELECT opened_at, team = lag(team) OVER (PARTITION BY root ORDER BY opened_at, id) AS same
    FROM told WHERE team IS NOT NULL
)
INSERT INTO told_carrying (priority_looks, priority_same, team_looks, team_same)
SELECT priority.looks, priority.same, team.looks, team.same
FROM (
    SELECT count(*) AS looks, count(*) FILTER (WHERE same) AS same FROM (
        SELECT same FROM priorities WHERE same IS NOT NULL ORDER BY opened_at DESC LIMIT %(latest)s
    ) AS latest
) AS priority, (
    SELECT count(*) AS looks, count(*) FILTER (WHERE same) AS same FROM (
        SELECT same FROM teams WHERE same IS NOT NULL ORDER BY opened_at DESC LIMIT %(latest)s
    ) AS latest
) AS team
ON CONFLICT (one_row) DO UPDATE SET priority_looks = excluded.priority_looks,
    priority_same = excluded.priority_same, team_looks = excluded.team_looks, team_same = excluded.team_same
"""

_IMPORTED = """
INSERT INTO imported (incident_id, history_id, priority, team, label_source, duplicate_of)
SELECT incident_id, history_id, priority, team, label_source, duplicate_of
FROM jsonb_populate_recordset(NULL::imported, %s::jsonb)
"""


def _find_known(db: Db, incident_ids: Sequence[str]) -> set[str]:
    rows = db.execute("SELECT id FROM incident WHERE id = ANY(%s::uuid[])", (list(incident_ids),)).fetchall()
    return {str(row["id"]) for row in rows}


def _pattern(row: Row) -> PatternRecord:
    return PatternRecord(
        id=str(row["id"]),
        scope=row["scope"],
        template=row["template"],
        first_seen_at=row["first_seen_at"],
        last_seen_at=row["seen_at"],
    )
