"""Who is signed in at the console: a session holds while its time lasts and the token that opened it does."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.store.database import Database
from triage.store.tokens import digest

SEEN_EVERY = timedelta(minutes=1)
"""A session that is used is written down as seen no more often than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """``token_digest``: of the token that opened it; ``ends_at``: later than that it ends, used or not."""

    token_digest: bytes
    made_at: datetime
    seen_at: datetime
    ends_at: datetime

    def holds_at(self, now: datetime, idle: timedelta) -> bool:
        return now < self.ends_at and now < self.seen_at + idle


class Sessions:
    """Every call raises StoreUnavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, token_digest: bytes, owner: str, now: datetime, lasts: timedelta) -> str:
        """A new one; its secret, 256 random bits, is kept nowhere."""
        secret = secrets.token_urlsafe(32)
        with self._database.connection() as db:
            db.execute(
                "INSERT INTO session (digest, token_digest, owner, made_at, seen_at, ends_at)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                (digest(secret), token_digest, owner, now, now, now + lasts),
            )
        return secret

    def find(self, secret: str, now: datetime, idle: timedelta) -> Session | None:
        """None for one that is not ours, was ended, or was not used for ``idle``."""
        with self._database.connection() as db:
            row = db.execute(
                "SELECT token_digest, made_at, seen_at, ends_at FROM session"
                " WHERE digest = %s AND ended_at IS NULL",
                (digest(secret),),
            ).fetchone()
            session = Session(**row) if row else None
            if session is None or not session.holds_at(now, idle):
                return None
            if now - session.seen_at >= SEEN_EVERY:
                db.execute("UPDATE session SET seen_at = %s WHERE digest = %s", (now, digest(secret)))
        return session

    def end(self, secret: str, now: datetime) -> None:
        """Twice is once."""
        with self._database.connection() as db:
            db.execute(
                "UPDATE session SET ended_at = %s WHERE digest = %s AND ended_at IS NULL", (now, digest(secret))
            )

    def forget(self, now: datetime, limit: int = 1_000) -> int:
        """Remove those that ended a day ago or more; how many. The audit log keeps that they were."""
        with self._database.connection() as db:
            gone = db.execute(
                "DELETE FROM session WHERE digest IN"
                " (SELECT digest FROM session WHERE ends_at < %s LIMIT %s FOR UPDATE SKIP LOCKED)",
                (now - timedelta(days=1), limit),
            )
        return gone.rowcount
