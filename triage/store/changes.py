"""What has changed of late: the audit log, read as a feed by whoever shows incidents live."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from triage.store.database import Database, Db

LATE_FOR = timedelta(seconds=10)
"""A row whose transaction ended so much later than one with a greater number is still seen."""
MOST = 5_000
"""Rows of one look; whoever falls further behind is told that much has changed."""


class Changes:
    """Not for two threads at once. Every call raises StoreUnavailable while the database is away.

    Numbers are given out before transactions end, so a smaller one may come to light after a greater: each look
    begins anew at what is older than LATE_FOR, and leaves out what was seen.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._upto = 0
        self._seen: dict[int, datetime] = {}

    def begin(self) -> None:
        """From now on."""
        with self._database.connection() as db:
            self._begin(db)

    def _begin(self, db: Db) -> None:
        row = db.execute("SELECT coalesce(max(id), 0) AS last FROM audit").fetchone()
        self._upto, self._seen = int(row["last"]) if row else 0, {}

    def read(self, now: datetime) -> Sequence[str] | None:
        """Incidents to which something has happened since the last look, each once; None: too much has."""
        with self._database.connection() as db:
            rows = db.execute(
                "SELECT id, incident_id FROM audit WHERE id > %s ORDER BY id LIMIT %s", (self._upto, MOST)
            ).fetchall()
            if len(rows) == MOST:
                self._begin(db)
                return None
        fresh = [row for row in rows if row["id"] not in self._seen]
        self._seen |= dict.fromkeys((row["id"] for row in fresh), now)
        old = [number for number, at in self._seen.items() if now - at >= LATE_FOR]
        if old:
            self._upto = max(self._upto, *old)
            self._seen = {number: at for number, at in self._seen.items() if number > self._upto}
        return list(dict.fromkeys(str(row["incident_id"]) for row in fresh if row["incident_id"] is not None))
