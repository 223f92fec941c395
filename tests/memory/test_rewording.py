"""A source that says something else under the same key: both texts are kept, found, and decided on again."""

import pytest

from tests.fixtures_store import Clock, Desk, an_event


def notes(desk: Desk, kind: str) -> list[dict[str, object]]:
    with desk.database.connection() as db:
        rows = db.execute("SELECT detail FROM timeline WHERE kind = %s ORDER BY id", (kind,)).fetchall()
    return [row["detail"] for row in rows]


def test_another_text_under_the_same_key_joins_and_is_kept_beside_the_first(desk: Desk, clock: Clock) -> None:
    first = desk.fire(dedup_key="db", title="Replication lag above 30 s on orders-db")
    second = desk.fire(
        dedup_key="db", title="orders-db does not accept connections", started_at=clock.advance(minutes=1)
    )
    assert not second.opened
    assert second.incident.id == first.incident.id
    assert second.incident.title == "Replication lag above 30 s on orders-db"
    assert notes(desk, "reworded") == [{"title": "orders-db does not accept connections"}]
    assert desk.count("incident_wording") == 1
    assert desk.count("text_terms") == 2


def test_what_changes_with_every_message_is_no_other_text(desk: Desk, clock: Clock) -> None:
    desk.fire(dedup_key="disk", title="Disk of db-17.northwind.example 93% full")
    for percent in (94, 95, 96):
        desk.fire(
            dedup_key="disk",
            title=f"Disk of db-17.northwind.example {percent}% full",
            started_at=clock.advance(minutes=1),
        )
    assert notes(desk, "reworded") == []
    assert desk.count("incident_wording") == 0


def test_a_text_of_another_pattern_is_said_and_its_latest_incident_named(desk: Desk) -> None:
    other = desk.fire(title="Backups are late", dedup_key="backup")
    first = desk.fire(title="Replication lag above 30 s on orders-db", dedup_key="db")
    joined = desk.fire(title="Backups are late", dedup_key="db")
    assert joined.incident.id == first.incident.id
    assert joined.recurrence.related == (other.incident.id,)
    assert notes(desk, "reworded") == [{"title": "Backups are late", "reads_as": other.incident.pattern_id}]


def test_a_repeated_delivery_with_another_text_is_decided_on_again(desk: Desk, clock: Clock) -> None:
    desk.fire(dedup_key="db", started_at=clock.now, severity="warning")
    repeated = desk.fire(dedup_key="db", started_at=clock.now, severity="warning", title="Card data may leak")
    assert not repeated.counted
    assert notes(desk, "reworded") == [{"title": "Card data may leak"}]


@pytest.mark.parametrize("times", [1, 3])
def test_the_same_other_text_is_kept_once_for_a_batch(desk: Desk, clock: Clock, times: int) -> None:
    desk.fire(dedup_key="db")
    events = [
        an_event(dedup_key="db", title="Something else", started_at=clock.advance(minutes=1)) for _ in range(times)
    ]
    desk.send(*events)
    assert desk.count("incident_wording") == 1


def test_what_was_said_before_is_not_said_anew(desk: Desk, clock: Clock) -> None:
    """Neither the other text again, nor the same but for a number, nor in turns."""
    desk.fire(dedup_key="db")
    for number, title in enumerate(["Another thing is at 5%", "Replication lag above 31 s on orders-db"] * 3):
        desk.fire(dedup_key="db", title=title.replace("5", str(number)), started_at=clock.advance(minutes=1))
    assert len(notes(desk, "reworded")) == 1
    assert desk.count("incident_wording") == 1


def test_two_incidents_reworded_alike_in_one_batch_are_both_kept(desk: Desk) -> None:
    for key in ("a", "b"):
        desk.fire(dedup_key=key, title=f"Problem of its own {key * 3}")
    desk.send(*(an_event(dedup_key=key, title="The same for both") for key in ("a", "b")))
    assert desk.count("incident_wording") == 2
