"""The review queue, and what reviewers said: rows, leases, and what figures are made of."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from triage.domain.assessment import SPOKEN_OF, Reason, ReviewItem, Worth
from triage.domain.priority import Priority
from triage.store.database import Database, Db, Row
from triage.store.pattern_history import identifier
from triage.store.records import as_rows

BEST = 200
"""Of so many items of the greatest worth the queue chooses; each pattern is asked for once among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedItem:
    """An item as the queue has it. ``why``: ``worth``, ``sample`` or ``second``; ``alike``: how many of its
    pattern wait too, itself included."""

    item: ReviewItem
    why: str
    alike: int = 1
    taken_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """One reviewer's word. ``override_id``: what it made; None for a second opinion, which changes nothing."""

    id: str
    incident_id: str
    made_by: str
    made_at: datetime
    priority: str
    team: str
    reason: str = ""
    second: bool = False
    override_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the machine said first of an incident of the sample, and what a person said of it."""

    opened_at: datetime
    suggested_priority: str
    suggested_team: str
    acts_priority: bool
    acts_team: bool
    priority: str
    team: str
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two reviewers' words on one incident; ``settled``: a third person spoke after both."""

    incident_id: str
    first: Assessment
    second: Assessment
    title: str
    settled: bool


def record_items(db: Db, items: Sequence[ReviewItem]) -> None:
    """Those that are there already stay as they are: what is judged is what was said first."""
    rows = [
        {
            "incident_id": item.incident_id,
            "pattern_id": item.pattern_id,
            "decision_id": item.decision_id,
            "opened_at": item.opened_at,
            "worth": item.worth.value,
            "reasons": [list(reason) for reason in item.worth.reasons],
            "draw": item.draw,
            "suggested_priority": item.priority.value,
            "suggested_team": item.team,
            "acts_priority": item.acts_priority,
            "acts_team": item.acts_team,
            "skipped": [],
        }
        for item in items
    ]
    if rows:
        columns = ", ".join(rows[0])
        db.execute(
            f"INSERT INTO review_item ({columns})"
            f" SELECT {columns} FROM jsonb_populate_recordset(NULL::review_item, %s::jsonb)"
            " ON CONFLICT DO NOTHING",
            (as_rows(rows),),
        )


def record_assessment(db: Db, assessment: Assessment) -> None:
    db.execute(
        "INSERT INTO assessment (id, incident_id, made_by, made_at, priority, team, reason, second, override_id)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            assessment.id,
            assessment.incident_id,
            assessment.made_by,
            assessment.made_at,
            assessment.priority,
            assessment.team,
            assessment.reason,
            assessment.second,
            assessment.override_id,
        ),
    )


def close_item(db: Db, incident_id: str, by: str, at: datetime) -> None:
    """Somebody has spoken of it; further ones of its pattern teach little that is new."""
    db.execute(
        "UPDATE review_item SET done_at = %s, done_by = %s, taken_by = NULL, taken_until = NULL"
        " WHERE incident_id = %s AND done_at IS NULL",
        (at, by, incident_id),
    )
    db.execute(
        "UPDATE review_item SET worth = %(left)s WHERE incident_id IN (SELECT incident_id FROM review_item"
        " WHERE done_at IS NULL AND worth > %(left)s AND pattern_id IN (SELECT m.id FROM incident AS i"
        " JOIN pattern AS p ON p.id = i.pattern_id JOIN pattern AS m ON m.root = p.root WHERE i.id = %(id)s)"
        " ORDER BY incident_id FOR UPDATE SKIP LOCKED)",
        {"left": SPOKEN_OF, "id": incident_id},
    )


