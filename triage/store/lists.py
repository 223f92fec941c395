"""Incidents as a list shows them: with where their escalation stands and whether they have happened before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import LiteralString

from psycopg import sql

from triage.domain.incident import State, Status
from triage.domain.priority import Priority
from triage.store.database import Database, Db, Row

CONCERNED_FOR = timedelta(days=30)
"""Whoever was paged for an incident is concerned by it for so long."""
COUNTED = 1_000
"""Counts go so far, and then say that there are more."""


class Standing(Enum):
    """Which incidents a list is of. ``open``: triggered or acknowledged."""

    OPEN = "open"
    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    ALL = "all"


class Order(Enum):
    """``urgency``: by priority, then the newest first."""

    URGENCY = "urgency"
    NEWEST = "newest"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFilter:
    """``person``: only what they took or were paged for; ``teams``: only what is owned by one of these.
    ``after``: the position (priority, opened_at, id) that the page starts behind."""

    standing: Standing = Standing.OPEN
    person: str | None = None
    teams: Sequence[str] | None = None
    priority: Priority | None = None
    service: str | None = None
    environment: str | None = None
    source: str | None = None
    q: str | None = None
    since: datetime | None = None
    order: Order = Order.URGENCY
    after: tuple[str, datetime, str] | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRow:
    """``due_at``: when its escalation does something by itself, and ``due``: which timer that is; ``recurrence``:
    what its decision said (``new``, ``duplicate``, ``recurrence``); ``seen``: occurrences of its whole pattern;
    ``paged``: everybody who was told to take it."""

    id: str
    title: str
    state: State
    status: Status
    priority: Priority
    team: str
    service: str | None
    environment: str | None
    source: str
    opened_at: datetime
    occurrences: int
    acknowledged_by: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    needs_review: bool
    parent_id: str | None
    pattern_id: str
    seen: int
    due_at: datetime | None
    due: str | None
    phase: str | None
    recurrence: str | None
    flags: tuple[str, ...]
    paged: frozenset[str]

    @property
    def is_open(self) -> bool:
        return self.state is not State.RESOLVED

    @property
    def position(self) -> tuple[str, datetime, str]:
        return self.priority.value, self.opened_at, self.id


class IncidentLists:
    """Every call raises StoreUnavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, wanted: ListFilter, now: datetime) -> list[IncidentRow]:
        """At most ``wanted.limit``, in the order asked for."""
        where, values = _where(wanted, now)
        order = _ORDERS[wanted.order]
        chosen = sql.SQL("SELECT i.id FROM incident AS i{where} ORDER BY {order} LIMIT %(limit)s").format(
            where=where, order=sql.SQL(order)
        )
        with self._database.exploring() as db:
            ids = [row["id"] for row in db.execute(chosen, {**values, "limit": wanted.limit}).fetchall()]
            found = {row.id: row for row in _rows(db, ids)}
        return [found[str(one)] for one in ids if str(one) in found]

    def get_many(self, incident_ids: Sequence[str]) -> list[IncidentRow]:
        """Those that there are, in no order."""
        with self._database.connection() as db:
            return _rows(db, list(incident_ids))

    def count(self, wanted: Sequence[ListFilter], now: datetime) -> list[int]:
        """How many each is of; COUNTED + 1 where there are more than COUNTED."""
        counts = []
        with self._database.exploring() as db, db.pipeline():
            for one in wanted:
                where, values = _where(one, now)
                # In the order of an index of those that are open, else all that are over may be passed on the way.
                order = sql.SQL("" if one.standing is Standing.ALL else f" ORDER BY {_ORDERS[one.order]}")
                statement = sql.SQL(
                    "SELECT count(*) AS n FROM (SELECT FROM incident AS i{}{} LIMIT %(limit)s) AS i"
                )
                counts.append(db.execute(statement.format(where, order), {**values, "limit": COUNTED + 1}))
            return [int(row["n"]) if (row := asked.fetchone()) else 0 for asked in counts]

    def choices(self) -> dict[str, list[str]]:
        """The sources and environments that incidents of late came with, for a form of filters."""
        with self._database.connection() as db:
            row = db.execute(_CHOICES).fetchone()
        return {name: sorted(filter(None, row[name] or ())) for name in ("source", "environment")} if row else {}


