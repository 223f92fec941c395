"""One entry of the spool: what it holds, and the file it is.

The file is a first line ``triage-spool 1 <sha256 of all that follows>``, a line of JSON (source, time, headers,
principal), and the body, byte for byte.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

MAGIC = b"triage-spool 1 "

# Only these are written to disk, so that no credential in whatever header a sender chose ever is.
SAFE_HEADERS = frozenset({"content-type", "content-encoding", "idempotency-key", "user-agent", "x-request-id"})
SAFE_PREFIX = "ce-"


@dataclass(frozen=True)
class Spooled:
    """One payload as it came. ``headers`` holds only the safe ones, in lower case; ``principal`` names who
    sent it; ``in_doubt`` the transaction that may have carried it out already."""

    receipt: str
    source: str
    received_at: datetime
    headers: Mapping[str, str]
    body: bytes
    principal: str
    in_doubt: str | None = None


def encode(
    source: str,
    body: bytes,
    headers: Mapping[str, str],
    principal: str,
    received_at: datetime,
    in_doubt: str | None = None,
) -> bytes:
    """The file of one entry. ``received_at`` is aware."""
    names = {name.lower(): value for name, value in headers.items()}
    head = {
        "source": source,
        "received_at": received_at.astimezone(UTC).isoformat(),
        "headers": {n: v for n, v in names.items() if n in SAFE_HEADERS or n.startswith(SAFE_PREFIX)},
        "principal": principal,
        "in_doubt": in_doubt,
    }
    rest = orjson.dumps(head) + b"\n" + body
    return MAGIC + hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest


def decode(receipt: str, content: bytes) -> Spooled | None:
    """None unless the content is whole: the checksum covers everything behind the first line."""
    first, _, rest = content.partition(b"\n")
    if first != MAGIC + hashlib.sha256(rest).hexdigest().encode():
        return None
    line, _, body = rest.partition(b"\n")
    head = orjson.loads(line)
    return Spooled(
        receipt=receipt,
        source=head["source"],
        received_at=datetime.fromisoformat(head["received_at"]),
        headers=head["headers"],
        body=body,
        principal=head["principal"],
        in_doubt=head.get("in_doubt"),
    )
