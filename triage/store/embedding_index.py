"""The index over one encoder's embeddings, made when that encoder first comes into force."""

import hashlib

import psycopg
from psycopg import sql
from psycopg.rows import scalar_row

from triage.store.database import named_failures

INDEX_LOCK = 7_041_776_002

BYTES_A_TEXT = 2_200
"""Of the graph while it is built, at 384 dimensions. What does not fit into memory is built many times slower."""
MEMORY_AT_MOST = 2_048
"""MiB: a million texts; the server has other things to do."""


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
        db.execute(sql.SQL("SET maintenance_work_mem = {}").format(sql.Literal(_memory_for(db, encoder))))
        try:
            _build(db, name, encoder, dimensions)
        except psycopg.errors.DiskFull:
            # Workers share the memory of the graph, of which containers have 64 MiB by default.
            db.execute("SET max_parallel_maintenance_workers = 0")
            _build(db, name, encoder, dimensions)
    return True


def _build(db: psycopg.Connection[int], name: str, encoder: str, dimensions: int) -> None:
    # What an interrupted build left behind is of no use and slows writers.
    db.execute(sql.SQL("DROP INDEX IF EXISTS {name}").format(name=sql.Identifier(name)))
    db.execute(
        sql.SQL(
            "CREATE INDEX CONCURRENTLY {name} ON text_embedding"
            " USING hnsw ((embedding::halfvec({dimensions})) halfvec_cosine_ops) WHERE encoder = {encoder}"
        ).format(name=sql.Identifier(name), dimensions=sql.Literal(dimensions), encoder=sql.Literal(encoder))
    )


def _memory_for(db: psycopg.Connection[int], encoder: str) -> str:
    """At least the server's own setting of 64 MiB and up; only what the texts that are there need."""
    texts = db.execute("SELECT count(*) FROM text_embedding WHERE encoder = %s", (encoder,)).fetchone() or 0
    return f"{min(max(256, texts * BYTES_A_TEXT // 2**20), MEMORY_AT_MOST)}MB"
