"""Rules that read a clock are asked again while an incident is open, and at once when the work on it moves."""

import pytest

from tests.engine.fixtures import Running
from tests.fixtures_store import CATALOGUE, POLICY, Clock, Desk
from triage.asking import Asking
from triage.corrections import Corrections
from triage.domain.incident import Status
from triage.domain.priority import Priority
from triage.rules.configuration import configuration_from_texts
from triage.store.database import Database
from triage.store.incidents import Incidents

CLOCKED = POLICY.replace(
    "rules:\n",
    """rules:
  - id: nobody-took-it
    owner: desk
    review_after: 2027-01-01
    when: incident.status == 'new' && incident.age_minutes > 20
    then: {priority_at_least: P1}
  - id: being-mitigated
    owner: desk
    review_after: 2027-01-01
    when: incident.status == 'mitigating'
    then: {also_tell: ["team:problems"]}
""",
)


@pytest.fixture
def running(database: Database, clock: Clock) -> Running:
    return Running(Desk(database, configuration_from_texts(CATALOGUE, CLOCKED), clock), clock)


def asking(running: Running) -> Asking:
    incidents, active = Incidents(running.desk.database), lambda: running.desk.active
    corrections = Corrections(incidents, active, running.clock)
    return Asking(running.escalations, incidents, corrections, active, running.clock)


def lives(running: Running, minutes: int) -> int:
    """Time passes, and somebody asks every minute; how often something was decided otherwise."""
    asks, changed = asking(running), 0
    for _ in range(minutes):
        running.passes(1)
        changed += asks.ask()
    running.passes(0)
    return changed


def test_what_nobody_takes_becomes_more_urgent(running: Running) -> None:
    incident_id = running.desk.fire(severity="warning").incident.id
    assert lives(running, 20) == 0
    assert Incidents(running.desk.database).get(incident_id).priority is Priority.P3
    assert lives(running, 5) == 1
    assert Incidents(running.desk.database).get(incident_id).priority is Priority.P1
    entries = Incidents(running.desk.database).timeline(incident_id)
    assert [e.detail["because"] for e in entries if e.detail.get("because") and e.kind == "decided"] == [
        "time has passed"
    ]
    assert running.state_of(incident_id).path.policy == "fast"
    assert lives(running, 60) == 0


def test_what_somebody_took_stays_as_it_is(running: Running) -> None:
    incident_id = running.desk.fire(severity="warning").incident.id
    running.passes(5)
    running.corrections.acknowledge(incident_id, "bob")
    assert lives(running, 60) == 0


def test_a_persons_word_is_not_overwritten(running: Running) -> None:
    incident_id = running.desk.fire(severity="warning").incident.id
    running.corrections.override(incident_id, "ann", priority="P4", team=None)
    lives(running, 60)
    assert Incidents(running.desk.database).get(incident_id).priority is Priority.P4


def test_a_change_of_status_is_asked_about_at_once(running: Running) -> None:
    incident_id = running.desk.fire(severity="critical").incident.id
    running.passes(1)
    running.corrections.move(incident_id, "bob", Status.MITIGATING)
    running.passes(0)
    assert ("page", "person:ann", 1.0) in running.said(incident_id)


def test_each_is_asked_by_one_of_several(running: Running) -> None:
    for word in ("alpha", "bravo", "charlie", "delta"):
        running.desk.fire(severity="warning", title=f"The {word} is gone")
    running.passes(22)
    asked = [running.escalations.take_to_ask(running.clock.now, 3) for _ in range(3)]
    assert [len(ids) for ids in asked] == [3, 1, 0]
    assert len({one for ids in asked for one in ids}) == 4


def test_what_is_over_is_asked_no_more(running: Running) -> None:
    incident_id = running.desk.fire(severity="warning").incident.id
    running.passes(1)
    running.corrections.resolve(incident_id, "bob", None)
    running.passes(30)
    assert running.escalations.take_to_ask(running.clock.now, 10) == []
