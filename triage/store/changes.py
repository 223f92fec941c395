"""What has changed of late: the audit log and the occurrences, read as a feed by whoever shows incidents live."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from triage.store.database import Database, Db

LATE_FOR = timedelta(seconds=10)
"""A row whose transaction ended so much later than one with a greater number is still seen."""
MOST = 5_000
"""Rows of one look; whoever falls further behind is told that much has changed."""
_FEEDS = ("audit", "occurrence")


@dataclass(slots=True)
class _Position:
    """``seen``: numbers above ``upto`` that were read already, and when."""

    upto: int
    seen: dict[int, datetime] = field(default_factory=dict)


class Changes:
    """Not for two threads at once. Every call raises StoreUnavailable while the database is away.

    Numbers are given out before transactions end, so a smaller one may come to light after a greater: each look
    begins anew at what is older than LATE_FOR, and leaves out what was seen.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._positions: dict[str, _Position] = {}

    def begin(self) -> None:
        """From now on."""
        with self._database.connection() as db:
            self._positions = {feed: _Position(_last(db, feed)) for feed in _FEEDS}

    def read(self, now: datetime) -> Sequence[str] | None:
        """Incidents to which something has happened since the last look, each once; None: too much has."""
        found: dict[str, None] = {}
        with self._database.connection() as db:
            for feed, position in self._positions.items():
                rows = db.execute(
                    f"SELECT id, incident_id FROM {feed} WHERE id > %s ORDER BY id LIMIT %s",
                    (position.upto, MOST),
                ).fetchall()
                fresh = [row for row in rows if row["id"] not in position.seen]
                if len(rows) == MOST:
                    self._positions[feed] = _Position(_last(db, feed))
                    return None
                position.seen |= dict.fromkeys((row["id"] for row in fresh), now)
                _move_on(position, now)
                found |= dict.fromkeys(str(row["incident_id"]) for row in fresh if row["incident_id"] is not None)
        return list(found)


def _last(db: Db, feed: str) -> int:
    row = db.execute(f"SELECT coalesce(max(id), 0) AS last FROM {feed}").fetchone()
    return int(row["last"]) if row else 0


def _move_on(position: _Position, now: datetime) -> None:
    old = [number for number, at in position.seen.items() if now - at >= LATE_FOR]
    if old:
        position.upto = max(position.upto, *old)
        position.seen = {number: at for number, at in position.seen.items() if number > position.upto}
