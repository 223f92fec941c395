"""On-call overrides as they are kept: made, cancelled, and never changed otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from triage.domain.schedule import OnCallOverride
from triage.errors import NotFound
from triage.store.database import Database, Row
from triage.store.incidents import identifier

_COLUMNS = "id, schedule, person, starts_at, ends_at, reason, made_by, made_at, cancelled_by, cancelled_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideRecord:
    """``override`` as it was made. Once cancelled it counts until then, and no longer."""

    override: OnCallOverride
    cancelled_by: str | None = None
    cancelled_at: datetime | None = None

    @property
    def in_effect(self) -> OnCallOverride:
        """The override as long as it counted: not before it was made, and not after it was cancelled."""
        made, ends_at = self.override, self.cancelled_at or self.override.ends_at
        return replace(made, starts_at=max(made.starts_at, made.made_at), ends_at=min(made.ends_at, ends_at))


class OnCallOverrides:
    """Every call raises StoreUnavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(self, overrides: Sequence[OnCallOverride]) -> None:
        """All or none."""
        rows = [
            (o.id, o.schedule, o.person, o.starts_at, o.ends_at, o.reason, o.made_by, o.made_at) for o in overrides
        ]
        with self._database.connection() as db, db.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO oncall_override (id, schedule, person, starts_at, ends_at, reason, made_by, made_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                rows,
            )

    def standing(self, since: datetime, until: datetime) -> tuple[OnCallOverride, ...]:
        """Those that reach into the time from ``since`` to ``until``, in the order made, each as long as it
        counted: a cancelled one said until then who was on call."""
        with self._database.connection() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM oncall_override"
                " WHERE ends_at > %s AND starts_at < %s"
                " AND (cancelled_at IS NULL OR (cancelled_at > %s AND cancelled_at > starts_at))"
                " ORDER BY made_at, id",
                (since, until, since),
            ).fetchall()
        return tuple(_record(row).in_effect for row in rows)

    def find(self, since: datetime, limit: int) -> list[OverrideRecord]:
        """Those that end after ``since``, cancelled ones too, the latest to begin first."""
        with self._database.connection() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM oncall_override WHERE ends_at > %s ORDER BY starts_at DESC, id LIMIT %s",
                (since, limit),
            ).fetchall()
        return [_record(row) for row in rows]

    def cancel(self, override_id: str, by: str, at: datetime) -> OverrideRecord:
        """Twice is once. Raises NotFound."""
        key = identifier(override_id, "on-call override")
        with self._database.connection() as db:
            row = db.execute(
                "UPDATE oncall_override SET cancelled_by = coalesce(cancelled_by, %s),"
                f" cancelled_at = coalesce(cancelled_at, %s) WHERE id = %s RETURNING {_COLUMNS}",
                (by, at, key),
            ).fetchone()
        if row is None:
            raise NotFound("no such on-call override is stored")
        return _record(row)


def _record(row: Row) -> OverrideRecord:
    return OverrideRecord(
        override=OnCallOverride(
            id=str(row["id"]),
            schedule=row["schedule"],
            person=row["person"],
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
            reason=row["reason"],
            made_by=row["made_by"],
            made_at=row["made_at"],
        ),
        cancelled_by=row["cancelled_by"],
        cancelled_at=row["cancelled_at"],
    )
