"""The outbox as rows: messages taken out to be sent by one worker, and what became of them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.types.json import Jsonb

from triage.domain.message import Message, MessageKind, MessageState
from triage.domain.record import TimelineEntry
from triage.errors import NotFound
from triage.store.database import Database, Db, Row
from triage.store.timelines import record_timeline

MESSAGE = (
    "m.key, m.incident_id, m.kind, m.recipient, m.detail, m.made_at, m.state, m.attempts, m.sent_at, m.sent_with,"
    " m.fault"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A message that was taken out, and what says whether anybody still needs it. ``over``: its incident is
    resolved; ``phase``, ``acknowledged_at`` and ``verdict`` of its escalation; ``replaced``: a later one says the
    same; ``was_told``: the recipient has heard of the incident; ``told_lately``: when one of the same went to the
    recipient last. ``family`` and ``head`` say what is the same: a pattern, and what a storm began with."""

    message: Message
    over: bool = False
    phase: str | None = None
    acknowledged_at: datetime | None = None
    verdict: str | None = None
    replaced: bool = False
    was_told: bool = False
    told_lately: datetime | None = None
    family: str | None = None
    head: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """``before``: the position (made_at, key) after which the page starts."""

    state: MessageState | None = None
    recipient: str | None = None
    before: tuple[datetime, str] | None = None
    limit: int = 50


class Outbox:
    """Every call raises StoreUnavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, now: datetime, limit: int, hold: timedelta, quiet: timedelta) -> list[Taken]:
        """Up to ``limit`` messages that are due, those that somebody has to answer first, held for this worker
        until ``now`` + ``hold``. ``quiet``: how long ago ``told_lately`` looks back."""
        with self._database.transaction() as db:
            rows = db.execute(_TAKE, {"now": now, "limit": limit, "until": now + hold}).fetchall()
            if not rows:
                return []
            asked = {"keys": [row["key"] for row in rows], "since": now - quiet}
            known = {row["key"]: row for row in db.execute(_KNOWN, asked).fetchall()}
        return [_taken(row, known.get(row["key"], {})) for row in rows]

    def is_needed(self, messages: Sequence[Message]) -> set[str]:
        """Keys of those that are still to be sent, asked right before."""
        with self._database.connection() as db:
            rows = db.execute(
                "SELECT m.key FROM message AS m LEFT JOIN incident AS i ON i.id = m.incident_id"
                " WHERE m.key = ANY(%s) AND m.state = 'waiting'"
                " AND ((i.state = 'resolved') IS NOT TRUE OR m.kind IN ('stand_down', 'update', 'reminder'))",
                ([message.key for message in messages],),
            ).fetchall()
        return {row["key"] for row in rows}

    def put(self, messages: Iterable[Message]) -> int:
        """Messages about the service itself; how many were not there already."""
        with self._database.transaction() as db:
            return sum(put_message(db, message) for message in messages)

    def sent(self, messages: Sequence[Message], now: datetime) -> None:
        """All of them went out as the first."""
        keys = [message.key for message in messages]
        with self._database.connection() as db:
            db.execute(
                "UPDATE message SET state = 'sent', sent_at = %s, sent_with = nullif(%s, key), held_until = NULL"
                " WHERE key = ANY(%s) AND state <> 'sent'",
                (now, keys[0], keys),
            )

    def withdraw(self, keys: Collection[str], why: str) -> None:
        self._close(keys, "withdrawn", why)

    def wait(self, keys: Collection[str], until: datetime) -> None:
        """Taken out and not tried."""
        with self._database.connection() as db:
            db.execute(
                "UPDATE message SET due_at = %s, held_until = NULL, attempts = attempts - 1"
                " WHERE key = ANY(%s) AND state = 'waiting'",
                (until, list(keys)),
            )

    def failed(self, keys: Collection[str], fault: str, again_at: datetime) -> None:
        with self._database.connection() as db:
            db.execute(
                "UPDATE message SET due_at = %s, held_until = NULL, fault = %s"
                " WHERE key = ANY(%s) AND state = 'waiting'",
                (again_at, fault, list(keys)),
            )

    def give_up(self, messages: Sequence[Message], fault: str, now: datetime) -> None:
        """They are dead, and the timelines of their incidents say so."""
        entries = [
            TimelineEntry(
                incident_id=message.incident_id,
                at=now,
                kind="undelivered",
                actor="triage",
                detail={"recipient": message.recipient, "kind": message.kind.value, "fault": fault},
            )
            for message in messages
            if message.incident_id is not None
        ]
        with self._database.transaction() as db:
            _close(db, [message.key for message in messages], "dead", fault)
            record_timeline(db, entries)

    def find(self, wanted: MessageFilter) -> list[Message]:
        """The newest first."""
        with self._database.exploring() as db:
            rows = db.execute(_FIND, _asked(wanted)).fetchall()
        return [message_from_row(row) for row in rows]

    def send_again(self, key: str, now: datetime) -> Message:
        """A dead or withdrawn message waits once more. Raises NotFound for one that is neither."""
        with self._database.connection() as db:
            row = db.execute(_SEND_AGAIN, {"now": now, "key": key}).fetchone()
        if row is None:
            raise NotFound("no message of this key is dead or withdrawn")
        return message_from_row(row)

    def sent_together(self, key: str) -> list[Message]:
        """The message of this key and those that went out in it."""
        with self._database.connection() as db:
            rows = db.execute(
                f"SELECT {MESSAGE} FROM message AS m WHERE key = %s OR sent_with = %s ORDER BY made_at, key",
                (key, key),
            ).fetchall()
        return [message_from_row(row) for row in rows]

    def _close(self, keys: Collection[str], state: str, fault: str) -> None:
        with self._database.connection() as db:
            _close(db, keys, state, fault)


def _close(db: Db, keys: Collection[str], state: str, fault: str) -> None:
    db.execute(
        "UPDATE message SET state = %s, fault = %s, held_until = NULL WHERE key = ANY(%s) AND state = 'waiting'",
        (state, fault, list(keys)),
    )


def put_message(db: Db, message: Message) -> int:
    return db.execute(
        "INSERT INTO message (key, incident_id, kind, recipient, detail, made_at, due_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (
            message.key,
            message.incident_id,
            message.kind.value,
            message.recipient,
            Jsonb(dict(message.detail)),
            message.made_at,
            message.made_at,
        ),
    ).rowcount


def message_from_row(row: Row) -> Message:
    kind, state = MessageKind(row["kind"]), MessageState(row["state"])
    incident_id = str(row["incident_id"]) if row["incident_id"] is not None else None
    return Message(**{**row, "incident_id": incident_id, "kind": kind, "state": state})


def _taken(row: Row, known: Row) -> Taken:
    return Taken(message=message_from_row(row), **{name: value for name, value in known.items() if name != "key"})


def _asked(wanted: MessageFilter) -> dict[str, object]:
    made_at, key = wanted.before or (None, None)
    return {
        "state": wanted.state.value if wanted.state else None,
        "recipient": wanted.recipient,
        "made_at": made_at,
        "key": key,
        "limit": wanted.limit,
    }


_FIND = f"""
SELECT {MESSAGE} FROM message AS m
WHERE (%(state)s::text IS NULL OR m.state = %(state)s)
  AND (%(recipient)s::text IS NULL OR m.recipient = %(recipient)s)
  AND (%(made_at)s::timestamptz IS NULL OR (m.made_at, m.key) < (%(made_at)s, %(key)s))
