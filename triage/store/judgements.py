"""What figures of the model are made of: what it said first, and what people said of it."""

from dataclasses import dataclass
from datetime import datetime

from triage.store.assessments import Assessment, assessment_of
from triage.store.database import Database, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the machine said first of an incident of the sample, and what a person said of it."""

    incident_id: str
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
    """Two reviewers' words on one incident; ``settled``: somebody else has spoken since the first."""

    incident_id: str
    first: Assessment
    second: Assessment
    title: str
    settled: bool

    @property
    def differs(self) -> bool:
        return (self.first.priority, self.first.team) != (self.second.priority, self.second.team)

    @property
    def is_open(self) -> bool:
        """Whether a third one has to decide between them."""
        return self.differs and not self.settled


class Judgements:
    """Every call raises StoreUnavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def judged(self, rate: float) -> list[Judged]:
        """The sample as far as it is known whole. Of each week, all that were drawn before the first one that
        still waits: who is drawn early depends on nothing, while who is answered early depends on what is thought
        of it."""
        with self._database.unattended(), self._database.connection() as db:
            rows = db.execute(_JUDGED, {"rate": rate}).fetchall()
        return [Judged(**row) for row in rows]

    def pairs(self, since: datetime) -> list[Pair]:
        """Incidents of which two reviewers spoke, the newest first."""
        with self._database.connection() as db:
            rows = db.execute(_PAIRS, {"since": since}).fetchall()
        return [
            Pair(
                incident_id=str(row["incident_id"]),
                first=assessment_of(row["one"]),
                second=assessment_of(row["other"]),
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


_SAID = """
    SELECT (array_agg(o.priority ORDER BY o.id DESC) FILTER (WHERE o.priority IS NOT NULL))[1] AS priority,
        (array_agg(o.team ORDER BY o.id DESC) FILTER (WHERE o.team IS NOT NULL))[1] AS team,
        max(o.made_at) AS made_at
    FROM triage_override AS o WHERE o.incident_id = q.incident_id AND o.withdrawn_at IS NULL
"""
# Skipped by somebody is not answered: a week waits for nobody who declined, and leaves such an item out.
_JUDGED = f"""
WITH waiting AS (
    SELECT date_trunc('week', opened_at, 'UTC') AS week, min(draw) AS draw FROM review_item
    WHERE done_at IS NULL AND draw < 0.2 AND draw < %(rate)s AND skipped = '{{}}' GROUP BY 1
)
SELECT q.incident_id::text AS incident_id, q.opened_at, q.suggested_priority, q.suggested_team,
    q.acts_priority, q.acts_team,
    coalesce(said.priority, q.suggested_priority) AS priority, coalesce(said.team, q.suggested_team) AS team,
    said.made_at
FROM review_item AS q LEFT JOIN waiting ON waiting.week = date_trunc('week', q.opened_at, 'UTC')
CROSS JOIN LATERAL ({_SAID}) AS said
WHERE q.draw < 0.2 AND q.draw < %(rate)s AND q.done_at IS NOT NULL AND said.made_at IS NOT NULL
    AND (waiting.draw IS NULL OR q.draw < waiting.draw)
ORDER BY q.opened_at
"""
_PAIRS = """
SELECT i.id AS incident_id, i.title, to_jsonb(one) AS one, to_jsonb(other) AS other,
    EXISTS (SELECT FROM triage_override AS o WHERE o.incident_id = i.id AND o.id > one.override_id
        AND o.made_by NOT IN (one.made_by, other.made_by) AND o.withdrawn_at IS NULL) AS settled
FROM assessment AS other JOIN incident AS i ON i.id = other.incident_id
CROSS JOIN LATERAL (
    SELECT * FROM assessment AS a WHERE a.incident_id = other.incident_id AND NOT a.second AND NOT a.settles
    AND a.undone_at IS NULL ORDER BY a.made_at LIMIT 1
) AS one
WHERE other.second AND other.undone_at IS NULL AND other.made_at >= %(since)s
ORDER BY other.made_at DESC LIMIT 2000
"""
# What is counted of all lies in one index; what people said is asked of those that they spoke of.
_COVERAGE = f"""
SELECT count(*) AS incidents, count(*) FILTER (WHERE acts_team) AS acts_team,
    count(*) FILTER (WHERE acts_priority) AS acts_priority, (
        SELECT count(*) FROM review_item AS q CROSS JOIN LATERAL ({_SAID}) AS said
        WHERE q.done_at IS NOT NULL AND q.opened_at >= %(since)s AND q.opened_at < %(until)s
        AND (said.team <> q.suggested_team OR said.priority <> q.suggested_priority)
    ) AS overruled
FROM review_item WHERE opened_at >= %(since)s AND opened_at < %(until)s
"""
