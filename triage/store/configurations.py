"""Configuration by content; which bundle, catalogue and policy are active; and every move of those pointers."""

from dataclasses import dataclass
from datetime import datetime

from triage.errors import Conflict, NotFound
from triage.store.database import Database, Db

NOTHING = "none"
"""What is active before anything was: as decisions name a bundle that is not there."""

MOVE_LOCK = 7_041_776_003
"""Key of the advisory lock that lets one move at a time look at a pointer and change it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """``kind``: bundle, catalogue or policy."""

    kind: str
    version: str
    previous: str | None
    changed_at: datetime
    changed_by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One move of a pointer, as it is remembered. ``restores``: the move that a rollback put in force again."""

    id: int
    kind: str
    version: str
    previous: str | None
    changed_at: datetime
    changed_by: str
    reason: str
    restores: int | None


class Configurations:
    def __init__(self, database: Database) -> None:
        self._database = database

    def read_pointers(self) -> dict[str, Pointer]:
        with self._database.connection() as db:
            rows = db.execute("SELECT * FROM active").fetchall()
        return {row["kind"]: Pointer(**row) for row in rows}

    def point(
        self,
        kind: str,
        version: str,
        changed_by: str,
        reason: str,
        *,
        expect: str | None = None,
        restores: Move | None = None,
    ) -> Move | None:
        """Make a version active; None where it is already, and then nothing is written.

        ``expect``: what must be active now (``NOTHING`` for nothing yet), so that nobody undoes what somebody else
        did meanwhile. Raises Conflict when another version is.
        """
        with self._database.transaction() as db:
            return _point(
                db, kind, version, changed_by, reason, expect=expect, restores=restores.id if restores else None
            )

    def keep(self, catalogue: tuple[str, str], policy: tuple[str, str], changed_by: str, reason: str) -> None:
        """Store both texts, each as (version, content), and make them active together."""
        with self._database.transaction() as db:
            for kind, (version, content) in (("catalogue", catalogue), ("policy", policy)):
                db.execute(
                    "INSERT INTO configuration (version, kind, content) VALUES (%s, %s, %s)"
                    " ON CONFLICT DO NOTHING",
                    (version, kind, content),
                )
                _point(db, kind, version, changed_by, reason)

    def read_moves(self, kind: str, limit: int) -> list[Move]:
        """The last moves of a pointer, newest first."""
        with self._database.connection() as db:
            rows = db.execute(
                "SELECT * FROM activation WHERE kind = %s ORDER BY id DESC LIMIT %s", (kind, limit)
            ).fetchall()
        return [Move(**row) for row in rows]

    def find_earlier(self, kind: str) -> Move | None:
        """The move that a rollback goes back to; None where the pointer was never anywhere else.

        Where a rollback stands is the move it restored, so another one goes further back and not to and fro.
        """
        with self._database.connection() as db:
            row = db.execute(_EARLIER, {"kind": kind}).fetchone()
        return Move(**row) if row is not None else None

    def is_stored(self, version: str) -> bool:
        with self._database.connection() as db:
            row = db.execute("SELECT 1 FROM configuration WHERE version = %s", (version,)).fetchone()
        return row is not None

    def get_content(self, version: str) -> str:
        """The text of a configuration. Raises NotFound."""
        with self._database.connection() as db:
            row = db.execute("SELECT content FROM configuration WHERE version = %s", (version,)).fetchone()
        if row is None:
            raise NotFound(f"no configuration {version} is stored")
        return str(row["content"])


_EARLIER = """
WITH stands AS (
    SELECT coalesce(restores, id) AS at FROM activation WHERE kind = %(kind)s ORDER BY id DESC LIMIT 1
), before AS (
    SELECT coalesce(a.restores, a.id) AS at FROM activation AS a, stands
    WHERE a.kind = %(kind)s AND a.id < stands.at ORDER BY a.id DESC LIMIT 1
)
SELECT activation.* FROM activation JOIN before ON activation.id = before.at
"""


def _point(
    db: Db,
    kind: str,
    version: str,
    changed_by: str,
    reason: str,
    *,
    expect: str | None = None,
    restores: int | None = None,
) -> Move | None:
    db.execute("SELECT pg_advisory_xact_lock(%s)", (MOVE_LOCK,))
    held = db.execute("SELECT version FROM active WHERE kind = %s", (kind,)).fetchone()
    current = str(held["version"]) if held is not None else NOTHING
    if current == version:
        return None
    if expect not in (None, current):
        raise Conflict(
            f"the active {kind} is {current} and not {expect}, as was expected: look again, then decide"
        )
    row = db.execute(
        "WITH moved AS (INSERT INTO active (kind, version, changed_by, reason) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (kind) DO UPDATE SET version = excluded.version, previous = active.version,"
        " changed_at = now(), changed_by = excluded.changed_by, reason = excluded.reason RETURNING *)"
        " INSERT INTO activation (kind, version, previous, changed_at, changed_by, reason, restores)"
        " SELECT kind, version, previous, changed_at, changed_by, reason, %s FROM moved RETURNING *",
        (kind, version, changed_by, reason, restores),
    ).fetchone()
    assert row is not None  # the lock is held, so the row is there or inserted
    return Move(**row)
