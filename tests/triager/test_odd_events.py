"""Events as broken or hostile senders make them: each is decided on, counted, and joins nothing by accident."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.fixtures_store import Clock, Desk
from triage.domain.incident import MAX_DESCRIPTION
from triage.domain.recurrence import MatchedBy

LOG = "\n".join(
    f"2026-03-09T09:{n // 60 % 60:02}:{n % 60:02}Z worker-{n} could not reach 10.0.0.{n % 250}"
    for n in range(2_000)
)


def test_a_title_of_numbers_alone_is_recognised_only_when_it_is_the_same(desk: Desk) -> None:
    first = desk.fire(title="4711 0815")
    other = desk.fire(title="4711 0816")
    same = desk.fire(title="4711 0815")
    assert other.opened
    assert other.incident.pattern_id != first.incident.pattern_id
    assert same.incident.id == first.incident.id


@pytest.mark.parametrize(
    "title", ["5f2b1c3d4e5f6a7b8c9d", "10.0.0.1", "2026-03-09T09:42:00Z", "\u2014", "💥", "#12"]
)
def test_a_title_that_masks_to_nothing_joins_nothing_else(desk: Desk, title: str) -> None:
    first = desk.fire(title=title)
    other = desk.fire(title="5f2b1c3d4e5f6a7b8c00")
    assert other.opened
    assert other.incident.pattern_id != first.incident.pattern_id


def test_a_log_of_a_hundred_kilobytes_is_cut_and_recognised(desk: Desk) -> None:
    assert len(LOG) > 90_000
    first = desk.fire(title="Workers cannot reach the cache", description=LOG[:MAX_DESCRIPTION])
    again = desk.fire(title="Workers cannot reach the cache", description=LOG[:MAX_DESCRIPTION])
    assert again.incident.id == first.incident.id
    assert again.recurrence.matched_by is MatchedBy.FINGERPRINT


def test_binary_in_a_title_is_stored_and_recognised(desk: Desk) -> None:
    title = "Segfault \u0001\u0002\ufffd\u200b core \x7f dumped"
    first = desk.fire(title=title)
    assert desk.fire(title=title).incident.id == first.incident.id


def test_the_same_key_with_another_service_is_another_incident(desk: Desk) -> None:
    first = desk.fire(title="Lag", dedup_key="lag", service="orders-db")
    other = desk.fire(title="Lag", dedup_key="lag", service="card-gateway")
    assert other.opened
    assert other.incident.pattern_id != first.incident.pattern_id


@pytest.mark.parametrize(
    "said",
    [timedelta(days=1), timedelta(days=400)],
    ids=["tomorrow", "next year"],
)
def test_what_is_dated_in_the_future_happened_now(desk: Desk, clock: Clock, said: timedelta) -> None:
    received = desk.fire(dedup_key="ahead", started_at=clock.now + said)
    assert received.incident.last_occurred_at == clock.now
    assert received.recurrence.occurrences["1h"] == 1
    assert desk.fire(dedup_key="later", title="Replication lag above 31 s on orders-db").recurrence.total == 2


@pytest.mark.parametrize("said", [datetime(1970, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)])
def test_a_clock_that_was_never_set_says_nothing(desk: Desk, clock: Clock, said: datetime) -> None:
    received = desk.fire(dedup_key="unset", started_at=said)
    assert received.incident.last_occurred_at == clock.now
    assert received.recurrence.occurrences == {"1h": 1, "24h": 1, "7d": 1, "30d": 1}
    repeated = desk.fire(dedup_key="unset", started_at=said)
    assert not repeated.counted


def test_an_alert_that_fires_since_months_is_believed(desk: Desk, clock: Clock) -> None:
    received = desk.fire(dedup_key="old", started_at=clock.now - timedelta(days=90))
    assert received.incident.last_occurred_at == clock.now - timedelta(days=90)
    assert received.recurrence.occurrences["30d"] == 0


def test_one_problem_in_two_regions_is_two_incidents(desk: Desk) -> None:
    here = desk.fire(title="Nobody reads the queue orders", region="eu-central")
    there = desk.fire(title="Nobody reads the queue orders", region="us-east")
    again = desk.fire(title="Nobody reads the queue orders", region="EU central")
    assert there.opened
    assert there.incident.pattern_id != here.incident.pattern_id
    assert again.incident.id == here.incident.id
