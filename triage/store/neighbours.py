"""The stored texts nearest to given ones, and their newest incidents: they inform and never join."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import Cursor, sql

from triage.domain.memory import Looks
from triage.domain.recurrence import Neighbour
from triage.store.database import Db, Row

Embeddings = Mapping[bytes, NDArray[np.float16]]

NEIGHBOURS = 5


def search_neighbours(
    db: Db, looks: Sequence[Looks], encoder: str | None, embeddings: Embeddings
) -> Cursor[Row] | None:
    """Send the search for the nearest stored texts; None when there is nothing to search by."""
    wanted = {look.text_key: embeddings[look.text_key] for look in looks if look.text_key in embeddings}
    return _nearest(db, encoder, wanted) if encoder is not None and wanted else None


def read_neighbours(near: Cursor[Row] | None) -> dict[bytes, tuple[Neighbour, ...]]:
    """The newest incident of each near text, nearest first, by the text key that was asked about."""
    found: dict[bytes, list[Neighbour]] = {}
    for row in near.fetchall() if near is not None else ():
        neighbour = Neighbour(
            incident_id=str(row["id"]), similarity=float(row["similarity"]), is_open=row["state"] != "resolved"
        )
        found.setdefault(row["text_key"], []).append(neighbour)
    return {key: tuple(n) for key, n in found.items()}


def _nearest(db: Db, encoder: str, wanted: Embeddings) -> Any:
    """The nearest stored texts of each wanted one, each with its newest incident."""
    statement = _nearest_statement(encoder, len(next(iter(wanted.values()))))
    vectors = [HalfVector(v) for v in wanted.values()]
    return db.execute(statement, {"keys": list(wanted), "vectors": vectors})


@lru_cache(maxsize=8)
def _nearest_statement(encoder: str, dimensions: int) -> bytes:
    """Encoder and dimensions stand in the statement itself, as in the index over that encoder's rows."""
    statement = sql.SQL("""
        SELECT asked.text_key, newest.id, newest.state, 1 - near.distance AS similarity
        FROM unnest(%(keys)b::bytea[], %(vectors)b::halfvec[]) AS asked (text_key, embedding)
        CROSS JOIN LATERAL (
            SELECT text_key,
                embedding::halfvec({dimensions}) <=> asked.embedding::halfvec({dimensions}) AS distance
            FROM text_embedding WHERE encoder = {encoder}
            ORDER BY embedding::halfvec({dimensions}) <=> asked.embedding::halfvec({dimensions}) LIMIT {limit}
        ) AS near
        JOIN LATERAL (
            SELECT id, state FROM incident WHERE text_key = near.text_key ORDER BY opened_at DESC LIMIT 1
        ) AS newest ON true
        ORDER BY near.distance
    """).format(dimensions=sql.Literal(dimensions), encoder=sql.Literal(encoder), limit=sql.Literal(NEIGHBOURS))
    return statement.as_bytes()
