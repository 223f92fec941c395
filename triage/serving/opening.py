"""A database for a command: the configured one, else the embedded one of the data folder."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from triage.errors import StoreUnavailable
from triage.settings import Settings
from triage.store.database import Database, migrate
from triage.store.embedded import start_embedded


@contextmanager
def open_database(
    settings: Settings, *, wait: bool = False, stop: threading.Event | None = None
) -> Iterator[Database]:
    """Open, migrated, and closed again when the block ends; the embedded server stops with its last user.

    ``wait`` tries again until the database is there or ``stop`` is set. Raises StoreUnavailable,
    EmbeddedDatabaseError, StoreRefused.
    """
    stop = stop or threading.Event()
    embedded = start_embedded(settings.data_dir) if settings.database_url is None else None
    url = embedded.url if embedded else settings.database_url.get_secret_value() if settings.database_url else ""
    database = Database(url, size=settings.pool_size, timeout=settings.store_timeout)
    try:
        while True:
            try:
                migrate(url)
                database.open()
                break
            except StoreUnavailable:
                if not wait or stop.wait(1.0):
                    raise
        yield database
    finally:
        database.close()
        if embedded is not None:
            embedded.stop()
