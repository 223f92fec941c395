"""What people say is done at once, and never undone by a machine."""

from datetime import timedelta

import pytest

from tests.fixtures_store import Desk, an_event
from triage.corrections import Corrections
from triage.domain.decision import DecisionSource
from triage.domain.incident import EventKind, State, Status
from triage.domain.priority import Priority
from triage.domain.recurrence import Silence
from triage.errors import BadRequest, Conflict, NotFound, UnknownWord
from triage.memory.silencing import IT_IS_OVER, tell_unsilenced
from triage.store.importing import PostgresImport
from triage.store.incidents import Incidents
from triage.store.silences import Silences
from triage.triager import Received


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


def test_nothing_that_a_machine_does_takes_a_persons_word_away(desk: Desk, corrections: Corrections) -> None:
    opened = desk.fire(dedup_key="lag")
    corrections.override(opened.incident.id, "ann", priority="P4", team="payments")
    desk.fire(dedup_key="lag", title="Much worse now", severity="critical", assigned_team="databases")
    desk.clock.advance(hours=2)
    corrections.ask_again(opened.incident.id)
    record = Incidents(desk.database).get(opened.incident.id)
    assert (record.priority.value, record.team) == ("P4", "payments")


def test_who_takes_their_word_back_leaves_what_was_there_without_it(desk: Desk, corrections: Corrections) -> None:
    opened = desk.fire()
    corrections.override(opened.incident.id, "ann", priority="P4", team=None)
    corrections.override(opened.incident.id, "bob", priority="P1", team="payments")
    with desk.database.connection() as db:
        rows = db.execute("SELECT id FROM triage_override ORDER BY id").fetchall()
    first, second = (row["id"] for row in rows)
    with pytest.raises(Conflict):
        corrections.withdraw(opened.incident.id, "ann", first)
    record = corrections.withdraw(opened.incident.id, "bob", second)
    assert (record.priority.value, record.team) == ("P4", opened.incident.team)
    with pytest.raises(Conflict):
        corrections.withdraw(opened.incident.id, "bob", second)
    assert corrections.withdraw(opened.incident.id, "ann", first).priority is opened.incident.priority


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


def silenced(desk: Desk, pattern_id: str, until: timedelta) -> Silence:
    """A silence on everything of a pattern."""
    made = Silences(desk.database).make(
        pattern_id, Priority.P1, "known", "ann", desk.clock.now, desk.clock.now + until
    )
    return Silence(id=made.id, priority=made.priority, reason=made.reason, by="ann", ends_at=made.ends_at)


def hidden_by(desk: Desk, corrections: Corrections, until: timedelta) -> tuple[Received, Silence]:
    """An open incident that nobody was told of."""
    first = desk.fire()
    corrections.resolve(first.incident.id, "ann", None)
    silence = silenced(desk, first.incident.pattern_id, until)
    hidden = desk.fire()
    assert hidden.decision.escalation.suppressed
    return hidden, silence


def test_what_a_silence_hid_is_decided_again_once_and_tells_somebody(desk: Desk, corrections: Corrections) -> None:
    hidden, _ = hidden_by(desk, corrections, timedelta(hours=1))
    silences = Silences(desk.database)
    assert tell_unsilenced(silences, corrections, desk.clock.now) == 0
    desk.clock.advance(hours=1)
    assert [tell_unsilenced(silences, corrections, desk.clock.now) for _ in range(3)] == [1, 0, 0]
    record = Incidents(desk.database).get(hidden.incident.id)
    decision = Incidents(desk.database).get_decision(record.decision_id or "").decision
    assert not decision.escalation.suppressed
    assert decision.decided_at == desk.clock.now
    entry = Incidents(desk.database).timeline(hidden.incident.id)[-1]
    assert (entry.kind, entry.actor, entry.detail["because"]) == ("decided", "triage", IT_IS_OVER)


def test_what_people_said_of_it_meanwhile_holds_when_a_silence_ends(desk: Desk, corrections: Corrections) -> None:
    hidden, _ = hidden_by(desk, corrections, timedelta(hours=1))
    corrections.override(hidden.incident.id, "ann", priority="P2", team="payments")
    desk.clock.advance(hours=1)
    decision = corrections.reconsider(hidden.incident.id, "over")
    assert decision is not None
    assert (decision.priority.value.value, decision.team.value) == ("P2", "payments")
    assert decision.priority.source is DecisionSource.OVERRIDE


def test_another_silence_goes_on_hiding_what_the_first_one_hid(desk: Desk, corrections: Corrections) -> None:
    hidden, _ = hidden_by(desk, corrections, timedelta(hours=1))
    silenced(desk, hidden.incident.pattern_id, timedelta(hours=3))
    silences, incidents = Silences(desk.database), Incidents(desk.database)
    desk.clock.advance(hours=1)
    assert [tell_unsilenced(silences, corrections, desk.clock.now) for _ in range(2)] == [1, 0]
    record = incidents.get(hidden.incident.id)
    assert incidents.get_decision(record.decision_id or "").decision.escalation.suppressed
    desk.clock.advance(hours=2)
    assert tell_unsilenced(silences, corrections, desk.clock.now) == 1
    record = incidents.get(hidden.incident.id)
    assert not incidents.get_decision(record.decision_id or "").decision.escalation.suppressed


def test_what_is_over_or_was_never_hidden_is_not_decided_again(desk: Desk, corrections: Corrections) -> None:
    hidden, silence = hidden_by(desk, corrections, timedelta(hours=1))
    assert corrections.reconsider(hidden.incident.id, "over", silence) is None
    corrections.resolve(hidden.incident.id, "ann", None)
    open_one = desk.fire(title="Door is open")
    desk.clock.advance(hours=1)
    assert tell_unsilenced(Silences(desk.database), corrections, desk.clock.now) == 0
    assert corrections.reconsider(hidden.incident.id, "over") is None
    assert corrections.reconsider(open_one.incident.id, "over") is None


@pytest.mark.parametrize(("teams", "holds"), [("aaaaaaaaaaaaaaaa", True), ("abcabcabcabcabca", False)])
def test_an_imported_history_tells_what_is_expected_of_a_single_word(
    desk: Desk, corrections: Corrections, teams: str, holds: bool
) -> None:
    for team in teams:
        earlier = desk.fire(service="gates", title="Badge reader is dark").incident
        corrections.resolve(earlier.id, "ann", "")
        desk.clock.advance(minutes=1)
        with desk.database.connection() as db:
            db.execute(
                "INSERT INTO imported (incident_id, history_id, team) VALUES (%s, %s, %s)",
                (earlier.id, earlier.id, team),
            )
    PostgresImport(desk.database).finish()
    opened = desk.fire(service="lift", title="Lift 4 stands still")
    corrections.override(opened.incident.id, "ann", priority=None, team="payments")
    corrections.resolve(opened.incident.id, "ann", "")
    again = desk.fire(service="lift", title="Lift 4 stands still")
    assert (again.decision.team.source is DecisionSource.CORRECTION) is holds
