"""Configuration by content, and the one pointer that says which bundle, catalogue and policy are active."""

from dataclasses import dataclass
from datetime import datetime

from triage.errors import NotFound
from triage.store.database import Database, Db


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """``kind``: bundle, catalogue or policy."""

    kind: str
    version: str
    previous: str | None
    changed_at: datetime
    changed_by: str
    reason: str


class Configurations:
    def __init__(self, database: Database) -> None:
        self._database = database

    def read_pointers(self) -> dict[str, Pointer]:
        with self._database.connection() as db:
            rows = db.execute("SELECT * FROM active").fetchall()
        return {row["kind"]: Pointer(**row) for row in rows}

    def point(self, kind: str, version: str, changed_by: str, reason: str) -> None:
        """Make a version active. Pointing at what is active already changes nothing."""
        with self._database.transaction() as db:
            _point(db, kind, version, changed_by, reason)

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


def _point(db: Db, kind: str, version: str, changed_by: str, reason: str) -> None:
    db.execute(
        "INSERT INTO active (kind, version, changed_by, reason) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (kind) DO UPDATE SET version = excluded.version, previous = active.version,"
        " changed_at = now(), changed_by = excluded.changed_by, reason = excluded.reason"
        " WHERE active.version <> excluded.version",
        (kind, version, changed_by, reason),
    )