_ORDERS: dict[Order, LiteralString] = {
    Order.URGENCY: "i.priority, i.opened_at DESC, i.id DESC",
    Order.NEWEST: "i.opened_at DESC, i.id DESC",
}
_STANDINGS: dict[Standing, LiteralString] = {
    Standing.OPEN: "i.state <> 'resolved'",
    Standing.TRIGGERED: "i.state <> 'resolved' AND i.state = 'triggered'",
    Standing.ACKNOWLEDGED: "i.state <> 'resolved' AND i.state = 'acknowledged'",
    Standing.RESOLVED: "i.state = 'resolved'",
}
# What begins behind a position, in each order; of two that opened at the same moment the greater id comes first.
_BEHIND: dict[Order, LiteralString] = {
    Order.URGENCY: "(i.priority > %(priority_after)s OR"
    " i.priority = %(priority_after)s AND (i.opened_at, i.id) < (%(opened_after)s, %(id_after)s))",
    Order.NEWEST: "(i.opened_at, i.id) < (%(opened_after)s, %(id_after)s)",
}
_CONCERNS: LiteralString = (
    "(i.acknowledged_by = %(person)s OR i.id IN (SELECT incident_id FROM message WHERE kind = 'page'"
    " AND recipient = %(recipient)s AND made_at >= %(concerned)s))"
)
_CHOICES = """
SELECT array_agg(DISTINCT source) AS source, array_agg(DISTINCT environment) AS environment
FROM (SELECT source, environment FROM incident ORDER BY opened_at DESC LIMIT 2000) AS late
"""


def _where(wanted: ListFilter, now: datetime) -> tuple[sql.Composable, dict[str, object]]:
    clauses: list[LiteralString] = []
    values: dict[str, object] = {}
    if wanted.standing is not Standing.ALL:
        clauses.append(_STANDINGS[wanted.standing])
    asked: tuple[tuple[LiteralString, str, object], ...] = (
        ("i.team = ANY(%(teams)s)", "teams", list(wanted.teams) if wanted.teams is not None else None),
        ("i.priority = %(priority)s", "priority", wanted.priority.value if wanted.priority else None),
        ("i.service = %(service)s", "service", wanted.service),
        ("i.environment = %(environment)s", "environment", wanted.environment),
        ("i.source = %(source)s", "source", wanted.source),
        ("i.search @@ websearch_to_tsquery('simple', %(q)s)", "q", wanted.q),
        ("i.opened_at >= %(since)s", "since", wanted.since),
        (_CONCERNS, "person", wanted.person),
    )
    for clause, name, value in asked:
        if value is not None:
            clauses.append(clause)
            values[name] = value
    if wanted.person is not None:
        values |= {"recipient": f"person:{wanted.person}", "concerned": now - CONCERNED_FOR}
    if wanted.after is not None:
        clauses.append(_BEHIND[wanted.order])
        values |= dict(zip(("priority_after", "opened_after", "id_after"), wanted.after, strict=True))
    if not clauses:
        return sql.SQL(""), values
    return sql.SQL(" WHERE ") + sql.SQL(" AND ").join(map(sql.SQL, clauses)), values


_SHOWN = """
SELECT i.id, i.title, i.state, i.status, i.priority, i.team, i.service, i.environment, i.source, i.opened_at,
    i.occurrences, i.acknowledged_by, i.resolved_at, i.resolved_by, i.needs_review, i.parent_id,
    coalesce(root.id, i.pattern_id) AS pattern_id, coalesce(root.occurrences, 0) AS seen,
    e.due_at, stands.timers #>> '{0,kind}' AS due, stands.phase, stands.told,
    d.record -> 'recurrence' AS recurrence
FROM incident AS i
LEFT JOIN pattern AS p ON p.id = i.pattern_id
LEFT JOIN pattern AS root ON root.id = p.root
LEFT JOIN escalation AS e ON e.incident_id = i.id
LEFT JOIN decision AS d ON d.id = i.decision_id
-- Once: each look into a large value unpacks the whole of it.
LEFT JOIN LATERAL jsonb_to_record(e.state) AS stands (phase text, timers jsonb, told jsonb) ON true
WHERE i.id = ANY(%s::uuid[])
"""


def _rows(db: Db, ids: Sequence[object]) -> list[IncidentRow]:
    return [_row(row) for row in db.execute(_SHOWN, (list(ids),)).fetchall()] if ids else []


def _row(row: Row) -> IncidentRow:
    told, recurrence = row["told"] or {}, row["recurrence"] or {}
    kept = {name: row[name] for name in _AS_THEY_ARE}
    return IncidentRow(
        **kept,
        id=str(row["id"]),
        state=State(row["state"]),
        status=Status(row["status"]),
        priority=Priority(row["priority"]),
        parent_id=str(row["parent_id"]) if row["parent_id"] else None,
        pattern_id=str(row["pattern_id"]),
        recurrence=recurrence.get("kind"),
        flags=tuple(recurrence.get("flags") or ()),
        paged=frozenset(told),
    )


_AS_THEY_ARE = (
    "title", "team", "service", "environment", "source", "opened_at", "occurrences", "acknowledged_by",
    "resolved_at", "resolved_by", "needs_review", "seen", "due_at", "due", "phase",
)  # fmt: skip
