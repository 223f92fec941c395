"""Running escalations as rows: which are due, held while they are carried on, written back with what they say."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import TypeAdapter, ValidationError

from triage.domain.escalation import EscalationPath
from triage.domain.message import Message
from triage.domain.record import TimelineEntry
from triage.escalation.state import Escalation, Phase
from triage.store.database import Database, Db, Row
from triage.store.incidents import identifier
from triage.store.outbox import MESSAGE, message_from_row
from triage.store.records import as_rows
from triage.store.timelines import record_timeline

STATE: TypeAdapter[Escalation] = TypeAdapter(Escalation)
PATH: TypeAdapter[EscalationPath] = TypeAdapter(EscalationPath)

ASKED_AGAIN_AFTER = timedelta(minutes=1)
"""Rules that read a clock are asked again so long after the opening, and then each time after so long."""
ASKED_LATER_AFTER = timedelta(minutes=15)
"""The same of an incident that is open for a day."""
PAGES_LOCK = 7_041_776_010
"""Key of the advisory lock under which pages are counted, where a schedule limits them: two ticks at once would
each see room for one more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Something that happened to an incident since its escalation was last carried on. ``path`` and ``team``: of
    the decision that it brought; ``checkpoint``: what was approved or refused."""

    id: int
    kind: str
    at: datetime
    actor: str
    because: str | None = None
    checkpoint: str | None = None
    path: EscalationPath | None = None
    team: str | None = None


@dataclass(slots=True, kw_only=True)
class Running:
    """An escalation that is held. ``state`` None: nothing was decided yet. ``advanced`` numbers what it says.
    ``unreadable``: why its rows cannot be read, and then it has neither state nor signals."""

    incident_id: str
    opened_at: datetime
    state: Escalation | None = None
    team: str | None = None
    advanced: int = 0
    failures: int = 0
    signals: tuple[Signal, ...] = ()
    unreadable: str | None = None


@dataclass(slots=True, kw_only=True)
class Carried:
    """What a tick did, to be written as one. ``over``: incidents whose unsent messages are not sent any more."""

    running: list[Running] = field(default_factory=list)
    failed: list[tuple[Running, str, datetime]] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    entries: list[TimelineEntry] = field(default_factory=list)
    turns: dict[str, int] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)
    at: datetime


class Held:
    """Escalations that nobody else carries on until the transaction ends. ``more``: there may be others."""

    def __init__(self, db: Db, running: Sequence[Running], *, more: bool) -> None:
        self._db = db
        self.running = running
        self.more = more

    def take_turns(self, keys: Iterable[str]) -> dict[str, int]:
        """How often each of these round robins was taken; others wait for theirs until this tick is written."""
        wanted = sorted(set(keys))
        if not wanted:
            return {}
        self._db.execute(
            "INSERT INTO turn (key, taken) SELECT key, 0 FROM unnest(%s::text[]) AS key ORDER BY key"
            " ON CONFLICT DO NOTHING",
            (wanted,),
        )
        rows = self._db.execute(
            "SELECT key, taken FROM turn WHERE key = ANY(%s) ORDER BY key FOR UPDATE", (wanted,)
        ).fetchall()
        return {row["key"]: row["taken"] for row in rows}

    def count_pages(self, since: datetime) -> dict[str, tuple[datetime, ...]]:
        """The moments of everybody's pages since then; ticks that count take turns."""
        self._db.execute("SELECT pg_advisory_xact_lock(%s)", (PAGES_LOCK,))
        rows = self._db.execute(
            "SELECT recipient, made_at FROM message WHERE kind = 'page' AND made_at >= %s ORDER BY made_at",
            (since,),
        ).fetchall()
        pages: dict[str, list[datetime]] = defaultdict(list)
        for row in rows:
            pages[row["recipient"].removeprefix("person:")].append(row["made_at"])
        return {person: tuple(moments) for person, moments in pages.items()}

    def write(self, carried: Carried) -> None:
        """Everything or nothing: the states, what they want said, and that their inbox is empty."""
        with self._db.pipeline():
            self._write_states(carried)
            self._write_failures(carried)
            if carried.over:
                self._db.execute(
                    "UPDATE message SET state = 'withdrawn' WHERE incident_id = ANY(%s::uuid[])"
                    " AND state = 'waiting' AND kind NOT IN ('stand_down', 'reminder')",
                    (sorted(carried.over),),
                )
            self._write_messages(carried.messages)
            for key, taken in sorted(carried.turns.items()):
                self._db.execute("UPDATE turn SET taken = taken + %s WHERE key = %s", (taken, key))
            record_timeline(self._db, carried.entries)

    def _write_states(self, carried: Carried) -> None:
        rows = [
            {
                "incident_id": running.incident_id,
                "state": STATE.dump_python(running.state, mode="json") if running.state else None,
                "team": running.team,
                "due_at": running.state.due_at if running.state else None,
                "ask_at": carried.at + ASKED_AGAIN_AFTER if _is_going_on(running.state) else None,
                "advanced": running.advanced,
            }
            for running in carried.running
        ]
        if not rows:
            return
        self._db.execute(
            "UPDATE escalation SET state = new.state, team = new.team, due_at = new.due_at,"
            " advanced = new.advanced, failures = 0, fault = NULL,"
            " ask_at = CASE WHEN new.ask_at IS NOT NULL THEN coalesce(escalation.ask_at, new.ask_at) END"
            " FROM jsonb_populate_recordset(NULL::escalation, %s::jsonb) AS new"
            " WHERE escalation.incident_id = new.incident_id",
            (as_rows(rows),),
        )
        heard = [signal.id for running in carried.running for signal in running.signals]
        if heard:
            self._db.execute("DELETE FROM escalation_event WHERE id = ANY(%s)", (heard,))

    def _write_failures(self, carried: Carried) -> None:
        for running, fault, due_at in carried.failed:
            self._db.execute(
                "UPDATE escalation SET failures = failures + 1, fault = %s, due_at = %s WHERE incident_id = %s",
                (fault, due_at, running.incident_id),
            )
            self._db.execute(
                "UPDATE escalation_event SET waits = true WHERE incident_id = %s", (running.incident_id,)
            )

    def _write_messages(self, messages: Sequence[Message]) -> None:
        rows = [
            {
                "key": message.key,
                "incident_id": message.incident_id,
                "kind": message.kind.value,
                "recipient": message.recipient,
                "detail": dict(message.detail),
                "made_at": message.made_at,
                "due_at": message.made_at,
            }
            for message in messages
        ]
        if rows:
            columns = "key, incident_id, kind, recipient, detail, made_at, due_at"
            self._db.execute(
                f"INSERT INTO message ({columns})"
                f" SELECT {columns} FROM jsonb_populate_recordset(NULL::message, %s::jsonb)",
                (as_rows(rows),),
            )


