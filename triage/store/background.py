"""What is known around an incident for whoever takes it over: what people did, what is like it, what mended it."""

from collections.abc import Sequence
from dataclasses import dataclass

from triage.domain.message import Earlier
from triage.domain.record import IncidentRecord, TimelineEntry
from triage.store.database import Database

BY_PEOPLE = ("note", "acknowledged", "status", "overridden", "escalated", "approved", "refused", "reopened")
"""Entries of a timeline that say what people did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """``done``: the latest, oldest first; ``earlier``: resolved ones, those of which it is known how first."""

    done: tuple[TimelineEntry, ...] = ()
    earlier: tuple[Earlier, ...] = ()
    known_fix: str | None = None


class Backgrounds:
    def __init__(self, database: Database) -> None:
        self._database = database

    def of(
        self, record: IncidentRecord, similar: Sequence[str], *, most_done: int, most_similar: int
    ) -> Background:
        """``similar``: ids of incidents that the decision called alike. Raises StoreUnavailable."""
        with self._database.connection() as db, db.pipeline():
            done = db.execute(
                "SELECT incident_id, at, kind, actor, detail FROM timeline"
                " WHERE incident_id = %s AND kind = ANY(%s) ORDER BY id DESC LIMIT %s",
                (record.id, list(BY_PEOPLE), most_done),
            )
            earlier = db.execute(
                _EARLIER,
                {"id": record.id, "alike": list(similar), "pattern": record.pattern_id, "most": most_similar},
            )
            fix = db.execute(
                "SELECT root.known_fix FROM pattern AS p JOIN pattern AS root ON root.id = p.root WHERE p.id = %s",
                (record.pattern_id,),
            )
            rows, alike, fixed = done.fetchall(), earlier.fetchall(), fix.fetchone()
        entries = [TimelineEntry(**{**row, "incident_id": str(row["incident_id"])}) for row in reversed(rows)]
        return Background(
            done=tuple(entries),
            earlier=tuple(Earlier(**row) for row in alike),
            known_fix=fixed["known_fix"] if fixed else None,
        )


# Of a pattern that came a thousand times, the newest few say how it is mended.
_EARLIER = """
SELECT title, resolved_at, resolution FROM (
    (SELECT id, title, resolved_at, resolution FROM incident WHERE id = ANY(%(alike)s::uuid[]))
    UNION
    (SELECT i.id, i.title, i.resolved_at, i.resolution FROM incident AS i
     WHERE i.pattern_id IN (SELECT id FROM pattern WHERE root = (SELECT root FROM pattern WHERE id = %(pattern)s))
     ORDER BY i.opened_at DESC LIMIT 20)
) AS alike
WHERE resolved_at IS NOT NULL AND id <> %(id)s::uuid
ORDER BY resolution IS NULL, resolved_at DESC LIMIT %(most)s
"""
