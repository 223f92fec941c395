"""Who each token stands for, known in memory so that a lost database locks nobody out.

The digests (never the tokens) are also kept in a file, for a service that starts while the database is away.
"""

from pathlib import Path

import orjson
import structlog

from triage.domain.access import Principal, Role
from triage.store.tokens import Tokens

log = structlog.get_logger("triage.principals")


class Principals:
    def __init__(self, tokens: Tokens, file: Path) -> None:
        self._tokens = tokens
        self._file = file
        self._known: dict[bytes, Principal] | None = None

    @property
    def is_known(self) -> bool:
        """Whether tokens were ever read, from the database or from the file."""
        return self._known is not None

    @property
    def is_empty(self) -> bool:
        return not self._known

    def find(self, token_digest: bytes) -> Principal | None:
        return self._known.get(token_digest) if self._known else None

    def refresh(self) -> None:
        """Read the tokens that are valid now. Raises StoreUnavailable, leaving what was known."""
        known = self._tokens.read_valid()
        if known != self._known:
            self._known = known
            self._write(known)

    def load_file(self) -> None:
        """What was known when the service last ran; nothing when there is no such file."""
        try:
            rows = orjson.loads(self._file.read_bytes())
            self._known = {
                bytes.fromhex(row["digest"]): Principal(owner=row["owner"], role=Role(row["role"])) for row in rows
            }
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError):
            log.warning("the file of known tokens cannot be read; waiting for the database")

    def _write(self, known: dict[bytes, Principal]) -> None:
        rows = [{"digest": d.hex(), "owner": p.owner, "role": p.role.value} for d, p in known.items()]
        aside = self._file.with_suffix(".partial")
        try:
            aside.touch(mode=0o600)
            aside.write_bytes(orjson.dumps(rows))
            aside.replace(self._file)
        except OSError:
            log.warning("the file of known tokens cannot be written")
