"""Which word holds for the next of a pattern: the newest at once, or, where few carry over, what most say."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from triage.domain.correction import Carrying, Words, correction_of, holding, words_of
from triage.domain.decision import TriageOverride
from triage.domain.priority import Priority

NOW = datetime(2026, 3, 9, tzinfo=UTC)
NEVER_MEASURED = Carrying()
POORLY = Carrying(looks=40, same=20)
WELL = Carrying(looks=40, same=36)


@pytest.mark.parametrize(
    ("words", "carrying", "holds"),
    [
        ((), NEVER_MEASURED, None),
        (("a",), NEVER_MEASURED, "a"),
        (("a",), WELL, "a"),
        (("a",), POORLY, None),
        (("a",), Carrying(looks=4, same=2), "a"),
        (("a", "a"), POORLY, "a"),
        (("a", "b"), NEVER_MEASURED, "a"),
        (("a", "b"), WELL, "a"),
        (("a", "b"), POORLY, None),
        (("a", "b", "b"), POORLY, None),
        (("a", "a", "b"), POORLY, None),
        (("a", "a", "b", "a"), POORLY, "a"),
        (("a", "a", "b", "c"), POORLY, None),
        (("a", *("a" for _ in range(9)), *("b" for _ in range(9))), POORLY, "a"),
        (("b", *("a" for _ in range(9))), WELL, "b"),
        (("b", *("a" for _ in range(9))), POORLY, None),
        (("a",), Carrying(looks=12, same=5), None),
        (("a",), Carrying(told=POORLY), None),
        (("a",), Carrying(told=WELL), "a"),
        (("a",), Carrying(told=Carrying(looks=2, same=0)), None),
        (("a",), Carrying(told=Carrying(looks=4, same=2)), "a"),
        (("a",), Carrying(looks=24, same=22, told=POORLY), "a"),
        (("a",), Carrying(looks=24, same=11, told=WELL), None),
        (("a", "a"), Carrying(told=POORLY), "a"),
    ],
)
def test_the_newest_word_holds_unless_words_were_seen_not_to_carry_over(
    words: Sequence[str], carrying: Carrying, holds: str | None
) -> None:
    assert holding(words, carrying) == holds


def said(*words: tuple[str, Priority | None, str | None]) -> list[tuple[str, TriageOverride]]:
    """The newest first, each a minute before the one before: incident, priority, team."""
    return [
        (
            incident,
            TriageOverride(by=f"by {place}", at=NOW - timedelta(minutes=place), priority=priority, team=team),
        )
        for place, (incident, priority, team) in enumerate(words)
    ]


def test_priority_and_team_hold_each_for_itself() -> None:
    found = correction_of(said(("2", Priority.P1, "a"), ("1", Priority.P3, "a")), POORLY, POORLY)
    assert found is not None
    assert (found.priority, found.team, found.by) == (None, "a", "by 0")


def test_who_changes_their_mind_on_one_incident_does_not_differ_from_themselves() -> None:
    found = correction_of(said(("1", None, "a"), ("1", None, "b")), NEVER_MEASURED, NEVER_MEASURED)
    assert found is not None
    assert found.team == "a"


def test_a_word_on_the_priority_leaves_one_on_the_team_standing() -> None:
    found = correction_of(said(("2", Priority.P2, None), ("1", None, "a")), NEVER_MEASURED, NEVER_MEASURED)
    assert found is not None
    assert (found.priority, found.team) == (Priority.P2, "a")


def test_of_words_that_differ_in_everything_none_holds_where_words_do_not_carry_over() -> None:
    differ = said(("2", Priority.P1, "a"), ("1", Priority.P2, "b"))
    assert correction_of(differ, POORLY, POORLY) is None
    newest = correction_of(differ, NEVER_MEASURED, NEVER_MEASURED)
    assert newest is not None
    assert (newest.priority, newest.team) == (Priority.P1, "a")
    assert correction_of([], NEVER_MEASURED, NEVER_MEASURED) is None


def test_a_further_look_is_worth_less_after_each_word_and_least_where_all_agree() -> None:
    agreeing = [words_of(said(*[(str(at), None, "a") for at in range(count)])).left for count in range(4)]
    assert agreeing == [1, 1 / 2, 1 / 9, 1 / 16]
    differing = words_of(said(("2", None, "a"), ("1", None, "b")))
    assert differing == Words(looks=2, agree=False)
    assert differing.left == 1 / 3
