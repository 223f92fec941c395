"""The one clock that all workers share, whatever their own say: the database's."""

from datetime import UTC, datetime

from triage.errors import StoreUnavailable
from triage.store.database import Database


class DatabaseClock:
    """A worker whose own clock runs a year ahead for a moment would put off for a year whatever it carries on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __call__(self) -> datetime:
        """Aware UTC now. Raises StoreUnavailable."""
        with self._database.connection() as db:
            row = db.execute("SELECT clock_timestamp() AS at").fetchone()
        if row is None:
            raise StoreUnavailable("the database does not say what time it is")
        at: datetime = row["at"]
        return at.astimezone(UTC)
