"""Families of patterns, and what people changed of them."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from triage.errors import NotFound
from triage.store.database import Db, Row

LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Family:
    """A pattern and what people merged into it. ``members``: the root first."""

    root: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternChange:
    """What somebody did to a pattern, and whether it was taken back. ``kind``: merge, split, difference, name or
    known_fix; ``pattern_id`` and ``other_id`` were roots then, of which ``other_id`` is the one that was merged,
    split off or told apart; ``detail`` is what undoing it needs."""

    id: str
    kind: str
    pattern_id: str
    other_id: str | None
    detail: Mapping[str, Any]
    reason: str
    made_by: str
    made_at: datetime
    undone_by: str | None
    undone_at: datetime | None


def get_family(db: Db, pattern_id: str) -> Family:
    """The family of any of its members. Raises NotFound."""
    rows = db.execute(
        "SELECT m.id, m.root FROM pattern AS asked JOIN pattern AS m ON m.root = asked.root"
        " WHERE asked.id = %s ORDER BY m.id <> m.root, m.id",
        (identifier(pattern_id, "pattern"),),
    ).fetchall()
    if not rows:
        raise NotFound("no such pattern is stored")
    return Family(str(rows[0]["root"]), tuple(str(row["id"]) for row in rows))


def root_of(db: Db, pattern_id: str) -> str:
    """Raises NotFound."""
    return get_family(db, pattern_id).root


def get_change(db: Db, change_id: str) -> PatternChange:
    """Raises NotFound."""
    if not (change_id.isascii() and change_id.isdigit() and int(change_id[:20]) <= LARGEST_ID):
        raise NotFound("no such change is stored")
    row = db.execute("SELECT * FROM pattern_change WHERE id = %s", (int(change_id[:20]),)).fetchone()
    if row is None:
        raise NotFound("no such change is stored")
    return _change(row)


def find_changes(db: Db, patterns: Sequence[str], limit: int | None) -> list[PatternChange]:
    """Those that touch any of these patterns, newest first."""
    rows = db.execute(
        "SELECT * FROM pattern_change WHERE pattern_id = ANY(%(patterns)s::uuid[])"
        " OR other_id = ANY(%(patterns)s::uuid[]) ORDER BY id DESC LIMIT %(limit)s",
        {"patterns": list(patterns), "limit": limit},
    ).fetchall()
    return [_change(row) for row in rows]


def identifier(text: str, what: str) -> uuid.UUID:
    """Raises NotFound for what cannot be one."""
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise NotFound(f"no such {what} is stored") from error


def _change(row: Row) -> PatternChange:
    return PatternChange(
        id=str(row["id"]),
        kind=row["kind"],
        pattern_id=str(row["pattern_id"]),
        other_id=str(row["other_id"]) if row["other_id"] else None,
        detail=row["detail"],
        reason=row["reason"],
        made_by=row["made_by"],
        made_at=row["made_at"],
        undone_by=row["undone_by"],
        undone_at=row["undone_at"],
    )
