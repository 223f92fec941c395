"""Lists of patterns: each family once, under its root, with what is counted of all its members."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from triage.store.database import Database, Db

Sort = Literal["last_seen", "occurrences"]

RECENT = 64
"""Past occurrences from which a list tells the flags; they show every flag."""
TITLES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternFilter:
    """What a list asks for. ``words``: all of them stand in the template or in the given name; ``services``:
    folded names, of which one is the scope's; ``occurrences``: (at least, at most); ``before``: the position
    (value of what is sorted by, id) after which the page starts."""

    words: Sequence[str] = ()
    services: Sequence[str] | None = None
    since: datetime | None = None
    occurrences: tuple[int, int | None] = (0, None)
    sort: Sort = "last_seen"
    before: tuple[datetime | int, str] | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternRow:
    """A family as a list shows it. ``service`` and ``environment``: folded, as the root's scope has them;
    ``titles`` of its newest incidents and ``recent`` occurrences, newest first."""

    id: str
    name: str | None
    template: str
    service: str | None
    environment: str | None
    first_seen_at: datetime
    last_seen_at: datetime
    occurrences: int
    open_incidents: int
    silenced_until: datetime | None
    known_fix: bool
    titles: tuple[str, ...]
    recent: tuple[datetime, ...]


class PatternLists:
    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, wanted: PatternFilter, now: datetime) -> list[PatternRow]:
        """In the order asked for, the greatest first."""
        with self._database.exploring() as db:
            merged = [
                row["root"] for row in db.execute("SELECT DISTINCT root FROM pattern WHERE root <> id").fetchall()
            ]
            found = _find(db, wanted, merged)
            if not found:
                return []
            arguments = {"now": now, "recent": RECENT, "titles": TITLES, "ids": [row["id"] for row in found]}
            facts = {row["id"]: row for row in db.execute(_FACTS, arguments).fetchall()}
        return [_row({**facts[row["id"]], **row}) for row in found]


def _find(db: Db, wanted: PatternFilter, merged: Sequence[Any]) -> list[dict[str, Any]]:
    """A root alone is found by the index of what is sorted by; what people merged, which is little, is summed."""
    texts, values = ["true"], dict[str, Any]()
    for place, word in enumerate(wanted.words):
        texts.append(f"(m.template ILIKE ANY(%(word{place})s) OR m.name ILIKE ANY(%(word{place})s))")
        values[f"word{place}"] = _likes(word)
    if wanted.services is not None:
        texts.append(
            "EXISTS (SELECT FROM unnest(%(scopes)s::text[]) AS s (start) WHERE starts_with(m.scope, s.start))"
        )
        values["scopes"] = [
            json.dumps([name, ""], ensure_ascii=False, separators=(",", ":"))[:-3] for name in wanted.services
        ]
    column = {"last_seen": "last_seen_at", "occurrences": "occurrences"}[wanted.sort]
    bounds = ["f.occurrences >= %(least)s"]
    values["least"] = wanted.occurrences[0]
    if wanted.occurrences[1] is not None:
        bounds.append("f.occurrences <= %(most)s")
        values["most"] = wanted.occurrences[1]
    if wanted.since is not None:
        bounds.append("f.last_seen_at >= %(since)s")
        values["since"] = wanted.since
    if wanted.before is not None:
        bounds.append(f"(f.{column}, f.id) < (%(before)s, %(before_id)s::uuid)")
        values |= {"before": wanted.before[0], "before_id": wanted.before[1]}
    statement = _LIST.format(
        texts=" AND ".join(texts), bounds=" AND ".join(bounds), order=f"f.{column} DESC, f.id DESC"
    )
    return db.execute(statement.encode(), {**values, "merged": list(merged), "limit": wanted.limit}).fetchall()


def _likes(word: str) -> list[str]:
    """A database of the locale ``C``, as ours is, knows of upper and lower case in ASCII alone."""
    forms = (word,) if word.isascii() else (word, word.lower(), word.upper(), word.capitalize())
    escaped = (form.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for form in forms)
    return [f"%{form}%" for form in dict.fromkeys(escaped)]


def _row(row: dict[str, Any]) -> PatternRow:
    service, environment = json.loads(row["scope"])
    return PatternRow(
        id=str(row["id"]),
        name=row["name"],
        template=row["template"],
        service=service or None,
        environment=environment or None,
        first_seen_at=row["first_seen_at"],
        last_seen_at=row["last_seen_at"],
        occurrences=row["occurrences"],
        open_incidents=row["open_incidents"],
        silenced_until=row["silenced_until"],
        known_fix=row["known_fix"],
        titles=tuple(row["titles"] or ()),
        recent=tuple(row["recent"] or ()),
    )


_LIST = """
SELECT f.* FROM (
    (SELECT f.* FROM (
        SELECT m.id, m.occurrences, m.first_seen_at, m.last_seen_at FROM pattern AS m
        WHERE m.root = m.id AND m.id <> ALL(%(merged)s::uuid[]) AND {texts}
    ) AS f WHERE {bounds} ORDER BY {order} LIMIT %(limit)s)
    UNION ALL
    (SELECT f.* FROM (
        SELECT root AS id, sum(occurrences)::bigint AS occurrences, min(first_seen_at) AS first_seen_at,
            max(last_seen_at) AS last_seen_at
        FROM pattern AS m WHERE root = ANY(%(merged)s::uuid[]) GROUP BY root HAVING bool_or({texts})
    ) AS f WHERE {bounds} ORDER BY {order} LIMIT %(limit)s)
) AS f ORDER BY {order} LIMIT %(limit)s
"""

_FACTS = """
SELECT p.id, p.name, p.template, p.scope, p.known_fix IS NOT NULL AS known_fix, opened.open_incidents,
    silenced.silenced_until, newest.titles, past.recent
FROM pattern AS p
LEFT JOIN LATERAL (
    SELECT count(*) AS open_incidents FROM pattern AS m JOIN incident AS i ON i.pattern_id = m.id
    WHERE m.root = p.id AND i.state <> 'resolved'
) AS opened ON true
LEFT JOIN LATERAL (
    SELECT max(ends_at) AS silenced_until FROM silence AS s JOIN pattern AS m ON m.id = s.pattern_id
    WHERE m.root = p.id AND s.ended_at IS NULL AND s.ends_at > %(now)s
) AS silenced ON true
LEFT JOIN LATERAL (
    SELECT array_agg(title) AS titles FROM (
        SELECT i.title FROM pattern AS m CROSS JOIN LATERAL (
            SELECT title, opened_at FROM incident WHERE pattern_id = m.id ORDER BY opened_at DESC LIMIT %(titles)s
        ) AS i WHERE m.root = p.id ORDER BY i.opened_at DESC LIMIT %(titles)s
    ) AS i
) AS newest ON true
LEFT JOIN LATERAL (
    SELECT array_agg(occurred_at) AS recent FROM (
        SELECT o.occurred_at FROM pattern AS m CROSS JOIN LATERAL (
            SELECT occurred_at FROM occurrence WHERE pattern_id = m.id ORDER BY occurred_at DESC LIMIT %(recent)s
        ) AS o WHERE m.root = p.id ORDER BY o.occurred_at DESC LIMIT %(recent)s
    ) AS o
) AS past ON true
WHERE p.id = ANY(%(ids)s)
"""
