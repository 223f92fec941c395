"""Facts that an incident was reported with."""

from collections.abc import Callable

from triage.domain.incident import Incident
from triage.rules.fact import Fact
from triage.rules.readings import (
    FactType,
    Read,
    assigned_team,
    clean,
    labels_of,
    lower,
    number_label,
    service_id,
)

_TEXT, _FRACTION, _YES_NO = FactType.TEXT, FactType.FRACTION, FactType.YES_NO

_AS_REPORTED = "As reported, lower case."


def _reported(word: Callable[[Incident], str | None]) -> Read:
    return lambda facts, _: lower(word(facts.incident))


INCIDENT = (
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