ORDER BY m.made_at DESC, m.key DESC LIMIT %(limit)s
"""
_TAKE = f"""
WITH due AS (
    SELECT key FROM message
    WHERE state = 'waiting' AND due_at <= %(now)s AND (held_until IS NULL OR held_until <= %(now)s)
    ORDER BY (kind IN ('page', 'approval', 'alarm')) DESC, due_at, key LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), held AS (
    UPDATE message AS m SET held_until = %(until)s, attempts = m.attempts + 1 FROM due WHERE m.key = due.key
    RETURNING {MESSAGE}
)
SELECT * FROM held ORDER BY made_at, key
"""
_KNOWN = """
SELECT m.key, i.state = 'resolved' AS over, e.state ->> 'phase' AS phase,
    (e.state ->> 'acknowledged_at')::timestamptz AS acknowledged_at,
    e.state -> 'verdicts' ->> (m.detail ->> 'checkpoint') AS verdict,
    EXISTS (
        SELECT FROM message AS later
        WHERE later.incident_id = m.incident_id AND later.recipient = m.recipient AND later.kind = m.kind
          AND later.state IN ('waiting', 'sent') AND (later.made_at, later.key) > (m.made_at, m.key)
    ) AS replaced,
    EXISTS (
        SELECT FROM message AS told
        WHERE told.incident_id = m.incident_id AND told.recipient = m.recipient AND told.state = 'sent'
    ) AS was_told,
    (
        SELECT max(told.sent_at) FROM message AS told
        JOIN incident AS other ON other.id = told.incident_id JOIN pattern AS of ON of.id = other.pattern_id
        WHERE told.state = 'sent' AND told.recipient = m.recipient AND told.kind = m.kind
          AND told.sent_at > %(since)s AND told.incident_id <> m.incident_id
          AND (of.root = p.root OR coalesce(other.parent_id, other.id) = coalesce(i.parent_id, i.id))
    ) AS told_lately,
    p.root::text AS family, coalesce(i.parent_id, i.id)::text AS head
FROM message AS m JOIN incident AS i ON i.id = m.incident_id JOIN pattern AS p ON p.id = i.pattern_id
LEFT JOIN escalation AS e ON e.incident_id = m.incident_id
WHERE m.key = ANY(%(keys)s)
"""
_SEND_AGAIN = f"""
UPDATE message AS m SET state = 'waiting', due_at = %(now)s, made_at = %(now)s, attempts = 0, held_until = NULL
WHERE key = %(key)s AND state IN ('dead', 'withdrawn') RETURNING {MESSAGE}
"""
