"""Facts that the catalogue holds about a service, and what the model suggests."""

from collections.abc import Callable

from triage.domain.catalogue import Service
from triage.rules.fact import Fact
from triage.rules.readings import (
    FactType,
    FactValue,
    Read,
    looks_wrong,
    probability,
    service_owner,
    suggested_priority,
    suggested_team,
)

_TEXT, _WHOLE, _FRACTION, _YES_NO = FactType.TEXT, FactType.WHOLE, FactType.FRACTION, FactType.YES_NO


def _of_service(value: Callable[[Service], FactValue], otherwise: FactValue) -> Read:
    return lambda facts, _: value(facts.service) if facts.service else otherwise


SERVICE = (
    Fact(
        "service.known",
        _YES_NO,
        "The service is in the catalogue.",
        "!service.known",
        lambda f, _: f.service is not None,
    ),
    Fact(
        "service.tier",
        _WHOLE,
        "1 is the most important; 0 unknown.",
        "service.tier == 1",
        _of_service(lambda s: s.tier, 0),
    ),
    Fact(
        "service.function",
        _TEXT,
        "What kind of thing it is.",
        "service.function == 'payments'",
        _of_service(lambda s: s.function or "", ""),
    ),
    Fact(
        "service.owner",
        _TEXT,
        "The team that answers for it; '' for an unknown service.",
        "service.owner == 'database'",
        service_owner,
    ),
    Fact(
        "service.vendor",
        _TEXT,
        "The vendor behind it.",
        "service.vendor != ''",
        _of_service(lambda s: s.vendor or "", ""),
    ),
    Fact(
        "service.regulated",
        _YES_NO,
        "The catalogue says so.",
        "service.regulated",
        _of_service(lambda s: s.regulated, False),
    ),
)

SUGGESTION = (
    Fact(
        "suggestion.priority",
        _TEXT,
        "The model's priority, P1 to P5; '' without one.",
        "suggestion.priority == 'P1'",
        suggested_priority,
    ),
    Fact(
        "suggestion.priority_probability",
        _FRACTION,
        "0.0 to 1.0.",
        "suggestion.priority_probability >= 0.9",
        lambda f, _: probability(f.suggestion.priority),
    ),
    Fact(
        "suggestion.priority_abstained",
        _YES_NO,
        "Below its threshold.",
        "suggestion.priority_abstained",
        lambda f, _: f.suggestion.priority.abstained,
    ),
    Fact(
        "suggestion.team",
        _TEXT,
        "The model's team: its id; '' without one.",
        "suggestion.team == 'network'",
        suggested_team,
    ),
    Fact(
        "suggestion.team_probability",
        _FRACTION,
        "0.0 to 1.0.",
        "suggestion.team_probability < 0.5",
        lambda f, _: probability(f.suggestion.team),
    ),
    Fact(
        "suggestion.team_abstained",
        _YES_NO,
        "Below its threshold.",
        "suggestion.team_abstained",
        lambda f, _: f.suggestion.team.abstained,
    ),
    Fact(
        "suggestion.assigned_team_looks_wrong",
        _YES_NO,
        "The model doubts the team somebody chose.",
        "suggestion.assigned_team_looks_wrong",
        looks_wrong,
    ),
)
