"""Whatever happens in whatever order: nothing is sent after the end, an answer stops the clock, what nobody takes
reaches the last step, a clock that is set back does no harm, and two workers do what one does.

Everything happens to two databases at once: one is carried on by one worker, the other by two that take turns in
an order of hypothesis' own. Both are real.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.engine.fixtures import Running
from tests.fixtures_store import CATALOGUE, POLICY, Clock, Desk
from tests.telling.fixtures import BASE
from triage.domain.message import Outgoing
from triage.engine import Engine
from triage.errors import Conflict, DeliveryFailed
from triage.escalation.state import Phase, TimerKind
from triage.notify.links import Links
from triage.notify.ways import Target
from triage.responding import Responding
from triage.rules.configuration import configuration_from_texts
from triage.store.background import Backgrounds
from triage.store.database import Database
from triage.store.escalations import Escalations
from triage.store.incidents import Incidents
from triage.store.outbox import Outbox
from triage.telling.briefing import Briefings
from triage.telling.delivering import Delivering

CONFIGURATION = configuration_from_texts(CATALOGUE, POLICY)
DESK_TRIES = timedelta(days=2)
PEOPLE = st.sampled_from(["ann", "bob"])


class Side(Running):
    """One of the two databases: its incidents by the number they were fired in, and what was sent of each."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.database = Database(url, size=3, timeout=10)
        self.database.open()
        super().__init__(Desk(self.database, CONFIGURATION, clock), clock)
        self.incidents = Incidents(self.database)
        self.responding = Responding(self.incidents, self.escalations, self.catalogue, clock)
        self.workers = [Engine(Escalations(self.database), self.catalogue, clock) for _ in range(2)]
        self.ids: list[str] = []
        self.sent: list[tuple[str, str, bool]] = []
        self.targets_work = True
        briefings = Briefings(self.incidents, self.escalations, Backgrounds(self.database), self.catalogue)
        links = Links(b"secret" * 6, BASE)
        self.delivering = Delivering(
            Outbox(self.database), briefings, self.catalogue, clock, lambda: links, self._send, {}
        )

    def catalogue(self):  # type: ignore[no-untyped-def]
        return CONFIGURATION.catalogue

    def _send(self, target: Target, outgoing: Outgoing, patience: float) -> None:
        if not self.targets_work:
            raise DeliveryFailed("away")
        for briefing in outgoing.data["incidents"]:
            over = self.incidents.get(briefing["incident_id"]).state.value == "resolved"
            self.sent.append((briefing["incident_id"], outgoing.kind.value, over))

    def deliver(self) -> None:
        for parcel in self.delivering.take(100).parcels:
            self.delivering.deliver(parcel)

    def said_of(self, number: int) -> list[tuple[str, str, float]]:
        return sorted(self.said(self.ids[number]))


