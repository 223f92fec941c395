"""A drill on the real clock pages people, says that it is one, and counts in no figures."""

from datetime import timedelta

import pytest

from tests.fixtures_receivers import Hook
from tests.telling.fixtures import Telling
from triage.drilling.real import RealDrills
from triage.errors import BadRequest, NotFound
from triage.figures import Insights
from triage.rehearsal.scenario import ReportShape
from triage.store.figures import Figures
from triage.store.watching import Watches

P1 = ReportShape(title="Cards fail", severity="critical", service="orders-db")


@pytest.fixture
def drills(telling: Telling) -> RealDrills:
    desk = telling.desk
    return RealDrills(desk.triager, telling.incidents, telling.escalations, Watches(desk.database), telling.clock)


def test_people_are_told_that_it_is_a_drill(telling: Telling, drills: RealDrills, hook: Hook) -> None:
    begun = drills.begin(P1, timedelta(hours=1), "ann")
    assert begun.incident_id is not None
    telling.engine.tick()
    telling.deliver()
    (got,) = hook.received
    assert got.data["title"].startswith("DRILL: [P1]")
    assert "This is a drill." in got.data["text"]
    assert got.data["drill"] is True
    telling.clock.advance(minutes=2)
    telling.corrections.acknowledge(begun.incident_id, "bob")
    found = drills.report(begun.incident_id)
    assert (found.kind, found.acknowledged_after, found.acknowledged_by, found.as_planned) == (
        "real",
        120,
        "bob",
        None,
    )
    assert [(one.kind, one.recipient, one.state) for one in found.told] == [("page", "person:bob", "sent")]


def test_it_ends_by_itself_and_counts_nowhere(telling: Telling, drills: RealDrills) -> None:
    begun = drills.begin(P1, timedelta(minutes=30), "ann")
    telling.clock.advance(minutes=31)
    assert telling.incidents.close_forgotten(telling.clock.now) == [begun.incident_id]
    insights = Insights(Figures(telling.desk.database), telling.catalogue)
    assert insights.report(telling.clock.now - timedelta(days=1), telling.clock.now).total.incidents == 0
    assert list(Watches(telling.desk.database).last_drills()) == ["fast"]


def test_what_would_not_be_urgent_pages_nobody(telling: Telling, drills: RealDrills) -> None:
    with pytest.raises(BadRequest):
        drills.begin(ReportShape(title="Slow", severity="warning"), timedelta(hours=1), "ann")
    assert telling.desk.count("incident") == 0


def test_other_incidents_are_no_drills(telling: Telling, drills: RealDrills) -> None:
    with pytest.raises(NotFound):
        drills.report(telling.desk.fire().incident.id)
