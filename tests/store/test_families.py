"""A pattern and what people merged into it are remembered as one; a refused or split template tells apart."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.fixtures_store import Clock, Desk
from triage.domain.recurrence import WINDOWS, MatchedBy, RecurrenceKind
from triage.recurrence.looking import look_at


@pytest.fixture
def two(desk: Desk) -> tuple[str, str]:
    """Two resolved incidents of two patterns, by pattern."""
    patterns = []
    for title in ("Disk of orders-db is full", "Volume of orders-db has no room"):
        received = desk.fire(title=title)
        patterns.append(received.incident.pattern_id)
        _resolve(desk, received.incident.id)
    return patterns[0], patterns[1]


def _resolve(desk: Desk, incident_id: str) -> None:
    with desk.database.connection() as db:
        db.execute(
            "UPDATE incident SET state = 'resolved', status = 'resolved', resolved_by = 'ann',"
            " resolved_at = opened_at + interval '10 min' WHERE id = %s",
            (incident_id,),
        )


def _merge(desk: Desk, other: str, into: str) -> None:
    with desk.database.connection() as db:
        db.execute("UPDATE pattern SET root = %s WHERE id = %s", (into, other))


def test_what_was_merged_is_counted_together(desk: Desk, two: tuple[str, str], clock: Clock) -> None:
    first, second = two
    _merge(desk, second, first)
    clock.advance(hours=1, minutes=1)
    received = desk.fire(title="Volume of orders-db has no room")
    assert received.incident.pattern_id == first
    assert received.recurrence.kind is RecurrenceKind.RECURRENCE
    assert received.recurrence.occurrences == {"1h": 1, "24h": 3, "7d": 3, "30d": 3}
    assert received.recurrence.total == 3
    assert received.recurrence.resolve_seconds == 600.0
    joined = desk.fire(title="Disk of orders-db is full")
    assert not joined.opened
    assert joined.incident.id == received.incident.id


def test_what_was_merged_across_services_is_counted_together_and_opens_apart(desk: Desk) -> None:
    here = desk.fire(title="Certificate expires", service="orders-db")
    there = desk.fire(title="Certificate expires", service="card-gateway")
    _merge(desk, there.incident.pattern_id, here.incident.pattern_id)
    again = desk.fire(title="Certificate expires", service="card-gateway", dedup_key="new")
    assert again.incident.id == there.incident.id
    assert again.recurrence.occurrences["1h"] == 3


def test_a_refused_template_recognises_exact_texts_only(desk: Desk) -> None:
    first = desk.fire(title="Shard 7 of 12 pods is slow")
    with desk.database.connection() as db:
        db.execute("UPDATE pattern_key SET refused = true WHERE digest LIKE 'tp1:%'")
    same = desk.fire(title="Shard 7 of 12 pods is slow")
    assert same.incident.id == first.incident.id
    variant = desk.fire(title="Shard 7 of 13 pods is slow")
    assert variant.opened
    assert variant.incident.pattern_id != first.incident.pattern_id
    once_more = desk.fire(title="Shard 7 of 13 pods is slow")
    assert once_more.incident.id == variant.incident.id


def test_a_split_template_sends_texts_with_its_words_to_their_own_pattern(
    desk: Desk, two: tuple[str, str]
) -> None:
    first = desk.fire(title="Queue refunds holds 900 messages")
    look = look_at(first.incident.event)
    with desk.database.connection() as db:
        db.execute(
            "INSERT INTO pattern_split (template_key, words, pattern_id) VALUES (%s, %s, %s)",
            (look.template_key, ["902"], two[1]),
        )
    told = desk.fire(title="Queue refunds holds 902 messages")
    assert told.incident.pattern_id == two[1]
    assert told.recurrence.matched_by is MatchedBy.TEMPLATE
    other = desk.fire(title="Queue refunds holds 903 messages")
    assert other.incident.id == first.incident.id


def test_a_million_occurrences_are_counted_without_being_read(desk: Desk, clock: Clock) -> None:
    """Of the occurrences only those are there that lie in five minutes cut by the beginning of a window."""
    received = desk.fire()
    pattern = received.incident.pattern_id
    with desk.database.connection() as db:
        every = "SELECT %s::timestamptz - n * interval '2 s' AS at FROM generate_series(1, 1000000) AS n"
        db.execute(
            "INSERT INTO pattern_beat (pattern_id, at, occurrences)"
            f" SELECT %s, date_bin('5 minutes', at, 'epoch'), count(*) FROM ({every}) AS every GROUP BY 2"
            " ON CONFLICT (pattern_id, at) DO UPDATE"
            " SET occurrences = pattern_beat.occurrences + excluded.occurrences",
            (pattern, clock.now),
        )
        for window in WINDOWS.values():
            db.execute(
                "INSERT INTO occurrence (incident_id, pattern_id, source, scope, occurred_at, received_at)"
                f" SELECT %s, %s, 'monitor', '', at, at FROM ({every}) AS every"
                " WHERE date_bin('5 minutes', at, 'epoch') = date_bin('5 minutes', %s, 'epoch')",
                (received.incident.id, pattern, clock.now, clock.now - window),
            )
        db.execute("UPDATE pattern SET occurrences = 1000001 WHERE id = %s", (pattern,))
    again = desk.fire(dedup_key="again")
    assert again.recurrence.total == 1_000_002
    hour = timedelta(hours=1) // timedelta(seconds=2)
    assert again.recurrence.occurrences == {
        "1h": hour + 2,
        "24h": 24 * hour + 2,
        "7d": 7 * 24 * hour + 2,
        "30d": 1_000_002,
    }


@pytest.mark.parametrize(
    "moments_ago",
    [
        (0,),
        (3_599, 3_600, 3_601),
        (299, 300, 301, 86_399, 86_400, 86_401),
        (604_800, 604_801, 2_592_000, 2_592_001),
    ],
)
def test_windows_are_exact_to_the_second(desk: Desk, clock: Clock, moments_ago: tuple[int, ...]) -> None:
    for number, seconds in enumerate(moments_ago):
        at = clock.now - timedelta(seconds=seconds)
        desk.fire(dedup_key=str(number), started_at=at)
    received = desk.fire(dedup_key="now")
    spans = {"1h": 3_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000}
    assert received.recurrence.occurrences == {
        name: 1 + sum(seconds <= span for seconds in moments_ago) for name, span in spans.items()
    }


def test_a_template_without_a_service_is_outlived_after_the_join_window(desk: Desk, clock: Clock) -> None:
    first = desk.fire(title="Increased error rates since 11:46 AM", service=None)
    within = desk.fire(title="Increased error rates since 11:48 AM", service=None)
    assert within.incident.id == first.incident.id
    _resolve(desk, first.incident.id)
    clock.advance(days=8)
    later = desk.fire(title="Increased error rates since 6:17 AM", service=None)
    assert later.incident.pattern_id != first.incident.pattern_id
    assert later.recurrence.kind is not RecurrenceKind.DUPLICATE
    soon = desk.fire(title="Increased error rates since 6:19 AM", service=None)
    assert soon.incident.id == later.incident.id
    exact = desk.fire(title="Increased error rates since 11:46 AM", service=None)
    assert exact.incident.pattern_id == first.incident.pattern_id


def test_a_template_of_a_named_service_is_known_for_ever(desk: Desk, clock: Clock) -> None:
    first = desk.fire(title="Increased error rates since 11:46 AM")
    _resolve(desk, first.incident.id)
    clock.advance(days=400)
    later = desk.fire(title="Increased error rates since 6:17 AM")
    assert later.incident.pattern_id == first.incident.pattern_id
    assert later.recurrence.matched_by is MatchedBy.TEMPLATE


def test_a_family_is_as_old_as_its_oldest_and_as_fresh_as_its_newest(desk: Desk, clock: Clock) -> None:
    first = desk.fire(title="Increased error rates since 11:46 AM", service=None)
    _resolve(desk, first.incident.id)
    born_at = clock.now
    clock.advance(days=300)
    second = desk.fire(title="Increased error rates since 6:17 AM", service=None)
    _merge(desk, second.incident.pattern_id, first.incident.pattern_id)
    again = desk.fire(title="Increased error rates since 6:21 AM", service=None)
    assert again.incident.id == second.incident.id
    assert again.recurrence.first_seen_at == born_at
    assert again.recurrence.total == 3


def test_a_family_that_is_open_in_many_environments_joins_in_each(desk: Desk) -> None:
    opened = [desk.fire(title="Certificate expires", environment=f"env-{n}") for n in range(40)]
    for other in opened[1:]:
        _merge(desk, other.incident.pattern_id, opened[0].incident.pattern_id)
    for number in (0, 20, 39):
        again = desk.fire(title="Certificate expires", environment=f"env-{number}", dedup_key="again")
        assert again.incident.id == opened[number].incident.id


def test_an_outlived_template_is_linked_by_similarity(desk: Desk, clock: Clock, starter_bundle: Path) -> None:
    desk.use(starter_bundle)
    first = desk.fire(title="Nightly export to the warehouse failed after 11:46", service=None)
    _resolve(desk, first.incident.id)
    clock.advance(days=300)
    later = desk.fire(title="Nightly export to the warehouse failed after 11:48", service=None)
    assert later.incident.pattern_id != first.incident.pattern_id
    assert later.recurrence.matched_by is MatchedBy.SIMILARITY
    assert later.recurrence.of == first.incident.id
