"""Past incidents as the database tells them: what was known at opening, and what people said since."""

from datetime import timedelta

import pytest

from tests.fixtures_store import Desk, an_event
from triage.corrections import Corrections
from triage.domain.incident import EventKind
from triage.domain.priority import Priority
from triage.domain.provenance import PastIncident
from triage.store.exporting import FETCHED, PastIncidents
from triage.store.incidents import Incidents


@pytest.fixture
def corrections(desk: Desk) -> Corrections:
    return Corrections(Incidents(desk.database), lambda: desk.active, desk.clock)


def read(desk: Desk) -> list[PastIncident]:
    return list(PastIncidents(desk.database).read())


def test_what_came_after_the_opening_is_not_in_the_event(desk: Desk) -> None:
    opened = desk.fire(dedup_key="lag", description="first words")
    desk.clock.advance(minutes=5)
    worse = {"severity": "critical", "assigned_team": "payments", "started_at": desk.clock.now}
    desk.fire(dedup_key="lag", title="Later words", description="the cause is known", **worse)
    (past,) = read(desk)
    assert past.id == opened.incident.id
    assert past.event == an_event(dedup_key="lag", description="first words")
    assert past.opened_at == opened.incident.opened_at


def test_the_newest_override_that_names_it_speaks_for_each_target(desk: Desk, corrections: Corrections) -> None:
    incident = desk.fire().incident.id
    corrections.override(incident, "ann", priority="P2", team="payments")
    corrections.override(incident, "bob", priority="P1", team=None, reason="revenue")
    desk.clock.advance(minutes=1)
    corrections.override(incident, "ann", priority=None, team="desk")
    (past,) = read(desk)
    assert past.priority_said is not None
    assert past.team_said is not None
    assert (past.priority_said.by, past.priority_said.priority) == ("bob", Priority.P1)
    assert (past.team_said.by, past.team_said.team, past.team_said.at) == ("ann", "desk", desk.clock.now)


def test_a_correction_speaks_for_no_other_incident_of_its_pattern(desk: Desk, corrections: Corrections) -> None:
    first = desk.fire().incident.id
    corrections.override(first, "ann", priority="P2", team="payments")
    corrections.resolve(first, "ann", None)
    desk.clock.advance(hours=1)
    again = desk.fire()
    assert again.incident.team == "payments"
    corrected, applied = read(desk)
    assert corrected.team_said is not None
    assert (applied.id, applied.priority_said, applied.team_said) == (again.incident.id, None, None)


def test_who_took_and_who_resolved_it_and_under_which_catalogue(desk: Desk, corrections: Corrections) -> None:
    incident = desk.fire().incident.id
    corrections.acknowledge(incident, "ann")
    corrections.resolve(incident, "bob", "failed over")
    (past,) = read(desk)
    assert (past.acknowledged_by, past.resolved_by, past.resolved_at) == ("ann", "bob", desk.clock.now)
    assert past.catalogue == desk.configuration.catalogue.version


def test_an_incident_whose_key_held_an_earlier_one_open_is_its_duplicate(
    desk: Desk, corrections: Corrections
) -> None:
    first = desk.fire(dedup_key="lag").incident.id
    desk.clock.advance(days=8)  # beyond the window in which it would join
    second = desk.fire(dedup_key="lag").incident.id
    elsewhere = desk.fire(dedup_key="lag", environment="staging").incident.id
    found = {past.id: past.duplicate_of for past in read(desk)}
    assert found == {first: None, second: first, elsewhere: None}


def test_an_incident_whose_key_had_ended_is_no_duplicate(desk: Desk) -> None:
    desk.fire(dedup_key="lag")
    desk.clock.advance(minutes=5)
    desk.send(an_event(event=EventKind.RESOLVED, dedup_key="lag"))
    desk.clock.advance(minutes=5)
    desk.fire(dedup_key="lag")
    assert [past.duplicate_of for past in read(desk)] == [None, None]


def test_incidents_that_only_read_alike_are_no_duplicates(desk: Desk) -> None:
    desk.fire()
    desk.clock.advance(days=8)
    desk.fire()
    assert [past.duplicate_of for past in read(desk)] == [None, None]


def test_they_come_oldest_first_and_within_bounds_of_which_the_later_is_excluded(desk: Desk) -> None:
    start = desk.clock.now
    ids = []
    for number in range(4):
        ids.append(desk.fire(title=f"Disk {number} full", service=None).incident.id)
        desk.clock.advance(hours=1)
    past = PastIncidents(desk.database)
    bounds = start + timedelta(hours=1), start + timedelta(hours=3)
    assert [one.id for one in past.read()] == ids
    assert [one.id for one in past.read(*bounds)] == ids[1:3]
    assert (past.count(), past.count(*bounds), past.count(bounds[1])) == (4, 2, 1)


def test_all_are_read_as_of_one_moment_in_as_many_fetches_as_it_takes(desk: Desk) -> None:
    n = FETCHED + 1
    with desk.database.connection() as db:
        desk.fire()
        db.execute(
            "INSERT INTO incident (id, pattern_id, source, scope, title, event, text_key, state, status, priority,"
            " team, decision_id, occurrences, deliveries, opened_at, last_occurred_at, last_seen_at)"
            " SELECT gen_random_uuid(), pattern_id, source, scope, title, event, text_key, state, status,"
            " priority, team, decision_id, 1, 1, opened_at, last_occurred_at, last_seen_at"
            " FROM incident, generate_series(2, %s)",
            (n,),
        )
    reading = PastIncidents(desk.database).read()
    next(reading)
    with desk.database.connection() as db:
        held = db.execute(
            "SELECT query FROM pg_stat_activity"
            " WHERE datname = current_database() AND state = 'idle in transaction'"
        ).fetchone()
        db.execute("UPDATE incident SET team = 'changed meanwhile'")
    assert held is not None
    assert held["query"].startswith(f"FETCH FORWARD {FETCHED} ")
    rest = list(reading)
    assert len(rest) == n - 1
    assert {past.team for past in rest} == {"databases"}


def test_leaving_early_gives_the_connection_back(desk: Desk) -> None:
    desk.fire()
    for _ in range(6):  # more than the pool has
        reading = PastIncidents(desk.database).read()
        next(reading)
        reading.close()
    assert desk.count("incident") == 1
