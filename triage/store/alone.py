"""One at a time among all replicas, for as long as something takes."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from triage.store.database import Database, named_failures


@contextmanager
def alone(database: Database, key: int) -> Iterator[bool]:
    """Whether nobody else holds this advisory lock; if so, nobody will until the block ends.

    On a connection of its own, which may be idle for long. Raises StoreUnavailable.
    """
    with named_failures(), psycopg.connect(database.url, autocommit=True, connect_timeout=5) as db:
        row = db.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()
        yield row is not None and bool(row[0])
