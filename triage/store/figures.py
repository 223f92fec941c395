"""What escalations were like, one row per incident, page and step, read from what is kept anyway."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from triage.domain.incident import DRILL_SOURCE
from triage.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How one incident went. ``decided``: here, and not in a history that was imported; ``escalated_at``: first
    told beyond the first step; ``rungs``: how many further steps were told; ``climbs``: how often the whole ladder
    was climbed again; ``asked``: how often a person asked for the next step; ``teams``: that had it, in order;
    ``handed_over``: pages after the first person was told, and ``with_context`` those before which people had left
    word of what they did; ``handed_at``: the last page before somebody took it, where it had gone beyond the first
    step."""

    id: str
    decided: bool
    opened_at: datetime
    service: str | None
    team: str
    priority: str
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    mobilised_at: datetime | None
    escalated_at: datetime | None
    handed_at: datetime | None
    rungs: int
    climbs: int
    asked: int
    handed_over: int
    with_context: int
    teams: Sequence[str]
    acknowledge_breached: bool
    resolve_breached: bool
    satisfaction: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paged:
    person: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """A step that told somebody: how long it was given to be acknowledged, and how long it took; None: it was not,
    while that step ran. Seconds."""

    policy: str
    step: int
    given: float
    took: float | None


class Figures:
    """Incidents opened in a period, but for drills. Every call raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def courses(self, since: datetime, until: datetime) -> list[Course]:
        with self._database.unattended(), self._database.exploring() as db:
            rows = db.execute(_COURSES, {"since": since, "until": until}).fetchall()
        return [Course(**{**row, "id": str(row["id"])}) for row in rows]

    def pages(self, since: datetime, until: datetime) -> list[Paged]:
        """Of everybody, made in the period."""
        with self._database.unattended(), self._database.exploring() as db:
            rows = db.execute(
                "SELECT substr(m.recipient, 8) AS person, m.made_at AS at FROM message AS m"
                " JOIN incident AS i ON i.id = m.incident_id"
                f" WHERE m.kind = 'page' AND m.made_at >= %s AND m.made_at < %s AND i.source <> '{DRILL_SOURCE}'",
                (since, until),
            ).fetchall()
        return [Paged(**row) for row in rows]

    def waits(self, since: datetime, until: datetime) -> list[Waited]:
        with self._database.unattended(), self._database.exploring() as db:
            rows = db.execute(_WAITS, {"since": since, "until": until}).fetchall()
        return [Waited(**row) for row in rows]


_BEYOND = "kind = 'paged' AND (detail ->> 'number')::int <> 1"
# An imported incident has no timeline; whom it was given first stands in its report.
_IMPORTED = (
    "CASE WHEN i.decision_id IS NULL AND i.event ->> 'assigned_team' IS NOT NULL"
    " THEN ARRAY[i.event ->> 'assigned_team', coalesce(own.team, i.team)] ELSE ARRAY[]::text[] END"
)
_COURSES = f"""
SELECT i.id, i.decision_id IS NOT NULL AS decided, i.opened_at, i.service, coalesce(own.team, i.team) AS team,
    i.priority,
    coalesce(t.taken_at, i.acknowledged_at) AS acknowledged_at,
    coalesce(t.taken_by, i.acknowledged_by) AS acknowledged_by, i.resolved_at, i.resolved_by, t.mobilised_at,
    t.escalated_at, h.handed_at, coalesce(t.rungs, 0) AS rungs, coalesce(t.climbs, 0) AS climbs,
    coalesce(t.asked, 0) AS asked, coalesce(h.handed_over, 0) AS handed_over,
    coalesce(h.with_context, 0) AS with_context, coalesce(t.teams, {_IMPORTED}) AS teams,
    coalesce(t.acknowledge_breached, false) AS acknowledge_breached,
    coalesce(t.resolve_breached, false) AS resolve_breached, r.satisfaction
FROM incident AS i
LEFT JOIN incident_review AS r ON r.incident_id = i.id
LEFT JOIN imported AS own ON own.incident_id = i.id
LEFT JOIN LATERAL (
    SELECT min(at) FILTER (WHERE kind = 'acknowledged') AS taken_at,
        min(id) FILTER (WHERE kind = 'acknowledged') AS taken_id,
        (array_agg(actor ORDER BY id) FILTER (WHERE kind = 'acknowledged'))[1] AS taken_by,
        min(at) FILTER (WHERE kind = 'status' AND detail ->> 'status' IN ('investigating', 'mitigating'))
            AS mobilised_at,
        min(at) FILTER (WHERE {_BEYOND}) AS escalated_at,
        count(DISTINCT detail ->> 'number') FILTER (WHERE {_BEYOND}) AS rungs,
        count(*) FILTER (WHERE kind = 'escalation' AND detail ->> 'notice' = 'climbs_again') AS climbs,
        count(*) FILTER (WHERE kind = 'escalated') AS asked,
        array_agg(detail ->> 'team' ORDER BY id)
            FILTER (WHERE kind IN ('decided', 'overridden') AND detail ->> 'team' IS NOT NULL) AS teams,
        bool_or(kind = 'escalation' AND detail ->> 'notice' = 'acknowledge_breached') AS acknowledge_breached,
        bool_or(kind = 'escalation' AND detail ->> 'notice' = 'resolve_breached') AS resolve_breached
    FROM timeline WHERE incident_id = i.id
) AS t ON true
LEFT JOIN LATERAL (
    SELECT max(p.at) FILTER (WHERE t.escalated_at IS NOT NULL AND (t.taken_id IS NULL OR p.id < t.taken_id))
            AS handed_at,
        count(*) FILTER (WHERE p.place > 1) AS handed_over,
        count(*) FILTER (WHERE p.place > 1 AND EXISTS (
            SELECT FROM timeline AS said WHERE said.incident_id = i.id AND said.id < p.id
              AND said.kind IN ('note', 'status', 'acknowledged', 'overridden')
        )) AS with_context
    FROM (
        SELECT id, at, dense_rank() OVER (ORDER BY at) AS place FROM timeline
        WHERE incident_id = i.id AND kind = 'paged'
    ) AS p
) AS h ON true
WHERE i.opened_at >= %(since)s AND i.opened_at < %(until)s AND i.source <> '{DRILL_SOURCE}'
ORDER BY i.opened_at
"""
_WAITS = f"""
SELECT d.record -> 'escalation' ->> 'policy' AS policy, p.step, extract(epoch FROM p.given)::float8 AS given,
    extract(epoch FROM min(a.at) - p.first_at)::float8 AS took
FROM incident AS i
JOIN decision AS d ON d.id = i.decision_id
JOIN LATERAL (
    SELECT (detail ->> 'number')::int AS step, min(at) AS first_at,
        min((detail ->> 'answer_by')::timestamptz - at) AS given,
        lead(min(at)) OVER (ORDER BY min(at)) AS next_at
    FROM timeline WHERE incident_id = i.id AND kind = 'paged' GROUP BY 1
) AS p ON p.step > 0
LEFT JOIN timeline AS a ON a.incident_id = i.id AND a.kind = 'acknowledged' AND a.at >= p.first_at
    AND (p.next_at IS NULL OR a.at < p.next_at)
WHERE i.opened_at >= %(since)s AND i.opened_at < %(until)s AND i.source <> '{DRILL_SOURCE}'
GROUP BY i.id, d.id, p.step, p.given, p.first_at
"""
