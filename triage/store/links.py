"""What links in messages are signed with, and which of them were used."""

import secrets
from datetime import datetime

from triage.store.database import Database


class UsedLinks:
    """Every call raises StoreUnavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def secret(self, name: str) -> bytes:
        """32 bytes that all replicas share, made by whoever asks first."""
        with self._database.connection() as db:
            db.execute(
                "INSERT INTO secret (name, value) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                (name, secrets.token_bytes(32)),
            )
            row = db.execute("SELECT value FROM secret WHERE name = %s", (name,)).fetchone()
        return bytes(row["value"]) if row else b""

    def use_link(self, digest: bytes, by: str, now: datetime) -> bool:
        """Whether it was not used before."""
        with self._database.connection() as db:
            used = db.execute(
                "INSERT INTO used_link (digest, used_at, used_by) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                (digest, now, by),
            )
        return used.rowcount == 1

    def link_used_at(self, digest: bytes) -> datetime | None:
        with self._database.connection() as db:
            row = db.execute("SELECT used_at FROM used_link WHERE digest = %s", (digest,)).fetchone()
        return row["used_at"] if row else None
