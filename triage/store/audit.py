"""The audit log: sealed into a chain of hashes, checked against it, and handed to an auditor.

Rows are written by triggers of the database. A row's leaf is the SHA-256 of its line as ``export`` writes it; a
seal's digest is the SHA-256 of the digest before it and its leaves, so an auditor can check a file by itself.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from triage.store.database import Database, Db, Row

SEAL_LOCK = 7_041_776_006
"""Key of the advisory lock that one sealer holds."""
AT_ONCE = 5_000
"""Rows of one seal."""
GENESIS = bytes(32)
"""The digest before the first."""
LEAF = 32
_COLUMNS = "id, at, kind, actor, incident_id, source, key, digest, content"


@dataclass(frozen=True, slots=True)
class Fault:
    """``row``: id in the log; None where a seal itself is at fault."""

    row: int | None
    what: str


@dataclass(slots=True, kw_only=True)
class Verified:
    """``head``: digest of the last seal, which somebody may have written down; ``unsealed``: not yet in it."""

    seals: int = 0
    rows: int = 0
    unsealed: int = 0
    head: str = GENESIS.hex()
    faults: list[Fault] = field(default_factory=list)


class Audit:
    """Every call raises StoreUnavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def seal(self, now: datetime) -> int:
        """Put what was written since the last seal into a further one; how many rows. 0 also where another sealer
        is at work. Nobody who writes waits for it."""
        with self._database.transaction() as db:
            got = db.execute("SELECT pg_try_advisory_xact_lock(%s) AS got", (SEAL_LOCK,)).fetchone()
            if got is None or not got["got"]:
                return 0
            last = db.execute(_LAST).fetchone() or {"number": 0, "upto": 0, "digest": GENESIS}
            number, upto, before = last["number"], last["upto"], bytes(last["digest"])
            rows = db.execute(_UNSEALED, {"upto": upto, "limit": AT_ONCE}).fetchall()
            if not rows:
                return 0
            leaves = [leaf_of(row) for row in rows]
            ids = [row["id"] for row in rows]
            highest = max(upto, *ids)
            db.execute(
                "INSERT INTO audit_seal (number, sealed_at, upto, ids, leaves, digest)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                (number + 1, now, highest, ids, b"".join(leaves), chained(before, leaves)),
            )
            # An id may be missing because its transaction is not over yet; it is looked for each time.
            missing = sorted(set(range(upto + 1, highest + 1)) - set(ids))
            db.execute("DELETE FROM audit_gap WHERE id = ANY(%s)", (ids,))
            db.execute("INSERT INTO audit_gap SELECT id, %s FROM unnest(%s::bigint[]) AS id", (now, missing))
        return len(rows)

    def has_head(self, digest: str) -> bool:
        """Whether a seal of this digest, in hexadecimal digits, is in the chain."""
        try:
            head = bytes.fromhex(digest)
        except ValueError:
            return False
        with self._database.connection() as db:
            found = db.execute("SELECT 1 FROM audit_seal WHERE digest = %s", (head,)).fetchone()
        return found is not None or head == GENESIS

    def verify(self) -> Verified:
        """Every seal against the one before it, every row against its seal, and what rows tell of against them."""
        found = Verified()
        with self._database.unattended(), self._database.transaction() as db:
            db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            _verify_seals(db, found)
            _verify_strangers(db, found)
            for source in ("timeline", "decision", "activation"):
                _verify_sources(db, source, found)
        found.faults.sort(key=lambda fault: (fault.row is None, fault.row or 0))
        return found

    def export(self) -> Iterator[bytes]:
        """Lines of JSON: each seal's rows, then the seal. What is not sealed yet comes last."""
        with self._database.transaction() as db:
            db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            upto = 0
            for seal in _seals(db):
                rows = _rows(db, seal["ids"])
                yield from (line_of(rows[id_]) + b"\n" for id_ in seal["ids"] if id_ in rows)
                told = {"seal": seal["number"], "rows": len(seal["ids"]), "digest": bytes(seal["digest"]).hex()}
                yield orjson.dumps({**told, "sealed_at": seal["sealed_at"]}, option=_PLAIN) + b"\n"
                upto = seal["upto"]
            for row in db.execute(_UNSEALED, {"upto": upto, "limit": None}).fetchall():
                yield line_of(row) + b"\n"


