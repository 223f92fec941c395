"""What a batch has to know of the patterns that it meets: one statement, each pattern with its whole family."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from triage.domain.correction import LATEST, UNSAID, Carrying, correction_of, words_of
from triage.domain.decision import TriageOverride
from triage.domain.memory import RECENT_OCCURRENCES, Memory, PatternRecord
from triage.domain.priority import Priority
from triage.domain.recurrence import WINDOWS, Silence
from triage.store.beats import bin_of

SAID = """
    (array_agg(priority ORDER BY id DESC) FILTER (WHERE priority IS NOT NULL))[1] AS said_priority,
    (array_agg(team ORDER BY id DESC) FILTER (WHERE team IS NOT NULL))[1] AS said_team,
    (array_agg(reason ORDER BY id DESC))[1] AS said_reason,
    (array_agg(made_by ORDER BY id DESC))[1] AS said_by,
    max(made_at) AS said_at
"""

_BY_DIGEST = """
    (SELECT k.root, array_agg(digest) AS digests
        FROM pattern_key JOIN pattern AS k ON k.id = pattern_key.pattern_id
        WHERE digest = ANY(%(digests)s) AND NOT refused GROUP BY k.root) AS d
    JOIN pattern AS p ON p.id = d.root
"""

# Everything is asked of the family: the pattern and what people merged into it.
_PATTERN_FACTS = """
SELECT d.digests, p.*, family.total, family.born_at, family.seen_at, latest.id AS latest_incident,
    opened.incidents AS open_incidents, counted.*, past.recent, resolved.seconds AS resolve_seconds, said.words,
    carrying.*, to_jsonb(told) AS told, silence.silence
