"""Messages reach people once, by the way that works; nobody hears what nobody needs; failures are told of.

The target is a real webhook receiver, and the database a real PostgreSQL.
"""

import threading
from datetime import timedelta

import pytest
import structlog

from tests.fixtures_receivers import Hook
from tests.telling.fixtures import BASE, Telling
from triage.domain.message import MessageKind, MessageState, Outgoing
from triage.errors import StoreUnavailable
from triage.notify.senders import send
from triage.notify.ways import Target
from triage.telling.delivering import HELD_FOR


def test_a_page_carries_the_hand_over(telling: Telling, hook: Hook) -> None:
    before = telling.desk.fire(severity="critical")
    telling.corrections.resolve(before.incident.id, "bob", "restarted the standby")
    telling.clock.advance(hours=1)
    opened = telling.desk.fire(severity="critical", description="orders-db-2 is 45 s behind")
    telling.responding.annotate(opened.incident.id, "ann", "the disk looks fine")
    telling.engine.tick()
    telling.deliver()
    got = hook.received[-1]
    assert (got.path, got.data["kind"], got.data["drill"]) == ("/bob", "page", False)
    assert got.data["title"] == "[P1] Orders database: Replication lag above 30 s on orders-db"
    # Bob lives in New York, where it is 06:42.
    for line in (
        "You are asked to take this; at 06:47 the next one is.",
        "What: Replication lag above 30 s on orders-db",
        "Where: Orders database, production",
        "Described as: orders-db-2 is 45 s behind",
        "Since: 06:42, less than a minute ago",
        "Priority: P1 Critical; team: Databases",
        "Why: priority as reported",
        "Told: Bob 06:42",
        "Done: 06:42 Ann: the disk looks fine",
        "Similar: 05:42 Replication lag above 30 s on orders-db – restarted the standby",
        f"Take it: {got.data['links']['acknowledge']}",
    ):
        assert line in got.data["text"].splitlines()
    assert got.data["links"]["acknowledge"].startswith(f"{BASE}/a/")
    assert got.headers["idempotency-key"] == got.data["key"]


def test_who_cannot_be_reached_by_one_way_is_at_once_by_the_next(
    telling: Telling, hook: Hook, spare: Hook
) -> None:
    hook.status = 500
    telling.desk.fire(severity="critical")
    telling.engine.tick()
    assert [d.outcome for d in telling.deliver()] == ["failed", "sent"]
    assert (hook.paths(), spare.paths()) == (["/bob"], ["/bob"])
    assert hook.keys() == spare.keys()


def test_the_second_call_begins_with_another_way(telling: Telling, hook: Hook, spare: Hook) -> None:
    """Whoever's phone takes messages and shows them to nobody is reached by the second call."""
    opened = telling.desk.fire(severity="warning")
    telling.goes_on(16)
    calls = [m for m in telling.escalations.messages(opened.incident.id) if m.recipient == "person:bob"]
    assert [m.detail["attempt"] for m in calls] == [1, 2]
    assert (hook.keys("/bob"), spare.keys("/bob")) == ([calls[0].key], [calls[1].key])


def test_a_target_that_comes_back_gets_what_waited(telling: Telling, hook: Hook, spare: Hook) -> None:
    hook.status = spare.status = 503
    opened = telling.desk.fire(severity="warning")
    telling.goes_on(5)
    assert telling.outcomes(opened.incident.id) == [("page", "person:bob", "waiting")]
    # At once, and again after 5, 10, 20, 40 and 80 seconds, each time by both ways.
    assert (len(hook.keys("/bob")), len(spare.keys("/bob"))) == (6, 6)
    hook.status = 200
    telling.goes_on(5)
    assert telling.outcomes(opened.incident.id) == [("page", "person:bob", "sent")]
    assert len(set(hook.keys("/bob"))) == 1


def test_a_dead_letter_is_in_the_timeline_and_raises_an_alarm(telling: Telling, hook: Hook, spare: Hook) -> None:
    hook.status = spare.status = 500
    opened = telling.desk.fire(severity="critical")
    telling.goes_on(80)
    dead = [m for m in telling.messages() if m.state is MessageState.DEAD and m.kind is MessageKind.PAGE]
    assert {m.fault for m in dead} == {"answered with 500"}
    entries = [e for e in telling.incidents.timeline(opened.incident.id) if e.kind == "undelivered"]
    assert [e.detail["recipient"] for e in entries] == [m.recipient for m in dead]
    hook.status = 200
    telling.goes_on(6)
    alarms = [got.data for got in hook.received if got.data["kind"] == "alarm"]
    assert {(a["recipient"], a["title"]) for a in alarms} >= {("person:ann", "Messages are not delivered by hook")}


