"""Whoever answers is heard, also as the second of two who must, and after the path went on without an answer."""

import pytest

from tests.engine.fixtures import Running
from tests.fixtures_store import CATALOGUE, POLICY, Clock, Desk
from triage.escalation.state import Phase
from triage.responding import Responding
from triage.rules.configuration import configuration_from_texts
from triage.store.database import Database
from triage.store.incidents import Incidents

ALL = POLICY.replace(
    "{targets: [owner], acknowledge_within: 5m}",
    '{targets: ["person:ann", "person:bob"], require: all, acknowledge_within: 5m}',
)


@pytest.fixture
def both(database: Database, clock: Clock) -> Running:
    """Of whom each has to answer."""
    return Running(Desk(database, configuration_from_texts(CATALOGUE, ALL), clock), clock)


def test_the_second_of_two_who_must_is_heard(both: Running) -> None:
    incident_id = both.desk.fire(severity="critical").incident.id
    both.passes(1)
    both.corrections.acknowledge(incident_id, "ann")
    both.passes(1)
    assert both.state_of(incident_id).phase is Phase.CALLING
    both.corrections.acknowledge(incident_id, "bob")
    both.passes(1)
    assert both.state_of(incident_id).phase is Phase.ACKNOWLEDGED


def test_who_says_it_twice_says_it_once(both: Running) -> None:
    incident_id = both.desk.fire(severity="critical").incident.id
    both.passes(1)
    for _ in range(3):
        both.corrections.acknowledge(incident_id, "ann")
    timeline = Incidents(both.desk.database).timeline(incident_id)
    assert [entry.kind for entry in timeline].count("acknowledged") == 1


def test_an_answer_after_the_path_went_on_ends_the_calls(running: Running) -> None:
    incident_id = running.desk.fire(severity="critical").incident.id
    running.passes(1)
    running.corrections.acknowledge(incident_id, "bob")
    running.passes(1)
    responding = Responding(
        Incidents(running.desk.database),
        running.escalations,
        lambda: running.desk.active.decider.catalogue,
        running.clock,
    )
    responding.escalate(incident_id, "bob", "too much for me")
    running.passes(1)
    assert running.state_of(incident_id).phase is Phase.CALLING
    running.corrections.acknowledge(incident_id, "ann")
    running.passes(60)
    assert running.state_of(incident_id).phase is Phase.ACKNOWLEDGED
    assert Incidents(running.desk.database).get(incident_id).acknowledged_by == "ann"
