"""What a challenger would have decided, beside what was decided."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from triage.domain.decision import Decision, DecisionInputs
from triage.store.alone import alone
from triage.store.database import Database, Row
from triage.store.records import DECISION, INPUTS

CHALLENGE_LOCK = 7_041_776_009
"""Key of the advisory lock that lets one replica at a time ask a challenger."""
LATE = timedelta(hours=1)
"""An incident that was opened so long before another one may still be written after it."""
DIFFERING_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The first decision on an incident, and what it rested on."""

    decision: Decision
    inputs: DecisionInputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a challenger concludes of an incident; ``acts_…``: whether it was sure enough to act alone."""

    incident_id: str
    incumbent: str
    opened_at: datetime
    priority: str
    team: str
    acts_priority: bool
    acts_team: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Of ``incidents`` that both decided on. ``…_same``: they concluded the same; ``acts_…``: of how many the
    incumbent, and the challenger (``would_act_…``), was sure enough; ``p1``: concluded to be P1 by both, by the
    incumbent alone, and by the challenger alone."""

    incidents: int
    team_same: int
    priority_same: int
    acts_team: int
    acts_priority: int
    would_act_team: int
    would_act_priority: int
    p1_both: int
    p1_incumbent: int
    p1_challenger: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """An incident of which the two conclude otherwise: (priority, team) of either."""

    incident_id: str
    title: str
    opened_at: datetime
    incumbent: tuple[str, str]
    challenger: tuple[str, str]


class Challenges:
    """Every call raises StoreUnavailable while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether no other replica asks a challenger now, and none will before this ends."""
        with alone(self._database, CHALLENGE_LOCK) as held:
            yield held

    def read_waiting(self, challenger: str, since: datetime, limit: int) -> list[Waiting]:
        """Incidents opened from ``since`` on that it was not asked about yet, the oldest first. Those that were
        decided without an embedding say nothing about a bundle."""
        with self._database.unattended(), self._database.exploring() as db:
            row = db.execute(
                "SELECT max(opened_at) AS at FROM challenger_answer WHERE bundle = %s", (challenger,)
            ).fetchone()
            reached = row["at"] - LATE if row and row["at"] is not None else since
            rows = db.execute(
                _WAITING, {"challenger": challenger, "since": max(since, reached), "limit": limit}
            ).fetchall()
        return [
            Waiting(decision=DECISION.validate_python(row["record"]), inputs=INPUTS.validate_python(row["inputs"]))
            for row in rows
        ]

    def keep(self, challenger: str, answers: Sequence[Answer]) -> None:
        with self._database.transaction() as db, db.cursor() as cursor:
            cursor.executemany(
                _KEEP,
                [{"bundle": challenger, **asdict(one)} for one in answers],
            )

    def state(self, challenger: str) -> tuple[object, ...]:
        """Changes whenever figures of it may."""
        with self._database.connection() as db:
            row = db.execute(
                "SELECT (SELECT count(*) FROM challenger_answer WHERE bundle = %s) AS answers,"
                " (SELECT max(id) FROM triage_override) AS said,"
                " (SELECT max(withdrawn_at) FROM triage_override) AS withdrawn",
                (challenger,),
            ).fetchone()
        return tuple(row.values()) if row else ()

    def count(self, challenger: str, incumbent: str, since: datetime) -> Counts:
        with self._database.unattended(), self._database.connection() as db:
            row = db.execute(
                _COUNTS, {"challenger": challenger, "incumbent": incumbent, "since": since}
            ).fetchone()
        assert row is not None  # an aggregate has one row
        return Counts(**row)

    def answers(self, challenger: str, incumbent: str, incident_ids: Sequence[str]) -> dict[str, Answer]:
        """By incident, where it was asked."""
        with self._database.unattended(), self._database.connection() as db:
            rows = db.execute(_ANSWERS, (challenger, incumbent, list(incident_ids))).fetchall()
        return {str(row["incident_id"]): _answer(row) for row in rows}

    def differing(self, challenger: str, incumbent: str, since: datetime) -> list[Differing]:
        """The newest incidents of which the two conclude otherwise."""
        with self._database.unattended(), self._database.connection() as db:
            rows = db.execute(
                _DIFFERING,
                {
                    "challenger": challenger,
                    "incumbent": incumbent,
                    "since": since,
                    "limit": DIFFERING_SHOWN,
                },
            ).fetchall()
        return [
            Differing(
                incident_id=str(row["incident_id"]),
                title=row["title"],
                opened_at=row["opened_at"],
                incumbent=(row["suggested_priority"], row["suggested_team"]),
                challenger=(row["priority"], row["team"]),
            )
            for row in rows
        ]


def _answer(row: Row) -> Answer:
    return Answer(**{**row, "incident_id": str(row["incident_id"])})


_WAITING = """
SELECT d.record, d.inputs FROM review_item AS q JOIN decision AS d ON d.id = q.decision_id
WHERE q.opened_at >= %(since)s AND d.encoder IS NOT NULL
    AND d.record->'versions'->>'bundle' <> %(challenger)s AND NOT EXISTS (
    SELECT FROM challenger_answer AS a WHERE a.bundle = %(challenger)s AND a.incident_id = q.incident_id
)
ORDER BY q.opened_at LIMIT %(limit)s
"""
_KEEP = """
INSERT INTO challenger_answer
    (bundle, incident_id, incumbent, opened_at, priority, team, acts_priority, acts_team)
SELECT %(bundle)s, id, %(incumbent)s, %(opened_at)s, %(priority)s, %(team)s, %(acts_priority)s, %(acts_team)s
FROM incident WHERE id = %(incident_id)s ON CONFLICT DO NOTHING
"""
_BOTH = """
FROM challenger_answer AS a JOIN review_item AS q USING (incident_id)
WHERE a.bundle = %(challenger)s AND a.incumbent = %(incumbent)s AND a.opened_at >= %(since)s
"""
_COUNTS = f"""
SELECT count(*) AS incidents,
    count(*) FILTER (WHERE a.team = q.suggested_team) AS team_same,
    count(*) FILTER (WHERE a.priority = q.suggested_priority) AS priority_same,
    count(*) FILTER (WHERE q.acts_team) AS acts_team, count(*) FILTER (WHERE q.acts_priority) AS acts_priority,
    count(*) FILTER (WHERE a.acts_team) AS would_act_team,
    count(*) FILTER (WHERE a.acts_priority) AS would_act_priority,
    count(*) FILTER (WHERE a.priority = 'P1' AND q.suggested_priority = 'P1') AS p1_both,
    count(*) FILTER (WHERE a.priority <> 'P1' AND q.suggested_priority = 'P1') AS p1_incumbent,
    count(*) FILTER (WHERE a.priority = 'P1' AND q.suggested_priority <> 'P1') AS p1_challenger
{_BOTH}
"""
_ANSWERS = """
SELECT incident_id, incumbent, opened_at, priority, team, acts_priority, acts_team FROM challenger_answer
WHERE bundle = %s AND incumbent = %s AND incident_id = ANY(%s::uuid[])
"""
_DIFFERING = f"""
SELECT found.*, i.title FROM (
    SELECT a.incident_id, a.opened_at, q.suggested_priority, q.suggested_team, a.priority, a.team {_BOTH}
    AND (a.team, a.priority) IS DISTINCT FROM (q.suggested_team, q.suggested_priority)
    ORDER BY a.opened_at DESC LIMIT %(limit)s
) AS found JOIN incident AS i ON i.id = found.incident_id ORDER BY found.opened_at DESC
"""
