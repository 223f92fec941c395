"""Past incidents one after the other, for a history file: however many there are, memory holds one fetch."""

from collections.abc import Generator
from dataclasses import fields
from datetime import datetime
from typing import Any

from triage.domain.decision import TriageOverride
from triage.domain.priority import Priority
from triage.domain.provenance import PastIncident, Told
from triage.store.database import Database
from triage.store.records import INCIDENT

FETCHED = 500
"""Rows a fetch: each may hold 32 KiB of text, and a fetch must be done within the connection's patience."""


class PastIncidents:
    """``since`` and ``until`` bound when an incident was opened: from ``since`` on, before ``until``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, since: datetime | None = None, until: datetime | None = None) -> int:
        with self._database.unattended(), self._database.exploring() as db:
            row = db.execute(
                f"SELECT count(*) AS n FROM incident AS i WHERE {_OPENED}", _bounds(since, until)
            ).fetchone()
        return int(row["n"]) if row else 0

    def read(self, since: datetime | None = None, until: datetime | None = None) -> Generator[PastIncident]:
        """Oldest first, all as of one moment. Holds a connection; close the iterator if it is left early.

        Raises StoreUnavailable.
        """
        with (
            self._database.unattended(),
            self._database.exploring() as db,
            db.cursor("past_incidents") as cursor,
        ):
            # First rows at once: a plan that sorts or hashes everything before them outlasts the patience.
            db.execute("SET LOCAL cursor_tuple_fraction = 0.001")
            cursor.itersize = FETCHED
            cursor.execute(_PAST, _bounds(since, until))
            for row in cursor:
                yield _past(row)


_OPENED = (
    "(%(since)s::timestamptz IS NULL OR i.opened_at >= %(since)s)"
    " AND (%(until)s::timestamptz IS NULL OR i.opened_at < %(until)s)"
)

# What was said of other incidents of the pattern is not looked at: on this one a machine applied it.
_PAST = f"""
SELECT i.id, i.event, i.opened_at, i.team, i.acknowledged_by, i.resolved_at, i.resolved_by,
    d.catalogue, held.incident_id AS duplicate_of,
    p.priority AS said_priority, p.made_by AS priority_by, p.made_at AS priority_at,
    t.team AS said_team, t.made_by AS team_by, t.made_at AS team_at, i.resolution, to_jsonb(told) AS told
FROM incident AS i
LEFT JOIN imported AS told ON told.incident_id = i.id
LEFT JOIN LATERAL (
    SELECT record #>> '{{versions,catalogue}}' AS catalogue FROM decision
    WHERE id = i.decision_id AND i.resolved_at IS NOT NULL LIMIT 1
) AS d ON true
LEFT JOIN LATERAL (
    SELECT priority, made_by, made_at FROM triage_override
    WHERE incident_id = i.id AND priority IS NOT NULL AND withdrawn_at IS NULL ORDER BY id DESC LIMIT 1
) AS p ON true
LEFT JOIN LATERAL (
    SELECT team, made_by, made_at FROM triage_override
    WHERE incident_id = i.id AND team IS NOT NULL AND withdrawn_at IS NULL ORDER BY id DESC LIMIT 1
) AS t ON true
LEFT JOIN LATERAL (
    SELECT k.incident_id FROM incident_key AS k
    WHERE k.source = i.source AND k.dedup_key = i.event ->> 'dedup_key' AND k.scope = i.scope
        AND k.opened_at < i.opened_at
    ORDER BY k.opened_at DESC LIMIT 1
) AS earlier ON true
LEFT JOIN LATERAL (
    SELECT e.id AS incident_id FROM incident AS e
    WHERE e.id = earlier.incident_id AND e.id <> i.id AND (e.state <> 'resolved' OR e.resolved_at > i.opened_at)
    LIMIT 1
) AS held ON true
WHERE {_OPENED}
ORDER BY i.opened_at, i.id
"""


def _bounds(since: datetime | None, until: datetime | None) -> dict[str, datetime | None]:
    return {"since": since, "until": until}


def _past(row: dict[str, Any]) -> PastIncident:
    priority_said, team_said = row["said_priority"], row["said_team"]
    told = _told(row["told"]) if row["told"] else None
    duplicate_of = str(row["duplicate_of"]) if row["duplicate_of"] else None
    return PastIncident(
        id=told.history_id if told else str(row["id"]),
        event=INCIDENT.validate_python(row["event"]),
        opened_at=row["opened_at"],
        team=row["team"],
        catalogue=row["catalogue"],
        acknowledged_by=row["acknowledged_by"],
        resolved_at=row["resolved_at"],
        resolved_by=row["resolved_by"],
        resolution=row["resolution"],
        priority_said=TriageOverride(
            by=row["priority_by"], at=row["priority_at"], priority=Priority(priority_said)
        )
        if priority_said
        else None,
        team_said=TriageOverride(by=row["team_by"], at=row["team_at"], team=team_said) if team_said else None,
        duplicate_of=told.duplicate_of if told else duplicate_of,
        told=told,
    )


def _told(row: dict[str, Any]) -> Told:
    return Told(**{field.name: row[field.name] for field in fields(Told)})