_PLAIN = orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z
_LAST = "SELECT number, upto, digest FROM audit_seal ORDER BY number DESC LIMIT 1"
_SEALS = "SELECT * FROM audit_seal WHERE number > %s ORDER BY number LIMIT 20"
_UNSEALED = f"""
SELECT {_COLUMNS} FROM audit
WHERE id IN (SELECT id FROM audit_gap) OR id > %(upto)s ORDER BY id LIMIT %(limit)s
"""


def line_of(row: Row) -> bytes:
    """A row as an auditor reads it: JSON with sorted keys."""
    told: dict[str, Any] = {
        **row,
        "at": row["at"].astimezone(UTC),
        "incident_id": str(row["incident_id"]) if row["incident_id"] is not None else None,
        "digest": bytes(row["digest"]).hex() if row["digest"] is not None else None,
    }
    return orjson.dumps(told, option=_PLAIN)


def leaf_of(row: Row) -> bytes:
    return hashlib.sha256(line_of(row)).digest()


def chained(before: bytes, leaves: Sequence[bytes]) -> bytes:
    return hashlib.sha256(b"".join((before, *leaves))).digest()


def _seals(db: Db) -> Iterator[Row]:
    """In order, a few at a time, since each holds thousands of leaves."""
    number = 0
    while True:
        rows = db.execute(_SEALS, (number,)).fetchall()
        if not rows:
            return
        yield from rows
        number = rows[-1]["number"]


def _rows(db: Db, ids: Sequence[int]) -> dict[int, Row]:
    rows = db.execute(f"SELECT {_COLUMNS} FROM audit WHERE id = ANY(%s)", (list(ids),)).fetchall()
    return {row["id"]: row for row in rows}


def _verify_seals(db: Db, found: Verified) -> None:
    before, expected = GENESIS, 1
    for seal in _seals(db):
        ids, held = seal["ids"], bytes(seal["leaves"])
        leaves = [held[place : place + LEAF] for place in range(0, len(held), LEAF)]
        if seal["number"] != expected:
            found.faults.append(Fault(None, f"seal {expected} is missing"))
        if chained(before, leaves) != bytes(seal["digest"]) or len(leaves) != len(ids):
            found.faults.append(Fault(None, f"seal {seal['number']} does not follow from the one before it"))
        rows = _rows(db, ids)
        for id_, leaf in zip(ids, leaves, strict=False):
            if id_ not in rows:
                found.faults.append(Fault(id_, f"missing from the log; it was in seal {seal['number']}"))
            elif leaf_of(rows[id_]) != leaf:
                row = rows[id_]
                found.faults.append(Fault(id_, f"changed after it was sealed ({row['kind']} by {row['actor']})"))
        before, expected = bytes(seal["digest"]), seal["number"] + 1
        found.seals += 1
        found.rows += len(ids)
    found.head = before.hex()


def _verify_strangers(db: Db, found: Verified) -> None:
    """Rows that no seal knows though their time has passed, and those that are not sealed yet."""
    last = db.execute("SELECT coalesce(max(upto), 0) AS upto FROM audit_seal").fetchone()
    upto = last["upto"] if last else 0
    rows = db.execute(
        "WITH sealed AS MATERIALIZED (SELECT unnest(ids) AS id FROM audit_seal)"
        " SELECT id, id > %(upto)s OR id IN (SELECT id FROM audit_gap) AS waits FROM audit"
        " WHERE id > %(upto)s OR NOT EXISTS (SELECT FROM sealed WHERE sealed.id = audit.id)",
        {"upto": upto},
    ).fetchall()
    found.unsealed = sum(row["waits"] for row in rows)
    found.faults += [Fault(row["id"], "put in after its time was sealed") for row in rows if not row["waits"]]


def _verify_sources(db: Db, source: str, found: Verified) -> None:
    rows = db.execute(
        f"SELECT audit.id, audit.kind, audit.key, told.id IS NULL AS gone FROM audit"
        f" LEFT JOIN {source} AS told ON told.id::text = audit.key"
        " WHERE audit.source = %s AND (told.id IS NULL OR digest_of(told.*) IS DISTINCT FROM audit.digest)"
        " ORDER BY audit.id",
        (source,),
    ).fetchall()
    for row in rows:
        what = "is gone" if row["gone"] else "was changed"
        found.faults.append(Fault(row["id"], f"what it tells of {what}: {source} {row['key']} ({row['kind']})"))
