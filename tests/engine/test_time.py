"""A clock that is set back or far ahead does no harm: nobody is flooded, and nobody is forgotten."""

from datetime import timedelta

from tests.engine.fixtures import Running
from triage.escalation.state import Phase
from triage.store.clock import DatabaseClock


def test_year_that_passed_at_once_is_one_call_and_not_thousands(running: Running):
    opened = running.desk.fire(severity="critical").incident
    running.passes(1)
    running.clock.advance(days=365)
    while running.engine.tick().carried_on:
        pass
    assert len(running.said(opened.id)) == 2
    running.passes(20)
    assert len(running.said(opened.id)) > 2  # and it goes on from there


def test_clock_that_is_set_back_delays_what_is_due_and_loses_nothing(running: Running):
    opened = running.desk.fire(severity="critical").incident
    running.passes(4)
    running.clock.now -= timedelta(hours=1)
    assert running.engine.tick().carried_on == 0
    running.passes(90)
    assert [recipient for _, recipient, _ in running.said(opened.id)][:3] == ["person:bob"] * 2 + ["person:ann"]


def test_what_people_do_counts_while_the_clock_is_behind(running: Running):
    opened = running.desk.fire(severity="critical").incident
    running.passes(4)
    running.clock.now -= timedelta(days=30)
    running.corrections.acknowledge(opened.id, "bob")
    running.passes(0)
    assert running.state_of(opened.id).phase is Phase.ACKNOWLEDGED
    running.corrections.resolve(opened.id, "bob", None)
    running.passes(60 * 24 * 60)
    assert running.states("kind") == {"page": 1, "stand_down": 1}


def test_workers_share_the_clock_of_their_database(running: Running):
    """One whose own clock is a year ahead would put off for a year whatever it carries on."""
    with running.desk.database.connection() as db:
        row = db.execute("SELECT clock_timestamp() AS at").fetchone()
    assert timedelta(0) <= DatabaseClock(running.desk.database)() - row["at"] < timedelta(seconds=10)
