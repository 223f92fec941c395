"""What those who watch the service itself read and write: signs of life, duties done, what is late, drills."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from triage.domain.incident import DRILL_SOURCE
from triage.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """``late``: escalations that should have been carried on a minute ago; ``stuck``: messages that wait for five
    minutes or longer; ``dead``: those that were given up in the last hour."""

    late: int
    stuck: int
    dead: int

    @property
    def is_well(self) -> bool:
        return not (self.late or self.stuck or self.dead)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day in numbers. ``unresolved``: open at its end, by priority; ``changed``: decided otherwise by people;
    ``recurring``: patterns that came more than once, with how often; ``pages``: by person."""

    opened: int
    resolved: int
    unresolved: Mapping[str, int]
    changed: int
    recurring: tuple[tuple[str, int], ...]
    pages: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    id: str
    policy: str
    kind: str
    made_by: str
    made_at: datetime
    report: Mapping[str, Any]
    incident_id: str | None = None


class Watches:
    """Every call raises StoreUnavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take_duty(self, name: str, now: datetime, every: timedelta) -> bool:
        """Whether it is ours to do now: nobody has done it for so long."""
        with self._database.connection() as db:
            row = db.execute(
                "INSERT INTO duty (name, done_at) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE"
                " SET done_at = excluded.done_at WHERE duty.done_at <= excluded.done_at - %s::interval"
                " RETURNING name",
                (name, now, every),
            ).fetchone()
        return row is not None

    def count_beats(self, counted: Mapping[tuple[str, datetime], int]) -> None:
        """Events by source and the piece of time in which they came."""
        if not counted:
            return
        ordered = sorted(counted.items())
        with self._database.connection() as db:
            db.execute(
                "INSERT INTO source_beat (source, at, events)"
                " SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::bigint[])"
                " ON CONFLICT (source, at) DO UPDATE SET events = source_beat.events + excluded.events",
                ([source for (source, _), _ in ordered], [at for (_, at), _ in ordered], [n for _, n in ordered]),
            )

    def beats(self, since: datetime) -> dict[str, list[datetime]]:
        """Signs of life of every source since then, in order; older ones are forgotten."""
        found: defaultdict[str, list[datetime]] = defaultdict(list)
        with self._database.connection() as db:
            db.execute("DELETE FROM source_beat WHERE at < %s", (since,))
            rows = db.execute("SELECT source, at FROM source_beat ORDER BY source, at").fetchall()
        for row in rows:
            found[row["source"]].append(row["at"])
        return found

    def health(self, now: datetime) -> Health:
        with self._database.connection() as db:
            row = db.execute(_HEALTH, {"now": now}).fetchone()
        return Health(**row) if row else Health(late=0, stuck=0, dead=0)

    def day(self, since: datetime, until: datetime) -> Day:
        asked = {"since": since, "until": until}
        with self._database.unattended(), self._database.exploring() as db:
            counts = db.execute(_DAY, asked).fetchone() or {}
            unresolved = db.execute(_UNRESOLVED, asked).fetchall()
            recurring = db.execute(_RECURRING, asked).fetchall()
            pages = db.execute(_PAGES, asked).fetchall()
        return Day(
            opened=counts.get("opened", 0),
            resolved=counts.get("resolved", 0),
            changed=counts.get("changed", 0),
            unresolved={row["priority"]: row["n"] for row in unresolved},
            recurring=tuple((row["title"], row["n"]) for row in recurring),
            pages={row["person"]: row["n"] for row in pages},
        )

    def note_drill(self, drilled: Drilled) -> None:
        with self._database.connection() as db:
            db.execute(
                "INSERT INTO drill (id, policy, kind, incident_id, made_by, made_at, report)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET report = excluded.report",
                (
                    drilled.id,
                    drilled.policy,
                    drilled.kind,
                    drilled.incident_id,
                    drilled.made_by,
                    drilled.made_at,
                    Jsonb(dict(drilled.report)),
                ),
            )

    def drills(self, limit: int) -> list[Drilled]:
        """The newest first."""
        with self._database.connection() as db:
            rows = db.execute(
                "SELECT id, policy, kind, incident_id, made_by, made_at, report FROM drill"
                " ORDER BY made_at DESC LIMIT %s",
                (limit,),
            ).fetchall()
        return [
            Drilled(**{**row, "id": str(row["id"]), "incident_id": str(row["incident_id"] or "") or None})
            for row in rows
        ]

    def last_drills(self) -> dict[str, datetime]:
        """When each policy was drilled last."""
        with self._database.connection() as db:
            rows = db.execute("SELECT policy, max(made_at) AS at FROM drill GROUP BY policy").fetchall()
        return {row["policy"]: row["at"] for row in rows}


_HEALTH = """
SELECT (SELECT count(*) FROM escalation WHERE due_at < %(now)s - interval '1 minute') AS late,
    (SELECT count(*) FROM message WHERE state = 'waiting' AND due_at < %(now)s - interval '5 minutes'
        AND made_at < %(now)s - interval '5 minutes') AS stuck,
    (SELECT count(*) FROM message WHERE state = 'dead' AND made_at > %(now)s - interval '2 hours') AS dead
"""
_DAY = f"""
SELECT (SELECT count(*) FROM incident
        WHERE opened_at >= %(since)s AND opened_at < %(until)s AND source <> '{DRILL_SOURCE}') AS opened,
    (SELECT count(*) FROM timeline WHERE at >= %(since)s AND at < %(until)s AND kind = 'resolved') AS resolved,
    (SELECT count(*) FROM timeline WHERE at >= %(since)s AND at < %(until)s AND kind = 'overridden') AS changed
"""
_UNRESOLVED = f"""
SELECT priority, count(*) AS n FROM incident
WHERE state <> 'resolved' AND opened_at < %(until)s AND source <> '{DRILL_SOURCE}'
GROUP BY priority ORDER BY priority
"""
_RECURRING = f"""
SELECT max(title) AS title, sum(occurrences) AS n FROM incident
WHERE opened_at >= %(since)s AND opened_at < %(until)s AND source <> '{DRILL_SOURCE}'
GROUP BY pattern_id HAVING sum(occurrences) > 1 ORDER BY n DESC LIMIT 5
"""
_PAGES = """
SELECT substr(recipient, 8) AS person, count(*) AS n FROM message
WHERE kind = 'page' AND made_at >= %(since)s AND made_at < %(until)s GROUP BY 1 ORDER BY n DESC, person LIMIT 10
"""
