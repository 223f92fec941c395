"""The stored texts that may read like given ones, and their newest incidents: they inform and never join.

Two searches find candidates, by meaning (the index over embeddings) and by the rarest words; each candidate comes
with what both say of it. A search costs the same however often a text has occurred.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import sql

from triage.domain.terms import LEXICAL_VERSION
from triage.store.database import Db
from triage.store.words import array_of, vector_of

CANDIDATES = 50
"""Of each search. Whatever is among the five best by both was among the fifty best by one of them."""

STALE = 2
"""By how much words may have become more frequent since they were counted."""

Embedding = NDArray[np.float16]
Embeddings = Mapping[bytes, Embedding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """A text to find others for. ``embedding`` None: by words alone. ``weights``: what each of its words is worth;
    ``rare``: the words by which others are looked up; ``before``: as if it were asked at that time, when incidents
    that were opened then or later were not known."""

    embedding: Embedding | None
    weights: Mapping[int, float]
    rare: Sequence[int]
    before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """``candidates``: texts of each of the two searches at most; ``budget``: how many texts the rarest words may
    lead to, as last counted; ``per_text``: incidents of each text, the newest; ``but``: one that is not meant."""

    candidates: int
    budget: int
    per_text: int = 1
    but: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """An incident of a text that may read like the one at ``place`` among those sought. ``cosine`` None
    where one of the two has no embedding; ``score``: the inner product of their words."""

    place: int
    incident_id: str
    opened_at: datetime
    is_open: bool
    scope: str
    pattern_id: str
    different: frozenset[str]
    cosine: float | None
    score: float


def find_alike(db: Db, sought: Sequence[Sought], encoder: str | None, bounds: Bounds) -> list[Alike]:
    """Candidates of both searches for every text sought, in no order."""
    dimensions = next((len(one.embedding) for one in sought if one.embedding is not None), None)
    bounded = any(one.before is not None for one in sought)
    statement = _statement(encoder if dimensions is not None else None, dimensions or 0, bounded=bounded)
    arguments = {
        "vectors": [HalfVector(one.embedding) if one.embedding is not None else None for one in sought],
        "weights": [vector_of(one.weights) for one in sought],
        "rare": [array_of(one.rare) for one in sought],
        "before": [one.before for one in sought],
        "version": LEXICAL_VERSION,
        "candidates": bounds.candidates,
        "budget": STALE * bounds.budget,
        "per_text": bounds.per_text,
        "but": bounds.but,
    }
    return [
        Alike(
            place=row["place"],
            incident_id=str(row["id"]),
            opened_at=row["opened_at"],
            is_open=row["state"] != "resolved",
            scope=row["scope"],
            pattern_id=str(row["pattern_id"]),
            different=frozenset(map(str, row["different"] or ())),
            cosine=float(row["cosine"]) if row["cosine"] is not None else None,
            score=float(row["score"] or 0.0),
        )
        for row in db.execute(statement, arguments).fetchall()
    ]


_ALIKE = """
WITH asked AS MATERIALIZED (
    SELECT place - 1 AS place, embedding, weights, rare::int[] AS rare, coalesce(before, 'infinity') AS before
    FROM unnest(%(vectors)b::halfvec[], %(weights)b::sparsevec[], %(rare)s::text[], %(before)s::timestamptz[])
        WITH ORDINALITY AS given (embedding, weights, rare, before, place)
), near AS (
    {dense}
    SELECT asked.place, by_words.text_key FROM asked CROSS JOIN LATERAL (
        SELECT held.text_key FROM (
            SELECT text_key, weights FROM text_terms
            WHERE version = %(version)s AND terms && asked.rare{known_words} LIMIT %(budget)s
        ) AS held ORDER BY held.weights <#> asked.weights LIMIT %(candidates)s
    ) AS by_words
)
SELECT near.place, newest.id, newest.opened_at, newest.state, newest.scope, newest.pattern_id, told.different,
    {cosine} AS cosine, -(t.weights <#> asked.weights) AS score
FROM near JOIN asked USING (place)
JOIN LATERAL (
    SELECT told.id, told.opened_at, told.state, told.scope, p.root AS pattern_id
    FROM (
        -- Each by itself, in the order of an index: a text may have come a hundred thousand times.
        (SELECT i.id, i.opened_at, i.state, i.scope, i.pattern_id FROM incident AS i
        WHERE i.text_key = near.text_key AND i.id IS DISTINCT FROM %(but)s::uuid{opened}
        ORDER BY i.opened_at DESC LIMIT %(per_text)s)
        UNION ALL
        (SELECT i.id, i.opened_at, i.state, i.scope, i.pattern_id
        FROM incident_wording AS w JOIN incident AS i ON i.id = w.incident_id
        WHERE w.text_key = near.text_key{worded} AND i.id IS DISTINCT FROM %(but)s::uuid{opened}
        ORDER BY i.opened_at DESC LIMIT %(per_text)s)
    ) AS told JOIN pattern AS p ON p.id = told.pattern_id
    ORDER BY told.opened_at DESC LIMIT %(per_text)s
) AS newest ON true
LEFT JOIN text_terms AS t ON t.version = %(version)s AND t.text_key = near.text_key
{embedded}
LEFT JOIN (
    -- People made them one by one, so reading all of them costs less than asking for each candidate.
    SELECT id, array_agg(other) AS different FROM (
        SELECT one AS id, other FROM pattern_difference UNION ALL SELECT other, one FROM pattern_difference
    ) AS both_ways GROUP BY id
) AS told ON told.id = newest.pattern_id
"""

_DENSE = """
    SELECT asked.place, by_meaning.text_key FROM asked CROSS JOIN LATERAL (
        SELECT text_key FROM text_embedding WHERE encoder = {encoder}{known_meaning}
        ORDER BY embedding::halfvec({dimensions}) <=> asked.embedding::halfvec({dimensions}) LIMIT %(candidates)s
    ) AS by_meaning WHERE asked.embedding IS NOT NULL
    UNION
"""


# As one value and not as a condition with EXISTS, which would be planned as a join and lose the order of an index.
_KNOWN = """
            AND coalesce(
                (SELECT true FROM incident AS known
                    WHERE known.text_key = {table}.text_key AND known.opened_at < asked.before LIMIT 1),
                (SELECT true FROM incident_wording AS known
                    WHERE known.text_key = {table}.text_key AND known.since < asked.before LIMIT 1),
                false
            )"""


@lru_cache(maxsize=8)
def _statement(encoder: str | None, dimensions: int, *, bounded: bool) -> bytes:
    """Encoder and dimensions stand in the statement itself, as in the index over that encoder's rows. ``bounded``:
    something sought is bounded in time; else nothing is compared with it."""
    known_words, known_meaning = (
        sql.SQL(_KNOWN).format(table=sql.Identifier(table)) if bounded else sql.SQL("")
        for table in ("text_terms", "text_embedding")
    )
    opened = sql.SQL(" AND i.opened_at < asked.before" if bounded else "")
    worded = sql.SQL(" AND since < asked.before" if bounded else "")
    parts = {"known_words": known_words, "opened": opened, "worded": worded}
    if encoder is None:
        nothing = {"dense": sql.SQL(""), "cosine": sql.NULL, "embedded": sql.SQL("")}
        return sql.SQL(_ALIKE).format(**parts, **nothing).as_bytes()
    named = {"encoder": sql.Literal(encoder), "dimensions": sql.Literal(dimensions)}
    cosine = "1 - (e.embedding::halfvec({dimensions}) <=> asked.embedding::halfvec({dimensions}))"
    embedded = "LEFT JOIN text_embedding AS e ON e.encoder = {encoder} AND e.text_key = near.text_key"
    return (
        sql.SQL(_ALIKE)
        .format(
            **parts,
            dense=sql.SQL(_DENSE).format(**named, known_meaning=known_meaning),
            cosine=sql.SQL(cosine).format(**named),
            embedded=sql.SQL(embedded).format(**named),
        )
        .as_bytes()
    )
