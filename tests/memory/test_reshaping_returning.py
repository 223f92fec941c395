"""What stays and what goes when a merge is undone, and which exact texts are known then."""

from collections.abc import Callable

import pytest

from tests.fixtures_store import Desk
from triage.corrections import Corrections
from triage.memory.reshaping import Reshaping
from triage.store import pattern_moves
from triage.store.incidents import Incidents
from triage.store.pattern_changes import PatternChanges
from triage.triager import Received

JOB = "Job failed since 11:0{} AM"
RATES = "Increased error rates since {} AM"
WEB1, WEB2 = "Disk of host web1 full at {}%", "Disk of host web2 full at {}%"

Fire = Callable[..., Received]


@pytest.fixture
def reshaping(desk: Desk) -> Reshaping:
    return Reshaping(PatternChanges(desk.database), desk.clock)


@pytest.fixture
def fire(desk: Desk) -> Fire:
    """An incident that is over, so that the next of its kind opens another one."""
    corrections = Corrections(Incidents(desk.database), lambda: desk.active, desk.clock)

    def open_and_resolve(title: str, **fields: object) -> Received:
        received = desk.fire(title=title, **fields)
        corrections.resolve(received.incident.id, "ann", None)
        desk.clock.advance(minutes=1)
        return received

    return open_and_resolve


def pattern_of(desk: Desk, received: Received) -> str:
    with desk.database.connection() as db:
        row = db.execute("SELECT pattern_id FROM incident WHERE id = %s", (received.incident.id,)).fetchone()
    assert row is not None
    return str(row["pattern_id"])


def texts(desk: Desk, *patterns: str) -> set[str]:
    """The digests of exact texts that lead to these patterns."""
    with desk.database.connection() as db:
        found = db.execute(
            "SELECT digest FROM pattern_key WHERE pattern_id = ANY(%s::uuid[]) AND starts_with(digest, 'fp')",
            (list(patterns),),
        ).fetchall()
    return {row["digest"] for row in found}


def test_what_the_root_had_before_a_merge_stays_when_it_is_undone(
    desk: Desk, reshaping: Reshaping, fire: Fire
) -> None:
    old = fire(RATES.format("11:46"), service=None)
    desk.clock.advance(days=300)
    new = fire(RATES.format("6:17"), service=None)
    one, other = old.incident.pattern_id, new.incident.pattern_id
    assert one != other  # it has the template now
    desk.clock.advance(hours=1)
    merged = reshaping.merge(one, other, "ann")
    desk.clock.advance(minutes=5)
    came = fire(RATES.format("6:29"), service=None)
    reshaping.undo(merged.change.id, "ann")
    assert [pattern_of(desk, received) for received in (old, new, came)] == [one, other, other]


def test_what_was_imported_while_two_were_merged_goes_where_its_text_leads(
    desk: Desk, reshaping: Reshaping, fire: Fire
) -> None:
    one, other = fire("Replica lags by 3 s"), fire("Replication is behind by 3 s")
    merged = reshaping.merge(one.incident.pattern_id, other.incident.pattern_id, "ann")
    past = fire("Replication is behind by 7 s")
    with desk.database.connection() as db:
        db.execute(
            "UPDATE incident SET opened_at = opened_at - interval '1 year' WHERE id = %s", (past.incident.id,)
        )
        db.execute(
            "INSERT INTO imported (incident_id, history_id, imported_at) VALUES (%s, '7', %s)",
            (past.incident.id, desk.clock.now),
        )
    reshaping.undo(merged.change.id, "ann")
    assert pattern_of(desk, past) == other.incident.pattern_id


