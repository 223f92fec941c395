"""What rules decide on, and how each fact is read from it. ``triage.rules.facts`` names them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from triage.domain.catalogue import Catalogue, Service, Sla
from triage.domain.decision import JUST_OPENED, DecisionSource, LabelSuggestion, Progress, Standing, Suggestion
from triage.domain.hours import acknowledge_by, is_open, resolve_by, used
from triage.domain.incident import Incident
from triage.domain.priority import Priority
from triage.domain.recurrence import Recurrence, Silence
from triage.domain.schedule import OnCallOverride

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MINUTES_AT_MOST = 10 * 366 * 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFacts:
    """What rules decide on. ``priority`` and ``team`` are what was concluded before any rule; ``service`` is
    the catalogue's entry for the incident; ``now`` and ``opened_at`` are aware datetimes. ``before``: what stands
    decided on the open incident that this one joins; below its priority no rule goes. ``silence``: the one on its
    pattern; ``oncall_overrides``: the shift swaps that its path may meet."""

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
    before: Standing | None = None
    progress: Progress = JUST_OPENED
    silence: Silence | None = None
    oncall_overrides: tuple[OnCallOverride, ...] = ()


class FactType(Enum):
    """A CEL type; the value is how a person writes it."""

    TEXT = "string"
    WHOLE = "int"
    FRACTION = "double"
    YES_NO = "bool"
    TEXTS = "list(string)"
    TEXT_BY_TEXT = "map(string, string)"


FactValue = str | int | float | bool | list[str] | dict[str, str]
Read = Callable[[RuleFacts, Catalogue], FactValue]


def clean(text: str) -> str:
    """Without lone surrogates, which the expression library cannot take, and NUL, at which it ends a text."""
    text = text.replace("\x00", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def lower(said: str | None) -> str:
    """A reported word in lower case; absent is the empty text, so that no condition fails on absence."""
    return clean(said.strip().casefold()) if said else ""


def local(facts: RuleFacts, catalogue: Catalogue) -> datetime:
    return facts.now.astimezone(catalogue.zone)


def service_id(facts: RuleFacts, _: Catalogue) -> str:
    return facts.service.id if facts.service else lower(facts.incident.service)


def service_owner(facts: RuleFacts, catalogue: Catalogue) -> str:
    return catalogue.answering_team(facts.service.owner).id if facts.service else ""


def assigned_team(facts: RuleFacts, catalogue: Catalogue) -> str:
    team = catalogue.find_team(facts.incident.assigned_team)
    return team.id if team else lower(facts.incident.assigned_team)


def labels_of(facts: RuleFacts, _: Catalogue) -> dict[str, str]:
    return {clean(name): clean(value) for name, value in facts.incident.labels.items()}


def minutes_old(facts: RuleFacts, _: Catalogue) -> int:
    minutes = (facts.now - facts.opened_at).total_seconds() // 60
    return int(min(max(minutes, 0), _MINUTES_AT_MOST))


def suggested_priority(facts: RuleFacts, catalogue: Catalogue) -> str:
    priority = catalogue.find_priority(facts.suggestion.priority.value)
    return priority.value if priority else ""


def suggested_team(facts: RuleFacts, catalogue: Catalogue) -> str:
    team = catalogue.find_team(facts.suggestion.team.value)
    return team.id if team else ""


def probability(label: LabelSuggestion) -> float:
    return float(label.probability or 0.0)


def looks_wrong(facts: RuleFacts, _: Catalogue) -> bool:
    return facts.suggestion.second_look is not None and facts.suggestion.second_look.looks_wrong


def business_hours(facts: RuleFacts, catalogue: Catalogue) -> bool:
    return is_open(catalogue, facts.now)


def occurrences(window: str) -> Read:
    return lambda facts, _: int(facts.recurrence.occurrences.get(window, 0))


def pattern_age(facts: RuleFacts, _: Catalogue) -> int:
    first = facts.recurrence.first_seen_at
    return max((facts.now - first).days, 0) if first is not None else 0


def minutes_to_resolve(facts: RuleFacts, _: Catalogue) -> float:
    return (facts.recurrence.resolve_seconds or 0.0) / 60


def period_minutes(facts: RuleFacts, _: Catalogue) -> int:
    return (facts.recurrence.period_seconds or 0) // 60


def has_flag(flag: str) -> Read:
    return lambda facts, _: flag in facts.recurrence.flags


def whole_minutes(seconds: float) -> int:
    """Towards the past: 59 seconds left are 0 minutes, and 1 second too late is -1."""
    return int(min(max(seconds // 60, -_MINUTES_AT_MOST), _MINUTES_AT_MOST))


def minutes_in_status(facts: RuleFacts, _: Catalogue) -> int:
    since = facts.progress.status_since or facts.opened_at
    return max(whole_minutes((facts.now - since).total_seconds()), 0)


def minutes_to_due(facts: RuleFacts, _: Catalogue) -> int:
    due = facts.incident.due_at
    return whole_minutes((due - facts.now).total_seconds()) if due is not None else 0


def number_label(name: str) -> Read:
    """The label ``name`` as a number; 0.0 where it is missing or is none."""

    def read(facts: RuleFacts, _: Catalogue) -> float:
        try:
            found = float(facts.incident.labels.get(name, "0").replace(",", ""))
        except ValueError:
            return 0.0
        return found if abs(found) < 1e15 else 0.0

    return read


def first_label(*names: str) -> Read:
    return lambda facts, _: next(
        (clean(facts.incident.labels[n]) for n in names if n in facts.incident.labels), ""
    )


def severity_raised(facts: RuleFacts, catalogue: Catalogue) -> bool:
    before = catalogue.find_severity(facts.before.severity) if facts.before else None
    now = catalogue.find_severity(facts.incident.severity)
    return before is not None and now is not None and now.priority.is_more_urgent_than(before.priority)


def _sla(facts: RuleFacts, catalogue: Catalogue) -> Sla | None:
    return catalogue.find_sla(facts.priority, facts.incident.customer_tier)


def has_sla(facts: RuleFacts, catalogue: Catalogue) -> bool:
    return _sla(facts, catalogue) is not None


def minutes_to_acknowledge(facts: RuleFacts, catalogue: Catalogue) -> int:
    sla = _sla(facts, catalogue)
    if sla is None or facts.progress.acknowledged_at is not None:
        return 0
    return whole_minutes((acknowledge_by(catalogue, sla, facts.opened_at) - facts.now).total_seconds())


def sla_minutes_left(facts: RuleFacts, catalogue: Catalogue) -> int:
    sla = _sla(facts, catalogue)
    if sla is None:
        return 0
    return whole_minutes((resolve_by(catalogue, sla, facts.opened_at) - facts.now).total_seconds())


def sla_used(facts: RuleFacts, catalogue: Catalogue) -> float:
    sla = _sla(facts, catalogue)
    return used(catalogue, sla, facts.opened_at, facts.now) if sla is not None else 0.0
