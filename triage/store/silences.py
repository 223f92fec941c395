"""Silences: what hides a pattern's alerts for a while, and what is left to tell once it is over."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain.priority import Priority
from triage.domain.recurrence import Silence
from triage.errors import NotFound
from triage.store.database import Database, Db, Row
from triage.store.pattern_history import identifier

LOOKED_BACK = timedelta(days=90)
"""A silence is over after 30 days at most, and who hid behind it longer than that has been closed as forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceRecord:
    """A silence as it is kept. ``pattern_id``: the pattern that it counts for now; ``suppressed``: how many
    occurrences it hid, the latest at ``suppressed_at``."""

    id: str
    pattern_id: str
    priority: Priority
    reason: str
    made_by: str
    made_at: datetime
    ends_at: datetime
    ended_by: str | None = None
    ended_at: datetime | None = None
    suppressed: int = 0
    suppressed_at: datetime | None = None

    def is_active(self, now: datetime) -> bool:
        return self.ended_at is None and self.ends_at > now


@dataclass(frozen=True, slots=True)
class Unsilenced:
    """An open incident that nobody was told of. ``silence``: another one that its pattern is under now."""

    incident_id: str
    silence: Silence | None


class Silences:
    def __init__(self, database: Database) -> None:
        self._database = database

    def make(
        self, pattern_id: str, priority: Priority, reason: str, by: str, at: datetime, ends_at: datetime
    ) -> SilenceRecord:
        """``pattern_id``: of a pattern that is stored."""
        made = (uuid.uuid4(), pattern_id, priority.value, reason, by, at, ends_at)
        with self._database.connection() as db:
            db.execute(
                "INSERT INTO silence (id, pattern_id, priority, reason, made_by, made_at, ends_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                made,
            )
            return _get(db, str(made[0]))

    def end(self, silence_id: str, by: str, at: datetime) -> SilenceRecord:
        """Early; one that is over stays as it ended. Raises NotFound."""
        with self._database.connection() as db:
            db.execute(
                "UPDATE silence SET ended_by = %(by)s, ended_at = %(at)s"
                " WHERE id = %(id)s AND ended_at IS NULL AND ends_at > %(at)s",
                {"id": identifier(silence_id, "silence"), "by": by, "at": at},
            )
            return _get(db, silence_id)

    def find(
        self, now: datetime, *, active: bool | None, before: tuple[datetime, str] | None, limit: int
    ) -> list[SilenceRecord]:
        """Newest first. ``active``: whether those that hide something now, or those that are over; None: all;
        ``before``: the position (made_at, id) after which the page starts."""
        clauses, values = ["true"], list[object]()
        if active is not None:
            clauses.append("(s.ended_at IS NULL AND s.ends_at > %s) = %s")
            values.extend((now, active))
        if before is not None:
            clauses.append("(s.made_at, s.id) < (%s, %s)")
            values.extend(before)
        statement = f"{_SELECT} WHERE {' AND '.join(clauses)} ORDER BY s.made_at DESC, s.id DESC LIMIT %s"
        with self._database.exploring() as db:
            rows = db.execute(statement.encode(), (*values, limit)).fetchall()
        return [_record(row) for row in rows]

    def standing_of(self, root: str, now: datetime) -> list[SilenceRecord]:
        """Those that hide something of this family now, the one that lasts longest first."""
        with self._database.connection() as db:
            rows = db.execute(
                f"{_SELECT} WHERE p.root = %s AND s.ended_at IS NULL AND s.ends_at > %s ORDER BY s.ends_at DESC",
                (identifier(root, "pattern"), now),
            ).fetchall()
        return [_record(row) for row in rows]

    def find_unsilenced(self, now: datetime, limit: int = 500) -> list[Unsilenced]:
        """Open incidents that nobody was told of because of a silence that holds for them no more: it is over, or
        the incident belongs to another pattern since."""
        with self._database.exploring() as db:
            # How far changes lead is estimated much too high, so that compiling the plan would seem to pay off.
            db.execute("SET LOCAL jit = off")
            rows = db.execute(_UNSILENCED, {"now": now, "since": now - LOOKED_BACK, "limit": limit}).fetchall()
            held = _strongest(db, sorted({str(row["root"]) for row in rows}), now)
        return [Unsilenced(str(row["id"]), held.get(str(row["root"]))) for row in rows]


