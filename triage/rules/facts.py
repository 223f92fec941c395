"""The facts that a condition may use: name, type, meaning, and how each is read. docs/rules.md lists them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from triage.domain.catalogue import Catalogue, Service
from triage.domain.decision import DecisionSource, LabelSuggestion, Suggestion
from triage.domain.incident import Incident
from triage.domain.priority import Priority
from triage.domain.recurrence import Recurrence, Silence

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MINUTES_AT_MOST = 10 * 366 * 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFacts:
    """What rules decide on. ``priority`` and ``team`` are what was concluded before any rule; ``service`` is
    the catalogue's entry for the incident; ``now`` and ``opened_at`` are aware datetimes. ``at_least``: the
    priority of the open incident that this one joins, below which no rule goes. ``silence``: the one on its
    pattern."""

    incident: Incident
    service: Service | None
    suggestion: Suggestion
    recurrence: Recurrence
    priority: Priority
    priority_source: DecisionSource
    team: str
    team_source: DecisionSource
    now: datetime
    opened_at: datetime
    at_least: Priority | None = None
    silence: Silence | None = None


class FactType(Enum):
    """A CEL type; the value is how a person writes it."""

    TEXT = "string"
    WHOLE = "int"
    FRACTION = "double"
    YES_NO = "bool"
    TEXTS = "list(string)"
    TEXT_BY_TEXT = "map(string, string)"


FactValue = str | int | float | bool | list[str] | dict[str, str]
_Read = Callable[[RuleFacts, Catalogue], FactValue]


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    type: FactType
    meaning: str
    read: _Read


def _clean(text: str) -> str:
    """Without lone surrogates, which the expression library cannot take."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _word(word: str | None) -> str:
    """A reported word in lower case; absent is the empty text, so that no condition fails on absence."""
    return _clean(word.strip().casefold()) if word else ""


def _local(facts: RuleFacts, catalogue: Catalogue) -> datetime:
    return facts.now.astimezone(catalogue.zone)


def _service(facts: RuleFacts, _: Catalogue) -> str:
    return facts.service.id if facts.service else _word(facts.incident.service)


def _owner(facts: RuleFacts, catalogue: Catalogue) -> str:
    return catalogue.answering_team(facts.service.owner).id if facts.service else ""


def _assigned(facts: RuleFacts, catalogue: Catalogue) -> str:
    team = catalogue.find_team(facts.incident.assigned_team)
    return team.id if team else _word(facts.incident.assigned_team)


def _labels(facts: RuleFacts, _: Catalogue) -> dict[str, str]:
    return {_clean(name): _clean(value) for name, value in facts.incident.labels.items()}


def _age(facts: RuleFacts, _: Catalogue) -> int:
    minutes = (facts.now - facts.opened_at).total_seconds() // 60
    return int(min(max(minutes, 0), _MINUTES_AT_MOST))


def _suggested_priority(facts: RuleFacts, catalogue: Catalogue) -> str:
    priority = catalogue.find_priority(facts.suggestion.priority.value)
    return priority.value if priority else ""


def _suggested_team(facts: RuleFacts, catalogue: Catalogue) -> str:
    team = catalogue.find_team(facts.suggestion.team.value)
    return team.id if team else ""


def _probability(label: LabelSuggestion) -> float:
    return float(label.probability or 0.0)


def _looks_wrong(facts: RuleFacts, _: Catalogue) -> bool:
    return facts.suggestion.second_look is not None and facts.suggestion.second_look.looks_wrong


def _business_hours(facts: RuleFacts, catalogue: Catalogue) -> bool:
    local = _local(facts, catalogue)
    start, end = catalogue.business_hours
    working = local.weekday() in catalogue.business_days and local.date() not in catalogue.holidays
    return working and start <= local.strftime("%H:%M") < end


def _occurrences(window: str) -> _Read:
    return lambda facts, _: int(facts.recurrence.occurrences.get(window, 0))


def _pattern_age(facts: RuleFacts, _: Catalogue) -> int:
    first = facts.recurrence.first_seen_at
    return max((facts.now - first).days, 0) if first is not None else 0


def _minutes_to_resolve(facts: RuleFacts, _: Catalogue) -> float:
    return (facts.recurrence.resolve_seconds or 0.0) / 60


def _period_minutes(facts: RuleFacts, _: Catalogue) -> int:
    return (facts.recurrence.period_seconds or 0) // 60


def _has_flag(flag: str) -> _Read:
    return lambda facts, _: flag in facts.recurrence.flags


