"""Whether escalation works, in figures: each checked on a story of which the answer is known."""

from datetime import timedelta

import pytest

from tests.engine.fixtures import Running
from tests.fixtures_store import Clock, Desk
from triage.domain.incident import Status
from triage.figures import Grouping, Insights, Report, deadlines_of, fatigue_of, flat
from triage.responding import Responding
from triage.store.figures import Figures, Paged, Waited
from triage.store.incidents import Incidents
from triage.store.reviews import Reviews


@pytest.fixture
def running(desk: Desk, clock: Clock) -> Running:
    return Running(desk, clock)


def report(running: Running, by: Grouping | None = None) -> Report:
    insights = Insights(Figures(running.desk.database), lambda: running.desk.active.decider.catalogue)
    end = running.clock.now + timedelta(seconds=1)
    return insights.report(end - timedelta(days=30), end, by)


def test_of_nothing_nothing_is_said(running: Running) -> None:
    total = report(running).total
    assert (total.incidents, total.escalation_rate, total.acknowledge.median) == (0, None, None)


def test_the_course_of_an_incident_is_measured(running: Running) -> None:
    # Two minutes until Bob takes it, three more until he looks, resolved after an hour by himself.
    quick = running.desk.fire(severity="critical", environment="a").incident.id
    running.passes(2)
    running.corrections.acknowledge(quick, "bob")
    running.passes(3)
    running.corrections.move(quick, "bob", Status.INVESTIGATING)
    running.passes(55)
    running.corrections.resolve(quick, "bob", "restarted")
    running.passes(1)
    Reviews(running.desk.database).say(
        quick, "bob", running.clock.now, summary=None, satisfaction=4, follow_ups=[]
    )
    total = report(running).total
    assert (total.acknowledge.median, total.mobilise.median, total.resolve.median) == (120, 300, 3600)
    assert (total.escalation_rate, total.first_touch, total.satisfaction, total.scores) == (0, 1, 4, 1)
    # The second: nobody answers for five minutes; the next one takes it a minute later, and another resolves it.
    slow = running.desk.fire(severity="critical", environment="b", service="card-gateway").incident.id
    running.passes(1)
    Responding(
        Incidents(running.desk.database),
        running.escalations,
        lambda: running.desk.active.decider.catalogue,
        running.clock,
    ).annotate(slow, "bob", "it is not the database")
    running.passes(5)
    running.corrections.acknowledge(slow, "ann")
    running.corrections.override(slow, "ann", priority=None, team="databases")
    running.corrections.resolve(slow, "bob", None)
    running.passes(1)
    found = report(running, Grouping.SERVICE)
    total, (cards, orders) = found.total, found.groups
    assert (cards.group, orders.group) == ("card-gateway", "orders-db")
    assert (total.incidents, total.escalated, total.escalation_rate) == (2, 1, 0.5)
    assert (cards.escalate.median, cards.hand_over.median, cards.acknowledge.median) == (300, 60, 360)
    assert (cards.first_touch, cards.reassignments, cards.with_context) == (0, 1, 1)
    assert (orders.first_touch, orders.reassignments) == (1, 0)


def test_going_on_twice_is_going_on_repeatedly(running: Running) -> None:
    running.desk.fire(severity="critical", environment="a")
    running.passes(6)
    assert (report(running).total.escalated, report(running).total.repeatedly) == (1, 0)
    running.passes(6)
    assert (report(running).total.escalated, report(running).total.repeatedly) == (1, 1)


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        (Grouping.TEAM, ["databases", "payments"]),
        (Grouping.PRIORITY, ["P1", "P3"]),
        (Grouping.WEEK, ["2026-W11"]),
    ],
)
def test_figures_are_grouped(running: Running, by: Grouping, groups: list[str]) -> None:
    running.desk.fire(severity="critical")
    running.desk.fire(severity="warning", service="card-gateway")
    assert [group.group for group in report(running, by).groups] == groups


def test_pages_are_counted_by_the_persons_own_clock(running: Running) -> None:
    catalogue = running.desk.active.decider.catalogue
    at = running.clock.now.replace(hour=21, minute=30)  # 22:30 in Stockholm
    (bob, ann) = fatigue_of(
        catalogue,
        [Paged(person="bob", at=at), Paged(person="bob", at=at), Paged(person="ann", at=at.replace(hour=12))],
    )
    assert (bob.person, bob.pages, bob.at_night, bob.by_hour[22]) == ("bob", 2, 2, 2)
    assert (ann.person, ann.pages, ann.at_night, ann.by_hour[13]) == ("ann", 1, 0, 1)


def test_pages_of_one_person_at_the_same_time_of_day_are_one_row_with_their_number(running: Running) -> None:
    for environment in ("a", "b"):
        running.desk.fire(severity="critical", environment=environment)
    running.passes(1)
    end = running.clock.now + timedelta(seconds=1)
    found = Figures(running.desk.database).pages(end - timedelta(days=1), end)
    assert [(one.person, one.pages) for one in found] == [("bob", 2)]
    (bob,) = report(running).fatigue
    assert (bob.pages, sum(bob.by_hour)) == (2, 2)


def test_a_deadline_is_suggested_from_what_people_can_do() -> None:
    waits = [Waited(policy="fast", step=1, given=300, took=float(took)) for took in range(60, 660, 30)]
    waits += [Waited(policy="fast", step=1, given=300, took=None)] * 5
    (step,) = deadlines_of(waits)
    assert (step.told, step.answered, step.given) == (25, 20, 300)
    assert step.in_time == pytest.approx(9 / 25)
    assert (step.median, step.p90, step.suggested) == (330, 570, 600)
    (few,) = deadlines_of(waits[:19])
    assert few.suggested is None


def test_steps_that_were_told_are_measured_against_their_deadline(running: Running) -> None:
    incident_id = running.desk.fire(severity="critical").incident.id
    running.passes(6)
    running.corrections.acknowledge(incident_id, "ann")
    running.passes(1)
    found = {(d.policy, d.step): (d.given, d.answered, d.median) for d in report(running).deadlines}
    assert found["fast", 1] == (300, 0, None)
    assert [value for (_, step), value in found.items() if step > 1] in ([(300, 1, 60)], [])


def test_a_group_is_one_row_of_a_table(running: Running) -> None:
    row = flat(report(running).total)
    assert {"group", "incidents", "acknowledge_median", "acknowledge_p90", "satisfaction"} <= row.keys()
    assert not any(isinstance(value, dict) for value in row.values())


def test_an_imported_history_tells_of_teams_and_not_of_escalation(running: Running) -> None:
    """In its own words, and by whom it was given first."""
    running.desk.fire()
    incident = "SELECT id FROM incident LIMIT 1"
    with running.desk.database.connection() as db:
        db.execute(f"INSERT INTO imported (incident_id, history_id, team) SELECT ({incident}), 'INC1', 'Group 70'")
        db.execute('UPDATE incident SET decision_id = NULL, event = event || \'{"assigned_team": "Group 25"}\'')
        db.execute("DELETE FROM escalation")
    found = report(running, Grouping.TEAM)
    assert [(group.group, group.incidents) for group in found.groups] == [("Group 70", 1)]
    assert (found.total.escalation_rate, found.total.acknowledge.median) == (None, None)