def test_once_it_is_over_nothing_is_sent_but_that_it_is_over(telling: Telling, hook: Hook, spare: Hook) -> None:
    told = telling.desk.fire(severity="critical")
    telling.engine.tick()
    telling.deliver()
    hook.status = spare.status = 500
    other = telling.desk.fire(severity="critical", title="Disk full on orders-db", service="card-gateway")
    telling.engine.tick()
    telling.deliver()
    hook.status = spare.status = 200
    for one in (told, other):
        telling.corrections.resolve(one.incident.id, "ann", None)
    hook.received.clear()
    spare.received.clear()
    # Resolved, and its escalation has not heard of it yet.
    telling.clock.advance(minutes=10)
    telling.deliver()
    telling.goes_on(120)
    assert [(g.path, g.data["kind"]) for g in hook.received + spare.received] == [("/bob", "stand_down")]
    assert telling.outcomes(other.incident.id)[0][2] == "withdrawn"


def test_a_page_that_waited_is_not_sent_once_somebody_took_it(telling: Telling, hook: Hook, spare: Hook) -> None:
    hook.status = spare.status = 500
    opened = telling.desk.fire(severity="critical")
    telling.engine.tick()
    telling.deliver()
    telling.corrections.acknowledge(opened.incident.id, "ann")
    telling.clock.advance(minutes=1)
    telling.engine.tick()
    hook.status = spare.status = 200
    hook.received.clear()
    telling.goes_on(3)
    assert hook.received == []
    assert telling.outcomes(opened.incident.id) == [("page", "person:bob", "withdrawn")]


def test_ten_of_the_same_are_one_message(telling: Telling, hook: Hook) -> None:
    opened = [telling.desk.fire(severity="critical", environment=f"site-{n}") for n in range(10)]
    family(telling, [one.incident.id for one in opened])
    telling.engine.tick()
    telling.deliver()
    (got,) = [g for g in hook.received if g.path == "/bob"]
    assert got.data["title"].startswith("[P1] 10 incidents of the same: Orders database:")
    assert len(got.data["incidents"]) == 10
    assert {m.state for m in telling.messages() if m.recipient == "person:bob"} == {MessageState.SENT}
    # One click takes all of them.
    telling.clicking.click(got.data["links"]["acknowledge"].rpartition("/")[2])
    telling.engine.tick()
    assert {telling.state_of(one.incident.id).acknowledged_by for one in opened} == {"bob"}


def test_more_of_the_same_wait_a_moment_and_come_together(telling: Telling, hook: Hook) -> None:
    first = telling.desk.fire(severity="critical", environment="site-0")
    telling.engine.tick()
    telling.deliver()
    later = [telling.desk.fire(severity="critical", environment=f"site-{n}") for n in range(1, 4)]
    family(telling, [one.incident.id for one in (first, *later)])
    telling.clock.advance(seconds=5)
    telling.engine.tick()
    telling.deliver()
    assert len(hook.received) == 1
    telling.clock.advance(seconds=26)
    telling.deliver()
    assert [len(g.data["incidents"]) for g in hook.received] == [1, 3]


def test_others_are_not_held_by_it(telling: Telling, hook: Hook) -> None:
    telling.desk.fire(severity="critical")
    telling.engine.tick()
    telling.deliver()
    telling.desk.fire(severity="critical", title="Certificate of orders-db expires", environment="staging")
    telling.engine.tick()
    telling.deliver()
    assert len(hook.keys("/bob")) == 2


def test_only_the_newest_call_of_several_that_waited_goes_out(telling: Telling, hook: Hook, spare: Hook) -> None:
    hook.status = spare.status = 500
    telling.desk.fire(severity="critical")
    telling.passes(40)
    pages = [m for m in telling.messages() if m.recipient == "person:bob"]
    hook.status = spare.status = 200
    telling.deliver()
    sent = [m for m in telling.messages() if m.state is MessageState.SENT and m.recipient == "person:bob"]
    assert len(pages) >= 1
    assert [m.key for m in sent] == [pages[-1].key]


