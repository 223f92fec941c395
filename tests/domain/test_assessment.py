"""What a look is worth: uncertain, costly, often and new before what is none of it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from triage.domain.assessment import acts, draw_of, worth_of
from triage.domain.correction import Words
from triage.domain.decision import (
    Alternative,
    Decision,
    DecisionSource,
    PriorityDecision,
    Review,
    TeamDecision,
    Versions,
)
from triage.domain.escalation import EscalationPath, Mode
from triage.domain.priority import Priority
from triage.domain.recurrence import Recurrence, RecurrenceKind

NOW = datetime(2026, 3, 9, tzinfo=UTC)


def decided(
    team: float | None = 0.9, priority: Priority = Priority.P3, month: int = 1, **changes: Any
) -> Decision:
    """As a model decided that is sure of the team by ``team``."""
    source = DecisionSource.MODEL if team is not None else DecisionSource.FALLBACK
    made = Decision(
        decided_at=NOW,
        priority=PriorityDecision(
            value=priority, label=priority.value, probability=0.9, source=DecisionSource.MODEL
        ),
        team=TeamDecision(value="a", probability=team, source=source),
        recurrence=Recurrence(
            pattern_id="p", first_seen_at=NOW, kind=RecurrenceKind.RECURRENCE, occurrences={"30d": month}
        ),
        escalation=EscalationPath(policy="p", rule="r", kinds=(), mode=Mode.NOTIFY, steps=()),
        versions=Versions(bundle="b", policy="p", catalogue="c", code="0"),
    )
    return replace(made, **changes)


def worth(decision: Decision) -> float:
    return worth_of(decision).value


def test_the_less_sure_the_more_a_look_is_worth() -> None:
    values = [worth(decided(team)) for team in (0.99, 0.9, 0.6, 0.3, None)]
    assert values == sorted(values)
    assert len(set(values)) == 5


def test_of_two_that_are_as_uncertain_the_urgent_one_comes_first() -> None:
    assert worth(decided(0.5, Priority.P1)) > worth(decided(0.5, Priority.P4))


def test_what_may_be_urgent_is_as_costly_as_it_is_likely() -> None:
    mild = decided(0.5, Priority.P3)
    risky = replace(
        mild, priority=replace(mild.priority, alternatives=(Alternative(value="P1", probability=0.4),))
    )
    assert worth(risky) > worth(mild)


def test_what_comes_often_is_worth_more_than_what_comes_once() -> None:
    assert worth(decided(0.5, month=40)) > worth(decided(0.5, month=2)) > worth(decided(0.5, month=1))


def test_a_pattern_that_somebody_spoke_of_teaches_little_more() -> None:
    doubtful = decided(0.4, month=5)
    said = [worth_of(doubtful, words=Words(looks=looks)).value for looks in (0, 1, 2, 5)]
    assert said == sorted(said, reverse=True)
    assert said[2] < said[0] / 3
    differed = worth_of(doubtful, words=Words(looks=2, agree=False))
    assert said[2] < differed.value < said[0]
    assert "people spoke of 2 of its pattern and differed" in [reason.words for reason in differed.reasons]


def test_what_is_frequent_is_looked_at_again_before_what_is_rare() -> None:
    again = worth_of(decided(0.5, month=80), words=Words(looks=1)).value
    assert worth_of(decided(0.5, month=3)).value < again < worth_of(decided(0.5, month=80)).value


def test_what_the_decision_asks_for_comes_before_what_it_does_not() -> None:
    asked = decided(0.7, review=Review(required=True, reasons=("decided without bundle",)))
    assert worth(asked) > worth(decided(0.7))
    assert "decided without bundle" in [reason.words for reason in worth_of(asked).reasons]


def test_a_guess_by_default_is_no_act_of_the_machine() -> None:
    assert acts(decided().team)
    assert not acts(decided(team=None).team)
    assert not acts(replace(decided().team, abstained=True))


@given(st.one_of(st.none(), st.floats(0, 1)), st.sampled_from(list(Priority)), st.integers(0, 10**6))
def test_a_worth_is_between_nothing_and_one(team: float | None, priority: Priority, month: int) -> None:
    assert 0 <= worth(decided(team, priority, month)) <= 1


def test_a_draw_is_even_and_always_the_same() -> None:
    draws = [draw_of(f"incident {number}") for number in range(4_000)]
    assert draws == [draw_of(f"incident {number}") for number in range(4_000)]
    for tenth in range(10):
        assert 300 < sum(tenth / 10 <= draw < (tenth + 1) / 10 for draw in draws) < 500
