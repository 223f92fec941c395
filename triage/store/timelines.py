"""What happened to incidents; and of that, what their escalations have to hear of, in the same statement.

Everything that happens to an incident is noted here in the transaction in which it happens, so nobody who does
something to one can forget to tell its escalation.
"""

from collections.abc import Sequence

from triage.domain.record import TimelineEntry
from triage.store.database import Db
from triage.store.records import as_rows

SIGNALS = ("decided", "overridden", "reopened", "acknowledged", "resolved", "escalated", "approved", "refused")
"""Entries that an escalation is carried on by: they go into its inbox, too."""


def record_timeline(db: Db, entries: Sequence[TimelineEntry]) -> None:
    rows = [
        {"incident_id": e.incident_id, "at": e.at, "kind": e.kind, "actor": e.actor, "detail": dict(e.detail)}
        for e in entries
    ]
    if rows:
        db.execute(_RECORD, {"rows": as_rows(rows), "signals": list(SIGNALS)})


_RECORD = """
WITH given AS MATERIALIZED (
    SELECT (n.entry).*, n.place
    FROM (
        SELECT jsonb_populate_record(NULL::timeline, given.entry) AS entry, given.place
        FROM jsonb_array_elements(%(rows)s::jsonb) WITH ORDINALITY AS given (entry, place)
    ) AS n
), noted AS (
    INSERT INTO timeline (incident_id, at, kind, actor, detail)
    SELECT incident_id, at, kind, actor, detail FROM given ORDER BY place
), opened AS (
    INSERT INTO escalation (incident_id)
    SELECT DISTINCT incident_id FROM given WHERE kind = ANY(%(signals)s) ORDER BY incident_id
    ON CONFLICT DO NOTHING
)
INSERT INTO escalation_event (incident_id, at, kind, actor, decision_id, detail)
SELECT incident_id, at, kind, actor, (detail ->> 'decision_id')::uuid,
       jsonb_build_object('because', detail -> 'because', 'checkpoint', detail -> 'checkpoint')
FROM given WHERE kind = ANY(%(signals)s) ORDER BY place
"""
