"""What becomes of events: opened, joined, counted, acknowledged, resolved."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.fixtures_store import Desk, an_event
from triage.domain.incident import EventKind, State
from triage.domain.recurrence import MatchedBy, RecurrenceKind
from triage.errors import Conflict, NotFound
from triage.store.incidents import Incidents
from triage.triager import Received


def test_a_first_event_opens_an_incident_with_a_decision_and_a_path(desk: Desk) -> None:
    received = desk.fire()
    assert received.opened
    assert not received.joined
    assert received.counted
    assert received.incident.state is State.TRIGGERED
    assert received.decision.recurrence.kind is RecurrenceKind.NEW
    assert received.decision.team.value == "databases"
    assert received.decision.escalation.steps[0].forecast == ("bob",)


def test_the_same_occurrence_again_is_answered_the_same_and_not_counted(desk: Desk) -> None:
    first = desk.fire(dedup_key="lag", started_at=desk.clock.now)
    desk.clock.advance(minutes=5)
    again = desk.fire(dedup_key="lag", started_at=first.incident.event.started_at)
    assert again.incident.id == first.incident.id
    assert again.decision == first.decision
    assert not again.counted
    assert (again.incident.occurrences, again.incident.deliveries) == (1, 2)


def test_a_new_start_under_the_same_key_is_a_new_occurrence_of_the_open_incident(desk: Desk) -> None:
    first = desk.fire(dedup_key="lag", started_at=desk.clock.now)
    again = desk.fire(dedup_key="lag", started_at=desk.clock.advance(minutes=1), title="Something else entirely")
    assert again.incident.id == first.incident.id
    assert again.counted
    assert again.incident.occurrences == 2


def test_the_same_text_without_a_key_joins_by_fingerprint(desk: Desk) -> None:
    first = desk.fire()
    again = desk.fire()
    assert again.incident.id == first.incident.id
    assert again.counted
    timeline = [row["detail"]["matched_by"] for row in timeline_of(desk, "occurred")]
    assert timeline == ["fingerprint"]


def test_the_same_text_but_for_an_id_joins_by_template(desk: Desk) -> None:
    first = desk.fire(title="Job 7f3a9c2e-1b2d-4c3e-9f00-aa11bb22cc33 failed on orders-db")
    again = desk.fire(title="Job 0b1c2d3e-aaaa-4bbb-8ccc-ddddeeeeffff failed on orders-db")
    assert again.incident.id == first.incident.id
    assert [row["detail"]["matched_by"] for row in timeline_of(desk, "occurred")] == ["template"]


@pytest.mark.parametrize("change", [{"service": "card-gateway"}, {"environment": "staging"}])
def test_nothing_joins_across_service_or_environment(desk: Desk, change: dict[str, str]) -> None:
    first = desk.fire(dedup_key="lag")
    other = desk.fire(dedup_key="lag", **change)
    assert other.opened
    assert other.incident.id != first.incident.id


def test_a_resolved_problem_that_comes_back_is_a_recurrence(desk: Desk) -> None:
    first = desk.fire(dedup_key="lag", started_at=desk.clock.now)
    desk.send(an_event(event=EventKind.RESOLVED, dedup_key="lag"))
    second = desk.fire(dedup_key="lag", started_at=desk.clock.advance(hours=2))
    assert second.opened
    assert second.decision.recurrence.kind is RecurrenceKind.RECURRENCE
    assert second.decision.recurrence.of == first.incident.id
    assert second.decision.recurrence.matched_by is MatchedBy.KEY
    assert second.decision.recurrence.occurrences == {"1h": 1, "24h": 2, "7d": 2, "30d": 2}


def test_an_incident_is_over_when_the_last_of_its_keys_is(desk: Desk) -> None:
    desk.fire(dedup_key="a")
    second = desk.fire(dedup_key="b")
    assert second.joined
    assert resolve(desk, "a").incident.state is State.TRIGGERED
    assert resolve(desk, "b").incident.state is State.RESOLVED


def test_resolving_twice_is_answered_the_same(desk: Desk) -> None:
    desk.fire(dedup_key="lag")
    first, second = resolve(desk, "lag"), resolve(desk, "lag")
    assert first.incident.resolved_at == second.incident.resolved_at


def test_a_resolution_of_an_earlier_occurrence_does_not_end_the_present_one(desk: Desk) -> None:
    start = desk.clock.now
    desk.fire(dedup_key="lag", started_at=start)
    desk.fire(dedup_key="lag", started_at=start + timedelta(minutes=10))
    late = desk.send(an_event(event=EventKind.RESOLVED, dedup_key="lag", started_at=start))[0]
    assert isinstance(late, Received)
    assert late.incident.state is State.TRIGGERED


def test_a_repeat_of_what_was_resolved_by_hand_does_not_open_it_again(desk: Desk) -> None:
    first = desk.fire(dedup_key="lag", started_at=desk.clock.now)
    resolve(desk, "lag")
    again = desk.fire(dedup_key="lag", started_at=first.incident.event.started_at)
    assert not again.opened
    assert again.incident.state is State.RESOLVED


def test_a_key_nobody_knows_is_an_error_that_costs_the_others_nothing(desk: Desk) -> None:
    unknown, known = desk.send(an_event(event=EventKind.RESOLVED, dedup_key="?"), an_event())
    assert isinstance(unknown, NotFound)
    assert isinstance(known, Received)


def test_a_batch_is_taken_in_order(desk: Desk) -> None:
    fired = an_event(dedup_key="lag", started_at=desk.clock.now)
    over = fired.with_changes(event=EventKind.RESOLVED)
    outcomes = desk.send(fired, over, fired.with_changes(started_at=desk.clock.now + timedelta(seconds=1)))
    ids = [o.incident.id for o in outcomes if isinstance(o, Received)]
    assert ids[0] == ids[1] != ids[2]
    assert [o.incident.state.value for o in outcomes if isinstance(o, Received)][::2] == ["resolved", "triggered"]


def test_the_join_window_keeps_a_forgotten_incident_from_swallowing_events(desk: Desk) -> None:
    first = desk.fire()
    desk.clock.advance(days=8)
    assert desk.fire().incident.id != first.incident.id


def test_a_rule_moves_an_open_incident_when_it_keeps_happening(desk: Desk) -> None:
    for _ in range(4):
        assert desk.fire().incident.team == "databases"
    fifth = desk.fire()
    assert fifth.incident.team == "problems"
    assert fifth.decision.recurrence.occurrences["24h"] == 5
    assert desk.count("decision") == 2


def test_a_more_urgent_report_raises_an_open_incident_and_a_milder_one_does_not_lower_it(desk: Desk) -> None:
    assert desk.fire(severity="warning").incident.priority.value == "P3"
    assert desk.fire(severity="critical").incident.priority.value == "P1"
    assert desk.fire(severity="info").incident.priority.value == "P1"


def test_an_idempotency_key_makes_a_repeat_harmless(desk: Desk) -> None:
    first = desk.send(an_event(), key="k1")[0]
    again = desk.send(an_event(), key="k1")[0]
    assert isinstance(first, Received)
    assert isinstance(again, Received)
    assert (again.incident.id, again.opened, again.counted) == (first.incident.id, True, True)
    assert again.incident.occurrences == 1


def test_an_idempotency_key_with_another_content_is_a_conflict(desk: Desk) -> None:
    desk.send(an_event(), key="k1")
    with pytest.raises(Conflict):
        desk.send(an_event(), key="k1", digest=b"other")


def test_the_same_alert_from_many_sides_at_once_is_one_incident(desk: Desk) -> None:
    event = an_event(dedup_key="lag", started_at=desk.clock.now)
    with ThreadPoolExecutor(4) as pool:
        ids = {outcome.incident.id for outcome in pool.map(lambda _: desk.fire(**same(event)), range(40))}
    assert len(ids) == 1
    assert desk.count("occurrence") == 1


def test_different_starts_of_one_key_at_once_are_one_incident_with_each_counted(desk: Desk) -> None:
    starts = [desk.clock.now + timedelta(seconds=n) for n in range(40)]
    with ThreadPoolExecutor(4) as pool:
        ids = {r.incident.id for r in pool.map(lambda at: desk.fire(dedup_key="lag", started_at=at), starts)}
    assert len(ids) == 1
    assert desk.count("occurrence") == 40


def test_a_stored_decision_is_never_changed_or_removed(desk: Desk) -> None:
    desk.fire()
    for statement in ("UPDATE decision SET record = '{}'", "DELETE FROM decision", "TRUNCATE decision"):
        with pytest.raises(Exception, match="refused a statement"), desk.database.connection() as db:
            db.execute(statement)
    assert desk.count("decision") == 1


def same(event: object) -> dict[str, object]:
    return {"dedup_key": event.dedup_key, "started_at": event.started_at}  # type: ignore[attr-defined]


def resolve(desk: Desk, key: str) -> Received:
    outcome = desk.send(an_event(event=EventKind.RESOLVED, dedup_key=key))[0]
    assert isinstance(outcome, Received)
    return outcome


def timeline_of(desk: Desk, kind: str) -> list[dict[str, dict[str, str]]]:
    with desk.database.connection() as db:
        return db.execute("SELECT detail FROM timeline WHERE kind = %s ORDER BY id", (kind,)).fetchall()


def test_an_incident_resolved_while_its_repeat_waits_for_it_is_not_joined(desk: Desk) -> None:
    first = desk.fire()
    with ThreadPoolExecutor(1) as pool:
        with Incidents(desk.database).changing(first.incident.id) as change:
            waiting = pool.submit(desk.fire)
            wait_until_somebody_waits(desk)
            change.record.resolve("ann", desk.clock.now)
        again = waiting.result(timeout=20)
    assert again.opened
    assert again.decision.recurrence.of == first.incident.id


def wait_until_somebody_waits(desk: Desk) -> None:
    for _ in range(500):
        with desk.database.connection() as db:
            held_up = db.execute("SELECT count(*) AS n FROM pg_locks WHERE NOT granted").fetchone()
        if held_up is not None and held_up["n"]:
            return
        time.sleep(0.01)
    pytest.fail("nobody waits for the incident")


def test_an_incident_found_by_its_text_is_not_over_while_another_key_holds_it(desk: Desk) -> None:
    first = desk.fire(dedup_key="a")
    joined, over = desk.send(an_event(dedup_key="b"), an_event(event=EventKind.RESOLVED, dedup_key="b"))
    assert isinstance(joined, Received)
    assert isinstance(over, Received)
    assert joined.incident.id == first.incident.id
    assert over.incident.state is State.TRIGGERED


def test_a_key_that_joins_while_the_other_is_resolved_keeps_the_incident_open(desk: Desk) -> None:
    first = desk.fire(dedup_key="a")
    with ThreadPoolExecutor(1) as pool:
        with Incidents(desk.database).changing(first.incident.id) as change:
            resolving = pool.submit(resolve, desk, "a")
            wait_until_somebody_waits(desk)
            change._db.execute(
                "INSERT INTO incident_key (source, dedup_key, incident_id, scope, opened_at)"
                " SELECT source, 'b', incident_id, scope, opened_at FROM incident_key WHERE dedup_key = 'a'"
            )
        assert resolving.result(timeout=20).incident.state is State.TRIGGERED


def test_an_alert_that_is_repeated_is_never_forgotten(desk: Desk) -> None:
    first = desk.fire(dedup_key="lag", started_at=desk.clock.now)
    incidents = Incidents(desk.database)
    for _ in range(20):
        desk.clock.advance(days=1)
        desk.fire(dedup_key="lag", started_at=first.incident.event.started_at)
        assert incidents.close_forgotten(desk.clock.now) == []


def test_a_repeat_opens_again_what_was_only_taken_for_forgotten(desk: Desk) -> None:
    first = desk.fire(dedup_key="lag", started_at=desk.clock.now)
    assert Incidents(desk.database).close_forgotten(desk.clock.advance(days=15)) == [first.incident.id]
    again = desk.fire(dedup_key="lag", started_at=first.incident.event.started_at)
    assert (again.incident.id, again.incident.state) == (first.incident.id, State.TRIGGERED)
    assert not again.counted
    assert resolve(desk, "lag").incident.state is State.RESOLVED


def test_a_rule_that_moves_an_open_incident_does_not_make_it_less_urgent(desk: Desk) -> None:
    desk.fire(severity="critical")
    for _ in range(5):
        moved = desk.fire(severity="info")
    assert (moved.incident.priority.value, moved.incident.team) == ("P1", "problems")
    assert moved.decision.escalation.policy == "fast"


def test_a_joining_event_raises_the_incident_without_sending_it_to_another_team(desk: Desk) -> None:
    desk.fire(severity="info", dedup_key="lag")
    raised = desk.fire(severity="critical", dedup_key="lag", assigned_team="payments", started_at=desk.clock.now)
    assert (raised.incident.priority.value, raised.incident.team) == ("P1", "databases")


def test_a_repeat_that_tells_of_worse_raises_the_incident_and_is_not_counted(desk: Desk) -> None:
    desk.fire(severity="info", dedup_key="lag")
    worse = desk.fire(severity="critical", dedup_key="lag", title="Now everything is down")
    assert (worse.incident.priority.value, worse.counted, worse.incident.occurrences) == ("P1", False, 1)
    assert desk.fire(severity="info", dedup_key="lag").incident.priority.value == "P1"


def test_two_problems_under_one_key_do_not_become_one_pattern(desk: Desk) -> None:
    desk.fire(dedup_key="host-17", title="Disk almost full")
    resolve(desk, "host-17")
    other = desk.fire(dedup_key="host-17", title="Replication to the standby is broken")
    assert other.decision.recurrence.kind is RecurrenceKind.RECURRENCE
    third = desk.fire(dedup_key="host-18", title="Disk almost full")
    assert third.opened
    assert third.incident.id != other.incident.id


def test_a_resolution_ends_the_key_in_its_own_service_only(desk: Desk) -> None:
    here, there = desk.fire(dedup_key="disk"), desk.fire(dedup_key="disk", service="card-gateway")
    desk.send(an_event(event=EventKind.RESOLVED, dedup_key="disk", service="card-gateway"))
    incidents = Incidents(desk.database)
    assert incidents.get(there.incident.id).state is State.RESOLVED
    assert incidents.get(here.incident.id).state is State.TRIGGERED
    desk.send(an_event(event=EventKind.RESOLVED, dedup_key="disk", service=None, environment=None))
    assert incidents.get(here.incident.id).state is State.RESOLVED


def test_each_event_is_answered_with_its_own_recurrence(desk: Desk) -> None:
    first, second = desk.fire(), desk.fire()
    assert (first.recurrence.kind, first.recurrence.occurrences["1h"]) == (RecurrenceKind.NEW, 1)
    assert (second.recurrence.kind, second.recurrence.occurrences["1h"]) == (RecurrenceKind.DUPLICATE, 2)
    assert second.recurrence.matched_by is MatchedBy.FINGERPRINT
    assert second.recurrence.of == first.incident.id
