"""What is read from conditions without asking them."""

import pytest

from triage.rehearsal.conditions import Read, implies, why_never
from triage.rules.conjuncts import conjuncts, needs_of
from triage.rules.expression import facts_in


def read(expression: str) -> Read:
    needs = needs_of(expression)
    texts = frozenset(" ".join(part.split()) for part in conjuncts(expression))
    return Read(needs.requirements, texts, facts_in(expression), needs.whole)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("priority == 'P1'", "priority in ['P1', 'P2']", True),
        ("priority in ['P1', 'P2']", "priority == 'P1'", False),
        ("priority == 'P1' && time.hour < 6", "time.hour < 6", True),
        ("time.hour < 5", "time.hour < 6", True),
        ("time.hour <= 6", "time.hour < 6", False),
        ("time.hour < 6", "time.hour <= 6", True),
        ("time.hour > 6", "time.hour < 9", False),
        ("service.tier == 1", "service.tier <= 2", True),
        ("incident.text.mentions(['a'])", "incident.text.mentions(['a', 'b'])", True),
        ("incident.text.mentions(['a', 'b'])", "incident.text.mentions(['a'])", False),
        ("incident.title.startsWith('a') && priority == 'P1'", "incident.title.startsWith('a')", True),
        ("incident.title.startsWith('ab')", "incident.title.startsWith('a')", False),
        ("priority == 'P1'", "priority == 'P1' || incident.regulated", False),
        ("priority == 'P1' || incident.regulated", "priority == 'P1' || incident.regulated", True),
        ("incident.regulated", "!incident.regulated", False),
        (
            "'a' in incident.labels && incident.labels['a'] == 'x'",
            "'a' in incident.labels",
            True,
        ),
    ],
)
def test_one_condition_implies_another(one, other, expected):
    assert implies(read(one), read(other)) is expected


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("priority == 'P1' && priority == 'P2'", "priority would have to have two values at once"),
        ("team == 'x'", "team is never 'x'"),
        ("time.hour >= 22 && time.hour < 6", "no number is what time.hour would have to be"),
        ("time.hour > 5 && time.hour < 5", "no number is what time.hour would have to be"),
        ("service.tier == 1 && service.tier > 2", "no value of service.tier fulfils all of its comparisons"),
        ("incident.regulated && !incident.regulated", "incident.regulated would have to have two values at once"),
        (
            "'a' in incident.labels && incident.labels['a'] == 'x' && incident.labels['a'] == 'y'",
            "the label a would have to have two values at once",
        ),
        ("time.hour >= 22 || time.hour < 6", None),
        ("time.hour >= 5 && time.hour <= 5", None),
        ("priority in ['P1', 'P2'] && priority in ['P2', 'P3']", None),
        ("team in ['x', 'ops']", None),
        ("team == ''", None),
    ],
)
def test_condition_that_is_never_true(expression, why):
    assert why_never(read(expression), {"team": ["ops"]}) == why