class Assessments:
    """Every call raises StoreUnavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def best(self, reviewer: str, now: datetime, limit: int) -> list[QueuedItem]:
        """What is worth a look most, each pattern once; nothing that somebody else looks at."""
        with self._database.connection() as db:
            rows = db.execute(_BEST, {"me": reviewer, "now": now, "best": BEST, "limit": limit}).fetchall()
        return [_queued(row, "worth") for row in rows]

    def count(self) -> int:
        """How many wait to be looked at; 1,001 where there are more than a thousand."""
        with self._database.connection() as db:
            row = db.execute(
                "SELECT count(*) AS n FROM (SELECT FROM review_item WHERE done_at IS NULL LIMIT 1001) AS waiting"
            ).fetchone()
        return int(row["n"]) if row else 0

    def take_best(self, reviewer: str, now: datetime, until: datetime) -> QueuedItem | None:
        return self._take(_BEST, "worth", reviewer, now, until)

    def take_sampled(self, reviewer: str, now: datetime, until: datetime, rate: float) -> QueuedItem | None:
        """The oldest of the sample that waits: not the one that anybody thinks most of."""
        return self._take(_SAMPLED, "sample", reviewer, now, until, rate=rate)

    def take_second(self, reviewer: str, now: datetime, until: datetime, rate: float) -> QueuedItem | None:
        """One that somebody else has answered of late, drawn for a second opinion."""
        return self._take(_SECOND, "second", reviewer, now, until, rate=rate, since=now - timedelta(days=14))

    def _take(
        self, statement: str, why: str, reviewer: str, now: datetime, until: datetime, **asked: object
    ) -> QueuedItem | None:
        values = {"me": reviewer, "now": now, "until": until, "best": BEST, "limit": 20, **asked}
        with self._database.transaction() as db:
            for row in db.execute(statement, values).fetchall():
                taken = db.execute(_TAKE, {**values, "id": row["incident_id"]}).fetchone()
                if taken is not None:
                    return _queued(row, why)
        return None

    def taken_by(self, reviewer: str, now: datetime, until: datetime) -> QueuedItem | None:
        """What they look at already; their time begins anew."""
        with self._database.connection() as db:
            row = db.execute(
                "UPDATE review_item AS q SET taken_until = %(until)s WHERE incident_id = (SELECT incident_id"
                " FROM review_item WHERE taken_by = %(me)s AND taken_until > %(now)s LIMIT 1)"
                " RETURNING q.*, 1 AS alike",
                {"me": reviewer, "now": now, "until": until},
            ).fetchone()
        return _queued(row, "second" if row["done_at"] is not None else "worth") if row else None

    def release(self, incident_id: str, reviewer: str, *, skip: bool) -> None:
        """``skip``: it does not come back to them."""
        with self._database.connection() as db:
            db.execute(
                "UPDATE review_item SET taken_by = NULL, taken_until = NULL,"
                " skipped = CASE WHEN %(skip)s THEN array_append(array_remove(skipped, %(me)s), %(me)s)"
                " ELSE skipped END WHERE incident_id = %(id)s AND (taken_by = %(me)s OR taken_by IS NULL)",
                {"id": uuid.UUID(incident_id), "me": reviewer, "skip": skip},
            )

    def keep_second(self, assessment: Assessment) -> bool:
        """A second opinion; whether there was none yet."""
        with self._database.transaction() as db:
            closed = db.execute(
                "UPDATE review_item SET second_at = %s, taken_by = NULL, taken_until = NULL"
                " WHERE incident_id = %s AND done_at IS NOT NULL AND second_at IS NULL",
                (assessment.made_at, assessment.incident_id),
            )
            if closed.rowcount == 1:
                record_assessment(db, assessment)
        return closed.rowcount == 1

    def find_last(self, reviewer: str, since: datetime) -> Assessment | None:
        """Their last word that stands."""
        with self._database.connection() as db:
            row = db.execute(
                f"SELECT {_COLUMNS} FROM assessment WHERE made_by = %s AND made_at >= %s AND undone_at IS NULL"
                " ORDER BY made_at DESC LIMIT 1",
                (reviewer, since),
            ).fetchone()
        return _assessment(row) if row else None

    def find_first_decision(self, incident_id: str) -> str | None:
        """The decision that is judged; None for an incident that never was in the queue."""
        with self._database.connection() as db:
            row = db.execute(
                "SELECT decision_id FROM review_item WHERE incident_id = %s", (incident_id,)
            ).fetchone()
        return str(row["decision_id"]) if row else None

    def take(self, incident_id: str, reviewer: str, now: datetime, until: datetime) -> bool:
        """This very item, and no other; whether it is theirs now."""
        with self._database.transaction() as db:
            db.execute(
                "UPDATE review_item SET taken_by = NULL, taken_until = NULL"
                " WHERE taken_by = %s AND incident_id <> %s",
                (reviewer, incident_id),
            )
            taken = db.execute(_TAKE, {"id": incident_id, "me": reviewer, "now": now, "until": until}).fetchone()
        return taken is not None

    def undo(self, assessment: Assessment, by: str, at: datetime) -> bool:
        """A second opinion is taken back; whether it stood until now."""
        with self._database.transaction() as db:
            return undo_assessment(db, assessment, by, at)

    def count_of(self, reviewer: str) -> int:
        """How often they have spoken; undone ones too."""
        with self._database.connection() as db:
            row = db.execute("SELECT count(*) AS n FROM assessment WHERE made_by = %s", (reviewer,)).fetchone()
        return int(row["n"]) if row else 0

    def reasons_of(self, reviewer: str, limit: int) -> list[str]:
        """Those that they gave of late, the newest first, each once."""
        with self._database.connection() as db:
            rows = db.execute(
                "SELECT reason FROM (SELECT reason, max(made_at) AS at FROM assessment WHERE made_by = %s"
                " AND reason <> '' GROUP BY reason) AS said ORDER BY at DESC LIMIT %s",
                (reviewer, limit),
            ).fetchall()
        return [row["reason"] for row in rows]

    def waiting_of(self, pattern_id: str, limit: int) -> list[str]:
        """Incidents of a family that nobody has spoken of, the newest first. Raises NotFound."""
        with self._database.connection() as db:
            rows = db.execute(
                "SELECT q.incident_id FROM review_item AS q JOIN incident AS i ON i.id = q.incident_id"
                " WHERE q.done_at IS NULL AND i.pattern_id IN"
                " (SELECT id FROM pattern WHERE root = (SELECT root FROM pattern WHERE id = %s))"
                " ORDER BY q.opened_at DESC LIMIT %s",
                (identifier(pattern_id, "pattern"), limit),
            ).fetchall()
        return [str(row["incident_id"]) for row in rows]

    def judged(self, rate: float, since: datetime | None = None) -> list[Judged]:
        """The sample as far as it is known whole: all that opened before the oldest one that still waits."""
        with self._database.unattended(), self._database.connection() as db:
            rows = db.execute(_JUDGED, {"rate": rate, "since": since}).fetchall()
        return [Judged(**row) for row in rows]

    def pairs(self, since: datetime) -> list[Pair]:
        """Incidents of which two reviewers spoke, the newest first."""
        with self._database.connection() as db:
            rows = db.execute(_PAIRS, {"since": since}).fetchall()
        return [
            Pair(
                incident_id=str(row["incident_id"]),
                first=_assessment(row["one"]),
                second=_assessment(row["other"]),
                title=row["title"],
                settled=row["settled"],
            )
            for row in rows
        ]

    def coverage(self, since: datetime, until: datetime) -> Row:
        """Of the incidents opened then: how many, of how many the machine was sure enough of the team, and the
        priority, and how many a person overruled."""
        with self._database.unattended(), self._database.connection() as db:
            row = db.execute(_COVERAGE, {"since": since, "until": until}).fetchone()
        return row or {}


def undo_assessment(db: Db, assessment: Assessment, by: str, at: datetime) -> bool:
    """Whether it stood until now. What it was about waits to be looked at again."""
    undone = db.execute(
        "UPDATE assessment SET undone_by = %s, undone_at = %s WHERE id = %s AND undone_at IS NULL",
        (by, at, assessment.id),
    )
    if undone.rowcount == 1:
        column = "second_at = NULL" if assessment.second else "done_at = NULL, done_by = NULL"
        db.execute(f"UPDATE review_item SET {column} WHERE incident_id = %s", (assessment.incident_id,))
    return undone.rowcount == 1


def _queued(row: Row, why: str) -> QueuedItem:
    item = ReviewItem(
        incident_id=str(row["incident_id"]),
        pattern_id=str(row["pattern_id"]),
        decision_id=str(row["decision_id"]),
        opened_at=row["opened_at"],
        worth=Worth(value=row["worth"], reasons=tuple(Reason(*reason) for reason in row["reasons"])),
        draw=row["draw"],
        priority=Priority(row["suggested_priority"]),
        team=row["suggested_team"],
        acts_priority=row["acts_priority"],
        acts_team=row["acts_team"],
    )
    return QueuedItem(item=item, why=why, alike=row["alike"], taken_by=row["taken_by"])


_COLUMNS = "id, incident_id, made_by, made_at, priority, team, reason, second, override_id"


def _assessment(row: Any) -> Assessment:
    made_at = row["made_at"]
    return Assessment(
        id=str(row["id"]),
        incident_id=str(row["incident_id"]),
        made_by=row["made_by"],
        made_at=made_at if isinstance(made_at, datetime) else datetime.fromisoformat(made_at),
        priority=row["priority"],
        team=row["team"],
        reason=row["reason"],
        second=row["second"],
        override_id=row["override_id"],
    )


_FREE = (
    "NOT (%(me)s = ANY(q.skipped)) AND (q.taken_until IS NULL OR q.taken_until <= %(now)s OR q.taken_by = %(me)s)"
)
_BEST = f"""
SELECT * FROM (
    SELECT DISTINCT ON (root) best.*, count(*) OVER (PARTITION BY root) AS alike FROM (
        SELECT q.*, p.root FROM review_item AS q
        JOIN incident AS i ON i.id = q.incident_id JOIN pattern AS p ON p.id = i.pattern_id
        WHERE q.done_at IS NULL AND {_FREE} ORDER BY q.worth DESC, q.opened_at DESC LIMIT %(best)s
    ) AS best ORDER BY root, worth DESC, opened_at DESC
) AS each ORDER BY worth DESC, opened_at DESC LIMIT %(limit)s
"""
_SAMPLED = f"""
SELECT q.*, 1 AS alike FROM review_item AS q
WHERE q.done_at IS NULL AND q.draw < 0.2 AND q.draw < %(rate)s AND {_FREE} ORDER BY q.opened_at LIMIT %(limit)s
"""
_SECOND = f"""
SELECT q.*, 1 AS alike FROM review_item AS q
WHERE q.done_at IS NOT NULL AND q.second_at IS NULL AND q.done_at >= %(since)s AND q.done_by <> %(me)s
    AND ('x' || substr(md5('second ' || q.incident_id), 1, 8))::bit(32)::bigint < %(rate)s * 4294967296
    AND EXISTS (SELECT FROM assessment AS a WHERE a.incident_id = q.incident_id AND a.undone_at IS NULL)
    AND {_FREE}
