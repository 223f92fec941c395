"""A database for a command: the configured one, else the embedded one of the data folder."""

import threading
from contextlib import AbstractContextManager

from triage.settings import Settings
from triage.store.database import Database
from triage.store.opening import opened_database


def open_database(
    settings: Settings, *, wait: bool = False, stop: threading.Event | None = None
) -> AbstractContextManager[Database]:
    """As ``opened_database``, by the settings. Raises StoreUnavailable, EmbeddedDatabaseError, StoreRefused."""
    url = settings.database_url
    return opened_database(
        url.get_secret_value() if url is not None else None,
        settings.data_dir,
        size=settings.pool_size,
        timeout=settings.store_timeout,
        wait=wait,
        stop=stop,
    )
