"""What a pattern's page is told from. Nothing here reads more than the newest of what grows without end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from triage.domain.recurrence import WINDOWS
from triage.store.beats import bin_of
from triage.store.database import Database, Db
from triage.store.pattern_history import PatternChange, find_changes, get_family
from triage.store.silences import SilenceRecord, find_silences

LATEST_OCCURRENCES = 1_000
LATEST_INCIDENTS = 500
LATEST_EVENTS = 200
RESOLUTIONS = 10
KEPT = 100
"""Changes and silences shown, the newest."""
TEXTS = 50

HOST_LABELS = ("host", "hostname", "instance", "node", "pod", "server", "machine", "device", "vm", "container")
"""Labels that name a machine, as monitors write them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A pattern of a family as it stands for itself."""

    id: str
    name: str | None
    known_fix: str | None
    known_fix_by: str | None
    known_fix_at: datetime | None
    scope: str
    template: str
    first_seen_at: datetime
    last_seen_at: datetime
    occurrences: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """One of the newest incidents. ``told_priority`` and ``told_team``: what its history says (imported)."""

    id: str
    title: str
    service: str | None
    environment: str | None
    state: str
    priority: str
    team: str
    opened_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    occurrences: int
    told_priority: str | None = None
    told_team: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """``text``: what mended it, in a responder's words; the newest incident that says so."""

    text: str
    incident_id: str
    by: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """How often people changed what was decided, and the latest word on each."""

    priorities: int
    teams: int
    priority: str | None
    team: str | None
    by: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """By what a family is recognised: how many exact texts and templates, how many templates recognise nothing by
    themselves, and the words by which texts of a template belong here."""

    exact: int
    templates: int
    refused: int
    words: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternFacts:
    """``members``: the root first. ``counts`` by window, ``daily`` by local date; ``recent`` occurrences and
    ``incidents`` newest first; ``hosts``: how many of the newest incidents name each; ``different``: roots that a
    person told apart from this one, each with the change by which."""

    members: tuple[Member, ...]
    counts: Mapping[str, int]
    daily: Mapping[date, int]
    recent: tuple[datetime, ...]
    incidents: tuple[Latest, ...]
    open_incidents: int
    hosts: Mapping[str, int]
    resolutions: tuple[Resolution, ...]
    overrides: Overrides
    texts: Texts
    silences: tuple[SilenceRecord, ...]
    changes: tuple[PatternChange, ...]
    different: Mapping[str, str]


class PatternPages:
    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, pattern_id: str, now: datetime, timezone: str) -> PatternFacts:
        """The family that any of its members belongs to, of what had happened by ``now`` (to five minutes);
        ``timezone``: the one whose days are counted. Raises NotFound."""
        with self._database.exploring() as db:
            family = get_family(db, pattern_id)
            members = list(family.members)
            asked = {"members": members, "root": family.root, "now": now}
            one = _one(db, _SUMS, {**asked, "zone": timezone, "latest": LATEST_OCCURRENCES, **_edges(now)})
            told = _one(db, _SAID, asked)
            return PatternFacts(
                members=tuple(_member(row) for row in db.execute(_MEMBERS, asked).fetchall()),
                counts=dict(zip(WINDOWS, one["counts"], strict=True)),
                daily=dict(zip(one["days"] or (), one["per_day"] or (), strict=True)),
                recent=tuple(one["recent"] or ()),
                incidents=tuple(_latest(row) for row in db.execute(_LATEST, asked).fetchall()),
                open_incidents=one["open_incidents"],
                hosts={row["host"]: row["incidents"] for row in db.execute(_HOSTS, asked).fetchall()},
                resolutions=tuple(_resolution(row) for row in db.execute(_RESOLUTIONS, asked).fetchall()),
                overrides=Overrides(**told),
                texts=_texts(db, members),
                silences=tuple(find_silences(db, members, KEPT)),
                changes=tuple(find_changes(db, members, KEPT)),
                different={str(r["id"]): str(r["change_id"]) for r in db.execute(_DIFFERENT, asked).fetchall()},
            )


