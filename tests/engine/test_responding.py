"""What responders say to a running escalation takes effect with the next tick."""

from datetime import timedelta

import pytest

from tests.engine.fixtures import Running
from tests.fixtures_store import CATALOGUE, POLICY, Clock, Desk, an_event
from triage.domain.incident import EventKind
from triage.errors import Conflict, Forbidden, NotFound, UnknownWord
from triage.escalation.state import Phase, Verdict
from triage.responding import Responding
from triage.rules.configuration import configuration_from_texts
from triage.store.incidents import Incidents

ROLES = "roles: {approver: person:ann, deputy: person:bob}\n"
APPROVED = POLICY.replace(
    "      - {targets: [owner], acknowledge_within: 5m}\n",
    "      - {targets: [owner], acknowledge_within: 5m}\n"
    "      - {targets: [team:payments], acknowledge_within: 5m,"
    " checkpoint: {id: spend, role: approver, deputy: deputy, reason: it costs money, decide_within: 10m}}\n",
)


@pytest.fixture
def asking(desk: Desk, clock: Clock) -> Running:
    configuration = configuration_from_texts(CATALOGUE.replace("people:\n", ROLES + "people:\n", 1), APPROVED)
    return Running(Desk(desk.database, configuration, clock), clock)


@pytest.fixture
def responding(asking: Running) -> Responding:
    return Responding(
        Incidents(asking.desk.database),
        asking.escalations,
        lambda: asking.desk.active.decider.catalogue,
        asking.clock,
    )


def test_next_step_begins_when_somebody_asks_for_it(asking: Running, responding: Responding):
    opened = asking.desk.fire().incident
    asking.passes(1)
    asking.corrections.acknowledge(opened.id, "bob")
    asking.passes(1)
    responding.escalate(opened.id, "bob", "wider than we thought")
    asking.passes(0)
    assert asking.state_of(opened.id).phase is Phase.CALLING
    assert asking.said(opened.id) == [("page", "person:bob", 0), ("page", "person:ann", 2)]  # the desk
    asking.corrections.resolve(opened.id, "bob", None)
    with pytest.raises(Conflict):
        responding.escalate(opened.id, "bob")


def test_approval_is_the_role_s_and_its_deputy_s(asking: Running, responding: Responding):
    opened = asking.desk.fire(severity="critical").incident
    asking.passes(5)
    assert ("approval", "person:ann", 5) in asking.said(opened.id)
    with pytest.raises(Forbidden):
        responding.answer(opened.id, "eve", None, approved=True)
    with pytest.raises(UnknownWord, match="there are: "):
        responding.answer(opened.id, "ann", "budget", approved=True)
    responding.answer(opened.id, "ann", None, approved=True)
    asking.passes(0)
    assert set(responding.progress(opened.id).approvals.values()) == {Verdict.APPROVED}
    assert asking.said(opened.id)[-1] == ("page", "person:ann", 5)


def test_refused_step_is_not_told(asking: Running, responding: Responding):
    opened = asking.desk.fire(severity="critical").incident
    asking.passes(5)
    responding.answer(opened.id, "bob", None, approved=False, reason="not yet")
    asking.passes(1)
    assert set(responding.progress(opened.id).approvals.values()) == {Verdict.REFUSED}
    assert [kind for kind, _, _ in asking.said(opened.id)] == ["page", "approval"]


def test_note_is_kept_also_of_what_is_over(asking: Running, responding: Responding):
    opened = asking.desk.fire().incident
    asking.corrections.resolve(opened.id, "ann", None)
    responding.annotate(opened.id, "bob", "It was the second acquirer")
    entry = Incidents(asking.desk.database).timeline(opened.id)[-1]
    assert (entry.kind, entry.actor, entry.detail) == ("note", "bob", {"text": "It was the second acquirer"})
    with pytest.raises(NotFound):
        responding.annotate("00000000-0000-0000-0000-000000000000", "bob", "nothing")


def test_reopened_incident_is_escalated_anew_and_joined_by_its_source(asking: Running, responding: Responding):
    opened = asking.desk.fire(dedup_key="lag", severity="critical").incident
    asking.passes(1)
    asking.corrections.resolve(opened.id, "bob", "restarted")
    asking.passes(1)
    assert asking.state_of(opened.id).phase is Phase.RESOLVED
    record = responding.reopen(opened.id, "ann", "it came back")
    assert record.closes_at is not None
    assert record.closes_at > asking.clock.now + timedelta(days=1)
    asking.passes(0)
    assert asking.state_of(opened.id).phase is Phase.CALLING
    assert asking.said(opened.id)[-1] == ("page", "person:bob", 2)
    asking.desk.send(an_event(event=EventKind.RESOLVED, dedup_key="lag"))
    asking.passes(0)
    assert asking.state_of(opened.id).phase is Phase.RESOLVED
    with pytest.raises(Conflict):
        responding.reopen(asking.desk.fire(dedup_key="lag").incident.id, "ann")


def test_hand_over_says_where_it_stands(asking: Running, responding: Responding):
    opened = asking.desk.fire(severity="critical").incident
    with pytest.raises(NotFound):
        responding.progress(opened.id)
    asking.passes(2)
    found = responding.progress(opened.id).hand_over
    assert (found.step, [person for person, _ in found.told]) == (1, ["bob"])
    assert found.next_at == opened.opened_at + timedelta(minutes=5)