FROM {start}
CROSS JOIN LATERAL (
    SELECT sum(occurrences)::bigint AS total, min(first_seen_at) AS born_at, max(last_seen_at) AS seen_at
    FROM pattern WHERE root = p.id
) AS family
LEFT JOIN LATERAL (
    SELECT i.id FROM pattern AS m CROSS JOIN LATERAL (
        SELECT id, opened_at FROM incident WHERE pattern_id = m.id ORDER BY opened_at DESC LIMIT 1
    ) AS i WHERE m.root = p.id ORDER BY i.opened_at DESC LIMIT 1
) AS latest ON true
LEFT JOIN LATERAL (
    SELECT array_agg(id) AS incidents FROM (
        SELECT DISTINCT ON (i.scope) i.id FROM pattern AS m JOIN incident AS i ON i.pattern_id = m.id
        WHERE m.root = p.id AND i.state <> 'resolved' AND i.scope = ANY(%(scopes)s)
        ORDER BY i.scope, i.opened_at DESC
    ) AS newest
) AS opened ON true
LEFT JOIN LATERAL (
    SELECT array_agg(whole.occurrences - coalesce(partly.occurrences, 0) ORDER BY whole.place) AS counts
    FROM (
        SELECT asked.place, coalesce(sum(b.occurrences), 0)::bigint AS occurrences
        FROM unnest(%(bins)s::timestamptz[]) WITH ORDINALITY AS asked (bin, place)
        LEFT JOIN (
            SELECT at, beat.occurrences FROM pattern_beat AS beat JOIN pattern AS m ON m.id = beat.pattern_id
            WHERE m.root = p.id AND at >= %(oldest)s
        ) AS b ON b.at >= asked.bin
        GROUP BY asked.place
    ) AS whole
    LEFT JOIN (
        SELECT asked.place, count(*) AS occurrences
        FROM unnest(%(bins)s::timestamptz[], %(edges)s::timestamptz[]) WITH ORDINALITY AS asked (bin, edge, place)
        JOIN pattern AS m ON m.root = p.id
        JOIN occurrence AS o ON o.pattern_id = m.id AND o.occurred_at >= asked.bin AND o.occurred_at < asked.edge
        GROUP BY asked.place
    ) AS partly USING (place)
) AS counted ON true
LEFT JOIN LATERAL (
    SELECT array_agg(occurred_at) AS recent FROM (
        SELECT o.occurred_at FROM pattern AS m CROSS JOIN LATERAL (
            SELECT occurred_at FROM occurrence WHERE pattern_id = m.id ORDER BY occurred_at DESC LIMIT %(recent)s
        ) AS o WHERE m.root = p.id ORDER BY o.occurred_at DESC LIMIT %(recent)s
    ) AS newest
) AS past ON true
LEFT JOIN LATERAL (
    SELECT avg(extract(epoch FROM resolved_at - opened_at))::float8 AS seconds FROM (
        SELECT i.opened_at, i.resolved_at, i.resolved_by FROM pattern AS m CROSS JOIN LATERAL (
            SELECT opened_at, resolved_at, resolved_by FROM incident WHERE pattern_id = m.id
            ORDER BY opened_at DESC LIMIT {latest}
        ) AS i WHERE m.root = p.id ORDER BY i.opened_at DESC LIMIT {latest}
    ) AS newest WHERE resolved_at IS NOT NULL AND resolved_by <> 'triage'
) AS resolved ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(to_jsonb(word) ORDER BY id DESC) AS words FROM (
        SELECT id, incident_id, priority, team, reason, made_by, made_at FROM triage_override
        WHERE pattern_id IN (SELECT id FROM pattern WHERE root = p.id) AND withdrawn_at IS NULL
        ORDER BY id DESC LIMIT {words}
    ) AS word
) AS said ON true
CROSS JOIN (
    SELECT count(carried_priority) AS priority_looks, count(*) FILTER (WHERE carried_priority) AS priority_same,
        count(carried_team) AS team_looks, count(*) FILTER (WHERE carried_team) AS team_same
    FROM (
        SELECT carried_priority, carried_team FROM assessment
        WHERE carried_team IS NOT NULL AND undone_at IS NULL ORDER BY made_at DESC LIMIT {carried}
    ) AS latest
) AS carrying
LEFT JOIN told_carrying AS told ON true
LEFT JOIN LATERAL (
    SELECT to_jsonb(s) AS silence FROM silence AS s JOIN pattern AS m ON m.id = s.pattern_id
    WHERE m.root = p.id AND s.ended_at IS NULL AND s.ends_at > %(now)s ORDER BY s.priority, s.ends_at DESC LIMIT 1
) AS silence ON true
"""
_LATEST_INCIDENTS = 20
_LATEST_WORDS = 20
_BOUNDS = {"latest": _LATEST_INCIDENTS, "words": _LATEST_WORDS, "carried": LATEST}
OF_DIGESTS = _PATTERN_FACTS.format(start=_BY_DIGEST, **_BOUNDS)
OF_IDS = _PATTERN_FACTS.format(start="(SELECT NULL::text[] AS digests) AS d CROSS JOIN pattern AS p", **_BOUNDS)
OF_IDS += "WHERE p.id = ANY(%(ids)s)"


def pattern_arguments(now: datetime, scopes: Collection[str]) -> dict[str, Any]:
    """``scopes``: in which open incidents are asked for. Where each window begins, and the bin that this lies in,
    since what is in that bin is counted one by one."""
    edges = [now - WINDOWS[name] for name in WINDOWS]
    bins = [bin_of(edge) for edge in edges]
    return {
        "now": now,
        "scopes": sorted(scopes),
        "recent": RECENT_OCCURRENCES,
        "edges": edges,
        "bins": bins,
        "oldest": min(bins),
    }


def enter_patterns(memory: Memory, rows: list[dict[str, Any]]) -> set[str]:
    """The ids of their open incidents."""
    opened: set[str] = set()
    for row in rows:
        pattern_id = str(row["id"])
        memory.pattern_by_digest |= dict.fromkeys(row["digests"] or (), pattern_id)
        memory.patterns[pattern_id] = PatternRecord(
            id=pattern_id,
            scope=row["scope"],
            template=row["template"],
            first_seen_at=row["born_at"],
            last_seen_at=row["seen_at"],
            occurrences=row["total"],
            counts=dict(zip(WINDOWS, row["counts"], strict=True)),
            recent=list(row["recent"] or ()),
            latest_incident=str(row["latest_incident"]) if row["latest_incident"] else None,
            correction=_correction(row) if row["words"] else None,
            words=words_of(_said(row)) if row["words"] else UNSAID,
            name=row["name"],
            known_fix=row["known_fix"],
            resolve_seconds=row["resolve_seconds"],
            silence=_silence(row["silence"]) if row["silence"] else None,
        )
        opened.update(str(incident) for incident in row["open_incidents"] or ())
    return opened


def _silence(row: dict[str, Any]) -> Silence:
    return Silence(
        id=row["id"],
        priority=Priority(row["priority"]),
        reason=row["reason"],
        by=row["made_by"],
        ends_at=datetime.fromisoformat(row["ends_at"]),
    )


def _correction(row: dict[str, Any]) -> TriageOverride | None:
    return correction_of(_said(row), _carrying(row, "priority"), _carrying(row, "team"))


def _carrying(row: dict[str, Any], word: str) -> Carrying:
    told = row["told"]
    return Carrying(
        looks=row[f"{word}_looks"],
        same=row[f"{word}_same"],
        told=Carrying(looks=told[f"{word}_looks"], same=told[f"{word}_same"]) if told else None,
    )


def _said(row: dict[str, Any]) -> list[tuple[str, TriageOverride]]:
    return [
        (
            word["incident_id"],
            TriageOverride(
                by=word["made_by"],
                at=datetime.fromisoformat(word["made_at"]),
                priority=Priority(word["priority"]) if word["priority"] else None,
                team=word["team"],
                reason=word["reason"],
            ),
        )
        for word in row["words"]
    ]


def override_of(row: dict[str, Any]) -> TriageOverride:
    return TriageOverride(
        by=row["said_by"],
        at=row["said_at"],
        priority=Priority(row["said_priority"]) if row["said_priority"] else None,
        team=row["said_team"],
        reason=row["said_reason"],
    )