def _is_going_on(state: Escalation | None) -> bool:
    return state is not None and state.phase in (Phase.CALLING, Phase.ACKNOWLEDGED)


class Escalations:
    """Every call raises StoreUnavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def holding(self, now: datetime, limit: int) -> Iterator[Held]:
        """Up to ``limit`` escalations to which something has happened or is due by ``now``, the longest due first.

        Any number of workers may ask at once: nobody waits for another, and each escalation is held by one.
        """
        with self._database.transaction() as db:
            held = [row["incident_id"] for row in db.execute(_TAKE, {"now": now, "limit": limit}).fetchall()]
            # Read by a statement of its own, which sees what others had written before they let go of a row: the
            # one that takes it may have begun to look before that.
            rows = db.execute(f"{_SELECT} WHERE e.incident_id = ANY(%s)", (held,)).fetchall() if held else []
            told = _told(db, held)
            running = [
                _read(row, told.get(row["incident_id"], []))
                for row in rows
                if row["incident_id"] in told or (row["due_at"] is not None and row["due_at"] <= now)
            ]
            yield Held(db, running, more=len(held) >= limit)

    def take_to_ask(self, now: datetime, limit: int) -> list[str]:
        """Incidents of which the rules are to be asked again, the longest not asked first; they are asked again
        after a while. Any number of workers may: each is asked by one."""
        with self._database.connection() as db:
            rows = db.execute(
                _TO_ASK,
                {
                    "now": now,
                    "limit": limit,
                    "soon": now + ASKED_AGAIN_AFTER,
                    "later": now + ASKED_LATER_AFTER,
                    "day": now - timedelta(days=1),
                },
            ).fetchall()
        return [str(row["incident_id"]) for row in rows]

    def get(self, incident_id: str) -> Running | None:
        """As it stands, without holding it. None where nothing was ever decided here. Raises NotFound for what is
        no incident's identifier."""
        asked = identifier(incident_id, "incident")
        with self._database.connection() as db:
            row = db.execute(f"{_SELECT} WHERE e.incident_id = %s", (asked,)).fetchone()
            return _read(row, _told(db, [asked]).get(asked, [])) if row is not None else None

    def messages(self, incident_id: str) -> list[Message]:
        """What was said or is to be said about an incident, in that order."""
        with self._database.connection() as db:
            rows = db.execute(
                f"SELECT {MESSAGE} FROM message AS m WHERE incident_id = %s ORDER BY made_at, key", (incident_id,)
            ).fetchall()
        return [message_from_row(row) for row in rows]


