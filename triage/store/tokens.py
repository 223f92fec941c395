"""Bearer tokens: shown once, stored as a digest, bound to a person or a source."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from triage.domain.access import Grant, Principal, Role
from triage.errors import NotFound
from triage.store.database import Database

PREFIX = "triage"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """What is kept of a token. ``owner``: ``person:ID`` or ``source:NAME``."""

    id: str
    role: Role
    owner: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


def digest(token: str) -> bytes:
    """SHA-256: a token is 256 random bits, so a slow hash would protect nothing and cost every request."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class Tokens:
    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, role: Role, owner: str, expires_at: datetime | None = None) -> tuple[str, str]:
        """A new token as (id, secret). The secret is not kept and cannot be shown again."""
        token_id = secrets.token_hex(4)
        secret = f"{PREFIX}_{token_id}_{secrets.token_urlsafe(32)}"
        self._keep(token_id, secret, role, owner, expires_at)
        return token_id, secret

    def adopt(self, secret: str, role: Role, owner: str) -> None:
        """Accept a token that was made elsewhere. Adopting it again changes nothing."""
        self._keep(digest(secret).hex()[:8], secret, role, owner, None)

    def _keep(self, token_id: str, secret: str, role: Role, owner: str, expires_at: datetime | None) -> None:
        with self._database.connection() as db:
            db.execute(
                "INSERT INTO token (id, digest, role, owner, expires_at) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT DO NOTHING",
                (token_id, digest(secret), role.value, owner, expires_at),
            )

    def read_all(self) -> list[TokenRecord]:
        with self._database.connection() as db:
            rows = db.execute(
                "SELECT id, role, owner, created_at, expires_at, revoked_at FROM token ORDER BY created_at, id"
            ).fetchall()
        return [TokenRecord(**{**row, "role": Role(row["role"])}) for row in rows]

    def revoke(self, token_id: str) -> None:
        """Raises NotFound."""
        with self._database.connection() as db:
            changed = db.execute(
                "UPDATE token SET revoked_at = coalesce(revoked_at, now()) WHERE id = %s", (token_id,)
            )
        if changed.rowcount == 0:
            raise NotFound(f"no token {token_id}")

    def read_grants(self) -> dict[bytes, Grant]:
        """What every token ever made gives, by its digest: a revoked one is known as such."""
        with self._database.connection() as db:
            rows = db.execute("SELECT digest, role, owner, expires_at, revoked_at FROM token").fetchall()
        return {
            row["digest"]: Grant(
                principal=Principal(owner=row["owner"], role=Role(row["role"])),
                expires_at=row["expires_at"],
                revoked=row["revoked_at"] is not None,
            )
            for row in rows
        }
