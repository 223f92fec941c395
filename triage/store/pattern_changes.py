"""What people do to patterns: merge, tell apart, name, say what mends it, and take any of it back.

A change is one transaction with all patterns to itself: batches hold ``PATTERNS_LOCK`` together, whoever changes
patterns holds it alone. A merge is one pointer (``pattern.root``); splits are in ``triage.store.pattern_moves``.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from triage.errors import Conflict
from triage.store.database import Database, Db
from triage.store.pattern_history import Family, PatternChange, find_changes, get_change, get_family
from triage.store.pattern_moves import teach_keys
from triage.store.recollection import PATTERNS_LOCK

FIELDS = {"name": ("name",), "known_fix": ("known_fix", "known_fix_by", "known_fix_at")}
"""What of a pattern's row each kind of change sets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who did it, when, and what they said of it."""

    by: str
    at: datetime
    reason: str = ""


class PatternChanges:
    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def changing(self) -> Iterator["Alteration"]:
        """All patterns held for a change. Raises StoreUnavailable where they cannot be had in time."""
        with self._database.transaction() as db:
            # A statement of its own, since what follows must see what the batches that it waits for have written.
            db.execute("SELECT pg_advisory_xact_lock(%s)", (PATTERNS_LOCK,))
            yield Alteration(db)


