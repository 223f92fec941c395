"""Statements that add up how incidents went, from the lines of their timelines. Aggregates that need no order, and
one pass over the lines: a month may have half a million of them."""

from collections.abc import Sequence

from triage.domain.incident import DRILL_SOURCE

COUNTS = {
    "incidents": "count(*)",
    "decided": "count(*) FILTER (WHERE decided)",
    "escalated": "count(*) FILTER (WHERE escalated_at IS NOT NULL OR asked > 0)",
    "repeatedly": "count(*) FILTER (WHERE rungs + climbs + asked > 1)",
    "judged": "count(*) FILTER (WHERE judged)",
    "first_touch": "count(*) FILTER (WHERE judged AND resolved_by = acknowledged_by AND escalated_at IS NULL"
    " AND asked = 0 AND moves = 0)",
    "moves": "coalesce(sum(moves), 0)::bigint",
    "handed_over": "coalesce(sum(handed_over), 0)::bigint",
    "with_context": "coalesce(sum(with_context), 0)::bigint",
    "acknowledge_breached": "count(*) FILTER (WHERE acknowledge_breached)",
    "resolve_breached": "count(*) FILTER (WHERE resolve_breached)",
    "satisfaction": "avg(satisfaction)::float8",
    "scores": "count(satisfaction)",
}
SPANS = {
    "acknowledge": "acknowledged_at - opened_at",
    "mobilise": "mobilised_at - opened_at",
    "escalate": "escalated_at - opened_at",
    "resolve": "resolved_at - opened_at",
    "hand_over": "acknowledged_at - handed_at",
}
# Half a million lines are put in order; without this, on the disk.
MEMORY = "SET LOCAL work_mem = '96MB'"
_OPENED = f"i.opened_at >= %(since)s AND i.opened_at < %(until)s AND i.source <> '{DRILL_SOURCE}'"
_BEYOND = "kind = 'paged' AND (detail ->> 'number')::int <> 1"
# The first text by id: an aggregate that needs no order, which half a million lines would have to be put into.
_FIRST = "substr(min((lpad(t.id::text, 19, '0') || {what}) COLLATE \"C\") FILTER (WHERE {when}), 20)"
_TOLD = f"""
SELECT t.incident_id, min(at) FILTER (WHERE kind = 'acknowledged') AS taken_at,
    min(t.id) FILTER (WHERE kind = 'acknowledged') AS taken_id,
    {_FIRST.format(what="actor", when="kind = 'acknowledged'")} AS taken_by,
    min(at) FILTER (WHERE kind = 'status' AND detail ->> 'status' IN ('investigating', 'mitigating'))
        AS mobilised_at,
    min(at) FILTER (WHERE {_BEYOND}) AS escalated_at,
    bit_or(1::bigint << ((detail ->> 'number')::int & 63)) FILTER (WHERE {_BEYOND}) AS rungs,
    count(*) FILTER (WHERE kind = 'escalation' AND detail ->> 'notice' = 'climbs_again') AS climbs,
    count(*) FILTER (WHERE kind = 'escalated') AS asked,
    min(detail ->> 'team') FILTER (WHERE kind IN ('decided', 'overridden')) AS one_team,
    max(detail ->> 'team') FILTER (WHERE kind IN ('decided', 'overridden')) AS other_team,
    min(at) FILTER (WHERE kind = 'paged') AS first_paged_at,
    max(at) FILTER (WHERE kind = 'paged') AS last_paged_at,
    min(t.id) FILTER (WHERE kind IN ('note', 'status', 'acknowledged', 'overridden')) AS said_id,
    bool_or(kind = 'escalation' AND detail ->> 'notice' = 'acknowledge_breached') AS acknowledge_breached,
    bool_or(kind = 'escalation' AND detail ->> 'notice' = 'resolve_breached') AS resolve_breached
FROM chosen JOIN timeline AS t ON t.incident_id = chosen.id
GROUP BY t.incident_id
"""
# What needs the lines in their order is asked for the few incidents that were handed on.
_HANDED = """
SELECT max(at) FILTER (WHERE told.escalated_at IS NOT NULL AND (told.taken_id IS NULL OR id < told.taken_id))
        AS handed_at,
    count(*) FILTER (WHERE at > told.first_paged_at) AS handed_over,
    count(*) FILTER (WHERE at > told.first_paged_at AND told.said_id < id) AS with_context
FROM timeline WHERE incident_id = told.incident_id AND kind = 'paged'
    AND (told.escalated_at IS NOT NULL OR told.last_paged_at > told.first_paged_at)
"""
_MOVED = """
SELECT count(*) FILTER (WHERE team <> before) AS moves FROM (
    SELECT detail ->> 'team' AS team, lag(detail ->> 'team') OVER (ORDER BY id) AS before FROM timeline
    WHERE incident_id = told.incident_id AND kind IN ('decided', 'overridden') AND detail ->> 'team' IS NOT NULL
        AND told.one_team <> told.other_team
) AS had
"""
# An imported incident has no timeline; whom it was given first stands in its report.
_COURSES = f"""
WITH chosen AS MATERIALIZED (
    SELECT i.id, i.decision_id IS NOT NULL AS decided, i.opened_at, i.service, coalesce(own.team, i.team) AS team,
        i.priority, i.acknowledged_at, i.acknowledged_by, i.resolved_at, i.resolved_by, r.satisfaction,
        (i.decision_id IS NULL AND i.event ->> 'assigned_team' <> coalesce(own.team, i.team))::int AS moved_before
    FROM incident AS i
    LEFT JOIN incident_review AS r ON r.incident_id = i.id
    LEFT JOIN imported AS own ON own.incident_id = i.id
    WHERE {_OPENED}
), told AS MATERIALIZED ({_TOLD}),
course AS (
    SELECT c.team, coalesce(c.service, 'unknown') AS service, c.priority, c.decided, c.opened_at,
        width_bucket(c.opened_at, %(weeks)s::timestamptz[]) - 1 AS week,
        coalesce(told.taken_at, c.acknowledged_at) AS acknowledged_at,
        coalesce(told.taken_by, c.acknowledged_by) AS acknowledged_by, c.resolved_at, c.resolved_by,
        c.resolved_at IS NOT NULL AND coalesce(told.taken_by, c.acknowledged_by) IS NOT NULL AS judged,
        told.mobilised_at, told.escalated_at, handed.handed_at,
        bit_count(coalesce(told.rungs, 0)::bit(64)) AS rungs, coalesce(told.climbs, 0) AS climbs,
        coalesce(told.asked, 0) AS asked, handed.handed_over, handed.with_context,
        coalesce(CASE WHEN told.one_team IS NULL THEN c.moved_before ELSE moved.moves END, 0) AS moves,
        told.acknowledge_breached, told.resolve_breached, c.satisfaction
    FROM chosen AS c
    LEFT JOIN told ON told.incident_id = c.id
    LEFT JOIN LATERAL ({_HANDED}) AS handed ON true
    LEFT JOIN LATERAL ({_MOVED}) AS moved ON true
)
"""
_SUMS = ", ".join(
    [
        *(f"{what} AS {name}" for name, what in COUNTS.items()),
        *(
            f"count({span}) AS {name}_count, avg(extract(epoch FROM {span}))::float8 AS {name}_mean,"
            f" percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY extract(epoch FROM {span})::float8)"
            f" AS {name}_at"
            for name, span in SPANS.items()
        ),
    ]
)
PAGES = f"""
SELECT substr(m.recipient, 8) AS person, min(m.made_at) AS at, count(*) AS pages
FROM message AS m JOIN incident AS i ON i.id = m.incident_id
WHERE m.kind = 'page' AND m.made_at >= %(since)s AND m.made_at < %(until)s AND i.source <> '{DRILL_SOURCE}'
GROUP BY m.recipient, width_bucket(m.made_at, %(changes)s::timestamptz[]),
    floor(extract(epoch FROM m.made_at) / 900)::bigint %% 96
"""
# The policy that stood last, as its decision noted it: decisions themselves are large.
WAITS = f"""
WITH chosen AS MATERIALIZED (SELECT i.id FROM incident AS i WHERE i.decision_id IS NOT NULL AND {_OPENED}),
line AS MATERIALIZED (
    SELECT t.incident_id, t.id, t.at, t.kind, (t.detail ->> 'number')::int AS step,
        t.detail ->> 'policy' AS policy, (t.detail ->> 'answer_by')::timestamptz - t.at AS given
    FROM chosen JOIN timeline AS t ON t.incident_id = chosen.id
    WHERE t.kind IN ('paged', 'acknowledged', 'decided')
), step AS (
    SELECT incident_id, step, min(at) AS first_at, min(given) AS given,
        lead(min(at)) OVER (PARTITION BY incident_id ORDER BY min(at)) AS next_at
    FROM line WHERE kind = 'paged' GROUP BY incident_id, step
), policy AS (
    SELECT incident_id, substr(max((lpad(id::text, 19, '0') || policy) COLLATE "C"), 20) AS policy
    FROM line WHERE kind = 'decided' GROUP BY incident_id
)
SELECT p.policy, s.step, extract(epoch FROM s.given)::float8, extract(epoch FROM min(a.at) - s.first_at)::float8
FROM step AS s
JOIN policy AS p USING (incident_id)
LEFT JOIN line AS a ON a.incident_id = s.incident_id AND a.kind = 'acknowledged' AND a.at >= s.first_at
    AND (s.next_at IS NULL OR a.at < s.next_at)
WHERE s.step > 0
GROUP BY s.incident_id, p.policy, s.step, s.given, s.first_at
"""


def sums_by(by: Sequence[str]) -> str:
    """Sums of all, and of each group of each column of ``by``; ``without_…`` is 0 in the rows of its groups."""
    columns = "".join(f"{name}, GROUPING({name}) AS without_{name}, " for name in by)
    sets = ", ".join(["()", *(f"({name})" for name in by)])
    return f"{_COURSES} SELECT {columns} {_SUMS} FROM course GROUP BY GROUPING SETS ({sets})"
