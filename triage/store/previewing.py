"""Which texts were new when they came, and what became known of two incidents since: for trying a threshold."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from triage.domain.decision import TriageOverride
from triage.domain.incident import Incident
from triage.domain.provenance import PastIncident, Told
from triage.store.batch import PostgresBatch
from triage.store.database import Database
from triage.store.records import INCIDENT

Position = tuple[datetime, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewText:
    """An incident that opened with a text which neither key nor digest had seen before."""

    incident_id: str
    opened_at: datetime
    text_key: bytes
    scope: str
    event: Incident

    @property
    def position(self) -> Position:
        return self.opened_at, self.incident_id


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSince:
    """An incident as it stands now. ``root``: of the family that its own pattern belongs to. ``past`` holds of the
    event only whom somebody had chosen before."""

    pattern_id: str
    root: str
    title: str
    source: str
    past: PastIncident


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateLink:
    """A history's ``history_id`` and what it says that is a duplicate of; both are names of that source."""

    source: str
    history_id: str
    duplicate_of: str


class PreviewStore:
    """Reads, and changes nothing. Each method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count_new(self, since: datetime) -> int:
        with self._database.exploring() as db:
            row = db.execute(f"SELECT count(*) AS n FROM incident AS i WHERE {_NEW}", {"since": since}).fetchone()
        return int(row["n"]) if row else 0

    def read_new(self, since: datetime, after: Position | None, limit: int) -> list[NewText]:
        """Newest first, those before ``after``."""
        before, incident_id = after or (None, None)
        with self._database.exploring() as db:
            rows = db.execute(
                _PAGE, {"since": since, "before": before, "id": incident_id, "limit": limit}
            ).fetchall()
        return [
            NewText(
                incident_id=str(row["id"]),
                opened_at=row["opened_at"],
                text_key=row["text_key"],
                scope=row["scope"],
                event=INCIDENT.validate_python(row["event"]),
            )
            for row in rows
        ]

    @contextmanager
    def searching(self) -> Iterator[PostgresBatch]:
        """For searches bounded in time: an index is followed until enough of what it finds was known then."""
        with self._database.exploring() as db:
            db.execute("SET LOCAL hnsw.iterative_scan = strict_order")
            yield PostgresBatch(db, writing=False)

    def get_known(self, incident_ids: Sequence[str]) -> dict[str, KnownSince]:
        with self._database.exploring() as db:
            rows = db.execute(_KNOWN_SINCE, (list(incident_ids),)).fetchall()
        return {str(row["id"]): _known_since(row) for row in rows}

    def find_told_apart(self) -> set[frozenset[str]]:
        """Pairs of roots of which people said that they are different problems, or split one off the other."""
        with self._database.exploring() as db:
            rows = db.execute(_TOLD_APART).fetchall()
        return {frozenset((str(row["one"]), str(row["other"]))) for row in rows}

    def find_duplicates(self) -> list[DuplicateLink]:
        """All that imported histories link."""
        with self._database.exploring() as db:
            rows = db.execute(
                "SELECT i.source, m.history_id, m.duplicate_of FROM imported AS m"
                " JOIN incident AS i ON i.id = m.incident_id WHERE m.duplicate_of IS NOT NULL"
            ).fetchall()
        return [DuplicateLink(**row) for row in rows]

    def read_texts(self, limit: int) -> list[Incident]:
        """One event of each of at most ``limit`` texts, drawn by their keys, which is as good as by chance."""
        with self._database.exploring() as db:
            rows = db.execute(
                "SELECT DISTINCT ON (text_key) event FROM incident ORDER BY text_key, opened_at DESC LIMIT %s",
                (limit,),
            ).fetchall()
        return [INCIDENT.validate_python(row["event"]) for row in rows]


# What was split off by a person was recognised when it came; so was what its source's key named.
_NEW = """i.opened_at >= %(since)s
    AND NOT EXISTS (
        SELECT FROM incident AS e WHERE e.pattern_id = i.pattern_id AND (e.opened_at, e.id) < (i.opened_at, i.id)
    )
    AND NOT EXISTS (
        SELECT FROM pattern_change AS c
        WHERE c.other_id = i.pattern_id AND c.kind = 'split' AND c.undone_at IS NULL
    )
    AND NOT EXISTS (
        SELECT FROM incident_key AS k
        WHERE k.source = i.source AND k.dedup_key = i.event ->> 'dedup_key' AND k.scope = i.scope
            AND k.opened_at < i.opened_at AND k.incident_id <> i.id
    )"""

_PAGE = f"""
SELECT i.id, i.opened_at, i.text_key, i.scope, i.event FROM incident AS i
WHERE {_NEW} AND (%(before)s::timestamptz IS NULL OR (i.opened_at, i.id) < (%(before)s, %(id)s::uuid))
ORDER BY i.opened_at DESC, i.id DESC LIMIT %(limit)s
"""

_KNOWN_SINCE = """
SELECT i.id, i.pattern_id, p.root, i.title, i.source, i.opened_at, i.team, i.acknowledged_by, i.resolved_at,
    i.resolved_by, i.resolution, i.event ->> 'assigned_team' AS assigned_team, d.catalogue,
    t.team AS said_team, t.made_by AS team_by, t.made_at AS team_at, to_jsonb(told) AS told
FROM incident AS i
JOIN pattern AS p ON p.id = i.pattern_id
LEFT JOIN imported AS told ON told.incident_id = i.id
LEFT JOIN LATERAL (
    SELECT record #>> '{versions,catalogue}' AS catalogue FROM decision
    WHERE id = i.decision_id AND i.resolved_at IS NOT NULL LIMIT 1
) AS d ON true
LEFT JOIN LATERAL (
    SELECT team, made_by, made_at FROM triage_override
    WHERE incident_id = i.id AND team IS NOT NULL AND withdrawn_at IS NULL ORDER BY id DESC LIMIT 1
) AS t ON true
WHERE i.id = ANY(%s::uuid[])
"""

_TOLD_APART = """
SELECT DISTINCT a.root AS one, b.root AS other
FROM pattern_change AS c JOIN pattern AS a ON a.id = c.pattern_id JOIN pattern AS b ON b.id = c.other_id
WHERE c.kind IN ('difference', 'split') AND c.undone_at IS NULL AND a.root <> b.root
"""


def _known_since(row: Mapping[str, Any]) -> KnownSince:
    said = None
    if row["said_team"] is not None:
        said = TriageOverride(by=row["team_by"], at=row["team_at"], team=row["said_team"])
    told = row["told"]
    return KnownSince(
        pattern_id=str(row["pattern_id"]),
        root=str(row["root"]),
        title=row["title"],
        source=row["source"],
        past=PastIncident(
            id=str(row["id"]),
            event=Incident(title=row["title"], assigned_team=row["assigned_team"]),
            opened_at=row["opened_at"],
            team=row["team"],
            catalogue=row["catalogue"],
            acknowledged_by=row["acknowledged_by"],
            resolved_at=row["resolved_at"],
            resolved_by=row["resolved_by"],
            resolution=row["resolution"],
            team_said=said,
            told=Told(**{field.name: told[field.name] for field in fields(Told)}) if told else None,
        ),
    )
