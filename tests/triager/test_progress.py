"""What has happened since the opening is known to rules, and changes the path of an incident that is open."""

from datetime import timedelta

import pytest

from tests.fixtures_store import CATALOGUE, POLICY, Desk
from triage.corrections import Corrections
from triage.domain.incident import Status
from triage.rules.configuration import configuration_from_texts
from triage.store.incidents import Incidents

RULES = """
  - id: many
    owner: desk
    review_after: 2030-01-01
    when: incident.alerts >= 3
    then: {also_tell: ["person:ann"]}
  - id: worse
    owner: desk
    review_after: 2030-01-01
    when: incident.severity_raised && priority_before == 'P3'
    then: {require_review: it got worse}
  - id: lingers
    owner: desk
    review_after: 2030-01-01
    when: incident.status == 'investigating' && incident.status_minutes >= 30
    then: {priority_at_least: P1}
"""


@pytest.fixture
def asking(desk: Desk) -> Desk:
    configuration = configuration_from_texts(CATALOGUE, POLICY.replace("rules:\n", f"rules:{RULES}", 1))
    return Desk(desk.database, configuration, desk.clock)


def test_more_alerts_bring_others_in_once(asking: Desk) -> None:
    decided = [asking.fire().decision for _ in range(4)]
    told = ["person:ann" in decision.escalation.targets for decision in decided]
    assert told == [False, False, True, True]
    assert decided[2].decision_id == decided[3].decision_id
    assert asking.count("decision") == 2


def test_higher_severity_is_known_beside_what_stood_before(asking: Desk) -> None:
    asking.fire(severity="warning")
    worse = asking.fire(severity="critical")
    assert any(reason.startswith("worse: it got worse") for reason in worse.decision.review.reasons)


def test_time_in_a_status_counts_from_the_change(asking: Desk) -> None:
    corrections = Corrections(Incidents(asking.database), lambda: asking.active, asking.clock)
    opened = asking.fire()
    asking.clock.advance(minutes=20)
    corrections.move(opened.incident.id, "bob", Status.INVESTIGATING)
    asking.clock.advance(minutes=29)
    assert asking.fire().decision.priority.value.value == "P3"
    asking.clock.advance(minutes=1)
    joined = asking.fire()
    assert joined.decision.priority.value.value == "P1"
    assert joined.incident.status_since == asking.clock.now - timedelta(minutes=30)


def test_acknowledgement_is_where_triaging_begins(asking: Desk) -> None:
    corrections = Corrections(Incidents(asking.database), lambda: asking.active, asking.clock)
    opened = asking.fire()
    asking.clock.advance(minutes=5)
    taken = corrections.acknowledge(opened.incident.id, "bob")
    assert (taken.status, taken.status_since) == (Status.TRIAGING, asking.clock.now)
    assert taken.progress.acknowledged_at == asking.clock.now
