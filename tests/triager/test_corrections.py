"""What people say is done at once, and never undone by a machine."""

from datetime import timedelta

import pytest

from tests.fixtures_store import Desk, an_event
from triage.corrections import Corrections
from triage.domain.decision import DecisionSource
from triage.domain.incident import EventKind, State, Status
from triage.errors import BadRequest, Conflict, NotFound, UnknownWord
from triage.store.incidents import Incidents


@pytest.fixture
def corrections(desk: Desk) -> Corrections:
    return Corrections(Incidents(desk.database), lambda: desk.active, desk.clock)


def test_an_override_decides_again_and_the_path_follows(desk: Desk, corrections: Corrections) -> None:
    opened = desk.fire(severity="warning")
    record, decision = corrections.override(opened.incident.id, "ann", priority="critical", team="payments")
    assert (record.priority.value, record.team) == ("P1", "payments")
    assert decision.priority.source is DecisionSource.OVERRIDE
    assert decision.escalation.policy == "fast"
    assert decision.decision_id != opened.decision.decision_id
    assert desk.count("decision") == 2


def test_an_override_holds_when_the_problem_goes_on(desk: Desk, corrections: Corrections) -> None:
    opened = desk.fire()
    corrections.override(opened.incident.id, "ann", priority="P4", team=None)
    for _ in range(5):
        joined = desk.fire(severity="critical")
    assert joined.incident.priority.value == "P4"


def test_two_overrides_of_one_incident_add_up(desk: Desk, corrections: Corrections) -> None:
    opened = desk.fire()
    corrections.override(opened.incident.id, "ann", priority="P2", team=None)
    record, decision = corrections.override(opened.incident.id, "bob", priority=None, team="payments")
    assert (record.priority.value, record.team) == ("P2", "payments")
    assert decision.priority.source is DecisionSource.OVERRIDE


def test_the_next_incident_of_the_pattern_is_corrected_in_the_same_second(
    desk: Desk, corrections: Corrections
) -> None:
    opened = desk.fire()
    corrections.override(opened.incident.id, "ann", priority="P2", team="payments", reason="seen it before")
    corrections.resolve(opened.incident.id, "ann", "restarted")
    again = desk.fire()
    assert again.opened
    assert (again.decision.priority.value.value, again.decision.team.value) == ("P2", "payments")
    assert again.decision.team.source is DecisionSource.CORRECTION


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"priority": "urgentest", "team": None}, UnknownWord),
        ({"priority": None, "team": "unheard of"}, UnknownWord),
        ({"priority": None, "team": None}, BadRequest),
    ],
)
def test_an_override_that_says_nothing_usable_changes_nothing(
    desk: Desk, corrections: Corrections, said: dict[str, str | None], error: type[Exception]
) -> None:
    opened = desk.fire()
    with pytest.raises(error):
        corrections.override(opened.incident.id, "ann", **said)
    assert desk.count("triage_override") == 0
    assert desk.count("decision") == 1


def test_an_incident_nobody_knows_cannot_be_changed(corrections: Corrections) -> None:
    for unknown in ("00000000-0000-0000-0000-000000000000", "not an id"):
        with pytest.raises(NotFound):
            corrections.acknowledge(unknown, "ann")


def test_acknowledging_twice_is_once(desk: Desk, corrections: Corrections) -> None:
    opened = desk.fire()
    first = corrections.acknowledge(opened.incident.id, "ann")
    desk.clock.advance(minutes=1)
    second = corrections.acknowledge(opened.incident.id, "bob")
    assert first.state is State.ACKNOWLEDGED
    assert (second.acknowledged_by, second.acknowledged_at) == ("ann", first.acknowledged_at)


def test_work_on_a_resolved_incident_is_a_conflict(desk: Desk, corrections: Corrections) -> None:
    opened = desk.fire()
    corrections.resolve(opened.incident.id, "ann", None)
    with pytest.raises(Conflict):
        corrections.acknowledge(opened.incident.id, "bob")
    with pytest.raises(Conflict):
        corrections.move(opened.incident.id, "bob", Status.MITIGATING)


def test_an_acknowledgement_survives_a_delivery_that_comes_in_meanwhile(
    desk: Desk, corrections: Corrections
) -> None:
    opened = desk.fire(dedup_key="lag", started_at=desk.clock.now)
    corrections.acknowledge(opened.incident.id, "ann")
    joined = desk.fire(dedup_key="lag", started_at=desk.clock.now + timedelta(minutes=1))
    assert joined.incident.state is State.ACKNOWLEDGED


def test_resolving_by_hand_ends_the_sources_keys_too(desk: Desk, corrections: Corrections) -> None:
    opened = desk.fire(dedup_key="lag", started_at=desk.clock.now)
    corrections.resolve(opened.incident.id, "ann", "failed over")
    later = desk.fire(dedup_key="lag", started_at=desk.clock.now + timedelta(minutes=1))
    assert later.opened
    desk.send(an_event(event=EventKind.RESOLVED, dedup_key="lag", started_at=later.incident.event.started_at))
    kept = Incidents(desk.database).get(opened.incident.id)
    assert (kept.resolved_by, kept.resolution) == ("ann", "failed over")


def test_a_forgotten_incident_is_closed_once_by_whoever_comes_first(desk: Desk) -> None:
    opened = desk.fire()
    incidents = Incidents(desk.database)
    assert incidents.close_forgotten(desk.clock.advance(days=13)) == []
    assert incidents.close_forgotten(desk.clock.advance(days=2)) == [opened.incident.id]
    assert incidents.close_forgotten(desk.clock.now) == []
    assert incidents.timeline(opened.incident.id)[-1].detail == {"because": "silent"}
