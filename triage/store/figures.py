"""What escalations were like, read from what is kept anyway and added up where it lies: a busy month has 70,000
incidents, and half a million lines about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import tuple_row

from triage.store.courses import COUNTS, MEMORY, PAGES, SPANS, WAITS, sums_by
from triage.store.database import Database

GROUPS = ("team", "service", "priority", "week")
"""By what incidents can be grouped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Of a group of incidents. ``by``: one of ``GROUPS``, None for all of them; ``group``: which one, of weeks
    their place among those that were asked for.

    ``spans``: by name (``acknowledge``, ``mobilise``, ``escalate``, ``resolve``, ``hand_over``) how many are
    known, and of these the mean, the median and the ninth decile in seconds. ``decided``: here, and not in a
    history that was imported; ``judged``: resolved ones of which is known who took them, and ``first_touch`` those
    that the first who took them resolved, without going on or changing the team; ``moves``: how often the team was
    changed; ``handed_over``: pages after the first moment at which anybody was told, and ``with_context`` those
    before which people had left word of what they did.
    """

    by: str | None
    group: str | int | None
    incidents: int
    decided: int
    escalated: int
    repeatedly: int
    spans: Mapping[str, tuple[int, float | None, float | None, float | None]]
    judged: int
    first_touch: int
    moves: int
    handed_over: int
    with_context: int
    acknowledge_breached: int
    resolve_breached: int
    satisfaction: float | None
    scores: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Paged:
    """``pages`` of one person in the same quarter of an hour of the day, the first of them at ``at``."""

    person: str
    at: datetime
    pages: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """A step that told somebody: how long it was given to be acknowledged, and how long it took; None: it was not,
    while that step ran. Seconds."""

    policy: str
    step: int
    given: float
    took: float | None


class Figures:
    """Incidents opened in a period, but for drills. Every call raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sums(
        self, since: datetime, until: datetime, by: Sequence[str] = (), weeks: Sequence[datetime] = ()
    ) -> list[Sums]:
        """Of all, and of each group of each of ``by``. ``weeks``: their beginnings, rising; the first one is no
        later than ``since``."""
        assert set(by) <= set(GROUPS)
        asked = {"since": since, "until": until, "weeks": list(weeks)}
        with self._database.unattended(), self._database.exploring() as db:
            db.execute(MEMORY)
            rows = db.execute(sums_by(by), asked).fetchall()
        return [_sums(row, by) for row in rows]

    def pages(self, since: datetime, until: datetime, changes: Sequence[datetime] = ()) -> list[Paged]:
        """Of everybody, made in the period, counted by quarters of an hour of the day, which everywhere lie in one
        hour; for each time between two ``changes`` of any clock apart."""
        asked = {"since": since, "until": until, "changes": list(changes)}
        with self._database.unattended(), self._database.exploring() as db:
            rows = db.execute(PAGES, asked).fetchall()
        return [Paged(**row) for row in rows]

    def waits(self, since: datetime, until: datetime) -> list[Waited]:
        with self._database.unattended(), self._database.exploring() as db:
            db.execute(MEMORY)
            cursor = db.cursor(row_factory=tuple_row)
            rows = cursor.execute(WAITS, {"since": since, "until": until}).fetchall()
        return [
            Waited(policy=policy, step=step, given=given, took=took)
            for policy, step, given, took in rows
            if policy
        ]


def _sums(row: Mapping[str, Any], by: Sequence[str]) -> Sums:
    grouped = next((name for name in by if row[f"without_{name}"] == 0), None)
    spans = {
        name: (row[f"{name}_count"], row[f"{name}_mean"], *(row[f"{name}_at"] or (None, None))) for name in SPANS
    }
    counts = {name: row[name] for name in COUNTS}
    return Sums(by=grouped, group=row[grouped] if grouped else None, spans=spans, **counts)
