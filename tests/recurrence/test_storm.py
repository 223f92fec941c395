"""Which incidents belong to one storm, and when one is a storm of its own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from triage.domain.storm import NEAR_IN_TIME, Burning
from triage.recurrence.storm import SIZE_AT_MOST, STORM_AT_MOST, find_storm

NOW = datetime(2026, 3, 9, 9, 42, tzinfo=UTC)
CONNECTED = {"shop": "the same service", "orders-db": "shop depends on it"}


def burning(**fields: object) -> Burning:
    """Something burns on the database since a minute."""
    opened_at = NOW - timedelta(minutes=1)
    one = Burning(
        incident_id="first",
        pattern_id="other",
        service="orders-db",
        environment="Production",
        opened_at=opened_at,
        root="first",
        root_opened_at=opened_at,
        size=1,
    )
    return replace(one, **fields)  # type: ignore[arg-type]


def test_what_opens_while_something_connected_burns_is_part_of_its_storm() -> None:
    storm = find_storm([burning()], CONNECTED, "production", "mine", NOW)
    assert storm is not None
    assert (storm.parent, storm.because, storm.size) == ("first", "orders-db: shop depends on it", 2)


@pytest.mark.parametrize(
    "changed",
    [
        {"service": "mail"},
        {"environment": "staging"},
        {"environment": None},
        {"pattern_id": "mine"},
        {"opened_at": NOW - NEAR_IN_TIME - timedelta(seconds=1)},
        {"root_opened_at": NOW - STORM_AT_MOST - timedelta(seconds=1)},
        {"size": SIZE_AT_MOST},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_another_service_environment_or_time_is_none_and_a_storm_ends_growing(changed: dict[str, object]) -> None:
    assert find_storm([burning(**changed)], CONNECTED, "production", "mine", NOW) is None


def test_the_oldest_storm_is_joined_and_its_first_incident_is_the_parent() -> None:
    old = burning(incident_id="child", root="oldest", root_opened_at=NOW - timedelta(minutes=8), size=3)
    storm = find_storm([burning(), old], CONNECTED, "production", "mine", NOW)
    assert storm is not None
    assert (storm.parent, storm.size) == ("oldest", 4)
