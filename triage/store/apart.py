"""A place apart in the same database: all tables anew, empty, and gone when the block ends."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from triage.store.database import Database, migrate, named_failures


@contextmanager
def place_apart(url: str) -> Iterator[Database]:
    """Raises StoreUnavailable, and StoreRefused where no schema may be made."""
    name = f"drill_{uuid.uuid4().hex}"
    schema = sql.Identifier(name)
    apart = psycopg.conninfo.make_conninfo(url, options=f"-c search_path={name},public")
    with named_failures(), psycopg.connect(url, autocommit=True, connect_timeout=5) as outside:
        outside.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        database = Database(apart, size=4, timeout=10)
        try:
            migrate(apart)
            database.open()
            yield database
        finally:
            database.close()
            outside.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(schema))
