"""The index over one encoder's embeddings, made when that encoder first comes into force."""

import hashlib

from psycopg import sql

from triage.store.database import Database

INDEX_LOCK = 7_041_776_002


def ensure_embedding_index(database: Database, encoder: str, dimensions: int) -> None:
    """An HNSW index over this encoder's rows, for cosine distance. Writers are not held up while it is built.

    Any number of replicas may ask at once. Raises StoreUnavailable, StoreRefused.
    """
    name = "text_embedding_" + hashlib.blake2b(encoder.encode(), digest_size=6).hexdigest()
    with database.connection() as db:
        db.execute("SELECT pg_advisory_lock(%s)", (INDEX_LOCK,))
        try:
            valid = db.execute(
                "SELECT indisvalid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relname = %s",
                (name,),
            ).fetchone()
            if valid is not None and valid["indisvalid"]:
                return
            # What an interrupted build left behind is of no use and slows writers.
            db.execute(sql.SQL("DROP INDEX IF EXISTS {name}").format(name=sql.Identifier(name)))
            db.execute(
                sql.SQL(
                    "CREATE INDEX CONCURRENTLY {name} ON text_embedding"
                    " USING hnsw ((embedding::halfvec({dimensions})) halfvec_cosine_ops) WHERE encoder = {encoder}"
                ).format(
                    name=sql.Identifier(name), dimensions=sql.Literal(dimensions), encoder=sql.Literal(encoder)
                )
            )
        finally:
            db.execute("SELECT pg_advisory_unlock(%s)", (INDEX_LOCK,))
