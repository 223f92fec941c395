"""The index over one encoder's embeddings, made when that encoder first comes into force."""

import hashlib

import psycopg
from psycopg import sql
from psycopg.rows import scalar_row

from triage.store.database import named_failures

INDEX_LOCK = 7_041_776_002


def ensure_embedding_index(url: str, encoder: str, dimensions: int) -> bool:
    """Make an HNSW index over this encoder's rows, for cosine distance; whether it is there now.

    It takes as long as it takes (minutes for many rows), on a connection of its own; writers are not held up.
    Any number of replicas may ask at once: one builds, the others are told False, for who waits for the lock
    would hold a snapshot that the builder in turn waits for. Raises StoreUnavailable, StoreRefused.
    """
    name = "text_embedding_" + hashlib.blake2b(encoder.encode(), digest_size=6).hexdigest()
    with (
        named_failures(),
        psycopg.connect(url, autocommit=True, connect_timeout=5, row_factory=scalar_row) as db,
    ):
        db.execute("SET statement_timeout = 0")
        # The lock ends with the connection.
        if not db.execute("SELECT pg_try_advisory_lock(%s)", (INDEX_LOCK,)).fetchone():
            return False
        valid = db.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", (name,)
        ).fetchone()
        if valid:
            return True
        # What an interrupted build left behind is of no use and slows writers.
        db.execute(sql.SQL("DROP INDEX IF EXISTS {name}").format(name=sql.Identifier(name)))
        db.execute(
            sql.SQL(
                "CREATE INDEX CONCURRENTLY {name} ON text_embedding"
                " USING hnsw ((embedding::halfvec({dimensions})) halfvec_cosine_ops) WHERE encoder = {encoder}"
            ).format(name=sql.Identifier(name), dimensions=sql.Literal(dimensions), encoder=sql.Literal(encoder))
        )
    return True
