"""A storm is one parent with children, each still an incident of its own."""

from datetime import timedelta

import pytest

from tests.fixtures_store import CATALOGUE, POLICY, Clock, Desk, an_event
from triage.rules.configuration import Configuration, configuration_from_texts
from triage.store.database import Database
from triage.triager import Received

SERVICES = """
  shop: {name: Shop, owner: payments, tier: 1, dependencies: [orders-db, card-gateway]}
  stock: {name: Stock, owner: payments, tier: 2, dependencies: [orders-db]}
  mail: {name: Mail, owner: desk, tier: 3}
"""
STORM_RULE = """
rules:
  - id: storm
    owner: desk
    review_after: 2027-01-01
    when: recurrence.storm && recurrence.storm_size >= 3
    then: {also_tell: [person:ann]}
"""


@pytest.fixture
def configuration() -> Configuration:
    catalogue = CATALOGUE.replace("priorities:\n  P1", f"{SERVICES.strip(chr(10))}\npriorities:\n  P1", 1)
    return configuration_from_texts(catalogue, POLICY.replace("\nrules:\n", STORM_RULE, 1))


@pytest.fixture
def desk(database: Database, configuration: Configuration, clock: Clock) -> Desk:
    return Desk(database, configuration, clock)


def test_incidents_of_connected_services_within_minutes_are_one_storm(desk: Desk, clock: Clock) -> None:
    first = desk.fire(title="Connections refused", service="orders-db")
    clock.advance(minutes=2)
    second = desk.fire(title="Checkout fails", service="shop")
    clock.advance(minutes=2)
    third = desk.fire(title="Stock levels are stale", service="stock")
    assert first.incident.parent_id is None
    assert [one.incident.parent_id for one in (second, third)] == [first.incident.id] * 2
    assert all(one.opened for one in (first, second, third))
    assert second.recurrence.related == (first.incident.id,)
    storm = third.decision.recurrence.storm
    assert storm is not None
    assert (storm.size, storm.because) == (3, "orders-db: stock depends on it")
    assert any(line.startswith("storm:") for line in third.decision.explanation.rules)
    assert not any(line.startswith("storm:") for line in second.decision.explanation.rules)


def test_a_batch_is_one_storm_too(desk: Desk) -> None:
    titles = {"orders-db": "Connections refused", "shop": "Checkout fails", "mail": "Mails wait"}
    outcomes = desk.send(*(an_event(title=title, service=service) for service, title in titles.items()))
    received = [outcome for outcome in outcomes if isinstance(outcome, Received)]
    assert [one.incident.parent_id for one in received] == [None, received[0].incident.id, None]


def test_what_comes_later_or_once_it_is_over_is_no_part_of_it(desk: Desk, clock: Clock) -> None:
    desk.fire(title="Connections refused", service="orders-db")
    clock.advance(minutes=11)
    later = desk.fire(title="Checkout fails", service="shop")
    assert later.incident.parent_id is None
    assert later.recurrence.storm is None


def test_a_prediction_says_so_too_and_opens_nothing(desk: Desk) -> None:
    first = desk.fire(title="Connections refused", service="orders-db")
    decision = desk.triager.predict([an_event(title="Checkout fails", service="shop")])[0]
    assert decision.recurrence.storm is not None
    assert decision.recurrence.storm.parent == first.incident.id
    assert desk.count("incident") == 1


def test_a_storm_stops_growing_an_hour_after_it_began(desk: Desk, clock: Clock) -> None:
    first = desk.fire(title="Connections refused", service="orders-db", dedup_key="0")
    parents = []
    for number in range(1, 9):
        clock.now += timedelta(minutes=9)
        service = ("shop", "stock")[number % 2]
        title = f"Problem {'abcdefghij'[number] * 3} of the {service}"
        parents.append(desk.fire(title=title, service=service).incident.parent_id)
    assert parents[:6] == [first.incident.id] * 6
    assert first.incident.id not in parents[6:]
