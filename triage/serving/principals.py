"""Who each token stands for, known in memory so that a lost database locks nobody out.

The digests (never the tokens) are also kept in a file, for a service that starts while the database is away.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import structlog
from pydantic import TypeAdapter

from triage.domain.access import Grant, Principal
from triage.store.tokens import Tokens

log = structlog.get_logger("triage.principals")

GRANTS: TypeAdapter[dict[str, Grant]] = TypeAdapter(dict[str, Grant])


class Principals:
    def __init__(self, tokens: Tokens, file: Path) -> None:
        self._tokens = tokens
        self._file = file
        self._known: dict[bytes, Grant] | None = None

    @property
    def is_known(self) -> bool:
        """Whether tokens were ever read, from the database or from the file."""
        return self._known is not None

    @property
    def is_empty(self) -> bool:
        """Whether no token was ever made. One that has expired or was revoked still counts: its end opens
        no door."""
        return not self._known

    def find(self, token_digest: bytes, now: datetime) -> Principal | None:
        grant = self._known.get(token_digest) if self._known else None
        return grant.principal if grant is not None and grant.holds_at(now) else None

    def refresh(self) -> None:
        """Read the tokens. Raises StoreUnavailable, leaving what was known."""
        known = self._tokens.read_grants()
        if known != self._known:
            self._known = known
            self._write(known)

    def load_file(self) -> None:
        """What was known when the service last ran; nothing when there is no such file."""
        try:
            read = GRANTS.validate_json(self._file.read_bytes())
            self._known = {bytes.fromhex(digest): grant for digest, grant in read.items()}
        except FileNotFoundError:
            return
        except (OSError, ValueError):
            log.warning("the file of known tokens cannot be read; waiting for the database")

    def _write(self, known: Mapping[bytes, Grant]) -> None:
        aside = self._file.with_suffix(".partial")
        try:
            aside.unlink(missing_ok=True)
            aside.touch(mode=0o600, exist_ok=False)
            aside.write_bytes(GRANTS.dump_json({digest.hex(): grant for digest, grant in known.items()}))
            aside.replace(self._file)
        except OSError:
            log.warning("the file of known tokens cannot be written")
