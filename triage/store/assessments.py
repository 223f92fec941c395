"""What reviewers said, one word after the other: kept for ever, also where it was taken back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from triage.store.database import Database, Db
from triage.store.review_items import reopen_item


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """One reviewer's word. ``override_id``: what it made; None for a second opinion, which changes nothing.
    ``settles``: it decides between two that differed."""

    id: str
    incident_id: str
    made_by: str
    made_at: datetime
    priority: str
    team: str
    reason: str = ""
    second: bool = False
    settles: bool = False
    override_id: int | None = None


def record_assessment(db: Db, assessment: Assessment, *, looked: bool = True) -> None:
    """``looked``: at this very incident, so that it says whether the word before it carried over."""
    db.execute(
        _RECORD,
        {
            "id": assessment.id,
            "incident": assessment.incident_id,
            "by": assessment.made_by,
            "at": assessment.made_at,
            "priority": assessment.priority,
            "team": assessment.team,
            "reason": assessment.reason,
            "second": assessment.second,
            "settles": assessment.settles,
            "override": assessment.override_id,
            "looked": looked and not assessment.second and not assessment.settles,
        },
    )


def undo_assessment(db: Db, assessment: Assessment, by: str, at: datetime) -> bool:
    """Whether it stood until now. What it was about waits to be looked at again."""
    undone = db.execute(
        "UPDATE assessment SET undone_by = %s, undone_at = %s WHERE id = %s AND undone_at IS NULL",
        (by, at, assessment.id),
    )
    if undone.rowcount == 1:
        if assessment.second:
            db.execute("UPDATE review_item SET second_at = NULL WHERE incident_id = %s", (assessment.incident_id,))
        elif not assessment.settles:
            reopen_item(db, assessment.incident_id)
    return undone.rowcount == 1


class Assessments:
    """Every call raises StoreUnavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep_second(self, assessment: Assessment) -> bool:
        """A second opinion, of somebody else than who answered; whether there was none yet."""
        with self._database.transaction() as db:
            closed = db.execute(
                "UPDATE review_item SET second_at = %(at)s, taken_by = NULL, taken_until = NULL, why = NULL"
                " WHERE incident_id = %(id)s AND done_at IS NOT NULL AND second_at IS NULL AND done_by <> %(by)s",
                {"at": assessment.made_at, "id": assessment.incident_id, "by": assessment.made_by},
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
        return assessment_of(row) if row else None

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

    def standing_of(self, incident_id: str) -> Sequence[Assessment]:
        """What was said of an incident and not taken back, the oldest first."""
        with self._database.connection() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM assessment WHERE incident_id = %s AND undone_at IS NULL ORDER BY made_at",
                (incident_id,),
            ).fetchall()
        return [assessment_of(row) for row in rows]


_COLUMNS = "id, incident_id, made_by, made_at, priority, team, reason, second, settles, override_id"


def assessment_of(row: Any) -> Assessment:
    """Of a row, or of what JSON makes of one."""
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
        settles=row["settles"],
        override_id=row["override_id"],
    )


_BEFORE = """
(SELECT o.{word} = %({word})s FROM triage_override AS o
    WHERE %(looked)s AND o.withdrawn_at IS NULL AND o.{word} IS NOT NULL AND o.incident_id <> %(incident)s
    AND o.pattern_id IN (SELECT m.id FROM incident AS i JOIN pattern AS p ON p.id = i.pattern_id
        JOIN pattern AS m ON m.root = p.root WHERE i.id = %(incident)s)
    ORDER BY o.id DESC LIMIT 1)
"""
_RECORD = f"""
INSERT INTO assessment (id, incident_id, made_by, made_at, priority, team, reason, second, settles, override_id,
    carried_priority, carried_team)
VALUES (%(id)s, %(incident)s, %(by)s, %(at)s, %(priority)s, %(team)s, %(reason)s, %(second)s, %(settles)s,
    %(override)s, {_BEFORE.format(word="priority")}, {_BEFORE.format(word="team")})
"""