def _one(db: Db, statement: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    row = db.execute(statement.encode(), arguments).fetchone()
    assert row is not None  # aggregates always have one
    return row


def _edges(now: datetime) -> dict[str, Any]:
    edges = [now - WINDOWS[name] for name in WINDOWS]
    return {"edges": edges, "bins": [bin_of(edge) for edge in edges], "oldest": bin_of(min(edges))}


def _member(row: dict[str, Any]) -> Member:
    return Member(**{**row, "id": str(row["id"])})


def _latest(row: dict[str, Any]) -> Latest:
    return Latest(**{**row, "id": str(row["id"])})


def _resolution(row: dict[str, Any]) -> Resolution:
    return Resolution(
        text=row["resolution"], incident_id=str(row["id"]), by=row["resolved_by"], at=row["resolved_at"]
    )


def _texts(db: Db, members: Sequence[str]) -> Texts:
    counted = _one(db, _KEYS, {"members": list(members)})
    rows = db.execute(
        "SELECT words FROM pattern_split WHERE pattern_id = ANY(%s::uuid[]) ORDER BY words LIMIT %s",
        (list(members), TEXTS),
    ).fetchall()
    return Texts(**counted, words=tuple(tuple(row["words"]) for row in rows))


_MEMBERS = """
SELECT id, name, known_fix, known_fix_by, known_fix_at, scope, template, first_seen_at, last_seen_at, occurrences
FROM pattern WHERE root = %(root)s ORDER BY id <> root, occurrences DESC, id
"""

_NEWEST = """
    SELECT i.* FROM unnest(%(members)s::uuid[]) AS m (id) CROSS JOIN LATERAL (
        SELECT * FROM incident WHERE pattern_id = m.id AND opened_at <= %(now)s
        ORDER BY opened_at DESC LIMIT {limit}
    ) AS i ORDER BY i.opened_at DESC, i.id DESC LIMIT {limit}
"""

_LATEST = f"""
SELECT id, title, service, environment, state, newest.priority, newest.team, opened_at, resolved_at, resolved_by,
    occurrences, imported.priority AS told_priority, imported.team AS told_team
FROM ({_NEWEST.format(limit=LATEST_INCIDENTS)}) AS newest LEFT JOIN imported ON imported.incident_id = newest.id
ORDER BY opened_at DESC, id DESC
"""

_HOSTS = f"""
SELECT label.value AS host, count(DISTINCT newest.id) AS incidents
FROM ({_NEWEST.format(limit=LATEST_EVENTS)}) AS newest
CROSS JOIN LATERAL jsonb_each_text(newest.event->'labels') AS label
WHERE lower(label.key) = ANY('{{{",".join(HOST_LABELS)}}}') AND label.value <> ''
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {TEXTS}
"""

_RESOLUTIONS = f"""
SELECT * FROM (
    SELECT DISTINCT ON (resolution) id, resolution, resolved_by, resolved_at
    FROM ({_NEWEST.format(limit=LATEST_INCIDENTS)}) AS newest
    WHERE resolution <> '' ORDER BY resolution, resolved_at DESC NULLS LAST
) AS said ORDER BY resolved_at DESC NULLS LAST LIMIT {RESOLUTIONS}
"""

_SAID = """
SELECT count(priority) AS priorities, count(team) AS teams,
    (array_agg(priority ORDER BY id DESC) FILTER (WHERE priority IS NOT NULL))[1] AS priority,
    (array_agg(team ORDER BY id DESC) FILTER (WHERE team IS NOT NULL))[1] AS team,
    (array_agg(made_by ORDER BY id DESC))[1] AS by, max(made_at) AS at
FROM triage_override WHERE pattern_id = ANY(%(members)s::uuid[]) AND withdrawn_at IS NULL
"""

_KEYS = """
SELECT count(*) FILTER (WHERE starts_with(digest, 'fp')) AS exact,
    count(*) FILTER (WHERE starts_with(digest, 'tp') AND NOT refused) AS templates,
    count(*) FILTER (WHERE starts_with(digest, 'tp') AND refused) AS refused
FROM pattern_key WHERE pattern_id = ANY(%(members)s::uuid[])
"""

_DIFFERENT = """
SELECT CASE WHEN one = %(root)s THEN other ELSE one END AS id, change_id FROM pattern_difference
WHERE %(root)s IN (one, other) ORDER BY change_id DESC
"""

# A window is whole five minutes, less those of the first ones that lie before it.
_SUMS = """
SELECT days.*, windows.counts, past.recent, opened.open_incidents
FROM (
    SELECT array_agg(day ORDER BY day) AS days, array_agg(occurrences ORDER BY day) AS per_day FROM (
        SELECT (at AT TIME ZONE %(zone)s)::date AS day, sum(occurrences)::bigint AS occurrences
        FROM pattern_beat WHERE pattern_id = ANY(%(members)s::uuid[]) AND at <= %(now)s GROUP BY 1
    ) AS per_day
) AS days
CROSS JOIN LATERAL (
    SELECT array_agg(whole.occurrences - before.occurrences ORDER BY asked.place) AS counts
    FROM unnest(%(bins)s::timestamptz[], %(edges)s::timestamptz[]) WITH ORDINALITY AS asked (bin, edge, place)
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(occurrences), 0)::bigint AS occurrences FROM pattern_beat
        WHERE pattern_id = ANY(%(members)s::uuid[]) AND at >= asked.bin AND at <= %(now)s
    ) AS whole
    CROSS JOIN LATERAL (
        SELECT count(*) AS occurrences FROM occurrence
        WHERE pattern_id = ANY(%(members)s::uuid[]) AND occurred_at >= asked.bin AND occurred_at < asked.edge
    ) AS before
) AS windows
CROSS JOIN LATERAL (
    SELECT array_agg(occurred_at ORDER BY occurred_at DESC) AS recent FROM (
        SELECT o.occurred_at FROM unnest(%(members)s::uuid[]) AS m (id) CROSS JOIN LATERAL (
            SELECT occurred_at FROM occurrence WHERE pattern_id = m.id AND occurred_at <= %(now)s
            ORDER BY occurred_at DESC LIMIT %(latest)s
        ) AS o ORDER BY o.occurred_at DESC LIMIT %(latest)s
    ) AS newest
) AS past
CROSS JOIN LATERAL (
    SELECT count(*) AS open_incidents FROM incident
    WHERE pattern_id = ANY(%(members)s::uuid[]) AND state <> 'resolved'
) AS opened
"""
