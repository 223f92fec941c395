"""Incidents that move from one pattern to another, with everything that is counted and recognised by them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from triage.domain.incident import Incident
from triage.store.database import Db
from triage.store.records import INCIDENT

READ_AT_MOST = 2_000
"""Distinct texts of a template that are compared: what tells two thousand apart tells the next one too."""

_NEWEST = 20 * READ_AT_MOST
FORGOTTEN_AT_MOST = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An incident as far as moving it needs."""

    id: str
    pattern_id: str
    event: Incident


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How a template leads to a pattern: as a whole (``words`` None), or the texts with all of these words."""

    template_key: str
    words: frozenset[str] | None
    pattern_id: str
    refused: bool = False


def hold_incidents(db: Db, incident_ids: Sequence[str]) -> list[Held]:
    """Those that there are, kept from being changed by others until the transaction ends."""
    rows = db.execute(
        "SELECT id, pattern_id, event FROM incident WHERE id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE",
        (list(incident_ids),),
    ).fetchall()
    return [_held(row) for row in rows]


def read_texts(db: Db, patterns: Sequence[str], but: Sequence[str]) -> list[Held]:
    """The newest incident of each text and place of these patterns; newest first, READ_AT_MOST at most."""
    rows = db.execute(
        _TEXTS, {"patterns": list(patterns), "but": list(but), "most": READ_AT_MOST, "newest": _NEWEST}
    )
    return [_held(row) for row in rows.fetchall()]


def is_complete(db: Db, texts: Sequence[Held], patterns: Sequence[str]) -> bool:
    """Whether ``read_texts`` left out none of these patterns' texts."""
    return len(texts) < READ_AT_MOST and max(count_incidents(db, patterns).values(), default=0) <= _NEWEST


def read_newcomers(db: Db, pattern_id: str, since: datetime) -> list[Held]:
    """Incidents of a pattern that opened since, or were imported since, whenever they had opened; newest first,
    READ_AT_MOST at most."""
    rows = db.execute(
        "SELECT id, pattern_id, event FROM incident AS i WHERE pattern_id = %(pattern)s"
        " AND (opened_at >= %(since)s"
        " OR EXISTS (SELECT FROM imported AS m WHERE m.incident_id = i.id AND m.imported_at >= %(since)s))"
        " ORDER BY opened_at DESC LIMIT %(most)s",
        {"pattern": pattern_id, "since": since, "most": READ_AT_MOST},
    ).fetchall()
    return [_held(row) for row in rows]


def find_counted_elsewhere(db: Db, patterns: Sequence[str], root: str) -> dict[str, str]:
    """Incidents of these patterns of which something was counted, or said, under ``root``."""
    rows = db.execute(
        "SELECT i.id, i.pattern_id FROM incident AS i JOIN ("
        " SELECT incident_id FROM occurrence WHERE pattern_id = %(root)s"
        " UNION SELECT incident_id FROM triage_override WHERE pattern_id = %(root)s"
        ") AS told ON told.incident_id = i.id WHERE i.pattern_id = ANY(%(patterns)s::uuid[]) ORDER BY i.id",
        {"patterns": list(patterns), "root": root},
    ).fetchall()
    return {str(row["id"]): str(row["pattern_id"]) for row in rows}


