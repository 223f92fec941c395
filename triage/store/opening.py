"""A database for as long as a command needs it: the one at an address, else the embedded one of a data folder."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from triage.errors import StoreUnavailable
from triage.store.database import Database, migrate
from triage.store.embedded import start_embedded


@contextmanager
def opened_database(
    url: str | None,
    data_dir: Path,
    *,
    size: int,
    timeout: float,
    wait: bool = False,
    stop: threading.Event | None = None,
) -> Iterator[Database]:
    """Open, migrated, and closed again when the block ends; the embedded server stops with its last user.

    ``size`` and ``timeout`` are those of ``Database``. ``wait`` tries again until the database is there or until
    ``stop`` is set. Raises StoreUnavailable, EmbeddedDatabaseError, StoreRefused.
    """
    stop = stop or threading.Event()
    embedded = start_embedded(data_dir) if url is None else None
    address = embedded.url if embedded else url or ""
    database = Database(address, size=size, timeout=timeout)
    try:
        while True:
            try:
                migrate(address)
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