ORDER BY q.done_at LIMIT %(limit)s
"""
_TAKE = """
UPDATE review_item SET taken_by = %(me)s, taken_until = %(until)s WHERE incident_id = (
    SELECT q.incident_id FROM review_item AS q WHERE q.incident_id = %(id)s
    AND (q.taken_until IS NULL OR q.taken_until <= %(now)s OR q.taken_by = %(me)s) FOR UPDATE SKIP LOCKED
) RETURNING incident_id
"""
# Skipped by somebody is not answered: a cohort waits for nobody who declined, and leaves such an item out.
_JUDGED = """
WITH oldest AS (
    SELECT min(opened_at) AS at FROM review_item
    WHERE done_at IS NULL AND draw < 0.2 AND draw < %(rate)s AND skipped = '{}'
)
SELECT q.opened_at, q.suggested_priority, q.suggested_team, q.acts_priority, q.acts_team,
    coalesce(said.priority, q.suggested_priority) AS priority, coalesce(said.team, q.suggested_team) AS team,
    said.made_at
FROM review_item AS q CROSS JOIN oldest
CROSS JOIN LATERAL (
    SELECT (array_agg(o.priority ORDER BY o.id DESC) FILTER (WHERE o.priority IS NOT NULL))[1] AS priority,
        (array_agg(o.team ORDER BY o.id DESC) FILTER (WHERE o.team IS NOT NULL))[1] AS team,
        max(o.made_at) AS made_at
    FROM triage_override AS o WHERE o.incident_id = q.incident_id AND o.withdrawn_at IS NULL
) AS said
WHERE q.draw < 0.2 AND q.draw < %(rate)s AND q.done_at IS NOT NULL AND said.made_at IS NOT NULL
    AND (oldest.at IS NULL OR q.opened_at < oldest.at)
    AND (%(since)s::timestamptz IS NULL OR q.opened_at >= %(since)s)