def test_two_workers_send_each_message_once(telling: Telling, hook: Hook) -> None:
    for word in ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"):
        telling.desk.fire(severity="critical", title=f"The {word} of orders-db is gone")
        telling.clock.advance(hours=1)  # else they are a storm, and one message
    telling.engine.tick()
    workers = [telling.deliverer() for _ in range(3)]

    def work(number: int) -> None:
        while (look := workers[number].take(2)).parcels:
            for parcel in look.parcels:
                workers[number].deliver(parcel)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = hook.keys()
    assert len(keys) == len(set(keys)) == 8


def test_what_was_sent_and_not_written_down_goes_out_again_with_the_same_key(
    telling: Telling, hook: Hook, spare: Hook
) -> None:
    def send_and_die(target: Target, outgoing: Outgoing, patience: float) -> None:
        send(target, outgoing, patience)
        raise StoreUnavailable("killed")

    telling.desk.fire(severity="critical")
    telling.engine.tick()
    dying = telling.deliverer(send_and_die)
    (parcel,) = dying.take(10).parcels
    with pytest.raises(StoreUnavailable):
        dying.deliver(parcel)
    assert telling.deliver() == []
    telling.clock.now += HELD_FOR
    telling.deliver()
    assert (len(hook.keys()), len(spare.keys())) == (1, 1)
    assert hook.keys() == spare.keys()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("detail - 'answer_by'", "it cannot be written (KeyError)"),
        ("""detail || '{"attempt": "x"}'""", "no way can be found (ValueError)"),
    ],
)
def test_a_message_that_breaks_us_fails_like_any_other_and_holds_up_none(
    telling: Telling, hook: Hook, change: str, why: str
) -> None:
    telling.desk.fire(severity="critical")
    telling.engine.tick()
    with telling.desk.database.connection() as db:
        db.execute(f"UPDATE message SET detail = {change}".encode())
    telling.desk.fire(severity="critical", title="Certificate of card-gateway expires", service="card-gateway")
    telling.engine.tick()
    done = telling.deliver()
    assert {delivered.fault for delivered in done if delivered.outcome == "failed"} == {why}
    assert hook.paths() == ["/ann"]


def test_a_full_lane_is_passed_by(telling: Telling, hook: Hook, spare: Hook) -> None:
    telling.desk.fire(severity="critical")
    telling.engine.tick()
    (parcel,) = telling.delivering.take(10, lambda lane: lane.startswith("hook#")).parcels
    assert parcel.way == "spare"


def test_what_could_not_be_begun_is_not_counted_as_a_try(telling: Telling, hook: Hook) -> None:
    telling.desk.fire(severity="critical")
    telling.engine.tick()
    (parcel,) = telling.delivering.take(10).parcels
    telling.delivering.put_back(parcel, timedelta(seconds=2))
    assert telling.delivering.take(10).parcels == []
    telling.clock.advance(seconds=2)
    (again,) = telling.delivering.take(10).parcels
    assert (again.first.attempts, again.way) == (1, "hook")


def test_a_secret_that_the_environment_lacks_is_named(telling: Telling) -> None:
    telling.environment = {}
    telling.delivering = telling.deliverer()
    telling.desk.fire(severity="critical")
    telling.engine.tick()
    assert {d.fault for d in telling.deliver()} == {"the environment variable HOOK_SECRET is not set"}


def test_logs_hold_neither_addresses_nor_texts(telling: Telling, hook: Hook, spare: Hook) -> None:
    hook.status = spare.status = 500
    telling.desk.fire(severity="critical")
    telling.engine.tick()
    with structlog.testing.capture_logs() as logged:
        telling.deliver()
    assert logged
    assert not any(word in str(logged) for word in ("Replication", "127.0.0.1", "whsec", "/bob"))


def family(telling: Telling, incident_ids: list[str]) -> None:
    """Their patterns become one, as a reviewer merges them."""
    with telling.desk.database.connection() as db:
        db.execute(
            "UPDATE pattern SET root = (SELECT pattern_id FROM incident WHERE id = %s)"
            " WHERE id IN (SELECT pattern_id FROM incident WHERE id = ANY(%s::uuid[]))",
            (incident_ids[0], incident_ids),
        )
