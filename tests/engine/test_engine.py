"""Escalations as rows: carried on by anybody, exactly once, and by what happened before what fell due."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from psycopg.types.json import Jsonb

from tests.engine.fixtures import Running
from tests.fixtures_store import CATALOGUE, POLICY, Clock, Desk, an_event
from triage.domain.incident import EventKind
from triage.domain.reach import Surroundings
from triage.engine import Engine
from triage.escalation.machine import advance, begin
from triage.escalation.state import Opened, Page, Phase, TimePassed
from triage.rules.configuration import configuration_from_texts
from triage.store import escalations
from triage.store.database import Database
from triage.store.escalations import Escalations


def test_what_is_decided_is_carried_out_until_the_desk_is_told(running: Running):
    opened = running.desk.fire(severity="critical").incident
    running.passes(40)
    assert running.said(opened.id) == [
        ("page", "person:bob", 0),
        ("page", "person:bob", 5),
        ("page", "person:ann", 10),
        ("page", "person:ann", 25),
        ("page", "person:ann", 40),
    ]


def test_the_engine_says_what_the_machine_alone_says(running: Running):
    received = running.desk.fire(severity="critical")
    catalogue = running.desk.active.decider.catalogue
    state = begin(received.decision.escalation, received.incident.opened_at)
    now, pages = received.incident.opened_at, []
    event: Opened | TimePassed = Opened()
    while now <= received.incident.opened_at + timedelta(hours=2):
        state, effects = advance(Surroundings(catalogue=catalogue), state, event, now)
        pages += [(f"person:{e.person}", now) for e in effects if isinstance(e, Page)]
        assert state.due_at is not None
        now, event = state.due_at, TimePassed()
    running.passes(120)
    sent = [(m.recipient, m.made_at) for m in running.escalations.messages(received.incident.id)]
    assert sent == pages


def test_acknowledgement_that_came_before_the_tick_keeps_the_next_step_from_being_told(running: Running):
    opened = running.desk.fire(severity="critical").incident
    running.passes(4)
    running.corrections.acknowledge(opened.id, "bob")
    running.clock.advance(minutes=30)  # nobody ticked meanwhile
    running.passes(120)
    assert [recipient for _, recipient, _ in running.said(opened.id)] == ["person:bob"]
    assert running.state_of(opened.id).acknowledged_by == "bob"


def test_what_was_not_said_before_it_was_over_is_not_said_any_more(running: Running):
    opened = running.desk.fire(severity="critical").incident
    running.passes(4)
    running.corrections.resolve(opened.id, "bob", "restarted")
    running.passes(600)
    assert running.states("kind") == {"page": 1, "stand_down": 1}
    assert running.states("state") == {"withdrawn": 1, "waiting": 1}
    assert running.state_of(opened.id).phase is Phase.RESOLVED


def test_source_resolves_and_the_same_alert_opens_another_escalation(running: Running):
    first = running.desk.fire(dedup_key="lag").incident
    running.passes(1)
    running.desk.send(an_event(event=EventKind.RESOLVED, dedup_key="lag"))
    running.passes(1)
    again = running.desk.fire(dedup_key="lag").incident
    running.passes(1)
    assert again.id != first.id
    assert running.state_of(first.id).phase is Phase.RESOLVED
    assert running.state_of(again.id).phase is Phase.CALLING


def test_override_to_another_team_tells_its_people_with_a_clock_of_their_own(running: Running):
    opened = running.desk.fire(severity="critical").incident
    running.passes(3)
    running.corrections.override(opened.id, "eve", priority=None, team="payments")
    running.passes(5)
    assert running.said(opened.id)[:2] == [("page", "person:bob", 0), ("page", "person:ann", 3)]


def test_keys_of_messages_are_the_same_whenever_they_are_made(running: Running):
    opened = running.desk.fire(severity="critical").incident
    running.passes(40)
    keys = [m.key for m in running.escalations.messages(opened.id)]
    assert len(set(keys)) == len(keys)
    assert all(key.startswith(f"{opened.id}/") for key in keys)


def test_tick_that_breaks_off_has_done_nothing_and_is_done_again(running: Running, monkeypatch):
    opened = running.desk.fire(severity="critical").incident

    def fails(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(escalations, "record_timeline", fails)
        with pytest.raises(RuntimeError):
            running.engine.tick()
    assert running.desk.count("message") == 0
    running.passes(1)
    assert [recipient for _, recipient, _ in running.said(opened.id)] == ["person:bob"]


def test_one_that_cannot_be_read_is_tried_again_and_holds_up_nobody(running: Running):
    broken = running.desk.fire(severity="critical").incident
    running.passes(1)
    with running.desk.database.connection() as db:
        before = db.execute("SELECT state FROM escalation").fetchone()
        db.execute("""UPDATE escalation SET state = '{"phase": "lost"}', due_at = %s""", (running.clock.now,))
    other = running.desk.fire(title="Card payments fail", service="card-gateway", severity="critical").incident
    running.corrections.acknowledge(broken.id, "bob")
    ticked = running.engine.tick()
    assert (ticked.carried_on, ticked.failed) == (1, 1)
    assert running.said(other.id) == [("page", "person:ann", 0)]
    assert running.engine.tick().failed == 0  # it waits
    for _ in range(60):
        running.clock.advance(minutes=1)
        assert running.engine.tick().failed == 1
    with running.desk.database.connection() as db:
        assert before is not None
        db.execute("UPDATE escalation SET state = %s WHERE fault IS NOT NULL", (Jsonb(before["state"]),))
    running.clock.advance(minutes=1)
    running.engine.tick()
    assert running.state_of(broken.id).phase is Phase.ACKNOWLEDGED


def test_team_that_left_the_catalogue_does_not_stop_its_escalations(running: Running):
    opened = running.desk.fire(severity="critical").incident
    running.passes(1)
    text = CATALOGUE.replace("owner: databases", "owner: payments")
    start, end = text.index("  databases:\n"), text.index("  payments:\n    name")
    running.desk.configuration = configuration_from_texts(text[:start] + text[end:], POLICY)
    running.desk.active = Desk(running.desk.database, running.desk.configuration, running.clock).active
    running.passes(30)
    assert [recipient for _, recipient, _ in running.said(opened.id)][:2] == ["person:bob", "person:ann"]


@pytest.fixture
def workers(database_url: str, desk: Desk, clock: Clock) -> Iterator[list[Engine]]:
    pools = [Database(database_url, size=2, timeout=10) for _ in range(3)]
    for pool in pools:
        pool.open()
    yield [Engine(Escalations(pool), lambda: desk.active.decider.catalogue, clock) for pool in pools]
    for pool in pools:
        pool.close()


def test_a_worker_that_looked_before_another_had_written_takes_nothing_twice(
    running: Running, workers: list[Engine], monkeypatch: pytest.MonkeyPatch
):
    """It gets hold of the row after that: PostgreSQL then looks at its conditions anew, and at nothing else."""
    slowly = "WHERE (%(limit)s <> 7 OR pg_sleep(0.7) IS NOT NULL) AND incident_id IN"
    monkeypatch.setattr(escalations, "_TAKE", escalations._TAKE.replace("WHERE incident_id IN", slowly))
    incident_id = running.desk.fire(severity="critical").incident.id
    with ThreadPoolExecutor(1) as thread:
        late = thread.submit(workers[0].tick, at_once=7)
        time.sleep(0.2)
        assert workers[1].tick().carried_on == 1
        before = running.escalations.get(incident_id)
        assert late.result(20).carried_on == 0
    assert running.escalations.get(incident_id) == before
    assert len(running.said(incident_id)) == 1


def test_any_number_of_workers_carry_each_on_exactly_once(running: Running, workers: list[Engine]):
    letters = "abcdefgh"
    for word in (one + other for one in letters for other in letters):
        running.desk.fire(severity="critical", dedup_key=word, title=f"Problem {word} of its own")
    assert running.desk.count("incident") == len(letters) ** 2
    for _ in range(6):
        start = threading.Barrier(len(workers))

        def work(engine: Engine, start: threading.Barrier = start) -> None:
            start.wait()
            while engine.tick(at_once=7).more:
                pass

        with ThreadPoolExecutor(len(workers)) as threads:
            list(threads.map(work, workers))
        running.engine.tick()  # what one of them held while another looked
        running.clock.advance(minutes=5)
    with running.desk.database.connection() as db:
        rows = db.execute(
            "SELECT incident_id, array_agg(recipient || ' ' || (made_at - %s)::text ORDER BY made_at) AS said"
            " FROM message GROUP BY 1",
            (running.clock.now - timedelta(minutes=30),),
        ).fetchall()
    assert len(rows) == running.desk.count("incident")
    expected = ["person:bob 00:00:00", "person:bob 00:05:00", "person:ann 00:10:00", "person:ann 00:25:00"]
    assert [row["said"] for row in rows if row["said"] != expected] == []