ORDER BY q.opened_at
"""
_PAIRS = """
SELECT i.id AS incident_id, i.title, to_jsonb(one) AS one, to_jsonb(other) AS other,
    EXISTS (SELECT FROM triage_override AS o WHERE o.incident_id = i.id AND o.made_at > other.made_at
        AND o.withdrawn_at IS NULL) AS settled
FROM assessment AS other JOIN incident AS i ON i.id = other.incident_id
CROSS JOIN LATERAL (
    SELECT * FROM assessment AS a WHERE a.incident_id = other.incident_id AND NOT a.second AND a.undone_at IS NULL
    ORDER BY a.made_at LIMIT 1
) AS one
WHERE other.second AND other.undone_at IS NULL AND other.made_at >= %(since)s
ORDER BY other.made_at DESC LIMIT 2000
"""
_COVERAGE = """
SELECT count(*) AS incidents, count(*) FILTER (WHERE q.acts_team) AS acts_team,
    count(*) FILTER (WHERE q.acts_priority) AS acts_priority,
    count(*) FILTER (WHERE said.team <> q.suggested_team OR said.priority <> q.suggested_priority) AS overruled
FROM review_item AS q LEFT JOIN LATERAL (
    SELECT (array_agg(o.priority ORDER BY o.id DESC) FILTER (WHERE o.priority IS NOT NULL))[1] AS priority,
        (array_agg(o.team ORDER BY o.id DESC) FILTER (WHERE o.team IS NOT NULL))[1] AS team
    FROM triage_override AS o WHERE o.incident_id = q.incident_id AND o.withdrawn_at IS NULL
) AS said ON q.done_at IS NOT NULL
WHERE q.opened_at >= %(since)s AND q.opened_at < %(until)s
"""