def test_what_a_split_gave_back_meanwhile_goes_along_when_a_merge_is_undone(
    desk: Desk, reshaping: Reshaping, fire: Fire
) -> None:
    two, one = fire(WEB2.format(90)), fire(WEB1.format(91))
    door, disk = fire("Door is open"), two.incident.pattern_id
    split = reshaping.split(disk, [one.incident.id], "ann")
    came = fire(WEB1.format(95))
    assert pattern_of(desk, came) == split.change.other_id
    desk.clock.advance(hours=1)
    merged = reshaping.merge(door.incident.pattern_id, disk, "ann")
    reshaping.undo(split.change.id, "ann")
    reshaping.undo(merged.change.id, "ann")
    assert {pattern_of(desk, received) for received in (one, two, came)} == {disk}
    for title in (WEB1.format(95), WEB1.format(97)):
        assert fire(title).recurrence.pattern_id == disk


@pytest.mark.parametrize(
    "bounds", [{"READ_AT_MOST": 3}, {"_NEWEST": 5}], ids=["many texts", "many incidents of few texts"]
)
def test_undoing_a_merge_forgets_no_exact_text_of_an_incident_that_was_not_read(
    desk: Desk, reshaping: Reshaping, fire: Fire, monkeypatch: pytest.MonkeyPatch, bounds: dict[str, int]
) -> None:
    for name, most in bounds.items():
        monkeypatch.setattr(pattern_moves, name, most)
    jobs = [fire(JOB.format(n), service=None) for n in (0, 1, 2, 3, 4, 4)]
    one = jobs[0].incident.pattern_id
    behind = fire("Replication is behind since 3:01 AM", service=None)
    before = texts(desk, one)
    merged = reshaping.merge(one, behind.incident.pattern_id, "ann")
    came = fire("Replication is behind since 3:07 AM", service=None)
    reshaping.undo(merged.change.id, "ann")
    assert pattern_of(desk, came) == behind.incident.pattern_id
    assert len(before) == 5
    assert texts(desk, one) == before


def test_a_split_forgets_no_exact_text_of_an_incident_that_was_not_read(
    desk: Desk, reshaping: Reshaping, fire: Fire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pattern_moves, "READ_AT_MOST", 3)
    staying, moving = [fire(WEB2.format(n)) for n in range(6)], fire(WEB1.format(91))
    disk = staying[0].incident.pattern_id
    before = texts(desk, disk)
    changed = reshaping.split(disk, [moving.incident.id], "ann")
    assert changed.change.detail["words"]
    assert texts(desk, disk, str(changed.change.other_id)) == before


def test_the_same_text_of_two_regions_is_known_in_both_when_a_merge_is_undone(
    desk: Desk, reshaping: Reshaping, fire: Fire
) -> None:
    north, south = (fire("Replica lags by 3 s", region=region) for region in ("north", "south"))
    behind = fire("Replication is behind by 3 s")
    one = north.incident.pattern_id
    with desk.database.connection() as db:
        db.execute("UPDATE incident SET pattern_id = %s WHERE id = %s", (one, south.incident.id))
        db.execute(
            "UPDATE pattern_key SET pattern_id = %s WHERE pattern_id = %s", (one, south.incident.pattern_id)
        )
        db.execute("UPDATE occurrence SET pattern_id = %s WHERE incident_id = %s", (one, south.incident.id))
    before = texts(desk, one)
    merged = reshaping.merge(one, behind.incident.pattern_id, "ann")
    fire("Replication is behind by 7 s")
    reshaping.undo(merged.change.id, "ann")
    assert len(before) == 2
    assert texts(desk, one) == before


def test_exact_texts_that_undoing_a_merge_forgot_are_known_again_when_it_is_made_anew(
    desk: Desk, reshaping: Reshaping
) -> None:
    one, other = (
        desk.fire(title=title).incident.pattern_id
        for title in ("Replica lags by 3 s", "Replication is behind by 3 s")
    )
    reshaping.merge(one, other, "ann")
    joined = [desk.fire(title=title) for title in ("Replica lags by 7 s", "Replication is behind by 7 s")]
    assert all(received.joined for received in joined)
    before = texts(desk, one, other)
    told = reshaping.tell_apart(one, "ann", pattern=other)
    assert len(texts(desk, one, other)) == len(before) - 2
    reshaping.undo(told.change.id, "ann")
    assert texts(desk, one, other) == before
