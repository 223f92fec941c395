"""The watchers are watched: a heartbeat while all is well, silence that is told of, dues, a summary."""

from datetime import timedelta

import pytest

from tests.fixtures_receivers import Hook
from tests.fixtures_store import Desk
from tests.telling.conftest import CALLED_TWICE
from tests.telling.fixtures import Telling, told_by
from triage.errors import DeliveryFailed
from triage.rules.configuration import configuration_from_texts
from triage.store.watching import Drilled, Watches
from triage.telling.watching import Watching

WATCH = """
channels:
  room: {stage: war_room, gateway: hook, address: room}
sources:
  monitor: {silent_after: 2h}
watch:
  alarm: ["person:ann"]
  heartbeat: {url: "https://beats.example/${BEAT}", every: 1m}
  summary: {channels: [room], at: "08:00"}
"""


class Watched(Telling):
    """A desk that is watched; ``beats`` are the moments of its heartbeat."""

    def __init__(self, desk: Desk, clock, hook: Hook) -> None:  # type: ignore[no-untyped-def]
        super().__init__(desk, clock)
        self.watches = Watches(desk.database)
        self.beats: list[str] = []
        self.answers = True
        self.watching = Watching(
            self.watches, self.outbox, lambda: self.desk.active.decider.configuration, clock, self._beat
        )

    def _beat(self, url: str) -> None:
        self.beats.append(url)
        if not self.answers:
            raise DeliveryFailed("answered with 500")

    def looks(self, minutes: float) -> None:
        """Time passes; every half a minute somebody looks."""
        end = self.clock.now + timedelta(minutes=minutes)
        while self.clock.now < end:
            self.watching.look()
            self.clock.now += timedelta(seconds=30)


@pytest.fixture
def watched(database, clock, hook: Hook, spare: Hook) -> Watched:  # type: ignore[no-untyped-def]
    configuration = configuration_from_texts(told_by(hook, spare) + WATCH, CALLED_TWICE)
    return Watched(Desk(database, configuration, clock), clock, hook)


def titles(hook: Hook, path: str) -> list[str]:
    return [got.data["title"] for got in hook.received if got.path == path]


def test_a_heart_beats_once_a_minute_while_all_is_well(watched: Watched) -> None:
    watched.looks(5)
    assert watched.beats == ["https://beats.example/${BEAT}"] * 5


def test_two_replicas_have_one_heart(watched: Watched) -> None:
    other = Watched(watched.desk, watched.clock, Hook(0))
    for _ in range(10):
        watched.watching.look()
        other.watching.look()
        watched.clock.advance(seconds=30)
    assert len(watched.beats) + len(other.beats) == 5


def test_a_heart_that_is_not_taken_beats_on(watched: Watched) -> None:
    watched.answers = False
    watched.looks(3)
    assert len(watched.beats) == 3


def test_it_stops_when_escalations_are_late(watched: Watched) -> None:
    watched.desk.fire(severity="critical")
    watched.engine.tick()
    watched.clock.advance(minutes=7)
    assert watched.watching.look().late == 1
    assert watched.beats == []
    watched.engine.tick()
    watched.deliver()
    assert watched.watching.look().is_well
    assert len(watched.beats) == 1


def test_it_stops_when_messages_are_stuck_or_dead(watched: Watched, hook: Hook, spare: Hook) -> None:
    hook.status = spare.status = 500
    watched.desk.fire(severity="critical")
    watched.goes_on(62)
    health = watched.watching.look()
    assert (health.dead, health.is_well) == (1, False)
    assert watched.beats == []


def test_a_silent_source_is_told_of_once(watched: Watched, hook: Hook) -> None:
    start = watched.clock.now.replace(minute=0)
    watched.watches.count_beats({("monitor", start): 3})
    watched.looks(80)
    watched.deliver()
    assert titles(hook, "/ann") == []
    watched.looks(30)
    watched.deliver()
    watched.looks(60)
    watched.deliver()
    assert titles(hook, "/ann") == ["monitor has fallen silent"]


def test_the_day_is_summed_up_in_the_morning(watched: Watched, hook: Hook) -> None:
    watched.desk.fire(severity="critical")
    watched.engine.tick()
    taken = watched.desk.fire(severity="warning", service="card-gateway", title="Cards declined")
    watched.corrections.override(taken.incident.id, "ann", priority="P2", team=None)
    watched.clock.now = watched.clock.now.replace(hour=6) + timedelta(days=1)  # 07:00 in Stockholm
    watched.looks(5)
    watched.deliver()
    assert titles(hook, "/room") == []
    watched.looks(120)
    watched.deliver()
    (got,) = [got for got in hook.received if got.path == "/room"]
    assert got.data["title"] == "Northwind Test: incidents of 2026-03-09"
    assert "Opened: 2; resolved: 0; decided otherwise by people: 1." in got.data["text"]
    assert "Unresolved: 1 P1, 1 P2." in got.data["text"]
    assert "Pages: Bob 1." in got.data["text"]


def test_policies_say_what_is_due(watched: Watched, hook: Hook) -> None:
    now = watched.clock.now
    number = "5f1d1c3e-0000-4000-8000-000000000001"
    drilled = Drilled(id=number, policy="fast", kind="virtual", made_by="ann", made_at=now, report={})
    watched.watches.note_drill(drilled)
    assert {due.policy.id: (due.review_due, due.drill_due) for due in watched.watching.dues()} == {
        "fast": (False, False),
        "standard": (False, True),
    }
    watched.clock.now = now.replace(year=2027)
    watched.watching.look()
    watched.deliver()
    dues = {due.policy.id: (due.review_due, due.drill_due) for due in watched.watching.dues()}
    assert dues == {"fast": (True, True), "standard": (True, True)}
    told = titles(hook, "/ann")
    assert {"Policy fast is due", "Policy standard is due"} <= set(told)
    watched.looks(10)
    watched.deliver()
    assert len(titles(hook, "/ann")) == len(told)
