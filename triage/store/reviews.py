"""Reviews of incidents that are over, and the follow-up actions that come of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from triage.domain.incident import DRILL_SOURCE
from triage.domain.message import Message
from triage.domain.record import TimelineEntry
from triage.errors import NotFound
from triage.store.database import Database, Db, Row
from triage.store.incidents import identifier
from triage.store.outbox import put_message
from triage.store.timelines import record_timeline

_ACTION = "id, incident_id, what, owner, due_at, made_by, made_at, done_by, done_at, reminders"


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """``owner``: a person's id; ``reminders``: how often somebody was reminded since it was due."""

    id: str
    incident_id: str
    what: str
    owner: str
    due_at: datetime
    made_by: str
    made_at: datetime
    done_by: str | None = None
    done_at: datetime | None = None
    reminders: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentReview:
    """``satisfaction``: from 1 to 5, how well people were served by how it went."""

    summary: str
    satisfaction: int | None
    made_by: str
    made_at: datetime
    changed_by: str | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    review: IncidentReview | None = None
    follow_ups: tuple[FollowUp, ...] = field(default=())


class Reviews:
    """Every call raises StoreUnavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, incident_id: str) -> Reviewed:
        """What was said of it so far."""
        with self._database.connection() as db:
            review = db.execute(
                "SELECT summary, satisfaction, made_by, made_at, changed_by, changed_at FROM incident_review"
                " WHERE incident_id = %s",
                (incident_id,),
            ).fetchone()
            return Reviewed(
                review=IncidentReview(**review) if review else None, follow_ups=_follow_ups(db, incident_id)
            )

    def say(
        self,
        incident_id: str,
        by: str,
        at: datetime,
        *,
        summary: str | None,
        satisfaction: int | None,
        follow_ups: Sequence[FollowUp],
    ) -> Reviewed:
        """Write a review or change what is given of it; follow-up actions are added."""
        with self._database.transaction() as db:
            db.execute(_SAY, {"id": incident_id, "summary": summary, "score": satisfaction, "by": by, "at": at})
            for action in follow_ups:
                db.execute(
                    "INSERT INTO follow_up (id, incident_id, what, owner, due_at, made_by, made_at, remind_at)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                    (action.id, incident_id, action.what, action.owner, action.due_at, by, at, action.due_at),
                )
            entry = TimelineEntry(
                incident_id=incident_id,
                at=at,
                kind="reviewed",
                actor=by,
                detail={"satisfaction": satisfaction, "follow_ups": len(follow_ups)},
            )
            record_timeline(db, [entry])
        return self.get(incident_id)

    def finish(self, follow_up_id: str, by: str, at: datetime) -> FollowUp:
        """It is done; twice is once. Raises NotFound."""
        key = identifier(follow_up_id, "follow-up action")
        with self._database.connection() as db:
            row = db.execute(
                "UPDATE follow_up SET done_by = coalesce(done_by, %s), done_at = coalesce(done_at, %s)"
                f" WHERE id = %s RETURNING {_ACTION}",
                (by, at, key),
            ).fetchone()
        if row is None:
            raise NotFound("no such follow-up action is stored")
        return _follow_up(row)

    def open_actions(self, limit: int) -> list[FollowUp]:
        """Not done yet, the longest due first."""
        with self._database.connection() as db:
            rows = db.execute(
                f"SELECT {_ACTION} FROM follow_up WHERE done_at IS NULL ORDER BY due_at, id LIMIT %s", (limit,)
            ).fetchall()
        return [_follow_up(row) for row in rows]

    def overdue(self, now: datetime, limit: int) -> list[FollowUp]:
        """Of which somebody has to be reminded now."""
        with self._database.connection() as db:
            rows = db.execute(
                f"SELECT {_ACTION} FROM follow_up WHERE done_at IS NULL AND remind_at <= %s"
                " ORDER BY remind_at LIMIT %s",
                (now, limit),
            ).fetchall()
        return [_follow_up(row) for row in rows]

    def remind(self, action: FollowUp, messages: Sequence[Message], again_at: datetime | None) -> bool:
        """Say so, unless another worker has; whether it did. ``again_at`` None: nobody is left to remind."""
        with self._database.transaction() as db:
            counted = db.execute(
                "UPDATE follow_up SET reminders = reminders + 1, remind_at = %s"
                " WHERE id = %s AND reminders = %s AND done_at IS NULL",
                (again_at, action.id, action.reminders),
            )
            if counted.rowcount == 0:
                return False
            for message in messages:
                put_message(db, message)
        return True

    def unreviewed(self, now: datetime, after: timedelta, limit: int) -> list[str]:
        """P1 and P2 incidents that have been over for so long without a review, and nobody was asked for it."""
        with self._database.exploring() as db:
            asked = {"before": now - after, "since": now - 8 * after, "limit": limit}
            rows = db.execute(_UNREVIEWED, asked).fetchall()
        return [str(row["id"]) for row in rows]


def _follow_ups(db: Db, incident_id: str) -> tuple[FollowUp, ...]:
    rows = db.execute(
        f"SELECT {_ACTION} FROM follow_up WHERE incident_id = %s ORDER BY due_at, id", (incident_id,)
    ).fetchall()
    return tuple(map(_follow_up, rows))


def _follow_up(row: Row) -> FollowUp:
    return FollowUp(**{**row, "id": str(row["id"]), "incident_id": str(row["incident_id"])})


_SAY = """
INSERT INTO incident_review (incident_id, summary, satisfaction, made_by, made_at)
VALUES (%(id)s, coalesce(%(summary)s, ''), %(score)s, %(by)s, %(at)s)
ON CONFLICT (incident_id) DO UPDATE SET summary = coalesce(%(summary)s, incident_review.summary),
    satisfaction = coalesce(%(score)s, incident_review.satisfaction), changed_by = %(by)s, changed_at = %(at)s
"""
_UNREVIEWED = f"""
SELECT i.id FROM incident AS i
WHERE i.state = 'resolved' AND i.priority IN ('P1', 'P2') AND i.resolved_at <= %(before)s
  AND i.resolved_at > %(since)s AND i.source <> '{DRILL_SOURCE}'
  AND EXISTS (SELECT FROM escalation AS e WHERE e.incident_id = i.id AND e.state ->> 'told' <> '{{}}')
  AND NOT EXISTS (SELECT FROM incident_review AS r WHERE r.incident_id = i.id)
  AND NOT EXISTS (SELECT FROM message AS m WHERE m.incident_id = i.id AND m.kind = 'reminder')
ORDER BY i.resolved_at LIMIT %(limit)s
"""
