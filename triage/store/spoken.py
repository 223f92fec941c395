"""What a bundle said in production: of a random part of the incidents, so that a look back stays quick."""

from dataclasses import dataclass
from datetime import datetime

from triage.domain.decision import DecisionSource
from triage.store.database import Database, Row

AT_MOST = 5_000
"""Incidents: a share of so many is known to within 1.4 points."""
_MODEL = DecisionSource.MODEL.value
_ASKED = (_MODEL, DecisionSource.CATALOGUE.value, DecisionSource.FALLBACK.value)
"""Where a rule, a person, or whoever reported it decided, the model's own word is not in the decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What was concluded of one target where the model had its say; ``probability``: None where it did not act."""

    value: str
    acts: bool
    probability: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """Of the decision that opened an incident; None where the model had no say."""

    incident_id: str
    opened_at: datetime
    pattern_id: str
    team: Word | None
    priority: Word | None


class Speech:
    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, bundle: str, since: datetime, until: datetime) -> list[Spoken]:
        """About ``AT_MOST`` at most, drawn by what an incident's id gives (its ``draw``), the oldest first.

        Raises StoreUnavailable.
        """
        with self._database.unattended(), self._database.exploring() as db:
            within = {"since": since, "until": until}
            row = db.execute(_COUNT, within).fetchone()
            count = int(row["n"]) if row else 0
            rate = min(0.2, AT_MOST / count) if count > AT_MOST else 1.0
            rows = db.execute(_SPOKEN, within | {"bundle": bundle, "rate": rate}).fetchall()
        return [
            Spoken(
                incident_id=row["incident_id"],
                opened_at=row["opened_at"],
                pattern_id=row["pattern_id"],
                team=_word(row, "team"),
                priority=_word(row, "priority"),
            )
            for row in rows
        ]


def _word(row: Row, target: str) -> Word | None:
    said = row[target]
    if said["source"] not in _ASKED:
        return None
    acts = said["source"] == _MODEL and not said["abstained"]
    return Word(value=said["value"], acts=acts, probability=said["probability"] if acts else None)


_COUNT = "SELECT count(*) AS n FROM review_item WHERE opened_at >= %(since)s AND opened_at < %(until)s"
_SPOKEN = """
SELECT q.incident_id::text AS incident_id, q.opened_at, q.pattern_id::text AS pattern_id,
    d.record->'team' AS team, d.record->'priority' AS priority
FROM review_item AS q JOIN decision AS d ON d.id = q.decision_id
WHERE q.opened_at >= %(since)s AND q.opened_at < %(until)s AND q.draw < %(rate)s
    AND d.record->'versions'->>'bundle' = %(bundle)s
ORDER BY q.opened_at
"""
