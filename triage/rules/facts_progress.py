"""Facts about where the work on an incident stands, and what is promised for it."""

from triage.domain.incident import Status
from triage.rules.fact import Fact
from triage.rules.readings import (
    FactType,
    first_label,
    has_sla,
    minutes_in_status,
    minutes_old,
    minutes_to_acknowledge,
    minutes_to_due,
    number_label,
    severity_raised,
    sla_minutes_left,
    sla_used,
)

_TEXT, _WHOLE, _FRACTION, _YES_NO = FactType.TEXT, FactType.WHOLE, FactType.FRACTION, FactType.YES_NO

PROGRESS = (
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

PROMISES = (
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