class Escalating(RuleBasedStateMachine):
    new_database: Callable[[], str]

    @initialize()
    def begin(self) -> None:
        self.clock = Clock()
        self.one, self.two = Side(self.new_database(), self.clock), Side(self.new_database(), self.clock)
        self.sides = (self.one, self.two)
        self.fired = 0

    def teardown(self) -> None:
        if not hasattr(self, "sides"):
            return
        try:
            self._comes_to_its_end()
        finally:
            for side in self.sides:
                side.database.close()

    def _comes_to_its_end(self) -> None:
        """Whom nobody answers reaches the last step, which is the triage desk; both sides said the same."""
        end = self.clock.now + DESK_TRIES
        self._tick([0, 1, 0])
        self._until(end)
        for number in range(self.fired):
            assert self.one.said_of(number) == self.two.said_of(number)
            state = self.two.state_of(self.two.ids[number])
            if state.phase is Phase.CALLING:
                assert state.step >= len(state.path.steps)

    def _until(self, end) -> None:  # type: ignore[no-untyped-def]
        for _ in range(200):
            due = [at for side in self.sides if (at := side.next_due()) is not None and at <= end]
            if not due:
                break
            self.clock.now = max(self.clock.now, min(due))
            self._tick([0, 1])
        self.clock.now = max(self.clock.now, end)

    def _tick(self, turns: list[int]) -> None:
        """All that is due on both: by one worker here, by two in some order there."""
        while self.one.engine.tick().carried_on:
            pass
        for turn in turns:
            self.two.workers[turn].tick(at_once=1)
        while self.two.workers[0].tick(at_once=1).carried_on + self.two.workers[1].tick(at_once=2).carried_on:
            pass

    def _each(self, number: int, act: Callable[[Side, str], object]) -> None:
        """The same to both; an action that is refused is refused by both."""
        outcomes = []
        for side in self.sides:
            try:
                act(side, side.ids[number % self.fired])
                outcomes.append("done")
            except Conflict:
                outcomes.append("refused")
        assert len(set(outcomes)) == 1

    @rule(severity=st.sampled_from(["critical", "warning"]))
    def fire(self, severity: str) -> None:
        word = "abcdefghijklmnopqrstuvwxyz"[self.fired % 26] * 6
        for side in self.sides:
            fired = side.desk.fire(severity=severity, title=f"The {word} of it is gone", dedup_key=word)
            if fired.opened:
                side.ids.append(fired.incident.id)
        self.fired = len(self.one.ids)

    @rule(turns=st.lists(st.integers(0, 1), max_size=4))
    def tick(self, turns: list[int]) -> None:
        self._tick(turns)

    @rule(minutes=st.sampled_from([0.5, 4, 5, 16, 70]))
    def time_passes(self, minutes: float) -> None:
        self._until(self.clock.now + timedelta(minutes=minutes))

    @rule(back=st.sampled_from([timedelta(minutes=30), timedelta(days=365)]))
    def the_clock_is_set_back_for_a_moment(self, back: timedelta) -> None:
        self.clock.now -= back
        self._tick([1])
        self.clock.now += back

    @rule()
    def a_year_passes_unnoticed(self) -> None:
        self.clock.now += timedelta(days=365)
        self._tick([1, 0])

    @rule(works=st.booleans())
    def targets(self, works: bool) -> None:
        for side in self.sides:
            side.targets_work = works

    @rule()
    def deliver(self) -> None:
        for side in self.sides:
            side.deliver()

    @precondition(lambda self: self.fired)
    @rule(number=st.integers(0, 9), by=PEOPLE)
    def acknowledge(self, number: int, by: str) -> None:
        self._each(number, lambda side, incident_id: side.corrections.acknowledge(incident_id, by))

    @precondition(lambda self: self.fired)
    @rule(number=st.integers(0, 9), by=PEOPLE)
    def resolve(self, number: int, by: str) -> None:
        self._each(number, lambda side, incident_id: side.corrections.resolve(incident_id, by, None))

    @precondition(lambda self: self.fired)
    @rule(number=st.integers(0, 9), by=PEOPLE)
    def resolve_what_waits_to_be_said(self, number: int, by: str) -> None:
        """Between the tick that wants something said and the delivery."""
        self.reopen(number, by)
        self._tick([0])
        self.resolve(number, by)
        for side in self.sides:
            side.targets_work = True
        self.deliver()

    @precondition(lambda self: self.fired)
    @rule(number=st.integers(0, 9), by=PEOPLE)
    def reopen(self, number: int, by: str) -> None:
        self._each(number, lambda side, incident_id: side.responding.reopen(incident_id, by))

    @precondition(lambda self: self.fired)
    @rule(number=st.integers(0, 9), by=PEOPLE)
    def escalate(self, number: int, by: str) -> None:
        self._each(number, lambda side, incident_id: side.responding.escalate(incident_id, by))

    @precondition(lambda self: self.fired)
    @rule(
        number=st.integers(0, 9), priority=st.sampled_from(["P1", "P3"]), team=st.sampled_from(["payments", None])
    )
    def override(self, number: int, priority: str, team: str | None) -> None:
        self._each(
            number,
            lambda side, incident_id: side.corrections.override(incident_id, "ann", priority=priority, team=team),
        )

    @invariant()
    def nothing_is_sent_once_it_is_over(self) -> None:
        for side in getattr(self, "sides", ()):
            assert {kind for _, kind, over in side.sent if over} <= {"stand_down"}

    @invariant()
    def an_answer_stops_the_clock(self) -> None:
        for side in getattr(self, "sides", ()):
            for incident_id in side.ids:
                running = side.escalations.get(incident_id)
                if running is None or running.state is None:
                    continue
                kinds = {timer.kind for timer in running.state.timers}
                if running.state.phase is Phase.ACKNOWLEDGED:
                    assert not kinds & {TimerKind.STEP, TimerKind.ACKNOWLEDGE, TimerKind.SLA_ACKNOWLEDGE}
                if running.state.phase is Phase.RESOLVED:
                    assert kinds == set()


@pytest.mark.timeout(400)
def test_whatever_happens(new_database: Callable[[], str]) -> None:
    Escalating.new_database = staticmethod(new_database)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Escalating,
        settings=settings(
            max_examples=25,
            stateful_step_count=18,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