def find_same_texts(db: Db, incident_ids: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """Other incidents of these patterns whose text is the very same as that of one of the given ones."""
    rows = db.execute(
        "SELECT DISTINCT i.id FROM incident AS asked JOIN incident AS i"
        " ON i.text_key = asked.text_key AND i.scope = asked.scope"
        " WHERE asked.id = ANY(%(ids)s::uuid[]) AND i.pattern_id = ANY(%(patterns)s::uuid[])"
        " AND i.id <> ALL(%(ids)s::uuid[]) ORDER BY i.id LIMIT 50",
        {"ids": list(incident_ids), "patterns": list(patterns)},
    ).fetchall()
    return [str(row["id"]) for row in rows]


def count_incidents(db: Db, patterns: Sequence[str]) -> dict[str, int]:
    rows = db.execute(
        "SELECT pattern_id, count(*) AS incidents FROM incident WHERE pattern_id = ANY(%s::uuid[]) GROUP BY 1",
        (list(patterns),),
    ).fetchall()
    return {str(row["pattern_id"]): row["incidents"] for row in rows}


def read_routes(db: Db, templates: Iterable[str]) -> list[Route]:
    rows = db.execute(
        "SELECT digest, NULL::text[] AS words, pattern_id, refused FROM pattern_key WHERE digest = ANY(%(keys)s)"
        " UNION ALL SELECT template_key, words, pattern_id, false FROM pattern_split"
        " WHERE template_key = ANY(%(keys)s)",
        {"keys": sorted(templates)},
    ).fetchall()
    return [
        Route(
            template_key=row["digest"],
            words=frozenset(row["words"]) if row["words"] is not None else None,
            pattern_id=str(row["pattern_id"]),
            refused=row["refused"],
        )
        for row in rows
    ]


def move_incidents(db: Db, moves: Mapping[str, str], among: Sequence[str]) -> None:
    """Let each incident count under its new pattern, with its occurrences and what people said of it.

    ``among``: the patterns under which its occurrences may have been counted so far.
    """
    if not moves:
        return
    asked = {"incidents": list(moves), "patterns": list(moves.values()), "among": list(among)}
    db.execute(
        f"UPDATE incident SET pattern_id = asked.pattern_id FROM {_ASKED} WHERE incident.id = asked.incident_id",
        asked,
    )
    db.execute(
        f"UPDATE triage_override AS o SET pattern_id = asked.pattern_id FROM {_ASKED}"
        " WHERE o.incident_id = asked.incident_id",
        asked,
    )
    db.execute(_MOVE_OCCURRENCES, asked)
    touched = sorted({*among, *moves.values()})
    db.execute("DELETE FROM pattern_beat WHERE pattern_id = ANY(%s::uuid[]) AND occurrences <= 0", (touched,))
    see_anew(db, touched)


def see_anew(db: Db, patterns: Sequence[str]) -> None:
    """First and last seen, of what is counted there now; a pattern that is left with nothing keeps its own."""
    db.execute(
        "UPDATE pattern AS p SET first_seen_at = seen.first, last_seen_at = coalesce(seen.last, seen.first)"
        " FROM (SELECT m.id, (SELECT min(opened_at) FROM incident WHERE pattern_id = m.id) AS first,"
        "  (SELECT max(occurred_at) FROM occurrence WHERE pattern_id = m.id) AS last"
        "  FROM unnest(%s::uuid[]) AS m (id)) AS seen"
        " WHERE p.id = seen.id AND seen.first IS NOT NULL",
        (list(patterns),),
    )


def route_keys(db: Db, digests: Sequence[str], to: str, among: Sequence[str]) -> dict[str, str]:
    """Let digests that lead into one of ``among`` lead to ``to``; where each led before."""
    rows = db.execute(
        "UPDATE pattern_key AS k SET pattern_id = %(to)s FROM pattern_key AS before"
        " WHERE k.digest = ANY(%(digests)s) AND k.pattern_id = ANY(%(among)s::uuid[]) AND k.pattern_id <> %(to)s"
        " AND before.digest = k.digest RETURNING k.digest, before.pattern_id",
        {"to": to, "digests": list(digests), "among": list(among)},
    ).fetchall()
    return {row["digest"]: str(row["pattern_id"]) for row in rows}


def teach_keys(db: Db, digests: Sequence[str], to: str) -> list[str]:
    """Digests under which nothing was known; those that were new."""
    rows = db.execute(
        "INSERT INTO pattern_key (digest, pattern_id) SELECT digest, %s FROM unnest(%s::text[]) AS digest"
        " ON CONFLICT DO NOTHING RETURNING digest",
        (to, list(digests)),
    ).fetchall()
    return [row["digest"] for row in rows]


def forget_texts(db: Db, patterns: Sequence[str], known: Sequence[str]) -> dict[str, list[str]]:
    """Remove exact texts of which no incident is known, by pattern: they were recognised by their template, and
    will be again, by what is known of it then. Of more than FORGOTTEN_AT_MOST none is removed."""
    rows = db.execute(
        "SELECT digest FROM pattern_key WHERE pattern_id = ANY(%s::uuid[]) AND starts_with(digest, 'fp')"
        " AND NOT EXISTS (SELECT FROM unnest(%s::text[]) AS known (text) WHERE known.text = pattern_key.digest)"
        " LIMIT %s",
        (list(patterns), list(known), FORGOTTEN_AT_MOST + 1),
    ).fetchall()
    if not rows or len(rows) > FORGOTTEN_AT_MOST:
        return {}
    gone: dict[str, list[str]] = {}
    for row in db.execute(
        "DELETE FROM pattern_key WHERE digest = ANY(%s) RETURNING digest, pattern_id",
        ([r["digest"] for r in rows],),
    ).fetchall():
        gone.setdefault(str(row["pattern_id"]), []).append(row["digest"])
    return gone


def _held(row: dict[str, Any]) -> Held:
    return Held(id=str(row["id"]), pattern_id=str(row["pattern_id"]), event=INCIDENT.validate_python(row["event"]))


_ASKED = (
    "(SELECT * FROM unnest(%(incidents)s::uuid[], %(patterns)s::uuid[]) AS a (incident_id, pattern_id)) AS asked"
)

_TEXTS = """
SELECT id, pattern_id, event FROM (
    SELECT DISTINCT ON (text_key, scope, event->>'region', event->>'cluster')
        id, pattern_id, event, opened_at
    FROM (
        SELECT i.* FROM unnest(%(patterns)s::uuid[]) AS m (id) CROSS JOIN LATERAL (
            SELECT id, pattern_id, event, opened_at, text_key, scope FROM incident WHERE pattern_id = m.id
            ORDER BY opened_at DESC LIMIT %(newest)s
        ) AS i WHERE NOT EXISTS (SELECT FROM unnest(%(but)s::uuid[]) AS but (id) WHERE but.id = i.id)
    ) AS newest ORDER BY text_key, scope, event->>'region', event->>'cluster', opened_at DESC
) AS distinct_texts ORDER BY opened_at DESC LIMIT %(most)s
"""

_MOVE_OCCURRENCES = f"""
WITH moved AS (
    UPDATE occurrence AS o SET pattern_id = asked.pattern_id FROM {_ASKED}, occurrence AS before
    WHERE o.incident_id = asked.incident_id AND o.pattern_id = ANY(%(among)s::uuid[])
        AND o.pattern_id <> asked.pattern_id AND before.id = o.id
    RETURNING date_bin('5 minutes', o.occurred_at, 'epoch') AS at, before.pattern_id AS former, o.pattern_id AS now
), changed AS (
    SELECT former AS pattern_id, at, -count(*) AS more FROM moved GROUP BY 1, 2
    UNION ALL SELECT now, at, count(*) FROM moved GROUP BY 1, 2
), counted AS (
    INSERT INTO pattern_beat (pattern_id, at, occurrences)
    SELECT pattern_id, at, sum(more)::integer FROM changed GROUP BY 1, 2 HAVING sum(more) <> 0
    ON CONFLICT (pattern_id, at) DO UPDATE SET occurrences = pattern_beat.occurrences + excluded.occurrences
)
UPDATE pattern AS p SET occurrences = p.occurrences + s.more
FROM (SELECT pattern_id, sum(more)::bigint AS more FROM changed GROUP BY 1) AS s WHERE p.id = s.pattern_id
"""