_TEXT, _WHOLE, _FRACTION, _YES_NO = FactType.TEXT, FactType.WHOLE, FactType.FRACTION, FactType.YES_NO

FACTS: tuple[Fact, ...] = (
    Fact("incident.title", _TEXT, "The title as it came.", lambda f, _: _clean(f.incident.title)),
    Fact("incident.text", _TEXT, "Title and description as they came.", lambda f, _: _clean(f.incident.text)),
    Fact("incident.service", _TEXT, "The catalogue's id; the reported word if it is unknown.", _service),
    Fact("incident.environment", _TEXT, "As reported, lower case.", lambda f, _: _word(f.incident.environment)),
    Fact("incident.region", _TEXT, "As reported, lower case.", lambda f, _: _word(f.incident.region)),
    Fact("incident.cluster", _TEXT, "As reported, lower case.", lambda f, _: _word(f.incident.cluster)),
    Fact("incident.deployment", _TEXT, "As reported, lower case.", lambda f, _: _word(f.incident.deployment)),
    Fact("incident.severity", _TEXT, "As reported, lower case.", lambda f, _: _word(f.incident.severity)),
    Fact("incident.impact", _TEXT, "As reported, lower case.", lambda f, _: _word(f.incident.impact)),
    Fact("incident.urgency", _TEXT, "As reported, lower case.", lambda f, _: _word(f.incident.urgency)),
    Fact(
        "incident.customer_tier", _TEXT, "As reported, lower case.", lambda f, _: _word(f.incident.customer_tier)
    ),
    Fact("incident.kind", _TEXT, "Type or category, lower case.", lambda f, _: _word(f.incident.kind)),
    Fact("incident.source", _TEXT, "Which source sent it, lower case.", lambda f, _: _word(f.incident.source)),
    Fact("incident.detected_by", _TEXT, "As reported, lower case.", lambda f, _: _word(f.incident.detected_by)),
    Fact("incident.assigned_team", _TEXT, "The team that somebody chose already: its id.", _assigned),
    Fact("incident.data_exposure", _YES_NO, "Data may be exposed.", lambda f, _: bool(f.incident.data_exposure)),
    Fact(
        "incident.regulated",
        _YES_NO,
        "The report says that it falls under regulation.",
        lambda f, _: bool(f.incident.regulated),
    ),
    Fact("incident.labels", FactType.TEXT_BY_TEXT, "The labels as they came.", _labels),
    Fact("incident.age_minutes", _WHOLE, "Whole minutes since it was opened here.", _age),
    Fact("service.known", _YES_NO, "The service is in the catalogue.", lambda f, _: f.service is not None),
    Fact(
        "service.tier",
        _WHOLE,
        "1 is the most important; 0 unknown.",
        lambda f, _: f.service.tier if f.service else 0,
    ),
    Fact(
        "service.function",
        _TEXT,
        "What kind of thing it is.",
        lambda f, _: (f.service.function or "") if f.service else "",
    ),
    Fact("service.owner", _TEXT, "The team that answers for it; '' for an unknown service.", _owner),
    Fact(
        "service.vendor",
        _TEXT,
        "The vendor behind it.",
        lambda f, _: (f.service.vendor or "") if f.service else "",
    ),
    Fact(
        "service.regulated",
        _YES_NO,
        "The catalogue says so.",
        lambda f, _: bool(f.service and f.service.regulated),
    ),
    Fact("suggestion.priority", _TEXT, "The model's priority, P1 to P5; '' without one.", _suggested_priority),
    Fact(
        "suggestion.priority_probability",
        _FRACTION,
        "0.0 to 1.0.",
        lambda f, _: _probability(f.suggestion.priority),
    ),
    Fact(
        "suggestion.priority_abstained",
        _YES_NO,
        "Below its threshold.",
        lambda f, _: f.suggestion.priority.abstained,
    ),
    Fact("suggestion.team", _TEXT, "The model's team: its id; '' without one.", _suggested_team),
    Fact("suggestion.team_probability", _FRACTION, "0.0 to 1.0.", lambda f, _: _probability(f.suggestion.team)),
    Fact("suggestion.team_abstained", _YES_NO, "Below its threshold.", lambda f, _: f.suggestion.team.abstained),
    Fact(
        "suggestion.assigned_team_looks_wrong", _YES_NO, "The model doubts the team somebody chose.", _looks_wrong
    ),
    Fact("recurrence.kind", _TEXT, "new, duplicate or recurrence.", lambda f, _: f.recurrence.kind.value),
    Fact(
        "recurrence.matched_by",
        _TEXT,
        "key, fingerprint, template or similarity; '' for a new one.",
        lambda f, _: f.recurrence.matched_by.value if f.recurrence.matched_by else "",
    ),
    Fact("recurrence.occurrences_1h", _WHOLE, "In the last hour, this one included.", _occurrences("1h")),
    Fact("recurrence.occurrences_24h", _WHOLE, "In the last 24 hours, this one included.", _occurrences("24h")),
    Fact("recurrence.occurrences_7d", _WHOLE, "In the last 7 days, this one included.", _occurrences("7d")),
    Fact("recurrence.occurrences_30d", _WHOLE, "In the last 30 days, this one included.", _occurrences("30d")),
    Fact(
        "recurrence.flags",
        FactType.TEXTS,
        "Of frequent, burst, periodic, flapping, novel, rare.",
        lambda f, _: list(f.recurrence.flags),
    ),
    Fact(
        "recurrence.similarity",
        _FRACTION,
        "How like the earlier incident is, 0.0 to 1.0; 0.0 for a new one.",
        lambda f, _: float(f.recurrence.similarity or 0.0),
    ),
    Fact(
        "recurrence.storm",
        _YES_NO,
        "Part of a storm that began with another incident.",
        lambda f, _: f.recurrence.storm is not None,
    ),
    Fact(
        "recurrence.storm_size",
        _WHOLE,
        "Incidents of that storm, this one included; 0 outside of one.",
        lambda f, _: f.recurrence.storm.size if f.recurrence.storm else 0,
    ),
    Fact("pattern.name", _TEXT, "The name that a person gave it.", lambda f, _: _clean(f.recurrence.name or "")),
    Fact("pattern.occurrences", _WHOLE, "Of all time, this one included.", lambda f, _: f.recurrence.total),
    Fact("pattern.age_days", _WHOLE, "Whole days since it was first seen.", _pattern_age),
    Fact("pattern.novel", _YES_NO, "Never seen before.", _has_flag("novel")),
    Fact("pattern.frequent", _YES_NO, "Five times in 24 hours or more.", _has_flag("frequent")),
    Fact("pattern.rare", _YES_NO, "Known, and weeks lie between its occurrences.", _has_flag("rare")),
    Fact("pattern.flapping", _YES_NO, "Coming and going within the hour.", _has_flag("flapping")),
    Fact("pattern.burst", _YES_NO, "Many at once.", _has_flag("burst")),
    Fact("pattern.periodic", _YES_NO, "In a rhythm that is hardly chance.", _has_flag("periodic")),
    Fact("pattern.period_minutes", _WHOLE, "The rhythm; 0 without one.", _period_minutes),
    Fact(
        "pattern.minutes_to_resolve",
        _FRACTION,
        "How long its latest incidents took, on average; 0.0 where none was resolved.",
        _minutes_to_resolve,
    ),
    Fact(
        "pattern.known_fix",
        _YES_NO,
        "Somebody wrote down what fixes it.",
        lambda f, _: f.recurrence.known_fix is not None,
    ),
    Fact("priority", _TEXT, "P1 to P5, as the rules above left it.", lambda f, _: f.priority.value),
    Fact("priority_source", _TEXT, "Where it came from before any rule.", lambda f, _: f.priority_source.value),
    Fact("team", _TEXT, "The team's id, as the rules above left it.", lambda f, _: f.team),
    Fact("team_source", _TEXT, "Where it came from before any rule.", lambda f, _: f.team_source.value),
    Fact("time.hour", _WHOLE, "0 to 23, in the organisation's time zone.", lambda f, c: _local(f, c).hour),
    Fact("time.weekday", _TEXT, "monday to sunday.", lambda f, c: WEEKDAYS[_local(f, c).weekday()]),
    Fact("time.business_hours", _YES_NO, "A working day, within business hours.", _business_hours),
    Fact(
        "time.holiday", _YES_NO, "One of the catalogue's holidays.", lambda f, c: _local(f, c).date() in c.holidays
    ),
)

FACT_BY_NAME: Mapping[str, Fact] = {fact.name: fact for fact in FACTS}
CHAIN_FACTS = ("priority", "team")
"""Facts that rules change while they are applied."""
MODEL_FACTS = frozenset(fact.name for fact in FACTS if fact.name.startswith("suggestion.")) | {*CHAIN_FACTS}
"""Facts that may rest on the model alone."""
