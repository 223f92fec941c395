"""How the memory is searched: with which encoder, and how likeness is judged under it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from triage.store.database import Database, Db, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEncoder:
    """``bundle``: one that has this encoder."""

    encoder: str
    bundle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLikeness:
    """``weights`` by name; ``measured``: what the choice was made on, as JSON."""

    encoder: str
    weights: Mapping[str, float]
    threshold: float
    measured: Mapping[str, Any]
    reason: str
    made_by: str
    made_at: datetime


class Likenesses:
    """Each method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read_memory_encoder(self) -> MemoryEncoder | None:
        """None until an encoder first came into force."""
        with self._database.connection() as db:
            row = db.execute("SELECT encoder, bundle FROM memory_encoder").fetchone()
        return MemoryEncoder(encoder=row["encoder"], bundle=row["bundle"]) if row is not None else None

    def switch(self, encoder: str, bundle: str, *, instead_of: str | None) -> None:
        """From now on the memory is searched with ``encoder``, unless another replica switched meanwhile."""
        with self._database.connection() as db:
            db.execute(
                "INSERT INTO memory_encoder (encoder, bundle) VALUES (%(encoder)s, %(bundle)s)"
                " ON CONFLICT (one_row) DO UPDATE SET encoder = excluded.encoder, bundle = excluded.bundle,"
                " switched_at = now() WHERE memory_encoder.encoder = %(before)s",
                {"encoder": encoder, "bundle": bundle, "before": instead_of},
            )

    def find(self, encoder: str) -> StoredLikeness | None:
        """What was last chosen for texts of this encoder."""
        with self._database.connection() as db:
            row = db.execute(f"{_SELECT} WHERE encoder = %s ORDER BY id DESC LIMIT 1", (encoder,)).fetchone()
        return _likeness(row) if row is not None else None

    def keep(self, likeness: StoredLikeness) -> None:
        with self._database.transaction() as db:
            _keep(db, likeness)


def _keep(db: Db, likeness: StoredLikeness) -> None:
    db.execute(
        "INSERT INTO likeness (encoder, weights, threshold, measured, reason, made_by, made_at)"
        " VALUES (%s, %s::jsonb, %s, %s::jsonb, %s, %s, %s)",
        (
            likeness.encoder,
            orjson.dumps(dict(likeness.weights)).decode(),
            likeness.threshold,
            orjson.dumps(dict(likeness.measured)).decode(),
            likeness.reason,
            likeness.made_by,
            likeness.made_at,
        ),
    )


_SELECT = "SELECT encoder, weights, threshold, measured, reason, made_by, made_at FROM likeness"


def _likeness(row: Row) -> StoredLikeness:
    return StoredLikeness(**row)
