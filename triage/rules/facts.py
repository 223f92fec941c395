"""The facts that a condition may use: name, type, meaning, an example, and how each is read.

docs/facts.md is written from here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from triage.domain.catalogue import Service
from triage.domain.incident import Incident, Status
from triage.rules.readings import (
    WEEKDAYS,
    FactType,
    FactValue,
    Read,
    RuleFacts,
    assigned_team,
    business_hours,
    clean,
    first_label,
    has_flag,
    has_sla,
    labels_of,
    local,
    looks_wrong,
    lower,
    minutes_in_status,
    minutes_old,
    minutes_to_acknowledge,
    minutes_to_due,
    minutes_to_resolve,
    number_label,
    occurrences,
    pattern_age,
    period_minutes,
    probability,
    service_id,
    service_owner,
    severity_raised,
    sla_minutes_left,
    sla_used,
    suggested_priority,
    suggested_team,
)

__all__ = [
    "CHAIN_FACTS",
    "CLOCK_FACTS",
    "FACTS",
    "FACT_BY_NAME",
    "MODEL_FACTS",
    "WEEKDAYS",
    "Fact",
    "FactType",
    "FactValue",
    "RuleFacts",
]


@dataclass(frozen=True, slots=True)
class Fact:
    """``example``: a condition that uses it; it compiles."""

    name: str
    type: FactType
    meaning: str
    example: str
    read: Read


_TEXT, _WHOLE, _FRACTION, _YES_NO = FactType.TEXT, FactType.WHOLE, FactType.FRACTION, FactType.YES_NO


def _reported(word: Callable[[Incident], str | None]) -> Read:
    return lambda facts, _: lower(word(facts.incident))


def _of_service(value: Callable[[Service], FactValue], otherwise: FactValue) -> Read:
    return lambda facts, _: value(facts.service) if facts.service else otherwise


_AS_REPORTED = "As reported, lower case."

_INCIDENT = (
    Fact(
        "incident.title",
        _TEXT,
        "The title as it came.",
        "incident.title.startsWith('[TEST]')",
        lambda f, _: clean(f.incident.title),
    ),
    Fact(
        "incident.text",
        _TEXT,
        "Title and description as they came.",
        "incident.text.mentions(['leaked credentials', 'intrusi*'])",
        lambda f, _: clean(f.incident.text),
    ),
    Fact(
        "incident.service",
        _TEXT,
        "The catalogue's id; the reported word if it is unknown.",
        "incident.service == 'checkout'",
        service_id,
    ),
    Fact(
        "incident.environment",
        _TEXT,
        _AS_REPORTED,
        "incident.environment in ['production', 'prod']",
        _reported(lambda i: i.environment),
    ),
    Fact("incident.region", _TEXT, _AS_REPORTED, "incident.region == 'eu-west'", _reported(lambda i: i.region)),
    Fact(
        "incident.cluster",
        _TEXT,
        _AS_REPORTED,
        "incident.cluster.startsWith('edge-')",
        _reported(lambda i: i.cluster),
    ),
    Fact(
        "incident.deployment",
        _TEXT,
        _AS_REPORTED,
        "incident.deployment == 'canary'",
        _reported(lambda i: i.deployment),
    ),
    Fact(
        "incident.severity",
        _TEXT,
        _AS_REPORTED,
        "incident.severity in ['critical', 'sev1']",
        _reported(lambda i: i.severity),
    ),
    Fact("incident.impact", _TEXT, _AS_REPORTED, "incident.impact == 'high'", _reported(lambda i: i.impact)),
    Fact("incident.urgency", _TEXT, _AS_REPORTED, "incident.urgency == 'high'", _reported(lambda i: i.urgency)),
    Fact(
        "incident.customer_tier",
        _TEXT,
        _AS_REPORTED,
        "incident.customer_tier == 'vip'",
        _reported(lambda i: i.customer_tier),
    ),
    Fact(
        "incident.customers_affected",
        _FRACTION,
        "The label `customers_affected` as a number; 0.0 without one.",
        "incident.customers_affected >= 1000.0",
        number_label("customers_affected"),
    ),
    Fact(
        "incident.revenue_at_risk",
        _FRACTION,
        "The label `revenue_at_risk` as a number; 0.0 without one.",
        "incident.revenue_at_risk > 50000.0",
        number_label("revenue_at_risk"),
    ),
    Fact(
        "incident.kind",
        _TEXT,
        "Type or category, lower case.",
        "incident.kind == 'request'",
        _reported(lambda i: i.kind),
    ),
    Fact(
        "incident.source",
        _TEXT,
        "Which source sent it, lower case.",
        "incident.source == 'alertmanager'",
        _reported(lambda i: i.source),
    ),
    Fact(
        "incident.reporter",
        _TEXT,
        _AS_REPORTED,
        "incident.reporter.endsWith('@board.example')",
        _reported(lambda i: i.reporter),
    ),
    Fact(
        "incident.detected_by",
        _TEXT,
        _AS_REPORTED,
        "incident.detected_by == 'customer'",
        _reported(lambda i: i.detected_by),
    ),
    Fact(
        "incident.assigned_team",
        _TEXT,
        "The team that somebody chose already: its id.",
        "incident.assigned_team == 'network'",
        assigned_team,
    ),
    Fact(
        "incident.data_exposure",
        _YES_NO,
        "Data may be exposed.",
        "incident.data_exposure",
        lambda f, _: bool(f.incident.data_exposure),
    ),
    Fact(
        "incident.regulated",
        _YES_NO,
        "The report says that it falls under regulation.",
        "incident.regulated || service.regulated",
        lambda f, _: bool(f.incident.regulated),
    ),
    Fact(
        "incident.labels",
        FactType.TEXT_BY_TEXT,
        "The labels as they came.",
        "'namespace' in incident.labels && incident.labels['namespace'] == 'shop'",
        labels_of,
    ),
)
_PROGRESS = (
    Fact(
        "incident.age_minutes",
        _WHOLE,
        "Whole minutes since it was opened here.",
        "incident.age_minutes >= 60",
        minutes_old,
    ),
    Fact(
        "incident.status",
        _TEXT,
        f"Where the work stands: {', '.join(status.value for status in Status)}.",
        "incident.status == 'investigating'",
        lambda f, _: f.progress.status.value,
    ),
    Fact(
        "incident.status_minutes",
        _WHOLE,
        "Whole minutes in that status.",
        "incident.status == 'investigating' && incident.status_minutes >= 120",
        minutes_in_status,
    ),
    Fact(
        "incident.acknowledged",
        _YES_NO,
        "Somebody has taken it.",
        "!incident.acknowledged && incident.age_minutes >= 30",
        lambda f, _: f.progress.acknowledged_at is not None,
    ),
    Fact(
        "incident.alerts",
        _WHOLE,
        "Events that it has gathered, this one included.",
        "incident.alerts >= 50",
        lambda f, _: f.progress.alerts,
    ),
    Fact(
        "incident.has_due",
        _YES_NO,
        "It came with a due date.",
        "incident.has_due && incident.minutes_to_due < 240",
        lambda f, _: f.incident.due_at is not None,
    ),
    Fact(
        "incident.minutes_to_due",
        _WHOLE,
        "Until its due date, negative afterwards; 0 without one.",
        "incident.has_due && incident.minutes_to_due < 0",
        minutes_to_due,
    ),
    Fact(
        "incident.severity_raised",
        _YES_NO,
        "Reported more severe than by the event before.",
        "incident.severity_raised",
        severity_raised,
    ),
    Fact(
        "priority_before",
        _TEXT,
        "The open incident's priority before this event; '' for a new one.",
        "priority_before == 'P3' && priority in ['P1', 'P2']",
        lambda f, _: f.before.priority.value if f.before else "",
    ),
    Fact(
        "team_before",
        _TEXT,
        "The open incident's team before this event; '' for a new one.",
        "team_before != '' && team_before != team",
        lambda f, _: f.before.team if f.before else "",
    ),
)
_PROMISES = (
    Fact("sla.known", _YES_NO, "The catalogue promises something for its priority.", "sla.known", has_sla),
    Fact(
        "sla.minutes_to_acknowledge",
        _WHOLE,
        "Left of the SLA, negative afterwards; 0 when acknowledged or nothing is promised.",
        "sla.minutes_to_acknowledge < 0",
        minutes_to_acknowledge,
    ),
    Fact(
        "sla.minutes_to_resolve",
        _WHOLE,
        "Left of the SLA, negative afterwards; 0 where nothing is promised.",
        "sla.known && sla.minutes_to_resolve <= 30",
        sla_minutes_left,
    ),
    Fact(
        "sla.used",
        _FRACTION,
        "Share of the time to resolve that is gone: 0.0 at the opening, 1.0 when the SLA is breached.",
        "sla.used >= 0.75",
        sla_used,
    ),
    Fact(
        "slo.name",
        _TEXT,
        "The objective that the alert speaks of: its label `slo`, `slo_name` or `sloth_slo`; '' without.",
        "slo.name != ''",
        first_label("slo", "slo_name", "sloth_slo"),
    ),
    Fact(
        "slo.burn_rate",
        _FRACTION,
        "How many times too fast the error budget burns: the label `burn_rate`; 0.0 without one.",
        "slo.burn_rate >= 14.4",
        number_label("burn_rate"),
    ),
    Fact(
        "slo.budget_left",
        _FRACTION,
        "Share of the error budget left: the label `error_budget_left`; 0.0 without one.",
        "slo.name != '' && slo.budget_left < 0.1",
        number_label("error_budget_left"),
    ),
)
_SERVICE = (
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
_SUGGESTION = (
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
_RECURRENCE = (
    Fact(
        "recurrence.kind",
        _TEXT,
        "new, duplicate or recurrence.",
        "recurrence.kind == 'recurrence'",
        lambda f, _: f.recurrence.kind.value,
    ),
    Fact(
        "recurrence.matched_by",
        _TEXT,
        "key, fingerprint, template or similarity; '' for a new one.",
        "recurrence.matched_by == 'similarity'",
        lambda f, _: f.recurrence.matched_by.value if f.recurrence.matched_by else "",
    ),
    Fact(
        "recurrence.occurrences_1h",
        _WHOLE,
        "In the last hour, this one included.",
        "recurrence.occurrences_1h >= 10",
        occurrences("1h"),
    ),
    Fact(
        "recurrence.occurrences_24h",
        _WHOLE,
        "In the last 24 hours, this one included.",
        "recurrence.occurrences_24h >= 5",
        occurrences("24h"),
    ),
    Fact(
        "recurrence.occurrences_7d",
        _WHOLE,
        "In the last 7 days, this one included.",
        "recurrence.occurrences_7d >= 20",
        occurrences("7d"),
    ),
    Fact(
        "recurrence.occurrences_30d",
        _WHOLE,
        "In the last 30 days, this one included.",
        "recurrence.occurrences_30d >= 3",
        occurrences("30d"),
    ),
    Fact(
        "recurrence.flags",
        FactType.TEXTS,
        "Of frequent, burst, periodic, flapping, novel, rare.",
        "'burst' in recurrence.flags",
        lambda f, _: list(f.recurrence.flags),
    ),
    Fact(
        "recurrence.similarity",
        _FRACTION,
        "How like the earlier incident is, 0.0 to 1.0; 0.0 for a new one.",
        "recurrence.similarity >= 0.9",
        lambda f, _: float(f.recurrence.similarity or 0.0),
    ),
    Fact(
        "recurrence.storm",
        _YES_NO,
        "Part of a storm that began with another incident.",
        "recurrence.storm",
        lambda f, _: f.recurrence.storm is not None,
    ),
    Fact(
        "recurrence.storm_size",
        _WHOLE,
        "Incidents of that storm, this one included; 0 outside of one.",
        "recurrence.storm_size >= 5",
        lambda f, _: f.recurrence.storm.size if f.recurrence.storm else 0,
    ),
    Fact(
        "pattern.name",
        _TEXT,
        "The name that a person gave it.",
        "pattern.name == 'nightly backup'",
        lambda f, _: clean(f.recurrence.name or ""),
    ),
    Fact(
        "pattern.occurrences",
        _WHOLE,
        "Of all time, this one included.",
        "pattern.occurrences > 100",
        lambda f, _: f.recurrence.total,
    ),
    Fact("pattern.age_days", _WHOLE, "Whole days since it was first seen.", "pattern.age_days < 7", pattern_age),
    Fact("pattern.novel", _YES_NO, "Never seen before.", "pattern.novel && service.tier == 1", has_flag("novel")),
    Fact("pattern.frequent", _YES_NO, "Five times in 24 hours or more.", "pattern.frequent", has_flag("frequent")),
    Fact(
        "pattern.rare", _YES_NO, "Known, and weeks lie between its occurrences.", "pattern.rare", has_flag("rare")
    ),
    Fact(
        "pattern.flapping",
        _YES_NO,
        "Coming and going within the hour.",
        "pattern.flapping && !time.business_hours",
        has_flag("flapping"),
    ),
    Fact("pattern.burst", _YES_NO, "Many at once.", "pattern.burst", has_flag("burst")),
    Fact(
        "pattern.periodic", _YES_NO, "In a rhythm that is hardly chance.", "pattern.periodic", has_flag("periodic")
    ),
    Fact(
        "pattern.period_minutes",
        _WHOLE,
        "The rhythm; 0 without one.",
        "pattern.period_minutes == 1440",
        period_minutes,
    ),
    Fact(
        "pattern.minutes_to_resolve",
        _FRACTION,
        "How long its latest incidents took, on average; 0.0 where none was resolved.",
        "pattern.minutes_to_resolve > 0.0 && pattern.minutes_to_resolve < 10.0",
        minutes_to_resolve,
    ),
    Fact(
        "pattern.known_fix",
        _YES_NO,
        "Somebody wrote down what fixes it.",
        "pattern.known_fix",
        lambda f, _: f.recurrence.known_fix is not None,
    ),
)
_CONCLUSION = (
    Fact(
        "priority",
        _TEXT,
        "P1 to P5, as the rules above left it.",
        "priority in ['P1', 'P2']",
        lambda f, _: f.priority.value,
    ),
    Fact(
        "priority_source",
        _TEXT,
        "Where it came from before any rule.",
        "priority_source == 'override'",
        lambda f, _: f.priority_source.value,
    ),
    Fact("team", _TEXT, "The team's id, as the rules above left it.", "team == 'security'", lambda f, _: f.team),
    Fact(
        "team_source",
        _TEXT,
        "Where it came from before any rule.",
        "team_source == 'catalogue'",
        lambda f, _: f.team_source.value,
    ),
    Fact(
        "time.hour",
        _WHOLE,
        "0 to 23, in the organisation's time zone.",
        "time.hour >= 22 || time.hour < 6",
        lambda f, c: local(f, c).hour,
    ),
    Fact(
        "time.weekday",
        _TEXT,
        "monday to sunday.",
        "time.weekday in ['saturday', 'sunday']",
        lambda f, c: WEEKDAYS[local(f, c).weekday()],
    ),
    Fact(
        "time.business_hours",
        _YES_NO,
        "A working day, within business hours.",
        "!time.business_hours",
        business_hours,
    ),
    Fact(
        "time.holiday",
        _YES_NO,
        "One of the catalogue's holidays.",
        "time.holiday",
        lambda f, c: local(f, c).date() in c.holidays,
    ),
)

FACTS: tuple[Fact, ...] = (
    *_INCIDENT,
    *_PROGRESS,
    *_PROMISES,
    *_SERVICE,
    *_SUGGESTION,
    *_RECURRENCE,
    *_CONCLUSION,
)

FACT_BY_NAME: Mapping[str, Fact] = {fact.name: fact for fact in FACTS}
CHAIN_FACTS = frozenset({"priority", "team", *(fact.name for fact in FACTS if fact.name.startswith("sla."))})
"""Facts that change while rules are applied: what they set, and what is promised for it."""
MODEL_FACTS = frozenset(fact.name for fact in FACTS if fact.name.startswith("suggestion.")) | CHAIN_FACTS
"""Facts that may rest on the model alone."""
CLOCK_FACTS = frozenset(
    {
        "incident.age_minutes",
        "incident.status_minutes",
        "incident.minutes_to_due",
        "sla.minutes_to_acknowledge",
        "sla.minutes_to_resolve",
        "sla.used",
        *(fact.name for fact in FACTS if fact.name.startswith("time.")),
    }
)
"""Facts that change though nothing happens, so that rules which use them are asked again as time goes by."""
