"""Lists of incidents: their order, their pages, and whose they are; and the feed that keeps them live."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.fixtures_api import Api
from triage.domain.priority import Priority
from triage.store.changes import LATE_FOR, Changes
from triage.store.lists import COUNTED, IncidentLists, ListFilter, Order, Standing


@pytest.fixture
def lists(api: Api) -> IncidentLists:
    return IncidentLists(api.service.parts.database)


def now() -> datetime:
    return datetime.now(UTC)


def fire(api: Api, number: int, **fields: object) -> str:
    usual: dict[str, object] = {"title": f"Kind {number} of thing fails", "service": f"s{number}"}
    return str(api.fire(**usual | fields)["incident"]["id"])


def all_of(lists: IncidentLists, wanted: ListFilter) -> list[str]:
    """Page by page until there is no more."""
    found: list[str] = []
    while True:
        rows = lists.find(wanted, now())
        found += [row.id for row in rows]
        if len(rows) < wanted.limit:
            return found
        wanted = ListFilter(
            standing=wanted.standing, order=wanted.order, limit=wanted.limit, after=rows[-1].position
        )


@pytest.mark.parametrize("order", list(Order))
def test_pages_hold_everything_once_in_order(api: Api, lists: IncidentLists, order: Order) -> None:
    for number in range(23):
        fire(api, number, severity=("critical", "warning", "info")[number % 3])
    whole = lists.find(ListFilter(order=order, limit=100), now())
    assert all_of(lists, ListFilter(order=order, limit=5)) == [row.id for row in whole]
    if order is Order.URGENCY:
        ranks = [row.priority.rank for row in whole]
        assert ranks == sorted(ranks)
    else:
        moments = [row.opened_at for row in whole]
        assert moments == sorted(moments, reverse=True)


def test_standings_part_what_there_is(api: Api, lists: IncidentLists) -> None:
    taken, over = fire(api, 1), fire(api, 2)
    fire(api, 3)
    api.post(f"/v1/incidents/{taken}/acknowledge")
    api.post(f"/v1/incidents/{over}/resolve")
    counts = dict(zip(Standing, lists.count([ListFilter(standing=one) for one in Standing], now()), strict=True))
    assert {one.value: count for one, count in counts.items()} == {
        "open": 2,
        "triggered": 1,
        "acknowledged": 1,
        "resolved": 1,
        "all": 3,
    }
    for standing, count in counts.items():
        assert len(lists.find(ListFilter(standing=standing), now())) == count


def test_mine_is_what_i_took_or_was_paged_for(api: Api, lists: IncidentLists) -> None:
    taken, other = fire(api, 1, service="orders-db"), fire(api, 2, service="card-gateway", severity="critical")
    api.post(f"/v1/incidents/{taken}/acknowledge")
    api.service.parts.engine.tick()
    assert [row.id for row in lists.find(ListFilter(person="local"), now())] == [taken]
    paged = {row.id for row in lists.find(ListFilter(person="ann"), now())}
    assert other in paged
    assert lists.find(ListFilter(person="nobody"), now()) == []


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"environment": "staging"}, {"environment": "staging"}),
        ({"source": "probe"}, {"source": "probe"}),
        ({"severity": "critical"}, {"priority": Priority.P1}),
        ({"title": "Quite another thing"}, {"q": "another"}),
    ],
)
def test_filters_keep_what_they_name(
    api: Api, lists: IncidentLists, fields: dict[str, Any], wanted: dict[str, Any]
) -> None:
    fire(api, 1, environment="production", severity="info")
    kept = fire(api, 2, **{"severity": "info"} | fields)
    assert [row.id for row in lists.find(ListFilter(**wanted), now())] == [kept]
    assert lists.count([ListFilter(**wanted)], now()) == [1]


def test_counts_stop_where_nobody_cares(api: Api, lists: IncidentLists) -> None:
    first = fire(api, 1)
    with api.service.parts.database.connection() as db:
        columns = "pattern_id, source, scope, title, event, text_key, state, status, priority, team, decision_id"
        db.execute(
            f"INSERT INTO incident (id, {columns}, occurrences, deliveries, opened_at, last_occurred_at,"
            " last_seen_at)"
            f" SELECT gen_random_uuid(), {columns}, 1, 1, opened_at, opened_at, opened_at"
            " FROM incident, generate_series(1, 1200) WHERE id = %s",
            (first,),
        )
    assert lists.count([ListFilter()], now()) == [COUNTED + 1]


def test_the_feed_names_what_has_happened_once(api: Api) -> None:
    changes = Changes(api.service.parts.database)
    before = fire(api, 1)
    changes.begin()
    assert changes.read(now()) == []
    incident = fire(api, 2)
    api.post(f"/v1/incidents/{before}/note", {"text": "seen"})
    assert set(changes.read(now()) or ()) >= {incident, before}
    api.service.parts.engine.tick()
    changes.read(now())
    assert changes.read(now()) == []


def test_the_feed_sees_what_is_written_late_under_an_earlier_number(
    api: Api, new_database: Callable[[], str]
) -> None:
    database = api.service.parts.database
    changes = Changes(database)
    slow, quick = fire(api, 1), fire(api, 2)
    changes.begin()
    columns = "incident_id, at, kind, actor, detail"
    entry = f"INSERT INTO timeline ({columns}) VALUES (%s, now(), 'note', 'ann', '{{}}')"
    with psycopg.connect(database.url) as late:
        late.execute(entry, (slow,))
        with database.connection() as db:
            db.execute(entry, (quick,))
        assert list(changes.read(now()) or ()).count(quick) == 1
        late.commit()
    assert slow in (changes.read(now() + timedelta(seconds=2)) or ())
    later = now() + LATE_FOR + timedelta(seconds=5)
    assert changes.read(later) == []
    assert changes.read(later) == []


def test_two_who_begin_at_once_see_the_same(api: Api) -> None:
    feeds = [Changes(api.service.parts.database) for _ in range(2)]
    for feed in feeds:
        feed.begin()
    incident = fire(api, 1)
    seen: list[set[str]] = []
    threads = [
        threading.Thread(target=lambda feed=feed: seen.append(set(feed.read(now()) or ())))  # type: ignore[misc]
        for feed in feeds
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert all(incident in one for one in seen)