class Alteration:
    """One transaction in which nobody else changes a pattern or writes an incident of one."""

    def __init__(self, db: Db) -> None:
        self.db = db

    def get_family(self, pattern_id: str) -> Family:
        """Raises NotFound."""
        return get_family(self.db, pattern_id)

    def get_change(self, change_id: str) -> PatternChange:
        """Raises NotFound."""
        return get_change(self.db, change_id)

    def record(
        self, kind: str, pattern_id: str, act: Act, detail: Mapping[str, Any], other_id: str | None = None
    ) -> str:
        """The new change's id."""
        row = self.db.execute(
            "INSERT INTO pattern_change (kind, pattern_id, other_id, detail, reason, made_by, made_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
            (kind, pattern_id, other_id, Jsonb(dict(detail)), act.reason, act.by, act.at),
        ).fetchone()
        assert row is not None  # an insert returns its row
        return str(row["id"])

    def add_detail(self, change_id: str, more: Mapping[str, Any]) -> None:
        """What is known of a change only once it is taken back."""
        self.db.execute(
            "UPDATE pattern_change SET detail = detail || %s WHERE id = %s", (Jsonb(dict(more)), change_id)
        )

    def merge(self, into: Family, other: Family, act: Act, *, anyway: bool) -> str:
        """Everything of ``other`` counts under ``into`` from now on.

        Raises Conflict when they are one family, or were told apart and it is not to be done ``anyway``.
        """
        if into.root == other.root:
            raise Conflict("they count as one pattern already")
        apart = self.find_differences(into.root, other.root)
        if apart and not anyway:
            told = f"they were told apart by change {', '.join(apart)}"
            raise Conflict(f'{told}; with "anyway": true they are merged all the same')
        self._mark_undone(apart, act)
        self._point(other.members, into.root)
        detail = {"members": other.members, "ended": apart}
        change_id = self.record("merge", into.root, act, detail, other.root)
        self.note_open((*into.members, *other.members), "merged", act, change_id, pattern=into.root)
        self.redraw_differences()
        return change_id

    def unmerge(self, change: PatternChange, act: Act) -> None:
        """The pointers as they were. Raises Conflict naming the merges that must be undone before."""
        members = list(change.detail["members"])
        rows = self.db.execute("SELECT root FROM pattern WHERE id = ANY(%s::uuid[])", (members,)).fetchall()
        if {str(row["root"]) for row in rows} != {change.pattern_id}:
            later = self.db.execute(
                "SELECT id FROM pattern_change WHERE kind = 'merge' AND undone_at IS NULL AND id > %s"
                " AND detail->'members' ?| %s::text[] ORDER BY id",
                (change.id, [*members, change.pattern_id]),
            ).fetchall()
            raise in_the_way([str(row["id"]) for row in later])
        affected = (*get_family(self.db, change.pattern_id).members,)
        self._point(members, change.other_id or "")
        self.db.execute(
            "UPDATE pattern_change SET undone_by = NULL, undone_at = NULL WHERE id = ANY(%s::bigint[])",
            (list(change.detail["ended"]),),
        )
        self._mark_undone([change.id], act)
        self.note_open(affected, "undone", act, change.id, pattern=change.pattern_id)
        self.redraw_differences()

    def merge_again(self, undone: PatternChange, act: Act) -> None:
        """What a merge brought together, unless something else does so by now, or keeps it apart; with the texts
        that were forgotten when it was undone."""
        into, other = get_family(self.db, undone.pattern_id), get_family(self.db, undone.other_id or "")
        if into.root != other.root and not self.find_differences(into.root, other.root):
            self.merge(into, other, act, anyway=False)
            for pattern_id, digests in undone.detail.get("forgotten", {}).items():
                teach_keys(self.db, digests, pattern_id)

    def differ(self, one: str, other: str, act: Act, detail: Mapping[str, Any]) -> str:
        """Two roots are different problems. Raises Conflict when somebody said so already."""
        if apart := self.find_differences(one, other):
            raise Conflict(f"they are told apart already, by change {', '.join(apart)}")
        change_id = self.record("difference", one, act, detail, other)
        self.redraw_differences()
        return change_id

    def forget_difference(self, change: PatternChange, act: Act) -> None:
        self._mark_undone([change.id], act)
        self.redraw_differences()

    def say(self, kind: str, pattern_id: str, act: Act, value: str | None) -> str:
        """Name a root, or say what mends it; None takes it away."""
        columns = FIELDS[kind]
        before = self._fields(pattern_id, columns)
        told = (value, act.by, act.at) if value is not None else (None, None, None)
        self._set(pattern_id, dict(zip(columns, told, strict=False)))
        return self.record(kind, pattern_id, act, {"before": before, "after": value})

    def get_said(self, kind: str, pattern_id: str) -> str | None:
        """What a root is called, or what mends it."""
        said: str | None = self._fields(pattern_id, (kind,))[kind]
        return said

    def unsay(self, change: PatternChange, act: Act) -> None:
        """What it was before. Raises Conflict where the same was said anew since."""
        if later := self.find_later(change.id, [change.pattern_id], (change.kind,), of_pattern_alone=True):
            raise in_the_way(later)
        self._set(change.pattern_id, change.detail["before"])
        self._mark_undone([change.id], act)

    def _fields(self, pattern_id: str, columns: Sequence[str]) -> dict[str, Any]:
        row = self.db.execute(
            "SELECT to_jsonb(p) AS row FROM pattern AS p WHERE id = %s", (pattern_id,)
        ).fetchone()
        assert row is not None  # its family was found in this transaction
        return {column: row["row"][column] for column in columns}

    def _set(self, pattern_id: str, values: Mapping[str, Any]) -> None:
        assignments = ", ".join(f"{column} = %s" for column in values)
        self.db.execute(f"UPDATE pattern SET {assignments} WHERE id = %s", (*values.values(), pattern_id))

    def find_differences(self, one: str, other: str) -> list[str]:
        """The changes by which people told these two roots apart, whichever of their members was named then."""
        rows = self.db.execute(
            "SELECT c.id FROM pattern_change AS c JOIN pattern AS a ON a.id = c.pattern_id"
            " JOIN pattern AS b ON b.id = c.other_id WHERE c.kind = 'difference' AND c.undone_at IS NULL"
            " AND a.root IN (%(one)s, %(other)s) AND b.root IN (%(one)s, %(other)s) AND a.root <> b.root"
            " ORDER BY c.id",
            {"one": one, "other": other},
        ).fetchall()
        return [str(row["id"]) for row in rows]

    def find_merges(self, family: Family) -> list[PatternChange]:
        """The merges in force by which this family came together, newest first."""
        changes = find_changes(self.db, family.members, limit=None)
        return [one for one in changes if one.kind == "merge" and one.undone_at is None]

    def find_later(
        self, change_id: str, patterns: Sequence[str], kinds: Sequence[str], *, of_pattern_alone: bool = False
    ) -> list[str]:
        """Changes in force that came after one and touch any of these patterns."""
        touched = "pattern_id = ANY(%(patterns)s::uuid[])"
        if not of_pattern_alone:
            touched = f"({touched} OR other_id = ANY(%(patterns)s::uuid[]))"
        rows = self.db.execute(
            f"SELECT id FROM pattern_change WHERE id > %(id)s AND undone_at IS NULL AND kind = ANY(%(kinds)s)"
            f" AND {touched} ORDER BY id",
            {"id": change_id, "patterns": list(patterns), "kinds": list(kinds)},
        ).fetchall()
        return [str(row["id"]) for row in rows]

    def note_open(
        self, patterns: Sequence[str], kind: str, act: Act, change_id: str, **detail: str | None
    ) -> None:
        """A line in the timeline of every open incident of these patterns."""
        told = {**detail, "change_id": change_id, "reason": act.reason}
        self.db.execute(
            "INSERT INTO timeline (incident_id, at, kind, actor, detail) SELECT id, %s, %s, %s, %s FROM incident"
            " WHERE pattern_id = ANY(%s::uuid[]) AND state <> 'resolved' ORDER BY id",
            (act.at, kind, act.by, Jsonb(told), list(patterns)),
        )

    def _point(self, patterns: Sequence[str], root: str) -> None:
        self.db.execute("UPDATE pattern SET root = %s WHERE id = ANY(%s::uuid[])", (root, list(patterns)))

    def mark_undone(self, change: PatternChange, act: Act) -> None:
        self._mark_undone([change.id], act)

    def _mark_undone(self, changes: Sequence[str], act: Act) -> None:
        self.db.execute(
            "UPDATE pattern_change SET undone_by = %s, undone_at = %s WHERE id = ANY(%s::bigint[])",
            (act.by, act.at, list(changes)),
        )

    def redraw_differences(self) -> None:
        """Which roots differ, by what was said and how patterns are merged now: the matcher reads roots alone."""
        self.db.execute(_DIFFERENCES)


def in_the_way(changes: Sequence[str]) -> Conflict:
    if not changes:
        return Conflict("patterns have changed since so that this cannot be undone")
    named = "change" if len(changes) == 1 else "changes"
    return Conflict(f"later {named} {', '.join(changes)} must be undone first")


_DIFFERENCES = """
WITH told AS (
    SELECT least(a.root, b.root) AS one, greatest(a.root, b.root) AS other, min(c.id) AS change_id
    FROM pattern_change AS c JOIN pattern AS a ON a.id = c.pattern_id JOIN pattern AS b ON b.id = c.other_id
    WHERE c.kind = 'difference' AND c.undone_at IS NULL AND a.root <> b.root GROUP BY 1, 2
), gone AS (
    DELETE FROM pattern_difference AS d
    WHERE NOT EXISTS (SELECT FROM told WHERE told.one = d.one AND told.other = d.other)
)
INSERT INTO pattern_difference (one, other, change_id) SELECT one, other, change_id FROM told
ON CONFLICT (one, other) DO UPDATE SET change_id = excluded.change_id
    WHERE pattern_difference.change_id <> excluded.change_id
"""