_SELECT = (
    "SELECT e.incident_id, i.opened_at, e.state, e.team, e.due_at, e.advanced, e.failures"
    " FROM escalation AS e JOIN incident AS i ON i.id = e.incident_id"
)
_TO_ASK = """
WITH chosen AS (
    SELECT incident_id FROM escalation WHERE ask_at <= %(now)s
    ORDER BY ask_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE escalation AS e SET ask_at = CASE WHEN i.opened_at > %(day)s THEN %(soon)s ELSE %(later)s END
FROM chosen JOIN incident AS i ON i.id = chosen.incident_id WHERE e.incident_id = chosen.incident_id
RETURNING e.incident_id
"""
# Due ones first: what has just happened can wait for a tick, a person's time to answer cannot.
_TAKE = """
WITH due AS (
    SELECT incident_id FROM escalation WHERE due_at <= %(now)s
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), told AS (
    SELECT incident_id FROM escalation
    WHERE incident_id IN (SELECT incident_id FROM escalation_event WHERE NOT waits ORDER BY id LIMIT %(limit)s)
    FOR UPDATE SKIP LOCKED
)
SELECT incident_id FROM due UNION SELECT incident_id FROM told
"""


def _read(row: Row, told: Sequence[Row]) -> Running:
    running = Running(
        incident_id=str(row["incident_id"]),
        opened_at=row["opened_at"],
        team=row["team"],
        advanced=row["advanced"],
        failures=row["failures"],
    )
    try:
        running.state = STATE.validate_python(row["state"]) if row["state"] is not None else None
        running.signals = tuple(_signal(one) for one in told)
    except ValidationError as error:
        running.unreadable = f"{error.error_count()} faults in what is stored of it"
    return running


def _told(db: Db, incident_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Row]]:
    """Read once they are held: whatever was written before that is seen, and comes in the order written."""
    found: dict[uuid.UUID, list[Row]] = defaultdict(list)
    if not incident_ids:
        return found
    rows = db.execute(
        "SELECT s.id, s.incident_id, s.kind, s.at, s.actor, s.detail ->> 'because' AS because,"
        " s.detail ->> 'checkpoint' AS checkpoint,"
        " d.record -> 'escalation' AS path, d.record -> 'team' ->> 'value' AS team"
        " FROM escalation_event AS s LEFT JOIN decision AS d ON d.id = s.decision_id"
        " WHERE s.incident_id = ANY(%s) ORDER BY s.id",
        (list(incident_ids),),
    ).fetchall()
    for row in rows:
        found[row["incident_id"]].append(row)
    return found


def _signal(row: Row) -> Signal:
    return Signal(
        id=row["id"],
        kind=row["kind"],
        at=row["at"],
        actor=row["actor"],
        because=row["because"],
        checkpoint=row["checkpoint"],
        path=PATH.validate_python(row["path"]) if row["path"] is not None else None,
        team=row["team"],
    )
