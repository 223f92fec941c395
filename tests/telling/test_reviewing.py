"""After it is over: a review with what was meant to be done, and who hears of it when it is not done."""

from datetime import timedelta

import pytest

from tests.fixtures_receivers import Hook
from tests.telling.fixtures import Telling
from triage.errors import Conflict, NotFound, UnknownWord
from triage.reviewing import Action, Reviewing
from triage.store.reviews import Reviews


@pytest.fixture
def reviewing(telling: Telling) -> Reviewing:
    reviews = Reviews(telling.desk.database)
    return Reviewing(reviews, telling.outbox, telling.incidents, telling.catalogue, telling.clock)


def over(telling: Telling) -> str:
    opened = telling.desk.fire(severity="critical")
    telling.engine.tick()
    telling.corrections.resolve(opened.incident.id, "bob", "restarted")
    telling.engine.tick()
    telling.deliver()
    return opened.incident.id


def test_a_review_is_written_and_changed(telling: Telling, reviewing: Reviewing) -> None:
    incident_id = over(telling)
    reviewing.review(incident_id, "bob", summary="A disk filled up.")
    found = reviewing.review(incident_id, "ann", satisfaction=4)
    assert found.review is not None
    assert (found.review.summary, found.review.satisfaction) == ("A disk filled up.", 4)
    assert (found.review.made_by, found.review.changed_by) == ("bob", "ann")
    sheet = reviewing.sheet(incident_id)
    assert [e.kind for e in sheet.timeline if e.actor != "triage"][-3:] == ["resolved", "reviewed", "reviewed"]


def test_what_is_open_is_not_reviewed_and_owners_are_people(telling: Telling, reviewing: Reviewing) -> None:
    opened = telling.desk.fire()
    with pytest.raises(Conflict):
        reviewing.review(opened.incident.id, "bob", satisfaction=3)
    action = Action(what="x", owner="nobody", due_at=telling.clock.now)
    with pytest.raises(UnknownWord):
        reviewing.review(over(telling), "bob", actions=[action])
    with pytest.raises(NotFound):
        reviewing.finish("not one", "bob")


def test_an_overdue_action_is_told_upwards_until_it_is_done(
    telling: Telling, reviewing: Reviewing, hook: Hook
) -> None:
    incident_id = over(telling)
    due = telling.clock.now + timedelta(days=7)
    actions = [Action(what="Alert on disks", owner="bob", due_at=due)]
    (action,) = reviewing.review(incident_id, "ann", actions=actions).follow_ups
    hook.received.clear()
    assert reviewing.remind() == 0
    told = []
    for _ in range(6):
        telling.clock.now = max(telling.clock.now, due) + timedelta(days=1)
        assert reviewing.remind() + reviewing.remind() <= 1
        telling.deliver()
        told.append([(got.path, got.data["title"].partition(":")[0]) for got in hook.received])
        hook.received.clear()
    late = "A follow-up action is overdue"
    assert told == [[("/bob", late)], [("/bob", late)], [("/ann", late)], [("/ann", late)], [], []]
    reviewing.finish(action.id, "bob")
    assert Reviews(telling.desk.database).open_actions(10) == []


def test_what_is_done_in_time_reminds_nobody(telling: Telling, reviewing: Reviewing) -> None:
    due = telling.clock.now + timedelta(days=7)
    actions = [Action(what="Alert on disks", owner="bob", due_at=due)]
    (action,) = reviewing.review(over(telling), "ann", actions=actions).follow_ups
    reviewing.finish(action.id, "bob")
    telling.clock.now = due + timedelta(days=1)
    assert reviewing.remind() == 0
