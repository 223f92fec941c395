"""A desk whose decisions are carried out, on a clock that tests move."""

from datetime import datetime, timedelta

from tests.fixtures_store import Clock, Desk
from triage.corrections import Corrections
from triage.engine import Engine
from triage.escalation.state import Escalation
from triage.store.escalations import Escalations
from triage.store.incidents import Incidents


class Running:
    """A desk and the engine that carries out what it decides."""

    def __init__(self, desk: Desk, clock: Clock) -> None:
        self.desk = desk
        self.clock = clock
        self.escalations = Escalations(desk.database)
        self.engine = Engine(self.escalations, lambda: self.desk.active.decider.catalogue, clock)
        self.corrections = Corrections(Incidents(desk.database), lambda: desk.active, clock)

    def passes(self, minutes: float) -> None:
        """Time, tick by tick as things fall due."""
        end = self.clock.now + timedelta(minutes=minutes)
        while True:
            while self.engine.tick().carried_on:
                pass
            due = self.next_due()
            if due is None or due > end:
                break
            self.clock.now = max(self.clock.now, due)
        self.clock.now = end

    def next_due(self) -> datetime | None:
        with self.desk.database.connection() as db:
            row = db.execute("SELECT min(due_at) AS at FROM escalation").fetchone()
        return row["at"] if row else None

    def said(self, incident_id: str) -> list[tuple[str, str, float]]:
        """Kind, recipient, and minutes since the opening."""
        running = self.escalations.get(incident_id)
        assert running is not None
        return [
            (m.kind.value, m.recipient, (m.made_at - running.opened_at).total_seconds() / 60)
            for m in self.escalations.messages(incident_id)
        ]

    def state_of(self, incident_id: str) -> Escalation:
        running = self.escalations.get(incident_id)
        assert running is not None
        assert running.state is not None
        return running.state

    def states(self, key: str) -> dict[str, int]:
        with self.desk.database.connection() as db:
            rows = db.execute(f"SELECT {key} AS word, count(*) AS n FROM message GROUP BY 1").fetchall()
        return {row["word"]: row["n"] for row in rows}
