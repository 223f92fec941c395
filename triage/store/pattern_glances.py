"""What is seen of many patterns at a glance: on which days they came, and what they are called."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from triage.store.database import Database
from triage.store.patterns import TITLES


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternGlance:
    """``name``: the given one; ``titles`` of its newest incidents and ``service``, folded, make one where there is
    none."""

    id: str
    name: str | None
    service: str | None
    titles: tuple[str, ...]


class PatternGlances:
    """Every call raises StoreUnavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def daily(
        self, roots: Iterable[str], since: datetime, until: datetime, timezone: str
    ) -> dict[str, Mapping[date, int]]:
        """By root, how often its family occurred on each day of ``timezone``; days without any are left out."""
        found: dict[str, dict[date, int]] = {root: {} for root in roots}
        if not found:
            return {}
        asked = {"roots": list(found), "since": since, "until": until, "zone": timezone}
        with self._database.exploring() as db:
            for row in db.execute(_DAILY, asked).fetchall():
                found[str(row["root"])][row["day"]] = row["occurrences"]
        return dict(found)

    def get_many(self, pattern_ids: Iterable[str], *, alone: bool = False) -> dict[str, PatternGlance]:
        """By any member's identifier, its family under its root, or, with ``alone``, itself as it would be without
        what people merged; what is not stored is left out."""
        asked = list(dict.fromkeys(pattern_ids))
        if not asked:
            return {}
        with self._database.connection() as db:
            rows = db.execute(_ALONE if alone else _FAMILIES, {"ids": asked, "titles": TITLES}).fetchall()
        return {
            str(row["asked"]): PatternGlance(
                id=str(row["root"]),
                name=row["name"],
                service=json.loads(row["scope"])[0] or None,
                titles=tuple(row["titles"] or ()),
            )
            for row in rows
        }


_DAILY = """
SELECT p.root, (b.at AT TIME ZONE %(zone)s)::date AS day, sum(b.occurrences)::bigint AS occurrences
FROM pattern AS p JOIN pattern_beat AS b ON b.pattern_id = p.id
WHERE p.root = ANY(%(roots)s::uuid[]) AND b.at >= %(since)s AND b.at <= %(until)s GROUP BY 1, 2
"""

_GLANCES = """
SELECT asked.id AS asked, shown.id AS root, shown.name, shown.scope, newest.titles
FROM pattern AS asked JOIN pattern AS shown ON shown.id = {shown}
LEFT JOIN LATERAL (
    SELECT array_agg(title) AS titles FROM (
        SELECT i.title FROM pattern AS m CROSS JOIN LATERAL (
            SELECT title, opened_at FROM incident WHERE pattern_id = m.id ORDER BY opened_at DESC LIMIT %(titles)s
        ) AS i WHERE {members} ORDER BY i.opened_at DESC LIMIT %(titles)s
    ) AS i
) AS newest ON true
WHERE asked.id = ANY(%(ids)s::uuid[])
"""
_FAMILIES = _GLANCES.format(shown="asked.root", members="m.root = shown.id").encode()
_ALONE = _GLANCES.format(shown="asked.id", members="m.id = shown.id").encode()
