"""What was decided lately, and what each decision rested on, for trying another policy on it."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime

from triage.domain.decision import Decision, DecisionInputs
from triage.store.database import Database
from triage.store.records import DECISION, INPUTS

FETCHED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedIncident:
    """An incident with its first decision: later ones followed what people had done by then."""

    id: str
    opened_at: datetime
    resolved_at: datetime | None
    decision: Decision
    inputs: DecisionInputs


class DecidedIncidents:
    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, since: datetime, limit: int) -> Generator[DecidedIncident]:
        """Those opened from ``since`` on, the newest ``limit``, newest first. Holds a connection; close the
        iterator if it is left early. Raises StoreUnavailable."""
        with (
            self._database.unattended(),
            self._database.exploring() as db,
            db.cursor("decided_incidents") as cursor,
        ):
            cursor.itersize = FETCHED
            cursor.execute(_DECIDED, {"since": since, "limit": limit})
            for row in cursor:
                yield DecidedIncident(
                    id=str(row["id"]),
                    opened_at=row["opened_at"],
                    resolved_at=row["resolved_at"],
                    decision=DECISION.validate_python(row["record"]),
                    inputs=INPUTS.validate_python(row["inputs"]),
                )


_DECIDED = """
SELECT i.id, i.opened_at, i.resolved_at, d.record, d.inputs
FROM incident AS i
CROSS JOIN LATERAL (
    SELECT record, inputs FROM decision WHERE decision.incident_id = i.id ORDER BY decided_at LIMIT 1
) AS d
WHERE i.opened_at >= %(since)s
ORDER BY i.opened_at DESC, i.id
LIMIT %(limit)s
"""
