"""Patterns that people merge, split and tell apart, and what is recognised from then on."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from tests.fixtures_store import Desk
from triage.corrections import Corrections
from triage.domain.recurrence import MatchedBy
from triage.errors import Conflict, NotFound, TriageError
from triage.memory.reshaping import Changed, Reshaping
from triage.store.incidents import Incidents
from triage.store.pattern_changes import PatternChanges
from triage.triager import Received

Rows = dict[str, Any]

WEB1, WEB2 = "Disk of host web1 full at {}%", "Disk of host web2 full at {}%"


@pytest.fixture
def reshaping(desk: Desk) -> Reshaping:
    return Reshaping(PatternChanges(desk.database), desk.clock)


@pytest.fixture
def corrections(desk: Desk) -> Corrections:
    return Corrections(Incidents(desk.database), lambda: desk.active, desk.clock)


@pytest.fixture
def open_and_resolve(desk: Desk, corrections: Corrections) -> Callable[[str], Received]:
    """An incident of this title that is over, so that the next of its kind opens another one."""

    def fire(title: str) -> Received:
        received = desk.fire(title=title)
        corrections.resolve(received.incident.id, "ann", None)
        desk.clock.advance(minutes=1)
        return received

    return fire


def rows(desk: Desk) -> Rows:
    """Everything that patterns count and are recognised by."""
    wanted = {
        "pattern": "*",
        "pattern_key": "*",
        "pattern_split": "*",
        "pattern_difference": "*",
        "pattern_beat": "*",
        "incident": "id, pattern_id",
        "occurrence": "id, incident_id, pattern_id",
        "triage_override": "id, pattern_id",
    }
    with desk.database.connection() as db:
        return {
            table: sorted(map(str, db.execute(f"SELECT {columns} FROM {table}").fetchall()))
            for table, columns in wanted.items()
        }


def counted(desk: Desk, pattern_id: str) -> tuple[int, int, int]:
    """Of one pattern by itself: what its row, its beats and its occurrences say."""
    with desk.database.connection() as db:
        row = db.execute(
            "SELECT p.occurrences AS told, (SELECT count(*) FROM occurrence WHERE pattern_id = p.id) AS n,"
            " (SELECT coalesce(sum(occurrences), 0) FROM pattern_beat WHERE pattern_id = p.id)::int AS beats"
            " FROM pattern AS p WHERE id = %s",
            (pattern_id,),
        ).fetchone()
    assert row is not None
    return row["told"], row["beats"], row["n"]


def kinds(desk: Desk, incident_id: str) -> list[str]:
    return [entry.kind for entry in Incidents(desk.database).timeline(incident_id)]


def pattern_of(desk: Desk, received: Received) -> str:
    """As people have merged it by now."""
    return Incidents(desk.database).get(received.incident.id).pattern_id


def test_what_was_merged_counts_both_and_joins_as_one(desk: Desk, reshaping: Reshaping) -> None:
    lag, behind = desk.fire(title="Replica lags"), desk.fire(title="Replication is behind")
    reshaping.merge(lag.incident.pattern_id, behind.incident.pattern_id, "ann")
    again = desk.fire(title="Replication is behind")
    assert again.recurrence.total == 3
    assert again.recurrence.pattern_id == lag.incident.pattern_id
    assert again.joined
    assert kinds(desk, behind.incident.id)[-1] in {"merged", "occurred"}
    assert "merged" in kinds(desk, lag.incident.id)


def test_a_merge_is_undone_to_exactly_what_was_before(desk: Desk, reshaping: Reshaping) -> None:
    lag, behind = desk.fire(title="Replica lags"), desk.fire(title="Replication is behind")
    before = rows(desk)
    changed = reshaping.merge(lag.incident.pattern_id, behind.incident.pattern_id, "ann")
    assert rows(desk) != before
    undone = reshaping.undo(changed.change.id, "bob", reason="different after all")
    assert rows(desk) == before
    assert (undone.change.undone_by, undone.change.undone_at) == ("bob", desk.clock.now)
    assert kinds(desk, behind.incident.id)[-2:] == ["merged", "undone"]


def test_what_came_while_two_were_merged_goes_where_its_text_leads(
    desk: Desk,
    reshaping: Reshaping,
    corrections: Corrections,
    open_and_resolve: Callable[[str], Received],
) -> None:
    lag = open_and_resolve("Replica lags by 3 s")
    behind = open_and_resolve("Replication is behind by 3 s")
    one, other = lag.incident.pattern_id, behind.incident.pattern_id
    changed = reshaping.merge(one, other, "ann")
    came = desk.fire(title="Replication is behind by 7 s")
    desk.fire(title="Replication is behind by 9 s")
    corrections.override(came.incident.id, "ann", priority="P2", team=None)
    assert came.incident.pattern_id == one
    reshaping.undo(changed.change.id, "ann")
    assert pattern_of(desk, came) == other
    assert counted(desk, one) == (1, 1, 1)
    assert counted(desk, other) == (3, 3, 3)
    again = desk.fire(title="Replication is behind by 9 s")
    assert (again.recurrence.pattern_id, again.joined) == (other, True)
    corrections.resolve(came.incident.id, "ann", None)
    assert desk.fire(title="Replica lags by 8 s").recurrence.total == 2
    assert desk.fire(title="Replication is behind by 11 s").decision.priority.value.value == "P2"


def test_an_open_incident_keeps_its_occurrences_when_a_merge_is_undone(desk: Desk, reshaping: Reshaping) -> None:
    lag, behind = desk.fire(title="Replica lags"), desk.fire(title="Replication is behind", service=None)
    one, other = lag.incident.pattern_id, behind.incident.pattern_id
    changed = reshaping.merge(one, other, "ann")
    joined = desk.fire(title="Replication is behind", service=None)
    assert joined.incident.id == behind.incident.id
    assert counted(desk, one) == (2, 2, 2)
    reshaping.undo(changed.change.id, "ann")
    assert counted(desk, one) == (1, 1, 1)
    assert counted(desk, other) == (2, 2, 2)


def test_one_family_is_not_merged_again(desk: Desk, reshaping: Reshaping) -> None:
    one, other = (desk.fire(title=title).incident.pattern_id for title in ("Replica lags", "Door is open"))
    reshaping.merge(one, other, "ann")
    for first, second in ((one, other), (other, one), (one, one)):
        with pytest.raises(Conflict):
            reshaping.merge(first, second, "ann")


def test_two_reviewers_who_merge_in_a_circle_leave_one_family(desk: Desk, reshaping: Reshaping) -> None:
    one, other = (desk.fire(title=title).incident.pattern_id for title in ("Replica lags", "Door is open"))

    def merge(pair: tuple[str, str]) -> Changed | TriageError:
        try:
            return reshaping.merge(*pair, "ann")
        except TriageError as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(merge, [(one, other), (other, one)]))
    assert sorted(isinstance(outcome, Conflict) for outcome in done) == [False, True]
    with desk.database.connection() as db:
        roots = db.execute("SELECT DISTINCT root FROM pattern").fetchall()
        assert len(roots) == 1
        assert db.execute(
            "SELECT root = id AS own FROM pattern WHERE id = %s", (roots[0]["root"],)
        ).fetchone() == {"own": True}


def test_merges_that_build_on_each_other_are_undone_last_first(desk: Desk, reshaping: Reshaping) -> None:
    one, two, three = (
        desk.fire(title=title).incident.pattern_id for title in ("Replica lags", "Door is open", "Card declined")
    )
    before = rows(desk)
    first = reshaping.merge(two, three, "ann")
    second = reshaping.merge(one, three, "ann")
    with pytest.raises(Conflict, match=f"change {second.change.id} must be undone first"):
        reshaping.undo(first.change.id, "ann")
    reshaping.undo(second.change.id, "ann")
    reshaping.undo(first.change.id, "ann")
    assert rows(desk) == before
    with pytest.raises(Conflict, match="already"):
        reshaping.undo(first.change.id, "ann")


def test_a_split_sends_the_next_variant_to_the_new_pattern_by_its_telling_word(
    desk: Desk, reshaping: Reshaping, open_and_resolve: Callable[[str], Received]
) -> None:
    two = open_and_resolve(WEB2.format(90))
    one = open_and_resolve(WEB1.format(91))
    old = one.incident.pattern_id
    assert two.incident.pattern_id == old
    changed = reshaping.split(old, [one.incident.id], "ann", reason="web1 has a disk of its own")
    new = changed.change.other_id
    assert (changed.pattern_id, pattern_of(desk, one), pattern_of(desk, two)) == (old, new, old)
    assert [words for _, words, _ in changed.change.detail["words"]] == [["web1"]]
    assert counted(desk, old) == counted(desk, str(new)) == (1, 1, 1)
    for title, pattern_id in ((WEB1, new), (WEB2, old)):
        following = desk.fire(title=title.format(95))
        assert following.recurrence.pattern_id == pattern_id
        assert following.recurrence.matched_by is MatchedBy.TEMPLATE
        assert following.recurrence.total == 2
        assert desk.fire(title=title.format(96)).incident.id == following.incident.id


def test_a_text_that_had_joined_an_incident_follows_its_telling_word_too(
    desk: Desk, reshaping: Reshaping, corrections: Corrections, open_and_resolve: Callable[[str], Received]
) -> None:
    one = desk.fire(title=WEB1.format(91))
    assert desk.fire(title=WEB1.format(92)).joined
    corrections.resolve(one.incident.id, "ann", None)
    two = open_and_resolve(WEB2.format(90))
    before = rows(desk)["pattern_key"]
    changed = reshaping.split(two.incident.pattern_id, [one.incident.id], "ann")
    assert counted(desk, str(changed.change.other_id)) == (2, 2, 2)
    assert desk.fire(title=WEB1.format(92)).recurrence.pattern_id == changed.change.other_id
    reshaping.undo(changed.change.id, "ann")
    assert rows(desk)["pattern_key"] == before


def test_a_split_without_a_telling_word_recognises_exact_texts_alone(
    desk: Desk, reshaping: Reshaping, open_and_resolve: Callable[[str], Received]
) -> None:
    first, second = open_and_resolve("Queue depth is 7 items"), open_and_resolve("Queue depth is 9 items")
    old = first.incident.pattern_id
    assert second.incident.pattern_id == old
    changed = reshaping.split(old, [second.incident.id], "ann")
    new = changed.change.other_id
    assert changed.change.detail["words"] == []
    assert len(changed.change.detail["refused"]) == 1
    assert open_and_resolve("Queue depth is 7 items").recurrence.pattern_id == old
    assert open_and_resolve("Queue depth is 9 items").recurrence.pattern_id == new
    third = open_and_resolve("Queue depth is 8 items")
    assert third.recurrence.pattern_id not in {old, new}
    assert open_and_resolve("Queue depth is 8 items").recurrence.pattern_id == third.recurrence.pattern_id


@pytest.mark.parametrize("title", [WEB1.format(91), "Queue depth is 9 items"])
def test_a_split_is_undone_to_what_was_before(
    desk: Desk,
    reshaping: Reshaping,
    corrections: Corrections,
    open_and_resolve: Callable[[str], Received],
    title: str,
) -> None:
    titles = (WEB2.format(90), WEB1.format(91), "Queue depth is 7 items", "Queue depth is 9 items")
    opened = [open_and_resolve(text) for text in titles]
    for one in opened:
        corrections.override(one.incident.id, "ann", priority="P4", team=None)
    old = opened[0].incident.pattern_id
    reshaping.merge(old, opened[2].incident.pattern_id, "ann")
    before = rows(desk)
    moved = next(one for one in opened if one.incident.title == title)
    changed = reshaping.split(old, [moved.incident.id], "ann")
    assert changed.change.kind == "split"
    assert rows(desk) != before
    reshaping.undo(changed.change.id, "ann")
    after = rows(desk)
    # The pattern that was split off stays, empty, as part of the family: whoever has its address is led there.
    empty = [row for row in after["pattern"] if str(changed.change.other_id) in row]
    assert len(empty) == 1
    assert "'occurrences': 0" in empty[0]
    assert old in empty[0]
    after["pattern"].remove(empty[0])
    assert after == before


def test_what_came_to_a_split_off_pattern_goes_back_with_it(
    desk: Desk, reshaping: Reshaping, open_and_resolve: Callable[[str], Received]
) -> None:
    open_and_resolve(WEB2.format(90))
    one = open_and_resolve(WEB1.format(91))
    old = one.incident.pattern_id
    changed = reshaping.split(old, [one.incident.id], "ann")
    came = open_and_resolve(WEB1.format(95))
    assert came.incident.pattern_id == changed.change.other_id
    reshaping.undo(changed.change.id, "ann")
    assert pattern_of(desk, came) == old
    assert counted(desk, old) == (3, 3, 3)
    assert desk.fire(title=WEB1.format(97)).recurrence.total == 4


def test_the_very_same_text_cannot_be_split_from_itself(
    desk: Desk, reshaping: Reshaping, open_and_resolve: Callable[[str], Received]
) -> None:
    first, second = open_and_resolve(WEB1.format(91)), open_and_resolve(WEB1.format(91).upper())
    third = open_and_resolve(WEB2.format(91))
    before = rows(desk)
    with pytest.raises(Conflict, match=second.incident.id):
        reshaping.split(first.incident.pattern_id, [first.incident.id], "ann")
    assert rows(desk) == before
    reshaping.split(first.incident.pattern_id, [first.incident.id, second.incident.id], "ann")
    assert pattern_of(desk, first) == pattern_of(desk, second) != pattern_of(desk, third)


@pytest.mark.parametrize("named", [lambda into, merged: merged, lambda into, merged: into], ids=["merged", "into"])
def test_naming_all_incidents_of_one_side_of_a_merge_undoes_it(
    desk: Desk, reshaping: Reshaping, named: Callable[[Received, Received], Received]
) -> None:
    lag, behind = desk.fire(title="Replica lags"), desk.fire(title="Replication is behind")
    before = rows(desk)
    merged = reshaping.merge(lag.incident.pattern_id, behind.incident.pattern_id, "ann")
    changed = reshaping.split(lag.incident.pattern_id, [named(lag, behind).incident.id], "bob")
    assert (changed.change.id, changed.change.undone_by) == (merged.change.id, "bob")
    assert rows(desk) == before


def test_a_split_names_some_incidents_of_the_pattern_and_not_all(desk: Desk, reshaping: Reshaping) -> None:
    lag, door = desk.fire(title="Replica lags"), desk.fire(title="Door is open")
    for incidents in ([lag.incident.id], [door.incident.id], [lag.incident.id, door.incident.id]):
        with pytest.raises(Conflict):
            reshaping.split(lag.incident.pattern_id, incidents, "ann")
    with pytest.raises(NotFound):
        reshaping.split(lag.incident.pattern_id, [str(uuid4())], "ann")


def test_a_split_is_in_the_way_of_undoing_the_one_before(
    desk: Desk, reshaping: Reshaping, open_and_resolve: Callable[[str], Received]
) -> None:
    titles = [
        "Disk of host {} in rack {} full".format(*pair) for pair in (("web1", "a"), ("web2", "b"), ("web3", "b"))
    ]
    one, two, three = map(open_and_resolve, titles)
    assert len({one.incident.pattern_id, two.incident.pattern_id}) == 2  # the rack is kept in the template
    old = two.incident.pattern_id
    assert three.incident.pattern_id == old
    first = reshaping.split(old, [three.incident.id], "ann")
    merged = reshaping.merge(one.incident.pattern_id, str(first.change.other_id), "ann")
    with pytest.raises(Conflict, match=f"change {merged.change.id} must be undone first"):
        reshaping.undo(first.change.id, "ann")


def test_two_splits_of_a_template_without_telling_words_are_undone_in_any_order(
    desk: Desk, reshaping: Reshaping, open_and_resolve: Callable[[str], Received]
) -> None:
    seven, eight, nine = (open_and_resolve(f"Queue depth is {n} items") for n in (7, 8, 9))
    old = seven.incident.pattern_id
    first = reshaping.split(old, [eight.incident.id], "ann")
    second = reshaping.split(old, [nine.incident.id], "ann")
    reshaping.undo(first.change.id, "ann")
    assert desk.fire(title="Queue depth is 5 items").recurrence.pattern_id != old
    reshaping.undo(second.change.id, "ann")
    assert desk.fire(title="Queue depth is 4 items").recurrence.pattern_id == old


def test_patterns_told_apart_are_merged_only_anyway_and_the_merge_undone_restores_that(
    desk: Desk, reshaping: Reshaping
) -> None:
    one, other = (desk.fire(title=title).incident.pattern_id for title in ("Replica lags", "Door is open"))
    told = reshaping.tell_apart(one, "ann", pattern=other)
    before = rows(desk)
    with pytest.raises(Conflict, match=f"told apart by change {told.change.id}"):
        reshaping.merge(other, one, "bob")
    merged = reshaping.merge(other, one, "bob", anyway=True)
    assert rows(desk)["pattern_difference"] == []
    reshaping.undo(merged.change.id, "bob")
    assert rows(desk) == before


def test_a_difference_follows_the_family(desk: Desk, reshaping: Reshaping) -> None:
    one, two, three = (
        desk.fire(title=title).incident.pattern_id for title in ("Replica lags", "Door is open", "Card declined")
    )
    reshaping.tell_apart(two, "ann", pattern=three)
    merged = reshaping.merge(one, two, "ann")
    with pytest.raises(Conflict, match="told apart"):
        reshaping.merge(one, three, "ann")
    with pytest.raises(Conflict, match="told apart already"):
        reshaping.tell_apart(three, "ann", pattern=one)
    reshaping.undo(merged.change.id, "ann")
    reshaping.merge(one, three, "ann")


def test_an_incident_that_is_not_the_same_is_split_off_and_told_apart_in_one(
    desk: Desk, reshaping: Reshaping, open_and_resolve: Callable[[str], Received]
) -> None:
    two, one = open_and_resolve(WEB2.format(90)), open_and_resolve(WEB1.format(91))
    old = two.incident.pattern_id
    told = reshaping.tell_apart(old, "ann", incident=one.incident.id)
    assert (told.change.kind, told.change.pattern_id) == ("difference", old)
    new = pattern_of(desk, one)
    assert told.change.other_id == new != old
    following = desk.fire(title=WEB1.format(99))
    assert following.recurrence.pattern_id == new
    reshaping.undo(told.change.id, "ann")
    assert pattern_of(desk, one) == pattern_of(desk, following) == old
    assert rows(desk)["pattern_difference"] == rows(desk)["pattern_split"] == []


def test_telling_merged_patterns_apart_undoes_their_merge(desk: Desk, reshaping: Reshaping) -> None:
    one, other = (desk.fire(title=title).incident.pattern_id for title in ("Replica lags", "Door is open"))
    reshaping.merge(one, other, "ann")
    merged = rows(desk)
    told = reshaping.tell_apart(one, "bob", pattern=other)
    assert {told.change.pattern_id, told.change.other_id} == {one, other}
    with pytest.raises(Conflict):
        reshaping.merge(one, other, "ann")
    reshaping.undo(told.change.id, "bob")
    assert rows(desk) == merged
    with pytest.raises(Conflict):
        reshaping.tell_apart(one, "bob", pattern=one)


@pytest.mark.parametrize("by", ["pattern", "incident"])
def test_what_was_merged_anyway_is_parted_by_telling_it_apart_again(
    desk: Desk, reshaping: Reshaping, by: str
) -> None:
    lag, door = desk.fire(title="Replica lags"), desk.fire(title="Door is open")
    one, other = lag.incident.pattern_id, door.incident.pattern_id
    told = reshaping.tell_apart(one, "ann", pattern=other)
    before = rows(desk)
    merged = reshaping.merge(one, other, "bob", anyway=True)
    if by == "pattern":
        again = reshaping.tell_apart(one, "ann", pattern=other)
    else:
        again = reshaping.tell_apart(one, "ann", incident=door.incident.id)
    assert again.change == told.change
    assert rows(desk) == before
    with pytest.raises(Conflict, match="undone already"):
        reshaping.undo(merged.change.id, "ann")
    with pytest.raises(Conflict, match=f"told apart already, by change {told.change.id}"):
        reshaping.tell_apart(one, "ann", pattern=other)
    reshaping.undo(again.change.id, "ann")
    assert rows(desk)["pattern_difference"] == []


def test_what_is_said_of_a_pattern_is_told_with_its_next_incident_and_taken_back(
    desk: Desk, reshaping: Reshaping, open_and_resolve: Callable[[str], Received]
) -> None:
    pattern_id = open_and_resolve("Replica lags").incident.pattern_id
    before = rows(desk)
    first = reshaping.say("known_fix", pattern_id, "Restart it", "ann")
    second = reshaping.say("known_fix", pattern_id, "Fail over", "bob")
    named = reshaping.say("name", pattern_id, "Lagging replica", "bob")
    told = desk.fire(title="Replica lags").recurrence
    assert (told.known_fix, told.name) == ("Fail over", "Lagging replica")
    with pytest.raises(Conflict, match=f"change {second.change.id} must be undone first"):
        reshaping.undo(first.change.id, "ann")
    reshaping.undo(second.change.id, "ann")
    assert desk.fire(title="Replica lags").recurrence.known_fix == "Restart it"
    for changed in (named, first):
        reshaping.undo(changed.change.id, "ann")
    assert [row for row in rows(desk)["pattern"] if "Lagging" in row or "Restart" in row] == []
    assert before["pattern_key"] == rows(desk)["pattern_key"]


@pytest.mark.parametrize("unknown", ["0f5c9d6e-0c5e-4f0e-9a59-3b0f4f4f7c11", "not an id"])
def test_what_nobody_stored_is_not_changed(desk: Desk, reshaping: Reshaping, unknown: str) -> None:
    known = desk.fire().incident.pattern_id
    for act in (
        lambda: reshaping.merge(known, unknown, "ann"),
        lambda: reshaping.merge(unknown, known, "ann"),
        lambda: reshaping.split(unknown, [], "ann"),
        lambda: reshaping.tell_apart(known, "ann", pattern=unknown),
        lambda: reshaping.say("name", unknown, "A", "ann"),
        lambda: reshaping.undo(unknown, "ann"),
        lambda: reshaping.undo("99999999999999999999999", "ann"),
        lambda: reshaping.undo("12", "ann"),
    ):
        with pytest.raises(NotFound):
            act()