def find_newest_priority(db: Db, root: str) -> Priority | None:
    """That of the newest incident of a family."""
    row = db.execute(
        "SELECT i.priority FROM pattern AS m CROSS JOIN LATERAL ("
        " SELECT priority, opened_at FROM incident WHERE pattern_id = m.id ORDER BY opened_at DESC LIMIT 1"
        ") AS i WHERE m.root = %s ORDER BY i.opened_at DESC LIMIT 1",
        (root,),
    ).fetchone()
    return Priority(row["priority"]) if row is not None else None


def find_silences(db: Db, patterns: Sequence[str], limit: int) -> list[SilenceRecord]:
    """Those of any of these patterns, newest first."""
    rows = db.execute(
        f"{_SELECT} WHERE s.pattern_id = ANY(%s::uuid[]) ORDER BY s.made_at DESC LIMIT %s", (list(patterns), limit)
    ).fetchall()
    return [_record(row) for row in rows]


def _get(db: Db, silence_id: str) -> SilenceRecord:
    row = db.execute(f"{_SELECT} WHERE s.id = %s", (identifier(silence_id, "silence"),)).fetchone()
    if row is None:
        raise NotFound("no such silence is stored")
    return _record(row)


def _strongest(db: Db, roots: Sequence[str], now: datetime) -> dict[str, Silence]:
    """By root, the silence that hides most of it now."""
    rows = db.execute(
        "SELECT DISTINCT ON (p.root) p.root, s.* FROM silence AS s JOIN pattern AS p ON p.id = s.pattern_id"
        " WHERE p.root = ANY(%s::uuid[]) AND s.ended_at IS NULL AND s.ends_at > %s"
        " ORDER BY p.root, s.priority, s.ends_at DESC",
        (list(roots), now),
    ).fetchall()
    return {
        str(row["root"]): Silence(
            id=str(row["id"]),
            priority=Priority(row["priority"]),
            reason=row["reason"],
            by=row["made_by"],
            ends_at=row["ends_at"],
        )
        for row in rows
    }


def _record(row: Row) -> SilenceRecord:
    return SilenceRecord(
        id=str(row["id"]),
        pattern_id=str(row["root"]),
        priority=Priority(row["priority"]),
        reason=row["reason"],
        made_by=row["made_by"],
        made_at=row["made_at"],
        ends_at=row["ends_at"],
        ended_by=row["ended_by"],
        ended_at=row["ended_at"],
        suppressed=row["suppressed"],
        suppressed_at=row["suppressed_at"],
    )


_SELECT = "SELECT s.*, p.root FROM silence AS s JOIN pattern AS p ON p.id = s.pattern_id"

# The decision in force says which silence it was. Incidents move along merges and splits alone, so what a silence
# hid is where these lead to from its pattern, in force or not; an active one covers its family alone. Decisions
# are large: OFFSET 0 and MATERIALIZED keep the planner from reading those of all open incidents.
_UNSILENCED = """
WITH RECURSIVE hiding AS (
    SELECT s.id, p.root, s.pattern_id, s.ended_at IS NULL AND s.ends_at > %(now)s AS active
    FROM silence AS s JOIN pattern AS p ON p.id = s.pattern_id WHERE s.made_at >= %(since)s
), reached (start, pattern_id) AS (
    SELECT pattern_id, pattern_id FROM hiding
    UNION
    SELECT reached.start, beside.id FROM reached CROSS JOIN LATERAL (
        SELECT other_id AS id FROM pattern_change
        WHERE pattern_id = reached.pattern_id AND kind IN ('merge', 'split')
        UNION ALL
        SELECT pattern_id FROM pattern_change WHERE other_id = reached.pattern_id AND kind IN ('merge', 'split')
    ) AS beside
), concerned AS MATERIALIZED (
    SELECT hiding.id AS silence, m.id AS pattern_id, m.root
    FROM hiding JOIN reached ON reached.start = hiding.pattern_id
    JOIN pattern AS m ON m.id = reached.pattern_id AND NOT (hiding.active AND m.root = hiding.root)
), found AS MATERIALIZED (
    SELECT concerned.silence, concerned.root, i.* FROM concerned CROSS JOIN LATERAL (
        SELECT id, decision_id, opened_at FROM incident
        WHERE pattern_id = concerned.pattern_id AND state <> 'resolved' OFFSET 0
    ) AS i
)
SELECT DISTINCT i.id, i.root, i.opened_at
FROM found AS i CROSS JOIN LATERAL (SELECT inputs, record FROM decision WHERE id = i.decision_id OFFSET 0) AS d
WHERE d.inputs->'silence'->>'id' = i.silence::text AND (d.record->'escalation'->>'suppressed')::boolean
ORDER BY i.opened_at LIMIT %(limit)s
"""
