"""What cannot be used but must not be lost: dead letters; and what can be forgotten: old delivery keys."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from triage.store.database import Database


class Letters:
    def __init__(self, database: Database) -> None:
        self._database = database

    def bury(self, source: str, letters: Sequence[tuple[bytes, str]]) -> int:
        """Keep bodies that cannot be used, each as (content, reason); how many were not there yet. The same
        content again is one row."""
        rows = {hashlib.sha256(content).digest(): (content, reason) for content, reason in letters}
        if not rows:
            return 0
        ordered = sorted(rows.items())
        with self._database.connection() as db:
            kept = db.execute(
                "INSERT INTO dead_letter (digest, source, reason, body)"
                " SELECT new.digest, %s, new.reason, new.body"
                " FROM unnest(%s::bytea[], %s::text[], %s::bytea[]) AS new (digest, reason, body)"
                " ON CONFLICT (digest) DO UPDATE SET times = dead_letter.times + 1, last_at = now()"
                " RETURNING times",
                (source, [d for d, _ in ordered], [r for _, (_, r) in ordered], [c for _, (c, _) in ordered]),
            ).fetchall()
        return sum(row["times"] == 1 for row in kept)

    def forget_deliveries(self, older_than: timedelta, limit: int = 10_000) -> int:
        """Remove keys of deliveries that nobody repeats any more; how many went."""
        with self._database.connection() as db:
            gone = db.execute(
                "DELETE FROM delivery WHERE ctid IN"
                " (SELECT ctid FROM delivery WHERE received_at < now() - %s::interval LIMIT %s)",
                (older_than, limit),
            )
        return gone.rowcount
