"""The review queue: an item for each incident that was opened, what a look at it is worth, and who looks at it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain.assessment import OFTEN, Reason, ReviewItem, Worth
from triage.domain.priority import Priority
from triage.store.database import Database, Db, Row
from triage.store.pattern_history import identifier
from triage.store.records import as_rows

BEST = 200
"""Of so many items that lead, the queue chooses: more than one may be of a pattern since patterns were merged."""
SAMPLED_FOR = timedelta(days=28)
"""So long an item of the sample is asked for. What nobody came to is not judged, and older ones teach little."""
SECOND_FOR = timedelta(days=14)
_CHOICE = 20
"""So many are tried until one is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedItem:
    """An item as the queue has it. ``why``: ``worth``, ``sample`` or ``second``; ``alike``: how many of its
    pattern wait too, itself included, at most 200 of them."""

    item: ReviewItem
    why: str
    alike: int = 1
    taken_by: str | None = None


def record_items(db: Db, items: Sequence[ReviewItem]) -> None:
    """Those that are there already stay as they are: what is judged is what was said first."""
    rows = [
        {
            "incident_id": item.incident_id,
            "pattern_id": item.pattern_id,
            "decision_id": item.decision_id,
            "opened_at": item.opened_at,
            "lead": False,
            "worth": item.worth.value,
            "saves": item.worth.saves,
            "remaining": item.worth.left,
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
        db.execute(
            _LEAD.format(patterns="%(patterns)s::uuid[]"), {"patterns": [item.pattern_id for item in items]}
        )


def close_item(db: Db, incident_id: str, by: str, at: datetime) -> None:
    """Somebody has spoken of it; further ones of its pattern teach little that is new."""
    db.execute(
        "UPDATE review_item SET done_at = %s, done_by = %s, taken_by = NULL, taken_until = NULL, why = NULL"
        " WHERE incident_id = %s AND done_at IS NULL",
        (at, by, incident_id),
    )
    db.execute(_LEAD.format(patterns=_FAMILY), {"id": incident_id})


def reopen_item(db: Db, incident_id: str) -> None:
    """What was said of it was taken back: it waits again, and it and its pattern are worth what they were."""
    db.execute("UPDATE review_item SET done_at = NULL, done_by = NULL WHERE incident_id = %s", (incident_id,))
    db.execute(_LEAD.format(patterns=_FAMILY), {"id": incident_id})


class ReviewItems:
    """Every call raises StoreUnavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def best(self, reviewer: str, now: datetime, limit: int) -> list[QueuedItem]:
        """What is worth a look most, each pattern once; nothing that somebody else looks at."""
        with self._database.connection() as db:
            rows = db.execute(_BEST, {"me": reviewer, "now": now, "limit": limit}).fetchall()
        return [_queued(row, "worth") for row in rows]

    def count(self) -> int:
        """How many wait to be looked at; 1,001 where there are more than a thousand."""
        with self._database.connection() as db:
            row = db.execute(
                "SELECT count(*) AS n FROM (SELECT FROM review_item WHERE done_at IS NULL LIMIT 1001) AS waiting"
            ).fetchone()
        return int(row["n"]) if row else 0

    def take_best(self, reviewer: str, now: datetime, until: datetime) -> QueuedItem | None:
        """One whose pattern nobody else looks at, if there is such a one."""
        asked = {"me": reviewer, "now": now, "until": until, "limit": _CHOICE, "why": "worth", "done": False}
        with self._database.transaction() as db:
            for statement in (_BEST, _BESIDE):
                taken = _take_one(db, db.execute(statement, asked).fetchall(), asked)
                if taken is not None:
                    return taken
        return None

    def take_sampled(self, reviewer: str, now: datetime, until: datetime, rate: float) -> QueuedItem | None:
        """The one that was drawn first, of those of the last weeks: no matter what anybody thinks of it."""
        asked = {"me": reviewer, "now": now, "until": until, "limit": _CHOICE, "why": "sample", "done": False}
        asked |= {"rate": rate, "since": now - SAMPLED_FOR}
        with self._database.transaction() as db:
            return _take_one(db, db.execute(_SAMPLED, asked).fetchall(), asked)

    def take_second(self, reviewer: str, now: datetime, until: datetime, rate: float) -> QueuedItem | None:
        """One that somebody else has answered of late, drawn for a second opinion."""
        asked = {"me": reviewer, "now": now, "until": until, "limit": _CHOICE, "why": "second", "done": True}
        asked |= {"rate": rate, "since": now - SECOND_FOR}
        with self._database.transaction() as db:
            return _take_one(db, db.execute(_SECOND, asked).fetchall(), asked)

    def taken_by(self, reviewer: str, now: datetime, until: datetime) -> QueuedItem | None:
        """What they look at already; their time begins anew."""
        with self._database.connection() as db:
            row = db.execute(
                "UPDATE review_item AS q SET taken_until = %(until)s WHERE incident_id = (SELECT incident_id"
                " FROM review_item WHERE taken_by = %(me)s AND taken_until > %(now)s LIMIT 1)"
                " RETURNING q.*, 1 AS alike",
                {"me": reviewer, "now": now, "until": until},
            ).fetchone()
        return _queued(row, row["why"] or "worth") if row else None

    def take(self, incident_id: str, reviewer: str, now: datetime, until: datetime) -> bool:
        """This very item, and no other; whether it is theirs now."""
        asked = {"id": incident_id, "me": reviewer, "now": now, "until": until, "why": None, "done": False}
        with self._database.transaction() as db:
            db.execute(
                "UPDATE review_item SET taken_by = NULL, taken_until = NULL, why = NULL"
                " WHERE taken_by = %(me)s AND incident_id <> %(id)s",
                asked,
            )
            return db.execute(_TAKE, asked).fetchone() is not None

    def release(self, incident_id: str, reviewer: str, *, skip: bool) -> None:
        """``skip``: it does not come back to them."""
        with self._database.connection() as db:
            db.execute(
                "UPDATE review_item SET taken_by = NULL, taken_until = NULL, why = NULL,"
                " skipped = CASE WHEN %(skip)s THEN array_append(array_remove(skipped, %(me)s), %(me)s)"
                " ELSE skipped END WHERE incident_id = %(id)s AND (taken_by = %(me)s OR taken_by IS NULL)",
                {"id": uuid.UUID(incident_id), "me": reviewer, "skip": skip},
            )

    def find_first_decision(self, incident_id: str) -> str | None:
        """The decision that is judged; None for an incident that never was in the queue."""
        with self._database.connection() as db:
            row = db.execute(
                "SELECT decision_id FROM review_item WHERE incident_id = %s", (incident_id,)
            ).fetchone()
        return str(row["decision_id"]) if row else None

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


def _take_one(db: Db, rows: Sequence[Row], asked: dict[str, object]) -> QueuedItem | None:
    for row in rows:
        if db.execute(_TAKE, {**asked, "id": row["incident_id"]}).fetchone() is not None:
            return _queued(row, str(asked["why"]))
    return None


def _queued(row: Row, why: str) -> QueuedItem:
    item = ReviewItem(
        incident_id=str(row["incident_id"]),
        pattern_id=str(row["pattern_id"]),
        decision_id=str(row["decision_id"]),
        opened_at=row["opened_at"],
        worth=_worth(row),
        draw=row["draw"],
        priority=Priority(row["suggested_priority"]),
        team=row["suggested_team"],
        acts_priority=row["acts_priority"],
        acts_team=row["acts_team"],
    )
    return QueuedItem(item=item, why=why, alike=row["alike"], taken_by=row["taken_by"])


def _worth(row: Row) -> Worth:
    reasons = tuple(Reason(*reason) for reason in row["reasons"])
    return Worth(saves=row["saves"], left=row["remaining"], reasons=reasons)


_FREE = (
    "NOT (%(me)s = ANY(q.skipped)) AND (q.taken_until IS NULL OR q.taken_until <= %(now)s OR q.taken_by = %(me)s)"
)
# The rows of the index first, and so many as a plan can count on, or the join is begun from the patterns.
_BEST = f"""
WITH best AS MATERIALIZED (
    SELECT q.* FROM review_item AS q WHERE q.done_at IS NULL AND q.lead AND {_FREE}
    ORDER BY q.worth DESC, q.opened_at DESC LIMIT {BEST}
), looked_at AS (
    SELECT p.root FROM review_item AS q JOIN incident AS i ON i.id = q.incident_id
    JOIN pattern AS p ON p.id = i.pattern_id
    WHERE q.taken_by IS NOT NULL AND q.taken_by <> %(me)s AND q.taken_until > %(now)s AND q.done_at IS NULL
), chosen AS MATERIALIZED (
    SELECT * FROM (
        SELECT DISTINCT ON (p.root) best.*, p.root FROM best
        JOIN incident AS i ON i.id = best.incident_id JOIN pattern AS p ON p.id = i.pattern_id
        ORDER BY p.root, best.worth DESC, best.opened_at DESC
    ) AS each WHERE root NOT IN (SELECT root FROM looked_at)
    ORDER BY worth DESC, opened_at DESC LIMIT %(limit)s
)
SELECT chosen.*, greatest(1, (SELECT count(*) FROM (
    SELECT FROM pattern AS m JOIN review_item AS w ON w.pattern_id = m.id AND w.done_at IS NULL
    WHERE m.root = chosen.root LIMIT 200) AS waiting)) AS alike
FROM chosen ORDER BY worth DESC, opened_at DESC
"""
# Where all that lead are looked at or left to others: whatever waits.
_BESIDE = f"""
SELECT q.*, 1 AS alike FROM review_item AS q WHERE q.done_at IS NULL AND {_FREE}
ORDER BY q.saves DESC LIMIT {_CHOICE}
"""
_SAMPLED = f"""
SELECT q.*, 1 AS alike FROM review_item AS q
WHERE q.done_at IS NULL AND q.draw < 0.2 AND q.draw < %(rate)s AND q.opened_at >= %(since)s AND {_FREE}
ORDER BY q.draw LIMIT %(limit)s
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
UPDATE review_item SET taken_by = %(me)s, taken_until = %(until)s, why = %(why)s WHERE incident_id = (
    SELECT q.incident_id FROM review_item AS q
    WHERE q.incident_id = %(id)s AND (q.done_at IS NOT NULL) = %(done)s AND (NOT %(done)s OR q.second_at IS NULL)
    AND (q.taken_until IS NULL OR q.taken_until <= %(now)s OR q.taken_by = %(me)s) FOR UPDATE SKIP LOCKED
) RETURNING incident_id
"""
_FAMILY = (
    "ARRAY(SELECT m.id FROM incident AS i JOIN pattern AS p ON p.id = i.pattern_id"
    " JOIN pattern AS m ON m.root = p.root WHERE i.id = %(id)s)"
)
# The one of which a look saves most leads its pattern. Its worth is as `Worth.value` and `Words.left` have it.
_LEAD = f"""
UPDATE review_item AS q SET lead = q.incident_id = best.incident_id, remaining = best.remaining,
    worth = least(1, ln(1 + q.saves * best.remaining) / ln(1 + {OFTEN}))
FROM (
    SELECT asked.id AS pattern_id, most.incident_id,
        power(said.looks + 1, CASE WHEN said.looks > 1 AND said.teams < 2 THEN -2 ELSE -1 END)::real AS remaining
    FROM (SELECT DISTINCT unnest({{patterns}}) AS id) AS asked JOIN pattern AS p USING (id)
    CROSS JOIN LATERAL (
        SELECT w.incident_id FROM review_item AS w WHERE w.pattern_id = asked.id AND w.done_at IS NULL
        ORDER BY w.saves DESC, w.opened_at DESC LIMIT 1
    ) AS most
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT o.incident_id) AS looks, count(DISTINCT o.team) AS teams
        FROM pattern AS m JOIN triage_override AS o ON o.pattern_id = m.id AND o.withdrawn_at IS NULL
        WHERE m.root = p.root
    ) AS said
) AS best
WHERE q.done_at IS NULL AND (q.incident_id = best.incident_id OR (q.pattern_id = best.pattern_id AND q.lead))
"""
