"""One search over what is remembered: incidents by title, what mended them, and what an identifier is of."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from triage.domain.incident import storable
from triage.store.database import Database, Db, Row

MOST_WORDS = 8
LONGEST_WORD = 100
"""Characters of a word that are looked for; the database knows none of more than 2,046 bytes."""
FEW = 5_000
"""Incidents with the words that are sorted; where more have them, the newest of all are looked through."""
NEWEST = 200
"""Of the resolutions that hold the words, as many are looked at; the same one is told once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFix:
    """``text``: a known fix of a pattern (``incident_id`` None), else what a responder wrote; ``times``: how often
    the newest incidents were resolved with these very words; ``title`` of the incident, or of the pattern's newest
    one; ``pattern_id``: a root."""

    text: str
    pattern_id: str
    incident_id: str | None
    title: str
    pattern_name: str | None
    by: str | None
    at: datetime | None
    times: int = 1


@dataclass(frozen=True, slots=True)
class Named:
    """What an identifier is of."""

    kind: Literal["incident", "pattern"]
    id: str


class Searching:
    """Every call raises StoreUnavailable while the database is away, and nothing for what is looked for: words of
    which nothing can be looked for are left out, and where none is left, nothing is found."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find_incidents(self, text: str, limit: int) -> list[str]:
        """Identifiers of those whose title has a word that begins with each of these: open ones first, then the
        newest."""
        words = words_of(text)
        if not words:
            return []
        with self._database.exploring() as db:
            asked = {"q": _query(db, words), "limit": limit, "few": FEW}
            found = db.execute(_OPEN, asked).fetchall()
            if len(found) < limit:
                row = db.execute(_HOW_MANY, asked).fetchone()
                assert row is not None  # a count has one row
                found += db.execute(_NEWEST if row["n"] == FEW else _OF_FEW, asked).fetchall()
        return list(dict.fromkeys(str(row["id"]) for row in found))[:limit]

    def find_fixes(self, text: str, limit: int) -> list[FoundFix]:
        """Known fixes first, then the newest resolutions. The words may stand in what mended it, in the incident's
        title, or in the pattern's name or template."""
        words = words_of(text)
        if not words:
            return []
        with self._database.exploring() as db:
            asked = {"q": _query(db, words), "limit": limit, "newest": NEWEST}
            known = db.execute(_KNOWN, asked).fetchall()
            said = db.execute(_SAID, asked).fetchall() if len(known) < limit else []
        return [_fix(row) for row in (*known, *said)][:limit]

    def find_named(self, text: str) -> Named | None:
        """What has this very identifier."""
        try:
            asked = uuid.UUID(text.strip())
        except ValueError:
            return None
        with self._database.connection() as db:
            row = db.execute(
                "SELECT 'incident' AS kind FROM incident WHERE id = %(id)s"
                " UNION ALL SELECT 'pattern' FROM pattern WHERE id = %(id)s",
                {"id": asked},
            ).fetchone()
        return Named(row["kind"], str(asked)) if row is not None else None


def words_of(text: str) -> list[str]:
    """Those of which something can be looked for: with a letter or a digit, each once, MOST_WORDS at most."""
    words = (word[:LONGEST_WORD] for word in storable(text).split())
    return list(dict.fromkeys(word for word in words if any(map(str.isalnum, word))))[:MOST_WORDS]


def _query(db: Db, words: Sequence[str]) -> str:
    """A tsquery: each word as the parser of texts takes it apart, or as it stands, and what begins with it. As it
    stands, since the name of a machine is one word in a text, and the beginning of one is taken apart."""
    places = range(len(words))
    parts = (f"(to_tsquery('simple', %(whole{n})s) || %(as_is{n})s::tsquery)" for n in places)
    values = {f"whole{n}": f"{_quoted(words[n])}:*" for n in places}
    values |= {f"as_is{n}": f"{_quoted(words[n].lower())}:*" for n in places}
    row = db.execute(f"SELECT ({' && '.join(parts)})::text AS q".encode(), values).fetchone()
    assert row is not None  # a select without a table has one row
    return str(row["q"])


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def _fix(row: Row) -> FoundFix:
    return FoundFix(
        text=row["text"],
        pattern_id=str(row["pattern_id"]),
        incident_id=str(row["incident_id"]) if row["incident_id"] else None,
        title=row["title"] or "",
        pattern_name=row["pattern_name"],
        by=row["by"],
        at=row["at"],
        times=row["times"],
    )


_OPEN = """
SELECT id FROM incident WHERE search @@ %(q)s::tsquery AND state <> 'resolved'
ORDER BY opened_at DESC, id DESC LIMIT %(limit)s
"""

# The database takes any beginning of a word for a common one, and would go through all incidents, newest first, to
# find none with a rare one.
_HOW_MANY = """
SELECT count(*) AS n FROM (SELECT FROM incident WHERE search @@ %(q)s::tsquery LIMIT %(few)s) AS found
"""

_OF_FEW = """
WITH found AS MATERIALIZED (SELECT id, opened_at FROM incident WHERE search @@ %(q)s::tsquery)
SELECT id FROM found ORDER BY opened_at DESC, id DESC LIMIT %(limit)s
"""

_NEWEST = """
SELECT id FROM incident WHERE search @@ %(q)s::tsquery ORDER BY opened_at DESC, id DESC LIMIT %(limit)s
"""

_KNOWN = """
SELECT p.known_fix AS text, p.root AS pattern_id, NULL AS incident_id, p.name AS pattern_name, newest.title,
    p.known_fix_by AS by, p.known_fix_at AS at, 1 AS times
FROM pattern AS p LEFT JOIN LATERAL (
    SELECT title FROM incident WHERE pattern_id = p.id ORDER BY opened_at DESC LIMIT 1
) AS newest ON true
WHERE p.known_fix IS NOT NULL AND p.root = p.id
    AND to_tsvector('simple', concat_ws(' ', p.name, newest.title, p.template, p.known_fix)) @@ %(q)s::tsquery
ORDER BY p.last_seen_at DESC, p.id LIMIT %(limit)s
"""

_SAID = """
SELECT said.*, root.name AS pattern_name, root.id AS pattern_id FROM (
    SELECT resolution AS text, count(*) AS times, max(resolved_at) AS at,
        (array_agg(id ORDER BY opened_at DESC))[1] AS incident_id,
        (array_agg(title ORDER BY opened_at DESC))[1] AS title,
        (array_agg(resolved_by ORDER BY opened_at DESC))[1] AS by,
        (array_agg(pattern_id ORDER BY opened_at DESC))[1] AS of
    FROM (
        SELECT id, title, resolution, resolved_at, resolved_by, opened_at, pattern_id FROM incident
        WHERE resolution <> '' AND to_tsvector('simple', title || ' ' || resolution) @@ %(q)s::tsquery
        ORDER BY opened_at DESC LIMIT %(newest)s
    ) AS found GROUP BY resolution
) AS said JOIN pattern AS p ON p.id = said.of JOIN pattern AS root ON root.id = p.root
ORDER BY said.at DESC NULLS LAST LIMIT %(limit)s
"""
