"""The queue as rows: one item of a pattern leads, takes are exclusive, and a week counts as far as it is known."""

import threading
import uuid
from datetime import timedelta

from tests.fixtures_store import Desk
from triage.domain.assessment import draw_of
from triage.store.database import Db
from triage.store.judgements import Judgements
from triage.store.review_items import ReviewItems, close_item

FOR = timedelta(minutes=10)


def storm(desk: Desk, count: int) -> list[str]:
    """Incidents of one pattern, all open, since each is of another environment; the patterns were merged."""
    opened = [desk.fire(title="Scale shows nothing", environment=f"site {n}").incident for n in range(count)]
    with desk.database.connection() as db:
        db.execute("UPDATE incident SET pattern_id = %s", (opened[0].pattern_id,))
        db.execute("UPDATE review_item SET pattern_id = %s", (opened[0].pattern_id,))
    return [incident.id for incident in opened]


def leaders(desk: Desk) -> list[str]:
    with desk.database.connection() as db:
        rows = db.execute("SELECT incident_id FROM review_item WHERE lead AND done_at IS NULL").fetchall()
    return [str(row["incident_id"]) for row in rows]


def test_one_of_a_pattern_leads_and_the_next_one_after_it(desk: Desk) -> None:
    incidents = storm(desk, 5)
    for answered in range(5):
        with desk.database.connection() as db:
            close_item(db, incidents[answered], "ann", desk.clock.now)
        left = leaders(desk)
        assert len(left) == (1 if answered < 4 else 0)
        assert not set(left) & set(incidents[: answered + 1])


def test_each_of_many_at_once_takes_another_one(desk: Desk) -> None:
    storm(desk, 6)
    for number in range(6):
        desk.fire(title=f"Of another kind {uuid.uuid4().hex}", service=f"service {number}")
    items, taken = ReviewItems(desk.database), []

    def take(name: str) -> None:
        found = items.take_best(name, desk.clock.now, desk.clock.now + FOR)
        assert found is not None
        taken.append(found.item.incident_id)

    threads = [threading.Thread(target=take, args=(f"reviewer {n}",)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(taken) == len(set(taken)) == 12
    assert items.take_best("late", desk.clock.now, desk.clock.now + FOR) is None


def test_what_was_answered_meanwhile_is_not_taken(desk: Desk) -> None:
    incident = desk.fire().incident.id
    with desk.database.connection() as db:
        close_item(db, incident, "ann", desk.clock.now)
    assert not ReviewItems(desk.database).take(incident, "bob", desk.clock.now, desk.clock.now + FOR)


def test_the_sample_is_asked_for_in_the_order_of_its_draws_and_counts_up_to_the_first_that_waits(
    desk: Desk,
) -> None:
    incidents = [desk.fire(title=f"Kind {uuid.uuid4().hex}", service=f"s {n}").incident.id for n in range(80)]
    drawn = sorted((one for one in incidents if draw_of(one) < 0.2), key=draw_of)
    items = ReviewItems(desk.database)
    with desk.database.connection() as db:
        for one in (drawn[1], drawn[3]):
            _say(db, one, desk)
    assert Judgements(desk.database).judged(0.2) == []
    found = items.take_sampled("ann", desk.clock.now, desk.clock.now + FOR, 0.2)
    assert found is not None
    assert found.item.incident_id == drawn[0]
    with desk.database.connection() as db:
        _say(db, drawn[0], desk)
    assert len(Judgements(desk.database).judged(0.2)) == 2


def _say(db: Db, incident_id: str, desk: Desk) -> None:
    db.execute(
        "INSERT INTO triage_override (incident_id, pattern_id, team, made_by, made_at)"
        " SELECT id, pattern_id, team, 'ann', %s FROM incident WHERE id = %s",
        (desk.clock.now, incident_id),
    )
    close_item(db, incident_id, "ann", desk.clock.now)
